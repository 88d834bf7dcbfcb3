"""Callbacks that Keras does not have."""

from keras_gans.training.callbacks.checkpoints import Checkpoints, Stopped
from keras_gans.training.callbacks.diagnosis import Diagnosis, Finding
from keras_gans.training.callbacks.divergence import DivergedError, StopOnDivergence
from keras_gans.training.callbacks.metrics import Metrics
from keras_gans.training.callbacks.sample_sheet import SampleSheet

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
