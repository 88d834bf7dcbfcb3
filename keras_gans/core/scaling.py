"""Pictures of another size, as they are scaled everywhere: bicubic and antialiased, by Pillow."""

import numpy as np
from PIL import Image


def scaled(picture, size):
    """A picture of another size.

    Args:
        picture: float (H, W, C) in [-1, 1].
        size: (height, width).

    Returns:
        float32 (*size, C) in [-1, 1], where it overshoots clipped; `picture` where it has the size.
    """
    if picture.shape[:2] == tuple(size):
        return picture
    planes = [
        Image.fromarray(np.ascontiguousarray(plane, "float32")).resize(
            size[::-1], Image.Resampling.BICUBIC
        )
        for plane in np.moveaxis(picture, -1, 0)
    ]
    return np.clip(np.stack([np.asarray(plane) for plane in planes], axis=-1), -1.0, 1.0)


def up_to_multiple(side, multiple):
    """The smallest multiple that is at least as long as a side."""
    return -(-side // multiple) * multiple
