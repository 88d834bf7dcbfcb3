"""What colours lie under what is transparent."""

import numpy as np


def covered(pixels, alpha):
    """Gives transparent pixels the colours of visible ones nearby.

    Editors leave any colour under what is transparent, often black. Enlarged, it would be mixed
    into the border of what is visible, as a dark fringe.

    Args:
        pixels: uint8 or uint16 (H, W, C), not multiplied by alpha.
        alpha: uint8 (H, W), from 0 for transparent.

    Returns:
        An array like `pixels`, equal to it where alpha is above 0; `pixels` where nothing is
        transparent, or everything.
    """
    if alpha.all() or not alpha.any():
        return pixels
    weights = alpha[..., None].astype("float32") / 255
    filled = np.rint(_filled(pixels * weights, weights)).astype(pixels.dtype)
    return np.where(alpha[..., None] == 0, filled, pixels)


def _filled(colours, weights):
    """Means of weighted colours; where nothing weighs, those of an area twice as large.

    Shapes: (H, W, C), (H, W, 1) -> (H, W, C)
    """
    if (weights > 0).all():
        return colours / weights
    coarse = _filled(_halved(colours), _halved(weights))
    coarse = coarse.repeat(2, axis=0).repeat(2, axis=1)[: colours.shape[0], : colours.shape[1]]
    return np.where(weights > 0, colours / np.maximum(weights, 1e-6), coarse)


def _halved(values):
    """Sums of squares of 2 x 2."""
    height, width, channels = values.shape
    values = np.pad(values, ((0, height % 2), (0, width % 2), (0, 0)))
    return values.reshape(-(-height // 2), 2, -(-width // 2), 2, channels).sum(axis=(1, 3))
