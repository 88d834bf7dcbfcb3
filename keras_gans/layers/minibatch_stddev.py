"""How much the samples of a batch differ, as one more feature map."""

import keras
import tensorflow as tf
from keras import ops

# Under the root, whose slope at 0 is infinite.
_EPSILON = 1e-8


@keras.saving.register_keras_serializable("keras_gans")
class MinibatchStdDev(keras.layers.Layer):
    """Appends the standard deviation over a group of samples, so that sameness gives fakes away.

    A batch of N is cut into M = N / group_size groups; sample i is in group i mod M, as in the
    authors' code. The biased standard deviation over the group's samples, averaged over all
    features and pixels, is one number for each group and fills the new feature map of each of its
    samples. Computed in float32.

    Args:
        group_size: samples of a group. A smaller batch is one group. A batch of another size that
            is known when the graph is made is cut into groups of its largest divisor below.
        **kwargs: those of `keras.layers.Layer`.

    Shapes: (N, H, W, C) -> (N, H, W, C + 1)

    Raises:
        ValueError: for a group size below 1.
        tf.errors.InvalidArgumentError: in a graph of unknown batch size, for a batch larger than
            the group that groups do not divide.

    References: Karras et al., 2017, https://arxiv.org/abs/1710.10196 (section 3); in groups:
    Karras et al., 2019, https://arxiv.org/abs/1912.04958
    """

    def __init__(self, group_size=4, **kwargs):
        super().__init__(**kwargs)
        if group_size < 1:
            raise ValueError(f"`group_size` must be at least 1. Received: {group_size}")
        self.group_size = group_size
        self.built = True

    def call(self, inputs):
        size = self._size(inputs)
        height, width, channels = (
            tf.shape(inputs)[axis] if inputs.shape[axis] is None else inputs.shape[axis]
            for axis in (1, 2, 3)
        )
        features = tf.reshape(ops.cast(inputs, "float32"), (size, -1, height, width, channels))
        centred = features - tf.reduce_mean(features, axis=0, keepdims=True)
        deviation = tf.sqrt(tf.reduce_mean(tf.square(centred), axis=0) + _EPSILON)
        averages = tf.reduce_mean(deviation, axis=(1, 2, 3))  # one for each group
        # Not by `tf.tile`, of whose gradient's whole numbers oneDNN complains on some processors.
        of_samples = tf.broadcast_to(averages[None], (size, tf.shape(averages)[0]))
        of_samples = tf.cast(tf.reshape(of_samples, (-1, 1, 1, 1)), inputs.dtype)
        return tf.concat([inputs, of_samples * tf.ones_like(inputs[..., :1])], axis=-1)

    def _size(self, inputs):
        """Samples of a group: a number where the batch size is known, else a tensor."""
        count = inputs.shape[0]
        if count is not None:
            sizes = range(1, min(self.group_size, count) + 1)
            return max((size for size in sizes if count % size == 0), default=1)
        count = tf.shape(inputs)[0]
        size = tf.minimum(self.group_size, count)
        message = (
            f"Groups of {self.group_size} samples must divide the batch. Choose a batch size that "
            "is a multiple, drop the last batch (drop_remainder), or choose another `group_size`."
        )
        check = tf.debugging.assert_equal(count % size, 0, message)
        with tf.control_dependencies([check]):
            return tf.identity(size)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], None if input_shape[-1] is None else input_shape[-1] + 1)

    def get_config(self):
        return {**super().get_config(), "group_size": self.group_size}
