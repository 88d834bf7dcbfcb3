"""An end to training that has diverged."""

import keras
import numpy as np
import tensorflow as tf


class DivergedError(ValueError):
    """A loss or a weight is no longer finite."""


class StopOnDivergence(keras.callbacks.Callback):
    """Stops training at the step at which a loss or a weight is no longer finite.

    Unlike `keras.callbacks.TerminateOnNaN` it says whose, looks at the weights too (once they are
    infinite the losses follow a step later), and ends `fit` with an error, so that what comes after
    training does not go on with ruined weights. It waits for every step to end, which on an
    accelerator costs what steps would overlap. Give it before `Checkpoints`.

    Raises:
        DivergedError: from `fit`, with the step, the losses and the players.
    """

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
        if wrong:
            raise DivergedError(
                f"Training diverged at step {int(self.model.step)} (epoch {self._epoch + 1}, batch "
                f"{batch + 1}): {', '.join(wrong)}. Go on from the last checkpoint with a smaller "
                "learning rate, or add a penalty or spectral norm to the discriminator."
            )


def finite_players(model):
    """Whether all weights of each player are finite: `{player: bool tensor}`."""
    return {
        player: tf.reduce_all(
            [tf.reduce_all(tf.math.is_finite(v)) for v in model.variables_of(player)]
        )
        for player in model.players
    }
