"""The bundled emoji: two fonts' drawings of the same code points, and the edges of one font's.

All pictures of a kind lie in one sheet, `_COLUMNS` to a row, in the order of `index.json`, where
the split of each is: "test", or "a" or "b", the halves the unpaired domains are made of.
"""

import importlib.resources
import json

import numpy as np

from keras_gans.data.image_converter import ImageConverter

_FOLDER = importlib.resources.files("keras_gans.data") / "bundled" / "emoji"
_COLUMNS = 41
_SIDE = 64
_SHEETS = {"edges": ("edges.png", 1), "noto": ("noto.webp", 3), "twemoji": ("twemoji.webp", 3)}


def splits():
    """The split of each emoji, in order: "a", "b" or "test"."""
    index = json.loads((_FOLDER / "index.json").read_text(encoding="utf-8"))
    return np.array([row["split"] for row in index])


def pictures(kind, rows):
    """Pictures of some emoji.

    Args:
        kind: "edges", "noto" or "twemoji".
        rows: which, bool (count of `splits()`,).

    Returns:
        uint8 (count, 64, 64, C), grey for the edges.
    """
    name, channels = _SHEETS[kind]
    down = -(-len(rows) // _COLUMNS)
    sheet = ImageConverter(
        down * _SIDE, _COLUMNS * _SIDE, channels
    )  # its very size: nothing is scaled
    with (_FOLDER / name).open("rb") as file:
        pixels = sheet.read(file)
    grid = pixels.reshape(down, _SIDE, _COLUMNS, _SIDE, channels).swapaxes(1, 2)
    return grid.reshape(-1, _SIDE, _SIDE, channels)[: len(rows)][rows]
