"""What a network will be fed with: real pictures where it takes such, else draws of its inputs.

Half precision and integers are learned from, and judged by, what users will see; a network that
was calibrated on zeros or noise clips real pictures. Networks that upscale, whose data need not be
at hand, are shown patches of the photographs that ship with the package.
"""

import dataclasses

import numpy as np
import tensorflow as tf

from keras_gans.core import label_maps
from keras_gans.core.signature import inputs_from
from keras_gans.data import photos
from keras_gans.export import parity
from keras_gans.export.formats.base import ExportError

#: Inputs a file of less than float32 is judged by; published comparisons take at least as many.
PROVING = 32
#: Inputs integer ranges are learned from, at most.
CALIBRATING = 128
_SEED = 20171127
# Of what upscales: multiplications that trying a file may take, and the fewest examples of it.
_MOST_WORK, _FEWEST = 10**12, 4


@dataclasses.dataclass(frozen=True)
class Examples:
    """Inputs of one network, `{input name: array}`, and none of them in both.

    Attributes:
        proving: 32 to judge a file by, of which float32 needs a few only; of large networks that
            upscale 4 at least, as each takes seconds.
        calibrating: up to 128 to learn ranges from; of what upscales as many as to judge by.
        real: whether pictures among them came from data.
    """

    proving: dict[str, np.ndarray]
    calibrating: dict[str, np.ndarray]
    real: bool


def collect(model, batches):
    """Inputs of a model's networks out of data.

    Args:
        model: a `keras_gans.GAN`.
        batches: iterable of batches as `model.batch_spec` describes them; None for none.

    Returns:
        `{network: {input name: array}}` of up to 160 examples; of the networks that take
        something that is to be had from data, or from another network, only.
    """
    found: dict[str, dict[str, list]] = {}
    count = 0
    for batch in batches if batches is not None else ():
        for network, inputs in inputs_from(batch, model).items():
            for name, values in inputs.items():
                found.setdefault(network, {}).setdefault(name, []).append(np.asarray(values))
        count += len(tf.nest.flatten(batch)[0])
        if count >= PROVING + CALIBRATING or not found:
            break
    collected = {
        network: {
            name: np.concatenate(arrays)[: PROVING + CALIBRATING] for name, arrays in inputs.items()
        }
        for network, inputs in found.items()
    }
    return {**collected, **model.inputs_between_networks(PROVING + CALIBRATING, _SEED)}


def examples(network, tensors, collected, picture_size=None):
    """Inputs to learn from and to judge by.

    Args:
        network: an `ExportNetwork`.
        tensors: what `GAN.describe_tensors` says of its inputs.
        collected: `{input name: array}`, from data.
        picture_size: (height, width) that suits a network which leaves them free.

    Returns:
        `Examples`.

    Raises:
        ValueError: for pictures that are too few, out of their range, all of one colour, or not
            of the network's channels.
    """
    sides = picture_size or parity.FREE_SIDES
    if network.upscales:
        return _of_upscaling(network, tensors, collected, sides)
    count = PROVING + CALIBRATING
    rng = np.random.default_rng(_SEED)
    inputs, real = {}, False
    for tensor in network.inputs:
        if tensor.name in collected and tensor.kind == "label_map":
            about = tensors[tensor.name]
            inputs[tensor.name] = _label_maps(collected[tensor.name], tensor, about, sides)
            count, real = len(inputs[tensor.name]), True
        elif tensor.name in collected and not tensor.is_picture:
            inputs[tensor.name] = collected[tensor.name]
        elif tensor.name in collected:
            about = tensors[tensor.name]
            inputs[tensor.name] = _checked(collected[tensor.name], network, tensor, about, sides)
            count, real = len(inputs[tensor.name]), True
    for tensor in network.inputs:
        if tensor.name not in inputs:
            inputs[tensor.name] = parity.draw(tensor, tensors.get(tensor.name), count, sides, rng)
    return Examples(
        {name: array[:PROVING] for name, array in inputs.items()},
        {name: array[PROVING:] for name, array in inputs.items()},
        real,
    )


