"""How good generated pictures are: one paper a file, on features somebody else computed.

Every metric is fed batch by batch, holds a bounded amount of memory and computes in float64. What
`update` takes are features, arrays (N, dimension); `observe` takes pictures and sees them through
an extractor (`seeing.py`), so that all but PathLength are what `compile(metrics=...)` takes. Which
extractor it was decides what a figure means: name it beside it.
"""

from keras_gans.evaluation.metrics.density_coverage import DensityCoverage
from keras_gans.evaluation.metrics.fid import FID
from keras_gans.evaluation.metrics.holes import Holes
from keras_gans.evaluation.metrics.inception_score import InceptionScore
from keras_gans.evaluation.metrics.kid import KID
from keras_gans.evaluation.metrics.modes import Modes
from keras_gans.evaluation.metrics.pairs import Pairs
from keras_gans.evaluation.metrics.path_length import PathLength
from keras_gans.evaluation.metrics.perceptual import Perceptual
from keras_gans.evaluation.metrics.precision_recall import PrecisionRecall

__all__ = [
    "DensityCoverage",
    "FID",
    "Holes",
    "InceptionScore",
    "KID",
    "Modes",
    "Pairs",
    "PathLength",
    "Perceptual",
    "PrecisionRecall",
]
