"""Images that are not there."""

import keras
import numpy as np

from keras_gans.layers import IsEmpty


def images():
    """An image with one pixel, which is hardly not zero, and one of zeros."""
    images = np.zeros((2, 3, 2, 3), "float32")
    images[0, 2, 1, 0] = -1e-3
    return images


def test_only_zeros_are_empty():
    np.testing.assert_array_equal(np.ravel(IsEmpty()(images())), [0.0, 1.0])


def test_free_sides_keep_their_shape_and_configuration():
    image = keras.Input((None, None, 3))
    layer = IsEmpty.from_config(IsEmpty(name="first").get_config())
    model = keras.Model(image, layer(image))
    assert layer.name == "first" and model.output_shape == (None, 1, 1, 1)
    np.testing.assert_array_equal(model.predict(images(), verbose=0), IsEmpty()(images()))


def test_half_precision():
    assert IsEmpty(dtype="mixed_float16")(images()).dtype == "float16"
