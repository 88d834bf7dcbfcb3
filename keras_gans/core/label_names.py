"""Labels asked for by name: the names a model knows, and the numbers they stand for.

Names come from data: `fit` takes them from what `keras_gans.data.load` made, weights that ship with
an entry have them, and files of the model keep them. They are written as
`keras_gans.data.label_names` returns them:

    {"heads": {name of the head: names of its classes}, "attributes": names}

A class is asked for by its name or by its number from 0, in Python and in the command alike.

Where the labels of all training pictures are known before the first step, `"pictures"` is their
number, and `"together"` holds in how many of them each two values were seen together: a symmetric
matrix over the classes of all heads and then the attributes, whose diagonal counts each value.

Of models that take label maps `"palette"` holds the colours and names of their classes, as
`keras_gans.core.label_maps.Palette.to_json` writes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from keras import ops

from keras_gans.core.label_maps import Palette
from keras_gans.core.mixin import Mixin
from keras_gans.core.signature import label_map_of
from keras_gans.utils.text import did_you_mean, plain_line

_LISTED = 40  # names in a sentence
_SELDOM = 0.001  # of the training pictures
_NO_NAMES = "as no names are known: they come from the data a model is trained on"


class Named(Mixin):
    """Names of what a model is asked for by. Mixed into `GAN`."""

    _label_names: dict[str, Any] | None = None

    @property
    def label_names(self):
        """`{"heads": {name: names of its classes}, "attributes": names}`; None where unknown.

        May be set to the same or, for a model of one head, to the names of its classes.
        """
        return self._label_names

    @label_names.setter
    def label_names(self, names):
        checked = None if names is None else _checked(names, self.conditions, self.name)
        if not self.conditions:
            checked = _checked_palette(names, self)
        object.__setattr__(self, "_label_names", checked)  # Keras would track the lists in it

    @property
    def palette(self):
        """The `Palette` of the label maps the model has learned from; None where unknown."""
        known = (self._label_names or {}).get("palette")
        return Palette.from_json(known) if known else None

    def numbered(self, labels=None, attributes=None):
        """Labels and attributes that were asked for by name, as `Conditions.each` takes them.

        Args:
            labels: a class, or one for each picture, by name or by number. With several heads
                each is one class of every head: "Dress,red", or ("Dress", "red").
            attributes: `{name: whether it is on}`, a name, or several, "!NAME" being off; of all
                pictures, the others being off. A value of the dictionary may be one for each
                picture. Numbers are passed on as they are.

        Returns:
            The two, without names.

        Raises:
            ValueError: for a name that is not known, with the nearest one.
        """
        names = self._names()
        if names["heads"]:  # else what was given is refused as a whole
            labels = numbers_of(labels, names["heads"])
        if names["attributes"]:
            attributes = values_of(attributes, names["attributes"])
        return labels, attributes

    def seldom(self, labels=None, attributes=None):
        """What is asked for that training hardly had.

        Args:
            labels: as of `numbered`.
            attributes: as of `numbered`.

        Returns:
            A sentence for each value, and for each two values together, that fewer than one in
            1,000 training pictures had; none where that is not known.
        """
        names = self._label_names
        if not names or not names.get("together"):
            return []
        rows = self.conditions.each(*self.numbered(labels, attributes))
        counts = np.asarray(names["together"])
        words = [word for known in names["heads"].values() for word in known]
        words += names["attributes"]
        asked = ops.convert_to_numpy(self.conditions.code(rows)) > 0
        pairs = {
            (int(a), int(b))
            for row in asked
            for a in np.flatnonzero(row)
            for b in np.flatnonzero(row)
            if a <= b
        }
        total = names["pictures"]
        return [
            f"Of {total} training pictures {counts[a, b]} "
            + (f"had {words[a]!r}" if a == b else f"had {words[a]!r} and {words[b]!r} together")
            + ": what is drawn of it may fall apart."
            for a, b in sorted(pairs)
            if counts[a, b] < _SELDOM * total
        ]

    def changed(self, rows, labels=None, attributes=None):
        """Labels of pictures with some of them changed; what is not named stays.

        Args:
            rows: integers (N,) or (N, columns), the labels as they are.
            labels: classes to change to: as of `numbered`, of every head; or
                `{name of a head: class}`, where other heads stay. A class of the dictionary may be
                one for each picture.
            attributes: as of `numbered`, but that attributes which are not named stay. Numbers,
                (attributes,) or (N, attributes), are of all attributes.

        Returns:
            int32, shaped like `rows`.

        Raises:
            ValueError: for names, classes or values that cannot be, or not as many as pictures.
        """
        names, conditions = self._names(), self.conditions
        rows = np.asarray(rows)
        columns = np.array(rows if conditions.in_columns else rows[:, None], "int64")
        heads = len(conditions.heads)
        if isinstance(labels, Mapping) and heads:
            for head, given in labels.items():
                number = _head_number(str(head), list(names["heads"]))
                known = list(names["heads"].values())[number]
                columns[:, number] = _numbers(given, known)
        elif labels is not None:
            numbers, _ = self.numbered(labels)
            columns[:, :heads] = self._columns(numbers, None, len(rows))[:, :heads]
        if attributes is not None:
            _, values = self.numbered(None, attributes)
            of_all = self._columns(None, values, len(rows))[:, heads:]
            asked = _named_attributes(attributes, names["attributes"])
            for number in range(conditions.num_attributes) if asked is None else asked:
                columns[:, heads + number] = of_all[:, number]
        made = columns if conditions.in_columns else columns[:, 0]
        conditions.check(made)
        return made.astype("int32")

    def _columns(self, labels, attributes, count):
        """Labels and attributes of so many pictures, (count, columns); any where None is given."""
        heads, num_attributes = len(self.conditions.heads), self.conditions.num_attributes
        if labels is None and heads:
            labels = 0 if heads == 1 else [0] * heads
        if attributes is None and num_attributes:
            attributes = [0] * num_attributes
        rows = self.conditions.each(labels, attributes, count=count)
        return rows if self.conditions.in_columns else rows[:, None]

    def _names(self):
        return self._label_names or unnamed(self.conditions)


def unnamed(conditions):
    """Names of labels where only their numbers are known."""
    return {
        "heads": {name: () for name in conditions.head_names} if conditions.heads else {},
        "attributes": tuple(f"attribute_{n}" for n in range(conditions.num_attributes)),
    }


def counted(conditions, labels):
    """How often values were seen, for names of labels.

    Args:
        conditions: the model's `Conditions`.
        labels: of all training pictures, int (N,) or (N, columns).

    Returns:
        `{"pictures": N, "together": symmetric matrix of ints, (code_length, code_length)}`.
    """
    code = ops.convert_to_numpy(conditions.code(ops.convert_to_tensor(labels))).astype("float64")
    together = np.rint(code.T @ code).astype(int)
    return {"pictures": len(code), "together": together.tolist()}


# === Numbers of names ===


def numbers_of(labels, heads: Mapping[str, Any]):
    """Classes given by name or by number, as numbers; what holds no name is returned as it is.

    Args:
        labels: a class, or nested lists of them, see `Named.numbered`.
        heads: `{name: names of its classes}`.

    Raises:
        ValueError: for a class that is not known, or another number of them than heads.
    """
    given = _plain(labels)
    if not _has_names(given):
        return labels
    if len(heads) <= 1:
        (names,) = heads.values() or [()]
        return _each(given, lambda one: _class_number(one, names))
    if _is_row(given, heads):
        return _combination(given, heads)
    if isinstance(given, str):
        return _combination(_parts(given), heads)
    return [_combination(_parts(one) if isinstance(one, str) else one, heads) for one in given]


def values_of(attributes, known):
    """0 or 1 for each attribute, of those that are named; what holds no name is returned as it is.

    Args:
        attributes: see `Named.numbered`.
        known: names of all attributes.

    Raises:
        ValueError: for an attribute that is not known, one that is on and off, or values other
            than 0 and 1.
    """
    pairs = _pairs_of(attributes)
    if pairs is None:
        return attributes
    values: dict[int, np.ndarray] = {}
    for name, value in pairs:
        number = _attribute_number(name, known)
        asked = np.asarray(value)
        if asked.ndim > 1 or not np.isin(asked, (0, 1)).all():
            raise ValueError(
                f"The attribute {name!r} is on or off, True or False, for all pictures or one "
                f"value for each. Received: {value!r}"
            )
        if not np.array_equal(values.setdefault(number, asked.astype(int)), asked):
            raise ValueError(f"The attribute {name!r} cannot be on and off. Give it once.")
    columns = [values.get(number, np.zeros((), int)) for number in range(len(known))]
    counts = {len(column) for column in columns if column.ndim}
    if len(counts) > 1:
        raise ValueError(
            "Attributes must have one value for all pictures, or as many as there are pictures. "
            f"Received {' and '.join(map(str, sorted(counts)))} values."
        )
    return np.stack(np.broadcast_arrays(*columns), axis=-1) if columns else np.zeros(0, int)


def _pairs_of(attributes):
    """`[(name, value)]` of attributes given by names; None where they hold no name."""
    if isinstance(attributes, Mapping):
        return [(str(name), value) for name, value in attributes.items()]
    given = _plain(attributes)
    if not _has_names(given):
        return None
    words = [given] if isinstance(given, str) else given
    if not all(isinstance(word, str) for word in words):
        raise ValueError(
            "Attributes are given by names, of all pictures, or by 0 and 1, one for each. "
            f"Received: {attributes!r}. For some pictures only use "
            "{name: (one value for each picture)}."
        )
    return [(word.removeprefix("!"), not word.startswith("!")) for word in words]


def _named_attributes(attributes, known):
    """Numbers of the attributes that are named; None where they are given by numbers."""
    pairs = _pairs_of(attributes) if known else None
    return None if pairs is None else [_attribute_number(name, known) for name, _ in pairs]


def _plain(given):
    """Arrays as lists, and tuples too, so that names in them are Python's."""
    if isinstance(given, np.ndarray) or hasattr(given, "numpy"):
        given = np.asarray(given).tolist()
    if isinstance(given, bytes):
        return given.decode(errors="replace")
    if isinstance(given, np.str_):
        return str(given)
    return [_plain(one) for one in given] if isinstance(given, (list, tuple)) else given


