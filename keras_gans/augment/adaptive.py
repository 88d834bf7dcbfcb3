"""How often to augment: as much as keeps the discriminator from overfitting."""

import tensorflow as tf


def adaptive_probability(probability, real_logits_sign, batch_size, target=0.6, kimg=500):
    """The augmentation probability after a look at the discriminator's logits of real images.

    The heuristic is `r_t = mean(sign(D(real)))`: 0 where the discriminator cannot tell, 1 where it
    has learnt its training images by heart. Above the target augmentation is made more frequent,
    below it rarer, at a rate that takes it from 0 to 1 in `kimg` thousand images.

    Args:
        probability: the present one, scalar in [0, 1].
        real_logits_sign: signs of the logits of real images, any shape, or their mean over the
            batches since the last adjustment, in [-1, 1].
        batch_size: images seen since the last adjustment.
        target: the mean sign to hold.
        kimg: thousands of images in which the probability could go from 0 to 1.

    Returns:
        The new probability, a float32 scalar in [0, 1].

    Reference: Karras et al., 2020, https://arxiv.org/abs/2006.06676 (section 3.1)
    """
    overfitting = tf.reduce_mean(tf.cast(real_logits_sign, "float32"))
    step = tf.cast(batch_size, "float32") / (kimg * 1000.0)
    moved = tf.cast(probability, "float32") + tf.sign(overfitting - target) * step
    return tf.clip_by_value(moved, 0.0, 1.0)
