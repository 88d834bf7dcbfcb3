"""Convolutions of PyTorch with the batch norm behind them, as one convolution of Keras."""

import numpy as np

_EPSILON = 1e-3  # of the batch norms in both networks


def load(layer, tensors, conv, norm):
    """Gives a convolution the weights of one and of the batch norm that follows it.

    Args:
        layer: `keras.layers.Conv2D` or `DepthwiseConv2D`, built, with a bias.
        tensors: `{name: array}`, as `keras_gans.interop.torch_files.read_state_dict` returns them.
        conv: name of the convolution, without ".weight".
        norm: name of the batch norm.

    Raises:
        ValueError: if one is missing or of another shape.
    """
    kernel = _of(tensors, f"{conv}.weight")
    scale = _of(tensors, f"{norm}.weight") / np.sqrt(_of(tensors, f"{norm}.running_var") + _EPSILON)
    bias = _of(tensors, f"{norm}.bias") - _of(tensors, f"{norm}.running_mean") * scale
    kernel = (kernel * scale[:, None, None, None]).transpose(2, 3, 1, 0)  # OIHW -> HWIO
    if layer.kernel.shape != kernel.shape:  # depthwise: (H, W, 1, channels) -> (H, W, channels, 1)
        kernel = kernel.transpose(0, 1, 3, 2)
    layer.set_weights([kernel.astype(np.float32), bias.astype(np.float32)])


def _of(tensors, name):
    if name not in tensors:
        raise ValueError(f"The file of weights has no {name}: it is of another network.")
    return tensors[name].astype(np.float64)
