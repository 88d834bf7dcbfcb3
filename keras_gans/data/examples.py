"""Pictures of one size, ready to be put in order and batched: what every source opens to.

An element of `batches` is `{"image": uint8 (N, H, W, C)}`, with `"label": int32 (N,)` or
`(N, columns)` where labels were asked for.
"""

import dataclasses
import itertools

import numpy as np
import tensorflow as tf

#: Decoded pictures are kept in memory where all of them take no more than this.
CACHE_BYTES = 2**30

#: A source whose files, as they lie on the disk, take no more than this is decoded before
#: training begins: seconds, for which everything is known to be readable. A larger one is decoded
#: while training.
UP_FRONT_BYTES = 2**28

#: Pictures a stream is shuffled among, where they fit in `CACHE_BYTES`.
_SHUFFLE_BUFFER = 16_384


@dataclasses.dataclass(frozen=True)
class Order:
    """In what order examples come and how they are batched.

    Attributes:
        batch_size: examples in a batch.
        shuffle: another order in every pass, or the source's order.
        seed: of the shuffling; equal seeds give equal orders, pass by pass.
        drop_remainder: leave out the examples that do not fill a batch.
        length: examples in a pass; where more than there are, they start over, in another order
            where they are shuffled. Each once where None.
        first_pass: where not None, the passes follow each other from this number on, without an
            end; where None, each iteration is a pass, numbered as they begin.
    """

    batch_size: int
    shuffle: bool
    seed: int
    drop_remainder: bool
    length: int | None = None
    first_pass: int | None = None

    def length_of(self, count):
        """How many examples a pass over a source of `count` examples shows."""
        return count if self.length is None else self.length

    def num_batches(self, count):
        """How many batches a pass over `count` examples makes."""
        whole, rest = divmod(self.length_of(count), self.batch_size)
        return whole + bool(rest and not self.drop_remainder)

    def passes(self):
        """The numbers of the passes, a dataset."""
        if self.first_pass is not None:
            return tf.data.Dataset.range(self.first_pass, 2**62)
        begun = itertools.count()
        number = lambda _: tf.numpy_function(lambda: np.int64(next(begun)), [], tf.int64)  # noqa: E731
        return tf.data.Dataset.from_tensors(0).map(number)

    def of_domain(self, number, length):
        """The order of one of several sources that are shown side by side."""
        seed = np.random.SeedSequence((self.seed, number)).generate_state(1, np.uint64)
        return dataclasses.replace(self, seed=int(seed[0]), length=length)


class Arrays:
    """Pictures in memory.

    Args:
        images: uint8 (count, H, W, C).
        labels: int (count,) or (count, columns), or None.
    """

    def __init__(self, images, labels=None):
        self.count, self.labels = len(images), labels
        columns = {"image": np.asarray(images)}
        if labels is not None:
            columns["label"] = np.asarray(labels, np.int32)
        with tf.device("CPU:0"):  # not in the accelerator's memory, where tf.data cannot read it
            self._columns = {name: tf.constant(column) for name, column in columns.items()}

    def batches(self, order):
        return index_batches(self.count, order).map(
            lambda index: {name: tf.gather(column, index) for name, column in self._columns.items()}
        )


class Lookup:
    """Pictures that are fetched when their turn comes.

    Args:
        fetch: function of int64 indices (N,); returns the pictures, uint8 (N, H, W, C), and the
            indices of the pictures they really are.
        shape: of one picture.
        count: how many there are.
        labels: int (count,) or (count, columns), or None.
    """

    def __init__(self, fetch, shape, count, labels=None):
        self.count, self.labels = count, labels
        self._fetch, self._shape = fetch, shape

    def batches(self, order):
        labels = None if self.labels is None else np.asarray(self.labels, np.int32)

        def batch(index):
            image, found = tf.numpy_function(self._fetch, [index], [tf.uint8, tf.int64])
            image = tf.ensure_shape(image, (index.shape[0], *self._shape))
            if labels is None:
                return {"image": image}
            label = tf.gather(labels, found)
            label = tf.ensure_shape(label, (index.shape[0], *labels.shape[1:]))
            return {"image": image, "label": label}

        return index_batches(self.count, order).map(batch, num_parallel_calls=2)


class Stream:
    """Pictures that can only be read one after the other.

    They are shuffled among the next 16,384, or as many as fit in `CACHE_BYTES`. TensorFlow mixes
    its global seed, where one is set, into that order.

    Args:
        dataset: unbatched examples, `{"image": uint8 (H, W, C), "label": int32 ()}`.
        count: how many there are.
    """

    labels = None  # not known before they are read

    def __init__(self, dataset, count):
        self.count, self._dataset = count, dataset

    def batches(self, order):
        examples = self._dataset
        room = CACHE_BYTES // np.prod(examples.element_spec["image"].shape.as_list())
        if self.count <= room:
            examples = examples.cache()
        if order.shuffle:
            buffer = int(max(1, min(self.count, room, _SHUFFLE_BUFFER)))
            examples = examples.shuffle(
                buffer, seed=order.seed % 2**63, reshuffle_each_iteration=True
            )
        if order.length_of(self.count) != self.count:
            examples = examples.repeat().take(order.length)
        batches = examples.batch(order.batch_size, drop_remainder=order.drop_remainder)
        if order.first_pass is None:
            return batches
        # What was shown is read again and passed over: a stream has no other way to a place.
        return batches.repeat().skip(order.first_pass * order.num_batches(self.count))


