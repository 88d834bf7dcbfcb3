"""ESRGAN, Real-ESRGAN, RDN and RRDN against PyTorch twins: networks, losses, gradients."""

import numpy as np
import pytest
import tensorflow as tf
from fabrication import full, tiny
from plain_steps import RATE, step

from keras_gans.interop import esrgan as importer

try:
    import torch
    import torch_upscaling_twins as twins
    from torch.nn import functional
except ModuleNotFoundError:  # the tests that want them are marked
    torch = twins = functional = None

pytestmark = pytest.mark.fidelity

RNG = np.random.default_rng

GENERATORS = {
    "esrgan": lambda: twins.RRDBNet(),
    "realesrgan_x4": lambda: twins.RRDBNet(),
    "realesrgan_x2": lambda: twins.RRDBNet(fold=2),
    "realesrgan_anime": lambda: twins.RRDBNet(blocks=6),
    "realesrgan_general": lambda: twins.SRVGG(convs=32),
    "realesrgan_video_x4": lambda: twins.SRVGG(),
    "realesrgan_video_x3": lambda: twins.SRVGG(shrink=0.75),
    "realesrgan_video_x2": lambda: twins.SRVGG(shrink=0.5),
}


def initialised(twin, seed=0, gain=0.7):
    torch.manual_seed(seed)
    norms = [module for module in twin.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    with torch.no_grad():
        for name, tensor in [*twin.named_parameters(), *twin.named_buffers()]:
            spread = torch.randn(tensor.shape)
            if name.endswith(".u"):
                tensor.copy_(functional.normalize(spread, dim=0))
            elif tensor.ndim > 1:
                tensor.copy_(spread * (gain / tensor[0].numel()) ** 0.5)
            elif name.endswith("running_var"):
                tensor.copy_(0.5 + spread.abs())
            elif tensor.ndim:
                tensor.copy_(0.2 + 0.1 * spread)
        for norm in norms:
            norm.weight.add_(0.8)
    return twin


def carry_generator(twin, network):
    arrays = {name: tensor.detach().numpy() for name, tensor in twin.named_parameters()}
    importer.copy("the twin", network, arrays)


def of_generator(twin, network):
    """`(PyTorch's parameter, our variable)` of all that is learned."""
    parameters = dict(twin.named_parameters())
    return [(parameters[name], v) for name, (v, _) in importer._places(network).items()]


def of_discriminator(twin, network):
    """Likewise of a discriminator, whose layers come in one order in both."""
    theirs = [m for m in twin.modules() if isinstance(m, (torch.nn.Conv2d, torch.nn.Linear))]
    norms = [m for m in twin.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    kinds = ("Conv2D", "SpectralConv2D", "Dense")
    ours = [layer for layer in network.layers if type(layer).__name__ in kinds]
    found = []
    for module, layer in zip(theirs, ours, strict=True):
        found.append((module.weight, layer.kernel))
        if module.bias is not None:
            found.append((module.bias, layer.bias))
        if hasattr(module, "u"):
            found.append((module.u, layer.u))
    normed = [layer for layer in network.layers if type(layer).__name__ == "BatchNorm"]
    for module, layer in zip(norms, normed, strict=True):
        found += [(module.weight, layer.gamma), (module.bias, layer.beta)]
        found += [(module.running_mean, layer.moving_mean)]
        found += [(module.running_var, layer.moving_variance)]
    return found


def turned(tensor, like):
    array = tensor.detach().numpy()
    axes = {4: (2, 3, 1, 0), 2: (1, 0)}.get(array.ndim)
    return (array.transpose(axes) if axes else array).reshape(like.shape)


def carry(found):
    for tensor, variable in found:
        variable.assign(turned(tensor, variable))


def unit(array):
    """Ours as PyTorch's, in [0, 1]."""
    array = np.asarray(array).transpose(0, 3, 1, 2) * np.float32(0.5) + np.float32(0.5)
    return torch.from_numpy(np.ascontiguousarray(array))


def pictures(*shape, seed=0):
    return RNG(seed).uniform(-1, 1, shape).astype("float32")


@pytest.mark.parametrize("name", GENERATORS)
def test_generators_equal_their_twins(name):
    ours, twin = full(name).generator, initialised(GENERATORS[name]()).eval()
    kept = ours.get_weights()  # the model is shared by all tests of a session
    carry_generator(twin, ours)
    image = pictures(2, 16, 12, 3)
    got = ours(image, training=True).numpy() / 2 + 0.5
    clipped = ours(image, training=False).numpy() / 2 + 0.5
    with torch.no_grad():
        expected = twin(unit(image)).numpy().transpose(0, 2, 3, 1)
    ours.set_weights(kept)
    assert got.shape == expected.shape and expected.std() > 1e-2
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-4)
    np.testing.assert_allclose(clipped, np.clip(expected, 0, 1), rtol=0, atol=1e-4)


@pytest.mark.parametrize("name, make", [("esrgan", "VGG"), ("realesrgan_x4", "UNet")])
def test_discriminators_equal_their_twins(name, make):
    ours, twin = full(name).discriminator, initialised(getattr(twins, make)(), gain=2.0).eval()
    kept = ours.get_weights()
    carry(of_discriminator(twin, ours))
    image = pictures(2, 128, 128, 3)
    got = ours(image, training=False).numpy()
    with torch.no_grad():
        expected = twin(unit(image)).numpy()
    ours.set_weights(kept)
    expected = expected.transpose(0, 2, 3, 1) if expected.ndim == 4 else expected
    assert expected.std() > 1e-2
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-4 * np.abs(expected).max())


