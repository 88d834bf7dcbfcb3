"""Batches of small pictures and the large ones they come from: what upscalers are trained with.

((N, H / s, W / s, C) float, (N, H, W, C) float)

The large pictures are patches of photographs at their own resolution (`patches.py`) or, of sources
that have no photographs, whole pictures fitted to the model's size. The small ones are made of them
while training: by an antialiased bicubic filter, or as `degradations.py` spoils them, as the
`degradation` of the model's small picture says. They have 256 levels like any picture that was
saved.
"""

import tensorflow as tf

from keras_gans.core.signature import domains, images_of
from keras_gans.data import degradations, examples, translation
from keras_gans.data.patches import Patches
from keras_gans.data.sources import PICTURES
from keras_gans.data.specs import converter_of

#: The fit that cuts patches out of photographs.
PATCHES = "patches"
#: How pictures are fitted where nothing is said: as the source has it, see `_opened`.
FIT = None


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
    small = next(role for role in roles if role is not large)
    degradation = degradations.named(request.degradation or small.degradation)
    source = request.opened(PICTURES)
    count, numbered = _opened(source, request, large, model)
    varied = translation.is_jittered(request)

    def finish(batch):
        pair = (examples.scaled(batch["small"]), examples.scaled(batch["image"]))
        return pair if roles[1] is large else pair[::-1]

    @tf.function  # traced once for the datasets of all passes, which takes seconds
    def reduced(batch):
        images = batch["image"]
        sides = (images.shape[1] // large.scale, images.shape[2] // large.scale)
        if degradation is None:
            return {**batch, "small": _bicubic(images, sides)}
        small = degradations.degrade(examples.scaled(images), batch["seeds"], sides, degradation)
        return {**batch, "small": small}

    def batches(request):
        made = numbered(request)
        if varied:
            seeds = examples.drawn_seeds(count, request.order)
            made = tf.data.Dataset.zip(made, seeds)
            made = made.map(lambda batch, seeds: {**batch, "seeds": seeds})
        else:  # held-out pictures are degraded alike, whenever and whoever measures
            made = made.map(lambda b: {**b, "seeds": tf.stack([b["number"]] * 2, axis=1)})
        # A picture of a batch at a time; several batches at once, in their order.
        made = made.map(reduced, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        return request.counted(made.map(finish), count)

    return batches


def _opened(source, request, large, model):
    """How many large pictures there are, and a function from a request to their dataset.

    Its elements are `{"image": uint8 (N, H, W, C), "number": int64 (N,)}`.
    """
    varied = translation.is_jittered(request)
    fit = request.fit or (PATCHES if source.has_photographs else "crop")
    converter = converter_of(large.spec(None, "target"), model, "crop" if fit == PATCHES else fit)
    if fit == PATCHES:
        if not source.has_photographs:
            raise ValueError(
                f"fit={PATCHES!r} cuts squares out of photographs; {source.name} holds small "
                "pictures. Use 'folder:PATH', 'bundled:photos', or fit='crop'."
            )
        found = Patches(source.photographs(*converter.shape), *converter.shape)
        request.check_count(source.name, found.count, model, "patches")

        def patches(request):
            made = found.batches(request.order, varied)
            if request.flip and not varied:
                made = examples.flipped(made, found.count, request.order)
            return made

        return found.count, patches
    whole = source.examples(translation.loaded(converter, request), None)
    request.check_count(source.name, whole.count, model)

    def fitted(request):
        made = whole.batches(request.order)
        made = translation.varied(made, whole.count, request.order, converter, request)
        numbers = examples.index_batches(whole.count, request.order)
        made = tf.data.Dataset.zip(made, numbers)
        return made.map(lambda batch, numbers: {**batch, "number": numbers})

    return whole.count, fitted


def _bicubic(images, sides):
    """Pictures of 256 levels, smaller."""
    small = tf.image.resize(images, sides, method="bicubic", antialias=True)
    return tf.cast(tf.clip_by_value(tf.round(small), 0.0, 255.0), tf.uint8)
