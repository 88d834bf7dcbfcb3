"""What `fit` asks to begin a training where an earlier one stopped: of data, and of callbacks."""

import keras
import tensorflow as tf


class NumberedDataset(tf.data.Dataset):
    """A dataset that can begin at any of its passes, as what a pass shows depends on its number.

    It is the dataset it is made of in all else. `fit` begins it with the epoch the model has come
    to, instead of reading what was shown before.

    Args:
        dataset: the `tf.data.Dataset` of one pass.
        from_pass: function of a number from 0 that returns the dataset of that pass and, without
            an end, of those that follow.
        label_names: names of classes and attributes, which `fit` gives to the model; as
            `keras_gans.data.label_names` returns them, empty where there are none.
    """

    def __init__(self, dataset, from_pass, label_names=None):
        self._dataset, self._from_pass = dataset, from_pass
        self.label_names = label_names or {}
        super().__init__(dataset._variant_tensor)

    def _inputs(self):
        return [self._dataset]

    @property
    def element_spec(self):
        return self._dataset.element_spec

    def from_pass(self, number):
        """Returns the dataset of this pass and, without an end, of those that follow."""
        return self._from_pass(number)


class ResumingCallback(keras.callbacks.Callback):
    """A callback that may know of an earlier training, which `fit` then goes on with."""

    def resume(self, model, data, steps_per_epoch=None):
        """Called by `fit` before it begins; restores what there is to restore.

        Args:
            model: the compiled `keras_gans.GAN`.
            data: what `fit` was given to learn from.
            steps_per_epoch: as of `fit`.

        Returns:
            The data to learn from, and the epoch to begin with; None for that if there was no
            earlier training.
        """
        return data, None
