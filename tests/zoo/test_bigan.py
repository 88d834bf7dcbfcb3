"""BiGAN against a PyTorch twin and by hand: networks, losses, gradients, pictures to latents."""

import numpy as np
import pytest
import tensorflow as tf
from fabrication import full, tiny
from plain_steps import step

try:
    import torch
    import torch_bigan_twin as twins
    from test_paper_twins import as_ours, as_torch, compare, descend, initialised, log_loss
    from torch_paper_twins import carry, pairs
except ModuleNotFoundError:  # the tests that want them are marked
    torch = twins = as_ours = as_torch = compare = descend = initialised = log_loss = None
    carry = pairs = None

RNG = np.random.default_rng
LAST = ("latent", "logits")


def images(count, side=16, channels=3):
    return RNG(1).uniform(-1, 1, (count, side, side, channels)).astype("float32")


@pytest.mark.fidelity
@pytest.mark.parametrize("network", ["generator", "encoder", "discriminator"])
def test_networks_equal_their_twins(network):
    ours = full("bigan").networks[network]
    twin = initialised(getattr(twins, network.capitalize())(50, 28, 1, 1024), gain=1.0).eval()
    kept = ours.get_weights()
    carry(pairs(twin, ours, LAST))
    latents = RNG(0).uniform(-1, 1, (2, 50)).astype("float32")
    inputs = {
        "generator": [latents],
        "encoder": [images(2, 28, 1)],
        "discriminator": [images(2, 28, 1), latents],
    }[network]
    got = ours(inputs if len(inputs) > 1 else inputs[0], training=False)
    with torch.no_grad():
        expected = as_ours(twin(*map(as_torch, inputs)))
    ours.set_weights(kept)
    assert expected.std() > 1e-2
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-4)


@pytest.mark.fidelity
def test_a_step_equals_its_twin():
    model = tiny("bigan")
    made = {
        name: initialised(getattr(twins, name.capitalize())(8, 16, 3, 16), number, gain=1.0).train()
        for number, name in enumerate(model.networks)
    }
    found = {name: pairs(twin, model.networks[name], LAST) for name, twin in made.items()}
    for one in found.values():
        carry(one)
    batch = images(6)
    first, second = (as_torch(model.latents(6, draw)) for draw in (0, 1))
    logs, gradients = step(model, (batch,))

    g, e, d = (made[name] for name in ("generator", "encoder", "discriminator"))
    real, fake = as_torch(batch), g(first).detach()
    d_loss = log_loss(d(real, e(real).detach()), True) + log_loss(d(fake, first), False)
    d_loss.backward()
    compare(found["discriminator"], gradients)
    descend(d)
    g.zero_grad()
    e.zero_grad()
    g_loss = log_loss(d(g(second), second), True) + log_loss(d(real, e(real)), False)
    g_loss.backward()
    compare([*found["generator"], *found["encoder"]], gradients)
    assert logs["discriminator_loss"] == pytest.approx(d_loss.item(), rel=1e-4)
    assert logs["generator_loss"] == pytest.approx(g_loss.item(), rel=1e-3)


# === Pictures to latents ===


def test_pictures_become_latents_and_pictures_again():
    model = tiny("bigan")
    latents = model.encode(images(3))
    assert latents.shape == (3, 8) and latents.dtype == np.float32
    np.testing.assert_allclose(latents, model.encoder(images(3), training=False), atol=1e-5)
    assert model.sample(latents=latents).shape == (3, 16, 16, 3)


def test_pictures_of_another_size_are_refused():
    with pytest.raises(ValueError, match=r"`images` must be \(N, 16, 16, 3\).*\(3, 8, 8, 3\)"):
        tiny("bigan").encode(images(3, 8))


def test_both_learn_from_the_generator_s_loss():
    """The encoder learns, and from real pictures: its gradient is not of the fakes."""
    model = tiny("bigan")
    model.compile()
    before = [np.array(one.value) for one in model.encoder.trainable_variables]
    model.train_step((tf.constant(images(4)),))
    after = [np.array(one.value) for one in model.encoder.trainable_variables]
    assert any(np.abs(a - b).max() > 0 for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize("arguments", [{"replay": 50}, {"packing": 2}])
def test_tricks_that_part_pictures_from_latents_are_refused(arguments):
    with pytest.raises(ValueError, match="other pictures than those whose latents"):
        tiny("bigan", **arguments)


def test_a_family_without_an_encoder_says_which_has_one():
    with pytest.raises(TypeError, match="dcgan has no encoder.*bigan"):
        tiny("dcgan").encode(images(1))
