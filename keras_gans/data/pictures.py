"""Batches of pictures, alone or with their labels: what most models are trained with.

(N, H, W, C) float                          the pictures
((N, H, W, C) float, (N,) integer)          the pictures and the numbers of their classes
((N, H, W, C) float, (N, columns) integer)  the same for several heads and for attributes
"""

import tensorflow as tf

from keras_gans.core.label_names import counted
from keras_gans.core.signature import Image, Labels
from keras_gans.data import examples, labels
from keras_gans.data.sources import PICTURES
from keras_gans.data.specs import converter_of

#: How pictures are fitted where nothing is said.
FIT = "crop"


def accepts(model):
    """Whether this model's batches are made here."""
    roles = list(model.batch_roles().values())
    return isinstance(roles[0], Image) and all(isinstance(role, Labels) for role in roles[1:])


def open_batches(request, model):
    """Opens a source for a model.

    Args:
        request: a `loading.Request`.
        model: has `batch_spec()` and, where that has labels, `num_classes` or `num_attributes`.

    Returns:
        A function from a request, this one or one of other passes, to the dataset of its batches.

    Raises:
        ValueError: if the source cannot give such batches.
    """
    spec = model.batch_spec()
    labelled = labels.of_model(model) is not None
    if request.jitter:
        raise ValueError(
            "`jitter` scales, crops and mirrors the pictures translators learn from; "
            f"{type(model).__name__} makes pictures as it is shown them. Use flip=True to mirror "
            "them, or leave `jitter` out."
        )
    converter = converter_of(spec[0] if labelled else spec, model, request.fit)
    source = request.opened(PICTURES)
    columns = None
    if labelled:
        columns = labels.chosen(source, model, request.heads, request.attributes)
        request.label_names.update(heads=columns.heads, attributes=columns.attributes)
    found = source.examples(converter, columns)
    if columns and found.labels is not None:
        _check_labels(source, found.labels, columns)
        request.label_names.update(counted(columns.conditions, found.labels))
    request.check_count(source.name, found.count, model)

    def finish(batch):
        image = examples.scaled(batch["image"])
        if columns is None:
            return image
        label = batch["label"]
        if found.labels is None:
            label = _checked_while_reading(label, source, columns)
        return image, label

    def batches(request):
        made = found.batches(request.order)
        if request.flip:
            made = examples.flipped(made, found.count, request.order)
        return request.counted(made.map(finish), found.count)

    return batches


def _check_labels(source, labels, columns):
    if problem := columns.problem(labels):
        raise ValueError(f"{source.name}: {problem}")


def _checked_while_reading(label, source, columns):
    limits = columns.conditions.limits if label.shape.rank == 2 else columns.conditions.limits[0]
    inside = tf.reduce_all((label >= 0) & (label < tf.constant(limits)))
    message = f"{source.name}: {columns.rule(columns.names[0], 'others')}"
    with tf.control_dependencies([tf.debugging.Assert(inside, [message, label])]):
        return tf.identity(label)
