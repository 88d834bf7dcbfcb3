"""pix2pixHD against a PyTorch twin, by hand, and what it is asked to do."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from fabrication import fabricate, full, snapshot, tiny
from plain_steps import step

from keras_gans import zoo

try:
    import torch
    import torch_pix2pixhd_twin as twins
    from torch_twins import copy_weights, nchw, nhwc
except ModuleNotFoundError:  # the tests that want them are marked
    torch = twins = copy_weights = nchw = nhwc = None

SMALL = {"image_size": 64, "filters": 4, "discriminator_filters": 4, "seed": 0}


def pictures(count=2, side=64, seed=0, channels=3):
    shape = (2, count, side, side, channels)
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype("float32")


# === Against PyTorch ===


def twins_of(model):
    channels = model.source_channels
    made = {
        "generator": twins.generator(model.num_downs, model.num_blocks, model.filters, channels),
        "discriminator": twins.Discriminator(
            channels + model.target_channels, model.discriminator_filters, model.num_scales
        ),
    }
    generator = torch.Generator().manual_seed(1)
    for name, twin in made.items():
        with torch.no_grad():
            for parameter in twin.parameters():
                parameter.copy_(0.15 * torch.randn(parameter.shape, generator=generator))
        copy_weights(twin, model.networks[name], model.reference_layers()[name])
    return made["generator"], made["discriminator"]


@pytest.mark.fidelity
@pytest.mark.parametrize("options", [{}, {"num_downs": 2, "num_blocks": 3, "num_scales": 3}])
def test_networks_equal_the_twins(options):
    model = zoo.get("pix2pixhd", **{**SMALL, **options})
    g, d = twins_of(model)
    source, target = pictures()
    with torch.no_grad():
        made, judged = g(nchw(source)), d(nchw(source), nchw(target))
    for training in (False, True):
        ours = model.generator(source, training=training)
        np.testing.assert_allclose(ours, nhwc(made), atol=1e-4)
    theirs = [outputs for scale in judged for outputs in scale]
    ours = model.discriminator([source, target], training=True)
    assert len(ours) == len(theirs) == 5 * model.num_scales
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, nhwc(other), atol=1e-4 * max(1, other.abs().max().item()))


@pytest.mark.fidelity
@pytest.mark.parametrize("perceptual_weight", [0.0, 3.0])
def test_a_step_equals_the_twin_s(perceptual_weight):
    """Both players' gradients by D as it was before the step; pooled pixels stand in for VGG19."""
    options = {"num_downs": 2, "num_blocks": 2, "perceptual_weight": perceptual_weight}
    model = zoo.get("pix2pixhd", **SMALL, **options)
    g, d = (twin.double() for twin in twins_of(model))  # what differs is our rounding alone
    image = keras.Input((64, 64, 3))
    maps = [image, keras.layers.AveragePooling2D(4)(image)]
    model.perceptual_loss.use(keras.Model(image, maps), (0.25, 1.0))
    source, target = pictures()  # of eight seeds one has a value on a knee, which rounding turns
    logs, gradients = step(model, (source, target))

    x, y = nchw(source).double(), nchw(target).double()
    fake = g(x)
    made, real = d(x, fake), d(x, y)
    adversarial = sum(((scale[-1] - 1) ** 2).mean() for scale in made)
    feature = sum(
        (one - other.detach()).abs().mean() / 2
        for scales in zip(made, real, strict=True)
        for one, other in list(zip(*scales, strict=True))[:4]
    )
    small = torch.nn.functional.avg_pool2d
    perceptual = 0.25 * (fake - y).abs().mean() + (small(fake, 4) - small(y, 4)).abs().mean()
    g_loss = adversarial + 10 * feature + perceptual_weight * perceptual
    compare(model, "generator", gradients, g, torch.autograd.grad(g_loss, list(g.parameters())))

    made, real = d(x, fake.detach()), d(x, y)
    d_loss = sum(
        0.5 * (((r[-1] - 1) ** 2).mean() + (m[-1] ** 2).mean())
        for m, r in zip(made, real, strict=True)
    )
    parameters = list(d.parameters())
    compare(model, "discriminator", gradients, d, torch.autograd.grad(d_loss, parameters))
    for name, theirs in (
        ("adversarial_loss", adversarial),
        ("feature_loss", feature),
        ("perceptual_loss", perceptual),
        ("generator_loss", g_loss),
        ("discriminator_loss", d_loss),
    ):
        assert logs[name] == pytest.approx(theirs.item(), rel=1e-4), name


def compare(model, player, gradients, twin, theirs):
    """Recorded gradients against the twin's; biases before instance norm have none."""
    modules = model.reference_layers()[player]
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
            assert kind == "bias" and np.abs(gradients[id(variable)]).max() < 1e-4 * largest
            continue
        np.testing.assert_allclose(
            gradients[id(variable)], expected, atol=1e-3 * scale, err_msg=name
        )
        compared += 1
    assert compared > len(names) / 2


# === By hand ===


