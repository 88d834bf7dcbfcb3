"""How far one picture is from another: pure functions of images."""

from keras import ops


def l1(images, others):
    """Mean absolute difference of two batches of pictures of the same shape, a scalar."""
    return ops.mean(ops.abs(images - others))
