"""Callbacks that Keras does not have."""

from keras_gans.callbacks.checkpoints import Checkpoints, Stopped
from keras_gans.callbacks.diagnosis import Diagnosis, Finding
from keras_gans.callbacks.divergence import DivergedError, StopOnDivergence
from keras_gans.callbacks.metrics import Metrics
from keras_gans.callbacks.sample_sheet import SampleSheet

__all__ = [
    "Checkpoints",
    "Diagnosis",
    "DivergedError",
    "Finding",
    "Metrics",
    "SampleSheet",
    "StopOnDivergence",
    "Stopped",
]
