"""Tensors of ESRGAN's relatives by one set of names, whatever project wrote them.

The canonical names are those of BasicSR today, arrays have PyTorch's axes:

    RRDBNet   conv_first, body.N.rdb{1,2,3}.conv{1..5}, conv_body, conv_up1, conv_up2, conv_hr,
              conv_last, each with .weight and .bias
    SRVGG     body.0 a convolution, body.1 a PReLU, and so on, the last a convolution
    U-Net D   conv0 to conv9; .weight_orig and .weight_u behind spectral normalization

Before BasicSR there were two other sets: that of the ESRGAN repository and BSRGAN (RRDB_trunk,
trunk_conv, upconv1, HRconv), and one without words (model.1.sub.0.RDB1.conv1.0).
"""

import re

import numpy as np

from keras_gans.interop import ncnn

# What wraps a network in a file adds these before each of its names.
_PREFIXES = ("module.", "_orig_mod.", "net_g.", "netG.", "generator.", "model_g.")

_SECOND = (
    (r"RRDB_trunk\.(\d+)\.RDB(\d)\.(conv\d\..*)", r"body.\1.rdb\2.\3"),
    (r"trunk_conv\.(.*)", r"conv_body.\1"),
    (r"upconv(\d)\.(.*)", r"conv_up\1.\2"),
    (r"HRconv\.(.*)", r"conv_hr.\1"),
)
_FIRST = (
    (r"model\.0\.(.*)", r"conv_first.\1"),
    (r"model\.1\.sub\.(\d+)\.RDB(\d)\.(conv\d)\.0\.(.*)", r"body.\1.rdb\2.\3.\4"),
    (r"model\.1\.sub\.(\d+)\.(weight|bias)", r"conv_body.\2"),
)


def without_prefix(arrays):
    """Names without what `DataParallel`, `torch.compile` and training programs put before them."""
    while arrays:
        prefix = next((p for p in _PREFIXES if all(n.startswith(p) for n in arrays)), None)
        if prefix is None:
            break
        arrays = {name[len(prefix) :]: array for name, array in arrays.items()}
    return arrays


def of_pytorch(arrays):
    """`{canonical name: array}` of a state dict of any of the three sets of names."""
    arrays = without_prefix(arrays)
    if any(name.startswith("model.1.sub.") for name in arrays):
        return _of_first(arrays)
    return {_renamed(name, _SECOND): array for name, array in arrays.items()}


def _of_first(arrays):
    found = {_renamed(name, _FIRST): array for name, array in arrays.items()}
    rest = sorted({int(m[1]) for name in found if (m := re.fullmatch(r"model\.(\d+)\..*", name))})
    # The last two are those at full size; each one before them follows a doubling.
    names = [*(f"conv_up{n + 1}" for n in range(len(rest) - 2)), "conv_hr", "conv_last"]
    moved = dict(zip(rest, names, strict=False)) if len(rest) >= 2 else {}
    return {_moved(name, moved): array for name, array in found.items()}


def _moved(name, moved):
    match = re.fullmatch(r"model\.(\d+)\.(.*)", name)
    return f"{moved[int(match[1])]}.{match[2]}" if match and int(match[1]) in moved else name


def _renamed(name, rules):
    for pattern, wanted in rules:
        if re.fullmatch(pattern, name):
            return re.sub(pattern, wanted, name)
    return name


# === ncnn ===


def of_ncnn(path, layers):
    """`{canonical name: array}` of a network that `ncnn.read_network` read.

    Names are lost in ncnn's files: layers are known by their order, and by what connects them.

    Args:
        path: of the file, for messages.
        layers: list of `ncnn.Layer`.

    Returns:
        The arrays, and by how much what comes out is scaled at the end (1.0, or less).

    Raises:
        ValueError: for a network of another form.
    """
    kinds = [layer.type for layer in layers if layer.type != "Split"]
    if "PReLU" in kinds:
        return _compact(path, layers)
    return _dense(path, layers), 1.0


