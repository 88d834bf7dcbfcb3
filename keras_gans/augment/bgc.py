"""The augmentations of StyleGAN2-ADA: pixel blitting, geometric and colour transformations ("bgc").

Each picture is changed by each of them with a probability of its own, so that a discriminator sees
what real pictures look like as long as that probability stays below about 0.8.

Reference: Karras et al., 2020, https://arxiv.org/abs/2006.06676 (section 2.2, appendix B, algorithm
1). Departures: blits are done by themselves and not as part of the one warp, and what lies outside
a picture is its reflection without an end.
"""

import math

import numpy as np
import tensorflow as tf

_SHIFT = 0.125  # of a side
# The low-pass filter of the symlet wavelet sym6, of sum 1.
_SYM6 = np.array(
    [
        *(0.015404109327, 0.003490712084, -0.117990111148, -0.048311742586),
        *(0.491055941927, 0.787641141030, 0.337929421728, -0.072637522786),
        *(-0.021060292512, 0.044724901771, 0.001767711864, -0.007800708325),
    ]
) / math.sqrt(2.0)
_MARGIN = len(_SYM6) // 2
# How far the filter's middle lies from that of its taps: doubled pictures are moved by it.
_OFF = float(np.arange(len(_SYM6)) @ _SYM6 - (len(_SYM6) - 1) / 2.0)
_LUMA = np.full(3, 1.0 / math.sqrt(3.0))


class _Draws:
    """Draws for each picture, one after the other, from one seed."""

    def __init__(self, images, seed, probability):
        self._count, self._seed = tf.shape(images)[0], seed
        self._probability, self._number = tf.cast(probability, "float32"), 0

    def _next(self):
        self._number += 1
        return tf.random.fold_in(self._seed, self._number, alg="philox")

    def uniform(self, low, high):
        """(N,) from U(low, high)."""
        return tf.random.stateless_uniform((self._count,), self._next(), low, high, alg="philox")

    def normal(self, deviation):
        """(N,) from N(0, deviation^2)."""
        return deviation * tf.random.stateless_normal((self._count,), self._next(), alg="philox")

    def whole(self, count):
        """(N,) from 0 ... count - 1."""
        return tf.cast(self.uniform(0.0, float(count)), tf.int32)

    def chosen(self, values, otherwise, probability=None):
        """Of each picture the value with the probability of augmentation, else the other."""
        likely = self._probability if probability is None else probability
        return tf.where(self.uniform(0.0, 1.0) < likely, values, otherwise)

    @property
    def of_rotations(self):
        """Of each of two rotations, so that one or both happen with the whole probability."""
        return 1.0 - tf.sqrt(tf.maximum(1.0 - self._probability, 0.0))


# === b: pixel blitting ===


def blit(images, seed, probability):
    """Mirrored, turned by quarters and moved by whole pixels up to an eighth of the side."""
    draws = _Draws(images, seed, probability)
    mirrored = draws.chosen(draws.whole(2), 0)
    images = tf.where(_each(mirrored == 1), tf.reverse(images, [2]), images)
    turns = draws.chosen(draws.whole(4), 0)
    for turn in (1, 2, 3):
        images = tf.where(_each(turns == turn), tf.image.rot90(images, turn), images)
    for axis in (1, 2):
        side = tf.shape(images)[axis]
        amount = draws.uniform(-_SHIFT, _SHIFT) * tf.cast(side, "float32")
        amount = draws.chosen(tf.round(amount), 0.0)
        source = tf.range(side)[None] - tf.cast(amount, tf.int32)[:, None]
        images = tf.gather(images, _reflected(source, side), axis=axis, batch_dims=1)
    return images


def _each(values):
    return values[:, None, None, None]


def _reflected(places, side):
    """Places outside, whole or not, mirrored at the first and the last pixel."""
    last = tf.cast(side - 1, places.dtype)
    places = tf.math.floormod(places, 2 * last)
    return last - tf.abs(last - places)


# === g: general geometric transformations ===


def geometry(images, seed, probability):
    """Scaled, rotated, stretched, rotated again and moved by fractions of pixels, in one warp."""
    draws = _Draws(images, seed, probability)
    zero = tf.zeros((tf.shape(images)[0],))
    scale = draws.chosen(2.0 ** draws.normal(0.2), 1.0)
    matrix = _scaling(1.0 / scale, 1.0 / scale)
    matrix = matrix @ _rotation(_angle(draws))
    stretch = draws.chosen(2.0 ** draws.normal(0.2), 1.0)
    matrix = matrix @ _scaling(1.0 / stretch, stretch)
    matrix = matrix @ _rotation(_angle(draws))
    down, right = draws.normal(_SHIFT), draws.normal(_SHIFT)
    moved = draws.uniform(0.0, 1.0) < tf.cast(probability, "float32")
    down, right = tf.where(moved, down, zero), tf.where(moved, right, zero)
    return _warped(images, matrix, down, right)


def _angle(draws):
    return draws.chosen(draws.uniform(-math.pi, math.pi), 0.0, draws.of_rotations)


def _scaling(x, y):
    zero = tf.zeros_like(x)
    return tf.stack([tf.stack([x, zero], -1), tf.stack([zero, y], -1)], -2)


def _rotation(angle):
    cos, sin = tf.cos(angle), tf.sin(angle)
    return tf.stack([tf.stack([cos, sin], -1), tf.stack([-sin, cos], -1)], -2)


