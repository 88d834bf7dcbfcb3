"""Smoothing through the filter [1, 3, 3, 1], and doubling with it.

Reference: Karras et al., 2019, https://arxiv.org/abs/1912.04958 (appendix B)
"""

import keras
import numpy as np
import tensorflow as tf

_TAPS = np.array([1.0, 3.0, 3.0, 1.0]) / 8.0
_FILTER = np.outer(_TAPS, _TAPS)


def fir_smoothed(x, margins, stride=1, gain=1.0):
    """Feature maps (N, H, W, C) smoothed with [1, 3, 3, 1] / 8 in both directions.

    Args:
        x: the maps.
        margins: pixels of zeros before and after, in both directions.
        stride: 1, or 2 to keep every second pixel.
        gain: what all is multiplied by.
    """
    kernel = np.tile((gain * _FILTER)[:, :, None, None], (1, 1, x.shape[-1], 1))
    x = tf.pad(x, [[0, 0], margins, margins, [0, 0]])
    kernel = tf.constant(kernel, x.dtype)
    return tf.nn.depthwise_conv2d(x, kernel, (1, stride, stride, 1), "VALID")


@keras.saving.register_keras_serializable("keras_gans")
class FIRUpsample2D(keras.layers.Layer):
    """Doubles with [1, 3, 3, 1] / 4: pixels between zeros, smoothed.

    Outside there are zeros, so at the borders it is no bilinear resize.

    Shapes: (N, H, W, C) -> (N, 2 H, 2 W, C)

    Reference: Karras et al., 2019, https://arxiv.org/abs/1912.04958 (appendix B)
    """

    def call(self, inputs):
        channels = inputs.shape[-1]
        # A transposed convolution of stride 2 puts the zeros; of a diagonal kernel it mixes no
        # maps. The picture grows by the filter's ends, which are cut off.
        kernel = (4.0 * _FILTER)[:, :, None, None] * np.eye(channels)
        return keras.ops.conv_transpose(
            inputs, tf.constant(kernel, inputs.dtype), strides=2, padding="same"
        )

    def compute_output_shape(self, input_shape):
        batch, *sides, channels = input_shape
        return (batch, *[None if side is None else 2 * side for side in sides], channels)
