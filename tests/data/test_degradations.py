"""Real-ESRGAN's degradations: kernels by formula, choices by statistics, results by property."""

import dataclasses
import functools
import math

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_gans.data import blur_kernels, degradations
from keras_gans.data.degradations import Degradation, Stage, degrade, named

RNG = np.random.default_rng(0)
PICTURES = RNG.uniform(-1, 1, (6, 32, 32, 3)).astype(np.float32)
SEEDS = RNG.integers(0, 2**31, (6, 2))

#: A stage that changes nothing but what a test asks for.
STILL = Stage(
    blur=0.0,
    resize=(0.0, 0.0, 1.0),
    gaussian=1.0,
    gaussian_sigma=(0.0, 0.0),
    jpeg_quality=(100, 100),
)


def of_stage(**options):
    return Degradation((dataclasses.replace(STILL, **options),), final_sinc=0.0, sharpen=False)


# === Kernels ===


def offsets(size):
    return np.mgrid[:size, :size] - size // 2


@pytest.mark.parametrize("size, sigma", [(7, 0.2), (7, 1.5), (21, 3.0)])
def test_an_isotropic_gaussian_is_the_formula(size, sigma):
    y, x = offsets(size)
    expected = np.exp(-(x**2 + y**2) / (2 * sigma**2))
    kernel = blur_kernels.gaussian(size, sigma, sigma, 0.7).numpy()
    margin = (21 - size) // 2
    inner = kernel[margin : 21 - margin, margin : 21 - margin]
    np.testing.assert_allclose(inner, expected / expected.sum(), atol=1e-6)
    assert kernel.sum() == pytest.approx(1, abs=1e-5)
    assert np.count_nonzero(kernel) <= size**2


@pytest.mark.parametrize("plateau", [False, True])
def test_anisotropic_kernels_are_the_formula_of_the_inverse_covariance(plateau):
    sigma_x, sigma_y, angle, shape = 2.5, 0.8, 0.6, 1.7
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    inverse = np.linalg.inv(turn @ np.diag([sigma_x**2, sigma_y**2]) @ turn.T)
    y, x = offsets(21)
    grid = np.stack([x, y], axis=-1)
    power = np.einsum("hwi,ij,hwj->hw", grid, inverse, grid) ** shape
    expected = 1 / (1 + power) if plateau else np.exp(-power / 2)
    kernel = blur_kernels.gaussian(21, sigma_x, sigma_y, angle, shape, plateau=plateau)
    np.testing.assert_allclose(kernel, expected / expected.sum(), atol=1e-6)


def bessel_j1(x):
    """J1 by its integral, (1 / pi) * integral of cos(t - x sin t) from 0 to pi."""
    t = (np.arange(20_000) + 0.5) * np.pi / 20_000
    return np.mean(np.cos(t - x * np.sin(t)))


@pytest.mark.parametrize("size, cutoff", [(7, math.pi / 3), (9, math.pi)])
def test_a_sinc_filter_is_the_formula_of_the_bessel_function(size, cutoff):
    y, x = offsets(size)
    r = np.hypot(x, y)
    expected = np.full((size, size), cutoff**2 / (4 * np.pi))
    for place in zip(*np.nonzero(r), strict=True):
        expected[place] = cutoff * bessel_j1(cutoff * r[place]) / (2 * np.pi * r[place])
    kernel = blur_kernels.sinc(size, cutoff).numpy()
    margin = (21 - size) // 2
    inner = kernel[margin : 21 - margin, margin : 21 - margin]
    np.testing.assert_allclose(inner, expected / expected.sum(), atol=1e-5)
    assert kernel.sum() == pytest.approx(1, abs=1e-5)


def test_a_filter_equals_the_convolution_reflected_at_the_borders():
    picture, kernel = PICTURES[0, :, :19], blur_kernels.gaussian(21, 3.0, 1.0, 0.4)
    came = degradations._convolved(tf.constant(picture), kernel)
    padded = np.pad(picture, ((10, 10), (10, 10), (0, 0)), "reflect")[None]
    filters = np.repeat(kernel.numpy()[:, :, None, None], 3, axis=2)
    expected = tf.nn.depthwise_conv2d(padded, filters, (1, 1, 1, 1), "VALID")[0]
    np.testing.assert_allclose(came, expected, atol=1e-5)


# === What is drawn ===


def drawn(function, count=4000):
    """What a function makes of the draws of as many seeds."""
    make = tf.function(lambda seed: function(degradations._Draws(seed)))
    seeds = tf.constant(np.random.default_rng(3).integers(0, 2**31, (count, 2)))
    return tf.map_fn(make, seeds, fn_output_signature=tf.float32).numpy()


