"""Loads weights trained with the known implementations of StyleGAN2 into models of the zoo.

    model = import_checkpoint("ffhq.pkl", "stylegan2", output="ffhq.keras")

    stylegan2-ada-pytorch, stylegan3's copy of StyleGAN2   `.pkl`
    stylegan2, stylegan2-ada (TensorFlow)                  `.pkl`
    rosinality/stylegan2-pytorch                           `.pt`

All sizes are read off the tensors. Neither PyTorch nor TensorFlow 1 is needed, and nothing in a
file is executed (`keras_gans.interop.network_pickles`, `keras_gans.interop.torch_files`).
"""

import dataclasses
import os
import pathlib
import re
from typing import Any

import numpy as np

from keras_gans import zoo
from keras_gans.interop import stylegan2_layouts as layouts
from keras_gans.interop.network_pickles import read_networks
from keras_gans.interop.reports import (
    Imported,
    check_overrides,
    checked_output,
    listed,
    refuse_misfits,
    refuse_not_finite,
)
from keras_gans.interop.stylegan2_layouts import Canonical
from keras_gans.interop.stylegan2_names import of_discriminator, of_generator
from keras_gans.interop.torch_files import is_legacy, read_checkpoint
from keras_gans.utils.files import write_whole
from keras_gans.utils.memory import no_larger_than
from keras_gans.zoo.stylegan2 import StyleGAN2

_LARGEST_MODEL = 2 * 2**30  # bytes of weights; the largest official model has 0.4 GB
_PARTS = ("g_ema", "g", "d")  # of rosinality's files
_NETWORKS = ("generator", "discriminator")
_TARGETS = {"G": "generator", "G_ema": "generator_ema", "D": "discriminator"}
_RATE = 0.01  # learning rate multiplier of the zoo's mapping networks
_TF_RATES = {"G": 0.01, "G_ema": 0.01, "D": 0.1}  # where a file does not say
_MEAN_OF = 10_000  # latents whose mean style is taken where a file has none

# What names of tensors give away about files of other networks.
_GROWN = r"(?:.*[./])?(?:To|From)RGB_lod\d*/.*"
_LOOKS = (
    (_GROWN, "StyleGAN, or a configuration A to D of StyleGAN2 (it has layers called ToRGB_lod)"),
    (r"synthesis\.input\..*|synthesis\.L\d+_.*", "StyleGAN3"),
    (r"backbone\..*", "EG3D"),
    (r"(?:module\.)*model\.(?:model\.)?\d+\..*", "a network of pytorch-CycleGAN-and-pix2pix"),
    (r"(?:module\.)*generator\.progression\..*", "StyleGAN of style-based-gan-pytorch"),
    (r"(?:GAN\.)?(?:SE?|GE?|D)\.(?:net|initial_conv|blocks)\..*", "lucidrains' StyleGAN2"),
    (r".*\b(?:iwt|dwt)\..*", "SWAGAN"),
    (
        r"(?:mapping/)?LabelConcat/.*",
        "StyleGAN2 with labels of the first TensorFlow implementation, which StyleGAN2-ADA changed",
    ),
)


@dataclasses.dataclass
class _Source:
    """What a file holds.

    Attributes:
        networks: `{"generator": Canonical, "generator_ema": ..., "discriminator": ...}`, those that
            are there.
        group: images of the minibatch deviation, or None where the file does not say.
    """

    networks: dict[str, Canonical]
    group: int | None = None


def entries():
    """Lists the zoo's entries whose networks are StyleGAN2's."""
    return [name for name in zoo.names() if zoo.entry(name).cls is StyleGAN2]


