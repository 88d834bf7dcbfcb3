"""Optimizers and schedules of the papers that Keras does not have."""

import math

import keras
import tensorflow as tf
from keras import ops

from keras_gans.utils.checks import check_positive


@keras.saving.register_keras_serializable("keras_gans")
class Adam(keras.optimizers.Adam):
    """Adam through TensorFlow's fused kernel: the same numbers as Keras' in one pass over memory.

    Keras composes the update from a dozen operations, each a pass over weights and both moments;
    for networks of many weights and small batches that is a third of the training step. With m and
    v the moments, an update is

        learning_rate * sqrt(1 - beta_2**t) / (1 - beta_1**t) * m / (sqrt(v) + epsilon)

    Args:
        learning_rate: a float or a `keras.optimizers.schedules.LearningRateSchedule`.
        beta_1: decay of the first moment, 0.5 in most GAN papers.
        beta_2: decay of the second moment.
        epsilon: added to the root of the second moment before the bias correction, as Keras and
            TensorFlow do: after t updates that are PyTorch's Adam and the paper's algorithm 1 with
            epsilon / sqrt(1 - beta_2**t), which for beta_2 = 0.999 is 32 times epsilon at the first
            update, 3.2 times at the hundredth and epsilon in the end. Default: 1e-8.
        **kwargs: those of `keras.optimizers.Adam`, except `amsgrad`, which the kernel lacks.

    Raises:
        ValueError: for `amsgrad`.

    Reference: Kingma & Ba, 2014, https://arxiv.org/abs/1412.6980
    """

    def __init__(self, learning_rate=2e-4, beta_1=0.5, beta_2=0.999, epsilon=1e-8, **kwargs):
        if kwargs.get("amsgrad"):
            raise ValueError("TensorFlow's kernel has no `amsgrad`. Use keras.optimizers.Adam.")
        super().__init__(learning_rate, beta_1=beta_1, beta_2=beta_2, epsilon=epsilon, **kwargs)

    def update_step(self, gradient, variable, learning_rate):
        index = self._get_variable_index(variable)
        step = ops.cast(self.iterations + 1, variable.dtype)
        beta_1, beta_2 = (ops.cast(beta, variable.dtype) for beta in (self.beta_1, self.beta_2))
        tf.raw_ops.ResourceApplyAdam(
            var=_handle(variable),
            m=_handle(self._momentums[index]),
            v=_handle(self._velocities[index]),
            beta1_power=ops.power(beta_1, step),
            beta2_power=ops.power(beta_2, step),
            lr=ops.cast(learning_rate, variable.dtype),
            beta1=beta_1,
            beta2=beta_2,
            epsilon=ops.cast(self.epsilon, variable.dtype),
            grad=ops.cast(gradient, variable.dtype),
        )


def _handle(variable):
    # Under a strategy Keras passes the replica's own tf.Variable instead of its own kind.
    return (variable.value if isinstance(variable, keras.Variable) else variable).handle


@keras.saving.register_keras_serializable("keras_gans")
class RampedSGD(keras.optimizers.SGD):
    """Stochastic gradient descent whose momentum grows linearly, then stays.

    Args:
        learning_rate: a float or a `keras.optimizers.schedules.LearningRateSchedule`.
        momentum: at the first update, above 0.
        final_momentum: from update `ramp_steps` on.
        ramp_steps: updates over which it grows.
        **kwargs: those of `keras.optimizers.SGD`, except `nesterov`.

    Raises:
        ValueError: for a momentum that is not above 0, or `nesterov`.

    Reference: `MomentumAdjustor` in pylearn2, as the GAN and CGAN papers' code uses it.
    """

    def __init__(
        self, learning_rate=0.1, momentum=0.5, *, final_momentum=0.7, ramp_steps=125_000, **kwargs
    ):
        if kwargs.get("nesterov"):
            raise ValueError("`nesterov` is not made for a momentum that grows. Leave it out.")
        if not momentum > 0:  # Keras keeps no velocities then
            raise ValueError(f"`momentum` must be above 0. Received: {momentum!r}")
        super().__init__(learning_rate, momentum=momentum, **kwargs)
        self.final_momentum = final_momentum
        self.ramp_steps = ramp_steps

    def update_step(self, gradient, variable, learning_rate):
        velocity = self.momentums[self._get_variable_index(variable)]
        progress = ops.minimum(ops.cast(self.iterations, "float32") / self.ramp_steps, 1.0)
        momentum = self.momentum + (self.final_momentum - self.momentum) * progress
        step = velocity * ops.cast(momentum, velocity.dtype) - gradient * ops.cast(
            learning_rate, velocity.dtype
        )
        self.assign(velocity, step)
        self.assign_add(variable, step)

    def get_config(self):
        return {
            **super().get_config(),
            "final_momentum": self.final_momentum,
            "ramp_steps": self.ramp_steps,
        }


@keras.saving.register_keras_serializable("keras_gans")
class FlooredDecay(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate divided by `factor` at every update, down to `floor`.

    Args:
        initial_learning_rate: of the first update.
        factor: what it is divided by, just above 1.
        floor: below which it does not fall, nor is raised to.

    Reference: `ExponentialDecay` in pylearn2, as the GAN and CGAN papers' code uses it.
    """

    def __init__(self, initial_learning_rate=0.1, factor=1.000004, floor=1e-6):
        self.initial_learning_rate = initial_learning_rate
        self.factor, self.floor = factor, floor

    def __call__(self, step):
        # In logarithms: factor ** step overflows float32 after some 20 million updates.
        decay = ops.exp(-ops.cast(step, "float32") * math.log(self.factor))
        floor = min(self.floor, self.initial_learning_rate)
        return ops.maximum(self.initial_learning_rate * decay, floor)

    def get_config(self):
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "factor": self.factor,
            "floor": self.floor,
        }


@keras.saving.register_keras_serializable("keras_gans")
class LinearDecay(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate that stays, then falls linearly to zero.

    Being a function of the optimizer's own count of updates, it goes on where it was after a
    restart.

    Args:
        initial_learning_rate: of the first `constant_steps` updates.
        constant_steps: updates before the fall.
        decay_steps: updates of the fall.

    Raises:
        ValueError: for `constant_steps` below 0, or `decay_steps` below 1.

    Reference: Zhu et al., 2017, https://arxiv.org/abs/1703.10593 (section 4). The reference
    implementation lowers it once an epoch, this one at every update.
    """

    def __init__(self, initial_learning_rate, constant_steps, decay_steps):
        check_positive("constant_steps", constant_steps, least=0)
        check_positive("decay_steps", decay_steps)
        self.initial_learning_rate = initial_learning_rate
        self.constant_steps, self.decay_steps = constant_steps, decay_steps

    def __call__(self, step):
        fallen = (ops.cast(step, "float32") - self.constant_steps) / self.decay_steps
        return self.initial_learning_rate * (1.0 - ops.clip(fallen, 0.0, 1.0))

    def get_config(self):
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "constant_steps": self.constant_steps,
            "decay_steps": self.decay_steps,
        }