def _label_maps(maps, tensor, about, sides):
    """Label maps (N, H, W) out of data at the size that the network takes."""
    size = tuple(own or free for own, free in zip(tensor.shape[1:], sides, strict=True))
    _check_count(maps)
    maps = label_maps.checked(maps, about["value_range"][1] + 1)
    return np.stack([label_maps.resized(one, size) for one in maps])


def _of_upscaling(network, tensors, collected, sides):
    """`Examples` of a network that enlarges pictures: fewer of them, the larger it is."""
    (tensor,) = network.inputs
    sides = tuple(own or free for own, free in zip(tensor.shape[1:3], sides, strict=True))
    # One multiplication for each weight and pixel, since most layers work at the small size.
    work = network.model.count_params() * sides[0] * sides[1]
    count = int(np.clip(_MOST_WORK // work, _FEWEST, PROVING))
    if tensor.name in collected:
        pictures = _checked(collected[tensor.name], network, tensor, tensors[tensor.name], sides)
        proving, calibrating = pictures[:count], pictures[PROVING : PROVING + count]
    else:
        proving = photographs(count, sides, tensor.shape[-1])
        calibrating = photos.patches("train", count, sides, tensor.shape[-1], _SEED)
    return Examples({tensor.name: proving}, {tensor.name: calibrating}, True)


def photographs(count, sides, channels):
    """Parts of the held-out photographs that ship with the package, for networks that upscale.

    Args:
        count: how many.
        sides: their (height, width).
        channels: 3, or 1 for grey.

    Returns:
        float32 (count, height, width, channels) in [-1, 1].
    """
    return photos.patches("test", count, sides, channels, _SEED)


def check_real(network, given, title, precision):
    """Refuses to learn ranges of pictures from noise.

    Raises:
        ExportError: where the network takes pictures and none came from data.
    """
    taken = [one for one in network.inputs if one.is_picture or one.kind == "label_map"]
    if not given.real and taken:
        raise ExportError(
            f"{title} in {precision} learns its ranges from pictures, and the {network.name} "
            "takes pictures: give `examples`, batches of the data the model was fitted on "
            "(`--data SOURCE`)."
        )


def _check_count(pictures):
    if len(pictures) < 2 * PROVING:
        raise ValueError(
            f"`examples` must hold at least {2 * PROVING} pictures: {PROVING} to judge by, the "
            f"others to learn from. Received: {len(pictures)}."
        )


def _checked(pictures, network, tensor, about, sides):
    low, high = about["value_range"]
    _check_count(pictures)
    if pictures.ndim != 4 or pictures.shape[-1] != tensor.shape[-1]:
        raise ValueError(
            f"`examples` must give {tensor.name!r} as (N, height, width, {tensor.shape[-1]}). "
            f"Received: {pictures.shape}."
        )
    lowest, highest = float(pictures.min()), float(pictures.max())
    # 0.05 for the overshoot of resampling. Nothing dark in 64 pictures: they are from 0 to 1.
    inside = low - 0.05 <= lowest and highest <= high + 0.05
    if not inside or low < 0.0 <= lowest:
        raise ValueError(
            f"`examples` must hold pictures from {low} to {high}. Received: from {lowest:.3g} to "
            f"{highest:.3g}. `keras_gans.data.load` gives the right ones."
        )
    if highest - lowest < 1e-3:
        raise ValueError(f"`examples` are all of one colour, {lowest:.3g}: give real pictures.")
    wanted = [own or free for own, free in zip(tensor.shape[1:3], sides, strict=True)]
    if network.upscales:  # which must see details at their own size
        pictures = photos.extended(pictures, wanted)
    elif pictures.shape[1:3] != tuple(wanted):
        pictures = np.asarray(tf.image.resize(pictures, wanted, "area"))
    return np.clip(pictures, low, high).astype("float32")
