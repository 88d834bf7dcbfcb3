"""Keras' habits with `fit`: every argument, every kind of data, every kind of mistake in it."""

import inspect

import carriers
import keras
import numpy as np
import pytest
import tensorflow as tf
from carriers import batches_of
from fabrication import fabricate, same, snapshot
from habits import (
    LABELLED,
    PLAIN,
    SAMPLERS,
    TRANSLATORS,
    UNPAIRED,
    ask,
    eager,
    refused,
    table,
)

#: Entries asked by default: one with labels, of which the most can be wrong.
FEW = ["cdcgan"]


def given(model, count=2, size=2):
    """`x` and `y` as arrays; `y` None where nothing comes beside the pictures."""
    arguments = carriers.arrays(model, batches_of(model, count, size))
    return arguments["x"], arguments.get("y")


# === Arguments ===

KERAS_ARGUMENTS = list(inspect.signature(keras.Model.fit).parameters)[1:]


def all_by_keyword(name):
    model = eager(name)
    x, y = given(model)
    history = model.fit(
        x=x,
        y=y,
        batch_size=2,
        epochs=1,
        verbose=0,
        callbacks=None,
        validation_split=0.0,
        validation_data=None,
        shuffle=True,
        class_weight=None,
        sample_weight=None,
        initial_epoch=0,
        steps_per_epoch=None,
        validation_steps=None,
        validation_batch_size=None,
        validation_freq=1,
    )
    assert int(model.step) == 2
    assert history.epoch == [0]


def all_by_position(name):
    model = eager(name)
    x, y = given(model)
    model.fit(x, y, 2, 1, 0, [], 0.0, None, True, None, None, 0, None, None, None, 1)
    assert int(model.step) == 2


def names_are_keras(name):
    names = list(inspect.signature(type(eager(name)).fit).parameters)[1:]
    assert names[: len(KERAS_ARGUMENTS)] == KERAS_ARGUMENTS


def initial_epoch(name):
    model = eager(name)
    x, y = given(model, 1)
    history = model.fit(x, y, batch_size=2, epochs=3, initial_epoch=2, verbose=0)
    assert history.epoch == [2]


def steps_per_epoch(name):
    model = eager(name)
    x, y = given(model, 2)
    model.fit(x, y, batch_size=2, epochs=2, steps_per_epoch=1, verbose=0)
    assert int(model.step) == 2


def shuffle_off_keeps_the_order(name):
    model, seen = eager(name), []
    x, y = given(model)
    play = model.train_step
    model.train_step = lambda batch: (seen.append(tf.nest.flatten(batch)[0]), play(batch))[1]
    model.fit(x, y, batch_size=2, shuffle=False, verbose=0)
    np.testing.assert_array_equal(np.concatenate(seen), tf.nest.flatten(x)[0])


def verbose_prints(name):
    model = eager(name)
    x, y = given(model, 1)
    model.fit(x, y, batch_size=2, verbose=2)


def class_weight_is_refused(name):
    model = eager(name)
    x, y = given(model)
    with refused(model, "`?class_weight`?"):
        model.fit(x, y, batch_size=2, class_weight={0: 1.0, 1: 2.0}, verbose=0)


def sample_weight_is_refused(name):
    model = eager(name)
    x, y = given(model)
    with refused(model, "`?sample_weight`?"):
        model.fit(x, y, batch_size=2, sample_weight=np.ones(4), verbose=0)


def sample_weight_in_a_batch_is_refused(name):
    model = eager(name)
    batch = fabricate(model, 2)
    batch = (*batch, np.ones(2)) if isinstance(batch, tuple) else (batch, np.ones(2))
    with refused(model, "A batch must be"):
        model.fit(tf.data.Dataset.from_tensors(batch), verbose=0)


def validation_data_without_metrics_is_refused(name):
    model = eager(name)
    x, y = given(model)
    with refused(model, "validation_data", error=(TypeError, ValueError, NotImplementedError)):
        model.fit(x, y, batch_size=2, validation_data=(x, y), verbose=0)


def validation_split_without_metrics_is_refused(name):
    model = eager(name)
    x, y = given(model)
    with refused(model, "validation_split", error=(TypeError, ValueError, NotImplementedError)):
        model.fit(x, y, batch_size=2, validation_split=0.5, verbose=0)


def unknown_argument_is_refused(name):
    model = eager(name)
    x, y = given(model)
    with refused(model, "workers"):
        model.fit(x, y, batch_size=2, workers=2, verbose=0)


def labels_where_none_are_taken_are_refused(name):
    model = eager(name)
    x, _ = given(model)
    with refused(model, "A batch must be"):
        model.fit(x, np.zeros(4, "int32"), batch_size=2, verbose=0)


