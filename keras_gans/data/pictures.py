"""Batches of pictures, alone or with their labels: what most models are trained with.

(N, H, W, C) float                          the pictures
((N, H, W, C) float, (N,) integer)          the pictures and the numbers of their classes
"""

import numpy as np
import tensorflow as tf

from keras_gans.data import examples
from keras_gans.data.sources import open_source
from keras_gans.data.specs import frame_of, is_picture

#: How pictures are fitted where nothing is said.
FIT = "crop"


def accepts(model):
    """Whether this model's batches are made here."""
    spec = model.batch_spec()
    return is_picture(spec) or _has_labels(spec)


def load(request, model):
    """The batches a model wants, from one source.

    Args:
        request: a `loading.Request`.
        model: has `batch_spec()` and, where that has labels, `num_classes`.

    Raises:
        ValueError: if the source cannot give such batches.
    """
    spec = model.batch_spec()
    labelled = _has_labels(spec)
    if request.jitter:
        raise ValueError(
            "`jitter` scales, crops and mirrors the pictures translators learn from; "
            f"{type(model).__name__} makes pictures as it is shown them. Use flip=True to mirror "
            "them, or leave `jitter` out."
        )
    frame = frame_of(spec[0] if labelled else spec, model, request.fit)
    source = open_source(
        request.source, request.split, data_dir=request.data_dir, manual_dir=request.manual_dir
    )
    num_classes = getattr(model, "num_classes", None)
    if labelled:
        _check_classes(source, model, num_classes)
    found = source.examples(frame, labelled)
    if labelled and found.labels is not None:
        _check_labels(source, found.labels, num_classes)
    request.check_count(source.name, found.count, model)

    batches = found.batches(request.order)
    if request.flip:
        batches = examples.flipped(batches, found.count, request.order)

    def finish(batch):
        image = examples.scaled(batch["image"])
        if not labelled:
            return image
        label = batch["label"]
        if found.labels is None and num_classes is not None:
            label = _checked_while_reading(label, source, num_classes)
        return image, label

    return request.counted(batches.map(finish), found.count)


def _is_label(spec):
    return isinstance(spec, tf.TensorSpec) and spec.shape.rank == 1 and spec.dtype.is_integer


def _has_labels(spec):
    return isinstance(spec, tuple) and len(spec) == 2 and is_picture(spec[0]) and _is_label(spec[1])


def _check_classes(source, model, num_classes):
    if source.class_names is None:
        raise ValueError(
            f"{source.name} has no labels ({source.why_unlabelled}), but {type(model).__name__} "
            "learns classes. Use a source with labels or an unconditional model."
        )
    found = len(source.class_names)
    if num_classes is not None and found != num_classes:
        classes = "class" if found == 1 else "classes"
        raise ValueError(
            f"{source.name} has {found} {classes}, but the model is built for "
            f"num_classes={num_classes}. Use zoo.get(..., num_classes={found})."
        )


def _check_labels(source, labels, num_classes):
    if num_classes is None or not len(labels):
        return
    low, high = int(np.min(labels)), int(np.max(labels))
    if low < 0 or high >= num_classes:
        raise ValueError(_outside(source, num_classes, f"from {low} to {high}"))


def _checked_while_reading(label, source, num_classes):
    inside = tf.reduce_all((label >= 0) & (label < num_classes))
    message = _outside(source, num_classes, "others")
    with tf.control_dependencies([tf.debugging.Assert(inside, [message, label])]):
        return tf.identity(label)


def _outside(source, num_classes, found):
    return (
        f"{source.name}: labels must be from 0 to {num_classes - 1}, because "
        f"num_classes={num_classes}. Found labels {found} in this split; it may be one that is "
        "published without its labels. Use another split."
    )
