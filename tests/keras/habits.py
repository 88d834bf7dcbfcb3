"""Tables of what Keras users are used to: rows are habits, columns are entries of the zoo.

A habit is a function of an entry's name (and of a folder, where it writes files) that states what
is right: that it works as in Keras, or that it is refused before the first step. `FAILS` of a
table says which rows do not hold yet; they are strict, so whoever mends one removes its line.
"""

import contextlib
import inspect
import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from fabrication import asked_of, families, same, snapshot, tiny

from keras_gans import zoo


def forms():
    """Entries whose tiny forms differ: the rows of a family often shrink to the same model."""
    found = {}
    for name in zoo.names():
        row = zoo.entry(name)
        arguments = json.dumps({**row.config, **row.tiny}, sort_keys=True)
        found.setdefault((row.cls, arguments), name)
    return sorted(found.values())


def of_task(*tasks):
    """One entry of each family of these tasks."""
    return [name for name in families() if zoo.entry(name).task in tasks]


LABELLED = of_task("class_conditional")
PLAIN = of_task("unconditional")
PAIRED = of_task("paired_translation")
UNPAIRED = of_task("unpaired_translation")
TRANSLATORS = sorted([*PAIRED, *UNPAIRED])
SAMPLERS = sorted([*PLAIN, *LABELLED])

#: Families whose learning rates follow a schedule.
SCHEDULED = [
    *(
        "cgan",
        "cyclegan",
        "gan",
        "inpainting",
        "pix2pix",
        "r3gan",
        "rdn",
        "rrdn",
        "sngan",
        "sngan_projection",
    ),
    *("srgan", "stargan", "wgan_gp"),
]
CONSTANT = [name for name in families() if name not in SCHEDULED]


class Fails:
    """That a row does not hold yet, and why.

    Args:
        reason: one line.
        only: entries it fails for; all of the row where not given.
        but: entries it holds for.
    """

    def __init__(self, reason, *, only=None, but=()):
        self.reason, self.only, self.but = reason, only, but

    def concerns(self, name):
        return name not in self.but and (self.only is None or name in self.only)


def table(rows, fails=None, *, names=None, quick=None):
    """The parameters `habit` and `name` of a test: every row with every entry.

    Args:
        rows: functions, or (function, names) for rows of other entries, or (function, names,
            quick) where these are asked by default as well.
        fails: `{name of a function: Fails or a list of them}`.
        names: entries a row without entries of its own is asked of; one of each family where None.
        quick: those of them that are asked by default; all where None. Of a row with few entries
            its first one where none of them is quick.
    """
    fails, made = dict(fails or {}), []
    for row in rows:
        habit, asked, *at_once = row if isinstance(row, tuple) else (row, names or families())
        reasons = fails.pop(habit.__name__, [])
        first = [name for name in asked if quick is None or name in quick] or asked[:1]
        first = at_once[0] if at_once else first
        for name in asked:
            marks = [] if name in first else [pytest.mark.large]
            for failing in reasons if isinstance(reasons, list) else [reasons]:
                if failing.concerns(name):
                    marks.append(pytest.mark.xfail(strict=True, reason=failing.reason))
            made.append(pytest.param(habit, name, marks=marks, id=f"{habit.__name__}-{name}"))
    assert not fails, f"no such rows: {', '.join(fails)}"
    return pytest.mark.parametrize(("habit", "name"), made)


def ask(habit, name, tmp_path):
    """Calls a habit with what it takes."""
    habit(*(name, tmp_path)[: len(inspect.signature(habit).parameters)])


def steps_of(model):
    """Steps a model has made, in a strategy's scope as well, where `int` cannot read them."""
    return int(keras.ops.convert_to_numpy(model.step))


@contextlib.contextmanager
def refused(model, match, error=(TypeError, ValueError)):
    """That what happens inside is refused with such a sentence, before anything moved."""
    before = snapshot(model.weights)
    steps = steps_of(model)
    with pytest.raises(error, match=match):
        yield
    assert steps_of(model) == steps, "it was refused after a step"
    assert same(before, model.weights), "it was refused after something moved"


def eager(name, **overrides):
    """A tiny model without tracing, which takes longer than the few steps it is asked for."""
    model = tiny(name, **overrides)
    model.compile(run_eagerly=True)
    return model


def pictures_of(model):
    """Pictures that tell two models apart: sampled, or translated from the same pictures."""
    if hasattr(model, "sample"):
        return model.sample(2, seed=1)
    spec = tf.nest.flatten(model.batch_spec(1))[0]
    images = np.linspace(-1, 1, spec.shape.num_elements()).reshape(spec.shape)
    return model.translate(images, **asked_of(model, images))
