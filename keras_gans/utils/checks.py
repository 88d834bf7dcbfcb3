"""What batches and arguments must be; what is not is refused with what to do."""

import math
import numbers

import numpy as np
import tensorflow as tf

#: What TensorFlow's shapes hold.
LARGEST = 2**31 - 1


def check_structure(batch, spec):
    """Compares structure, dtypes and shapes of a batch (tensors or their specs) with `spec`.

    Raises:
        ValueError: what came, what was expected, what to do.
    """
    try:
        tf.nest.assert_same_structure(batch, spec)
    except (TypeError, ValueError):
        raise ValueError(
            f"A batch must be {_describe(spec)}. Received: {_describe(batch)}. "
            "`keras_gans.data.load(source, model)` makes such batches."
        ) from None
    for came, expected in zip(tf.nest.flatten(batch), tf.nest.flatten(spec), strict=True):
        if expected.dtype.is_floating and tf.as_dtype(came.dtype) == tf.uint8:
            raise ValueError(
                "Pictures must be float32 in [-1, 1]. Received: uint8, which holds 0 to 255. "
                "Use `images / 127.5 - 1`, as float32."
            )
        same_kind = tf.as_dtype(came.dtype).is_floating == expected.dtype.is_floating
        if not same_kind or not expected.shape.is_compatible_with(tf.TensorShape(came.shape)):
            raise ValueError(
                f"A batch must be {_describe(spec)}. Received: {_describe(batch)}."
                f"{_channels_advice(came.shape, expected.shape)}"
            )


def _channels_advice(came, expected):
    """What to do with pictures whose channels come first; nothing of others."""
    came, expected = tf.TensorShape(came), tf.TensorShape(expected)
    if came.rank != 4 or expected.rank != 4:
        return ""
    height, width, channels = expected[1:]
    if not tf.TensorShape([channels, height, width]).is_compatible_with(came[1:]):
        return ""
    return (
        " Pictures are channels-last (NHWC): use `np.transpose(images, (0, 2, 3, 1))`, or "
        "`tf.transpose`."
    )


def check_shares(batch_size, discriminator_steps, packing=1):
    """Refuses a batch size that cannot be shared out among D's updates, and packed in each."""
    if batch_size is None:
        return
    if batch_size % discriminator_steps:
        raise ValueError(
            f"A batch is shared out among discriminator_steps={discriminator_steps} updates, so "
            f"its size must be a multiple of {discriminator_steps}. Received: {batch_size}."
        )
    share = batch_size // discriminator_steps
    if share % packing:
        raise ValueError(
            f"The discriminator judges packing={packing} images at once, so each of its updates "
            f"takes a multiple of {packing} images. Received: {share}."
        )


def check_pictures(images):
    """Refuses pictures that are not in [-1, 1]; naming the scale they seem to have."""
    if not images.size:
        raise ValueError(f"There are no pictures: an array of shape {images.shape} came.")
    low, high = float(images.min()), float(images.max())
    if not np.isfinite([low, high]).all():
        raise ValueError("Pictures must be finite. Received NaN or infinite values.")
    if low >= -1.001 and high <= 1.001:
        return
    fix = "Scale them to [-1, 1]."
    if low >= -1.001 and 2 < high <= 255:
        fix = "They look like 0 to 255: use `images / 127.5 - 1`."
    raise ValueError(
        f"Pictures must be in [-1, 1]. Received values from {low:g} to {high:g}. {fix}"
    )


def check_flow(flow):
    """Refuses a flow that is not in shares of the frame, or not finite."""
    if not flow.size or np.abs(flow).max() <= 1.001:  # which NaN is not
        return
    raise ValueError(
        "Flow must be in [-1, 1]: across as a share of the width, down as a share of the height, "
        f"then 1 where it is sure and 0 elsewhere. Received values from {float(flow.min()):g} to "
        f"{float(flow.max()):g}. Divide a flow in pixels by the width and the height."
    )


def check_range_of_set(images, whole):
    """Refuses pictures in [0, 1], as they come of a division by 255, for ones in [-1, 1].

    A set without one value below middle grey is next to none. A batch of fewer than four pictures
    may be: of these only such are refused whose values are those of bytes divided by 255. Bytes
    brought to [-1, 1] are odd multiples of 1 / 255.

    Args:
        images: pictures in [-1, 1].
        whole: whether they are all there are.

    Raises:
        ValueError: what came, what to do.
    """
    low, high = float(images.min()), float(images.max())
    if low < 0 or high == low:
        return
    if not whole and len(images) < 4 and not _are_bytes_by_255(images):
        return
    raise ValueError(
        f"Pictures must be in [-1, 1]. Received values from {low:g} to {high:g}, which look like "
        "pictures in [0, 1]: use `images * 2 - 1`."
    )


def _are_bytes_by_255(images):
    steps = np.asarray(images, np.float64) * 255
    rounded = np.round(steps)
    return bool((np.abs(steps - rounded) < 1e-3).all() and (rounded % 2 == 0).any())


def check_positive(name, value, least=1):
    """Refuses what is not a whole number of at least `least`, or too large for a shape."""
    if is_whole(value) and least <= value <= LARGEST:
        return
    too_large = is_whole(value) and value > LARGEST
    bound = f"at most {LARGEST}" if too_large else f"at least {least}"
    raise ValueError(f"`{name}` must be a whole number of {bound}. Received: {value!r}")


