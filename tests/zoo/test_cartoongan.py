"""CartoonGAN against a PyTorch twin and by hand: networks, losses, phases."""

import numpy as np
import pytest
import tensorflow as tf
from fabrication import snapshot, tiny
from plain_steps import RATE, step

from keras_gans import zoo
from keras_gans.zoo import _smoothed as smoothing
from keras_gans.zoo._perceptual import ContentAndStyle

try:
    import torch
    import torch_cartoon_twin as twins
    from torch_twins import nchw, nhwc
except ModuleNotFoundError:  # the tests that want them are marked
    torch = twins = nchw = nhwc = None

SIDE = 32


def picture(seed, count=2, side=SIDE):
    return np.random.default_rng(seed).uniform(-1, 1, (count, side, side, 3)).astype("float32")


def random_weights(twin, seed):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in twin.named_parameters():
            spread = torch.randn(parameter.shape, generator=generator)
            is_gain = parameter.ndim == 1 and name.endswith("norm.weight")
            parameter.copy_(1 + 0.2 * spread if is_gain else 0.2 * spread)
    return twin


def variable_of(network, name):
    module, kind = name.rsplit(".", 1)
    layer = network.get_layer(module)
    if hasattr(layer, "gamma"):
        return layer.gamma if kind == "weight" else layer.beta
    return layer.kernel if kind == "weight" else layer.bias


def turned(array):
    """PyTorch's kernels (out, in, h, w), and (in, out, h, w) of transposed ones, as Keras'."""
    return array.transpose(2, 3, 1, 0) if array.ndim == 4 else array


def carry(model, twin, network):
    ours = model.networks[network]
    for name, parameter in twin.named_parameters():
        variable_of(ours, name).assign(turned(parameter.detach().numpy()))
    assert len(list(twin.parameters())) == len(ours.trainable_variables)
    return twin


def compare(model, twin, network, gradients):
    largest = max(float(p.grad.abs().max()) for p in twin.parameters())
    for name, parameter in twin.named_parameters():
        expected = turned(parameter.grad.numpy())
        scale = max(np.abs(expected).max(), 1e-3 * largest)
        found = gradients[id(variable_of(model.networks[network], name))]
        np.testing.assert_allclose(found / scale, expected / scale, atol=1e-3, err_msg=name)


@pytest.mark.fidelity
def test_networks_equal_their_twins():
    model = zoo.get("cartoongan", image_size=SIDE, filters=16, perceptual="none", seed=0)
    g = carry(model, random_weights(twins.Generator(16, 8), 1), "generator")
    d = carry(model, random_weights(twins.Discriminator(32), 2), "discriminator")
    images = picture(0)
    with torch.no_grad():
        expected, logits = nhwc(g(nchw(images))), nhwc(d(nchw(images)))
    assert expected.std() > 1e-2 and logits.std() > 1e-2
    for training in (False, True):
        ours = model.generator(images, training=training)
        np.testing.assert_allclose(ours, expected, atol=1e-4)
        ours = model.discriminator(images, training=training)
        np.testing.assert_allclose(ours, logits, atol=1e-4 * np.abs(logits).max())


def features():
    """A small frozen network, and the same for PyTorch."""
    import keras

    kernels = 0.3 * np.random.default_rng(5).normal(size=(3, 3, 3, 6)).astype("float32")
    image = keras.Input((None, None, 3))
    layer = keras.layers.Conv2D(6, 3, use_bias=False)
    network = keras.Model(image, layer(image))
    layer.set_weights([kernels])
    weight = torch.from_numpy(np.ascontiguousarray(kernels.transpose(3, 2, 0, 1)))
    return network, lambda x: torch.nn.functional.conv2d(x, weight)


@pytest.mark.fidelity
def test_a_step_of_the_game_equals_its_twin():
    model = tiny("cartoongan", content_steps=0)
    g = carry(model, random_weights(twins.Generator(4, 1), 1), "generator")
    d = carry(model, random_weights(twins.Discriminator(4), 2), "discriminator")
    network, seen = features()
    model.perceptual_loss.use(network)
    batch = picture(1), picture(2)
    logs, gradients = step(model, batch)

    a, b = map(nchw, batch)
    blurred = nchw(smoothing.smoothed(tf.constant(batch[1])))
    softplus, fake = torch.nn.functional.softplus, g(a)
    judged = sum(softplus(x).mean() for x in (-d(b), d(fake.detach()), d(blurred)))
    judged.backward()
    compare(model, d, "discriminator", gradients)
    with torch.no_grad():
        for parameter in d.parameters():
            parameter -= RATE * parameter.grad
    adversarial, content = softplus(-d(fake)).mean(), (seen(a) - seen(fake)).abs().mean()
    (adversarial + 10 * content).backward()
    compare(model, g, "generator", gradients)
    assert logs["discriminator_loss"] == pytest.approx(judged.item(), rel=1e-4)
    assert logs["adversarial_loss"] == pytest.approx(adversarial.item(), rel=1e-3)
    assert logs["content_loss"] == pytest.approx(content.item(), rel=1e-3)


def test_blurred_cartoons_count_as_fakes():
    """Where D says 0 of everything, each of its three terms is log 2."""
    model = tiny("cartoongan")
    model.discriminator.get_layer("patches").kernel.assign(
        0.0 * model.discriminator.get_layer("patches").kernel
    )
    images = picture(0)
    loss = model.discriminator_loss(tf.constant(images), tf.constant(images))
    assert float(loss.value) == pytest.approx(3 * np.log(2), rel=1e-6)


def test_the_first_phase_learns_from_content_alone():
    model = tiny("cartoongan", content_steps=1, adversarial_steps=1)
    model.compile()
    before = {name: snapshot(model.networks[name].weights) for name in model.networks}
    batch = tf.constant(picture(0)), tf.constant(picture(1))
    logs = model.train_step(batch)
    for name, weights in before.items():
        same = [np.array_equal(old, new) for old, new in zip(weights, snapshot(
            model.networks[name].weights), strict=True)]  # fmt: skip
        assert all(same) if name == "discriminator" else not any(same[:1])
    assert float(logs["adversarial_loss"]) == 0.0 < float(logs["content_loss"])
    model.reset_metrics()
    assert float(model.train_step(batch)["adversarial_loss"]) > 0.0


def test_content_counts_one_between_photographs_and_enlargements():
    assert ContentAndStyle("lite0", 1.0)._factors[0] == pytest.approx(53.0 / 200.0)
    assert ContentAndStyle("lite0")._factors == (53.0, 384.0)
