"""DiscoGAN and DualGAN against PyTorch twins: networks, losses, gradients, order of updates."""

import numpy as np
import pytest
import tensorflow as tf
from fabrication import full, tiny
from plain_steps import RATE, Recorder

from keras_gans import zoo

try:
    import torch
    import torch_cycle_twins as twins
    from torch.nn import functional
    from torch_twins import initialise, nchw, nhwc
except ModuleNotFoundError:  # the tests that want them are marked
    torch = twins = functional = initialise = nchw = nhwc = None

NETWORKS = ("generator_ab", "generator_ba", "discriminator_a", "discriminator_b")
SIDE = 64


def picture(seed, count=2):
    return np.random.default_rng(seed).uniform(-1, 1, (count, SIDE, SIDE, 3)).astype("float32")


def variables(layer):
    """A layer's variables by PyTorch's names for them."""
    if hasattr(layer, "gamma"):
        found = {"weight": layer.gamma, "bias": layer.beta}
        if hasattr(layer, "moving_mean"):
            found |= {"running_mean": layer.moving_mean, "running_var": layer.moving_variance}
        return found
    return {"weight": layer.kernel, "bias": layer.bias} if layer.use_bias else {
        "weight": layer.kernel
    }  # fmt: skip


def turned(array):
    return array.transpose(2, 3, 1, 0) if array.ndim == 4 else array.T


def carry(twin, network):
    """Copies every weight of a twin into our network; none may be left on either side."""
    state = {k: v for k, v in twin.state_dict().items() if not k.endswith("batches_tracked")}
    for name, tensor in state.items():
        layer, kind = name.rsplit(".", 1)
        variables(network.get_layer(layer))[kind].assign(turned(tensor.numpy()))
    assert len(state) == len(network.weights)
    return twin


def made(model, make):
    """Twins of all four networks, larger weights than a paper's so that nothing is near 0."""
    found = {}
    for seed, name in enumerate(NETWORKS):
        twin = initialise(make(name), seed)
        with torch.no_grad():
            for key, tensor in twin.state_dict().items():
                if tensor.ndim > 1:
                    tensor.mul_(8.0 if key.split(".")[0] != "logits" else 2.0)
        found[name] = carry(twin, model.networks[name])
    return found


def disco(filters, extra=False):
    return lambda name: (
        twins.DiscoGenerator(filters, extra)
        if "generator" in name
        else twins.DiscoDiscriminator(filters)
    )


def dual(model):
    return lambda name: (
        twins.DualGenerator(model.num_downs, model.filters)
        if "generator" in name
        else twins.Critic(model.image_size, model.filters)
    )


def played(model, batch):
    """The logs of one step, and `{player: {id of a variable: gradient}}` of who learned."""
    recorders = {player: Recorder(RATE) for player in model.players}
    model.optimizer_of = recorders.__getitem__
    model.reset_metrics()
    logs = model.train_step(tuple(map(tf.constant, batch)))
    gradients = {
        player: {
            id(variable): gradient
            for variable, gradient in zip(
                model.variables_of(player), recorder.gradients, strict=True
            )
        }
        for player, recorder in recorders.items()
        if recorder.gradients is not None
    }
    return {key: float(value) for key, value in logs.items()}, gradients


def compare(network, twin, gradients):
    largest = max(float(p.grad.abs().max()) for p in twin.parameters())
    for name, tensor in twin.named_parameters():
        layer, kind = name.rsplit(".", 1)
        found = gradients[id(variables(network.get_layer(layer))[kind])]
        expected = turned(tensor.grad.numpy())
        # Of biases before a norm nothing is left but rounding.
        scale = max(np.abs(expected).max(), 1e-3 * largest)
        np.testing.assert_allclose(found / scale, expected / scale, atol=1e-3, err_msg=name)


def unit(images):
    return nchw(images) * 0.5 + 0.5


# === DiscoGAN ===


