"""`client.py upscale`: Keras' larger pictures without Keras."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image
from test_python_client import FORMATS, client, made, photo

from keras_gans import zoo
from keras_gans.images import grids

TILE = 96


@pytest.fixture(scope="module")
def upscaler(tmp_path_factory):
    return made(tmp_path_factory.mktemp("upscaler"), "realesrgan_video_x4", image_size=96)


def as_floats(picture):
    return picture.astype("float32") / 127.5 - 1


def differences(given, expected):
    expected = grids.to_uint8(expected)
    assert given.dtype == np.uint8 and given.shape == expected.shape
    assert expected.std() > 5, "pictures that are grey prove nothing"
    return np.abs(given.astype(int) - expected)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("sides", [(150, 131), (128, 300)])
def test_a_photograph_of_any_size_equals_kerass(upscaler, format, sides):
    folder, model = upscaler
    picture = photo(*sides)
    large = client.Network(folder, format=format).upscale(picture)
    expected = model.upscale(as_floats(picture), tile=128)
    assert differences(large, expected).max() <= 2


@pytest.mark.parametrize("sides", [(1, 1), (7, 40), (96, 97), (61, 230)])
def test_a_free_file_takes_the_smallest_pictures_and_other_tiles(upscaler, sides):
    folder, model = upscaler
    picture = photo(*sides)
    large = client.Network(folder, format="onnx").upscale(picture, tile=TILE)
    expected = model.upscale(as_floats(picture), tile=TILE)
    assert np.abs(large.astype(int) - grids.to_uint8(expected)).max() <= 2


def test_a_picture_smaller_than_a_fixed_tile_is_continued_and_cropped(upscaler):
    folder, model = upscaler
    picture = photo(60, 90)
    large = client.Network(folder, format="tflite").upscale(picture)
    expected = model.upscale(np.pad(as_floats(picture), ((0, 68), (0, 38), (0, 0)), "reflect"))
    assert differences(large, expected[: 4 * 60, : 4 * 90]).max() <= 2


def test_sides_that_must_be_multiples(tmp_path):
    folder, model = made(tmp_path, "realesrgan_x2", formats=("onnx",), times=2)
    network = client.Network(folder)
    assert network.source["multiple_of"] == 2
    picture = photo(101, 133)
    large = network.upscale(picture, tile=TILE)
    assert differences(large, model.upscale(as_floats(picture), tile=TILE)).max() <= 2


def test_tiles_are_counted(upscaler):
    folder, _ = upscaler
    told = []
    client.Network(folder).upscale(photo(150, 131), done=lambda *count: told.append(count))
    assert told == [(number, 4) for number in (1, 2, 3, 4)]


def test_a_picture_is_upscaled_on_the_command_line(upscaler, tmp_path, capsys):
    folder, _ = upscaler
    Image.fromarray(photo(20, 30)).save(tmp_path / "small.png")
    target = tmp_path / "large.png"
    client.main(["upscale", str(folder), str(tmp_path / "small.png"), "--output", str(target)])
    assert Image.open(target).size == (120, 80)
    assert "large.png" in capsys.readouterr().out


def without(folder, target, key):
    shutil.copytree(folder, target)
    manifest = json.loads((target / "manifest.json").read_text())
    for record in manifest["files"]:
        for tensor in (*record["inputs"], *record["outputs"]):
            tensor.pop(key, None)
    (target / "manifest.json").write_text(json.dumps(manifest))
    return target


@pytest.mark.parametrize("key", ["scale", "overlap"])
def test_a_manifest_that_does_not_say_how_gets_one_sentence(upscaler, tmp_path, capsys, key):
    folder = without(upscaler[0], tmp_path / "old", key)
    with pytest.raises(SystemExit) as stopped:
        client.main(["upscale", str(folder), str(tmp_path), "--output", str(tmp_path / "out")])
    assert stopped.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("Error: The manifest says no scale above 1 and no overlap")
    assert len(error.splitlines()) == 1


@pytest.mark.parametrize(
    ("format", "tile", "message"),
    [
        ("tflite", 64, "takes tiles of 128 x 128 pixels only"),
        ("onnx", 95, "at least 96 pixels"),
        ("onnx", 10**6, "at least 96 pixels"),
    ],
)
def test_tiles_that_cannot_be(upscaler, format, tile, message):
    with pytest.raises(ValueError, match=message):
        client.Network(upscaler[0], format=format).upscale(photo(), tile=tile)


def test_a_result_too_large_is_refused_before_a_tile(upscaler):
    network = client.Network(upscaler[0])
    wide = np.broadcast_to(np.zeros(3, "uint8"), (5000, 5000, 3))
    with pytest.raises(ValueError, match="more than 268435456"):
        network.upscale(wide, done=lambda *_: pytest.fail("a tile was made"))


@pytest.mark.parametrize("change", [{"overlap": -1}, {"overlap": "48"}, {"tile": [0, 8]}])
def test_a_hostile_manifest_is_refused(upscaler, tmp_path, change):
    folder = without(upscaler[0], tmp_path / "changed", "nothing")
    manifest = json.loads((folder / "manifest.json").read_text())
    for record in manifest["files"]:
        record["inputs"][0].update(change)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ValueError, match="cannot be used"):
        client.Network(folder)


@pytest.mark.parametrize("name", zoo.names(task="upscaling"))
def test_every_upscaler_says_how_its_tiles_are_joined(name):
    model = zoo.get(name, **zoo.entry(name).tiny)
    tensors = model.describe_tensors()
    assert tensors["target"]["scale"] > 1
    tile, overlap = tensors["source"]["tile"], tensors["source"]["overlap"]
    assert all(side >= 2 * overlap for side in tile)
    assert all(side % tensors["source"].get("multiple_of", 1) == 0 for side in tile)
