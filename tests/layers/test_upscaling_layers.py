"""What ends and shrinks the networks of upscalers: values by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans.layers import BicubicShrink2D, ClipInInference, PixelShuffle2D, PixelUnshuffle2D


def test_values_are_bounded_in_inference_alone():
    values = np.array([-3.0, -0.5, 0.0, 1.0, 1.5], "float32")
    layer = ClipInInference()
    np.testing.assert_array_equal(layer(values), [-1.0, -0.5, 0.0, 1.0, 1.0])
    np.testing.assert_array_equal(layer(values, training=True), values)
    with tf.GradientTape() as tape:
        x = tf.Variable(values)
        y = tf.reduce_sum(layer(x, training=True))
    np.testing.assert_array_equal(tape.gradient(y, x), np.ones(5))


def test_pixels_become_channels_in_the_order_of_the_inverse():
    values = np.arange(2 * 4 * 6 * 3, dtype="float32").reshape(2, 4, 6, 3)
    folded = PixelUnshuffle2D(2)(values)
    assert folded.shape == (2, 2, 3, 12)
    # Channel 0 of the first block: its pixels row by row.
    np.testing.assert_array_equal(folded[0, 0, 0, :4], values[0, :2, :2, 0].reshape(-1))
    np.testing.assert_array_equal(PixelShuffle2D(2)(folded), values)


@pytest.mark.parametrize("made, taken", [(1, 2), (3, 4), (2, 3), (4, 5)])
def test_shrinking_keeps_what_is_flat_or_a_ramp(made, taken):
    layer = BicubicShrink2D(made, taken)
    flat = np.full((1, 4 * taken, 4 * taken, 2), 0.3, "float32")
    np.testing.assert_allclose(layer(flat), np.full((1, 4 * made, 4 * made, 2), 0.3), atol=1e-6)
    ramp = np.arange(8 * taken, dtype="float32")[:, None, None]
    ramp = np.broadcast_to(ramp, (8 * taken, taken, 1))
    rows = np.asarray(layer(ramp[None]))[0, :, 0, 0]
    inner = slice(made, -made)  # the border repeats its last pixel
    step = taken / made
    np.testing.assert_allclose(np.diff(rows)[inner], step, rtol=0.15)
    centre = (np.arange(8 * made) + 0.5) * step - 0.5
    np.testing.assert_allclose(rows[inner], centre[inner], atol=0.15)


def test_halving_weighs_four_pixels_by_the_cubic_of_minus_three_quarters():
    line = np.zeros((1, 8, 8, 1), "float32")
    line[0, 3] = 1.0
    # Pixel n is made of 2n - 1 to 2n + 2, by -3/32, 19/32, 19/32 and -3/32.
    rows = np.asarray(BicubicShrink2D(1, 2)(line))[0, :, 2, 0]
    np.testing.assert_allclose(rows, [0, 19 / 32, -3 / 32, 0], atol=1e-6)


@pytest.mark.parametrize("made, taken", [(2, 2), (1, 3), (3, 2), (0, 1)])
def test_other_ratios_are_refused(made, taken):
    with pytest.raises(ValueError, match="made|fewer pixels"):
        BicubicShrink2D(made, taken)


def test_configurations_are_kept():
    for layer in (BicubicShrink2D(3, 4), PixelUnshuffle2D(4), ClipInInference(dtype="float32")):
        again = type(layer).from_config(layer.get_config())
        assert again.get_config() == layer.get_config()
    assert isinstance(BicubicShrink2D(), keras.layers.Layer)
