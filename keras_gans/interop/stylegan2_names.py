"""StyleGAN2's variables by the names of stylegan2-ada-pytorch, and what becomes of each tensor.

All implementations store numbers unscaled, so that the factors stay in the layers; what differs is
the order of axes.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a tensor of the reference goes.

    Attributes:
        variable: ours.
        to_ours: from the reference's array to ours.
        shape: the reference's shape.
    """

    variable: Any
    to_ours: Callable[[np.ndarray], np.ndarray]
    shape: tuple[int, ...]


def of_generator(generator):
    """`{name: Place}` of a generator of `keras_gans.zoo.stylegan2`."""
    mapping, synthesis = generator.get_layer("mapping"), generator.get_layer("synthesis")
    places = {}
    for layer in mapping.layers:
        if layer.name == "embed" or layer.name.startswith("fc"):
            places.update(dense(f"mapping.{layer.name}", layer))
    places["mapping.w_avg"] = _same(generator.get_layer("truncation").mean)
    const = synthesis.get_layer("b4_input").picture
    places["synthesis.b4.const"] = _moved(const, (1, 2, 0))
    for noise in synthesis.inputs[1:]:
        layer = noise.name.removeprefix("noise_")
        name = f"synthesis.{layer.replace('_', '.')}"
        convolution = synthesis.get_layer(layer)
        places.update(_convolution(name, convolution, up=convolution.upsample))
        places.update(dense(f"{name}.affine", synthesis.get_layer(f"{layer}_style")))
        added = synthesis.get_layer(f"{layer}_noise")
        places[f"{name}.bias"] = _same(added.bias)
        places[f"{name}.noise_strength"] = _same(added.strength)
        places[f"{name}.noise_const"] = _same(generator.get_layer(noise.name).noise)
    for layer in (one.name for one in synthesis.layers if one.name.endswith("_torgb")):
        name = f"synthesis.{layer.replace('_', '.')}"
        places.update(_convolution(name, synthesis.get_layer(layer)))
        places.update(dense(f"{name}.affine", synthesis.get_layer(f"{layer}_style")))
        places[f"{name}.bias"] = _same(synthesis.get_layer(f"{layer}_bias").bias)
    return places


def of_discriminator(discriminator):
    """`{name: Place}` of a discriminator of `keras_gans.zoo.stylegan2`."""
    places = {}
    for layer in discriminator.layers:
        block, _, part = layer.name.partition("_")
        if part in ("fromrgb", "conv0", "conv1", "skip", "conv"):
            places.update(_convolution(f"{block}.{part}", layer, bias=layer.bias))
    places.update(dense("b4.fc", discriminator.get_layer("b4_fc"), _of_maps))
    labelled = len(discriminator.inputs) > 1
    places.update(dense("b4.out", discriminator.get_layer("out" if labelled else "logits")))
    for layer in discriminator.layers if labelled else ():
        if layer.name == "embed" or layer.name.startswith("map_fc"):
            places.update(dense(f"mapping.{layer.name.removeprefix('map_')}", layer))
    return places


def _same(variable):
    return Place(variable, lambda array: array, tuple(variable.shape))


def _moved(variable, axes):
    """Where ours is the reference's, transposed by `axes`."""
    shape = tuple(variable.shape)
    theirs = tuple(shape[axes.index(axis)] for axis in range(len(axes)))
    return Place(variable, lambda array: array.transpose(axes), theirs)


def dense(name, layer, kernel=None):
    """`{name: Place}` of a dense layer; `kernel` places its kernel, transposed if not given."""
    places = {f"{name}.weight": (kernel or _transposed)(layer.kernel)}
    if layer.bias is not None:
        places[f"{name}.bias"] = _same(layer.bias)
    return places


def _transposed(kernel):
    return _moved(kernel, (1, 0))


def _of_maps(kernel):
    """Of a dense layer behind 4 x 4 maps, which the reference flattens channels first."""
    inputs, units = kernel.shape
    channels = inputs // 16

    def to_ours(array):
        maps = array.reshape(units, channels, 4, 4)
        return maps.transpose(2, 3, 1, 0).reshape(inputs, units)

    return Place(kernel, to_ours, (units, inputs))


def _convolution(name, layer, *, up=False, bias=None):
    # Of a transposed convolution our last two axes are outputs, inputs.
    places = {f"{name}.weight": _moved(layer.kernel, (2, 3, 0, 1) if up else (2, 3, 1, 0))}
    if bias is not None:
        places[f"{name}.bias"] = _same(bias)
    return places
