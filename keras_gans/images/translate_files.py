"""Translating files: a picture, or a folder of them."""

import dataclasses
import pathlib

import numpy as np
import tensorflow as tf
from PIL import Image

from keras_gans.core.label_names import unnamed
from keras_gans.core.scaling import scaled
from keras_gans.core.signature import directions, edits, images_of, source_of, upscaling_network
from keras_gans.data.account import Account
from keras_gans.data.decode import UnreadableError
from keras_gans.data.image_converter import ImageConverter
from keras_gans.data.whole import read_picture, read_scaled
from keras_gans.images import file_plan, grids
from keras_gans.utils.checks import check_choice
from keras_gans.utils.memory import available
from keras_gans.utils.text import plain_line

_SHEET_SIDE = 128


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


def translate_files(model, pairs, direction=None, size=None, account=None, changes=None):
    """Translates files one after the other; those that cannot be are left out.

    Args:
        model: a `keras_gans.GAN` that translates.
        pairs: what `file_plan.plan` returned.
        direction: "ab" or "ba"; the first the model has where None.
        size: as of `model.translate`.
        account: an `Account`, of what is left out or changed.
        changes: of a model that edits, the `labels` and `attributes` of its `translate`.

    Yields:
        `Translated` for each of the pairs.

    Raises:
        ValueError: for a direction or size the model does not have; for a model that upscales; for
            changes the model cannot make, or none where it makes some.
    """
    if upscaling_network(model):
        raise ValueError(f"{model.name} makes pictures larger: use `upscale`.")
    account = Account() if account is None else account
    translator = _Translator(model, direction, size, _checked_changes(model, changes))
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


def _checked_changes(model, changes):
    """The changes to make of every picture; refused before the first one is read."""
    changes = {name: value for name, value in (changes or {}).items() if value is not None}
    if not edits(model):
        if changes:
            raise ValueError(
                f"{model.name} makes no changes that are asked for: leave out "
                f"{' and '.join(f'`{name}`' for name in changes)}."
            )
        return changes
    if not changes:
        names = model.label_names or unnamed(model.conditions)
        known = [f"{head} ({', '.join(some)})" for head, some in names["heads"].items()]
        raise ValueError(
            f"{model.name} changes what it is asked to: say what, by `labels` or `attributes`. "
            f"There are: {'; '.join([*known, *names['attributes']])}."
        )
    model.changed(model.conditions.draw(1, 0), **changes)
    return changes


class _Translator:
    """Files through one network.

    Args:
        model: a `keras_gans.GAN` that translates.
        direction: "ab" or "ba".
        size: as of `model.translate`.
        changes: further arguments of `model.translate`.
    """

    def __init__(self, model, direction, size, changes):
        known = directions(model)
        direction = known[0] if direction is None else direction
        check_choice("direction", direction, known)
        self._model, self._how = model, {"direction": direction, "size": size, **changes}
        images = list(images_of(model).values())
        self._channels = source_of(images, direction).channels
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
        size = width, height
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
        for one in done[: file_plan.SHEET_ROWS]
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
