"""Labels: one head, several, attributes; what models of any of them promise."""

import json
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from fabrication import fabricate, fabricated, same, snapshot, tiny
from hypothesis import given, settings
from hypothesis import strategies as st

import keras_gans
from keras_gans import zoo
from keras_gans.core.conditioning import Conditions

FORMS = {
    "heads": ({"num_classes": (3, 2)}, ["label_0", "label_1"]),
    "attributes": ({"num_classes": 0, "num_attributes": 4}, ["attributes"]),
    "head and attributes": ({"num_classes": 3, "num_attributes": 2}, ["label", "attributes"]),
    "heads and attributes": (
        {"num_classes": [3, 2], "num_attributes": 4},
        ["label_0", "label_1", "attributes"],
    ),
}
FAMILIES = ("cgan", "cdcgan")
EVERY_FAMILY = pytest.mark.parametrize("family", FAMILIES)

#: Every form in the smaller family and the fullest in both; the rest are slower checks.
EVERY_FORM_OF_EVERY_FAMILY = pytest.mark.parametrize(
    ("family", "form"),
    [
        pytest.param(
            family,
            form,
            marks=() if family == "cgan" or form == "heads and attributes" else pytest.mark.large,
        )
        for family in FAMILIES
        for form in FORMS
    ],
)


def made(family, form):
    return tiny(family, **FORMS[form][0])


# === What every form promises ===


@EVERY_FORM_OF_EVERY_FAMILY
def test_fit_moves_every_player(family, form):
    model = made(family, form)
    before = {player: snapshot(model.variables_of(player)) for player in model.players}
    history = model.fit(fabricated(model), verbose=0).history
    assert np.isfinite([values[0] for values in history.values()]).all()
    for player, old in before.items():
        moved = zip(old, model.variables_of(player), strict=True)
        assert not any(np.array_equal(one, other) for one, other in moved)


@EVERY_FORM_OF_EVERY_FAMILY
def test_labels_reach_both_players(family, form):
    model = made(family, form)
    image, labels = fabricate(model, 1)
    z = np.ones((1, model.latent_dim), "float32")
    for column, limit in enumerate(model.conditions.limits):
        other = labels.copy()
        other[0, column] = (other[0, column] + 1) % limit
        for network, first in ((model.generator, z), (model.discriminator, image)):
            assert not np.array_equal(network([first, labels]), network([first, other]))


