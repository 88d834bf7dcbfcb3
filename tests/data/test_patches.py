"""Patches of photographs: where they lie, their order, and what is left out."""

import json
import warnings

import numpy as np
import pytest
import tensorflow as tf
from data_stubs import Model
from PIL import Image

from keras_gans import data
from keras_gans.core.signature import Image as ImageRole
from keras_gans.data import examples, patches
from keras_gans.data.examples import Order
from keras_gans.data.patches import Patches, in_memory


class Upscaler(Model):
    """All the data room knows of a model that upscales."""

    def __init__(self, side=8, scale=2, channels=3, batch_size=4, degradation="bicubic"):
        super().__init__(side, channels, batch_size=batch_size)
        small = side // scale
        self.roles = {
            "source": ImageRole(small, small, channels, degradation=degradation),
            "target": ImageRole(side, side, channels, scale=scale),
        }

    def batch_roles(self):
        return self.roles


def ramp(height, width, number=0):
    """A photograph whose pixels say where they lie and of which photograph they are."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows, columns, np.full_like(rows, number)], axis=-1).astype(np.uint8)


@pytest.fixture
def folder(tmp_path):
    """Three photographs of 6, 2 and 1 patches of 8 pixels, and one that is too small."""
    for number, size in enumerate([(20, 31), (8, 16), (9, 9), (30, 7)]):
        Image.fromarray(ramp(*size, number)).save(tmp_path / f"{number}.png")
    return tmp_path


def load(folder, model=None, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return data.load(f"folder:{folder}", model or Upscaler(), **options)


def larges(batches, count=None):
    """The large pictures of some batches, uint8."""
    batches = batches if count is None else batches.take(count)
    return np.round((np.concatenate([large for _, large in batches]) + 1) * 127.5).astype(np.uint8)


def is_cut_out(patch):
    """Whether a patch of a ramp is a square of it at its own resolution, mirrored or not."""
    patch = patch.astype(int)
    across = patch[0, 1, 1] - patch[0, 0, 1]
    return (
        abs(across) == 1
        and (np.diff(patch[..., 0], axis=0) == 1).all()
        and (np.diff(patch[..., 1], axis=1) == across).all()
    )


# === Fixed places ===


def test_held_out_patches_lie_on_a_grid_in_the_middle(folder):
    batches = load(folder, shuffle=False, jitter=False, drop_remainder=False)
    shown = larges(batches)
    places = sorted(map(tuple, shown[:, 0, 0, ::-1].tolist()))  # photograph, left, top
    assert places == [
        *((0, left, top) for left in (3, 11, 19) for top in (2, 10)),
        *((1, 0, 0), (1, 8, 0)),
        (2, 0, 0),
    ]
    assert all(map(is_cut_out, shown)) and len(batches) == 3
    # The first ones are of different photographs.
    assert shown[:3, 0, 0, 2].tolist() == [0, 1, 2]


def test_fixed_patches_are_the_same_whatever_the_seed_and_batch(folder):
    model = Upscaler(degradation="light")
    how = {"shuffle": False, "jitter": False, "drop_remainder": False}
    one = [np.concatenate(list(h)) for h in zip(*load(folder, model, seed=1, **how), strict=True)]
    other = load(folder, model, seed=2, batch_size=7, **how)
    for _ in range(2):
        two = [np.concatenate(list(half)) for half in zip(*other, strict=True)]
        assert all(map(np.array_equal, one, two))


def test_no_more_than_a_number_of_patches_of_a_photograph(monkeypatch):
    monkeypatch.setattr(patches, "MOST", 5)
    found = Patches(in_memory([ramp(80, 40), ramp(8, 8, 1)]), 8, 8, 3)
    assert found.count == 6
    order = Order(6, shuffle=False, seed=0, drop_remainder=True)
    (batch,) = found.batches(order, False)
    corners = {tuple(corner) for corner in batch["image"].numpy()[:, 0, 0].tolist()}
    assert len(corners) == 6 and batch["number"].numpy().tolist() == [0, 5, 1, 2, 3, 4]


# === Random places ===


def test_patches_in_training_lie_anywhere_and_some_are_reduced_or_mirrored():
    found = Patches(in_memory([ramp(200, 200)]), 8, 8, 3)
    order = Order(64, shuffle=True, seed=1, drop_remainder=True)
    shown = np.concatenate([next(iter(found.batches(order, True)))["image"] for _ in range(8)])
    whole = np.array([is_cut_out(patch) for patch in shown])
    assert 0.4 < whole.mean() < 0.6
    slopes = np.abs(shown[:, 7, 4, 0].astype(int) - shown[:, 0, 4, 0]) / 7
    assert slopes[~whole].min() >= 0.8 and 1.7 < slopes[~whole].max() < 2.3
    mirrored = shown[:, 0, 7, 1] < shown[:, 0, 0, 1]
    assert 0.4 < mirrored.mean() < 0.6
    tops = shown[whole][:, 0, 0, 0]
    assert tops.min() < 20 and 172 < tops.max() <= 192


def test_a_photograph_of_one_patch_is_shown_whole():
    found = Patches(in_memory([ramp(8, 8)] * 4), 8, 8, 3)
    order = Order(4, shuffle=True, seed=1, drop_remainder=True)
    (batch,) = found.batches(order, True)
    for patch in batch["image"].numpy():
        assert np.array_equal(patch, ramp(8, 8)) or np.array_equal(patch, ramp(8, 8)[:, ::-1])


def test_each_photograph_gives_its_share_in_every_pass(folder):
    batches = load(folder, seed=3, drop_remainder=False)
    assert len(batches) == 3
    for _ in range(2):
        assert np.bincount(larges(batches)[:, 0, 0, 2]).tolist() == [6, 2, 1]


# === Order ===


@pytest.mark.parametrize("together", [1, 2**27])
@pytest.mark.parametrize("degradation", ["bicubic", "light"])
def test_a_pass_is_a_function_of_its_number_and_the_seed(
    folder, together, degradation, monkeypatch
):
    monkeypatch.setattr(patches, "TOGETHER_BYTES", together)
    model = Upscaler(batch_size=2, degradation=degradation)

    def values(batches, count):
        return [np.concatenate([np.ravel(half) for half in b]) for b in batches.take(count)]

    begun = load(folder, model, seed=3)
    assert len(begun) == 4
    in_turn = [batch for _ in range(3) for batch in values(begun, 4)]
    np.testing.assert_array_equal(values(load(folder, model, seed=3).from_pass(0), 12), in_turn)
    later = load(folder, model, seed=3).from_pass(2)
    assert later.cardinality() == tf.data.INFINITE_CARDINALITY
    np.testing.assert_array_equal(values(later, 4), in_turn[8:])
    other = values(load(folder, model, seed=4), 4)
    assert not any(np.array_equal(*pair) for pair in zip(other, in_turn, strict=False))
    assert not np.array_equal(in_turn[:4], in_turn[4:8])


def test_photographs_are_decoded_once_a_pass_and_shuffled_across(monkeypatch):
    images = [ramp(16, 16, number) for number in range(12)]
    monkeypatch.setattr(patches, "TOGETHER_BYTES", 16 * 8 * 8 * 3)  # of four photographs
    reads = []
    album = in_memory(images)
    album.read = lambda number: reads.append(number) or images[number]
    found = Patches(album, 8, 8, 3)
    order = Order(6, shuffle=True, seed=1, drop_remainder=True, first_pass=0)
    batches = list(found.batches(order, True).take(8))
    assert sorted(reads) == list(range(12))
    photographs = np.concatenate([batch["image"].numpy()[:, 0, 0, 2] for batch in batches])
    assert np.bincount(photographs).tolist() == [4] * 12
    for start in range(0, 48, 16):
        assert len(set(photographs[start : start + 16])) == 4
        assert len(set(photographs[start : start + 5])) > 1


# === Files ===


def test_what_is_left_out_is_said(folder):
    (folder / "broken.png").write_bytes(b"no picture")
    with pytest.warns(UserWarning) as warned:
        batches = data.load(f"folder:{folder}", Upscaler())
    message = str(warned[0].message)
    assert "Left out 2: 3.png (its 7 x 30 pixels are fewer than the 8 x 8 of a patch)" in message
    assert "broken.png (not a" in message
    assert any("1 of 9 patches are not shown" in line for line in batches.account.lines())


def test_a_folder_of_small_pictures_is_refused_with_a_way_out(folder):
    with pytest.raises(ValueError, match="no picture can be used.*fit='crop' scales"):
        load(folder, Upscaler(64))
    assert larges(load(folder, Upscaler(64), fit="crop")).shape == (4, 64, 64, 3)


@pytest.mark.parametrize("cache", [0, 2**30])
@pytest.mark.parametrize("up_front", [0, 2**28])
def test_when_photographs_are_decoded_and_kept_makes_no_difference(
    folder, monkeypatch, up_front, cache
):
    expected = larges(load(folder, seed=5))
    monkeypatch.setattr(examples, "UP_FRONT_BYTES", up_front)
    monkeypatch.setattr(examples, "CACHE_BYTES", cache)
    batches = load(folder, seed=5)
    assert np.array_equal(larges(batches), expected)
    assert larges(batches).shape == expected.shape


def test_a_photograph_that_breaks_while_training_is_named_and_replaced(folder, monkeypatch):
    monkeypatch.setattr(examples, "UP_FRONT_BYTES", 0)
    noise = np.random.default_rng(0).integers(0, 256, (20, 31, 3), np.uint8)
    Image.fromarray(noise).save(folder / "0.png")
    content = (folder / "0.png").read_bytes()
    (folder / "0.png").write_bytes(content[: len(content) // 2])
    batches = load(folder, shuffle=False, jitter=False, drop_remainder=False)
    with pytest.warns(UserWarning, match="left out 0.png .*others take its place"):
        shown = larges(batches)
    assert len(shown) == 9 and set(shown[:, 0, 0, 2].tolist()) == {1, 2}


def test_cameras_turned_photographs_are_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(ramp(8, 24)).save(tmp_path / "1.png", exif=exif)
    batches = load(tmp_path, shuffle=False, jitter=False, batch_size=3)
    shown = larges(batches)
    assert shown.shape == (3, 8, 8, 3)
    # The columns of the file are the rows of the photograph.
    assert (np.diff(shown[..., 1].astype(int), axis=1) == 1).all()
    assert (shown[..., 1] == shown[:, :, :1, 1]).all()


# === What goes together ===


def test_other_fits_show_each_photograph_once(folder):
    for fit in ("crop", "stretch", "pad"):
        assert len(load(folder, fit=fit, batch_size=1)) == 4


def test_patches_are_for_upscalers_and_photographs(folder, make_model):
    with pytest.raises(ValueError, match="fit='patches' is for models that upscale.*whole pict"):
        data.load(f"folder:{folder}", make_model(), fit="patches")
    with pytest.raises(ValueError, match="bundled:avatars holds small pictures. Use 'folder:"):
        data.load("bundled:avatars", Upscaler(), fit="patches")
    with pytest.raises(ValueError, match="`degradation` says how .* Model does not upscale"):
        data.load(f"folder:{folder}", make_model(), degradation="light")
    with pytest.raises(ValueError, match="`degradation` must be one of .*'sharp'"):
        data.load(f"folder:{folder}", Upscaler(), degradation="sharp")


def test_sources_of_small_pictures_are_cropped_where_nothing_is_said():
    batches = data.load("bundled:avatars", Upscaler(32), split="test", batch_size=100)
    assert len(batches) == 10 and next(iter(batches))[1].shape == (100, 32, 32, 3)


def test_the_model_says_how_small_pictures_are_made(folder):
    how = {"shuffle": False, "jitter": False}
    asked = load(folder, Upscaler(degradation="realesrgan"), **how)
    overridden = load(folder, Upscaler(), degradation="realesrgan", **how)
    bicubic = load(folder, Upscaler(), **how)
    small = [np.concatenate([small for small, _ in b]) for b in (asked, overridden, bicubic)]
    assert np.array_equal(small[0], small[1]) and not np.array_equal(small[0], small[2])
    levels = (small[0] + 1) * 127.5
    np.testing.assert_allclose(levels, np.round(levels), atol=1e-4)


@pytest.mark.parametrize("scale, channels", [(2, 1), (4, 3)])
def test_bundled_photographs_give_patches(scale, channels):
    model = Upscaler(128, scale, channels, batch_size=16)
    train = data.load("bundled:photos", model, seed=1)
    test = data.load("bundled:photos", model, split="test", drop_remainder=False)
    assert len(train) == 404 // 16 and len(test) == -(-124 // 16)
    small, large = next(iter(train))
    assert small.shape == (16, 128 // scale, 128 // scale, channels)
    assert large.shape == (16, 128, 128, channels)
    with pytest.raises(ValueError, match="no photograph of 2048 x 2048 pixels or more"):
        data.load("bundled:photos", Upscaler(2048))


def test_bundled_photographs_are_pictures_for_other_models_too(make_model):
    batches = data.load("bundled:photos", make_model(16, 3, batch_size=7))
    assert next(iter(batches)).shape == (7, 16, 16, 3)
    with pytest.raises(ValueError, match="it holds photographs without labels"):
        data.load("bundled:photos", make_model(num_classes=3))
    assert json.dumps(data.label_names("bundled:photos")["heads"]) == "{}"
