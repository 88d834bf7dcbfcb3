import dataclasses
import json
import re
import shutil
import subprocess

import keras
import pytest
import tensorflow as tf
from fabrication import tiny

import keras_gans
from keras_gans import export
from keras_gans.export.manifest import fingerprint


@pytest.fixture
def folder(exported, tmp_path):
    """A copy of the export to damage."""
    return shutil.copytree(exported[0], tmp_path / "exported")


def test_it_says_what_was_exported_and_how_to_feed_it(model, exported):
    folder, manifest = exported
    content = json.loads((folder / "manifest.json").read_text())
    assert (content["format"], content["format_version"]) == ("keras_gans.export", 1)
    assert content["model"] == {
        "name": "dcgan",
        "class": "keras_gans.zoo.dcgan.DCGAN",
        "config": model.get_config(),
    }
    assert content["versions"]["keras"] == keras.__version__
    assert content["versions"]["keras_gans"] == keras_gans.__version__
    assert [(f["path"], f["format"]) for f in content["files"]] == [
        ("generator_saved_model", "saved_model"),
        ("generator.onnx", "onnx"),
        ("generator.tflite", "tflite"),
    ]
    for file in content["files"]:
        assert (file["network"], file["precision"]) == ("generator", "float32")
        assert file["inputs"] == [
            {
                "name": "latent",
                "dtype": "float32",
                "shape": [None, 8],
                "kind": "latent",
                "distribution": "normal",
                "mean": 0.0,
                "stddev": 1.0,
            }
        ]
        assert file["outputs"] == [
            {
                "name": "image",
                "dtype": "float32",
                "shape": [None, 16, 16, 3],
                "kind": "image",
                "layout": "NHWC",
                "value_range": [-1.0, 1.0],
            }
        ]
        assert 0 <= file["max_difference"] <= 2e-5  # whatever is allowed to a format
        assert file["max_difference"] <= file["tolerance"]
        assert file["batch_sizes"] == [1, 3]
        assert file["examples"] == {"real": False, "proving": 4, "calibrating": 0}
        assert (file["sha256"], file["size"]) == fingerprint(folder / file["path"])
    assert content["files"][1]["runtime"].startswith("onnxruntime 1.")
    assert content["files"][1]["ops"]["ConvTranspose"] == 2
    assert content["files"][0]["signature"] == content["files"][2]["signature"] == "serving_default"


def test_reading_gives_back_what_was_written(exported):
    folder, manifest = exported
    assert export.Manifest.read(folder) == manifest
    assert export.Manifest.read(folder / "manifest.json") == manifest


def test_a_whole_export_is_verified(exported):
    folder, manifest = exported
    manifest.verify(folder)


@pytest.mark.parametrize(
    "path", ["generator.onnx", "generator_saved_model/variables/variables.data-00000-of-00001"]
)
def test_a_changed_byte_is_found(folder, path):
    content = bytearray((folder / path).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / path).write_bytes(content)
    with pytest.raises(ValueError, match=f"{path.split('/')[0]} has changed"):
        export.Manifest.read(folder).verify(folder)


def test_missing_renamed_and_added_files_are_found(folder):
    manifest = export.Manifest.read(folder)
    (folder / "generator.tflite").unlink()
    (folder / "generator_saved_model" / "extra").write_text("")
    with pytest.raises(ValueError) as caught:
        manifest.verify(folder)
    assert "generator_saved_model has changed, generator.tflite is missing" in str(caught.value)


def test_the_hash_of_a_folder_is_what_its_docstring_says(exported):
    folder, manifest = exported
    command = "find -type f | cut -c3- | LC_ALL=C sort | xargs sha256sum | sha256sum"
    printed = subprocess.check_output(command, shell=True, cwd=folder / "generator_saved_model")
    assert printed.split()[0].decode() == manifest.files[0].sha256


def damage(change):
    def apply(path):
        content = json.loads(path.read_text())
        change(content)
        path.write_text(json.dumps(content))

    return apply


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: path.write_text('{"format": '), "is no readable JSON.*Export the model"),
        (lambda path: path.write_bytes(b"\xff\xfe\x00"), "is no readable JSON"),
        (lambda path: path.write_text("[" * 100_000), "is no readable JSON"),
        (lambda path: path.write_text("[1]"), "not the manifest of a keras_gans export"),
        (damage(lambda m: m.update(format_version=2)), "of version 2.*Update keras_gans"),
        (damage(lambda m: m.pop("files")), "is damaged: files is missing"),
        (
            damage(lambda m: m["files"][0].pop("sha256")),
            r"is damaged: files\[0\].sha256 is missing",
        ),
        (damage(lambda m: m["files"][0].update(inputs=None)), "is damaged"),
        (damage(lambda m: m.update(page={"files": [{"path": "a"}]})), "page.files.*is missing"),
        (damage(lambda m: m.update(page={"files": None})), "page.files is null"),
        (damage(lambda m: m.update(versions=None)), "versions is null, not an object"),
        (damage(lambda m: m.update(versions=[1])), "versions is a list"),
        (
            damage(lambda m: m["files"][0].update(path="../../etc/passwd")),
            "leads out of the export",
        ),
        (damage(lambda m: m["files"][0].update(path="/etc/passwd")), "leads out of the export"),
    ],
)
def test_a_damaged_manifest_is_refused(folder, spoil, message):
    spoil(folder / "manifest.json")
    with pytest.raises(ValueError, match=message):
        export.Manifest.read(folder)


def test_no_manifest(tmp_path):
    with pytest.raises(FileNotFoundError, match="No manifest at .*export"):
        export.Manifest.read(tmp_path)


def test_every_file_says_which_runtime_reads_it_at_least(tmp_path):
    manifest = export.export(tiny("gan"), tmp_path / "made")
    oldest = {file.format: file.oldest_runtime for file in manifest.files}
    assert oldest["onnx"] == "ONNX Runtime 1.12"
    assert re.fullmatch(r"TensorFlow Lite [12]\.\d+\.\d+", oldest["tflite"])
    assert oldest["saved_model"] == f"TensorFlow {tf.__version__}"
    assert export.Manifest.read(tmp_path / "made").files == manifest.files


def test_lists_of_numbers_are_on_one_line_and_read_back(tmp_path, exported):
    """Also between texts that look like such lists."""
    _, manifest = exported
    odd = {"a": [1, -2.5, 1e-05], "b": ["[\n1,\n2\n]", None], "c": [], "d": [[0.5], [True, 1]]}
    changed = dataclasses.replace(manifest, model={**manifest.model, "config": odd})
    changed.write(tmp_path)
    text = (tmp_path / "manifest.json").read_text()
    assert '"a": [1, -2.5, 1e-05]' in text
    assert export.Manifest.read(tmp_path) == changed
