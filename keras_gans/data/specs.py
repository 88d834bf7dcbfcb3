"""What a model's `batch_spec()` says of its pictures."""

import tensorflow as tf

from keras_gans.core.signature import LabelMap
from keras_gans.data.image_converter import FITS, ImageConverter
from keras_gans.data.label_map_converter import LabelMapConverter


def is_picture(spec):
    """Whether it is a batch of pictures, (N, H, W, C) float."""
    return isinstance(spec, tf.TensorSpec) and spec.shape.rank == 4 and spec.dtype.is_floating


def converter_of(spec, model, fit, role=None):
    """Returns the converter of pictures to this part of the model's batch.

    Args:
        spec: `tf.TensorSpec` (N, H, W, C); of label maps (N, H, W).
        model: named in messages.
        fit: one of `image_converter.FITS`.
        role: of this part, where it may be a `LabelMap`.

    Raises:
        ValueError: for a spec without a size, with channels no picture has, or for a fit that is
            none of these.
    """
    if fit not in FITS:
        raise ValueError(
            f"fit={fit!r} is for models that upscale, such as srresnet; {type(model).__name__} "
            f"learns from whole pictures. Use one of {', '.join(map(repr, FITS))}."
        )
    height, width, *channels = spec.shape[1:]
    if height is None or width is None:
        raise ValueError(
            f"{type(model).__name__} takes pictures of any size, {spec.shape}; a batch needs one. "
            "Build the model with an image_size."
        )
    if isinstance(role, LabelMap):
        return _map_converter(role, model, fit)
    (channels,) = channels
    if channels not in (1, 3):
        argument = f"{spec.name or 'image'}_channels"
        raise ValueError(
            f"Pictures are grey (1 channel) or RGB (3), but {type(model).__name__} is built for "
            f"{channels} channels. Use {argument}=1 or {argument}=3."
        )
    return ImageConverter(height, width, channels, fit)


def _map_converter(role, model, fit):
    if fit == "pad":
        raise ValueError(
            f"fit='pad' puts white around pictures, and white is of no class of the label maps "
            f"that {type(model).__name__} learns from. Use 'crop' or 'stretch'."
        )
    return LabelMapConverter(role.height, role.width, classes=role.classes, fit=fit)
