"""Weights of pytorch-CycleGAN-and-pix2pix, its relatives CUT and pix2pixHD, AnimeGANv2 and StarGAN.

    model = import_checkpoints("latest_net_G_A.pth", "cyclegan", output="horse2zebra.keras")

A family whose networks are the reference's says in `reference_layers()` which of its layers is
which module there: `{network: {module: layer}}`. Two modules may name one layer, where the
reference itself has two names for it (a residual block's second convolution moves from
`conv_block.5` to `conv_block.6` under dropout); the file's own is taken.

PyTorch is not needed, and nothing in a file is run (`keras_gans.interop.torch_files`).
"""

import dataclasses
import inspect
import os
import pathlib
import re
from typing import Any

import keras
import numpy as np

from keras_gans import zoo
from keras_gans.core.model import GAN
from keras_gans.interop.reports import Imported, checked_output, listed, refuse_not_finite
from keras_gans.interop.torch_files import read_state_dict
from keras_gans.layers import InstanceNorm, LayerNorm2D
from keras_gans.utils.files import write_whole
from keras_gans.utils.memory import no_larger_than

_MAX_SUGGESTIONS = 2
_LAYERS = ("num_blocks", "num_downs")  # arguments that say how many layers there are
_LARGEST_TRIED = 2**30  # bytes of a model that is made to see whether a file fits it

# The end of a checkpoint's name -> our networks, in order of preference. In the reference D_A
# judges what G_A makes, which are pictures of domain B.
_USUAL_NAMES = re.compile(r"(?:(?:^|_)net_([GD](?:_[AB])?)\.pth|^[0-9]+-([GD])\.ckpt)$")
_NETWORKS = {
    "G": ("generator", "generator_ab"),  # published CycleGANs are G_A under this name
    "D": ("discriminator",),
    "G_A": ("generator_ab",),
    "G_B": ("generator_ba",),
    "D_A": ("discriminator_b",),
    "D_B": ("discriminator_a",),
}

# What PyTorch before 0.4 kept for instance norm although nothing reads it, counters, and the
# filters with which CUT blurs, which are always the same.
_BLUR = ".filt"
_BOOKKEEPING = (".running_mean", ".running_var", ".num_batches_tracked", _BLUR)

#: The first convolution of animegan2-pytorch's generator.
_ANIME = "block_a.0.1.weight"

#: And of StarGAN's networks.
_STAR = "main.0.weight"


def import_checkpoints(files, name, *, network=None, output=None, overwrite=False, **overrides):
    """An entry of the zoo with weights of its reference, of the families that name its layers.

    Networks no file is given for keep their initial weights. `model.imported`,
    `{network: Imported}`, says which were read, and from where; it is not saved.

    Args:
        files: a checkpoint (`latest_net_G_A.pth`, `200000-G.ckpt`), several, or
            `{network: path}`. Where the network is not given it is told by the reference's usual
            file names; a file whose name says nothing is taken for the generator (from A to B).
        name: of the entry, see `keras_gans.zoo.names()`.
        network: name of the network in the file, or a list, one for each file.
        output: `.keras` file to save the model in, or None.
        overwrite: replace `output` where it exists.
        **overrides: constructor arguments that replace the entry's.

    Returns:
        A compiled `keras_gans.GAN`.

    Raises:
        ValueError: for a file that is no checkpoint, tensors that do not fit the network (all of
            them named, and what would fit, where that can be told), or a network there is not.
        FileExistsError: if `output` exists and `overwrite` is not set.
    """
    output = checked_output(output, overwrite)
    _check_entry(name)
    named = _named(files, network)
    states = {path: read_state_dict(path) for path, _ in named}
    model = zoo.get(name, **overrides)
    reference = model.reference_layers()
    assigned = _assigned(named, name, reference)
    fits = {}
    for target, (path, _) in assigned.items():
        fits[target] = _fit(states[path], model.networks[target], reference[target])
        if fits[target].problems:
            raise ValueError(_misfit(path, states[path], fits[target], target, model, overrides))
        _check_finite(path, fits[target])
    for fit in fits.values():
        fit.copy()
    model.imported = {
        target: Imported(path, guessed, len(fits[target].pairs), fits[target].ignored)
        for target, (path, guessed) in assigned.items()
    }
    if output:
        write_whole(output, model.save, replace=overwrite)
    return model


def _check_entry(name):
    if not _has_reference(zoo.entry(name).cls):
        raise ValueError(
            f"{name} has no networks of pytorch-CycleGAN-and-pix2pix, its relatives, "
            "animegan2-pytorch or stargan. Entries that do: "
            f"{', '.join(entries()) or 'none'}."
        )


