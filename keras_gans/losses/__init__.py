"""Pure functions of logits or images that return a scalar."""

from keras_gans.losses.adversarial import logistic, minimax, non_saturating

__all__ = ["logistic", "minimax", "non_saturating"]
