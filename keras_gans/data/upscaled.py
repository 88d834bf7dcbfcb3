"""Batches of small pictures and the large ones they come from: what upscalers are trained with.

((N, H / s, W / s, C) float, (N, H, W, C) float)

Any source of pictures will do: each is fitted to the large size, varied there, and made smaller by
an antialiased bicubic filter, to 256 levels like any picture that was saved.
"""

import tensorflow as tf

from keras_gans.core.signature import domains, images_of
from keras_gans.data import examples, translation
from keras_gans.data.sources import PICTURES
from keras_gans.data.specs import converter_of

#: How pictures are fitted where nothing is said: a stretched photograph has no true details.
FIT = "crop"


def accepts(model):
    """Whether this model's batches are made here."""
    images = images_of(model)
    enlarged = any(role.scale > 1 for role in images.values())
    return enlarged and len(model.batch_roles()) == len(images) == 2 and not domains(model)


def open_batches(request, model):
    """Opens a source for a model.

    Args:
        request: a `loading.Request`.
        model: has `batch_roles()`, one of them with a `scale`.

    Returns:
        A function from a request, this one or one of other passes, to the dataset of its batches.

    Raises:
        ValueError: if the source cannot give such batches.
    """
    roles = list(images_of(model).values())
    large = next(role for role in roles if role.scale > 1)
    converter = converter_of(large.spec(None, "target"), model, request.fit)
    source = request.opened(PICTURES)
    found = source.examples(translation.loaded(converter, request), None)
    request.check_count(source.name, found.count, model)
    sides = (converter.height // large.scale, converter.width // large.scale)

    def finish(batch):
        pair = (examples.scaled(_reduced(batch["image"], sides)), examples.scaled(batch["image"]))
        return pair if roles[1] is large else pair[::-1]

    def batches(request):
        made = found.batches(request.order)
        made = translation.varied(made, found.count, request.order, converter, request)
        return request.counted(made.map(finish), found.count)

    return batches


def _reduced(images, sides):
    """Pictures of 256 levels, smaller."""
    small = tf.image.resize(images, sides, method="bicubic", antialias=True)
    return tf.cast(tf.clip_by_value(tf.round(small), 0.0, 255.0), tf.uint8)
