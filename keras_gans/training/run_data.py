"""Data of a run: what it learns from, and the first examples for its grids and its exports."""

import dataclasses
import warnings

import tensorflow as tf

from keras_gans import data
from keras_gans.core.signature import translates
from keras_gans.training import distribution
from keras_gans.training.held_out import split_to_learn, split_to_measure

_PREVIEWED = 8  # pictures on a translator's sheet
COMPARED = 64  # real pictures that samples are compared with


def load(options, model, *, split=None, **how):
    """Batches of the run's source, of its own split where none is named."""
    return data.load(
        options.source,
        model,
        split=split or options.split or "train",
        heads=options.heads,
        attributes=options.attributes,
        fit=options.fit,
        degradation=options.degradation,
        data_dir=options.data_dir,
        manual_dir=options.manual_dir,
        **how,
    )


def first_batch(options, model, size, split=None):
    """The source's first pictures, as they are; those of its own split where none is named."""
    batches = load(
        options,
        model,
        split=split,
        batch_size=size,
        shuffle=False,
        jitter=False,
        drop_remainder=False,
    )
    return next(batches.as_numpy_iterator())


def preview(options, model):
    """Pictures for a translator's sheets."""
    if not translates(model):
        return None
    # A batch holds the pictures of all updates of the discriminator.
    batch = held_out(options, model, _PREVIEWED)
    return tf.nest.map_structure(lambda part: part[:_PREVIEWED], batch)


def held_out(options, model, count):
    """The source's first examples: held out where it has such, else of the run's own split."""
    try:
        return first_batch(options, model, count, split=split_to_measure(options.split))
    except data.NoSuchSplitError:
        return first_batch(options, model, count)


def examples(options, model, count=160):
    """Batches of a run's data for `keras_gans.export.export` to try its files on.

    Args:
        options: `Options`, of a run or made up for a model and its data.
        model: a `keras_gans.GAN`.
        count: how many examples, where the source has so many.

    Returns:
        A list of one batch, held out where the source has such; None for a model that is fed
        with latents, which are drawn.
    """
    return [held_out(options, model, count)] if translates(model) else None


def with_split(options, model):
    """The options with the split to learn from; says what is set aside."""

    def load_split(split):
        return load(options, model, split=split, batch_size=1, shuffle=False, repeat=False)

    split, said = split_to_learn(options.source, load_split)
    if said and distribution.is_chief():
        print(said)
    return dataclasses.replace(options, split=split)


def some_real(options, model):
    """The first pictures of the source; None for translators, whose samples are not compared."""
    if translates(model):
        return None
    # Not from the training's dataset: a pass begun here would change the order of all later ones.
    real = tf.nest.flatten(first_batch(options, model, COMPARED))[0]
    if len(real) > 1 and (real == real[:1]).all():
        warnings.warn(
            f"The first {len(real)} pictures of {options.source} are all the same: there is "
            "nothing to learn from them.",
            stacklevel=2,
        )
    return real
