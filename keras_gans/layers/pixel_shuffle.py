"""Channels that become pixels, and pixels that become channels."""

import keras
import tensorflow as tf

from keras_gans.utils.checks import check_positive


@keras.saving.register_keras_serializable("keras_gans")
class PixelShuffle2D(keras.layers.Layer):
    """Sub-pixel convolution's second half: channels become pixels.

    Channel `c * factor**2 + i * factor + j` is the pixel (i, j) of channel c of each block, as in
    PyTorch's `PixelShuffle`, so that kernels of PyTorch's checkpoints need no reordering.

    Args:
        factor: how many times as large the sides become, 2 at least.
        **kwargs: those of `keras.layers.Layer`.

    Shapes: (N, H, W, C factor^2) -> (N, factor H, factor W, C)

    Raises:
        ValueError: for another factor, or channels that are no multiple of factor^2.

    Reference: Shi et al., 2016, https://arxiv.org/abs/1609.05158 (equation 4)
    """

    def __init__(self, factor=2, **kwargs):
        check_positive("factor", factor, least=2)
        super().__init__(**kwargs)
        self.factor = factor

    def build(self, input_shape):
        if input_shape[-1] % self.factor**2:
            raise ValueError(
                f"PixelShuffle2D(factor={self.factor}) takes a multiple of {self.factor**2} "
                f"channels. Received: shape {tuple(input_shape)}."
            )
        super().build(input_shape)

    def call(self, inputs):
        return shuffled(inputs, self.factor)

    def compute_output_shape(self, input_shape):
        batch, *sides, channels = input_shape
        factor = self.factor
        sides = [None if side is None else factor * side for side in sides]
        return (batch, *sides, channels // factor**2)

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


def shuffled(inputs, factor):
    """(N, H, W, C factor^2) -> (N, factor H, factor W, C), see `PixelShuffle2D`."""
    # TensorFlow's own order is pixel first, channel last.
    blocks = factor**2
    channels = inputs.shape[-1] // blocks
    order = [c * blocks + block for block in range(blocks) for c in range(channels)]
    return tf.nn.depth_to_space(tf.gather(inputs, order, axis=-1), factor)


@keras.saving.register_keras_serializable("keras_gans")
class PixelUnshuffle2D(keras.layers.Layer):
    """Pixels become channels: the inverse of `PixelShuffle2D`.

    Pixel (i, j) of channel c of each block becomes channel `c * factor**2 + i * factor + j`, as in
    PyTorch's `PixelUnshuffle`.

    Args:
        factor: how many times as small the sides become, 2 at least.
        **kwargs: those of `keras.layers.Layer`.

    Shapes: (N, factor H, factor W, C) -> (N, H, W, C factor^2)

    Raises:
        ValueError: for another factor.
    """

    def __init__(self, factor=2, **kwargs):
        check_positive("factor", factor, least=2)
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, inputs):
        channels, blocks = inputs.shape[-1], self.factor**2
        order = [block * channels + c for c in range(channels) for block in range(blocks)]
        return tf.gather(tf.nn.space_to_depth(inputs, self.factor), order, axis=-1)

    def compute_output_shape(self, input_shape):
        batch, *sides, channels = input_shape
        sides = [None if side is None else side // self.factor for side in sides]
        return (batch, *sides, channels * self.factor**2)

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}
