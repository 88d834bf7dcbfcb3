"""Palettes beside label maps: `palette.json` or `palette.csv`, a colour for each class.

palette.json    [{"name": "sky", "color": "#87ceeb"}, ...], in the order of the class numbers
palette.csv     a header `name,color`, then a line for each class in the same order

Names may be left out. Without such a file, the colour table of maps that have one (PNG of mode "P")
is the palette.
"""

import csv
import io

from keras_gans.core.label_maps import Palette
from keras_gans.data.decode import opened
from keras_gans.utils.files import UnfitFileError, open_plain
from keras_gans.utils.json_files import read_json
from keras_gans.utils.text import plain_line

NAMES = ("palette.json", "palette.csv")

_LARGEST = 2**18  # bytes, of 256 names and colours
_ROWS = [{"color": str, "name?": str}]


def find(folders, name):
    """The palette beside label maps.

    Args:
        folders: paths in which it may lie.
        name: of the source, for messages.

    Returns:
        A `Palette`, or None where there is none.

    Raises:
        ValueError: for two of them, or one that cannot be read.
    """
    found = [folder / one for folder in folders for one in NAMES if (folder / one).is_file()]
    if len(found) > 1:
        both = " and ".join(plain_line(str(path)) for path in found[:2])
        raise ValueError(f"{name} has both {both}. Keep the one that is right.")
    return read(found[0]) if found else None


def read(path):
    """Reads a palette file.

    Args:
        path: of a file of JSON or, by its suffix, CSV.

    Raises:
        ValueError: for a file that is no palette; says what is wrong.
    """
    try:
        rows = _csv_rows(path) if path.suffix == ".csv" else read_json(path, _ROWS, most=_LARGEST)
        names = [row.get("name") or "" for row in rows]
        return Palette(tuple(row["color"].strip() for row in rows), _all_or_none(names))
    except (UnfitFileError, ValueError) as error:
        raise ValueError(f"{plain_line(str(path))} is no palette: {error}") from None


def _csv_rows(path):
    with open_plain(path, _LARGEST) as file:
        text = file.read(_LARGEST + 1).decode("utf-8-sig", errors="replace")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    if not rows or any(row.get("color") is None for row in rows):
        raise ValueError("it must have a header with a column `color`, and a colour in each line.")
    return rows


def _all_or_none(names):
    return tuple(plain_line(name) for name in names) if any(names) else ()


def of_picture(path, classes):
    """The colour table of a picture file as a palette of so many classes.

    Returns:
        A `Palette`; None for a picture without a colour table.

    Raises:
        UnreadableError: for a file that is no picture.
        ValueError: for a table with too few colours, or one of them twice.
    """

    def use(image):
        if image.mode != "P":
            return None
        levels = image.getpalette("RGB")
        return [tuple(levels[start : start + 3]) for start in range(0, len(levels), 3)]

    table = opened(path, use)
    if table is None:
        return None
    colors = tuple("#{:02x}{:02x}{:02x}".format(*color) for color in table[:classes])
    try:
        if len(colors) < classes:
            raise ValueError(
                f"it has {len(colors)} colours, and the model is built for classes={classes}."
            )
        return Palette(colors)
    except ValueError as error:
        raise ValueError(
            f"The colour table of {plain_line(str(path))} cannot be the palette: {error} Put "
            "palette.json or palette.csv beside the maps."
        ) from None
