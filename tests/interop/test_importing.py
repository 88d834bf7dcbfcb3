"""Checkpoints of pytorch-CycleGAN-and-pix2pix: what goes where, and what is refused."""

import os

import keras
import numpy as np
import pytest
from fabrication import same, snapshot, tiny
from keras import layers
from test_torch_files import save
from typer.testing import CliRunner

from keras_gans import GAN, zoo
from keras_gans.cli import app
from keras_gans.core.signature import Image
from keras_gans.export import Manifest
from keras_gans.export.formats.onnx_format import OnnxExporter
from keras_gans.interop import junyanz
from keras_gans.interop.junyanz import import_checkpoints
from keras_gans.layers import InstanceNorm, LayerNorm2D
from keras_gans.zoo import _registry as registry

# === Two small families with the reference's names ===


def resnet(num_blocks, filters, name):
    source = keras.Input((None, None, 3), name="source")
    x = layers.ReLU()(layers.Conv2D(filters, 3, padding="same", name="stem")(source))
    x = layers.Conv2D(2 * filters, 4, strides=2, padding="same", name="down")(x)
    for block in range(num_blocks):
        skip = x
        x = layers.ReLU()(layers.Conv2D(2 * filters, 1, name=f"block_{block}_1")(x))
        x = layers.Add()([skip, layers.Conv2D(2 * filters, 1, name=f"block_{block}_2")(x)])
    x = layers.Conv2DTranspose(3, 4, strides=2, padding="same", name="up")(x)
    return keras.Model(source, layers.Activation("tanh")(x), name=name)


def resnet_modules(num_blocks):
    modules = {"model.1": "stem", "model.4": "down"}
    for block in range(num_blocks):
        modules[f"model.{10 + block}.conv_block.1"] = f"block_{block}_1"
        modules[f"model.{10 + block}.conv_block.5"] = f"block_{block}_2"
        modules[f"model.{10 + block}.conv_block.6"] = f"block_{block}_2"  # under dropout
    return {**modules, f"model.{10 + num_blocks}": "up"}


def unet(num_downs, filters, name):
    """A chain with the names of a U-Net and batch norm after all but the ends."""
    x = source = keras.Input((None, None, 3), name="source")
    for down in range(num_downs):
        bias = down in (0, num_downs - 1)
        x = layers.Conv2D(filters, 3, padding="same", use_bias=bias, name=f"down_{down}")(x)
        if not bias:
            x = layers.BatchNormalization(epsilon=1e-5, name=f"norm_{down}")(x)
    return keras.Model(source, x, name=name)


def unet_modules(num_downs):
    modules = {"model.model.0": "down_0"}
    for down in range(1, num_downs):
        inside = "model.model.1" + ".model.3" * (down - 1)
        modules[f"{inside}.model.1"] = f"down_{down}"
        if down < num_downs - 1:
            modules[f"{inside}.model.2"] = f"norm_{down}"
    return modules


def patch(filters, name):
    image = keras.Input((None, None, 3), name="image")
    x = layers.Conv2D(filters, 4, strides=2, padding="same", name="conv_1")(image)
    return keras.Model(image, layers.Conv2D(1, 4, name="conv_2")(x), name=name)


PATCH = {"model.0": "conv_1", "model.2": "conv_2"}


class Twin(GAN):
    """What both families need to be built and compiled."""

    def batch_roles(self):
        return {"image": Image(8, 8, 3)}

    def optimizers(self, images=None):
        return {player: keras.optimizers.SGD() for player in self.players}


@keras.saving.register_keras_serializable("test_importing")
class TwinCycle(Twin):
    players = {
        "generator": ("generator_ab", "generator_ba"),
        "discriminator": ("discriminator_a", "discriminator_b"),
    }

    def __init__(self, num_blocks=3, filters=2, **kwargs):
        super().__init__(**kwargs)
        self.num_blocks, self.filters = num_blocks, filters
        self.generator_ab = resnet(num_blocks, filters, "generator_ab")
        self.generator_ba = resnet(num_blocks, filters, "generator_ba")
        self.discriminator_a = patch(filters, "discriminator_a")
        self.discriminator_b = patch(filters, "discriminator_b")
        self.built = True

    def reference_layers(self):
        modules = resnet_modules(self.num_blocks)
        return {"generator_ab": modules, "generator_ba": modules,
                "discriminator_a": PATCH, "discriminator_b": PATCH}  # fmt: skip

    def get_config(self):
        return {**super().get_config(), "num_blocks": self.num_blocks, "filters": self.filters}


