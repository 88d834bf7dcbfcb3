"""Reflection padding against NumPy's."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from keras_gans.layers import ReflectionPadding2D


@given(padding=st.integers(1, 3), height=st.integers(4, 7), width=st.integers(4, 7))
def test_equals_numpy(padding, height, width):
    images = np.random.default_rng(0).normal(size=(2, height, width, 3)).astype("float32")
    layer = ReflectionPadding2D(padding)
    around = ((0, 0), (padding, padding), (padding, padding), (0, 0))
    for training in (False, True):
        padded = layer(images, training=training)
        np.testing.assert_array_equal(padded, np.pad(images, around, mode="reflect"))
    expected = (2, height + 2 * padding, width + 2 * padding, 3)
    assert layer.compute_output_shape(images.shape) == expected


@pytest.mark.parametrize("around", [(0, 1), (2, 0), (3, 2), [0, 2]])
def test_sides_may_be_padded_unequally(around):
    images = tf.constant(np.random.default_rng(0).normal(size=(2, 5, 6, 3)), tf.float32)
    layer = ReflectionPadding2D.from_config(ReflectionPadding2D(around).get_config())
    expected = np.pad(images, ((0, 0), around, around, (0, 0)), mode="reflect")
    gradients = []
    for training in (False, True):
        with tf.GradientTape() as tape:
            tape.watch(images)
            padded = layer(images, training=training)
            loss = tf.reduce_sum(padded**3)
        np.testing.assert_array_equal(padded, expected)
        gradients.append(tape.gradient(loss, images))
    np.testing.assert_allclose(*gradients, rtol=1e-5)
    assert layer.compute_output_shape(images.shape) == expected.shape


def test_both_forms_have_one_gradient_of_both_orders():
    images = tf.constant(np.random.default_rng(0).normal(size=(2, 5, 6, 3)), tf.float32)
    found = []
    for training in (False, True):
        with tf.GradientTape() as outer:
            outer.watch(images)
            with tf.GradientTape() as tape:
                tape.watch(images)
                loss = tf.reduce_sum(ReflectionPadding2D(2)(images, training=training) ** 3)
            first = tape.gradient(loss, images)
        found.append((first, outer.gradient(first, images)))
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5)


def test_too_small_pictures_are_refused():
    with pytest.raises(ValueError, match="at least 4"):
        ReflectionPadding2D(3)(np.zeros((1, 3, 8, 1), "float32"))


def test_config():
    assert ReflectionPadding2D.from_config(ReflectionPadding2D(2).get_config()).padding == 2
