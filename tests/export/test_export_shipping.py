import dataclasses
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from export_models import Plain, as_if_trained

from keras_gans import export, zoo
from keras_gans.export.formats import onnx_format, saved_model, tflite_format

FORMATS = export.formats()
EXPORTERS = {
    "saved_model": saved_model.SavedModelExporter,
    "onnx": onnx_format.OnnxExporter,
    "tflite": tflite_format.TFLiteExporter,
}


def record_of(manifest, format):
    (record,) = [record for record in manifest.files if record.format == format]
    return record


def run(path, format, inputs):
    """Runs a file without any help from `keras_gans.export`."""
    if format == "saved_model":
        signature = tf.saved_model.load(str(path)).signatures["serving_default"]
        tensors = {name: tf.constant(array) for name, array in inputs.items()}
        return {name: tensor.numpy() for name, tensor in signature(**tensors).items()}
    if format == "onnx":
        import onnxruntime

        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        return {"image": session.run(["image"], inputs)[0]}
    from ai_edge_litert.interpreter import Interpreter

    return Interpreter(model_path=str(path)).get_signature_runner("serving_default")(**inputs)


def allowed(format):
    return EXPORTERS[format].precisions["float32"].difference


def latents(model, count, seed=7):
    return np.random.default_rng(seed).normal(size=(count, model.latent_dim)).astype("float32")


def break_format(monkeypatch, format, change):
    """Makes every file of a format give something else than it should."""
    load = EXPORTERS[format].load

    def broken(self, path):
        run = load(self, path)
        return lambda inputs: {name: change(array) for name, array in run(inputs).items()}

    monkeypatch.setattr(EXPORTERS[format], "load", broken)


# === What is written equals Keras ===


@pytest.mark.parametrize("format", FORMATS)
def test_every_file_gives_what_sample_gives(model, exported, format):
    folder, manifest = exported
    record = record_of(manifest, format)
    for count in (1, 5):
        z = latents(model, count)
        image = run(folder / record.path, format, {"latent": z})["image"]
        pictures = model.sample(latents=z)
        assert pictures.std() > 0.05, "the proof needs pictures that are not grey"
        np.testing.assert_allclose(image, pictures, atol=2e-5)
    assert record.batch_sizes == (1, 3)
    assert record.max_difference <= record.tolerance <= allowed(format)


@pytest.mark.parametrize("format", FORMATS)
def test_labels_are_fed_by_name(conditional, tmp_path, format):
    path = tmp_path / f"generator{EXPORTERS[format].suffix}"
    record = export.export_sampling_network(conditional, path, format)
    assert {tensor.name for tensor in record.inputs} == {"latent", "label"}
    z, labels = latents(conditional, 4), np.array([0, 3, 9, 3], "int32")
    image = run(path, format, {"label": labels, "latent": z})["image"]
    np.testing.assert_allclose(image, conditional.sample(labels=labels, latents=z), atol=2e-5)


@pytest.mark.parametrize("format", FORMATS)
def test_a_fixed_batch_is_fixed_and_lean(model, tmp_path, format):
    manifest = export.export(model, tmp_path / "fixed", formats=format, batch_size=2)
    (record,) = manifest.files
    assert record.inputs[0].shape == (2, 8)
    assert record.outputs[0].shape == (2, 16, 16, 3)
    assert record.batch_sizes == (2,)
    # TFLite's slices are of fixed places.
    assert not {"SHAPE", "PACK", "Shape", "StridedSlice", "Pack"} & set(record.ops)
    z = latents(model, 2)
    image = run(tmp_path / "fixed" / record.path, format, {"latent": z})["image"]
    np.testing.assert_allclose(image, model.sample(latents=z), atol=2e-5)


