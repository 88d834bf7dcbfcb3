"""Doubling by repetition, in both of its forms."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans.layers import Upsample2D
from keras_gans.penalties import require_second_order


def pictures(shape=(2, 3, 5, 4)):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("shape", [(2, 3, 5, 4), (1, 1, 1, 1)])
def test_every_pixel_twice(training, shape):
    images = pictures(shape)
    doubled = Upsample2D()(images, training=training)
    np.testing.assert_array_equal(doubled, images.repeat(2, axis=1).repeat(2, axis=2))


def test_both_forms_have_one_gradient():
    images = tf.constant(pictures())
    gradients = []
    for training in (False, True):
        with tf.GradientTape() as tape:
            tape.watch(images)
            loss = tf.reduce_sum(Upsample2D()(images, training=training) ** 3)
        gradients.append(tape.gradient(loss, images))
    np.testing.assert_allclose(*gradients, rtol=1e-5)
    np.testing.assert_allclose(gradients[0], 12 * pictures() ** 2, rtol=1e-5)


def test_shapes():
    layer = Upsample2D()
    assert layer.compute_output_shape((None, 3, 5, 4)) == (None, 6, 10, 4)
    assert layer.compute_output_shape((None, None, None, 4)) == (None, None, None, 4)
    assert layer(keras.Input((3, 5, 4))).shape == (None, 6, 10, 4)


@pytest.mark.parametrize("training", [False, True])
def test_sides_left_open(training):
    graph = tf.function(
        lambda images: Upsample2D()(images, training=training),
        input_signature=[tf.TensorSpec((None, None, None, 4))],
    )
    np.testing.assert_array_equal(graph(pictures()), pictures().repeat(2, axis=1).repeat(2, axis=2))


def test_training_has_a_gradient_of_second_order():
    inputs = keras.Input((3, 5, 4))
    require_second_order(keras.Model(inputs, Upsample2D()(inputs)))


def test_config_round_trip():
    layer = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(Upsample2D(name="up"))
    )
    assert type(layer) is Upsample2D and layer.name == "up"
