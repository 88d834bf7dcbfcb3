"""The proof's inputs, what is held back, and how things are put in place."""

import logging
import os
import warnings

import keras
import numpy as np
import pytest

from keras_gans.export import ExportError, ParityError, calibration, parity
from keras_gans.export._quiet import quiet
from keras_gans.export.formats.base import Floor
from keras_gans.export.network import ExportNetwork
from keras_gans.utils import files


def export_network(model, name="generator"):
    return ExportNetwork(name, model.networks_to_export()[name])


def probes(model):
    return parity.probes(export_network(model), model.describe_tensors())


# === Inputs ===


def test_probes_are_seeded_and_of_two_batch_sizes(model):
    first, second = probes(model), probes(model)
    assert list(first) == [1, 3]
    for size in first:
        assert first[size].inputs["latent"].shape == (size, 8)
        np.testing.assert_array_equal(first[size].inputs["latent"], second[size].inputs["latent"])


def draw(tensor_shape, dtype, description):
    class Network:
        name = "network"
        inputs = (parity_tensor(tensor_shape, dtype),)

        def __call__(self, inputs):
            return {"image": inputs["x"]}

    return parity.probes(Network(), {"x": description})


def parity_tensor(shape, dtype):
    from keras_gans.export.network import Tensor

    return Tensor("x", shape, dtype)


def test_every_kind_of_input_has_its_distribution():
    normal = draw((2000, 10), "float32", {"kind": "latent"})[2000].inputs["x"]
    assert abs(normal.mean()) < 0.05 and abs(normal.std() - 1) < 0.05
    shifted = {"kind": "latent", "distribution": "normal", "mean": 5.0, "stddev": 0.1}
    assert abs(draw((500, 2), "float32", shifted)[500].inputs["x"].mean() - 5) < 0.05
    uniform = {"kind": "latent", "distribution": "uniform", "value_range": [2.0, 4.0]}
    values = draw((2000, 2), "float32", uniform)[2000].inputs["x"]
    assert 2 <= values.min() < 2.1 and 3.9 < values.max() <= 4
    labels = draw((500,), "int32", {"kind": "label", "value_range": [3, 6]})[500].inputs["x"]
    assert labels.dtype == np.int32 and set(labels) == {3, 4, 5, 6}
    image = {"kind": "image", "value_range": [-1.0, 1.0]}
    pictures = draw((4, 8, 8, 3), "float32", image)[4].inputs["x"]
    assert pictures.dtype == np.float32
    assert -1 <= pictures.min() < -0.9 and 0.9 < pictures.max() <= 1


def test_free_sides_differ_between_the_turns():
    found = draw((None, None, None, 3), "float32", {"kind": "image"})
    assert [p.inputs["x"].shape for p in found.values()] == [(1, 64, 64, 3), (3, 64, 128, 3)]


@pytest.mark.parametrize("description", [None, {}, {"kind": "latnet"}])
def test_an_input_nothing_is_said_of_is_refused(description):
    with pytest.raises(ExportError, match="`describe_tensors` must say of input 'x'"):
        draw((None, 4), "float32", description)


def test_only_functional_networks_can_be_served():
    class Subclassed(keras.Model):
        pass

    with pytest.raises(ExportError, match="functional keras.Models.*'generator': Subclassed"):
        ExportNetwork("generator", Subclassed())


def test_a_parity_error_is_a_value_error():
    assert issubclass(ParityError, ValueError)  # the command line's promise: exit code 2


# === What is judged ===


class Half:
    """A format of less than float32, whose files answer with `change` of Keras' pictures."""

    name, precisions = "half", {"float16": Floor(translated=30.0, generated=30.0, ssim=0.9)}

    def __init__(self, network, change):
        self._network, self._change = network, change

    def load(self, path):
        return lambda inputs: {
            name: self._change(array) for name, array in self._network(inputs).items()
        }


@pytest.mark.parametrize("right", [(1, 3), (1, 8), (3, 8), (1, 3, 8)])
def test_a_file_that_is_right_at_some_batch_sizes_only_is_refused(model, right):
    network, tensors = export_network(model), model.describe_tensors()
    found = parity.probes(network, tensors)
    gallery = parity.gallery(network, calibration.examples(network, tensors, {}).proving)
    format = Half(network, lambda array: array * np.float32(len(array) in right))
    prove = lambda: parity.prove(format, None, network, found, "float16", gallery)  # noqa: E731
    if right == (1, 3, 8):
        assert prove().psnr == 100.0
    else:
        with pytest.raises(ParityError, match="PSNR"):
            prove()


# === Quiet ===


def chatter():
    os.write(2, b"I0000 00:00:1.2 3 loader.cc:1] a note\n")
    os.write(2, b"E0000 00:00:1.2 3 loader.cc:1] an error\n")
    os.write(2, b"somebody else\n")
    logging.getLogger("tf2onnx").warning("a warning")
    warnings.warn("old", FutureWarning, stacklevel=1)


def test_notes_are_held_back_and_errors_are_not(capfd):
    with quiet():
        chatter()
    said = capfd.readouterr().err
    assert said == "E0000 00:00:1.2 3 loader.cc:1] an error\nsomebody else\n"


def test_all_is_said_when_it_fails_for_an_unknown_reason(capfd):
    with pytest.raises(RuntimeError), quiet():
        chatter()
        raise RuntimeError
    assert "a note" in capfd.readouterr().err


def test_our_own_sentences_need_no_company(capfd):
    with pytest.raises(ExportError), quiet():
        chatter()
        raise ExportError("one sentence")
    assert capfd.readouterr().err == ""


def test_loggers_and_standard_error_are_given_back(capfd):
    logger = logging.getLogger("tf2onnx")
    before = logger.level
    with pytest.raises(KeyboardInterrupt), quiet():
        raise KeyboardInterrupt
    assert logger.level == before
    os.write(2, b"I0000 after\n")
    assert capfd.readouterr().err == "I0000 after\n"


# === Staging ===


def test_parents_made_for_a_failed_export_are_removed_again(tmp_path):
    with pytest.raises(RuntimeError), files.staged(tmp_path / "a" / "b" / "c") as path:
        path.mkdir()
        assert list((tmp_path / "a" / "b").iterdir()) == [path.parent]
        raise RuntimeError
    assert not any(tmp_path.iterdir())


def test_a_rename_that_fails_brings_the_old_folder_back(tmp_path, monkeypatch):
    target = tmp_path / "exported"
    target.mkdir()
    (target / "old").write_text("")
    rename = os.rename

    def failing(source, destination):
        if destination == target and source.parent.name.startswith("."):
            if not source.name == "replaced":
                raise OSError("disk full")
        rename(source, destination)

    monkeypatch.setattr(os, "rename", failing)
    with pytest.raises(OSError, match="disk full"), files.staged(target) as path:
        path.mkdir()
    assert os.listdir(tmp_path) == ["exported"]
    assert os.listdir(target) == ["old"]
