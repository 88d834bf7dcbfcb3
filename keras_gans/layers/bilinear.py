"""Bilinear doubling of feature maps, by each rule of where pixels lie."""

import keras
import tensorflow as tf

from keras_gans.utils.checks import check_choice

COORDINATES = ("half_pixel", "corners", "legacy")


@keras.saving.register_keras_serializable("keras_gans")
class BilinearUpsample2D(keras.layers.Layer):
    """Doubles height and width by bilinear interpolation.

    Args:
        coordinates: where pixels lie. "half_pixel": each new pair around its old pixel, as
            `keras.layers.UpSampling2D` and PyTorch's `align_corners=False`. "corners": the
            outermost pixels on each other, as PyTorch's `align_corners=True`. "legacy": every
            second new pixel on an old one, as TensorFlow 1's `resize_images`.
        **kwargs: those of `keras.layers.Layer`.

    Shapes: (N, H, W, C) -> (N, 2 H, 2 W, C)

    Raises:
        ValueError: for another rule.
    """

    def __init__(self, coordinates="half_pixel", **kwargs):
        check_choice("coordinates", coordinates, COORDINATES)
        super().__init__(**kwargs)
        self.coordinates = coordinates

    def call(self, inputs):
        known, sides = inputs.shape[1:3], tf.unstack(tf.shape(inputs)[1:3])
        size = [2 * (side or found) for side, found in zip(known, sides, strict=True)]
        resized = tf.raw_ops.ResizeBilinear(
            images=inputs,
            size=size,
            align_corners=self.coordinates == "corners",
            half_pixel_centers=self.coordinates == "half_pixel",
        )
        resized = tf.ensure_shape(resized, self.compute_output_shape(inputs.shape))
        return tf.cast(resized, inputs.dtype)  # the kernel gives float32

    def compute_output_shape(self, input_shape):
        batch, *sides, channels = input_shape
        return (batch, *(None if side is None else 2 * side for side in sides), channels)

    def get_config(self):
        return {**super().get_config(), "coordinates": self.coordinates}
