"""Dropout that stays on where it is asked to, and nowhere else."""

import keras
import numpy as np
import pytest

from keras_gans.layers import StochasticDropout


def network(nested=False):
    inputs = keras.Input((400,))
    outputs = StochasticDropout(0.25, seed=1, name="drop")(inputs)
    inner = keras.Model(inputs, outputs, name="inner")
    if not nested:
        return inner
    inputs = keras.Input((400,))
    return keras.Model(inputs, inner(inputs))


ONES = np.ones((50, 400), "float32")


def test_in_inference_nothing_drops():
    np.testing.assert_array_equal(network()(ONES, training=False), ONES)
    np.testing.assert_array_equal(network()(ONES), ONES)


def test_in_training_the_rate_drops_and_the_rest_is_scaled():
    outputs = np.array(network()(ONES, training=True))
    np.testing.assert_allclose(np.unique(outputs), [0, 1 / 0.75], rtol=1e-6)
    assert abs((outputs == 0).mean() - 0.25) < 0.02


@pytest.mark.parametrize("nested", [False, True])
def test_left_on_it_drops_in_inference_until_the_context_ends(nested):
    model = network(nested)
    with StochasticDropout.left_on(model):
        first, second = (np.array(model(ONES, training=False)) for _ in range(2))
    assert abs((first == 0).mean() - 0.25) < 0.02
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(model(ONES, training=False), ONES)


def test_off_changes_nothing():
    model = network()
    with StochasticDropout.left_on(model, on=False):
        np.testing.assert_array_equal(model(ONES, training=False), ONES)


def test_an_error_inside_switches_it_off():
    model = network()
    with pytest.raises(KeyError), StochasticDropout.left_on(model):
        raise KeyError
    np.testing.assert_array_equal(model(ONES, training=False), ONES)


def test_networks_without_it_are_left_alone():
    inputs = keras.Input((400,))
    plain = keras.Model(inputs, keras.layers.Dropout(0.5)(inputs))
    with StochasticDropout.left_on(plain):
        np.testing.assert_array_equal(plain(ONES, training=False), ONES)


def test_config_round_trip():
    layer = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(StochasticDropout(0.3, name="drop"))
    )
    assert type(layer) is StochasticDropout
    assert (layer.rate, layer.name) == (0.3, "drop")