def test_onnx_is_opset_17_with_public_names(exported):
    import onnx as onnx_package

    folder, manifest = exported
    file = onnx_package.load(folder / "generator.onnx")
    assert [(entry.domain, entry.version) for entry in file.opset_import] == [("", 17)]
    assert record_of(manifest, "onnx").opset == 17

    def dims(value):
        return [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim]

    ends = {value.name: dims(value) for value in (*file.graph.input, *file.graph.output)}
    assert ends == {"latent": ["batch", 8], "image": ["batch", 16, 16, 3]}


def test_tflite_needs_builtins_only(exported):
    from ai_edge_litert.interpreter import Interpreter

    folder, manifest = exported
    ops = set(record_of(manifest, "tflite").ops)
    assert {"CONV_2D", "DEPTH_TO_SPACE", "FULLY_CONNECTED", "TANH"} <= ops
    assert not [op for op in ops if op.startswith(("CUSTOM", "Flex"))]
    signatures = Interpreter(model_path=str(folder / "generator.tflite")).get_signature_list()
    assert signatures == {"serving_default": {"inputs": ["latent"], "outputs": ["image"]}}


def test_keras_reads_the_saved_model_back(conditional, tmp_path):
    folder = tmp_path / "generator"
    export.export_sampling_network(conditional, folder)
    assert {"serve", "serving_default"} <= set(tf.saved_model.load(str(folder)).signatures)
    z, labels = latents(conditional, 3), np.array([1, 2, 3], "int32")
    outputs = keras.layers.TFSMLayer(str(folder))([z, labels])
    expected = conditional.sample(labels=labels, latents=z)
    np.testing.assert_allclose(outputs["image"], expected, atol=2e-5)


def test_a_network_trained_in_half_precision_ships_in_float32(tmp_path):
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        half = zoo.get("dcgan", **zoo.entry("dcgan").tiny)
    finally:
        keras.mixed_precision.set_global_policy("float32")
    assert half.generator.layers[1].compute_dtype == "float16"
    as_if_trained(half.generator)
    full = zoo.get("dcgan", **zoo.entry("dcgan").tiny)
    full.generator.set_weights(half.generator.get_weights())

    manifest = export.export(half, tmp_path / "half", formats=("onnx", "tflite"))
    z = latents(half, 2)
    for record in manifest.files:
        assert not {"Cast", "CAST"} & set(record.ops)
        image = run(tmp_path / "half" / record.path, record.format, {"latent": z})["image"]
        np.testing.assert_allclose(image, full.sample(latents=z), atol=2e-5)


def test_programs_without_keras_can_use_the_manifest(model, exported, tmp_path):
    folder, _ = exported
    program = tmp_path / "client.py"
    program.write_text(
        textwrap.dedent("""
            import json, pathlib, sys
            sys.modules.update(keras=None, tensorflow=None, keras_gans=None)
            import numpy as np, onnxruntime
            from ai_edge_litert.interpreter import Interpreter

            folder, out = map(pathlib.Path, sys.argv[1:])
            made = {}
            for file in json.loads((folder / "manifest.json").read_text())["files"]:
                feeds = {}
                for tensor in file["inputs"]:
                    assert tensor["kind"] == "latent" and tensor["distribution"] == "normal"
                    shape = [2 if side is None else side for side in tensor["shape"]]
                    noise = np.random.default_rng(1).normal(tensor["mean"], tensor["stddev"], shape)
                    feeds[tensor["name"]] = noise.astype(tensor["dtype"])
                (output,) = file["outputs"]
                path = str(folder / file["path"])
                if file["format"] == "onnx":
                    (image,) = onnxruntime.InferenceSession(path).run([output["name"]], feeds)
                elif file["format"] == "tflite":
                    runner = Interpreter(path).get_signature_runner(file["signature"])
                    image = runner(**feeds)[output["name"]]
                else:
                    continue
                assert output["layout"] == "NHWC" and image.shape[1:] == tuple(output["shape"][1:])
                low, high = output["value_range"]
                made[file["format"]] = (image - low) / (high - low)
            np.savez(out, **made)
        """)
    )
    out = tmp_path / "made.npz"
    subprocess.run([sys.executable, program, folder, out], check=True, capture_output=True)
    z = np.random.default_rng(1).normal(0.0, 1.0, (2, 8)).astype("float32")
    expected = (model.sample(latents=z) + 1) / 2
    made = np.load(out)
    assert sorted(made) == ["onnx", "tflite"]
    for image in made.values():
        np.testing.assert_allclose(image, expected, atol=2e-5)