def y_beside_a_dataset_is_refused(name):
    model = eager(name)
    x, y = given(model)
    data = tf.data.Dataset.from_tensors(fabricate(model, 2))
    with refused(model, "`y`"):
        model.fit(data, np.zeros(2) if y is None else y, verbose=0)


def no_data_is_refused(name):
    model = eager(name)
    with refused(model, "`x`"):
        model.fit(verbose=0)


def not_compiled_is_refused(name):
    model = type(eager(name)).from_config(eager(name).get_config())
    x, y = given(model)
    with refused(model, "compile"):
        model.fit(x, y, batch_size=2, verbose=0)


UNMEASURED = sorted([*SAMPLERS, *UNPAIRED])
ARGUMENTS = [
    all_by_keyword,
    all_by_position,
    names_are_keras,
    initial_epoch,
    steps_per_epoch,
    shuffle_off_keeps_the_order,
    verbose_prints,
    class_weight_is_refused,
    sample_weight_is_refused,
    sample_weight_in_a_batch_is_refused,
    (validation_data_without_metrics_is_refused, UNMEASURED),
    (validation_split_without_metrics_is_refused, UNMEASURED),
    unknown_argument_is_refused,
    (labels_where_none_are_taken_are_refused, PLAIN),
    y_beside_a_dataset_is_refused,
    no_data_is_refused,
    not_compiled_is_refused,
]


@table(ARGUMENTS, quick=FEW)
def test_fit_takes_what_keras_takes(habit, name, tmp_path):
    ask(habit, name, tmp_path)


# === Kinds of data ===


def _carrier_row(carrier):
    def row(name):
        model = eager(name)
        before = snapshot(model.trainable_weights)
        model.fit(**carrier(model, batches_of(model)), verbose=0)
        assert int(model.step) == 2
        assert not same(before, model.trainable_weights)

    row.__name__ = carrier.__name__
    return row


@table(
    [_carrier_row(carrier) for carrier in carriers.ALL.values()],
    quick=["cdcgan", "dcgan", "pix2pix"],
)
def test_fit_takes_every_kind_of_data(habit, name, tmp_path):
    ask(habit, name, tmp_path)


def tf_records(name, tmp_path):
    """Written by others, parsed as everybody does: floats of no known size, reshaped."""
    model = eager(name)
    specs = tf.nest.flatten(model.batch_spec())
    with tf.io.TFRecordWriter(str(tmp_path / "data.tfrecord")) as writer:
        for row in zip(*tf.nest.flatten(fabricate(model, 4)), strict=True):
            feature = {spec.name: _feature(leaf) for spec, leaf in zip(specs, row, strict=True)}
            example = tf.train.Example(features=tf.train.Features(feature=feature))
            writer.write(example.SerializeToString())

    def parse(record):
        kinds = {
            spec.name: tf.io.FixedLenSequenceFeature(
                [], tf.int64 if spec.dtype.is_integer else tf.float32, allow_missing=True
            )
            for spec in specs
        }
        read = tf.io.parse_single_example(record, kinds)
        leaves = [tf.reshape(read[spec.name], spec.shape[1:]) for spec in specs]
        return tf.nest.pack_sequence_as(model.batch_spec(), leaves)

    data = tf.data.TFRecordDataset(str(tmp_path / "data.tfrecord")).map(parse)
    model.fit(data.batch(2 * model.discriminator_steps), verbose=0)
    assert int(model.step) == 2


def _feature(values):
    values = np.asarray(values)
    if np.issubdtype(values.dtype, np.integer):
        return tf.train.Feature(int64_list=tf.train.Int64List(value=values.ravel()))
    return tf.train.Feature(float_list=tf.train.FloatList(value=values.ravel()))


def a_smaller_last_batch(name):
    model = eager(name)
    data = tf.data.Dataset.from_tensor_slices(fabricate(model, 3))
    model.fit(data.batch(2 * model.discriminator_steps), verbose=0)
    assert int(model.step) == 2


def a_smaller_last_batch_of_arrays(name):
    model = eager(name)
    x, y = given(model, 1, 3)
    model.fit(x, y, batch_size=2, verbose=0)
    assert int(model.step) == 2


def _left_over(model):
    """Batches of 4 and a last one of 3, which cannot be shared out in two."""
    whole = tf.nest.map_structure(
        lambda leaf: np.concatenate([leaf, leaf])[:7], fabricate(eager("dcgan"), 4)
    )
    shape = tf.nest.flatten(model.batch_spec())[0].shape[1:]
    whole = np.resize(whole, (7, *shape)).astype("float32")
    return tf.data.Dataset.from_tensor_slices(whole).batch(4)


def a_smaller_last_batch_with_several_discriminator_steps(name):
    # What cannot be shared out is left out, as of arrays, and said.
    model = eager(name, discriminator_steps=2)
    with pytest.warns(UserWarning, match="left out: 1,"):
        model.fit(_left_over(model), verbose=0)
    assert int(model.step) == 2


