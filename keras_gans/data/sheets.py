"""Pictures of one size that lie in one large picture, row after row."""

from keras_gans.data.image_converter import ImageConverter


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
    down = -(-count // columns)
    # Its very size: nothing is scaled.
    sheet = ImageConverter(down * side, columns * side, channels)
    with file.open("rb") as opened:
        pixels = sheet.read(opened)
    grid = pixels.reshape(down, side, columns, side, channels).swapaxes(1, 2)
    return grid.reshape(-1, side, side, channels)[:count]
