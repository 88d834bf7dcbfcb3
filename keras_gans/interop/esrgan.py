"""Loads weights of ESRGAN, BSRGAN and Real-ESRGAN into models of the zoo.

    model = import_checkpoints("RealESRGAN_x4plus.pth", "realesrgan_x4", output="x4.keras")

    PyTorch   `.pth` of BasicSR and Real-ESRGAN, of the ESRGAN repository and BSRGAN, of the oldest
              ESRGAN ("old arch"), which most finetunes of others still are; nested or not
    ncnn      `.param` and `.bin`

The architecture (blocks, widths, scale) is read off the shapes. Neither PyTorch nor ncnn is needed,
and nothing in a file is run.
"""

import os
import pathlib
import re

import numpy as np

from keras_gans import zoo
from keras_gans.interop import esrgan_layouts as layouts
from keras_gans.interop.ncnn import read_network
from keras_gans.interop.reports import (
    Imported,
    check_only_generator,
    check_overrides,
    checked_output,
    listed,
    refuse_misfits,
    refuse_not_finite,
)
from keras_gans.interop.torch_files import read_parts
from keras_gans.utils.files import write_whole
from keras_gans.utils.memory import no_larger_than
from keras_gans.zoo.esrgan import ESRGAN
from keras_gans.zoo.realesrgan import RealESRGAN

_LARGEST_MODEL = 2**30  # bytes of weights; the largest published generator has 67 MB
#: Where a file keeps a generator, the best first.
_PARTS = (
    *("params_ema", "params", "g_ema", "generator_ema", "generator", "netG", "state_dict"),
    *("model_state_dict", "model", "network", "weights", ""),
)
#: Endings of the two files of a network of ncnn, the text and the numbers.
NCNN = (".param", ".bin")


def entries(network="rrdb"):
    """Lists the entries that can have "rrdb", ESRGAN's network, or "srvgg", the compact one."""
    cls = RealESRGAN if network == "srvgg" else ESRGAN
    return [name for name in zoo.names() if issubclass(zoo.entry(name).cls, cls)]


def import_checkpoints(
    files, name, *, network=None, output=None, overwrite=False, blend=None, **overrides
):
    """Loads a checkpoint of ESRGAN or a relative into an entry of the zoo.

    Blocks, widths, channels and scale are the file's. `model.imported`, `{network: Imported}`, says
    what was read; it is not saved.

    Args:
        files: path of the generator's `.pth`, or of the `.param` or `.bin` of ncnn beside the
            other; or two such files of one architecture, with `blend`.
        name: name of the entry, see `entries()`.
        network: "generator"; nothing else is imported.
        output: `.keras` file to save the model in, or None.
        overwrite: Whether to replace `output` if it exists.
        blend: share of the first of two files, 0 to 1: the weights are
            `blend * first + (1 - blend) * second`. Of realesr-general-x4v3 and
            realesr-general-wdn-x4v3 it is the strength of denoising.
        **overrides: constructor arguments that replace the entry's, other than those that the file
            determines.

    Returns:
        A compiled `keras_gans.GAN`.

    Raises:
        ValueError: if a file is not such a checkpoint, is damaged, or has another architecture than
            the entry can have, or two files cannot be blended.
        FileExistsError: if `output` exists and `overwrite` is not set.
    """
    output = checked_output(output, overwrite)
    if name not in entries():
        zoo.entry(name)  # refuses unknown names
        raise ValueError(f"{name} is no ESRGAN. Entries that are: {', '.join(entries())}.")
    check_only_generator(name, network)
    paths = _paths(files)
    read = [_read(path) for path in paths]
    arrays, scale = read[0] if len(read) == 1 else _blended(paths, read, blend)
    if len(read) == 1 and blend is not None:
        raise ValueError("`blend` is of two files. Received: one.")
    sizes = sizes_of(paths[0], arrays, scale)
    _check_overrides(paths[0], name, sizes, overrides)
    try:
        with no_larger_than(_LARGEST_MODEL):
            model = zoo.get(name, **{**_fitting_size(name, sizes), **overrides})
    except ValueError as error:
        raise ValueError(f"{paths[0]} cannot become {name}: {error}") from error
    copied = copy(paths[0], model.generator, arrays)
    notes = () if len(paths) == 1 else (f"blended: {blend:g} of {paths[0]}, the rest {paths[1]}",)
    model.imported = {"generator": Imported(str(paths[0]), False, copied, (), notes)}
    if output:
        write_whole(output, model.save, replace=overwrite)
    return model


def _paths(files):
    if isinstance(files, dict):
        if set(files) != {"generator"}:
            raise ValueError(f"Only the generator is imported. Received: {', '.join(files)}")
        files = [files["generator"]]
    files = [files] if isinstance(files, (str, os.PathLike)) else list(files)
    paths = [pathlib.Path(file) for file in files]
    paths = [
        path for path in paths if path.suffix != ".bin" or path.with_suffix(".param") not in paths
    ]
    if not 1 <= len(paths) <= 2:
        raise ValueError(f"One checkpoint is imported, or two are blended. Received: {len(paths)}")
    return paths


