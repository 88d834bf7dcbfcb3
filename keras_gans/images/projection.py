"""Projection: the styles of which a generator draws a given picture.

The styles are found by going down on the distance between what is drawn and the picture, from the
mean style, with noise on the styles that fades, as in the paper.

Reference: Karras et al., 2019, https://arxiv.org/abs/1912.04958 (appendix D). Departures: the
distance is that of the pictures at all sizes down to 4 pixels, not LPIPS, whose networks no package
ships; noise maps stay the model's own.
"""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from keras_gans.core.signature import has_styles
from keras_gans.utils.checks import check_choice, check_pictures, check_positive

#: One style for all places, or one for each.
SPACES = ("w", "w+")
_RATE = 0.1
_RAMP_UP, _RAMP_DOWN = 0.05, 0.25  # shares of the steps
_NOISE, _NOISE_UNTIL = 0.05, 0.75
_DRAWN = 1_000  # styles whose mean and spread are looked at
_SMALLEST = 4  # side of the smallest picture that is compared


@dataclasses.dataclass(frozen=True)
class Projection:
    """What was found.

    Attributes:
        styles: float32 (N, places, style_dim), for `model.synthesize`.
        pictures: what they give, float32 (N, H, W, C) in [-1, 1].
        distance: root of the mean squared difference from the pictures asked for, (N,), of values
            in [-1, 1].
    """

    styles: np.ndarray
    pictures: np.ndarray
    distance: np.ndarray


def project(model, pictures, *, space="w", steps=300, seed=0, progress=None):
    """Styles of pictures.

    Args:
        model: a `keras_gans.GAN` with a synthesis network, such as StyleGAN2.
        pictures: float (N, H, W, C) in [-1, 1], or one (H, W, C), of the model's own size.
        space: "w", one style for all places, or "w+", one for each, which comes closer to pictures
            that the model would not draw by itself.
        steps: of descent.
        seed: of the noise on styles.
        progress: function of a step and the mean distance by then, called after each.

    Returns:
        A `Projection`.

    Raises:
        ValueError: for a model without styles, or pictures of another size or outside [-1, 1].

    Example:
        ```python
        found = projection.project(model, pictures, space="w+")
        model.synthesize(found.styles)
        ```
    """
    check_choice("space", space, SPACES)
    check_positive("steps", steps)
    pictures = _checked(model, pictures)
    mean, spread = _mean_and_spread(model, seed)
    count = 1 if space == "w" else model.places
    styles = keras.Variable(np.tile(mean, (len(pictures), count, 1)))
    optimizer = keras.optimizers.Adam(_RATE)
    optimizer.build([styles])
    network = model.networks_to_export()["synthesis"]
    target = tf.constant(pictures)

    @tf.function(jit_compile=False)
    def descend(noise):
        with tf.GradientTape() as tape:
            moved = tf.repeat(styles.value + noise, model.places // count, axis=1)
            loss = _distance(network(moved, training=False), target)
        optimizer.apply(tape.gradient(loss, [styles.value]), [styles])
        return loss / len(pictures)

    rng = np.random.default_rng(seed)
    for number in range(steps):
        done = number / steps
        optimizer.learning_rate = _RATE * _ramp(done)
        strength = _NOISE * spread * max(0.0, 1.0 - done / _NOISE_UNTIL) ** 2
        noise = strength * rng.standard_normal(styles.shape)
        loss = descend(tf.constant(noise, tf.float32))
        if progress is not None:
            progress(number + 1, float(loss))
    found = np.repeat(keras.ops.convert_to_numpy(styles), model.places // count, axis=1)
    made = model.synthesize(found)
    return Projection(found, made, np.sqrt(np.mean((made - pictures) ** 2, axis=(1, 2, 3))))


def _checked(model, pictures):
    if not has_styles(model):
        raise ValueError(
            f"{model.name} draws from no styles, which projection finds. Use stylegan2 or one of "
            "its kind."
        )
    pictures = np.asarray(pictures)
    pictures = pictures[None] if pictures.ndim == 3 else pictures
    side, channels = model.image_size, model.image_channels
    if pictures.ndim != 4 or pictures.shape[1:] != (side, side, channels):
        raise ValueError(
            f"Pictures to project must have shape (N, {side}, {side}, {channels}), the model's "
            f"own. Received: {pictures.shape}. Crop and scale them first."
        )
    check_pictures(pictures)
    return pictures.astype("float32")


def _mean_and_spread(model, seed):
    """Where styles begin, (1, 1, style_dim), and how far they usually are from there."""
    styles = model.styles(_DRAWN, seed=seed)[:, 0]
    mean = styles.mean(axis=0)
    spread = np.sqrt(np.sum((styles - mean) ** 2) / len(styles))
    return mean[None, None], spread / np.sqrt(len(mean))


def _distance(drawn, target):
    """Mean squared differences at all sizes down to 4, summed over the pictures."""
    total = 0.0
    while True:
        total += tf.reduce_sum(tf.reduce_mean(tf.square(drawn - target), axis=(1, 2, 3)))
        if drawn.shape[1] <= _SMALLEST:
            return total
        drawn, target = (tf.nn.avg_pool2d(x, 2, 2, "VALID") for x in (drawn, target))


def _ramp(done):
    """What the learning rate is multiplied by: up at first, down along a cosine at the end."""
    down = min(1.0, (1.0 - done) / _RAMP_DOWN)
    down = 0.5 - 0.5 * np.cos(np.pi * down)
    return float(down * min(1.0, (done + 1e-3) / _RAMP_UP))
