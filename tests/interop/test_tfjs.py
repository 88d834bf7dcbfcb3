"""Layers models of TensorFlow.js: what is read of them, and what is refused."""

import json
import math
import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_gans.interop import tfjs

RNG = np.random.default_rng


def layer(kind, name, inbound=(), **config):
    """A layer as Keras 2 describes it in JSON."""
    nodes = [[[one, 0, 0, {}] for one in inbound]] if inbound else []
    return {
        "class_name": kind,
        "name": name,
        "config": {"name": name, **config},
        "inbound_nodes": nodes,
    }


LAYERS = [
    layer("InputLayer", "LR", batch_input_shape=[None, None, None, 3]),
    layer("Conv2D", "SR", ["LR"], filters=2),
]


def entry(name, array, **more):
    return {"name": name, "shape": list(array.shape), "dtype": "float32", **more}


def manifest(arrays, shards=1):
    """A manifest's only group, and its shards, cut without regard to tensors."""
    data = b"".join(array.astype("<f4").tobytes() for array in arrays.values())
    step = -(-len(data) // shards)
    files = {
        f"group1-shard{n + 1}of{shards}.bin": data[n * step : (n + 1) * step] for n in range(shards)
    }
    tensors = [entry(name, array) for name, array in arrays.items()]
    return [{"paths": list(files), "weights": tensors}], files


def write(folder, groups, files, layers=LAYERS, outputs=("SR",), **changes):
    """A `model.json` and its shards."""
    topology = {
        "keras_version": "2.10.0",
        "model_config": {
            "class_name": "Functional",
            "config": {
                "name": "generator",
                "layers": layers,
                "input_layers": [[layers[0]["config"]["name"], 0, 0]],
                "output_layers": [[name, 0, 0] for name in outputs],
            },
        },
    }
    said = {"format": "layers-model", "modelTopology": topology, "weightsManifest": groups}
    (folder / "model.json").write_text(json.dumps({**said, **changes}))
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder / "model.json"


def two_arrays():
    random = RNG(0)
    return {
        "SR/kernel": random.normal(size=(3, 3, 3, 2)).astype("float32"),
        "SR/bias": random.normal(size=2).astype("float32"),
    }


def one_group(*tensors, paths=("w.bin",)):
    return [{"paths": list(paths), "weights": list(tensors)}]


# === What is read ===


@pytest.mark.parametrize("shards", [1, 2, 5, 7])
def test_shards_run_on_from_one_to_the_next(shards, tmp_path):
    arrays = two_arrays()
    layers, outputs, found = tfjs.read_model(write(tmp_path, *manifest(arrays, shards)))
    assert found.keys() == arrays.keys() and outputs == ["SR"]
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
    assert [(one.kind, one.name, one.inbound) for one in layers] == [
        ("InputLayer", "LR", ()),
        ("Conv2D", "SR", ("LR",)),
    ]
    assert layers[1].config["filters"] == 2


def test_groups_have_shards_of_their_own(tmp_path):
    arrays = two_arrays()
    groups, files = [], {}
    for number, (name, array) in enumerate(arrays.items()):
        groups += one_group(entry(name, array), paths=[f"sub/{number}.bin"])
        files[f"sub/{number}.bin"] = array.tobytes()
    _, _, found = tfjs.read_model(write(tmp_path, groups, files))
    np.testing.assert_array_equal(found["SR/bias"], arrays["SR/bias"])


def test_half_precision_is_read(tmp_path):
    array = np.array([0.5, -1.25, 65504.0, 2.0**-24], "float16")
    groups = one_group(entry("a/bias", array, quantization={"dtype": "float16"}))
    _, _, found = tfjs.read_model(write(tmp_path, groups, {"w.bin": array.tobytes()}))
    assert found["a/bias"].dtype == "float32"
    np.testing.assert_array_equal(found["a/bias"], array.astype("float32"))


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_whole_numbers_are_scaled_and_moved(dtype, tmp_path):
    """Three numbers by hand: the least, the greatest, and 3."""
    top = np.iinfo(dtype).max
    stored = np.array([0, top, 3], dtype)
    how = {"dtype": dtype, "scale": 0.25, "min": -1.5}
    groups = one_group(entry("a/bias", stored, quantization=how))
    _, _, found = tfjs.read_model(
        write(tmp_path, groups, {"w.bin": stored.astype(stored.dtype.newbyteorder("<")).tobytes()})
    )
    expected = {"uint8": 62.25, "uint16": 16382.25}[dtype]
    np.testing.assert_array_equal(found["a/bias"], np.array([-1.5, expected, -0.75], "float32"))


@settings(deadline=None, max_examples=40)
@given(
    values=st.lists(st.floats(-100, 100, width=32), min_size=2, max_size=50),
    dtype=st.sampled_from(["uint8", "uint16"]),
)
def test_quantized_numbers_come_back_within_half_a_step(values, dtype, tmp_path_factory):
    array, top = np.array(values, "float64"), np.iinfo(dtype).max
    scale = float(np.ptp(array) / top) or 1.0
    stored = np.round((array - array.min()) / scale).astype(dtype)
    how = {"dtype": dtype, "scale": scale, "min": float(array.min())}
    groups = one_group(entry("a/bias", stored, quantization=how))
    path = write(tmp_path_factory.mktemp("m"), groups, {"w.bin": stored.tobytes()})
    found = tfjs.read_model(path)[2]["a/bias"]
    assert np.abs(found - array).max() <= 0.5 * scale + 1e-5


def test_a_link_to_the_model_is_followed_where_a_person_names_it(tmp_path):
    arrays = two_arrays()
    groups, files = manifest(arrays)
    path = write(tmp_path, groups, files)
    (tmp_path / "linked.json").symlink_to(path)
    assert tfjs.read_model(tmp_path / "linked.json")[2].keys() == arrays.keys()


# === What is refused ===


def refused(path):
    with pytest.raises(ValueError) as failure:
        tfjs.read_model(path)
    return str(failure.value)


@pytest.mark.parametrize(
    "name",
    [
        *("/etc/passwd", "../w.bin", "sub/../../w.bin", "..", ".", "", "sub//w.bin", "w\0.bin"),
        *("C:\\w.bin", "..\\w.bin", "\\\\host\\w.bin", "C:w.bin", "https://host/w.bin"),
    ],
)
def test_shards_outside_the_folder_are_refused(name, tmp_path):
    (tmp_path / "w.bin").write_bytes(b"\0" * 8)
    inner = tmp_path / "inner"
    inner.mkdir()
    path = write(inner, one_group(entry("a/bias", np.zeros(2)), paths=[name]), {})
    assert "outside its folder" in refused(path)


@pytest.mark.parametrize("place", ["w.bin", "sub"])
def test_links_out_of_the_folder_are_refused(place, tmp_path):
    """By the shard itself, and by a folder on the way to it."""
    outside, inner = tmp_path / "outside", tmp_path / "inner"
    for folder in (outside, inner):
        folder.mkdir()
    (outside / "w.bin").write_bytes(b"\0" * 8)
    (inner / place).symlink_to(outside / "w.bin" if place == "w.bin" else outside)
    shard = "w.bin" if place == "w.bin" else "sub/w.bin"
    path = write(inner, one_group(entry("a/bias", np.zeros(2)), paths=[shard]), {})
    assert "link leads out of its folder" in refused(path)


def test_a_link_inside_the_folder_is_refused_too(tmp_path):
    (tmp_path / "w.bin").write_bytes(b"\0" * 8)
    (tmp_path / "x.bin").symlink_to(tmp_path / "w.bin")
    path = write(tmp_path, one_group(entry("a/bias", np.zeros(2)), paths=["x.bin"]), {})
    assert "is a link" in refused(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no FIFOs")
def test_nothing_is_waited_for(tmp_path):
    os.mkfifo(tmp_path / "w.bin")
    path = write(tmp_path, one_group(entry("a/bias", np.zeros(0)), paths=["w.bin"]), {})
    assert "FIFO" in refused(path)


@pytest.mark.parametrize("more", [-1, 1, -8, 4])
def test_shards_are_used_to_the_last_byte(more, tmp_path):
    groups = one_group(entry("a/bias", np.zeros(2)))
    said = refused(write(tmp_path, groups, {"w.bin": b"\0" * (8 + more)}))
    assert "of 8 bytes" in said and f"have {8 + more}" in said and "w.bin" in said


def test_a_missing_shard_is_named(tmp_path):
    said = refused(write(tmp_path, one_group(entry("a/bias", np.zeros(2))), {}))
    assert "w.bin cannot be read: No such file" in said


@pytest.mark.parametrize("dtype", ["int32", "bool", "string", "complex64", "float16", "uint8"])
def test_other_types_are_refused_by_name(dtype, tmp_path):
    groups = one_group({**entry("a/bias", np.zeros(2)), "dtype": dtype})
    assert f"a/bias as {dtype}" in refused(write(tmp_path, groups, {"w.bin": b"\0" * 8}))


@pytest.mark.parametrize(
    "how, words",
    [
        ({"dtype": "int8", "scale": 1.0, "min": 0.0}, "to int8"),
        ({"dtype": "float16", "scale": 2.0}, "to float16"),
        ({"dtype": "uint8"}, "finite `scale`"),
        ({"dtype": "uint8", "scale": 1.0}, "finite `scale`"),
        ({"dtype": "uint8", "scale": math.inf, "min": 0.0}, "finite `scale`"),
        ({"dtype": "uint8", "scale": math.nan, "min": 0.0}, "finite `scale`"),
        ({"dtype": "uint8", "scale": 10**400, "min": 0.0}, "finite `scale`"),
        ({"dtype": "uint8", "scale": "1", "min": 0.0}, "scale is a text"),
        ({"dtype": "uint8", "scale": True, "min": 0.0}, "scale is true or false"),
        ({}, "dtype is missing"),
        (3, "not an object"),
    ],
)
def test_quantization_that_cannot_be_is_refused(how, words, tmp_path):
    groups = one_group(entry("a/bias", np.zeros(2), quantization=how))
    assert words in refused(write(tmp_path, groups, {"w.bin": b"\0" * 2}))


@pytest.mark.parametrize(
    "shape, words",
    [
        ([-1], "no possible shape"),
        ([1] * 9, "no possible shape"),
        ([2**31, 0], "no possible shape"),
        ([2**20, 2**20], "no more than"),
        ([2**29], "no more than"),
        ([1.5], "not a whole number"),
        ("2", "not a list"),
    ],
)
def test_shapes_that_cannot_be_are_refused_before_anything_is_read(shape, words, tmp_path):
    groups = one_group({**entry("a/bias", np.zeros(2)), "shape": shape})
    assert words in refused(write(tmp_path, groups, {}))


def test_names_are_of_one_thing(tmp_path):
    two = [entry("a/bias", np.zeros(1)), entry("a/bias", np.zeros(1))]
    assert "several tensors of one name: a/bias" in refused(write(tmp_path, one_group(*two), {}))
    groups = one_group(entry("a/bias", np.zeros(2)), paths=["w.bin", "w.bin"])
    assert "several shards of one name" in refused(write(tmp_path, groups, {"w.bin": b"\0" * 4}))
    path = write(tmp_path, [], {}, layers=[*LAYERS, LAYERS[1]])
    assert "several layers of one name: SR" in refused(path)


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"format": "graph-model"}, "Received: graph-model"),
        ({"format": None}, "Received: none"),
        ({"format": "layers-model\x1b[2J"}, r"layers-model\x1b[2J"),
        ({"modelTopology": [1]}, "with a `modelTopology`"),
        ({"modelTopology": {}}, "is missing"),
        ({"weightsManifest": None}, "null, not a list"),
        ({"weightsManifest": [{"paths": [1], "weights": []}]}, "not a text"),
        ({"weightsManifest": [{"weights": []}]}, "paths is missing"),
    ],
)
def test_other_files_are_refused(changes, words, tmp_path):
    assert words in refused(write(tmp_path, [], {}, **changes))


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda one: one.update(inbound_nodes=[[["LR", 0, 0]], [["LR", 0, 0]]]), "more than once"),
        (lambda one: one.update(inbound_nodes=[[["LR", 1, 0]]]), "connects layers"),
        (lambda one: one.update(inbound_nodes=[[["LR", 0, 0, {"y": 1}]]]), "connects layers"),
        (lambda one: one.update(inbound_nodes=[["LR"]]), "connects layers"),
        (lambda one: one.update(inbound_nodes=[{}]), "not a list"),
        (lambda one: one.update(inbound_nodes={}), "not a list"),
        (lambda one: one.update(class_name=3), "class_name is a whole number"),
        (lambda one: one.update(config={}), "config.name is missing"),
    ],
)
def test_topologies_that_are_not_read_are_refused(change, words, tmp_path):
    layers = json.loads(json.dumps(LAYERS))
    change(layers[1])
    assert words in refused(write(tmp_path, [], {}, layers=layers))


def test_a_sequential_model_is_refused(tmp_path):
    topology = {"class_name": "Sequential", "config": {"layers": [], "output_layers": []}}
    assert "no functional model. Received: Sequential" in refused(
        write(tmp_path, [], {}, modelTopology={"model_config": topology})
    )


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000, b"3"])
def test_what_is_no_json_is_refused(content, tmp_path):
    (tmp_path / "model.json").write_bytes(content)
    assert "model.json" in refused(tmp_path / "model.json")


def test_no_file_and_a_folder_are_named(tmp_path):
    assert "cannot be read: No such file" in refused(tmp_path / "model.json")
    assert "is a folder" in refused(tmp_path)


def test_an_enormous_model_is_refused_by_its_size(tmp_path):
    with (tmp_path / "model.json").open("wb") as file:
        file.truncate(2**24 + 1)
    assert "no more than 16777216" in refused(tmp_path / "model.json")
    many = [entry(f"{n}/bias", np.zeros(0)) for n in range(20_001)]
    assert "more than 20000 tensors" in refused(write(tmp_path, one_group(*many), {}))
    shards = [f"{n}.bin" for n in range(1001)]
    assert "more than 1000 shards" in refused(write(tmp_path, one_group(paths=shards), {}))
