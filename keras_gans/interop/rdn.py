"""Loads RDN and RRDN of ISR, as TensorFlow.js has them, into models of the zoo.

    model = import_checkpoints("models/x4/model.json", "rrdn", output="thick.keras")

UpscalerJS' models were trained with ISR (idealo/image-super-resolution): those of
`@upscalerjs/esrgan-slim` and `-medium` are RDN, those of `-thick` are RRDN. The architecture is
read off the topology, which must be ISR's layer by layer; nothing in the files is executed.
"""

import math
import os
import pathlib
import re

import numpy as np

from keras_gans import zoo
from keras_gans.interop.reports import (
    Imported,
    check_only_generator,
    check_overrides,
    checked_output,
    listed,
)
from keras_gans.interop.tfjs import read_model
from keras_gans.utils.checks import check_choice
from keras_gans.utils.files import write_whole
from keras_gans.utils.memory import no_larger_than
from keras_gans.zoo.rdn import RDN, RESIDUAL, RRDN

_LARGEST_MODEL = 2**30  # bytes of weights; the largest published has 29 MB
_NAMES = {RDN: "RDN", RRDN: "RRDN"}
_SMALL = 32  # side of small images in training, as of the paper
VALUE_RANGES = (1, 255)


def entries(cls=(RDN, RRDN)):
    """Lists the zoo's entries whose networks are RDN or RRDN."""
    return [name for name in zoo.names() if issubclass(zoo.entry(name).cls, cls)]


def import_checkpoints(
    files, name, *, network=None, output=None, overwrite=False, value_range=1, **overrides
):
    """Loads a layers model of TensorFlow.js that ISR made into an entry of the zoo.

    Blocks, widths, channels and scale are the file's. `model.imported`, `{network: Imported}`, says
    what was read; it is not saved.

    Args:
        files: path of the `model.json`; its shards lie beside it.
        name: name of the entry, see `entries()`.
        network: "generator"; the models have no other.
        output: `.keras` file to save the model in, or None.
        overwrite: Whether to replace `output` if it exists.
        value_range: white in the images that the network takes and returns: 1, as ISR trains, or
            255. A network for 255 becomes one for 1 by its biases, without another difference.
        **overrides: constructor arguments that replace the entry's, other than those that the file
            determines.

    Returns:
        A compiled `keras_gans.GAN`.

    Raises:
        ValueError: if a file is not such a model, is damaged, or holds another architecture.
        FileExistsError: if `output` exists and `overwrite` is not set.
    """
    output = checked_output(output, overwrite)
    check_choice("value_range", value_range, VALUE_RANGES)
    if name not in entries():
        zoo.entry(name)  # refuses unknown names
        raise ValueError(f"{name} is no RDN. Entries that are: {', '.join(entries())}.")
    check_only_generator(name, network)
    path = _one(files)
    layers, outputs, arrays = read_model(path)
    sizes = _sizes_for(path, name, layers, outputs)
    check_overrides(path, sizes, overrides)
    try:
        with no_larger_than(_LARGEST_MODEL):
            model = zoo.get(name, **{"image_size": _SMALL * sizes["scale"], **sizes, **overrides})
    except ValueError as error:
        raise ValueError(f"{path} cannot become {name}: {error}") from error
    copied = _copy(path, model, arrays, value_range)
    notes = () if value_range == 1 else (f"biases divided by {value_range}, for images up to 1",)
    model.imported = {"generator": Imported(str(path), False, copied, (), notes)}
    if output:
        write_whole(output, model.save, replace=overwrite)
    return model


def _one(files):
    if isinstance(files, dict):
        files = [files["generator"]] if set(files) == {"generator"} else []
    files = [files] if isinstance(files, (str, os.PathLike)) else list(files)
    if len(files) != 1:
        raise ValueError(
            f"One model.json is imported, and its shards are found by it. Received: {len(files)}"
        )
    return pathlib.Path(files[0])


def _sizes_for(path, name, layers, outputs):
    cls, sizes = sizes_of(path, layers, outputs)
    if not issubclass(zoo.entry(name).cls, cls):
        raise ValueError(
            f"{path} holds {_NAMES[cls]}, which {name} is not. Use one of: "
            f"{', '.join(entries(cls))}."
        )
    return sizes


# === Sizes ===


