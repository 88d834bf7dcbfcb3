"""Spectral layers against singular values by NumPy, and plain layers of W / sigma."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans.layers import BatchNorm, SpectralConv2D, SpectralDense
from keras_gans.layers.spectral_norm import folded, power_iteration, spectral_layers


def conv(**kwargs):
    layer = SpectralConv2D(6, 3, **{"padding": "same", **kwargs})
    layer.build((None, None, None, 4))
    layer.kernel.assign(np.random.default_rng(0).normal(0.3, 1, layer.kernel.shape))
    return layer


def dense(**kwargs):
    layer = SpectralDense(6, **kwargs)
    layer.build((None, 10))
    layer.kernel.assign(np.random.default_rng(0).normal(0.3, 1, layer.kernel.shape))
    return layer


LAYERS = {"conv": (conv, (3, 5, 5, 4)), "dense": (dense, (3, 10))}
both = pytest.mark.parametrize(("make", "shape"), LAYERS.values(), ids=LAYERS)


def inputs_of(shape):
    return tf.constant(np.random.default_rng(1).normal(size=shape), tf.float32)


def singular_values(kernel):
    matrix = np.array(kernel, "float64")
    return np.linalg.svd(matrix.reshape(-1, matrix.shape[-1]), compute_uv=False)


def settle(layer):
    for _ in range(100):
        layer.power_iteration()
    return layer


# === Sigma ===


@both
def test_sigma_becomes_the_largest_singular_value(make, shape):
    layer = settle(make())
    np.testing.assert_allclose(layer.sigma(), singular_values(layer.kernel)[0], rtol=1e-5)
    np.testing.assert_allclose(singular_values(layer.normalised_kernel())[0], 1, rtol=1e-5)


@both
def test_one_iteration_by_definition(make, shape):
    layer = make()
    matrix = np.array(layer.kernel, "float64").reshape(-1, 6)
    v = matrix @ np.array(layer.u)
    v /= np.linalg.norm(v)
    np.testing.assert_allclose(layer.sigma(), np.array(layer.u) @ matrix.T @ v, rtol=1e-5)
    u = matrix.T @ v
    layer.power_iteration()
    np.testing.assert_allclose(layer.u, u / np.linalg.norm(u), rtol=1e-4)


def test_the_first_estimate_is_near_and_reproducible():
    estimates = []
    for _ in range(2):
        keras.utils.set_random_seed(3)
        layer = SpectralConv2D(6, 3)
        layer.build((None, None, None, 4))
        largest = singular_values(layer.kernel)[0]
        assert 0.9 * largest < float(layer.sigma()) <= largest * (1 + 1e-5)
        estimates.append(np.array(layer.u))
    np.testing.assert_array_equal(*estimates)


@both
def test_calls_move_nothing(make, shape):
    layer = make()
    before = np.array(layer.u)
    for training in (False, True):
        layer(inputs_of(shape), training=training)
    np.testing.assert_array_equal(layer.u, before)
    layer.power_iteration()
    assert np.abs(layer.u - before).max() > 0


@pytest.mark.parametrize("jit_compile", [False, True])
@both
def test_advances_in_a_graph(make, shape, jit_compile):
    layer, twin = make(), make()
    twin.u.assign(layer.u)

    @tf.function(jit_compile=jit_compile)
    def step(inputs):
        layer.power_iteration()
        return layer(inputs, training=True)

    outputs = step(inputs_of(shape))
    twin.power_iteration()
    np.testing.assert_allclose(layer.u, twin.u, atol=1e-6)
    np.testing.assert_allclose(outputs, twin(inputs_of(shape)), atol=1e-5)


def test_a_kernel_of_zeros_stays_one_and_can_be_left():
    layer = SpectralDense(6, kernel_initializer="zeros")
    np.testing.assert_array_equal(layer(np.ones((2, 10), "float32")), np.zeros((2, 6)))
    layer.kernel.assign(np.random.default_rng(0).normal(size=(10, 6)))
    np.testing.assert_allclose(settle(layer).sigma(), singular_values(layer.kernel)[0], rtol=1e-5)


# === Outputs and gradients ===


@pytest.mark.parametrize("training", [False, True])
@both
def test_output_is_the_plain_layers_by_the_divided_kernel(make, shape, training):
    layer = make(activation="tanh")
    layer.bias.assign(np.linspace(-1, 1, 6))
    plain = type(layer).plain.from_config(layer.get_config())
    plain.build(shape)
    plain.set_weights([layer.kernel / layer.sigma(), layer.bias])
    inputs = inputs_of(shape)
    np.testing.assert_allclose(layer(inputs, training=training), plain(inputs), atol=1e-5)


def test_lipschitz():
    layer, (one, other) = settle(dense()), tf.unstack(inputs_of((2, 100, 10)))
    moved = tf.norm(layer(one) - layer(other), axis=1)
    assert (moved <= tf.norm(one - other, axis=1) * (1 + 1e-5)).numpy().all()


def gradient_of(layer, inputs):
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.cast(layer(inputs, training=True), "float32") ** 3)
    return loss, tape.gradient(loss, layer.kernel.value)


@both
def test_the_gradient_is_orthogonal_to_the_kernel(make, shape):
    layer = make()
    _, gradient = gradient_of(layer, inputs_of(shape))
    cosine = np.sum(gradient * layer.kernel) / (tf.norm(gradient) * tf.norm(layer.kernel.value))
    assert abs(cosine) < 1e-5


@both
def test_gradient_against_finite_differences(make, shape):
    """Of the loss with sigma estimated: exact once u has settled, for then sigma's slope is."""
    layer, inputs = settle(make()), inputs_of(shape)
    _, gradient = gradient_of(layer, inputs)
    kernel, step = np.array(layer.kernel), 1e-2
    direction = np.random.default_rng(2).normal(size=kernel.shape)
    sides = []
    for sign in (1, -1):
        layer.kernel.assign(kernel + sign * step * direction)
        sides.append(float(gradient_of(settle(layer), inputs)[0]))
    slope = np.sum(gradient * direction)
    np.testing.assert_allclose(slope, (sides[0] - sides[1]) / (2 * step), rtol=2e-2)