def _read(path):
    """The arrays of a generator by canonical names, and the scaling at its end."""
    if path.suffix in NCNN:
        return read_ncnn(path)
    parts = read_parts(path)
    for part in _PARTS:
        if parts.get(part):
            return layouts.of_pytorch(parts[part]), 1.0
    largest: dict = max(parts.values(), key=len, default={})
    return layouts.of_pytorch(largest), 1.0


def read_ncnn(path):
    """Reads the pair of files of a network of ncnn.

    Args:
        path: of either of them.

    Returns:
        The arrays of a generator by canonical names, and by how much its output is scaled at the
        end.

    Raises:
        ValueError: if one is missing or damaged, or they hold another network.
    """
    text, numbers = (path.with_suffix(suffix) for suffix in NCNN)
    for one in (text, numbers):
        if not one.is_file():
            raise ValueError(f"A network of ncnn is two files, and {one} is missing.")
    return layouts.of_ncnn(text, read_network(text, numbers))


def _blended(paths, read, blend):
    if blend is None:
        raise ValueError(
            "Two files are blended, and `blend` (--blend) says how much of the first: 0 to 1. "
            "Received: none."
        )
    if isinstance(blend, bool) or not isinstance(blend, (int, float)) or not 0 <= blend <= 1:
        raise ValueError(f"`blend` must be a number from 0 to 1. Received: {blend!r}")
    (first, scale), (second, other_scale) = read
    unlike = [
        f"{name} {_shape(first, name)} and {_shape(second, name)}"
        for name in dict.fromkeys([*first, *second])
        if _shape(first, name) != _shape(second, name)
    ]
    if unlike or scale != other_scale:
        raise ValueError(
            f"{paths[0]} and {paths[1]} cannot be blended, as their networks differ: "
            f"{listed(unlike, '; ') or 'one shrinks its output'}."
        )
    blended = {
        name: np.float32(blend) * array.astype("float32")
        + np.float32(1 - blend) * second[name].astype("float32")
        for name, array in first.items()
    }
    return blended, scale


def _shape(arrays, name):
    return arrays[name].shape if name in arrays else "none"


# === Sizes ===


def sizes_of(path, arrays, scale=1.0):
    """Constructor arguments of the network that a generator's arrays make.

    Args:
        path: of the file, for messages.
        arrays: by canonical names.
        scale: by how much its output is scaled at the end.

    Raises:
        ValueError: if they make none that is known.
    """
    if is_compact(arrays):
        return _compact_sizes(path, arrays, scale)
    if "conv_first.weight" not in arrays:
        raise ValueError(
            f"{path} holds no generator of ESRGAN or Real-ESRGAN. It has "
            f"{len(arrays)} tensors: {listed(_shapes(arrays), '; ') or 'none'}. Known are RRDBNet "
            "of BasicSR, ESRGAN and BSRGAN, and SRVGGNetCompact."
        )
    return _dense_sizes(path, arrays)


def is_compact(arrays):
    """Whether arrays by canonical names are those of the compact network."""
    return all(np.ndim(arrays.get(f"body.{n}.weight")) == d for n, d in ((0, 4), (1, 1), (2, 4)))


def _compact_sizes(path, arrays, scale):
    numbers = {int(m[1]) for name in arrays if (m := re.fullmatch(r"body\.(\d{1,5})\..*", name))}
    last = max(numbers)
    filters, channels = arrays["body.0.weight"].shape[:2]
    outputs = _length(path, arrays, f"body.{last}.weight", 0)
    inner = round((outputs / channels) ** 0.5)
    if inner**2 * channels != outputs or last % 2:
        raise ValueError(
            f"{path} has a compact network whose last layer gives {outputs} channels, which are no "
            f"square of pixels of {channels}."
        )
    whole = round(inner * scale)
    return {
        "network": "srvgg",
        "image_channels": channels,
        "filters": filters,
        "num_convs": last // 2 - 1,
        "scale": whole,
        "inner_scale": None if whole == inner else inner,
    }


def _dense_sizes(path, arrays):
    blocks = {int(m[1]) for name in arrays if (m := re.match(r"body\.(\d{1,5})\.", name))}
    ups = [n for n in range(1, 6) if f"conv_up{n}.weight" in arrays]
    channels = _length(path, arrays, "conv_last.weight", 0)
    taken = _length(path, arrays, "conv_first.weight", 1)
    folded = {channels: 1, 4 * channels: 2, 16 * channels: 4}.get(taken)
    if not blocks or folded is None or ups != list(range(1, len(ups) + 1)):
        raise ValueError(
            f"{path} has a generator with {taken} input and {channels} output channels, "
            f"{len(blocks)} blocks and {len(ups)} doublings, which is no RRDBNet of scale 1, 2, 4 "
            "or 8."
        )
    scale = 2 ** len(ups) // folded
    return {
        "network": "rrdb",
        "image_channels": channels,
        "filters": _length(path, arrays, "conv_first.weight", 0),
        "growth": _length(path, arrays, "body.0.rdb1.conv1.weight", 0),
        "num_blocks": max(blocks) + 1,
        "scale": scale,
        "unshuffle": folded > 1 or scale >= 4,
    }