def look_of(path, layers, outputs):
    """Says what a topology is: `(words, class, sizes)`, or None if it is not ISR's."""
    names = {layer.name for layer in layers}
    if "F_m1" not in names and "Pre_blocks_conv" not in names:
        return None
    cls, sizes = sizes_of(path, layers, outputs)
    inner = f" of {sizes['num_dense']} dense blocks" if cls is RRDN else ""
    words = (
        f"{_NAMES[cls]} of ISR with {sizes['num_blocks']} blocks{inner} of {sizes['num_convs']} "
        f"convolutions, {sizes['filters']} feature maps, for scale {sizes['scale']}"
    )
    return words, cls, sizes


def sizes_of(path, layers, outputs):
    """Reads the architecture off a topology.

    Args:
        path: of the file, for messages.
        layers: of `tfjs.read_model`.
        outputs: names of the layers that the model returns.

    Returns:
        `RDN` or `RRDN`, and constructor arguments.

    Raises:
        ValueError: if it is not ISR's, naming layers that differ.
    """
    by_name = {layer.name: layer for layer in layers}
    if "F_m1" in by_name:
        cls, (sizes, expected) = RDN, _rdn(path, by_name)
    elif "Pre_blocks_conv" in by_name:
        cls, (sizes, expected) = RRDN, _rrdn(path, by_name)
    else:
        raise ValueError(
            f"{path} holds no RDN or RRDN of ISR. Its {len(layers)} layers begin with: "
            f"{listed([f'{layer.name} ({layer.kind})' for layer in layers])}."
        )
    found = _graph(layers)
    differences = [
        f"{name} is {found.get(name, 'missing')}, not {expected.get(name, 'there')}"
        for name in dict.fromkeys([*expected, *found])
        if found.get(name) != expected.get(name)
    ]
    if outputs != ["SR"]:
        differences.append(f"it returns {listed(outputs)}, not SR")
    if differences:
        raise ValueError(
            f"{path} holds another network than {_NAMES[cls]} of ISR: {listed(differences, '; ')}."
        )
    return cls, sizes


def _rdn(path, layers):
    """The sizes of an RDN, and what each of its layers must be."""
    blocks, convs = _counts(path, layers, "LFF_{}", "F_1_{}")
    filters, growth = (_option(path, layers, name, "filters") for name in ("F_m1", "F_1_1"))
    channels = _option(path, layers, "SR", "filters")
    nearest = "UPsample" in layers
    scale = _option(
        path, layers, *(("UPsample", "size") if nearest else (_shuffle(layers), "scale"))
    )
    graph = {
        **{"LR": f"input of {channels}", "F_m1": _conv(filters, 3, "LR")},
        "F_0": _conv(filters, 3, "F_m1"),
    }
    x = "F_0"
    for d in range(1, blocks + 1):
        graph |= _dense_block(f"{d}", x, filters, growth, convs, fusion=1)
        graph[f"LRL_{d}"] = _add(f"LFF_{d}", x)
        x = f"LRL_{d}"
    graph |= {
        "LRLs_Concat": _concatenated(f"LRL_{d}" for d in range(1, blocks + 1)),
        "GFF_1": _conv(filters, 1, "LRLs_Concat"),
        "GFF_2": _conv(filters, 3, "GFF_1"),
        "FDF": _add("GFF_2", "F_m1"),
        "UPN1": _conv(64, 5, "FDF"),
        "UPN1_Relu": "relu of UPN1",
        "UPN2": _conv(32, 3, "UPN1_Relu"),
        "UPN2_Relu": "relu of UPN2",
        "UPN3": _conv(channels * scale**2, 3, "UPN2_Relu"),
    }
    if nearest:
        graph["UPsample"] = f"nearest {scale} x {scale} of UPN3"
    else:
        graph["shuffle"] = f"shuffle {scale} of UPN3"
    graph["SR"] = _conv(channels, 3, "UPsample" if nearest else "shuffle")
    sizes = {
        **{"image_channels": channels, "scale": scale, "filters": filters, "growth": growth},
        **{"num_blocks": blocks, "num_convs": convs},
        "upsampling": "nearest" if nearest else "shuffle",
    }
    return sizes, graph


