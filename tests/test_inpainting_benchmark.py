"""The benchmark of holes: what it compares a model with."""

import pathlib
import sys

import numpy as np
import pytest
from fabrication import fabricate, tiny

sys.path.append(str(pathlib.Path(__file__).parent.parent / "benchmarks"))
import inpainting


def test_the_mean_is_of_each_picture_s_known_pixels():
    pictures = np.zeros((2, 4, 4, 3), "float32")
    pictures[1] = [0.5, -0.5, 1.0]
    holes = np.zeros((2, 4, 4, 1), "float32")
    holes[:, :2] = 1.0
    pictures[:, 3] = 0.2  # half of what is known
    hidden = np.where(holes > 0, 9.0, pictures)
    filled = inpainting.of_the_mean(hidden, holes)
    np.testing.assert_array_equal(filled[:, 2:], pictures[:, 2:])
    np.testing.assert_allclose(filled[0, :2], 0.1, atol=1e-6)
    np.testing.assert_allclose(filled[1, 0, 0], [0.35, -0.15, 0.6], atol=1e-6)


@pytest.mark.skipif(inpainting.cv2 is None, reason="wants OpenCV")
def test_telea_goes_on_with_what_is_around_the_hole():
    pictures = np.linspace(-1, 1, 16, dtype="float32")[None, None, :, None]
    pictures = np.tile(pictures, (1, 16, 1, 3))
    holes = np.zeros((1, 16, 16, 1), "float32")
    holes[:, 6:9, 6:9] = 1.0
    hidden = np.where(holes > 0, 0.9, pictures)
    filled = inpainting.of_telea(hidden, holes)
    np.testing.assert_array_equal(filled[holes[..., 0] == 0], pictures[holes[..., 0] == 0])
    assert np.abs(filled - pictures).max() < 0.2


@pytest.mark.parametrize("name", ["context_encoder", "inpainting"])
def test_a_model_that_knows_the_picture_has_no_distance(name):
    model = tiny(name)
    batches = [fabricate(model, 4, seed) for seed in range(2)]
    figures = inpainting.compared(model, batches)
    assert {"model", "mean"} <= set(figures)
    assert all(0 < distance < 1 for distance, _ in figures.values())
    true = iter([np.asarray(batch) for batch in batches])
    model.inpaint = lambda pictures, masks=None: next(true)
    assert inpainting.compared(model, batches)["model"] == pytest.approx((0.0, 1.0))