def import_checkpoint(file, name, *, network=None, output=None, overwrite=False, **overrides):
    """Loads a checkpoint of StyleGAN2 into an entry of the zoo.

    Image size, widths, depth of the mapping network, labels and the discriminator's architecture
    are the file's. The averaged generator also becomes the generator that training goes on with if
    the file has no other. Networks that the file lacks keep their initial weights.
    `model.imported`, `{network: Imported}`, says which were read; it is not saved.

    Args:
        file: path of the checkpoint, `.pkl` or `.pt`.
        name: name of the entry, "stylegan2" or a relative, see `entries()`.
        network: "generator" to leave the discriminator out; None for all that is there.
        output: `.keras` file to save the model in, or None.
        overwrite: Whether to replace `output` if it exists.
        **overrides: constructor arguments that replace the entry's, other than those that the file
            determines.

    Returns:
        A compiled `keras_gans.GAN`.

    Raises:
        ValueError: if the file is not a checkpoint of StyleGAN2, is damaged, asks for anything but
            weights, or holds networks that the entry cannot have.
        FileExistsError: if `output` exists and `overwrite` is not set.
    """
    output = checked_output(output, overwrite)
    if name not in entries():
        zoo.entry(name)  # refuses unknown names
        raise ValueError(f"{name} is not StyleGAN2. Entries that are: {', '.join(entries())}.")
    path = _single(file)
    leave_out = _left_out(network)
    source = _read(path)
    for target in leave_out:
        source.networks.pop(target, None)
    generator = source.networks.get("generator_ema") or source.networks.get("generator")
    if generator is None:
        raise ValueError(f"{path} holds no generator of StyleGAN2.")
    _refuse_others(path, source)
    sizes = _sizes(path, generator, source.networks.get("discriminator"))
    check_overrides(path, sizes, overrides)
    if source.group is not None:
        overrides = {"minibatch_group": source.group, **overrides}
    try:
        with no_larger_than(_LARGEST_MODEL):
            model = zoo.get(name, **{**sizes, **overrides})
    except ValueError as error:
        raise ValueError(f"{path} cannot become {name}: {error}") from error
    _copy(path, model, source)
    if output:
        write_whole(output, model.save, replace=overwrite)
    return model


def sizes_of(path):
    """Constructor arguments that a checkpoint determines, and how many tensors it has.

    Raises:
        ValueError: if it is not a checkpoint of StyleGAN2.
    """
    source = _read(pathlib.Path(path))
    generator = source.networks.get("generator_ema") or source.networks.get("generator")
    if generator is None:
        raise ValueError(f"{path} holds no generator of StyleGAN2.")
    tensors = sum(len(network.arrays) for network in source.networks.values())
    return _sizes(path, generator, source.networks.get("discriminator")), tensors


