"""Penalties on a discriminator's input gradients, and the check that they can be learnt from."""

from keras_gans.penalties.gradient import (
    dragan_penalty,
    gradient_penalty,
    r1_penalty,
    r2_penalty,
)
from keras_gans.penalties.second_order import require_second_order

__all__ = [
    "dragan_penalty",
    "gradient_penalty",
    "r1_penalty",
    "r2_penalty",
    "require_second_order",
]