def test_equal_models_give_equal_files(model, exported, tmp_path):
    _, first = exported
    second = export.export(model, tmp_path / "again")
    for a, b in zip(first.files, second.files, strict=True):
        if a.format == "saved_model":  # TensorFlow writes a random number into it
            a = dataclasses.replace(a, sha256=b.sha256, size=b.size)
        assert a == b


# === Translators: sizes ===


@pytest.mark.parametrize("format", FORMATS)
def test_a_translator_takes_pictures_of_any_size(translator, tmp_path, format):
    manifest = export.export(translator, tmp_path / "free", formats=format)
    (record,) = manifest.files
    assert record.inputs[0].shape == record.outputs[0].shape == (None, None, None, 3)
    source = np.random.default_rng(0).uniform(-1, 1, (2, 12, 20, 3)).astype("float32")
    image = run(tmp_path / "free" / record.path, format, {"source": source})["image"]
    np.testing.assert_allclose(image, translator.generator(source), atol=2e-5)


@pytest.mark.parametrize("image_size", [24, (24, 24)])
def test_a_translator_can_be_fixed(translator, tmp_path, image_size):
    path = tmp_path / "translator.tflite"
    record = translator.export(path, "tflite", batch_size=1, image_size=image_size)
    assert record.inputs[0].shape == record.outputs[0].shape == (1, 24, 24, 3)
    assert not {"SHAPE", "PACK"} & set(record.ops)


def test_sizes_a_network_cannot_halve_are_refused_with_one_it_can(tmp_path):
    model = zoo.get("pix2pix", **zoo.entry("pix2pix").tiny)
    message = rf"multiples of {model.stride}. Received: image_size=\({model.stride + 1}, .*would do"
    with pytest.raises(export.ExportError, match=message):
        export.export(model, tmp_path / "e", image_size=model.stride + 1)
    assert not any(tmp_path.iterdir())


def test_image_sizes_that_are_not_the_networks_are_refused(model, translator, tmp_path):
    with pytest.raises(ValueError, match="makes pictures of 16 x 16 and no others.*32, 32"):
        export.export(model, tmp_path / "out", image_size=32)
    source = keras.Input((16, 16, 3), name="source")
    fixed = Plain(keras.Model(source, keras.layers.Conv2D(3, 1, name="image")(source)), size=16)
    with pytest.raises(ValueError, match="takes pictures of 16 x 16.*32, 32"):
        export.export(fixed, tmp_path / "out", image_size=32)
    with pytest.raises(ValueError, match="whole number of at least 1"):
        export.export(translator, tmp_path / "out", image_size=0)
    with pytest.raises(ValueError, match="pair of height and width"):
        export.export(translator, tmp_path / "out", image_size=(1, 2, 3))
    assert not any(tmp_path.iterdir())
    manifest = export.export(model, tmp_path / "out", image_size=16, formats="onnx")
    assert manifest.files[0].outputs[0].shape == (None, 16, 16, 3)


# === What differs from Keras is not kept ===


