"""Filters of pictures that both the data and the games of super-resolution apply."""

import numpy as np
import tensorflow as tf

from keras_gans.utils.checks import check_positive, check_weight


def usm_sharpen(images, weight=0.5, radius=50, threshold=10):
    """Sharpens pictures by an unsharp mask, as Real-ESRGAN sharpens its targets.

    With B a Gaussian blur and r = x - B(x), the result is m (x + weight r) + (1 - m) x, where
    m = B(abs(r) > threshold) fades the mask in and out. Edges gain contrast; flat areas, where
    sharpening would raise noise, stay as they are.

    Source: Wang et al., 2021, https://arxiv.org/abs/2107.10833 (section 3.3), `USMSharp` of the
    authors' code: the blur has `radius` taps, one more where it is even, and OpenCV's standard
    deviation for that many, 0.3 ((taps - 1) / 2 - 1) + 0.8. Pictures are reflected at their
    borders.

    Args:
        images: (N, H, W, C) float in [-1, 1], of any height and width.
        weight: factor of the residual, 0 or more.
        radius: taps of the blur, a positive integer.
        threshold: of the residual, in levels of 255: smaller ones are not raised.

    Returns:
        float32 (N, H, W, C) in [-1, 1].

    Raises:
        ValueError: for a weight, radius or threshold out of its range.
    """
    check_weight("weight", weight)
    check_positive("radius", radius)
    check_weight("threshold", threshold)
    images = tf.cast(images, tf.float32)
    taps = gaussian_taps(radius + 1 - radius % 2)
    residual = images - _blurred(images, taps)
    mask = tf.cast(tf.abs(residual) * 127.5 > threshold, tf.float32)
    sharp = tf.clip_by_value(images + weight * residual, -1.0, 1.0)
    return images + _blurred(mask, taps) * (sharp - images)


def gaussian_taps(count):
    """The taps of a Gaussian of OpenCV's standard deviation for so many, float32 (count,)."""
    sigma = 0.3 * ((count - 1) * 0.5 - 1) + 0.8
    places = np.arange(count) - (count - 1) / 2
    taps = np.exp(-np.square(places) / (2 * sigma**2))
    return np.float32(taps / taps.sum())


def reflected(side, margin):
    """The places a row is read at so that it is reflected at both ends, the ends not repeated.

    A margin may be longer than the row: it is reflected back and forth.

    Args:
        side: pixels of the row, an integer or an int32 tensor.
        margin: pixels to add at each end.

    Returns:
        int32 (side + 2 margin,).
    """
    period = tf.maximum(2 * side - 2, 1)
    places = tf.math.floormod(tf.range(-margin, side + margin), period)
    return tf.minimum(places, period - places)


def _blurred(images, taps):
    """Pictures, blurred in both directions.

    One product with a matrix for each direction takes a fifth of the time of two convolutions,
    since those of a few channels are slow on a CPU.
    """
    _, height, width, channels = tf.unstack(tf.shape(images))
    down, across = _matrix(height, taps), _matrix(width, taps)
    rows = tf.matmul(down, tf.reshape(images, (-1, height, width * channels)))
    turned = tf.transpose(tf.reshape(rows, (-1, height, width, channels)), (0, 2, 1, 3))
    columns = tf.matmul(across, tf.reshape(turned, (-1, width, height * channels)))
    blurred = tf.transpose(tf.reshape(columns, (-1, width, height, channels)), (0, 2, 1, 3))
    return tf.ensure_shape(blurred, images.shape)


def _matrix(side, taps):
    """What multiplies a column of pixels to blur it, float32 (side, side)."""
    count = len(taps)
    out = tf.repeat(tf.range(side), count)
    places = tf.reshape(tf.range(side)[:, None] + tf.range(count), (-1,))
    seen = tf.gather(reflected(side, count // 2), places)
    return tf.scatter_nd(tf.stack([out, seen], 1), tf.tile(taps, [side]), (side, side))
