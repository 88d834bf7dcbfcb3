"""The page that measures and shows the files of an export."""

import base64
import io
import re
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from export_models import as_if_trained
from PIL import Image

from keras_gans import export, zoo
from keras_gans.images import grids


def batches(model, count=64):
    rng = np.random.default_rng(0)
    draw = lambda spec: rng.uniform(-1, 1, spec.shape).astype("float32")  # noqa: E731
    return [tf.nest.map_structure(draw, model.batch_spec(count))]


@pytest.fixture(scope="module")
def reported(model, exported):
    folder, manifest = exported
    return folder, manifest, export.report(model, folder)


def strips(page):
    """`{what it shows: uint8 picture}`, by title and in order."""
    found = re.findall(r'<img alt="([^"]+)" src="data:image/png;base64,([^"]+)"', page)
    return [
        (name, np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))) for name, data in found
    ]


def test_every_file_is_measured_by_itself(reported):
    _, manifest, measurements = reported
    assert [m.record for m in measurements] == list(manifest.files)
    for measured in measurements:
        assert measured.latency > 0 and measured.runs >= 5 and measured.threads == 2
        assert measured.memory > measured.runtime_memory > 0
        assert measured.parameters == measurements[0].parameters
    by_format = {m.record.format: m for m in measurements}
    # TensorFlow alone takes hundreds of MiB: the small runtimes are seen without it.
    assert by_format["onnx"].memory < by_format["saved_model"].memory / 2
    assert by_format["tflite"].memory < by_format["saved_model"].memory / 2


def test_multiplications_are_those_worked_out_by_hand(model, reported):
    _, _, measurements = reported
    expected = 0
    for layer in model.generator.layers:
        if hasattr(layer, "kernel"):
            # A transposed convolution multiplies every input pixel with the whole kernel.
            places = int(np.prod(layer.input.shape[1:3])) if layer.kernel.shape.rank == 4 else 1
            expected += places * int(np.prod(layer.kernel.shape))
    assert measurements[0].macs == expected


def test_the_page_shows_eight_pictures_from_keras_and_from_each_file(model, reported):
    folder, manifest, _ = reported
    page = (folder / "report.html").read_text()
    shown = strips(page)
    assert [name for name, _ in shown] == ["Keras", *(file.path for file in manifest.files)]
    keras_strip = shown[0][1]
    height, width = keras_strip.shape[:2]
    assert width == 8 * height
    assert keras_strip.std() > 1
    for _, strip in shown[1:]:
        assert np.abs(strip.astype(int) - keras_strip).max() <= 1
    assert "http" not in page.replace("http-equiv", "")  # needs nothing else


def test_a_report_belongs_to_its_export(model, reported, tmp_path):
    folder, *_ = reported
    export.Manifest.read(folder).verify(folder)
    copy = tmp_path / "copy"
    subprocess.run(["cp", "-r", str(folder), str(copy)], check=True)
    export.export(model, copy, formats="onnx", overwrite=True)
    assert not (copy / "report.html").exists()


def test_a_translator_is_shown_its_examples(tmp_path):
    model = zoo.get("cyclegan", **zoo.entry("cyclegan").tiny)
    for network in model.networks_to_export().values():
        as_if_trained(network)
    data = batches(model)
    export.export(model, tmp_path / "e", formats=("onnx", "tflite"), examples=data)
    export.report(model, tmp_path / "e", examples=data)
    shown = strips((tmp_path / "e" / "report.html").read_text())
    assert [name for name, _ in shown].count("in") == 2
    for strip, pictures in zip([s for n, s in shown if n == "in"], data[0], strict=True):
        times = strip.shape[0] // 32
        expected = np.concatenate(list(grids.to_uint8(pictures[:8])), 1)
        np.testing.assert_array_equal(strip[::times, ::times], expected)


def test_a_file_that_has_changed_is_not_measured(model, exported, tmp_path):
    copy = tmp_path / "copy"
    subprocess.run(["cp", "-r", str(exported[0]), str(copy)], check=True)
    (copy / "report.html").unlink(missing_ok=True)
    with (copy / "generator.onnx").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(ValueError, match=r"generator\.onnx has changed"):
        export.report(model, copy)
    assert not (copy / "report.html").exists()


def test_a_folder_without_an_export_and_another_model_are_refused(exported, tmp_path):
    other = zoo.get("cyclegan", **zoo.entry("cyclegan").tiny)
    with pytest.raises(FileNotFoundError, match="No manifest"):
        export.report(other, tmp_path)
    with pytest.raises(ValueError, match="holds generator, which cyclegan does not have"):
        export.report(other, exported[0])


def test_the_runner_knows_its_runtime_only():
    code = (
        "import runpy, sys; runpy.run_path(sys.argv[1]);"
        "assert not {'keras_gans', 'tensorflow', 'keras', 'onnxruntime'} & set(sys.modules)"
    )
    alone = export.report.__globals__["_MEASURED_ALONE"]
    subprocess.run([sys.executable, "-P", "-c", code, str(alone)], check=True)
