"""AC-GAN, SNGAN with projection and SRGAN against PyTorch twins: networks, losses, gradients."""

import numpy as np
import pytest
import tensorflow as tf
from fabrication import full, tiny
from plain_steps import RATE, step

from keras_gans.games import views
from keras_gans.games.loss import Samples

try:
    import torch
    import torch_paper_twins as twins
    import torch_twins
    from torch.nn import functional
except ModuleNotFoundError:  # the tests that want them are marked
    torch = twins = torch_twins = functional = None

pytestmark = pytest.mark.fidelity

RNG = np.random.default_rng

# A network of an entry, its twin, and the names of its layers that have one of their own.
NETWORKS = {
    "acgan_generator": ("acgan", "generator", lambda: twins.ACGANGenerator(), ()),
    "acgan_discriminator": (
        *("acgan", "discriminator", lambda: twins.ACGANDiscriminator()),
        ("logits", "classes"),
    ),
    "projection_generator": (
        *("sngan_projection", "generator", lambda: twins.ProjectionGenerator()),
        (),
    ),
    "projection_discriminator": (
        *("sngan_projection", "discriminator", lambda: twins.ProjectionDiscriminator()),
        (),
    ),
    "srresnet": ("srresnet", "generator", lambda: twins.SRGenerator(), ()),
    "srgan_generator": ("srgan", "generator", lambda: twins.SRGenerator(), ()),
    "srgan_discriminator": (
        *("srgan", "discriminator", lambda: twins.SRDiscriminator()),
        ("logits",),
    ),
}


