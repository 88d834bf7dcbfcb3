import numpy as np
import pytest

from keras_gans import data


@pytest.fixture
def three_classes(tmp_path, save):
    for label, name in enumerate(("ape", "bee", "cat")):
        for number in range(3):
            save(tmp_path / name / f"{number}.png", 10 * label + number)
    return f"folder:{tmp_path}"


def test_labels_stay_with_their_pictures(three_classes, make_model, levels, labels):
    batches = data.load(three_classes, make_model(num_classes=3, batch_size=9), seed=1)
    batch = list(batches)
    assert sorted(levels(batch)) == [0, 1, 2, 10, 11, 12, 20, 21, 22]
    assert labels(batch) == [level // 10 for level in levels(batch)]


def test_a_model_without_classes_gets_no_labels(three_classes, make_model, levels):
    batches = data.load(three_classes, make_model(), shuffle=False, drop_remainder=False)
    assert levels(batches) == [0, 1, 2, 10, 11, 12, 20, 21, 22]


@pytest.mark.parametrize("num_classes", [2, 4])
def test_another_number_of_classes_is_refused(three_classes, make_model, num_classes):
    with pytest.raises(
        ValueError,
        match=f"has 3 classes, but the model is built for num_classes={num_classes}. "
        r"Use zoo.get\(..., num_classes=3\)",
    ):
        data.load(three_classes, make_model(num_classes=num_classes))


def test_pictures_without_labels_are_refused_for_classes(make_model, tmp_path, save):
    for number in range(8):
        save(tmp_path / f"{number}.png", number)
    with pytest.raises(
        ValueError, match=r"has no labels \(.*subfolders.*but Model learns classes. Use"
    ):
        data.load(f"folder:{tmp_path}", make_model(num_classes=3))


@pytest.mark.parametrize("channels", [2, 4, None])
def test_channels_no_picture_has_are_refused(make_model, channels):
    with pytest.raises(ValueError, match=f"built for {channels} channels. Use image_channels=1"):
        data.load("bundled:fashion_mnist", make_model(8, channels))


def test_a_model_of_any_size_is_refused(make_model):
    with pytest.raises(ValueError, match="Build the model with an image_size"):
        data.load("bundled:fashion_mnist", make_model((None, None), 3))


def test_fit_reaches_the_converter(make_model, tmp_path, save):
    wide = np.zeros((8, 24), np.uint8)
    wide[:, :8] = 255
    for number in range(4):
        save(tmp_path / f"{number}.png", wide)
    source = f"folder:{tmp_path}"
    cropped = next(iter(data.load(source, make_model())))
    stretched = next(iter(data.load(source, make_model(), fit="stretch")))
    assert cropped.numpy().max() == -1 and stretched.numpy().max() > 0.9
