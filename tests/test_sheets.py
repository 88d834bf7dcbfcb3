"""Sheets: pixels where they belong."""

import numpy as np
import pytest
from fabrication import tiny
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from keras_gans import latent, sheets


@given(st.integers(0, 255))
def test_uint8_round_trip(value):
    assert sheets.to_uint8(value / 127.5 - 1) == value


def test_uint8_clips():
    np.testing.assert_array_equal(sheets.to_uint8([-1.5, 1.5]), [0, 255])


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_lie_row_after_row(channels):
    values = np.linspace(-1, 1, 6)
    images = np.broadcast_to(values[:, None, None, None], (6, 64, 64, channels))
    canvas = np.asarray(sheets.sheet(images, columns=3))
    assert canvas.shape == (2 * 66 + 2, 3 * 66 + 2, 3)
    for index, value in enumerate(values):
        row, column = divmod(index, 3)
        tile = canvas[row * 66 + 2 : row * 66 + 66, column * 66 + 2 : column * 66 + 66]
        assert (tile == sheets.to_uint8(value)).all()


def test_small_pictures_are_enlarged_without_smoothing():
    images = np.random.default_rng(0).choice([-1.0, 1.0], (1, 16, 16, 1))
    canvas = np.asarray(sheets.sheet(images))
    assert set(np.unique(canvas)) == {0, 255}
    assert canvas.shape[0] == 64 + 4


def test_row_names_make_a_margin():
    images = np.zeros((2, 64, 64, 1))
    plain, named = sheets.sheet(images, 1), sheets.sheet(images, 1, ["Bag", "Ankle boot"])
    assert named.width > plain.width
    margin = np.asarray(named)[:, : named.width - plain.width]
    assert (margin < 128).any()


@pytest.mark.parametrize("shape", [(0, 8, 8, 1), (4, 8, 8), (4, 8, 8, 2)])
def test_refuses_what_is_no_picture(shape):
    with pytest.raises(ValueError, match="needs pictures of shape"):
        sheets.sheet(np.zeros(shape))


def test_save_is_whole_or_not_at_all(tmp_path, monkeypatch):
    picture = sheets.sheet(np.zeros((1, 64, 64, 1)))
    path = sheets.save(picture, tmp_path / "deep" / "s.png")
    assert Image.open(path).size == picture.size

    def broken(self, where, format):
        open(where, "wb").write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(Image.Image, "save", broken)
    with pytest.raises(OSError, match="disk full"):
        sheets.save(picture, tmp_path / "t.png")
    assert [p.name for p in tmp_path.iterdir()] == ["deep"]


def test_samples_show_the_model_s_pictures():
    model = tiny("dcgan", image_size=64)
    canvas = np.asarray(sheets.samples(model, 4, seed=5))
    expected = sheets.to_uint8(model.sample(4, seed=5))
    np.testing.assert_array_equal(canvas[2:66, 2:66], expected[0])
    np.testing.assert_array_equal(canvas[68:132, 68:132], expected[3])


def test_samples_have_a_row_for_each_class():
    model = tiny("cdcgan", image_size=64, num_classes=3)
    canvas = np.asarray(sheets.samples(model, 2, labels=[2, 0], seed=5))
    pictures = model.sample(labels=[2, 2, 0, 0], latents=latent.draw(4, 8, 5))
    right = canvas[:, -(2 * 66 + 2) :]
    np.testing.assert_array_equal(right[68:132, 2:66], sheets.to_uint8(pictures[2]))


@pytest.mark.parametrize("linear", [False, True])
def test_interpolation_starts_and_ends_at_its_latents(linear):
    model = tiny("dcgan", image_size=64)
    canvas = np.asarray(sheets.interpolation(model, 1, columns=5, linear=linear, seed=2))
    ends = sheets.to_uint8(model.sample(latents=latent.draw(2, 8, 2))).astype(int)
    assert np.abs(canvas[2:66, 2:66].astype(int) - ends[0]).max() <= 1
    assert np.abs(canvas[2:66, -66:-2].astype(int) - ends[1]).max() <= 1


def test_arithmetic_draws_groups_means_and_result():
    model = tiny("cdcgan", image_size=64)
    canvas = sheets.arithmetic(model, [0, 1], [2], [3], seed=4)
    z = latent.draw(4, 8, 4)
    result = latent.arithmetic(z[[0, 1]], z[[2]], z[[3]])
    expected = sheets.to_uint8(model.sample(labels=0, latents=result[None]))[0].astype(int)
    tiles = np.asarray(canvas)[:, -(8 * 66 + 2) :].astype(int)
    assert np.abs(tiles[3 * 66 + 2 : 3 * 66 + 66, 2:66] - expected).max() <= 1


def test_labels_for_a_model_without_classes_are_refused():
    with pytest.raises(ValueError, match="has no classes"):
        sheets.samples(tiny("dcgan"), labels=[1])
