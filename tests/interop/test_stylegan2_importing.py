"""Checkpoints of StyleGAN2's implementations: what goes where, and what is refused."""

import collections
import functools
import io
import os
import pickle
import random
import struct
import tracemalloc
import types

import numpy as np
import pytest
from test_torch_files import (
    Reduces,
    archive,
    call,
    hostile,
    legacy,
    named,
    save,
    short,
    storage,
    tensor,
    text,
)
from typer.testing import CliRunner

from keras_gans import zoo
from keras_gans.cli import app
from keras_gans.interop import import_checkpoints, network_pickles, stylegan2, torch_files
from keras_gans.interop.network_pickles import read_networks
from keras_gans.interop.stylegan2_names import of_discriminator, of_generator

TAPS = np.array([1, 3, 3, 1], "float32")
FILTER = np.outer(TAPS, TAPS) / 64
SMALL = {
    "image_size": 16,
    "latent_dim": 6,
    "style_dim": 8,
    "channel_base": 64,
    "channel_max": 8,
    "mapping_layers": 3,
}
CONDITIONAL = {**SMALL, "num_classes": 3, "label_layers": 2}
ORIG = {**SMALL, "image_size": 32, "architecture": "orig", "minibatch_group": 8}


# === Weights by canonical names, without PyTorch ===


@functools.cache
def shapes_of(**sizes):
    model = zoo.get("stylegan2", **{**SMALL, **sizes})
    places = {"G": of_generator(model.generator), "D": of_discriminator(model.discriminator)}
    places["G_ema"] = places["G"]
    return {key: {n: place.shape for n, place in found.items()} for key, found in places.items()}


def networks_of(**sizes):
    """`{"G": {canonical name: array}, "D": ..., "G_ema": ...}` of random weights."""
    generator = np.random.default_rng(0)
    return {
        key: {name: generator.normal(size=shape).astype("float32") for name, shape in found.items()}
        for key, found in shapes_of(**sizes).items()
    }


def assert_holds(network, places, expected, but=()):
    """Checks that a network has the arrays of a checkpoint, all of them."""
    assert places.keys() - set(but) == expected.keys() - set(but)
    for name, place in places.items():
        if name not in but:
            np.testing.assert_allclose(
                np.array(place.variable),
                place.to_ours(expected[name]),
                rtol=1e-6,
                atol=1e-6,
                err_msg=name,
            )


def assert_model_is(model, networks, but=()):
    averaged = networks.get("G_ema", networks.get("G"))
    assert_holds(model.generator_ema, of_generator(model.generator_ema), averaged, but)
    assert_holds(model.generator, of_generator(model.generator), networks.get("G", averaged), but)
    if "D" in networks:
        assert_holds(model.discriminator, of_discriminator(model.discriminator), networks["D"])


# === A writer of pickles that names what need not exist ===


class Writer(pickle._Pickler):
    """Python's pickler, which looks no name up; `old` gives NumPy 1's names."""

    old = False

    def save_global(self, obj, name=None):
        module, name = obj.__module__, name or obj.__qualname__
        if self.old:
            module = module.replace("numpy._core", "numpy.core")
        if self.proto >= 4:
            self.save(module)
            self.save(name)
            self.write(pickle.STACK_GLOBAL)
        else:
            self.write(pickle.GLOBAL + f"{module}\n{name}\n".encode())
        self.memoize(obj)

    dispatch = {**pickle._Pickler.dispatch, types.FunctionType: save_global}


def written(path, value, protocol=3, old=False):
    stream = io.BytesIO()
    writer = Writer(stream, protocol)
    writer.old = old
    writer.dump(value)
    path.write_bytes(stream.getvalue())
    return path


def function(name):
    def stand_in():
        raise AssertionError("it was called")

    stand_in.__module__, _, stand_in.__qualname__ = name.rpartition(".")
    return stand_in


class EasyDict(dict):
    pass


class Network:
    def __init__(self, **state):
        self.__dict__.update(state)


EasyDict.__module__, EasyDict.__qualname__ = "dnnlib.util", "EasyDict"
Network.__module__, Network.__qualname__ = "dnnlib.tflib.network", "Network"
PERSISTENT = function("torch_utils.persistence._reconstruct_persistent_obj")
EMBEDDED = function("torch.storage._load_from_bytes")
REBUILD = function("torch._utils._rebuild_tensor_v2")
PARAMETER = function("torch._utils._rebuild_parameter")
SOURCE = "raise SystemExit('the source was executed')"


def embedded(array, count=None):
    """A storage as `torch.save` writes it, in bytes."""
    program = b"\x80\x02" + storage("key", count=count or array.size, legacy=True) + b"."
    head = [torch_files._LEGACY_MAGIC, 1001, {"little_endian": True}]
    parts = [pickle.dumps(value, 2) for value in head] + [program, pickle.dumps(["key"], 2)]
    return b"".join([*parts, struct.pack("<q", count or array.size), array.tobytes()])


