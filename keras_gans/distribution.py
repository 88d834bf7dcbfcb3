"""Training on several devices and several machines, see `keras_gans.training.distribution`."""

from keras_gans.training.distribution import (
    agree,
    is_chief,
    strategy,
    synchronise_batch_norm,
)

__all__ = ["agree", "is_chief", "strategy", "synchronise_batch_norm"]
