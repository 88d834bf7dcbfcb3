"""SPADE against a PyTorch twin, by hand, and what it is asked to do."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from fabrication import fabricate, full, snapshot, tiny
from plain_steps import RATE, step

from keras_gans import zoo
from keras_gans.core.scaling import scaled
from keras_gans.core.signature import shown
from keras_gans.layers import BatchNorm, spectral_norm

try:
    import torch
    import torch_spade_twin as twins
    from torch_twins import copy_weights, nchw, nhwc
except ModuleNotFoundError:  # the tests that want them are marked
    torch = twins = copy_weights = nchw = nhwc = None

SMALL = {"image_size": 64, "classes": 5, "filters": 2, "hidden_filters": 4, "seed": 0}
SMALL["discriminator_filters"] = 4


def pairs(count=2, side=64, classes=5, seed=0):
    """Maps of blocks of 4 pixels, and pictures of noise."""
    generator = np.random.default_rng(seed)
    blocks = generator.integers(0, classes, (count, side // 4, side // 4))
    pictures = generator.uniform(-1, 1, (count, side, side, 3))
    maps = blocks.repeat(4, axis=1).repeat(4, axis=2)
    return maps.astype("int32"), pictures.astype("float32")


# === Against PyTorch ===


def twins_of(model):
    made = {
        "generator": twins.Generator(model.classes, model.filters, model.hidden_filters),
        "discriminator": twins.Discriminator(
            model.classes, model.discriminator_filters, model.num_scales
        ),
    }
    generator = torch.Generator().manual_seed(1)
    for name, twin in made.items():
        modules = model.twin_layers()[name]
        with torch.no_grad():
            for parameter in twin.parameters():
                parameter.copy_(0.3 * torch.randn(parameter.shape, generator=generator))
            for norm in [m for m in twin.modules() if isinstance(m, torch.nn.BatchNorm2d)]:
                norm.running_mean.copy_(0.3 * torch.randn(norm.num_features, generator=generator))
                norm.running_var.copy_(torch.rand(norm.num_features, generator=generator) + 0.5)
            for block in [m for m in twin.modules() if hasattr(m, "norm_s")]:
                state = block.norm_0.param_free_norm.state_dict()  # they follow the same values
                block.norm_s.param_free_norm.load_state_dict(state)
        copy_weights(twin, model.networks[name], modules)
        _copy_statistics(twin, model.networks[name], modules)
    return made["generator"], made["discriminator"]


def _copy_statistics(twin, network, modules):
    """Moving averages, and the vectors of the power iterations."""
    state = twin.state_dict()
    for module, name in modules.items():
        layer = network.get_layer(name)
        if f"{module}.running_mean" in state:
            layer.moving_mean.assign(state[f"{module}.running_mean"].numpy())
            layer.moving_variance.assign(state[f"{module}.running_var"].numpy())
        if f"{module}.u" in state:
            layer.u.assign(state[f"{module}.u"].numpy())


@pytest.mark.fidelity
@pytest.mark.parametrize("num_scales", [2, 3])
def test_networks_equal_the_twins(num_scales):
    model = zoo.get("spade", **SMALL, num_scales=num_scales)
    g, d = twins_of(model)
    maps, pictures = pairs()
    numbers = torch.from_numpy(maps)
    for training in (False, True):
        g.train(training)
        with torch.no_grad():
            made = g(numbers)
        np.testing.assert_allclose(model.generator(maps, training=training), nhwc(made), atol=1e-4)
    for name, layer in model.twin_layers()["generator"].items():
        if name.endswith("param_free_norm"):  # the averages that exports are made with
            ours, theirs = model.generator.get_layer(layer), g.get_submodule(name)
            np.testing.assert_allclose(ours.moving_mean, theirs.running_mean, atol=1e-4)
            np.testing.assert_allclose(
                ours.moving_variance, theirs.running_var, rtol=1e-4, atol=1e-4
            )
    with torch.no_grad():
        judged = d(numbers, nchw(pictures))
    theirs = [outputs for scale in judged for outputs in scale]
    ours = model.discriminator([maps, pictures], training=True)
    assert len(ours) == len(theirs) == 5 * num_scales
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, nhwc(other), atol=1e-4 * max(1, other.abs().max().item()))


@pytest.mark.fidelity
def test_a_step_equals_the_twin_s():
    """G learns first; D then sees what G as just updated makes."""
    model = zoo.get("spade", **SMALL)
    g, d = (twin.double() for twin in twins_of(model))  # what differs is our rounding alone
    maps, target = pairs(seed=SEED)
    logs, gradients = step(model, (maps, target))

    x, y = torch.from_numpy(maps), nchw(target).double()
    for twin in (g, d):
        twin.train()
        twins.iterate(twin)
    made, real = d(x, g(x)), d(x, y)
    adversarial = -sum(scale[-1].mean() for scale in made) / 2
    feature = sum(
        (one - other.detach()).abs().mean() / 2
        for scales in zip(made, real, strict=True)
        for one, other in list(zip(*scales, strict=True))[:4]
    )
    g_loss = adversarial + 10 * feature
    of_g = torch.autograd.grad(g_loss, list(g.parameters()))
    compare(model, "generator", gradients, g, of_g)
    with torch.no_grad():
        for parameter, gradient in zip(g.parameters(), of_g, strict=True):
            parameter -= RATE * gradient

    made, real = d(x, g(x).detach()), d(x, y)
    hinge = torch.nn.functional.relu
    d_loss = (
        sum(
            hinge(1 - r[-1]).mean() + hinge(1 + m[-1]).mean()
            for m, r in zip(made, real, strict=True)
        )
        / 2
    )
    compare(model, "discriminator", gradients, d, torch.autograd.grad(d_loss, list(d.parameters())))
    for name, theirs in (
        ("adversarial_loss", adversarial),
        ("feature_loss", feature),
        ("generator_loss", g_loss),
        ("discriminator_loss", d_loss),
    ):
        assert logs[name] == pytest.approx(theirs.item(), rel=1e-4), name


SEED = 0  # of a batch without a value so near to a knee that rounding turns it


def compare(model, player, gradients, twin, theirs):
    """Recorded gradients against the twin's; biases before a norm have none."""
    modules = model.twin_layers()[player]
    names = [name for name, _ in twin.named_parameters()]
    largest, compared = max(float(gradient.abs().max()) for gradient in theirs), 0
    for name, gradient in zip(names, theirs, strict=True):
        module, kind = name.rsplit(".", 1)
        layer = model.networks[player].get_layer(modules[module])
        variable = layer.kernel if kind == "weight" else layer.bias
        expected = gradient.numpy()
        expected = expected.transpose(2, 3, 1, 0) if expected.ndim == 4 else expected
        scale = np.abs(expected).max()
        if scale < 1e-6 * largest:
            assert np.abs(gradients[id(variable)]).max() < 1e-4 * largest, name
            continue
        np.testing.assert_allclose(
            gradients[id(variable)], expected, atol=1e-3 * scale, err_msg=name
        )
        compared += 1
    assert compared > len(names) / 2


