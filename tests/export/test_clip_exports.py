"""Exports of models that make clips frame by frame: the state in every format, and who refuses."""

import json

import numpy as np
import onnxruntime
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from fabrication import tiny
from test_python_client import client

from keras_gans import export, web


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """`(model, folder)`; three frames of the source, so that two that were made are fed back."""
    model = tiny("vid2vid", window=3)
    folder = tmp_path_factory.mktemp("clips") / "exported"
    export.export(model, folder)
    return model, folder


def clip(frames=4, sides=(32, 32)):
    shape = (frames, *sides, 3)
    return np.random.default_rng(0).uniform(-1, 1, shape).astype("float32")


def rolled(run, source, window=3):
    """What a program makes of a clip: `run(source=, previous=)` and the manifest's word."""
    seen, made = [source[0]] * window, [np.zeros_like(source[0])] * (window - 1)
    frames = []
    for frame in source:
        seen = [*seen[1:], frame]
        new = run(
            source=np.concatenate(seen, axis=-1)[None],
            previous=np.concatenate(made, axis=-1)[None],
        )[0]
        made = [*made[1:], new]
        frames.append(new)
    return np.stack(frames)


def onnx(folder):
    session = onnxruntime.InferenceSession(folder / "generator.onnx")
    return lambda **feeds: session.run(["target"], feeds)[0]


def tflite(folder):
    interpreter = Interpreter(str(folder / "generator.tflite"))
    run = interpreter.get_signature_runner()
    return lambda **feeds: run(**feeds)["target"]


def saved_model(folder):
    loaded = tf.saved_model.load(str(folder / "generator_saved_model"))
    run = loaded.signatures["serving_default"]
    return lambda **feeds: run(**{k: tf.constant(v) for k, v in feeds.items()})["target"].numpy()


@pytest.mark.parametrize("opened", [onnx, tflite, saved_model])
def test_a_program_that_keeps_the_state_makes_keras_clips(exported, opened):
    model, folder = exported
    source = clip()
    expected = model.translate(source)
    made = rolled(opened(folder), source)
    np.testing.assert_allclose(made[0], expected[0], atol=1e-4)
    # Rounding grows from frame to frame.
    np.testing.assert_allclose(made, expected, atol=5e-3)
    assert np.abs(expected[1:] - expected[:-1]).max() > 0.1


def test_the_manifest_says_what_is_the_state(exported):
    content = json.loads((exported[1] / "manifest.json").read_text("utf-8"))
    for record in content["files"]:
        about = {tensor["name"]: tensor for tensor in record["inputs"]}
        assert about["source"]["frames"] == 3 and "fed_by" not in about["source"]
        assert about["previous"]["frames"] == 2 and about["previous"]["fed_by"] == "target"
        if record["format"] == "saved_model":  # zeros are no byte
            assert set(record["signatures"]["serve_uint8"]) == {"source", "target"}


def test_a_first_frame_through_bytes(exported):
    model, folder = exported
    source = np.random.default_rng(1).integers(0, 256, (1, 32, 32, 3), "uint8")
    run = tf.saved_model.load(str(folder / "generator_saved_model")).signatures["serve_uint8"]
    given = {
        "source": tf.constant(np.concatenate([source] * 3, axis=-1)),
        "previous": tf.zeros((1, 32, 32, 6)),
    }
    made = run(**given)["target"].numpy().astype(int)
    expected = (model.translate(np.float32(source) / 127.5 - 1) + 1) * 127.5
    assert np.abs(made - expected).max() <= 0.6


def test_programs_for_pictures_refuse_it(exported, tmp_path):
    model, folder = exported
    with pytest.raises(ValueError, match="frames of a clip"):
        client.Network(folder)
    with pytest.raises(ValueError, match="the page does not show"):
        web.write(model, tmp_path / "page")
    assert not list(tmp_path.iterdir())
