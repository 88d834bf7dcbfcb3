"""What paired and unpaired batches have in common: two pictures, and the papers' jitter."""

import dataclasses

from keras_gans.core.signature import domains, images_of
from keras_gans.data import examples
from keras_gans.data.specs import frame_of

# Pictures are scaled to 286 pixels and 256 of them are seen, or as much in proportion.
_SCALED, _SEEN = 286, 256


def accepts(model, *, paired):
    """Whether the model learns from two pictures, that belong together (paired) or do not."""
    roles = model.batch_roles()
    images = images_of(model)
    return len(roles) == len(images) == 2 and (not domains(model)) == paired


def frames_of(request, model):
    """The frames of the model's two pictures.

    Raises:
        ValueError: for a size or channels no pictures have.
    """
    return tuple(frame_of(spec, model, request.fit) for spec in model.batch_spec())


def loaded(frame, request):
    """The frame pictures are kept in before they vary: larger than `frame` where they jitter."""
    if not _is_jittered(request):
        return frame
    height, width = (round(side * _SCALED / _SEEN) for side in (frame.height, frame.width))
    return dataclasses.replace(frame, height=height, width=width)


def varied(batches, count, order, frame, request):
    """Pictures of `loaded(frame, request)` as the model sees them in this pass.

    Args:
        batches: dataset of `{"image": (N, H, W, C)}`.
        count: pictures in the source.
        order: the order the batches are in.
        frame: what the model sees.
        request: a `loading.Request`.
    """
    jittered = _is_jittered(request)
    if jittered:
        batches = examples.cropped(batches, count, order, frame.height, frame.width)
    if jittered or request.flip:
        batches = examples.flipped(batches, count, order)
    return batches


def _is_jittered(request):
    if request.jitter is None:
        return str(request.split).startswith("train")
    return request.jitter
