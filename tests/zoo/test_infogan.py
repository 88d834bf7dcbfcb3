"""InfoGAN against a PyTorch twin and by hand: networks, losses, codes, traversals, refusals."""

import numpy as np
import pytest
import tensorflow as tf
from fabrication import full, tiny
from plain_steps import step

from keras_gans.games.loss import Samples

try:
    import torch
    import torch_infogan_twin as twins
    from test_paper_twins import as_ours, as_torch, compare, descend, initialised, log_loss
    from torch.nn import functional
    from torch_paper_twins import carry, pairs
except ModuleNotFoundError:  # the tests that want them are marked
    torch = twins = as_ours = as_torch = compare = descend = initialised = log_loss = None
    functional = carry = pairs = None

RNG = np.random.default_rng
LAST = ("logits", "category", "codes")


def images(count, side=16, channels=3):
    return RNG(1).uniform(-1, 1, (count, side, side, channels)).astype("float32")


@pytest.mark.fidelity
@pytest.mark.parametrize("network", ["generator", "discriminator"])
def test_networks_equal_their_twins(network):
    ours = full("infogan").networks[network]
    makers = {
        "generator": lambda: twins.Generator(64, 10, 28, 1, 64, 1024),
        "discriminator": lambda: twins.Discriminator(10, 2, 28, 1, 64, 1024, 128),
    }
    twin, kept = initialised(makers[network](), gain=1.0).eval(), ours.get_weights()
    carry(pairs(twin, ours, LAST))
    inputs = [images(2, 28, 1)]
    if network == "generator":
        inputs = [RNG(0).uniform(-1, 1, (2, 64)).astype("float32"), np.array([3, 7], "int32")]
    got = ours(inputs if len(inputs) > 1 else inputs[0], training=False)
    with torch.no_grad():
        expected = twin(*map(as_torch, inputs))
    ours.set_weights(kept)
    several = isinstance(expected, tuple)
    for one, other in zip(*((got, expected) if several else ([got], [expected])), strict=True):
        assert as_ours(other).std() > 1e-2
        np.testing.assert_allclose(one, as_ours(other), rtol=0, atol=1e-4)


@pytest.mark.fidelity
def test_a_step_equals_its_twin():
    model = tiny("infogan", info_weight=0.7)
    g = initialised(twins.Generator(8, 10, 16, 3, 4, 16), 1, gain=1.0).train()
    d = initialised(twins.Discriminator(10, 2, 16, 3, 4, 16, 8), 2, gain=1.0).train()
    of_g, of_d = pairs(g, model.generator, LAST), pairs(d, model.discriminator, LAST)
    carry([*of_g, *of_d])
    batch = images(6)
    labels = as_torch(model._samples(tf.constant(batch), 0).labels)
    first, second = (as_torch(model.latents(6, draw)) for draw in (0, 1))
    logs, gradients = step(model, (batch,))

    def info(latents, category, codes):
        return (
            functional.cross_entropy(category, labels)
            + 0.5 * ((latents[:, -2:] - codes) ** 2).sum(1).mean()
        )

    real, fake = as_torch(batch), g(first, labels).detach()
    real_logits, *_ = d(real)
    fake_logits, *guessed = d(fake)
    d_loss = log_loss(real_logits, True) + log_loss(fake_logits, False)
    d_loss = d_loss + 0.7 * info(first, *guessed)
    d_loss.backward()
    compare(of_d, gradients)
    descend(d)
    g.zero_grad()
    logits, *guessed = d(g(second, labels))
    g_loss = log_loss(logits, True) + 0.7 * info(second, *guessed)
    g_loss.backward()
    compare(of_g, gradients)
    assert logs["discriminator_loss"] == pytest.approx(d_loss.item(), rel=1e-4)
    assert logs["generator_loss"] == pytest.approx(g_loss.item(), rel=1e-3)


# === Codes ===


def test_categories_are_drawn_evenly_and_anew_each_update():
    model = tiny("infogan")
    batch = tf.constant(images(2_000, 16))
    first, second = (model._samples(batch, draw).labels.numpy() for draw in (0, 1))
    assert np.bincount(first, minlength=10).min() > 140  # of 200 on average
    assert np.mean(first == second) < 0.2


def test_codes_are_those_of_the_latents_that_made_the_pictures():
    """A Q that knew them would have no loss of codes."""
    model = tiny("infogan")
    fake = Samples(images(4), np.array([1, 2, 3, 4], "int32"), 0)
    drawn = model.latents(4, 0)[:, -2:]
    logits = 50.0 * tf.one_hot(fake.labels, 10)
    loss, logs = model._info_loss(fake, logits, drawn)
    assert float(loss) == pytest.approx(0.0, abs=1e-5) and float(logs["category_accuracy"]) == 1.0
    _, logs = model._info_loss(fake, logits, drawn + 1.0)
    assert float(logs["codes_loss"]) == pytest.approx(1.0, rel=1e-5)  # two codes, half a square


def test_rows_of_a_traversal_differ_in_one_code_alone():
    model = tiny("infogan")
    found = model.traverse(1, steps=3, low=-0.5, high=1.5, labels=[2, 5], seed=4)
    assert found.shape == (2, 3, 16, 16, 3)
    latents = model.draw_latents(1, 4)
    for step_, value in enumerate((-0.5, 0.5, 1.5)):
        latents[:, -1] = value
        np.testing.assert_allclose(
            found[1, step_], model.sample(labels=5, latents=latents)[0], atol=1e-6
        )
    assert model.traverse().shape[:2] == (10, 10)


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"code": 2}, "`code` must be from 0 to 1"),
        ({"low": -3.0}, "`low` must be from -2 to 2"),
        ({"high": "much"}, "`high` must be from -2 to 2"),
        ({"steps": 0}, "`steps`"),
        ({"labels": [10]}, "from 0 to 9"),
    ],
)
def test_codes_that_cannot_be_are_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        tiny("infogan").traverse(**arguments)


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"num_codes": 8}, "some must be left for noise"),
        ({"replay": 50}, "`replay` shows D pictures of earlier steps"),
        ({"num_classes": 0}, "num_classes"),
    ],
)
def test_arguments_that_cannot_be_are_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        tiny("infogan", **arguments)
