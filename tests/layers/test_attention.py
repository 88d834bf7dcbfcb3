"""Attention by hand and by NumPy, and the gain it is let in with."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans.layers import Attention2D, LearnedGain


def maps(seed, side, channels, dtype="float32"):
    return np.random.default_rng(seed).normal(size=(2, side, side, channels)).astype(dtype)


def test_it_is_the_softmax_of_inner_products():
    queries, keys, values = maps(0, 4, 3), maps(1, 2, 3), maps(2, 2, 5)
    found = Attention2D()([queries, keys, values])
    flat = [array.reshape(2, -1, array.shape[-1]) for array in (queries, keys, values)]
    scores = np.einsum("nqc,nkc->nqk", *flat[:2])
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    expected = np.einsum("nqk,nkd->nqd", weights, flat[2]).reshape(2, 4, 4, 5)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_equal_keys_give_the_mean():
    values = maps(2, 2, 5)
    found = Attention2D()([maps(0, 4, 3), np.ones((2, 2, 2, 3), "float32"), values])
    expected = np.broadcast_to(values.mean((1, 2), keepdims=True), (2, 4, 4, 5))
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_it_gives_what_it_takes(dtype):
    three = [maps(seed, 4, 3, dtype) for seed in range(3)]
    assert Attention2D(dtype=dtype)(three).dtype == dtype


def test_batches_of_any_size():
    query, other = keras.Input((4, 6, 3)), keras.Input((2, 3, 3))
    assert Attention2D()([query, other, other]).shape == (None, 4, 6, 3)


def test_the_gain_begins_at_0_and_learns():
    layer = LearnedGain()
    inputs = tf.constant(maps(0, 2, 3))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(inputs))
    np.testing.assert_array_equal(layer(inputs), np.zeros_like(inputs))
    (gradient,) = tape.gradient(loss, layer.trainable_variables)
    assert float(gradient) == pytest.approx(float(tf.reduce_sum(inputs)), rel=1e-5)
