"""One training step with plain gradient descent, whose gradients are kept for comparison."""

import numpy as np
import tensorflow as tf

RATE = 1e-2


class Recorder:
    """Stands in for an optimizer: keeps the gradients, then takes a plain step down them."""

    def __init__(self, rate):
        self.rate, self.gradients = rate, None

    def apply(self, gradients, variables):
        self.gradients = [np.array(gradient) for gradient in gradients]
        for gradient, variable in zip(gradients, variables, strict=True):
            variable.assign_sub(self.rate * gradient)


def step(model, batch):
    """The logs of one step, and `{id of a variable: its last gradient}`."""
    recorders = {player: Recorder(RATE) for player in model.players}
    model.optimizer_of = recorders.__getitem__
    logs = model.train_step(tuple(map(tf.constant, batch)))
    gradients = {}
    for player, recorder in recorders.items():
        for variable, gradient in zip(model.variables_of(player), recorder.gradients, strict=True):
            gradients[id(variable)] = gradient
    return {key: float(value) for key, value in logs.items()}, gradients
