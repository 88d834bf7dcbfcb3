"""Metrics of generated pictures, see `keras_gans.evaluation.metrics`."""

from keras_gans.evaluation.metrics import (
    FID,
    KID,
    DensityCoverage,
    Holes,
    InceptionScore,
    Modes,
    Pairs,
    PathLength,
    Perceptual,
    PrecisionRecall,
)

__all__ = [
    "FID",
    "KID",
    "DensityCoverage",
    "Holes",
    "InceptionScore",
    "Modes",
    "Pairs",
    "PathLength",
    "Perceptual",
    "PrecisionRecall",
]
