"""Shrinking by a fixed bicubic filter that every runtime computes alike."""

import keras
import numpy as np
import tensorflow as tf

from keras_gans.layers.pixel_shuffle import shuffled
from keras_gans.utils.checks import check_positive

_A = -0.75  # of the cubic, as OpenCV, PyTorch and ncnn have it; Keras' own is -0.5


@keras.saving.register_keras_serializable("keras_gans")
class BicubicShrink2D(keras.layers.Layer):
    """Scales feature maps to `made` pixels for every `taken`, by bicubic interpolation.

    The filter is not widened by the scale (no antialiasing), pixel centres lie at half a pixel, and
    pixels beyond the border repeat the last one: what PyTorch's `interpolate(mode="bicubic",
    align_corners=False)` and ncnn's `Interp` compute. It is one convolution of each channel, since
    resizing by a cubic is not in TFLite and differs between runtimes.

    Args:
        made: pixels that come out of
        taken: pixels that go in, more than `made` and at most twice as many.
        **kwargs: those of `keras.layers.Layer`.

    Shapes: (N, H, W, C) -> (N, H made / taken, W made / taken, C), sides multiples of `taken`

    Raises:
        ValueError: for another ratio.

    Reference: Keys, 1981, https://doi.org/10.1109/TASSP.1981.1163711
    """

    def __init__(self, made=1, taken=2, **kwargs):
        check_positive("made", made)
        check_positive("taken", taken)
        if not made < taken <= 2 * made:
            raise ValueError(
                "BicubicShrink2D makes fewer pixels than it takes, and at least half as many. "
                f"Received: made={made}, taken={taken}"
            )
        super().__init__(**kwargs)
        self.made, self.taken = made, taken
        self._before, self._taps = _phases(made, taken)

    def call(self, inputs):
        channels = inputs.shape[-1]
        kernel = np.einsum("ip,jq->ijpq", self._taps, self._taps)
        size, blocks = kernel.shape[0], self.made**2
        kernel = np.broadcast_to(
            kernel.reshape(size, size, 1, blocks), (size, size, channels, blocks)
        )
        padded = inputs
        for axis in (1, 2):
            padded = self._continued(padded, axis, size - self._before - self.taken)
        strides = (1, self.taken, self.taken, 1)
        pixels = tf.nn.depthwise_conv2d(padded, tf.cast(kernel, inputs.dtype), strides, "VALID")
        return pixels if blocks == 1 else shuffled(pixels, self.made)

    def _continued(self, x, axis, after):
        """The border's own pixels beyond it; joined, as converters make ten operations of a pad."""
        around = (slice(None),) * axis
        first, last = x[(*around, slice(None, 1))], x[(*around, slice(-1, None))]
        return tf.concat([first] * self._before + [x] + [last] * after, axis)

    def compute_output_shape(self, input_shape):
        batch, *sides, channels = input_shape
        sides = [None if side is None else side * self.made // self.taken for side in sides]
        return (batch, *sides, channels)

    def get_config(self):
        return {**super().get_config(), "made": self.made, "taken": self.taken}


def _phases(made, taken):
    """Pixels of padding before the first, and the filter (taps, made) of each pixel of a block."""
    places = (np.arange(made) + 0.5) * taken / made - 0.5
    first = np.floor(places).astype(int) - 1
    before = -first.min()
    taps = np.zeros((first.max() + 4 + before, made))
    for phase, (place, start) in enumerate(zip(places, first, strict=True)):
        for tap in range(start, start + 4):
            taps[tap + before, phase] = _cubic(abs(place - tap))
    return int(before), taps


def _cubic(distance):
    if distance <= 1.0:
        return (_A + 2.0) * distance**3 - (_A + 3.0) * distance**2 + 1.0
    return _A * (distance**3 - 5.0 * distance**2 + 8.0 * distance - 4.0)
