"""Instance normalization."""

import keras
import tensorflow as tf
from keras import ops

# Pictures up to which one kernel for each is faster than one composed operation for all.
_FEW = 4


@keras.saving.register_keras_serializable("keras_gans")
class InstanceNorm(keras.layers.Layer):
    """Each feature map of each picture shifted to mean 0 and scaled to variance 1.

    Statistics are the picture's own, in training and after it, computed in float32. There are no
    weights unless asked for: that is `InstanceNorm2d`'s default in PyTorch, which the translators
    were built with.

    Args:
        epsilon: added to the variance.
        affine: scale by `gamma` and shift by `beta`, learned for each feature map.
        **kwargs: those of `keras.layers.Layer`.

    Shapes: (N, H, W, C) -> the same.

    Reference: Ulyanov, Vedaldi & Lempitsky, 2016, https://arxiv.org/abs/1607.08022
    """

    def __init__(self, epsilon=1e-5, affine=False, **kwargs):
        super().__init__(**kwargs)
        self.epsilon, self.affine = epsilon, affine
        self.built = not affine

    def build(self, input_shape):
        if self.affine:
            self.gamma = self.add_weight((input_shape[-1],), "ones", name="gamma")
            self.beta = self.add_weight((input_shape[-1],), "zeros", name="beta")

    def call(self, inputs, training=None):
        normalised = self._normalised(inputs, training)
        return normalised * self.gamma + self.beta if self.affine else normalised

    def _normalised(self, inputs, training):
        few = inputs.shape[0] and inputs.shape[0] <= _FEW
        if training and few and inputs.dtype != tf.float64:  # which the kernel does not have
            # Over one picture, batch norm is instance norm, and has a fused kernel with a
            # fused gradient. Exports never come here.
            pictures = tf.split(inputs, inputs.shape[0])
            return tf.concat([self._fused(picture) for picture in pictures], axis=0)
        features = ops.cast(inputs, "float32")
        mean = ops.mean(features, axis=(1, 2), keepdims=True)
        centred = features - mean
        # Not ops.square: its fusion with the subtraction has no 16-bit integer kernel in LiteRT.
        variance = ops.mean(centred * centred, axis=(1, 2), keepdims=True)
        return ops.cast(centred * ops.rsqrt(variance + self.epsilon), inputs.dtype)

    def _fused(self, picture):
        channels = picture.shape[-1]
        return tf.compat.v1.nn.fused_batch_norm(
            picture, tf.ones(channels), tf.zeros(channels), epsilon=self.epsilon
        )[0]

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon, "affine": self.affine}
