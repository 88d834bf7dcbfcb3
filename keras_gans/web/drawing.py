"""What drawings of a kind look like, measured on some: so that a person's look the same."""

import numpy as np

_COLOURS = 8
_LEVELS = 16  # of each channel: colours that share them count as one
_APART = 0.4  # of two colours of a palette at least, values in [-1, 1]
_SHARE = 0.002  # of all pixels a colour has at least
_LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601
_TWO_TONED = 0.99  # of all pixels that the two commonest colours of line drawings have


def look(pictures):
    """The colours to draw with, and the width of a line.

    Args:
        pictures: float (N, H, W, C) in [-1, 1], at least one.

    Returns:
        `{"background", "stroke", "palette", "width"}`: the commonest colour, of the rims where
        there are more than two colours; the one of the palette whose brightness is farthest from
        it, black or white where none can be told from it; up to eight common colours that are not
        alike, the commonest first, each a list of C values in [-1, 1]; and the width of a line in
        pixels: measured on drawings of two colours, a twenty-fourth of the side on others.
    """
    pictures = np.asarray(pictures, "float32")
    palette, shares = _palette(pictures.reshape(-1, pictures.shape[-1]))
    width = max(1, round(pictures.shape[1] / 24))
    if len(palette) > 1 and sum(shares[:2]) >= _TWO_TONED:
        background, stroke = palette = palette[:2]
        width = _line_width(_distance(pictures, stroke) < _distance(pictures, background))
    else:
        background = _of_rims(pictures, palette)
        ends = [np.full(len(background), end) for end in (-1.0, 1.0)]
        seen = [colour for colour in palette if _contrast(colour, background) >= _APART]
        stroke = max(seen or ends, key=lambda colour: _contrast(colour, background))
    return {
        "background": _plain(background),
        "stroke": _plain(stroke),
        "palette": [_plain(colour) for colour in palette],
        "width": width,
    }


def _palette(pixels):
    """Colours, the commonest first, and the share of all pixels that are of each."""
    bins = np.clip((pixels + 1.0) * (_LEVELS / 2), 0, _LEVELS - 1).astype("int64")
    numbers = bins @ _LEVELS ** np.arange(pixels.shape[1])
    _, which, counts = np.unique(numbers, return_inverse=True, return_counts=True)
    palette: list[np.ndarray] = []
    shares: list[float] = []
    for chosen in np.argsort(-counts, kind="stable"):
        share = counts[chosen] / len(pixels)
        if palette and (len(palette) == _COLOURS or share < _SHARE):
            break
        colour = np.median(pixels[which == chosen], axis=0)
        if all(np.linalg.norm(colour - other) >= _APART for other in palette):
            palette.append(colour)
            shares.append(share)
    return palette, shares


def _of_rims(pictures, palette):
    """The colour of the palette that most pixels at the pictures' rims are nearest to."""
    rims = [pictures[:, [0, -1]], pictures[:, :, [0, -1]].swapaxes(1, 2)]
    pixels = np.concatenate([rim.reshape(-1, pictures.shape[-1]) for rim in rims])
    nearest = np.argmin([_distance(pixels, colour) for colour in palette], axis=0)
    return palette[np.bincount(nearest).argmax()]


def _distance(pixels, colour):
    return np.linalg.norm(pixels - colour, axis=-1)


def _contrast(colour, other):
    """Difference in brightness."""
    return abs(float((colour - other) @ (_LUMA if len(colour) == 3 else np.ones(1))))


def _line_width(drawn):
    """Of lines in bool (N, H, W): a long one has two edges, so twice its area over their length."""
    edges = sum(
        np.count_nonzero(np.diff(drawn.astype("int8"), axis=axis, prepend=0, append=0))
        for axis in (1, 2)
    )
    return max(1, round(2 * np.count_nonzero(drawn) / edges)) if edges else 1


def _plain(colour):
    return [round(float(value), 3) for value in colour]
