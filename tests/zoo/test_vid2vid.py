"""vid2vid against a PyTorch twin, by hand, and what it is asked to do."""

import numpy as np
import pytest
import tensorflow as tf
from fabrication import fabricate, full, snapshot, tiny
from plain_steps import step

from keras_gans import data
from keras_gans.games.clips import chained, in_pixels, warped

try:
    import torch
    import torch_vid2vid_twin as twins
    from torch_twins import copy_weights, nchw, nhwc
except ModuleNotFoundError:  # the tests that want them are marked
    torch = twins = copy_weights = nchw = nhwc = None

WHOLE = {"frames": 7, "first_frames": 7}  # of which all count, with both video discriminators


def clips(model, seed=0, count=1, frames=None):
    """Random sources and targets, (count, T, side, side, C)."""
    form = (count, frames or model.frames, model.image_size, model.image_size)
    rng = np.random.default_rng(seed)
    shapes = ((*form, model.source_channels), (*form, model.target_channels))
    return tuple(rng.uniform(-1, 1, shape).astype("float32") for shape in shapes)


def flow_of(model, seed=0, count=1, largest=0.1):
    """Random flow with the marks of what is sure, (count, T, side, side, 3); none of a first."""
    form = (count, model.frames, model.image_size, model.image_size)
    rng = np.random.default_rng(seed + 100)
    flow = rng.uniform(-largest, largest, (*form, 3)).astype("float32")
    flow[..., 2] = rng.uniform(size=form) < 0.7
    flow[:, 0] = 0.0
    return flow


# === Against PyTorch ===


def twins_of(model):
    """The twins by the names of our networks, with our weights."""
    channels = (model.source_channels, model.target_channels)
    judge = (
        model.discriminator_filters,
        model.discriminator_layers,
        model.discriminator_scales,
    )
    made = {
        "generator": twins.Generator(
            channels, model.window, model.filters, model.num_downs, model.num_blocks
        )
    }
    for name in model.players["discriminator"]:
        seen = sum(channels) if name == "discriminator" else 3 * channels[1] + 4
        made[name] = twins.Discriminator(seen, *judge)
    generator = torch.Generator().manual_seed(1)
    for name, twin in made.items():
        with torch.no_grad():
            for key, parameter in twin.named_parameters():
                size = 0.01 if "final_flow" in key else 0.15  # of flow some pixels
                parameter.copy_(size * torch.randn(parameter.shape, generator=generator))
        copy_weights(twin, model.networks[name], model.reference_layers()[name])
    return made


@pytest.mark.fidelity
@pytest.mark.parametrize(
    "options",
    [{}, {"window": 3, "num_blocks": 5, "num_downs": 3, "source_channels": 1}],
)
@pytest.mark.parametrize("first", [True, False])
def test_the_generator_equals_the_twin(options, first):
    model = tiny("vid2vid", **options)
    twin = twins_of(model)["generator"]
    rng = np.random.default_rng(0)
    shapes = [(2, 32, 40, tensor.shape[-1]) for tensor in model.generator.inputs]
    source, previous = (rng.uniform(-1, 1, shape).astype("float32") for shape in shapes)
    previous = 0 * previous if first else previous
    with torch.no_grad():
        theirs = twin(nchw(source), nchw(previous), first)
    for training in (False, True):
        ours = model.generator([source, previous], training=training)
        for name, one, other in zip(("frame", "raw", "flow", "mask"), ours, theirs, strict=True):
            np.testing.assert_allclose(one, nhwc(other), atol=1e-4, err_msg=name)


@pytest.mark.fidelity
@pytest.mark.parametrize("options", [{}, {"discriminator_layers": 3, "discriminator_scales": 2}])
def test_the_discriminators_equal_the_twins(options):
    model = tiny("vid2vid", **WHOLE, **options)
    for name in model.players["discriminator"]:
        twin, ours = twins_of(model)[name], model.networks[name]
        shape = (2, 32, 32, ours.inputs[0].shape[-1])
        images = np.random.default_rng(0).uniform(-1, 1, shape).astype("float32")
        with torch.no_grad():
            theirs = [output for scale in twin(nchw(images)) for output in scale]
        for one, other in zip(ours(images, training=True), theirs, strict=True):
            scale = max(1.0, other.abs().max().item())
            np.testing.assert_allclose(one, nhwc(other), atol=1e-4 * scale, err_msg=name)


