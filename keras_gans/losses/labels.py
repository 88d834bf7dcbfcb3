"""What a classifier loses and gets right, over one-hot codes of several heads and attributes."""

from keras import ops


def label_cross_entropy(code, logits, heads):
    """`mean(-log P(labels))`: cross-entropies, added over all heads and attributes.

    Args:
        code: what is true, (N, length): the one-hot codes of the heads, then attributes as 0 or 1.
        logits: what the classifier says, of the same shape: of a head softmax's, of an attribute
            the sigmoid's.
        heads: classes of each head, a tuple.

    Returns:
        A scalar, the mean over the batch.
    """
    code, total, start = ops.cast(code, "float32"), 0.0, 0  # whatever Keras' floatx is
    for size in heads:
        part = slice(start, start + size)
        log_likelihoods = ops.log_softmax(logits[:, part], axis=-1)
        total -= ops.mean(ops.sum(code[:, part] * log_likelihoods, axis=-1))
        start += size
    if start < code.shape[-1]:
        signs = 2.0 * code[:, start:] - 1.0
        total += ops.mean(ops.sum(ops.softplus(-signs * logits[:, start:]), axis=-1))
    return total


def label_accuracy(code, logits, heads):
    """The share of heads and attributes that a classifier names rightly, a scalar.

    Arguments as of `label_cross_entropy`.
    """
    code, right, start = ops.cast(code, "float32"), [], 0
    for size in heads:
        part = slice(start, start + size)
        right.append(ops.argmax(code[:, part], -1) == ops.argmax(logits[:, part], -1))
        start += size
    for column in range(start, code.shape[-1]):
        right.append((code[:, column] > 0.5) == (logits[:, column] > 0.0))
    return ops.mean(ops.cast(ops.stack(right), "float32"))
