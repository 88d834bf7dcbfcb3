"""What many tests use: tiny models, fabricated batches, snapshots of weights."""

import numpy as np
import pytest
import tensorflow as tf

from keras_gans import zoo


def tiny(name, **overrides):
    """The entry in the form that builds and fits in a second."""
    return zoo.get(name, **{**zoo.entry(name).tiny, "seed": 0, **overrides})


def families():
    """One entry of each family."""
    return sorted({zoo.entry(name).cls: name for name in reversed(zoo.names())}.values())


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

    def tensor(spec):
        if spec.dtype.is_integer:
            limits = model.conditions.limits
            high = limits if model.conditions.in_columns else limits[0]
            return generator.integers(0, high, spec.shape).astype("int32")
        return generator.uniform(-1, 1, spec.shape).astype("float32")

    return tf.nest.map_structure(tensor, model.batch_spec(batch_size))


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
