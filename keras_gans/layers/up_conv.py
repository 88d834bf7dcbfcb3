"""The transposed convolution of the reference translators."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("keras_gans")
class UpConv2D(keras.layers.Conv2DTranspose):
    """PyTorch's `ConvTranspose2d(kernel 3, stride 2, padding 1, output_padding 1)`.

    TensorFlow's SAME has the same shape and other values: it crops the last row and column of the
    full result, PyTorch the first. In training the kernel's own explicit padding leaves them out;
    otherwise, where converters know no such padding, they are computed and sliced off.

    Args:
        filters: feature maps of the output.
        **kwargs: those of `keras.layers.Conv2DTranspose`, except kernel size, strides and padding.

    Shapes: (N, H, W, C) -> (N, 2 H, 2 W, filters)
    """

    def __init__(self, filters, **kwargs):
        fixed = {"kernel_size": 3, "strides": 2, "padding": "valid"}
        super().__init__(filters, **{**kwargs, **fixed})

    def call(self, inputs, training=None):
        if not training:
            return super().call(inputs)[:, 1:, 1:, :]
        batch, height, width = tf.unstack(tf.shape(inputs)[:3])
        outputs = tf.nn.conv2d_transpose(
            inputs,
            tf.convert_to_tensor(self.kernel),
            (batch, 2 * height, 2 * width, self.filters),
            strides=2,
            padding=[[0, 0], [1, 0], [1, 0], [0, 0]],
        )
        outputs = tf.ensure_shape(outputs, self.compute_output_shape(inputs.shape))
        return (
            tf.nn.bias_add(outputs, tf.convert_to_tensor(self.bias)) if self.use_bias else outputs
        )

    def compute_output_shape(self, input_shape):
        batch, *sides, _ = input_shape
        return (batch, *(None if side is None else 2 * side for side in sides), self.filters)
