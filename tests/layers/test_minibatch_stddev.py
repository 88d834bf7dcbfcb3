"""The standard deviation layer against NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans.layers import MinibatchStdDev


def by_definition(images, size):
    count = len(images)
    groups = count // size
    extra = np.zeros((*images.shape[:-1], 1))
    for group in range(groups):
        members = list(range(group, count, groups))
        deviation = np.sqrt(images[members].astype("float64").var(0) + 1e-8)
        extra[members] = deviation.mean()
    return np.concatenate([images, extra], axis=-1)


def batch(count):
    return np.random.default_rng(0).normal(1, 2, (count, 5, 4, 3)).astype("float32")


@pytest.mark.parametrize(
    ("count", "group_size", "size"),
    [(8, 4, 4), (4, 4, 4), (12, 4, 4), (3, 4, 3), (1, 4, 1), (6, 4, 3), (10, 4, 2), (7, 4, 1)],
)
def test_equals_the_definition(count, group_size, size):
    layer, images = MinibatchStdDev(group_size), batch(count)
    outputs = layer(images)
    assert outputs.shape == layer.compute_output_shape(images.shape) == (count, 5, 4, 4)
    np.testing.assert_allclose(outputs, by_definition(images, size), rtol=1e-5)


def test_by_hand():
    images = tf.reshape([0.0, 10, 2, 20], (4, 1, 1, 1))  # groups (0, 2) and (10, 20)
    np.testing.assert_allclose(MinibatchStdDev(2)(images)[:, 0, 0, 1], [1, 5, 1, 5], rtol=1e-6)


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("count", [8, 3])
def test_unknown_batch_in_a_graph(count, jit_compile):
    spec = [tf.TensorSpec((None, None, None, 3))]
    graph = tf.function(MinibatchStdDev(), input_signature=spec, jit_compile=jit_compile)
    expected = by_definition(batch(count), min(4, count))
    np.testing.assert_allclose(graph(batch(count)), expected, rtol=1e-5)


def test_unknown_batch_that_groups_do_not_divide_is_refused():
    graph = tf.function(MinibatchStdDev(), input_signature=[tf.TensorSpec((None, 5, 4, 3))])
    with pytest.raises(tf.errors.InvalidArgumentError, match="Groups of 4 samples must divide"):
        graph(batch(6))


def test_equal_samples_have_a_finite_gradient():
    images = tf.ones((4, 5, 4, 3))
    with tf.GradientTape() as tape:
        tape.watch(images)
        outputs = MinibatchStdDev()(images)
    np.testing.assert_allclose(outputs[..., 3], np.full((4, 5, 4), 1e-4), rtol=1e-5)
    assert np.isfinite(tape.gradient(outputs, images)).all()


def test_half_precision_counts_in_float32():
    images = batch(8)
    outputs = MinibatchStdDev(dtype="mixed_bfloat16")(images)
    assert outputs.dtype == tf.bfloat16
    np.testing.assert_allclose(
        tf.cast(outputs, "float32"), by_definition(images, 4), rtol=1e-2, atol=1e-2
    )


def test_in_a_functional_model_and_config():
    inputs = keras.Input((5, 4, 3))
    model = keras.Model(inputs, MinibatchStdDev(2)(inputs))
    assert model.output_shape == (None, 5, 4, 4)
    again = keras.Model.from_config(model.get_config())
    assert again.layers[-1].group_size == 2
    np.testing.assert_allclose(again.predict(batch(4), verbose=0), by_definition(batch(4), 2), 1e-5)


def test_no_group_is_refused():
    with pytest.raises(ValueError, match="at least 1. Received: 0"):
        MinibatchStdDev(0)