def test_choices_have_their_probabilities():
    probabilities = Stage().kernels
    came = drawn(lambda draws: tf.cast(draws.choice(probabilities), tf.float32))
    shares = np.bincount(came.astype(int), minlength=6) / len(came)
    np.testing.assert_allclose(shares, probabilities, atol=0.03)


def test_exponents_are_below_and_above_one_half_of_the_time_each():
    came = drawn(lambda draws: draws.around_one(0.5, 4.0))
    assert 0.5 <= came.min() < 0.55 and 3.9 < came.max() <= 4.0
    assert 0.46 < (came < 1).mean() < 0.54
    plateaus = drawn(lambda draws: draws.around_one(1.0, 2.0))
    assert 0.46 < (plateaus == 1).mean() < 0.54 and plateaus.max() <= 2


def test_kernels_are_of_the_kinds_and_sizes_of_the_paper():
    sizes = drawn(lambda draws: tf.cast(degradations._size(draws), tf.float32))
    assert sorted(set(sizes)) == [7, 9, 11, 13, 15, 17, 19, 21]
    stage = dataclasses.replace(Stage(), kernels=(1.0, 0, 0, 0, 0, 0), sinc=0.25)
    # A sinc filter has negative values, a Gaussian has none.
    ringing = drawn(
        lambda draws: tf.cast(
            tf.reduce_any(degradations._kernel(stage, draws) < -1e-6), tf.float32
        ),
        count=1500,
    )
    assert 0.2 < ringing.mean() < 0.3


# === Noise and compression ===


@functools.cache
def noisy(level, **options):
    """What a stage of noise alone makes of grey pictures, in levels of 255."""
    images = np.full((24, 32, 32, 3), level / 127.5 - 1, np.float32)
    seeds = np.random.default_rng(1).integers(0, 2**31, (24, 2))
    return degrade(images, seeds, (32, 32), of_stage(**options)).numpy().astype(float)


def test_gaussian_noise_has_its_deviation():
    came = noisy(128, gaussian_sigma=(20.0, 20.0), grey_noise=0.0, jpeg_quality=(100, 100))
    # JPEG halves the chroma, and with it some of the noise of single channels.
    luminance = came @ [0.299, 0.587, 0.114]
    assert luminance.std() == pytest.approx(20 * math.hypot(0.299, 0.587, 0.114), rel=0.06)
    assert luminance.mean() == pytest.approx(128, abs=0.5)


def test_grey_noise_is_alike_in_all_channels():
    came = noisy(128, gaussian_sigma=(20.0, 20.0), grey_noise=1.0)
    assert np.abs(came - came[..., :1]).max() <= 2  # JPEG rounds
    assert came[..., 0].std() == pytest.approx(20, rel=0.06)


def test_shot_noise_has_its_variance():
    """Of a picture of two levels 2 photons stand for white: the variance is level / 2."""
    picture = np.zeros((64, 64, 1), np.float32)
    picture[:, 32:] = 0.6
    noise = degradations._shot_noise(tf.constant(picture), tf.constant([1, 2])).numpy()
    level = round(0.6 * 255) / 255
    assert np.abs(noise[:, :32]).max() == 0
    assert noise[:, 32:].var() == pytest.approx(level / 2, rel=0.1)
    assert noise[:, 32:].mean() == pytest.approx(0, abs=0.05)
    assert len(np.unique(noise[:, 32:])) < 8  # whole photons


@pytest.mark.parametrize("distinct, photons", [(1, 1), (3, 4), (128, 128), (200, 256)])
def test_photons_are_the_levels_rounded_up_to_a_power_of_two(distinct, photons):
    levels = np.resize(255 - np.arange(distinct), (64, 64, 1))
    noise = degradations._shot_noise(tf.constant(levels / 255, tf.float32), tf.constant([5, 6]))
    counts = (noise.numpy() + levels / 255) * photons
    np.testing.assert_allclose(counts, np.round(counts), atol=1e-3)
    assert counts.max() > 0


def test_low_quality_changes_more():
    def difference(quality):
        came = degrade(PICTURES, SEEDS, (32, 32), of_stage(jpeg_quality=(quality, quality)))
        return np.abs(came.numpy() - (PICTURES + 1) * 127.5).mean()

    assert difference(95) < difference(50) < difference(10)


# === The whole ===


