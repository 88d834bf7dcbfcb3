"""DRAGAN, EBGAN and BEGAN against PyTorch twins: networks, losses, gradients; terms by hand."""

import numpy as np
import pytest
import tensorflow as tf
from fabrication import full, tiny
from plain_steps import step

from keras_gans.games.loss import Samples
from keras_gans.zoo.ebgan import pulling_away

try:
    import torch
    import torch_energy_twins as twins
    from test_paper_twins import as_ours, as_torch, compare, descend, initialised
    from torch.nn import functional
    from torch_paper_twins import carry, pairs
except ModuleNotFoundError:  # the tests that want them are marked
    torch = twins = as_ours = as_torch = compare = descend = initialised = functional = None
    carry = pairs = None

RNG = np.random.default_rng

# A network of an entry, its twin, and the names of its layers that have one of their own.
NETWORKS = {
    "ebgan_generator": ("ebgan", "generator", lambda: twins.DCGANGenerator(100, 64, 128), ()),
    "ebgan_discriminator": (
        *("ebgan", "discriminator", lambda: twins.EBGANDiscriminator(64, 3)),
        ("again",),
    ),
    "began_generator": ("began", "generator", lambda: twins.BEGANGenerator(64, 64, 128), ()),
    "began_discriminator": (
        *("began", "discriminator", lambda: twins.BEGANDiscriminator(64, 64, 128)),
        (),
    ),
}


def images(count, side=16, seed=1):
    return RNG(seed).uniform(-1, 1, (count, side, side, 3)).astype("float32")


@pytest.mark.fidelity
@pytest.mark.parametrize("key", NETWORKS)
def test_networks_equal_their_twins(key):
    name, network, make, last = NETWORKS[key]
    ours, twin = full(name).networks[network], initialised(make(), gain=1.0).eval()
    kept = ours.get_weights()  # the model is shared by all tests of a session
    carry(pairs(twin, ours, last))
    latents = RNG(0).normal(size=(2, *ours.inputs[0].shape[1:])).astype("float32")
    inputs = latents if network == "generator" else images(2, 64)
    got = ours(inputs, training=False)
    with torch.no_grad():
        expected = twin(as_torch(inputs))
    ours.set_weights(kept)
    several = isinstance(expected, tuple)
    for one, other in zip(*((got, expected) if several else ([got], [expected])), strict=True):
        other = as_ours(other)
        assert one.shape == other.shape and np.abs(other).max() > 1e-2
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-4)


def players(name, make_g, make_d, last=(), **overrides):
    """The tiny model, both twins with their weights, and which layer is whose."""
    model = tiny(name, **overrides)
    g, d = initialised(make_g(), 1, gain=1.0).train(), initialised(make_d(), 2, gain=1.0).train()
    of_g, of_d = pairs(g, model.generator), pairs(d, model.discriminator, last)
    carry([*of_g, *of_d])
    return model, g, d, of_g, of_d


@pytest.mark.fidelity
def test_a_dragan_step_equals_its_twin():
    model, g, d, of_g, of_d = players(
        *("dragan", lambda: twins.DCGANGenerator(8, 32, 4)),
        lambda: twins.DCGANDiscriminator(32, 4),
        ("logits",),
        image_size=32,
    )
    batch = images(4, 32)
    latents = as_torch(model.latents(4, 0))
    mix, noise = model.uniform((4,), "mix", 0), model.uniform((4, 32, 32, 3), "dragan", 0)
    mix, noise = torch.from_numpy(mix.numpy()), as_torch(noise)
    logs, gradients = step(model, (batch,))

    softplus, real, fake = functional.softplus, as_torch(batch), g(latents)
    nearby = real + mix[:, None, None, None] * 0.5 * real.std(unbiased=False) * noise
    nearby.requires_grad_(True)
    (slopes,) = torch.autograd.grad(d(nearby).sum(), nearby, create_graph=True)
    penalty = ((slopes.flatten(1).norm(dim=1) - 1) ** 2).mean()
    d_loss = softplus(-d(real)).mean() + softplus(d(fake.detach())).mean() + 10 * penalty
    d_loss.backward()
    compare(of_d, gradients)
    descend(d)
    g_loss = softplus(-d(fake)).mean()
    g_loss.backward()
    compare(of_g, gradients)
    assert logs["discriminator_loss"] == pytest.approx(d_loss.item(), rel=1e-4)
    assert logs["generator_loss"] == pytest.approx(g_loss.item(), rel=1e-3)


