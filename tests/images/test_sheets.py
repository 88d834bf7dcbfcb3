"""Sheets: pixels where they belong."""

import numpy as np
import pytest
from fabrication import tiny
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from keras_gans import latent
from keras_gans.images import grids


@given(st.integers(0, 255))
def test_uint8_round_trip(value):
    assert grids.to_uint8(value / 127.5 - 1) == value


def test_uint8_clips():
    np.testing.assert_array_equal(grids.to_uint8([-1.5, 1.5]), [0, 255])


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_lie_row_after_row(channels):
    values = np.linspace(-1, 1, 6)
    images = np.broadcast_to(values[:, None, None, None], (6, 64, 64, channels))
    canvas = np.asarray(grids.sheet(images, columns=3))
    assert canvas.shape == (2 * 66 + 2, 3 * 66 + 2, 3)
    for index, value in enumerate(values):
        row, column = divmod(index, 3)
        tile = canvas[row * 66 + 2 : row * 66 + 66, column * 66 + 2 : column * 66 + 66]
        assert (tile == grids.to_uint8(value)).all()


def test_small_pictures_are_enlarged_without_smoothing():
    images = np.random.default_rng(0).choice([-1.0, 1.0], (1, 16, 16, 1))
    canvas = np.asarray(grids.sheet(images))
    assert set(np.unique(canvas)) == {0, 255}
    assert canvas.shape[0] == 64 + 4


def test_row_names_make_a_margin():
    images = np.zeros((2, 64, 64, 1))
    plain, named = grids.sheet(images, 1), grids.sheet(images, 1, ["Bag", "Ankle boot"])
    assert named.width > plain.width
    margin = np.asarray(named)[:, : named.width - plain.width]
    assert (margin < 128).any()


@pytest.mark.parametrize("shape", [(0, 8, 8, 1), (4, 8, 8), (4, 8, 8, 2)])
def test_refuses_what_is_no_picture(shape):
    with pytest.raises(ValueError, match="needs pictures of shape"):
        grids.sheet(np.zeros(shape))


def test_save_is_whole_or_not_at_all(tmp_path, monkeypatch):
    picture = grids.sheet(np.zeros((1, 64, 64, 1)))
    path = grids.save(picture, tmp_path / "deep" / "s.png")
    assert Image.open(path).size == picture.size

    def broken(self, where, format):
        open(where, "wb").write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(Image.Image, "save", broken)
    with pytest.raises(OSError, match="disk full"):
        grids.save(picture, tmp_path / "t.png")
    assert [p.name for p in tmp_path.iterdir()] == ["deep"]


def test_samples_show_the_model_s_pictures():
    model = tiny("dcgan", image_size=64)
    canvas = np.asarray(grids.samples(model, 4, seed=5))
    expected = grids.to_uint8(model.sample(4, seed=5))
    np.testing.assert_array_equal(canvas[2:66, 2:66], expected[0])
    np.testing.assert_array_equal(canvas[68:132, 68:132], expected[3])


@pytest.mark.parametrize(("distribution", "truncation"), [("uniform", None), ("normal", 0.5)])
def test_sheets_show_the_latents_of_the_game_or_those_asked_for(distribution, truncation):
    model = tiny("dcgan", image_size=64, latent_distribution=distribution)
    latents = model.draw_latents(4, 5, truncation)
    assert np.abs(latents).max() <= (truncation or 1)
    shown, sample = [], model.sample
    model.sample = lambda latents: shown.append(latents[0]) or sample(latents=latents)
    how = {"seed": 5, "truncation": truncation}
    grids.samples(model, 4, **how)
    grids.interpolation(model, 2, columns=2, **how)
    grids.arithmetic(model, [0], [1], [3], **how)
    for first in shown[:3]:
        np.testing.assert_allclose(first, latents[0], atol=1e-6)


def test_samples_have_a_row_for_each_class():
    model = tiny("cdcgan", image_size=64, num_classes=3)
    canvas = np.asarray(grids.samples(model, 2, labels=[2, 0], seed=5))
    pictures = model.sample(labels=[2, 2, 0, 0], latents=latent.draw(4, 8, 5))
    right = canvas[:, -(2 * 66 + 2) :]
    np.testing.assert_array_equal(right[68:132, 2:66], grids.to_uint8(pictures[2]))


@pytest.mark.parametrize("linear", [False, True])
def test_interpolation_starts_and_ends_at_its_latents(linear):
    model = tiny("dcgan", image_size=64)
    canvas = np.asarray(grids.interpolation(model, 1, columns=5, linear=linear, seed=2))
    ends = grids.to_uint8(model.sample(latents=latent.draw(2, 8, 2))).astype(int)
    assert np.abs(canvas[2:66, 2:66].astype(int) - ends[0]).max() <= 1
    assert np.abs(canvas[2:66, -66:-2].astype(int) - ends[1]).max() <= 1


def test_arithmetic_draws_groups_means_and_result():
    model = tiny("cdcgan", image_size=64)
    canvas = grids.arithmetic(model, [0, 1], [2], [3], seed=4)
    z = latent.draw(4, 8, 4)
    result = latent.arithmetic(z[[0, 1]], z[[2]], z[[3]])
    expected = grids.to_uint8(model.sample(labels=0, latents=result[None]))[0].astype(int)
    tiles = np.asarray(canvas)[:, -(8 * 66 + 2) :].astype(int)
    assert np.abs(tiles[3 * 66 + 2 : 3 * 66 + 66, 2:66] - expected).max() <= 1


