"""Pictures of one size that lie in one large picture, row after row."""

from keras_gans.data.image_converter import ImageConverter
from keras_gans.data.label_map_converter import LabelMapConverter


def pictures(file, count, columns, side, channels):
    """Reads a sheet of square pictures.

    Args:
        file: a resource, `importlib.resources.files(...) / NAME`.
        count: how many pictures there are; the last row may be longer than they need.
        columns: pictures in a row.
        side: of a picture.
        channels: 3 for colour, 1 for grey.

    Returns:
        uint8 (count, side, side, channels).
    """
    height, width = -(-count // columns) * side, columns * side
    # Its very size: nothing is scaled.
    return _cut(file, ImageConverter(height, width, channels), side, count)


def label_maps(file, count, columns, side, classes):
    """Reads a sheet of square label maps, a class number for each pixel.

    Args:
        file: as of `pictures`, as are `count`, `columns` and `side`.
        count: how many maps there are.
        columns: maps in a row.
        side: of a map.
        classes: how many there are.

    Returns:
        uint8 (count, side, side, 1).
    """
    height, width = -(-count // columns) * side, columns * side
    return _cut(file, LabelMapConverter(height, width, classes=classes), side, count)


def _cut(file, sheet, side, count):
    """The pictures of a sheet that a converter reads."""
    with file.open("rb") as opened:
        pixels = sheet.read(opened)
    height, width, channels = pixels.shape
    grid = pixels.reshape(height // side, side, width // side, side, channels).swapaxes(1, 2)
    return grid.reshape(-1, side, side, channels)[:count]