def _warped(images, matrix, down, right):
    """Pictures whose pixel at p is taken from matrix p, about the middle, after a shift.

    They are enlarged to twice their size before and shrunk after, with a filter that keeps lines
    sharp.

    Args:
        images: (N, H, W, C).
        matrix: (N, 2, 2), of (x, y).
        down: (N,), of the height.
        right: (N,), of the width.
    """
    height, width = images.shape[1:3]
    y, x = (_places(side) - _middle(side) for side in (height, width))
    y = y[None, :, None] - 2.0 * height * down[:, None, None]
    x = x[None, None, :] - 2.0 * width * right[:, None, None]
    m = matrix[:, :, :, None, None]
    from_x = m[:, 0, 0] * x + m[:, 0, 1] * y + _middle(width)
    from_y = m[:, 1, 0] * x + m[:, 1, 1] * y + _middle(height)
    return _halved(_bilinear(_doubled(images), from_y, from_x))


def _places(side):
    """Of the pixels of a side that is doubled, with a margin for the filter at both ends."""
    return tf.range(-2.0 * _MARGIN, 2.0 * (side + _MARGIN))


def _middle(side):
    """Of a side that is doubled, where the filter puts it."""
    return side - 0.5 + _OFF


def _bilinear(images, y, x):
    """Values of doubled pictures, which have a margin, between their pixels."""
    height, width = images.shape[1:3]
    y, x = _inside(y, height), _inside(x, width)
    top, left = tf.floor(y), tf.floor(x)
    share_y, share_x = (y - top)[..., None], (x - left)[..., None]
    flat = tf.reshape(images, (-1, height * width, images.shape[-1]))

    def pixel(down, right):
        row = tf.minimum(tf.cast(top, tf.int32) + down, height - 1)
        column = tf.minimum(tf.cast(left, tf.int32) + right, width - 1)
        return tf.gather(flat, row * width + column, axis=1, batch_dims=1)

    upper = (1.0 - share_x) * pixel(0, 0) + share_x * pixel(0, 1)
    lower = (1.0 - share_x) * pixel(1, 0) + share_x * pixel(1, 1)
    return (1.0 - share_y) * upper + share_y * lower


def _inside(places, length):
    """Places in the doubled picture as indices; what lies beyond its margin is reflected."""
    margin = 4 * _MARGIN
    side = length - 2 * margin
    near = (places >= -margin) & (places <= side + margin - 1)
    return tf.where(near, places, _reflected(places, side)) + margin


def _doubled(images):
    """Twice as large, with a margin of 4 filters' halves at each end, of reflections."""
    margin = 2 * _MARGIN
    for axis in (1, 2):
        side = images.shape[axis]
        source = _reflected(tf.range(-margin, side + margin), side)
        images = tf.gather(images, source, axis=axis)
    size = [2 * side for side in images.shape[1:3]]
    shape = (tf.shape(images)[0], *size, images.shape[-1])
    # A depthwise transposed convolution is the gradient of a depthwise one.
    return tf.nn.depthwise_conv2d_backprop_input(
        shape, _kernel(images, 4.0), images, (1, 2, 2, 1), "SAME"
    )


def _halved(images):
    small = tf.nn.depthwise_conv2d(images, _kernel(images, 1.0), (1, 2, 2, 1), "SAME")
    return small[:, _MARGIN:-_MARGIN, _MARGIN:-_MARGIN]


def _kernel(images, gain):
    taps = gain * np.outer(_SYM6, _SYM6)[:, :, None, None]
    return tf.constant(np.tile(taps, (1, 1, images.shape[-1], 1)), images.dtype)


# === c: colour transformations ===


def color_transform(images, seed, probability):
    """Brightness, contrast, inverted luma, hue and saturation, as one matrix for each picture."""
    draws = _Draws(images, seed, probability)
    identity = tf.eye(3, batch_shape=(tf.shape(images)[0],))
    luma = tf.constant(np.outer(_LUMA, _LUMA), tf.float32)
    brightness = draws.chosen(draws.normal(0.2), 0.0)
    contrast = draws.chosen(2.0 ** draws.normal(0.5), 1.0)
    matrix, offset = contrast[:, None, None] * identity, contrast * brightness
    inverted = tf.cast(draws.chosen(draws.whole(2), 0), tf.float32)[:, None, None]
    turn = identity - 2.0 * inverted * luma
    hue = draws.chosen(draws.uniform(-math.pi, math.pi), 0.0)
    saturation = draws.chosen(2.0 ** draws.normal(1.0), 1.0)[:, None, None]
    if images.shape[-1] == 1:
        sign = 1.0 - 2.0 * inverted  # a grey has no hue
        return images * _each(contrast) * sign[..., None] + _each(offset) * sign[..., None]
    turn = _about_luma(hue) @ turn
    turn = (luma + (identity - luma) * saturation) @ turn
    matrix, moved = turn @ matrix, tf.reduce_sum(turn, axis=-1) * offset[:, None]
    return tf.einsum("nhwc,ndc->nhwd", images, matrix) + moved[:, None, None, :]


def _about_luma(angle):
    """Rotation of colours about the axis of greys (Rodrigues' formula)."""
    x, y, z = _LUMA
    cross = tf.constant([[0, -z, y], [z, 0, -x], [-y, x, 0]], tf.float32)
    axis = tf.constant(np.outer(_LUMA, _LUMA), tf.float32)
    cos, sin = tf.cos(angle)[:, None, None], tf.sin(angle)[:, None, None]
    return cos * tf.eye(3) + sin * cross + (1.0 - cos) * axis


#: By the names `augment` knows them by.
MEMBERS = {"blit": blit, "geometry": geometry, "color_transform": color_transform}
