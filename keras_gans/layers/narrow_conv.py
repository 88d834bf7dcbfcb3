"""Convolution to a few feature maps."""

import keras
import numpy as np
import tensorflow as tf

from keras_gans.layers._fixed import refuse_others


@keras.saving.register_keras_serializable("keras_gans")
class NarrowConv2D(keras.layers.Conv2D):
    """A `keras.layers.Conv2D` of stride 1 whose output has a few channels, such as a picture's.

    A kernel that computes 16 output channels at a time wastes most of its work on 3. In training
    the k x k convolution to C channels is computed as a k x 1 convolution to k * C channels, one
    group for each column of the kernel, and a 1 x k convolution of zeros and ones that adds the
    groups up, each shifted to its place: the same sum in another order, in 0.4 to 0.6 of the time
    at 7 x 7 to 3 channels. Otherwise, and so in exports, it is the plain convolution.

    Args:
        filters: feature maps of the output.
        kernel_size: side of the square kernel.
        **kwargs: those of `keras.layers.Conv2D`, except `strides`, `padding`, `dilation_rate`,
            `data_format`, `groups` and `activation`; padding is "valid".

    Raises:
        ValueError: for another value of these.

    Shapes: (N, H, W, C) -> (N, H - kernel_size + 1, W - kernel_size + 1, filters)
    """

    def __init__(self, filters, kernel_size, **kwargs):
        super().__init__(filters, kernel_size, **kwargs)
        refuse_others(
            self,
            strides=(1, 1),
            padding="valid",
            dilation_rate=(1, 1),
            data_format="channels_last",
            groups=1,
            activation=keras.activations.linear,
        )
        refuse_others(self, kernel_size=(self.kernel_size[0],) * 2)
        size = self.kernel_size[0]
        summing = np.eye(size * filters).reshape(1, size, filters, size * filters)
        self._summing = summing.transpose(0, 1, 3, 2)  # (1, size, size * filters, filters)

    def call(self, inputs, training=None):
        if not training:
            return super().call(inputs)
        size, channels = self.kernel_size[0], inputs.shape[-1]
        columns = tf.transpose(tf.convert_to_tensor(self.kernel), (0, 2, 1, 3))
        columns = tf.reshape(columns, (size, 1, channels, size * self.filters))
        partial = tf.nn.conv2d(inputs, columns, 1, "VALID")
        outputs = tf.nn.conv2d(partial, tf.constant(self._summing, partial.dtype), 1, "VALID")
        return (
            tf.nn.bias_add(outputs, tf.convert_to_tensor(self.bias)) if self.use_bias else outputs
        )
