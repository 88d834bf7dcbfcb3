"""Warping, by hand, against PyTorch and in the runtimes of exported files."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans.layers import Warp

ROW = np.array([[10.0, 20.0, 40.0, 80.0]], "float32")[None, ..., None]  # (1, 1, 4, 1)


def flow_of(across=0.0, down=0.0, shape=(1, 1, 4)):
    flow = np.zeros((*shape, 2), "float32")
    flow[..., 0], flow[..., 1] = across, down
    return flow


@pytest.mark.parametrize(
    ("across", "expected"),
    [
        (0.0, [10, 20, 40, 80]),
        (1.0, [20, 40, 80, 80]),  # what lies one to the right; the border stays
        (-1.0, [10, 10, 20, 40]),
        (0.25, [12.5, 25, 50, 80]),
        (-99.0, [10, 10, 10, 10]),
    ],
)
def test_a_row_by_hand(across, expected):
    np.testing.assert_allclose(Warp()([ROW, flow_of(across)])[0, 0, :, 0], expected)
    column = ROW.swapaxes(1, 2)
    moved = Warp()([column, flow_of(down=across, shape=(1, 4, 1))])
    np.testing.assert_allclose(moved[0, :, 0, 0], expected)


def test_each_pixel_and_each_image_has_its_own_flow():
    images = np.arange(2 * 2 * 2, dtype="float32").reshape(2, 2, 2, 1)
    flow = np.zeros((2, 2, 2, 2), "float32")
    flow[1, 0, 0] = (1.0, 0.5)  # of the second image: half way between 5 and 7
    expected = images.copy()
    expected[1, 0, 0] = 6.0
    np.testing.assert_allclose(Warp()([images, flow]), expected)


@pytest.mark.fidelity
def test_values_and_gradients_are_pytorch_s():
    import torch

    rng = np.random.default_rng(0)
    images = rng.normal(size=(2, 5, 7, 3)).astype("float32")
    flow = rng.uniform(-4, 4, (2, 5, 7, 2)).astype("float32")
    flow_of_torch = torch.tensor(flow, requires_grad=True)
    images_of_torch = torch.tensor(images.transpose(0, 3, 1, 2), requires_grad=True)
    rows, columns = torch.meshgrid(torch.arange(5.0), torch.arange(7.0), indexing="ij")
    places = torch.stack([columns, rows], -1) + flow_of_torch
    grid = 2 * places / torch.tensor([6.0, 4.0]) - 1
    sample = torch.nn.functional.grid_sample
    expected = sample(images_of_torch, grid, padding_mode="border", align_corners=True)
    (expected**2).sum().backward()
    given = [tf.constant(images), tf.constant(flow)]
    with tf.GradientTape() as tape:
        tape.watch(given)
        warped = Warp()(given)
        loss = tf.reduce_sum(warped**2)
    of_images, of_flow = tape.gradient(loss, given)
    expected = expected.detach().numpy().transpose(0, 2, 3, 1)
    np.testing.assert_allclose(warped, expected, atol=1e-5)
    grad = images_of_torch.grad.numpy().transpose(0, 2, 3, 1)
    np.testing.assert_allclose(tf.convert_to_tensor(of_images), grad, atol=1e-4)
    np.testing.assert_allclose(of_flow, flow_of_torch.grad.numpy(), atol=1e-4)


@pytest.mark.parametrize("dtype", ["float64", "mixed_float16"])
def test_other_precisions(dtype):
    flow = flow_of(0.25).astype("float64" if dtype == "float64" else "float16")
    warped = Warp(dtype=dtype)([ROW.astype(flow.dtype), flow])
    assert warped.dtype == flow.dtype
    np.testing.assert_allclose(warped[0, 0, :, 0], [12.5, 25, 50, 80])


def test_free_sides_keep_their_shape_and_configuration():
    inputs = [keras.Input((None, None, 3)), keras.Input((None, None, 2))]
    layer = Warp.from_config(Warp(name="moved").get_config())
    model = keras.Model(inputs, layer(inputs))
    assert model.output_shape == (None, None, None, 3)
    images = np.random.default_rng(0).normal(size=(2, 6, 4, 3)).astype("float32")
    given = [images, np.zeros((2, 6, 4, 2), "float32")]
    np.testing.assert_allclose(model.predict(given, verbose=0), images)
