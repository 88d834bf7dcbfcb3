"""Weights that ship with entries, and reading weights of others safely.

A file holds all networks of a game, in float16 and compressed, and neither optimizers nor pools: a
quarter or less of what a checkpoint takes, which says how to go on. `pretrained/manifest.json`
names each file and its SHA-256.
"""

import functools
import importlib.resources
import json
import math
import os

import h5py
import numpy as np

from keras_gans.utils.files import resolve, sha256, staged

_FOLDER = importlib.resources.files("keras_gans.zoo") / "pretrained"
_MANIFEST = "manifest.json"
_SLACK = 2**24  # bytes a file of weights may have beyond the weights


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
    with importlib.resources.as_file(_FOLDER / record["file"]) as path:
        found = sha256(path) if path.is_file() else "none, as it is missing"
        if found != record["sha256"]:
            raise ValueError(
                f"The weights of {name} in the package are damaged: the sha256 of {path} is "
                f"{found}, expected {record['sha256']}. Install keras-gans again."
            )
        load(model, path)


def load(model, path):
    """Gives a model that is not compiled yet the weights in a file.

    Args:
        model: of the networks the file was written for.
        path: of a `.weights.h5`.

    Raises:
        ValueError: for a file that is larger than the model's weights can be, holds links, or is
            of other networks.
    """
    most, size = most_of(model), os.path.getsize(path)
    if size > most:
        raise ValueError(
            f"{path} has {size} bytes; {model.name}'s weights take no more than {most}."
        )
    try:
        check(path, most)
        model.load_weights(path)
    except (OSError, KeyError, ValueError, RuntimeError) as error:
        raise ValueError(
            f"{path} does not hold weights of {model.name} with these arguments: {error}"
        ) from error


def most_of(model):
    """Bytes a file of a model's weights, and of its optimizers' slots, may have at most."""
    return sum(math.prod(variable.shape) * 8 for variable in model.saved_variables) + _SLACK


def most_of_file(size):
    """Bytes of variables that a file of weights of this size warrants; float16 is half."""
    return 4 * size + _SLACK


def check(file, most):
    """Refuses what no file of weights has: links, anything twice, arrays that fill the memory.

    Args:
        file: of HDF5, its path or opened.
        most: bytes all arrays together may have.

    Raises:
        ValueError: what is wrong with it.
    """
    total, seen = 0, set()

    def visit(group):
        nonlocal total
        for name in group:
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise ValueError(f"{group.name}/{name} is a link to elsewhere")
            item = group[name]
            if not isinstance(item, (h5py.Group, h5py.Dataset)):
                raise ValueError(f"{item.name} is neither a group nor an array")
            place = h5py.h5o.get_info(item.id).addr
            if place in seen:
                raise ValueError(f"{item.name} is there twice")
            seen.add(place)
            if isinstance(item, h5py.Group):
                visit(item)
                continue
            if item.is_virtual or item.external:
                raise ValueError(f"{item.name} lies in another file")
            total += item.nbytes
            if total > most:
                raise ValueError(f"its arrays take more than {most} bytes")

    with h5py.File(file, "r") as opened:
        seen.add(h5py.h5o.get_info(opened.id).addr)
        visit(opened)


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
