"""Label maps as feature maps: one for each class, made smaller by nearest pixels."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans.layers import OneHotMaps


@pytest.mark.parametrize("stride", [1, 2, 4])
def test_a_class_is_1_where_it_lies(stride):
    maps = np.random.default_rng(0).integers(0, 5, (2, 8, 12)).astype("int32")
    made = OneHotMaps(5, stride)(maps)
    assert made.shape == (2, 8 // stride, 12 // stride, 5)
    np.testing.assert_array_equal(np.argmax(made, -1), maps[:, ::stride, ::stride])
    np.testing.assert_array_equal(np.sum(made, -1), 1.0)


def test_no_class_is_nowhere():
    made = OneHotMaps(3)(np.array([[[7, -1, 2]]], "int32"))
    np.testing.assert_array_equal(made[0, 0], [[0, 0, 0], [0, 0, 0], [0, 0, 1]])


@pytest.mark.fidelity
@pytest.mark.parametrize("stride", [2, 4, 8])
def test_it_is_pytorch_s_nearest(stride):
    import torch

    maps = np.random.default_rng(0).integers(0, 5, (2, 16, 24)).astype("int32")
    large = torch.nn.functional.one_hot(torch.from_numpy(maps).long(), 5).permute(0, 3, 1, 2)
    sides = [side // stride for side in maps.shape[1:]]
    small = torch.nn.functional.interpolate(large.float(), size=sides, mode="nearest")
    made = np.transpose(OneHotMaps(5, stride)(maps), (0, 3, 1, 2))
    np.testing.assert_array_equal(made, small.numpy())


def test_shapes_of_free_sides():
    assert OneHotMaps(7, 4)(keras.Input((None, None), dtype="int32")).shape == (None, None, None, 7)
    assert OneHotMaps(7, 4)(keras.Input((16, 8), dtype="int32")).shape == (None, 4, 2, 7)


def test_numbers_are_of_the_layer_s_own_dtype():
    layer = OneHotMaps.from_config(OneHotMaps(3, 2, dtype="mixed_float16").get_config())
    assert (layer.classes, layer.stride) == (3, 2)
    made = layer(tf.zeros((1, 2, 2), tf.int32))
    assert made.dtype == "float16"
    np.testing.assert_array_equal(made[0, 0, 0], [1, 0, 0])
