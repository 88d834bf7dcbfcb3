"""The adaptive probability by hand."""

import numpy as np
import pytest
import tensorflow as tf

from keras_gans.augment import adaptive_probability


@pytest.mark.parametrize(
    ("probability", "signs", "expected"),
    [
        (0.2, [1.0, 1, 1, 1], 0.2 + 0.01),  # mean 1, above 0.6
        (0.2, [1.0, 1, 1, -1], 0.2 - 0.01),  # mean 0.5
        (0.2, [1.0, 1, 1, 1, -1], 0.2),  # mean 0.6
        (0.2, 0.75, 0.2 + 0.01),  # a mean of several batches
        (0.995, [1.0], 1.0),
        (0.005, [-1.0], 0.0),
    ],
)
def test_by_hand(probability, signs, expected):
    moved = adaptive_probability(probability, signs, batch_size=5000)
    assert moved.dtype == tf.float32
    np.testing.assert_allclose(moved, expected, atol=1e-7)


def test_from_0_to_1_takes_kimg_thousand_images():
    probability, images = tf.constant(0.0), 0
    while probability < 1 - 1e-4:
        probability = adaptive_probability(probability, tf.sign([[3.0], [0.1]]), 64, kimg=10)
        images += 64
    assert 10_000 <= images <= 10_064


def test_target():
    assert float(adaptive_probability(0.5, 0.4, 100, target=0.3)) > 0.5
    assert float(adaptive_probability(0.5, 0.4, 100, target=0.5)) < 0.5


def test_in_a_graph_of_variables():
    probability = tf.Variable(0.5)
    graph = tf.function(
        lambda logits: probability.assign(adaptive_probability(probability, tf.sign(logits), 5000))
    )
    np.testing.assert_allclose(graph(tf.ones((4, 1))), 0.51)
