"""inception-2015-12-05: the network behind the FID, the KID and the Inception Score of papers.

Inception v3 as TensorFlow published it for image recognition, before its pool of the last block
was mended: that one takes the largest value, and no other counts the border in its means.

The weights are read from the file that PyTorch's FID programs share, which holds TensorFlow's
numbers:

    curl -LO https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/\
weights-inception-2015-12-05-6726825d.pth

Paper:     Szegedy et al., 2016, https://arxiv.org/abs/1512.00567
Reference: mseitzer/pytorch-fid, inception.py; toshas/torch-fidelity,
           feature_extractor_inceptionv3.py, to whose network this one's features are equal
"""

import pathlib

import keras
from keras import layers

from keras_gans.evaluation.features import folding
from keras_gans.evaluation.features.extractor import Extractor, checked_file
from keras_gans.interop import torch_files

_SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
_URL = (
    "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/"
    "weights-inception-2015-12-05-6726825d.pth"
)
_WHAT = "inception-2015-12-05's weights are weights-inception-2015-12-05-6726825d.pth (96 MB)."
_HOW = f"Get them: curl -LO {_URL}"
_SIDE = 299


def inception(file=None):
    """inception-2015-12-05, an `Extractor` of 2,048 features.

    Args:
        file: its weights.

    Raises:
        ValueError: without a file, and for one that is missing or another.
    """
    if file is None:
        raise ValueError(f"{_WHAT} {_HOW}, and name it: 'inception:PATH'.")
    path = checked_file(pathlib.Path(file), _SHA256, _WHAT, _HOW)
    network, tensors = build(), torch_files.read_state_dict(path)
    fill(network, tensors)
    return Extractor(
        "inception",
        network,
        lambda images: (images - 128.0) / 128.0,
        _SHA256,
        classes=tensors["fc.weight"].T,  # without its bias, as the Inception Score's program has it
    )


def fill(network, tensors):
    """Gives the network of `build` the weights of a PyTorch file."""
    for layer in network.layers:
        if isinstance(layer, layers.Conv2D):
            folding.load(layer, tensors, f"{layer.name}.conv", f"{layer.name}.bn")


def build():
    """The network without weights; its convolutions are called as those of PyTorch's file."""
    image = keras.Input((_SIDE, _SIDE, 3))
    x = _conv(image, 32, 3, "Conv2d_1a_3x3", strides=2, padding="valid")
    x = _conv(x, 32, 3, "Conv2d_2a_3x3", padding="valid")
    x = layers.MaxPooling2D(3, 2)(_conv(x, 64, 3, "Conv2d_2b_3x3"))
    x = _conv(x, 80, 1, "Conv2d_3b_1x1")
    x = layers.MaxPooling2D(3, 2)(_conv(x, 192, 3, "Conv2d_4a_3x3", padding="valid"))
    for name, pooled in (("Mixed_5b", 32), ("Mixed_5c", 64), ("Mixed_5d", 64)):
        x = _block_35(x, name, pooled)
    x = _to_17(x, "Mixed_6a")
    for name, width in (("Mixed_6b", 128), ("Mixed_6c", 160), ("Mixed_6d", 160), ("Mixed_6e", 192)):
        x = _block_17(x, name, width)
    x = _to_8(x, "Mixed_7a")
    x = _block_8(x, "Mixed_7b", layers.AveragePooling2D)
    x = _block_8(x, "Mixed_7c", layers.MaxPooling2D)
    return keras.Model(image, layers.GlobalAveragePooling2D()(x), name="inception")


def _conv(x, features, size, name, **options):
    options = {"padding": "same", **options}
    return layers.ReLU()(layers.Conv2D(features, size, name=name, **options)(x))


def _chain(x, name, *convolutions):
    """Convolutions one after the other, each `(features, size, suffix)`."""
    for features, size, suffix in convolutions:
        x = _conv(x, features, size, f"{name}.{suffix}")
    return x


def _pooled(x, features, name, pooling=layers.AveragePooling2D):
    return _conv(pooling(3, 1, padding="same")(x), features, 1, f"{name}.branch_pool")


def _block_35(x, name, pooled):
    return layers.Concatenate()(
        [
            _conv(x, 64, 1, f"{name}.branch1x1"),
            _chain(x, name, (48, 1, "branch5x5_1"), (64, 5, "branch5x5_2")),
            _chain(
                x, name,
                (64, 1, "branch3x3dbl_1"), (96, 3, "branch3x3dbl_2"), (96, 3, "branch3x3dbl_3"),
            ),
            _pooled(x, pooled, name),
        ]
    )  # fmt: skip


def _to_17(x, name):
    double = _chain(x, name, (64, 1, "branch3x3dbl_1"), (96, 3, "branch3x3dbl_2"))
    down = {"strides": 2, "padding": "valid"}
    return layers.Concatenate()(
        [
            _conv(x, 384, 3, f"{name}.branch3x3", **down),
            _conv(double, 96, 3, f"{name}.branch3x3dbl_3", **down),
            layers.MaxPooling2D(3, 2)(x),
        ]
    )


def _block_17(x, name, width):
    wide, high = (1, 7), (7, 1)
    return layers.Concatenate()(
        [
            _conv(x, 192, 1, f"{name}.branch1x1"),
            _chain(
                x, name,
                (width, 1, "branch7x7_1"), (width, wide, "branch7x7_2"), (192, high, "branch7x7_3"),
            ),
            _chain(
                x, name,
                (width, 1, "branch7x7dbl_1"), (width, high, "branch7x7dbl_2"),
                (width, wide, "branch7x7dbl_3"), (width, high, "branch7x7dbl_4"),
                (192, wide, "branch7x7dbl_5"),
            ),
            _pooled(x, 192, name),
        ]
    )  # fmt: skip


def _to_8(x, name):
    three = _chain(x, name, (192, 1, "branch3x3_1"))
    seven = _chain(
        x, name,
        (192, 1, "branch7x7x3_1"), (192, (1, 7), "branch7x7x3_2"), (192, (7, 1), "branch7x7x3_3"),
    )  # fmt: skip
    down = {"strides": 2, "padding": "valid"}
    return layers.Concatenate()(
        [
            _conv(three, 320, 3, f"{name}.branch3x3_2", **down),
            _conv(seven, 192, 3, f"{name}.branch7x7x3_4", **down),
            layers.MaxPooling2D(3, 2)(x),
        ]
    )


def _block_8(x, name, pooling):
    three = _chain(x, name, (384, 1, "branch3x3_1"))
    double = _chain(x, name, (448, 1, "branch3x3dbl_1"), (384, 3, "branch3x3dbl_2"))
    return layers.Concatenate()(
        [
            _conv(x, 320, 1, f"{name}.branch1x1"),
            _conv(three, 384, (1, 3), f"{name}.branch3x3_2a"),
            _conv(three, 384, (3, 1), f"{name}.branch3x3_2b"),
            _conv(double, 384, (1, 3), f"{name}.branch3x3dbl_3a"),
            _conv(double, 384, (3, 1), f"{name}.branch3x3dbl_3b"),
            _pooled(x, 192, name, pooling),
        ]
    )
