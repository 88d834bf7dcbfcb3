"""CUT and FastCUT against a PyTorch twin, by hand, and what they are asked to do."""

import re

import numpy as np
import pytest
import tensorflow as tf
from fabrication import tiny

from keras_gans import losses, zoo

SMALL = {"image_size": 32, "filters": 4, "num_patches": 20, "seed": 0}
PLAIN = {"num_blocks": 6}
KNEE = 2.0
FAST = {"num_blocks": 2, "identity": False, "flip_equivariance": True, "nce_weight": 10.0}


def pictures(count=2, side=32, seed=0):
    rng = np.random.default_rng(seed)
    return rng.uniform(-1, 1, (2, count, side, side, 3)).astype("float32")


def carry(network, twin, modules, knee=0.0):
    """Random weights of the twin, copied into ours by the names of the reference's files.

    Biases of F's hidden layers lie `knee` above or below 0, where rounding turns no ReLU on or off.
    """
    import torch

    torch.manual_seed(1)
    state = twin.state_dict()
    for name, tensor in state.items():
        tensor.copy_(torch.randn_like(tensor) * (0.1 if name.endswith("bias") else 0.15))
        if name.startswith("mlp_") and name.endswith(".0.bias"):
            tensor[::2] -= knee
            tensor[1::2] += knee
        module, kind = name.rsplit(".", 1)
        if module in modules:
            layer = network.get_layer(modules[module])
            array = tensor.numpy()
            array = array.transpose(2, 3, 1, 0) if array.ndim == 4 else array
            array = array.T if array.ndim == 2 else array
            (layer.kernel if kind == "weight" else layer.bias).assign(array)
    twin.load_state_dict(state)


def twins_of(model, knee=0.0):
    import torch_cut_twin as twins

    widths = [model.generator.get_layer(n).output.shape[-1] for n in model._read_layers]
    made = {
        "generator": twins.generator(model.num_blocks, model.filters),
        "discriminator": twins.discriminator(model.filters),
        "projector": twins.Projector(widths),
    }
    modules = dict(model.reference_layers())
    modules["projector"] = {
        f"mlp_{n}.{index}": f"mlp_{n}_{place}"
        for n in range(len(widths)) for index, place in ((0, 1), (2, 2))
    }  # fmt: skip
    for name, twin in made.items():
        carry(model.networks[name], twin, modules[name], knee)
    return made, modules


def nchw(array):
    import torch

    return torch.from_numpy(np.ascontiguousarray(np.asarray(array).transpose(0, 3, 1, 2)))


@pytest.mark.fidelity
@pytest.mark.parametrize("side", [32, 48])
def test_networks_equal_the_twins(side):
    model = zoo.get("cut", **{**SMALL, "image_size": side}, **PLAIN)
    made, _ = twins_of(model)
    images = pictures(side=side)[0]
    for name in ("generator", "discriminator"):
        expected = made[name](nchw(images)).detach().numpy().transpose(0, 2, 3, 1)
        for training in (False, True):
            ours = model.networks[name](images, training=training)
            np.testing.assert_allclose(ours, expected, atol=1e-4)


@pytest.mark.fidelity
@pytest.mark.parametrize("options, mirrored", [(PLAIN, False), (FAST, True), (FAST, False)])
def test_gradients_of_a_whole_step_equal_the_twins(options, mirrored):
    """The places and mirrorings that `train_step` draws are handed to the twin."""
    import torch
    import torch_cut_twin as twins

    model = seeded(options, mirrored)
    made, modules = twins_of(model, KNEE)
    # In double precision, so that what differs is our rounding alone.
    g, d, f = (made[name].double() for name in ("generator", "discriminator", "projector"))
    a, b = pictures(seed=5)
    drawn, applied = [], {}
    places, apply = model.places, model.apply_gradients

    def listening(maps, stream):
        drawn.append(torch.from_numpy(np.array(places(maps, stream))))
        return drawn[-1].numpy()

    def applying(player, gradients):
        named = zip(model.variables_of(player), gradients, strict=True)
        applied[player] = {id(variable): np.array(gradient) for variable, gradient in named}
        apply(player, gradients)

    model.places, model.apply_gradients = listening, applying
    model.compile()
    model.train_step((tf.constant(a), tf.constant(b)))

    real_a, real_b = nchw(a).double(), nchw(b).double()
    shown = real_a.flip(3) if mirrored else real_a
    fake = g(shown)
    loss = 0.5 * (((d(real_b) - 1) ** 2).mean() + (d(fake.detach()) ** 2).mean())
    loss.backward()
    same(applied["discriminator"], d, model.discriminator, modules["discriminator"])

    with torch.no_grad():  # D as it is after its update
        for name, tensor in d.named_parameters():
            module, kind = name.rsplit(".", 1)
            layer = model.discriminator.get_layer(modules["discriminator"][module])
            array = np.array(layer.kernel if kind == "weight" else layer.bias)
            array = array.transpose(3, 2, 0, 1) if array.ndim == 4 else array
            tensor.copy_(torch.from_numpy(np.ascontiguousarray(array)))
    taps = (0, 4, 8, 12, 11 + min(5, model.num_blocks))
    loss = ((d(fake) - 1) ** 2).mean()
    nce = twins.nce(g, f, taps, fake, real_a, drawn[:5], mirrored)
    if model.identity:
        nce = 0.5 * (nce + twins.nce(g, f, taps, g(real_b), real_b, drawn[5:], mirrored))
    (loss + model.nce_weight * nce).backward()
    same(applied["generator"], g, model.generator, modules["generator"])
    same(applied["generator"], f, model.projector, modules["projector"])