@pytest.mark.fidelity
@pytest.mark.parametrize("options", [{}, {"window": 3}])
def test_a_clip_equals_the_twin_s(options):
    model = tiny("vid2vid", **options)
    source = clips(model)[0]
    twin = twins.Game(twins_of(model)["generator"], None, {}, model.window)
    with torch.no_grad():
        theirs = twin.roll(nchw(source[0]))
    made = model.roll(tf.constant(source))
    ours = (made.frames, made.raw, made.flow, made.mask, made.previous)
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one[0], nhwc(other), atol=1e-4)


@pytest.mark.fidelity
@pytest.mark.parametrize("options", [{}, {"window": 3, "discriminator_scales": 2}])
def test_a_step_equals_the_twin_s(options):
    """All gradients by networks as they were before the step, of a clip of seven frames."""
    model = tiny("vid2vid", **WHOLE, **options)
    made = {name: twin.double() for name, twin in twins_of(model).items()}
    (source, target), flow = clips(model), flow_of(model)
    fed = model.roll(tf.constant(source)).frames
    logs, gradients = step(model, (source, flow, target))

    videos = {apart: made[f"video_discriminator_{apart}"] for apart in model.spacings}
    game = twins.Game(made["generator"], made["discriminator"], videos, model.window)
    pixels, sure = (np.array(part) for part in in_pixels(tf.constant(flow)))
    parts = (nchw(np.array(part[0])).double() for part in (source, pixels, sure, target, fed))
    of_g, of_d, losses = game.losses(*parts)
    for loss, names in ((of_g, ["generator"]), (of_d, model.players["discriminator"])):
        for name in names:
            parameters = list(made[name].parameters())
            theirs = torch.autograd.grad(loss, parameters, retain_graph=True)
            compare(model, name, gradients, made[name], theirs)
    for name, theirs in {"generator_loss": of_g, "discriminator_loss": of_d, **losses}.items():
        assert logs[name] == pytest.approx(theirs.item(), rel=1e-4), name


def compare(model, network, gradients, twin, theirs):
    """Recorded gradients against the twin's; biases before instance norm have none."""
    modules = model.reference_layers()[network]
    names = [name for name, _ in twin.named_parameters()]
    largest, compared = max(float(gradient.abs().max()) for gradient in theirs), 0
    for name, gradient in zip(names, theirs, strict=True):
        module, kind = name.rsplit(".", 1)
        layer = model.networks[network].get_layer(modules[module])
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


def test_a_first_frame_is_the_raw_one_and_others_are_mixed():
    model = tiny("vid2vid")
    source = clips(model)[0]
    made = model.roll(tf.constant(source))
    np.testing.assert_array_equal(made.frames[:, 0], made.raw[:, 0])
    np.testing.assert_array_equal(made.previous[:, 0], 0 * made.previous[:, 0])
    np.testing.assert_array_equal(made.previous[:, 1:], made.frames[:, :-1])
    assert np.abs(made.frames[:, 1:] - made.raw[:, 1:]).max() > 1e-3


def test_frames_are_fed_back_without_gradient():
    """The second frame's gradient by the first frame's source goes through the window alone."""
    model = tiny("vid2vid", window=2)
    source = tf.constant(clips(model)[0])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(source)
        made = model.roll(source)
        third = tf.reduce_sum(made.frames[:, 2])
    gradient = np.array(tape.gradient(third, source))
    assert np.any(gradient[:, 1]) and np.any(gradient[:, 2]) and not np.any(gradient[:, 0])


def test_flows_of_steps_are_chained():
    """A steady flow of (1, 0) is (3, 0) over three steps, where there are three."""
    steps = np.zeros((1, 5, 4, 8, 2), "float32")
    steps[:, 1:, ..., 0] = 1.0
    flow = np.array(chained(tf.constant(steps), 3))
    np.testing.assert_allclose(flow[:, 3:], 3 * steps[:, 3:])


def test_the_chained_flow_of_sprites_finds_the_frame_three_before():
    model = tiny("vid2vid", **WHOLE, image_size=64)
    batch = next(iter(data.load("bundled:sprites", model, batch_size=8, seed=0)))
    flow = chained(in_pixels(batch[1])[0], 3)
    now, before = batch[2][:, 3:], batch[2][:, :-3]
    still = np.abs(now - before).mean()
    assert np.abs(warped(before, flow[:, 3:]) - now).mean() < 0.6 * still


def test_flow_that_is_not_sure_asks_for_nothing():
    model = tiny("vid2vid")
    (source, target), flow = map(tf.constant, clips(model)), flow_of(model)
    flow[..., 2] = 0.0
    loss = model.generator_loss(source, target, tf.constant(flow), model.roll(source))
    for name in ("flow_loss", "warp_loss", "temporal_loss", "mask_loss"):
        assert float(loss.logs[name]) == 0.0
    flow[..., 2] = 1.0
    loss = model.generator_loss(source, target, tf.constant(flow), model.roll(source))
    assert all(float(loss.logs[name]) > 0 for name in ("flow_loss", "warp_loss", "mask_loss"))


