"""Instance norm by its definition, in each of its forms."""

import numpy as np
import pytest
import tensorflow as tf

from keras_gans.layers import InstanceNorm


def by_definition(images):
    mean = images.mean((1, 2), keepdims=True)
    return (images - mean) / np.sqrt(images.var((1, 2), keepdims=True) + 1e-5)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("count", [1, 2, 4, 5])
def test_equals_the_definition(count, training):
    images = np.random.default_rng(0).normal(3, 2, (count, 6, 5, 4)).astype("float32")
    outputs = InstanceNorm()(images, training=training)
    np.testing.assert_allclose(outputs, by_definition(images.astype("float64")), atol=2e-5)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_fused_gradients_equal_the_composed_ones(count):
    images = tf.constant(np.random.default_rng(0).normal(0, 2, (count, 6, 5, 4)), tf.float32)
    gradients = []
    for training in (False, True):
        with tf.GradientTape() as tape:
            tape.watch(images)
            loss = tf.reduce_sum(InstanceNorm()(images, training=training) ** 3)
        gradients.append(tape.gradient(loss, images))
    np.testing.assert_allclose(*gradients, rtol=1e-3, atol=1e-4)


def test_unknown_batch_in_a_graph():
    images = np.random.default_rng(0).normal(3, 2, (3, 6, 5, 4)).astype("float32")
    spec = [tf.TensorSpec((None, None, None, 4))]
    graph = tf.function(lambda x: InstanceNorm()(x, training=True), input_signature=spec)
    np.testing.assert_allclose(graph(images), by_definition(images), atol=2e-5)


def test_has_no_weights_and_keeps_its_epsilon():
    layer = InstanceNorm.from_config(InstanceNorm(epsilon=0.5).get_config())
    assert layer.weights == [] and layer.epsilon == 0.5
