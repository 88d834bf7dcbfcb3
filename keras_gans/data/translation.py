"""What paired and unpaired batches have in common: two pictures, and the papers' jitter."""

import dataclasses

from keras_gans.core.signature import domains, images_of
from keras_gans.data import examples
from keras_gans.data.specs import converter_of

# Pictures are scaled to 286 pixels and 256 of them are seen, or as much in proportion.
_SCALED, _SEEN = 286, 256


def accepts(model, *, paired):
    """Whether the model learns from two pictures, that belong together (paired) or do not."""
    roles = model.batch_roles()
    images = images_of(model)
    return len(roles) == len(images) == 2 and (not domains(model)) == paired


def converters_of(request, model):
    """Returns the converters of the model's two pictures.

    Raises:
        ValueError: for a size or channels no pictures have.
    """
    return tuple(converter_of(spec, model, request.fit) for spec in model.batch_spec())


def loaded(converter, request):
    """Returns the converter to the size pictures are kept at: larger if they jitter."""
    if not is_jittered(request):
        return converter
    height, width = (round(side * _SCALED / _SEEN) for side in (converter.height, converter.width))
    return dataclasses.replace(converter, height=height, width=width)


def varied(batches, count, order, converter, request):
    """Pictures of `loaded(converter, request)` as the model sees them in this pass.

    Args:
        batches: dataset of `{"image": (N, H, W, C)}`.
        count: pictures in the source.
        order: the order the batches are in.
        converter: to what the model sees.
        request: a `loading.Request`.
    """
    jittered = is_jittered(request)
    if jittered:
        batches = examples.cropped(batches, count, order, converter.height, converter.width)
    if jittered or request.flip:
        batches = examples.flipped(batches, count, order)
    return batches


def is_jittered(request):
    """Whether pictures vary from pass to pass: where nothing is said, in training."""
    if request.jitter is None:
        return str(request.split).startswith("train")
    return request.jitter
