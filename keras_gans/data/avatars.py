"""The bundled avatars: drawn faces, and what is true of each.

8,000 people by `micah`, the last 1,000 of whom are held out; each of them is different from all
others in more than glasses, mouth, eyes and background. Beside each its drawing in black lines
and a label map of its parts, of those that are held out another with or without glasses, and 3,000
faces by `adventurer`.
"""

import csv
import functools
import importlib.resources

import numpy as np

from keras_gans.data import palettes, sheets

_FOLDER = importlib.resources.files("keras_gans.data") / "bundled" / "avatars"
_COLUMNS, _SIDE, _SHEET = 40, 64, 1_000
_TRAIN, _TEST = 7_000, 1_000
_OTHERS, _OTHERS_TRAIN = 3_000, 2_700

HEADS = ("hair", "hair_color", "skin")
ATTRIBUTES = ("glasses", "smile", "beard", "earrings")


@functools.cache
def table():
    """What is true of each person, `{column: array of 8,000 texts}`."""
    text = (_FOLDER / "attributes.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def heads():
    """`{head: names of its classes}`, sorted, as of a table in a folder."""
    return {name: tuple(np.unique(table()[name]).tolist()) for name in HEADS}


def labelled(split):
    """Faces, uint8 (N, 64, 64, 3), and `{head or attribute: numbers (N,)}`."""
    rows = _of_split(split)
    labels = {name: np.searchsorted(names, table()[name])[rows] for name, names in heads().items()}
    labels.update({name: table()[name].astype(int)[rows] for name in ATTRIBUTES})
    return _sheets("micah", _TRAIN + _TEST)[rows], labels


def lines_and_faces(split):
    """Faces in black lines, (N, 64, 64, 1), and in colours, (N, 64, 64, 3)."""
    count = _TRAIN + _TEST
    lines = sheets.pictures(_FOLDER / "lines.webp", count, _COLUMNS, _SIDE, 1)
    rows = _of_split(split)
    return lines[rows], _sheets("micah", count)[rows]


@functools.cache
def palette():
    """Colours and names of the parts of a face."""
    with importlib.resources.as_file(_FOLDER / "parts.json") as path:
        return palettes.read(path)


def parts_and_faces(split):
    """Label maps of the parts of faces, (N, 64, 64, 1), and the faces, (N, 64, 64, 3)."""
    count, classes = _TRAIN + _TEST, len(palette().colors)
    maps = sheets.label_maps(_FOLDER / "parts.png", count, _COLUMNS, _SIDE, classes)
    rows = _of_split(split)
    return maps[rows], _sheets("micah", count)[rows]


def styles(split):
    """Faces by the two artists, of no relation to each other."""
    others = _sheets("adventurer", _OTHERS)
    part = {"train": slice(_OTHERS_TRAIN), "test": slice(_OTHERS_TRAIN, None), "all": slice(None)}
    return labelled(split)[0], others[part[split]]


def glasses(split):
    """Faces without and with glasses: of other people in "train", of the same in "test"."""
    faces, labels = labelled(split)
    worn = labels["glasses"] == 1
    if split != "test":
        return faces[~worn], faces[worn]
    changed = _sheets("glasses", _TEST)
    worn = worn[:, None, None, None]
    return np.where(worn, changed, faces), np.where(worn, faces, changed)


def _of_split(split):
    rows = np.arange(_TRAIN + _TEST)
    return {"train": rows[:_TRAIN], "test": rows[_TRAIN:], "all": rows}[split]


def _sheets(kind, count):
    parts = [
        sheets.pictures(_FOLDER / f"{kind}-{number}.webp", _SHEET, _COLUMNS, _SIDE, 3)
        for number in range(count // _SHEET)
    ]
    return np.concatenate(parts)
