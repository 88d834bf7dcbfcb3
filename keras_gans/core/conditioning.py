"""What pictures are asked for by: classes of one head or several, attributes, or nothing.

One head, the usual case:

    num_classes=10                          label      int32 (N,)

Anything else is one tensor too, a column for each head and then one for each attribute:

    num_classes=(10, 5)                     labels     int32 (N, 2)
    num_classes=0, num_attributes=8         attributes int32 (N, 8), 0 or 1
    num_classes=(10, 5), num_attributes=8   labels     int32 (N, 10)

so that a batch is always `(image, label)`, whose parts slice, split and shuffle together, and a
`train_step` hands the label on without looking into it. Exported networks are fed by name: each
head by itself, `label_0`, `label_1`, and `attributes` (N, attributes).
"""

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from keras_gans.layers import LabelColumns
from keras_gans.utils.checks import LARGEST, check_positive, is_whole


class Conditions:
    """The labels a model takes: of which shape, of which values, and how networks read them.

    Args:
        num_classes: classes of the one head, or of each of several; None, 0 or () for no head.
        num_attributes: binary attributes.

    Attributes:
        heads: classes of each head, a tuple.
        num_attributes: binary attributes.

    Raises:
        ValueError: for numbers that are not whole and positive.
    """

    def __init__(self, num_classes=None, num_attributes=0):
        several = isinstance(num_classes, (tuple, list))
        self.heads = tuple(num_classes) if several else (num_classes,) if num_classes else ()
        if not all(is_whole(number) and 0 < number <= LARGEST for number in self.heads):
            raise ValueError(
                "`num_classes` must be a whole number of classes, or a tuple of them, one for each "
                f"head. Received: {num_classes!r}"
            )
        if not is_whole(num_attributes) or not 0 <= num_attributes <= LARGEST:
            raise ValueError(
                f"`num_attributes` must be a whole number, 0 or more. Received: {num_attributes!r}"
            )
        self.heads = tuple(map(int, self.heads))  # of NumPy's numbers JSON knows nothing
        self.num_attributes = int(num_attributes)

    def __bool__(self):
        return bool(self.heads or self.num_attributes)

    @property
    def num_classes(self):
        """As the constructor takes it: a number for one head, a tuple for several, 0 for none."""
        return self.heads if len(self.heads) > 1 else sum(self.heads)

    @property
    def limits(self):
        """How many values each column can have."""
        return (*self.heads, *[2] * self.num_attributes)

    @property
    def in_columns(self):
        """Whether labels are (N, columns) rather than (N,)."""
        return self.limits != self.heads or len(self.heads) != 1

    @property
    def name(self):
        """Of the tensor, in batches and of the networks' inputs."""
        if not self.heads:
            return "attributes"
        return "labels" if self.in_columns else "label"

    @property
    def code_length(self):
        """Length of what `code` gives."""
        return sum(self.heads) + self.num_attributes

    # === In networks and batches ===

    def spec(self, size=None):
        """`tf.TensorSpec` of the labels of a batch."""
        return tf.TensorSpec((size, *self._row), tf.int32, name=self.name)

    def input(self):
        """A network's `keras.Input` for labels."""
        return keras.Input(self._row, dtype="int32", name=self.name)

    def code(self, labels):
        """Labels -> (N, code_length): the heads' one-hot codes, then attributes as 0 or 1."""
        if not self.in_columns:
            return ops.one_hot(labels, self.heads[0])
        parts = [ops.one_hot(labels[:, head], size) for head, size in enumerate(self.heads)]
        if self.num_attributes:
            parts.append(ops.cast(labels[:, len(self.heads) :], "float32"))
        return parts[0] if len(parts) == 1 else ops.concatenate(parts, axis=-1)

    def seen(self, logits):
        """The likeliest labels by logits (N, code_length), int32 (N,) or (N, columns)."""
        logits, columns, start = np.asarray(logits), [], 0
        for size in self.heads:
            columns.append(logits[:, start : start + size].argmax(axis=-1))
            start += size
        columns += list((logits[:, start:] > 0.0).T)
        rows = np.stack(columns, axis=-1).astype("int32")
        return rows if self.in_columns else rows[:, 0]

    def to_export(self, network):
        """A network with an input for each head, and one for all attributes, in place of labels.

        Args:
            network: functional, one of whose inputs is the labels, `name`.

        Returns:
            The network itself where it is so already; else a functional `keras.Model` of the same
            layers, with the other inputs as they are.
        """
        if not self.in_columns or not self.heads:
            return network
        heads = [keras.Input((), dtype="int32", name=name) for name in self.head_names]
        named = list(heads)
        if self.num_attributes:
            named.append(keras.Input((self.num_attributes,), dtype="int32", name="attributes"))
        # By a name of its own: an automatic one may be that of one of the network's layers.
        labels = LabelColumns(name="label_columns")(named)
        inputs, fed = [], []
        for old in network.inputs:
            if old.name == self.name:
                inputs += named
                fed.append(labels)
            else:
                inputs.append(keras.Input(old.shape[1:], dtype=old.dtype, name=old.name))
                fed.append(inputs[-1])
        # `call`, not the model itself: layer after layer, so that outputs keep their names.
        return keras.Model(inputs, network.call(fed), name=network.name)

    # === Values ===

    def check_form(self, shape):
        """Refuses labels of another number of columns.

        Args:
            shape: of the labels of a batch; what it leaves open is not checked.

        Raises:
            ValueError: how many columns came, how many were expected, of what.
        """
        if not self.in_columns or shape.rank is None:
            return
        came = shape[1] if shape.rank == 2 else None
        if shape.rank == 2 and came in (None, len(self.limits)):
            return
        found = f"{came} columns" if shape.rank == 2 else f"shape {shape}"
        raise ValueError(
            f"Labels must be int32 (N, {len(self.limits)}), {self._columns_in_words()}. "
            f"Received: {found}."
        )

    def check(self, labels):
        """Refuses labels outside their head's classes, and attributes that are not 0 or 1.

        Args:
            labels: integers (N,) or (N, columns).

        Raises:
            ValueError: what came, what was expected.
        """
        labels = np.asarray(labels)
        self.check_form(tf.TensorShape(labels.shape))
        if not np.issubdtype(labels.dtype, np.integer):
            raise ValueError(f"Labels must be integers. Received: {labels.dtype}.")
        columns = labels if self.in_columns else labels[:, None]
        for number, limit in enumerate(self.limits):
            values = columns[:, number]
            if not len(values) or (values.min() >= 0 and values.max() < limit):
                continue
            if number >= len(self.heads):
                raise ValueError(
                    f"Attributes must be 0 or 1. Received {_wrong(values)} for attribute "
                    f"{number - len(self.heads)}."
                )
            of_head = f" of head {number}" if len(self.heads) > 1 else ""
            raise ValueError(
                f"Labels{of_head} must be from 0 to {limit - 1}, because "
                f"num_classes={self.num_classes}. Received labels from {values.min()} to "
                f"{values.max()}."
            )

    # === To sample by ===

    def draw(self, count, seed):
        """Labels drawn evenly, each column by itself, int32 (count,) or (count, columns)."""
        rows = np.random.default_rng(seed).integers(0, self.limits, (count, len(self.limits)))
        return (rows if self.in_columns else rows[:, 0]).astype("int32")

    def each(self, labels=None, attributes=None, *, count=None, latents=None):
        """Labels for each picture to sample, as the networks take them.

        Args:
            labels: one for all (with several heads one for each of them) or one for each picture;
                (N,), or (N, heads) with several heads. Where None all classes in turn, with
                several heads all combinations.
            attributes: 0 or 1, (attributes,) for all or (N, attributes). Where None, off; in a
                model of nothing else, all off, then each alone, in turn.
            count: pictures asked for; as many as labels, attributes or latents, or 16, where None.
            latents: those asked for, or None.

        Returns:
            int32 (N,) or (N, columns).

        Raises:
            ValueError: for values outside the classes, or shapes or numbers that disagree.
        """
        labels, of_labels = self._given("labels", labels, len(self.heads))
        attributes, of_attributes = self._given("attributes", attributes, self.num_attributes)
        if count is not None:
            check_positive("count", count)
        of_latents = None if latents is None else len(latents)
        count = _agreed(count=count, latents=of_latents, labels=of_labels, attributes=of_attributes)
        parts = (
            self._heads_in_turn(count) if labels is None else labels,
            self._attributes_in_turn(count) if attributes is None else attributes,
        )
        columns = np.concatenate(
            [np.broadcast_to(part, (count, part.shape[-1])) for part in parts], axis=1
        )
        rows = columns if self.in_columns else columns[:, 0]
        self.check(rows)  # before int32 takes a number for another
        return rows.astype("int32")

    def asked(self, labels):
        """The arguments of `sample` for pictures of the labels of a batch."""
        if not self.in_columns:
            return {"labels": labels}
        columns = labels[:, : len(self.heads)]
        asked = {}
        if self.heads:
            asked["labels"] = columns[:, 0] if len(self.heads) == 1 else columns
        if self.num_attributes:
            asked["attributes"] = labels[:, len(self.heads) :]
        return asked

    def _given(self, name, values, columns):
        """What was given, (N, columns) or (1, columns), and N, None for one row for all."""
        if values is None:
            return None, None
        if not columns:
            raise ValueError(f"The model takes no {name}: leave `{name}` out.")
        values = np.asarray(values)
        whole = values.dtype == bool or np.issubdtype(values.dtype, np.integer)
        if name == "labels" and not whole:
            raise ValueError(f"Labels must be integers. Received: {values.dtype}.")
        if name == "attributes" and not np.isin(values, (0, 1)).all():
            raise ValueError(f"Attributes must be 0 or 1. Received {_wrong(values.ravel())}.")
        values, shape = values.astype("int64"), values.shape
        if name == "labels" and columns == 1 and values.ndim <= 1:
            return values.reshape(-1, 1), len(values) if values.ndim else None
        if values.ndim not in (1, 2) or shape[-1] != columns:
            raise ValueError(
                f"`{name}` must have shape ({columns},), one row for all pictures, or "
                f"(N, {columns}): {self._columns_in_words(name)}. Received: {shape}."
            )
        return values.reshape(-1, columns), len(values) if values.ndim == 2 else None

    def _heads_in_turn(self, count):
        if not self.heads:
            return np.zeros((count, 0), int)
        in_turn = np.arange(count) % int(np.prod(self.heads))
        return np.stack(np.unravel_index(in_turn, self.heads), axis=1)

    def _attributes_in_turn(self, count):
        if self.heads:
            return np.zeros((count, self.num_attributes), int)
        choices = np.eye(self.num_attributes + 1, dtype=int)[:, 1:]  # none, then each alone
        return choices[np.arange(count) % len(choices)]

    # === In words ===

    @property
    def _row(self):
        return (len(self.limits),) if self.in_columns else ()

    @property
    def head_names(self):
        """Names of the inputs that `to_export` gives the heads."""
        return ["label"] if len(self.heads) == 1 else [f"label_{n}" for n in range(len(self.heads))]

    def _columns_in_words(self, name=None):
        heads = f"{len(self.heads)} heads (num_classes={self.num_classes})"
        if len(self.heads) == 1:
            heads = f"1 head (num_classes={self.num_classes})"
        attributes = f"{self.num_attributes} attributes"
        asked = {"labels": [heads], "attributes": [attributes]}.get(
            name, [heads] * bool(self.heads) + [attributes] * bool(self.num_attributes)
        )
        return f"one column for each of {' and '.join(asked)}"


def needed(num_classes, num_attributes):
    """The `Conditions` of a model that cannot do without.

    Raises:
        ValueError: if there are neither classes nor attributes.
    """
    conditions = Conditions(num_classes, num_attributes)
    if not conditions:
        raise ValueError(
            "A conditional model needs classes, attributes or both. Received: "
            f"num_classes={num_classes!r}, num_attributes={num_attributes!r}. Use an unconditional "
            "model, or give one of them."
        )
    return conditions


def _agreed(**given):
    """On how many pictures all that was given agrees; 16 where nothing says."""
    said = {name: number for name, number in given.items() if number is not None}
    if len(set(said.values())) > 1:
        raise ValueError(
            f"{', '.join(f'`{name}`' for name in said)} must agree on how many pictures to "
            f"sample. Received: {', '.join(f'{name}: {n}' for name, n in said.items())}."
        )
    return next(iter(said.values()), 16)


def _wrong(values):
    return next(value for value in values.tolist() if value not in (0, 1))