def test_clips_grow():
    model = tiny("vid2vid", frames=9, first_frames=3, grow_every=100)
    lengths = []
    for shown in (0, 99, 100, 199, 200, 10**6):
        model.images_shown.assign(shown)
        lengths.append(int(np.sum(model.frame_weights())))
    assert lengths == [3, 3, 6, 6, 9, 9]


def test_frames_beyond_the_length_that_is_due_teach_nothing():
    """The losses of nine frames of which three count are those of another six after them."""
    model = tiny("vid2vid", frames=9, first_frames=3)
    (source, target), flow = clips(model), flow_of(model)
    others, unlike = clips(model, seed=1), flow_of(model, seed=1)
    for part, other in ((source, others[0]), (target, others[1]), (flow, unlike)):
        other[:, :3] = part[:, :3]
    found = []
    for s, x, f in ((source, target, flow), (*others, unlike)):
        s, x, f = map(tf.constant, (s, x, f))
        made = model.roll(s)
        found.append(
            [
                float(loss(s, x, f, made).value)
                for loss in (model.generator_loss, model.discriminator_loss)
            ]
        )
    assert found[0] == pytest.approx(found[1], rel=1e-5)


def test_video_discriminators_are_of_clips_that_are_long_enough():
    assert tiny("vid2vid", frames=6).spacings == [1]
    model = tiny("vid2vid", frames=7)
    assert model.spacings == [1, 3]
    assert set(model.players["discriminator"]) == {
        *("discriminator", "video_discriminator_1", "video_discriminator_3")
    }


# === What it is asked to do ===


def test_it_learns_a_clip_by_heart():
    model = tiny("vid2vid", filters=8)
    batch = fabricate(model, 1)
    batch = (batch[0], 0 * batch[1], np.repeat(batch[2][:, :1, :1, :1], 3, 1) + 0 * batch[2])
    clip = tf.data.Dataset.from_tensors(batch)
    before = model.evaluate(clip, verbose=0, return_dict=True)
    weights = snapshot(model.weights)
    model.fit(clip.repeat(40), epochs=1, verbose=0)
    after = model.evaluate(clip, verbose=0, return_dict=True)
    assert any((one != other).any() for one, other in zip(weights, model.weights, strict=True))
    assert after["l1"] < before["l1"]


def test_translations_keep_the_state():
    """What is made of a clip is what training rolls out, and not what single frames become."""
    model = tiny("vid2vid")
    source = clips(model)[0]
    made = model.translate(source)
    # Rounding grows from frame to frame.
    np.testing.assert_allclose(made, model.roll(tf.constant(source)).frames, atol=5e-4)
    alone = np.stack([model.translate(source[0, n : n + 1])[0] for n in range(model.frames)])
    np.testing.assert_allclose(made[0, 0], alone[0], atol=1e-5)
    assert np.abs(made[0, 1:] - alone[1:]).max() > 0.1
    shorter = model.translate(source[:, :2])
    np.testing.assert_allclose(shorter, made[:, :2], atol=1e-6)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((32, 32, 3), r"picture\[None\]"),
        ((1, 3, 32, 32, 1), "must have shape"),
        ((1, 0, 32, 32, 3), "at least one frame"),
    ],
)
def test_what_is_no_clip_is_refused(shape, message):
    with pytest.raises(ValueError, match=message):
        tiny("vid2vid").translate(np.zeros(shape, "float32"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"image_size": 40, "num_downs": 4}, "multiple of 16"),
        ({"discriminator_scales": 3}, "64 at least"),
        ({"frames": 2}, "frames"),
        ({"first_frames": 2}, "first_frames"),
        ({"window": 1}, "window"),
        ({"num_blocks": 1}, "num_blocks"),
        ({"flow_weight": -1.0}, "flow_weight"),
        ({"grow_every": 0}, "grow_every"),
    ],
)
def test_refusals_teach(options, message):
    with pytest.raises(ValueError, match=message):
        tiny("vid2vid", **options)


def test_the_full_size_is_the_paper_s():
    model = full("vid2vid")
    widths = [layer.filters for layer in model.generator.layers if hasattr(layer, "filters")]
    assert widths.count(1024) == 2 * (1 + 2 * 5) + 2 * 2 * 4
    assert model.generator.inputs[0].shape[-1] == 9 and model.generator.inputs[1].shape[-1] == 6