def entries():
    """Names of the zoo's entries whose networks are the reference's."""
    return [name for name in zoo.names() if _has_reference(zoo.entry(name).cls)]


# === Which file is which network ===


def _named(files, network):
    """`[(path, network or None), ...]`, as asked for."""
    if isinstance(files, dict):
        if network is not None:
            raise ValueError("`files` names the networks already: leave out `network`.")
        named = [(str(path), target) for target, path in files.items()]
    else:
        paths = [files] if isinstance(files, (str, os.PathLike)) else list(files)
        targets = [network] if isinstance(network, str) else list(network or [None] * len(paths))
        if len(targets) != len(paths):
            raise ValueError(
                f"`network` must name one network for each file. Received: {len(targets)} for "
                f"{len(paths)} files."
            )
        named = [(str(path), target) for path, target in zip(paths, targets, strict=True)]
    if not named:
        raise ValueError("No checkpoint was given.")
    return named


def _has_reference(cls):
    """Whether a family names its layers as its reference's checkpoints do."""
    return cls.reference_layers is not GAN.reference_layers


def _assigned(named, name, reference):
    """`{network: (path, guessed)}`."""
    assigned: dict[str, tuple] = {}
    for path, target in named:
        target, guessed = (target, False) if target else _guess(path, name, reference)
        if target not in reference:
            raise ValueError(f"{name} has no network {target!r}. It has: {', '.join(reference)}.")
        if target in assigned:
            raise ValueError(
                f"{assigned[target][0]} and {path} are both for {target}. Say which network each "
                f"holds (`network`, --network): {', '.join(reference)}."
            )
        assigned[target] = (path, guessed)
    return assigned


def _guess(path, name, reference):
    usual = _USUAL_NAMES.search(pathlib.Path(path).name)
    candidates = _NETWORKS[(usual[1] or usual[2]) if usual else "G"]
    for candidate in candidates:
        if candidate in reference:
            return candidate, usual is None or candidate != candidates[0]
    raise ValueError(
        f"{path} is, by its name, {candidates[0]}, which {name} has not. Say which network it "
        f"holds (`network`, --network): {', '.join(reference)}."
    )


# === What goes where ===


@dataclasses.dataclass(frozen=True)
class _Fit:
    """How a checkpoint and a network match, tensor by tensor.

    Attributes:
        pairs: `{tensor name: (array, _Place)}` that match.
        missing: `{tensor name: shape}` the network needs and the file lacks.
        unexpected: `{tensor name: shape}` the file has and the network has no place for.
        misshaped: `{tensor name: (shape needed, shape or dtype found)}`.
        ignored: names of bookkeeping tensors.
    """

    pairs: dict
    missing: dict
    unexpected: dict
    misshaped: dict
    ignored: tuple

    @property
    def problems(self):
        return len(self.missing) + len(self.unexpected) + len(self.misshaped)

    def copy(self):
        """Writes the file's weights into the network's variables."""
        for array, place in self.pairs.values():
            place.variable.assign(array.transpose(place.axes))


@dataclasses.dataclass(frozen=True)
class _Place:
    """Where a tensor of a file belongs.

    Attributes:
        variable: ours.
        axes: its axes, as PyTorch numbers them.
    """

    variable: Any
    axes: tuple[int, ...]

    @property
    def shape(self):
        """The shape of the tensor in the file."""
        return tuple(self.variable.shape[self.axes.index(axis)] for axis in range(len(self.axes)))


def _fit(state, network, modules):
    state = _without_prefix(state)
    needed = _needed(state, network, modules)
    ignored = tuple(n for n in state if n.endswith(_BOOKKEEPING) and n not in needed)
    known = {*needed, *ignored}
    unexpected = {name: array.shape for name, array in state.items() if name not in known}
    missing = {n: place.shape for n, place in needed.items() if n not in state}
    pairs, misshaped = {}, {}
    for name, place in needed.items():
        if name in missing:
            continue
        array = state[name]
        if array.shape != place.shape:
            misshaped[name] = (place.shape, array.shape)
        elif array.dtype.kind != "f":
            misshaped[name] = ("floating-point numbers", array.dtype)
        else:
            pairs[name] = (array, place)
    return _Fit(pairs, missing, unexpected, misshaped, ignored)


#: What `torch.nn.DataParallel` puts before the name of each tensor.
_PARALLEL = "module."


def _without_prefix(state):
    """The tensors by the names they had before each `torch.nn.DataParallel` around the network."""
    common = os.path.commonprefix(list(state))
    length = 0
    while common.startswith(_PARALLEL, length):
        length += len(_PARALLEL)
    return {name[length:]: array for name, array in state.items()}


