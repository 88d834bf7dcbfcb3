"""From one file or two to a pair: uint8 (height, width, channels of both), first picture first.

Like a `Frame` both have `shape`, `num_bytes`, `read` and `check`.
"""

import math

import numpy as np
from PIL import ImageOps

from keras_gans.data.frame import RefusedError, UnreadableError, opened, upright_size

# Pixels of a JPEG are coded in blocks of this side.
_BLOCK = 8


class _PairFrame:
    """What a pair is fitted to.

    Args:
        first: the `Frame` of its first picture.
        second: of its second one, of the same height and width.
    """

    def __init__(self, first, second):
        self._first, self._second = first, second
        self.shape = (first.height, first.width, first.channels + second.channels)

    @property
    def num_bytes(self):
        """Of one pair."""
        return math.prod(self.shape)


class SideBySide(_PairFrame):
    """A pair in one file: its left half and its right half."""

    def read(self, path):
        """The pair in a file.

        Raises:
            UnreadableError: with the reason.
            RefusedError: if the picture has no two halves.
        """
        return opened(path, lambda image: self._halves(image, path))

    def check(self, path):
        """Looks at a file's header: format and size, not pixels.

        Raises:
            UnreadableError: with the reason.
            RefusedError: if the picture has no two halves.
        """
        opened(path, lambda image: _check_halves(path, upright_size(image)[0]))

    def _halves(self, image, path):
        width = image.width // 2
        if upright_size(image) == image.size and width % _BLOCK == 0:
            # As in `Frame.from_file`, where the middle stays between two pixels.
            side = 2 * max(self.shape[:2])
            image.draft(None, (2 * side, side))
        image = ImageOps.exif_transpose(image)
        _check_halves(path, image.width)
        # Cut before scaling, which would blend what lies on both sides of the middle.
        middle = image.width // 2
        left = image.crop((0, 0, middle, image.height))
        right = image.crop((middle, 0, image.width, image.height))
        halves = [self._first.from_image(left), self._second.from_image(right)]
        return np.concatenate(halves, axis=-1)


class TwoFiles(_PairFrame):
    """A pair in two files of the same size."""

    def read(self, first, second):
        """The pair in two files.

        Raises:
            UnreadableError: with the reason.
            RefusedError: if they differ in size.
        """
        sizes, pictures = [], []
        for path, frame in ((first, self._first), (second, self._second)):
            size, picture = _named(path, lambda image, frame=frame: _sized(image, frame))
            sizes.append(size)
            pictures.append(picture)
        _check_sizes((first, second), sizes)
        return np.concatenate(pictures, axis=-1)

    def check(self, first, second):
        """Looks at the files' headers: format and size, not pixels.

        Raises:
            UnreadableError: with the reason.
            RefusedError: if they differ in size.
        """
        paths = (first, second)
        _check_sizes(paths, [_named(path, upright_size) for path in paths])


def _sized(image, frame):
    size = upright_size(image)  # before the picture may be decoded at a fraction of it
    return size, frame.from_file(image)


def _named(path, use):
    """`opened`, saying which of several files is broken."""
    try:
        return opened(path, use)
    except UnreadableError as error:
        raise UnreadableError(f"{path}: {error}") from error


def _check_halves(path, width):
    if width % 2:
        raise RefusedError(
            f"{path} is {width} pixels wide and has no two halves. A pair is one picture of even "
            "width, its first picture on the left and its second on the right; or two of equal "
            "names in the folders A/ and B/."
        )


def _check_sizes(paths, sizes):
    if sizes[0] != sizes[1]:
        first, second = (
            f"{path} is {width} x {height} pixels"
            for path, (width, height) in zip(paths, sizes, strict=True)
        )
        raise RefusedError(
            f"{first}, but {second}. The two pictures of a pair must be of one size; scale or "
            "crop one of them."
        )