def check_multiple(name, value, divisor, reason, least=1):
    """Refuses what is not a multiple of `divisor`; names the next that is."""
    if not is_whole(value):
        raise ValueError(f"`{name}` must be a whole number. Received: {value!r}")
    if value >= least and value % divisor == 0:
        return
    lowest = -(-least // divisor) * divisor
    upper = max(-(-int(value) // divisor) * divisor, lowest)
    from_there = f", {lowest} at least" if value < lowest else ""
    raise ValueError(
        f"`{name}` must be a multiple of {divisor}{from_there}, because {reason}. Received: "
        f"{value!r}; the next that works is {upper}."
    )


def check_doublings(image_size, least, reason):
    """How a side comes from one of 4 to 7 pixels by doubling.

    Args:
        image_size: the side, in pixels.
        least: doublings there must be.
        reason: why it must come so.

    Returns:
        The side it comes from, and the doublings.

    Raises:
        ValueError: for a side that does not come so, with the next that does.
    """
    start, doublings = image_size, 0
    while start > 7 and start % 2 == 0:
        start, doublings = start // 2, doublings + 1
    if 4 <= start <= 7 and doublings >= least:
        return start, doublings
    close = max(least, (image_size // 8).bit_length())
    sides = [first * 2**n for first in (4, 5, 6, 7) for n in (close, close + 1)]
    raise ValueError(
        f"`image_size` must be 4, 5, 6 or 7 times a power of two and at least {4 * 2**least}, "
        f"because {reason}. Received: image_size={image_size}; the next that works is "
        f"{min(side for side in sides if side > image_size)}."
    )


def check_length(name, values, length):
    """Refuses another number of values."""
    if len(values) != length:
        raise ValueError(f"`{name}` must be {length} numbers. Received: {values!r}")


def check_share(name, value):
    """Refuses what is no share: a number from 0 to below 1."""
    if not is_number(value) or not 0 <= value < 1:
        raise ValueError(f"`{name}` must be from 0 to below 1. Received: {value!r}")


def check_weight(name, value):
    """Refuses what is not a finite number of at least 0."""
    if not is_number(value) or value < 0:
        raise ValueError(f"`{name}` must be a finite number of at least 0. Received: {value!r}")


#: Ends of the names of arguments that are sizes of something, of which there is one at least.
_SIZES = ("image_size", "channels", "latent_dim", "filters", "units", "widths")


def check_like(name, value, default):
    """Refuses a value of another kind than an argument's default.

    Args:
        name: of the argument.
        value: given.
        default: a bool, a whole number, a number, a string or numbers in a tuple; of anything else
            nothing is said.

    Raises:
        ValueError: what came, what was expected.
    """
    if isinstance(default, bool) and not isinstance(value, bool):
        raise ValueError(f"`{name}` must be True or False. Received: {value!r}")
    if is_whole(default):
        _check_whole(name, value)
    elif isinstance(default, float) and not is_number(value):
        raise ValueError(f"`{name}` must be a finite number. Received: {value!r}")
    elif isinstance(default, str) and not isinstance(value, str):
        raise ValueError(f"`{name}` must be a word, such as {default!r}. Received: {value!r}")
    elif isinstance(default, tuple) and default and all(map(is_whole, default)):
        if not isinstance(value, (tuple, list)) or not value:
            raise ValueError(f"`{name}` must be numbers, such as {default}. Received: {value!r}")
        for number in value:
            _check_whole(name, number)
    elif isinstance(default, tuple) and default and all(map(is_number, default)):
        if not isinstance(value, (tuple, list)) or not value or not all(map(is_number, value)):
            raise ValueError(
                f"`{name}` must be finite numbers, such as {default}. Received: {value!r}"
            )
    elif isinstance(default, tuple) and default:
        words = value if isinstance(value, (tuple, list)) else (value,)
        if not all(isinstance(word, str) for word in words):
            raise ValueError(f"`{name}` must be words, such as {default}. Received: {value!r}")


def _check_whole(name, value):
    if name == "image_size" and isinstance(value, (tuple, list)):
        raise ValueError(
            "`image_size` must be one side, such as 64, as pictures are square here. "
            f"Received: {value}"
        )
    check_positive(name, value, least=1 if name.endswith(_SIZES) else 0)


def check_choice(name, value, choices):
    """Refuses a value that is not one of `choices`."""
    if value not in choices:
        raise ValueError(f"`{name}` must be one of {sorted(choices, key=str)}. Received: {value!r}")


def is_whole(value):
    """Whether it is a whole number, Python's or NumPy's."""
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def is_number(value):
    """Whether it is a finite real number, Python's or NumPy's."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool) and math.isfinite(value)


def _describe(structure):
    if isinstance(structure, (tuple, list)):
        return f"({', '.join(_describe(part) for part in structure)})"
    if isinstance(structure, dict):
        return f"{{{', '.join(f'{key}: {_describe(part)}' for key, part in structure.items())}}}"
    if not hasattr(structure, "shape"):
        return type(structure).__name__
    shape = ", ".join("any" if size is None else str(size) for size in structure.shape)
    return f"{tf.as_dtype(structure.dtype).name}[{shape}]"
