"""Manifests from elsewhere: read rightly, or refused in a sentence, here and by the client."""

import json

import hostile
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_python_client import client

from keras_gans import export
from keras_gans.utils.files import UnfitFileError
from keras_gans.utils.json_files import parse_json

QUICK, LARGE = range(40), range(40, 800)
SEEDS = [
    pytest.param(QUICK, id="quick"),
    pytest.param(LARGE, id="large", marks=pytest.mark.large),
]
TENSORS = {
    "inputs": [
        {"name": "latent", "dtype": "float32", "shape": [None, 8], "kind": "latent",
         "distribution": "normal", "mean": 0.0, "stddev": 1.0},
        {"name": "label", "dtype": "int32", "shape": [None, 1], "kind": "label",
         "value_range": [0, 1], "classes": ["a", "b"]},
    ],
    "outputs": [
        {"name": "image", "dtype": "float32", "shape": [None, 8, 8, 1], "kind": "image",
         "layout": "NHWC", "value_range": [-1, 1]},
    ],
}  # fmt: skip
FILE = {
    "path": "generator.onnx", "network": "generator", "format": "onnx", "precision": "float32",
    "size": 5, "sha256": "0" * 64, "signature": None, "opset": 18, **TENSORS, "ops": {"Conv": 1},
    "max_difference": 0.0, "tolerance": 1e-5, "psnr": None, "ssim": None, "floor": None,
    "examples": {}, "kept": [], "batch_sizes": [1, 3], "runtime": "onnxruntime 1.30",
    "oldest_runtime": "ONNX Runtime 1.12",
}  # fmt: skip
MANIFEST = {
    "format": "keras_gans.export", "format_version": 1, "model": {}, "versions": {"keras": "3"},
    "files": [FILE],
    "page": {"files": [{"path": "index.html", "size": 5, "sha256": "0" * 64}], "title": "a"},
}  # fmt: skip


def read_and_verify(folder):
    manifest = export.Manifest.read(folder)
    manifest.to_json()
    manifest.verify(folder)


@pytest.mark.parametrize("read", [read_and_verify, client.read_manifest])
@pytest.mark.parametrize("seeds", SEEDS)
def test_manifests_with_changes(tmp_path, read, seeds):
    text = json.dumps(MANIFEST).encode()
    for seed in seeds:
        content = hostile.json_of(MANIFEST, seed)
        changed = hostile.bytes_of(text, seed) if seed % 4 == 0 else json.dumps(content).encode()
        (tmp_path / "manifest.json").write_bytes(changed)
        with hostile.harmless():
            read(tmp_path)


def test_the_manifest_that_is_changed_is_one(tmp_path):
    (tmp_path / "manifest.json").write_text(json.dumps(MANIFEST))
    assert export.Manifest.read(tmp_path).to_json() == {
        **MANIFEST,
        "files": [{**FILE, "signatures": {}, "order": None}],
    }
    assert client.read_manifest(tmp_path) == [FILE]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=20,
)
shapes = st.recursive(
    st.sampled_from([int, float, str, bool, dict, list, object, None]),
    lambda inner: (
        st.builds(lambda one: [one], inner)
        | st.builds(lambda one: {str: one}, inner)
        | st.dictionaries(st.sampled_from(["a", "b?"]), inner)
        | st.tuples(inner, inner)
    ),
    max_leaves=6,
)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(json_values, shapes)
def test_json_of_any_value_and_shape_is_looked_at(value, shape):
    try:
        parse_json(json.dumps(value), "it", shape)
    except UnfitFileError as error:
        assert str(error).startswith("it is ")


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.binary(max_size=200))
def test_any_bytes_are_looked_at(content):
    try:
        parse_json(content, "it", {str: object})
    except UnfitFileError as error:
        assert str(error).startswith("it is ")
