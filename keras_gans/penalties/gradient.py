"""Gradient penalties: pure functions of a network function and its inputs.

`judge` is any differentiable function from images to logits. What else a discriminator reads is
closed over: `lambda images: discriminator([images, labels], training=True)`. A sample's gradient
is that of the sum of its logits, and is its own only where no sample's logits depend on another
sample: not through batch normalization.

Everything is computed from float32 images, so that under mixed precision squares and sums are
float32 as well. Random numbers are the caller's, who knows the seed of the step.
"""

import tensorflow as tf

# Inside the root, whose slope at 0 is infinite: there the norm is 1e-6 and its gradient 0.
_EPSILON = 1e-12


def gradient_penalty(judge, real, fake, mix):
    """Penalty of WGAN-GP, `mean((||grad D(x^)|| - 1)^2)` at x^ between real and fake.

    Args:
        judge: function of images, (N, ...) -> logits, (N, ...).
        real: real samples, (N, ...) of any rank from 2; images in [-1, 1].
        fake: generated samples of the same shape.
        mix: how far x^ lies from real to fake, uniform in [0, 1), one for each sample: (N,) or
            (N, 1, ..., 1).

    Returns:
        A float32 scalar; the paper multiplies it by 10.

    Raises:
        ValueError: if `mix` has not one value for each sample, or if the logits do not depend
            on the images.

    Reference: Gulrajani et al., 2017, https://arxiv.org/abs/1704.00028 (eq. 3)
    """
    real, fake = tf.cast(real, "float32"), tf.cast(fake, "float32")
    between = real + _for_each_sample(mix, real) * (fake - real)
    return _distance_from_unit_norm(_gradients(judge, between))


def dragan_penalty(judge, real, noise, mix):
    """Penalty of DRAGAN, `mean((||grad D(x^)|| - 1)^2)` at x^ near real.

    x^ is `real + mix * 0.5 * std(real) * noise`, with one standard deviation of the whole batch,
    as in the authors' code.

    Args:
        judge: function of images, (N, ...) -> logits, (N, ...).
        real: real samples, (N, ...) of any rank from 2; images in [-1, 1].
        noise: uniform in [0, 1), of the same shape.
        mix: share of the noise, uniform in [0, 1), one for each sample: (N,) or (N, 1, ..., 1).

    Returns:
        A float32 scalar; the paper multiplies it by 10.

    Raises:
        ValueError: if `mix` has not one value for each sample, or if the logits do not depend
            on the images.

    Reference: Kodali et al., 2017, https://arxiv.org/abs/1705.07215 (section 2.3);
    kodalinaveen3/DRAGAN
    """
    real, noise = tf.cast(real, "float32"), tf.cast(noise, "float32")
    nearby = real + _for_each_sample(mix, real) * 0.5 * tf.math.reduce_std(real) * noise
    return _distance_from_unit_norm(_gradients(judge, nearby))


def r1_penalty(judge, real):
    """Penalty R1, `mean(||grad D(x)||^2) / 2` at real samples.

    Args:
        judge: function of images, (N, ...) -> logits, (N, ...).
        real: real samples, (N, ...) of any rank from 2; images in [-1, 1].

    Returns:
        A float32 scalar, to be multiplied by the paper's gamma.

    Raises:
        ValueError: if the logits do not depend on the images.

    Reference: Mescheder, Geiger & Nowozin, 2018, https://arxiv.org/abs/1801.04406 (eq. 9)
    """
    return 0.5 * tf.reduce_mean(_squared_norms(_gradients(judge, real)))


def r2_penalty(judge, fake):
    """Penalty R2, `mean(||grad D(x)||^2) / 2` at generated samples.

    Args:
        judge: function of images, (N, ...) -> logits, (N, ...).
        fake: generated samples, (N, ...) of any rank from 2; images in [-1, 1].

    Returns:
        A float32 scalar, to be multiplied by the paper's gamma.

    Raises:
        ValueError: if the logits do not depend on the images.

    Reference: Mescheder, Geiger & Nowozin, 2018, https://arxiv.org/abs/1801.04406 (eq. 10)
    """
    return 0.5 * tf.reduce_mean(_squared_norms(_gradients(judge, fake)))


def _gradients(judge, images):
    images = tf.cast(images, "float32")
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(images)
        logits = tf.cast(judge(images), "float32")
    gradients = tape.gradient(logits, images)
    if gradients is None:
        raise ValueError(
            f"A gradient penalty needs logits that depend on the images. Received logits of shape "
            f"{logits.shape} without a gradient by images of shape {images.shape}. Let `judge` "
            "use the images it is given, through differentiable operations alone."
        )
    return gradients


def _squared_norms(gradients):
    return tf.reduce_sum(tf.square(gradients), axis=list(range(1, gradients.shape.rank)))


def _distance_from_unit_norm(gradients):
    norms = tf.sqrt(_squared_norms(gradients) + _EPSILON)
    return tf.reduce_mean(tf.square(norms - 1.0))


def _for_each_sample(mix, samples):
    """`mix` in the shape that multiplies samples: (N, 1, ..., 1)."""
    mix = tf.cast(mix, "float32")
    values, count = mix.shape.num_elements(), samples.shape[0]
    if values is not None and count is not None and values != count:
        raise ValueError(
            f"`mix` holds one value for each sample. Received: shape {tuple(mix.shape)} for "
            f"{count} samples of shape {tuple(samples.shape[1:])}. Pass shape ({count},)."
        )
    return tf.reshape(mix, (tf.shape(samples)[0], *[1] * (samples.shape.rank - 1)))