@keras.saving.register_keras_serializable("test_importing")
class TwinPix(Twin):
    def __init__(self, num_downs=4, filters=2, **kwargs):
        super().__init__(**kwargs)
        self.num_downs, self.filters = num_downs, filters
        self.generator = unet(num_downs, filters, "generator")
        self.discriminator = patch(filters, "discriminator")
        self.built = True

    def reference_layers(self):
        return {"generator": unet_modules(self.num_downs), "discriminator": PATCH}

    def get_config(self):
        return {**super().get_config(), "num_downs": self.num_downs, "filters": self.filters}


@pytest.fixture(autouse=True)
def twins(monkeypatch):
    """The zoo with the twins in it, for the length of a test."""
    monkeypatch.setattr(registry, "_ENTRIES", dict(registry._ENTRIES))
    row = {"task": "unpaired_translation", "paper": "none", "tiny": {}}
    zoo.register("twin_cycle", TwinCycle, **row)
    zoo.register("twin_cycle_small", TwinCycle, **row, num_blocks=2)
    zoo.register("twin_pix", TwinPix, **row)
    zoo.register("twin_pix_small", TwinPix, **row, num_downs=3)


# === Checkpoints for them ===


def checkpoint(model, network, seed=0):
    """`{name in the reference: random weights}` for a network, made from its contract alone."""
    generator = np.random.default_rng(seed)
    state, seen = {}, set()
    for module, name in model.reference_layers()[network].items():
        if name in seen:
            continue  # a second name for the same layer
        seen.add(name)
        layer = model.networks[network].get_layer(name)
        tensors = {"weight": layer.weights[0]}
        if isinstance(layer, layers.BatchNormalization):
            tensors |= {"bias": layer.beta, "running_mean": layer.moving_mean}
            tensors |= {"running_var": layer.moving_variance}
        elif isinstance(layer, (LayerNorm2D, InstanceNorm)):
            tensors["bias"] = layer.beta
        elif layer.use_bias:
            tensors["bias"] = layer.bias
        for tensor, variable in tensors.items():
            shape = tuple(variable.shape)
            if isinstance(layer, layers.DepthwiseConv2D) and tensor == "weight":
                shape = (shape[2], shape[3], *shape[:2])
            else:
                shape = (shape[3], shape[2], *shape[:2]) if len(shape) == 4 else shape
            state[f"{module}.{tensor}"] = generator.uniform(0.1, 1, shape).astype("float32")
    return state


def written(path, entry, network, seed=0, **overrides):
    """A checkpoint of a network of the entry, on disk."""
    return save(path, checkpoint(zoo.get(entry, **overrides), network, seed))


def weights_are(model, network, state):
    """Whether the network holds the checkpoint, layer by layer."""
    for module, name in model.reference_layers()[network].items():
        layer = model.networks[network].get_layer(name)
        if f"{module}.weight" not in state:
            continue
        ours = np.array(layer.weights[0])
        theirs = state[f"{module}.weight"]
        if theirs.ndim == 4:
            theirs = np.moveaxis(theirs, (2, 3), (0, 1))
            if not isinstance(layer, layers.DepthwiseConv2D):
                theirs = theirs.swapaxes(2, 3)
        if not np.array_equal(ours, theirs):
            return False
    return True


def misfit(files, name, *words, **arguments):
    with pytest.raises(ValueError) as failure:
        import_checkpoints(files, name, **arguments)
    message = str(failure.value)
    for word in words:
        assert word in message, message
    return message


# === What goes where ===


@pytest.mark.parametrize(
    ("file", "entry", "network"),
    [
        ("latest_net_G_A.pth", "twin_cycle", "generator_ab"),
        ("200_net_G_B.pth", "twin_cycle", "generator_ba"),
        ("latest_net_D_A.pth", "twin_cycle", "discriminator_b"),  # D_A judges what G_A makes
        ("latest_net_D_B.pth", "twin_cycle", "discriminator_a"),
        ("latest_net_G.pth", "twin_pix", "generator"),
        ("iter_500_net_D.pth", "twin_pix", "discriminator"),
        ("net_G.pth", "twin_pix", "generator"),
    ],
)
def test_usual_names_tell_the_network(tmp_path, file, entry, network):
    path = written(tmp_path / file, entry, network)
    model = import_checkpoints(path, entry)
    assert weights_are(model, network, checkpoint(model, network))
    assert list(model.imported) == [network]
    assert not model.imported[network].guessed
    assert model.imported[network].path == str(path)


