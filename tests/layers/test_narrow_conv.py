"""The convolution to few channels in both of its forms."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans.layers import NarrowConv2D


def layer(size=3, use_bias=True):
    made = NarrowConv2D(2, size, use_bias=use_bias)
    made.build((None, None, None, 5))
    rng = np.random.default_rng(0)
    for weight in made.weights:
        weight.assign(rng.normal(size=weight.shape))
    return made


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(
    ("size", "shape"), [(3, (2, 6, 7, 5)), (7, (1, 7, 9, 5)), (1, (1, 2, 2, 5))]
)
def test_equals_the_plain_convolution(training, size, shape):
    images = np.random.default_rng(1).normal(size=shape).astype("float32")
    conv = layer(size)
    expected = keras.ops.conv(images, conv.kernel, padding="valid") + conv.bias
    outputs = conv(images, training=training)
    assert outputs.shape == conv.compute_output_shape(shape)
    np.testing.assert_allclose(outputs, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("use_bias", [False, True])
def test_both_forms_have_one_gradient(use_bias):
    conv = layer(use_bias=use_bias)
    images = tf.constant(np.random.default_rng(1).normal(size=(2, 6, 7, 5)), tf.float32)
    gradients = []
    for training in (False, True):
        with tf.GradientTape() as tape:
            tape.watch(images)
            loss = tf.reduce_sum(conv(images, training=training) ** 2)
        gradients.append(tape.gradient(loss, [images, *conv.trainable_variables]))
    for one, other in zip(*gradients, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-2)


def test_config():
    made = NarrowConv2D.from_config(NarrowConv2D(3, 7, use_bias=False, name="out").get_config())
    assert (made.filters, made.kernel_size, made.use_bias, made.name) == (3, (7, 7), False, "out")
