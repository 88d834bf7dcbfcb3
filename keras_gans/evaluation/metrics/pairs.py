"""Likeness of translations to what they should be: what paired games measure by themselves."""

from keras_gans.core.pairs import Pairs

__all__ = ["Pairs"]
