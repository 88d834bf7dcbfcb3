"""Pictures with something else in their holes."""

import keras
import numpy as np


@keras.saving.register_keras_serializable("keras_gans")
class FillHoles(keras.layers.Layer):
    """Returns pictures, with others in their holes; known pixels are copied through.

    Args:
        hole: (top, left, bottom, right) in pixels, the last two behind it: the hole that all
            pictures have. None where masks come with them.
        **kwargs: those of `keras.layers.Layer`.

    Shapes: pictures (N, H, W, C), masks (N, H, W, 1) of ones in the hole and zeros elsewhere,
    unless `hole` is given, and the other pictures (N, H, W, C) -> (N, H, W, C).
    """

    def __init__(self, hole=None, **kwargs):
        super().__init__(**kwargs)
        self.hole = None if hole is None else tuple(hole)

    def call(self, inputs):
        if self.hole is None:
            pictures, masks, others = inputs
        else:
            pictures, others = inputs
            top, left, bottom, right = self.hole
            masks = np.zeros((1, *pictures.shape[1:3], 1), "float32")
            masks[:, top:bottom, left:right] = 1.0
            masks = keras.ops.cast(masks, self.compute_dtype)
        return masks * others + (1.0 - masks) * pictures

    def compute_output_shape(self, input_shape):
        return input_shape[0]

    def get_config(self):
        return {**super().get_config(), "hole": self.hole}
