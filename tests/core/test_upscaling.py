"""Upscaling arrays tile by tile: as the network makes them of the whole, at any size."""

import types

import keras
import numpy as np
import pytest
from fabrication import tiny
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from keras_gans.core import upscaling
from keras_gans.core.tiling import Side, lanczos, strips_of
from keras_gans.core.upscaling import Upscaler

SIZES = st.integers(1, 150)


def random_upscaler(**overrides):
    """A small SRResNet of random weights, which sees 10 pixels to each side."""
    model = tiny("srresnet", **overrides)
    chance = np.random.default_rng(0)
    for variable in model.generator.weights:
        if "kernel" in variable.path:
            variable.assign(chance.normal(0, 0.3, variable.shape))
    return model


def averaging():
    """Takes sides that are even only, and makes every 2 x 2 pixels their mean, 4 x 4."""
    model = tiny("srresnet")
    model.stride = 2
    source = keras.Input((None, None, 3), name="source")
    mean = keras.layers.AveragePooling2D(2)(source)
    model.generator = keras.Model(source, keras.layers.UpSampling2D(4, name="target")(mean))
    return model


def picture(height, width, channels=3, seed=0):
    chance = np.random.default_rng(seed)
    return chance.uniform(-1, 1, (height, width, channels)).astype("float32")


@pytest.fixture(scope="module")
def model():
    return random_upscaler()


@settings(max_examples=25, deadline=None)
@given(SIZES, SIZES, st.integers(64, 120), st.integers(27, 32))
def test_tiles_make_what_the_whole_makes(model, height, width, tile, overlap):
    image = picture(height, width)
    whole = model.translate(image)
    tiled = model.upscale(image, tile=tile, overlap=overlap)
    assert whole.std() > 0.1 or image.size < 100
    # An eighth of a level of 255: other shapes are computed by other kernels.
    np.testing.assert_allclose(tiled, whole, atol=1e-3)


@settings(max_examples=25, deadline=None)
@given(SIZES, SIZES, st.integers(8, 40), st.integers(0, 4))
def test_tiles_keep_to_what_sides_are_a_multiple_of(height, width, tile, overlap):
    model = AVERAGING
    image = picture(height, width)
    tiled = model.upscale(image, tile=tile, overlap=overlap)
    np.testing.assert_allclose(tiled, model.translate(image), atol=1e-4)


AVERAGING = averaging()


def test_without_overlap_seams_would_show(model):
    """What the other tests would not see if tiles were not there at all."""
    image = picture(100, 100)
    difference = np.abs(model.upscale(image, tile=50, overlap=0) - model.translate(image))
    assert difference.max() > 0.1
    assert difference[:70, :70].max() < 1e-4


@settings(max_examples=40, deadline=None)
@given(SIZES, SIZES, st.floats(0.01, 4.0))
def test_the_size_is_the_scale_times_the_sides(height, width, scale):
    made = AVERAGING.upscale(picture(height, width), scale=scale)
    assert made.shape == (max(1, round(height * scale)), max(1, round(width * scale)), 3)
    assert made.dtype == np.float32 and np.abs(made).max() <= 1.0


@settings(max_examples=200, deadline=None)
@given(
    st.integers(1, 3000),
    st.integers(1, 200),
    st.integers(0, 100),
    st.integers(1, 4),
    st.sampled_from([1, 2, 7]),
)
def test_shares_of_the_tiles_are_one_together(length, tile, overlap, scale, multiple):
    tile = max(tile, 2 * overlap, 2 * multiple)
    side = Side(length, tile, overlap, scale, multiple)
    total = np.zeros(length * scale)
    for number, start in enumerate(side.starts):
        assert start % multiple == 0 and side.tile % multiple == 0
        first, stop, weights = side.part(number)
        assert start * scale <= first < stop <= (start + side.tile) * scale
        total[first:stop] += weights
    np.testing.assert_allclose(total, 1.0, atol=1e-6)
    shared = [a + side.tile - b for a, b in zip(side.starts, side.starts[1:], strict=False)]
    assert all(pixels >= min(overlap, side.tile - multiple) for pixels in shared)


@pytest.mark.parametrize("size", [(700, 33), (2222, 90), (7, 3), (1, 1), (1301, 40)])
def test_strips_are_scaled_as_pillow_scales_the_whole(size):
    image = picture(1300, 40, 1)
    made = np.concatenate(list(lanczos(strips_of(image), image.shape[:2], size)))
    whole = Image.fromarray(image[..., 0]).resize(size[::-1], Image.Resampling.LANCZOS)
    np.testing.assert_allclose(made[..., 0], np.clip(np.asarray(whole), -1, 1), atol=1e-4)


@pytest.mark.parametrize(("kind", "top"), [("uint8", 255), ("uint16", 65535)])
def test_whole_numbers_are_scaled_to_the_range(kind, top):
    numbers = np.array([0, top], kind).reshape(2, 1, 1)
    np.testing.assert_array_equal(np.concatenate(list(strips_of(numbers))).ravel(), [-1, 1])


def test_a_scale_beyond_the_model_s_takes_more_passes(model):
    image = picture(40, 30)
    twice = model.upscale(np.clip(model.upscale(image), -1, 1))
    np.testing.assert_allclose(model.upscale(image, scale=4), twice, atol=1e-4)
    assert [len(Upscaler(model, scale).sizes(9, 9).passes) for scale in (0.1, 2, 2.01, 4, 5)] == [
        *(1, 1, 2, 2, 3)
    ]


