"""Halving and doubling of feature maps through the filter [1, 2, 1]."""

import keras
import numpy as np
import tensorflow as tf

from keras_gans.layers.upsample import doubled

_FILTER = np.outer([1.0, 2.0, 1.0], [1.0, 2.0, 1.0])[:, :, None, None]


@keras.saving.register_keras_serializable("keras_gans")
class BlurDown(keras.layers.Layer):
    """Smooths with [1, 2, 1] / 4 in both directions and keeps every second pixel.

    Shapes: (N, H, W, C) -> (N, H / 2, W / 2, C), H and W even

    Reference: Zhang, 2019, https://arxiv.org/abs/1904.11486
    """

    def call(self, inputs):
        kernel = tf.constant(np.tile(_FILTER / 16.0, (1, 1, inputs.shape[-1], 1)), inputs.dtype)
        return tf.nn.depthwise_conv2d(inputs, kernel, (1, 2, 2, 1), "SAME")

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        return (batch, _scaled(height, 0.5), _scaled(width, 0.5), channels)


@keras.saving.register_keras_serializable("keras_gans")
class BlurUp(keras.layers.Layer):
    """Doubles with [1, 2, 1] / 2: new pixels are means of their neighbours.

    Shapes: (N, H, W, C) -> (N, 2 H, 2 W, C)

    Reference: Karras et al., 2018, https://arxiv.org/abs/1812.04948 (appendix C)
    """

    def call(self, inputs, training=None):
        # Every pixel twice in each direction, then the means of neighbours: the same as [1, 2, 1]
        # between zeros, of operations that converters know. The pixel before the last is its twin.
        twice = doubled(inputs, training)
        twice = tf.pad(twice, [[0, 0], [0, 1], [0, 1], [0, 0]], mode="REFLECT")
        return tf.nn.avg_pool2d(twice, 2, 1, "VALID")

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        return (batch, _scaled(height, 2), _scaled(width, 2), channels)


def _scaled(side, factor):
    return None if side is None else int(side * factor)
