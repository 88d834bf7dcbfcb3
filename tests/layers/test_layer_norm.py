"""Layer norm of whole pictures, by hand and against PyTorch's group norm of one group."""

import numpy as np
import pytest

from keras_gans.layers import LayerNorm2D


def pictures():
    return np.random.default_rng(0).normal(2.0, 3.0, (3, 4, 5, 6)).astype("float32")


def test_a_picture_is_normalised_as_a_whole():
    layer, images = LayerNorm2D(epsilon=0.0), pictures()
    normalised = np.array(layer(images))
    np.testing.assert_allclose(normalised.mean((1, 2, 3)), 0.0, atol=1e-6)
    np.testing.assert_allclose(normalised.std((1, 2, 3)), 1.0, atol=1e-5)
    assert np.abs(normalised.mean((1, 2))).max() > 0.01  # and not each map by itself
    np.testing.assert_allclose(layer(images[:1]), normalised[:1], atol=1e-6)


@pytest.mark.fidelity
def test_it_is_pytorch_s_group_norm_of_one_group():
    import torch

    layer, images = LayerNorm2D(), pictures()
    layer.build(images.shape)
    gamma, beta = np.random.default_rng(1).normal(size=(2, 6)).astype("float32")
    layer.set_weights([gamma, beta])
    expected = torch.nn.functional.group_norm(
        torch.from_numpy(images.transpose(0, 3, 1, 2)), 1, *map(torch.from_numpy, (gamma, beta))
    )
    np.testing.assert_allclose(layer(images), expected.numpy().transpose(0, 2, 3, 1), atol=1e-5)
