"""Reads layers models of TensorFlow.js: a `model.json` and the shards of weights beside it.

    layers, arrays = read_model("model.json")

Nothing in the files is executed: the topology is returned as plain values, to be compared with what
is known. Format: `tfjs.io.ModelJSON` and `WeightsManifestEntry`,
https://js.tensorflow.org/api/latest/#io.ModelJSON
"""

import collections
import dataclasses
import math
import os
import pathlib
import re
from typing import Any

import numpy as np

from keras_gans.interop.reports import listed
from keras_gans.utils.files import open_plain
from keras_gans.utils.json_files import check_shape, read_json

_LARGEST_JSON = 2**24  # bytes; the largest known, of 477 layers, has 194 kB
_LARGEST_WEIGHTS = 2**30  # bytes of all shards; the largest known have 29 MB
_MOST_LAYERS, _MOST_TENSORS, _MOST_SHARDS, _MOST_AXES = 10_000, 20_000, 1000, 8
#: Types in which shards keep numbers, by the manifest's names.
_STORED = {"float32": "<f4", "float16": "<f2", "uint8": "u1", "uint16": "<u2"}

_MANIFEST = [{"paths": [str], "weights": [{"name": str, "shape": [int], "dtype": str}]}]
_TOPOLOGY = {"config": {"layers": [dict], "output_layers": list}, "class_name": str}
_QUANTIZATION = {"dtype": str, "scale?": float, "min?": float}


@dataclasses.dataclass(frozen=True)
class Layer:
    """A layer of a topology, as the file describes it.

    Attributes:
        kind: its class, such as "Conv2D".
        name: its name, which no other layer of the model has.
        config: its options, plain JSON.
        inbound: names of the layers whose outputs it takes, in order.
    """

    kind: str
    name: str
    config: dict[str, Any]
    inbound: tuple[str, ...]


def read_model(path):
    """Reads a layers model.

    Args:
        path: of the `model.json`. Its shards are plain files in the same folder or below.

    Returns:
        A list of `Layer` in the file's order, the outputs of the model (a list of names of layers),
        and `{name: float32 array}` of its weights. Names are "layer/weight".

    Raises:
        ValueError: if a file is no such model, is damaged, too large, or has weights of a type
            that is not read.
    """
    path = pathlib.Path(path)
    try:
        said = read_json(path, dict, most=_LARGEST_JSON, follow=True)
        layers, outputs = _topology(path, said)
        return layers, outputs, _weights(path, said)
    except OSError as error:
        raise ValueError(f"{error.filename or path} cannot be read: {error.strerror}.") from error


# === Topology ===


def _topology(path, said):
    kind = said.get("format")
    if kind != "layers-model" or not isinstance(said.get("modelTopology"), dict):
        found = listed([kind]) if isinstance(kind, str) else "none"
        raise ValueError(
            f"{path} is no layers model of TensorFlow.js: its format must be 'layers-model', with "
            f"a `modelTopology`. Received: {found}."
        )
    topology = said["modelTopology"]
    model = topology.get("model_config", topology)
    check_shape(model, path, _TOPOLOGY)
    if model["class_name"] not in ("Functional", "Model"):
        raise ValueError(
            f"{path} is no functional model. Received: {listed([model['class_name']])}."
        )
    described = model["config"]["layers"]
    if len(described) > _MOST_LAYERS:
        raise ValueError(f"{path} has more than {_MOST_LAYERS} layers: {len(described)}.")
    layers = [_layer(path, one) for one in described]
    _refuse_twice(path, [layer.name for layer in layers], "layers")
    return layers, [_node(path, one) for one in model["config"]["output_layers"]]


def _layer(path, said):
    check_shape(said, path, {"class_name": str, "config": {"name": str}, "inbound_nodes": [list]})
    nodes = said["inbound_nodes"]
    name = said["config"]["name"]
    if len(nodes) > 1:
        raise ValueError(f"{path} uses a layer more than once: {listed([name])}.")
    inbound = tuple(_node(path, node) for node in nodes[0]) if nodes else ()
    return Layer(said["class_name"], name, said["config"], inbound)


def _node(path, said):
    """The name of a layer whose only output is meant: `[name, 0, 0]`, or with options, `{}`."""
    fits = isinstance(said, list) and len(said) in (3, 4) and isinstance(said[0], str)
    if not fits or said[1:3] != [0, 0] or said[3:] not in ([], [{}]):
        raise ValueError(f"{path} connects layers in a way that is not read: {listed([said])}.")
    return said[0]


def _refuse_twice(path, names, what):
    twice = [name for name, count in collections.Counter(names).items() if count > 1]
    if twice:
        raise ValueError(f"{path} has several {what} of one name: {listed(twice)}.")


# === Weights ===