@pytest.mark.parametrize("format", FORMATS)
def test_a_file_that_differs_is_refused_and_removed(model, tmp_path, monkeypatch, format):
    break_format(monkeypatch, format, lambda array: array + np.float32(1e-2))
    with pytest.raises(
        export.ParityError, match=f"generator written as {format} in float32 .*0.01"
    ) as caught:
        export.export(model, tmp_path / "new" / "exported", formats=format)
    error = caught.value
    assert (error.network, error.format) == ("generator", format)
    assert error.difference == pytest.approx(1e-2, rel=1e-2)
    assert error.tolerance <= allowed(format)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda array: array[:, :-1], r"gives 'image' as float32\[1, 15, 16, 3\]"),
        (lambda array: array.astype("float64"), r"gives 'image' as float64"),
        (lambda array: array * np.float32("nan"), "not finite"),
    ],
)
def test_other_shapes_dtypes_and_nan_are_refused(model, tmp_path, monkeypatch, change, message):
    break_format(monkeypatch, "onnx", change)
    with pytest.raises(export.ParityError, match=message):
        export.export_sampling_network(model, tmp_path / "g.onnx", "onnx")
    assert not any(tmp_path.iterdir())


def test_a_batch_size_baked_in_is_found(model, tmp_path, monkeypatch):
    def first_only(array):
        return np.repeat(array[:1], len(array), axis=0)  # right at batch size 1

    break_format(monkeypatch, "tflite", first_only)
    with pytest.raises(export.ParityError, match="differs from Keras"):
        export.export_sampling_network(model, tmp_path / "g.tflite", "tflite")


def test_nearly_grey_pictures_are_held_to_less(tmp_path, monkeypatch):
    untrained = zoo.get("dcgan", **zoo.entry("dcgan").tiny)
    assert np.abs(untrained.sample(8, seed=0)).max() < 0.1
    break_format(monkeypatch, "onnx", lambda array: array + np.float32(1e-5))
    with pytest.raises(export.ParityError):
        export.export_sampling_network(untrained, tmp_path / "g.onnx", "onnx")


def test_a_runtime_that_refuses_the_file_is_a_failed_proof(model, tmp_path, monkeypatch):
    def refuse(self, path):
        raise RuntimeError("no such kernel")

    monkeypatch.setattr(onnx_format.OnnxExporter, "load", refuse)
    with pytest.raises(
        export.ParityError, match="generator written as onnx in float32 cannot be loaded.*kernel"
    ):
        export.export_sampling_network(model, tmp_path / "g.onnx", "onnx")


def test_a_diverged_network_is_refused(tmp_path):
    diverged = zoo.get("gan", **zoo.entry("gan").tiny)
    diverged.generator.weights[0].assign(diverged.generator.weights[0] * float("nan"))
    with pytest.raises(export.ParityError, match="not finite in Keras itself"):
        export.export(diverged, tmp_path / "out", formats="onnx")
    assert not any(tmp_path.iterdir())


@keras.saving.register_keras_serializable("keras_gans_tests")
class Noise(keras.layers.Layer):
    def call(self, x):
        return x + keras.random.normal(keras.ops.shape(x))


@pytest.mark.parametrize("format", FORMATS)
def test_networks_that_draw_random_numbers_are_refused(tmp_path, format):
    latent = keras.Input((4,), name="latent")
    noisy = Plain(keras.Model(latent, keras.layers.Dense(2, name="image")(Noise()(latent))))
    with pytest.raises(export.UnsupportedOps, match="StatelessRandomNormalV2.*networks_to_export"):
        export.export(noisy, tmp_path / "out", formats=format)
    assert not any(tmp_path.iterdir())


@keras.saving.register_keras_serializable("keras_gans_tests")
class Cholesky(keras.layers.Layer):
    def call(self, x):
        return tf.linalg.cholesky(tf.eye(4) + x[:, :, None] * x[:, None, :])[:, 0]


@pytest.fixture
def exotic():
    """A network with an operation that only TensorFlow has."""
    latent = keras.Input((4,), name="latent")
    return Plain(keras.Model(latent, keras.layers.Dense(2, name="image")(Cholesky()(latent))))


