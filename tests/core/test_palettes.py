"""Label maps and their palettes."""

import numpy as np
import pytest

from keras_gans.core import label_maps
from keras_gans.core.label_maps import Palette, UnknownClassesError
from keras_gans.core.signature import LabelMap

PALETTE = Palette(("#000000", "#ff0000", "#00ff80"), ("ground", "brick", "leaf"))


def test_colours_and_numbers_are_the_same_map():
    maps = np.random.default_rng(0).integers(0, 3, (2, 5, 7))
    shown = PALETTE.shown(maps)
    assert shown.shape == (2, 5, 7, 3) and shown.dtype == np.float32
    np.testing.assert_allclose(shown[maps == 1], [[1, -1, -1]] * (maps == 1).sum())
    pixels = np.uint8(np.rint((shown[0] + 1) * 127.5))
    np.testing.assert_array_equal(PALETTE.numbers(pixels), maps[0])
    assert Palette.from_json(PALETTE.to_json()) == PALETTE


def test_unknown_colours_are_counted_with_the_nearest():
    pixels = np.zeros((4, 5, 3), "uint8")
    pixels[0, :3] = (250, 2, 0)
    message = (
        r"3 of its 20 pixels have 1 colours .* #fa0200 \(3 pixels; the nearest is #ff0000, brick"
    )
    with pytest.raises(UnknownClassesError, match=message) as caught:
        PALETTE.numbers(pixels)
    assert "smoothly" not in str(caught.value)
    pixels[1:3, :, 0] = np.arange(1, 11).reshape(2, 5)
    with pytest.raises(UnknownClassesError, match="11 colours.*resized smoothly, or saved as JPEG"):
        PALETTE.numbers(pixels)


@pytest.mark.parametrize("classes", [2, 3, 12, 151, 256])
def test_the_usual_palette_has_a_colour_for_each_class(classes):
    palette = Palette.usual(classes)
    assert len({*palette.colors}) == len(palette.colors) == classes
    assert palette == Palette.usual(classes)
    numbers = np.arange(classes)[None]
    pixels = np.uint8(np.rint((palette.shown(numbers) + 1) * 127.5))
    np.testing.assert_array_equal(palette.numbers(pixels), numbers)


@pytest.mark.parametrize(
    ("colors", "names", "message"),
    [
        (("#000000",), (), "from 2 to 256 colours. Received: 1"),
        (("#000000", "red"), (), "'#rrggbb'.*'red'"),
        (("#00000f", "#00000F"), (), "Two classes .* #00000F"),
        (("#000000", "#ffffff"), ("ground",), "2 classes or none. Received: 1"),
    ],
)
def test_palettes_that_are_none_are_refused(colors, names, message):
    with pytest.raises(ValueError, match=message):
        Palette(colors, names)


@pytest.mark.parametrize("value", [None, [], {"names": []}, {"colors": "#000000"}, {"colors": 3}])
def test_json_that_is_no_palette_is_refused(value):
    with pytest.raises(ValueError, match="A palette is"):
        Palette.from_json(value)


def test_maps_are_scaled_by_nearest_pixels():
    small = np.random.default_rng(0).integers(0, 9, (4, 6)).astype("int32")
    large = label_maps.resized(small, (12, 12))
    np.testing.assert_array_equal(large, small.repeat(3, axis=0).repeat(2, axis=1))
    assert large.dtype == np.int32
    np.testing.assert_array_equal(label_maps.resized(large, (4, 6)), small)


def test_one_map_is_a_batch_of_one():
    assert label_maps.checked(np.zeros((3, 4), "uint8"), 2).shape == (1, 3, 4)
    assert label_maps.checked(np.zeros((2, 3, 4), "int64"), 2).dtype == np.int32
    with pytest.raises(ValueError, match=r"2 of 12 pixels .* from 4 to 9; classes are 0 to 3"):
        label_maps.checked(np.array([[4, 9, 0]] + [[0, 0, 0]] * 3), 4)


def test_the_role_describes_itself():
    role = LabelMap(32, 64, classes=3, palette=PALETTE, multiple_of=32)
    spec = role.spec(4, "source")
    assert spec.shape == (4, 32, 64) and spec.dtype == "int32"
    assert role.describe() == {
        "kind": "label_map",
        "value_range": [0, 2],
        "classes": ["ground", "brick", "leaf"],
        "palette": ["#000000", "#ff0000", "#00ff80"],
        "multiple_of": 32,
    }
    assert "classes" not in LabelMap(None, None, classes=3).describe()
