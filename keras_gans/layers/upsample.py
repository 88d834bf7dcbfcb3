"""Doubling of feature maps by repetition."""

import keras
import tensorflow as tf
from keras import ops


@keras.saving.register_keras_serializable("keras_gans")
class Upsample2D(keras.layers.Layer):
    """Every pixel twice in both directions: nearest-neighbour upsampling.

    In training by repetition, whose gradient runs everywhere and has a gradient of its own; in
    inference by one resize, which all converters know (they make ten operations of a repetition,
    or none).

    Shapes: (N, H, W, C) -> (N, 2 H, 2 W, C)
    """

    def call(self, inputs, training=None):
        return doubled(inputs, training)

    def compute_output_shape(self, input_shape):
        batch, *sides, channels = input_shape
        return (batch, *(None if side is None else 2 * side for side in sides), channels)


def doubled(inputs, training):
    """(N, H, W, C) -> (N, 2 H, 2 W, C), every pixel twice in both directions."""
    if training:
        return ops.repeat(ops.repeat(inputs, 2, axis=1), 2, axis=2)
    height, width = (
        fixed or dynamic
        for fixed, dynamic in zip(inputs.shape[1:3], tf.unstack(tf.shape(inputs)[1:3]), strict=True)
    )
    return tf.image.resize(inputs, (2 * height, 2 * width), "nearest")
