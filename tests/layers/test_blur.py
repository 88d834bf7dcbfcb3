"""Halving and doubling through [1, 2, 1], against NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans.layers import BlurDown, BlurUp
from keras_gans.penalties import require_second_order


def pictures(shape=(2, 4, 6, 3)):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def down(x):
    """[1, 2, 1] / 4 in both directions around every second pixel from the second on, 0 outside."""
    for axis in (1, 2):
        x = np.moveaxis(x, axis, 0)
        padded = np.concatenate([x, np.zeros_like(x[:1])])
        x = np.moveaxis((padded[:-2:2] + 2 * padded[1:-1:2] + padded[2::2]) / 4, 0, axis)
    return x


def up(x):
    """Each pixel, and after it the mean of it and the next; the last has none."""
    for axis in (1, 2):
        x = np.moveaxis(x, axis, 0)
        following = np.concatenate([x[1:], x[-1:]])
        x = np.stack([x, (x + following) / 2], axis=1).reshape(-1, *x.shape[1:])
        x = np.moveaxis(x, 0, axis)
    return x


def test_down_by_definition():
    np.testing.assert_allclose(BlurDown()(pictures()), down(pictures()), atol=1e-6)


@pytest.mark.parametrize("training", [False, True])
def test_up_by_definition(training):
    doubled = BlurUp()(pictures(), training=training)
    np.testing.assert_allclose(doubled, up(pictures()), atol=1e-6)


def test_up_of_a_ramp_by_hand():
    ramp = np.array([0.0, 1.0, 2.0], "float32").reshape(1, 1, 3, 1)
    expected = [0, 0.5, 1, 1.5, 2, 2]
    np.testing.assert_allclose(BlurUp()(ramp)[0, 0, :, 0], expected)


def test_down_keeps_the_level_inside():
    ones = np.ones((1, 8, 8, 2), "float32")
    np.testing.assert_allclose(BlurDown()(ones)[:, :-1, :-1], 1.0)
    np.testing.assert_allclose(BlurUp()(ones), 1.0)


def test_features_do_not_mix():
    one = pictures()
    one[..., 1:] = 0
    for layer in (BlurDown(), BlurUp()):
        assert not np.array(layer(one))[..., 1:].any()


@pytest.mark.parametrize(("layer", "sides"), [(BlurDown(), (2, 3)), (BlurUp(), (8, 12))])
def test_shapes(layer, sides):
    assert layer.compute_output_shape((None, 4, 6, 3)) == (None, *sides, 3)
    assert layer.compute_output_shape((None, None, None, 3)) == (None, None, None, 3)
    assert layer(keras.Input((4, 6, 3))).shape == (None, *sides, 3)
    graph = tf.function(layer, input_signature=[tf.TensorSpec((None, None, None, 3))])
    assert graph(pictures()).shape == (2, *sides, 3)
    np.testing.assert_allclose(graph(pictures()), layer(pictures()), atol=1e-6)


@pytest.mark.parametrize("layer", [BlurDown(), BlurUp()], ids=["down", "up"])
def test_gradients_of_any_order_flow(layer):
    inputs = keras.Input((4, 6, 3))
    model = keras.Model(inputs, layer(inputs))
    require_second_order(model)
    images = tf.constant(pictures())
    with tf.GradientTape() as outer:
        outer.watch(images)
        with tf.GradientTape() as inner:
            inner.watch(images)
            total = tf.reduce_sum(model(images, training=True) ** 3)
        first = inner.gradient(total, images)
        squared = tf.reduce_sum(first**2)
    assert np.abs(outer.gradient(squared, images)).max() > 0


@pytest.mark.parametrize("cls", [BlurDown, BlurUp])
def test_config_round_trip(cls):
    layer = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(cls(name="blur"))
    )
    assert type(layer) is cls and layer.name == "blur"


@pytest.mark.parametrize("layer", [BlurDown(), BlurUp()], ids=["down", "up"])
def test_half_precision_stays_half(layer):
    twin = type(layer)(dtype="mixed_bfloat16")
    outputs = twin(pictures())
    assert outputs.dtype == tf.bfloat16
    np.testing.assert_allclose(tf.cast(outputs, "float32"), layer(pictures()), atol=0.05)
