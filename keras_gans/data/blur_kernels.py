"""The blur kernels of Real-ESRGAN's degradations: Gaussians of three forms, and sinc filters.

Source: Wang et al., 2021, https://arxiv.org/abs/2107.10833 (sections 3.1 and 3.4), after Zhang et
al., 2021, https://arxiv.org/abs/2103.14006, and the `basicsr.data.degradations` of the authors.

A kernel of fewer than 21 pixels lies in the middle of zeros, so that all are float32 (21, 21); its
values sum to 1. With (u, v) the offset from the middle, turned by `angle`, and
q = (u / sigma_x)^2 + (v / sigma_y)^2:

    Gaussian, generalized     exp(-q^shape / 2), shape 1 for the Gaussian itself
    plateau                   1 / (1 + q^shape)
    sinc                      cutoff J1(cutoff r) / (2 pi r), cutoff^2 / (4 pi) in the middle
"""

import math

import numpy as np
import tensorflow as tf

#: Pixels of the largest kernel's side.
SIDE = 21

_OFFSETS = np.arange(SIDE, dtype=np.float32) - SIDE // 2
_DISTANCES = np.hypot(*np.meshgrid(_OFFSETS, _OFFSETS)).astype(np.float32)


def gaussian(size, sigma_x, sigma_y, angle, shape=1.0, *, plateau=False):
    """A Gaussian, a generalized Gaussian, or a plateau-shaped kernel.

    Args:
        size: pixels of its side, odd and at most 21.
        sigma_x: standard deviation along the first axis, in pixels.
        sigma_y: standard deviation along the second axis, in pixels.
        angle: from the horizontal to the first axis, in radians.
        shape: exponent, above 0; 1 for a Gaussian.
        plateau: whether it is plateau-shaped.

    All may be scalar tensors.

    Returns:
        float32 (21, 21), its sum 1.
    """
    across, down = _OFFSETS[None, :], _OFFSETS[:, None]
    u = across * tf.cos(angle) + down * tf.sin(angle)
    v = down * tf.cos(angle) - across * tf.sin(angle)
    power = tf.pow(tf.square(u / sigma_x) + tf.square(v / sigma_y), shape)
    values = tf.where(plateau, 1.0 / (1.0 + power), tf.exp(-0.5 * power))
    return _finished(values, size)


def sinc(size, cutoff):
    """A circular low-pass filter, whose ripples look like ringing and overshoot.

    Args:
        size: pixels of its side, odd and at most 21.
        cutoff: in radians a pixel, in (0, pi].

    Both may be scalar tensors.

    Returns:
        float32 (21, 21), its sum 1.
    """
    cutoff = tf.convert_to_tensor(cutoff, tf.float32)
    radius = np.maximum(_DISTANCES, 1.0)  # 0 is replaced, and no other distance is below 1
    values = cutoff * tf.math.special.bessel_j1(cutoff * radius) / (2 * math.pi * radius)
    values = tf.where(_DISTANCES == 0, tf.square(cutoff) / (4 * math.pi), values)
    return _finished(values, size)


def _finished(values, size):
    """The middle of a kernel, scaled to the sum 1."""
    half = tf.cast(size, tf.float32) / 2
    inside = np.maximum(np.abs(_OFFSETS)[:, None], np.abs(_OFFSETS)) < half
    values = tf.where(inside, values, 0.0)
    return values / tf.reduce_sum(values)