# === One full step ===


def compare(found, gradients):
    checked = 0
    for tensor, variable in found:
        if tensor.grad is None:  # statistics and singular vectors
            continue
        ours, theirs = gradients[id(variable)], turned(tensor.grad, variable)
        scale = np.abs(theirs).max()
        if scale < 1e-6:
            assert np.abs(ours).max() < 1e-6
            continue
        np.testing.assert_allclose(ours, theirs, atol=1e-3 * scale, rtol=0, err_msg=variable.path)
        checked += 1
    assert checked > 5


def descend(twin):
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter -= RATE * parameter.grad


def batch_of(model, count=2):
    source, target = model.batch_spec(count)
    return pictures(*source.shape, seed=1), pictures(*target.shape, seed=2)


def test_an_esrgan_step_equals_its_twin():
    model = tiny("esrgan", pixel_steps=0, pixel_weight=0.5, adversarial_weight=0.1)
    g = initialised(twins.RRDBNet(4, 2, 1), 1).train()
    d = initialised(twins.VGG(32, 4), 2, gain=2.0).train()
    carry_generator(g, model.generator)
    g_pairs, d_pairs = of_generator(g, model.generator), of_discriminator(d, model.discriminator)
    carry(d_pairs)
    batch = batch_of(model, 6)  # the last batch norm sees one pixel of each
    logs, gradients = step(model, batch)

    source, target = map(unit, batch)
    fake = g(source)
    d_loss = twins.relativistic(d(target), d(fake.detach()))
    d_loss.backward()
    compare(d_pairs, gradients)
    descend(d)
    pixel = (target - fake).abs().mean()
    adversarial = twins.relativistic(d(fake), d(target).detach())
    (0.5 * pixel + 0.1 * adversarial).backward()
    compare(g_pairs, gradients)

    assert logs["discriminator_loss"] == pytest.approx(d_loss.item(), rel=1e-4)
    assert logs["pixel_loss"] == pytest.approx(pixel.item(), rel=1e-4)
    assert logs["adversarial_loss"] == pytest.approx(adversarial.item(), rel=1e-3)


