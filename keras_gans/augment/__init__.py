"""Differentiable augmentation of what a discriminator sees, and how often it is applied."""

from keras_gans.augment.adaptive import adaptive_probability
from keras_gans.augment.diff_augment import POLICIES, as_policy, diff_augment

__all__ = ["POLICIES", "adaptive_probability", "as_policy", "diff_augment"]
