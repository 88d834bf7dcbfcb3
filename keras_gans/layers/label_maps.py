"""Labels as feature maps."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("keras_gans")
class LabelMaps(keras.layers.Layer):
    """Returns a constant feature map for each number of a code, of the size of images.

    Args:
        **kwargs: those of `keras.layers.Layer`.

    Shapes: images (N, H, W, C) and codes (N, length) -> (N, H, W, length).

    Reference: Choi et al., 2018, https://arxiv.org/abs/1711.09020 (section 3)
    """

    def call(self, inputs):
        images, codes = inputs
        codes = ops.cast(codes, images.dtype)[:, None, None, :]
        # Zeros by clipping: those of `zeros_like` leave arithmetic with shapes in exported graphs.
        return ops.clip(images[..., :1], 0.0, 0.0) + codes

    def compute_output_shape(self, input_shape):
        images, codes = input_shape
        return (*images[:-1], codes[-1])
