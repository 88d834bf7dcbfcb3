"""The layers of styles and equalised learning rates, against NumPy and the papers' equations."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans.layers import (
    ConstantInput,
    ConstantNoise,
    EqualizedConv2D,
    EqualizedDense,
    FIRUpsample2D,
    ModulatedConv2D,
    NoiseInjection,
    PixelNorm,
    RepeatStyle,
    StyleAt,
    Truncation,
)
from keras_gans.penalties import require_second_order

TAPS = np.array([1.0, 3.0, 3.0, 1.0]) / 8.0


def pictures(shape=(2, 6, 8, 3), seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def upsampled(x):
    """out[2i] = x[i-1]/4 + 3x[i]/4, out[2i+1] = 3x[i]/4 + x[i+1]/4, zeros outside."""
    for axis in (1, 2):
        x = np.moveaxis(x, axis, 0)
        zero = np.zeros_like(x[:1])
        before, after = np.concatenate([zero, x[:-1]]), np.concatenate([x[1:], zero])
        x = np.stack([before / 4 + 3 * x / 4, 3 * x / 4 + after / 4], 1).reshape(-1, *x.shape[1:])
        x = np.moveaxis(x, 0, axis)
    return x


def test_upsampling_by_definition():
    np.testing.assert_allclose(FIRUpsample2D()(pictures()), upsampled(pictures()), atol=1e-6)


def test_upsampling_by_hand():
    ramp = np.array([0.0, 4.0, 8.0], "float32").reshape(1, 1, 3, 1)
    # Across: 0, 1, 3, 5, 7, 6; down three quarters of it, as above and below is nothing.
    expected = np.array([0, 1, 3, 5, 7, 6]) * 0.75
    np.testing.assert_allclose(FIRUpsample2D()(ramp)[0, 0, :, 0], expected)


def test_dense_scales_when_it_is_called():
    layer = EqualizedDense(5, lr_multiplier=0.01, bias_start=1.0)
    x = pictures((4, 7))
    y = layer(x)
    kernel = np.array(layer.kernel)
    np.testing.assert_allclose(y, x @ kernel * 0.01 / np.sqrt(7) + 1.0, atol=1e-5)
    assert 50 < kernel.std() < 200  # N(0, 1 / 0.01)
    np.testing.assert_allclose(layer.bias, 100.0)


def test_activation_keeps_the_variance():
    x = pictures((2_000, 64))
    y = EqualizedDense(64, activation="leaky_relu")(x)
    assert float(tf.reduce_mean(tf.square(y))) == pytest.approx(1.04, abs=0.15)
    with pytest.raises(ValueError, match="`activation` must be one of.*Received: 'relu'"):
        EqualizedDense(3, activation="relu")


@pytest.mark.parametrize("side", [1, 3])
def test_convolution_halves_what_the_filter_smoothed(side):
    layer = EqualizedConv2D(4, side, downsample=True)
    x = pictures((2, 8, 8, 3))
    y = layer(x)
    kernel = np.array(layer.kernel) / np.sqrt(side * side * 3)
    margin = 1 + side // 2
    padded = np.pad(x, ((0, 0), (margin, margin), (margin, margin), (0, 0)))
    smooth = sum(
        TAPS[i] * TAPS[j] * padded[:, i : padded.shape[1] - 3 + i, j : padded.shape[2] - 3 + j]
        for i in range(4)
        for j in range(4)
    )
    expected = np.zeros((2, 4, 4, 4))
    for i in range(4):
        for j in range(4):
            patch = smooth[:, 2 * i : 2 * i + side, 2 * j : 2 * j + side]
            expected[:, i, j] = np.einsum("nhwc,hwco->no", patch, kernel)
    np.testing.assert_allclose(y, expected, atol=1e-5)
    assert layer.compute_output_shape((None, 8, 8, 3)) == (None, 4, 4, 4)


@pytest.mark.parametrize("upsample", [False, True])
@pytest.mark.parametrize("demodulate", [False, True])
def test_modulation_equals_a_kernel_for_each_picture(upsample, demodulate):
    layer = ModulatedConv2D(4, 3, upsample=upsample, demodulate=demodulate)
    x, style = pictures((3, 4, 4, 5)), pictures((3, 5), seed=1)
    y = layer([x, style])
    assert y.shape == layer.compute_output_shape([x.shape, style.shape])
    kernel = np.array(layer.kernel)
    for one in range(3):
        scaled = kernel * (style[one] if upsample else style[one][:, None])
        axes = (0, 1, 3) if upsample else (0, 1, 2)
        if demodulate:
            d = 1 / np.sqrt((scaled**2).sum(axes) + 1e-8)
            scaled = scaled * (d[:, None] if upsample else d)
        else:
            scaled = scaled / np.sqrt(9 * 5)
        if upsample:
            expected = tf.nn.conv2d_transpose(x[one : one + 1], scaled, (1, 9, 9, 4), 2, "VALID")
            padded = np.pad(expected, ((0, 0), (1, 1), (1, 1), (0, 0)))
            expected = 4 * sum(
                TAPS[i] * TAPS[j] * padded[:, i : i + 8, j : j + 8]
                for i in range(4)
                for j in range(4)
            )
        else:
            expected = tf.nn.conv2d(x[one : one + 1], scaled, 1, "SAME")
        np.testing.assert_allclose(y[one], np.asarray(expected)[0], atol=2e-5)


def test_noise_and_bias():
    layer = NoiseInjection()
    x, noise = pictures((2, 4, 4, 3)), pictures((1, 4, 4, 1), seed=1)
    layer.build([x.shape, noise.shape])
    layer.strength.assign(0.5)
    layer.bias.assign([0.1, -0.2, 0.3])
    inner = x + 0.5 * noise + np.array([0.1, -0.2, 0.3], "float32")
    expected = np.sqrt(2) * np.where(inner > 0, inner, 0.2 * inner)
    np.testing.assert_allclose(layer([x, noise]), expected, atol=1e-6)


def test_pixel_norm():
    x = pictures((5, 8))
    y = np.array(PixelNorm()(x))
    np.testing.assert_allclose((y**2).mean(axis=1), 1.0, rtol=1e-5)
    np.testing.assert_allclose(PixelNorm()(np.zeros((1, 8), "float32")), 0.0)


def test_truncation_moves_towards_a_mean_that_follows():
    layer = Truncation()
    w = pictures((4, 3))
    np.testing.assert_array_equal(layer(w), w)
    layer.follow(tf.constant(w), 0.75)
    mean = 0.25 * w.mean(axis=0)
    np.testing.assert_allclose(layer.mean, mean, atol=1e-6)
    psi = np.array([[0.0], [0.5], [1.0], [0.2]], "float32")
    np.testing.assert_allclose(layer([w, psi]), mean + psi * (w - mean), atol=1e-6)


def test_style_at_a_place():
    styles = pictures((2, 5, 3))
    np.testing.assert_array_equal(StyleAt(3)(styles), styles[:, 3])


def test_a_style_is_repeated():
    styles = pictures((2, 3))
    np.testing.assert_array_equal(RepeatStyle(4)(styles), np.repeat(styles[:, None], 4, axis=1))


def test_one_picture_of_maps_serves_every_style():
    layer, maps, styles = ModulatedConv2D(3, 3), pictures((1, 8, 8, 2)), pictures((4, 2), seed=1)
    np.testing.assert_allclose(
        layer([maps, styles]), layer([np.repeat(maps, 4, axis=0), styles]), atol=1e-6
    )


def test_constants_do_not_depend_on_what_comes_in():
    layer = ConstantInput(4, 3)
    first, second = layer(pictures((2, 7))), layer(pictures((5, 7), seed=1))
    assert first.shape == second.shape == (1, 4, 4, 3)  # one for all
    np.testing.assert_array_equal(first, second)
    noise = ConstantNoise(8)
    assert noise(pictures((2, 7))).shape == (1, 8, 8, 1)
    assert not noise.trainable_weights


LAYERS = [
    (EqualizedDense(3, lr_multiplier=0.1, bias_start=1.0, activation="leaky_relu"), [(4,)]),
    (EqualizedConv2D(3, 3, activation="leaky_relu"), [(8, 8, 2)]),
    (EqualizedConv2D(3, 3, downsample=True, use_bias=False), [(8, 8, 2)]),
    (FIRUpsample2D(), [(8, 8, 2)]),
    (ModulatedConv2D(3, 3, upsample=True), [(8, 8, 2), (2,)]),
    (ModulatedConv2D(3, 1, demodulate=False), [(8, 8, 2), (2,)]),
    (NoiseInjection(), [(8, 8, 2), (8, 8, 1)]),
    (PixelNorm(), [(4,)]),
    (Truncation(), [(4,)]),
    (RepeatStyle(3), [(4,)]),
    (StyleAt(1), [(3, 4)]),
    (ConstantInput(4, 2), [(4,)]),
    (ConstantNoise(4), [(4,)]),
]


@pytest.mark.parametrize("layer, shapes", LAYERS, ids=lambda value: getattr(value, "name", ""))
def test_layers_go_round_through_their_config(layer, shapes):
    inputs = [pictures((2, *shape), seed) for seed, shape in enumerate(shapes)]
    inputs = inputs if len(inputs) > 1 else inputs[0]
    said = layer(inputs)
    other = type(layer).from_config(layer.get_config())
    other(inputs)
    other.set_weights(layer.get_weights())
    np.testing.assert_array_equal(other(inputs), said)
    assert keras.saving.get_registered_name(type(layer)).startswith("keras_gans>")


@pytest.mark.parametrize("layer, shapes", LAYERS[:7], ids=lambda value: getattr(value, "name", ""))
def test_penalties_reach_through_them(layer, shapes):
    inputs = [keras.Input(shape) for shape in shapes]
    output = layer(inputs if len(inputs) > 1 else inputs[0])
    require_second_order(keras.Model(inputs, output))
