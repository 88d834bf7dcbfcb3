"""Styles of pictures."""

import numpy as np
import pytest
from fabrication import tiny

from keras_gans.images import projection


@pytest.fixture(scope="module")
def model():
    return tiny("stylegan2", seed=0)


def test_a_picture_of_the_models_own_is_found_again(model):
    wanted = model.sample(2, seed=7)
    start = model.synthesize(np.repeat(model.styles(1000, seed=0)[:, 0].mean(0)[None], 2, 0))
    before = np.sqrt(np.mean((start - wanted) ** 2, axis=(1, 2, 3)))
    steps = []
    found = projection.project(model, wanted, steps=150, progress=lambda *said: steps.append(said))
    assert (found.distance < 0.5 * before).all()
    np.testing.assert_allclose(model.synthesize(found.styles), found.pictures, atol=1e-6)
    np.testing.assert_array_equal(found.styles[:, 0], found.styles[:, -1])  # w
    assert [number for number, _ in steps] == list(range(1, 151))


def test_a_style_for_each_layer_comes_closer_to_what_no_single_one_draws(model):
    coarse, fine = model.styles(2, seed=7)
    wanted = model.synthesize(np.concatenate([coarse[:3], fine[3:]])[None])
    found, closer = (projection.project(model, wanted, space=s, steps=150) for s in ("w", "w+"))
    assert closer.styles.shape == (1, model.places, model.style_dim)
    assert closer.distance < found.distance


def test_one_picture_and_equal_seeds(model):
    wanted = model.sample(1, seed=7)[0]
    first, second = (projection.project(model, wanted, steps=5, seed=3) for _ in range(2))
    np.testing.assert_array_equal(first.styles, second.styles)


def test_what_cannot_be_projected(model):
    with pytest.raises(ValueError, match="dcgan draws from no styles"):
        projection.project(tiny("dcgan"), np.zeros((16, 16, 3)))
    with pytest.raises(ValueError, match=r"must have shape \(N, 16, 16, 3\).*\(1, 20, 16, 3\)"):
        projection.project(model, np.zeros((20, 16, 3)))
    with pytest.raises(ValueError, match=r"\[-1, 1\]"):
        projection.project(model, np.full((16, 16, 3), 7.0))
    with pytest.raises(ValueError, match="`space` must be one of"):
        projection.project(model, np.zeros((16, 16, 3)), space="z")