def index_batches(count, order):
    """Batches of the numbers from 0 to `count` - 1, in `order`."""
    length = order.length_of(count)
    rounds = -(-length // count) if count else 0

    def numbers(generator):
        if not order.shuffle:
            return np.resize(np.arange(count), length)
        shuffled = [generator.permutation(count) for _ in range(rounds)]
        return np.concatenate([np.empty(0, np.int64), *shuffled])[:length]

    return _drawn(numbers, tf.int64, (length,), order, purpose=0)


def flipped(batches, count, order):
    """Mirrors half of the pictures, left to right, drawn anew in every pass.

    Args:
        batches: dataset of `{"image": (N, H, W, C), ...}`.
        count: pictures in the source.
        order: the order the batches are in.
    """
    shape = (order.length_of(count),)
    spec = batches.element_spec["image"]

    def turned(images, mirrored):
        pairs = zip(images, mirrored, strict=True)
        return np.stack([image[:, ::-1] if turn else image for image, turn in pairs])

    def flip(batch, mirrored):
        # In NumPy, because TensorFlow's `[:, :, ::-1]` takes ten times as long.
        image = tf.numpy_function(turned, [batch["image"], mirrored], tf.uint8)
        return {**batch, "image": tf.ensure_shape(image, spec.shape)}

    mirrored = _drawn(lambda generator: generator.random(shape) < 0.5, tf.bool, shape, order, 1)
    return tf.data.Dataset.zip(batches, mirrored).map(flip)


def cropped(batches, count, order, height, width):
    """Cuts a part of this size out of each picture, at a place drawn anew in every pass.

    Args:
        batches: dataset of `{"image": (N, H, W, C), ...}`, of at least this size.
        count: pictures in the source.
        order: the order the batches are in.
        height: of the part, in pixels.
        width: of the part, in pixels.
    """
    drawn_shape = (order.length_of(count), 2)
    spec = batches.element_spec["image"]
    places = (spec.shape[1] - height + 1, spec.shape[2] - width + 1)

    def cut(images, corners):
        parts = [
            image[top : top + height, left : left + width]
            for image, (top, left) in zip(images, corners, strict=True)
        ]
        return np.stack(parts)

    def crop(batch, corner):
        image = tf.numpy_function(cut, [batch["image"], corner], tf.uint8)
        shape = (spec.shape[0], height, width, spec.shape[3])
        return {**batch, "image": tf.ensure_shape(image, shape)}

    def draw(generator):
        return generator.integers(places, size=drawn_shape)

    corners = _drawn(draw, tf.int64, drawn_shape, order, purpose=2)
    return tf.data.Dataset.zip(batches, corners).map(crop)


def drawn_seeds(count, order):
    """Seeds of what is random about each picture, drawn anew in every pass.

    Args:
        count: pictures in the source.
        order: the order the batches are in.

    Returns:
        A dataset of int64 (N, 2), a batch for each of the pictures'.
    """
    shape = (order.length_of(count), 2)
    return _drawn(
        lambda generator: generator.integers(2**31, size=shape), tf.int64, shape, order, 3
    )


def _drawn(draw, dtype, shape, order, purpose):
    """What `draw` makes of a NumPy generator, `shape[0]` values in each pass, cut into batches.

    The generator is a function of the seed, the number of the pass and the purpose, and of
    nothing else: `tf.data.Dataset.shuffle` mixes TensorFlow's global seed into its order.
    """
    size = order.batch_size
    num_batches = order.num_batches(shape[0])

    def values(number):
        return draw(np.random.default_rng((order.seed, int(number), purpose)))

    def one_pass(number):
        # A function of the pass alone: where everything must be repeatable TensorFlow may still
        # read ahead.
        drawn = tf.numpy_function(values, [number], dtype, stateful=False)
        drawn = tf.ensure_shape(drawn, shape)
        # Whole slices: making 64 elements and batching them would cost more than all the rest.
        starts = tf.data.Dataset.range(0, num_batches * size, size)
        return starts.map(lambda start: batch(drawn[start : start + size]))

    def batch(drawn):
        return tf.ensure_shape(drawn, (size if order.drop_remainder else None, *shape[1:]))

    return order.passes().flat_map(one_pass)


def scaled(images):
    """From uint8 to float32 in [-1, 1]."""
    return tf.cast(images, tf.float32) / 127.5 - 1.0
