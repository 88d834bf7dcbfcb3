"""Bilinear doubling by each rule, by hand, against Keras and against PyTorch."""

import keras
import numpy as np
import pytest

from keras_gans.layers import BilinearUpsample2D

LINE = np.array([0.0, 1.0, 5.0], "float32")
BY_HAND = {
    "half_pixel": [0.0, 0.25, 0.75, 2.0, 4.0, 5.0],
    "corners": [0.0, 0.4, 0.8, 1.8, 3.4, 5.0],
    "legacy": [0.0, 0.5, 1.0, 3.0, 5.0, 5.0],
}


@pytest.mark.parametrize("coordinates", BY_HAND)
def test_a_line_by_hand(coordinates):
    layer = BilinearUpsample2D(coordinates)
    for axes in ((None, slice(None), None, None), (None, None, slice(None), None)):
        doubled = np.array(layer(LINE[axes]))
        across = doubled[0, :, 0, 0] if axes[2] is None else doubled[0, 0, :, 0]
        np.testing.assert_allclose(across, BY_HAND[coordinates], atol=1e-6)


def test_half_pixels_are_keras_own():
    images = np.random.default_rng(0).normal(size=(2, 4, 5, 3)).astype("float32")
    expected = keras.layers.UpSampling2D(interpolation="bilinear")(images)
    np.testing.assert_allclose(BilinearUpsample2D()(images), expected, atol=1e-6)


@pytest.mark.fidelity
@pytest.mark.parametrize("coordinates, corners", [("half_pixel", False), ("corners", True)])
def test_it_is_pytorch_s(coordinates, corners):
    import torch

    images = np.random.default_rng(0).normal(size=(2, 4, 5, 3)).astype("float32")
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(images.transpose(0, 3, 1, 2)),
        scale_factor=2,
        mode="bilinear",
        align_corners=corners,
    )
    ours = BilinearUpsample2D(coordinates)(images)
    np.testing.assert_allclose(ours, expected.numpy().transpose(0, 2, 3, 1), atol=1e-5)


def test_an_unknown_rule_is_refused():
    with pytest.raises(ValueError, match="coordinates"):
        BilinearUpsample2D("centre")