def test_a_batch_is_its_pictures(model):
    images = np.stack([picture(70, 90, seed=seed) for seed in range(2)])
    made = model.upscale(images, scale=1.5, tile=64, overlap=32)
    assert made.shape == (2, 105, 135, 3)
    for image, one in zip(images, made, strict=True):
        np.testing.assert_array_equal(model.upscale(image, scale=1.5, tile=64, overlap=32), one)


def test_the_network_is_traced_once_for_all_sizes():
    model = tiny("srresnet")
    for sides in ((30, 40), (64, 64), (150, 90)):
        model.upscale(picture(*sides), tile=64, overlap=16)
    (function,) = model._forwards.values()
    assert function.experimental_get_tracing_count() == 1


def test_grey_through_colours_is_grey(model):
    grey = picture(30, 20, 1)
    made = model.upscale(grey)
    assert made.shape == (60, 40, 1)
    expected = model.translate(grey.repeat(3, -1)).mean(-1, keepdims=True)
    np.testing.assert_allclose(made, expected, atol=1e-4)


def test_colours_go_through_grey_one_after_the_other():
    model = random_upscaler(image_channels=1)
    image = picture(30, 20)
    made = model.upscale(image)
    for channel in range(3):
        one = model.translate(image[..., channel : channel + 1])
        np.testing.assert_allclose(made[..., channel : channel + 1], one, atol=1e-4)


@pytest.mark.parametrize("scale", [0, -1, float("nan"), float("inf"), "2", True])
def test_scales_that_cannot_be(model, scale):
    with pytest.raises(ValueError, match="`scale` must be a finite number above 0. Received"):
        model.upscale(picture(4, 4), scale=scale)


def test_no_more_pixels_than_there_may_be(model):
    with pytest.raises(ValueError, match="`scale` of at most 163"):
        model.upscale(picture(100, 100), scale=1.3e9)
    with pytest.raises(ValueError, match="at most 8192 x 8192 pixels") as caught:
        Upscaler(model).size_of(30_000, 30_000)
    assert "`scale` of at most 0.546," in str(caught.value)
    for scale, sides in ((0.546, 30_000), (2, 8192)):
        size = Upscaler(model, scale).size_of(sides, sides)
        assert size[0] * size[1] <= upscaling.MOST_PIXELS
    with pytest.raises(ValueError, match="268435456"):
        Upscaler(model, 1e308).size_of(3, 3)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"tile": 60}, "`tile` must be at least 96, because tiles share 48"),
        ({"tile": 10, "overlap": 6}, "`tile` must be at least 12"),
        ({"tile": 0, "overlap": 0}, "`tile`"),
        ({"tile": 64.5}, "`tile` must be a whole number"),
        ({"overlap": -1}, "`overlap`"),
    ],
)
def test_tiles_that_cannot_be(model, asked, said):
    with pytest.raises(ValueError, match=said):
        model.upscale(picture(4, 4), **asked)


@pytest.mark.parametrize(
    ("images", "said"),
    [
        (np.zeros((4, 4)), r"shape \(N, H, W, C\) or \(H, W, C\), C 1 or 3. Received: \(4, 4\)"),
        (np.zeros((4, 4, 4)), "Received"),
        (np.zeros((0, 4, 4, 3)), "There are no pictures"),
        (np.zeros((0, 4, 3)), "There are no pictures"),
        (np.full((4, 4, 3), 255), "0 to 255"),
        (np.full((4, 4, 3), np.nan), "finite"),
    ],
)
def test_pictures_that_cannot_be(model, images, said):
    with pytest.raises(ValueError, match=said):
        model.upscale(images)


def test_models_that_do_not_upscale():
    with pytest.raises(ValueError, match="pix2pix does not upscale.*names"):
        tiny("pix2pix").upscale(picture(4, 4))


def test_too_little_memory_is_said_before(model, monkeypatch):
    monkeypatch.setattr(upscaling, "available", lambda: 2**20)
    with pytest.raises(ValueError, match="A tile of 512 x 512 pixels takes .*: use a smaller"):
        model.upscale(picture(600, 600), tile=512)
    monkeypatch.setattr(upscaling, "available", lambda: 2**25)
    with pytest.raises(ValueError, match=r"shape \(20, 1200, 1200, 3\) take 0.3 GiB"):
        model.upscale(np.zeros((20, 600, 600, 3)), tile=96)


def test_tiles_are_as_large_as_memory_allows(model, monkeypatch):
    def tile(free, width=600):
        monkeypatch.setattr(upscaling, "available", lambda: free)
        return Upscaler(model).sizes(2000, width).passes[0][0].tile

    assert tile(None) == tile(2**36) == 512
    assert 96 <= tile(2**24) < tile(2**27) < 400
    assert tile(2**36, 26_000) < 256  # a row of tiles would take too much


def test_deep_networks_show_no_step():
    """What two tiles make differently is faded: next to a seam nothing jumps."""
    made = types.SimpleNamespace(number=0)

    def call(tile):
        made.number += 1
        return np.full_like(tile, made.number % 2)

    from keras_gans.core.tiling import tiled

    side = Side(200, 96, 48, 1)
    image = np.concatenate(list(tiled([picture(1, 200)], call, Side(1, 96, 48, 1), side)))
    steps = np.abs(np.diff(image[0, :, 0]))
    assert image.max() == 1 and image.min() == 0 and steps.max() <= 1 / 12 + 1e-6
