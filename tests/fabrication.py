"""What many tests use: tiny models, fabricated batches, snapshots of weights."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from keras_gans import zoo
from keras_gans.core.signature import Image, LabelMap, label_map_of, takes_masks
from keras_gans.games.loss import Samples


def tiny(name, **overrides):
    """The entry in the form that builds and fits in a second."""
    return zoo.get(name, **{**zoo.entry(name).tiny, "seed": 0, **overrides})


@functools.lru_cache(maxsize=2)  # all of them together take gigabytes
def full(name):
    """The entry at its own size, to look at, never compiled."""
    row = zoo.entry(name)
    return row.cls.from_config({"name": name, **row.config})


def families():
    """One entry of each family."""
    return sorted({zoo.entry(name).cls: name for name in reversed(zoo.names())}.values())


#: An entry for each game and each kind of network: what is asked by default where asking all takes
#: minutes; the others are asked by the slower checks.
SOME = ("cdcgan", "cyclegan", "sngan_projection", "srgan", "wgan_gp")


def by_default(quick, names=None, *more):
    """Parameters: these names by default, the rest of the families among the slower checks."""
    names = families() if names is None else names
    return [
        pytest.param(name, *more, marks=() if name in quick else pytest.mark.large)
        for name in names
    ]


def fabricate(model, batch_size=4, seed=0):
    """One batch of random content, shaped as the model asks."""
    generator = np.random.default_rng(seed)

    label_map = label_map_of(model)

    def tensor(spec):
        if label_map is not None and spec.dtype.is_integer:
            return generator.integers(0, label_map.classes, spec.shape).astype("int32")
        if spec.dtype.is_integer:
            limits = model.conditions.limits
            high = limits if model.conditions.in_columns else limits[0]
            return generator.integers(0, high, spec.shape).astype("int32")
        return generator.uniform(-1, 1, spec.shape).astype("float32")

    return tf.nest.map_structure(tensor, model.batch_spec(batch_size))


def translatable(model, count, height, width, seed=0):
    """What a translator makes pictures of, at any size: pictures, or label maps."""
    generator = np.random.default_rng(seed)
    signature = next(iter(model.signature().values()))
    (source,) = signature.of(Image).values()
    if isinstance(source, LabelMap):
        return generator.integers(0, source.classes, (count, height, width)).astype("int32")
    shape = (count, height, width, source.channels)
    return generator.uniform(-1, 1, shape).astype("float32")


def asked_of(model, images):
    """What a translator is given beside pictures (N, H, W, C): masks, where it fills holes."""
    if not takes_masks(model):
        return {}
    masks = np.zeros(images.shape[:3], "float32")
    masks[:, images.shape[1] // 4 : -5, 3 : images.shape[2] // 2] = 1.0
    return {"masks": masks}


def fabricated(model, batches=2, batch_size=4):
    """A dataset of some such batches."""
    made = [fabricate(model, batch_size, seed) for seed in range(batches)]
    spec = model.batch_spec(batch_size)
    return tf.data.Dataset.from_generator(lambda: iter(made), output_signature=spec).apply(
        tf.data.experimental.assert_cardinality(batches)
    )


def snapshot(variables):
    return [np.array(variable) for variable in variables]


def same(before, variables):
    return all(np.array_equal(old, new) for old, new in zip(before, variables, strict=True))


# === Games without a graph ===

UNLABELLED = ("gan", "dcgan", "wgan_gp", "sngan", "r3gan")
FAMILIES = (*UNLABELLED, "cgan", "cdcgan")


def batch_of(model, size=4, seed=0):
    return tf.nest.map_structure(tf.constant, fabricate(model, size, seed))


def play(model, steps=1, size=4):
    """Some steps without a graph; the logs of the last."""
    logs = {}
    for seed in range(steps):
        model.reset_metrics()
        logs = model.train_step(batch_of(model, size, seed))
    return {name: float(value) for name, value in logs.items()}


def watch(owner, method):
    """What a method of a model is called with and what it returns, as it happens."""
    seen, original = [], getattr(owner, method)

    def watched(*args, **kwargs):
        returned = original(*args, **kwargs)
        seen.append((args, returned))
        return returned

    setattr(owner, method, watched)
    return seen


def ramp(model, count=6):
    """Samples of a model's pictures, no two alike."""
    image = model.image
    shape = (count, image.height, image.width, image.channels)
    images = np.random.default_rng(3).uniform(-1, 1, shape)
    return Samples(tf.constant(images, tf.float32))
