"""Translating files: a picture, or a folder of them."""

import dataclasses
import pathlib

import numpy as np
import tensorflow as tf
from PIL import Image

from keras_gans.core.label_names import unnamed
from keras_gans.core.scaling import scaled
from keras_gans.core.signature import (
    LabelMap,
    completes,
    directions,
    edits,
    images_of,
    source_of,
    takes_masks,
    upscaling_network,
)
from keras_gans.data.account import Account
from keras_gans.data.decode import UnreadableError
from keras_gans.data.image_converter import ImageConverter
from keras_gans.data.label_map_converter import LabelMapConverter
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


def read_mask(path):
    """A picture file of two colours as a mask.

    Args:
        path: of a file, white in the hole and black where pictures are known.

    Returns:
        bool (H, W), True in the hole.

    Raises:
        ValueError: for a file that is no picture, has other colours than black and white, or is
            without a hole.
    """
    try:
        levels = read_picture(pathlib.Path(path), 1, set())[..., 0]
    except UnreadableError as error:
        raise ValueError(f"{path} cannot be read as a mask: {plain_line(error)}.") from None
    values = np.unique(levels)
    if not np.isin(values, (0, 255)).all():
        raise ValueError(
            f"{path} is no mask of two values: white (255) in the hole, black (0) elsewhere. "
            f"Received {len(values)} levels of grey. Draw it without soft edges, and save it as "
            "PNG: JPEG blurs edges."
        )
    if 255 not in values:
        raise ValueError(f"{path} is black: a mask without a hole. Paint the hole white.")
    return levels == 255


def translate_files(model, pairs, direction=None, size=None, account=None, changes=None, mask=None):
    """Translates files one after the other; those that cannot be are left out.

    Args:
        model: a `keras_gans.GAN` that translates.
        pairs: what `file_plan.plan` returned.
        direction: "ab" or "ba"; the first the model has where None.
        size: as of `model.translate`.
        account: an `Account`, of what is left out or changed.
        changes: of a model that edits, the `labels` and `attributes` of its `translate`.
        mask: of a model that fills holes, bool (H, W) as `read_mask` gives it, of all pictures;
            those of another size are left out.

    Yields:
        `Translated` for each of the pairs.

    Raises:
        ValueError: for a direction or size the model does not have; for a model that upscales; for
            changes the model cannot make, or none where it makes some; for a mask the model does
            not take, or none where it needs one.
    """
    if upscaling_network(model):
        raise ValueError(f"{model.name} makes pictures larger: use `upscale`.")
    account = Account() if account is None else account
    _check_mask(model, mask)
    translator = _Translator(model, direction, size, checked_changes(model, changes), mask)
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


def _check_mask(model, mask):
    """Refuses a mask that is not taken, and its lack, before the first picture is read."""
    if takes_masks(model) and mask is None:
        raise ValueError(
            f"{model.name} fills holes and must be told where they are: give a picture of the "
            "same size, white in the hole and black elsewhere (--mask FILE)."
        )
    if mask is not None and not takes_masks(model):
        why = "always fills the same hole" if completes(model) else "fills no holes"
        raise ValueError(f"{model.name} {why} and takes no mask: leave it out (--mask).")


def checked_changes(model, changes):
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
        mask: bool (H, W), or None.
    """

    def __init__(self, model, direction, size, changes, mask):
        known = directions(model)
        direction = known[0] if direction is None else direction
        check_choice("direction", direction, known)
        self._model, self._how = model, {"direction": direction, "size": size, **changes}
        self._mask = mask
        images = tuple(images_of(model).values())
        self._source = source_of(images, direction)
        self._network = next(
            name for name in (f"generator_{direction}", "generator") if name in model.signature()
        )
        self._trained = model.size_of_translation(self._network, size)

    def __call__(self, source, target, noted):
        """Translates and writes one file.

        Raises:
            UnreadableError: if it cannot be read, or would take too much memory.
        """
        picture, (width, height) = self._read(source, noted)
        if isinstance(self._source, LabelMap):
            values = picture[..., 0].astype("int32")
            picture = grids.to_uint8(self._source.colors.shown(values))
        else:
            values = np.float32(picture) / np.float32(127.5) - 1
        translation = self._model.translate(values, **self._how, **self._holes(height, width))
        size = width, height
        grids.save(grids.from_pixels(_whole(translation, size)), target, format=None)
        return Translated(source, target, None, picture, grids.to_uint8(translation), size)

    def _read(self, source, noted):
        """A file as the network is shown it, uint8 (h, w, C), and its own (width, height).

        Of a label map the one channel has class numbers.
        """
        if self._trained is None or completes(self._model):  # whose known pixels stay
            picture = self._read_whole(source, noted)
            height, width = picture.shape[:2]
            self._check_memory(*(self._trained or (height, width)))
            return picture, (width, height)
        # Decoded and fitted as in training, to the pixel.
        return read_scaled(source, self._converter(*self._trained), noted)

    def _read_whole(self, source, noted):
        if isinstance(self._source, LabelMap):
            return self._converter(1, 1).whole(source, noted)[..., None]
        return read_picture(source, self._source.channels, noted)

    def _converter(self, height, width):
        role = self._source
        if isinstance(role, LabelMap):
            return LabelMapConverter(
                height, width, fit="stretch", classes=role.classes, palette=role.colors
            )
        return ImageConverter(height, width, role.channels, "stretch")

    def _holes(self, height, width):
        """The mask as an argument, where there is one; refused for pictures of another size."""
        if self._mask is None:
            return {}
        if self._mask.shape != (height, width):
            other = " x ".join(map(str, self._mask.shape[::-1]))
            raise UnreadableError(
                f"it has {width} x {height} pixels and the mask {other}: a mask must have the size "
                "of its picture"
            )
        return {"masks": self._mask}

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
