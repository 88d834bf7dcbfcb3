"""Batches of clips: what models that keep a state from frame to frame are trained with.

((N, T, H, W, C) float, (N, T, H, W, 3) float, (N, T, H, W, C') float)

The frames to translate, the flow back to the frame before and the true frames; see
`core.signature.Flow` for the units of the flow.
"""

import numpy as np
import tensorflow as tf

from keras_gans.core.signature import takes_clips
from keras_gans.data import examples
from keras_gans.data.image_converter import ImageConverter
from keras_gans.data.sources import CLIPS

#: How frames are fitted where nothing is said: so that the flow stays what it is.
FIT = "stretch"


def accepts(model):
    """Whether this model's batches are made here."""
    return takes_clips(model)


def open_batches(request, model):
    """Opens a source for a model.

    Args:
        request: a `loading.Request`.
        model: has `batch_spec()`.

    Returns:
        A function from a request, this one or one of other passes, to the dataset of its batches.

    Raises:
        ValueError: if the source cannot give such batches, or for changes of frames that would
            have to change the flow with them.
    """
    _refuse_changes(request, model)
    specs = model.batch_spec()
    source = request.opened(CLIPS)
    request.check_count(source.name, source.count, model, "clips")
    _, frames, height, width, _ = specs[0].shape
    request.account.understood += [
        f"Pairs of clips: {source.count}, of which {frames} frames are seen.",
        f"Frames are squeezed to {height} x {width} pixels.",
    ]

    def read(which):
        made = source.clips(which, frames)
        flows = [_shares(flow, height, width) for flow in made.flows]
        sources, targets = _fitted(made.sources, specs[0]), _fitted(made.targets, specs[2])
        return sources, np.stack(flows), targets

    def batch(which):
        parts = tf.numpy_function(read, [which], [tf.uint8, tf.float32, tf.uint8])
        parts = [
            tf.ensure_shape(part, (which.shape[0], *spec.shape[1:]))
            for part, spec in zip(parts, specs, strict=True)
        ]
        return examples.scaled(parts[0]), parts[1], examples.scaled(parts[2])

    def batches(request):
        order = examples.index_batches(source.count, request.order)
        return request.counted(order.map(batch, num_parallel_calls=2), source.count)

    return batches


def _refuse_changes(request, model):
    if request.flip or request.jitter:
        raise ValueError(
            "`flip` and `jitter` change single pictures, and the flow of a clip would no longer be "
            "true. Leave them out (--no-flip, --no-jitter)."
        )
    if request.fit != FIT:
        raise ValueError(
            f"fit={request.fit!r} cuts or pads pictures; frames of clips for "
            f"{type(model).__name__} are fitted by 'stretch' only. Leave `fit` out."
        )


def _fitted(clips, spec):
    """Clips (N, T, h, w, 3) at the size and with the channels of a batch."""
    height, width, channels = spec.shape[2:]
    converter = ImageConverter(height, width, channels, FIT)
    return np.stack([[converter.from_array(frame) for frame in clip] for clip in clips])


def _shares(flow, height, width):
    """A flow (T, h, w, 3) in pixels, at another size and in shares of it."""
    tall, wide = flow.shape[1:3]
    rows = (np.arange(height) * 2 + 1) * tall // (2 * height)
    columns = (np.arange(width) * 2 + 1) * wide // (2 * width)
    shares = flow[:, rows][:, :, columns] / np.array([wide, tall, 1], "float32")
    return np.clip(shares, -1, 1).astype("float32")
