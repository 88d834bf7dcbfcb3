"""A picture at its own size."""

import numpy as np

from keras_gans.data.frame import _flattened, opened


def read_picture(path, channels=3):
    """A picture file as it is: upright, transparency on white, 8 bits, not scaled.

    Args:
        path: PNG, JPEG, WebP, BMP or GIF.
        channels: 3 for RGB, 1 for grey.

    Returns:
        uint8 (H, W, channels)

    Raises:
        UnreadableError: a ValueError, with the reason.
    """
    pixels = opened(
        path, lambda image: np.asarray(_flattened(image, "L" if channels == 1 else "RGB"))
    )
    return pixels.reshape(*pixels.shape[:2], channels)