def _has_names(given):
    return any(map(_has_names, given)) if isinstance(given, list) else isinstance(given, str)


def _each(given, number):
    if isinstance(given, list):
        return [_each(one, number) for one in given]
    return number(given) if isinstance(given, str) else given


def _numbers(given, names):
    """Classes of one head, by name or by number, as numbers."""
    return _each(_plain(given), lambda one: _class_number(one, names))


def _is_row(given, heads):
    """Whether a list is one class of every head, rather than a combination for each picture."""
    if not isinstance(given, list) or any(isinstance(one, list) for one in given):
        return False
    return not all(isinstance(one, str) and "," in one for one in given)


def _parts(given):
    return [part.strip() for part in given.split(",")]


def _combination(parts, heads):
    if not isinstance(parts, list) or len(parts) != len(heads):
        said = ",".join(map(str, parts)) if isinstance(parts, list) else parts
        raise ValueError(
            f"A label is {len(heads)} classes with commas between, one of each of "
            f"{', '.join(heads)}. Received: {said!r}"
        )
    return [
        _class_number(part, names, f" of {head!r}") if isinstance(part, str) else part
        for part, (head, names) in zip(parts, heads.items(), strict=True)
    ]


def _class_number(given, names, of_head=""):
    number = _found(given, names, f"class{of_head}")
    if number is not None:
        return number
    if given.isdecimal():
        return int(given)
    known = f"or one of: {_listed(names)}" if names else _NO_NAMES
    raise ValueError(
        f"Unknown class{of_head}: {given!r}.{did_you_mean(given, names, ignore_case=True)} Give a "
        f"number from 0, {known}."
    )