@pytest.mark.fidelity
@pytest.mark.parametrize("extra", [False, True])
def test_networks_of_discogan_equal_their_twins(extra):
    model = zoo.get("discogan", filters=8, extra_layers=extra, seed=0)
    found = made(model, disco(8, extra))
    images = picture(0)
    with torch.no_grad():
        for network in found.values():
            network.eval()
        ours = model.generator_ab(images, training=False)
        expected = nhwc(found["generator_ab"](unit(images)))
        assert expected.std() > 1e-2
        np.testing.assert_allclose(0.5 * np.array(ours) + 0.5, expected, atol=1e-4)
        logits, *maps = model.discriminator_b(images, training=False)
        expected, expected_maps = found["discriminator_b"](unit(images))
        np.testing.assert_allclose(logits, nhwc(expected), atol=1e-4)
        for ours, theirs in zip(maps, expected_maps, strict=True):
            np.testing.assert_allclose(ours, nhwc(theirs), atol=1e-4)


def disco_losses(found, a, b, rate, decay):
    """Of both players, from the formulas of the reference."""
    ab, ba, d_a, d_b = (found[name] for name in NETWORKS)
    fake_b, fake_a = ab(a), ba(b)
    cycle = ((ba(fake_b) - a) ** 2).mean() + ((ab(fake_a) - b) ** 2).mean()
    adversarial = feature = judged = 0.0
    for network, real, fake in ((d_a, a, fake_a), (d_b, b, fake_b)):
        real_logits, real_maps = network(real)
        fake_logits, fake_maps = network(fake)
        ones, zeros = torch.ones_like(real_logits), torch.zeros_like(real_logits)
        bce = functional.binary_cross_entropy_with_logits
        judged = judged + 0.5 * bce(real_logits, ones) + 0.5 * bce(fake_logits, zeros)
        adversarial = adversarial + bce(fake_logits, ones)
        for real_map, fake_map in zip(real_maps, fake_maps, strict=True):
            feature = feature + ((real_map.mean(0) - fake_map.mean(0)) ** 2).mean()
    loss = (0.1 * adversarial + 0.9 * feature) * (1 - rate) + cycle * rate
    weights = {
        player: sum((p**2).sum() for n in names for p in found[n].parameters()) * decay / 2
        for player, names in (("generator", NETWORKS[:2]), ("discriminator", NETWORKS[2:]))
    }
    logs = {"adversarial_loss": adversarial, "feature_loss": feature, "cycle_loss": cycle}
    return loss + weights["generator"], judged + weights["discriminator"], logs


@pytest.mark.fidelity
def test_turns_of_discogan_equal_its_twin():
    """A turn of the generators in the curriculum, one after it, one of the discriminators."""
    model = zoo.get("discogan", filters=4, seed=0, gan_curriculum=1, weight_decay=1e-2)
    found = made(model, disco(4))
    batch = picture(1), picture(2)
    for player, rate in (("generator", 0.01), ("generator", 0.5), ("discriminator", 0.5)):
        logs, gradients = played(model, batch)
        assert list(gradients) == [player]
        loss, judged, parts = disco_losses(found, *map(unit, batch), rate, 1e-2)
        (loss if player == "generator" else judged).backward()
        learners = NETWORKS[:2] if player == "generator" else NETWORKS[2:]
        for name in learners:
            compare(model.networks[name], found[name], gradients[player])
        with torch.no_grad():
            for name in learners:
                for parameter in found[name].parameters():
                    parameter -= RATE * parameter.grad
        for twin in found.values():
            twin.zero_grad()
        assert logs["generator_loss"] == pytest.approx(loss.item(), rel=1e-3)
        assert logs["discriminator_loss"] == pytest.approx(judged.item(), rel=1e-3)
        for name, part in parts.items():
            assert logs[name] == pytest.approx(part.item(), rel=1e-3)


def test_discriminators_of_discogan_learn_from_every_third_batch():
    model = tiny("discogan", update_interval=3)
    learned = []
    model.update = lambda player, loss, tape: learned.append(player)
    for seed in range(6):
        model.train_step((tf.constant(picture(seed)), tf.constant(picture(seed + 9))))
    assert learned == 2 * ["generator", "generator", "discriminator"]


