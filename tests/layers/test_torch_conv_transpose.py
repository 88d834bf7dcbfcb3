"""The reference's transposed convolution by its definition, in both of its forms."""

import numpy as np
import pytest
import tensorflow as tf

from keras_gans.layers import TorchConvTranspose2D


def layer(use_bias=True):
    made = TorchConvTranspose2D(2, use_bias=use_bias)
    made.build((None, None, None, 3))
    rng = np.random.default_rng(0)
    for weight in made.weights:
        weight.assign(rng.normal(size=weight.shape))
    return made


def by_definition(images, kernel, bias):
    """Every input pixel adds its kernel around twice its place, one up and left of it."""
    n, height, width, _ = images.shape
    full = np.zeros((n, 2 * height + 1, 2 * width + 1, kernel.shape[2]))
    for row in range(height):
        for column in range(width):
            patch = np.einsum("ni,hwoi->nhwo", images[:, row, column], kernel)
            full[:, 2 * row : 2 * row + 3, 2 * column : 2 * column + 3] += patch
    return full[:, 1:, 1:] + bias


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("shape", [(2, 4, 5, 3), (1, 1, 1, 3)])
def test_equals_the_definition(training, shape):
    images = np.random.default_rng(1).normal(size=shape).astype("float32")
    conv = layer()
    expected = by_definition(images, np.array(conv.kernel), np.array(conv.bias))
    outputs = conv(images, training=training)
    assert outputs.shape == conv.compute_output_shape(shape)
    np.testing.assert_allclose(outputs, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("use_bias", [False, True])
def test_both_forms_have_one_gradient(use_bias):
    conv = layer(use_bias)
    images = tf.constant(np.random.default_rng(1).normal(size=(2, 4, 5, 3)), tf.float32)
    gradients = []
    for training in (False, True):
        with tf.GradientTape() as tape:
            tape.watch(images)
            loss = tf.reduce_sum(conv(images, training=training) ** 2)
        gradients.append(tape.gradient(loss, [images, *conv.trainable_variables]))
    for one, other in zip(*gradients, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-3)


def test_config():
    made = TorchConvTranspose2D.from_config(
        TorchConvTranspose2D(5, use_bias=False, name="up").get_config()
    )
    assert (made.filters, made.use_bias, made.name) == (5, False, "up")