def _head_number(name, names):
    number = _found(name, names, "head")
    if number is not None:
        return number
    raise ValueError(
        f"Unknown head: {name!r}.{did_you_mean(name, names, ignore_case=True)} Give one of: "
        f"{_listed(names)}."
    )


def _attribute_number(name, names):
    number = _found(name, names, "attribute")
    if number is not None:
        return number
    raise ValueError(
        f"Unknown attribute: {name!r}.{did_you_mean(name, names, ignore_case=True)} "
        + (f"Give one of: {_listed(names)}." if names else "Leave it out: no names are known.")
    )


def _found(given, names, what):
    """The number of a name, letter for letter or, where only one is so, whatever its case."""
    exact = [number for number, name in enumerate(names) if name == given]
    if exact:
        return exact[0]
    near = [number for number, name in enumerate(names) if name.lower() == given.lower()]
    if len(near) > 1:
        either = " or ".join(repr(names[number]) for number in near)
        raise ValueError(f"The {what} {given!r} may be {either}: give it letter for letter.")
    return near[0] if near else None


def _listed(names):
    more = ", ..." if len(names) > _LISTED else ""
    return plain_line(", ".join(list(names)[:_LISTED])) + more


# === Names of a model ===


def _checked(names, conditions, model):
    """Names as plain JSON has them.

    Raises:
        ValueError: if they are not those of the model's labels.
    """
    if not isinstance(names, Mapping):
        names = {"heads": {"class": names}, "attributes": ()}
    heads, attributes = names.get("heads", {}), names.get("attributes", ())
    lists = [*heads.values(), attributes] if isinstance(heads, Mapping) else [None]
    if not all(
        isinstance(one, (list, tuple)) and all(isinstance(name, str) for name in one)
        for one in lists
    ):
        raise ValueError(
            "`label_names` must be {'heads': {name: names of its classes}, 'attributes': names}, "
            f"or the names of the classes of one head. Received: {names!r:.200}"
        )
    found = tuple(map(len, heads.values())), len(attributes)
    if found != (conditions.heads, conditions.num_attributes):
        raise ValueError(
            f"{model} has num_classes={conditions.num_classes} and "
            f"num_attributes={conditions.num_attributes}, and `label_names` has names of "
            f"{list(found[0])} classes and {found[1]} attributes. Give a name for each."
        )
    return {
        "heads": {str(head): list(one) for head, one in heads.items()},
        "attributes": list(attributes),
        **_checked_counts(names, conditions),
    }


