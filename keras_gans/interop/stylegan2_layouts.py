"""Converts tensors of StyleGAN2's implementations to the names of stylegan2-ada-pytorch.

Each function takes `{name: array}` of a file and returns a `Canonical`. All implementations store
numbers without the factors of the equalised learning rate, so only names and the order of axes
differ.
"""

import dataclasses
import re
from collections.abc import Callable

import numpy as np

_TAPS = np.array([1.0, 3.0, 3.0, 1.0])
_FILTER = np.outer(_TAPS, _TAPS) / 64
_SIDE = r"(\d{1,5})"
_NUMBER = r"(\d{1,2})"


@dataclasses.dataclass
class Canonical:
    """Tensors of a network by the names of stylegan2-ada-pytorch.

    Attributes:
        arrays: `{canonical name: array}`.
        unknown: `{name in the file: shape}` of tensors that no StyleGAN2 network has.
        names: `{canonical name: name in the file}`.
        filters: names in the file of resampling filters that are not [1, 3, 3, 1].
    """

    arrays: dict = dataclasses.field(default_factory=dict)
    unknown: dict = dataclasses.field(default_factory=dict)
    names: dict = dataclasses.field(default_factory=dict)
    filters: list = dataclasses.field(default_factory=list)


def generator_of_pytorch(arrays):
    """Converts a generator of stylegan2-ada-pytorch, or of stylegan3's copy of it."""
    return _canonical(arrays, _same, {r"(?:.*\.)?resample_filter": 1.0})


def discriminator_of_pytorch(arrays):
    """Converts a discriminator of stylegan2-ada-pytorch."""
    return generator_of_pytorch(arrays)


def generator_of_rosinality(arrays):
    """Converts a generator of rosinality/stylegan2-pytorch."""
    return _canonical(
        arrays,
        _by_table(_ROSINALITY_GENERATOR),
        {r"convs\.\d+\.conv\.blur\.kernel": 4.0, r"to_rgbs\.\d+\.upsample\.kernel": 4.0},
    )


def discriminator_of_rosinality(arrays):
    """Converts a discriminator of rosinality/stylegan2-pytorch."""
    blocks = [int(m[1]) for n in arrays if (m := re.fullmatch(rf"convs\.{_NUMBER}\.conv1\..*", n))]
    largest = 4 << max(blocks, default=0)
    table = _rosinality_discriminator(largest)
    filters = {r"convs\.\d+\.(?:conv2|skip)\.0\.kernel": 1.0}
    return _canonical(arrays, _by_table(table), filters)


def generator_of_tensorflow(arrays):
    """Converts a generator of stylegan2 or stylegan2-ada (TensorFlow)."""
    return _canonical(arrays, _by_table(_TENSORFLOW_GENERATOR), {})


def discriminator_of_tensorflow(arrays):
    """Converts a discriminator of stylegan2 or stylegan2-ada (TensorFlow)."""
    return _canonical(arrays, _by_table(_TENSORFLOW_DISCRIMINATOR), {})


def _canonical(arrays, renamed, filters):
    found = Canonical()
    for name, array in arrays.items():
        factor = next((f for pattern, f in filters.items() if re.fullmatch(pattern, name)), None)
        if factor is not None:
            if not _is_filter(array, factor):
                found.filters.append(name)
            continue
        place = renamed(name)
        if place is None or place[0] in found.arrays:
            found.unknown[name] = array.shape
            continue
        canonical, moved = place
        found.arrays[canonical] = moved(array)
        found.names[canonical] = name
    return found


def _is_filter(array, factor):
    """Whether this is the filter [1, 3, 3, 1], as a matrix or as one of two equal vectors."""
    expected = factor * _FILTER if array.ndim == 2 else factor * _TAPS / 8
    return array.shape == expected.shape and np.allclose(array, expected, atol=1e-3)


def _by_table(table):
    """Returns a function, `name -> (canonical name, function of the array)` or None."""

    def renamed(name):
        for pattern, place in table:
            match = re.fullmatch(pattern, name)
            if match:
                return place(match)
        return None

    return renamed