@pytest.mark.parametrize(
    ("file", "entry", "network"),
    [
        ("horse2zebra.pth", "twin_cycle", "generator_ab"),
        ("latest_net_G.pth", "twin_cycle", "generator_ab"),  # as published CycleGANs are named
        ("facades.pth", "twin_pix", "generator"),
    ],
)
def test_names_that_do_not_tell_are_guesses_and_say_so(tmp_path, file, entry, network):
    model = import_checkpoints(written(tmp_path / file, entry, network), entry)
    assert model.imported[network].guessed


def test_the_caller_names_the_network(tmp_path):
    path = written(tmp_path / "latest_net_G_A.pth", "twin_cycle", "generator_ba", seed=5)
    for model in (
        import_checkpoints(path, "twin_cycle", network="generator_ba"),
        import_checkpoints({"generator_ba": path}, "twin_cycle"),
        import_checkpoints([path], "twin_cycle", network=["generator_ba"]),
    ):
        assert weights_are(model, "generator_ba", checkpoint(model, "generator_ba", seed=5))
        assert list(model.imported) == ["generator_ba"]


def test_all_networks_at_once_and_the_rest_stays_fresh(tmp_path):
    files = {
        "generator_ab": written(tmp_path / "a.pth", "twin_cycle", "generator_ab", 1),
        "discriminator_b": written(tmp_path / "b.pth", "twin_cycle", "discriminator_b", 2),
    }
    keras.utils.set_random_seed(3)
    fresh = zoo.get("twin_cycle")
    keras.utils.set_random_seed(3)
    model = import_checkpoints(files, "twin_cycle")
    assert set(model.imported) == set(files)
    assert weights_are(model, "generator_ab", checkpoint(model, "generator_ab", 1))
    assert weights_are(model, "discriminator_b", checkpoint(model, "discriminator_b", 2))
    for network in ("generator_ba", "discriminator_a"):
        assert same(snapshot(fresh.networks[network].weights), model.networks[network].weights)


def test_files_beside_are_not_read(tmp_path):
    path = written(tmp_path / "latest_net_G_A.pth", "twin_cycle", "generator_ab")
    (tmp_path / "latest_net_G_B.pth").write_bytes(b"not a checkpoint")
    assert list(import_checkpoints(path, "twin_cycle").imported) == ["generator_ab"]


@pytest.mark.parametrize("prefix", ["module.", "module.module."])
def test_data_parallel_prefixes(tmp_path, prefix):
    state = checkpoint(zoo.get("twin_cycle"), "generator_ab")
    path = save(tmp_path / "x.pth", {prefix + name: array for name, array in state.items()})
    assert weights_are(import_checkpoints(path, "twin_cycle"), "generator_ab", state)


def test_bookkeeping_of_instance_norm_is_left_out_and_named(tmp_path):
    state = checkpoint(zoo.get("twin_cycle"), "generator_ab")
    kept = {"model.2.running_mean": np.ones(2), "model.2.running_var": np.ones(2)}
    kept["model.10.conv_block.6.running_mean"] = np.ones(4)
    kept["model.2.num_batches_tracked"] = np.array(3)
    model = import_checkpoints(save(tmp_path / "x.pth", state | kept), "twin_cycle")
    assert weights_are(model, "generator_ab", state)
    assert set(model.imported["generator_ab"].ignored) == set(kept)
    assert model.imported["generator_ab"].tensors == len(state)


def test_second_name_of_a_layer(tmp_path):
    state = checkpoint(zoo.get("twin_cycle"), "generator_ab")
    renamed = {name.replace("block.5", "block.6"): array for name, array in state.items()}
    assert renamed != state
    model = import_checkpoints(save(tmp_path / "x.pth", renamed), "twin_cycle")
    assert weights_are(model, "generator_ab", renamed)
    both = state | renamed
    misfit(save(tmp_path / "y.pth", both), "twin_cycle", "Unexpected: model.10.conv_block.6.weight")


