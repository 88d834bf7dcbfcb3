"""Pictures of any size through a network that enlarges them, in bounded memory."""

import dataclasses
import math

import numpy as np

from keras_gans.core.scaling import up_to_multiple
from keras_gans.core.signature import Image, upscaling_network
from keras_gans.core.tiling import Side, lanczos, strips_of, tiled
from keras_gans.utils.checks import check_pictures, check_positive, is_number
from keras_gans.utils.memory import available

#: Pixels of an upscaled picture, at most; as bytes in RGB 0.8 GB, as float32 3.2 GB.
MOST_PIXELS = 2**28
#: Pixels that neighbouring tiles share, where a model's role does not say.
OVERLAP = 48

_LARGEST_TILE = 512
#: What a call of the network, and what a row of joined tiles, may take of the memory.
_CALL_BYTES, _BAND_BYTES = 2**30, 2**28


@dataclasses.dataclass(frozen=True)
class Sizes:
    """How one picture is upscaled.

    Attributes:
        passes: for each time it goes through the network, the `Side`s of its height and width.
        made: (height, width) after them.
        size: (height, width) wanted.
        tiles: calls of the network.
    """

    passes: tuple[tuple[Side, Side], ...]
    made: tuple[int, int]
    size: tuple[int, int]
    tiles: int


