"""Penalties of functions whose gradients are known, and against finite differences."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans.penalties import dragan_penalty, gradient_penalty, r1_penalty, r2_penalty

SHAPES = [(4, 2), (4, 3, 5), (4, 6, 5, 3)]


def samples(shape, seed=0):
    return tf.constant(np.random.default_rng(seed).uniform(-1, 1, shape), tf.float32)


def mixes(count=4):
    return tf.linspace(0.0, 0.9, count)


def scaled_sum(factor):
    """A function whose gradient is `factor` everywhere."""
    return lambda images: (
        factor * tf.reduce_sum(tf.reshape(images, (tf.shape(images)[0], -1)), axis=1, keepdims=True)
    )


def half_square(images):
    """A function whose gradient is the image itself."""
    return 0.5 * tf.reduce_sum(tf.reshape(images, (tf.shape(images)[0], -1)) ** 2, axis=1)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_linear_judge_has_one_gradient_everywhere(shape):
    features = np.prod(shape[1:])
    real, fake = samples(shape), samples(shape, 1)
    expected = (0.5 * np.sqrt(features) - 1) ** 2
    judge = scaled_sum(0.5)
    np.testing.assert_allclose(gradient_penalty(judge, real, fake, mixes()), expected, rtol=1e-5)
    np.testing.assert_allclose(dragan_penalty(judge, real, fake, mixes()), expected, rtol=1e-5)
    for penalty in (r1_penalty, r2_penalty):
        np.testing.assert_allclose(penalty(judge, real), 0.125 * features, rtol=1e-5)


def test_r1_and_r2_by_hand():
    points = tf.constant([[3.0, 4.0], [0.0, 2.0]])  # squared norms 25 and 4
    for penalty in (r1_penalty, r2_penalty):
        assert float(penalty(half_square, points)) == 0.5 * (25 + 4) / 2


@pytest.mark.parametrize("mix_rank", [1, 4])
def test_gradient_penalty_is_taken_between_real_and_fake(mix_rank):
    real, fake = samples((4, 6, 5, 3)), samples((4, 6, 5, 3), 1)
    mix = tf.reshape(mixes(), (4, *[1] * (mix_rank - 1)))
    between = np.array(real) + np.linspace(0, 0.9, 4).reshape(4, 1, 1, 1) * np.array(fake - real)
    norms = np.sqrt((between**2).sum((1, 2, 3)))
    penalty = gradient_penalty(half_square, real, fake, mix)
    np.testing.assert_allclose(penalty, np.mean((norms - 1) ** 2), rtol=1e-5)


def test_dragan_penalty_is_taken_near_real():
    real, noise = (
        np.array(samples((4, 6, 5, 3))),
        np.random.default_rng(1).uniform(size=(4, 6, 5, 3)),
    )
    nearby = real + np.linspace(0, 0.9, 4).reshape(4, 1, 1, 1) * 0.5 * real.std() * noise
    norms = np.sqrt((nearby**2).sum((1, 2, 3)))
    penalty = dragan_penalty(half_square, real, noise, mixes())
    np.testing.assert_allclose(penalty, np.mean((norms - 1) ** 2), rtol=1e-5)


def test_no_gradient_is_no_nan():
    real, fake = samples((4, 6)), samples((4, 6), 1)
    scale = tf.Variable(0.0)

    def flat(images):
        return scale * tf.reduce_sum(images**2, axis=1)

    for penalty, expected in [
        (lambda: gradient_penalty(flat, real, fake, mixes()), 1),
        (lambda: dragan_penalty(flat, real, fake, mixes()), 1),
        (lambda: r1_penalty(flat, real), 0),
    ]:
        with tf.GradientTape() as tape:
            value = penalty()
        np.testing.assert_allclose(value, expected, atol=1e-5)
        assert np.isfinite(tape.gradient(value, scale))


def small_network(dtype="float32"):
    conv = {"strides": 2, "padding": "same", "activation": "tanh", "dtype": dtype}
    return keras.Sequential(
        [
            keras.Input((6, 5, 3)),
            keras.layers.Conv2D(4, 3, **conv),
            keras.layers.Flatten(dtype=dtype),
            keras.layers.Dense(1, dtype=dtype),
        ]
    )


def penalties_of(network, real, fake):
    return {
        "wgan-gp": lambda: gradient_penalty(network, real, fake, mixes()),
        "dragan": lambda: dragan_penalty(network, real, 0.5 + 0.5 * fake, mixes()),
        "r1": lambda: r1_penalty(network, real),
        "r2": lambda: r2_penalty(network, fake),
    }


@pytest.mark.parametrize("name", ["wgan-gp", "dragan", "r1", "r2"])
def test_gradients_by_weights_against_finite_differences(name):
    network = small_network()
    penalty = penalties_of(network, samples((4, 6, 5, 3)), samples((4, 6, 5, 3), 1))[name]
    kernel = network.layers[0].kernel
    direction = np.random.default_rng(2).normal(size=kernel.shape).astype("float32")
    with tf.GradientTape() as tape:
        value = penalty()
    slope = float(tf.reduce_sum(tape.gradient(value, kernel.value) * direction))
    start, step = np.array(kernel), 2e-3
    sides = []
    for sign in (1, -1):
        kernel.assign(start + sign * step * direction)
        sides.append(float(penalty()))
    np.testing.assert_allclose(slope, (sides[0] - sides[1]) / (2 * step), rtol=1e-2)


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("name", ["wgan-gp", "dragan", "r1"])
def test_graphs_give_what_eager_code_gives(name, jit_compile):
    network = small_network()
    penalty = penalties_of(network, samples((4, 6, 5, 3)), samples((4, 6, 5, 3), 1))[name]

    def step():
        with tf.GradientTape() as tape:
            value = penalty()
        weights = [variable.value for variable in network.trainable_variables[:1]]
        return value, tape.gradient(value, weights)[0]

    for graph, eager in zip(tf.function(step, jit_compile=jit_compile)(), step(), strict=True):
        np.testing.assert_allclose(graph, eager, rtol=1e-4, atol=1e-6)


def test_unknown_batch_sizes():
    spec = [tf.TensorSpec((None, 2)), tf.TensorSpec((None, 2)), tf.TensorSpec((None,))]
    graph = tf.function(
        lambda real, fake, mix: gradient_penalty(half_square, real, fake, mix),
        input_signature=spec,
    )
    real, fake = samples((4, 2)), samples((4, 2), 1)
    np.testing.assert_allclose(
        graph(real, fake, mixes()), gradient_penalty(half_square, real, fake, mixes()), rtol=1e-6
    )


def test_half_precision_networks_give_float32():
    network = small_network("mixed_bfloat16")
    penalty = r1_penalty(network, tf.cast(samples((4, 6, 5, 3)), "bfloat16"))
    assert penalty.dtype == tf.float32 and float(penalty) > 0


def test_a_judge_may_close_over_a_condition():
    labels = tf.constant([1.0, 2.0, 3.0, 4.0])[:, None]
    penalty = r1_penalty(lambda points: labels * points, tf.ones((4, 1)))
    assert float(penalty) == 0.5 * (1 + 4 + 9 + 16) / 4


def test_logits_that_do_not_depend_on_images_are_refused():
    with pytest.raises(ValueError, match="depend on the images"):
        r1_penalty(lambda images: tf.ones((4, 1)), samples((4, 2)))


def test_mix_of_another_size_is_refused():
    real = samples((4, 6, 5, 3))
    with pytest.raises(ValueError, match=r"Pass shape \(4,\)"):
        gradient_penalty(half_square, real, real, tf.ones((1,)))