def _needed(state, network, modules):
    """`{tensor name in the file: its _Place}`."""
    names_of: dict[str, list[str]] = {}
    for module, layer in modules.items():
        names_of.setdefault(layer, []).append(module)
    needed = {}
    for layer, names in names_of.items():
        places = _places(network.get_layer(layer))
        rank = len(places["weight"].axes)
        there = [n for n in names if np.ndim(state.get(f"{n}.weight")) == rank]
        module = (there or names)[0]
        needed.update({f"{module}.{tensor}": place for tensor, place in places.items()})
    return needed


def _places(layer):
    """Where a layer's tensors belong, by PyTorch's names for them."""
    # (out, in, h, w), and transposed (in, out, h, w), both to Keras without a flip.
    axes = (2, 3, 1, 0)
    if isinstance(layer, keras.layers.DepthwiseConv2D):
        variables, axes = {"weight": layer.kernel, "bias": layer.bias}, (2, 3, 0, 1)
    elif isinstance(layer, (keras.layers.Conv2D, keras.layers.Conv2DTranspose)):
        variables = {"weight": layer.kernel, "bias": layer.bias}
    elif isinstance(layer, keras.layers.BatchNormalization):
        variables = {
            "weight": layer.gamma,
            "bias": layer.beta,
            "running_mean": layer.moving_mean,
            "running_var": layer.moving_variance,
        }
    elif isinstance(layer, (LayerNorm2D, InstanceNorm)):
        variables = {"weight": layer.gamma, "bias": layer.beta}
    else:
        raise TypeError(
            "`reference_layers` may name convolutions and normalizations with weights. "
            f"Received: {layer.name}, a {type(layer).__name__}."
        )
    return {
        tensor: _Place(variable, axes if len(variable.shape) == 4 else (0,))
        for tensor, variable in variables.items()
        if variable is not None
    }


def _check_finite(path, fit):
    # Weights that float32 cannot hold (of a float64 checkpoint) become infinite on the way in.
    with np.errstate(over="ignore"):
        broken = [
            name
            for name, (array, place) in fit.pairs.items()
            if not np.isfinite(array.astype(place.variable.dtype)).all()
        ]
    refuse_not_finite(path, broken)


# === What to say when it does not fit ===


def _misfit(path, state, fit, target, model, overrides):
    state = _without_prefix(state)
    lines = [
        f"{path} does not fit {target} of {model.name}: {len(fit.pairs)} tensors fit, "
        f"{fit.problems} do not. The file looks like {_look(state)}. "
        + _advice(state, target, model, overrides)
    ]
    if fit.missing:
        lines.append(f"Missing: {listed(_shapes(fit.missing))}.")
    if fit.unexpected:
        lines.append(f"Unexpected: {listed(_shapes(fit.unexpected))}.")
    if fit.misshaped:
        wrong = [
            f"{name}: expected {expected}, received {received}"
            for name, (expected, received) in fit.misshaped.items()
        ]
        lines.append(f"Of another shape or type: {listed(wrong, '; ')}.")
    return "\n".join(line.strip() for line in lines)


def _shapes(tensors):
    return [f"{name} {shape}" for name, shape in tensors.items()]


def look_of(state):
    """What a state dict seems to be, in words, and the entry it can become; None of no network."""
    sizes = _sizes(state)
    if not sizes:
        return None
    if _ANIME in state:
        return _look(state), "animegan"
    if _STAR in state:
        return _look(state), "stargan"
    if _blurs(state):
        return _look(state), "cut"
    return _look(state), "cyclegan" if "num_blocks" in sizes else "pix2pix"


def _blurs(state):
    return any(name.endswith(_BLUR) for name in state)


def _look(state):
    """What a checkpoint seems to be, in words."""
    sizes = _sizes(state)
    if _ANIME in state:
        return f"AnimeGANv2's generator of {sizes['filters']} filters"
    if _STAR in state:
        return _look_of_star(sizes)
    if "num_blocks" in sizes:
        kind = f"a ResNet generator of {sizes['num_blocks']} blocks"
        if any(n.endswith("conv_block.6.weight") and a.ndim == 4 for n, a in state.items()):
            kind += " with dropout"  # which moves their second convolution
    elif "num_downs" in sizes:
        kind = f"a U-Net generator of {sizes['num_downs']} downs"
    elif "filters" in sizes:
        layers = sum(n.endswith(".weight") and a.ndim == 4 for n, a in state.items()) - 2
        kind = f"a PatchGAN discriminator of {layers} layers"
    else:
        return "none of the reference's networks"
    if _blurs(state):
        kind += " with blur"
    first = next(
        array for name, array in state.items() if array.ndim == 4 and not name.endswith(_BLUR)
    )
    return f"{kind}, {sizes['filters']} filters, {first.shape[1]} input channels, {_norm(state)}"


