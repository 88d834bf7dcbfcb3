"""Masks of holes in pictures, 1 where a pixel is to be filled in: drawn, looked at, scaled."""

import numpy as np
import tensorflow as tf
from PIL import Image, ImageFilter

#: Share of a picture that drawn holes have, at least and at most.
LEAST, MOST = 0.1, 0.5

_RECTANGLES, _STROKES, _CORNERS = 2, 3, 4
_ALL_IN_ONE = 1e3  # a distance that no pixel of a picture has
_REACH = 2  # pixels to each side that a bicubic filter sees


def draw(count, height, width, seed):
    """Holes of rectangles and of strokes, or of both, at random.

    Each mask is what lies nearest to up to 2 rectangles, of random place, form and weight, and to
    up to 3 broken lines: as much of it as a share of the picture says that is drawn from 10 to
    50 %. How wide the strokes are, and how large the rectangles, follows from it.

    Args:
        count: how many.
        height: of a mask, in pixels.
        width: likewise.
        seed: integers (2,), for TensorFlow's stateless random operations. The same seed, the same
            masks; works in a graph.

    Returns:
        float32 (count, height, width, 1): 1 in the hole, 0 where the picture is known.
    """
    shape = (count, _RECTANGLES + _STROKES)
    numbers = iter(range(10))

    def uniform(of, least=0.0, most=1.0):
        one = tf.random.fold_in(seed, next(numbers))
        return tf.random.stateless_uniform(of, one, least, most)

    longer = max(height, width)
    y = (tf.range(height, dtype=tf.float32) + 0.5)[None, None, :, None] / longer
    x = (tf.range(width, dtype=tf.float32) + 0.5)[None, None, None, :] / longer
    ends = tf.constant([height / longer, width / longer])
    centres = uniform((count, _RECTANGLES, 2)) * ends
    slim = tf.exp(uniform((count, _RECTANGLES), -0.7, 0.7))  # sides of up to 1 : 4
    corners = uniform((count, _STROKES, _CORNERS, 2)) * ends
    away = tf.concat([_from_rectangles(y, x, centres, slim), _from_lines(y, x, corners)], axis=1)
    away *= tf.exp(uniform(shape, -0.7, 0.7))[..., None, None]
    away += _ALL_IN_ONE * _left_out(uniform((count,)), uniform(shape))[..., None, None]
    return _nearest(tf.reduce_min(away, axis=1), uniform((count,), LEAST, MOST))


def _from_rectangles(y, x, centres, slim):
    """Distances (N, rectangles, H, W) whose lines of equal value are rectangles."""
    cy, cx = tf.unstack(centres[..., None, None], axis=2)
    slim = slim[..., None, None]
    return tf.maximum(tf.abs(y - cy) * slim, tf.abs(x - cx) / slim)


def _from_lines(y, x, corners):
    """Distances (N, lines, H, W) from broken lines; a stroke is narrower than a rectangle."""
    parts = []
    for first, second in zip(
        tf.unstack(corners, axis=2)[:-1], tf.unstack(corners, axis=2)[1:], strict=True
    ):
        (y1, x1), (y2, x2) = (tf.unstack(one[..., None, None], axis=2) for one in (first, second))
        dy, dx = y2 - y1, x2 - x1
        along = ((y - y1) * dy + (x - x1) * dx) / (dy * dy + dx * dx + 1e-6)
        along = tf.clip_by_value(along, 0.0, 1.0)
        parts.append(tf.sqrt((y - y1 - along * dy) ** 2 + (x - x1 - along * dx) ** 2))
    return 2.0 * tf.reduce_min(tf.stack(parts), axis=0)


def _left_out(kind, chance):
    """1 for the shapes a mask goes without: a third has rectangles only, a third strokes only."""
    rectangle = tf.range(_RECTANGLES + _STROKES) < _RECTANGLES
    kind = kind[:, None]
    other = tf.where(rectangle, (kind > 1 / 3) & (kind <= 2 / 3), kind <= 1 / 3)
    allowed = tf.where(other, -1.0, chance)
    # The likeliest of those that are left always stays, so that no mask is without a shape.
    most = tf.reduce_max(allowed, axis=1, keepdims=True)
    return tf.cast((allowed < 0.5) & (allowed < most), tf.float32)


