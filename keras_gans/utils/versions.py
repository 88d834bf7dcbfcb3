"""The versions that what is written was written with."""

import keras
import tensorflow as tf

from keras_gans import __version__


def versions():
    """Versions of this package and of those it computes with, `{package: version}`."""
    return {
        "keras_gans": __version__,
        "keras": keras.__version__,
        "tensorflow": tf.__version__,
    }