def _same(name):
    return name, lambda array: array


# === What becomes of an array; one of another rank stays, and does not fit then ===


def _of_rank(rank: int, moved: Callable):
    return lambda array: moved(array) if array.ndim == rank else array


_as_it_is = _of_rank(-1, lambda array: array)
_transposed = _of_rank(2, lambda array: array.T)
_kernel = _of_rank(4, lambda array: array.transpose(3, 2, 0, 1))
_flipped_kernel = _of_rank(4, lambda array: array[::-1, ::-1].transpose(3, 2, 0, 1))


def _plus_one(array):
    return array + 1


def _inner(array):
    """Drops all axes of length 1 in front."""
    while array.ndim and array.shape[0] == 1:
        array = array[0]
    return array


def _without_first(array):
    return array[0] if array.ndim and array.shape[0] == 1 else array


def _vector(array):
    return array.reshape(-1)


def _map_of_noise(array):
    return array[0, 0] if array.ndim == 4 and array.shape[:2] == (1, 1) else array


def _noise_layer(number):
    """Name of the layer that adds the noise of a number, from 0 at 4 x 4."""
    if number == 0:
        return "synthesis.b4.conv1"
    return f"synthesis.b{8 << (number - 1) // 2}.conv{(number - 1) % 2}"


# === rosinality ===

_STYLED = {
    "conv.weight": ("weight", _without_first),
    "conv.modulation.weight": ("affine.weight", _as_it_is),
    "conv.modulation.bias": ("affine.bias", _as_it_is),
    "noise.weight": ("noise_strength", _inner),
    "activate.bias": ("bias", _as_it_is),
}
_RGB = {
    "conv.weight": ("weight", _without_first),
    "conv.modulation.weight": ("affine.weight", _as_it_is),
    "conv.modulation.bias": ("affine.bias", _as_it_is),
    "bias": ("bias", _vector),
}


def _part(parts, layer):
    """Place of a tensor whose name ends in one of the parts, the pattern's last group."""

    def place(match):
        name, moved = parts[match[match.lastindex]]
        return f"{layer(match)}.{name}", moved

    return place


def _one_of(parts):
    return "(" + "|".join(map(re.escape, parts)) + ")"


_ROSINALITY_GENERATOR = [
    (
        r"style\.([1-9]\d?)\.(weight|bias)",
        lambda m: (f"mapping.fc{int(m[1]) - 1}.{m[2]}", _as_it_is),
    ),
    (r"input\.input", lambda m: ("synthesis.b4.const", _without_first)),
    (
        rf"noises\.noise_{_NUMBER}",
        lambda m: (f"{_noise_layer(int(m[1]))}.noise_const", _map_of_noise),
    ),
    (rf"conv1\.{_one_of(_STYLED)}", _part(_STYLED, lambda m: "synthesis.b4.conv1")),
    (
        rf"convs\.{_NUMBER}\.{_one_of(_STYLED)}",
        _part(_STYLED, lambda m: _noise_layer(int(m[1]) + 1)),
    ),
    (rf"to_rgb1\.{_one_of(_RGB)}", _part(_RGB, lambda m: "synthesis.b4.torgb")),
    (
        rf"to_rgbs\.{_NUMBER}\.{_one_of(_RGB)}",
        _part(_RGB, lambda m: f"synthesis.b{8 << int(m[1])}.torgb"),
    ),
]


def _rosinality_discriminator(largest):
    parts = {
        "conv1.0.weight": ("conv0.weight", _as_it_is),
        "conv1.1.bias": ("conv0.bias", _as_it_is),
        "conv2.1.weight": ("conv1.weight", _as_it_is),
        "conv2.2.bias": ("conv1.bias", _as_it_is),
        "skip.1.weight": ("skip.weight", _as_it_is),
    }
    single = {
        "convs.0.0.weight": f"b{largest}.fromrgb.weight",
        "convs.0.1.bias": f"b{largest}.fromrgb.bias",
        "final_conv.0.weight": "b4.conv.weight",
        "final_conv.1.bias": "b4.conv.bias",
        "final_linear.0.weight": "b4.fc.weight",
        "final_linear.0.bias": "b4.fc.bias",
        "final_linear.1.weight": "b4.out.weight",
        "final_linear.1.bias": "b4.out.bias",
    }
    return [
        (_one_of(single), lambda m: (single[m[1]], _as_it_is)),
        (
            rf"convs\.([1-9]\d?)\.{_one_of(parts)}",
            _part(parts, lambda m: f"b{largest >> (int(m[1]) - 1)}"),
        ),
    ]


