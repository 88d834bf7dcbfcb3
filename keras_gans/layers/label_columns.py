"""Labels of several inputs as one tensor."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("keras_gans")
class LabelColumns(keras.layers.Layer):
    """Joins labels of heads, and columns of attributes, side by side.

    `keras.layers.Reshape`, which would make columns of heads, leaves arithmetic with shapes in
    exported graphs.

    Args:
        **kwargs: those of `keras.layers.Layer`.

    Shapes: a list of (N,) and (N, columns) -> (N, columns of all)
    """

    def call(self, inputs):
        return ops.concatenate(
            [part[:, None] if len(part.shape) == 1 else part for part in inputs], axis=1
        )

    def compute_output_spec(self, inputs):
        columns = sum(part.shape[1] if len(part.shape) == 2 else 1 for part in inputs)
        return keras.KerasTensor((inputs[0].shape[0], columns), inputs[0].dtype)
