"""What comes into `fit`, looked at before the game begins."""

import keras
import numpy as np
import tensorflow as tf

from keras_gans.utils.checks import check_pictures, check_positive, check_shares, check_structure


class Fitting:
    """`fit`, and the checks of what it is given. Mixed into `GAN`."""

    def formed(self, batch):
        """The batch, shaped and typed as `batch_spec` says.

        Raises:
            ValueError: what came, what was expected, what to do.
        """
        if isinstance(batch, tuple) and len(batch) == 1:  # what `fit(x=array)` yields
            (batch,) = batch
        self._check_form(batch)
        # NumPy's division makes float64 of pictures, and labels may come as int64.
        return tf.nest.map_structure(
            lambda leaf, spec: tf.cast(leaf, spec.dtype), batch, self.batch_spec()
        )

    def _check_form(self, batch):
        labels = batch[1] if isinstance(batch, tuple) and len(batch) == 2 else None
        if self.conditions and hasattr(labels, "shape"):
            self.conditions.check_form(tf.TensorShape(labels.shape))
        check_structure(batch, self.batch_spec())

    def fit(self, x=None, y=None, batch_size=None, **kwargs):
        """`keras.Model.fit`, with the first batch looked at before the game begins.

        Args:
            x: a `tf.data.Dataset` of batches shaped as `batch_spec` says (`data.load` makes
                one), or the images as an array of float32 in [-1, 1]; two of them, `(a, b)`, for
                models that translate.
            y: with arrays, what comes beside the images (labels).
            batch_size: with arrays, images per update; the paper's where not given.
            **kwargs: those of `keras.Model.fit`.

        Raises:
            ValueError: if the data cannot be what the game is played with: another structure,
                shape or dtype, pictures outside [-1, 1], labels outside the classes.
        """
        failures = []
        if batch_size is not None:
            check_positive("batch_size", batch_size)
        if isinstance(kwargs.get("callbacks"), keras.callbacks.Callback):
            kwargs["callbacks"] = [kwargs["callbacks"]]
        for callback in kwargs.get("callbacks") or ():
            if hasattr(callback, "resume"):  # keras_gans.callbacks.Checkpoints
                x, epoch = callback.resume(self, x, kwargs.get("steps_per_epoch"))
                if epoch is not None:
                    kwargs["initial_epoch"] = epoch
        if isinstance(x, tf.data.Dataset):
            x = self._checked_dataset(x, failures)
            # Left at its default, Keras warns that it leaves a Dataset's order alone.
            kwargs.setdefault("shuffle", False)
        elif _is_arrays(x):
            x, y, batch_size = self._checked_arrays(x, y, batch_size, kwargs)
        try:
            return super().fit(x, y, batch_size=batch_size, **kwargs)
        except tf.errors.OpError as error:
            if failures:  # raised inside the pipeline, where TensorFlow rewrites messages
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

    def _checked_dataset(self, data, failures):
        self._check_form(data.element_spec)
        size = tf.nest.flatten(data.element_spec)[0].shape[0]
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

        def check(*tensors):
            try:
                self._check_shares(len(tensors[0]))
                self.check_values(tf.nest.pack_sequence_as(data.element_spec, tensors))
            except ValueError as error:
                failures.append(error)
                raise
            return True

        def check_first(index, batch):
            # Only the first batch: the pipeline's mistakes are the same in every batch, and a
            # check that costs nothing can stay on.
            return tf.cond(
                index == 0,
                lambda: tf.ensure_shape(tf.py_function(check, tf.nest.flatten(batch), tf.bool), ()),
                lambda: True,
            )

        def passed(index, batch):
            # Copies: what `from_generator` hands over may be the caller's own arrays, into whose
            # memory TensorFlow writes a step's results where it thinks nobody else needs them.
            with tf.control_dependencies([check_first(index, batch)]):
                return tf.nest.map_structure(lambda leaf: tf.raw_ops.DeepCopy(x=leaf), batch)

        return data.enumerate().map(passed, num_parallel_calls=1)

    def _checked_arrays(self, x, y, batch_size, kwargs):
        x = tuple(x) if isinstance(x, list) else x
        batch = x if y is None else (x, y)
        spec = tf.nest.map_structure(
            lambda array: tf.TensorSpec(array.shape, tf.as_dtype(np.asarray(array[:1]).dtype)),
            batch,
        )
        self._check_form(spec)
        self.check_values(batch)
        batch_size = batch_size or self.batch_size
        steps, packing = self.discriminator_steps, self.packing
        replicas = self.distribute_strategy.num_replicas_in_sync
        if steps * packing * replicas == 1:
            return x, y, batch_size
        self._check_shares(batch_size * steps)
        if kwargs.get("validation_split"):
            raise ValueError("A GAN has no validation loss: leave out `validation_split`.")
        # Keras would end the epoch on a smaller batch, which need not divide into shares.
        data, count = tf.data.Dataset.from_tensor_slices(batch), len(tf.nest.flatten(batch)[0])
        if kwargs.get("shuffle", True):
            data = data.shuffle(count, seed=self.seed)
        kwargs["shuffle"] = False  # done here
        least = packing * replicas
        size = min(batch_size, count // (steps * least) * least) * steps
        if not size:
            raise ValueError(
                f"{count} images cannot be shared out among discriminator_steps={steps}: every "
                f"update needs at least {least}."
            )
        return data.batch(size, drop_remainder=True), None, None

    def _check_shares(self, batch_size):
        replicas = self.distribute_strategy.num_replicas_in_sync
        if batch_size is not None and batch_size % replicas:
            raise ValueError(
                f"A batch is shared out among {replicas} devices, so its size must be a multiple "
                f"of {replicas}. Received: {batch_size}."
            )
        share = None if batch_size is None else batch_size // replicas
        check_shares(share, self.discriminator_steps, self.packing)

    def check_values(self, batch):
        """Refuses pictures outside [-1, 1], labels outside the classes, attributes but 0 and 1.

        Raises:
            ValueError: what came, what was expected, what to do.
        """
        specs = tf.nest.flatten(self.batch_spec())
        for tensor, spec in zip(tf.nest.flatten(batch), specs, strict=True):
            values = np.asarray(tensor)
            if spec.dtype.is_floating and spec.shape.rank == 4:
                check_pictures(values)
            elif spec.dtype.is_integer:
                self.conditions.check(values)


def _is_arrays(x):
    parts = x if isinstance(x, (tuple, list)) else [x]
    return bool(parts) and all(hasattr(part, "shape") for part in parts)