def torch_tensor(array, channels_last=False):
    array = np.asarray(array, "float32")
    numbers = array
    strides = np.empty(array.shape, "f4").strides
    if channels_last and array.ndim == 4:
        numbers = array.transpose(0, 2, 3, 1)
        n, h, w, c = np.empty(numbers.shape, "f4").strides
        strides = (n, c, h, w)
    made = Reduces(EMBEDDED, (embedded(np.ascontiguousarray(numbers)),))
    stride = tuple(step // 4 for step in strides)
    return Reduces(REBUILD, (made, 0, array.shape, stride, False, collections.OrderedDict()))


def module(class_name, state):
    meta = EasyDict(type="class", version=6, module_src=SOURCE, class_name=class_name, state=state)
    return Reduces(PERSISTENT, (meta,))


BUFFERS = ("w_avg", "noise_const", "resample_filter")


def persisted(arrays, class_name="Generator", made=torch_tensor, **attributes):
    """The outermost module of a tree that canonical names describe.

    Args:
        arrays: `{canonical name: array}`.
        class_name: of the outermost one.
        made: tensor of an array.
        attributes: `{module: {attribute: value}}`.
    """

    def node(prefix, name):
        inside = {n.removeprefix(prefix): a for n, a in arrays.items() if n.startswith(prefix)}
        inner = dict.fromkeys(n.partition(".")[0] for n in inside if "." in n)
        inner |= {
            n.removeprefix(prefix): None
            for n in attributes
            if n.startswith(prefix) and n != prefix and "." not in n.removeprefix(prefix)
        }
        here = {n: a for n, a in inside.items() if "." not in n}
        return module(
            name,
            {
                "training": False,
                "_parameters": collections.OrderedDict(
                    (n, Reduces(PARAMETER, (made(a), False, collections.OrderedDict())))
                    for n, a in here.items()
                    if n not in BUFFERS
                ),
                "_buffers": collections.OrderedDict(
                    (n, made(a)) for n, a in here.items() if n in BUFFERS
                ),
                "_non_persistent_buffers_set": {"nothing"},
                "_forward_hooks": collections.OrderedDict(),
                "_is_full_backward_hook": None,
                "_modules": collections.OrderedDict(
                    (n, node(f"{prefix}{n}.", "Layer")) for n in inner
                ),
                "act_gain": np.sqrt(2),
                "activation": "lrelu",
                "padding": [1, 2, 1],
                "_init_args": (),
                "_init_kwargs": EasyDict(z_dim=6, synthesis_kwargs=EasyDict(conv_clamp=None)),
                **attributes.get(prefix.rstrip("."), {}),
            },
        )

    return node("", class_name)


def filtered(arrays):
    """With the resampling filters of the reference's buffers."""
    layers = {n.rpartition(".")[0] for n in arrays if "conv" in n and n.endswith(".weight")}
    return arrays | {
        f"{layer}.resample_filter": FILTER for layer in layers if "affine" not in layer
    }


def pytorch_file(path, networks, protocol=3, old=False, made=torch_tensor, group=4, **more):
    value = {
        "training_set_kwargs": EasyDict(path="/data/x.zip", max_size=7, xflip=True),
        **{
            key: persisted(
                filtered(arrays),
                "Discriminator" if key == "D" else "Generator",
                made,
                **({"b4.mbstd": {"group_size": group}} if key == "D" else {}),
            )
            for key, arrays in networks.items()
        },
        "augment_pipe": None,
        **more,
    }
    return written(path, value, protocol, old)


# === rosinality's names ===


def rosinality_generator(arrays):
    state = {}
    for name, array in arrays.items():
        if name.startswith("mapping.fc"):
            number, tensor_name = name.removeprefix("mapping.fc").split(".")
            state[f"style.{int(number) + 1}.{tensor_name}"] = array
        elif name == "synthesis.b4.const":
            state["input.input"] = array[None]
        elif name != "mapping.w_avg":
            block, layer, rest = name.removeprefix("synthesis.b").split(".", 2)
            level = int(block).bit_length() - 4
            kind = {"conv0": 2 * level, "conv1": 2 * level + 1}.get(layer)
            if rest == "noise_const":
                state[f"noises.noise_{kind + 1}"] = array[None, None]
                continue
            if layer == "torgb":
                owner = "to_rgb1" if block == "4" else f"to_rgbs.{level}"
                bias = ("bias", array.reshape(1, -1, 1, 1) if array.ndim == 1 else array)
            else:
                owner = "conv1" if block == "4" else f"convs.{kind}"
                bias = ("activate.bias", array)
            new, value = {
                "weight": ("conv.weight", array[None]),
                "affine.weight": ("conv.modulation.weight", array),
                "affine.bias": ("conv.modulation.bias", array),
                "noise_strength": ("noise.weight", array.reshape(-1)),
                "bias": bias,
            }[rest]
            state[f"{owner}.{new}"] = value
            if layer == "conv0" and rest == "weight":
                state[f"{owner}.conv.blur.kernel"] = 4 * FILTER
            if layer == "torgb" and rest == "weight" and block != "4":
                state[f"{owner}.upsample.kernel"] = 4 * FILTER
    return state


def rosinality_discriminator(arrays):
    largest = max(int(n[1:].partition(".")[0]) for n in arrays)
    state = {}
    for name, array in arrays.items():
        block, layer, rest = name[1:].split(".", 2)
        number = largest.bit_length() - int(block).bit_length() + 1
        owner = {
            "fromrgb": ("convs.0.0", "convs.0.1"),
            "conv0": (f"convs.{number}.conv1.0", f"convs.{number}.conv1.1"),
            "conv1": (f"convs.{number}.conv2.1", f"convs.{number}.conv2.2"),
            "skip": (f"convs.{number}.skip.1", ""),
            "conv": ("final_conv.0", "final_conv.1"),
            "fc": ("final_linear.0", "final_linear.0"),
            "out": ("final_linear.1", "final_linear.1"),
        }[layer][rest == "bias"]
        state[f"{owner}.{rest}"] = array
        if layer == "conv1":
            state[f"convs.{number}.conv2.0.kernel"] = FILTER
        if layer == "skip":
            state[f"convs.{number}.skip.0.kernel"] = FILTER
    return state


def rosinality_file(path, networks, form="zip", more=b""):
    """A dict of state dicts, of a program's arguments and an optimizer."""
    storages, items = {}, b""

    def put(array):
        key = str(len(storages))
        array = np.ascontiguousarray(array, "float32")
        storages[key] = (array.size, array.tobytes())
        stride = [step // 4 for step in np.empty(array.shape, "f4").strides]
        stored = storage(key, count=array.size, legacy=form == "legacy")
        return tensor(stored, array.shape, stride)

    for key, state in networks.items():
        if isinstance(state, dict):
            inner = b"".join(text(name) + put(array) for name, array in state.items())
            items += text(key) + named("collections.OrderedDict") + b")R(" + inner + b"u"
        else:
            items += text(key) + put(state)
    moments = b"}" + b"K\x00}" + text("exp_avg") + put(np.ones(5)) + b"ss"
    items += text("g_optim") + b"}" + text("state") + moments + b"s"
    items += text("args") + named("argparse.Namespace") + b")\x81}" + text("lr") + b"K\x01sb" + more
    program = b"\x80\x02}(" + items + b"u."
    if form == "legacy":
        return legacy(path, program, storages)
    return archive(path, program, {key: content for key, (_, content) in storages.items()})


# === TensorFlow's names ===


def tensorflow_generator(arrays):
    mapping, synthesis, own = {}, {}, {}
    for name, array in arrays.items():
        if name == "mapping.w_avg":
            own["dlatent_avg"] = array
        elif name.startswith("mapping."):
            _, layer, rest = name.split(".")
            label = "LabelEmbed" if layer == "embed" else f"Dense{layer.removeprefix('fc')}"
            mapping[f"{label}/{rest}"] = array.T
        elif name == "synthesis.b4.const":
            synthesis["4x4/Const/const"] = array[None]
        else:
            block, layer, rest = name.removeprefix("synthesis.b").split(".", 2)
            if rest == "noise_const":
                level = int(block).bit_length() - 1
                number = 0 if block == "4" else 2 * level - 5 + (layer == "conv1")
                synthesis[f"noise{number}"] = array[None, None]
                continue
            label = {"conv0": "Conv0_up", "conv1": "Conv1", "torgb": "ToRGB"}[layer]
            label = "Conv" if (block, layer) == ("4", "conv1") else label
            kernel = array.transpose(2, 3, 1, 0) if array.ndim == 4 else array
            up = (layer, rest) == ("conv0", "weight")
            new, value = {
                "weight": ("weight", np.flip(kernel, (0, 1)) if up else kernel),
                "bias": ("bias", array),
                "noise_strength": ("noise_strength", np.float32(array)),
                "affine.weight": ("mod_weight", array.T),
                "affine.bias": ("mod_bias", array - 1),
            }[rest]
            synthesis[f"{block}x{block}/{label}/{new}"] = value
    return own, mapping, synthesis


def tensorflow_discriminator(arrays, rate=0.1):
    found = {}
    for name, array in arrays.items():
        block, layer, rest = name.split(".")
        side = f"{block[1:]}x{block[1:]}"
        if block == "mapping":
            label = "LabelEmbed" if layer == "embed" else f"Mapping{layer.removeprefix('fc')}"
            array = array if layer == "embed" else array * np.float32(0.01 / rate)
        else:
            label = {
                "fromrgb": f"{side}/FromRGB", "conv0": f"{side}/Conv0", "skip": f"{side}/Skip",
                "conv1": f"{side}/Conv1_down", "conv": f"{side}/Conv", "fc": f"{side}/Dense0",
                "out": "Output",
            }[layer]  # fmt: skip
        moved = array.transpose(2, 3, 1, 0) if array.ndim == 4 else array.T
        found[f"{label}/{rest}"] = moved
    return found


def tf_network(name, variables, components=None, **kwargs):
    return Network(
        version=5, name=name, static_kwargs=EasyDict(kwargs), components=components or {},
        build_module_src=SOURCE, build_func_name=name, variables=list(variables.items()),
    )  # fmt: skip


def tf_generator(arrays, **kwargs):
    own, mapping, synthesis = tensorflow_generator(arrays)
    parts = {"mapping": tf_network("G_mapping", mapping), "synthesis": tf_network("G", synthesis)}
    return tf_network("G_main", own, parts, **kwargs)


def tensorflow_file(path, networks, protocol=3, old=False, **kwargs):
    found = (
        tf_generator(networks["G"], **kwargs),
        tf_network("D", tensorflow_discriminator(networks["D"]), mbstd_group_size=8, **kwargs),
        tf_generator(networks["G_ema"], **kwargs),
    )
    return written(path, found, protocol, old)


# === What goes where ===


@pytest.fixture
def path(tmp_path):
    return tmp_path / "network.pkl"


@pytest.mark.parametrize("protocol, old", [(3, True), (4, False)])
@pytest.mark.parametrize("sizes", [SMALL, CONDITIONAL, ORIG], ids=["plain", "labels", "orig"])
def test_pytorch_pickles(path, sizes, protocol, old):
    networks = networks_of(**sizes)
    model = import_checkpoints(pytorch_file(path, networks, protocol, old, group=8), "stylegan2")
    assert_model_is(model, networks)
    assert {name: getattr(model, name) for name in sizes} == sizes
    assert model.minibatch_group == 8
    assert {name: one.notes for name, one in model.imported.items()} == dict.fromkeys(
        ("generator", "generator_ema", "discriminator"), ()
    )


@pytest.mark.parametrize("protocol, old", [(3, True), (4, False)])
@pytest.mark.parametrize("sizes", [SMALL, CONDITIONAL, ORIG], ids=["plain", "labels", "orig"])
def test_tensorflow_pickles(path, sizes, protocol, old):
    networks = networks_of(**sizes)
    model = import_checkpoints(tensorflow_file(path, networks, protocol, old), "stylegan2")
    assert_model_is(model, networks)
    assert {name: getattr(model, name) for name in sizes} == sizes
    assert model.minibatch_group == 8


@pytest.mark.parametrize("form", ["zip", "legacy"])
def test_rosinality(path, form):
    networks = networks_of()
    state = {
        "g": rosinality_generator(networks["G"]),
        "d": rosinality_discriminator(networks["D"]),
        "g_ema": rosinality_generator(networks["G_ema"]),
    }
    model = import_checkpoints(rosinality_file(path, state, form), "stylegan2")
    assert_model_is(model, networks, but=["mapping.w_avg"])
    assert model.imported["generator"].notes == (
        "no mean style in the file: that of 10000 latents",
    )
    w = model.styles(5000, seed=7)[:, 0].mean(0)
    np.testing.assert_allclose(model.mean_style(), w, atol=0.1 * np.abs(w).max() + 0.05)
    # A converted file has the averaged generator alone, and the mean style beside it.
    alone = {"g_ema": state["g_ema"], "latent_avg": networks["G_ema"]["mapping.w_avg"]}
    model = import_checkpoints(rosinality_file(path, alone, form), "stylegan2")
    assert_model_is(model, {"G_ema": networks["G_ema"]})
    assert set(model.imported) == {"generator", "generator_ema"}


def test_a_state_dict_of_one_network(path):
    arrays = networks_of()["G_ema"]
    for state, but in ((arrays, []), (rosinality_generator(arrays), ["mapping.w_avg"])):
        model = import_checkpoints(save(path, state), "stylegan2")
        assert_model_is(model, {"G_ema": arrays}, but)


def test_without_constant_noise(path):
    networks = {"g_ema": rosinality_generator(networks_of()["G_ema"])}
    bare = {n: a for n, a in networks["g_ema"].items() if not n.startswith("noises.")}
    model = import_checkpoints(rosinality_file(path, {"g_ema": bare}), "stylegan2")
    assert "no constant noise in the file: drawn anew" in model.imported["generator"].notes
    partly = {n: a for n, a in networks["g_ema"].items() if n != "noises.noise_2"}
    refused(rosinality_file(path, {"g_ema": partly}), "Missing: synthesis.b8.conv1.noise_const")


def test_strides_are_honoured(path):
    networks = networks_of()
    pytorch_file(path, networks, made=lambda array: torch_tensor(array, channels_last=True))
    assert_model_is(import_checkpoints(path, "stylegan2"), networks)


def test_other_learning_rates_of_the_mapping_network(path):
    networks = networks_of()
    faster = {n: a * np.float32(0.5) if ".fc" in n and n.startswith("mapping") else a
              for n, a in networks["G_ema"].items()}  # fmt: skip
    attributes = {f"mapping.fc{i}": {"bias_gain": np.float64(0.02)} for i in range(3)}
    written(path, {"G_ema": persisted(filtered(faster), **attributes)})
    assert_model_is(import_checkpoints(path, "stylegan2"), {"G_ema": networks["G_ema"]})


def test_the_generator_alone(path):
    networks = networks_of()
    pytorch_file(path, networks)
    model = import_checkpoints(path, "stylegan2", network="generator")
    assert_model_is(model, {key: networks[key] for key in ("G", "G_ema")})
    assert set(model.imported) == {"generator", "generator_ema"}


def test_a_model_without_averages_gets_the_averaged_generator(path):
    networks = networks_of()
    pytorch_file(path, networks)
    model = import_checkpoints(path, "stylegan2", ema_kimg=0.0)
    assert "generator_ema" not in model.networks
    assert_holds(model.generator, of_generator(model.generator), networks["G_ema"])


def test_command(tmp_path):
    output = tmp_path / "model.keras"
    path = pytorch_file(tmp_path / "faces.pkl", networks_of())
    job = ["import", str(path), "--as", "stylegan2", "--output", str(output)]
    brought = CliRunner().invoke(app, job)
    assert brought.exit_code == 0, brought.output
    assert "generator_ema from" in brought.output
    model = import_checkpoints(path, "stylegan2")
    np.testing.assert_array_equal(zoo.load(output).sample(2, seed=0), model.sample(2, seed=0))


# === Pictures equal PyTorch's ===


TWINS = [
    {"channel_base": 256, "channel_max": 16, "latent_dim": 12, "style_dim": 12},
    {"channel_base": 256, "channel_max": 16, "latent_dim": 12, "style_dim": 10, "num_classes": 3,
     "label_layers": 2},
]  # fmt: skip


def twins(sizes):
    import stylegan2_twin
    import torch

    torch.manual_seed(0)
    widths = {r: min(sizes["channel_base"] // r, sizes["channel_max"]) for r in (4, 8, 16, 32)}
    classes, w = sizes.get("num_classes", 0), sizes["style_dim"]
    generator = stylegan2_twin.Generator(32, 3, sizes["latent_dim"], w, widths, 2, classes)
    discriminator = stylegan2_twin.Discriminator(
        32, 3, widths, c=classes, w=w, map_layers=sizes.get("label_layers", 0)
    )
    return generator, discriminator


def assert_pictures_equal(model, generator, discriminator, classes):
    import torch

    latents = np.random.default_rng(0).normal(size=(8, model.latent_dim)).astype("float32")
    z, c, asked = torch.from_numpy(latents), None, {}
    if classes:
        labels = np.arange(8) % classes
        c, asked = torch.eye(classes)[torch.from_numpy(labels)], {"labels": labels}
    for psi in (1.0, 0.5):
        with torch.no_grad():
            expected = generator(z, c, psi).permute(0, 2, 3, 1).numpy()
        found = model.sample(latents=latents, truncation=psi, **asked)
        np.testing.assert_allclose(found, np.clip(expected, -1, 1), atol=1e-4)
        assert expected.std() > 0.1
    images = torch.rand(8, 3, 32, 32) * 2 - 1
    with torch.no_grad():
        expected = discriminator(images, c).numpy()
    shown = images.permute(0, 2, 3, 1).numpy()
    found = model.discriminator([shown, asked["labels"]] if classes else shown)
    np.testing.assert_allclose(found, expected, atol=1e-4 * max(1, np.abs(expected).max()))


@pytest.mark.fidelity
@pytest.mark.parametrize(
    "form, sizes",
    [
        *((form, TWINS[0]) for form in ("pytorch 3", "pytorch 4", "tensorflow", "zip", "legacy")),
        *((form, TWINS[1]) for form in ("pytorch 4", "tensorflow")),  # rosinality has no labels
    ],
)
def test_pictures_equal_the_twins(path, form, sizes):
    import argparse

    import torch

    classes = sizes.get("num_classes", 0)
    generator, discriminator = twins(sizes)
    networks = {
        key: {n: t.detach().numpy() for n, t in twin.state_dict().items()}
        for key, twin in (("G_ema", generator), ("D", discriminator))
    }
    networks["G"] = networks["G_ema"]
    if form.startswith("pytorch"):
        # With PyTorch's own tensors: their storages are what PyTorch writes.
        pytorch_file(path, networks, int(form[-1]), made=torch.from_numpy)
    elif form == "tensorflow":
        tensorflow_file(path, networks)
    else:
        state = {
            "g_ema": rosinality_generator(networks["G_ema"]),
            "d": rosinality_discriminator(networks["D"]),
        }
        found = {k: {n: torch.tensor(a) for n, a in one.items()} for k, one in state.items()}
        found["latent_avg"] = torch.tensor(networks["G_ema"]["mapping.w_avg"])
        optimizer = torch.optim.Adam(generator.parameters())
        for parameter in generator.parameters():
            parameter.grad = torch.zeros_like(parameter)
        optimizer.step()
        found["g_optim"] = optimizer.state_dict()
        found["args"] = argparse.Namespace(lr=0.002, path="/data")
        torch.save(found, path, _use_new_zipfile_serialization=form == "zip")
    model = import_checkpoints(path, "stylegan2", minibatch_group=4)
    assert_pictures_equal(model, generator, discriminator, classes)


# === What is refused ===


def refused(path, *words, name="stylegan2", **arguments):
    with pytest.raises(ValueError) as failure:
        import_checkpoints(path, name, **arguments)
    message = str(failure.value)
    for word in words:
        assert word in message, message
    assert "\x1b" not in message and len(message) < 5000
    return message


def test_other_networks_are_named(path):
    generator = networks_of()["G_ema"]
    grown = {"4x4/ToRGB_lod3/weight": np.ones((1, 1, 3, 4), "f4")}
    tf = (tf_network("G", grown),) * 3
    for value, words in [
        ({"G_ema": persisted({"synthesis.input.weight": np.ones((3, 3))})}, "StyleGAN3"),
        ({"G_ema": persisted({"backbone.mapping.fc0.weight": np.ones(3)}, "TriPlane")}, "EG3D"),
        ({"G_ema": persisted({"a.b": np.ones(3)}, "Other\x1b")}, r"class 'Other\x1b'"),
        (tf, "a configuration A to D of StyleGAN2 (it has layers called ToRGB_lod)"),
    ]:
        refused(written(path, value), "is not a checkpoint of StyleGAN2. It looks like", words)
    for state, words in [
        ({"model.1.weight": np.ones(3)}, "a network of pytorch-CycleGAN-and-pix2pix"),
        ({"generator.progression.0.conv.weight": np.ones(3)}, "style-based-gan-pytorch"),
        ({"what": np.ones(3)}, "a file without g_ema, g and d"),
    ]:
        refused(save(path, state), "is not a checkpoint of StyleGAN2. It looks like", words)
    own, mapping, synthesis = tensorflow_generator(generator)
    mapping["LabelConcat/weight"] = np.ones((3, 8), "f4")
    parts = {"mapping": tf_network("", mapping), "synthesis": tf_network("", synthesis)}
    refused(written(path, (tf_network("G", own, parts),) * 3), "StyleGAN2-ADA changed")
    refused(written(path, {"training_set_kwargs": {}}), "holds no networks")
    refused(written(path, (1, 2)), "holds a tuple of 2")
    refused(written(path, [1]), "holds a value of type list, not networks")


def test_other_filters(path):
    networks = networks_of()
    wrong = filtered(networks["G_ema"])
    wrong["synthesis.b8.conv0.resample_filter"] = np.ones((4, 4)) / 16
    refused(written(path, {"G_ema": persisted(wrong)}), "another filter than [1, 3, 3, 1]",
            "synthesis.b8.conv0.resample_filter")  # fmt: skip
    tensorflow_file(path, networks, resample_kernel=[1, 2, 1])
    refused(path, "another filter than [1, 3, 3, 1]", "G's resample_kernel")
    tensorflow_file(path, networks, resample_kernel=[1, 3, 3, 1])
    assert import_checkpoints(path, "stylegan2").image_size == 16
    state = rosinality_generator(networks["G_ema"])
    state["convs.0.conv.blur.kernel"] = FILTER  # without the factor of 4
    refused(rosinality_file(path, {"g_ema": state}), "another filter", "convs.0.conv.blur.kernel")


def test_other_activations(path):
    arrays = filtered(networks_of()["G_ema"])
    attributes = {"synthesis.b8.conv0": {"activation": "relu"}}
    refused(written(path, {"G_ema": persisted(arrays, **attributes)}), "activation 'relu' in G_ema")


def test_widths_of_no_base(path):
    arrays = dict(networks_of()["G_ema"])
    arrays["synthesis.b8.conv1.weight"] = np.ones((3, 3, 3, 3), "f4")
    refused(
        written(path, {"G_ema": persisted(arrays)}),
        "other widths than min(channel_base / size, channel_max): 8 at 4, 3 at 8, 4 at 16",
    )


def test_tensors_that_do_not_fit_are_named(path):
    arrays = dict(networks_of()["G_ema"])
    del arrays["synthesis.b16.conv1.bias"]
    arrays["synthesis.b8.conv0.affine.weight"] = np.ones((8, 9), "f4")
    arrays["synthesis.b4.torgb.noise_strength"] = np.ones((), "f4")
    refused(
        written(path, {"G_ema": persisted(arrays)}),
        "does not fit the generator_ema of StyleGAN2",
        "Missing: synthesis.b16.conv1.bias (4,).",
        "Unexpected: synthesis.b4.torgb.noise_strength ()",
        "synthesis.b8.conv0.affine.weight: expected (8, 8), received (8, 9)",
    )
    gaps = {n: a for n, a in networks_of()["G_ema"].items() if ".b8." not in n}
    refused(written(path, {"G_ema": persisted(gaps)}), "blocks of the sizes 4, 16")


def test_two_names_of_one_tensor(path):
    own, mapping, synthesis = tensorflow_generator(networks_of()["G_ema"])
    synthesis["4x4/Conv1/bias"] = synthesis["4x4/Conv/bias"]
    parts = {"mapping": tf_network("", mapping), "synthesis": tf_network("", synthesis)}
    written(path, (tf_network("G", own, parts),) * 3)
    refused(path, "Unexpected: synthesis/4x4/Conv1/bias (8,)", network="generator")


def test_sizes_of_no_memory(path, monkeypatch):
    save(path, networks_of()["G_ema"])
    monkeypatch.setattr(stylegan2, "_LARGEST_MODEL", 9000)
    refused(path, "cannot become stylegan2: its weights take more than 9000 bytes")
    refused(save(path, {"synthesis.b4.const": np.ones(3), f"synthesis.b{'9' * 5000}.torgb.weight":
                        np.ones(3)}), "blocks of the sizes")  # fmt: skip


def test_a_discriminator_that_does_not_fit(path):
    networks = networks_of()
    networks["D"] = networks_of(channel_base=128, channel_max=16)["D"]
    pytorch_file(path, networks)
    refused(path, "does not fit the discriminator", '`network="generator"`')
    assert import_checkpoints(path, "stylegan2", network="generator").image_size == 16


def test_diverged(path):
    networks = networks_of()
    networks["G"]["synthesis.b8.conv0.bias"][0] = np.nan
    refused(pytorch_file(path, networks), "NaN or infinite", "in: synthesis.b8.conv0.bias.")


def test_requests_that_cannot_be(path, tmp_path):
    pytorch_file(path, networks_of())
    for words, arguments in [
        ("determines `image_size`, 16: leave it out", {"image_size": 64}),
        ("determines `num_classes`, 0", {"num_classes": 10}),
        ("has no network 'mapping'", {"network": "mapping"}),
        ("import it too", {"network": "discriminator"}),
        ("must end in .keras", {"output": tmp_path / "model.h5"}),
        ("no argument 'depth'", {"depth": 3}),
    ]:
        refused(path, words, **arguments)
    refused([path, path], "one file, which holds all its networks. Received: 2 files")
    refused({"generator": path}, "one file, which holds all its networks. Received: a dict")
    refused(path, "No checkpoints of other implementations are known for wgan", name="wgan")
    refused(path, "Did you mean 'stylegan2", name="stylegan")
    refused(tmp_path / "absent.pkl", "absent.pkl is not a file")
    refused(path.parent, "is not a file")
    path.write_bytes(b"")
    refused(path, "It is empty")
    path.write_text("<html>")
    refused(path, "It begins with b'<html>'")


def test_relatives_of_the_entry(path):
    pytorch_file(path, networks_of(**CONDITIONAL))
    model = import_checkpoints(path, "stylegan2_cifar10", r1=0.5)
    assert (model.image_size, model.num_classes, model.tricks.r1) == (16, 3, 0.5)


# === Nothing is run, and nothing is boundless ===


def unreadable(path, *words):
    with pytest.raises(ValueError) as failure:
        read_networks(path)
    for word in words:
        assert word in str(failure.value), failure.value
    return str(failure.value)


@pytest.mark.skipif(os.name != "posix", reason="the programs call a POSIX shell")
@pytest.mark.parametrize("name", [n for n in hostile("unused") if n[-1] not in "01"])
def test_hostile_programs(path, tmp_path, name):
    marker = tmp_path / "marker"
    path.write_bytes(hostile(marker)[name])
    unreadable(path, "nothing was run")
    refused(path, "nothing was run")
    assert not marker.exists()


def places(evil):
    """A file with an object in each place of the format."""
    arrays = networks_of()["G_ema"]
    good = {"G_ema": persisted(arrays)}
    yield {"evil": evil, **good}
    yield {**good, "training_set_kwargs": EasyDict(x=evil)}
    yield {**good, "augment_pipe": module("AugmentPipe", {"p": evil})}
    yield {"G_ema": Reduces(PERSISTENT, (evil,))}
    yield {"G_ema": Reduces(PERSISTENT, (EasyDict(type="class", state={}, module_src=evil),))}
    yield {"G_ema": module(evil, {})}
    yield {"G_ema": module("Generator", evil)}
    for state in (
        {"_modules": {"x": evil}},
        {"_parameters": {"x": evil}},
        {"_parameters": {"x": Reduces(PARAMETER, (evil, False, None))}},
        {"_buffers": {"x": Reduces(REBUILD, (evil, 0, (1,), (1,)))}},
        {"_buffers": {"x": Reduces(REBUILD, (Reduces(EMBEDDED, (evil,)), 0, (1,), (1,)))}},
        {"_forward_hooks": collections.OrderedDict(x=evil)},
        {"_non_persistent_buffers_set": {evil}},
        {"_init_kwargs": EasyDict(activation=evil)},
    ):
        yield {"G_ema": module("Generator", state)}
    yield (tf_network("G", {"x": evil}),) * 3
    yield (tf_network("G", {}, {"x": evil}),) * 3
    yield (tf_network("G", {}, kernel=evil), evil, evil)
    yield evil


@pytest.mark.skipif(os.name != "posix", reason="the programs call a POSIX shell")
@pytest.mark.parametrize("protocol", [3, 4])
def test_calls_in_any_place(path, tmp_path, protocol):
    marker = tmp_path / "marker"
    for value in places(Reduces(os.system, (f"touch {marker}",))):
        unreadable(written(path, value, protocol), "asks for posix.system", "nothing was run")
        refused(path, "asks for posix.system")
    assert not marker.exists()


def test_calls_inside_embedded_numbers(path, tmp_path):
    marker = tmp_path / "marker"
    whole = pickle.dumps(Reduces(os.system, (f"touch {marker}",)), 2)
    good = embedded(np.ones(3, "f4"))
    for evil in (whole, good[:20] + whole, good.replace(b"\x80\x02(X", whole[:-1] + b"0(X", 1)):
        made = Reduces(EMBEDDED, (evil,))
        state = {"_buffers": {"x": Reduces(REBUILD, (made, 0, (3,), (1,)))}}
        unreadable(written(path, {"G_ema": module("Generator", state)}))
    assert not marker.exists()


@pytest.mark.parametrize(
    "body, words",
    [
        (named("argparse.Namespace") + b")\x81", "asks for argparse.Namespace;"),
        (named("numpy.ndarray") + b")\x81", "makes an instance of numpy.ndarray;"),
        (named("dnnlib.util.EasyDict") + b"(" + text("a") + b"t\x81", "makes an instance of"),
        (named("dnnlib.util.EasyDict") + b")R", "calls dnnlib.util.EasyDict;"),
        (named("torch.Size"), "asks for torch.Size"),
        (b"(" + text("storage") + b"tQ", "instruction BINPERSID"),
        (call("numpy.dtype", text("O8")), "has an array of type O8"),
        (call("numpy.dtype", b"N"), "has an array of type NoneType"),
        (call("numpy.core.multiarray._reconstruct", named("numpy.dtype")), "something else"),
        (named("torch.storage._load_from_bytes") + b"C\x03abc\x85R", ""),
        (short("os") + short("system") + b"\x93", "asks for os.system"),
        (b"\x96" + struct.pack("<Q", 2) + b"ab", "instruction BYTEARRAY8"),
        (b"\x8f(K\x01]\x90", ""),
    ],
)
def test_what_the_format_does_not_need(path, body, words):
    path.write_bytes(b"\x80\x04" + body + b".")
    unreadable(path, words)


@pytest.mark.parametrize(
    "body",
    [
        b"}" + b")" + b"\x85" * 2**17 + b"Ns",
        b"})" + b"q\x00h\x00\x86" * 100 + b"Ns",
        b"]" * 2**17,
        b"Nr\xff\xff\xff\x7f",
        b"\x8e" + struct.pack("<Q", 2**62) + b"x",
        b"B" + struct.pack("<I", 2**32 - 1) + b"x",
        b"C\xffx",
        b"\x8d" + struct.pack("<Q", 2**62) + b"x",
        b"X" + struct.pack("<I", 2**32 - 1) + b"x",
        b"\x95" + struct.pack("<Q", 2**63) + b"N",
        b"cx" + b"9" * 2**20 + b"\n",
        b"\x8f\x8f\x90",
        b"\x81",
        b"}\x81",
        named("dnnlib.tflib.network.Network") + b")\x81Nb",
        named("dnnlib.tflib.network.Network") + b")\x81",
    ],
    ids=lambda body: repr(body[:24]),
)
def test_broken_and_boundless_programs(path, body):
    path.write_bytes(b"\x80\x04" + body + b".")
    tracemalloc.start()
    unreadable(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**28


def array_with(shape, content, dtype="f4"):
    """A NumPy array that says of itself what it likes."""

    class Lying:
        def __reduce_ex__(self, protocol):
            make = function("numpy.core.multiarray._reconstruct")
            state = (1, shape, np.dtype(dtype), False, content)
            return make, (np.ndarray, (0,), b"b"), state

    return Lying()


@pytest.mark.parametrize(
    "shape, content",
    [
        ((2**40,), b"1234"),
        ((2**40, 0), b""),
        ((2,), b"1234"),
        ((-1,), b""),
        ((1.0,), b"1234"),
        ((True,), b"1234"),
        ((1,) * 33, b"1234"),
        ("a", b"1234"),
        ((1,), "1234"),
        ((1,), None),
    ],
)
def test_arrays_that_lie_about_themselves(path, shape, content):
    value = (tf_network("G", {"x": array_with(shape, content)}),) * 3
    unreadable(written(path, value), "is damaged")


@pytest.mark.parametrize("size", [(2**40,), (2**20, 2**20, 2**10), (4,)])
def test_tensors_that_lie_about_themselves(path, size):
    made = Reduces(EMBEDDED, (embedded(np.ones(3, "f4")),))
    state = {"_buffers": {"x": Reduces(REBUILD, (made, 0, size, (1,) * len(size)))}}
    unreadable(written(path, {"G_ema": module("Generator", state)}))
    made = Reduces(EMBEDDED, (embedded(np.ones(3, "f4"), count=2**30),))
    state = {"_buffers": {"x": Reduces(REBUILD, (made, 0, (3,), (1,)))}}
    unreadable(written(path, {"G_ema": module("Generator", state)}), "ends before the numbers")


def test_tensors_that_repeat_their_numbers(path):
    made = Reduces(EMBEDDED, (embedded(np.ones(3, "f4")),))
    state = {"_buffers": {"x": Reduces(REBUILD, (made, 0, (2**27,), (0,)))}}
    unreadable(written(path, {"G_ema": module("Generator", state)}), "its tensors claim")
    repeated = np.ones(2**18, "f4")
    value = (tf_network("G", {str(number): repeated for number in range(1000)}),) * 3
    unreadable(written(path, value), "its tensors claim")


def test_modules_within_themselves(path):
    state: dict = {"_modules": {}}
    state["_modules"]["x"] = module("Layer", state)
    unreadable(written(path, {"G_ema": module("Generator", state)}), "nests more modules")
    network = tf_network("G", {})
    network.components["x"] = network
    unreadable(written(path, (network,) * 3), "nests more modules")
    wide = {"_modules": {}}
    for _ in range(30):
        wide = {"_modules": {"a": module("Layer", wide), "b": module("Layer", wide)}}
    unreadable(written(path, {"G_ema": module("Generator", wide)}), "nests more modules")


def test_too_many_tensors_and_names_too_long(path, monkeypatch):
    monkeypatch.setattr(network_pickles, "_MAX_TENSORS", 3)
    arrays = {str(number): np.ones(1) for number in range(4)}
    unreadable(written(path, {"G_ema": persisted(arrays)}), "more than 3 tensors")
    unreadable(written(path, {"G_ema": persisted({"n" * 300: np.ones(1)})}), "no name")


def test_too_large(path, monkeypatch):
    pytorch_file(path, networks_of())
    monkeypatch.setattr(network_pickles, "_MAX_PROGRAM", 5000)
    refused(path, "a pickle of more than 5000 bytes besides its numbers")
    monkeypatch.setattr(torch_files, "_MAX_FILE", 1000)
    refused(path, "more than 1000 are not read")


def test_truncated_anywhere(path):
    networks = networks_of()
    for write in (pytorch_file, tensorflow_file):
        whole = write(path, networks).read_bytes()
        for length in random.Random(0).sample(range(1, len(whole)), 60):
            path.write_bytes(whole[:length])
            refused(path)
    state = {"g_ema": rosinality_generator(networks["G_ema"])}
    for form in ("zip", "legacy"):
        whole = rosinality_file(path, state, form).read_bytes()
        for length in random.Random(0).sample(range(1, len(whole)), 30):
            path.write_bytes(whole[:length])
            refused(path)


@pytest.mark.parametrize("seed", range(2))
def test_damaged_anywhere(path, seed):
    """A byte that is another ends in a ValueError or in arrays."""
    generator = random.Random(seed)
    networks = {"G_ema": networks_of()["G_ema"]}
    whole = pytorch_file(path, networks, protocol=3 + seed % 2).read_bytes()
    for _ in range(100):
        damaged = bytearray(whole)
        damaged[generator.randrange(len(whole))] = generator.randrange(256)
        path.write_bytes(damaged)
        try:
            _, found = read_networks(path)
        except ValueError:
            continue
        assert all(isinstance(a, np.ndarray) for one in found.values() for a in one.arrays.values())


@pytest.mark.parametrize("seed", range(3))
def test_random_programs(path, seed):
    """Instructions in any order end in a ValueError or in networks."""
    generator = random.Random(seed)
    pieces = [
        text("w"), b"N", b"(", b")", b"]", b"}", b"t", b"\x85", b"\x86", b"\x87", b"R", b"b", b"s",
        b"u", b"a", b"e", b"q\x00", b"h\x00", b"\x94", b"\x93", b"\x81", b"\x8f", b"\x90",
        b"C\x01a", named("dnnlib.util.EasyDict"), named("numpy.dtype"),
        named("dnnlib.tflib.network.Network"),
        named("torch_utils.persistence._reconstruct_persistent_obj"), named("numpy.ndarray"),
        named("torch.storage._load_from_bytes"), named("numpy._core.multiarray.scalar"),
    ]  # fmt: skip
    for _ in range(500):
        path.write_bytes(b"\x80\x04" + b"".join(generator.choices(pieces, k=12)) + b".")
        try:
            read_networks(path)
        except ValueError:
            continue


def test_arguments_of_programs_stay_inert(path, tmp_path):
    """What a training file of rosinality's may hold besides weights, and no more."""
    state = {"g_ema": rosinality_generator(networks_of()["G_ema"])}
    for more, words in [
        (text("x") + call("os.system", text("true")), "asks for os.system"),
        (text("x") + named("collections.OrderedDict") + b")\x81", "makes an instance of"),
        (text("x") + named("argparse.Namespace") + b"(K\x01t\x81", "makes an instance of"),
        (text("x") + named("argparse.Namespace") + b")R", "calls argparse.Namespace"),
    ]:
        for form in ("zip", "legacy"):
            refused(rosinality_file(path, state, form, more), words, "nothing was run")
    # The reader of plain state dicts stays as strict as it is.
    archive(path, b"\x80\x02}" + text("args") + named("argparse.Namespace") + b")\x81s.")
    with pytest.raises(ValueError, match=r"asks for argparse\.Namespace"):
        torch_files.read_state_dict(path)
    with pytest.raises(ValueError, match=r"asks for torch_utils\.persistence"):
        torch_files.read_state_dict(
            archive(path, b"\x80\x02" + named(f"{PERSISTENT.__module__}.x") + b".")
        )
