"""Layers the papers need and Keras does not have, or not as fast."""

from keras_gans.layers.batch_norm import BatchNorm
from keras_gans.layers.maxout import Maxout

__all__ = ["BatchNorm", "Maxout"]