@pytest.mark.parametrize("format", ["onnx", "tflite"])
def test_operations_a_format_does_not_have_are_named(exotic, tmp_path, format):
    with pytest.raises(export.UnsupportedOps, match="no .*operation for Cholesky"):
        export.export(exotic, tmp_path / "out", formats=format)
    assert not any(tmp_path.iterdir())


def test_flex_operations_are_found_in_the_file(exotic, tmp_path):
    exotic.export(tmp_path / "saved_model")
    converter = tf.lite.TFLiteConverter.from_saved_model(str(tmp_path / "saved_model"))
    converter.target_spec.supported_ops = [
        tf.lite.OpsSet.TFLITE_BUILTINS,
        tf.lite.OpsSet.SELECT_TF_OPS,
    ]
    (tmp_path / "flex.tflite").write_bytes(converter.convert())
    with pytest.raises(export.UnsupportedOps, match="FlexCholesky"):
        tflite_format.TFLiteExporter().inspect(tmp_path / "flex.tflite")


# === Interruptions leave no traces ===


def interrupt(*args, **kwargs):
    raise KeyboardInterrupt


def test_an_interrupted_export_leaves_nothing(model, tmp_path, monkeypatch):
    monkeypatch.setattr(tflite_format.TFLiteExporter, "write", interrupt)
    with pytest.raises(KeyboardInterrupt):
        export.export(model, tmp_path / "new" / "exported", formats=("onnx", "tflite"))
    assert not any(tmp_path.iterdir())


def test_an_interrupted_overwrite_leaves_the_old_export(model, conditional, tmp_path, monkeypatch):
    folder = tmp_path / "exported"
    export.export(model, folder, formats=("onnx", "tflite"))
    monkeypatch.setattr(tflite_format.TFLiteExporter, "write", interrupt)
    with pytest.raises(KeyboardInterrupt):
        export.export(conditional, folder, overwrite=True)
    assert os.listdir(tmp_path) == ["exported"]
    manifest = export.Manifest.read(folder)
    manifest.verify(folder)
    assert manifest.model["name"] == "dcgan"


def test_an_interrupted_file_leaves_the_old_file(model, tmp_path, monkeypatch):
    path = tmp_path / "generator.onnx"
    path.write_bytes(b"old")
    monkeypatch.setattr(onnx_format.OnnxExporter, "inspect", interrupt)
    with pytest.raises(KeyboardInterrupt):
        export.export_sampling_network(model, path, "onnx", overwrite=True)
    assert os.listdir(tmp_path) == ["generator.onnx"]
    assert path.read_bytes() == b"old"


# === What is in the way ===


def test_an_export_is_replaced_only_when_asked(model, conditional, tmp_path):
    folder = tmp_path / "exported"
    export.export(model, folder, formats=("onnx", "tflite"))
    with pytest.raises(FileExistsError, match="overwrite=True.*--overwrite"):
        export.export(conditional, folder, formats="onnx")
    export.export(conditional, folder, formats="onnx", overwrite=True)
    assert sorted(os.listdir(folder)) == ["generator.onnx", "manifest.json"]
    assert export.Manifest.read(folder).model["name"] == "cgan"
    assert os.listdir(tmp_path) == ["exported"]


def test_an_empty_folder_is_filled(model, tmp_path):
    (tmp_path / "exported").mkdir()
    export.export(model, tmp_path / "exported", formats="onnx")
    assert (tmp_path / "exported" / "generator.onnx").is_file()


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"thesis.txt": "years"}, "no manifest.json"),
        (
            {"manifest.json": '{"name": "a web app"}', "app.js": ""},
            "manifest.json of something else",
        ),
    ],
)
def test_a_folder_that_is_not_an_export_is_never_replaced(model, tmp_path, files, message):
    home = tmp_path / "home"
    home.mkdir()
    for name, content in files.items():
        (home / name).write_text(content)
    with pytest.raises(FileExistsError, match=message):
        export.export(model, home, overwrite=True)
    assert {path.name: path.read_text() for path in home.iterdir()} == files