def test_batch_norm_gets_all_four(tmp_path):
    path = written(tmp_path / "latest_net_G.pth", "twin_pix", "generator")
    model = import_checkpoints(path, "twin_pix")
    state = checkpoint(model, "generator")
    norm = model.generator.get_layer("norm_1")
    ours = (norm.gamma, norm.beta, norm.moving_mean, norm.moving_variance)
    for tensor, variable in zip(
        ("weight", "bias", "running_mean", "running_var"), ours, strict=True
    ):
        np.testing.assert_array_equal(variable, state[f"model.model.1.model.2.{tensor}"])


@pytest.mark.fidelity
@pytest.mark.parametrize("form", ["zip", "legacy"])
def test_outputs_equal_pytorch(tmp_path, form):
    import torch

    nn = torch.nn

    class Block(nn.Module):
        def __init__(self, width):
            super().__init__()
            skip = [nn.Identity() for _ in range(3)]
            self.conv_block = nn.Sequential(
                nn.Identity(), nn.Conv2d(width, width, 1), nn.ReLU(), *skip[:2],
                nn.Conv2d(width, width, 1),
            )  # fmt: skip

        def forward(self, x):
            return x + self.conv_block(x)

    class Generator(nn.Module):
        def __init__(self):
            super().__init__()
            self.model = nn.Sequential(
                nn.Identity(), nn.Conv2d(3, 2, 3, padding=1), nn.ReLU(), nn.Identity(),
                nn.Conv2d(2, 4, 4, 2, 1), *[nn.Identity() for _ in range(5)],
                *[Block(4) for _ in range(3)], nn.ConvTranspose2d(4, 3, 4, 2, 1), nn.Tanh(),
            )  # fmt: skip

        def forward(self, x):
            return self.model(x)

    net = Generator()
    path = tmp_path / "latest_net_G_A.pth"
    torch.save(net.state_dict(), path, _use_new_zipfile_serialization=form == "zip")
    model = import_checkpoints(path, "twin_cycle")
    pictures = np.random.default_rng(0).uniform(-1, 1, (2, 8, 8, 3)).astype("float32")
    with torch.no_grad():
        expected = net(torch.from_numpy(pictures.transpose(0, 3, 1, 2))).numpy()
    ours = model.generator_ab(pictures, training=False)
    np.testing.assert_allclose(ours, expected.transpose(0, 2, 3, 1), atol=2e-6)


@pytest.mark.fidelity
@pytest.mark.parametrize("dtype", ["half", "bfloat16", "double"])
def test_other_precisions(tmp_path, dtype):
    import torch

    state = checkpoint(zoo.get("twin_pix"), "generator")
    tensors = {name: getattr(torch.from_numpy(array), dtype)() for name, array in state.items()}
    torch.save(tensors, tmp_path / "latest_net_G.pth")
    model = import_checkpoints(tmp_path / "latest_net_G.pth", "twin_pix")
    expected = {name: tensor.float().numpy() for name, tensor in tensors.items()}
    assert weights_are(model, "generator", expected)


def importable():
    """Entries whose class says where the reference's layers go; `GAN` says nowhere."""
    families = {name: zoo.entry(name).cls for name in zoo.names()}
    return [
        name for name, cls in families.items() if cls.reference_layers is not GAN.reference_layers
    ]


@pytest.mark.parametrize("name", importable())
def test_every_entry_that_says_it_can(tmp_path, name):
    model = tiny(name)
    files = {
        network: save(tmp_path / f"{network}.pth", checkpoint(model, network, seed))
        for seed, network in enumerate(model.reference_layers())
    }
    again = import_checkpoints(files, name, **zoo.entry(name).tiny)
    for seed, (network, modules) in enumerate(again.reference_layers().items()):
        state = checkpoint(model, network, seed)
        assert weights_are(again, network, state)
        kernels = [layer for layer in again.networks[network].layers if hasattr(layer, "kernel")]
        assert {layer.name for layer in kernels} <= set(modules.values())


# === What is refused ===


