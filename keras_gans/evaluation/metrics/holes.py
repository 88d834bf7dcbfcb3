"""Likeness of what was filled into holes to what was there."""

from keras_gans.core.holes import Holes

__all__ = ["Holes"]