NAMES = {"heads": {"colour": ["red", "blue"], "kind": ["hat", "cap", "bag"]}, "attributes": ["new"]}


def drawn(monkeypatch, draw, model, *arguments, **options):
    """What the model is asked for, and the names of the rows."""
    asked, rows = {}, []
    sample, sheet = model.sample, grids.sheet
    monkeypatch.setattr(model, "sample", lambda **given: asked.update(given) or sample(**given))

    def noted(images, columns=None, row_names=None, numbers=False):
        rows.extend(row_names or [])
        return sheet(images, columns, row_names, numbers)

    monkeypatch.setattr(grids, "sheet", noted)
    draw(model, *arguments, **options)
    return {name: np.asarray(values).tolist() for name, values in asked.items()}, rows


def test_several_heads_and_attributes_have_rows(monkeypatch):
    model = tiny("cdcgan", num_classes=(2, 3), num_attributes=1)
    asked, rows = drawn(monkeypatch, grids.samples, model, 2, names=NAMES)
    assert rows == ["red", "blue", "new"]
    assert asked["labels"] == [[0, 0], [0, 1], [1, 0], [1, 1], [0, 0], [0, 1]]
    assert asked["attributes"] == [[0], [0], [0], [0], [1], [1]]


def test_rows_that_are_asked_for(monkeypatch):
    model = tiny("cdcgan", num_classes=(2, 3), num_attributes=1)
    asked, rows = drawn(
        monkeypatch, grids.samples, model, 1, [[1, 2], [0, 0]], attributes=[1], names=NAMES
    )
    assert rows == ["blue, bag", "red, hat"]
    assert asked["labels"] == [[1, 2], [0, 0]] and asked["attributes"] == [[1], [1]]


def test_attributes_alone_have_a_row_each_after_one_with_none(monkeypatch):
    model = tiny("cdcgan", num_classes=0, num_attributes=2)
    asked, rows = drawn(monkeypatch, grids.samples, model, 1)
    assert rows == ["none", "attribute 0", "attribute 1"] and "labels" not in asked
    assert asked["attributes"] == [[0, 0], [1, 0], [0, 1]]
    asked, rows = drawn(monkeypatch, grids.interpolation, model, columns=2, attributes=[1, 1])
    assert asked["attributes"] == [[1, 1]] * 2
    asked, _ = drawn(monkeypatch, grids.arithmetic, model, [0], [1], [2], attributes=[0, 1])
    assert asked["attributes"] == [0, 1]


def test_labels_the_model_does_not_take_are_refused():
    with pytest.raises(ValueError, match="has no classes"):
        grids.samples(tiny("dcgan"), labels=[1])
    with pytest.raises(ValueError, match="has no attributes"):
        grids.interpolation(tiny("cdcgan"), attributes=[1])
    with pytest.raises(ValueError, match="has no classes"):
        grids.arithmetic(tiny("cdcgan", num_classes=0, num_attributes=1), [0], [1], [2], [1])
    several = tiny("cdcgan", num_classes=(2, 3), num_attributes=2)
    for asked, message in (
        ({"labels": [[0, 1, 1]]}, "2 heads"),
        ({"labels": [[0, 3]]}, "of head 1 must be from 0 to 2"),
        ({"attributes": [1]}, "2 attributes"),
        ({"attributes": [[1, 0]] * 2}, "are of all rows"),
    ):
        with pytest.raises(ValueError, match=message):
            grids.samples(several, **asked)


def test_numbers_of_pictures_that_cannot_be_are_refused():
    model = tiny("cdcgan", num_classes=3)
    for draw, message in (
        (lambda: grids.samples(model, 0), "`count` must be a whole number of at least 1"),
        (lambda: grids.samples(model, -1), "`count` .* Received: -1"),
        (lambda: grids.samples(model, 1, seed=-1), "`seed` must be a whole number of at least 0"),
        (lambda: grids.interpolation(model, 0), "`rows`"),
        (lambda: grids.interpolation(model, 1, columns=0), "`columns`"),
        (lambda: grids.arithmetic(model, [-1, 2], [3], [4]), "`a` .* at least 0. Received: -1"),
        (lambda: grids.arithmetic(model, [1], [3], []), "`len\\(c\\)` .* at least 1"),
        (lambda: grids.arithmetic(model, [0], [1], [2], [0, 1]), "one class. Received: \\[0, 1"),
    ):
        with pytest.raises(ValueError, match=message):
            draw()
    several = tiny("cdcgan", num_classes=(2, 3))
    grids.arithmetic(several, [0], [1], [2], [1, 2])  # one of each head
    with pytest.raises(ValueError, match="one class"):
        grids.arithmetic(several, [0], [1], [2], [[1, 2], [0, 0]])


def test_numbers_are_written_in_the_corners():
    pictures = np.zeros((3, 64, 64, 1), "float32")
    plain, numbered = (np.asarray(grids.sheet(pictures, 3, numbers=n)) for n in (False, True))
    for index in range(3):
        tile = (slice(2, 66), slice(2 + 66 * index, 66 + 66 * index))
        changed = (plain[tile] != numbered[tile]).any(axis=-1)
        assert changed[:20, :20].any() and not changed[20:].any() and not changed[:, 20:].any()
