"""Maxout by hand."""

import numpy as np
import pytest

from keras_gans.layers import Maxout


def test_by_hand():
    layer = Maxout(2, 3, use_bias=True)
    layer.build((None, 1))
    layer.kernel.assign([[1.0, -2, 0, 5, 1, 1]])
    layer.bias.assign([0.0, 0, 1, 0, 0, 0])
    # Unit 0 is max(x, -2x, 1), unit 1 max(5x, x, x).
    np.testing.assert_allclose(
        layer(np.array([[2.0], [-3.0], [0.5]])), [[2, 10], [6, -3], [1, 2.5]]
    )


@pytest.mark.parametrize("shape", [(4, 6), (2, 5, 6)])
def test_shapes_and_config(shape):
    layer = Maxout(3, 2)
    outputs = layer(np.ones(shape, "float32"))
    assert outputs.shape == layer.compute_output_shape(shape) == (*shape[:-1], 3)
    again = Maxout.from_config(layer.get_config())
    assert (again.units, again.pieces) == (6, 2)
