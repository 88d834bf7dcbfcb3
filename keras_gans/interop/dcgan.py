"""Loads weights of PyTorch's example of DCGAN into models of the zoo.

    model = import_checkpoints("netG_epoch_24.pth", "dcgan", output="faces.keras")

pytorch/examples (dcgan/main.py) and the tutorial made of it are where most DCGANs begin: a
`Sequential` called `main`, of transposed convolutions in G and convolutions in D. Its files are a
state dict of either, or a dict of both. Image size, widths and channels are read off the shapes.
"""

import os
import pathlib
import re

import numpy as np

from keras_gans import zoo
from keras_gans.interop.esrgan_layouts import without_prefix
from keras_gans.interop.reports import Imported, check_overrides, checked_output, listed
from keras_gans.interop.torch_files import read_parts
from keras_gans.utils.files import write_whole
from keras_gans.utils.memory import no_larger_than
from keras_gans.zoo.dcgan import DCGAN

_LARGEST_MODEL = 2**30  # bytes of weights; the example has 25 MB
_NETWORKS = ("generator", "discriminator")
_COUNTER = ".num_batches_tracked"
#: Arguments of a DCGAN that the example has no others of.
_EXAMPLE = {
    **{"generator_norm": "batch", "discriminator_norm": "batch", "resampling": "strides"},
    **{"slope": 0.2, "stddev_group": 0},
}


def entries():
    """Lists the zoo's entries whose networks are the example's."""
    return [name for name in zoo.names() if _is_example(zoo.entry(name))]


def _is_example(row):
    fits = all(row.config.get(key, value) == value for key, value in _EXAMPLE.items())
    return row.cls is DCGAN and fits


def import_checkpoints(files, name, *, network=None, output=None, overwrite=False, **overrides):
    """Loads checkpoints of the example into an entry of the zoo.

    Sizes are the file's. Networks that no file holds keep their initial weights.
    `model.imported`, `{network: Imported}`, says what was read; it is not saved.

    Args:
        files: path of a checkpoint, or of one of G and one of D.
        name: name of the entry, see `entries()`.
        network: network that is taken of what the files hold, or several; None for all.
        output: `.keras` file to save the model in, or None.
        overwrite: Whether to replace `output` if it exists.
        **overrides: constructor arguments that replace the entry's, other than those that the file
            determines.

    Returns:
        A compiled `keras_gans.GAN`.

    Raises:
        ValueError: if a file is not such a checkpoint, is damaged, or does not fit.
        FileExistsError: if `output` exists and `overwrite` is not set.
    """
    output = checked_output(output, overwrite)
    if name not in entries():
        zoo.entry(name)  # refuses unknown names
        raise ValueError(
            f"{name} is no DCGAN of PyTorch's example. Entries that are: {', '.join(entries())}."
        )
    paths = [files] if isinstance(files, (str, os.PathLike)) else list(files)
    found = _networks(paths, _wanted(network))
    sizes = {**_sizes(found), **_EXAMPLE}
    check_overrides(paths[0], sizes, overrides)
    try:
        with no_larger_than(_LARGEST_MODEL):
            model = zoo.get(name, **{**sizes, **overrides})
    except ValueError as error:
        raise ValueError(f"{paths[0]} cannot become {name}: {error}") from error
    pairs = {
        target: _fitting(path, target, model.networks[target], state)
        for target, (path, state) in found.items()
    }
    for fitting in pairs.values():
        for variable, array in fitting:
            variable.assign(array)
    model.imported = {
        target: Imported(str(path), False, len(pairs[target]), tuple(_counters(state)))
        for target, (path, state) in found.items()
    }
    if "generator_ema" in model.networks and "generator" in found:
        model.generator_ema.set_weights(model.generator.get_weights())
    if output:
        write_whole(output, model.save, replace=overwrite)
    return model


def _wanted(network):
    asked = [network] if isinstance(network, str) else list(network or _NETWORKS)
    for one in asked:
        if one not in _NETWORKS:
            raise ValueError(f"A DCGAN has no network {one!r}. It has: {', '.join(_NETWORKS)}.")
    return asked


def _networks(paths, wanted):
    """`{network: (path, state)}` of what the files hold."""
    found: dict[str, tuple] = {}
    for path in map(pathlib.Path, paths):
        for state in read_parts(path).values():
            state = without_prefix(state)
            target = network_in(state)
            if target not in wanted:
                continue
            if target in found:
                raise ValueError(
                    f"{found[target][0]} and {path} both hold a {target}, or one holds two: give "
                    "one of them."
                )
            found[target] = (path, state)
    if not found:
        raise ValueError(
            f"{', '.join(map(str, paths))} holds no network of PyTorch's example of DCGAN, whose "
            "tensors are called main.0.weight, main.1.weight and so on."
        )
    return found