def test_files_beside_an_export_are_never_lost(model, tmp_path):
    folder = tmp_path / "exported"
    export.export(model, folder, formats="onnx")
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(FileExistsError, match=r"holds notes\.txt"):
        export.export(model, folder, formats="onnx", overwrite=True)
    assert (folder / "notes.txt").read_text() == "mine"


def test_the_working_folder_cannot_be_replaced(model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=f"Export to a folder inside it: {tmp_path}/exported"):
        export.export(model, ".", formats="onnx")


def test_a_link_stays_a_link(model, tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "disk", target_is_directory=True)
    export.export(model, tmp_path / "link", formats="onnx")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "disk" / "generator.onnx").is_file()


def test_files_are_replaced_only_when_asked(model, tmp_path):
    path = tmp_path / "generator.onnx"
    path.write_bytes(b"old")
    with pytest.raises(FileExistsError, match="overwrite=True"):
        model.export(path, format="onnx")
    model.export(path, format="onnx", overwrite=True)
    assert path.read_bytes() != b"old"
    with pytest.raises(FileExistsError, match="is a file; SavedModel makes a folder"):
        (tmp_path / "thing").write_text("")
        model.export(tmp_path / "thing", overwrite=True)


def test_a_saved_model_replaces_only_a_saved_model(model, tmp_path):
    folder = tmp_path / "generator"
    folder.mkdir()
    (folder / "thesis.txt").write_text("years")
    with pytest.raises(FileExistsError, match="is not a SavedModel"):
        model.export(folder, overwrite=True)
    assert (folder / "thesis.txt").read_text() == "years"
    (folder / "thesis.txt").unlink()
    model.export(folder)
    model.export(folder, overwrite=True)
    assert (folder / "saved_model.pb").is_file()


@pytest.mark.parametrize("name", ["notes.txt", "assets/words.txt", "variables/mine", "empty"])
def test_what_lies_in_a_saved_model_is_not_lost_with_it(model, tmp_path, name):
    folder = tmp_path / "generator"
    model.export(folder)
    if name == "empty":
        (folder / name).mkdir()
    else:
        (folder / name).write_text("years")
    with pytest.raises(FileExistsError, match=f"is not only a SavedModel: it holds {name}"):
        model.export(folder, overwrite=True)
    assert (folder / name).exists() and (folder / "saved_model.pb").is_file()


def test_what_is_written_can_be_read_by_others(model, tmp_path):
    before = os.umask(0o022)
    try:
        export.export(model, tmp_path / "exported", formats="onnx")
    finally:
        os.umask(before)
    assert (tmp_path / "exported").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "exported" / "generator.onnx").stat().st_mode & 0o777 == 0o644


def test_where_nothing_can_be_written(model, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError, match="Cannot write to .*file.*Choose another place"):
        export.export(model, tmp_path / "file" / "exported")


def test_a_folder_one_may_not_write_to(model, tmp_path, monkeypatch):
    def refuse(self, *args, **kwargs):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(PermissionError) as caught:
        export.export(model, tmp_path / "exported", formats="onnx")
    assert str(caught.value) == (
        f"Cannot write to {tmp_path}: Permission denied. Choose another place."
    )


# === What is asked for ===


