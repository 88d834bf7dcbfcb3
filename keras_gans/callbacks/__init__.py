"""Callbacks that Keras does not have."""

from keras_gans.callbacks.sample_sheet import SampleSheet

__all__ = ["SampleSheet"]
