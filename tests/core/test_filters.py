"""The unsharp mask, against values worked out by hand."""

import numpy as np
import pytest
import tensorflow as tf

from keras_gans.core import filters


def reference(images, weight=0.5, radius=50, threshold=10):
    """The published rule, tap by tap, in float64."""
    radius += 1 - radius % 2
    margin = radius // 2
    taps = filters.gaussian_taps(radius).astype(np.float64)

    def blur(x):
        for axis in (1, 2):
            pad = [(0, 0)] * 4
            pad[axis] = (margin, margin)
            side, padded = x.shape[axis], np.pad(x, pad, "reflect")
            x = sum(t * padded.take(range(i, i + side), axis) for i, t in enumerate(taps))
        return x

    residual = images - blur(images)
    mask = blur((np.abs(residual) * 127.5 > threshold).astype(float))
    sharp = np.clip(images + weight * residual, -1, 1)
    return mask * sharp + (1 - mask) * images


def test_taps_are_opencvs():
    """OpenCV's `getGaussianKernel(51, 0)`: sigma 0.3 * (25 - 1) + 0.8 = 8."""
    taps = filters.gaussian_taps(51)
    assert taps.shape == (51,) and taps.sum() == pytest.approx(1, abs=1e-6)
    assert taps[25] / taps[17] == pytest.approx(np.exp(0.5), rel=1e-5)
    # Three taps: sigma 0.3 * 0 + 0.8, so exp(-1 / 1.28) beside 1.
    beside = np.exp(-1 / 1.28)
    np.testing.assert_allclose(
        filters.gaussian_taps(3), np.array([beside, 1, beside]) / (1 + 2 * beside), rtol=1e-6
    )


def test_a_row_is_reflected_without_repeating_its_ends():
    assert filters.reflected(4, 2).numpy().tolist() == [2, 1, 0, 1, 2, 3, 2, 1]
    assert filters.reflected(2, 3).numpy().tolist() == [1, 0, 1, 0, 1, 0, 1, 0]
    assert filters.reflected(1, 2).numpy().tolist() == [0] * 5


@pytest.mark.parametrize("level", [-1.0, -0.25, 1.0])
def test_a_constant_picture_stays_as_it_is(level):
    images = np.full((2, 9, 14, 3), level, np.float32)
    np.testing.assert_allclose(filters.usm_sharpen(images), images, atol=1e-6)


def test_a_step_edge_by_hand():
    """Three taps (a, 1 - 2a, a), of a picture that is 0 on the left and 0.5 on the right.

    The residual is -0.5 a and 0.5 a beside the edge and 0 elsewhere. Both are above the threshold,
    so the blurred mask is 1 - a there and a one pixel further, where there is nothing to add.
    """
    images = np.zeros((1, 6, 8, 1), np.float32)
    images[:, :, 4:] = 0.5
    a = np.exp(-1 / 1.28) / (1 + 2 * np.exp(-1 / 1.28))
    change = 2.0 * 0.5 * a * (1 - a)
    expected = images.copy()
    expected[:, :, 3], expected[:, :, 4] = -change, 0.5 + change
    sharp = filters.usm_sharpen(images, weight=2.0, radius=3, threshold=10)
    np.testing.assert_allclose(sharp, expected, atol=1e-6)


def test_small_residuals_are_not_raised():
    images = np.zeros((1, 6, 8, 1), np.float32)
    images[:, :, 4:] = 0.02  # 2.55 levels
    np.testing.assert_allclose(filters.usm_sharpen(images, radius=3), images, atol=1e-7)


@pytest.mark.parametrize("shape", [(2, 64, 40, 3), (1, 26, 31, 1)])
def test_it_equals_the_rule_tap_by_tap(shape):
    images = np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)
    sharp = filters.usm_sharpen(images).numpy()
    np.testing.assert_allclose(sharp, reference(images.astype(np.float64)), atol=2e-5)
    assert sharp.dtype == np.float32 and np.abs(sharp).max() <= 1 + 1e-6


def test_pictures_of_any_size_in_a_graph():
    images = np.random.default_rng(1).uniform(-1, 1, (1, 3, 70, 3)).astype(np.float32)
    any_size = tf.function(
        filters.usm_sharpen, input_signature=[tf.TensorSpec((None, None, None, 3))]
    )
    np.testing.assert_allclose(any_size(images), filters.usm_sharpen(images), atol=1e-6)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"weight": -1}, "`weight` must be a finite number of at least 0. Received: -1"),
        ({"radius": 0}, "`radius` must be a whole number of at least 1. Received: 0"),
        ({"threshold": float("nan")}, "`threshold` must be a finite number"),
    ],
)
def test_impossible_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        filters.usm_sharpen(np.zeros((1, 8, 8, 3), np.float32), **options)