def test_the_share_of_the_way_back_changes_after_the_curriculum():
    model = tiny("discogan", gan_curriculum=2)
    seen = []
    for _ in range(4):
        seen.append(float(model.rate()))
        model.step.assign_add(1)
    np.testing.assert_allclose(seen, [0.01, 0.01, 0.5, 0.5])


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"image_size": 48}, "image_size"),
        ({"update_interval": 1}, "update_interval"),
        ({"default_rate": 1.5}, "from 0 to 1.*1.5"),
    ],
)
def test_discogan_refuses_what_cannot_be(arguments, message):
    with pytest.raises(ValueError, match=message):
        tiny("discogan", **arguments)


# === DualGAN ===


@pytest.mark.fidelity
def test_networks_of_dualgan_equal_their_twins():
    model = zoo.get("dualgan", image_size=64, num_downs=5, filters=8, seed=0)
    found = made(model, dual(model))
    images = picture(0)
    with torch.no_grad():
        expected = nhwc(found["generator_ab"](nchw(images)))
        assert expected.std() > 1e-2
        logits = found["discriminator_a"](nchw(images)).numpy()
    for training in (False, True):
        ours = model.generator_ab(images, training=training)
        np.testing.assert_allclose(ours, expected, atol=1e-4)
        ours = model.discriminator_a(images, training=training)
        np.testing.assert_allclose(ours, logits, atol=1e-4)


@pytest.mark.fidelity
def test_dualgan_step_equals_its_twin():
    model = zoo.get("dualgan", image_size=64, num_downs=3, filters=4, seed=0)
    found = made(model, dual(model))
    batch = picture(1), picture(2)
    mixes = [torch.from_numpy(np.array(model.mix(2, domain))) for domain in "ab"]
    logs, gradients = played(model, batch)

    ab, ba, d_a, d_b = (found[name] for name in NETWORKS)
    a, b = map(nchw, batch)
    fake_b, fake_a = ab(a), ba(b)
    judged = 0.0
    for network, real, fake, mix in ((d_a, a, fake_a, mixes[0]), (d_b, b, fake_b, mixes[1])):
        fake = fake.detach()
        judged = judged + network(fake).mean() - network(real).mean()
        judged = judged + 10 * twins.penalty(network, real, fake, mix)
    judged.backward()
    for name in NETWORKS[2:]:
        compare(model.networks[name], found[name], gradients["discriminator"])
    with torch.no_grad():  # first the critics, and generators learn from those that have learned
        for name in NETWORKS[2:]:
            for parameter in found[name].parameters():
                parameter -= RATE * parameter.grad
    adversarial = -d_a(fake_a).mean() - d_b(fake_b).mean()
    cycle = (ba(fake_b) - a).abs().mean() + (ab(fake_a) - b).abs().mean()
    (adversarial + 500 * cycle).backward()
    for name in NETWORKS[:2]:
        compare(model.networks[name], found[name], gradients["generator"])
    assert logs["discriminator_loss"] == pytest.approx(judged.item(), rel=1e-3)
    assert logs["cycle_loss"] == pytest.approx(cycle.item(), rel=1e-3)
    assert logs["adversarial_loss"] == pytest.approx(adversarial.item(), rel=1e-2)


def test_critics_of_dualgan_are_clipped_where_the_paper_is_asked_for():
    model = tiny("dualgan", gradient_penalty=0, clip=0.01)
    model.compile()
    model.train_step((tf.constant(picture(0)), tf.constant(picture(1))))
    largest = max(np.abs(v).max() for v in model.variables_of("discriminator"))
    assert largest == pytest.approx(0.01)
    assert max(np.abs(v).max() for v in model.variables_of("generator")) > 0.5


def test_critics_of_dualgan_need_a_bound():
    with pytest.raises(ValueError, match="gradient_penalty=10, or clip=0.01"):
        tiny("dualgan", gradient_penalty=0)


def test_the_middle_of_the_full_dualgan_is_one_pixel_which_is_its_shift_alone():
    """As its docstring says of the reference."""
    model = full("dualgan")
    assert model.image_size == 2**model.num_downs
    one = np.random.default_rng(0).normal(size=(1, 1, 1, 512)).astype("float32")
    norm = model.generator_ab.get_layer("down_8_norm")
    np.testing.assert_array_equal(norm(one), np.zeros((1, 1, 1, 512)))
