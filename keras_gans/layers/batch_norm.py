"""Batch normalization through TensorFlow's fused kernel."""

import keras
import tensorflow as tf

from keras_gans.layers._fixed import refuse_others


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
        **kwargs: those of `keras.layers.BatchNormalization`, except `axis` and `renorm`. With
            `synchronized` (an attribute too) the statistics are those of all replicas, without
            the fused kernel; else each replica has its own, and what is saved is the first's.

    Raises:
        ValueError: for another `axis` than the last, or `renorm`.

    Shapes: (N, H, W, C) or (N, C) -> the same; any float dtype.

    Reference: Ioffe & Szegedy, 2015, https://arxiv.org/abs/1502.03167
    """

    def __init__(self, momentum=0.9, epsilon=1e-5, **kwargs):
        super().__init__(momentum=momentum, epsilon=epsilon, **kwargs)
        refuse_others(self, axis=-1, renorm=False)

    def call(self, inputs, training=None, mask=None):
        if not training or not self.trainable:
            return super().call(inputs, training=False, mask=mask)
        if self.synchronized and tf.distribute.get_strategy().num_replicas_in_sync > 1:
            return self._composed(inputs, tf.distribute.get_replica_context())
        if inputs.dtype == tf.float64:  # which the kernel does not have
            return self._composed(inputs)
        scale, offset = self._scale_and_offset()
        pictures = inputs if inputs.shape.rank == 4 else inputs[:, None, None, :]
        outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(
            pictures,
            scale,
            offset,
            epsilon=self.epsilon,
            is_training=True,
        )
        self._follow(self.moving_mean, mean)
        self._follow(self.moving_variance, variance)
        return outputs if inputs.shape.rank == 4 else outputs[:, 0, 0, :]

    def _scale_and_offset(self):
        """Gamma and beta; ones and zeros in place of one the layer was made without."""
        shape, dtype = self.moving_mean.shape, self.moving_mean.dtype
        return (
            self.gamma.value if self.scale else tf.ones(shape, dtype),
            self.beta.value if self.center else tf.zeros(shape, dtype),
        )

    def _composed(self, inputs, context=None):
        """As `call` in training, without the kernel.

        In two passes: the difference of the squares' mean and the mean's square loses digits.

        Args:
            inputs: those of `call`.
            context: of the replicas whose batches, which have one size, are normalized together.
        """
        axes = list(range(inputs.shape.rank - 1))
        exact = tf.cast(inputs, self.moving_mean.dtype)
        scale, offset = self._scale_and_offset()

        def mean_of(values):
            own = tf.reduce_mean(values, axes)
            return context.all_reduce("MEAN", own) if context else own

        mean = mean_of(exact)
        variance = mean_of(tf.math.squared_difference(exact, mean))
        outputs = tf.nn.batch_normalization(exact, mean, variance, offset, scale, self.epsilon)
        replicas = context.num_replicas_in_sync if context else 1
        count = replicas * tf.size(exact[..., 0], tf.int64)
        self._follow(self.moving_mean, mean)
        self._follow(
            self.moving_variance,
            variance * tf.cast(count / (count - 1), variance.dtype),  # unbiased
        )
        return tf.cast(outputs, inputs.dtype)

    def _follow(self, moving, batch):
        moving.assign(moving * self.momentum + batch * (1.0 - self.momentum))
