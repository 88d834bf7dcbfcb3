"""Generative adversarial networks for Keras 3: get one by name, train it with `fit`, ship it.

    model = keras_gans.zoo.get("cdcgan_fashion")
    model.fit(keras_gans.data.load("bundled:fashion_mnist", model), epochs=20)
    keras_gans.export.export(model, "exported/")

The rooms (`zoo`, `data`, `export`, `latent` ...) are imported when first used, so that
`keras-gans --help` does not wait for TensorFlow. Every class of the zoo is registered with Keras as
soon as both packages are imported, in whichever order: `keras.saving.load_model` finds them.
"""

import importlib
import sys

import wrapt

__version__ = "0.1.0"

# Public names and where they live.
_ROOMS = {
    name: f"keras_gans.{name}"
    for name in (
        "augment",
        "callbacks",
        "core",
        "data",
        "distribution",
        "evaluation",
        "export",
        "games",
        "images",
        "interop",
        "latent",
        "layers",
        "losses",
        "metrics",
        "optimizers",
        "penalties",
        "training",
        "utils",
        "web",
        "zoo",
    )
}

__all__ = ["GAN", *_ROOMS]  # noqa: F822  (found by `__getattr__`)


def __getattr__(name):
    if name == "GAN":
        return importlib.import_module("keras_gans.core.model").GAN
    if name in _ROOMS:
        return importlib.import_module(_ROOMS[name])
    raise AttributeError(f"module 'keras_gans' has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *__all__})


def _register(module):
    """Registers every class of the zoo with Keras, unless one of our modules is half imported.

    Then its room does so as soon as it is whole: the zoo would find nothing in it yet.

    Args:
        module: Keras, or one of our rooms, which has just been imported.
    """
    ours = [
        other
        for name, other in list(sys.modules.items())
        if name.startswith("keras_gans.") and other is not module
    ]
    if not any(getattr(other.__spec__, "_initializing", False) for other in ours):
        importlib.import_module("keras_gans.zoo")


if "keras" in sys.modules:
    _register(sys.modules["keras"])
else:
    wrapt.register_post_import_hook(_register, "keras")
    for _room in _ROOMS:
        if (
            _room != "utils"
        ):  # which the command imports before it knows whether it needs TensorFlow
            wrapt.register_post_import_hook(_register, _ROOMS[_room])