@EVERY_FORM_OF_EVERY_FAMILY
def test_save_and_load_keep_everything(family, form, tmp_path):
    model = made(family, form)
    config = json.loads(json.dumps(model.get_config()))
    assert json.loads(json.dumps(type(model).from_config(config).get_config())) == config
    model.fit(fabricated(model), verbose=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        model.save(tmp_path / "model.keras")
        loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert same(snapshot(model.weights), loaded.weights)
    assert same(snapshot(model.weights), zoo.load(tmp_path / "model.keras").weights)
    assert loaded.conditions.limits == model.conditions.limits
    np.testing.assert_array_equal(model.sample(5, seed=1), loaded.sample(5, seed=1))
    loaded.fit(fabricated(loaded), verbose=0)


@EVERY_FORM_OF_EVERY_FAMILY
def test_predict_takes_labels_as_batches_hold_them(family, form):
    model = made(family, form)
    _, labels = fabricate(model, 3)
    z = np.random.default_rng(0).normal(size=(3, model.latent_dim)).astype("float32")
    heads = len(model.conditions.heads)
    asked = {
        **({"labels": labels[:, :heads]} if heads else {}),
        **({"attributes": labels[:, heads:]} if model.num_attributes else {}),
    }
    predicted = model.predict([z, labels], verbose=0)
    np.testing.assert_allclose(predicted, model.sample(latents=z, **asked), atol=1e-6)


@EVERY_FORM_OF_EVERY_FAMILY
def test_exports_are_fed_by_name(family, form, tmp_path):
    model = made(family, form)
    model.fit(fabricated(model), verbose=0)
    names = FORMS[form][1]
    heads = {f"head {n}": [f"c{c}" for c in range(size)]
             for n, size in enumerate(model.conditions.heads)}  # fmt: skip
    attributes = [f"a{n}" for n in range(model.num_attributes)]
    manifest = keras_gans.export.export(
        model, tmp_path / "out", classes=heads or None, attributes=attributes or None
    )
    assert {file.format for file in manifest.files} == {"saved_model", "onnx", "tflite"}
    for file in manifest.files:
        assert 0 <= file.max_difference <= file.tolerance <= 1e-4
        inputs = {tensor.name: tensor for tensor in file.inputs}
        assert set(inputs) == {"latent", *names}
        assert [tensor.name for tensor in file.outputs] == ["image"]
        for name, (head, classes) in zip(names, heads.items(), strict=False):
            about = inputs[name].about
            assert (inputs[name].dtype, inputs[name].shape) == ("int32", (None,))
            assert about["value_range"] == [0, len(classes) - 1] and about["classes"] == classes
            assert about.get("head") == (head if len(heads) > 1 else None)
        if attributes:
            assert inputs["attributes"].about == {
                "kind": "attributes", "value_range": [0, 1], "names": attributes,
            }  # fmt: skip


def test_a_named_export_gives_what_sample_gives(tmp_path):
    import onnxruntime

    model = made("cdcgan", "heads and attributes")
    model.export(tmp_path / "g.onnx", format="onnx")
    session = onnxruntime.InferenceSession(tmp_path / "g.onnx")
    z = np.random.default_rng(0).normal(size=(3, model.latent_dim)).astype("float32")
    labels = np.array([[2, 1], [0, 1], [1, 0]], "int32")
    attributes = np.array([[1, 0, 0, 1], [0, 1, 0, 0], [1, 1, 1, 1]], "int32")
    feed = {"latent": z, "label_0": labels[:, 0], "label_1": labels[:, 1]}
    (image,) = session.run(["image"], {**feed, "attributes": attributes})
    expected = model.sample(labels=labels, attributes=attributes, latents=z)
    np.testing.assert_allclose(image, expected, atol=2e-5)


@EVERY_FAMILY
def test_what_mixed_precision_trained_is_exported_in_float32(family, tmp_path):
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        model = made(family, "heads and attributes")
        record = model.export(tmp_path / "g.onnx", format="onnx")
    finally:
        keras.mixed_precision.set_global_policy("float32")
    assert record.max_difference <= record.tolerance
    assert {tensor.dtype for tensor in record.outputs} == {"float32"}


@EVERY_FORM_OF_EVERY_FAMILY
def test_inputs_of_their_own_never_take_a_layers_name(family, form):
    for beforehand in range(3):  # what else of its class the process has made
        model = made(family, form)
        for _ in range(beforehand):
            keras.ops.concatenate([keras.Input((1,)), keras.Input((1,))])
        (network,) = model.networks_to_export().values()
        names = [operation.name for operation in network.operations]
        assert len(set(names)) == len(names)


def test_exporting_leaves_the_generator_as_it_was(tmp_path):
    model = made("cdcgan", "heads")
    before = model.generator.get_config()
    model.export(tmp_path / "g.onnx", format="onnx")
    assert model.generator.get_config() == before
    assert [i.name for i in model.generator.inputs] == ["latent", "labels"]


# === Batches that are refused ===


def test_batch_spec_names_what_it_holds():
    def spec(**arguments):
        found = tiny("cgan", **arguments).batch_spec(5)[1]
        return found.name, tuple(found.shape), found.dtype

    assert spec() == spec(num_classes=(10,)) == ("label", (5,), tf.int32)
    assert spec(num_classes=np.int64(10)) == spec()
    assert spec(num_classes=(3, 2)) == ("labels", (5, 2), tf.int32)
    assert spec(num_classes=(), num_attributes=4) == ("attributes", (5, 4), tf.int32)
    assert spec(num_classes=3, num_attributes=4) == ("labels", (5, 5), tf.int32)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([[0, 2, 0, 0]] * 8, r"of head 1 must be from 0 to 1, because num_classes=\(3, 2\)"),
        ([[-1, 1, 0, 0]] * 8, "of head 0 must be from 0 to 2, .*from -1 to -1"),
        ([[0, 1, 0, 2]] * 8, "Attributes must be 0 or 1. Received 2 for attribute 1"),
        ([[0, 1, -1, 0]] * 8, "Attributes must be 0 or 1. Received -1 for attribute 0"),
        ([[0, 1]] * 8, r"2 heads .*\(3, 2\)\) and 2 attributes. Received: 2 columns"),
        ([[0, 1, 0, 0, 0]] * 8, r"must be int32 \(N, 4\).* Received: 5 columns"),
        ([0] * 8, r"Received: shape \(8,\)"),
    ],
)
def test_fit_refuses(labels, message):
    model = tiny("cdcgan", num_classes=(3, 2), num_attributes=2)
    images = np.zeros((8, 16, 16, 3), "float32")
    labels = np.array(labels)
    with pytest.raises(ValueError, match=message):
        model.fit(images, labels, verbose=0)
    data = tf.data.Dataset.from_tensor_slices((images, labels.astype("int32"))).batch(8)
    message = message.replace(r"\(8,\)", r"\(None,\)")
    with pytest.raises(ValueError, match=message):
        model.fit(data, verbose=0)


