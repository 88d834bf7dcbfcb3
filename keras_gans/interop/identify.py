"""Says what a file of somebody else's weights looks like, without an entry to load it into."""

import dataclasses
import inspect
import pathlib

from keras_gans import zoo
from keras_gans.interop import dcgan, esrgan, junyanz, rdn, stylegan2
from keras_gans.interop import esrgan_layouts as layouts
from keras_gans.interop.reports import listed
from keras_gans.interop.tfjs import read_model
from keras_gans.interop.torch_files import read_parts

# Networks that the zoo has not, by tensors that only they have.
_OTHERS = (
    ({"neck.0.weight", "bottleneck.0.weight", "head.0.weight"}, "Fast-SRGAN's generator"),
    ({"upsampler.0.weight", "residual_layer.0.conv1.weight"}, "an EDSR or VDSR of tutorials"),
    ({"layers.0.residual_group.blocks.0.norm1.weight"}, "SwinIR or a relative, a transformer"),
    ({"conv_after_body.weight", "conv_before_upsample.0.weight"}, "SwinIR, HAT or a relative"),
    ({"conv1.weight_orig", "conv9.weight"}, "the U-Net discriminator of Real-ESRGAN"),
    ({"style_convs.0.modulated_conv.weight"}, "GFPGAN or a relative"),
)


_SOURCES = {"animegan": "animegan2-pytorch", "stargan": "stargan"}


@dataclasses.dataclass(frozen=True)
class Look:
    """What a file looks like.

    Attributes:
        words: what it is, to be read after "looks like".
        name: entry of the zoo that it can become, or None.
        part: key under which the file keeps it; "" where it lies outermost.
        tensors: how many it has.
    """

    words: str
    name: str | None
    part: str
    tensors: int


def identify(path):
    """Looks into a checkpoint; nothing in it is run.

    Args:
        path: of a file that `import_checkpoints` may read.

    Returns:
        A list of `Look`, one for each network in the file.

    Raises:
        ValueError: if it cannot be read as weights at all.
    """
    path = pathlib.Path(path)
    if path.suffix in esrgan.NCNN:
        return [_upscaler(path, "", *esrgan.read_ncnn(path))]
    if path.suffix == ".json":
        return [_of_layers(path)]
    if stylegan2.is_network_pickle(path):
        return [_of_pickle(path)]
    return [_look(path, part, state) for part, state in read_parts(path).items()]


def _of_layers(path):
    layers, outputs, arrays = read_model(path)
    if known := rdn.look_of(path, layers, outputs):
        words, cls, sizes = known
        return Look(words, _nearest(rdn.entries(cls), sizes), "", len(arrays))
    kinds = [f"{one.name} {one.kind}" for one in layers]
    return Look(f"no network that is known here ({listed(kinds, '; ')})", None, "", len(arrays))


def _of_pickle(path):
    sizes, tensors = stylegan2.sizes_of(path)
    side = sizes["image_size"]
    labels = f", {sizes['num_classes']} classes" if sizes["num_classes"] else ""
    words = f"StyleGAN2 for pictures of {side} x {side} pixels{labels}"
    return Look(words, _nearest(stylegan2.entries(), sizes), "", tensors)


def _look(path, part, state):
    arrays = layouts.of_pytorch(state)
    if "conv_first.weight" in arrays or esrgan.is_compact(arrays):
        return _upscaler(path, part, arrays, 1.0)
    plain = layouts.without_prefix(state)
    if network := dcgan.network_in(plain):
        words = f"the {network} of PyTorch's example of DCGAN"
        return Look(words, "dcgan", part, len(state))
    for names, words in _OTHERS:
        if names <= set(plain):
            return Look(f"{words}, which the zoo has not", None, part, len(state))
    if known := junyanz.look_of(plain):
        words, name = known
        source = _SOURCES.get(name, "pytorch-CycleGAN-and-pix2pix")
        return Look(f"{words}, of {source}", name, part, len(state))
    if known := stylegan2.look_of(plain):
        return Look(known, "stylegan2" if "StyleGAN2" in known else None, part, len(state))
    shapes = listed([f"{name} {array.shape}" for name, array in plain.items()], "; ")
    return Look(f"no network that is known here ({shapes})", None, part, len(state))


def _upscaler(path, part, arrays, scale):
    sizes = esrgan.sizes_of(path, arrays, scale)
    if sizes["network"] == "rrdb":
        form = f"ESRGAN's network of {sizes['num_blocks']} blocks"
    else:
        form = f"Real-ESRGAN's compact network of {sizes['num_convs']} inner convolutions"
    words = f"{form}, {sizes['filters']} feature maps, for scale {sizes['scale']}"
    return Look(words, _nearest(esrgan.entries(sizes["network"]), sizes), part, len(arrays))


def _nearest(names, sizes):
    """The entry most of whose arguments are those of a file."""

    def agreeing(name):
        row = zoo.entry(name)
        known = {**_defaults(row.cls), **row.config}
        return sum(known.get(key, value) == value for key, value in sizes.items())

    return max(names, key=agreeing)


def _defaults(cls):
    """Default values of a family's arguments, its own before those of its bases."""
    found: dict = {}
    for base in cls.__mro__:
        if "__init__" in vars(base) and base is not object:
            parameters = inspect.signature(base.__init__).parameters.values()
            for parameter in parameters:
                found.setdefault(parameter.name, parameter.default)
    return found