# === By hand ===


def test_a_norm_is_scaled_and_shifted_by_the_class_at_each_place():
    """With one class everywhere, one gamma and one beta; they are 1 and 0 at no class at all."""
    model = tiny("spade")
    network = model.generator
    norm = network.get_layer("up_3_norm_0_param_free")
    gamma, beta = (network.get_layer(f"up_3_norm_0_{kind}") for kind in ("gamma", "beta"))
    gamma.bias.assign(np.full(gamma.bias.shape, 2.0))
    beta.bias.assign(np.full(beta.bias.shape, -1.0))
    for layer in (gamma, beta):
        layer.kernel.assign(np.zeros(layer.kernel.shape))
    outputs = [norm.output, network.get_layer("up_3_conv_0").input]
    normalised, seen = keras.Model(network.inputs, outputs)(pairs(side=32)[0])
    expected = np.array(normalised) * 3.0 - 1.0
    np.testing.assert_allclose(seen, np.where(expected > 0, expected, 0.2 * expected), atol=1e-5)


def test_the_loss_of_g_is_the_mean_over_scales():
    model = tiny("spade")
    maps, target = map(tf.constant, pairs(side=32))
    loss = model.generator_loss(maps, target, target)
    assert float(loss.logs["feature_loss"]) == 0.0 and float(loss.logs["perceptual_loss"]) == 0.0
    outputs = model.discriminator([maps, target], training=True)
    means = [float(tf.reduce_mean(outputs[place])) for place in (4, 9)]
    assert float(loss.value) == pytest.approx(-np.mean(means), rel=1e-5)


def test_the_true_pair_s_features_pull_nothing():
    """Only the translation is moved: the gradient by the true picture is zero."""
    model = tiny("spade")
    maps, target = map(tf.constant, pairs(side=32))
    fake = tf.constant(pairs(side=32, seed=1)[1])
    with tf.GradientTape() as tape:
        tape.watch([target, fake])
        loss = model.generator_loss(maps, target, fake)
    of_target, of_fake = tape.gradient(loss.value, [target, fake])
    assert of_target is None or not np.any(of_target)
    assert np.any(of_fake)


def test_a_step_iterates_once_in_every_spectral_layer_of_both():
    model = tiny("spade")
    expected = {}
    for network in (model.generator, model.discriminator):
        for layer in spectral_norm.spectral_layers(network):
            before = layer.u.numpy()
            layer.power_iteration()
            expected[layer.name] = layer.u.numpy()
            layer.u.assign(before)
    model.train_step(tuple(map(tf.constant, fabricate(model))))
    found = {
        layer.name: layer.u.numpy()
        for network in (model.generator, model.discriminator)
        for layer in spectral_norm.spectral_layers(network)
    }
    assert len(found) == 18 + 6  # of 7 blocks two and 4 shortcuts; of 2 scales three
    for name, u in expected.items():
        np.testing.assert_allclose(found[name], u, atol=1e-5, err_msg=name)