def _compact(path, layers):
    layers = [layer for layer in layers if layer.type != "Split"]
    body = [layer for layer in layers if layer.type in ("Convolution", "PReLU")]
    rest = [layer for layer in layers if layer.type not in ("Convolution", "PReLU")]
    kinds = [layer.type for layer in rest]
    shrunk = kinds == ["Input", "PixelShuffle", "Interp", "BinaryOp", "Interp"]
    if not shrunk and kinds != ["Input", "PixelShuffle", "Interp", "BinaryOp"]:
        raise ValueError(_other(path, kinds))
    factor = rest[1].parameters.get(0)
    repeated = (1, float(factor or 0), float(factor or 0))
    if _interpolation(rest[2]) != repeated or rest[3].parameters.get(0, 0) != 0:
        raise ValueError(_other(path, kinds))
    scale = 1.0
    if shrunk:
        method, height, width = _interpolation(rest[4])
        if method != 3 or height != width or not 0 < height < 1:
            raise ValueError(_other(path, kinds))
        scale = height
    found = {}
    for number, layer in enumerate(body):
        if (layer.type == "PReLU") != bool(number % 2):
            raise ValueError(_other(path, [one.type for one in body]))
        found.update(_arrays(path, f"body.{number}", layer, activated=False))
    return found, scale


def _dense(path, layers):
    convolutions = [layer for layer in layers if layer.type == "Convolution"]
    kinds = {layer.type for layer in layers}
    sums = [layer for layer in layers if layer.type == "Eltwise"]
    doublings = [layer for layer in layers if layer.type == "Interp"]
    ups = len(doublings)
    blocks, odd = divmod(len(convolutions) - 4 - ups, 15)
    known = {"Input", "Convolution", "Split", "Concat", "Eltwise", "BinaryOp", "Interp"}
    fits = blocks > 0 and not odd and kinds <= known and len(sums) == 4 * blocks
    fits = fits and all(_interpolation(one) == (1, 2.0, 2.0) for one in doublings)
    fits = fits and all(_is_residual(one) for one in sums)
    if not fits:
        raise ValueError(_other(path, sorted(kinds)))
    names = ["conv_first"]
    for block in range(blocks):
        names += [f"body.{block}.rdb{r}.conv{c}" for r in (1, 2, 3) for c in range(1, 6)]
    names += ["conv_body", *(f"conv_up{n + 1}" for n in range(ups)), "conv_hr", "conv_last"]
    linear = {"conv_first", "conv_body", "conv_last"}
    found = {}
    for name, layer in zip(names, convolutions, strict=True):
        activated = name not in linear and not name.endswith("conv5")
        found.update(_arrays(path, name, layer, activated))
    return found


def _is_residual(layer):
    """Whether a layer is `0.2 * first + second`."""
    weights = layer.parameters.get(1)
    return layer.parameters.get(0) == 1 and np.allclose(weights or 0, (0.2, 1.0))


def _interpolation(layer):
    said = layer.parameters
    return said.get(0), float(said.get(1, 1.0)), float(said.get(2, 1.0))


def _arrays(path, name, layer, activated):
    if layer.type == "PReLU":
        return {f"{name}.weight": layer.arrays["slope"]}
    said = layer.parameters
    same = said.get(ncnn.PAD) == 1 and said.get(ncnn.KERNEL_WIDTH) == 3
    same = same and said.get(ncnn.STRIDE, 1) == said.get(ncnn.DILATION, 1) == 1
    leaky = said.get(ncnn.ACTIVATION, 0) == 2
    leaky = leaky and np.allclose(said.get(ncnn.ACTIVATION_PARAMETERS, ()), 0.2)
    if not same or leaky != activated or (not activated and said.get(ncnn.ACTIVATION, 0)):
        raise ValueError(f"{path} has another convolution than expected in {layer.name}: {said}.")
    if "bias" not in layer.arrays:
        raise ValueError(f"{path} has a convolution without a bias, {layer.name}.")
    return {f"{name}.weight": layer.arrays["kernel"], f"{name}.bias": layer.arrays["bias"]}


def _other(path, kinds):
    return (
        f"{path} holds another network than ESRGAN's (RRDB) or the compact one of Real-ESRGAN "
        f"(SRVGG): it has {', '.join(kinds[:12])}."
    )
