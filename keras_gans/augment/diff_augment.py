"""The same random changes to real and generated images, differentiable: DiffAugment, and ADA's."""

import tensorflow as tf

from keras_gans.augment import bgc
from keras_gans.utils.text import did_you_mean

# Of a side: how far images move, and how much of one is cut out.
_SHIFT, _HOLE = 1 / 8, 1 / 2


def diff_augment(images, seed, policy=("color", "translation", "cutout"), probability=1.0):
    """Images changed at random, each in its own way, so that gradients of any order flow.

    A discriminator that sees only augmented images, real ones as generated ones, cannot learn few
    training images by heart, and the generator does not learn the augmentations.

    * "color": brightness moved by U(-0.5, 0.5), saturation scaled by U(0, 2) about the mean of
      the channels (nothing happens to a single channel), contrast scaled by U(0.5, 1.5) about
      the mean of the image. Values are not clipped.
    * "translation": by whole pixels up to an eighth of the side, zeros moving in.
    * "cutout": a square of half the side set to 0, at any place, also half outside.
    * "blit", "geometry", "color_transform": those of StyleGAN2-ADA (`keras_gans.augment.bgc`), in
      which each single change has the probability.

    Args:
        images: float, (N, H, W, C), about [-1, 1], where the amounts are the authors'.
        seed: integer tensor of shape (2,); the same draws the same.
        policy: names of what to do, done in the order given.
        probability: of each image to be changed by each member of the policy, independently; a
            number or a scalar tensor, in [0, 1].

    Returns:
        Images of the same shape and dtype.

    Raises:
        ValueError: for an unknown name in the policy.

    Reference: Zhao et al., 2020, https://arxiv.org/abs/2006.10738;
    mit-han-lab/data-efficient-gans, DiffAugment_tf.py
    """
    _check_policy(policy)
    augmented = tf.cast(images, "float32")
    for name, own_seed in zip(policy, _split(seed, max(len(policy), 1)), strict=False):
        if name in bgc.MEMBERS:
            augmented = bgc.MEMBERS[name](augmented, own_seed, probability)
            continue
        chance, choice = _split(own_seed, 2)
        changed = _POLICY[name](augmented, choice)
        chosen = _uniform(augmented, chance) < tf.cast(probability, "float32")
        augmented = tf.where(chosen, changed, augmented)
    return tf.cast(augmented, images.dtype)


def _check_policy(policy):
    """Refuses names that `diff_augment` does not know, and a name in place of several."""
    known = POLICIES
    if isinstance(policy, str):
        raise ValueError(f"`policy` is a sequence of names. Received: {policy!r}. Pass a tuple.")
    for name in policy:
        if name not in known:
            raise ValueError(
                f"Unknown augmentation {name!r} in policy {tuple(policy)}."
                f"{did_you_mean(name, known)} Choose from: {', '.join(known)}."
            )


def as_policy(names):
    """A checked policy, whichever way a person gave it.

    Args:
        names: of `POLICIES`, a sequence or one text with commas between; "bgc" for all of
            StyleGAN2-ADA's.

    Returns:
        A tuple, empty for no names.

    Raises:
        ValueError: for an unknown name, or what is no names at all.
    """
    if isinstance(names, str):
        names = [name.strip() for name in names.split(",")]
    if not isinstance(names, (tuple, list)):
        raise ValueError(f"`augment` takes {', '.join(POLICIES)}. Received: {names!r}")
    policy: tuple = ()
    for name in names:
        policy += tuple(bgc.MEMBERS) if name == "bgc" else (name,) if name != "" else ()
    _check_policy(policy)
    return policy


# === Members of the policy ===


def _color(images, seed):
    brightness, saturation, contrast = _split(seed, 3)
    images = images + _uniform(images, brightness) - 0.5
    grey = tf.reduce_mean(images, axis=3, keepdims=True)
    images = grey + (images - grey) * _uniform(images, saturation) * 2.0
    mean = tf.reduce_mean(images, axis=(1, 2, 3), keepdims=True)
    return mean + (images - mean) * (_uniform(images, contrast) + 0.5)


def _translation(images, seed):
    amounts = []
    for axis, own_seed in zip((1, 2), _split(seed, 2), strict=True):
        farthest = _share(tf.shape(images)[axis], _SHIFT)
        amounts.append(_whole_number(images, own_seed, -farthest, farthest))
    return _moved(images, *amounts)


def _cutout(images, seed):
    inside = []
    for axis, own_seed in zip((1, 2), _split(seed, 2), strict=True):
        side = tf.shape(images)[axis]
        hole = _share(side, _HOLE)
        # The hole's middle is anywhere on the side; an even hole has its middle between pixels.
        middle = _whole_number(images, own_seed, 0, side - hole % 2)
        start = middle - hole // 2
        place = tf.range(side)[None, :]
        inside.append((place >= start) & (place < start + hole))
    hole = inside[0][:, :, None, None] & inside[1][:, None, :, None]
    return tf.where(hole, tf.zeros_like(images), images)


_POLICY = {"color": _color, "translation": _translation, "cutout": _cutout}

#: What `diff_augment` knows to do.
POLICIES = (*_POLICY, *bgc.MEMBERS)


def _moved(images, down, right):
    """Images moved by whole pixels, (N, 1) each, zeros moving in."""

    # The gradient of a gather is a scatter-add, slow and without an order; that of a translation
    # is the translation back, which differentiates as often as one likes.
    @tf.custom_gradient
    def moved(images):
        found = _gathered(_gathered(images, down, axis=1), right, axis=2)
        return found, lambda upstream: _moved(upstream, -down, -right)

    return moved(images)


def _gathered(images, amount, axis):
    side = tf.shape(images)[axis]
    source = tf.range(side)[None, :] - amount
    inside = (source >= 0) & (source < side)
    found = tf.gather(images, tf.clip_by_value(source, 0, side - 1), axis=axis, batch_dims=1)
    inside = inside[:, :, None, None] if axis == 1 else inside[:, None, :, None]
    return tf.where(inside, found, tf.zeros_like(found))


# === Chance ===


def _split(seed, count):
    # Philox by name: the automatic choice draws other numbers under XLA.
    return tf.unstack(tf.random.split(seed, count, alg="philox"), count)


def _uniform(images, seed):
    """One number in [0, 1) for each image, (N, 1, 1, 1)."""
    return tf.random.stateless_uniform((tf.shape(images)[0], 1, 1, 1), seed, alg="philox")


def _whole_number(images, seed, lowest, highest):
    """One whole number for each image, both bounds included, (N, 1)."""
    shape = (tf.shape(images)[0], 1)
    return tf.random.stateless_uniform(shape, seed, lowest, highest + 1, tf.int32, alg="philox")


def _share(side, share):
    """The nearest whole number of pixels to a share of a side."""
    return tf.cast(tf.cast(side, "float32") * share + 0.5, "int32")
