"""An end to training that has diverged."""

import keras
import numpy as np
import tensorflow as tf


class DivergedError(ValueError):
    """A loss or a weight is no longer finite."""


class StopOnDivergence(keras.callbacks.Callback):
    """Stops training at the step at which a loss or a weight is no longer finite, or goes back.

    Unlike `keras.callbacks.TerminateOnNaN` it says whose, looks at the weights too (once they are
    infinite the losses follow a step later), and ends `fit` with an error, so that what comes after
    training does not go on with ruined weights. It waits for every step to end, which on an
    accelerator costs what steps would overlap. Give it before `Checkpoints`.

    Args:
        rollback: the `Checkpoints` whose newest is restored instead of stopping. Training goes on
            with the next batch and with noise it has not seen, so that it need not come to the
            same end; with the same learning rates. None stops.
        most: times it goes back before it stops after all.
        print_fn: told when it goes back.

    Raises:
        DivergedError: from `fit`, with the step, the losses and the players.
    """

    def __init__(self, rollback=None, *, most=5, print_fn=print):
        super().__init__()
        self.rollback, self.most, self.print_fn = rollback, most, print_fn
        self._went_back = 0

    def on_train_begin(self, logs=None):
        self._epoch = 0
        self._finite = tf.function(lambda: finite_players(self.model), autograph=False)

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        # The losses are means of the epoch so far, and were finite one step ago.
        losses = {name: float(value) for name, value in logs.items() if name != "loss"}
        wrong = [f"{name} is {value}" for name, value in losses.items() if not np.isfinite(value)]
        wrong += [
            f"weights of the {player} are not finite"
            for player, finite in self._finite().items()
            if not finite
        ]
        if not wrong:
            return
        step = int(self.model.step.numpy())
        found = (
            f"Training diverged at step {step} (epoch {self._epoch + 1}, batch {batch + 1}): "
            f"{', '.join(wrong)}."
        )
        if not (self.rollback and self._go_back(found)):
            raise DivergedError(
                f"{found} Go on from the last checkpoint, or begin anew where there is none, with "
                f"{_smaller_rates(self.model)}, or add a penalty or spectral norm to the "
                "discriminator."
            )

    def _go_back(self, found):
        """Restores the newest checkpoint; False where there is none, or it was enough."""
        if self._went_back == self.most:
            return False
        step = int(self.model.step.numpy())
        path, _ = self.rollback.restore(self.model)
        if path is None:
            return False
        self.model.step.assign(step)  # noise is drawn from it
        for metric in self.model.metrics:
            metric.reset_state()  # a mean that is not finite stays so
        self._went_back += 1
        self.print_fn(f"{found} It goes on from {path}, with what comes next.")
        return True


def _smaller_rates(model):
    """How this model is given smaller learning rates, in words."""
    arguments = ", ".join(f"{player}_learning_rate" for player in model.players)
    return f"a smaller learning rate ({arguments})"


def finite_players(model):
    """Whether all weights of each player are finite: `{player: bool tensor}`."""
    return {
        player: tf.reduce_all(
            [tf.reduce_all(tf.math.is_finite(v)) for v in model.variables_of(player)]
        )
        for player in model.players
    }