def test_a_realesrgan_step_equals_its_twin():
    model = tiny("realesrgan_video_x4", pixel_steps=0, sharpen=False)
    g = initialised(twins.SRVGG(4, 1), 1).train()
    d = initialised(twins.UNet(4), 2, gain=2.0).train()
    carry_generator(g, model.generator)
    g_pairs, d_pairs = of_generator(g, model.generator), of_discriminator(d, model.discriminator)
    carry(d_pairs)
    batch = batch_of(model)
    logs, gradients = step(model, batch)

    source, target = map(unit, batch)
    d.power_iteration()
    fake = g(source)
    d_loss = functional.softplus(-d(target)).mean() + functional.softplus(d(fake.detach())).mean()
    d_loss.backward()
    compare(d_pairs, gradients)
    descend(d)
    pixel, adversarial = (target - fake).abs().mean(), functional.softplus(-d(fake)).mean()
    (pixel + 0.1 * adversarial).backward()
    compare(g_pairs, gradients)

    assert logs["discriminator_loss"] == pytest.approx(d_loss.item(), rel=1e-4)
    assert logs["pixel_loss"] == pytest.approx(pixel.item(), rel=1e-4)
    assert logs["adversarial_loss"] == pytest.approx(adversarial.item(), rel=1e-3)


@pytest.mark.parametrize("made, taken", [(1, 2), (3, 4), (2, 3)])
def test_shrinking_equals_bicubic_interpolation(made, taken):
    from keras_gans.layers import BicubicShrink2D

    image = pictures(2, 4 * taken, 5 * taken, 3)
    expected = functional.interpolate(
        torch.from_numpy(image.transpose(0, 3, 1, 2).copy()),
        size=(4 * made, 5 * made),
        mode="bicubic",
        align_corners=False,
    )
    got = np.asarray(BicubicShrink2D(made, taken)(tf.constant(image)))
    np.testing.assert_allclose(got, expected.numpy().transpose(0, 2, 3, 1), atol=1e-5)


# === RDN and RRDN ===

DENSE = {
    "rdn": lambda: twins.RDN(64, 64, 20, 6, 2),
    "rdn_small": lambda: twins.RDN(64, 64, 10, 3, 2),
    "rrdn": lambda: twins.RRDN(64, 32, 10, 3, 4, 4),
}


def of_layers(twin, network):
    """`(PyTorch's parameter, our variable)`, by the names of our layers."""
    layers = [layer for layer in network.layers if layer.weights]
    assert len(layers) == len(list(twin.children()))
    found = []
    for layer in layers:
        module = getattr(twin, layer.name)
        found += [(module.weight, layer.kernel), (module.bias, layer.bias)]
    return found


def same_outputs(ours, twin):
    image = pictures(2, 16, 12, 3)
    got = ours(image, training=True).numpy() / 2 + 0.5
    with torch.no_grad():
        expected = twin(unit(image)).numpy().transpose(0, 2, 3, 1)
    assert got.shape == expected.shape and expected.std() > 1e-2
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", DENSE)
def test_dense_generators_equal_their_twins(name):
    ours, twin = full(name).generator, initialised(DENSE[name]())
    kept = ours.get_weights()  # the model is shared by all tests of a session
    carry(of_layers(twin, ours))
    same_outputs(ours, twin)
    ours.set_weights(kept)


@pytest.mark.parametrize("scale", [2, 3, 4, 8])
@pytest.mark.parametrize("upsampling", ["shuffle", "nearest"])
def test_every_scale_and_upsampling_of_rdn_equals_its_twin(scale, upsampling):
    ours = tiny("rdn", image_size=24, scale=scale, upsampling=upsampling).generator
    twin = initialised(twins.RDN(4, 2, 2, 2, scale, upsampling == "shuffle"))
    carry(of_layers(twin, ours))
    same_outputs(ours, twin)


@pytest.mark.parametrize(
    "name, make",
    [("rdn", lambda: twins.RDN(4, 2, 2, 2, 2)), ("rrdn", lambda: twins.RRDN(4, 2, 1, 2, 2, 2))],
)
def test_a_step_on_pixels_equals_its_twin(name, make):
    model, twin = tiny(name), initialised(make(), 1)
    found = of_layers(twin, model.generator)
    carry(found)
    batch = batch_of(model)
    logs, gradients = step(model, batch)
    source, target = map(unit, batch)
    loss = 2 * (target - twin(source)).abs().mean()  # of values in [-1, 1]
    loss.backward()
    compare(found, gradients)
    assert logs["generator_loss"] == pytest.approx(loss.item(), rel=1e-4)