@both
def test_half_precision_divides_in_float32(make, shape):
    layer, exact = make(dtype="mixed_bfloat16"), make()
    exact.u.assign(layer.u)
    outputs = layer(inputs_of(shape), training=True)
    assert outputs.dtype == tf.bfloat16
    assert layer.kernel.dtype == layer.u.dtype == "float32"
    np.testing.assert_allclose(layer.sigma(), exact.sigma(), rtol=1e-6)
    np.testing.assert_allclose(tf.cast(outputs, "float32"), exact(inputs_of(shape)), atol=5e-2)
    _, gradient = gradient_of(layer, inputs_of(shape))
    assert gradient.dtype == tf.float32 and np.isfinite(gradient).all()
    layer.power_iteration()
    exact.power_iteration()
    np.testing.assert_allclose(layer.u, exact.u, atol=1e-6)


# === Networks ===


def network(dtype="float32"):
    block_in = keras.Input((4, 4, 6))
    block_out = SpectralConv2D(6, 3, padding="same", dtype=dtype)(keras.layers.ReLU()(block_in))
    block = keras.Model(block_in, keras.layers.Add()([block_in, block_out]), name="block")
    image = keras.Input((8, 8, 3), name="image")
    label = keras.Input((), dtype="int32", name="label")
    features = SpectralConv2D(6, 4, strides=2, padding="same", name="first", dtype=dtype)(image)
    features = block(block(BatchNorm(name="norm")(features)))
    features = keras.layers.GlobalAveragePooling2D()(features)
    logits = SpectralDense(1, use_bias=False, name="last", dtype=dtype)(features)
    logits = logits + keras.layers.Dot(1)([keras.layers.Embedding(5, 6)(label), features])
    return keras.Model({"image": image, "label": label}, logits, name="critic")


