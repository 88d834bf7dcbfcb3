"""Bounding pictures where they are made, and not where the network learns."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("keras_gans")
class ClipInInference(keras.layers.Layer):
    """Bounds values to [-1, 1] in inference and passes them through in training.

    It ends networks without a bounded activation. Values beyond the bounds have no gradient through
    a clip, so that pixels which overshoot in training could not learn to come back.

    Args:
        **kwargs: those of `keras.layers.Layer`.

    Shapes: any.
    """

    def call(self, inputs, training=None):
        return inputs if training else ops.clip(inputs, -1.0, 1.0)

    def compute_output_shape(self, input_shape):
        return input_shape