class Upscaler:
    """Upscales pictures of any size with a model's network, tile by tile.

    Args:
        model: a `keras_gans.GAN` with a network that enlarges pictures.
        scale: as of `PairedGAN.upscale`.
        tile: likewise.
        overlap: likewise.

    Raises:
        ValueError: if the model does not upscale, or for a scale, tile or overlap that cannot be.
    """

    def __init__(self, model, scale=None, tile=None, overlap=None):
        self.name = upscaling_network(model)
        if self.name is None:
            raise ValueError(
                f"{model.name} does not upscale: what it makes is no larger than what it is given. "
                "`keras_gans.zoo.names(task='upscaling')` has those that do."
            )
        signature = model.signature()[self.name]
        (self._source,) = signature.of(Image).values()
        (target,) = signature.outputs.values()
        self._model, self.own = model, target.scale
        self.scale = self.own if scale is None else scale
        if not is_number(self.scale) or self.scale <= 0:
            raise ValueError(f"`scale` must be a finite number above 0. Received: {scale!r}")
        if overlap is None:
            overlap = OVERLAP if self._source.overlap is None else self._source.overlap
        self._tile, self._overlap = self._checked_tile(tile, overlap), overlap

    def _checked_tile(self, tile, overlap):
        check_positive("overlap", overlap, 0)
        if tile is None:
            return None
        check_positive("tile", tile)
        if tile < self._smallest_tile(overlap):
            raise ValueError(
                f"`tile` must be at least {self._smallest_tile(overlap)}, because tiles share "
                f"{overlap} pixels with each of their neighbours. Received: {tile}"
            )
        return tile

    def _smallest_tile(self, overlap):
        multiple = self._source.multiple_of
        least = max(2 * overlap, 2 * multiple, self._source.smallest, 1)
        return up_to_multiple(least, multiple)

    def size_of(self, height, width):
        """(height, width) of an upscaled picture: each side times `scale`, rounded; at least 1.

        Raises:
            ValueError: if it has more than `MOST_PIXELS`.
        """
        # Compared as logarithms: the product may be too large for a float.
        digits = math.log2(height) + math.log2(width) + 2 * math.log2(self.scale)
        if digits <= math.log2(MOST_PIXELS) + 1e-9:
            return tuple(max(1, round(side * self.scale)) for side in (height, width))
        most = math.sqrt(MOST_PIXELS / (height * width))
        sides = [max(1, int(side * most / self.scale)) for side in (width, height)]
        smaller = (
            f", or a picture of at most {sides[0]} x {sides[1]} pixels" if min(sides) > 1 else ""
        )
        raise ValueError(
            f"{width} x {height} pixels upscaled by {self.scale:g} are more than the {MOST_PIXELS} "
            f"that an upscaled picture may have: use a `scale` of at most {_down(most)}{smaller}."
        )

    def sizes(self, height, width):
        """How a picture of this size is upscaled, a `Sizes`.

        Raises:
            ValueError: if it would have too many pixels, or a tile would take too much memory.
        """
        size = self.size_of(height, width)
        passes: list = []
        sides = height, width
        while not passes or self.own ** len(passes) < self.scale * (1 - 1e-9):
            passes.append(self._sides(*sides))
            sides = sides[0] * self.own, sides[1] * self.own
        tiles = sum(len(down.starts) * len(across.starts) for down, across in passes)
        return Sizes(tuple(passes), sides, size, tiles)

    def _sides(self, height, width):
        """The `Side`s of one pass."""
        tile = self._tile or self._fitting_tile(width)
        source = self._source
        down, across = (
            Side(side, tile, self._overlap, self.own, source.multiple_of, source.smallest)
            for side in (height, width)
        )
        needed = self._model.bytes_to_translate(self.name, down.tile, across.tile)
        free = available()
        if free is not None and needed > free:
            raise ValueError(
                f"A tile of {across.tile} x {down.tile} pixels takes about {needed / 2**30:.1f} "
                f"GiB of memory, and {free / 2**30:.1f} are free: use a smaller `tile` (at least "
                f"{self._smallest_tile(self._overlap)}), or a smaller `overlap`."
            )
        return down, across

    def _fitting_tile(self, width):
        """The largest tile that keeps the network's call and a row of joined tiles small."""
        free = available()
        budget = _CALL_BYTES if free is None else min(_CALL_BYTES, free // 4)
        per_pixel = self._model.bytes_to_translate(self.name, 1000, 1000) / 1e6
        of_call = math.isqrt(int(budget / per_pixel))
        of_band = _BAND_BYTES // (width * self._source.channels * 4 * self.own**2)
        fitting = min(of_call, of_band, _LARGEST_TILE)
        return max(fitting // 8 * 8, self._smallest_tile(self._overlap))

    def strips(self, picture, done=None):
        """Upscales a picture strip by strip, so that the whole is never in memory as float32.

        Args:
            picture: (H, W, C), float in [-1, 1], or uint8 or uint16 with all their values; C is
                what the network takes, or 1 or 3, see `upscaled`.
            done: called after each tile.

        Yields:
            float32 (h, scaled W, C), from the top to the bottom.
        """
        sizes = self.sizes(*picture.shape[:2])
        call = self._call(picture.shape[-1])
        strips = strips_of(picture)
        for down, across in sizes.passes:
            strips = tiled(strips, call, down, across, done)
        yield from lanczos(strips, sizes.made, sizes.size)

    def _call(self, channels):
        """The network for one tile (h, w, channels), whatever channels it has itself."""
        call = self._model.compiled_call(self._model.networks[self.name])

        def straight(tile):
            return call(tile[None]).numpy()[0]

        if channels == self._source.channels:
            return straight
        if channels == 1:  # grey through a network of colours
            return lambda tile: straight(tile.repeat(self._source.channels, -1)).mean(
                axis=-1, keepdims=True
            )
        # Colours through a network of grey, one after the other.
        return lambda tile: np.concatenate(
            [straight(np.ascontiguousarray(plane)) for plane in np.split(tile, channels, -1)], -1
        )

    def upscaled(self, images):
        """Upscales arrays.

        Args:
            images: float (N, H, W, C) in [-1, 1], or one picture (H, W, C). C is what the network
                takes; through a network of colours also 1, which stays grey, and through one of
                grey also 3, which go through it one after the other.

        Returns:
            float32 (N, scale H, scale W, C), or one picture.

        Raises:
            ValueError: for another shape or values outside [-1, 1]; as `sizes`; if the result does
                not fit into the memory.
        """
        images = np.asarray(images)
        channels = {self._source.channels, 1, 3}
        if images.ndim not in (3, 4) or images.shape[-1] not in channels:
            raise ValueError(
                "Pictures to upscale must have shape (N, H, W, C) or (H, W, C), C "
                f"{' or '.join(map(str, sorted(channels)))}. Received: {images.shape}."
            )
        check_pictures(images)
        batch = images[None] if images.ndim == 3 else images
        size = self.sizes(*batch.shape[1:3]).size
        shape = (len(batch), *size, batch.shape[-1])
        _check_room(shape)
        made = np.empty(shape, "float32")
        for picture, place in zip(batch, made, strict=True):
            row = 0
            for strip in self.strips(picture):
                place[row : row + len(strip)] = strip
                row += len(strip)
        return made[0] if images.ndim == 3 else made


def _check_room(shape):
    needed, free = 4 * math.prod(shape), available()
    if free is not None and needed > free:
        raise ValueError(
            f"Upscaled pictures of shape {shape} take {needed / 2**30:.1f} GiB of memory, and "
            f"{free / 2**30:.1f} are free: use a smaller `scale`, or fewer pictures at a time."
        )


def _down(number):
    """A number in three digits, not rounded up."""
    step = 10.0 ** (math.floor(math.log10(number)) - 2)
    return f"{math.floor(number / step) * step:g}"
