"""`fit` and `train_on_batch`: what they refuse, and how a training begins and ends."""

from __future__ import annotations

import keras
import tensorflow as tf

from keras_gans.core import batches, monitoring
from keras_gans.core.feeding import Feed, check_values
from keras_gans.core.mixin import Mixin
from keras_gans.core.resuming import NumberedDataset, ResumingCallback
from keras_gans.utils.checks import check_positive


class Fitting(Mixin):
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
        self._refuse_no_data(x, batch_size)
        validates = self._refuse_unmeasured(validation_data, validation_split)
        monitoring.check(self, callbacks, validates)
        listed = monitoring.listed(callbacks)
        x, initial_epoch = self._resumed(listed, x, steps_per_epoch, initial_epoch)
        if isinstance(x, NumberedDataset):  # as `keras_gans.data.load` makes it
            if x.label_names:
                self.label_names = x.label_names
            x, steps_per_epoch = self._begun(x, initial_epoch, steps_per_epoch)

        feed = Feed(self)
        x, y, held_out = feed.parted(x, y, validation_split, validation_data)
        if validates:
            held_out = feed.to_measure(held_out, validation_batch_size or batch_size)
        x, batch_size, shuffle = feed.to_learn_from(x, y, batch_size, shuffle)
        callbacks = monitoring.with_these(callbacks, [_Ending(), *feed.hooks, *listed])
        before = int(self.step.numpy())
        with feed.explained():
            history = super().fit(
                *(x, None, batch_size, epochs, verbose, callbacks, 0.0, held_out, shuffle),
                *(None, None, initial_epoch, steps_per_epoch),
                *(validation_steps, validation_batch_size, validation_freq),
            )
        resumed = any(
            isinstance(callback, ResumingCallback) for callback in listed
        )  # it may be at its end
        if history.epoch and int(self.step.numpy()) == before and not resumed:
            raise ValueError("`x` holds no batch to learn from: no step was made.")
        feed.tell_left_out()
        return history

    def train_on_batch(self, x, y=None, sample_weight=None, class_weight=None, return_dict=False):
        """`keras.Model.train_on_batch`, which looks at the batch before it learns from it."""
        self._assert_compile_called("train_on_batch")
        self.refuse_weights(class_weight=class_weight, sample_weight=sample_weight)
        batch = self.looked_at(x, y)
        Feed(self).check_shares(len(tf.nest.flatten(batch)[0]))
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

    def _refuse_no_data(self, x, batch_size):
        if x is None:
            raise ValueError("`x` must be the data to learn from. Received: None.")
        if batch_size is not None:
            check_positive("batch_size", batch_size)

    def _refuse_unmeasured(self, validation_data, validation_split):
        """Whether there is something to measure by; refused where nothing is measured."""
        if validation_data is not None:
            self.require_measures("`validation_data`")
        elif validation_split:
            self.require_measures("`validation_split`")
        return validation_data is not None or bool(validation_split)

    def _resumed(self, callbacks, x, steps_per_epoch, initial_epoch):
        """The data and the epoch a training begins with, where a callback knows of an earlier."""
        for callback in callbacks:
            if isinstance(callback, ResumingCallback):  # keras_gans.callbacks.Checkpoints
                x, epoch = callback.resume(self, x, steps_per_epoch)
                initial_epoch = initial_epoch if epoch is None else epoch
        return x, initial_epoch

    def _begun(self, data, initial_epoch, steps_per_epoch):
        """Data whose passes are numbered, without an end, and the batches of an epoch.

        It begins with the epoch the model has come to, by its own count of steps: training that is
        resumed, or `fit` called again, is not shown what was shown.
        """
        length = len(data)
        steps = steps_per_epoch or length
        if not length:
            return data, steps_per_epoch
        done = max(initial_epoch, int(self.step.numpy()) // steps) * steps
        number, shown = divmod(done, length)
        data = data.from_pass(number)
        return data.skip(shown) if shown else data, steps

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

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Nothing: games are built when they are made.

        Under a strategy Keras would begin a pass of the data here, which moves its order, and
        reduce the batch over workers, which fails (Keras 3.15).
        """

    def looked_at(self, x, y=None):
        """One batch as arrays in the structure of `batch_spec`, its form and values checked.

        Raises:
            ValueError: what came, what was expected, what to do.
        """
        spec = self.batch_spec()
        leaves = batches.plain((x, y), spec, self.conditions)
        batch = tf.nest.pack_sequence_as(spec, leaves)
        check_values(self, batch, first=True)
        return batch


class _Ending(keras.callbacks.Callback):
    """Ends a training before any other callback does, so that all see what it leaves."""

    def on_train_end(self, logs=None):
        self.model.finish_training()
