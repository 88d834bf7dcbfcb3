"""The bundled emoji: two fonts' drawings of the same code points, and the edges of one font's.

All pictures of a kind lie in one sheet, `_COLUMNS` to a row, in the order of `index.json`, where
the split of each is: "test", or "a" or "b", the halves the unpaired domains are made of.
"""

import importlib.resources
import json

import numpy as np

from keras_gans.data import sheets

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
    return sheets.pictures(_FOLDER / name, len(rows), _COLUMNS, _SIDE, channels)[rows]


def pairs(source, target, split):
    """Two kinds of pictures of the emoji of a split, row by row."""
    rows = splits()
    test = rows == "test"
    chosen = {"train": ~test, "test": test, "all": np.ones(len(rows), bool)}[split]
    return pictures(source, chosen), pictures(target, chosen)


def styles(split):
    """The two fonts' drawings: of other emoji in "train", of the same, row by row, in "test"."""
    parts = ("test", "test") if split == "test" else ("a", "b")
    kinds = ("twemoji", "noto")
    return [pictures(kind, splits() == part) for kind, part in zip(kinds, parts, strict=True)]
