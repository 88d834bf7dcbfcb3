"""The bundled photographs: nine, of up to 1536 pixels a side, two of which are held out."""

import functools
import importlib.resources
import json

import numpy as np
from PIL import Image

from keras_gans.data.whole import read_picture

_FOLDER = importlib.resources.files("keras_gans.data") / "bundled" / "photos"


@functools.cache
def index():
    """`{"file", "author", "licence", "original", "split"}` of each photograph, in order."""
    return json.loads((_FOLDER / "index.json").read_text(encoding="utf-8"))


def photographs(split):
    """The photographs of a split, a list of uint8 (H, W, 3) of different sizes."""
    chosen = [row["file"] for row in index() if split in (row["split"], "all")]
    return [_read(name) for name in chosen]


def patches(split, count, sides, channels, seed):
    """Patches of the photographs, halved, as a network that enlarges pictures is shown them.

    Args:
        split: "train", "test" or "all".
        count: how many, from every photograph in turn.
        sides: (height, width) of a patch; what a photograph lacks is its reflection.
        channels: 3, or 1 for grey.
        seed: of their places.

    Returns:
        float32 (count, height, width, channels) in [-1, 1].
    """
    rng = np.random.default_rng(seed)
    halved = [_halved(picture, channels) for picture in photographs(split)]
    found = []
    for number in range(count):
        (picture,) = extended(halved[number % len(halved)][None], sides, least=True)
        top, left = (
            rng.integers(0, own - side, endpoint=True)
            for own, side in zip(picture.shape[:2], sides, strict=True)
        )
        found.append(picture[top : top + sides[0], left : left + sides[1]])
    return np.stack(found).astype("float32") / np.float32(127.5) - np.float32(1)


def _halved(picture, channels):
    image = Image.fromarray(picture).convert("RGB" if channels == 3 else "L").reduce(2)
    return np.asarray(image).reshape(image.height, image.width, channels)


def extended(pictures, sides, least=False):
    """Pictures (N, H, W, C), continued by their reflection to `sides`, cropped where longer.

    Args:
        pictures: to extend.
        sides: (height, width) wanted.
        least: whether longer sides stay as they are.
    """
    missing = [
        (0, max(0, side - own)) for own, side in zip(pictures.shape[1:3], sides, strict=True)
    ]
    whole = np.pad(pictures, ((0, 0), *missing, (0, 0)), mode="symmetric")
    return whole if least else whole[:, : sides[0], : sides[1]]


def _read(name):
    with (_FOLDER / name).open("rb") as file:
        return read_picture(file)
