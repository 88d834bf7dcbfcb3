"""Other forms of a network: of pictures in uint8, and with what is random as inputs."""

import numpy as np
import pytest
import tensorflow as tf
from fabrication import tiny

from keras_gans import export, zoo
from keras_gans.core.signature import images_of
from keras_gans.export.formats import saved_model
from keras_gans.images.grids import to_uint8

RNG = np.random.default_rng(0)


def served(folder, name, **inputs):
    signature = tf.saved_model.load(str(folder)).signatures[name]
    outputs = signature(**{key: tf.constant(array) for key, array in inputs.items()})
    return {key: tensor.numpy() for key, tensor in outputs.items()}


# === Pictures as files have them ===


@pytest.fixture
def translator():
    return zoo.get("pix2pix", **zoo.entry("pix2pix").tiny)


def test_clients_send_and_get_bytes(translator, tmp_path):
    record = translator.export(tmp_path / "generator")
    about = {"dtype": "uint8", "value_range": [0, 255]}
    assert record.signatures == {"serve_uint8": {"source": about, "target": about}}
    source = RNG.integers(0, 256, (3, 32, 64, 3)).astype("uint8")
    made = served(tmp_path / "generator", "serve_uint8", source=source)["target"]
    expected = to_uint8(translator.translate(source / np.float32(127.5) - 1, size="own"))
    assert made.dtype == np.uint8
    apart = np.abs(made.astype(int) - expected)
    assert apart.max() <= 1 and (apart == 0).mean() > 0.999


def test_latents_and_labels_stay_what_they_are(conditional, tmp_path):
    record = conditional.export(tmp_path / "generator")
    assert set(record.signatures["serve_uint8"]) == {"image"}
    latent = RNG.normal(size=(3, conditional.latent_dim)).astype("float32")
    label = np.array([1, 2, 3], "int32")
    made = served(tmp_path / "generator", "serve_uint8", latent=latent, label=label)["image"]
    expected = to_uint8(conditional.sample(labels=label, latents=latent))
    assert np.abs(made.astype(int) - expected).max() <= 1


def test_the_manifest_tells_of_it_and_older_ones_can_be_read(model, tmp_path):
    import json

    manifest = export.export(model, tmp_path / "out", formats="saved_model")
    assert export.Manifest.read(tmp_path / "out") == manifest
    content = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert "serve_uint8" in content["files"][0].pop("signatures")
    (tmp_path / "out" / "manifest.json").write_text(json.dumps(content))
    assert export.Manifest.read(tmp_path / "out").files[0].signatures == {}


def test_bytes_that_differ_are_refused(model, tmp_path, monkeypatch):
    greys = saved_model._greys
    monkeypatch.setattr(saved_model, "_greys", lambda images: greys(images + 0.02))
    with pytest.raises(export.ParityError, match="'serve_uint8' of the generator gives 'image'"):
        export.export(model, tmp_path / "out", formats="saved_model")
    assert not any(tmp_path.iterdir())


# === What is random, as inputs ===


@pytest.fixture(scope="module")
def dropping():
    """Six halvings: one layer of dropout."""
    model = zoo.get("pix2pix", image_size=64, num_downs=6, filters=4)
    for weight in model.generator.weights:
        if "gamma" in weight.path or "beta" in weight.path:
            weight.assign(RNG.normal(1.0, 0.3, weight.shape))
    return model


@pytest.mark.parametrize("format", export.formats())
def test_masks_are_inputs(dropping, tmp_path, format):
    folder = tmp_path / "out"
    (record,) = export.export(dropping, folder, formats=format, stochastic=True).files
    shapes = {tensor.name: tensor.shape for tensor in record.inputs}
    assert shapes == {"source": (None, 64, 64, 3), "mask_5": (None, 4, 4, 32)}
    (mask,) = [tensor for tensor in record.inputs if tensor.name == "mask_5"]
    assert mask.about == {"kind": "noise", "distribution": "bernoulli", "probability": 0.5}
    assert "mask_5" not in record.signatures.get("serve_uint8", {})


def test_masks_have_the_layout_of_the_pictures(dropping, tmp_path):
    how = {"formats": "onnx", "stochastic": True, "layout": "NCHW"}
    (record,) = export.export(dropping, tmp_path / "out", **how).files
    shapes = {tensor.name: tensor.shape for tensor in record.inputs}
    assert shapes == {"source": (None, 3, 64, 64), "mask_5": (None, 32, 4, 4)}


