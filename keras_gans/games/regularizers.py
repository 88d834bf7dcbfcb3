"""Regularizers: what is added to the discriminator's loss for its slope.

Each is a function of the game and of what D was shown, `(game, real, fake) -> scalar`, without its
weight. In games with labels the slope is taken at those of the real images.
"""

import tensorflow as tf

from keras_gans import penalties


def gradient_penalty(game, real, fake):
    """`mean((|grad D(x^)| - 1)^2)` between real and generated images (WGAN-GP)."""
    mix = game.uniform((real.count,), "mix", real.draw)
    return penalties.gradient_penalty(_judge_at(game, real), real.images, _fixed(fake), mix)


def r1(game, real, fake):
    """`mean(|grad D(x)|^2) / 2` at real images (Mescheder et al., 2018)."""
    return penalties.r1_penalty(_judge_at(game, real), real.images)


def r2(game, real, fake):
    """`mean(|grad D(x)|^2) / 2` at generated images (Mescheder et al., 2018)."""
    return penalties.r2_penalty(_judge_at(game, real), _fixed(fake))


def dragan(game, real, fake):
    """`mean((|grad D(x^)| - 1)^2)` around real images (DRAGAN)."""
    mix = game.uniform((real.count,), "mix", real.draw)
    noise = game.uniform(tf.shape(real.images), "dragan", real.draw)
    return penalties.dragan_penalty(_judge_at(game, real), real.images, noise, mix)


#: By the name of the argument that gives the weight, in the order they are added.
REGULARIZERS = {"gradient_penalty": gradient_penalty, "r1": r1, "r2": r2, "dragan": dragan}


def _judge_at(game, real):
    return lambda images: game.slope_logits(real.with_images(images))


def _fixed(fake):
    """Only their values count: the slope is D's, and G is not moved by it."""
    return tf.stop_gradient(fake.images)
