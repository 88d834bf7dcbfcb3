"""Images mixed pixel by pixel, by hand."""

import keras
import numpy as np

from keras_gans.layers import Mix

FIRST = np.array([[[[1.0, 2.0]], [[1.0, 2.0]], [[1.0, 2.0]]]], "float32")
SECOND = np.array([[[[5.0, 10.0]], [[5.0, 10.0]], [[5.0, 10.0]]]], "float32")
SHARE = np.array([1.0, 0.0, 0.25], "float32").reshape(1, 3, 1, 1)


def test_a_share_of_one_is_the_first_image():
    mixed = Mix()([FIRST, SECOND, SHARE])
    np.testing.assert_allclose(mixed[0, :, 0], [[1, 2], [5, 10], [4, 8]])


def test_free_sides_keep_their_shape_and_configuration():
    inputs = [keras.Input((None, None, channels)) for channels in (2, 2, 1)]
    layer = Mix.from_config(Mix(name="mixed").get_config())
    model = keras.Model(inputs, layer(inputs))
    assert layer.name == "mixed" and model.output_shape == (None, None, None, 2)
    np.testing.assert_allclose(
        model.predict([FIRST, SECOND, SHARE], verbose=0), Mix()([FIRST, SECOND, SHARE])
    )


def test_half_precision():
    assert Mix(dtype="mixed_float16")([FIRST, SECOND, SHARE]).dtype == "float16"