def test_missing_unexpected_and_misshaped_are_all_named(tmp_path):
    state = checkpoint(zoo.get("twin_cycle"), "generator_ab")
    del state["model.4.bias"], state["model.11.conv_block.5.weight"]
    state["model.2.weight"] = np.ones(2)
    state["model.3.running_mean"] = np.ones(2)  # bookkeeping: not among the unexpected
    state["model.1.weight"] = np.ones((2, 3, 7, 7))
    path = save(tmp_path / "latest_net_G_A.pth", state)
    message = misfit(
        path,
        "twin_cycle",
        f"{path} does not fit generator_ab of twin_cycle: 15 tensors fit, 4 do not",
        "Missing: model.4.bias (4,), model.11.conv_block.5.weight (4, 4, 1, 1).",
        "Unexpected: model.2.weight (2,).",
        "model.1.weight: expected (2, 3, 3, 3), received (2, 3, 7, 7)",
        "a ResNet generator of 3 blocks, 2 filters, 3 input channels, instance norm with weights",
    )
    assert "running_mean" not in message


def test_convolutions_without_bias_are_not_guessed(tmp_path):
    state = checkpoint(zoo.get("twin_cycle"), "generator_ab")
    bare = {name: array for name, array in state.items() if not name.endswith("bias")}
    misfit(save(tmp_path / "x.pth", bare), "twin_cycle", "Missing: model.1.bias (2,)", "and 4 more")


def test_another_number_of_blocks_says_what_fits(tmp_path):
    small = written(tmp_path / "small.pth", "twin_cycle_small", "generator_ab")
    misfit(
        small,
        "twin_cycle",
        "of 2 blocks",
        "It fits the entry twin_cycle_small, or --set num_blocks=2.",
    )
    assert import_checkpoints(small, "twin_cycle", num_blocks=2).num_blocks == 2
    large = written(tmp_path / "large.pth", "twin_cycle", "generator_ab", num_blocks=5, filters=3)
    misfit(
        large, "twin_cycle", "of 5 blocks, 3 filters", "It fits --set num_blocks=5 --set filters=3"
    )


def test_another_number_of_downs_says_what_fits(tmp_path):
    path = written(tmp_path / "x.pth", "twin_pix_small", "generator")
    misfit(
        path,
        "twin_pix",
        "a U-Net generator of 3 downs, 2 filters, 3 input channels, batch norm",
        "It fits the entry twin_pix_small, or --set num_downs=3.",
    )


def test_dropout_where_the_family_has_one_name_only(tmp_path, monkeypatch):
    state = checkpoint(zoo.get("twin_cycle"), "generator_ab")
    renamed = {name.replace("block.5", "block.6"): array for name, array in state.items()}
    plain = {name: layer for name, layer in resnet_modules(3).items() if "block.6" not in name}
    monkeypatch.setattr(TwinCycle, "reference_layers", lambda self: {"generator_ab": plain})
    misfit(
        save(tmp_path / "x.pth", renamed),
        "twin_cycle",
        "a ResNet generator of 3 blocks with dropout",
        "Missing: model.10.conv_block.5.weight (4, 4, 1, 1)",
        "Unexpected: model.10.conv_block.6.weight (4, 4, 1, 1)",
    )


def test_a_discriminator_for_a_generator_says_so(tmp_path):
    path = written(tmp_path / "net.pth", "twin_cycle", "discriminator_a")
    misfit(
        path,
        "twin_cycle",
        "a PatchGAN discriminator",
        "It fits discriminator_a and discriminator_b",
        "--network",
    )


def test_no_model_of_any_size_is_made_to_give_advice(tmp_path):
    wide = np.broadcast_to(np.float32(0), (30_000, 3, 1, 1))
    path = save(tmp_path / "net.pth", {"model.1.weight": wide})
    misfit(path, "twin_cycle")


def test_another_family_says_which(tmp_path):
    path = written(tmp_path / "net.pth", "twin_pix", "generator")
    message = misfit(path, "twin_cycle", "a U-Net generator of 4 downs")
    assert "It fits" not in message  # twin_pix has no network of that name
    misfit(save(tmp_path / "y.pth", {"w": np.ones(2)}), "twin_cycle", "none of the reference's")


def test_names_that_would_steer_a_terminal_do_not(tmp_path):
    path = save(tmp_path / "x.pth", {"\x1b[2Jmodel.1.weight": np.ones(2), "n" * 5000: np.ones(1)})
    message = misfit(path, "twin_cycle", r"\x1b[2Jmodel.1.weight (2,)")
    assert "\x1b" not in message and "n" * 500 not in message


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_diverged_checkpoints(tmp_path, bad):
    state = checkpoint(zoo.get("twin_cycle"), "generator_ab")
    state["model.4.weight"][0, 0, 0, 0] = bad
    misfit(save(tmp_path / "x.pth", state), "twin_cycle", "NaN or infinite", "in: model.4.weight.")


