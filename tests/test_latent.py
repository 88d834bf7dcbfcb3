"""Latent space: ends, lengths, angles, means."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from keras_gans import latent

vectors = hnp.arrays("float32", 6, elements=st.floats(-5, 5, width=32))


@pytest.mark.parametrize("path", [latent.linear, latent.spherical])
@given(start=vectors, end=vectors, steps=st.integers(2, 9))
def test_paths_keep_both_ends(path, start, end, steps):
    points = path(start, end, steps)
    assert points.shape == (steps, 6)
    np.testing.assert_allclose(points[0], start, atol=1e-5)
    np.testing.assert_allclose(points[-1], end, atol=1e-5)
    assert np.isfinite(points).all()


def test_spherical_keeps_the_length_and_turns_evenly():
    start, end = np.array([2.0, 0, 0]), np.array([0, 2.0, 0])
    points = latent.spherical(start, end, 4)
    np.testing.assert_allclose(np.linalg.norm(points, axis=1), 2.0, rtol=1e-6)
    angles = np.degrees(np.arctan2(points[:, 1], points[:, 0]))
    np.testing.assert_allclose(angles, [0, 30, 60, 90], atol=1e-4)


def test_linear_cuts_the_corner():
    middle = latent.linear(np.array([2.0, 0]), np.array([0, 2.0]), 3)[1]
    np.testing.assert_allclose(middle, [1, 1])


def test_opposite_latents_have_no_great_circle():
    points = latent.spherical(np.array([1.0, 0]), np.array([-1.0, 0]), 3)
    np.testing.assert_allclose(points, [[1, 0], [0, 0], [-1, 0]], atol=1e-6)


def test_batches_of_paths_equal_single_paths():
    starts, ends = latent.draw(3, 5, 0), latent.draw(3, 5, 1)
    together = latent.spherical(starts, ends, 4)
    for row in range(3):
        np.testing.assert_allclose(
            together[:, row], latent.spherical(starts[row], ends[row], 4), rtol=1e-5
        )


def test_arithmetic_is_on_means():
    a, b, c = np.full((2, 3), 4.0), np.full((5, 3), 1.0), np.array([[0, 0, 0], [2, 2, 2.0]])
    np.testing.assert_allclose(latent.arithmetic(a, b, c), [4, 4, 4])
    np.testing.assert_allclose(latent.arithmetic(a, a, c), c.mean(axis=0))


def test_walk_visits_every_corner():
    corners = latent.draw(3, 4, 0)
    closed = latent.walk(corners, 5)
    assert closed.shape == (15, 4)
    np.testing.assert_allclose(closed[::5], corners, atol=1e-5)
    there = latent.walk(corners, 5, closed=False)
    assert there.shape == (11, 4)
    np.testing.assert_allclose(there[[0, 5, 10]], corners, atol=1e-5)


def test_draw_is_seeded_and_grows_at_the_end():
    np.testing.assert_array_equal(latent.draw(3, 4, 9), latent.draw(8, 4, 9)[:3])
    few, many = latent.draw(3, 4, 9, truncation=0.5), latent.draw(800, 4, 9, truncation=0.5)
    np.testing.assert_array_equal(few, many[:3])


@pytest.mark.parametrize(("cut", "deviation"), [(0.5, 0.2840), (2.0, 0.8796)])
def test_truncation_draws_the_tails_again_and_leaves_the_rest(cut, deviation):
    """The deviation is that of the normal distribution cut on both sides."""
    free, kept = latent.draw(2000, 50, 1), latent.draw(2000, 50, 1, truncation=cut)
    inside = np.abs(free) <= cut
    np.testing.assert_array_equal(kept[inside], free[inside])
    assert 0 < inside.mean() < 1
    assert np.abs(kept).max() <= cut
    assert kept.std() == pytest.approx(deviation, rel=5e-3)
    # A tail is drawn anew, not moved to the border.
    assert np.abs(kept[~inside]).mean() == pytest.approx(np.abs(kept[inside]).mean(), rel=3e-2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: latent.linear(np.zeros(3), np.zeros(4), 5), "one shape"),
        (lambda: latent.spherical(np.zeros(3), np.zeros(3), 1), "at least 2"),
        (lambda: latent.walk(np.zeros((1, 3)), 5), "two corners"),
        (lambda: latent.arithmetic(np.zeros(3), np.zeros(4), np.zeros(3)), "one length"),
        (lambda: latent.draw(2, 3, truncation=0.0), "at least 0.1; 2 cuts little.*Received: 0.0"),
        (lambda: latent.draw(2, 3, truncation=float("nan")), "at least 0.1"),
        (lambda: latent.draw(2, 3, distribution="uniform", truncation=1), "uniform in"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