def test_the_feature_loss_is_zero_where_the_translation_is_the_truth():
    model = tiny("pix2pixhd")
    source, target = map(tf.constant, pictures(side=32))
    loss = model.generator_loss(source, target, target)
    assert float(loss.logs["feature_loss"]) == 0.0 and float(loss.logs["perceptual_loss"]) == 0.0
    assert float(loss.value) == pytest.approx(float(loss.logs["adversarial_loss"]))
    other = model.generator_loss(source, target, -target)
    assert float(other.logs["feature_loss"]) > 0.0


def test_the_true_pair_s_features_pull_nothing():
    """Only the translation is moved: the gradient by the true picture is zero."""
    model = tiny("pix2pixhd")
    source, target, fake = map(tf.constant, (*pictures(side=32), pictures(side=32, seed=1)[0]))
    with tf.GradientTape() as tape:
        tape.watch([target, fake])
        loss = model.generator_loss(source, target, fake)
    of_target, of_fake = tape.gradient(loss.value, [target, fake])
    assert of_target is None or not np.any(of_target)
    assert np.any(of_fake)


def test_the_second_scale_sees_means_of_the_pixels_there_are():
    model = tiny("pix2pixhd", num_scales=2)
    pooled = keras.Model(
        model.discriminator.inputs,
        model.discriminator.get_layer("scale_2_conv_1").input,
    )
    source, target = pictures(count=1, side=32)
    pair = np.concatenate([source, target], axis=-1)[0]
    seen = np.array(model.discriminator.get_layer("scale_2_conv_1").input.shape)
    assert tuple(seen[1:]) == (20, 20, 6)  # 16, and 2 pixels of padding on every side
    small = np.array(pooled([source, target]))[0, 2:-2, 2:-2]
    np.testing.assert_allclose(small[0, 0], pair[:2, :2].mean((0, 1)), atol=1e-6)
    np.testing.assert_allclose(small[3, 0], pair[5:8, :2].mean((0, 1)), atol=1e-6)
    np.testing.assert_allclose(small[15, 15], pair[29:32, 29:32].mean((0, 1)), atol=1e-6)


def test_accuracies_count_the_patches_of_every_scale():
    model = tiny("pix2pixhd", num_scales=2)
    source, target = map(tf.constant, pictures(side=32))
    loss = model.discriminator_loss(source, target, -target)
    outputs = model.discriminator([source, target], training=True)
    patches = sum(int(np.prod(outputs[n].shape[1:])) for n in (4, 9))
    assert loss.real.shape == loss.fake.shape == (2, patches)


# === What it is asked to do ===


def test_it_learns_a_pair_by_heart():
    model = zoo.get("pix2pixhd", **{**SMALL, "image_size": 32, "num_downs": 2, "num_blocks": 1})
    batch = fabricate(model, 1)
    before = model.evaluate(tf.data.Dataset.from_tensors(batch), verbose=0, return_dict=True)
    weights = snapshot(model.weights)
    model.fit(tf.data.Dataset.from_tensors(batch).repeat(60), epochs=1, verbose=0)
    after = model.evaluate(tf.data.Dataset.from_tensors(batch), verbose=0, return_dict=True)
    assert any((one != other).any() for one, other in zip(weights, model.weights, strict=True))
    assert after["l1"] < before["l1"]


def test_small_pictures_are_padded_and_free_sides_translated():
    model = tiny("pix2pixhd")
    assert (model.stride, model.smallest) == (4, 8)
    for sides in ((3, 5), (8, 8), (37, 90)):
        image = pictures(count=1)[0, 0, :1].repeat(sides[0], 0)[:, :1].repeat(sides[1], 1)
        assert model.translate(image, size="own").shape == (*sides, 3)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"image_size": 40, "num_downs": 4}, "multiple of 16"),
        ({"image_size": 16, "num_downs": 1, "num_scales": 2}, "32 at least"),
        ({"num_scales": 0}, "num_scales"),
        ({"feature_weight": -1.0}, "feature_weight"),
        ({"perceptual": "vgg"}, "perceptual"),
        ({"direction": "aa"}, "direction"),
    ],
)
def test_refusals_teach(options, message):
    with pytest.raises(ValueError, match=message):
        tiny("pix2pixhd", **options)


def test_the_full_size_is_the_paper_s():
    model = full("pix2pixhd")
    widths = [layer.filters for layer in model.generator.layers if hasattr(layer, "filters")]
    assert widths == [64, 128, 256, 512, *[1024] * 19, 512, 256, 128, 64, 3]
    assert model.generator.output_shape == (None, None, None, 3)


def test_rates_rest_and_fall():
    model = tiny("pix2pixhd", constant_steps=10, decay_steps=10)
    rates = [float(model.optimizers()["generator"].learning_rate)]
    schedule = model.optimizers()["generator"]._learning_rate
    rates += [float(schedule(n)) for n in (9, 15, 20)]
    np.testing.assert_allclose(rates, [2e-4, 2e-4, 1e-4, 0.0], atol=1.2e-5)