def _weights(path, said):
    manifest = said.get("weightsManifest")
    check_shape(manifest, path, _MANIFEST)
    entries = [
        (group["paths"], [_entry(path, one) for one in group["weights"]]) for group in manifest
    ]
    if sum(len(tensors) for _, tensors in entries) > _MOST_TENSORS:
        raise ValueError(f"{path} has more than {_MOST_TENSORS} tensors.")
    if sum(len(paths) for paths, _ in entries) > _MOST_SHARDS:
        raise ValueError(f"{path} has more than {_MOST_SHARDS} shards of weights.")
    # Bytes become float32, of which each may have one byte in a shard.
    total = sum(4 * one.count for _, tensors in entries for one in tensors)
    if total > _LARGEST_WEIGHTS:
        raise ValueError(
            f"{path} has weights of {total} bytes; no more than {_LARGEST_WEIGHTS} are read."
        )
    _refuse_twice(path, [one.name for _, tensors in entries for one in tensors], "tensors")
    _refuse_twice(path, [shard for paths, _ in entries for shard in paths], "shards")
    arrays = {}
    for paths, tensors in entries:
        arrays.update(_arrays(path, [_shard(path, one) for one in paths], tensors))
    return arrays


@dataclasses.dataclass(frozen=True)
class _Entry:
    """A tensor of the manifest: `scale * stored + minimum`."""

    name: str
    shape: tuple[int, ...]
    stored: str
    scale: float
    minimum: float

    @property
    def count(self):
        return math.prod(self.shape)

    @property
    def bytes(self):
        return self.count * np.dtype(_STORED[self.stored]).itemsize


def _entry(path, said):
    name, shape, dtype = said["name"], said["shape"], said["dtype"]
    if dtype != "float32":
        raise ValueError(
            f"{path} keeps {listed([name])} as {listed([dtype])}, which is not read: float32 is, "
            "and what is quantized to float16, uint8 or uint16."
        )
    if len(shape) > _MOST_AXES or any(side < 0 or side > _LARGEST_WEIGHTS for side in shape):
        raise ValueError(f"{path} has a tensor of no possible shape: {listed([name, shape], ' ')}.")
    stored, scale, minimum = _quantization(path, name, said)
    return _Entry(name, tuple(shape), stored, scale, minimum)


def _quantization(path, name, said):
    """How a tensor is stored: the type, and the numbers of `scale * stored + minimum`."""
    if "quantization" not in said:
        return "float32", 1.0, 0.0
    how = said["quantization"]
    check_shape(how, path, _QUANTIZATION)
    stored, scale, minimum = how["dtype"], how.get("scale"), how.get("min")
    if stored == "float16" and scale is None and minimum is None:
        return stored, 1.0, 0.0
    if stored not in ("uint8", "uint16"):
        raise ValueError(
            f"{path} quantizes {listed([name])} to {listed([stored])}, which is not read: float16, "
            "uint8 and uint16 are."
        )
    if not all(_is_finite(value) for value in (scale, minimum)):
        raise ValueError(
            f"{path} quantizes {listed([name])} without a finite `scale` and `min`. Received: "
            f"{listed([scale, minimum], ' and ')}."
        )
    return stored, float(scale), float(minimum)


def _is_finite(value):
    try:
        return value is not None and math.isfinite(value)
    except OverflowError:  # a whole number beyond all of float's
        return False


def _shard(path, name):
    """The path of a shard, which lies in the folder of its model."""
    parts = re.split(r"[/\\]", name)
    if not name or "\0" in name or ":" in parts[0] or {"", "..", "."} & set(parts):
        raise ValueError(
            f"{path} names a shard outside its folder, or by no plain path: {listed([name])}."
        )
    shard = path.parent.joinpath(*parts)
    if not shard.resolve().is_relative_to(path.parent.resolve()):
        raise ValueError(f"{path} names a shard that a link leads out of its folder: {shard}.")
    return shard


def _arrays(path, shards, tensors):
    """The arrays of a group, whose bytes run on from shard to shard."""
    expected = sum(one.bytes for one in tensors)
    _check_bytes(path, shards, expected, sum(os.stat(shard).st_size for shard in shards))
    data = b"".join(_content(shard, expected) for shard in shards)
    _check_bytes(path, shards, expected, len(data))  # they may have changed since
    arrays, start = {}, 0
    for one in tensors:
        raw = np.frombuffer(data, _STORED[one.stored], one.count, start).reshape(one.shape)
        arrays[one.name] = _numbers(raw, one)
        start += one.bytes
    return arrays


def _check_bytes(path, shards, expected, found):
    if found != expected:
        raise ValueError(
            f"{path} has weights of {expected} bytes, and its shards "
            f"({listed([shard.name for shard in shards])}) have {found}: one is damaged or of "
            "another model."
        )


def _content(shard, most):
    with open_plain(shard, most) as file:
        return file.read(most + 1)


def _numbers(raw, one):
    if one.stored in ("float32", "float16"):
        return raw.astype("float32")
    with np.errstate(over="ignore"):  # what is not finite is refused where it would be used
        return (raw * one.scale + one.minimum).astype("float32")
