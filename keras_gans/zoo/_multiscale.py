"""What judges of pictures at several sizes have in common: their inputs, outputs and features.

Wang et al., 2018, https://arxiv.org/abs/1711.11585 (section 3.2); Park et al., 2019,
https://arxiv.org/abs/1903.07291
"""

import tensorflow as tf
from keras import layers, ops

from keras_gans import losses


def halved(x):
    """Means of 3 x 3 pixels at every second one from the first, at the border of those there are.

    SAME lets the last window of an even side hang over, PyTorch the first.
    """
    pooled = layers.AveragePooling2D(3, 2, padding="same")(ops.flip(x, axis=(1, 2)))
    return ops.flip(pooled, axis=(1, 2))


def by_scale(outputs, num_layers):
    """Outputs of a discriminator, all in a row, as a list of each scale's layers."""
    return [outputs[first : first + num_layers] for first in range(0, len(outputs), num_layers)]


def logits_of(scales):
    """The last output of each scale."""
    return [outputs[-1] for outputs in scales]


def flat(logits):
    """Logits of all scales, (N, patches of all of them)."""
    rows = ops.shape(logits[0])[0]
    return ops.concatenate([ops.reshape(one, (rows, -1)) for one in logits], axis=1)


def feature_loss(real, made):
    """How far apart the layers before the logits are, a scalar: a sum, and a mean of the scales.

    Args:
        real: outputs of true pairs, by scale; nothing of the loss moves them.
        made: outputs of generated pairs, likewise.
    """
    total = 0.0
    for true, generated in zip(real, made, strict=True):
        for wanted, found in zip(true[:-1], generated[:-1], strict=True):
            wanted = ops.cast(tf.stop_gradient(wanted), "float32")
            total += losses.l1(ops.cast(found, "float32"), wanted)
    return total / len(real)
