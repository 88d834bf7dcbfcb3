"""The transposed convolution of the reference translators, cropped like PyTorch's."""

import keras
import tensorflow as tf
from keras.src.utils.naming import to_snake_case

from keras_gans.layers._fixed import refuse_others

# The name of earlier versions: in files a layer's configuration names its class, and so do the keys
# of its weights.
_EARLIER = "UpConv2D"


@keras.saving.register_keras_serializable("keras_gans")
@keras.saving.register_keras_serializable("keras_gans", _EARLIER)
class TorchConvTranspose2D(keras.layers.Conv2DTranspose):
    """PyTorch's `ConvTranspose2d(kernel 3, stride 2, padding 1, output_padding 1)`.

    TensorFlow's SAME has the same shape and other values: it crops the last row and column of the
    full result, PyTorch the first. In training a margin on all sides is computed and sliced off,
    with a gradient written out below; otherwise, so that converters see what they know, the full
    result is computed and its first row and column are sliced off.

    Args:
        filters: feature maps of the output.
        **kwargs: those of `keras.layers.Conv2DTranspose`, except kernel size, strides, padding,
            output padding, dilation, data format and activation.

    Raises:
        ValueError: for another value of the last four.

    Shapes: (N, H, W, C) -> (N, 2 H, 2 W, filters)
    """

    def __init__(self, filters, **kwargs):
        fixed = {"kernel_size": 3, "strides": 2, "padding": "valid"}
        super().__init__(filters, **{**kwargs, **fixed})
        refuse_others(
            self,
            output_padding=None,
            data_format="channels_last",
            activation=keras.activations.linear,
        )

    def call(self, inputs, training=None):
        if not training:
            return super().call(inputs)[:, 1:, 1:, :]
        outputs = _doubled(inputs, tf.convert_to_tensor(self.kernel))
        outputs = tf.ensure_shape(outputs, self.compute_output_shape(inputs.shape))
        return (
            tf.nn.bias_add(outputs, tf.convert_to_tensor(self.bias)) if self.use_bias else outputs
        )

    def load_own_variables(self, store):
        path = getattr(store, "_h5_entry_path", None)  # of Keras' files; other stores have none
        if path and not len(store):
            store = store.get(earlier_key(path))
        super().load_own_variables(store)

    def compute_output_shape(self, input_shape):
        batch, *sides, _ = input_shape
        return (batch, *(None if side is None else 2 * side for side in sides), self.filters)


def earlier_key(key):
    """Returns the key of a layer's weights in files of earlier versions; other keys unchanged."""
    return key.replace(to_snake_case(TorchConvTranspose2D.__name__), to_snake_case(_EARLIER))


@tf.custom_gradient
def _doubled(inputs, kernel):
    """The convolution by kernels that TensorFlow's CPU build has fast, both ways.

    The obvious form, explicit padding, falls back to slow ones for the result and for the
    gradient of the kernel (together 1.3 times as long); a padded VALID does not.
    """
    batch, height, width = tf.unstack(tf.shape(inputs)[:3])
    full = (batch, 2 * height + 2, 2 * width + 2, kernel.shape[2])
    outputs = tf.nn.conv2d_transpose(inputs, kernel, full, strides=2, padding="VALID")

    def gradient(upstream):
        of_inputs = tf.nn.conv2d(upstream, kernel, 2, [[0, 0], [1, 0], [1, 0], [0, 0]])
        of_kernel = tf.compat.v1.nn.conv2d_backprop_filter(
            tf.pad(upstream, [[0, 0], [1, 1], [1, 1], [0, 0]]),
            kernel.shape,
            inputs,
            strides=[1, 2, 2, 1],
            padding="VALID",
        )
        return of_inputs, of_kernel

    return outputs[:, 1:-1, 1:-1, :], gradient
