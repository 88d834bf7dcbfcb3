"""Translating files: a picture, or a folder of them."""

import collections
import dataclasses
import pathlib

import numpy as np
import tensorflow as tf
from PIL import Image

from keras_gans.core.scaling import scaled
from keras_gans.core.signature import directions, images_of, source_of, target_of
from keras_gans.data.account import Account
from keras_gans.data.decode import FORMAT_NAMES, UnreadableError
from keras_gans.data.image_converter import ImageConverter
from keras_gans.data.walking import walk
from keras_gans.data.whole import read_picture, read_scaled
from keras_gans.images import grids
from keras_gans.utils.checks import check_choice
from keras_gans.utils.memory import available
from keras_gans.utils.text import plain_line

#: Pairs on a sheet, at most.
SHEET_ROWS = 16
#: Name of the sheet among the translations.
SHEET = "sheet.png"
_SHEET_SIDE = 128
#: What a file of one translation may be called; all others are folders.
_WRITTEN = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"})


@dataclasses.dataclass(frozen=True)
class Translated:
    """What became of one file.

    Attributes:
        source: path of the picture.
        target: path of its translation.
        problem: why there is none; None where there is.
        picture: uint8 (h, w, C), as the network was shown it.
        translation: uint8 (H, W, C), as the network made it; on the disk it has the picture's size.
        size: (width, height) of the translation on the disk.
    """

    source: pathlib.Path
    target: pathlib.Path
    problem: str | None = None
    picture: np.ndarray | None = None
    translation: np.ndarray | None = None
    size: tuple[int, int] | None = None

    @property
    def resized(self):
        """Whether the network saw the picture at another size than its own."""
        return self.translation is not None and self.translation.shape[1::-1] != self.size


def plan(path, output, overwrite=False, sheet=False, account=None):
    """Which files will be translated into which; nothing is written.

    Args:
        path: a picture, or a folder, looked through with all it holds but `output`, where that
            lies inside.
        output: folder for the translations, which keep the pictures' names with ".png", in place
            of their suffix or, where two would have one name, after it; or, of one picture, the
            file itself, where it is named like a picture.
        overwrite: replace files that are there already.
        sheet: a sheet will lie beside the translations, see `sheet_beside`.
        account: an `Account`, of what of the folder is left out.

    Returns:
        A list of (source, target) paths.

    Raises:
        ValueError: if there is no picture, two would have one name, or a picture would be replaced.
        FileExistsError: if a target exists and `overwrite` is not set.
    """
    path, output = pathlib.Path(path), pathlib.Path(output)
    account = Account() if account is None else account
    if path.is_dir():
        if is_file_name(output):
            raise ValueError(
                f"{output} is named like a picture, but the translations of {path} are many: give "
                "a folder as --output."
            )
        pairs = _into(output, path, _pictures(path, output, account))
    elif path.is_file():
        pairs = [(path, output if is_file_name(output) else output / f"{path.stem}.png")]
    elif path.exists() or path.is_symlink():
        raise ValueError(f"{path} is neither a picture nor a folder of pictures.")
    else:
        raise ValueError(f"There is no file or folder {path}.")
    if not pairs:
        raise ValueError(f"{path} holds no pictures ({FORMAT_NAMES}). {account.listing()}".rstrip())
    _check_targets(pairs, overwrite)
    if sheet:
        _check_sheet(pairs, sheet_beside(output), overwrite)
    return pairs


def _into(output, root, files):
    """The target of each file below `root`."""
    short = [output / file.relative_to(root).with_suffix(".png") for file in files]
    count = collections.Counter(short)
    return [
        (file, target if count[target] == 1 else target.with_name(f"{file.name}.png"))
        for file, target in zip(files, short, strict=True)
    ]


def is_file_name(output):
    """Whether a place for translations is a file, by its name."""
    return output.suffix.lower() in _WRITTEN and not output.is_dir()


def sheet_beside(output):
    """Path of the sheet: among the translations, or beside the only one."""
    return (output.parent if is_file_name(output) else output) / SHEET


def _pictures(path, output, account):
    """The pictures below a folder, without what was translated into a folder inside it."""
    root, out = path.resolve(), output.resolve()
    files = [pathlib.Path(file.path) for file in walk(path, path, account)]
    if out != root and out.is_relative_to(root):
        files = [file for file in files if not file.parent.resolve().is_relative_to(out)]
    return files


def _check_targets(pairs, overwrite):
    taken: dict[pathlib.Path, pathlib.Path] = {}
    sources = {source.resolve(): source for source, _ in pairs}
    for source, target in pairs:
        if target in taken:
            raise ValueError(
                plain_line(f"{taken[target]} and {source} would both become {target}.")
                + " Rename one of them."
            )
        if replaced := sources.get(target.resolve()):
            by = "its translation" if replaced == source else f"the translation of {source}"
            raise ValueError(
                f"{plain_line(f'{replaced} would be replaced by {by}')}: use another --output."
            )
        if target.exists() and not overwrite:
            raise FileExistsError(f"{plain_line(target)} exists. Use --overwrite to replace it.")
        taken[target] = source


