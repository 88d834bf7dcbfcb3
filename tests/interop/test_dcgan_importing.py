"""Checkpoints of PyTorch's example of DCGAN: both networks, nested or not, and what is refused."""

import numpy as np
import pytest
from test_esrgan_importing import nested
from test_torch_files import save

from keras_gans import interop, zoo
from keras_gans.interop import dcgan

RNG = np.random.default_rng
SMALL = {"image_size": 16, "filters": 4, "latent_dim": 6, "image_channels": 3}


def random_model(**sizes):
    """A model whose every weight is unlike its default and unlike all others."""
    model = zoo.get("dcgan", **{**SMALL, **sizes})
    random = RNG(0)
    for network in (model.generator, model.discriminator):
        for variable in network.variables:
            if "seed" in variable.path:
                continue
            array = 0.3 * random.normal(size=variable.shape)
            kept = np.abs(array) + 0.5 if "variance" in variable.path else array
            variable.assign(kept.astype("float32"))
    return model


# === Our weights by the example's names and axes ===


def normed(state, number, norm):
    names = ("weight", "bias", "running_mean", "running_var")
    tensors = (norm.gamma, norm.beta, norm.moving_mean, norm.moving_variance)
    for name, tensor in zip(names, tensors, strict=True):
        state[f"main.{number}.{name}"] = tensor.numpy()
    state[f"main.{number}.num_batches_tracked"] = np.float32(7)


def layers_of(network, *kinds):
    return [layer for layer in network.layers if type(layer).__name__ in kinds]


def generator_state(model):
    """Transposed convolutions are (in, out, h, w); the first sees the latent as one pixel."""
    first, *rest = layers_of(model.generator, "Dense", "Conv2DTranspose")
    norms = layers_of(model.generator, "BatchNorm")
    dense = first.kernel.numpy().reshape(model.latent_dim, 4, 4, -1)
    state = {"main.0.weight": dense.transpose(0, 3, 1, 2)}
    for number, norm in enumerate(norms):
        normed(state, 3 * number + 1, norm)
        kernel = rest[number].kernel.numpy()  # (h, w, out, in)
        state[f"main.{3 * number + 3}.weight"] = kernel.transpose(3, 2, 0, 1)
    return contiguous(state)


def discriminator_state(model):
    """Convolutions are (out, in, h, w); the last sees 4 x 4 pixels."""
    first, *rest, last = layers_of(model.discriminator, "Conv2D", "Dense")
    state = {"main.0.weight": first.kernel.numpy().transpose(3, 2, 0, 1)}
    norms = layers_of(model.discriminator, "BatchNorm")
    for number, (layer, norm) in enumerate(zip(rest, norms, strict=True)):
        state[f"main.{3 * number + 2}.weight"] = layer.kernel.numpy().transpose(3, 2, 0, 1)
        normed(state, 3 * number + 3, norm)
    dense = last.kernel.numpy().reshape(4, 4, -1, 1)
    state[f"main.{3 * len(rest) + 2}.weight"] = dense.transpose(3, 2, 0, 1)
    return contiguous(state)


def contiguous(state):
    return {name: np.array(array, order="C") for name, array in state.items()}


def images_of(model):
    latents = RNG(1).normal(size=(3, model.latent_dim)).astype("float32")
    return model.generator(latents, training=False).numpy()


def logits_of(model):
    side = model.image_size
    images = RNG(2).uniform(-1, 1, (3, side, side, model.image_channels)).astype("float32")
    return model.discriminator(images, training=False).numpy()


# === What is read ===


@pytest.mark.parametrize("sizes", [{}, {"image_size": 32, "image_channels": 1, "filters": 2}])
def test_both_networks_come_over(sizes, tmp_path):
    model = random_model(**sizes)
    save(tmp_path / "g.pth", generator_state(model))
    save(tmp_path / "d.pth", discriminator_state(model))
    made = dcgan.import_checkpoints([tmp_path / "g.pth", tmp_path / "d.pth"], "dcgan")
    assert images_of(model).std() > 1e-2 and logits_of(model).std() > 1e-2
    np.testing.assert_array_equal(images_of(made), images_of(model))
    np.testing.assert_array_equal(logits_of(made), logits_of(model))
    for name in SMALL:
        assert getattr(made, name) == getattr(model, name)
    counted = {network: one.tensors for network, one in made.imported.items()}
    blocks = len(layers_of(model.generator, "BatchNorm"))
    assert counted == {"generator": 5 * blocks + 1, "discriminator": 5 * (blocks - 1) + 2}
    ignored = made.imported["generator"].ignored
    assert len(ignored) == blocks and all(name.endswith("tracked") for name in ignored)