def test_fit_refuses_float_attributes():
    model = tiny("cdcgan", num_classes=0, num_attributes=2)
    with pytest.raises(ValueError, match=r"int32\[any, 2\]\). Received: .*float32\[8, 2\]"):
        model.fit(np.zeros((8, 16, 16, 3), "float32"), np.ones((8, 2), "float32"), verbose=0)


def test_fit_takes_arrays():
    model = tiny("cgan", num_classes=(3, 2), discriminator_steps=2)
    images, labels = fabricate(model, 4)
    model.fit(images, labels, batch_size=2, verbose=0)
    assert int(model.step) == 2


@EVERY_FAMILY
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_classes": 0}, "needs classes, attributes or both. Received: num_classes=0"),
        ({"num_classes": (3, 0)}, r"`num_classes` must be .*Received: \(3, 0\)"),
        ({"num_classes": "ten"}, "`num_classes` must be .*Received: 'ten'"),
        ({"num_classes": -1}, "`num_classes` must be .*Received: -1"),
        ({"num_attributes": -1}, "`num_attributes` must be .*Received: -1"),
        ({"num_attributes": 1.5}, "`num_attributes` must be .*Received: 1.5"),
    ],
)
def test_models_that_cannot_be(family, arguments, message):
    with pytest.raises(ValueError, match=message):
        tiny(family, **arguments)


# === To sample by ===


@settings(max_examples=30)
@given(labels=st.lists(st.integers(0, 6), min_size=1, max_size=20))
def test_labels_stay_as_asked(labels):
    assert Conditions(7).each(labels).tolist() == labels


@settings(max_examples=30)
@given(rows=st.lists(st.tuples(*[st.integers(0, 1)] * 3), min_size=1, max_size=20))
def test_columns_stay_as_asked(rows):
    rows = np.array(rows)
    both = Conditions((2, 2), 1).each(rows[:, :2], rows[:, 2:])
    assert both.tolist() == rows.tolist()


