"""Fits label maps to the size of a model's batch: class numbers, never mixed."""

import dataclasses

import numpy as np
from PIL import Image, ImageOps

from keras_gans.core.label_maps import Palette, UnknownClassesError, check_classes
from keras_gans.data.decode import (
    MADE_COLOUR,
    MADE_GREY,
    SIXTEEN_BITS,
    UnreadableError,
    changes,
    decoding,
    flattened,
    opened,
    refuse_floats,
    upright_size,
)
from keras_gans.data.image_converter import ImageConverter

_GREY = ("1", "L", "I", "I;16", "I;16B", "I;16L")


@dataclasses.dataclass(frozen=True)
class LabelMapConverter(ImageConverter):
    """Fits label maps to the size of a model's batch; as `ImageConverter`, of one channel.

    In a grey picture the value of a pixel is the number of its class. In one of colours the palette
    says which class a colour is; without a palette the numbers of a picture with a colour table
    (mode "P") are those of its classes. Pixels are the nearest ones of the picture.

    Attributes:
        classes: how many there are.
        palette: a `Palette` of as many colours, or None.
    """

    channels: int = 1
    classes: int = dataclasses.field(kw_only=True)
    palette: Palette | None = dataclasses.field(default=None, kw_only=True)

    def from_array(self, pixels):
        """A map given as class numbers, uint8 (any, any, 1), as uint8 (height, width, 1)."""
        return self._fitted(pixels[..., 0])

    def from_file(self, image):
        """A map given as a file Pillow has opened and not yet decoded."""
        with decoding(image):
            return self.from_image(image)

    def from_image(self, image):
        """A map given as Pillow has it.

        Raises:
            UnreadableError: for colours or numbers of no class.
        """
        try:
            return self._fitted(self._numbers(image))
        except UnknownClassesError as error:
            raise UnreadableError(str(error)) from None

    def whole(self, path, noted=None):
        """The map in a file at its own size, uint8 (H, W).

        Raises:
            UnreadableError: with the reason.
        """

        def use(image):
            width, height = upright_size(image)
            own = dataclasses.replace(self, height=height, width=width)
            own.note(image, noted)
            return own.from_file(image)[..., 0]

        return opened(path, use)

    def changes_of(self, image):
        """What is changed of the pixels of an opened map besides their scale, a set."""
        return changes(image, 3) - {MADE_COLOUR, MADE_GREY, SIXTEEN_BITS}

    def _numbers(self, image):
        """Class numbers of a picture, uint8 (H, W)."""
        refuse_floats(image)
        if image.mode in _GREY:
            return self._of_greys(image)
        if self.palette is not None:
            return self.palette.numbers(np.asarray(flattened(image, "RGB")))
        if image.mode != "P":
            raise UnreadableError(
                "its colours are of no known class: put palette.json or palette.csv beside the "
                'maps, with a "name" and a "color" such as "#ff8000" of each class, or save the '
                "maps in grey, a class number for each pixel"
            )
        numbers = np.asarray(ImageOps.exif_transpose(image))
        check_classes(numbers, self.classes)
        return numbers

    def _of_greys(self, image):
        if image.format in ("JPEG", "MPO"):
            raise UnreadableError(
                "a JPEG in grey, whose blurred edges would be classes of their own: save label "
                "maps as PNG"
            )
        numbers = np.asarray(ImageOps.exif_transpose(image))
        check_classes(numbers, self.classes)
        return numbers.astype("uint8")

    def _fitted(self, numbers):
        if numbers.shape == self.shape[:2]:
            return numbers[..., None]
        height, width = numbers.shape
        image = Image.fromarray(np.ascontiguousarray(numbers, "uint8"))
        size, box = (self.width, self.height), self._box(width, height)
        fitted = image.resize(size, Image.Resampling.NEAREST, box=box)
        return np.asarray(fitted)[..., None]
