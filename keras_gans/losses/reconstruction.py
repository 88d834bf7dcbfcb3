"""How far one picture is from another: pure functions of images."""

from keras import ops


def l1(images, others):
    """Mean absolute difference of two batches of pictures of the same shape, a scalar."""
    return ops.mean(ops.abs(images - others))


def huber(images, others):
    """Huber loss of two batches of the same shape, a scalar.

    Half the square of differences up to 1, and what grows as the difference beyond: its mean.

    Huber, 1964, https://doi.org/10.1214/aoms/1177703732
    """
    difference = ops.abs(images - others)
    near = 0.5 * ops.square(difference)
    return ops.mean(ops.where(difference <= 1.0, near, difference - 0.5))


def total_variation(images):
    """Half the mean square of the steps from pixel to pixel, down plus across, a scalar.

    Args:
        images: (N, H, W, C).
    """
    down = images[:, 1:] - images[:, :-1]
    across = images[:, :, 1:] - images[:, :, :-1]
    return 0.5 * (ops.mean(ops.square(down)) + ops.mean(ops.square(across)))
