"""Exports of models that paint label maps: whole numbers in, in every format, and the client."""

import json

import keras
import numpy as np
import pytest
from fabrication import tiny
from PIL import Image
from test_python_client import client, same_pictures

from keras_gans import export
from keras_gans.core.label_maps import Palette
from keras_gans.export.export_api import export_networks
from keras_gans.export.parity import probes
from keras_gans.web import folder as web

PALETTE = Palette(
    ("#000000", "#ff0000", "#00ff00", "#0000ff", "#ffffff"),
    ("ground", "brick", "leaf", "sky", "cloud"),
)


@pytest.fixture(scope="module")
def model():
    """As if it had been trained: untrained pictures are grey, and prove nothing."""
    keras.utils.set_random_seed(0)
    model = tiny("spade")
    rng = np.random.default_rng(0)
    for layer in model.generator.layers:
        for weight in layer.trainable_weights:
            weight.assign(rng.normal(0, 0.25, weight.shape))
        if hasattr(layer, "moving_variance"):
            layer.moving_mean.assign(rng.normal(0, 0.3, layer.moving_mean.shape))
            layer.moving_variance.assign(rng.uniform(0.5, 2.0, layer.moving_mean.shape))
        if hasattr(layer, "power_iteration"):
            for _ in range(20):
                layer.power_iteration()
    model.label_names = {"heads": {}, "attributes": (), "palette": PALETTE.to_json()}
    return model


@pytest.fixture(scope="module")
def exported(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported") / "spade"
    return folder, export.export(model, folder)


def label_map(height=32, width=32, seed=0):
    areas = np.random.default_rng(seed).integers(0, 5, (-(-height // 8), -(-width // 8)))
    return areas.repeat(8, axis=0).repeat(8, axis=1)[:height, :width].astype("uint8")


def test_networks_are_tried_on_areas_of_classes(model):
    (network,) = export_networks(model, None, None, False)
    tried = probes(network, model.describe_tensors(), (32, 32))
    for size, sides in ((1, (32, 32)), (3, (32, 64))):
        maps = tried[size].inputs["source"]
        assert maps.shape == (size, *sides) and maps.dtype == np.int32
        assert set(np.unique(maps)) <= set(range(5)) and len(np.unique(maps)) > 2


def test_every_format_is_proven_and_the_manifest_says_how_to_paint(exported):
    _, manifest = exported
    assert {record.format for record in manifest.files} == {"saved_model", "onnx", "tflite"}
    for record in manifest.files:
        (source,) = record.inputs
        assert (source.name, source.dtype) == ("source", "int32")
        assert source.shape == (None, None, None)
        assert source.about == {
            "kind": "label_map",
            "value_range": [0, 4],
            "classes": list(PALETTE.names),
            "palette": list(PALETTE.colors),
            "multiple_of": 32,
            "smallest": 32,
            "trained": [32, 32],
        }
        assert record.tolerance is not None and record.max_difference <= record.tolerance


@pytest.mark.parametrize("format", ["onnx", "tflite"])
def test_the_client_paints_maps_as_keras_does(exported, model, format):
    network = client.Network(exported[0], format=format)
    for sides, size in (((32, 32), None), ((50, 44), None), ((50, 44), "own"), ((24, 31), None)):
        numbers = label_map(*sides)
        given = network.translate(numbers, size=size)
        assert same_pictures(given, model.translate(numbers, size=size))


def test_a_fixed_size_scales_maps_by_nearest_pixels(model, tmp_path):
    how = {"formats": "tflite", "batch_size": 1, "image_size": 64}
    export.export(model, tmp_path / "exported", **how)
    network = client.Network(tmp_path / "exported")
    assert network.source["shape"] == [1, 64, 64]
    numbers = label_map(32, 32)
    large = numbers.repeat(2, axis=0).repeat(2, axis=1)
    assert same_pictures(network.translate(large), model.translate(large, size="own"))


@pytest.mark.parametrize("precision", ["float16", "int8"])
def test_smaller_files_paint_like_pictures(model, tmp_path, precision):
    maps = np.stack([label_map(seed=seed) for seed in range(64)]).astype("int32")
    pictures = model.translate(maps)
    how = {"formats": "tflite", "precisions": precision, "examples": [(maps, pictures)]}
    manifest = export.export(model, tmp_path / "exported", **how)
    assert all(record.examples["real"] for record in manifest.files)


# === Files of maps ===


def call(*arguments):
    """The client's exit code."""
    try:
        client.main(list(map(str, arguments)))
    except SystemExit as error:
        return error.code or 0
    return 0


def painted(numbers):
    image = Image.fromarray(numbers)
    image.putpalette(PALETTE.levels.tobytes())
    return image


def test_the_command_takes_maps_by_palette_and_by_number(exported, model, tmp_path):
    numbers = label_map(40, 48)
    (tmp_path / "maps").mkdir()
    painted(numbers).save(tmp_path / "maps" / "table.png")
    painted(numbers).convert("RGB").save(tmp_path / "maps" / "colours.png")
    Image.fromarray(numbers).save(tmp_path / "maps" / "numbers.png")
    output = tmp_path / "out"
    assert call("translate", exported[0], tmp_path / "maps", "--output", output) == 0
    for name in ("table", "colours", "numbers"):
        given = np.asarray(Image.open(output / f"{name}.png"))
        assert same_pictures(given, model.translate(numbers))


def test_the_command_says_which_colours_are_of_no_class(exported, tmp_path, capsys):
    numbers = label_map(64, 64)
    smooth = painted(numbers).convert("RGB").resize((50, 50), Image.Resampling.BICUBIC)
    wrong = np.array(painted(numbers).convert("RGB"))
    wrong[:2, :3] = (250, 1, 0)
    nearest = "nearest is #ff0000 (brick)"
    cases = {
        "same.png": (Image.fromarray(wrong), nearest),
        "soft.png": (smooth, "resized smoothly"),
        "wrong.png": (Image.fromarray(wrong), "6 of 4096 pixels have 1 colours"),
        "high.png": (Image.fromarray(numbers + 3), "classes are 0 to 4"),
    }
    for name, (image, message) in cases.items():
        image.save(tmp_path / name)
        assert call("translate", exported[0], tmp_path / name, "--output", tmp_path / "out") == 2
        assert message in capsys.readouterr().out


@pytest.mark.parametrize(
    "change",
    [
        {"palette": ["#000000"] * 5},
        {"palette": ["black"] * 5},
        {"palette": "#000000"},
        {"palette": None},
        {"value_range": [0, 9]},
        {"classes": ["ground"]},
        {"dtype": "float32"},
    ],
)
def test_a_manifest_of_other_maps_is_refused(exported, tmp_path, change):
    folder = tmp_path / "copied"
    folder.mkdir()
    content = json.loads((exported[0] / "manifest.json").read_text("utf-8"))
    for record in content["files"]:
        record["inputs"][0].update(change)
    (folder / "manifest.json").write_text(json.dumps(content), "utf-8")
    with pytest.raises(ValueError, match="source"):
        client.Network(folder)


def test_the_page_refuses_before_anything_is_written(model, tmp_path):
    with pytest.raises(ValueError, match="no brush of classes"):
        web.write(model, tmp_path / "page")
    assert not list(tmp_path.iterdir())
