"""Pictures whose edges are blurred: what a discriminator must not take for drawings.

Chen, Lai & Liu, 2018 (CartoonGAN, CVPR), section 3.2.1; as AnimeGANv2's edge_smooth.py has it:
edges of the grey picture, widened by 5 x 5 pixels, within which the picture is replaced by itself
blurred with [1, 4, 6, 4, 1] / 16 in both directions.

Departure: the reference's edges are Canny's, one pixel wide. Here they are all pixels whose slope
(the sum of both Sobel filters' absolute values, of levels 0 to 255) is above 200, and those above
100 next to one: they are up to a pixel wider on each side, and long faint edges that begin at a
strong one are not followed. It is a few fixed filters in place of a search, so that it runs in the
training step, on the pictures as they are cropped and mirrored there.
"""

import numpy as np
import tensorflow as tf

_GREY = (0.299, 0.587, 0.114)
_WEAK, _STRONG = 100.0, 200.0
_WIDENED = 5
_BLUR = np.array([1.0, 4.0, 6.0, 4.0, 1.0], "float32") / 16.0


def grey(images):
    """Colour pictures (N, H, W, 3) as grey ones of three equal channels."""
    return tf.repeat(tf.tensordot(images, tf.constant(_GREY, images.dtype), 1)[..., None], 3, -1)


def smoothed(images):
    """Pictures (N, H, W, 3) in [-1, 1], blurred around their edges.

    Returns:
        Of the same shape; without a gradient.
    """
    images = tf.stop_gradient(images)
    return tf.where(edges(images), _blurred(images), images)


def edges(images):
    """Which pixels lie around edges: (N, H, W, 3) in [-1, 1] -> bool (N, H, W, 1)."""
    levels = 127.5 * (grey(images)[..., :1] + 1.0)
    slopes = tf.image.sobel_edges(levels)  # beyond the border pixels are reflected
    slope = tf.reduce_sum(tf.abs(slopes), axis=-1)
    near_strong = _largest(tf.cast(slope > _STRONG, images.dtype), 3) > 0
    found = tf.logical_and(slope > _WEAK, near_strong)
    return _largest(tf.cast(found, images.dtype), _WIDENED) > 0


def _largest(maps, side):
    return tf.nn.max_pool2d(maps, side, 1, "SAME")


def _blurred(images):
    reach = len(_BLUR) // 2
    around = [[0, 0], [reach, reach], [reach, reach], [0, 0]]
    kernel = np.tile(np.outer(_BLUR, _BLUR)[:, :, None, None], (1, 1, images.shape[-1], 1))
    padded = tf.pad(images, around, "REFLECT")
    return tf.nn.depthwise_conv2d(padded, tf.constant(kernel, images.dtype), [1] * 4, "VALID")
