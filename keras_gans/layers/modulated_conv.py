"""Convolutions whose input maps are weighed by a style."""

import math

import keras
import tensorflow as tf
from keras import ops

from keras_gans.layers.equalized import activated
from keras_gans.layers.fir import fir_smoothed

_EPSILON = 1e-8  # under the root


@keras.saving.register_keras_serializable("keras_gans")
class ModulatedConv2D(keras.layers.Layer):
    """Convolution whose input maps a style weighs, and whose output maps are scaled back.

        d = 1 / sqrt(sum over pixels and inputs of (s K)^2 + 1e-8)        y = d conv(s x, K)

    That equals a convolution with a kernel `s K d` of each picture's own, but the kernel is one
    constant for all, so no convolution in groups is needed and every converter knows it.

    Args:
        filters: feature maps of the output.
        kernel_size: side of the kernel.
        upsample: double the picture: a transposed convolution of stride 2, then the filter
            [1, 3, 3, 1].
        demodulate: scale back by d. Where not, the kernel is scaled by 1 / sqrt(fan-in) instead.
        **kwargs: those of `keras.layers.Layer`.

    Shapes: [(N, H, W, C), style (N, C)] -> (N, H, W, filters), or (N, 2 H, 2 W, filters); maps may
    also be (1, H, W, C), the same for all styles

    Reference: Karras et al., 2019, https://arxiv.org/abs/1912.04958 (section 2.2, equations 1, 3)
    """

    def __init__(self, filters, kernel_size, upsample=False, demodulate=True, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.kernel_size = filters, kernel_size
        self.upsample, self.demodulate = upsample, demodulate

    def build(self, input_shape):
        maps = input_shape[0][-1]
        # Of a transposed convolution the last two axes are the other way round.
        ends = (self.filters, maps) if self.upsample else (maps, self.filters)
        self.kernel = self.add_weight(
            shape=(self.kernel_size, self.kernel_size, *ends),
            initializer=keras.initializers.RandomNormal(0.0, 1.0),
            name="kernel",
        )

    def call(self, inputs):
        x, style = inputs
        kernel = self.kernel
        if not self.demodulate:
            fan_in = self.kernel_size**2 * x.shape[-1]
            kernel = kernel / math.sqrt(fan_in)
        y = self._convolved(x * style[:, None, None, :], ops.cast(kernel, x.dtype))
        if self.demodulate:
            y = y * ops.cast(self._scale(style), y.dtype)[:, None, None, :]
        return y

    def _convolved(self, x, kernel):
        if not self.upsample:
            return tf.nn.conv2d(x, kernel, 1, "SAME")
        x = ops.conv_transpose(x, kernel, strides=2, padding="valid")  # (2 H + 1, 2 W + 1)
        return fir_smoothed(x, (1, 1), gain=4.0)

    def _scale(self, style):
        energy = tf.reduce_sum(tf.square(ops.cast(self.kernel, "float32")), axis=(0, 1))
        style = ops.cast(style, "float32")
        # No square, which LiteRT does not know of integers of 16 bits.
        found = tf.matmul(style * style, energy, transpose_b=self.upsample)
        return tf.math.rsqrt(found + _EPSILON)

    def compute_output_shape(self, input_shape):
        (_, *sides, _), (batch, _) = input_shape
        if self.upsample:
            sides = [None if side is None else 2 * side for side in sides]
        return (batch, *sides, self.filters)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "upsample": self.upsample,
            "demodulate": self.demodulate,
        }


@keras.saving.register_keras_serializable("keras_gans")
class NoiseInjection(keras.layers.Layer):
    """Adds noise of one map, as strong as one learned number, then a bias, then leaky ReLU.

        y = sqrt(2) leaky_relu(x + strength noise + bias, 0.2)

    Shapes: [(N, H, W, C), noise (N or 1, H, W, 1)] -> (N, H, W, C)

    Reference: Karras et al., 2019, https://arxiv.org/abs/1912.04958 (section 2.1)
    """

    def build(self, input_shape):
        self.strength = self.add_weight(shape=(), initializer="zeros", name="strength")
        shape = (input_shape[0][-1],)
        self.bias = self.add_weight(shape=shape, initializer="zeros", name="bias")

    def call(self, inputs):
        x, noise = inputs
        x = x + ops.cast(self.strength, x.dtype) * ops.cast(noise, x.dtype)
        return activated(x + ops.cast(self.bias, x.dtype), "leaky_relu")

    def compute_output_shape(self, input_shape):
        return input_shape[0]
