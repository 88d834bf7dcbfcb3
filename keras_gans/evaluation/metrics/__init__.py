"""How good generated pictures are: one paper a file, on features somebody else computed.

Every metric is fed batch by batch and holds a bounded amount of memory, computes in float64, and
knows nothing of pictures or networks: features are arrays (N, dimension). What they are features of
decides what a figure means, so name the extractor beside it.
"""

from keras_gans.evaluation.metrics.density_coverage import DensityCoverage
from keras_gans.evaluation.metrics.fid import FID
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
    "InceptionScore",
    "KID",
    "Modes",
    "Pairs",
    "PathLength",
    "Perceptual",
    "PrecisionRecall",
]
