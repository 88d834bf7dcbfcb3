"""Labels of several inputs side by side."""

import keras
import numpy as np

from keras_gans.layers import LabelColumns


def test_heads_and_attributes_stand_side_by_side():
    parts = [np.array([1, 2]), np.array([3, 4]), np.array([[0, 1, 1], [1, 0, 0]])]
    joined = LabelColumns()([part.astype("int32") for part in parts])
    np.testing.assert_array_equal(joined, [[1, 3, 0, 1, 1], [2, 4, 1, 0, 0]])


def test_shapes_of_open_batches():
    inputs = [keras.Input((), dtype="int32"), keras.Input((4,), dtype="int32")]
    joined = LabelColumns()(inputs)
    assert joined.shape == (None, 5) and joined.dtype == "int32"
    assert LabelColumns()(inputs[:1]).shape == (None, 1)
