"""What comes into `fit`, looked at before the game learns from it.

Whatever carries batches becomes a `tf.data.Dataset` in which every batch is looked at before a step
is made with it; arrays are looked at whole.
"""

from __future__ import annotations

import contextlib
import math
import warnings
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras.src.trainers.data_adapters.py_dataset_adapter import PyDatasetAdapter

from keras_gans.core import batches, monitoring
from keras_gans.core.signature import domains
from keras_gans.utils.checks import (
    check_pictures,
    check_positive,
    check_range_of_set,
    check_shares,
)


class Fitting:
    """`fit`, `train_on_batch`, and the checks of what they are given. Mixed into `GAN`."""

    def formed(self, batch):
        """The batch, shaped and typed as `batch_spec` says.

        Raises:
            ValueError: what came, what was expected, what to do.
        """
        spec = self.batch_spec()
        batch = batches.formed(batch, spec, self.conditions)
        # NumPy's division makes float64 of pictures, and labels may come as int64.
        return tf.nest.map_structure(lambda leaf, part: tf.cast(leaf, part.dtype), batch, spec)

    def fit(
        self,
        x=None,
        y=None,
        batch_size=None,
        epochs=1,
        verbose="auto",
        callbacks=None,
        validation_split=0.0,
        validation_data=None,
        shuffle=True,
        class_weight=None,
        sample_weight=None,
        initial_epoch=0,
        steps_per_epoch=None,
        validation_steps=None,
        validation_batch_size=None,
        validation_freq=1,
    ):
        """`keras.Model.fit`, which looks at every batch before the game learns from it.

        Args:
            x: a `tf.data.Dataset` of batches shaped as `batch_spec` says (`data.load` makes
                one), a `keras.utils.PyDataset`, a generator or any loader of such batches (tuples,
                lists, or dictionaries by the names of `batch_spec`; torch's `DataLoader` too), or
                the images as an array of float32 in [-1, 1]; two of them, `(a, b)`, for models
                that translate.
            y: with arrays, what comes beside the images (labels).
            batch_size: with arrays, images per update; the paper's where not given.
            epochs: as in `keras.Model.fit`, like all that is not named here.
            verbose: likewise.
            callbacks: one or a list of them. `mode="auto"` knows which way our losses and
                metrics are better.
            validation_split: share of the arrays, at their end, to measure by.
            validation_data: what `compile(metrics=...)` measures by; as `x`, or `(x, y)` of arrays.
            shuffle: of arrays.
            class_weight: refused: a game has no loss of single examples.
            sample_weight: likewise.
            initial_epoch: likewise.
            steps_per_epoch: likewise.
            validation_steps: likewise.
            validation_batch_size: likewise.
            validation_freq: likewise.

        Returns:
            The `keras.callbacks.History`.

        Raises:
            ValueError: if the data cannot be what the game is played with: another structure,
                shape or dtype, pictures outside [-1, 1], labels outside the classes; or for a
                callback that cannot do what it is there for.
        """
        self._assert_compile_called("fit")
        self.refuse_weights(class_weight=class_weight, sample_weight=sample_weight)
        if x is None:
            raise ValueError("`x` must be the data to learn from. Received: None.")
        if batch_size is not None:
            check_positive("batch_size", batch_size)
        self._refuse_unmeasured(validation_data, validation_split)
        monitoring.check(self, callbacks, validation_data is not None or bool(validation_split))
        listed = monitoring.listed(callbacks)
        for callback in listed:
            if hasattr(callback, "resume"):  # keras_gans.callbacks.Checkpoints
                x, epoch = callback.resume(self, x, steps_per_epoch)
                initial_epoch = initial_epoch if epoch is None else epoch

        failures: list[Exception] = []
        left_out: list[int] = []
        if validation_split and validation_data is None:
            x, y, validation_data = self._split(x, y, validation_split)
        if validation_data is not None:
            size = validation_batch_size or batch_size
            held_out, labels = _as_x_and_y(validation_data, self.conditions)
            validation_data = self.data_to_measure(held_out, labels, size, failures)
        if _is_arrays(x):
            x, batch_size, shuffle = self._checked_arrays(x, y, batch_size, shuffle, left_out)
        else:
            x, hooks = self._dataset(x, y, shuffle, failures, left_out)
            # Left at its default, Keras warns that it leaves a Dataset's order alone.
            batch_size, shuffle = None, False
            listed[:0] = hooks
        listed.insert(0, _Ending())
        before = int(self.step.numpy())
        with self.explained(failures):
            history = super().fit(
                x,
                batch_size=batch_size,
                epochs=epochs,
                verbose=verbose,
                callbacks=monitoring.with_these(callbacks, listed),
                validation_data=validation_data,
                shuffle=shuffle,
                initial_epoch=initial_epoch,
                steps_per_epoch=steps_per_epoch,
                validation_steps=validation_steps,
                validation_batch_size=validation_batch_size,
                validation_freq=validation_freq,
            )
        if history.epoch and int(self.step.numpy()) == before:
            raise ValueError("`x` holds no batch to learn from: no step was made.")
        self._tell_left_out(left_out)
        return history

    def train_on_batch(self, x, y=None, sample_weight=None, class_weight=None, return_dict=False):
        """`keras.Model.train_on_batch`, which looks at the batch before it learns from it."""
        self._assert_compile_called("train_on_batch")
        self.refuse_weights(class_weight=class_weight, sample_weight=sample_weight)
        batch = self.looked_at(x, y)
        self._check_shares(len(tf.nest.flatten(batch)[0]))
        batch = tf.nest.map_structure(tf.convert_to_tensor, batch)
        return super().train_on_batch(batch, return_dict=return_dict)

    def finish_training(self):
        """What `fit` ends with: averaged weights in their place, statistics that belong to them."""
        self.optimizer.finalize_variable_values()
        if not self.is_one_of_many:
            self.refresh()

    # === Arguments ===

    def refuse_weights(self, **weights):
        """Refuses weights of examples or classes, by the name of the argument.

        Raises:
            ValueError: what to do instead.
        """
        for argument, value in weights.items():
            if value is not None:
                raise ValueError(
                    f"`{argument}` weighs the losses of single examples, which a game does not "
                    "have. Leave it out; to show some of the data more often, repeat it in `x`."
                )

    def _refuse_unmeasured(self, validation_data, validation_split):
        if validation_data is not None:
            self.require_measures("`validation_data`")
        elif validation_split:
            self.require_measures("`validation_split`")

    def refuse_stillness(self):
        """Refuses a game in which nothing can learn.

        Raises:
            ValueError: what to do.
        """
        if not any(self.variables_of(player) for player in self.players):
            raise ValueError(
                f"All networks of {self.name} are frozen: there is nothing to learn. Set "
                "`trainable = True` of the model, or of those of its networks or layers that shall "
                "learn."
            )

    @contextlib.contextmanager
    def explained(self, failures):
        """Raises what was found in the data itself, where TensorFlow has rewritten it."""
        try:
            yield
        except tf.errors.OpError as error:
            if failures:
                raise failures[0] from None
            if self.is_one_of_many:
                raise RuntimeError(
                    "Another worker is gone or has failed, and this one cannot go on alone. Its "
                    "own output says why. Start all again with --resume (in Python, with "
                    "`callbacks.Checkpoints`): they go on from the last checkpoint. TensorFlow "
                    f"says: {str(error).strip().splitlines()[0][:300]}"
                ) from error
            raise

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Nothing: games are built when they are made.

        Under a strategy Keras would begin a pass of the data here, which moves its order, and
        reduce the batch over workers, which fails (Keras 3.15).
        """

    # === Streams ===

    def _dataset(self, x, y, shuffle, failures, left_out):
        """The data as a dataset of checked batches that can be shared out, and Keras' hooks of it.

        Args:
            x: anything but arrays.
            y: refused.
            shuffle: of a PyDataset, the order of its batches.
            failures: list that is given what is found.
            left_out: list that is given how many examples are.
        """
        if y is not None:
            raise ValueError(
                f"`y` goes with arrays only: `x`, a {type(x).__name__}, yields it in its batches. "
                "Leave out `y`."
            )
        data, hooks = self._as_dataset(x, shuffle, failures)
        size = _size(data)
        self._check_shares(size)
        replicas = self.distribute_strategy.num_replicas_in_sync
        if size is None and replicas > 1:
            raise ValueError(
                f"Batches are shared out among {replicas} devices evenly, and these may be of any "
                "size. Use `.batch(size, drop_remainder=True)`."
            )
        if self.is_one_of_many:
            # Every worker reads all and keeps its share: files may be fewer than workers.
            options = tf.data.Options()
            options.experimental_distribute.auto_shard_policy = (
                tf.data.experimental.AutoShardPolicy.DATA
            )
            data = data.with_options(options)
        data = self._checked_dataset(data, failures)
        least = self.discriminator_steps * self.packing
        if size is None and least > 1:
            data = batches.cut(data, least, left_out.append)
        return data, hooks

    def _as_dataset(self, x, shuffle, failures):
        """A `tf.data.Dataset` of whatever yields batches, and callbacks it needs."""
        if isinstance(x, tf.data.Dataset):
            if x.cardinality() == 0:
                raise ValueError("`x` holds no batch to learn from: the dataset is empty.")
            return x, []
        if not hasattr(x, "__iter__") and not isinstance(x, keras.utils.PyDataset):
            raise ValueError(
                "`x` must be a dataset, a loader that can be iterated, or arrays. Received: "
                f"{type(x).__name__}."
            )

        def read(batch):
            try:
                return batches.plain(batch, self.batch_spec(), self.conditions)
            except ValueError as error:
                failures.append(error)
                raise

        if not isinstance(x, keras.utils.PyDataset):
            return batches.streamed(x, read, self.batch_spec()), []
        adapter = PyDatasetAdapter(batches.Plain(x, read), shuffle=shuffle)
        data = adapter.get_tf_dataset()
        if x.num_batches is not None:
            data = data.apply(tf.data.experimental.assert_cardinality(x.num_batches))
        return data, [batches.Epochs(adapter)]

    def _checked_dataset(self, data, failures):
        """The dataset, each batch in the structure of `batch_spec` and looked at."""
        spec, conditions = self.batch_spec(), self.conditions
        form = batches.formed(data.element_spec, spec, conditions)
        limits = tf.constant(conditions.limits, tf.int64) if conditions else None

        def check(first, *tensors):
            try:
                batch = tf.nest.pack_sequence_as(form, [tensor.numpy() for tensor in tensors])
                batches.formed(batch, spec, conditions)
                self.check_values(batch, whole=False, first=bool(first))
                self._check_shares(len(tensors[0]) if _size(data) else None)
            except ValueError as error:
                failures.append(error)
                raise
            return True

        def fine(leaf, part):
            """Whether values are right, NaN being none; a fraction of a millisecond."""
            if part.dtype.is_integer:
                values = tf.cast(leaf, tf.int64)
                right = tf.reduce_all((values >= 0) & (values < limits))
            else:
                right = tf.reduce_all(tf.abs(leaf) <= 1.001)
            if leaf.shape.rank is None:
                right &= tf.equal(tf.rank(leaf), part.shape.rank)
            return right

        @tf.autograph.experimental.do_not_convert
        def passed(index, element):
            batch = batches.formed(element, spec, conditions)
            leaves = tf.nest.flatten(batch)
            right = [
                fine(leaf, part) for leaf, part in zip(leaves, tf.nest.flatten(spec), strict=True)
            ]
            first = tf.equal(index, 0)
            # In Python, which is slow, only what cannot be, to say why; and the first batch.
            looked_at = tf.cond(
                tf.reduce_all(right) & ~first,
                lambda: True,
                lambda: tf.ensure_shape(tf.py_function(check, [first, *leaves], tf.bool), ()),
            )
            # Copies: what `from_generator` hands over may be the caller's own arrays, into whose
            # memory TensorFlow writes a step's results where it thinks nobody else needs them.
            with tf.control_dependencies([looked_at]):
                return tf.nest.map_structure(lambda leaf: tf.raw_ops.DeepCopy(x=leaf), batch)

        return data.enumerate().map(passed, num_parallel_calls=1)

    def data_to_measure(self, x, y, batch_size, failures):
        """Data of `evaluate` as a dataset of checked batches.

        Args:
            x: as of `fit`.
            y: as of `fit`.
            batch_size: of arrays.
            failures: list that is given what is found in it.
        """
        if x is None:
            raise ValueError("`x` must be the data to measure by. Received: None.")
        if _is_arrays(x):
            batch = self._formed_arrays(x, y)
            count = len(tf.nest.flatten(batch)[0])
            self._check_enough(count)
            return tf.data.Dataset.from_tensor_slices(batch).batch(batch_size or 32)
        if y is not None:
            raise ValueError("`y` goes with arrays only. Leave it out.")
        data, _ = self._as_dataset(x, False, failures)
        return self._checked_dataset(data, failures)

    def _check_enough(self, count):
        for measure in self.measures:
            if count < measure.least:
                raise ValueError(
                    f"{type(measure).__name__} needs at least {measure.least} pictures to measure "
                    f"by. Received: {count}. Give more, or use another metric."
                )

    # === Arrays ===

    def _formed_arrays(self, x, y=None):
        """Whole arrays in the structure of `batch_spec`, looked at."""
        spec, conditions = self.batch_spec(), self.conditions
        batch = batches.arranged((x, y), spec)
        batch = tf.nest.map_structure(_as_it_is, batch)
        # Compared without a number of rows: how many there are of each is another question.
        forms = tf.nest.map_structure(
            lambda array: tf.TensorSpec(array.shape, tf.as_dtype(np.asarray(array[:1]).dtype)),
            batch,
        )
        batches.formed(forms, spec, conditions)
        batch = batches.formed(batch, spec, conditions) if conditions else batch
        self.check_values(batch, whole=True, first=True)
        lengths = [len(leaf) for leaf in tf.nest.flatten(batch)]
        if len({*lengths}) > 1 and not domains(self):
            raise ValueError(
                "What belongs together row by row must have as many rows. Received: "
                f"{' and '.join(map(str, lengths))}."
            )
        return batch

    def _checked_arrays(self, x, y, batch_size, shuffle, left_out):
        """Arrays as Keras takes them, or a dataset where they have to be shared out.

        Returns:
            What `fit` of Keras is given as `x`, `batch_size` and `shuffle`.
        """
        batch = self._formed_arrays(x, y)
        batch_size = batch_size or self.batch_size
        leaves = tf.nest.flatten(batch)
        counts = [len(leaf) for leaf in leaves]
        steps = self.discriminator_steps
        least = self.packing * self.distribute_strategy.num_replicas_in_sync
        if steps * least == 1 and len({*counts}) == 1:
            return batch, batch_size, shuffle
        self._check_shares(batch_size * steps)
        size = min(batch_size, min(counts) // (steps * least) * least) * steps
        if len({*counts}) > 1:
            size = batch_size
        if not size:
            raise ValueError(
                f"{counts[0]} images cannot be shared out among discriminator_steps={steps}: every "
                f"update needs at least {least}."
            )
        data = self._rows(batch, max(counts), shuffle).batch(size, drop_remainder=steps * least > 1)
        if steps * least > 1 and counts[0] % size:
            left_out.append(counts[0] % size)
        return data, None, False

    def _rows(self, batch, count, shuffle):
        """Row by row; of sets that do not belong together the smaller one again and again."""
        if not domains(self):
            data = tf.data.Dataset.from_tensor_slices(batch)
            return data.shuffle(count, seed=self.seed) if shuffle else data
        sets = []
        for number, leaf in enumerate(batch):
            rows = tf.data.Dataset.from_tensor_slices(leaf)
            rows = rows.shuffle(len(leaf), seed=self.seed + number) if shuffle else rows
            sets.append(rows if len(leaf) == count else rows.repeat())
        return tf.data.Dataset.zip(tuple(sets)).take(count)

    def _split(self, x, y, share):
        """Arrays in two: `x` and `y` to learn from, and `(x, y)` to measure by, the last rows."""
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
        return learned, None, held_out

    # === Values ===

    def _tell_left_out(self, counts):
        if counts:
            divisor = self.discriminator_steps * self.packing
            warnings.warn(
                f"Images left out: {sum(counts)}, of batches that cannot be shared out among "
                f"discriminator_steps={self.discriminator_steps} with packing={self.packing}. Of a "
                f"multiple of {divisor} images none is left out; so it is with "
                "`.batch(size, drop_remainder=True)` on purpose.",
                stacklevel=3,
            )

    def _check_shares(self, batch_size):
        replicas = self.distribute_strategy.num_replicas_in_sync
        if batch_size is not None and batch_size % replicas:
            raise ValueError(
                f"A batch is shared out among {replicas} devices, so its size must be a multiple "
                f"of {replicas}. Received: {batch_size}."
            )
        share = None if batch_size is None else batch_size // replicas
        check_shares(share, self.discriminator_steps, self.packing)

    def looked_at(self, x, y=None):
        """One batch as arrays in the structure of `batch_spec`, its form and values checked.

        Raises:
            ValueError: what came, what was expected, what to do.
        """
        spec = self.batch_spec()
        leaves = batches.plain((x, y), spec, self.conditions)
        batch = tf.nest.pack_sequence_as(spec, leaves)
        self.check_values(batch, whole=False, first=True)
        return batch

    def check_values(self, batch, whole=False, first=False):
        """Refuses pictures outside [-1, 1], labels outside the classes, attributes but 0 and 1.

        Args:
            batch: arrays, as `batch_spec` says.
            whole: whether the arrays are all there is.
            first: whether pictures in [0, 1] are looked for as well.

        Raises:
            ValueError: what came, what was expected, what to do.
        """
        specs = tf.nest.flatten(self.batch_spec())
        for tensor, spec in zip(tf.nest.flatten(batch), specs, strict=True):
            values = np.asarray(tensor)
            if spec.dtype.is_floating and spec.shape.rank == 4:
                check_pictures(values)
                if first:
                    check_range_of_set(values, whole)
            elif spec.dtype.is_integer:
                self.conditions.check(values)


class _Ending(keras.callbacks.Callback):
    """Ends a training before any other callback does, so that all see what it leaves."""

    def on_train_end(self, logs=None):
        self.model.finish_training()


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
