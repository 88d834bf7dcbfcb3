"""Whether there is an image at all."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("keras_gans")
class IsEmpty(keras.layers.Layer):
    """Returns 1 for each image that is all zeros, and 0 for others.

    A frame before the first one of a clip is given as zeros: nothing of it is to be used.

    Args:
        **kwargs: those of `keras.layers.Layer`.

    Shapes: (N, H, W, C) -> (N, 1, 1, 1).
    """

    def call(self, images):
        largest = ops.max(ops.abs(images), axis=(1, 2, 3), keepdims=True)
        return ops.cast(largest == 0.0, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], 1, 1, 1)
