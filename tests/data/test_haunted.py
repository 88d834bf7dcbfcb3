"""Haunted pictures: the filter, and the two sets."""

import numpy as np
import pytest
from fabrication import tiny

from keras_gans import data
from keras_gans.data import haunted


def flat(level, side=65):
    return np.full((side, side, 3), level, "uint8")


def test_a_flat_picture_is_drained_dark_and_cold():
    black, white = haunted.haunted(flat(0)), haunted.haunted(flat(255))
    np.testing.assert_array_equal(black[32, 32], [8, 12, 26])
    np.testing.assert_array_equal(white[32, 32], [132, 168, 150])
    np.testing.assert_array_equal(white[0, 0], [46, 59, 53])
    np.testing.assert_array_equal(white, white[::-1, ::-1])
    coloured = flat(0) + np.uint8([200, 40, 90])
    grey = (0.299 * 200 + 0.587 * 40 + 0.114 * 90) / 255
    expected = np.array([8, 12, 26]) + np.array([124, 156, 124]) * grey**1.2
    np.testing.assert_allclose(haunted.haunted(coloured)[32, 32], expected, atol=0.5)


def test_edges_glow():
    picture = flat(0)
    picture[:, 33:] = 255
    made = haunted.haunted(picture).astype(int)
    redness = made[32, :, 0] - made[32, :, 2]
    assert redness[32] > 100 and redness[10] < 0 and redness[55] < 0
    assert redness[32] == redness.max()


@pytest.mark.parametrize("shape", [(1, 1, 3), (7, 30, 3)])
def test_any_size(shape):
    made = haunted.haunted(np.zeros(shape, "uint8"))
    assert made.shape == shape and made.dtype == np.uint8


def test_the_sets_share_no_picture_and_the_test_has_the_truth():
    ordinary, dreams = haunted.ordinary_and_haunted("train")
    assert ordinary.shape == (7_000, 64, 64, 3) and 6_900 < len(dreams) < 7_000
    own = {haunted.haunted(one).tobytes() for one in ordinary}
    assert not any(one.tobytes() in own for one in dreams)
    ordinary, dreams = haunted.ordinary_and_haunted("test")
    assert ordinary.shape == (1_500, 64, 64, 3)
    np.testing.assert_array_equal(dreams[7], haunted.haunted(ordinary[7]))


def test_a_model_is_trained_and_measured_on_it():
    model = tiny("cut_haunted")
    a, b = next(iter(data.load("bundled:haunted", model, batch_size=2, seed=0)))
    assert a.shape == b.shape == (2, 32, 32, 3)
    with pytest.raises(data.NoSuchSplitError, match="train, test"):
        data.load("bundled:haunted", model, split="all")
