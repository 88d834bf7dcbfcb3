"""pix2pix and CycleGAN against PyTorch twins: networks, losses, gradients, order of updates."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from fabrication import full, tiny
from plain_steps import RATE, Recorder, step

from keras_gans import zoo

try:
    import torch
    import torch_twins
except ModuleNotFoundError:  # the tests that want them are marked
    torch = torch_twins = None

NETWORKS = {
    "unet_256": ("pix2pix", "generator", lambda: torch_twins.Unet(8)),
    "unet_128": ("pix2pix_128", "generator", lambda: torch_twins.Unet(7)),
    "patch_6": (
        "pix2pix",
        "discriminator",
        lambda: torch_twins.patch_gan(6, norm=torch.nn.BatchNorm2d),
    ),
    "resnet_9": ("cyclegan", "generator_ab", lambda: torch_twins.resnet(9)),
    "resnet_6": ("cyclegan_128", "generator_ba", lambda: torch_twins.resnet(6)),
    "patch_3": ("cyclegan", "discriminator_a", lambda: torch_twins.patch_gan(3)),
}


def picture(seed, side, channels=3):
    return np.random.default_rng(seed).uniform(-1, 1, (1, side, side, channels)).astype("float32")


@pytest.mark.fidelity
@pytest.mark.parametrize("key", NETWORKS)
def test_networks_equal_their_twins(key):
    name, network, make = NETWORKS[key]
    model = full(name)
    ours, twin = model.networks[network], torch_twins.initialise(make()).eval()
    torch_twins.copy_weights(twin, ours, model.reference_layers()[network])
    side = model.image_size
    inputs = [picture(seed, side) for seed in range(len(ours.inputs))]
    got = ours(inputs if len(inputs) > 1 else inputs[0], training=False)
    with torch.no_grad():
        expected = torch_twins.nhwc(twin(*map(torch_twins.nchw, inputs)))
    assert got.shape == expected.shape
    assert expected.std() > 1e-3
    np.testing.assert_allclose(got, expected, atol=1e-4)


def test_receptive_field_of_the_discriminator_is_70():
    model = zoo.get("cyclegan", filters=4)
    image = tf.constant(picture(0, 256))
    # The instance norms see the whole picture; only the convolutions' reach is the patch.
    network = keras.models.clone_model(
        model.discriminator_a,
        call_function=None,
        clone_function=lambda layer: (
            keras.layers.Activation("linear", name=layer.name)
            if type(layer).__name__ == "InstanceNorm"
            else type(layer).from_config(layer.get_config())
        ),
    )
    with tf.GradientTape() as tape:
        tape.watch(image)
        one = network(image)[0, 15, 15, 0]
    seen = np.abs(tape.gradient(one, image)[0]).sum(-1) > 0
    rows, columns = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
    assert rows[-1] - rows[0] + 1 == 70
    assert columns[-1] - columns[0] + 1 == 70


# === One full training step ===


def compare(model, network, twin, gradients):
    """Our recorded gradients of one network against the twin's `.grad`."""
    checked = 0
    for module, name in model.reference_layers()[network].items():
        if f"{module}.weight" not in twin.state_dict():
            continue
        layer, part = model.networks[network].get_layer(name), twin.get_submodule(module)
        pairs = [(v, part.weight if v.ndim == 4 or "gamma" in v.path else part.bias)
                 for v in layer.trainable_variables]  # fmt: skip
        for variable, parameter in pairs:
            ours, theirs = gradients[id(variable)], parameter.grad.numpy()
            if theirs.ndim == 4:
                theirs = theirs.transpose(2, 3, 1, 0)
            scale = np.abs(theirs).max()
            if (
                scale < 1e-5
            ):  # a bias that the next norm cancels, of kernels whose gradient is near 1
                assert np.abs(ours).max() < 1e-5
                continue
            np.testing.assert_allclose(ours, theirs, atol=1e-3 * scale, err_msg=f"{network}.{name}")
            checked += 1
    assert checked > 5


def descend(*twins):
    with torch.no_grad():
        for twin in twins:
            for parameter in twin.parameters():
                parameter -= RATE * parameter.grad


def softplus_mean(logits):
    return torch.nn.functional.softplus(logits).mean()


