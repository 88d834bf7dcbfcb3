"""Layers whose kernels are N(0, 1) and scaled when used: equalised learning rates.

Adam moves all weights by about the same amount, so those of small scale learn faster than others.
With all of them stored at scale 1 and multiplied by He's constant in the call, all learn alike.

Reference: Karras et al., 2017, https://arxiv.org/abs/1710.10196 (section 4.1)
"""

import math

import keras
import tensorflow as tf
from keras import ops

from keras_gans.layers.fir import fir_smoothed
from keras_gans.utils.checks import check_choice

_ACTIVATIONS = (None, "leaky_relu")


def activated(x, activation):
    """Leaky ReLU 0.2 times sqrt(2), which keeps the variance about 1; or nothing."""
    if activation is None:
        return x
    return ops.leaky_relu(x, 0.2) * ops.cast(math.sqrt(2.0), x.dtype)


class _Equalized(keras.layers.Layer):
    """What dense layers and convolutions have in common."""

    def __init__(self, activation=None, use_bias=True, **kwargs):
        super().__init__(**kwargs)
        check_choice("activation", activation, _ACTIVATIONS)
        self.activation, self.use_bias = activation, use_bias

    def _finished(self, x, bias):
        if bias is not None:
            x = x + ops.cast(bias, x.dtype)
        return activated(x, self.activation)

    def get_config(self):
        config = {"activation": self.activation, "use_bias": self.use_bias}
        return {**super().get_config(), **config}


@keras.saving.register_keras_serializable("keras_gans")
class EqualizedDense(_Equalized):
    """Dense layer with an equalised learning rate.

        y = activation(x (kernel m / sqrt(fan-in)) + bias m)

    Args:
        units: length of the output.
        lr_multiplier: m: how fast it learns compared with other layers. Kernel and bias are stored
            divided by it.
        bias_start: of the bias as it acts.
        activation: "leaky_relu" (0.2, times sqrt(2)) or None.
        use_bias: whether there is a bias.
        **kwargs: those of `keras.layers.Layer`.

    Shapes: (N, C) -> (N, units)

    Raises:
        ValueError: for another activation.
    """

    def __init__(self, units, lr_multiplier=1.0, bias_start=0.0, **kwargs):
        super().__init__(**kwargs)
        self.units, self.lr_multiplier, self.bias_start = units, lr_multiplier, bias_start

    def build(self, input_shape):
        self.kernel = self.add_weight(
            shape=(input_shape[-1], self.units),
            initializer=keras.initializers.RandomNormal(0.0, 1.0 / self.lr_multiplier),
            name="kernel",
        )
        self.bias = None
        if self.use_bias:
            start = keras.initializers.Constant(self.bias_start / self.lr_multiplier)
            self.bias = self.add_weight(shape=(self.units,), initializer=start, name="bias")

    def call(self, inputs):
        gain = self.lr_multiplier / math.sqrt(self.kernel.shape[0])
        bias = None if self.bias is None else self.bias * self.lr_multiplier
        return self._finished(ops.matmul(inputs, self.kernel * gain), bias)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "lr_multiplier": self.lr_multiplier,
            "bias_start": self.bias_start,
        }


@keras.saving.register_keras_serializable("keras_gans")
class EqualizedConv2D(_Equalized):
    """Convolution with an equalised learning rate, which may halve the picture.

        y = activation(conv(x, kernel / sqrt(fan-in)) + bias)

    Args:
        filters: feature maps of the output.
        kernel_size: side of the kernel.
        downsample: smooth with [1, 3, 3, 1] / 8 in both directions, then keep every second pixel.
        activation: "leaky_relu" (0.2, times sqrt(2)) or None.
        use_bias: whether there is a bias.
        **kwargs: those of `keras.layers.Layer`.

    Shapes: (N, H, W, C) -> (N, H, W, filters); halved (N, H / 2, W / 2, filters), H and W even

    Raises:
        ValueError: for another activation.

    Reference for smoothing: Zhang, 2019, https://arxiv.org/abs/1904.11486
    """

    def __init__(self, filters, kernel_size, downsample=False, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.kernel_size, self.downsample = filters, kernel_size, downsample

    def build(self, input_shape):
        self.kernel = self.add_weight(
            shape=(self.kernel_size, self.kernel_size, input_shape[-1], self.filters),
            initializer=keras.initializers.RandomNormal(0.0, 1.0),
            name="kernel",
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(shape=(self.filters,), initializer="zeros", name="bias")

    def call(self, inputs):
        fan_in = math.prod(self.kernel.shape[:-1])
        kernel = ops.cast(self.kernel / math.sqrt(fan_in), inputs.dtype)
        if not self.downsample:
            x = tf.nn.conv2d(inputs, kernel, 1, "SAME")
        elif self.kernel_size == 1:
            # The same as the other way round, of a quarter of the pixels.
            x = tf.nn.conv2d(fir_smoothed(inputs, (1, 1), stride=2), kernel, 1, "VALID")
        else:
            margin = self.kernel_size // 2 + 1
            x = tf.nn.conv2d(fir_smoothed(inputs, (margin, margin)), kernel, 2, "VALID")
        return self._finished(x, self.bias)

    def compute_output_shape(self, input_shape):
        batch, *sides, _ = input_shape
        if self.downsample:
            sides = [None if side is None else side // 2 for side in sides]
        return (batch, *sides, self.filters)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "downsample": self.downsample,
        }