@pytest.mark.parametrize("parts", [("netG", "netD"), ("generator", "discriminator")])
def test_a_file_of_both_is_taken_apart(parts, tmp_path):
    model = random_model()
    states = dict(zip(parts, (generator_state(model), discriminator_state(model)), strict=True))
    nested(tmp_path / "x.tar", **states)
    made = dcgan.import_checkpoints(tmp_path / "x.tar", "dcgan")
    np.testing.assert_array_equal(images_of(made), images_of(model))
    np.testing.assert_array_equal(logits_of(made), logits_of(model))
    only = dcgan.import_checkpoints(tmp_path / "x.tar", "dcgan", network="generator")
    assert only.imported.keys() == {"generator"}
    np.testing.assert_array_equal(images_of(only), images_of(model))


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod."])
def test_what_wraps_a_network_is_taken_off(prefix, tmp_path):
    model = random_model()
    state = {prefix + name: array for name, array in generator_state(model).items()}
    save(tmp_path / "x.pth", state)
    np.testing.assert_array_equal(
        images_of(dcgan.import_checkpoints(tmp_path / "x.pth", "dcgan")), images_of(model)
    )


def test_averaged_weights_begin_as_the_generator(tmp_path):
    model = random_model()
    save(tmp_path / "x.pth", generator_state(model))
    made = dcgan.import_checkpoints(tmp_path / "x.pth", "dcgan_avatars")
    for ours, theirs in zip(made.generator_ema.weights, made.generator.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(images_of(made), images_of(model))


def test_the_importer_is_found_by_the_entry_and_the_model_is_saved(tmp_path):
    model = random_model()
    save(tmp_path / "x.pth", generator_state(model))
    interop.import_checkpoints(tmp_path / "x.pth", "dcgan", output=tmp_path / "x.keras")
    np.testing.assert_array_equal(images_of(zoo.load(tmp_path / "x.keras")), images_of(model))


@pytest.mark.fidelity
def test_images_and_logits_equal_the_example_in_pytorch(tmp_path):
    torch = pytest.importorskip("torch")
    nn = torch.nn

    class Main(nn.Module):
        def __init__(self, *layers):
            super().__init__()
            self.main = nn.Sequential(*layers)

        def forward(self, x):
            return self.main(x)

    torch.manual_seed(0)
    kinds = {"kernel_size": 4, "stride": 2, "padding": 1, "bias": False}
    g = Main(
        *(nn.ConvTranspose2d(100, 64, 4, 1, 0, bias=False), nn.BatchNorm2d(64), nn.ReLU(True)),
        *(nn.ConvTranspose2d(64, 32, **kinds), nn.BatchNorm2d(32), nn.ReLU(True)),
        *(nn.ConvTranspose2d(32, 3, **kinds), nn.Tanh()),
    )
    d = Main(
        *(nn.Conv2d(3, 32, **kinds), nn.LeakyReLU(0.2, inplace=True)),
        *(nn.Conv2d(32, 64, **kinds), nn.BatchNorm2d(64), nn.LeakyReLU(0.2, inplace=True)),
        nn.Conv2d(64, 1, 4, 1, 0, bias=False),
    )
    latents, images = torch.randn(4, 100, 1, 1), torch.rand(4, 3, 16, 16) * 2 - 1
    with torch.no_grad():
        for _ in range(3):  # moves the statistics away from 0 and 1
            g(latents), d(images)
        torch.save({"netG": g.state_dict(), "netD": d.state_dict()}, tmp_path / "x.tar")
        expected = g.eval()(latents).numpy().transpose(0, 2, 3, 1), d.eval()(images).numpy()
    made = dcgan.import_checkpoints(tmp_path / "x.tar", "dcgan")
    got = made.generator(latents.numpy()[:, :, 0, 0], training=False).numpy()
    np.testing.assert_allclose(got, expected[0], rtol=0, atol=1e-5)
    logits = made.discriminator(images.numpy().transpose(0, 2, 3, 1), training=False).numpy()
    np.testing.assert_allclose(logits, expected[1][:, :, 0, 0], rtol=0, atol=1e-5)
    assert expected[0].std() > 1e-2 and expected[1].std() > 1e-3


# === What is refused ===


def refused(files, name="dcgan", **options):
    with pytest.raises(ValueError) as failure:
        dcgan.import_checkpoints(files, name, **options)
    return str(failure.value)


@pytest.fixture(scope="module")
def states():
    model = random_model()
    return {"generator": generator_state(model), "discriminator": discriminator_state(model)}


@pytest.mark.parametrize("network", ["generator", "discriminator"])
@pytest.mark.parametrize("change", ["missing", "more", "shape", "nan"])
def test_tensors_that_do_not_fit_are_named(network, change, states, tmp_path):
    state = dict(states[network])
    if change == "missing":
        del state["main.4.bias" if network == "generator" else "main.3.bias"]
        words = "missing main.4.bias" if network == "generator" else "missing main.3.bias"
    elif change == "more":
        state["main.9.bias"] = np.zeros(3, "float32")
        words = "unexpected main.9.bias (3,)"
    elif change == "shape":
        name = "main.4.weight" if network == "generator" else "main.3.weight"
        state[name] = np.zeros(5, "float32")
        words = f"{name} (5,) float32 of another shape or type"
    else:
        name = "main.4.weight" if network == "generator" else "main.3.weight"
        state[name] = np.full_like(state[name], np.nan)
        words = f"{name} NaN or infinite"
    save(tmp_path / "x.pth", state)
    said = refused(tmp_path / "x.pth")
    assert words in said and f"does not fit the {network}" in said


def test_widths_that_do_not_double_are_refused(tmp_path):
    """The example's chain, but of as many maps at every size."""
    kernels = [(6, 8, 4, 4), (8, 8, 4, 4), (8, 3, 4, 4)]
    state = {f"main.{3 * n}.weight": np.zeros(k, "float32") for n, k in enumerate(kernels)}
    for number in (1, 4):
        for name in ("weight", "bias", "running_mean", "running_var"):
            state[f"main.{number}.{name}"] = np.zeros(8, "float32")
    save(tmp_path / "x.pth", state)
    assert "main.0.weight (6, 8, 4, 4) float32 of another shape" in refused(tmp_path / "x.pth")


def test_other_files_are_refused(tmp_path):
    save(tmp_path / "x.pth", {"conv_first.weight": np.zeros((4, 3, 3, 3), "float32")})
    assert "holds no network of PyTorch's example of DCGAN" in refused(tmp_path / "x.pth")
    (tmp_path / "y.pth").write_bytes(b"\x80\x02garbage")
    assert "y.pth" in refused(tmp_path / "y.pth")
    assert "is not a file" in refused(tmp_path / "none.pth")


def test_two_networks_of_one_kind_are_refused(states, tmp_path):
    for name in ("a.pth", "b.pth"):
        save(tmp_path / name, states["generator"])
    said = refused([tmp_path / "a.pth", tmp_path / "b.pth"])
    assert "a.pth and" in said and "both hold a generator" in said


def test_networks_of_two_sizes_are_refused(states, tmp_path):
    save(tmp_path / "g.pth", states["generator"])
    save(tmp_path / "d.pth", discriminator_state(random_model(image_size=32)))
    said = refused([tmp_path / "g.pth", tmp_path / "d.pth"])
    assert "`image_size` is 32, and there 16" in said


def test_what_the_file_or_the_example_determines_is_not_asked_for(states, tmp_path):
    save(tmp_path / "x.pth", states["generator"])
    assert "determines `latent_dim`, 6" in refused(tmp_path / "x.pth", latent_dim=7)
    assert "determines `resampling`" in refused(tmp_path / "x.pth", resampling="pooling")
    assert "determines `generator_norm`" in refused(tmp_path / "x.pth", generator_norm="layer")
    assert "has no network 'netG'" in refused(tmp_path / "x.pth", network="netG")
    said = refused(tmp_path / "x.pth", network="discriminator")
    assert "holds no network" in said
    for name in ("gan", "wgan", "dcgan_spectral_fashion", "dcgan_pooling_fashion"):
        assert "is no DCGAN of PyTorch's example" in refused(tmp_path / "x.pth", name)


def test_every_entry_that_says_it_can(states, tmp_path):
    save(tmp_path / "g.pth", states["generator"])
    save(tmp_path / "d.pth", states["discriminator"])
    assert {"dcgan", "dcgan_fashion", "dcgan_avatars"} <= set(dcgan.entries())
    for name in dcgan.entries():
        made = dcgan.import_checkpoints([tmp_path / "g.pth", tmp_path / "d.pth"], name)
        assert made.imported.keys() == {"generator", "discriminator"}


def test_an_enormous_network_is_not_built(tmp_path):
    """A chain of empty kernels that says 2**33 pixels."""
    state = {f"main.{n}.weight": np.zeros((1, 1, 4, 4), "float32") for n in range(31)}
    save(tmp_path / "x.pth", state)
    assert "cannot become dcgan" in refused(tmp_path / "x.pth")


def test_output_that_exists_is_kept(states, tmp_path):
    save(tmp_path / "x.pth", states["generator"])
    (tmp_path / "x.keras").write_text("mine")
    with pytest.raises(FileExistsError, match="overwrite=True"):
        dcgan.import_checkpoints(tmp_path / "x.pth", "dcgan", output=tmp_path / "x.keras")
    assert (tmp_path / "x.keras").read_text() == "mine"
