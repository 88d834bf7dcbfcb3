"""Sheets: many pictures in one file, to be looked at."""

import pathlib

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from keras_gans import latent
from keras_gans.core.signature import draws, has_styles
from keras_gans.utils.checks import check_positive
from keras_gans.utils.files import write_whole

_GAP = 2
_SMALLEST_SIDE = 64
_NAME_WIDTH_PER_LETTER = 0.62
_NUMBER_SIZE = 11  # pixels, on a picture of 64 at least


def to_uint8(images):
    """Pictures in [-1, 1] as 0 to 255: rounded to nearest, clipped outside.

    Args:
        images: float array of any shape.

    Returns:
        uint8 array of the same shape.
    """
    scaled = (np.asarray(images, "float32") + 1.0) * 127.5
    return np.clip(np.rint(scaled), 0, 255).astype("uint8")


def from_pixels(pixels):
    """A `PIL.Image.Image` of one picture, uint8 (H, W, 1 or 3)."""
    return Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)


def sheet(images, columns=None, row_names=None, numbers=False):
    """Pictures side by side, row after row, small ones enlarged without smoothing.

    Args:
        images: float (N, H, W, C) in [-1, 1], C 1 or 3.
        columns: pictures in a row; about as many as rows where not given.
        row_names: written at the left, one for each row.
        numbers: write on each picture which one it is, from 0.

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
    for index in range(len(pixels) if numbers else 0):
        row, column = divmod(index, columns)
        corner = (margin + 2 * _GAP + column * side_x, 2 * _GAP + row * side_y)
        font = ImageFont.load_default(size=_NUMBER_SIZE)
        box = pen.textbbox(corner, str(index), font=font)
        pen.rectangle((box[0] - 1, box[1] - 1, box[2] + 1, box[3] + 1), fill="white")
        pen.text(corner, str(index), fill="black", font=font)
    return canvas


def samples(
    model,
    count=None,
    labels=None,
    *,
    attributes=None,
    seed=0,
    truncation=None,
    names=None,
    numbers=False,
):
    """A sheet of samples: a row for each class and attribute, or a square where there are none.

    With several heads a row is a class of the first one, and the others go through theirs along
    it. Attributes have a row each, that one on, after a row with none where there are no classes.

    Args:
        model: a `keras_gans.GAN` with latents.
        count: pictures; in each row where there are rows. 64, or 10 in each.
        labels: classes to draw, (rows,), or (rows, heads) with several heads, by number or by name
            as `model.sample` takes them; all where not given.
        attributes: 0 or 1, (attributes,), of all rows; or by name, as `model.sample` takes them.
        seed: of the latents.
        truncation: of the latents, see `keras_gans.latent.draw`.
        names: of all classes, or what `keras_gans.data.label_names` returns; the model's
            `label_names` where not given.
        numbers: write on each picture its number, by which `arithmetic` asks for it.

    Returns:
        A `PIL.Image.Image`.

    Raises:
        ValueError: for labels or attributes the model does not take, or such a truncation; for a
            count below 1.
    """
    _check_latents(model)
    _check_drawn(seed, count=count)
    labels, attributes = _taken(model, labels, attributes)
    if not model.conditions:
        latents = model.draw_latents(count or 64, seed, truncation)
        return sheet(model.from_latents(latents, truncation), numbers=numbers)
    columns = count or 10
    rows = _rows(model, columns, labels, attributes, _Names(names or model.label_names))
    latents = model.draw_latents(len(rows) * columns, seed, truncation)
    asked = _asked(model, np.concatenate([row for _, row in rows]))
    pictures = model.from_latents(latents, truncation, **asked)
    return sheet(pictures, columns, [name for name, _ in rows], numbers)


def translations(model, batch):
    """A sheet with a row for each example: pictures beside what the model makes of them.

    Args:
        model: a `keras_gans.GAN` that translates.
        batch: as its `batch_spec` says.

    Returns:
        A `PIL.Image.Image`; the columns are those of `model.side_by_side`.
    """
    return beside(model.side_by_side(batch))


def beside(columns):
    """A sheet of columns of pictures, a row for each example.

    Args:
        columns: list of float arrays (N, H, W, 1 or 3) in [-1, 1], of sizes that divide the
            largest.

    Returns:
        A `PIL.Image.Image`.
    """
    columns = [np.broadcast_to(c, (*c.shape[:-1], 3)) for c in columns]
    side = max(column.shape[1] for column in columns)
    # Every pixel of a smaller picture several times: what an upscaler was given is seen as it is.
    times = [side // column.shape[1] for column in columns]
    columns = [c.repeat(n, axis=1).repeat(n, axis=2) for c, n in zip(columns, times, strict=True)]
    pictures = np.stack(columns, axis=1)
    return sheet(pictures.reshape(-1, *pictures.shape[2:]), len(columns))


def interpolation(
    model,
    rows=None,
    labels=None,
    *,
    attributes=None,
    columns=10,
    linear=False,
    seed=0,
    truncation=None,
    names=None,
):
    """A sheet whose rows each go from one random latent to another.

    Args:
        model: a `keras_gans.GAN` with latents.
        rows: how many; 8, or one for each row of a sheet of samples.
        labels: class of each row, by number or by name; the rows of a sheet of samples in turn
            where not given.
        attributes: 0 or 1, (attributes,), of all rows; or by name, as `model.sample` takes them.
        columns: pictures in a row, both ends included.
        linear: straight lines instead of great circles.
        seed: of the latents.
        truncation: of the latents, see `keras_gans.latent.draw`.
        names: of all classes, or what `keras_gans.data.label_names` returns; the model's
            `label_names` where not given.

    Returns:
        A `PIL.Image.Image`.

    Raises:
        ValueError: for labels or attributes the model does not take, or such a truncation; for
            rows or columns below 1.
    """
    _check_latents(model)
    _check_drawn(seed, rows=rows, columns=columns)
    labels, attributes = _taken(model, labels, attributes)
    asked = []
    if model.conditions:
        asked = _rows(model, 1, labels, attributes, _Names(names or model.label_names))
    rows = rows or len(asked) or 8
    ends = model.draw_latents(2 * rows, seed, truncation).reshape(rows, 2, model.latent_dim)
    path = latent.linear if linear else latent.spherical
    latents = np.swapaxes(path(ends[:, 0], ends[:, 1], columns), 0, 1).reshape(-1, model.latent_dim)
    if not asked:
        return sheet(model.from_latents(latents, truncation), columns)
    turns = [asked[row % len(asked)] for row in range(rows)]
    labels = _asked(model, np.repeat(np.concatenate([row for _, row in turns]), columns, axis=0))
    pictures = model.from_latents(latents, truncation, **labels)
    return sheet(pictures, columns, [name for name, _ in turns])


def mixing(
    model, rows=5, columns=6, places=4, labels=None, *, attributes=None, seed=0, truncation=None
):
    """A sheet of style mixing: coarse styles of the row's picture, all finer ones of the column's.

    Args:
        model: a `keras_gans.GAN` with styles, such as StyleGAN2.
        rows: pictures at the left.
        columns: pictures at the top.
        places: styles, from the coarsest, that come from the row.
        labels: the class of all pictures, or one of each head; classes in turn where not given.
        attributes: 0 or 1, (attributes,), of all pictures.
        seed: of the latents.
        truncation: psi.

    Returns:
        A `PIL.Image.Image`.

    Raises:
        ValueError: for a model without styles, or labels or attributes it does not take.
    """
    _check_styles(model)
    _check_drawn(seed, rows=rows, columns=columns)
    labels, attributes = _taken(model, labels, attributes)
    check_positive("places", places)
    styles = model.styles(
        rows + columns, labels=labels, attributes=attributes, seed=seed, truncation=truncation
    )
    down, across = styles[:rows], styles[rows:]
    mixed = np.repeat(across[None], rows, axis=0)
    mixed[:, :, :places] = down[:, None, :places]
    pictures = model.synthesize(mixed.reshape(-1, *styles.shape[1:]))
    tops, lefts = model.synthesize(across), model.synthesize(down)
    corner = np.ones((1, *tops.shape[1:]), "float32")
    lines = [np.concatenate([corner, tops])]
    for left, line in zip(lefts, np.split(pictures, rows), strict=True):
        lines.append(np.concatenate([left[None], line]))
    return sheet(np.concatenate(lines), columns + 1)


def directions(
    model,
    count=6,
    columns=7,
    labels=None,
    *,
    attributes=None,
    seed=0,
    truncation=None,
    strength=3.0,
):
    """A sheet with a row for each direction in w, the picture itself in the middle.

    Args:
        model: a `keras_gans.GAN` with directions, such as StyleGAN2.
        count: directions.
        columns: pictures along each.
        labels: the class of all pictures, or one of each head; the first where not given.
        attributes: 0 or 1, (attributes,), of all pictures.
        seed: of the latent.
        truncation: psi.
        strength: how far the ends of a row are away, as a multiple of the usual distance of a
            style from the mean along a direction.

    Returns:
        A `PIL.Image.Image`.

    Raises:
        ValueError: for a model without styles, or labels or attributes it does not take.
    """
    _check_styles(model)
    _check_drawn(seed, count=count, columns=columns)
    labels, attributes = _taken(model, labels, attributes)
    drawn = {"labels": labels, "attributes": attributes, "truncation": truncation}
    (style,) = model.styles(1, seed=seed, **drawn)
    found = model.directions(count)
    spread = (model.styles(256, seed=seed)[:, 0] @ found.T).std(axis=0)
    amounts = np.linspace(-strength, strength, columns)
    moves = amounts[None, :, None] * spread[:, None, None] * found[:, None, :]
    styles = style[None, None] + moves[:, :, None, :]
    pictures = model.synthesize(styles.reshape(-1, *style.shape).astype("float32"))
    return sheet(pictures, columns, [f"direction {number}" for number in range(count)])


def arithmetic(model, a, b, c, label=None, *, attributes=None, seed=0, truncation=None):
    """A sheet of latent arithmetic: the examples with their means, then what a - b + c gives.

    Args:
        model: a `keras_gans.GAN` with latents.
        a: numbers of example pictures, counted from 0 on the sheet of samples of this seed.
        b: numbers of other examples.
        c: numbers of more examples.
        label: the class of all pictures where there are classes, by number or by name; the first
            where not given.
        attributes: 0 or 1, (attributes,), of all pictures, or by name; none where not given.
        seed: of the latents.
        truncation: of the latents, see `keras_gans.latent.draw`; as the sheet of samples has it.

    Returns:
        A `PIL.Image.Image` with a row for each group, the mean last, and a row of results: the
        exact one first, then some in its neighbourhood.

    Raises:
        ValueError: as `samples`; for an empty group, a number below 0, or several labels.
    """
    _check_latents(model)
    _check_drawn(seed)
    named = (("a", a), ("b", b), ("c", c))
    for name, group in named:
        check_positive(f"len({name})", len(group))
        for number in group:
            check_positive(name, number, 0)
    latents = model.draw_latents(max(*a, *b, *c) + 1, seed, truncation)
    groups = [latents[list(numbers)] for numbers in (a, b, c)]
    result = latent.arithmetic(*groups)
    columns = max(*(len(group) + 1 for group in groups), 8)
    # The paper shows the result among neighbours within +-0.25 (section 6.3.2).
    nearby = np.random.default_rng(seed).uniform(-0.25, 0.25, (columns - 1, model.latent_dim))
    rows = [np.concatenate([group, group.mean(axis=0, keepdims=True)]) for group in groups]
    rows.append(np.concatenate([result[None], result + nearby]))
    label, attributes = _taken(model, label, attributes)
    label = [label] if np.ndim(label) == 0 and label is not None else label
    asked = {}
    if model.conditions:
        ((_, first), *others) = _rows(model, 1, label, attributes, _Names(None))
        if label is not None and others:
            raise ValueError(f"Arithmetic is among pictures of one class. Received: {label}.")
        asked = {name: values[0] for name, values in _asked(model, first).items()}
    return sheet(
        np.concatenate(
            [_pad(model.from_latents(row, truncation, **asked), columns) for row in rows]
        ),
        columns,
        [*(f"{name}: {', '.join(map(str, g))}, mean" for name, g in named), "a - b + c"],
    )


def save(picture, path, format="PNG"):
    """Writes a picture, whole or not at all.

    Args:
        picture: a `PIL.Image.Image`.
        path: of the file; its folder is made where missing.
        format: as Pillow calls it; by the suffix where None.

    Returns:
        The path, a `pathlib.Path`.
    """
    path = pathlib.Path(path)
    write_whole(path, lambda unfinished: picture.save(unfinished, format=format))
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


def _check_latents(model):
    if not draws(model):
        raise ValueError(f"{model.name} has no latent space to draw from: it translates pictures.")


def _check_styles(model):
    if not has_styles(model):
        raise ValueError(
            f"{model.name} draws from no styles, which are mixed and moved. Use stylegan2 or one "
            "of its kind."
        )


def _check_drawn(seed, **counts):
    """Refuses numbers of pictures below 1, where any are given, and seeds below 0."""
    if seed is not None:
        check_positive("seed", seed, 0)
    for name, count in counts.items():
        if count is not None:
            check_positive(name, count)


def _taken(model, labels, attributes):
    """Labels and attributes by their numbers, where the model takes them."""
    if labels is not None and not model.conditions.heads:
        raise ValueError(f"{model.name} has no classes: leave out the labels.")
    if attributes is not None and not model.conditions.num_attributes:
        raise ValueError(f"{model.name} has no attributes: leave out the attributes.")
    labels, attributes = model.numbered(labels, attributes)
    if attributes is not None and np.ndim(attributes) != 1:
        raise ValueError(f"Attributes are of all rows, 0 or 1 each. Received: {attributes!r}.")
    return labels, attributes


class _Names:
    """Names of classes and attributes, where they are known.

    Args:
        names: of the classes of one head, or `{"heads": {...}, "attributes": ...}`, or None.
    """

    def __init__(self, names):
        if not isinstance(names, dict):
            names = {"heads": {"class": names} if names else {}, "attributes": ()}
        self._heads, self._attributes = list(names["heads"].values()), names["attributes"]

    def of_label(self, label, head=0):
        known = self._heads[head] if head < len(self._heads) else ()
        return str(known[label]) if label < len(known) else f"class {label}"

    def of_attribute(self, number):
        known = self._attributes
        return str(known[number]) if number < len(known) else f"attribute {number}"


def _rows(model, columns, labels, attributes, names):
    """`[(name, what its pictures are asked for by, (columns, heads + attributes))]`."""
    heads, num_attributes = model.conditions.heads, model.conditions.num_attributes
    if labels is not None:
        labels = np.atleast_2d(labels) if len(heads) > 1 else np.reshape(labels, (-1, 1))
    model.conditions.each(labels, attributes)  # refuses what cannot be
    off = np.zeros(num_attributes, int) if attributes is None else np.asarray(attributes)
    if labels is not None:
        return [(_name_of(row, names), _row(row, off, columns)) for row in labels]
    others = _in_turn(heads[1:], columns)
    rows = []
    for label in range(heads[0] if heads else 0):
        first = np.full((columns, 1), label)
        rows.append((names.of_label(label), _row(np.hstack([first, others]), off, columns)))
    if attributes is not None:
        return rows or [("", _row(others, off, columns))]
    in_turn = _in_turn(heads, columns)
    if num_attributes and not heads:
        rows.append(("none", _row(in_turn, off, columns)))
    for number, on in enumerate(np.eye(num_attributes, dtype=int)):
        rows.append((names.of_attribute(number), _row(in_turn, on, columns)))
    return rows


def _row(labels, attributes, columns):
    parts = (np.broadcast_to(part, (columns, np.shape(part)[-1])) for part in (labels, attributes))
    return np.hstack(list(parts))


def _in_turn(heads, columns):
    """All combinations of the heads' classes in turn, (columns, heads)."""
    if not heads:
        return np.zeros((columns, 0), int)
    numbers = np.arange(columns) % int(np.prod(heads))
    return np.stack(np.unravel_index(numbers, heads), axis=1)


def _name_of(row, names):
    return ", ".join(names.of_label(int(label), head) for head, label in enumerate(row))


def _asked(model, rows):
    """What `model.sample` is asked for by, of (N, heads + attributes)."""
    heads = len(model.conditions.heads)
    asked = {}
    if heads:
        asked["labels"] = rows[:, 0] if heads == 1 else rows[:, :heads]
    if model.conditions.num_attributes:
        asked["attributes"] = rows[:, heads:]
    return asked


def _pad(images, columns):
    white = np.ones((columns - len(images), *images.shape[1:]), "float32")
    return np.concatenate([images, white])