def a_smaller_last_batch_with_packing(name):
    model = eager(name, packing=2)
    with pytest.warns(UserWarning, match="left out: 1,"):
        model.fit(_left_over(model), verbose=0)
    assert int(model.step) == 2


def a_last_batch_too_small_for_all_discriminator_steps(name):
    model = eager(name, discriminator_steps=4)
    with pytest.warns(UserWarning, match="left out: 3,"):
        model.fit(_left_over(model), verbose=0)
    assert int(model.step) == 1


def float_64(name):
    model = eager(name)
    x, y = given(model)
    x = tf.nest.map_structure(lambda leaf: leaf.astype("float64"), x)
    model.fit(x, y, batch_size=2, verbose=0)
    assert int(model.step) == 2


def channels_first_is_refused(name):
    model = eager(name)
    x, y = given(model)
    x = tf.nest.map_structure(lambda leaf: leaf.transpose(0, 3, 1, 2), x)
    with refused(model, "channels.*last|NHWC|transpose"):
        model.fit(x, y, batch_size=2, verbose=0)


def channels_first_in_a_dataset_is_refused(name):
    model = eager(name)
    batch = tf.nest.map_structure(
        lambda leaf: leaf.transpose(0, 3, 1, 2) if leaf.ndim == 4 else leaf, fabricate(model, 2)
    )
    with refused(model, "channels.*last|NHWC|transpose"):
        model.fit(tf.data.Dataset.from_tensors(batch), verbose=0)


def _labels(dtype):
    def row(name):
        model = eager(name)
        x, y = given(model)
        model.fit(x, y.astype(dtype), batch_size=2, verbose=0)
        assert int(model.step) == 2

    row.__name__ = f"labels_{dtype}"
    return row


def labels_in_a_column(name):
    # As `keras.datasets.cifar10` has them.
    model = eager(name)
    x, y = given(model)
    model.fit(x, y[:, None].astype("uint8"), batch_size=2, verbose=0)
    assert int(model.step) == 2


def _one_hot(dtype):
    def row(name):
        # Refused, not read: of a model with attributes as many columns would mean another thing.
        model = eager(name)
        x, y = given(model)
        with refused(model, "argmax"):
            codes = keras.utils.to_categorical(y, model.num_classes).astype(dtype)
            model.fit(x, codes, batch_size=2, verbose=0)

    row.__name__ = f"one_hot_{dtype}_is_refused"
    return row


def sets_of_unequal_length(name):
    # As `data.load` does it: an epoch shows every picture of the larger set.
    model = eager(name)
    a, b = fabricate(model, 3)
    model.fit((a, b[:2]), batch_size=1, verbose=0)
    assert int(model.step) == 3


def pairs_of_unequal_length_are_refused(name):
    model = eager(name)
    a, b = fabricate(model, 3)
    with refused(model, "3.*2"):
        model.fit((a, b[:2]), batch_size=1, verbose=0)


DTYPES = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
KINDS = [
    tf_records,
    a_smaller_last_batch,
    a_smaller_last_batch_of_arrays,
    (a_smaller_last_batch_with_several_discriminator_steps, PLAIN),
    (a_smaller_last_batch_with_packing, PLAIN),
    (a_last_batch_too_small_for_all_discriminator_steps, PLAIN),
    float_64,
    channels_first_is_refused,
    channels_first_in_a_dataset_is_refused,
    *[(_labels(dtype), LABELLED) for dtype in DTYPES],
    (labels_in_a_column, LABELLED),
    (_one_hot("float32"), LABELLED),
    (_one_hot("int64"), LABELLED),
    (sets_of_unequal_length, UNPAIRED),
    (pairs_of_unequal_length_are_refused, [n for n in TRANSLATORS if n not in UNPAIRED]),
]


@table(KINDS, quick=FEW)
def test_fit_takes_data_as_it_comes(habit, name, tmp_path):
    ask(habit, name, tmp_path)


# === Values ===


def _pictures(change):
    def spoil(batch):
        if isinstance(batch, tuple):
            return (change(batch[0]), *batch[1:])
        return change(batch)

    return spoil


FAULTS = {
    "0_to_255": (_pictures(lambda x: x * 127.5 + 127.5), "127.5"),
    "bytes": (_pictures(lambda x: (x * 127.5 + 127.5).astype("uint8")), "127.5"),
    "nan": (_pictures(lambda x: np.where(x > 0.9, np.float32("nan"), x)), "finite"),
    "infinite": (_pictures(lambda x: np.where(x > 0.9, np.float32("inf"), x)), "finite"),
    "label_too_high": (lambda batch: (batch[0], batch[1] + 100), "must be from 0 to"),
    "label_below_0": (lambda batch: (batch[0], batch[1] - 100), "must be from 0 to"),
}


