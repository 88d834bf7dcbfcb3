"""Exports of models that fill holes: picture and mask, in every format and layout."""

import json

import numpy as np
import pytest
from fabrication import tiny
from PIL import Image
from test_python_client import client, photo, same_pictures

from keras_gans import export
from keras_gans.export.export_api import export_networks
from keras_gans.export.parity import probes


def hole(height, width):
    mask = np.zeros((height, width), bool)
    mask[5:20, 8:30] = True
    return mask


def test_networks_are_tried_on_holes_as_they_are_learned_from():
    model = tiny("inpainting")
    (network,) = export_networks(model, None, None, False)
    tried = probes(network, model.describe_tensors(), (32, 32))
    for size, sides in ((1, (32, 32)), (3, (32, 64))):
        mask = tried[size].inputs["mask"]
        assert mask.shape == (size, *sides, 1) and set(np.unique(mask)) == {0.0, 1.0}
        assert 0.1 <= mask.mean((1, 2, 3)).min() and mask.mean((1, 2, 3)).max() <= 0.5
        source, target = tried[size].inputs["source"], tried[size].expected["target"]
        known = mask[..., 0] == 0
        np.testing.assert_array_equal(target[known], source[known])


@pytest.mark.filterwarnings("ignore:.* is a U-Net")
@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
def test_the_client_fills_holes_as_keras_does(tmp_path, layout):
    model = tiny("inpainting")
    manifest = export.export(model, tmp_path / "exported", formats="onnx", layout=layout)
    (record,) = manifest.files
    shape = {"NHWC": (None, None, None, 1), "NCHW": (None, 1, None, None)}[layout]
    (mask,) = [one for one in record.inputs if one.name == "mask"]
    assert tuple(mask.shape) == shape and mask.about["kind"] == "mask"
    network = client.Network(tmp_path / "exported")
    for sides, size in (((32, 32), None), ((50, 44), None), ((50, 44), "own"), ((24, 31), None)):
        picture, where = photo(*sides), hole(*sides)
        given = network.translate(picture, size=size, mask=where)
        expected = model.inpaint(picture / 127.5 - 1.0, where, size=size)
        assert same_pictures(given, expected)
        np.testing.assert_array_equal(given[~where], picture[~where])


def test_a_fixed_hole_is_in_the_manifest_and_filled_by_the_client(tmp_path):
    model = tiny("context_encoder")
    export.export(model, tmp_path / "exported", formats=["onnx", "tflite"])
    for format in ("onnx", "tflite"):
        network = client.Network(tmp_path / "exported", format=format)
        assert network.source["hole"] == [9, 9, 23, 23]
        for sides in ((32, 32), (60, 44), (20, 90)):
            picture = photo(*sides)
            given = network.translate(picture)
            assert same_pictures(given, model.inpaint(picture / 127.5 - 1.0))
            assert (given == picture).all(-1).mean() > 0.6
    for bad in ([9, 9, 23, 99], [9, 9, 9, 23], [True, 9, 23, 23], "all", [9, 9]):
        path = tmp_path / "exported" / "manifest.json"
        content = json.loads(path.read_text("utf-8"))
        content["files"][0]["inputs"][0]["hole"] = bad
        path.write_text(json.dumps(content), "utf-8")
        with pytest.raises(ValueError, match="hole is"):
            client.Network(tmp_path / "exported")


def call(*arguments):
    """The client's exit code."""
    try:
        client.main(list(map(str, arguments)))
    except SystemExit as error:
        return error.code or 0
    return 0


def test_masks_on_the_client_s_command_line(tmp_path, capsys):
    folders = {name: tmp_path / name for name in ("inpainting", "context_encoder")}
    models = {name: tiny(name) for name in folders}
    for name, folder in folders.items():
        export.export(models[name], folder, formats="onnx")
    picture, where = photo(40, 48), hole(40, 48)
    Image.fromarray(picture).save(tmp_path / "photo.png")
    masks = {
        "right": where,
        "small": where[:, :40],
        "grey": np.where(where, 0.5, 0.0),
        "empty": np.zeros_like(where),
    }
    for name, mask in masks.items():
        Image.fromarray(np.uint8(mask * 255)).save(tmp_path / f"{name}.png")
    output = tmp_path / "filled.png"
    job = ["translate", folders["inpainting"], tmp_path / "photo.png", "--output", output]
    assert call(*job, "--mask", tmp_path / "right.png") == 0
    expected = models["inpainting"].inpaint(picture / 127.5 - 1.0, where)
    assert same_pictures(np.asarray(Image.open(output)), expected)
    output.unlink()
    other = ["translate", folders["context_encoder"], *job[2:]]
    for asked, words in (
        (job, "must be told where they are"),
        ([*job, "--mask", tmp_path / "small.png"], "the mask 40 x 40"),
        ([*job, "--mask", tmp_path / "grey.png"], "other values than white"),
        ([*job, "--mask", tmp_path / "empty.png"], "a mask without a hole"),
        ([*job, "--mask", tmp_path / "none.png"], "cannot be read as a mask"),
        ([*other, "--mask", tmp_path / "right.png"], "takes no mask"),
    ):
        assert call(*asked) == 2
        said = capsys.readouterr()
        assert words in said.out + said.err
        assert not output.exists()
