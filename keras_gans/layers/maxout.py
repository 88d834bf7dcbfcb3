"""Maxout units."""

import keras
from keras import ops

from keras_gans.layers._fixed import refuse_others


@keras.saving.register_keras_serializable("keras_gans")
class Maxout(keras.layers.Dense):
    """The largest of `pieces` affine functions of the input, for each of `units` outputs.

    Args:
        units: number of outputs.
        pieces: affine functions under each output.
        **kwargs: those of `keras.layers.Dense`, except `activation`.

    Raises:
        ValueError: for an activation.

    Shapes: (..., features) -> (..., units)

    Reference: Goodfellow et al., 2013, https://arxiv.org/abs/1302.4389
    """

    def __init__(self, units, pieces, **kwargs):
        super().__init__(units * pieces, **kwargs)
        refuse_others(self, activation=keras.activations.linear)
        self.pieces = pieces

    def call(self, inputs, training=None):
        affine = super().call(inputs)
        grouped = ops.reshape(
            affine, (-1, *ops.shape(affine)[1:-1], self.units // self.pieces, self.pieces)
        )
        return ops.max(grouped, axis=-1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units // self.pieces)

    def get_config(self):
        return {**super().get_config(), "units": self.units // self.pieces, "pieces": self.pieces}
