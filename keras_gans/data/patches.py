"""Patches of photographs: squares at the photographs' own resolution, which upscalers learn from.

A photograph is fitted whole to the size of a model by all other ways (`image_converter.py`), and
shows one example an epoch, of shrunken detail. Here it gives as many patches as non-overlapping
ones fit into it, 64 at most: at random places in training, at fixed ones else.
"""

import concurrent.futures
import os
import threading

import numpy as np
import tensorflow as tf
from PIL import Image

#: Patches of one photograph in a pass, at most.
MOST = 64

#: What the patches of the photographs that are shuffled together may take, in bytes.
TOGETHER_BYTES = 2**27

# Of the patches at random places, this share is reduced by up to this factor: the detail of large
# photographs is soft at their own resolution.
_REDUCED, _LARGEST_FACTOR = 0.5, 2.0


class Photographs:
    """Photographs of their own sizes.

    Args:
        sizes: (height, width) of each.
        read: function of a number from 0; returns the photograph, uint8 (H, W, C).
    """

    def __init__(self, sizes, read):
        self.sizes, self.read = sizes, read


def in_memory(images):
    """`Photographs` of arrays, uint8 (H, W, C)."""
    return Photographs([image.shape[:2] for image in images], images.__getitem__)


class Patches:
    """Patches of photographs, ready to be put in order and batched.

    Photographs come in an order drawn for each pass. As many of them as give patches of
    `TOGETHER_BYTES` are decoded at once and their patches shuffled: no more than twice that is
    held, whatever the number and size of the photographs. Unshuffled, the patches of those
    photographs alternate. All that is drawn is a function of the seed and the number of the pass.

    Args:
        photographs: `Photographs`, each at least as large as a patch.
        height: of a patch, in pixels.
        width: of a patch, in pixels.
        channels: 1 or 3.

    Attributes:
        count: patches in a pass.
    """

    def __init__(self, photographs, height, width, channels):
        self._photographs, self.shape = photographs, (height, width, channels)
        grids = [(down // height, across // width) for down, across in photographs.sizes]
        self.counts = np.array([min(MOST, down * across) for down, across in grids])
        self.count = int(self.counts.sum())
        self._starts = np.cumsum(self.counts) - self.counts

    def batches(self, order, varied):
        """A dataset of `{"image": uint8 (N, H, W, C), "number": int64 (N,)}`.

        The number is that of the patch in the source, the same in every pass where the patches lie
        at fixed places.

        Args:
            order: an `examples.Order`.
            varied: whether patches lie at random places, some of them reduced or mirrored.
        """
        size = order.batch_size
        length = size if order.drop_remainder else None
        reader = _Reader(self, order, varied)

        def one_pass(number):
            starts = tf.data.Dataset.range(0, order.num_batches(self.count) * size, size)
            return starts.map(lambda start: batch(number, start))

        def batch(number, start):
            image, numbers = tf.numpy_function(reader, [number, start], [tf.uint8, tf.int64])
            image = tf.ensure_shape(image, (length, *self.shape))
            return {"image": image, "number": tf.ensure_shape(numbers, (length,))}

        return order.passes().flat_map(one_pass)

    def plan(self, number, order, varied):
        """The `_Plan` of a pass."""
        generator = np.random.default_rng((order.seed, int(number), 0))
        photographs = np.arange(len(self.counts))
        if order.shuffle:
            photographs = generator.permutation(photographs)
        groups = [
            _mixed(group, self.counts, generator if order.shuffle else None)
            for group in self._grouped(photographs)
        ]
        rows = np.concatenate(groups)
        places = generator.random((self.count, 5)) if varied else None
        ends = np.cumsum([len(group) for group in groups])
        return _Plan(rows[:, 0], rows[:, 1], places, ends)

    def _grouped(self, photographs):
        """Photographs, in groups whose patches take no more than `TOGETHER_BYTES`."""
        most = max(1, TOGETHER_BYTES // int(np.prod(self.shape)))
        groups: list[list[int]] = [[]]
        held = 0
        for photograph in photographs:
            if groups[-1] and held + self.counts[photograph] > most:
                groups.append([])
                held = 0
            groups[-1].append(photograph)
            held += self.counts[photograph]
        return groups

    def numbers(self, photographs, cells):
        """The numbers of patches in the source, int64."""
        return self._starts[photographs] + cells

    def cut(self, photograph, cells, places):
        """Patches of one photograph.

        Args:
            photograph: its number.
            cells: of the fixed places, numbers from 0; (N,).
            places: of the random ones, (N, 5) numbers in [0, 1), or None.

        Returns:
            uint8 (N, height, width, channels)
        """
        pixels = self._photographs.read(photograph)
        if places is not None:
            whole = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
            return np.stack([self._at_random(pixels, whole, *place) for place in places])
        height, width, _ = self.shape
        corners = _corners(pixels.shape, height, width)
        corners = [corners[cell % len(corners)] for cell in cells]
        return np.stack([pixels[y : y + height, x : x + width] for y, x in corners])

    def _at_random(self, pixels, whole, down, across, reduced, by, mirrored):
        """A patch at a random place, of five numbers in [0, 1)."""
        height, width, _ = self.shape
        factor = 1.0
        if reduced < _REDUCED:
            largest = min(_LARGEST_FACTOR, pixels.shape[0] / height, pixels.shape[1] / width)
            factor = 1.0 / (1.0 - by * (1.0 - 1.0 / largest))
        if factor == 1.0:
            top = int(down * (pixels.shape[0] - height + 1))
            left = int(across * (pixels.shape[1] - width + 1))
            patch = pixels[top : top + height, left : left + width]
        else:
            top = down * (pixels.shape[0] - height * factor)
            left = across * (pixels.shape[1] - width * factor)
            box = (left, top, left + width * factor, top + height * factor)
            patch = whole.resize((width, height), Image.Resampling.BICUBIC, box=box)
            patch = np.asarray(patch).reshape(self.shape)
        return patch[:, ::-1] if mirrored < 0.5 else patch


def _mixed(photographs, counts, generator):
    """Rows (photograph, cell) of all patches of a group of photographs.

    They are shuffled, or alternate between the photographs where there is no generator.
    """
    rows = np.array([(number, cell) for number in photographs for cell in range(counts[number])])
    if generator is not None:
        return generator.permutation(rows)
    return rows[np.argsort(rows[:, 1], kind="stable")]


def _corners(shape, height, width):
    """Top and left of the fixed patches of a photograph, `MOST` at most.

    They lie on a grid in its middle, in an order in which the first few lie far from each other.
    """
    down, across = shape[0] // height, shape[1] // width
    top, left = (shape[0] - down * height) // 2, (shape[1] - across * width) // 2
    chosen = np.random.default_rng(down * across).permutation(down * across)[:MOST]
    return [(top + cell // across * height, left + cell % across * width) for cell in chosen]


class _Plan:
    """What a pass shows.

    Attributes:
        photographs: of each patch, its photograph.
        cells: of each patch, its number among those of the photograph.
        places: of each patch, five numbers in [0, 1) that say where it lies; None at fixed places.
        ends: of each group of photographs, the patches up to its end.
    """

    def __init__(self, photographs, cells, places, ends):
        self.photographs, self.cells = photographs, cells
        self.places, self.ends = places, ends


class _Reader:
    """Reads batches of patches by the number of the pass and of the first patch.

    It keeps the plan of the latest pass and the patches of the latest group, so that a photograph
    is decoded once a pass where batches are asked for in turn.
    """

    def __init__(self, patches, order, varied):
        self._patches, self._order, self._varied = patches, order, varied
        self._pool = concurrent.futures.ThreadPoolExecutor(os.cpu_count())
        self._lock = threading.Lock()
        self._plans: dict = {}
        self._groups: dict = {}

    def __call__(self, number, start):
        with self._lock:  # two iterators of one dataset take turns
            return self._batch(int(number), int(start))

    def _batch(self, number, start):
        plan = _kept(self._plans, number, lambda: self._plan(number))
        stop = min(start + self._order.batch_size, self._patches.count)
        first, last = np.searchsorted(plan.ends, (start, stop - 1), side="right")
        parts = []
        for group in range(first, last + 1):
            begin = plan.ends[group - 1] if group else 0
            held = _kept(self._groups, (number, group), lambda g=group: self._group(plan, g))
            parts.append(held[max(start - begin, 0) : stop - begin])
        shown = slice(start, stop)
        numbers = self._patches.numbers(plan.photographs[shown], plan.cells[shown])
        return np.concatenate(parts), numbers.astype(np.int64)

    def _plan(self, number):
        return self._patches.plan(number, self._order, self._varied)

    def _group(self, plan, group):
        """All patches of a group of photographs, in their order."""
        rows = np.arange(plan.ends[group - 1] if group else 0, plan.ends[group])
        held = np.empty((len(rows), *self._patches.shape), np.uint8)

        def fill(photograph):
            own = rows[plan.photographs[rows] == photograph]
            places = None if plan.places is None else plan.places[own]
            held[own - rows[0]] = self._patches.cut(photograph, plan.cells[own], places)

        list(self._pool.map(fill, np.unique(plan.photographs[rows]).tolist()))
        return held


def _kept(held, key, make):
    """What is held under a key, made where it is not; before that all but the latest is let go."""
    if key not in held:
        while len(held) > 1:
            held.pop(next(iter(held)))
        held[key] = make()
    return held[key]