def network_in(state):
    """What a state dict holds of the example: "generator", "discriminator", or None."""
    kernels = _kernels(state)
    named = all(re.fullmatch(r"main\.\d{1,3}\.\w+", name) for name in state)
    if not named or len(kernels) < 3 or any(k.shape[2:] != (4, 4) for k in kernels):
        return None
    # Both lists of channels run from the picture to the code, or the reverse.
    if all(a.shape[1] == b.shape[0] for a, b in zip(kernels, kernels[1:], strict=False)):
        return "generator"
    if all(a.shape[0] == b.shape[1] for a, b in zip(kernels, kernels[1:], strict=False)):
        return "discriminator"
    return None


def _kernels(state):
    return [array for array in state.values() if array.ndim == 4]


def _sizes(found):
    """Constructor arguments that the shapes give away."""
    sizes: dict[str, int] = {}
    for target, (path, state) in found.items():
        kernels = _kernels(state)
        if target == "generator":
            side, channels, filters = 4, kernels[-1].shape[1], kernels[-1].shape[0]
            said = {"latent_dim": kernels[0].shape[0]}
        else:
            side, channels, filters = 4, kernels[0].shape[1], kernels[0].shape[0]
            said = {}
        said |= {
            "image_size": side * 2 ** (len(kernels) - 1),
            "image_channels": channels,
            "filters": filters,
        }
        for argument, value in said.items():
            if sizes.setdefault(argument, int(value)) != value:
                raise ValueError(
                    f"{path} holds a {target} of another size than the other network: "
                    f"`{argument}` is {value}, and there {sizes[argument]}."
                )
    return sizes


def _counters(state):
    return [name for name in state if name.endswith(_COUNTER)]


def _fitting(path, target, network, state):
    """`[(our variable, array in our axes)]` of a network, once all fit."""
    state = {name: array for name, array in state.items() if not name.endswith(_COUNTER)}
    places = list(_places(network, target, [n for n, a in state.items() if a.ndim == 4]))
    needed = {name for name, _, _ in places}
    problems = [f"missing {name}" for name in sorted(needed - set(state))]
    problems += [f"unexpected {name} {state[name].shape}" for name in state if name not in needed]
    pairs = []
    for name, variable, to_ours in places:
        if name not in state:
            continue
        array = to_ours(state[name])
        if array.shape != tuple(variable.shape) or array.dtype.kind != "f":
            problems.append(f"{name} {state[name].shape} {array.dtype} of another shape or type")
        elif not np.isfinite(array.astype("float32")).all():
            problems.append(f"{name} NaN or infinite")
        else:
            pairs.append((variable, array.astype("float32")))
    if problems:
        raise ValueError(f"{path} does not fit the {target}: {listed(problems, '; ')}.")
    return pairs


def _places(network, target, kernels):
    """`(name in the file, our variable, function to our axes)` of all that a network holds."""
    kinds = ("Dense", "Conv2D", "Conv2DTranspose")
    layers = [layer for layer in network.layers if type(layer).__name__ in kinds]
    norms = iter([layer for layer in network.layers if type(layer).__name__ == "BatchNorm"])
    for number, (layer, name) in enumerate(zip(layers, kernels, strict=True)):
        dense = type(layer).__name__ == "Dense"
        yield name, layer.kernel, _to_dense(target) if dense else _turned
        normed = number < len(layers) - 1 and (target == "generator" or number > 0)
        if normed:
            norm, at = next(norms), int(name.split(".")[1]) + 1
            for tensor, variable in (
                ("weight", norm.gamma),
                ("bias", norm.beta),
                ("running_mean", norm.moving_mean),
                ("running_var", norm.moving_variance),
            ):
                yield f"main.{at}.{tensor}", variable, lambda array: array


def _turned(array):
    """(out, in, h, w), and transposed (in, out, h, w), both to Keras without a flip."""
    return array.transpose(2, 3, 1, 0) if array.ndim == 4 else array


def _to_dense(target):
    """A convolution over its whole input, or to it, as the dense layer it is."""

    def to_ours(array):
        if array.ndim != 4:
            return array
        if target == "generator":  # (code, channels, h, w), which we reshape to h, w, channels
            return array.transpose(0, 2, 3, 1).reshape(array.shape[0], -1)
        return array.transpose(2, 3, 1, 0).reshape(-1, array.shape[0])

    return to_ours