def _check_sheet(pairs, sheet, overwrite):
    for source, target in pairs:
        if sheet.resolve() in (source.resolve(), target.resolve()):
            raise ValueError(
                f"The sheet would replace {sheet}, {plain_line(source)} or its translation. Rename "
                f"{plain_line(source)}, or leave out --sheet."
            )
    if sheet.exists() and not overwrite:
        raise FileExistsError(f"{sheet} exists. Use --overwrite to replace it.")


def translate_files(model, pairs, direction=None, size=None, account=None):
    """Translates files one after the other; those that cannot be are left out.

    Args:
        model: a `keras_gans.GAN` that translates.
        pairs: what `plan` returned.
        direction: "ab" or "ba"; the first the model has where None.
        size: as of `model.translate`.
        account: an `Account`, of what is left out or changed.

    Yields:
        `Translated` for each of the pairs.

    Raises:
        ValueError: for a direction or size the model does not have.
    """
    account = Account() if account is None else account
    translator = _Translator(model, direction, size)
    for source, target in pairs:
        noted: set = set()
        try:
            made = translator(source, target, noted)
        except UnreadableError as error:
            made = Translated(source, target, problem=plain_line(error))
        except (MemoryError, tf.errors.ResourceExhaustedError):
            made = Translated(source, target, problem="there is not enough memory to translate it")
        name = str(source)
        if made.problem:
            account.leave_out(name, made.problem)
        else:
            account.change(name, sorted(noted))
        yield made


class _Translator:
    """Files through one network.

    Args:
        model: a `keras_gans.GAN` that translates.
        direction: "ab" or "ba".
        size: as of `model.translate`.
    """

    def __init__(self, model, direction, size):
        known = directions(model)
        direction = known[0] if direction is None else direction
        check_choice("direction", direction, known)
        self._model, self._how = model, {"direction": direction, "size": size}
        images = list(images_of(model).values())
        source, target = source_of(images, direction), target_of(images, direction)
        self._channels, self._scale = source.channels, target.scale
        self._network = next(
            name for name in (f"generator_{direction}", "generator") if name in model.signature()
        )
        self._trained = model.size_of_translation(self._network, size)

    def __call__(self, source, target, noted):
        """Translates and writes one file.

        Raises:
            UnreadableError: if it cannot be read, or would take too much memory.
        """
        if self._trained is None:
            picture = read_picture(source, self._channels, noted)
            height, width = picture.shape[:2]
            self._check_memory(height, width)
        else:
            # Decoded and fitted as in training, to the pixel.
            height, width = self._trained
            converter = ImageConverter(height, width, self._channels, "stretch")
            picture, (width, height) = read_scaled(source, converter, noted)
        values = np.float32(picture) / np.float32(127.5) - 1
        translation = self._model.translate(values, **self._how)
        size = (width * self._scale, height * self._scale)
        grids.save(grids.from_pixels(_whole(translation, size)), target, format=None)
        return Translated(source, target, None, picture, grids.to_uint8(translation), size)

    def _check_memory(self, height, width):
        needed = self._model.bytes_to_translate(self._network, height, width)
        free = available()
        if free is not None and needed > free:
            side = int((free / needed * height * width) ** 0.5)
            raise UnreadableError(
                f"translating its {width} x {height} pixels takes about {needed / 2**30:.1f} GiB "
                f"of memory, and {free / 2**30:.1f} are free: about {side} x {side} pixels would "
                "do, or the size the model was trained at"
            )


def _whole(translation, size):
    """A translation, scaled to (width, height) one channel after the other, to save memory."""
    planes = np.split(translation, translation.shape[-1], axis=-1)
    return np.concatenate([grids.to_uint8(scaled(one, size[::-1])) for one in planes], axis=-1)


def side_by_side(done):
    """A sheet of pictures beside their translations.

    Args:
        done: list of `Translated`, of files that were written.

    Returns:
        A `PIL.Image.Image` of the first 16, each scaled to fit 128 pixels.
    """
    tiles = [
        _tile(pixels, one.size)
        for one in done[:SHEET_ROWS]
        for pixels in (one.picture, one.translation)
    ]
    return grids.sheet(np.stack(tiles), columns=4 if len(done) > 1 else 2)


def _tile(pixels, size):
    """A picture in the proportions of `size`, on white."""
    shrinking = _SHEET_SIDE / max(*size, _SHEET_SIDE)
    inner = tuple(max(1, round(side * shrinking)) for side in size)
    picture = grids.from_pixels(pixels).convert("RGB").resize(inner, Image.Resampling.BICUBIC)
    tile = Image.new("RGB", (_SHEET_SIDE, _SHEET_SIDE), "white")
    place = ((_SHEET_SIDE - picture.width) // 2, (_SHEET_SIDE - picture.height) // 2)
    tile.paste(picture, place)
    return np.asarray(tile) / 127.5 - 1.0