def _length(path, arrays, name, axis):
    array = arrays.get(name)
    if array is None or array.ndim <= axis or not array.shape[axis]:
        found = "none" if array is None else array.shape
        raise ValueError(f"{path} lacks {name} of a generator. Found: {found}.")
    return int(array.shape[axis])


def _shapes(arrays):
    return [f"{name} {array.shape}" for name, array in arrays.items()]


def _check_overrides(path, name, sizes, overrides):
    if sizes["network"] == "srvgg" and not issubclass(zoo.entry(name).cls, RealESRGAN):
        raise ValueError(
            f"{path} holds the compact network, which {name} has not. Use one of: "
            f"{', '.join(entries('srvgg'))}."
        )
    check_overrides(path, sizes, overrides)


def _fitting_size(name, sizes):
    """The arguments, with a size of pictures in training that their scale divides."""
    sizes = dict(sizes)
    if not issubclass(zoo.entry(name).cls, RealESRGAN):
        del sizes["network"]
    side = zoo.entry(name).config.get("image_size", 0)
    if sizes["scale"] == 3:
        sizes["image_size"] = max(24, side // 24 * 24) if side else 264
    return sizes


# === Weights ===


def copy(path, generator, arrays):
    """Copies a generator's arrays into ours, once all fit.

    Args:
        path: of the file, for messages.
        generator: of `keras_gans.zoo.esrgan` or `keras_gans.zoo.realesrgan`.
        arrays: by canonical names.

    Returns:
        How many there were.

    Raises:
        ValueError: for tensors that are missing, left over, of another shape or type, or not
            finite.
    """
    places = _places(generator)
    missing = [f"{name} {shape}" for name, (_, shape) in places.items() if name not in arrays]
    unexpected = _shapes({n: a for n, a in arrays.items() if n not in places})
    wrong = [
        f"{name}: expected {shape}, received {arrays[name].shape} {arrays[name].dtype}"
        for name, (_, shape) in places.items()
        if name in arrays and (arrays[name].shape != shape or arrays[name].dtype.kind != "f")
    ]
    refuse_misfits(f"{path} does not fit the generator.", missing, unexpected, wrong)
    with np.errstate(over="ignore"):
        taken = {name: arrays[name].astype("float32") for name in places}
    broken = [name for name, array in taken.items() if not np.isfinite(array).all()]
    refuse_not_finite(path, broken)
    for name, (variable, _) in places.items():
        array = taken[name]
        if array.ndim == 1 and len(variable.shape) == 3:  # slopes, one for each channel
            array = array.reshape(variable.shape)
        variable.assign(array.transpose(2, 3, 1, 0) if array.ndim == 4 else array)
    return len(places)


def _places(generator):
    """`{canonical name: (our variable, the reference's shape)}`."""
    places: dict[str, tuple] = {}
    compact = any(layer.name == "prelu_0" for layer in generator.layers)
    last = sum(layer.name.startswith("prelu_") for layer in generator.layers)
    for layer in generator.layers:
        if not layer.weights:
            continue
        name = _compact_name(layer.name, last) if compact else _dense_name(layer.name)
        if layer.name.startswith("prelu_"):
            places[f"{name}.weight"] = (layer.alpha, (layer.alpha.shape[-1],))
            continue
        height, width, inputs, outputs = layer.kernel.shape
        places[f"{name}.weight"] = (layer.kernel, (outputs, inputs, height, width))
        places[f"{name}.bias"] = (layer.bias, (outputs,))
    return places


def _compact_name(name, last):
    kind, _, number = name.partition("_")
    place = last if number == "last" else int(number)
    return f"body.{2 * place + (kind == 'prelu')}"


def _dense_name(name):
    match = re.fullmatch(r"body_(\d+)_rdb(\d)_conv(\d)", name)
    return f"body.{match[1]}.rdb{match[2]}.conv{match[3]}" if match else name


# === Published weights ===


def load_ncnn(generator, text, numbers):
    """Gives a generator the weights in a pair of ncnn's files.

    Args:
        generator: of the architecture in the files.
        text: path of the `.param` file.
        numbers: path of the `.bin` file.

    Raises:
        ValueError: for files of another network.
    """
    arrays, _ = layouts.of_ncnn(text, read_network(text, numbers))
    copy(numbers, generator, arrays)
