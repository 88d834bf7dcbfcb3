"""Pictures with others in their holes: known pixels stay as they are."""

import keras
import numpy as np

from keras_gans.layers import FillHoles


def three(seed=0):
    rng = np.random.default_rng(seed)
    pictures, others = rng.uniform(-1, 1, (2, 2, 6, 8, 3)).astype("float32")
    return pictures, (rng.uniform(size=(2, 6, 8, 1)) > 0.5).astype("float32"), others


def test_masks_say_where_the_holes_are():
    pictures, masks, others = three()
    filled = FillHoles()([pictures, masks, others])
    np.testing.assert_array_equal(filled, np.where(masks > 0, others, pictures))


def test_a_fixed_hole_is_that_of_all_pictures():
    pictures, _, others = three()
    layer = FillHoles.from_config(FillHoles((1, 2, 4, 7)).get_config())
    expected = pictures.copy()
    expected[:, 1:4, 2:7] = others[:, 1:4, 2:7]
    np.testing.assert_array_equal(layer([pictures, others]), expected)
    assert layer.hole == (1, 2, 4, 7)


def test_a_hole_is_of_the_layer_s_own_precision():
    pictures, _, others = (array.astype("float16") for array in three())
    assert FillHoles((0, 0, 2, 2), dtype="float16")([pictures, others]).dtype == "float16"


def test_shapes_of_free_sides():
    picture, mask = keras.Input((None, None, 3)), keras.Input((None, None, 1))
    assert FillHoles()([picture, mask, picture]).shape == (None, None, None, 3)