def test_aliases_and_single_names(model, tmp_path):
    manifest = export.export(model, tmp_path / "a", formats="litert", precisions="float32")
    assert [record.path for record in manifest.files] == ["generator.tflite"]
    model.export(tmp_path / "b", format="tf_saved_model")
    assert (tmp_path / "b" / "saved_model.pb").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"formats": "onxx"}, "Unknown export format: 'onxx'. Did you mean 'onnx'?"),
        ({"formats": ("onnx", "saved-model")}, "Did you mean 'saved_model'?"),
        ({"formats": "coreml"}, "Available formats: saved_model, onnx, tflite."),
        ({"formats": ()}, "`formats` is empty"),
        (
            {"precisions": "float64"},
            "No precision 'float64' in the formats asked for. SavedModel: float32",
        ),
        ({"batch_size": 0}, "`batch_size` must be a whole number of at least 1."),
        ({"classes": ["cat"]}, "dcgan takes no labels"),
    ],
)
def test_what_cannot_be_had_is_refused_by_name(model, tmp_path, arguments, message):
    with pytest.raises(ValueError) as caught:
        export.export(model, tmp_path / "out", **arguments)
    assert message in str(caught.value)
    assert not any(tmp_path.iterdir())


def test_a_plain_keras_model_is_refused(model, tmp_path):
    with pytest.raises(ValueError, match="Only a keras_gans.GAN.*Functional"):
        export.export(model.generator, tmp_path / "out")


@pytest.mark.parametrize(
    ("format", "name", "use"),
    [
        ("onnx", "generator.tflite", "'generator.onnx'"),
        ("onnx", "generator", "'generator.onnx'"),
        ("tflite", "generator.v2", "'generator.v2.tflite'"),
        ("saved_model", "generator.onnx", "'generator'"),
    ],
)
def test_suffixes_that_promise_something_else_are_refused(model, tmp_path, format, name, use):
    with pytest.raises(ValueError, match=f"use {use}, or another `format`"):
        model.export(tmp_path / name, format=format)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("package", "extra", "title"),
    [("tf2onnx", "onnx", "ONNX"), ("ai_edge_litert", "tflite", "TFLite")],
)
def test_a_missing_package_is_named_before_anything_is_written(
    model, tmp_path, monkeypatch, package, extra, title
):
    import importlib.util

    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == package else find(name, *a)
    )
    with pytest.raises(ImportError) as caught:
        export.export(model, tmp_path / "new" / "out")
    assert str(caught.value) == (
        f'{title} export needs `{package}`. Install it with `pip install "keras-gans[{extra}]"`.'
    )
    assert not any(tmp_path.iterdir())
    export.export(model, tmp_path / "out", formats="saved_model")


# === The labels' names ===


def test_classes_are_named_in_the_manifest(conditional, tmp_path):
    names = [f"class {n}" for n in range(10)]
    export.export(conditional, tmp_path / "out", formats="onnx", classes=names)
    content = json.loads((tmp_path / "out" / "manifest.json").read_text())
    (label,) = [t for t in content["files"][0]["inputs"] if t["name"] == "label"]
    assert label["classes"] == names
    assert (label["kind"], label["value_range"], label["dtype"]) == ("label", [0, 9], "int32")
    with pytest.raises(ValueError, match="must name 10 classes.*Received: 2"):
        export.export(conditional, tmp_path / "two", classes=["a", "b"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"classes": ["a", "b"]}, "the classes of 2 heads .label_0, label_1.*Received: 1"),
        ({"classes": {"x": "ab", "y": "abc"}}, "must name 2 classes for 'y'.*Received: 3"),
        ({"attributes": ["a"]}, "must name 3 attributes. Received: 1"),
    ],
)
def test_names_that_do_not_fit_are_refused(tmp_path, arguments, message):
    model = zoo.get("cgan", num_classes=(2, 2), num_attributes=3)
    with pytest.raises(ValueError, match=message):
        export.export(model, tmp_path / "out", **arguments)
    assert not any(tmp_path.iterdir())


def test_attributes_of_a_model_without_are_refused(conditional, tmp_path):
    with pytest.raises(ValueError, match="takes no attributes: leave `attributes` out"):
        export.export(conditional, tmp_path / "out", attributes=["a"])


# === Quiet ===


def test_nothing_is_said_when_all_goes_well(model, tmp_path, capfd):
    export.export(model, tmp_path / "out")
    assert tuple(capfd.readouterr()) == ("", "")
