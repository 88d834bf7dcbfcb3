"""The same model gives the same bytes, whatever the process has made before."""

import keras
import numpy as np
import pytest
from fabrication import by_default, fabricated, families, same, snapshot, tiny

from keras_gans import export
from keras_gans.export.naming import steadily_named

QUICK = ["cdcgan"]


def written(model, folder):
    export.export(model, folder, formats=("onnx", "tflite"))
    kept = (".onnx", ".tflite")
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix in kept}


@pytest.mark.parametrize("name", by_default(QUICK))
def test_files_do_not_depend_on_what_was_made_before(name, tmp_path):
    model = tiny(name)
    model.fit(fabricated(model), verbose=0)  # of equal weights a converter merges what it likes
    first = written(model, tmp_path / "first")
    again = tiny(name)
    again.set_weights(model.get_weights())
    assert first and written(again, tmp_path / "second") == first


@pytest.mark.parametrize("name", families())
def test_steady_names_change_nothing_else(name):
    for network in tiny(name).networks_to_export().values():
        named = steadily_named(network)
        assert named.output_names == network.output_names
        assert [i.name for i in named.inputs] == [i.name for i in network.inputs]
        assert same(snapshot(network.weights), named.weights)
        again = steadily_named(keras.models.clone_model(network))
        assert [o.name for o in named.operations] == [o.name for o in again.operations]
        paths = [variable.path.rsplit("/", 2)[-2:] for variable in named.weights]
        assert paths == [variable.path.rsplit("/", 2)[-2:] for variable in again.weights]
        inputs = [np.zeros([side or 32 for side in i.shape], i.dtype) for i in network.inputs]
        inputs = inputs if len(inputs) > 1 else inputs[0]
        assert same(snapshot([network(inputs)]), [named(inputs)])
