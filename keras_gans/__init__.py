"""Generative adversarial networks for Keras 3: get one by name, train it with `fit`, ship it.

    model = keras_gans.zoo.get("cdcgan_fashion")
    model.fit(keras_gans.data.load("bundled:fashion_mnist", model), epochs=20)
    keras_gans.export.export(model, "exported/")

The rooms (`zoo`, `data`, `export`, `latent` ...) are imported when first used, so that
`keras-gans --help` does not wait for TensorFlow. `keras.saving.load_model` finds our classes
once `keras_gans.zoo` has been imported; where Keras is already loaded that happens here.
"""

import importlib
import sys

__version__ = "0.1.0"

_ROOMS = frozenset(
    {
        "callbacks",
        "data",
        "export",
        "latent",
        "layers",
        "losses",
        "optimizers",
        "runs",
        "sheets",
        "translating",
        "importing",
        "zoo",
    }
)


def __getattr__(name):
    if name == "GAN":
        return importlib.import_module("keras_gans.gan").GAN
    if name in _ROOMS:
        return importlib.import_module(f"keras_gans.{name}")
    raise AttributeError(f"module 'keras_gans' has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *_ROOMS, "GAN"})


if "keras" in sys.modules:
    # Keras has been paid for already: register every class, so that
    # `keras.saving.load_model` on a model of ours works without another import.
    from keras_gans import zoo as zoo