@pytest.mark.parametrize("name", ["realesrgan", "light"])
@pytest.mark.parametrize("scale, channels", [(2, 3), (4, 3), (4, 1)])
def test_results_are_a_function_of_picture_and_seed_alone(name, scale, channels):
    pictures, sides = PICTURES[..., :channels], (32 // scale, 32 // scale)
    whole = degrade(pictures, SEEDS, sides, named(name)).numpy()
    assert whole.shape == (6, *sides, channels) and whole.dtype == np.uint8
    parts = [degrade(pictures[i : i + 2], SEEDS[i : i + 2], sides, named(name)) for i in (0, 2, 4)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    other = degrade(pictures, SEEDS + 1, sides, named(name)).numpy()
    assert all(not np.array_equal(*pair) for pair in zip(whole, other, strict=True))


def test_pictures_of_one_batch_are_spoiled_in_different_ways():
    same = np.repeat(PICTURES[:1], 6, axis=0)
    came = degrade(same, SEEDS, (8, 8), named("realesrgan")).numpy()
    assert len({picture.tobytes() for picture in came}) == 6


def test_nothing_but_the_size_changes_where_nothing_is_spoiled():
    smooth = np.linspace(-0.5, 0.5, 32, dtype=np.float32)[None, :, None, None] + np.zeros(
        (1, 32, 32, 3), np.float32
    )
    came = degrade(smooth, SEEDS[:1], (16, 16), of_stage()).numpy()
    expected = (smooth.reshape(1, 16, 2, 16, 2, 3).mean(axis=(2, 4)) + 1) * 127.5
    assert np.abs(came - expected).max() <= 2.5


_spoil = tf.function(
    lambda picture, seed: degradations._spoiled(
        picture, Stage(), degradations._Draws(seed), seed, tf.shape(picture)[:2]
    ),
    input_signature=[tf.TensorSpec((None, None, 3)), tf.TensorSpec((2,), tf.int64)],
)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**31 - 1),
    st.integers(0, 2**31 - 1),
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    st.sampled_from(["white", "black", "noise"]),
)
def test_pictures_stay_pictures_whatever_the_seed_and_size(first, second, sides, kind):
    levels = {"white": 1.0, "black": 0.0, "noise": np.random.default_rng(first).random((*sides, 3))}
    picture = np.broadcast_to(levels[kind], (*sides, 3)).astype(np.float32)
    came = _spoil(picture, tf.constant([first, second], tf.int64)).numpy()
    assert np.isfinite(came).all() and came.min() >= 0 and came.max() <= 1
    assert min(came.shape[:2]) >= 1 and came.shape[2] == 3


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31 - 1))
def test_kernels_are_finite_and_of_sum_one_whatever_is_drawn(seed):
    stage = degradations.LIGHT.stages[0] if seed % 2 else Stage()
    kernel = degradations._kernel(stage, degradations._Draws(tf.constant([seed, 1]))).numpy()
    assert np.isfinite(kernel).all() and kernel.sum() == pytest.approx(1, abs=1e-4)


# === Options ===


def test_the_defaults_are_the_papers():
    first, second = named("realesrgan").stages
    assert sum(first.kernels) == pytest.approx(1)
    assert first.sigma == (0.2, 3.0) and second.sigma == (0.2, 1.5)
    assert first.resize_scale == (0.15, 1.5) and second.resize_scale == (0.3, 1.2)
    assert (first.blur, second.blur) == (1.0, 0.8)
    assert second.resize == (0.3, 0.4, 0.3) and second.gaussian_sigma == (1.0, 25.0)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"blur": 1.5}, "`Stage.blur` must be a probability, from 0 to 1. Received: 1.5"),
        ({"kernels": (1.0,)}, "`Stage.kernels` must be 6 probabilities of sum 1"),
        ({"resize": (0.5, 0.5, 0.5)}, "`Stage.resize` must be 3 probabilities of sum 1"),
        ({"sigma": (3.0, 0.2)}, r"`Stage.sigma` must be a range, .low, high. from 0.1 to 20"),
        ({"resize_scale": (1.1, 1.5)}, "`Stage.resize_scale` must be a range around 1, "),
        ({"jpeg_quality": (0, 95)}, "`Stage.jpeg_quality` must be a range"),
        ({"sigma": (0.2, 1.0, 3.0)}, "`Stage.sigma` must be a range"),
    ],
)
def test_impossible_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Stage(**options)


def test_impossible_degradations_are_refused():
    with pytest.raises(ValueError, match="must hold at least one Stage"):
        Degradation(stages=())
    with pytest.raises(ValueError, match="`degradation` must be one of .*bicubic.*'blurry'"):
        named("blurry")
    assert named("bicubic") is None and named(degradations.LIGHT) is degradations.LIGHT