def questions():
    rng = np.random.default_rng(4)
    return {
        "image": rng.uniform(-1, 1, (4, 8, 8, 3)).astype("float32"),
        "label": np.array([0, 4, 2, 2], "int32"),
    }


def test_spectral_layers_of_nested_networks_come_once():
    assert [layer.filters for layer in spectral_layers(network())[:-1]] == [6, 6]
    assert isinstance(spectral_layers(network())[-1], SpectralDense)
    assert spectral_layers(keras.Sequential([keras.layers.Dense(1)])) == []


def test_advance_moves_all_of_a_network_in_a_graph():
    model = network()
    found = spectral_layers(model)
    before = [np.array(layer.u) for layer in found]
    tf.function(lambda: power_iteration(model))()
    moved = [np.abs(layer.u - u).max() for layer, u in zip(found, before, strict=True)]
    assert all(moved[:-1])  # the last has one output: its u is 1 or -1 and stays


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_folded_networks_have_plain_layers_and_the_same_outputs(dtype):
    model = network(dtype)
    model.get_layer("norm").moving_mean.assign([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    plain = folded(model)
    assert spectral_layers(plain) == []
    assert not [weight.path for weight in plain.weights if weight.path.endswith("/u")]
    assert type(plain.get_layer("first")) is keras.layers.Conv2D
    assert type(plain.get_layer("last")) is keras.layers.Dense
    assert plain.name == "critic" and set(plain.input) == {"image", "label"}
    assert plain.count_params() == model.count_params() - 6 - 6 - 1
    np.testing.assert_allclose(plain(questions()), model(questions()), atol=1e-5)


def test_folding_leaves_the_network_as_it_was(tmp_path):
    model = network()
    outputs, before = model(questions()), [np.array(weight) for weight in model.weights]
    plain = folded(model)
    for weight in plain.weights:
        weight.assign(weight + 1.0)
    for weight, value in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(weight, value)
    np.testing.assert_array_equal(model(questions()), outputs)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(again(questions()), outputs, atol=1e-6)


def test_networks_without_spectral_layers_fold_to_themselves():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    assert folded(model) is model


def test_sequential_networks_fold():
    model = keras.Sequential([keras.Input((10,)), SpectralDense(4), SpectralDense(2)])
    inputs = inputs_of((3, 10))
    np.testing.assert_allclose(folded(model)(inputs), model(inputs), atol=1e-6)
    assert spectral_layers(folded(model)) == []


def test_spectral_layers_inside_other_layers_are_not_folded_in_silence():
    @keras.saving.register_keras_serializable("test_spectral_norm")
    class Block(keras.layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.inner = SpectralDense(4, name="inner")

        def call(self, inputs):
            return self.inner(inputs)

    model = keras.Sequential([keras.Input((4,)), Block()])
    with pytest.raises(ValueError, match="inner' inside another layer"):
        folded(model)


def test_saving_keeps_u(tmp_path):
    model = network()
    power_iteration(model)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for ours, theirs in zip(spectral_layers(loaded), spectral_layers(model), strict=True):
        np.testing.assert_array_equal(ours.u, theirs.u)
    np.testing.assert_allclose(loaded(questions()), model(questions()), atol=1e-6)
    model.save_weights(tmp_path / "some.weights.h5")
    other = network()
    other.load_weights(tmp_path / "some.weights.h5")
    np.testing.assert_array_equal(other.get_layer("first").u, model.get_layer("first").u)


def test_u_is_not_trained():
    layer = conv()
    assert [weight.name for weight in layer.trainable_weights] == ["kernel", "bias"]
    assert [weight.name for weight in layer.non_trainable_weights] == ["u"]