def _nearest(away, share):
    """Masks of the pixels with the least distances, as many as the shares say."""
    height, width = away.shape[1:]
    ordered = tf.sort(tf.reshape(away, (-1, height * width)), axis=1)
    last = tf.cast(share * height * width, tf.int32)
    limit = tf.gather(ordered, last, batch_dims=1)[:, None, None]
    with_it = tf.cast(away <= limit, tf.float32)
    # Pixels along the side of a rectangle are equally far: together they may be too many.
    without = tf.cast(away < limit, tf.float32)
    fits = tf.reduce_mean(with_it, axis=(1, 2), keepdims=True) <= MOST
    return tf.where(fits, with_it, without)[..., None]


def checked(masks, images, called="masks"):
    """Masks as the networks take them.

    Args:
        masks: (N, H, W) or (N, H, W, 1), of one picture also (H, W) or (H, W, 1): booleans, or
            numbers 0 and 1; True and 1 where the picture is to be filled in.
        images: (N, H, W, C), the pictures they are of.
        called: what messages call them.

    Returns:
        float32 (N, H, W, 1).

    Raises:
        ValueError: for masks of another size or number than the pictures, of other values, or
            without a hole.
    """
    masks = np.asarray(masks)
    count, height, width = images.shape[:3]
    if masks.shape in ((count, height, width), (count, height, width, 1)):
        given = masks.reshape(count, height, width, 1)
    elif count == 1 and masks.shape in ((height, width), (height, width, 1)):
        given = masks.reshape(1, height, width, 1)
    else:
        raise ValueError(
            f"`{called}` must have the pictures' number and size, {(count, height, width)} or "
            f"{(count, height, width, 1)}. Received: {masks.shape}."
        )
    if given.dtype != bool and not np.isin(given, (0, 1)).all():
        values = np.unique(given)
        some = ", ".join(f"{value:g}" for value in values[:4])
        raise ValueError(
            f"`{called}` must hold two values, 1 (or True) in the hole and 0 (or False) where the "
            f"picture is known. Received {len(values)} values: {some}"
            f"{' ...' if len(values) > 4 else ''}. Use `mask > 127` of one from 0 to 255."
        )
    if (empty := ~given.any(axis=(1, 2, 3))).any():
        which = f"Mask {int(np.argmax(empty))}" if count > 1 else "The mask"
        raise ValueError(
            f"{which} has no hole: there is nothing to fill in. Set it to 1 where the picture is "
            "to be filled in."
        )
    return given.astype("float32")


def fitted(mask, size):
    """A mask of another size, of which nothing that a hole's pixels have an effect on is known.

    Pictures are scaled by a filter that mixes pixels, so that the hole grows by what the filter
    sees of it: known pixels of the scaled picture have nothing of what was in the hole.

    Args:
        mask: float32 (H, W, 1) of 0 and 1.
        size: (height, width).

    Returns:
        float32 (*size, 1); `mask` where it has the size.
    """
    sides = mask.shape[:2]
    if sides == tuple(size):
        return mask
    grown = 2 * _REACH + 1
    scaled = Image.fromarray(np.uint8(mask[..., 0] * 255))
    if any(new > old for new, old in zip(size, sides, strict=True)):
        scaled = scaled.filter(ImageFilter.MaxFilter(grown))
    scaled = _touched(scaled, size)
    if any(new < old for new, old in zip(size, sides, strict=True)):
        scaled = scaled.filter(ImageFilter.MaxFilter(grown))
    return (np.asarray(scaled) > 0).astype("float32")[..., None]


def _touched(mask, size):
    """A mask of levels 0 and 255 at another size: what a pixel of the hole falls in."""
    # In floating point: one pixel of many is less than a level of 256.
    shares = mask.convert("F").resize(size[::-1], Image.Resampling.BOX)
    return Image.fromarray(np.uint8(np.asarray(shares) > 0) * 255)


def centre(side, hidden, size=None):
    """The mask of a hole in the middle of a picture.

    Args:
        side: of a square picture, in pixels.
        hidden: side of its square hole.
        size: (height, width) of another picture, whose hole is the same part of it.

    Returns:
        float32 (side, side, 1) or (*size, 1): 1 in the hole.
    """
    mask, start = np.zeros((side, side), "uint8"), (side - hidden) // 2
    mask[start : start + hidden, start : start + hidden] = 255
    placed = _touched(Image.fromarray(mask), size or (side, side))
    return (np.asarray(placed) > 0).astype("float32")[..., None]
