"""Labels asked for by name in Python: `sample`, sheets, files, and what is refused."""

import numpy as np
import pytest
from fabrication import tiny

import keras_gans
from keras_gans import data, zoo
from keras_gans.core.conditioning import Conditions
from keras_gans.core.label_names import counted
from keras_gans.core.signature import Labels, draws
from keras_gans.images import grids

CONDITIONAL = [
    name
    for name in sorted({zoo.entry(name).family: name for name in zoo.names()}.values())
    if draws(model := tiny(name))
    and any(isinstance(role, Labels) for role in model.batch_roles().values())
]
NAMES = {
    "heads": {"garment": ["Dress", "Coat", "Bag"], "colour": ["red", "Blue"]},
    "attributes": ["Smiling", "Male"],
}


@pytest.fixture(scope="module")
def clothes():
    model = tiny("cgan", num_classes=(3, 2), num_attributes=2)
    model.label_names = NAMES
    return model


@pytest.mark.parametrize("name", CONDITIONAL)
def test_every_conditional_entry_samples_by_name(name):
    model = tiny(name, num_classes=3, num_attributes=0)
    model.label_names = ["Shirt", "Coat", "Bag"]
    for asked, numbers in (
        ("Bag", 2), (["Bag", "Coat"], [2, 1]), (("bag", 0), [2, 0]), (["2", "Shirt"], [2, 0]),
        (np.array(["Coat", "Bag"]), [1, 2]),
    ):  # fmt: skip
        by_name, by_number = (model.sample(labels=one, seed=3) for one in (asked, numbers))
        np.testing.assert_array_equal(by_name, by_number)
    np.testing.assert_array_equal(
        model.generate(labels="Bag", seed=1), model.sample(labels=2, seed=1)
    )


def test_several_heads_and_attributes_are_asked_for_by_name(clothes):
    for asked, numbers in (
        ("Coat,blue", [1, 1]),
        (["Coat", "Blue"], [1, 1]),
        (["Coat,blue", "Dress,red"], [[1, 1], [0, 0]]),
        ([["Coat", "Blue"], ["Bag", 0]], [[1, 1], [2, 0]]),
    ):
        np.testing.assert_array_equal(clothes.numbered(asked)[0], numbers)
    for asked, values in (
        ({"Male": True}, [0, 1]),
        ({"smiling": 1, "Male": False}, [1, 0]),
        ({"Male": [True, False, True]}, [[0, 1], [0, 0], [0, 1]]),
        ("Smiling", [1, 0]),
        (["Smiling", "!Male"], [1, 0]),
        ([1, 1], [1, 1]),
    ):
        np.testing.assert_array_equal(clothes.numbered(None, asked)[1], values)
    by_name = clothes.sample(2, labels="Bag,red", attributes={"Male": True}, seed=0)
    by_number = clothes.sample(2, labels=[2, 0], attributes=[0, 1], seed=0)
    np.testing.assert_array_equal(by_name, by_number)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"labels": "Dres,red"}, "Unknown class of 'garment': 'Dres'. Did you mean 'Dress'.*Coat"),
        ({"labels": "Dress"}, "2 classes with commas.*one of each of garment, colour.*'Dress'"),
        ({"labels": "Dress,7"}, "Labels of head 1 must be from 0 to 1"),
        ({"attributes": {"Smilling": True}}, "Unknown attribute: 'Smilling'. Did you mean 'Smil"),
        ({"attributes": {"Male": "yes"}}, "'Male' is on or off, True or False.*'yes'"),
        ({"attributes": ["Male", "!male"]}, "cannot be on and off"),
        ({"attributes": {"Male": [1, 0], "Smiling": [1, 0, 1]}}, "as many as there are pictures"),
        ({"attributes": [["Male"], ["Smiling"]]}, "one value for each picture"),
    ],
)
def test_what_is_not_known_is_refused_by_name(clothes, asked, message):
    with pytest.raises(ValueError, match=message):
        clothes.sample(**asked)


def test_a_model_without_names_says_so():
    model = tiny("cgan", num_classes=3, num_attributes=2)
    assert model.label_names is None
    with pytest.raises(ValueError, match="Unknown class: 'Bag'. Give a number.*no names are known"):
        model.sample(labels=["Bag"])
    with pytest.raises(ValueError, match="Unknown attribute: 'Male'.*attribute_0, attribute_1"):
        model.sample(attributes={"Male": True})
    one_head = tiny("cgan", num_classes=3)
    with pytest.raises(ValueError, match="takes no attributes: leave `attributes` out"):
        one_head.sample(attributes={"Male": True})
    assert one_head.sample(labels="2", seed=0).shape[0] == 16


def test_names_that_differ_by_case_only_are_told_apart():
    model = tiny("cgan", num_classes=4)
    model.label_names = ["a", "A", "b", "B"]
    np.testing.assert_array_equal(model.numbered(["A", "a", "B"])[0], [1, 0, 3])
    model.label_names = ["Tee", "TEE", "b", "B"]
    with pytest.raises(ValueError, match="'tee' may be 'Tee' or 'TEE': give it letter for letter"):
        model.sample(labels="tee")


