"""Batches of pairs: what models of the task "paired_translation" are trained with.

((N, H, W, C) float, (N, H, W, C') float)       the pairs' first pictures and their second ones
((N, H, W) int32, (N, H, W, C') float)          the same of models that take label maps

A pair travels as one picture of C + C' channels until it is batched, so that whatever is done to
a picture (its place in the order, its crop, its mirroring) is done to both of its halves alike.
"""

import dataclasses

import tensorflow as tf

from keras_gans.core.label_names import check_palette
from keras_gans.data import examples, translation
from keras_gans.data.label_map_converter import LabelMapConverter
from keras_gans.data.sources import PAIRS

#: How pictures are fitted where nothing is said: as the reference does.
FIT = "stretch"


def accepts(model):
    """Whether this model's batches are made here."""
    return translation.accepts(model, paired=True)


def open_batches(request, model):
    """Opens a source for a model.

    Args:
        request: a `loading.Request`.
        model: has `batch_spec()`.

    Returns:
        A function from a request, this one or one of other passes, to the dataset of its batches.

    Raises:
        ValueError: if the source cannot give such batches.
    """
    converters = translation.converters_of(request, model)
    first, second = converters
    if first.shape[:2] != second.shape[:2]:
        raise ValueError(
            f"The two pictures of a pair must be of one size, but {type(model).__name__} is built "
            f"for {first.height} x {first.width} and {second.height} x {second.width} pixels."
        )
    source = request.opened(PAIRS)
    converters = [
        _with_palette(one, side, source, model, request) for side, one in enumerate(converters)
    ]
    found = source.examples([translation.loaded(converter, request) for converter in converters])
    request.check_count(source.name, found.count, model, "pairs")
    request.account.understood += [
        f"Pairs: {found.count} of a picture A and its picture B{_layout(source)}.",
        *translation.understood(request, converters),
    ]

    def finish(batch):
        halves = tf.split(batch["image"], [first.channels, second.channels], axis=-1)
        return tuple(map(_as_batch, halves, converters))

    def batches(request):
        made = found.batches(request.order)
        made = translation.varied(made, found.count, request.order, first, request)
        return request.counted(made.map(finish), found.count)

    return batches


def _with_palette(converter, side, source, model, request):
    """A converter of label maps with the source's palette, which the model is told of too."""
    if not isinstance(converter, LabelMapConverter):
        if source.is_map(side):
            raise ValueError(
                f"{source.name} holds label maps as pictures {'AB'[side]}, but "
                f"{type(model).__name__} learns from pictures of colours there. Use a model such "
                "as spade, or a set of pictures."
            )
        return converter
    palette = source.palette(side, converter.classes)
    if palette is not None:
        check_palette(palette, converter.classes, type(model).__name__)
        request.label_names.update(heads={}, attributes=(), palette=palette.to_json())
    return dataclasses.replace(converter, palette=palette)


def _as_batch(half, converter):
    """One half of pairs, uint8 (N, H, W, C), as the batch has it."""
    if isinstance(converter, LabelMapConverter):
        return tf.cast(half[..., 0], tf.int32)
    return examples.scaled(half)


def _layout(source):
    """How a source's pairs lie, where it has more than one way."""
    return f", {source.layout}" if source.layout else ""