@pytest.mark.fidelity
@pytest.mark.parametrize("margin", [None, 60.0])
def test_an_ebgan_step_equals_its_twin(margin):
    model, g, d, of_g, of_d = players(
        *("ebgan", lambda: twins.DCGANGenerator(8, 16, 4)),
        lambda: twins.EBGANDiscriminator(4, 2),
        ("again",),
        margin=margin,
        pull_away=0.7,
    )
    batch = images(4)
    first, second = (as_torch(model.latents(4, draw)) for draw in (0, 1))
    logs, gradients = step(model, (batch,))

    real, fake = as_torch(batch), g(first).detach()
    # Of 16 x 16 pixels a quarter of the margin of 64 x 64.
    over = functional.relu((margin or 5.0) + d(fake)[0])
    d_loss = -d(real)[0].mean() + over.mean()
    d_loss.backward()
    compare(of_d, gradients)
    descend(d)
    g.zero_grad()
    logits, codes = d(g(second))
    apart = twins.pulling_away(codes)
    (-logits.mean() + 0.7 * apart).backward()
    compare(of_g, gradients)
    assert logs["discriminator_loss"] == pytest.approx(d_loss.item(), rel=1e-4)
    assert logs["pull_away_loss"] == pytest.approx(apart.item(), rel=1e-3)


@pytest.mark.fidelity
def test_a_began_step_equals_its_twin():
    model, g, d, of_g, of_d = players(
        *("began", lambda: twins.BEGANGenerator(8, 16, 4)),
        lambda: twins.BEGANDiscriminator(8, 16, 4),
    )
    model.k.assign(0.3)
    batch = images(4)
    first, second = (as_torch(model.latents(4, draw)) for draw in (0, 1))
    logs, gradients = step(model, (batch,))

    real, fake = as_torch(batch), g(first).detach()
    real_loss = -d(real).mean()
    d_loss = real_loss + 0.3 * d(fake).mean()
    d_loss.backward()
    compare(of_d, gradients)
    descend(d)
    g.zero_grad()
    g_loss = -d(g(second)).mean()
    g_loss.backward()
    compare(of_g, gradients)
    apart = 0.5 * real_loss.item() - g_loss.item()
    assert logs["discriminator_loss"] == pytest.approx(d_loss.item(), rel=1e-4)
    assert float(model.k.value) == pytest.approx(0.3 + 1e-3 * apart, abs=1e-6)
    assert logs["k"] == pytest.approx(float(model.k.value), abs=1e-6)
    assert logs["convergence"] == pytest.approx(real_loss.item() + abs(apart), rel=1e-3)


# === By hand ===


def test_pulling_away_by_hand():
    codes = np.array([[1.0, 0.0], [1.0, 1.0], [0.0, 2.0]], "float32")
    # Squared cosines of the three pairs: 1/2, 0 and 1/2.
    assert float(pulling_away(tf.constant(codes))) == pytest.approx(1 / 3, rel=1e-5)


def test_k_stays_between_0_and_1():
    model = tiny("began", balance_rate=1e6)
    model.compile()
    seen = [float(model.train_step((tf.constant(images(4)),))["k"]) for _ in range(3)]
    assert set(seen) <= {0.0, 1.0}


def test_the_margin_is_scaled_to_the_picture():
    assert tiny("ebgan", image_size=32).highest_energy == pytest.approx(10.0)
    assert tiny("ebgan", margin=7.0).highest_energy == 7.0


def test_fakes_beyond_the_margin_count_no_more():
    model = tiny("ebgan", margin=0.0)
    batch = tf.constant(images(4))
    real = Samples(batch)
    loss = model.discriminator_loss(real, real)
    assert float(loss.value) == pytest.approx(-float(tf.reduce_mean(loss.real)), rel=1e-6)


@pytest.mark.parametrize("name", ["began", "ebgan", "acgan"])
def test_no_objective_stands_in_for_a_loss_of_several_terms(name):
    with pytest.raises(ValueError, match="further terms that would be lost"):
        tiny(name, objective="hinge")
