"""Dropout for training on several devices."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("keras_gans")
class Dropout(keras.layers.Dropout):
    """`keras.layers.Dropout` that drops other inputs on every replica.

    Keras' own has one random state for all, so that replicas drop the same. On one device the two
    are equal, number for number.

    Args:
        rate: share of the inputs set to 0, the others scaled by 1 / (1 - rate).
        **kwargs: those of `keras.layers.Dropout`.

    Shapes: any -> the same.
    """

    def call(self, inputs, training=False):
        if not training or not self.rate:
            return inputs
        seed = tf.cast(self.seed_generator.next(), tf.int32)
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        if tf.distribute.get_strategy().num_replicas_in_sync > 1:
            seed += tf.stack([replica, 0])  # the first number tells generators apart
        return tf.nn.experimental.stateless_dropout(
            inputs, self.rate, noise_shape=self._noise_shape(inputs), seed=seed
        )

    def _noise_shape(self, inputs):
        """`noise_shape` with the sizes of the inputs in place of None."""
        if self.noise_shape is None:
            return None
        sizes = zip(self.noise_shape, tf.unstack(tf.shape(inputs)), strict=True)
        return tf.stack([size if given is None else given for given, size in sizes])
