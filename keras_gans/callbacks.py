"""Callbacks that Keras does not have."""

from keras_gans.training.callbacks import (
    Checkpoints,
    Diagnosis,
    DivergedError,
    Finding,
    Metrics,
    SampleSheet,
    StopOnDivergence,
    Stopped,
)

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
