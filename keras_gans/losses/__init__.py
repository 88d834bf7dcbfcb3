"""Pure functions of logits or images that return a scalar."""

from keras_gans.losses.adversarial import (
    hinge,
    least_squares,
    logistic,
    minimax,
    non_saturating,
    relativistic_average,
    relativistic_pairing,
    wasserstein,
    wasserstein_generator,
)
from keras_gans.losses.contrastive import patch_nce
from keras_gans.losses.labels import label_accuracy, label_cross_entropy
from keras_gans.losses.objectives import OBJECTIVES, Objective
from keras_gans.losses.reconstruction import huber, l1, total_variation

__all__ = [
    "OBJECTIVES",
    "Objective",
    "hinge",
    "huber",
    "l1",
    "label_accuracy",
    "label_cross_entropy",
    "least_squares",
    "logistic",
    "minimax",
    "non_saturating",
    "patch_nce",
    "relativistic_average",
    "relativistic_pairing",
    "total_variation",
    "wasserstein",
    "wasserstein_generator",
]
