"""Fits pictures to the size and channels of a model's batch, from files or arrays.

Whatever the source, all goes through here and `decode.py`, so that one picture gives the same
pixels from a folder and from TensorFlow Datasets.
"""

import dataclasses
import math

import numpy as np
from PIL import Image

from keras_gans.data.decode import (
    SIXTEEN_BITS,
    changes,
    decoding,
    flattened,
    opened,
    to_8_bits,
    upright_size,
)

FITS = ("crop", "stretch", "pad")
_FITTED = {"crop": "cropped", "stretch": "squeezed", "pad": "padded with white"}


@dataclasses.dataclass(frozen=True)
class ImageConverter:
    """Fits pictures to the size and channels of a model's batch.

    Attributes:
        height: in pixels.
        width: in pixels.
        channels: 1 for grey, 3 for RGB.
        fit: "crop" scales the picture until it covers the output and cuts off what sticks out at
            both ends; "stretch" scales height and width by themselves; "pad" scales it until it
            lies within the output, on white.
    """

    height: int
    width: int
    channels: int
    fit: str = "crop"

    @property
    def shape(self):
        return self.height, self.width, self.channels

    @property
    def num_bytes(self):
        """Of one picture."""
        return math.prod(self.shape)

    def read(self, path, noted=None):
        """The picture in a file, as uint8 (height, width, channels).

        Args:
            path: of the file.
            noted: a set, to which is added what is changed of the picture besides its scale.

        Raises:
            UnreadableError: with the reason.
        """

        def use(image):
            self.note(image, noted)
            return self.from_file(image)

        return opened(path, use)

    def from_array(self, pixels):
        """A picture given as pixels, as uint8 (height, width, channels).

        Args:
            pixels: uint8 or uint16 (any, any, 1, 3 or 4).
        """
        if pixels.shape == self.shape and pixels.dtype == np.uint8:
            return pixels
        if pixels.dtype == np.uint16:
            pixels = to_8_bits(pixels)
        if pixels.shape[-1] == 1:
            pixels = pixels[..., 0]
        return self.from_image(Image.fromarray(pixels))

    def changes_of_array(self, shape, dtype):
        """What `from_array` changes of pixels of this shape besides their scale, a set."""
        height, width, channels = shape
        noted = {SIXTEEN_BITS} if dtype == np.uint16 else set()
        of_its_mode = Image.new({1: "L", 3: "RGB", 4: "RGBA"}[channels], (1, 1))
        noted |= changes(of_its_mode, self.channels)
        self._note_proportions(width, height, noted)
        return noted

    def from_file(self, image):
        """A picture given as a file Pillow has opened and not yet decoded."""
        # A JPEG of more than four times the output is decoded at 1/2, 1/4 or 1/8: five times as
        # fast for a photograph, and less than half a level from the slow way on average.
        side = 2 * max(self.height, self.width)
        with decoding(image, (side, side)):
            return self.from_image(image)

    def from_image(self, image):
        """A picture given as Pillow has it."""
        image = flattened(image, "L" if self.channels == 1 else "RGB")
        size = self.width, self.height
        if self.fit == "pad":
            image = _padded(image, size)
        else:
            # A picture of the right size is not resampled: Pillow copies it.
            box = self._box(image.width, image.height)
            image = image.resize(size, Image.Resampling.BICUBIC, box=box)
        return np.asarray(image).reshape(self.shape)

    def note(self, image, noted):
        """Adds to the set `noted` what will be changed of an opened picture; nothing to None."""
        if noted is None:
            return
        noted |= self.changes_of(image)
        width, height = upright_size(image)
        self._note_proportions(width, height, noted)

    def changes_of(self, image):
        """What is changed of the pixels of an opened picture, a set."""
        return changes(image, self.channels)

    def _note_proportions(self, width, height, noted):
        # As many pixels as the output has in proportion, give or take one.
        if abs(width * self.height - height * self.width) > max(width, height, *self.shape[:2]):
            shape = "not square" if self.height == self.width else "of other proportions"
            noted.add(f"{shape}, {_FITTED[self.fit]}")

    def _box(self, width, height):
        """The part of a picture that is seen, as left, top, right, bottom in its own pixels.

        The part is cut out before scaling, not after: a picture of 1 x 80,000,000 pixels passes
        every check, and scaled until it covers the output it would fill the memory.
        """
        if self.fit == "stretch":
            return 0, 0, width, height
        scale = max(self.width / width, self.height / height)
        # Whole pixels of the output, so that a picture that need not be scaled is not blurred.
        left = math.floor((width * scale - self.width) / 2) / scale
        top = math.floor((height * scale - self.height) / 2) / scale
        right = min(left + self.width / scale, width)
        bottom = min(top + self.height / scale, height)
        return left, top, right, bottom

    def check(self, path, noted=None):
        """Looks at a file's header: format and size, not pixels.

        Raises:
            UnreadableError: with the reason.
        """
        opened(path, lambda image: self.note(image, noted))


def _padded(image, size):
    """A picture as large as will fit, in the middle of white."""
    scale = min(size[0] / image.width, size[1] / image.height)
    inner = tuple(max(1, round(side * scale)) for side in image.size)
    whole = Image.new(image.mode, size, "white")
    place = tuple((outer - own) // 2 for outer, own in zip(size, inner, strict=True))
    whole.paste(image.resize(inner, Image.Resampling.BICUBIC), place)
    return whole
