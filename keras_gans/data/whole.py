"""A picture at its own size."""

import numpy as np

from keras_gans.data.decode import changes, decoding, flattened, opened, upright_size


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


def read_scaled(path, converter, noted=None):
    """Reads a picture file fitted as in training, and its own size.

    Args:
        path: of the file.
        converter: an `ImageConverter`.
        noted: a set, to which is added what is changed of the picture besides its scale.

    Returns:
        uint8 of the converter's shape, and (width, height) of the picture as it is seen.

    Raises:
        UnreadableError: a ValueError, with the reason.
    """

    def use(image):
        converter.note(image, noted)
        size = upright_size(image)  # before it may be decoded at a fraction of it
        return converter.from_file(image), size

    return opened(path, use)
