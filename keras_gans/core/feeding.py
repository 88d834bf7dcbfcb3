"""Data as it comes, and the same as a game can learn from it or be measured by it.

Whatever carries batches becomes a `tf.data.Dataset` in which every batch is looked at before a step
is made with it; arrays are looked at whole.
"""

from __future__ import annotations

import contextlib
import math
import warnings
import weakref
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras.src.trainers.data_adapters.py_dataset_adapter import PyDatasetAdapter

from keras_gans.core import batches
from keras_gans.core.label_maps import check_classes
from keras_gans.core.signature import Flow, LabelMap, domains
from keras_gans.utils.checks import check_flow, check_pictures, check_range_of_set, check_shares

_MEASURED_AT_ONCE = 32  # Keras' batch size


class Feed:
    """The data of one call of `fit` or `evaluate`.

    Args:
        model: a `keras_gans.GAN`.

    Attributes:
        failures: what was found in batches; TensorFlow rewrites the sentences of what is raised
            inside a pipeline.
        left_out: examples of each batch that could not be shared out.
        hooks: callbacks the data needs.
    """

    def __init__(self, model):
        self.model, self.spec, self.conditions = model, model.batch_spec(), model.conditions
        self._roles = tuple(model.batch_roles().values())
        self.failures: list[Exception] = []
        self.left_out: list[int] = []
        self.hooks: list[keras.callbacks.Callback] = []

    @property
    def _replicas(self):
        return self.model.distribute_strategy.num_replicas_in_sync

    @property
    def _least(self):
        """What the sizes of batches must be a multiple of."""
        return self.model.discriminator_steps * self.model.packing

    def to_learn_from(self, x, y, batch_size, shuffle):
        """What `fit` of Keras is given as `x`, `batch_size` and `shuffle`."""
        if _is_arrays(x):
            return self._arrays(x, y, batch_size, shuffle)
        # Left at its default, Keras warns that it leaves a Dataset's order alone.
        return self._dataset(x, y, shuffle), None, False

    def to_measure(self, held_out, batch_size):
        """A dataset of checked batches for `evaluate`, of `(x, y)` as of `fit`."""
        x, y = held_out
        if x is None:
            raise ValueError("`x` must be the data to measure by. Received: None.")
        if _is_arrays(x):
            batch = self._formed_arrays(x, y)
            self._check_enough(len(tf.nest.flatten(batch)[0]))
            data = tf.data.Dataset.from_tensor_slices(batch)
            return data.batch(batch_size or _MEASURED_AT_ONCE)
        self._refuse_labels_beside(x, y)
        data = self._checked(self._as_dataset(x, False))
        self.hooks.clear()  # they are of epochs of the training
        return data

    def parted(self, x, y, share, held_out):
        """`x`, `y` and what is held out as `(x, y)`; its last rows where a share is asked for."""
        if held_out is not None:
            return x, y, _as_x_and_y(held_out, self.conditions)
        if not share:
            return x, y, None
        x, held_out = self._split(x, y, share)
        return x, None, (held_out, None)

    @contextlib.contextmanager
    def explained(self):
        """Raises what was found in the data itself, where TensorFlow has rewritten it."""
        try:
            yield
        except tf.errors.OpError as error:
            if self.failures:
                raise self.failures[0] from None
            if self.model.is_one_of_many:
                raise RuntimeError(
                    "Another worker is gone or has failed, and this one cannot go on alone. Its "
                    "own output says why. Start all again with --resume (in Python, with "
                    "`callbacks.Checkpoints`): they go on from the last checkpoint. TensorFlow "
                    f"says: {str(error).strip().splitlines()[0][:300]}"
                ) from error
            raise

    # === Streams ===

    def _dataset(self, x, y, shuffle):
        """The data as a dataset of checked batches that can be shared out."""
        self._refuse_labels_beside(x, y)
        data = self._as_dataset(x, shuffle)
        size = _size(data)
        self.check_shares(size)
        if size is None and self._replicas > 1:
            raise ValueError(
                f"Batches are shared out among {self._replicas} devices evenly, and these may be "
                "of any size. Use `.batch(size, drop_remainder=True)`."
            )
        if self.model.is_one_of_many:
            # Every worker reads all and keeps its share: files may be fewer than workers.
            options = tf.data.Options()
            options.experimental_distribute.auto_shard_policy = (
                tf.data.experimental.AutoShardPolicy.DATA
            )
            data = data.with_options(options)
        data = self._checked(data)
        if size is None and self._least > 1:
            data = batches.cut(data, self._least, self.left_out.append)
        return data

    def _refuse_labels_beside(self, x, y):
        if y is not None:
            raise ValueError(
                f"`y` goes with arrays only: `x`, a {type(x).__name__}, yields it in its batches. "
                "Leave out `y`."
            )

    def _as_dataset(self, x, shuffle):
        """A `tf.data.Dataset` of whatever yields batches."""
        if isinstance(x, tf.data.Dataset):
            if x.cardinality() == 0:
                raise ValueError("`x` holds no batch to learn from: the dataset is empty.")
            return x
        if isinstance(x, keras.utils.PyDataset):
            return self._py_dataset(x, shuffle)
        if not hasattr(x, "__iter__"):
            raise ValueError(
                "`x` must be a dataset, a loader that can be iterated, or arrays. Received: "
                f"{type(x).__name__}."
            )
        return batches.streamed(x, self._read, self.spec)

    def _py_dataset(self, x, shuffle):
        adapter = PyDatasetAdapter(batches.Plain(x, self._read), shuffle=shuffle)
        self.hooks.append(batches.Epochs(adapter))
        data = adapter.get_tf_dataset()
        if x.num_batches is None:
            return data
        return data.apply(tf.data.experimental.assert_cardinality(x.num_batches))

    def _read(self, batch):
        """A loader's batch as arrays; what is wrong with it is kept."""
        try:
            return batches.plain(batch, self.spec, self.conditions)
        except ValueError as error:
            self.failures.append(error)
            raise

    def _checked(self, data):
        """The dataset, each batch in the structure of `batch_spec` and looked at."""
        form = batches.formed(data.element_spec, self.spec, self.conditions)
        of_one_size = _size(data) is not None
        # TensorFlow keeps what `py_function` calls until the process ends, and would the model.
        feed = weakref.ref(self)

        def check(first, *tensors):
            here = feed()
            if here is not None:
                batch = tf.nest.pack_sequence_as(form, [tensor.numpy() for tensor in tensors])
                here.check(batch, bool(first), of_one_size)
            return True

        @tf.autograph.experimental.do_not_convert
        def passed(index, element):
            batch = batches.formed(element, self.spec, self.conditions)
            leaves, first = tf.nest.flatten(batch), tf.equal(index, 0)
            # In Python, which is slow, only what cannot be, to say why; and the first batch.
            looked_at = tf.cond(
                self._are_right(leaves) & ~first,
                lambda: True,
                lambda: tf.ensure_shape(tf.py_function(check, [first, *leaves], tf.bool), ()),
            )
            # Copies: what `from_generator` hands over may be the caller's own arrays, into whose
            # memory TensorFlow writes a step's results where it thinks nobody else needs them.
            with tf.control_dependencies([looked_at]):
                return tf.nest.map_structure(lambda leaf: tf.raw_ops.DeepCopy(x=leaf), batch)

        return data.enumerate().map(passed, num_parallel_calls=1)

    def check(self, batch, first, of_one_size):
        """Looks at a batch of a stream.

        Args:
            batch: arrays in the structure of `batch_spec`.
            first: whether it is the first.
            of_one_size: whether all batches shall have as many rows.

        Raises:
            ValueError: for what cannot be learned from; it is kept in `failures`, too.
        """
        try:
            batches.formed(batch, self.spec, self.conditions)
            check_values(self.model, batch, first=first)
            if of_one_size:
                self.check_shares(len(tf.nest.flatten(batch)[0]))
        except ValueError as error:
            self.failures.append(error)
            raise

    def _are_right(self, leaves):
        """Whether values can be, in the graph: a fraction of a millisecond."""
        right = []
        parts = zip(leaves, tf.nest.flatten(self.spec), self._roles, strict=True)
        for leaf, part, role in parts:
            if part.dtype.is_integer:
                values = tf.cast(leaf, tf.int64)
                of_map = isinstance(role, LabelMap)
                limits = tf.constant(role.classes if of_map else self.conditions.limits, tf.int64)
                right.append(tf.reduce_all((values >= 0) & (values < limits)))
            else:  # NaN is in no range
                right.append(tf.reduce_all(tf.abs(leaf) <= 1.001))
            if leaf.shape.rank is None:
                right.append(tf.equal(tf.rank(leaf), part.shape.rank))
        return tf.reduce_all(right)

    def _check_enough(self, count):
        for measure in self.model.measures:
            if count < measure.least:
                raise ValueError(
                    f"{type(measure).__name__} needs at least {measure.least} pictures to measure "
                    f"by. Received: {count}. Give more, or use another metric."
                )

    # === Arrays ===

    def _formed_arrays(self, x, y=None):
        """Whole arrays in the structure of `batch_spec`, looked at."""
        batch = batches.arranged((x, y), self.spec)
        batch = tf.nest.map_structure(_as_it_is, batch)
        # Compared without a number of rows: how many there are of each is another question.
        forms = tf.nest.map_structure(
            lambda array: tf.TensorSpec(array.shape, tf.as_dtype(np.asarray(array[:1]).dtype)),
            batch,
        )
        batches.formed(forms, self.spec, self.conditions)
        if self.conditions:
            batch = batches.formed(batch, self.spec, self.conditions)
        check_values(self.model, batch, whole=True, first=True)
        lengths = [len(leaf) for leaf in tf.nest.flatten(batch)]
        if len({*lengths}) > 1 and not domains(self.model):
            raise ValueError(
                "What belongs together row by row must have as many rows. Received: "
                f"{' and '.join(map(str, lengths))}."
            )
        return batch

    def _arrays(self, x, y, batch_size, shuffle):
        """Arrays as Keras takes them, or a dataset where they have to be shared out."""
        batch = self._formed_arrays(x, y)
        batch_size = batch_size or self.model.batch_size
        counts = [len(leaf) for leaf in tf.nest.flatten(batch)]
        steps, least = self.model.discriminator_steps, self.model.packing * self._replicas
        if steps * least == 1:
            if len({*counts}) == 1:
                return batch, batch_size, shuffle
            return self._rows(batch, max(counts), shuffle).batch(batch_size), None, False
        self.check_shares(batch_size * steps)
        # Keras would end the epoch on a smaller batch, which need not divide into shares.
        size = min(batch_size, min(counts) // (steps * least) * least) * steps
        if not size:
            raise ValueError(
                f"{counts[0]} images cannot be shared out among discriminator_steps={steps}: every "
                f"update needs at least {least}."
            )
        data = self._rows(batch, max(counts), shuffle)
        if self._replicas > 1:
            return data.batch(size, drop_remainder=True), None, False
        data = batches.cut(data.batch(size), self._least, self.left_out.append)
        known = counts[0] // size + (counts[0] % size >= self._least)
        return data.apply(tf.data.experimental.assert_cardinality(known)), None, False

    def _rows(self, batch, count, shuffle):
        """Row by row; of sets that do not belong together the smaller one again and again."""
        if not domains(self.model):
            data = tf.data.Dataset.from_tensor_slices(batch)
            return data.shuffle(count, seed=self.model.seed) if shuffle else data
        sets = []
        for number, leaf in enumerate(batch):
            rows = tf.data.Dataset.from_tensor_slices(leaf)
            rows = rows.shuffle(len(leaf), seed=self.model.seed + number) if shuffle else rows
            sets.append(rows if len(leaf) == count else rows.repeat())
        return tf.data.Dataset.zip(tuple(sets)).take(count)

    def _split(self, x, y, share):
        """Arrays in two: to learn from, and to measure by, which are the last rows."""
        if not _is_arrays(x):
            raise ValueError(
                f"`validation_split` splits arrays only. Received: {type(x).__name__}. Use "
                "`validation_data`."
            )
        if not 0 < share < 1:
            raise ValueError(f"`validation_split` must be between 0 and 1. Received: {share!r}")
        batch = self._formed_arrays(x, y)

        def part(first):
            def of(leaf):
                at = math.floor(len(leaf) * (1 - share))
                return leaf[:at] if first else leaf[at:]

            return tf.nest.map_structure(of, batch)

        learned, held_out = part(True), part(False)
        if not all(len(leaf) for leaf in tf.nest.flatten((learned, held_out))):
            raise ValueError(f"validation_split={share} leaves no picture on one side.")
        return learned, held_out

    # === Values ===

    def tell_left_out(self):
        """Says once how many examples were not learned from, and why."""
        if self.left_out:
            warnings.warn(
                f"Images left out: {sum(self.left_out)}, of {len(self.left_out)} batches whose "
                f"size is no multiple of {self._least}, discriminator_steps="
                f"{self.model.discriminator_steps} times packing={self.model.packing}.",
                stacklevel=3,
            )

    def check_shares(self, batch_size):
        """Refuses a size that cannot be shared out among devices, and D's updates on each."""
        replicas = self._replicas
        if batch_size is not None and batch_size % replicas:
            raise ValueError(
                f"A batch is shared out among {replicas} devices, so its size must be a multiple "
                f"of {replicas}. Received: {batch_size}."
            )
        share = None if batch_size is None else batch_size // replicas
        check_shares(share, self.model.discriminator_steps, self.model.packing)


def check_values(model, batch, whole=False, first=False):
    """Refuses pictures outside [-1, 1], labels outside the classes, attributes but 0 and 1.

    Of label maps numbers of no class.

    Args:
        model: a `keras_gans.GAN`.
        batch: arrays, as `batch_spec` says.
        whole: whether the arrays are all there is.
        first: whether pictures in [0, 1] are looked for as well.

    Raises:
        ValueError: what came, what was expected, what to do.
    """
    specs, roles = tf.nest.flatten(model.batch_spec()), model.batch_roles().values()
    for tensor, spec, role in zip(tf.nest.flatten(batch), specs, roles, strict=True):
        values = np.asarray(tensor)
        if isinstance(role, LabelMap):
            check_classes(values, role.classes)
        elif isinstance(role, Flow):
            check_flow(values)
        elif spec.dtype.is_floating and spec.shape.rank >= 4:
            check_pictures(values)
            if first:
                check_range_of_set(values, whole)
        elif spec.dtype.is_integer:
            model.conditions.check(values)


def _is_arrays(x):
    if isinstance(x, dict):
        x = list(x.values())
    parts = x if isinstance(x, (tuple, list)) else [x]
    return bool(parts) and all(hasattr(part, "shape") for part in parts)


def _as_it_is(leaf: Any):
    """An array that can be sliced; of another library's tensor its values."""
    return batches.as_array(leaf) if hasattr(leaf, "detach") else leaf


def _as_x_and_y(data, conditions):
    """`validation_data` in its parts; a pair of pictures is one."""
    if isinstance(data, (tuple, list)) and len(data) == 3:
        if data[2] is not None:
            raise ValueError("`validation_data` has no weights: give `(x, y)`.")
        data = data[:2]
    if isinstance(data, (tuple, list)) and len(data) == 2 and (conditions or data[1] is None):
        return data
    return data, None


def _size(data) -> int | None:
    """Examples in a batch, where all have as many."""
    shape = tf.nest.flatten(data.element_spec)[0].shape
    return shape[0] if shape.rank else None
