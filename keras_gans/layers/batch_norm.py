"""Batch normalization through TensorFlow's fused kernel."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("keras_gans")
class BatchNorm(keras.layers.BatchNormalization):
    """Batch normalization of the papers: `keras.layers.BatchNormalization`, fused while training.

    Keras 3 composes the training pass from separate reductions and products; TensorFlow has one
    kernel for all of it (and one for its gradient), on CPU as on GPU. Inference is Keras' own, so
    exports fold as usual. Two more differences, both as in the PyTorch references: the defaults
    are `epsilon=1e-5` and `momentum=0.9`, and the moving variance follows the unbiased variance.

    Args:
        momentum: share of the old moving statistics kept at each training call.
        epsilon: added to the variance.
        **kwargs: those of `keras.layers.BatchNormalization`, except `axis`, `renorm` and
            `synchronized`, which the kernel does not have.

    Shapes: (N, H, W, C) or (N, C) -> the same; any float dtype.

    Reference: Ioffe & Szegedy, 2015, https://arxiv.org/abs/1502.03167
    """

    def __init__(self, momentum=0.9, epsilon=1e-5, **kwargs):
        super().__init__(momentum=momentum, epsilon=epsilon, **kwargs)

    def call(self, inputs, training=None, mask=None):
        if not training or not self.trainable:
            return super().call(inputs, training=False, mask=mask)
        pictures = inputs if inputs.shape.rank == 4 else inputs[:, None, None, :]
        outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(
            pictures,
            self.gamma.value,
            self.beta.value,
            epsilon=self.epsilon,
            is_training=True,
        )
        self._follow(self.moving_mean, mean)
        self._follow(self.moving_variance, variance)
        return outputs if inputs.shape.rank == 4 else outputs[:, 0, 0, :]

    def _follow(self, moving, batch):
        moving.assign(moving * self.momentum + batch * (1.0 - self.momentum))
