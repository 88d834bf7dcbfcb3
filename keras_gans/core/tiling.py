"""Pictures of any size, strip by strip: cut into tiles for a network, joined, and scaled.

A picture comes and goes as strips, float32 (h, W, C) from its top to its bottom, so that no more
of it is in memory than a row of tiles. A network that pads its borders makes pixels near the border
of a tile differently than inside of a larger picture. Tiles therefore overlap: the outer 3/8 of
what two neighbours share is taken from the other one, and they are faded into each other across the
quarter between. The result equals the network's on the whole picture if it sees no further than 3/8
of the overlap to each side; seams of networks that see further are faded.
"""

import math

import numpy as np
from PIL import Image

from keras_gans.core.scaling import up_to_multiple

#: Rows of an array that are converted to float32 at a time, and rows that are scaled at a time.
_ROWS = 256
#: Pixels of the smaller picture that Lanczos' window of three lobes reaches, and one for rounding.
_REACH = 4


class Side:
    """Cuts one side of a picture into tiles of one length.

    Args:
        length: of the side, in pixels.
        tile: of a tile, in pixels; shorter sides are one tile.
        overlap: pixels that neighbouring tiles share at least; at most half of a tile.
        scale: how many times as long the network makes the side.
        multiple_of: what the network's input must be a multiple of.
        smallest: what it must be at least.

    Attributes:
        tile: length of all tiles.
        starts: first pixel of each tile; the last tile may end behind the side, see `padded`.
    """

    def __init__(self, length, tile, overlap, scale, multiple_of=1, smallest=1):
        whole = up_to_multiple(max(length, smallest), multiple_of)
        tile = max(tile, smallest) // multiple_of * multiple_of
        self.length, self.scale, self.tile = length, scale, min(tile, whole)
        step = max((self.tile - overlap) // multiple_of, 1) * multiple_of
        rest = whole - self.tile
        last = -(-rest // step)
        self.starts = [
            round(number * rest / last / multiple_of) * multiple_of if last else 0
            for number in range(last + 1)
        ]
        self._fade = max(overlap * scale / 4, 1e-3)  # of no overlap a step

    def part(self, number):
        """What a tile contributes to the side as the network makes it.

        Returns:
            (first, stop, weights): the pixels, of the whole larger side, and float32
            (stop - first,), which together with those of its neighbours are 1.
        """
        first = self.starts[number] * self.scale
        places = np.arange(first, first + self.tile * self.scale) + 0.5
        weights = self._after(number, places) * (1 - self._after(number + 1, places))
        weights = weights[: self.length * self.scale - first]
        inside = np.flatnonzero(weights)
        begin, stop = int(inside[0]), int(inside[-1]) + 1
        return first + begin, first + stop, weights[begin:stop].astype("float32")

    def _after(self, number, places):
        """Share of tile `number` and those behind it at these places; the others have the rest."""
        if number == 0:
            return np.ones(len(places))
        if number == len(self.starts):
            return np.zeros(len(places))
        middle = (self.starts[number] + self.starts[number - 1] + self.tile) * self.scale / 2
        return np.clip((places - middle) / self._fade + 0.5, 0.0, 1.0)


class Rows:
    """The rows of a picture that comes in strips, of which no more are kept than are asked for.

    Args:
        strips: arrays (h, W, C), from the top.
    """

    def __init__(self, strips):
        self._strips, self._kept, self._first = iter(strips), [], 0

    def window(self, start, stop):
        """Rows from `start` to before `stop`, or to the last; later windows start no earlier."""
        while self._kept and self._first + len(self._kept[0]) <= start:
            self._first += len(self._kept.pop(0))
        reached = self._first + sum(map(len, self._kept))
        while reached < stop and (strip := next(self._strips, None)) is not None:
            reached += len(strip)
            if reached > start:
                self._kept.append(strip)
            else:
                self._first = reached
        rows = self._kept[0] if len(self._kept) == 1 else np.concatenate(self._kept)
        return rows[start - self._first : stop - self._first]


def strips_of(picture):
    """An array (H, W, C) as float32 strips in [-1, 1].

    Args:
        picture: float in [-1, 1], or uint8 or uint16 with all their values.
    """
    half = np.iinfo(picture.dtype).max / 2 if picture.dtype.kind == "u" else None
    for start in range(0, len(picture), _ROWS):
        rows = picture[start : start + _ROWS].astype("float32")
        if half is not None:
            rows = rows / np.float32(half) - np.float32(1)
        yield rows


def tiled(strips, call, down, across, done=None):
    """A picture through a network, tile by tile.

    Args:
        strips: of the picture.
        call: the network, float32 (h, w, C) to (scale h, scale w, C).
        down: `Side` of its height.
        across: `Side` of its width.
        done: called after each tile.

    Yields:
        Strips of the larger picture.
    """
    rows, faded = Rows(strips), None
    parts = [down.part(number) for number in range(len(down.starts))]
    for number, (first, stop, weights) in enumerate(parts):
        start = down.starts[number]
        source = rows.window(start, start + down.tile)
        inside = slice(first - start * down.scale, stop - start * down.scale)
        band = _band(_padded(source, down.tile, 0), call, inside, across, done)
        band *= weights[:, None, None]
        if faded is not None:
            band[: len(faded)] += faded
        finished = (parts[number + 1][0] if number + 1 < len(parts) else stop) - first
        faded = band[finished:].copy()
        for row in range(0, finished, _ROWS):
            yield band[row : min(row + _ROWS, finished)]


def _band(source, call, inside, across, done):
    """A row of tiles, joined: the network's rows `inside`, in the width of the larger picture."""
    band = None
    for number, start in enumerate(across.starts):
        tile = _padded(source[:, start : start + across.tile], across.tile, 1)
        first, stop, weights = across.part(number)
        left = start * across.scale
        made = call(tile)[inside, first - left : stop - left]
        if band is None:
            shape = (len(made), across.length * across.scale, made.shape[-1])
            band = np.zeros(shape, "float32")
        band[:, first:stop] += made * weights[:, None]
        if done is not None:
            done()
    return band


def _padded(picture, length, axis):
    """A tile that ends behind the picture, continued by reflection."""
    missing = length - picture.shape[axis]
    if not missing:
        return picture
    widths = [(0, 0)] * 3
    widths[axis] = (0, missing)
    return np.pad(picture, widths, mode="reflect")


def lanczos(strips, sides, size):
    """Scales a picture by Lanczos' filter, antialiased, as Pillow does.

    Args:
        strips: of the picture.
        sides: its (height, width).
        size: the wanted (height, width).

    Yields:
        Strips of the scaled picture, clipped to [-1, 1]; `strips` if it has the size.
    """
    if tuple(sides) == tuple(size):
        yield from strips
        return
    ratio = sides[0] / size[0]
    rows, reach = Rows(strips), math.ceil(_REACH * max(1.0, ratio))
    at_once = max(1, int(_ROWS / max(1.0, ratio)))
    for first in range(0, size[0], at_once):
        stop = min(first + at_once, size[0])
        start = max(0, int(first * ratio) - reach)
        end = min(sides[0], math.ceil(stop * ratio) + reach)
        window = rows.window(start, end)
        box = (0, first * ratio - start, sides[1], min(stop * ratio - start, len(window)))
        yield _scaled(window, (size[1], stop - first), box)


def _scaled(picture, size, box):
    planes = [
        np.asarray(
            Image.fromarray(np.ascontiguousarray(plane)).resize(
                size, Image.Resampling.LANCZOS, box=box
            )
        )
        for plane in np.moveaxis(picture, -1, 0)
    ]
    return np.clip(np.stack(planes, axis=-1), -1.0, 1.0)
