"""Which labels of a source a model learns.

A source has `heads`, `{name: names of its classes}`, and `attributes`, names of what pictures have
or have not. One of the heads, `head`, is the label of models that learn one.
"""

import dataclasses

import numpy as np
import tensorflow as tf

from keras_gans.core.conditioning import Conditions
from keras_gans.utils.text import did_you_mean, plain_line

_NAMED = 10


@dataclasses.dataclass(frozen=True)
class Columns:
    """Labels chosen of a source: names for what `Conditions` knows by numbers.

    Attributes:
        heads: `{name: names of its classes}`.
        attributes: names.
    """

    heads: dict[str, tuple[str, ...]]
    attributes: tuple[str, ...] = ()

    @property
    def names(self):
        """Of all columns, heads first."""
        return (*self.heads, *self.attributes)

    @property
    def conditions(self):
        """The same without names, a `Conditions`."""
        return Conditions(tuple(map(len, self.heads.values())), len(self.attributes))

    def joined(self, columns):
        """int32 (N,) for one head and nothing else, or (N, columns).

        Args:
            columns: for each of `names` an array (N,) or, of one example, a number.
        """
        parts = [tf.cast(column, tf.int32) for column in columns]
        return tf.stack(parts, axis=-1) if self.conditions.in_columns else parts[0]

    def problem(self, labels):
        """What is wrong with labels, int (N,) or (N, columns), as text; None where nothing is."""
        labels = np.asarray(labels)
        rows = labels[:, None] if labels.ndim == 1 else labels
        for name, limit, values in zip(self.names, self.conditions.limits, rows.T, strict=True):
            if len(values) and (values.min() < 0 or values.max() >= limit):
                return self.rule(name, f"from {values.min()} to {values.max()}")
        return None

    def rule(self, name, found):
        """The sentences for labels outside a column's classes."""
        conditions = self.conditions
        limit = dict(zip(self.names, conditions.limits, strict=True))[name]
        of_column = f" of {name!r}" if len(self.names) > 1 else ""
        because = f", because num_classes={conditions.num_classes}" if name in self.heads else ""
        return (
            f"labels{of_column} must be from 0 to {limit - 1}{because}. Found labels {found} in "
            "this split; it may be one that is published without its labels. Use another split."
        )


def of_model(model):
    """`tf.TensorSpec` of the labels in a model's batch, (N,) or (N, columns) integer; or None."""
    return model.conditions.spec() if model.conditions else None


def chosen(source, model, heads=None, attributes=None):
    """What of a source's labels a model learns.

    Args:
        source: opened, of the kind that makes pictures with labels.
        model: learns labels; has `num_classes`, and `num_attributes` where it learns attributes.
        heads: names of the heads to learn; where None all, or the one that is the label.
        attributes: names of the attributes to learn; all where None.

    Returns:
        `Columns`.

    Raises:
        ValueError: if the source has none, others, or not as many as the model is built for.
    """
    sizes = _sizes(model)
    columns = Columns(
        _heads(source, model, sizes, _as_names(heads)),
        _attributes(source, model, _as_names(attributes)),
    )
    if None not in sizes:
        _check_sizes(source, model, sizes, columns)
    return columns


def all_of(source):
    """All labels a source has, as `Columns`."""
    return Columns(dict(source.heads), tuple(source.attributes))


def _sizes(model):
    """Classes of each head."""
    return model.conditions.heads


def _as_names(names):
    return (names,) if isinstance(names, str) else None if names is None else tuple(names)


def _heads(source, model, sizes, names):
    if names is not None:
        _check_names(source, "head", names, source.heads)
        if len(names) != len(sizes):
            raise ValueError(
                f"{type(model).__name__} is built for {_count(len(sizes), 'head')}, "
                f"num_classes={_as_given(sizes)}. Received {len(names)}: heads={names}. Use "
                f"zoo.get(..., num_classes={_as_given([len(source.heads[n]) for n in names])})."
            )
        return {name: source.heads[name] for name in names}
    if not sizes:
        return {}
    if len(sizes) == 1:
        return _only_head(source, model)
    if len(source.heads) == len(sizes):
        return dict(source.heads)
    raise ValueError(
        f"{source.name} has {_count(len(source.heads), 'head')} of classes{_listed(source.heads)}, "
        f"but the model is built for {len(sizes)}, num_classes={sizes}. "
        + (
            "Name those it shall learn, heads=(...) (--head NAME, once for each)."
            if len(source.heads) > len(sizes)
            else f"Use another num_classes. {source.where_labels_are}"
        )
    )


def _only_head(source, model):
    if source.head is not None:
        return {source.head: source.class_names}
    raise ValueError(
        f"{source.name} has no labels ({source.why_unlabelled}), but {type(model).__name__} "
        f"learns classes. Use a source with labels or an unconditional model."
        f"{_attributes_only(model)}"
    )


def _attributes_only(model):
    if not model.conditions.num_attributes:
        return ""
    return " To learn attributes only, use num_classes=0 (--set num_classes=0)."


def _attributes(source, model, names):
    wanted = model.conditions.num_attributes
    if names is None and not wanted:
        return ()
    if not source.attributes:
        raise ValueError(
            f"{source.name} has no attributes, but {type(model).__name__} learns "
            f"{names or wanted}. It has {_count(len(source.heads), 'head')} of classes"
            f"{_listed(source.heads)}. {source.where_labels_are}"
        )
    if names is not None:
        _check_names(source, "attribute", names, source.attributes)
    found = source.attributes if names is None else names
    if len(found) == wanted:
        return tuple(found)
    if names is not None:
        raise ValueError(
            f"{type(model).__name__} is built for num_attributes={wanted}. Received {len(names)}: "
            f"attributes={names}. Use zoo.get(..., num_attributes={len(names)})."
        )
    raise ValueError(
        f"{source.name} has {_count(len(found), 'attribute')}{_listed(found)}, but the model is "
        f"built for num_attributes={wanted}. Name those it shall learn, attributes=(...) "
        f"(--attribute NAME, once for each), or use zoo.get(..., num_attributes={len(found)})."
    )


def _check_names(source, what, names, known):
    for name in names:
        if name not in known:
            raise ValueError(
                f"{source.name} has no {what} {name!r}.{did_you_mean(name, known)} It has: "
                f"{plain_line(', '.join(known)) or 'none'}."
            )
    if len(set(names)) < len(names):
        raise ValueError(f"Every {what} can be named once. Received: {names}.")


def _check_sizes(source, model, sizes, columns):
    found = tuple(map(len, columns.heads.values()))
    if found == sizes:
        return
    if len(found) == 1:
        has, expected = _count(found[0], "class", "classes"), sizes[0]
    else:
        has = " and ".join(
            f"{_count(len(names), 'class', 'classes')} of {head!r}"
            for head, names in columns.heads.items()
        )
        expected = sizes
    raise ValueError(
        f"{source.name} has {has}, but the model is built for num_classes={expected}. "
        f"Use zoo.get(..., num_classes={_as_given(found)}).{_attributes_only(model)}"
    )


def _as_given(sizes):
    return tuple(sizes) if len(sizes) != 1 else sizes[0]


def _count(number, one, several=None):
    return f"{number} {one if number == 1 else several or one + 's'}"


def _listed(names):
    if not names:
        return ""
    more = ", ..." if len(names) > _NAMED else ""
    return f" ({plain_line(', '.join(list(names)[:_NAMED]))}{more})"
