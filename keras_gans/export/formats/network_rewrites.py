"""The same network in layers that every format has one operation for.

What makes pictures larger is written for training: `PixelShuffle2D` in PyTorch's order of channels,
repetition so that its gradient is its own. Formats have an operation for each, in another order of
channels, which goes into the weights beside it.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from keras_gans.layers import PixelShuffle2D, PixelUnshuffle2D


def simplified(network):
    """A network with the same inputs, outputs and names of layers.

    A pixel shuffle becomes `depth_to_space`, the order of its channels going into the convolution
    before it, and its inverse `space_to_depth`, with the convolution after it; repetition becomes
    one resize.

    Args:
        network: functional `keras.Model`.

    Returns:
        A functional `keras.Model` with copies of the weights.
    """
    made = {layer.name: _convolution_before(layer) for layer in _of(network, PixelShuffle2D)}
    taken = {layer.name: _convolution_after(layer) for layer in _of(network, PixelUnshuffle2D)}

    def copied(layer):
        config = layer.get_config()
        if made.get(layer.name) is not None:
            return _DepthToSpace(layer.factor, name=layer.name, dtype=layer.dtype_policy)
        if taken.get(layer.name) is not None:
            return _SpaceToDepth(layer.factor, name=layer.name, dtype=layer.dtype_policy)
        if type(layer) is layers.UpSampling2D and config["interpolation"] == "nearest":
            return Repeated2D(layer.size, name=layer.name, dtype=layer.dtype_policy)
        return type(layer).from_config(config)

    copy = keras.models.clone_model(network, clone_function=copied)
    copy.set_weights(network.get_weights())
    for shuffle, convolution in made.items():
        if convolution is not None:
            order = _order(convolution.filters, network.get_layer(shuffle).factor)
            _reorder(copy.get_layer(convolution.name), order, outputs=True)
    for shuffle, convolution in taken.items():
        if convolution is not None:
            order = _order(convolution.kernel.shape[2], network.get_layer(shuffle).factor)
            _reorder(copy.get_layer(convolution.name), order, outputs=False)
    return copy


def _of(network, kind):
    return [layer for layer in network.layers if type(layer) is kind]


def _convolution_before(layer):
    """The convolution whose outputs go into this layer and nowhere else, or None."""
    before = layer.input._keras_history.operation
    return before if _is_plain(before) and len(before._outbound_nodes) == 1 else None


def _convolution_after(layer):
    """The convolution that alone takes what comes out of this layer, or None."""
    after = [node.operation for node in layer._outbound_nodes]
    return after[0] if len(after) == 1 and _is_plain(after[0]) else None


def _is_plain(layer):
    return (
        type(layer) is layers.Conv2D
        and layer.activation is keras.activations.linear
        and layer.groups == 1
    )


def _order(channels, factor):
    """Places, in PyTorch's order, of the channels in TensorFlow's: pixel first, then channel."""
    return np.arange(channels).reshape(-1, factor**2).T.ravel()


def _reorder(layer, order, outputs):
    kernel, *bias = layer.get_weights()
    if outputs:
        layer.set_weights([kernel[..., order], *(one[order] for one in bias)])
    else:
        layer.set_weights([kernel[:, :, order], *bias])


class _DepthToSpace(keras.layers.Layer):
    """(N, H, W, factor^2 C) -> (N, factor H, factor W, C)."""

    def __init__(self, factor, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, inputs):
        return tf.nn.depth_to_space(inputs, self.factor)

    def compute_output_shape(self, input_shape):
        batch, *sides, channels = input_shape
        sides = [None if side is None else side * self.factor for side in sides]
        return (batch, *sides, channels // self.factor**2)

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


class _SpaceToDepth(keras.layers.Layer):
    """(N, factor H, factor W, C) -> (N, H, W, factor^2 C)."""

    def __init__(self, factor, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, inputs):
        return tf.nn.space_to_depth(inputs, self.factor)

    def compute_output_shape(self, input_shape):
        batch, *sides, channels = input_shape
        sides = [None if side is None else side // self.factor for side in sides]
        return (batch, *sides, channels * self.factor**2)

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


class Repeated2D(keras.layers.Layer):
    """Every pixel `size[0]` times down and `size[1]` times across, by one resize.

    Shapes: (N, H, W, C) -> (N, size[0] H, size[1] W, C)
    """

    def __init__(self, size, **kwargs):
        super().__init__(**kwargs)
        self.size = tuple(size)

    def call(self, inputs):
        sides = [
            (fixed or dynamic) * times
            for fixed, dynamic, times in zip(
                inputs.shape[1:3], tf.unstack(tf.shape(inputs)[1:3]), self.size, strict=True
            )
        ]
        return tf.image.resize(inputs, sides, "nearest")

    def compute_output_shape(self, input_shape):
        batch, *sides, channels = input_shape
        sides = [
            None if side is None else side * times
            for side, times in zip(sides, self.size, strict=True)
        ]
        return (batch, *sides, channels)

    def get_config(self):
        return {**super().get_config(), "size": self.size}