def _rrdn(path, layers):
    """The same of an RRDN."""
    blocks, dense, convs = _counts(path, layers, "RRDB_{}_out", "LFF_1_{}", "F_1_1_{}")
    filters = _option(path, layers, "Pre_blocks_conv", "filters")
    growth = _option(path, layers, "F_1_1_1", "filters")
    channels = _option(path, layers, "SR", "filters")
    scale = _option(path, layers, _shuffle(layers), "scale")
    x = "Pre_blocks_conv"
    graph = {"LR_input": f"input of {channels}", x: _conv(filters, 3, "LR_input")}
    for t in range(1, blocks + 1):
        y = x
        for d in range(1, dense + 1):
            graph |= _dense_block(f"{t}_{d}", y, filters, growth, convs, fusion=3)
            graph[f"LRL_{t}_{d}"] = _add(y, _scaled(RESIDUAL, f"LFF_{t}_{d}"))
            y = f"LRL_{t}_{d}"
        graph[f"RRDB_{t}_out"] = _add(x, _scaled(RESIDUAL, y))
        x = f"RRDB_{t}_out"
    graph |= {
        "post_blocks_conv": _conv(filters, 3, x),
        "GRL": _add("post_blocks_conv", "Pre_blocks_conv"),
        "PreShuffle": _conv(channels * scale**2, 3, "GRL"),
        "shuffle": f"shuffle {scale} of PreShuffle",
        "SR": _conv(channels, 3, "shuffle"),
    }
    sizes = {
        **{"image_channels": channels, "scale": scale, "filters": filters, "growth": growth},
        **{"num_blocks": blocks, "num_dense": dense, "num_convs": convs},
    }
    return sizes, graph


def _dense_block(number, x, filters, growth, convs, fusion):
    graph = {}
    for c in range(1, convs + 1):
        name = f"{number}_{c}"
        graph[f"F_{name}"] = _conv(growth, 3, x)
        graph[f"F_{name}_Relu"] = f"relu of F_{name}"
        graph[f"RDB_Concat_{name}"] = _concatenated((x, f"F_{name}_Relu"))
        x = f"RDB_Concat_{name}"
    graph[f"LFF_{number}"] = _conv(filters, fusion, x)
    return graph


def _counts(path, layers, *patterns):
    """How many layers there are of each pattern, numbered from 1."""
    counts = [_count(layers, pattern) for pattern in patterns]
    if not 0 < math.prod(counts) <= len(layers):  # each block has as many as the first
        names = [pattern.format("N") for pattern in patterns]
        raise ValueError(
            f"{path} has {listed(counts, ' and ')} layers {listed(names, ' and ')}, which is no "
            f"network of {len(layers)} layers."
        )
    return counts


def _count(layers, pattern):
    number = 0
    while pattern.format(number + 1) in layers:
        number += 1
    return number


def _shuffle(layers):
    """The name of the layer that turns channels into pixels."""
    return next((name for name, one in layers.items() if _is_shuffle(one)), "PixelShuffle")


def _is_shuffle(layer):
    return re.fullmatch(r"PixelShuffle(\d{1,2}x)?", layer.kind) is not None


def _option(path, layers, name, option):
    """A whole number above 0 among a layer's options; of a pair of equal ones, their value."""
    value = layers[name].config.get(option) if name in layers else None
    if isinstance(value, list) and value[1:] == value[:1]:
        value = value[0]
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= 2**16:
        raise ValueError(
            f"{path} has no {name} whose `{option}` is a size. Received: {listed([value])}."
        )
    return value


# === Topologies in words, by which they are compared ===


def _conv(filters, kernel, x):
    return f"Conv2D {filters}, {kernel} x {kernel} of {x}"


def _add(*names):
    return f"sum of {' and '.join(sorted(names))}"


def _concatenated(names):
    return f"maps of {' and '.join(names)}"


def _scaled(factor, name):
    return f"{factor} {name}"


def _graph(layers):
    """`{name: words}` of a file's layers; factors are part of what takes them."""
    names: dict[str, str] = {}
    graph = {}
    for layer in layers:
        inbound = [names.get(name, name) for name in layer.inbound]
        if _is_factor(layer) and inbound == [*layer.inbound]:  # no factor of a factor and so on
            names[layer.name] = _scaled(layer.config["beta"], inbound[0])
            continue
        names[layer.name] = "shuffle" if _is_shuffle(layer) else layer.name
        graph[names[layer.name]] = _words(layer, inbound)
    return graph


def _is_factor(layer):
    is_number = isinstance(layer.config.get("beta"), float)
    return layer.kind == "MultiplyBeta" and is_number and len(layer.inbound) == 1