def seeded(options, mirrored):
    """A model whose first step mirrors its pictures, or not."""
    for seed in range(50):
        model = zoo.get("cut", **{**SMALL, "seed": seed}, **options)
        made = model.made(*map(tf.constant, pictures()))
        if made.mirrored is None or bool(made.mirrored) == mirrored:
            return model
    raise AssertionError("no seed of 50 mirrors")


NORMED = re.compile(r"c7s1|down_.|block_._.|up_.|conv_[234]")


def same(ours, twin, network, modules):
    largest = max(float(p.grad.abs().max()) for p in twin.parameters())
    for name, tensor in twin.named_parameters():
        module, kind = name.rsplit(".", 1)
        layer = network.get_layer(modules[module])
        found = ours[id(layer.kernel if kind == "weight" else layer.bias)]
        found = found.transpose(3, 2, 0, 1) if found.ndim == 4 else found
        found = found.T if found.ndim == 2 else found
        expected = tensor.grad.numpy()
        # Of biases before instance norm little is left but rounding: 1e-5 of the largest gradient.
        floor = 1e-2 if kind == "bias" and NORMED.fullmatch(layer.name) else 1e-3
        scale = max(np.abs(expected).max(), floor * largest)
        np.testing.assert_allclose(found / scale, expected / scale, atol=1e-3, err_msg=name)


def test_patch_nce_by_hand():
    queries = np.array([[[1.0, 0.0], [0.0, 1.0]]], "float32")
    keys = np.array([[[0.6, 0.8], [0.0, 1.0]]], "float32")
    rows = np.array([[0.6, 0.0], [0.8, 1.0]]) / 0.5
    expected = -np.mean(
        [rows[0, 0] - np.log(np.exp(rows[0]).sum()), rows[1, 1] - np.log(np.exp(rows[1]).sum())]
    )
    np.testing.assert_allclose(losses.patch_nce(queries, keys, 0.5), expected, rtol=1e-6)


def test_patch_nce_compares_within_a_picture_only():
    rng = np.random.default_rng(0)
    queries, keys = rng.normal(size=(2, 3, 4, 5)).astype("float32")
    apart = [losses.patch_nce(queries[n : n + 1], keys[n : n + 1]) for n in range(3)]
    np.testing.assert_allclose(losses.patch_nce(queries, keys), np.mean(apart), rtol=1e-5)


def test_a_translator_that_copies_is_told_by_nce():
    model = tiny("cut", num_patches=64)
    images = tf.constant(pictures(1)[0])
    copied = float(model._nce(images, images, None, "a"))
    other = float(model._nce(tf.constant(pictures(1, seed=5)[0]), images, None, "a"))
    assert copied < 0.5 * other


def test_places_are_drawn_without_repetition_and_anew_each_step():
    model = tiny("cut", num_patches=30)
    maps = tf.zeros((2, 8, 8, 3))
    first = np.array(model.places(maps, "a_0"))
    assert len(set(first)) == 30 and first.min() >= 0 and first.max() < 64
    assert (np.array(model.places(maps, "a_0")) == first).all()
    assert (np.array(model.places(maps, "a_1")) != first).any()
    model.step.assign_add(1)
    assert (np.array(model.places(maps, "a_0")) != first).any()
    assert len(model.places(tf.zeros((2, 4, 4, 3)), "a_0")) == 16  # all, where there are fewer


def test_it_translates_one_way():
    model = tiny("cut")
    with pytest.raises(ValueError, match="one way, 'ab'.*cyclegan"):
        model.translate(pictures(1)[0], direction="ba")
    np.testing.assert_array_equal(
        model.translate(pictures(1)[0], direction="ab"), model.translate(pictures(1)[0])
    )


def test_sets_of_other_channels_are_refused():
    with pytest.raises(ValueError, match="need the same channels"):
        tiny("cut", a_channels=1)


@pytest.mark.parametrize("name, constant, decay", [("cut", 50, 50), ("fastcut", 75, 25)])
def test_the_learning_rate_falls_as_in_the_reference(name, constant, decay):
    schedule = tiny(name).optimizers(images=100)["generator"]._learning_rate
    assert (schedule.constant_steps, schedule.decay_steps) == (constant, decay)


@pytest.mark.fidelity
def test_files_of_the_reference_come_over(tmp_path):
    """With the filters of its blur, as `latest_net_G.pth` holds them."""
    import torch
    import torch_cut_twin as twins

    from keras_gans.interop import import_checkpoints
    from keras_gans.interop.identify import identify

    torch.manual_seed(0)
    twin = twins.generator(3, 4)
    state = {
        **twin.state_dict(),
        **{f"model.{n}.filt": torch.ones(8, 1, 3, 3) for n in (7, 11)},
        **{f"model.{n}.filt": torch.ones(8, 1, 4, 4) for n in (15, 19)},
    }
    path = tmp_path / "latest_net_G.pth"
    torch.save(state, path)
    (look,) = identify(path)
    assert look.name == "cut"
    assert "ResNet generator of 3 blocks with blur, 4 filters" in look.words
    model = import_checkpoints(path, "cut", num_blocks=3, filters=4, image_size=32)
    images = pictures()[0]
    np.testing.assert_allclose(
        model.translate(images),
        twin(nchw(images)).detach().numpy().transpose(0, 2, 3, 1),
        atol=1e-4,
    )
