"""Batches of pairs: what models of the task "paired_translation" are trained with.

((N, H, W, C) float, (N, H, W, C') float)       the pairs' first pictures and their second ones

A pair travels as one picture of C + C' channels until it is batched, so that whatever is done to
a picture (its place in the order, its crop, its mirroring) is done to both of its halves alike.
"""

import tensorflow as tf

from keras_gans.data import examples, translation
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
    found = source.examples([translation.loaded(converter, request) for converter in converters])
    request.check_count(source.name, found.count, model, "pairs")
    request.account.understood += [
        f"Pairs: {found.count} of a picture A and its picture B{_layout(source)}.",
        *translation.understood(request, converters),
    ]

    def finish(batch):
        pair = examples.scaled(batch["image"])
        return tuple(tf.split(pair, [first.channels, second.channels], axis=-1))

    def batches(request):
        made = found.batches(request.order)
        made = translation.varied(made, found.count, request.order, first, request)
        return request.counted(made.map(finish), found.count)

    return batches


def _layout(source):
    """How a source's pairs lie, where it has more than one way."""
    return f", {source.layout}" if source.layout else ""
