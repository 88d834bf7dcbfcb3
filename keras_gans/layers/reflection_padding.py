"""Padding with the picture's own mirror image."""

import keras
import tensorflow as tf
from keras import ops


@keras.saving.register_keras_serializable("keras_gans")
class ReflectionPadding2D(keras.layers.Layer):
    """Pads height and width by reflection about the border pixels, which are not repeated.

    Args:
        padding: pixels on every side; less than the smallest side to pad.
        **kwargs: those of `keras.layers.Layer`.

    Shapes: (N, H, W, C) -> (N, H + 2 padding, W + 2 padding, C)

    Raises:
        ValueError: for pictures too small to be reflected that far.
    """

    def __init__(self, padding=1, **kwargs):
        super().__init__(**kwargs)
        self.padding = padding
        self.built = True

    def call(self, inputs, training=None):
        sides = [side for side in inputs.shape[1:3] if side is not None]
        if sides and min(sides) <= self.padding:
            raise ValueError(
                f"Reflection by {self.padding} pixels needs sides of at least {self.padding + 1}. "
                f"Received pictures of shape {tuple(inputs.shape)}."
            )
        if training:
            return tf.ensure_shape(
                _reflected(inputs, self.padding), self.compute_output_shape(inputs.shape)
            )
        around = (self.padding, self.padding)
        return ops.pad(inputs, ((0, 0), around, around, (0, 0)), mode="reflect")

    def compute_output_shape(self, input_shape):
        batch, *sides, channels = input_shape
        padded = [None if side is None else side + 2 * self.padding for side in sides]
        return (batch, *padded, channels)

    def get_config(self):
        return {**super().get_config(), "padding": self.padding}


def _reflected(inputs, padding):
    """By concatenation, in two thirds of the time of `tf.pad`, whose gradient is the fast one."""

    @tf.custom_gradient
    def reflected(images):
        rows = _mirrored(images, padding, axis=1)
        return _mirrored(rows, padding, axis=2), lambda upstream: tf.raw_ops.MirrorPadGrad(
            input=upstream,
            paddings=[[0, 0], [padding, padding], [padding, padding], [0, 0]],
            mode="REFLECT",
        )

    return reflected(inputs)


def _mirrored(images, padding, axis):
    def strip(first, last):
        picked = [slice(None)] * axis + [slice(first, last)]
        return tf.reverse(images[tuple(picked)], [axis]) if padding > 1 else images[tuple(picked)]

    return tf.concat([strip(1, padding + 1), images, strip(-padding - 1, -1)], axis)