# === TensorFlow ===

_TF_DENSE = {"weight": ("weight", _transposed), "bias": ("bias", _as_it_is)}
_TF_MODULATED = {
    "weight": ("weight", _kernel),
    "bias": ("bias", _as_it_is),
    "noise_strength": ("noise_strength", _inner),
    "mod_weight": ("affine.weight", _transposed),
    "mod_bias": ("affine.bias", _plus_one),
}
# The kernel of a transposed convolution is stored as that of a convolution.
_TF_UPSAMPLING = {**_TF_MODULATED, "weight": ("weight", _flipped_kernel)}
_TF_CONVOLUTION = {"weight": ("weight", _kernel), "bias": ("bias", _as_it_is)}
_TF_LAYERS = {"Conv": "conv1", "Conv1": "conv1", "ToRGB": "torgb"}
_TF_BLOCK = {"FromRGB": "fromrgb", "Conv0": "conv0", "Conv1_down": "conv1", "Skip": "skip"}

_TENSORFLOW_GENERATOR = [
    ("dlatent_avg", lambda m: ("mapping.w_avg", _as_it_is)),
    (
        rf"mapping/Dense{_NUMBER}/{_one_of(_TF_DENSE)}",
        _part(_TF_DENSE, lambda m: f"mapping.fc{int(m[1])}"),
    ),
    (rf"mapping/LabelEmbed/{_one_of(_TF_DENSE)}", _part(_TF_DENSE, lambda m: "mapping.embed")),
    ("synthesis/4x4/Const/const", lambda m: ("synthesis.b4.const", _without_first)),
    (
        rf"synthesis/noise{_NUMBER}",
        lambda m: (f"{_noise_layer(int(m[1]))}.noise_const", _map_of_noise),
    ),
    (
        rf"synthesis/{_SIDE}x\1/(Conv|Conv1|ToRGB)/{_one_of(_TF_MODULATED)}",
        _part(_TF_MODULATED, lambda m: f"synthesis.b{m[1]}.{_TF_LAYERS[m[2]]}"),
    ),
    (
        rf"synthesis/{_SIDE}x\1/Conv0_up/{_one_of(_TF_UPSAMPLING)}",
        _part(_TF_UPSAMPLING, lambda m: f"synthesis.b{m[1]}.conv0"),
    ),
]

_TENSORFLOW_DISCRIMINATOR = [
    (rf"4x4/Conv/{_one_of(_TF_CONVOLUTION)}", _part(_TF_CONVOLUTION, lambda m: "b4.conv")),
    (rf"4x4/Dense0/{_one_of(_TF_DENSE)}", _part(_TF_DENSE, lambda m: "b4.fc")),
    (rf"Output/{_one_of(_TF_DENSE)}", _part(_TF_DENSE, lambda m: "b4.out")),
    (rf"LabelEmbed/{_one_of(_TF_DENSE)}", _part(_TF_DENSE, lambda m: "mapping.embed")),
    (
        rf"Mapping{_NUMBER}/{_one_of(_TF_DENSE)}",
        _part(_TF_DENSE, lambda m: f"mapping.fc{int(m[1])}"),
    ),
    (
        rf"{_SIDE}x\1/(FromRGB|Conv0|Conv1_down|Skip)/{_one_of(_TF_CONVOLUTION)}",
        _part(_TF_CONVOLUTION, lambda m: f"b{m[1]}.{_TF_BLOCK[m[2]]}"),
    ),
]
