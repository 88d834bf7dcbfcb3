"""Sheets: many pictures in one file, to be looked at."""

import os
import pathlib

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from keras_gans import latent

_GAP = 2
_SMALLEST_SIDE = 64
_NAME_WIDTH_PER_LETTER = 0.62


def to_uint8(images):
    """Pictures in [-1, 1] as 0 to 255: rounded to nearest, clipped outside.

    Args:
        images: float array of any shape.

    Returns:
        uint8 array of the same shape.
    """
    scaled = (np.asarray(images, "float32") + 1.0) * 127.5
    return np.clip(np.rint(scaled), 0, 255).astype("uint8")


def sheet(images, columns=None, row_names=None):
    """Pictures side by side, row after row, small ones enlarged without smoothing.

    Args:
        images: float (N, H, W, C) in [-1, 1], C 1 or 3.
        columns: pictures in a row; about as many as rows where not given.
        row_names: written at the left, one for each row.

    Returns:
        A `PIL.Image.Image` in RGB.

    Raises:
        ValueError: if there are no pictures, or they are not of this shape.
    """
    images = np.asarray(images)
    if images.ndim != 4 or images.shape[-1] not in (1, 3) or not len(images):
        raise ValueError(
            "A sheet needs pictures of shape (N, H, W, 1 or 3), one at least. "
            f"Received: {images.shape}."
        )
    columns = columns or int(np.ceil(np.sqrt(len(images))))
    pixels = _enlarge(to_uint8(images))
    side_y, side_x = pixels.shape[1] + _GAP, pixels.shape[2] + _GAP
    rows = -(-len(pixels) // columns)
    margin = _margin(row_names, side_y)
    canvas = Image.new("RGB", (margin + columns * side_x + _GAP, rows * side_y + _GAP), "white")
    for index, picture in enumerate(pixels):
        row, column = divmod(index, columns)
        place = (margin + _GAP + column * side_x, _GAP + row * side_y)
        canvas.paste(Image.fromarray(picture), place)
    pen = ImageDraw.Draw(canvas)
    for row, name in enumerate(row_names or []):
        middle = _GAP + row * side_y + (side_y - _GAP) // 2
        pen.text((_GAP * 4, middle), name, fill="black", font=_font(side_y), anchor="lm")
    return canvas


def samples(model, count=None, labels=None, *, seed=0, names=None):
    """A sheet of samples: a row for each class, or a square where there are none.

    Args:
        model: a `keras_gans.GAN` with latents.
        count: pictures; of each class where there are classes. 64, or 10 of each.
        labels: classes to draw; all where not given.
        seed: of the latents.
        names: of all classes.

    Returns:
        A `PIL.Image.Image`.
    """
    latent_dim = _latent_dim(model)
    labels = _labels(model, labels)
    if labels is None:
        latents = latent.draw(count or 64, latent_dim, seed)
        return sheet(model.sample(latents=latents))
    columns = count or 10
    latents = latent.draw(len(labels) * columns, latent_dim, seed)
    images = model.sample(labels=np.repeat(labels, columns), latents=latents)
    return sheet(images, columns, _names(labels, names))


def translations(model, batch):
    """A sheet with a row for each example: pictures beside what the model makes of them.

    Args:
        model: a `keras_gans.GAN` that translates.
        batch: as its `batch_spec` says.

    Returns:
        A `PIL.Image.Image`; the columns are those of `model.side_by_side`.
    """
    columns = [np.broadcast_to(c, (*c.shape[:-1], 3)) for c in model.side_by_side(batch)]
    pictures = np.stack(columns, axis=1)
    return sheet(pictures.reshape(-1, *pictures.shape[2:]), len(columns))


def interpolation(model, rows=None, labels=None, *, columns=10, linear=False, seed=0, names=None):
    """A sheet whose rows each go from one random latent to another.

    Args:
        model: a `keras_gans.GAN` with latents.
        rows: how many; 8, or one for each label.
        labels: class of each row; the classes in turn where not given.
        columns: pictures in a row, both ends included.
        linear: straight lines instead of great circles.
        seed: of the latents.
        names: of all classes.

    Returns:
        A `PIL.Image.Image`.
    """
    latent_dim = _latent_dim(model)
    labels = _labels(model, labels)
    rows = rows or (8 if labels is None else len(labels))
    ends = latent.draw(2 * rows, latent_dim, seed).reshape(rows, 2, latent_dim)
    path = latent.linear if linear else latent.spherical
    latents = np.swapaxes(path(ends[:, 0], ends[:, 1], columns), 0, 1).reshape(-1, latent_dim)
    if labels is None:
        return sheet(model.sample(latents=latents), columns)
    labels = np.resize(labels, rows)
    images = model.sample(labels=np.repeat(labels, columns), latents=latents)
    return sheet(images, columns, _names(labels, names))


def arithmetic(model, a, b, c, label=None, *, seed=0):
    """A sheet of latent arithmetic: the examples with their means, then what a - b + c gives.

    Args:
        model: a `keras_gans.GAN` with latents.
        a: numbers of example pictures, counted from 0 on the sheet of samples of this seed.
        b: numbers of other examples.
        c: numbers of more examples.
        label: the class of all pictures where there are classes; the first where not given.
        seed: of the latents.

    Returns:
        A `PIL.Image.Image` with a row for each group, the mean last, and a row of results: the
        exact one first, then some in its neighbourhood.
    """
    latent_dim = _latent_dim(model)
    latents = latent.draw(max(*a, *b, *c) + 1, latent_dim, seed)
    groups = [latents[list(numbers)] for numbers in (a, b, c)]
    result = latent.arithmetic(*groups)
    columns = max(*(len(group) + 1 for group in groups), 8)
    # The paper shows the result among neighbours within +-0.25 (section 6.3.2).
    nearby = np.random.default_rng(seed).uniform(-0.25, 0.25, (columns - 1, latent_dim))
    rows = [np.concatenate([group, group.mean(axis=0, keepdims=True)]) for group in groups]
    rows.append(np.concatenate([result[None], result + nearby]))
    label = {} if model.num_classes is None else {"labels": _labels(model, label or [0])[0]}
    return sheet(
        np.concatenate([_pad(model.sample(latents=row, **label), columns) for row in rows]),
        columns,
        ["a, mean", "b, mean", "c, mean", "a - b + c"],
    )


def save(picture, path):
    """Writes a picture as PNG, whole or not at all.

    Args:
        picture: a `PIL.Image.Image`.
        path: of the file; its folder is made where missing.

    Returns:
        The path, a `pathlib.Path`.
    """
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.partial-{os.getpid()}")
    try:
        picture.save(unfinished, format="PNG")
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
    return path


def _enlarge(pixels):
    times = -(-_SMALLEST_SIDE // min(pixels.shape[1:3]))
    pixels = np.repeat(np.repeat(pixels, times, axis=1), times, axis=2)
    return np.repeat(pixels, 3, axis=3) if pixels.shape[3] == 1 else pixels


def _font(side):
    return ImageFont.load_default(size=_font_size(side))


def _font_size(side):
    return max(10, min(18, side // 4))


def _margin(row_names, side):
    if not row_names:
        return 0
    longest = max(len(name) for name in row_names)
    return int(longest * _font_size(side) * _NAME_WIDTH_PER_LETTER) + 6 * _GAP


def _latent_dim(model):
    if not hasattr(model, "latent_dim"):
        raise ValueError(f"{model.name} has no latent space to draw from: it translates pictures.")
    return model.latent_dim


def _labels(model, labels):
    if model.num_classes is None:
        if labels is not None:
            raise ValueError(f"{model.name} has no classes: leave out the labels.")
        return None
    return np.arange(model.num_classes) if labels is None else np.asarray(labels)


def _names(labels, names):
    return [names[label] if names else f"class {label}" for label in labels]


def _pad(images, columns):
    white = np.ones((columns - len(images), *images.shape[1:]), "float32")
    return np.concatenate([images, white])
