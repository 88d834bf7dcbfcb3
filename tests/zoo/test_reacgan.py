"""ReACGAN against a PyTorch twin and by hand: networks, losses, gradients, classes apart."""

import numpy as np
import pytest
import tensorflow as tf
from fabrication import full, tiny
from plain_steps import step

from keras_gans.zoo.reacgan import data_to_data_cross_entropy

try:
    import torch
    import torch_attention_twins as twins
    from test_attention_twins import GAIN, gains_of, labelled, of_gains
    from test_paper_twins import as_torch, compare, descend, initialised
    from torch.nn import functional
    from torch_paper_twins import carry, pairs
except ModuleNotFoundError:  # the tests that want them are marked
    torch = twins = GAIN = gains_of = labelled = of_gains = functional = None
    as_torch = compare = descend = initialised = carry = pairs = None

NAMED = ("shared_embedding", "logits", "embedding", "proxy")


def share(network, twin):
    """Our network with the weights of its twin, and which layer is whose."""
    found = pairs(twin, network, NAMED)
    carry(found)
    attentions = [one for one in twin.modules() if isinstance(one, twins.Attention)]
    with torch.no_grad():
        for module, layer in zip(attentions, gains_of(network), strict=True):
            module.gamma.fill_(GAIN)
            layer.gamma.assign(GAIN)
    return found


@pytest.mark.fidelity
def test_the_discriminator_equals_its_twin():
    ours = full("reacgan").discriminator
    twin = initialised(twins.ReACGANDiscriminator(10, 32, 192, 16, 512)).eval()
    kept = ours.get_weights()
    share(ours, twin)
    images, labels = labelled(2, 32)
    got = ours([images, labels], training=False)
    with torch.no_grad():
        expected = twin(as_torch(images), as_torch(labels))
    ours.set_weights(kept)
    for one, other in zip(got, expected, strict=True):
        scale = max(float(other.abs().max()), 1.0)
        np.testing.assert_allclose(one, other.numpy(), rtol=0, atol=1e-4 * scale)


@pytest.mark.fidelity
def test_a_step_equals_its_twin():
    model = tiny("reacgan", discriminator_steps=1, generator_filters=2, class_weight=0.7)
    g = initialised(twins.Generator(6, 10, 16, 8, 8, 128), 1).train()
    d = initialised(twins.ReACGANDiscriminator(10, 16, 8, 8, 8), 2).train()
    of_g, of_d = share(model.generator, g), share(model.discriminator, d)
    images, labels = labelled(5)
    labels[:2] = 3  # two of one class
    first, second = (as_torch(model.latents(5, draw)) for draw in (0, 1))
    logs, gradients = step(model, (images, labels))

    real, labels = as_torch(images), as_torch(labels)
    for twin in (g, d):  # once a step, before D learns
        twins.power_iteration(twin)
    fake = g(first, labels).detach()
    logits, pictures, proxies = d(torch.cat([real, fake]), torch.cat([labels, labels]))
    class_loss = twins.data_to_data(pictures[:5], proxies[:5], labels)
    d_loss = functional.relu(1 - logits[:5]).mean() + functional.relu(1 + logits[5:]).mean()
    (d_loss + 0.7 * class_loss).backward()
    compare(of_d, gradients)
    of_gains(model.discriminator, d, gradients)
    descend(d)
    with torch.no_grad():
        for module in d.modules():
            if isinstance(module, twins.Attention):
                assert module.gamma.item() != GAIN
    g.zero_grad()
    logits, *embedded = d(g(second, labels), labels)
    g_loss = -logits.mean() + 0.7 * twins.data_to_data(*embedded, labels)
    g_loss.backward()
    compare(of_g, gradients)
    assert logs["class_loss"] == pytest.approx(class_loss.item(), rel=1e-4)
    assert logs["generator_loss"] == pytest.approx(g_loss.item(), rel=1e-3)


# === By hand ===


def unit(*rows):
    rows = np.array(rows, "float32")
    return tf.constant(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def loss_of(pictures, proxies, labels):
    code = tf.one_hot(np.array(labels), 3)
    return float(data_to_data_cross_entropy(pictures, proxies, code, 0.98, 0.5))


def test_the_loss_by_hand():
    pictures = unit([1.0, 0.0], [0.0, 1.0])
    # Each lies on its proxy and at right angles to the other: a = 0, b = 0.
    assert loss_of(pictures, pictures, [0, 1]) == pytest.approx(np.log(2), rel=1e-5)
    # Each lies at right angles to its proxy: a = 0.98 / 0.5.
    crossed = tf.reverse(pictures, [0])
    expected = 1.96 + np.log(np.exp(-1.96) + 1.0)
    assert loss_of(pictures, crossed, [0, 1]) == pytest.approx(expected, rel=1e-5)


def test_pictures_of_one_class_do_not_repel_each_other():
    pictures = unit([1.0, 0.0], [1.0, 0.0])
    assert loss_of(pictures, pictures, [1, 1]) == pytest.approx(0.0, abs=1e-6)
    expected = np.log(1.0 + np.exp(0.98 / 0.5))
    assert loss_of(pictures, pictures, [0, 1]) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"temperature": 0.0}, "`temperature` must be above 0"),
        ({"positive_margin": 1.5}, "`positive_margin`"),
        ({"latent_dim": 7}, "`latent_dim` must be a multiple of 3"),
    ],
)
def test_arguments_that_cannot_be_are_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        tiny("reacgan", **arguments)