def test_nothing_is_copied_unless_all_fits(tmp_path, monkeypatch):
    made = []
    build = zoo.get
    monkeypatch.setattr(zoo, "get", lambda *a, **k: made.append(build(*a, **k)) or made[-1])
    good = save(tmp_path / "a.pth", checkpoint(build("twin_cycle"), "generator_ab"))
    bad = save(tmp_path / "b.pth", {"w": np.ones(2)})
    keras.utils.set_random_seed(3)
    misfit({"generator_ab": good, "generator_ba": bad}, "twin_cycle", "b.pth does not fit")
    keras.utils.set_random_seed(3)
    assert same(snapshot(build("twin_cycle").generator_ab.weights), made[0].generator_ab.weights)


def test_requests_that_cannot_be(tmp_path):
    path = written(tmp_path / "latest_net_G_A.pth", "twin_cycle", "generator_ab")
    other = written(tmp_path / "300_net_G_A.pth", "twin_cycle", "generator_ab")
    judge = written(tmp_path / "latest_net_D.pth", "twin_cycle", "discriminator_a")
    for files, name, words, arguments in [
        (path, "twin_pix", "is, by its name, generator_ab, which twin_pix has not", {}),
        (judge, "twin_cycle", "is, by its name, discriminator, which twin_cycle has not", {}),
        (path, "twin_cycle", "no network 'generator'. It has: generator_ab,",
         {"network": "generator"}),
        ([path, other], "twin_cycle", "are both for generator_ab", {}),
        ([path, other], "twin_cycle", "1 for 2 files", {"network": "generator_ab"}),
        ({"generator_ab": path}, "twin_cycle", "leave out `network`", {"network": "generator_ab"}),
        ([], "twin_cycle", "No checkpoint was given", {}),
        (path, "dcgan", "or stargan. Entries that do: animegan,", {}),
        (path, "twin_cycl", "Did you mean 'twin_cycle", {}),
        (path, "twin_cycle", "no argument 'blocks'", {"blocks": 3}),
        (path, "twin_cycle", "must end in .keras", {"output": tmp_path / "model.h5"}),
        (tmp_path / "absent.pth", "twin_cycle", "absent.pth is not a file", {}),
    ]:  # fmt: skip
        misfit(files, name, words, **arguments)


def test_a_family_may_name_only_convolutions_and_norms(tmp_path, monkeypatch):
    path = written(tmp_path / "x.pth", "twin_pix", "generator")
    wrong = {"generator": {"model.model.0": "source"}}
    monkeypatch.setattr(TwinPix, "reference_layers", lambda self: wrong)
    with pytest.raises(TypeError, match="Received: source, a InputLayer"):
        import_checkpoints(path, "twin_pix")


# === What is written ===


def test_output_is_the_model(tmp_path):
    path = written(tmp_path / "latest_net_G_A.pth", "twin_cycle", "generator_ab")
    output = tmp_path / "made" / "horse2zebra.keras"
    model = import_checkpoints(path, "twin_cycle", output=output)
    loaded = keras.saving.load_model(output)
    assert same(snapshot(model.weights), loaded.weights)
    assert os.listdir(output.parent) == ["horse2zebra.keras"]


def test_output_that_exists(tmp_path):
    path = written(tmp_path / "latest_net_G_A.pth", "twin_cycle", "generator_ab")
    output = tmp_path / "model.keras"
    output.write_text("mine")
    with pytest.raises(FileExistsError, match="overwrite=True"):
        import_checkpoints(path, "twin_cycle", output=output)
    assert output.read_text() == "mine"
    import_checkpoints(path, "twin_cycle", output=output, overwrite=True)
    assert isinstance(keras.saving.load_model(output), TwinCycle)


