"""Labels as feature maps: constant over each picture, of its size."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans.layers import LabelMaps


@pytest.mark.parametrize("sides", [(4, 6), (1, 1)])
def test_every_place_has_the_picture_s_own_code(sides):
    codes = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 1.0]], "float32")
    images = np.random.default_rng(0).normal(size=(2, *sides, 5)).astype("float32")
    maps = LabelMaps()([images, codes])
    expected = np.broadcast_to(codes[:, None, None], (2, *sides, 3))
    np.testing.assert_array_equal(maps, expected)


def test_shapes_of_free_sides():
    maps = LabelMaps()([keras.Input((None, None, 3)), keras.Input((7,))])
    assert maps.shape == (None, None, None, 7)


def test_whole_codes_become_numbers_of_the_layer_s_own():
    layer = LabelMaps.from_config(LabelMaps(dtype="mixed_float16").get_config())
    maps = layer([tf.zeros((1, 2, 2, 3), "float16"), tf.constant([[0, 1]])])
    assert maps.dtype == "float16"
    np.testing.assert_array_equal(maps[0, 0, 0], [0, 1])