def _value_rows(names, quick, later=False):
    rows = []
    for carrier in carriers.ALL:
        for fault in FAULTS:
            for name in names:
                if fault.startswith("label") and name not in LABELLED:
                    continue
                if fault == "bytes" and later:
                    continue  # batches of one set have one dtype
                marks = [] if name == "cdcgan" and fault in quick else [pytest.mark.large]
                rows.append(
                    pytest.param(carrier, fault, name, marks=marks, id=f"{carrier}-{fault}-{name}")
                )
    return pytest.mark.parametrize(("carrier", "fault", "name"), rows)


@_value_rows(["cdcgan", "dcgan", "pix2pix"], ["0_to_255", "bytes", "label_too_high"])
def test_fit_refuses_values_that_cannot_be(carrier, fault, name):
    model = eager(name)
    spoil, message = FAULTS[fault]
    batches = [spoil(batch) for batch in batches_of(model, 1, 2)]
    with refused(model, message):
        model.fit(**carriers.ALL[carrier](model, batches), verbose=0)


@_value_rows(["cdcgan"], ["nan", "label_too_high"], later=True)
def test_fit_learns_nothing_from_a_later_batch_that_cannot_be(carrier, fault, name):
    # Of arrays all is looked at before the first step; of what streams, each batch as it comes.
    model = eager(name)
    spoil, message = FAULTS[fault]
    first, second = batches_of(model, 2, 4)
    arguments = carriers.ALL[carrier](model, [first, spoil(second)])
    with pytest.raises(ValueError, match=message):
        model.fit(**arguments, verbose=0)
    assert int(model.step) <= 1
    assert all(np.isfinite(weight).all() for weight in snapshot(model.weights))


# Pictures in [0, 1] cannot be told from bright ones in [-1, 1] for certain. But Keras' tutorials
# divide by 255, nothing would fail in a training on them (half of tanh's range goes unused, what is
# sampled looks washed out), and four pictures without one value darker than middle grey are next to
# none. So: of arrays and of first batches of four or more they are refused, of fewer only where the
# values are bytes divided by 255.


def pictures_from_0_to_1_are_refused(name):
    model = eager(name)
    x, y = given(model)
    x = tf.nest.map_structure(lambda leaf: leaf / 2 + 0.5, x)
    with refused(model, r"\[0, 1\].*\* 2 - 1"):
        model.fit(x, y, batch_size=2, verbose=0)


def _bright(model, size, change=lambda x: x):
    batch = tf.nest.map_structure(
        lambda leaf: change(leaf / 2 + 0.5) if leaf.ndim == 4 else leaf, fabricate(model, size)
    )
    return tf.data.Dataset.from_tensors(batch)


def a_first_batch_from_0_to_1_is_refused(name):
    model = eager(name)
    with refused(model, r"\[0, 1\].*\* 2 - 1"):
        model.fit(_bright(model, 4), verbose=0)


def one_picture_of_bytes_by_255_is_refused(name):
    model = eager(name)
    with refused(model, r"\[0, 1\].*\* 2 - 1"):
        model.fit(
            _bright(model, 1, lambda x: (np.round(x * 255) / 255).astype("float32")), verbose=0
        )


def one_bright_picture_is_a_picture(name):
    # Bytes at -1 to 1 are odd multiples of 1 / 255.
    model = eager(name)
    odd = _bright(model, 1, lambda x: ((np.round(x * 127) * 2 + 1) / 255).astype("float32"))
    model.fit(odd, verbose=0)
    assert int(model.step) == 1


def dark_pictures_are_pictures(name):
    model = eager(name)
    x, y = given(model)
    x = tf.nest.map_structure(lambda leaf: leaf / 2 - 0.5, x)
    model.fit(x, y, batch_size=2, verbose=0)
    assert int(model.step) == 2


def nothing_is_refused(name):
    model = eager(name)
    x, y = given(model)
    with refused(model, "no pictures"):
        empty = tf.nest.map_structure(lambda leaf: leaf[:0], x)
        model.fit(empty, None if y is None else y[:0], batch_size=2, verbose=0)


def an_empty_dataset_is_refused(name):
    model = eager(name)
    data = tf.data.Dataset.from_tensors(fabricate(model, 2)).take(0)
    with refused(model, "no pictures|no batch"):
        model.fit(data, verbose=0)


VALUES = [
    pictures_from_0_to_1_are_refused,
    a_first_batch_from_0_to_1_is_refused,
    one_picture_of_bytes_by_255_is_refused,
    (one_bright_picture_is_a_picture, TRANSLATORS),
    dark_pictures_are_pictures,
    nothing_is_refused,
    an_empty_dataset_is_refused,
]


@table(VALUES, quick=FEW)
def test_fit_looks_at_values(habit, name, tmp_path):
    ask(habit, name, tmp_path)
