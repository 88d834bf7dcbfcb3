"""Attention of every place of a map to every other, and the gain it is let in with."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("keras_gans")
class Attention2D(keras.layers.Layer):
    """Each place's weighted mean of values, weighted by how well its query fits their keys.

    The weights are the softmax over all places of the inner products of query and keys, which are
    not scaled. They are computed in float32. The matrix of weights has a row for each of the H W
    places: a map of 64 x 64 pixels takes 16 times the memory of one of 32 x 32.

    Args:
        **kwargs: those of `keras.layers.Layer`.

    Shapes: queries (N, H, W, C), keys (N, h, w, C) and values (N, h, w, D) -> (N, H, W, D). H, W,
    h and w must be known.

    Reference: Zhang et al., 2018, https://arxiv.org/abs/1805.08318 (section 3)
    """

    def call(self, inputs):
        queries, keys, values = inputs
        weights = ops.matmul(_places(queries), ops.transpose(_places(keys), (0, 2, 1)))
        weights = ops.softmax(ops.cast(weights, "float32"), axis=-1)
        mixed = ops.matmul(ops.cast(weights, values.dtype), _places(values))
        return ops.reshape(mixed, (-1, *queries.shape[1:3], values.shape[-1]))

    def compute_output_shape(self, input_shape):
        queries, _, values = input_shape
        return (*queries[:-1], values[-1])


def _places(maps):
    _, height, width, channels = maps.shape
    return ops.reshape(maps, (-1, height * width, channels))


@keras.saving.register_keras_serializable("keras_gans")
class LearnedGain(keras.layers.Layer):
    """The input times one learned number, 0 at first.

    Args:
        **kwargs: those of `keras.layers.Layer`.

    Shapes: any -> the same.
    """

    def build(self, input_shape):
        self.gamma = self.add_weight((), "zeros", name="gamma")

    def call(self, inputs):
        return inputs * ops.cast(self.gamma, inputs.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape
