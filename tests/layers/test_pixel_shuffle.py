"""Pixel shuffle: values by hand, and every offered option."""

import numpy as np
import pytest

from keras_gans.layers import PixelShuffle2D


def test_channels_become_the_pixels_of_their_block():
    # One pixel of two channels, each four values: 0 1 / 2 3 and 10 11 / 12 13.
    values = np.array([0, 1, 2, 3, 10, 11, 12, 13], "float32")[None, None, None]
    shuffled = np.asarray(PixelShuffle2D(2)(values))
    assert shuffled.shape == (1, 2, 2, 2)
    np.testing.assert_array_equal(shuffled[0, :, :, 0], [[0, 1], [2, 3]])
    np.testing.assert_array_equal(shuffled[0, :, :, 1], [[10, 11], [12, 13]])


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_shapes_are_what_it_says(factor):
    layer = PixelShuffle2D(factor)
    values = np.zeros((2, 5, 4, 3 * factor**2), "float32")
    assert layer(values).shape == layer.compute_output_shape(values.shape)
    assert layer.compute_output_shape((None, None, None, 9 * factor**2))[-1] == 9


def test_other_channels_are_refused():
    with pytest.raises(ValueError, match="a multiple of 4 channels. Received: shape"):
        PixelShuffle2D(2)(np.zeros((1, 2, 2, 6), "float32"))