def initialised(twin, seed=0, gain=2.0):
    """Weights of variance `gain / inputs`, all others unlike their defaults."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for module in twin.modules():
            for name, tensor in [
                *module.named_parameters(recurse=False),
                *module.named_buffers("", False),
            ]:
                spread = torch.randn(tensor.shape)
                if name == "running_var":
                    tensor.copy_(0.5 + spread.abs())
                elif name == "u":
                    tensor.copy_(functional.normalize(spread, dim=0))
                elif name in ("bias", "running_mean"):
                    tensor.copy_(0.1 * spread)
                elif isinstance(module, torch.nn.PReLU):
                    tensor.copy_(0.25 + 0.1 * spread)
                elif (
                    isinstance(module, (torch.nn.BatchNorm1d, torch.nn.BatchNorm2d))
                    and name == "weight"
                ):
                    tensor.copy_(1 + 0.2 * spread)
                elif name == "weight":
                    tensor.copy_(spread * (gain / tensor[0].numel()) ** 0.5)
    return twin


def inputs_of(network, count=2):
    """Random content for a network; of pictures of any size 24 x 24."""
    made = []
    for number, tensor in enumerate(network.inputs):
        shape = (count, *(24 if side is None else side for side in tensor.shape[1:]))
        if tensor.dtype == "int32":
            made.append(RNG(number).integers(0, 10, shape).astype("int32"))
        elif len(shape) == 4:
            made.append(RNG(number).uniform(-1, 1, shape).astype("float32"))
        else:
            made.append(RNG(number).normal(size=shape).astype("float32"))
    return made


def as_torch(array):
    array = np.asarray(array)
    if array.ndim == 4:
        return twins.images(array)
    return torch.from_numpy(array.astype("int64" if array.dtype.kind == "i" else "float32"))


def as_ours(tensor):
    array = tensor.detach().numpy()
    return array.transpose(0, 2, 3, 1) if array.ndim == 4 else array


@pytest.mark.parametrize("key", NETWORKS)
def test_networks_equal_their_twins(key):
    name, network, make, last = NETWORKS[key]
    gain = 0.5 if network == "generator" else 2.0  # lest the pictures be black and white only
    ours, twin = full(name).networks[network], initialised(make(), gain=gain).eval()
    kept = ours.get_weights()  # the model is shared by all tests of a session
    twins.carry(twins.pairs(twin, ours, last))
    inputs = inputs_of(ours)
    got = ours(inputs if len(inputs) > 1 else inputs[0], training=False)
    with torch.no_grad():
        expected = twin(*map(as_torch, inputs))
    ours.set_weights(kept)
    several = isinstance(expected, tuple)
    for one, other in zip(*((got, expected) if several else ([got], [expected])), strict=True):
        other = as_ours(other)
        assert one.shape == other.shape
        assert other.std() > 1e-2
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-4)


# === One full training step ===


def compare(found, gradients):
    """Our recorded gradients against `.grad` of the twins."""
    checked = 0
    for module, layer in found:
        for tensor, variable in twins.parts(module, layer):
            ours, theirs = gradients[id(variable)], twins.turned(tensor.grad, variable)
            scale = np.abs(theirs).max()
            if scale < 1e-5:  # a bias that the next norm cancels
                assert np.abs(ours).max() < 1e-5
                continue
            np.testing.assert_allclose(ours, theirs, atol=1e-3 * scale, err_msg=layer.path)
            checked += 1
    assert checked > 5


def descend(twin):
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter -= RATE * parameter.grad
    twin.zero_grad()


def log_loss(logits, is_real):
    """`-log D` or `-log(1 - D)`, the mean."""
    return functional.binary_cross_entropy_with_logits(
        logits, torch.full_like(logits, float(is_real))
    )


def labelled(side, count, seed=1):
    images = RNG(seed).uniform(-1, 1, (count, side, side, 3)).astype("float32")
    return images, RNG(seed).integers(0, 10, (count,)).astype("int32")


def test_an_acgan_step_equals_its_twin():
    model = tiny("acgan", class_weight=0.7)
    for layer in model.discriminator.layers:
        if type(layer).__name__ == "Dropout":
            layer.rate = 0.0  # whose masks the twin does not have
    g = initialised(twins.ACGANGenerator(8, 10, 16, 4), 1).train()
    d = initialised(twins.ACGANDiscriminator(10, 16, 2), 2).train()
    of_g = twins.pairs(g, model.generator)
    of_d = twins.pairs(d, model.discriminator, ("logits", "classes"))
    twins.carry([*of_g, *of_d])
    batch = labelled(16, 4)
    first, second = (as_torch(model.latents(4, draw)) for draw in (0, 1))
    logs, gradients = step(model, batch)

    real, labels = map(as_torch, batch)
    fake = g(first, labels)
    (real_logits, real_classes), (fake_logits, fake_classes) = d(real), d(fake.detach())
    of_classes = functional.cross_entropy(real_classes, labels)
    of_classes = of_classes + functional.cross_entropy(fake_classes, labels)
    d_loss = log_loss(real_logits, True) + log_loss(fake_logits, False) + 0.7 * of_classes
    d_loss.backward()
    compare(of_d, gradients)
    descend(d)  # first D, and G learns from the D that has learned
    g.zero_grad()
    logits, classes = d(g(second, labels))
    g_loss = log_loss(logits, True) + 0.7 * functional.cross_entropy(classes, labels)
    g_loss.backward()
    compare(of_g, gradients)

    assert logs["discriminator_loss"] == pytest.approx(d_loss.item(), rel=1e-4)
    assert logs["class_loss"] == pytest.approx(of_classes.item(), rel=1e-4)
    assert logs["generator_loss"] == pytest.approx(g_loss.item(), rel=1e-3)


def test_a_projection_step_equals_its_twin():
    updates = 2
    model = tiny("sngan_projection", discriminator_steps=updates)
    g = initialised(twins.ProjectionGenerator(8, 10, 16, 4), 1).train()
    d = initialised(twins.ProjectionDiscriminator(10, 4), 2).train()
    of_g, of_d = twins.pairs(g, model.generator), twins.pairs(d, model.discriminator)
    twins.carry([*of_g, *of_d])
    images, labels = labelled(16, 3 * updates)
    # What is random: latents, and the levels that real images are spread over.
    latents = [as_torch(model.latents(3, draw)) for draw in range(updates)]
    latents.append(as_torch(model.latents(6, updates)))
    parts = tf.split(images, updates)
    real = [
        as_torch(views.dequantised(model, Samples(part, None, draw)).images)
        for draw, part in enumerate(parts)
    ]
    logs, gradients = step(model, (images, labels))

    labels = as_torch(labels).split(3)
    d.power_iteration()  # once a step
    for draw in range(updates):
        d.zero_grad()
        fake = g(latents[draw], labels[draw]).detach()
        real_logits, fake_logits = d(real[draw], labels[draw]), d(fake, labels[draw])
        d_loss = functional.relu(1 - real_logits).mean() + functional.relu(1 + fake_logits).mean()
        d_loss.backward()
        if draw == updates - 1:
            compare(of_d, gradients)
        descend(d)
    twice = torch.cat([labels[-1]] * 2)
    g_loss = -d(g(latents[-1], twice), twice).mean()
    g_loss.backward()
    compare(of_g, gradients)

    assert logs["discriminator_loss"] == pytest.approx(d_loss.item(), rel=1e-4)
    assert logs["generator_loss"] == pytest.approx(g_loss.item(), rel=1e-3)


def pair(side, scale, count=2):
    shapes = ((count, side // scale, side // scale, 3), (count, side, side, 3))
    return tuple(
        RNG(seed).uniform(-1, 1, shape).astype("float32") for seed, shape in enumerate(shapes)
    )


def test_an_srresnet_step_equals_its_twin():
    model = tiny("srresnet")
    g = initialised(twins.SRGenerator(4, 1, 2), 1).train()
    found = twins.pairs(g, model.generator)
    twins.carry(found)
    batch = pair(32, 2)
    logs, gradients = step(model, batch)
    source, target = map(as_torch, batch)
    loss = ((target - g(source)) ** 2).mean()
    loss.backward()
    compare(found, gradients)
    assert logs["generator_loss"] == pytest.approx(loss.item(), rel=1e-4)


def test_an_srgan_step_equals_its_twin():
    model = tiny("srgan", adversarial_weight=0.1)
    g = initialised(twins.SRGenerator(4, 1, 2), 1).train()
    d = initialised(twins.SRDiscriminator(32, 4, 8), 2).train()
    of_g = twins.pairs(g, model.generator)
    of_d = twins.pairs(d, model.discriminator, ("logits",))
    twins.carry([*of_g, *of_d])
    batch = pair(32, 2)
    logs, gradients = step(model, batch)

    source, target = map(as_torch, batch)
    fake = g(source)
    d_loss = log_loss(d(target), True) + log_loss(d(fake.detach()), False)
    d_loss.backward()
    compare(of_d, gradients)
    descend(d)
    content, adversarial = ((target - fake) ** 2).mean(), log_loss(d(fake), True)
    (content + 0.1 * adversarial).backward()
    compare(of_g, gradients)

    assert logs["discriminator_loss"] == pytest.approx(d_loss.item(), rel=1e-4)
    assert logs["content_loss"] == pytest.approx(content.item(), rel=1e-4)
    assert logs["adversarial_loss"] == pytest.approx(adversarial.item(), rel=1e-3)
