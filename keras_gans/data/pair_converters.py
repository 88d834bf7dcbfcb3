"""From one file or two to a pair: uint8 (height, width, channels of both), first picture first.

Like an `ImageConverter` both have `shape`, `num_bytes`, `read` and `check`.
"""

import math

import numpy as np
from PIL import ImageOps

from keras_gans.data.decode import (
    NotAPairError,
    UnreadableError,
    decoding,
    opened,
    upright_size,
)

# Pixels of a JPEG are coded in blocks of this side.
_BLOCK = 8
# How far the proportions of two pictures side by side may be from twice those of the output, as a
# share. A photograph of 16:9 is 11 % from 2:1.
_TOLERANCE = 0.05


class _PairConverter:
    """Fits pairs to the sizes and channels of a model's batch.

    Args:
        first: the `ImageConverter` of its first picture.
        second: of its second one, of the same height and width.
    """

    def __init__(self, first, second):
        self._first, self._second = first, second
        self.shape = (first.height, first.width, first.channels + second.channels)

    @property
    def num_bytes(self):
        """Of one pair."""
        return math.prod(self.shape)


class SideBySide(_PairConverter):
    """A pair in one file: its left half and its right half."""

    def read(self, path, noted=None):
        """The pair in a file.

        Args:
            path: of the file.
            noted: see `ImageConverter.read`.

        Raises:
            UnreadableError: with the reason.
            NotAPairError: if the picture has no two halves of the output's proportions.
        """

        def use(image):
            self._look_at(image, noted)
            return self._halves(image)

        return opened(path, use)

    def check(self, path, noted=None):
        """Looks at a file's header: format and size, not pixels.

        Raises:
            UnreadableError: with the reason.
            NotAPairError: if the picture has no two halves of the output's proportions.
        """
        opened(path, lambda image: self._look_at(image, noted))

    def _look_at(self, image, noted):
        width, height = upright_size(image)
        if width % 2:
            raise NotAPairError(f"{width} x {height} pixels have no two halves")
        proportions = (1, self._first.width / self._first.height)
        if all(abs(width / height / (2 * one) - 1) > _TOLERANCE for one in proportions):
            raise NotAPairError(f"{width} x {height} pixels are not twice as wide as high")
        if noted is not None:
            noted |= self._first.changes_of(image) | self._second.changes_of(image)

    def _halves(self, image):
        width, draft = image.width // 2, None
        if upright_size(image) == image.size and width % _BLOCK == 0:
            # As in `ImageConverter.from_file`, where the middle stays between two pixels.
            side = 2 * max(self.shape[:2])
            draft = (2 * side, side)
        with decoding(image, draft):
            image = ImageOps.exif_transpose(image)
            # Cut before scaling, which would blend what lies on both sides of the middle.
            middle = image.width // 2
            left = image.crop((0, 0, middle, image.height))
            right = image.crop((middle, 0, image.width, image.height))
            halves = [self._first.from_image(left), self._second.from_image(right)]
            return np.concatenate(halves, axis=-1)


class TwoFiles(_PairConverter):
    """A pair in two files of the same size."""

    def read(self, first, second, noted=None):
        """The pair in two files.

        Raises:
            UnreadableError: with the reason.
            NotAPairError: if they differ in size.
        """
        sizes, pictures = [], []
        for path, converter in ((first, self._first), (second, self._second)):
            size, picture = _named(
                path, lambda image, converter=converter: _sized(image, converter, noted)
            )
            sizes.append(size)
            pictures.append(picture)
        _check_sizes((first, second), sizes)
        return np.concatenate(pictures, axis=-1)

    def check(self, first, second, noted=None):
        """Looks at the files' headers: format and size, not pixels.

        Raises:
            UnreadableError: with the reason.
            NotAPairError: if they differ in size.
        """
        sizes = []
        for path, converter in ((first, self._first), (second, self._second)):

            def use(image, converter=converter):
                converter.note(image, noted)
                return upright_size(image)

            sizes.append(_named(path, use))
        _check_sizes((first, second), sizes)


def _sized(image, converter, noted):
    converter.note(image, noted)
    size = upright_size(image)  # before the picture may be decoded at a fraction of it
    return size, converter.from_file(image)


def _named(path, use):
    """`opened`, saying which of several files is broken."""
    try:
        return opened(path, use)
    except UnreadableError as error:
        raise UnreadableError(f"{path}: {error}") from error


def _check_sizes(paths, sizes):
    if sizes[0] != sizes[1]:
        first, second = (
            f"{path} is {width} x {height} pixels"
            for path, (width, height) in zip(paths, sizes, strict=True)
        )
        raise NotAPairError(
            f"{first}, but {second}; the two pictures of a pair must be of one size"
        )