def is_network_pickle(path):
    """Whether a file is a bare pickle, the form of whole networks, and none of PyTorch's files."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        start = file.read(32)
    return start.startswith(b"\x80") and not is_legacy(start)


def look_of(names):
    """What a dict of tensors seems to be by their names, in words, or None."""
    if "input.input" in names or "synthesis.b4.const" in names:
        return "a generator of StyleGAN2"
    return _look(names)


def _single(file):
    if isinstance(file, dict):
        raise ValueError(
            "A checkpoint of StyleGAN2 is one file, which holds all its networks. Received: a dict."
        )
    files = [file] if isinstance(file, (str, os.PathLike)) else list(file)
    if len(files) != 1:
        raise ValueError(
            "A checkpoint of StyleGAN2 is one file, which holds all its networks. Received: "
            f"{len(files)} files."
        )
    return pathlib.Path(files[0])


def _left_out(network):
    asked = [network] if isinstance(network, str) else list(network or _NETWORKS)
    for one in asked:
        if one not in _NETWORKS:
            raise ValueError(
                f"A checkpoint of StyleGAN2 has no network {one!r}. It has: {', '.join(_NETWORKS)}."
            )
    if "generator" not in asked:
        raise ValueError("The sizes of a model are those of its generator: import it too.")
    return [one for one in _NETWORKS if one not in asked]


# === The formats ===


def _read(path):
    """Reads the networks of a file."""
    if is_network_pickle(path):
        form, networks = read_networks(path)
        return (_of_pytorch if form == "pytorch" else _of_tensorflow)(path, networks)
    return _of_checkpoint(path, read_checkpoint(path, _PARTS))


def _of_pytorch(path, networks):
    source = _Source({})
    for key, network in networks.items():
        arrays, attributes = network.arrays, network.attributes
        _check_activations(path, key, attributes)
        if key == "D":
            source.group = _count(attributes.get("b4.mbstd", {}).get("group_size"))
            found = layouts.discriminator_of_pytorch(arrays)
        else:
            found = layouts.generator_of_pytorch(arrays)
            if "synthesis.b4.const" not in arrays:
                _refuse_as_other(path, arrays, f"a network of the class {network.class_name!r}")
        for module, said in attributes.items():
            if re.fullmatch(r"mapping\.fc\d+", module):
                _rescale(path, found, f"{module}.", said.get("bias_gain", _RATE))
        source.networks[_TARGETS[key]] = found
    return source


def _check_activations(path, key, attributes):
    for found in attributes.values():
        activation = found.get("activation", "lrelu")
        if activation not in ("lrelu", "linear"):
            raise ValueError(
                f"{path} has the activation {str(activation)[:40]!r} in {key}, and StyleGAN2 has "
                "leaky ReLU."
            )


def _rescale(path, network, prefix, rate):
    """Brings layers of a mapping network with another learning rate multiplier to ours.

    A layer multiplies its kernel and bias by the multiplier, so that numbers which are larger by
    as much as ours is smaller make the same network.
    """
    if not isinstance(rate, (int, float)) or not 1e-6 <= rate <= 1e6:
        raise ValueError(f"{path} has a mapping network with the learning rate multiplier {rate}.")
    if rate == _RATE:
        return
    for name, array in network.arrays.items():
        if name.startswith(prefix):
            network.arrays[name] = array * array.dtype.type(rate / _RATE)


def _count(value):
    return value if isinstance(value, int) and value > 0 else None


def _of_tensorflow(path, networks):
    source = _Source({})
    for key, network in networks.items():
        arguments = network.attributes.get("", {})
        kernel = arguments.get("resample_kernel")
        if kernel is not None and kernel != [1, 3, 3, 1]:
            raise ValueError(_other_filter(path, f"{key}'s resample_kernel"))
        if key == "D":
            source.group = _count(arguments.get("mbstd_group_size"))
            found = layouts.discriminator_of_tensorflow(network.arrays)
        else:
            found = layouts.generator_of_tensorflow(network.arrays)
            if any(re.fullmatch(_GROWN, one) for one in network.arrays) or (
                "synthesis.b4.const" not in found.arrays
            ):
                _refuse_as_other(path, network.arrays, f"a network of {network.class_name!r}")
        rate = arguments.get("mapping_lrmul", _TF_RATES[key])
        _rescale(path, found, "mapping.fc", rate)
        source.networks[_TARGETS[key]] = found
    return source


def _of_checkpoint(path, arrays):
    """Takes rosinality's networks, or the tensors of a single one, from a file of PyTorch's."""
    parts: dict[str, dict[str, Any]] = {part: {} for part in _PARTS}
    rest = {}
    for name, array in arrays.items():
        part, dot, inner = name.partition(".")
        if dot and part in parts:
            parts[part][inner] = array
        else:
            rest[name] = array
    if not any(parts.values()):
        if "synthesis.b4.const" in rest:
            return _Source({"generator_ema": layouts.generator_of_pytorch(rest)})
        if "input.input" in rest:
            parts["g_ema"] = rest
        else:
            _refuse_as_other(path, rest, "a file without g_ema, g and d")
    source = _Source({})
    for part, target in (("g_ema", "generator_ema"), ("g", "generator")):
        if parts[part]:
            if "input.input" not in parts[part]:
                _refuse_as_other(path, parts[part], f"a file whose {part} is another network")
            source.networks[target] = layouts.generator_of_rosinality(parts[part])
            if "latent_avg" in rest:
                mean = rest["latent_avg"]
                source.networks[target].arrays["mapping.w_avg"] = mean.reshape(-1)
                source.networks[target].names["mapping.w_avg"] = "latent_avg"
    if parts["d"]:
        source.networks["discriminator"] = layouts.discriminator_of_rosinality(parts["d"])
    return source


# === What is refused ===


def _refuse_as_other(path, names, otherwise):
    raise ValueError(
        f"{path} is not a checkpoint of StyleGAN2. It looks like {_look(names) or otherwise}."
    )


def _look(names):
    for pattern, words in _LOOKS:
        if any(re.fullmatch(pattern, name) for name in names):
            return words
    return None


def _refuse_others(path, source):
    """Refuses tensors that no StyleGAN2 network has, and other filters."""
    for target, network in source.networks.items():
        if network.filters:
            raise ValueError(_other_filter(path, f"{target}: {listed(network.filters)}"))
        if network.unknown:
            look = _look(network.unknown)
            text = listed([f"{name} {shape}" for name, shape in network.unknown.items()])
            raise ValueError(
                f"{path} has tensors in its {target} that StyleGAN2 has not"
                + (f"; it looks like {look}" if look else "")
                + f". Unexpected: {text}."
            )


def _other_filter(path, where):
    return (
        f"{path} resamples with another filter than [1, 3, 3, 1], the only one that StyleGAN2 has "
        f"here ({where})."
    )


# === Sizes ===


def _sizes(path, generator, discriminator):
    """Reads constructor arguments off the tensors of a file."""
    arrays = generator.arrays
    blocks = _numbers(arrays, r"synthesis\.b(\d{1,5})\.torgb\.weight")
    sides = [4 << index for index in range(len(blocks))]
    if blocks != sides or len(sides) < 2:
        raise ValueError(
            f"{path} has a generator with blocks of the sizes {listed(blocks)}, and StyleGAN2 has "
            "4, 8 and so on, each with an RGB layer (the architecture 'skip')."
        )
    widths = {side: _length(path, arrays, f"synthesis.b{side}.conv1.weight", 0) for side in sides}
    base, most = _base_and_max(path, widths)
    style_dim = _length(path, arrays, "synthesis.b4.conv1.affine.weight", 1)
    layers = _numbers(arrays, r"mapping\.fc(\d{1,5})\.weight")
    if not layers or layers != list(range(len(layers))):
        raise ValueError(
            f"{path} has a mapping network with the layers {listed(layers)}, and StyleGAN2 has "
            "0, 1 and so on."
        )
    classes = 0
    if "mapping.embed.weight" in arrays:
        classes = _length(path, arrays, "mapping.embed.weight", 1)
    taken = _length(path, arrays, "mapping.fc0.weight", 1)
    latent_dim = taken - (style_dim if classes else 0)
    if latent_dim < 1:
        raise ValueError(f"{path} has a generator that takes no latents.")
    sizes = {
        "image_size": sides[-1],
        "image_channels": _length(path, arrays, "synthesis.b4.torgb.weight", 0),
        "latent_dim": latent_dim,
        "style_dim": style_dim,
        "num_classes": classes,
        "num_attributes": 0,
        "channel_base": base,
        "channel_max": most,
        "mapping_layers": len(layers),
    }
    if discriminator is not None:
        names = discriminator.arrays
        residual = any(re.fullmatch(r"b\d+\.skip\.weight", name) for name in names)
        sizes["architecture"] = "resnet" if residual else "orig"
        if classes:
            sizes["label_layers"] = len(_numbers(names, r"mapping\.fc(\d{1,5})\.weight"))
    return sizes


def _numbers(arrays, pattern):
    return sorted(int(match[1]) for name in arrays if (match := re.fullmatch(pattern, name)))


def _length(path, arrays, name, axis):
    array = arrays.get(name)
    if array is None:
        raise ValueError(f"{path} lacks {name} of StyleGAN2's generator.")
    if array.ndim <= axis or not array.shape[axis]:
        raise ValueError(f"{path} has {name} of the shape {array.shape}, which StyleGAN2 has not.")
    return int(array.shape[axis])


def _base_and_max(path, widths):
    """Finds the `channel_base` and `channel_max` that make the widths."""
    most = max(widths.values())
    least = max(width * side for side, width in widths.items())
    largest = min(
        (side * (width + 1) - 1 for side, width in widths.items() if width < most), default=least
    )
    if least > largest:
        text = ", ".join(f"{width} at {side}" for side, width in widths.items())
        raise ValueError(
            f"{path} has a generator of other widths than min(channel_base / size, channel_max): "
            f"{text}. This model cannot be built from them."
        )
    return least, most


# === Weights ===


def _copy(path, model, source):
    """Copies all networks, once all fit; fills in what a file need not have."""
    networks = dict(source.networks)
    averaged = networks.get("generator_ema") or networks["generator"]
    networks.setdefault("generator", averaged)
    networks.setdefault("generator_ema", averaged)
    if "generator_ema" not in model.networks:  # it samples with the generator
        networks["generator"] = networks.pop("generator_ema")
    fits = {}
    for target, network in networks.items():
        places = (of_discriminator if target == "discriminator" else of_generator)(
            model.networks[target]
        )
        optional = _optional(network.arrays) if target != "discriminator" else ()
        fits[target] = (_fitting(path, target, network, places, optional), places)
    model.imported = {}
    for target, (fitting, places) in fits.items():
        for name, array in fitting.items():
            places[name].variable.assign(places[name].to_ours(array))
        notes = []
        if target != "discriminator" and "mapping.w_avg" not in fitting:
            _take_mean_style(model, model.networks[target])
            notes.append(f"no mean style in the file: that of {_MEAN_OF} latents")
        if target != "discriminator" and not any(n.endswith("noise_const") for n in fitting):
            notes.append("no constant noise in the file: drawn anew")
        model.imported[target] = Imported(str(path), False, len(fitting), (), tuple(notes))
    return model


def _optional(arrays):
    """Names what a generator may lack: its mean style, and constant noise, all or none."""
    found = {"mapping.w_avg"}
    if not any(name.endswith(".noise_const") for name in arrays):
        found.add("noise_const")
    return found


def _fitting(path, target, network, places, optional):
    """Returns `{canonical name: float32 array}` for all places of a network."""
    arrays = network.arrays
    missing = [
        f"{name} {place.shape}"
        for name, place in places.items()
        if name not in arrays and name not in optional and name.rpartition(".")[2] not in optional
    ]
    unexpected = [
        f"{network.names[name]} {array.shape}"
        for name, array in arrays.items()
        if name not in places
    ]
    wrong = [
        f"{network.names[name]}: expected {place.shape}, received {arrays[name].shape}"
        for name, place in places.items()
        if name in arrays and arrays[name].shape != place.shape
    ] + [
        f"{network.names[name]}: expected floating-point numbers, received {arrays[name].dtype}"
        for name in places
        if name in arrays and arrays[name].dtype.kind != "f"
    ]
    sentence = f"{path} does not fit the {target} of StyleGAN2."
    if target == "discriminator":
        sentence += ' The generator alone is imported with `network="generator"`, --network.'
    refuse_misfits(sentence, missing, unexpected, wrong)
    with np.errstate(over="ignore"):
        taken = {name: arrays[name].astype("float32") for name in places if name in arrays}
    broken = [network.names[name] for name, array in taken.items() if not np.isfinite(array).all()]
    refuse_not_finite(path, broken)
    return taken


def _take_mean_style(model, network):
    latents = np.random.default_rng(0).standard_normal((_MEAN_OF, model.latent_dim), "float32")
    mapping = network.get_layer("mapping")
    means = [
        np.mean(mapping(_mapped(model, latents[start : start + 1000])), axis=0)
        for start in range(0, _MEAN_OF, 1000)
    ]
    network.get_layer("truncation").mean.assign(np.mean(means, axis=0))


def _mapped(model, latents):
    if not model.conditions:
        return latents
    return [latents, model.conditions.draw(len(latents), 0)]
