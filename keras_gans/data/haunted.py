"""Ordinary pictures and haunted ones: what a horror generator can learn from, without a download.

Half of them are drawn faces, half patches of photographs. Haunted are pictures that the ordinary
set has not, made so by a filter: so that nothing has to be fetched, and so that the truth is known
of the pictures that are held out.
"""

import numpy as np
from PIL import Image, ImageFilter

from keras_gans.data import avatars, photos

_SIDE = 64
_PATCHES = {"train": 7_000, "test": 500}
_LUMA = np.array([0.299, 0.587, 0.114], "float32")  # ITU-R BT.601
_SHADOW = np.array([8, 12, 26], "float32")  # what becomes of black,
_LIGHT = np.array([132, 168, 150], "float32")  # and of white
_GLOW = np.array([255, 64, 16], "float32")
_CORNERS = 0.35  # how much light is left there


def ordinary_and_haunted(split):
    """Two sets, uint8 (N, 64, 64, 3): of other pictures in "train", of the same in "test"."""
    pictures = np.concatenate([avatars.labelled(split)[0], _patches(split)])
    if split == "test":
        return pictures, np.stack([haunted(one) for one in pictures])
    ordinary = pictures[::2]
    own = {one.tobytes() for one in ordinary}  # some patches were cut twice
    others = [one for one in pictures[1::2] if one.tobytes() not in own]
    return ordinary, np.stack([haunted(one) for one in others])


def haunted(picture):
    """A picture as of a bad dream: drained, dark, cold, with edges that glow.

    Args:
        picture: uint8 (H, W, 3).

    Returns:
        uint8 of the same shape.
    """
    grey = picture.astype("float32") @ _LUMA / 255.0
    coloured = _SHADOW + (_LIGHT - _SHADOW) * (grey**1.2)[..., None]
    made = coloured * _vignette(grey.shape)[..., None]
    glow = _edges(grey)[..., None]
    return np.uint8(np.clip(made + (_GLOW - made) * glow, 0, 255).round())


def _vignette(sides):
    """1 in the middle, `_CORNERS` in the corners, falling with the square of the distance."""
    down, right = (np.linspace(-1.0, 1.0, side, dtype="float32") ** 2 for side in sides)
    return 1.0 - (1.0 - _CORNERS) * (down[:, None] + right[None]) / 2.0


def _edges(grey):
    """How strongly each pixel glows, from 0 to 1: blurred differences between neighbours."""
    down = np.abs(np.diff(grey, axis=0, append=grey[-1:]))
    right = np.abs(np.diff(grey, axis=1, append=grey[:, -1:]))
    lines = Image.fromarray(np.uint8(255 * np.clip(down + right, 0, 1)))
    soft = lines.filter(ImageFilter.GaussianBlur(1.0))
    return np.clip(np.asarray(soft, "float32") / 255.0 * 1.5, 0.0, 1.0)


def _patches(split):
    scaled = photos.patches(split, _PATCHES[split], (_SIDE, _SIDE), 3, seed=0)
    return np.uint8(np.round((scaled + 1.0) * 127.5))
