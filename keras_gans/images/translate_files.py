"""Translating files: a picture, or a folder of them."""

import pathlib
import warnings

import numpy as np
from PIL import Image

from keras_gans.core.signature import images_of, source_of
from keras_gans.data.frame import SUFFIXES, UnreadableError
from keras_gans.data.whole import read_picture
from keras_gans.images import grids

#: Pairs on a sheet, at most.
SHEET_ROWS = 16
#: Name of the sheet among the translations.
SHEET = "sheet.png"
_SHEET_SIDE = 128


def plan(path, output, overwrite=False, sheet=False):
    """Which files will be translated into which; nothing is written.

    Args:
        path: a picture, or a folder, looked through with all it holds but `output`, where that
            lies inside.
        output: folder for the translations, which keep the pictures' names with ".png".
        overwrite: replace files that are there already.
        sheet: a sheet will lie beside the translations, `SHEET`.

    Returns:
        A list of (source, target) paths.

    Raises:
        ValueError: if there is no picture, two would have one name, or a picture would be replaced.
        FileExistsError: if a target exists and `overwrite` is not set.
    """
    path, output = pathlib.Path(path), pathlib.Path(output)
    if path.is_dir():
        pairs = [
            (file, output / file.relative_to(path).with_suffix(".png"))
            for file in _pictures(path, output)
        ]
    elif path.is_file():
        pairs = [(path, output / f"{path.stem}.png")]
    else:
        raise ValueError(f"{path} is neither a picture nor a folder of pictures.")
    if not pairs:
        raise ValueError(f"{path} holds no pictures ({', '.join(sorted(SUFFIXES))}).")
    _check_targets(pairs, overwrite)
    if sheet:
        _check_sheet(pairs, output / SHEET, overwrite)
    return pairs


def _pictures(path, output):
    """The pictures below a folder, without what was translated into a folder inside it."""
    root, out = path.resolve(), output.resolve()
    files = [f for f in path.rglob("*") if f.suffix.lower() in SUFFIXES and f.is_file()]
    if out != root and out.is_relative_to(root):
        files = [file for file in files if not file.parent.resolve().is_relative_to(out)]
    return sorted(files)


def _check_targets(pairs, overwrite):
    taken: dict[pathlib.Path, pathlib.Path] = {}
    sources = {source.resolve(): source for source, _ in pairs}
    for source, target in pairs:
        if target in taken:
            raise ValueError(
                f"{taken[target]} and {source} would both become {target}. Rename one of them."
            )
        if replaced := sources.get(target.resolve()):
            by = "its translation" if replaced == source else f"the translation of {source}"
            raise ValueError(f"{replaced} would be replaced by {by}: use another --output.")
        if target.exists() and not overwrite:
            raise FileExistsError(f"{target} exists. Use --overwrite to replace it.")
        taken[target] = source


def _check_sheet(pairs, sheet, overwrite):
    for source, target in pairs:
        if sheet.resolve() in (source.resolve(), target.resolve()):
            raise ValueError(
                f"The sheet would replace {sheet}, {source} or its translation. Rename {source}, "
                "or leave out --sheet."
            )
    if sheet.exists() and not overwrite:
        raise FileExistsError(f"{sheet} exists. Use --overwrite to replace it.")


def translate_files(model, pairs, direction="ab"):
    """Translates files one after the other; broken ones are named in a warning and left out.

    Args:
        model: a `keras_gans.GAN` that translates.
        pairs: what `plan` returned.
        direction: "ab" or "ba".

    Yields:
        `(source, target, picture, translation)` for each file written: two paths, and two
        uint8 arrays (H, W, C).
    """
    for source, target in pairs:
        try:
            picture = read_picture(source, _channels(model, direction))
        except UnreadableError as error:
            warnings.warn(f"{source} is left out: {error}", stacklevel=2)
            continue
        translation = grids.to_uint8(model.translate(picture / 127.5 - 1.0, direction=direction))
        grids.save(grids.from_pixels(translation), target)
        yield source, target, picture, translation


def side_by_side(pictures):
    """A sheet of pictures beside their translations.

    Args:
        pictures: list of (picture, translation), uint8 (H, W, C).

    Returns:
        A `PIL.Image.Image` of the first 16, each scaled to fit 128 pixels.
    """
    tiles = [_tile(pixels) for pair in pictures[:SHEET_ROWS] for pixels in pair]
    return grids.sheet(np.stack(tiles), columns=4 if len(pictures) > 1 else 2)


def _tile(pixels):
    picture = grids.from_pixels(pixels).convert("RGB")
    picture.thumbnail((_SHEET_SIDE, _SHEET_SIDE))
    tile = Image.new("RGB", (_SHEET_SIDE, _SHEET_SIDE), "white")
    place = ((_SHEET_SIDE - picture.width) // 2, (_SHEET_SIDE - picture.height) // 2)
    tile.paste(picture, place)
    return np.asarray(tile) / 127.5 - 1.0


def _channels(model, direction):
    return source_of(list(images_of(model).values()), direction).channels
