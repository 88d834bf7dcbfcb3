"""Two images mixed pixel by pixel."""

import keras


@keras.saving.register_keras_serializable("keras_gans")
class Mix(keras.layers.Layer):
    """Returns `share * first + (1 - share) * second` of images.

    Args:
        **kwargs: those of `keras.layers.Layer`.

    Shapes: two images (N, H, W, C) and their shares (N, H, W, 1) -> (N, H, W, C).
    """

    def call(self, inputs):
        first, second, share = inputs
        return share * first + (1.0 - share) * second

    def compute_output_shape(self, input_shape):
        return input_shape[0]
