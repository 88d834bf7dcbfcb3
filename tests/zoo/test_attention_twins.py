"""SAGAN and BigGAN against PyTorch twins: networks, losses, gradients; what is new by hand."""

import numpy as np
import pytest
import tensorflow as tf
from fabrication import full, tiny
from plain_steps import step

from keras_gans.layers import LearnedGain, spectral_norm
from keras_gans.zoo._residual import attention_side
from keras_gans.zoo.biggan import orthogonality

try:
    import torch
    import torch_attention_twins as twins
    from test_paper_twins import as_torch, compare, descend, initialised
    from torch.nn import functional
    from torch_paper_twins import carry, pairs
except ModuleNotFoundError:  # the tests that want them are marked
    torch = twins = as_torch = compare = descend = initialised = functional = None
    carry = pairs = None

RNG = np.random.default_rng
GAIN = 0.7  # of the attention, whose 0 at first would hide it

NETWORKS = {
    "sagan_generator": ("sagan", "generator", lambda: twins.Generator(128, 10, 32, 256, 16)),
    "sagan_discriminator": ("sagan", "discriminator", lambda: twins.Discriminator(10, 32, 128, 16)),
    "biggan_generator": ("biggan", "generator", lambda: twins.Generator(80, 10, 32, 384, 16, 128)),
    "biggan_discriminator": (
        *("biggan", "discriminator"),
        lambda: twins.Discriminator(10, 32, 192, 16),
    ),
}


def gains_of(network):
    return [layer for layer in network.layers if isinstance(layer, LearnedGain)]


def share(network, twin):
    """Our network with the weights of its twin, and which layer is whose."""
    found = pairs(twin, network, ("shared_embedding",))
    carry(found)
    attentions = [one for one in twin.modules() if isinstance(one, twins.Attention)]
    with torch.no_grad():
        for module, layer in zip(attentions, gains_of(network), strict=True):
            module.gamma.fill_(GAIN)
            layer.gamma.assign(GAIN)
    return found


def labelled(count, side=16, seed=1):
    images = RNG(seed).uniform(-1, 1, (count, side, side, 3)).astype("float32")
    return images, RNG(seed).integers(0, 10, (count,)).astype("int32")


@pytest.mark.fidelity
@pytest.mark.parametrize("key", NETWORKS)
def test_networks_equal_their_twins(key):
    name, network, make = NETWORKS[key]
    ours, twin = full(name).networks[network], initialised(make()).eval()
    kept = ours.get_weights()  # the model is shared by all tests of a session
    share(ours, twin)
    images, labels = labelled(2, 32)
    latents = RNG(0).normal(size=(2, *ours.inputs[0].shape[1:])).astype("float32")
    first = latents if network == "generator" else images
    got = ours([first, labels], training=False)
    with torch.no_grad():
        expected = twin(as_torch(first), as_torch(labels)).numpy()
    ours.set_weights(kept)
    expected = expected.transpose(0, 2, 3, 1) if expected.ndim == 4 else expected
    assert expected.std() > 1e-2
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-4 * max(np.abs(expected).max(), 1))


def of_gains(network, twin, gradients):
    attentions = [one for one in twin.modules() if isinstance(one, twins.Attention)]
    for module, layer in zip(attentions, gains_of(network), strict=True):
        ours = float(gradients[id(layer.gamma)])
        assert ours == pytest.approx(module.gamma.grad.item(), rel=1e-3)


@pytest.mark.fidelity
@pytest.mark.parametrize("name", ["sagan", "biggan"])
def test_a_step_equals_its_twin(name):
    overrides = {"discriminator_steps": 1, "generator_filters": 8}
    width, latent_dim, shared = (8, 8, 0) if name == "sagan" else (32, 6, 128)
    model = tiny(name, **overrides, discriminator_filters=8 if name == "sagan" else 4)
    model.trainable = True
    g = initialised(twins.Generator(latent_dim, 10, 16, width, 8, shared), 1).train()
    d = initialised(twins.Discriminator(10, 16, 8, 8), 2).train()
    of_g, of_d = share(model.generator, g), share(model.discriminator, d)
    batch = labelled(4)
    first, second = (as_torch(model.latents(4, draw)) for draw in (0, 1))
    logs, gradients = step(model, batch)

    real, labels = map(as_torch, batch)
    for twin in (g, d):  # once a step, before D learns
        twins.power_iteration(twin)
    fake = g(first, labels).detach()
    said = d(torch.cat([real, fake]), torch.cat([labels, labels]))
    d_loss = functional.relu(1 - said[:4]).mean() + functional.relu(1 + said[4:]).mean()
    d_loss.backward()
    compare(of_d, gradients)
    of_gains(model.discriminator, d, gradients)
    descend(d)
    with torch.no_grad():
        for module in d.modules():
            if isinstance(module, twins.Attention):
                assert module.gamma.item() != GAIN
    g.zero_grad()
    g_loss = -d(g(second, labels), labels).mean()
    if name == "biggan":
        g_loss = g_loss + 1e-4 * sum(
            twins.orthogonality(module) for module in g.modules() if hasattr(module, "u")
        )
    g_loss.backward()
    compare(of_g, gradients)
    of_gains(model.generator, g, gradients)
    assert logs["discriminator_loss"] == pytest.approx(d_loss.item(), rel=1e-4)
    assert logs["generator_loss"] == pytest.approx(g_loss.item(), rel=1e-3)


# === By hand ===


def test_orthogonality_by_hand():
    kernel = np.array([[1.0, 2.0], [3.0, 4.0]], "float32")
    # Two columns, whose product 1 * 2 + 3 * 4 counts in both orders.
    assert float(orthogonality(tf.constant(kernel))) == pytest.approx(2 * 14.0**2)


@pytest.mark.parametrize("size, side", [(32, 16), (64, 16), (28, 14), (16, 8), (256, 16)])
def test_where_maps_attend_to_themselves(size, side):
    assert attention_side(size) == side


def test_latents_are_shared_out_over_the_blocks():
    with pytest.raises(ValueError, match="`latent_dim` must be a multiple of 3"):
        tiny("biggan", latent_dim=7)


def test_every_chunk_and_the_label_reach_the_picture():
    model = tiny("biggan")
    latents = RNG(0).normal(size=(1, 6)).astype("float32")
    before = model.generator([latents, np.array([1], "int32")])
    for place in range(6):
        other = latents.copy()
        other[:, place] += 1.0
        assert np.abs(model.generator([other, np.array([1], "int32")]) - before).max() > 0
    assert np.abs(model.generator([latents, np.array([2], "int32")]) - before).max() > 0


def test_only_normalised_kernels_are_kept_orthogonal():
    model = tiny("biggan", orthogonal_weight=2.0)
    kernels = [layer.kernel for layer in spectral_norm.spectral_layers(model.generator)]
    expected = 2.0 * sum(float(orthogonality(kernel)) for kernel in kernels)
    assert float(model.generator_penalty(None)) == pytest.approx(expected, rel=1e-5)
    assert tiny("biggan", orthogonal_weight=0.0).generator_penalty(None) is None