# === What it is asked to do ===


def test_it_learns_a_pair_by_heart():
    model = zoo.get("spade", **{**SMALL, "filters": 4}, generator_learning_rate=1e-3)
    maps = pairs(count=4)[0]
    batch = maps, shown(model.source, maps)
    data = tf.data.Dataset.from_tensors(batch)
    before = model.evaluate(data, verbose=0, return_dict=True)
    weights = snapshot(model.weights)
    model.fit(data.repeat(100), epochs=1, verbose=0)
    after = model.evaluate(data, verbose=0, return_dict=True)
    assert any((one != other).any() for one, other in zip(weights, model.weights, strict=True))
    assert after["l1"] < 0.7 * before["l1"]


def test_what_is_painted_depends_on_the_map_alone():
    """Statistics of training, so that one map of a batch does not change another's picture."""
    model = tiny("spade")
    maps = pairs(count=3, side=32)[0]
    together = model.translate(maps)
    for one, expected in zip(maps, together, strict=True):
        np.testing.assert_allclose(model.translate(one), expected, atol=1e-5)
    norms = [layer for layer in model.generator.layers if isinstance(layer, BatchNorm)]
    assert len(norms) == 14 and not any(norm.trainable_weights for norm in norms)


def test_maps_of_any_size_are_scaled_by_nearest_pixels():
    model = tiny("spade")
    maps = pairs(count=1, side=32)[0]
    large = maps.repeat(3, axis=1).repeat(3, axis=2)
    assert model.translate(large).shape == (1, 96, 96, 3)
    expected = scaled(model.translate(maps)[0], (96, 96))
    np.testing.assert_allclose(model.translate(large)[0], expected, atol=1e-5)
    assert model.translate(maps[0, :7, :5], size="own").shape == (7, 5, 3)


@pytest.mark.parametrize(
    ("maps", "message"),
    [
        (np.full((1, 32, 32), 5, "int32"), "1024 of 1024 pixels.*the number 5; classes are 0 to 4"),
        (np.full((1, 32, 32), -1, "int32"), "the number -1"),
        (np.zeros((1, 32, 32), "float32"), "as integers. Received: float32"),
        (np.zeros((1, 32, 32, 1), "int32"), "must have shape"),
    ],
)
def test_maps_that_are_none_are_refused(maps, message):
    with pytest.raises(ValueError, match=message):
        tiny("spade").translate(maps)


def test_fit_refuses_numbers_of_no_class():
    model = tiny("spade")
    maps, pictures = fabricate(model)
    maps[0, 3, 4] = 9
    for data in ((maps, pictures), tf.data.Dataset.from_tensors((maps, pictures))):
        with pytest.raises(ValueError, match="have the number 9; classes are 0 to 4"):
            model.fit(data, verbose=0)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"image_size": 40}, "multiple of 32"),
        ({"image_size": 32, "num_scales": 3}, "64 at least"),
        ({"classes": 1}, "classes"),
        ({"classes": 257}, "at most 256"),
        ({"num_scales": 0}, "num_scales"),
        ({"feature_weight": -1.0}, "feature_weight"),
        ({"perceptual": "vgg"}, "perceptual"),
        ({"direction": "aa"}, "direction"),
    ],
)
def test_refusals_teach(options, message):
    with pytest.raises(ValueError, match=message):
        tiny("spade", **options)


def test_a_palette_belongs_to_the_classes():
    model = tiny("spade")
    palette = {"colors": ["#000000", "#ffffff"], "names": []}
    with pytest.raises(ValueError, match="2 colours, and .* is built for classes=5"):
        model.label_names = {"heads": {}, "attributes": (), "palette": palette}


def test_the_full_size_is_the_paper_s():
    model = full("spade")
    blocks = [(f"{name}_conv_1", 1024) for name in ("head_0", "G_middle_0", "G_middle_1")]
    blocks += [(f"up_{n}_conv_1", width) for n, width in enumerate((512, 256, 128, 64))]
    assert [model.generator.get_layer(name).filters for name, _ in blocks] == [w for _, w in blocks]
    assert model.generator.output_shape == (None, None, None, 3)
    assert model.generator.get_layer("up_0_norm_0_shared").filters == 128


def test_rates_differ_and_fall():
    model = tiny("spade", constant_steps=10, decay_steps=10)
    for player, rate in (("generator", 1e-4), ("discriminator", 4e-4)):
        optimizer = model.optimizers()[player]
        assert (optimizer.beta_1, optimizer.beta_2) == (0.0, 0.9)
        found = [float(optimizer._learning_rate(n)) for n in (0, 9, 15, 20)]
        np.testing.assert_allclose(found, [rate, rate, rate / 2, 0.0], atol=0.12 * rate)
