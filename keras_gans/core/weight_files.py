"""What is in a file of weights, compared with networks, to say what does not fit."""

import contextlib
import io
import pathlib
import zipfile
from typing import Any

import h5py
from keras.src.utils.naming import to_snake_case

_IN_MODEL = "model.weights.h5"  # in a .keras file


def unlike(path, networks):
    """Variables whose shape in a file is another one than in the model.

    Args:
        path: of a `.weights.h5` or a `.keras` file.
        networks: `{name: functional model}`.

    Returns:
        A list of "PATH: file SHAPE, model SHAPE"; empty where the file cannot be read so.
    """
    try:
        with contextlib.ExitStack() as opened:
            source: Any = pathlib.Path(path)
            if source.suffix == ".keras":
                archive = opened.enter_context(zipfile.ZipFile(source))
                source = io.BytesIO(archive.read(_IN_MODEL))
            file = opened.enter_context(h5py.File(source, "r"))
            return [
                f"{variable.path}: file {found}, model {tuple(variable.shape)}"
                for variable, found in _pairs(file, networks)
                if found != tuple(variable.shape)
            ]
    except (OSError, KeyError, zipfile.BadZipFile):
        return []


def _pairs(file, networks):
    """`(variable, its shape in the file)`, or None for the shape where it is not there."""
    for name, network in networks.items():
        for key, layer in keys_of(network):
            own = layer._trainable_variables + layer._non_trainable_variables
            for number, variable in enumerate(own):
                place = f"{name}/layers/{key}/vars/{number}"
                yield variable, file[place].shape if place in file else None


def keys_of(network):
    """`(key, layer)` of a network, by the keys of Keras' files: names of classes, numbered."""
    counts: dict[str, int] = {}
    for layer in network.layers:
        name = to_snake_case(type(layer).__name__)
        count = counts.get(name, 0)
        counts[name] = count + 1
        yield (f"{name}_{count}" if count else name), layer
