"""Layer normalization of whole pictures."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("keras_gans")
class LayerNorm2D(keras.layers.Layer):
    """All feature maps of a picture together, shifted to mean 0 and scaled to variance 1.

    Each map is then scaled by its `gamma` and shifted by its `beta`. PyTorch's `GroupNorm` of one
    group computes this, and so does TensorFlow 1's `contrib.layers.layer_norm`;
    `keras.layers.LayerNormalization` has a weight for each place, or statistics for each place.
    Statistics are the picture's own, in training and after it, computed in float32.

    Args:
        epsilon: added to the variance.
        **kwargs: those of `keras.layers.Layer`.

    Shapes: (N, H, W, C) -> the same.

    Reference: Ba, Kiros & Hinton, 2016, https://arxiv.org/abs/1607.06450
    """

    def __init__(self, epsilon=1e-5, **kwargs):
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def build(self, input_shape):
        self.gamma = self.add_weight((input_shape[-1],), "ones", name="gamma")
        self.beta = self.add_weight((input_shape[-1],), "zeros", name="beta")

    def call(self, inputs):
        features = ops.cast(inputs, "float32")
        centred = features - ops.mean(features, axis=(1, 2, 3), keepdims=True)
        # Not ops.square: its fusion with the subtraction has no 16-bit integer kernel in LiteRT.
        variance = ops.mean(centred * centred, axis=(1, 2, 3), keepdims=True)
        normalised = ops.cast(centred * ops.rsqrt(variance + self.epsilon), inputs.dtype)
        return normalised * self.gamma + self.beta

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon}