def test_failures_leave_nothing_and_keep_what_was(tmp_path, monkeypatch):
    path = written(tmp_path / "latest_net_G_A.pth", "twin_cycle", "generator_ab")
    output = tmp_path / "out" / "model.keras"
    output.parent.mkdir()
    output.write_text("mine")

    def full_disk(self, file, *args, **kwargs):
        file.write_text("half")
        raise OSError("No space left on device")

    monkeypatch.setattr(TwinCycle, "save", full_disk)
    with pytest.raises(OSError, match="No space"):
        import_checkpoints(path, "twin_cycle", output=output, overwrite=True)
    assert output.read_text() == "mine"
    assert os.listdir(output.parent) == ["model.keras"]
    misfit(path, "twin_cycle_small", "does not fit", output=tmp_path / "new" / "model.keras")
    assert not (tmp_path / "new").exists()


# === What comes of it ===


@pytest.mark.parametrize(
    ("name", "file", "network"),
    [
        ("pix2pix", "latest_net_G.pth", "generator"),
        pytest.param("cyclegan", "latest_net_G_A.pth", "generator_ab", marks=pytest.mark.large),
    ],
)
def test_an_imported_model_ships_through_the_same_gate(tmp_path, monkeypatch, name, file, network):
    onnxruntime = pytest.importorskip("onnxruntime")
    # Small kernels of both signs, as training leaves them; others round too much for any runtime.
    state = checkpoint(tiny(name), network)
    state |= {key: 0.2 * (array - 0.5) for key, array in state.items() if array.ndim == 4}
    path = save(tmp_path / file, state)
    model, folder = tmp_path / "model.keras", tmp_path / "model"
    settings = [f"--set={key}={value!r}" for key, value in zoo.entry(name).tiny.items()]
    runner = CliRunner()
    brought = runner.invoke(
        app, ["import", str(path), "--as", name, "--output", str(model), *settings]
    )
    assert brought.exit_code == 0, brought.output
    job = ["export", str(model), "--formats", "onnx"]

    load = OnnxExporter.load
    with monkeypatch.context() as patched:
        patched.setattr(OnnxExporter, "load", lambda self, path: slightly_off(load(self, path)))
        refused = runner.invoke(app, job)
    assert refused.exit_code == 2 and "differ" in refused.output
    assert not folder.exists()

    shipped = runner.invoke(app, job)
    assert shipped.exit_code == 0, shipped.output
    record = next(f for f in Manifest.read(folder).files if f.network == network)
    assert 0 <= record.max_difference <= record.tolerance
    picture = np.random.default_rng(0).uniform(-1, 1, (32, 64, 3)).astype("float32")
    session = onnxruntime.InferenceSession(str(folder / record.path))
    (given,) = session.run(None, {"source": picture[None]})
    expected = zoo.load(model).translate(picture, size="own")
    assert expected.std() > 0.01
    np.testing.assert_allclose(given[0], expected, atol=2e-5)


def slightly_off(run):
    return lambda inputs: {name: array + 0.01 for name, array in run(inputs).items()}


# === Files of more layers than anything has ===


@pytest.mark.parametrize("blocks", [19, 2000])
def test_no_model_is_built_for_advice_on_more_blocks_than_any_has(monkeypatch, tmp_path, blocks):
    weight = np.zeros((1, 1, 1, 1), "float32")
    state = {f"model.{number}.conv_block.1.weight": weight for number in range(2, blocks + 2)}
    monkeypatch.setattr(
        junyanz, "read_state_dict", lambda path: {"model.1.weight": weight, **state}
    )
    monkeypatch.setattr(junyanz, "_fits", lambda *arguments: pytest.fail("a model was built"))
    with pytest.raises(ValueError, match=f"a ResNet generator of {blocks} blocks.*\n?.*Missing"):
        import_checkpoints("blocks.pth", "cyclegan", **zoo.entry("cyclegan").tiny)


def test_a_file_that_came_to_be_meanwhile_is_kept(monkeypatch, tmp_path):
    target = tmp_path / "a.keras"

    def fit(*arguments):
        target.write_text("mine")
        return junyanz._Fit({}, {}, {}, {}, ())

    monkeypatch.setattr(junyanz, "read_state_dict", lambda path: {})
    monkeypatch.setattr(junyanz, "_fit", fit)
    with pytest.raises(FileExistsError, match="a.keras exists: it was made while"):
        import_checkpoints("g.pth", "cyclegan", output=target, **zoo.entry("cyclegan").tiny)
    assert target.read_text() == "mine" and os.listdir(tmp_path) == ["a.keras"]
