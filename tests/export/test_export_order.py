"""Files fed by number, as some runtimes do, go by the order the manifest states."""

import numpy as np
import onnxruntime
import pytest
from ai_edge_litert.interpreter import Interpreter
from export_models import as_if_trained
from fabrication import tiny

from keras_gans import export, zoo
from keras_gans.core.signature import Labels, draws

FORMS = ({}, {"num_classes": (3, 2), "num_attributes": 2}, {"num_classes": 0, "num_attributes": 3})


def conditional_entries():
    families = {zoo.entry(name).family: name for name in zoo.names()}
    for name in families.values():
        model = tiny(name)
        if any(isinstance(role, Labels) for role in model.batch_roles().values()):
            several = "num_attributes" in model.get_config()
            yield from ((name, form) for form in (FORMS if several else FORMS[:1]))


def by_number(folder, record, feeds):
    """The outputs of a file by name, its tensors fed and fetched by their numbers alone."""
    path, given = str(folder / record.path), [feeds[name] for name in record.order["inputs"]]
    if record.format == "onnx":
        session = onnxruntime.InferenceSession(path)
        places = [tensor.name for tensor in session.get_inputs()]
        outputs = session.run(None, dict(zip(places, given, strict=True)))
        return dict(zip(record.order["outputs"], outputs, strict=True))
    interpreter = Interpreter(model_path=path)
    for detail, array in zip(interpreter.get_input_details(), given, strict=True):
        interpreter.resize_tensor_input(detail["index"], array.shape)
    interpreter.allocate_tensors()
    for detail, array in zip(interpreter.get_input_details(), given, strict=True):
        interpreter.set_tensor(detail["index"], array)
    interpreter.invoke()
    outputs = [interpreter.get_tensor(one["index"]) for one in interpreter.get_output_details()]
    return dict(zip(record.order["outputs"], outputs, strict=True))


@pytest.mark.parametrize(("name", "form"), list(conditional_entries()))
def test_files_can_be_fed_by_number(name, form, tmp_path):
    model = tiny(name, **form)
    network = model.networks_to_export()["generator"]
    as_if_trained(network)
    formats = ("onnx", "tflite") if form else ("onnx", "tflite", "saved_model")
    export.export(model, tmp_path / "out", formats=formats)
    manifest = export.Manifest.read(tmp_path / "out")
    first, count = network.inputs[0], 4  # latents, or pictures to edit
    sides = [side or 32 for side in first.shape[1:]]
    given = np.random.default_rng(0).uniform(-1, 1, (count, *sides)).astype("float32")
    labels = model.conditions.draw(count, seed=1)
    asked = model.conditions.asked(labels)
    if draws(model):
        expected = model.sample(latents=given, **asked)
    else:
        expected = model.translate(given, **asked)
    assert expected.std() > 0.02
    columns = labels if labels.ndim == 2 else labels[:, None]
    feeds = {first.name: given}
    heads = model.conditions.head_names if model.conditions.heads else []
    feeds |= {head: columns[:, number] for number, head in enumerate(heads)}
    if model.conditions.num_attributes:
        feeds["attributes"] = columns[:, len(heads) :]
    for record in (record for record in manifest.files if record.network == "generator"):
        assert {tensor.name for tensor in record.inputs} == feeds.keys()
        if record.format == "saved_model":
            assert record.order is None
            continue
        assert sorted(record.order["inputs"]) == sorted(feeds)
        (made,) = by_number(tmp_path / "out", record, feeds).values()
        np.testing.assert_allclose(made, expected, atol=record.tolerance)
