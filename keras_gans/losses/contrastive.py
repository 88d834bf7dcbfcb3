"""Contrastive losses: which of many features belongs to which."""

from keras import ops


def patch_nce(queries, keys, temperature=0.07):
    """How badly each query is told from the keys of other places in the same picture.

    `mean(-log(exp(q_i k_i / t) / sum_j exp(q_i k_j / t)))` over the places i of all pictures.

    Args:
        queries: float (N, places, length), features of length 1.
        keys: float (N, places, length), those of the same places in the pictures they belong to.
        temperature: t; the smaller, the more the nearest keys weigh.

    Returns:
        A scalar.

    Reference: Park et al., 2020, https://arxiv.org/abs/2007.15651 (equation 4)
    """
    similarity = ops.matmul(queries, ops.transpose(keys, (0, 2, 1))) / temperature
    belonging = ops.diagonal(ops.log_softmax(similarity, axis=-1), axis1=1, axis2=2)
    return -ops.mean(belonging)