@pytest.mark.fidelity
@pytest.mark.parametrize("direction", ["ab", "ba"])
def test_pix2pix_step_equals_its_twin(direction):
    model = tiny("pix2pix", direction=direction)
    g = torch_twins.initialise(torch_twins.Unet(5, 4), 1).train()
    d = torch_twins.initialise(torch_twins.patch_gan(6, 4, norm=torch.nn.BatchNorm2d), 2).train()
    modules = model.reference_layers()
    torch_twins.copy_weights(g, model.generator, modules["generator"])
    torch_twins.copy_weights(d, model.discriminator, modules["discriminator"])
    batch = picture(1, 32), picture(2, 32)
    logs, gradients = step(model, batch)

    source, target = map(torch_twins.nchw, batch if direction == "ab" else batch[::-1])
    fake = g(source)
    d_loss = 0.5 * (softplus_mean(-d(source, target)) + softplus_mean(d(source, fake.detach())))
    d_loss.backward()
    compare(model, "discriminator", d, gradients)
    descend(d)  # first D, and G learns from the D that has learned
    d.zero_grad()
    adversarial, l1 = softplus_mean(-d(source, fake)), (fake - target).abs().mean()
    (adversarial + 100 * l1).backward()
    compare(model, "generator", g, gradients)

    assert logs["discriminator_loss"] == pytest.approx(d_loss.item(), rel=1e-4)
    assert logs["adversarial_loss"] == pytest.approx(adversarial.item(), rel=1e-3)
    assert logs["l1_loss"] == pytest.approx(l1.item(), rel=1e-4)
    assert logs["generator_loss"] == pytest.approx((adversarial + 100 * l1).item(), rel=1e-4)


def test_both_pictures_of_a_pair_are_seen_augmented_alike():
    model = tiny("pix2pix", augment="color,translation,cutout")
    images = tf.constant(picture(1, 32))
    source, target = model.discriminator_view(images, images, 0)
    np.testing.assert_array_equal(source, target)
    assert np.abs(source - images).max() > 0.01
    other, _ = model.discriminator_view(images, images, 1)
    assert np.abs(source - other).max() > 0.01  # each pair of a step in its own way
    plain = tiny("pix2pix").discriminator_view(images, images, 0)
    assert all(seen is images for seen in plain)


def test_pix2pix_judges_augmented_pairs():
    source, target = map(tf.constant, (picture(1, 32), picture(2, 32)))
    model = tiny("pix2pix", augment=["translation", "cutout"])
    expected = [model.discriminator_view(source, target, draw) for draw in range(3)]
    discriminator, judged = model.discriminator, []
    model.discriminator = lambda pair, training: judged.append(pair) or discriminator(pair)
    model.optimizer_of = lambda player: Recorder(0.0)
    model.variables_of = lambda player: discriminator.trainable_variables
    model.train_step((source, target))
    for pair, (seen, _) in zip(judged, expected, strict=True):
        np.testing.assert_array_equal(pair[0], seen)
    np.testing.assert_array_equal(judged[0][1], expected[0][1])


@pytest.mark.parametrize("augment", ["colour", ["cut"], 3])
def test_pix2pix_names_the_augmentations(augment):
    with pytest.raises(ValueError, match="color, translation, cutout"):
        tiny("pix2pix", augment=augment)


@pytest.mark.fidelity
@pytest.mark.parametrize("identity_weight", [5.0, 0.0])
def test_cyclegan_step_equals_its_twin(identity_weight):
    model = tiny("cyclegan", identity_weight=identity_weight)
    names = ("generator_ab", "generator_ba", "discriminator_a", "discriminator_b")
    twins = {
        name: torch_twins.initialise(
            torch_twins.resnet(1, 4) if "generator" in name else torch_twins.patch_gan(3, 4), seed
        )
        for seed, name in enumerate(names)
    }
    for name, twin in twins.items():
        torch_twins.copy_weights(twin, model.networks[name], model.reference_layers()[name])
    batch = picture(1, 32), picture(2, 32)
    logs, gradients = step(model, batch)

    ab, ba, d_a, d_b = (twins[name] for name in names)
    a, b = map(torch_twins.nchw, batch)
    fake_b, fake_a = ab(a), ba(b)
    adversarial = ((d_b(fake_b) - 1) ** 2).mean() + ((d_a(fake_a) - 1) ** 2).mean()
    cycle = (ba(fake_b) - a).abs().mean() + (ab(fake_a) - b).abs().mean()
    identity = (ba(a) - a).abs().mean() + (ab(b) - b).abs().mean()
    (adversarial + 10 * cycle + identity_weight * identity).backward()
    compare(model, "generator_ab", ab, gradients)
    compare(model, "generator_ba", ba, gradients)
    for twin in twins.values():
        if twin in (d_a, d_b):
            twin.zero_grad()
    # The pools are not full: they hand the fakes back. G has learned, D judges the old fakes.
    fake_a, fake_b = fake_a.detach(), fake_b.detach()
    d_loss = 0.5 * (
        ((d_a(a) - 1) ** 2).mean() + (d_a(fake_a) ** 2).mean()
        + ((d_b(b) - 1) ** 2).mean() + (d_b(fake_b) ** 2).mean()
    )  # fmt: skip
    d_loss.backward()
    compare(model, "discriminator_a", d_a, gradients)
    compare(model, "discriminator_b", d_b, gradients)

    assert logs["discriminator_loss"] == pytest.approx(d_loss.item(), rel=1e-4)
    assert logs["adversarial_loss"] == pytest.approx(adversarial.item(), rel=1e-4)
    assert logs["cycle_loss"] == pytest.approx(cycle.item(), rel=1e-4)
    if identity_weight:
        assert logs["identity_loss"] == pytest.approx(identity.item(), rel=1e-4)
