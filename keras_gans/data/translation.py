"""What paired and unpaired batches have in common: two pictures, and the papers' jitter."""

import dataclasses

from keras_gans.core.signature import domains, images_of
from keras_gans.data import examples
from keras_gans.data.label_map_converter import LabelMapConverter
from keras_gans.data.specs import converter_of
from keras_gans.utils.text import plain_line

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
    parts = zip(model.batch_spec(), model.batch_roles().values(), strict=True)
    return tuple(converter_of(spec, model, request.fit, role) for spec, role in parts)


def loaded(converter, request):
    """Returns the converter to the size pictures are kept at: larger if they jitter."""
    if not is_jittered(request):
        return converter
    height, width = (round(side * _SCALED / _SEEN) for side in (converter.height, converter.width))
    return dataclasses.replace(converter, height=height, width=width)


_FITTED = {
    "stretch": "squeezed to",
    "crop": "scaled to cover, and cropped to,",
    "pad": "scaled to fit into, and padded with white to,",
}


def understood(request, converters):
    """Says in sentences how the two pictures of an example come to the size of the model."""
    kept = [loaded(converter, request) for converter in converters]
    sizes = dict.fromkeys(_sides(one) for one in kept)
    told = [f"Pictures are {_FITTED[request.fit]} {' and '.join(sizes)} pixels."]
    if is_jittered(request):
        seen = dict.fromkeys(_sides(one) for one in converters)
        told.append(
            f"Each time {' and '.join(seen)} of them are seen, at a random place, and half of "
            "them mirrored."
        )
    elif request.flip:
        told.append("Half of them are mirrored each time.")
    sides = list(zip("AB", converters, strict=True))
    for name, one in sides:
        if isinstance(one, LabelMapConverter):
            told.append(_map_in_words(name, one))
    grey = [
        name for name, one in sides if one.channels == 1 and not isinstance(one, LabelMapConverter)
    ]
    if grey:
        told.append(f"Those of {' and '.join(grey)} are seen in grey.")
    return told


def _map_in_words(name, converter):
    palette = converter.palette
    by = "by their grey values" if palette is None else "by their colours or grey values"
    named = f": {plain_line(', '.join(palette.names))}" if palette and palette.names else ""
    return f"Those of {name} are label maps of {converter.classes} classes, {by}{named}."


def _sides(converter):
    return f"{converter.height} x {converter.width}"


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