def test_names_must_be_those_of_the_models_labels(clothes):
    model = tiny("cgan", num_classes=3)
    for wrong, message in (
        (["a", "b"], "num_classes=3.*names of .2. classes"),
        ([1, 2, 3], "names of its classes"),
        (NAMES, "num_attributes=0"),
    ):
        with pytest.raises(ValueError, match=message):
            model.label_names = wrong
    assert model.label_names is None


def test_names_go_with_the_model_into_files_and_presets(clothes, tmp_path):
    clothes.compile()
    clothes.save(tmp_path / "model.keras")
    zoo.save_to_preset(clothes, tmp_path / "preset")
    for again in (zoo.load(tmp_path / "model.keras"), zoo.from_preset(tmp_path / "preset")):
        assert again.label_names == NAMES
        np.testing.assert_array_equal(
            again.sample(1, labels="Coat,red", seed=0), clothes.sample(1, labels=[1, 0], seed=0)
        )


def test_fit_takes_names_from_the_data_and_shipped_weights_have_theirs():
    model = tiny("cdcgan_fashion")
    batches = data.load("bundled:fashion_mnist", model, batch_size=4)
    model.fit(batches, steps_per_epoch=1, verbose=0)
    names = data.label_names("bundled:fashion_mnist")
    assert model.label_names["heads"] == {head: list(n) for head, n in names["heads"].items()}
    assert model.sample(labels=["Bag", "Coat"]).shape[0] == 2
    shipped = zoo.get("cdcgan_fashion", pretrained=True)
    assert shipped.label_names["heads"] == model.label_names["heads"]
    with pytest.raises(ValueError, match="'Sneeker'. Did you mean 'Sneaker'"):
        shipped.sample(labels="Sneeker")


def test_sheets_take_names_and_write_them(clothes):
    for draw in (grids.samples, grids.interpolation):
        for asked, numbers in (
            ({"labels": ["Coat,blue"]}, {"labels": [[1, 1]]}),
            ({"attributes": {"Male": True}}, {"attributes": [0, 1]}),
        ):
            by_name, by_number = draw(clothes, 2, **asked), draw(clothes, 2, **numbers)
            assert by_name.tobytes() == by_number.tobytes()
    groups = [0], [1], [2]
    by_name = grids.arithmetic(clothes, *groups, "Coat,blue", attributes="Male")
    by_number = grids.arithmetic(clothes, *groups, [1, 1], attributes=[0, 1])
    assert by_name.tobytes() == by_number.tobytes()
    unnamed = grids.samples(clothes, 2, names={"heads": {"a": (), "b": ()}, "attributes": ()})
    assert unnamed.size != grids.samples(clothes, 2).size


def test_exports_name_what_the_model_knows_by_name(clothes, tmp_path):
    manifest = keras_gans.export.export(clothes, tmp_path / "exported", formats=("onnx",))
    about = {tensor.name: tensor.about for tensor in manifest.files[0].inputs}
    assert about["label_1"]["classes"] == ["red", "Blue"] and about["label_1"]["head"] == "colour"
    assert about["attributes"]["names"] == ["Smiling", "Male"]


def test_values_are_counted_alone_and_together():
    found = counted(Conditions((3, 2), 1), np.array([[0, 1, 1], [0, 0, 1], [2, 1, 0]]))
    assert found["pictures"] == 3
    assert found["together"] == [
        [2, 0, 0, 1, 1, 2],
        [0, 0, 0, 0, 0, 0],
        [0, 0, 1, 0, 1, 0],
        [1, 0, 0, 1, 0, 1],
        [1, 0, 1, 0, 2, 1],
        [2, 0, 0, 1, 1, 2],
    ]
    assert counted(Conditions(2), np.array([0, 1, 1]))["together"] == [[1, 0], [0, 2]]


def test_what_training_hardly_had_is_said(clothes):
    assert clothes.seldom("Dress,red", "Smiling") == []  # nothing is known
    counts = np.full((7, 7), 50)
    counts[0, 3] = counts[3, 0] = 2  # red dresses, of 5,000
    counts[6, 6] = 0
    clothes.label_names = {**NAMES, "pictures": 5_000, "together": counts.tolist()}
    assert clothes.seldom("Dress,Blue", "Smiling") == []
    (said,) = clothes.seldom(["Coat,red", "Dress,red"])
    assert said.startswith("Of 5000 training pictures 2 had 'Dress' and 'red' together")
    assert "0 had 'Male':" in clothes.seldom("Dress,Blue", "Male")[0]
    clothes.label_names = NAMES


@pytest.mark.parametrize(
    "counts", [{"together": [[1]]}, {"together": [[9]] * 7, "pictures": 5}, {"together": "many"}]
)
def test_counts_of_other_labels_are_refused(clothes, counts):
    with pytest.raises(ValueError, match="7 classes and attributes"):
        clothes.label_names = {**NAMES, **counts}


def test_fit_keeps_what_the_data_has_seldom(tmp_path):
    model = tiny("cdcgan", num_classes=(6, 8, 3), num_attributes=4)
    batches = data.load("bundled:avatars", model, batch_size=4, seed=0)
    model.fit(batches, steps_per_epoch=1, verbose=0)
    counts = np.asarray(model.label_names["together"])
    assert model.label_names["pictures"] == 7_000
    assert counts.shape == (21, 21) and (counts[:6, :6] == np.diag(counts.diagonal()[:6])).all()
    model.save(tmp_path / "kept.keras")
    assert zoo.load(tmp_path / "kept.keras").label_names == model.label_names
