"""Batches as they come, brought to the structure of `batch_spec`, whatever carries them.

Pairs come as tuples or lists, batches keyed by the names of `batch_spec` as dictionaries, labels
as (N,) or (N, 1), Keras' `(x, y, sample_weight)` with None for what is not there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_gans.utils.checks import check_structure


def arranged(batch, spec):
    """The batch in the structure of `batch_spec`, its leaves as they came.

    Raises:
        ValueError: for a dictionary of other names.
    """
    if isinstance(batch, Mapping):
        return _by_name(batch, spec)
    if not isinstance(batch, (tuple, list)):
        return batch
    parts = list(batch)
    while parts and parts[-1] is None:
        parts.pop()
    if len(parts) == 1:  # what `fit(x=array)` yields
        return arranged(parts[0], spec)
    return tuple(parts)


def _by_name(batch, spec):
    names = [leaf.name for leaf in tf.nest.flatten(spec)]
    if {*batch} != {*names}:
        raise ValueError(
            f"A batch keyed by name must have {', '.join(map(repr, names))}. Received: "
            f"{', '.join(map(repr, batch))}."
        )
    return tf.nest.pack_sequence_as(spec, [batch[name] for name in names])


def formed(batch, spec, conditions):
    """The batch, arranged, its labels in one column squeezed and its form checked.

    Args:
        batch: tensors, arrays or `tf.TensorSpec`.
        spec: of a batch.
        conditions: `Conditions` of the labels.

    Raises:
        ValueError: what came, what was expected, what to do.
    """
    batch = arranged(batch, spec)
    if isinstance(batch, tuple) and len(batch) == 2 and conditions:
        batch = (batch[0], _labels(batch[1], conditions))
    check_structure(batch, spec)
    return batch


def _labels(labels, conditions):
    """Labels (N, 1) as (N,); one-hot ones are refused."""
    shape = tf.TensorShape(getattr(labels, "shape", None))
    conditions.check_form(shape)
    if conditions.in_columns or shape.rank != 2:
        return labels
    if shape[1] == conditions.num_classes and shape[1] != 1:
        raise ValueError(
            f"Labels must be class numbers, integers (N,). Received: {shape}, which looks one-hot: "
            "use `labels.argmax(-1)`."
        )
    if shape[1] != 1 or not tf.as_dtype(labels.dtype).is_integer:
        return labels
    if isinstance(labels, tf.TensorSpec):
        return tf.TensorSpec(shape[:1], labels.dtype, labels.name)
    return labels[:, 0]


def as_array(leaf) -> np.ndarray:
    """What a loader hands over as a NumPy array: torch's tensors, wherever they are, and others."""
    for method in ("detach", "cpu"):
        leaf = getattr(leaf, method, lambda leaf=leaf: leaf)()
    return leaf.numpy() if hasattr(leaf, "numpy") else np.asarray(leaf)


def plain(batch, spec, conditions) -> tuple[np.ndarray, ...]:
    """A loader's batch as a tuple of NumPy arrays, in the order of `batch_spec`.

    Raises:
        ValueError: as `formed`.
    """
    batch = tf.nest.map_structure(as_array, arranged(batch, spec))
    leaves = tf.nest.flatten(formed(batch, spec, conditions))
    # Labels as wide as they come: what is outside the classes must not become what is not.
    return tuple(
        leaf.astype("int64" if np.issubdtype(leaf.dtype, np.integer) else "float32")
        for leaf in leaves
    )


def streamed(loader, read, spec) -> tf.data.Dataset:
    """A dataset of the batches of anything that can be iterated, again in every epoch.

    Args:
        loader: iterable; a generator is gone through once.
        read: function of one of its batches, to a tuple of arrays.
        spec: of a batch.
    """
    signature = tuple(
        tf.TensorSpec((None, *leaf.shape[1:]), tf.int64 if leaf.dtype.is_integer else leaf.dtype)
        for leaf in tf.nest.flatten(spec)
    )

    def batches():
        for batch in loader:
            yield read(batch)

    data = tf.data.Dataset.from_generator(batches, output_signature=signature)
    length = _length_of(loader)
    if length is not None:
        data = data.apply(tf.data.experimental.assert_cardinality(length))
    return data


def _length_of(loader):
    try:
        return len(loader)
    except TypeError:
        return None


class Plain(keras.utils.PyDataset):
    """A PyDataset whose batches are read by a function.

    Args:
        data: a `keras.utils.PyDataset`.
        read: function of one of its batches, to a tuple of arrays.
    """

    def __init__(self, data, read):
        super().__init__(
            workers=data.workers,
            use_multiprocessing=data.use_multiprocessing,
            max_queue_size=data.max_queue_size,
        )
        self._data, self._read = data, read

    def __len__(self):
        return len(self._data)

    def __getitem__(self, index):
        return self._read(self._data[index])

    @property
    def num_batches(self):
        return self._data.num_batches

    def on_epoch_begin(self):
        self._data.on_epoch_begin()

    def on_epoch_end(self):
        self._data.on_epoch_end()


class Epochs(keras.callbacks.Callback):
    """Tells a data adapter of Keras where epochs begin and end, as Keras' own loop would."""

    def __init__(self, adapter: Any):
        super().__init__()
        self._adapter = adapter

    def on_epoch_begin(self, epoch, logs=None):
        self._adapter.on_epoch_begin()

    def on_epoch_end(self, epoch, logs=None):
        self._adapter.on_epoch_end()


def cut(data, divisor, left_out) -> tf.data.Dataset:
    """Batches cut to the largest multiple of `divisor`; those of which nothing is left are dropped.

    Args:
        data: dataset of batches of any size.
        divisor: of the sizes.
        left_out: function told of each batch that is cut, how many examples are left out.
    """

    def told(count):
        left_out(int(count))
        return True

    @tf.autograph.experimental.do_not_convert
    def shortened(*batch):
        leaves = tf.nest.flatten(batch)
        over = tf.shape(leaves[0])[0] % divisor
        said = tf.cond(over > 0, lambda: tf.py_function(told, [over], tf.bool), lambda: True)
        with tf.control_dependencies([tf.ensure_shape(said, ())]):
            kept = tf.shape(leaves[0])[0] - over
        cut_leaves = [leaf[:kept] for leaf in leaves]
        return tf.nest.pack_sequence_as(batch if len(batch) > 1 else batch[0], cut_leaves)

    @tf.autograph.experimental.do_not_convert
    def any_left(*batch):
        return tf.shape(tf.nest.flatten(batch)[0])[0] > 0

    return data.map(shortened, num_parallel_calls=1).filter(any_left)
