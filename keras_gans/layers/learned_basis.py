"""Where a generator of pictures begins."""

import keras


@keras.saving.register_keras_serializable("keras_gans")
class LearnedBasis(keras.layers.Layer):
    """A learned picture for each feature, as strong as the feature says.

    Args:
        side: of the square pictures.
        **kwargs: those of `keras.layers.Layer`.

    Shapes: (N, C) -> (N, side, side, C)

    Reference: Huang et al., 2024, https://arxiv.org/abs/2501.05441
    """

    def __init__(self, side, **kwargs):
        super().__init__(**kwargs)
        self.side = side

    def build(self, input_shape):
        self.basis = self.add_weight(
            shape=(self.side, self.side, input_shape[-1]),
            initializer=keras.initializers.RandomNormal(0.0, 1.0),
            name="basis",
        )

    def call(self, inputs):
        return inputs[:, None, None, :] * self.basis

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.side, self.side, input_shape[-1])

    def get_config(self):
        return {**super().get_config(), "side": self.side}
