"""The bundled photographs: nine, of up to 1536 pixels a side, two of which are held out."""

import functools
import importlib.resources
import json

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


def _read(name):
    with (_FOLDER / name).open("rb") as file:
        return read_picture(file)