@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
def test_what_was_exported_with_masks_is_reported_on_with_masks(dropping, tmp_path, layout):
    how = {"formats": "onnx", "stochastic": True, "layout": layout}
    manifest = export.export(dropping, tmp_path / "out", **how)
    (measured,) = export.report(dropping, tmp_path / "out")
    assert measured.record == manifest.files[0] and measured.latency > 0
    assert (tmp_path / "out" / "report.html").read_text().count("<img") == 3  # in, Keras, the file


def test_each_mask_gives_its_own_picture_and_the_same_again(dropping):
    network = dropping.stochastic_networks_to_export()["generator"]
    source = RNG.uniform(-1, 1, (1, 64, 64, 3)).astype("float32")
    masks = [RNG.integers(0, 2, (1, 4, 4, 32)).astype("float32") for _ in range(2)]
    first, second = (np.array(network([source, mask])) for mask in masks)
    assert np.abs(first - second).max() > 1e-3
    np.testing.assert_array_equal(first, network([source, masks[0]]))


def test_it_is_the_network_of_the_paper_at_test_time(dropping):
    """With nothing dropped (masks of one half cancel the scale): statistics of the picture."""
    network = dropping.stochastic_networks_to_export()["generator"]
    source = RNG.uniform(-1, 1, (1, 64, 64, 3)).astype("float32")
    halves = np.full((1, 4, 4, 32), 0.5, "float32")
    dropouts = [layer for layer in dropping.generator.layers if type(layer).__name__ == "Dropout"]
    assert len(dropouts) == 1
    before = [np.array(weight) for weight in dropping.generator.weights]
    dropouts[0].rate = 0.0
    try:
        expected = dropping.translate(source, stochastic=True)
    finally:
        dropouts[0].rate = 0.5
    np.testing.assert_allclose(network([source, halves]), expected, atol=1e-5)
    for weight, old in zip(dropping.generator.weights, before, strict=True):
        np.testing.assert_array_equal(weight, old)


def test_masks_keep_to_the_size_that_is_asked_for(dropping, tmp_path):
    record = dropping.export(
        tmp_path / "g.tflite", "tflite", stochastic=True, image_size=(64, 128), batch_size=1
    )
    shapes = {tensor.name: tensor.shape for tensor in record.inputs}
    assert shapes == {"source": (1, 64, 128, 3), "mask_5": (1, 4, 8, 32)}
    with pytest.raises(ValueError, match="must be multiples of 64"):
        dropping.export(tmp_path / "h.tflite", "tflite", stochastic=True, image_size=96)


@pytest.mark.parametrize("name", ["dcgan_dropout_fashion", "cyclegan"])
def test_families_without_such_a_form_say_so(name, tmp_path):
    model = zoo.get(name, **zoo.entry(name).tiny)
    with pytest.raises(ValueError, match=f"{name} has no form for export.*Leave `stochastic` out"):
        export.export(model, tmp_path / "out", stochastic=True)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["cyclegan", "pix2pix"])
def test_a_tflite_file_of_free_sizes_is_ready_at_the_size_of_training(name, tmp_path):
    from ai_edge_litert.interpreter import Interpreter

    model = tiny(name)
    export.export(model, tmp_path / "made", formats="tflite")
    side = next(iter(images_of(model).values())).height
    for path in (tmp_path / "made").glob("*.tflite"):
        interpreter = Interpreter(model_path=str(path))
        interpreter.allocate_tensors()
        (given,) = interpreter.get_input_details()
        assert given["shape"].tolist() == [1, side, side, 3]
        assert given["shape_signature"].tolist() == [-1, -1, -1, 3]
        picture = np.zeros((1, side, side, 3), "float32")
        interpreter.set_tensor(given["index"], picture)
        interpreter.invoke()
        network = model.networks[path.stem]
        found = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
        np.testing.assert_allclose(found, network(picture, training=False), atol=1e-4)


def test_a_tflite_file_of_an_upscaler_takes_one_tile(tmp_path):
    from ai_edge_litert.interpreter import Interpreter

    model = tiny("srgan")
    export.export(model, tmp_path / "made", formats="tflite")
    (path,) = (tmp_path / "made").glob("*.tflite")
    interpreter = Interpreter(model_path=str(path))
    interpreter.allocate_tensors()
    (given,) = interpreter.get_input_details()
    assert given["shape"].tolist() == [1, model.tile, model.tile, 3]
