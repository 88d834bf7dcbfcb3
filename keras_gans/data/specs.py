"""What a model's `batch_spec()` says of its pictures."""

import tensorflow as tf

from keras_gans.data.image_converter import FITS, ImageConverter


def is_picture(spec):
    """Whether it is a batch of pictures, (N, H, W, C) float."""
    return isinstance(spec, tf.TensorSpec) and spec.shape.rank == 4 and spec.dtype.is_floating


def converter_of(spec, model, fit):
    """Returns the converter of pictures to this part of the model's batch.

    Args:
        spec: `tf.TensorSpec` (N, H, W, C).
        model: named in messages.
        fit: one of `image_converter.FITS`.

    Raises:
        ValueError: for a spec without a size, with channels no picture has, or for a fit that is
            none of these.
    """
    if fit not in FITS:
        raise ValueError(
            f"fit={fit!r} is for models that upscale, such as srresnet; {type(model).__name__} "
            f"learns from whole pictures. Use one of {', '.join(map(repr, FITS))}."
        )
    height, width, channels = spec.shape[1:]
    if height is None or width is None:
        raise ValueError(
            f"{type(model).__name__} takes pictures of any size, {spec.shape}; a batch needs one. "
            "Build the model with an image_size."
        )
    if channels not in (1, 3):
        argument = f"{spec.name or 'image'}_channels"
        raise ValueError(
            f"Pictures are grey (1 channel) or RGB (3), but {type(model).__name__} is built for "
            f"{channels} channels. Use {argument}=1 or {argument}=3."
        )
    return ImageConverter(height, width, channels, fit)