def _words(layer, inbound):
    config, x = layer.config, " and ".join(inbound)
    match layer.kind:
        case "InputLayer":
            return f"input of {_last(config.get('batch_input_shape', config.get('batch_shape')))}"
        case "Conv2D" if (kernel := config.get("kernel_size")) == [_last(kernel)] * 2:
            others = _unusual(config)
            words = _conv(config.get("filters"), kernel[0], x)
            return f"{words}, {others}" if others else words
        case "Activation":
            return f"{config.get('activation')} of {x}"
        case "Add":
            return _add(*inbound)
        case "Concatenate" if config.get("axis") in (3, -1):
            return _concatenated(inbound)
        case "UpSampling2D" if (size := config.get("size")) == [_last(size)] * 2:
            return f"{config.get('interpolation')} {size[0]} x {size[1]} of {x}"
    if _is_shuffle(layer):
        return f"shuffle {config.get('scale')} of {x}"
    return f"{layer.kind} of {x}"


_USUAL = {
    "strides": [1, 1],
    "dilation_rate": [1, 1],
    "groups": 1,
    "activation": "linear",
    "use_bias": True,
    "data_format": "channels_last",
}


def _unusual(config):
    """Options of a convolution by which it computes something else."""
    found = {key: config.get(key, usual) for key, usual in _USUAL.items()}
    others = [f"{key}={value}" for key, value in found.items() if value != _USUAL[key]]
    if config.get("padding") != "same" and config["kernel_size"] != [1, 1]:
        others.append(f"padding={config.get('padding')}")
    return ", ".join(others)


def _last(values):
    return values[-1] if isinstance(values, list) and values else None


# === Weights ===


def _copy(path, model, arrays, value_range):
    """Copies the arrays into a model's generator, once all fit; returns how many there were."""
    arrays = _by_layer(path, arrays)
    places = {}
    for layer in model.generator.layers:
        if layer.weights:
            places[f"{_theirs(layer.name, type(model))}/kernel"] = layer.kernel
            places[f"{_theirs(layer.name, type(model))}/bias"] = layer.bias
    problems = [f"missing {name}" for name in places if name not in arrays]
    problems += [f"unexpected {name} {a.shape}" for name, a in arrays.items() if name not in places]
    for name in places.keys() & arrays.keys():
        shape = tuple(places[name].shape)
        if arrays[name].shape != shape:
            problems.append(f"{name} is {arrays[name].shape}, not {shape}")
        elif not np.isfinite(arrays[name]).all():
            problems.append(f"{name} has NaN or infinite numbers")
    if problems:
        raise ValueError(f"{path} does not fit the generator: {listed(problems, '; ')}.")
    for name, variable in places.items():
        array = arrays[name]
        if name.endswith("/bias"):
            array = array / np.float32(value_range)
        if name.split("/")[0] == _before_shuffle(model):
            array = array[..., _shuffled(model)]
        variable.assign(array)
    return len(places)


def _by_layer(path, arrays):
    """The arrays by "layer/weight", without the scopes and numbers that some converters write."""
    found = {"/".join(name.removesuffix(":0").split("/")[-2:]): a for name, a in arrays.items()}
    if len(found) < len(arrays):
        raise ValueError(f"{path} has several tensors for one layer.")
    return found


def _theirs(name, cls):
    """ISR's name of a layer of ours."""
    fixed = {"shallow_1": "F_m1", "shallow_2": "F_0", "last": "SR"}
    fixed |= {"fusion_1": "GFF_1", "fusion_2": "GFF_2"}
    fixed |= {f"up_{n}": f"UPN{n}" for n in (1, 2, 3)}
    if issubclass(cls, RRDN):
        fixed |= {"shallow_1": "Pre_blocks_conv", "fusion_1": "post_blocks_conv"}
        fixed |= {"up_1": "PreShuffle"}
    if name in fixed:
        return fixed[name]
    numbers = "_".join(re.findall(r"\d+", name))
    return f"LFF_{numbers}" if name.endswith("fusion") else f"F_{numbers}"


def _before_shuffle(model):
    """ISR's name of the convolution whose channels become pixels, or None."""
    if isinstance(model, RRDN):
        return "PreShuffle"
    return "UPN3" if model.upsampling == "shuffle" else None


def _shuffled(model):
    """Where each of our channels is in TensorFlow's order: theirs has the channel last."""
    channels, blocks = model.image_channels, model.scale**2
    return [block * channels + c for c in range(channels) for block in range(blocks)]
