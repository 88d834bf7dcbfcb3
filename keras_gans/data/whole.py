"""A picture at its own size."""

import numpy as np

from keras_gans.data.frame import changes, decoding, flattened, opened


def read_picture(path, channels=3, noted=None):
    """A picture file as it is: upright, transparency on white, 8 bits, not scaled.

    Args:
        path: of the file.
        channels: 3 for RGB, 1 for grey.
        noted: a set, to which is added what is changed of the picture.

    Returns:
        uint8 (H, W, channels)

    Raises:
        UnreadableError: a ValueError, with the reason.
    """

    def use(image):
        if noted is not None:
            noted.update(changes(image, channels))
        with decoding(image):
            return np.asarray(flattened(image, "L" if channels == 1 else "RGB"))

    pixels = opened(path, use)
    return pixels.reshape(*pixels.shape[:2], channels)
