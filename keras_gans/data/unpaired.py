"""Batches of two domains: what models of the task "unpaired_translation" are trained with.

((N, H, W, C) float, (N, H', W', C') float)     pictures of domain A and pictures of domain B

Each domain has an order, crops and mirrorings of its own. An epoch shows every picture of the
larger domain once; the smaller one starts over, each time in another order.
"""

import dataclasses

import tensorflow as tf

from keras_gans.data import examples, translation
from keras_gans.data.sources import DOMAINS

#: How pictures are fitted where nothing is said: as the reference does.
FIT = "stretch"


def accepts(model):
    """Whether this model's batches are made here."""
    return translation.accepts(model, paired=False)


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
    source = request.opened(DOMAINS)
    found = [
        domain.examples(translation.loaded(converter, request), labelled=False)
        for domain, converter in zip(source.domains, converters, strict=True)
    ]
    length = (max if request.repeat else min)(domain.count for domain in found)
    which = "larger" if request.repeat else "smaller"
    request.check_count(f"The {which} domain of {source.name}", length, model)
    request.account.understood += [
        _understood([domain.count for domain in found], source.aligned, request.repeat),
        *translation.understood(request, converters),
    ]

    def batches(request):
        orders = _orders(request, source, length)
        made = [
            _batches(domain, order, converter, request)
            for domain, order, converter in zip(found, orders, converters, strict=True)
        ]
        return request.counted(tf.data.Dataset.zip(*made), length)

    return batches


def _understood(counts, aligned, repeat):
    """Says how the two domains go together, and how many pictures each has."""
    a, b = counts
    if aligned:
        return f"Two domains that belong together row by row: {a} pictures of A and {b} of B."
    told = f"Two domains without pairs: {a} pictures of A, {b} of B."
    if a == b:
        return told
    smaller, larger = ("B", "A") if a > b else ("A", "B")
    if repeat:
        return f"{told} An epoch shows all of {larger}; {smaller} starts over until then."
    return f"{told} An epoch ends with {smaller}."


def _orders(request, source, length):
    """The orders of the two domains; one and the same where their pictures belong together."""
    first, second = (request.order.of_domain(number, length) for number in range(2))
    if not source.aligned:
        return first, second
    # They are there for measuring: in the source's order, unless another is asked for.
    shared = dataclasses.replace(first, shuffle=bool(request.shuffle))
    return shared, shared


def _batches(domain, order, converter, request):
    batches = domain.batches(order)
    batches = translation.varied(batches, domain.count, order, converter, request)
    return batches.map(lambda batch: examples.scaled(batch["image"]))