def _checked_palette(names, model):
    """Names of a model without labels: the palette of the label maps it takes, or None.

    Raises:
        ValueError: for what is no palette, or one of another number of classes.
    """
    role = label_map_of(model)
    if role is None or not isinstance(names, Mapping) or "palette" not in names:
        return None
    palette = Palette.from_json(names["palette"])
    check_palette(palette, role.classes, model.name)
    return {"heads": {}, "attributes": [], "palette": palette.to_json()}


def check_palette(palette, classes, model):
    """Refuses a palette of another number of classes than a model has.

    Raises:
        ValueError: what came, what to do.
    """
    if len(palette.colors) != classes:
        raise ValueError(
            f"The palette has {len(palette.colors)} colours, and {model} is built for "
            f"classes={classes}. Build it with classes={len(palette.colors)}, or add or leave out "
            "colours."
        )


def _checked_counts(names, conditions):
    """What `counted` gave, where it is there.

    Raises:
        ValueError: for counts of other labels.
    """
    if "together" not in names:
        return {}
    try:
        counts, pictures = np.asarray(names["together"]), int(names["pictures"])
        fits = counts.shape == (conditions.code_length,) * 2 and counts.dtype.kind in "iu"
    except (KeyError, TypeError, ValueError):
        fits = False
    if not fits or (counts < 0).any() or (counts > pictures).any():
        raise ValueError(
            "`together` of `label_names` must hold, for each two of the model's "
            f"{conditions.code_length} classes and attributes, how many of `pictures` had both."
        )
    return {"pictures": pictures, "together": counts.tolist()}
