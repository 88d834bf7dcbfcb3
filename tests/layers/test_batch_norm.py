"""The fused batch norm against Keras' own."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans.layers import BatchNorm


def pair(shape, **options):
    ours = BatchNorm(**options)
    theirs = keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5, **options)
    for layer in (ours, theirs):
        layer.build(shape)
        if layer.scale:
            layer.gamma.assign(np.linspace(0.5, 2, shape[-1]))
        if layer.center:
            layer.beta.assign(np.linspace(-1, 1, shape[-1]))
    return ours, theirs


@pytest.mark.parametrize("shape", [(6, 5, 4, 3), (8, 7)])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"scale": False},
        {"center": False},
        {"scale": False, "center": False},
        {"dtype": "float64"},
    ],
    ids=str,
)
def test_training_output_and_gradients_equal_keras(shape, options):
    inputs = np.random.default_rng(0).normal(2, 3, shape)
    inputs = tf.constant(inputs.astype(options.get("dtype", "float32")))
    results = []
    for layer in pair(shape, **options):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = layer(inputs, training=True)
            loss = tf.reduce_sum(outputs**3)
        gradients = tape.gradient(loss, [inputs, *layer.trainable_variables])
        results.append([outputs, *gradients])
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=2e-3)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_moving_statistics_follow_mean_and_unbiased_variance(dtype):
    inputs = np.random.default_rng(0).normal(2, 3, (6, 5, 4, 3)).astype(dtype)
    layer, _ = pair(inputs.shape, dtype=dtype)
    layer(inputs, training=True)
    mean, variance = inputs.mean((0, 1, 2)), inputs.var((0, 1, 2), ddof=1)
    np.testing.assert_allclose(layer.moving_mean, 0.1 * mean, rtol=1e-5)
    np.testing.assert_allclose(layer.moving_variance, 0.9 + 0.1 * variance, rtol=1e-5)


def test_inference_equals_keras_and_moves_nothing():
    inputs = np.random.default_rng(0).normal(2, 3, (6, 5, 4, 3)).astype("float32")
    ours, theirs = pair(inputs.shape)
    for layer in (ours, theirs):
        layer.moving_mean.assign([1.0, 2, 3])
        layer.moving_variance.assign([4.0, 5, 6])
    np.testing.assert_allclose(ours(inputs), theirs(inputs), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(ours.moving_mean, [1, 2, 3])


def test_frozen_means_inference():
    inputs = np.random.default_rng(0).normal(2, 3, (6, 5, 4, 3)).astype("float32")
    layer, _ = pair(inputs.shape)
    layer.trainable = False
    np.testing.assert_array_equal(layer(inputs, training=True), layer(inputs, training=False))


def test_config_round_trip():
    layer = BatchNorm.from_config(BatchNorm(momentum=0.8).get_config())
    assert (layer.momentum, layer.epsilon) == (0.8, 1e-5)
