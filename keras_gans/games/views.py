"""Views: what the discriminator is shown in place of the bare images.

    real, fake -> replay (fakes only, where D learns) -> augment -> instance noise -> packing -> D

Each is a function of the game and `Samples`, and hands its input on where its trick is off; they
compose by wrapping one another. What they draw is of the training step and of the side, "real" or
"fake".
"""

import dataclasses

import tensorflow as tf

from keras_gans import augment
from keras_gans.games.loss import Samples, rows


def discriminator_view(game, samples, side):
    """Returns what D is shown of images: augmented, under instance noise, packed.

    Args:
        game: an `AdversarialGAN`.
        samples: `Samples` of N rows.
        side: "real" or "fake": whose noise.

    Returns:
        `Samples` of (N / packing, ..., channels * packing); with packing=2 image i lies before
        image i + N / 2.
    """
    return packed(game, noised(game, augmented(game, samples, side), side))


def augmented(game, samples, side):
    """Differentiable augmentation (Zhao et al., 2020), at a fixed or adaptive probability."""
    tricks = game.tricks
    if not tricks.augment:
        return samples
    probability = tricks.augment_probability
    if game.probability is not None:
        probability = tf.convert_to_tensor(game.probability.value)
    seed = game.stream_seed(f"{side}_augment", samples.draw)
    return samples.with_images(
        augment.diff_augment(samples.images, seed, tricks.augment, probability)
    )


def noised(game, samples, side):
    """Instance noise (Sonderby et al., 2016), falling to zero where steps are named."""
    tricks = game.tricks
    if not tricks.instance_noise:
        return samples
    images = samples.images
    seed = game.stream_seed(f"{side}_noise", samples.draw)
    noise = tf.random.stateless_normal(tf.shape(images), seed, dtype=images.dtype)
    level = tricks.instance_noise
    if tricks.instance_noise_steps:
        done = tf.cast(tf.convert_to_tensor(game.step.value), tf.float32)
        level = level * tf.maximum(1.0 - done / tricks.instance_noise_steps, 0.0)
    return samples.with_images(images + tf.cast(level, images.dtype) * noise)


def packed(game, samples):
    """Images judged several at once, stacked as channels (PacGAN, Lin et al., 2018)."""
    packing = game.tricks.packing
    if packing == 1:
        return samples
    return samples.with_images(tf.concat(tf.split(samples.images, packing), axis=-1))


def replayed(game, fake):
    """Generated images for D to learn from, half of them from earlier steps.

    Labels travel with their pictures, as channels of one value each.

    Args:
        game: an `AdversarialGAN`.
        fake: `Samples` as just generated.
    """
    if not game.tricks.replay:
        return fake
    seed = game.stream_seed("replay", fake.draw)
    if fake.labels is None:
        return fake.with_images(game.pool(fake.images, seed))
    leaves, widths = tf.nest.flatten(fake.labels), game.label_widths
    flat = [
        tf.cast(tf.reshape(leaf, (rows(leaf), width)), fake.images.dtype)
        for leaf, width in zip(leaves, widths, strict=True)
    ]
    planes = tf.concat(flat, -1)[:, None, None, :] + tf.zeros_like(fake.images[..., :1])
    handed = game.pool(tf.concat([fake.images, planes], -1), seed)
    channels = fake.images.shape[-1]
    restored = [
        tf.cast(tf.reshape(tf.round(part), tf.shape(leaf)), leaf.dtype)
        for part, leaf in zip(
            tf.split(handed[:, 0, 0, channels:], widths, axis=-1), leaves, strict=True
        )
    ]
    labels = tf.nest.pack_sequence_as(fake.labels, restored)
    return dataclasses.replace(fake, images=handed[..., :channels], labels=labels)


def dequantised(game, real):
    """Pictures of 256 levels in [-1, 1] spread over the steps between these, in [-1, 1)."""
    grey = game.uniform(tf.shape(real.images), "dequantise", real.draw)
    return real.with_images((real.images * 255.0 - 1.0) / 256.0 + grey / 128.0)


__all__ = [
    "Samples",
    "augmented",
    "dequantised",
    "discriminator_view",
    "noised",
    "packed",
    "replayed",
]
