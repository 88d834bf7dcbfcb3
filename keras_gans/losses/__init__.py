"""Pure functions of logits or images that return a scalar."""

from keras_gans.losses.adversarial import least_squares, logistic, minimax, non_saturating
from keras_gans.losses.reconstruction import l1

__all__ = ["l1", "least_squares", "logistic", "minimax", "non_saturating"]