def test_what_is_drawn_where_nothing_is_said():
    assert Conditions(3).each(count=5).tolist() == [0, 1, 2, 0, 1]
    assert Conditions(3).each(2, count=4).tolist() == [2, 2, 2, 2]
    assert Conditions(3).each(latents=np.zeros((2, 8))).tolist() == [0, 1]
    assert len(Conditions(3).each()) == 16
    combinations = Conditions((3, 2)).each(count=7).tolist()
    assert combinations == [[0, 0], [0, 1], [1, 0], [1, 1], [2, 0], [2, 1], [0, 0]]
    assert Conditions(0, 2).each(count=4).tolist() == [[0, 0], [1, 0], [0, 1], [0, 0]]
    assert Conditions(2, 2).each(count=2).tolist() == [[0, 0, 0], [1, 0, 0]]


@pytest.mark.parametrize("form", FORMS)
def test_drawn_labels_take_every_value_evenly(form):
    conditions = Conditions(**FORMS[form][0])
    first, again, other = (conditions.draw(3000, seed) for seed in (0, 0, 1))
    assert first.dtype == "int32" and np.array_equal(first, again)
    assert not np.array_equal(first, other)
    conditions.check(first)
    for column, limit in zip(first.T, conditions.limits, strict=True):
        np.testing.assert_allclose(np.bincount(column) / 3000, 1 / limit, atol=0.04)


@EVERY_FAMILY
def test_averages_are_taken_over_labels_of_all_kinds(family):
    model = tiny(family, num_classes=100, num_attributes=3)
    labels = np.concatenate([model.draw_labels(64, seed=batch)[0] for batch in range(16)])
    assert labels[:, 0].max() > 90 and len(set(labels[:, 0])) > 90
    assert (np.abs(labels[:, 1:].mean(0) - 0.5) < 0.1).all()


def test_numbers_beyond_32_bits_are_no_classes():
    with pytest.raises(ValueError, match="from 0 to 2"):
        Conditions(3).each([2**32 + 1])


def test_words_are_no_labels():
    model = tiny("cdcgan")
    images, labels = fabricate(model)
    with pytest.raises(ValueError, match="int32|integers"):
        model.fit(images, labels.astype(str), verbose=0)


def test_one_row_stands_for_all_pictures():
    assert Conditions((3, 2)).each([2, 1], count=2).tolist() == [[2, 1], [2, 1]]
    assert Conditions(0, 2).each(attributes=[True, False], count=2).tolist() == [[1, 0]] * 2
    assert Conditions(3, 1).each(1, [[0.0], [1.0]]).tolist() == [[1, 0], [1, 1]]


@pytest.mark.parametrize(
    ("conditions", "arguments", "message"),
    [
        (Conditions(3), {"labels": [0, 3]}, "from 0 to 2"),
        (Conditions(3), {"labels": [0, 1], "count": 3}, "agree on how many"),
        (Conditions(3), {"labels": [0, 1], "latents": np.zeros((3, 8))}, "agree on how many"),
        (Conditions(3), {"labels": [0.5]}, "must be integers"),
        (Conditions(3), {"labels": [[0, 1]]}, "1 head .*Received: \\(1, 2\\)"),
        (Conditions(3), {"attributes": [1]}, "takes no attributes"),
        (Conditions(0, 2), {"labels": [1]}, "takes no labels"),
        (Conditions(0, 2), {"attributes": [0, 2]}, "must be 0 or 1. Received 2"),
        (Conditions(0, 2), {"attributes": [0.5, 0]}, "must be 0 or 1. Received 0.5"),
        (Conditions(0, 2), {"attributes": [1]}, r"2 attributes. Received: \(1,\)"),
        (Conditions((3, 2)), {"labels": [0, 1, 1]}, r"2 heads .*Received: \(3,\)"),
        (Conditions((3, 2)), {"labels": [[0, 2]]}, "of head 1 must be from 0 to 1"),
        (
            Conditions((3, 2), 1),
            {"labels": [[0, 0]] * 2, "attributes": [[1]] * 3},
            "labels: 2, attributes: 3",
        ),
    ],
)
def test_sampling_refuses(conditions, arguments, message):
    with pytest.raises(ValueError, match=message):
        conditions.each(**arguments)