def _look_of_star(sizes):
    if "num_downs" in sizes:
        return f"StarGAN's discriminator of {sizes['num_downs']} halvings"
    return (
        f"StarGAN's generator of {sizes['num_blocks']} blocks, {sizes['filters']} filters, colour "
        f"pictures and {sizes['num_attributes']} labels"
    )


def _norm(state):
    vectors = [name for name, array in state.items() if array.ndim == 1]
    norms = [name.removesuffix(".weight") for name in vectors if name.endswith(".weight")]
    if not norms:
        return "instance norm or none"
    batch = all(f"{norm}.running_mean" in state for norm in norms)
    return "batch norm" if batch else "instance norm with weights"


def _sizes(state):
    """Constructor arguments that a checkpoint gives away."""
    kernels = {
        name: array.shape
        for name, array in state.items()
        if array.ndim == 4 and not name.endswith(_BLUR)
    }

    def matching(pattern):
        return {match[1] for name in kernels if (match := re.fullmatch(pattern, name))}

    if _ANIME in kernels:
        return {"filters": kernels[_ANIME][0]}
    if _STAR in kernels:
        blocks = matching(r"main\.(\d+)\.main\.0\.weight")
        filters, inputs = kernels[_STAR][:2]
        if not blocks:
            return {"filters": filters, "num_downs": len(matching(r"main\.(\d+)\.weight"))}
        return {"num_blocks": len(blocks), "filters": filters, "num_attributes": inputs - 3}
    blocks = matching(r"model\.(\d+)\.conv_block\.\d+\.weight")
    if blocks and "model.1.weight" in kernels:
        return {"num_blocks": len(blocks), "filters": kernels["model.1.weight"][0]}
    if "model.model.0.weight" in kernels:
        downs = matching(r"model\.model\.1((?:\.model\.3)*)\.model\.1\.weight")
        return {"num_downs": 1 + len(downs), "filters": kernels["model.model.0.weight"][0]}
    if kernels and matching(r"model\.(\d+)\.weight") and "model.0.weight" in kernels:
        return {"filters": kernels["model.0.weight"][0]}
    return {}


def _advice(state, target, model, overrides):
    """What fits the checkpoint, found by trying."""
    others = [network for network in _fitting_networks(state, model) if network != target]
    if others:
        return f"It fits {' and '.join(others)}: name the network (`network`, --network)."
    sizes, config = _sizes(state), model.get_config()
    if any(sizes.get(key, 0) > _largest(key) for key in _LAYERS):
        return ""  # nothing of the kind is known, and it would be long in the making
    wrong = {k: v for k, v in sizes.items() if k in config and config[k] != v}
    found = [f"the entry {name}" for name in _fitting_entries(state, target, sizes, overrides)]
    if wrong and _fits(state, target, type(model), {**config, **wrong}):
        found.append(" ".join(f"--set {key}={value}" for key, value in wrong.items()))
    return f"It fits {', or '.join(found)}." if found else ""


def _fitting_networks(state, model):
    return [
        network
        for network, modules in model.reference_layers().items()
        if not _fit(state, model.networks[network], modules).problems
    ]


def _fitting_entries(state, target, sizes, overrides):
    found: list[str] = []
    for name in entries():
        row = zoo.entry(name)
        config = {**_defaults(row.cls), **row.config, **overrides, "name": name}
        if not sizes or any(config.get(key) != value for key, value in sizes.items()):
            continue
        if len(found) < _MAX_SUGGESTIONS and _fits(state, target, row.cls, config):
            found.append(name)
    return found


def _largest(key):
    """The largest number to try for advice: twice that of any entry."""
    rows = map(zoo.entry, entries())
    return 2 * max({**_defaults(row.cls), **row.config}.get(key, 0) for row in rows)


def _defaults(cls):
    parameters = inspect.signature(cls.__init__).parameters.values()
    return {p.name: p.default for p in parameters if p.default is not p.empty}


def _fits(state, target, cls, config):
    try:
        with no_larger_than(_LARGEST_TRIED):
            model = cls.from_config(config)
    except (TypeError, ValueError, RecursionError):  # arguments or sizes this class cannot have
        return False
    return target in _fitting_networks(state, model)
