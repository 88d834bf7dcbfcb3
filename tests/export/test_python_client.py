"""`export/python/client.py`: Keras' pictures without Keras, and what it refuses."""

import hashlib
import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import venv

import awkward_files
import numpy as np
import onnx
import pytest
from export_models import as_if_trained
from fabrication import tiny
from PIL import Image

from keras_gans import export, zoo
from keras_gans.core.signature import Image as ImageRole
from keras_gans.core.signature import clips_of, label_map_of, takes_masks, translates
from keras_gans.data.whole import read_picture
from keras_gans.images import grids

CLIENT = pathlib.Path(__file__).parents[2] / "export" / "python" / "client.py"
FORMATS = {"onnx": "onnxruntime", "tflite": "ai_edge_litert"}


def imported():
    spec = importlib.util.spec_from_file_location("client", CLIENT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


client = imported()


def made(folder, name, formats=("onnx", "tflite"), names=None, times=5, **overrides):
    """(folder, model) of a tiny entry, exported with weights that make pictures."""
    model = tiny(name, **overrides)
    for network in model.networks_to_export().values():
        enlarge_kernels(network, times) if hasattr(model, "translate") else as_if_trained(network)
    export.export(model, folder / name, formats=formats, **(names or {}))
    return folder / name, model


def enlarge_kernels(network, times=5):
    """From the papers' first weights, whose translations are grey, to some that show."""
    for weight in network.trainable_weights:
        if "kernel" in weight.path:
            weight.assign(times * weight)


@pytest.fixture(scope="module")
def unconditional(tmp_path_factory):
    return made(tmp_path_factory.mktemp("sampler"), "dcgan", latent_distribution="uniform")


@pytest.fixture(scope="module")
def conditional(tmp_path_factory):
    names = {
        "classes": {"kind": ["dress", "coat", "bag"], "colour": ["red", "blue"]},
        "attributes": ["long", "striped"],
    }
    folder = tmp_path_factory.mktemp("conditional")
    return made(folder, "cdcgan", names=names, num_classes=(3, 2), num_attributes=2)


@pytest.fixture(scope="module")
def styled(tmp_path_factory):
    """A model with styles, whose mean style is not 0: first weights make images already."""
    model = tiny("stylegan2", num_classes=3, num_attributes=1)
    mean = model.generator_ema.get_layer("truncation").mean
    mean.assign(np.random.default_rng(0).normal(0.0, 0.3, mean.shape))
    folder = tmp_path_factory.mktemp("styled") / "stylegan2"
    export.export(model, folder, formats=("onnx", "tflite"), classes=["a", "b", "c"])
    return folder, model


@pytest.fixture(scope="module")
def paired(tmp_path_factory):
    return made(tmp_path_factory.mktemp("paired"), "pix2pix")


@pytest.fixture(scope="module")
def unpaired(tmp_path_factory):
    return made(tmp_path_factory.mktemp("unpaired"), "cyclegan")


def same_pictures(given, expected):
    """One grey level apart at most, where a value lay on the border between two."""
    expected = grids.to_uint8(expected)
    assert given.dtype == np.uint8 and given.shape == expected.shape
    assert expected.std() > 5, "pictures that are grey prove nothing"
    difference = np.abs(given.astype(int) - expected)
    return difference.max() <= 1 and (difference > 0).mean() < 0.01


def photo(height=37, width=50, channels=3, seed=0):
    shape = (height, width, channels)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype="uint8")


# === The same pictures as Keras ===


@pytest.mark.parametrize("format", FORMATS)
def test_latents_of_the_manifests_distribution(unconditional, format):
    folder, model = unconditional
    network = client.Network(folder, format=format)
    assert same_pictures(network.sample(20, seed=5), model.sample(20, seed=5))
    assert not np.array_equal(network.sample(2, seed=0), network.sample(2, seed=1))


def test_uniform_latents_are_uniform(unconditional):
    folder, _ = unconditional
    (latent,) = client.Network(folder).inputs("latent")
    values = client.drawn(latent, 1000, np.random.default_rng(0))
    assert -1 <= values.min() < -0.9 and abs(values.std() - 3**-0.5) < 0.02
    normal = {"shape": [None, 4], "distribution": "normal", "mean": 3.0, "stddev": 0.5}
    values = client.drawn(normal, 1000, np.random.default_rng(0))
    assert abs(values.mean() - 3) < 0.05 and abs(values.std() - 0.5) < 0.05


@pytest.mark.parametrize("format", FORMATS)
def test_classes_and_attributes_by_name_or_number(conditional, format):
    folder, model = conditional
    network = client.Network(folder, format=format)
    labels = ["Coat,red", "2, blue"]
    given = network.sample(2, 3, labels, ["striped", "!long"])
    asked = [[1, 0], [1, 0], [2, 1], [2, 1]]
    assert same_pictures(given, model.sample(labels=asked, attributes=[0, 1], seed=3))


def test_names_go_before_numbers_and_letter_for_letter():
    names = ["1", "2", "a", "A"]
    found = [client.number_of(word, names, 0, 3) for word in ("1", "2", "3", "a", "A")]
    assert found == [0, 1, 3, 2, 3]


def test_all_classes_where_none_is_asked_for(conditional):
    folder, model = conditional
    given = client.Network(folder).sample(1, seed=0)
    assert same_pictures(given, model.sample(6, seed=0))


@pytest.mark.parametrize("format", FORMATS)
def test_of_a_model_with_styles_the_whole_generator_is_run(styled, format, tmp_path):
    """Whatever the order of the manifest's files."""
    folder, model = styled
    reversed_ = copied(folder, tmp_path / "reversed", lambda content: content["files"].reverse())
    for place in (folder, reversed_):
        network = client.Network(place, format=format)
        assert network.record["network"] == "generator"
        given = network.sample(2, 3, ["b", "2"], ["0"])
        assert same_pictures(given, model.sample(labels=[1, 1, 2, 2], attributes=[1], seed=3))


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("psi", [0.0, 0.6, 1.0])
def test_psi_runs_the_two_networks_of_the_styles(styled, format, psi):
    folder, model = styled
    network = client.Network(folder, format=format, psi=psi)
    latents = model.draw_latents(5, seed=1)
    feeds = {"latent": latents, "label": np.arange(5, dtype="int32") % 3}
    feeds |= {"attributes": np.ones((5, 1), "int32"), "psi": np.full((5, 1), psi, "float32")}
    assert {tensor["name"] for tensor in network.record["inputs"]} == set(feeds)
    found = network.run(feeds)[network.output["name"]]
    expected = model.sample(labels=feeds["label"], attributes=[1], latents=latents, truncation=psi)
    np.testing.assert_allclose(found, expected, atol=1e-4)
    given = network.sample(2, 3, ["b"], ["0"])
    expected = model.sample(labels=[1, 1], attributes=[1], seed=3, truncation=psi)
    assert same_pictures(given, expected)


def test_psi_in_fixed_batches(styled, tmp_path):
    _, model = styled
    export.export(model, tmp_path / "three", formats="onnx", batch_size=3)
    given = client.Network(tmp_path / "three", psi=0.5).sample(4, 0, ["1"])
    assert same_pictures(given, model.sample(labels=[1] * 4, seed=0, truncation=0.5))


def test_psi_on_the_command_line(styled, unconditional, tmp_path, capsys):
    job = ["sample", styled[0], "--count", 4, "--label", "a"]
    sheets = {}
    for psi in (0, 1):
        path = tmp_path / f"{psi}.png"
        assert call(*job, "--psi", psi, "--output", path) == 0
        sheets[psi] = np.asarray(Image.open(path)).reshape(18, 4, 18, 3)
        assert "4 pictures of mapping.onnx and synthesis.onnx" in capsys.readouterr().out
    assert (sheets[0] == sheets[0][:, :1]).all() and not (sheets[1] == sheets[1][:, :1]).all()
    for arguments, words in (
        ([*job, "--psi", 1.5], "psi must be from 0.0 to 1.0. Received: 1.5"),
        ([*job, "--psi", "nan"], "psi must be from 0.0 to 1.0. Received: nan"),
        ([*job, "--psi", 1, "--network", "generator"], "leave the network out"),
        ([*job, "--network", "mapping"], "mapping takes or gives styles"),
        ([*job, "--network", "synthesis"], "synthesis takes or gives styles"),
        (["sample", unconditional[0], "--psi", 1], "psi is for exports of models with styles"),
    ):
        assert call(*arguments, "--output", tmp_path / "refused.png") == 2
        assert words in capsys.readouterr().err


def test_networks_of_styles_that_do_not_fit_are_refused(styled, tmp_path):
    def other_shape(content):
        for record in content["files"]:
            if record["network"] == "synthesis":
                record["inputs"][0]["shape"][1] = 5

    def only(network):
        return lambda content: content.update(
            files=[record for record in content["files"] if record["network"] == network]
        )

    folder = styled[0]
    with pytest.raises(ValueError, match="synthesis.onnx does not take what mapping.onnx gives"):
        client.Network(copied(folder, tmp_path / "other", other_shape), psi=1.0)
    with pytest.raises(ValueError, match="There are: mapping."):
        client.Network(copied(folder, tmp_path / "mapping", only("mapping")), psi=1.0)
    with pytest.raises(ValueError, match="No network of the export makes images by itself"):
        client.Network(tmp_path / "mapping")


@pytest.mark.filterwarnings("ignore:.* is a U-Net")
@pytest.mark.parametrize("format", FORMATS)
def test_pictures_of_any_size_are_translated(paired, format):
    folder, model = paired
    network = client.Network(folder, format=format)
    for size in ((37, 50), (28, 40)):
        picture = photo(*size)
        for how in ("own", "trained"):
            expected = model.translate(picture / 127.5 - 1.0, size=how)
            assert same_pictures(network.translate(picture, size=how), expected)
        assert (network.translate(picture) == network.translate(picture, size="trained")).all()


# Painters of label maps have tests of their own: test_label_map_exports.py.
TRANSLATORS = sorted({
    zoo.entry(name).family: name
    for name in zoo.names()
    if translates(model := tiny(name))
    and not clips_of(model)  # the client takes none
    and label_map_of(model) is None
}.values())  # fmt: skip


def asked_for(model):
    """Labels of a translator that takes them, as its `translate` and as the client's has them."""
    if takes_masks(model):
        mask = np.zeros((50, 50), bool)
        mask[10:30, 20:41] = True
        return {"masks": mask}, {"mask": mask}
    if not model.conditions:
        return {}, {}
    asked = model.conditions.asked(model.conditions.draw(1, 3))
    numbers = {name: np.ravel(values).tolist() for name, values in asked.items()}
    how = {"label": ",".join(map(str, numbers["labels"]))} if "labels" in numbers else {}
    if "attributes" in numbers:
        on = enumerate(numbers["attributes"])
        how["attributes"] = [str(number) if value else f"!{number}" for number, value in on]
    return asked, how


@pytest.mark.filterwarnings("ignore:.* is a U-Net")
@pytest.mark.parametrize("name", TRANSLATORS)
def test_every_translator_gives_back_the_size_that_came(name, tmp_path):
    upscales = zoo.entry(name).task == "upscaling"  # whose enlarged numbers outgrow float32
    folder, model = made(tmp_path, name, formats=("onnx",), times=2 if upscales else 5)
    asked, how = asked_for(model)
    taken = [role for one in model.signature().values() for role in one.of(ImageRole).values()]
    picture = photo(50, 50, taken[0].channels)
    is_fixed = any(role.sides for role in taken)
    for size in (None,) if is_fixed else ("own", None):
        network = client.Network(folder)
        scale = network.output.get("scale", 1)
        expected = model.translate(picture / 127.5 - 1.0, size=size, **asked)
        given = network.translate(picture, size=size, **how)
        assert given.shape == expected.shape == (50 * scale, 50 * scale, 3)
        assert same_pictures(given, expected)
    if is_fixed:
        return
    # By what the manifest says alone: padded by reflection, and cropped.
    source, multiple = network.source, network.source.get("multiple_of", 1)
    dtypes = {tensor["name"]: tensor["dtype"] for tensor in network.record["inputs"]}
    more = -50 % multiple
    padded = np.pad(picture / 127.5 - 1.0, ((0, more), (0, more), (0, 0)), mode="reflect")
    fed = padded[None].astype("float32")
    fed = fed.transpose(0, 3, 1, 2) if source["layout"] == "NCHW" else fed
    fed = {source["name"]: fed}
    for tensor in network.inputs("mask"):
        hole = np.pad(how["mask"], ((0, more), (0, more)), mode="reflect")
        fed[tensor["name"]] = (
            hole[None, None] if tensor["layout"] == "NCHW" else hole[None, ..., None]
        )
    fed |= {} if "mask" in how else network.labels(1, **how)
    answer = network.run({n: a.astype(dtypes[n]) for n, a in fed.items()})[network.output["name"]]
    answer = answer.transpose(0, 2, 3, 1) if network.output["layout"] == "NCHW" else answer
    cropped = answer[0, : 50 * scale, : 50 * scale]
    assert same_pictures(
        grids.to_uint8(cropped), model.translate(picture / 127.5 - 1.0, size="own", **asked)
    )


def test_labels_of_a_picture_are_asked_for_by_name_and_their_lack_is_said(tmp_path):
    names = {"classes": ["red", "blue", "green"], "attributes": ["hat", "beard"]}
    overrides = {"num_classes": 3, "num_attributes": 2}
    folder, model = made(tmp_path, "stargan", formats=("onnx",), names=names, **overrides)
    network, picture = client.Network(folder), photo()
    given = network.translate(picture, label="blue", attributes=["beard", "!hat"])
    expected = model.translate(picture / 127.5 - 1.0, labels=1, attributes=[0, 1])
    assert same_pictures(given, expected)
    for how, message in (
        ({}, "takes a label.*red, blue, green"),
        ({"label": "pink"}, "Unknown: 'pink'"),
        ({"label": "red", "attributes": ["scarf"]}, "Unknown: 'scarf'"),
    ):
        with pytest.raises(ValueError, match=message):
            network.translate(picture, **how)
    Image.fromarray(picture).save(tmp_path / "photo.png")
    written = tmp_path / "written.png"
    client.main(
        ["translate", str(folder), str(tmp_path / "photo.png"), "--label", "blue"]
        + ["--attribute", "beard", "--output", str(written)]
    )
    np.testing.assert_array_equal(np.asarray(Image.open(written)), given)


def test_labels_of_a_network_without_any_are_refused(unpaired):
    for how in ({"label": "red"}, {"attributes": ["hat"]}):
        with pytest.raises(ValueError, match="leave them out"):
            client.Network(unpaired[0]).translate(photo(), **how)


@pytest.mark.parametrize("sides", [(2, 2), (4, 60), (3, 5)])
def test_the_smallest_pictures_are_translated(unpaired, sides):
    folder, model = unpaired
    for how in ("own", "trained"):
        expected = model.translate(photo(*sides) / 127.5 - 1.0, size=how)
        assert same_pictures(client.Network(folder).translate(photo(*sides), size=how), expected)


@pytest.mark.parametrize("direction", ["ab", "ba"])
def test_a_network_is_chosen_by_name(unpaired, direction):
    folder, model = unpaired
    network = client.Network(folder, f"generator_{direction}")
    expected = model.translate(photo() / 127.5 - 1.0, direction=direction)
    assert same_pictures(network.translate(photo()), expected)
    first = client.Network(folder).record["network"]
    assert first == "generator_ab"


def test_masks_of_dropout_are_drawn_by_their_seed(tmp_path):
    model = tiny("pix2pix", image_size=64, num_downs=6, filters=4)  # one layer of dropout
    enlarge_kernels(model.generator)
    export.export(model, tmp_path / "e", formats="onnx", stochastic=True)
    network = client.Network(tmp_path / "e")
    one, same, other = (network.translate(photo(64, 64), seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


@pytest.mark.filterwarnings("ignore:.* is a U-Net")
def test_fixed_batches_and_sides(paired, unconditional, tmp_path):
    _, model = unconditional
    export.export(model, tmp_path / "three", formats="onnx", batch_size=3)
    assert same_pictures(client.Network(tmp_path / "three").sample(7), model.sample(7, seed=0))
    _, translator = paired
    export.export(translator, tmp_path / "one", formats="onnx", batch_size=1, image_size=(32, 64))
    network = client.Network(tmp_path / "one")
    assert same_pictures(
        network.translate(photo(32, 64)),
        translator.translate(photo(32, 64) / 127.5 - 1.0, size="own"),
    )
    assert network.translate(photo(80, 90)).shape == (80, 90, 3)  # scaled to the file's and back
    with pytest.raises(ValueError, match="takes 64 x 32 pixels only"):
        network.translate(photo(80, 90), size="own")


TAKEN_AND_GIVEN = {"inputs": [{"kind": "latent"}], "outputs": [{"kind": "image"}]}


def test_float32_is_preferred_and_others_can_be_asked_for(tmp_path):
    files = [
        {"network": "g", "format": format, "precision": precision, **TAKEN_AND_GIVEN}
        for precision in ("float16", "float32")
        for format in ("saved_model", "tflite", "onnx")
    ]
    chosen = client.choose(files, None, None, None)
    assert (chosen["format"], chosen["precision"]) == ("onnx", "float32")
    chosen = client.choose(files, "g", "tflite", "float16")
    assert (chosen["format"], chosen["precision"]) == ("tflite", "float16")
    only = [file for file in files if file["precision"] == "float16"]
    assert client.choose(only, None, None, None)["precision"] == "float16"


def test_layout_range_and_dtype_are_the_manifests():
    tensor = {"name": "x", "layout": "NCHW", "value_range": [0, 255], "shape": [None, 3, 8, 9]}
    assert client.nhwc(tensor) == [None, 8, 9, 3]
    pixels = photo(8, 9)[None]
    values = client.encoded(pixels, tensor)
    assert values.shape == (1, 3, 8, 9) and values.min() >= 0 and values.max() > 200
    np.testing.assert_array_equal(client.rounded(client.levels_of(values, tensor)), pixels)
    with pytest.raises(ValueError, match="'?x'? is HWCN: NHWC and NCHW are known"):
        client.nhwc({**tensor, "layout": "HWCN"})


def test_fed_as_the_manifest_says(unconditional):
    """NCHW, [0, 1] and float64, through a runtime that notes what it is given."""
    folder, _ = unconditional
    network, seen = client.Network(folder), {}
    source = {"name": "source", "kind": "image", "dtype": "float64", "layout": "NCHW"}
    source |= {"shape": [None, 1, None, None], "value_range": [0.0, 1.0], "multiple_of": 8}
    network.record = {"network": "g", "inputs": [source]}
    network.output = {**source, "name": "target"}
    network.run = lambda feeds: seen.update(feeds) or {"target": feeds["source"]}
    picture = photo(5, 9, 1)
    np.testing.assert_array_equal(network.translate(picture), picture)
    assert seen["source"].dtype == np.float64 and seen["source"].shape == (1, 1, 8, 16)
    assert 0 <= seen["source"].min() and seen["source"].max() <= 1


# === Files ===


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "P", "I;16"])
@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_are_read_as_keras_gans_reads_them(tmp_path, mode, channels):
    grey = np.arange(256, dtype="uint8").reshape(16, 16)
    if mode == "I;16":
        image = Image.fromarray(grey.astype("uint16") * 257)
    else:
        alpha = Image.fromarray(np.stack([grey, grey.T, 255 - grey, grey[::-1]], -1), "RGBA")
        image = alpha.convert(mode)
    exif = Image.Exif()
    exif[0x0112] = 6  # lies on its side
    image.save(tmp_path / "picture.png", exif=exif)
    expected = read_picture(tmp_path / "picture.png", channels)
    given = client.read_picture(tmp_path / "picture.png", channels)
    np.testing.assert_array_equal(given, expected)


def call(*arguments):
    """Exit code of the command."""
    try:
        client.main([str(argument) for argument in arguments])
    except SystemExit as stopped:
        return stopped.code
    return 0


def test_a_sheet_is_drawn(conditional, tmp_path, capsys):
    sheet = tmp_path / "new" / "sheet.png"
    job = ["sample", conditional[0], "--output", sheet, "--label", "dress,red", "--count", 4]
    assert call(*job, "--label", "bag,blue", "--attribute", "long") == 0
    assert "8 pictures of generator.onnx" in capsys.readouterr().out
    assert Image.open(sheet).size == (4 * 18, 2 * 18)
    assert call(*job) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert call(*job, "--overwrite") == 0
    assert Image.open(sheet).size == (4 * 18, 18)
    assert os.listdir(sheet.parent) == ["sheet.png"]


def test_a_folder_is_translated(unpaired, tmp_path, capsys):
    folder, model = unpaired
    photos, output = tmp_path / "photos", tmp_path / "out"
    (photos / "inner").mkdir(parents=True)
    for name in ("one.png", "inner/two.bmp"):
        Image.fromarray(photo(9, 20)).save(photos / name)
    (photos / "broken.jpg").write_bytes(b"\xff\xd8 not a picture")
    (photos / "notes.txt").write_text("not a picture")
    (photos / ".ipynb_checkpoints").mkdir()
    Image.fromarray(photo()).save(photos / ".ipynb_checkpoints" / "one.png")
    (photos / "loop.png").symlink_to("loop.png")
    job = ["translate", folder, photos, "--output", output, "--network", "generator_ba"]
    assert call(*job) == 1
    told = capsys.readouterr().out
    assert "Pictures are scaled to 32 x 32 pixels, and translations back" in told
    assert "broken.jpg is left out" in told and "1 left out: not named like pictures" in told
    assert "1 left out: hidden or of other systems" in told and "1 left out: links out" in told
    expected = model.translate(photo(9, 20) / 127.5 - 1.0, direction="ba")
    for name in ("one.png", "inner/two.png"):
        assert same_pictures(np.asarray(Image.open(output / name)), expected)
    assert len([path for path in output.rglob("*") if path.is_file()]) == 2
    assert call(*job) == 2
    (photos / "broken.jpg").unlink()
    assert call(*job, "--overwrite") == 0
    assert call("translate", folder, photos, "--output", photos, "--overwrite") == 2
    assert "would be replaced" in capsys.readouterr().err
    Image.fromarray(photo()).save(photos / "one.bmp")
    assert call(*job, "--overwrite") == 0
    assert (output / "one.bmp.png").is_file() and (output / "one.png.png").is_file()
    Image.fromarray(photo()).save(photos / "one.bmp.png")
    assert call(*job, "--overwrite") == 2
    assert "would have one name" in capsys.readouterr().err


@pytest.mark.large
def test_a_folder_of_awkward_files_is_translated_but_for_what_is_named(unpaired, tmp_path, capsys):
    count = awkward_files.make(tmp_path / "in")
    job = ["translate", unpaired[0], tmp_path / "in", "--output", tmp_path / "out"]
    assert call(*job) == 1
    lines = capsys.readouterr().out.splitlines()
    written = [line for line in lines if " -> " in line]
    named = [line for line in lines if " is left out: " in line]
    counted = sum(
        int(line.split()[0]) for line in lines if " left out: " in line and line[0].isdigit()
    )
    assert len(written) == sum(path.is_file() for path in (tmp_path / "out").rglob("*")) > 100
    assert len(written) + len(named) + counted == count


def test_one_picture_may_be_given_a_file(unpaired, tmp_path, capsys):
    Image.fromarray(photo()).save(tmp_path / "a.png")
    job = ["translate", unpaired[0], tmp_path / "a.png", "--output", tmp_path / "b.jpg"]
    assert call(*job) == 0 and Image.open(tmp_path / "b.jpg").format == "JPEG"
    assert call(*job) == 2
    assert call("translate", unpaired[0], tmp_path, "--output", tmp_path / "c.png") == 2
    assert "give a folder" in capsys.readouterr().err


def test_formats_that_start_other_programs_are_not_tried(unpaired, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("PIL.EpsImagePlugin.Ghostscript", lambda *_, **__: pytest.fail("started"))
    Image.fromarray(photo()).save(tmp_path / "a.eps")
    (tmp_path / "a.eps").rename(tmp_path / "a.png")
    assert call("translate", unpaired[0], tmp_path / "a.png", "--output", tmp_path / "o") == 2
    assert "a.png is left out: cannot identify image file" in capsys.readouterr().out


def test_pictures_that_take_too_much_are_refused_undecoded(tmp_path, monkeypatch):
    Image.new("RGB", (64, 64)).save(tmp_path / "a.png")
    Image.new("RGB", (64, 64)).save(tmp_path / "a.jpg", progressive=True)
    content = (tmp_path / "a.jpg").read_bytes()
    last = content.rindex(b"\xff\xda")
    (tmp_path / "a.jpg").write_bytes(content[:-2] + content[last:-2] * 200 + content[-2:])
    monkeypatch.setattr(client, "DECODING", 64 * 64 * 8 - 1)
    with pytest.raises(ValueError, match="64 x 64 pixels are too many"):
        client.read_picture(tmp_path / "a.png", 3)
    monkeypatch.setattr(client, "DECODING", 2**30)
    with pytest.raises(ValueError, match="scans takes too long"):
        client.read_picture(tmp_path / "a.jpg", 3)


# === What is refused ===


def copied(folder, target, change=lambda content: None, files=True):
    """An export whose manifest was changed."""
    content = json.loads((folder / "manifest.json").read_text())
    change(content)
    target.mkdir()
    (target / "manifest.json").write_text(json.dumps(content))
    for file in folder.iterdir() if files else ():
        if file.name != "manifest.json":
            (target / file.name).write_bytes(file.read_bytes())
    return target


def answering(folder, target, answer):
    """An export whose networks give `answer`, whatever they are fed with."""

    def change(content):
        for record in content["files"]:
            network = onnx.load(folder / record["path"])
            name = network.graph.output[0].name
            tensor = onnx.numpy_helper.from_array(answer)
            node = onnx.helper.make_node("Constant", [], [name], value=tensor)
            output = onnx.helper.make_tensor_value_info(name, tensor.data_type, answer.shape)
            graph = onnx.helper.make_graph([node], "g", network.graph.input, [output])
            network.graph.CopyFrom(graph)
            files[record["path"]] = network.SerializeToString()
            record["sha256"] = hashlib.sha256(files[record["path"]]).hexdigest()

    files = {}
    copied(folder, target, change, files=False)
    for name, content in files.items():
        (target / name).write_bytes(content)
    return target


def set_path(path):
    def change(content):
        for file in content["files"]:
            file["path"] = path

    return change


def of_input(**about):
    return lambda content: content["files"][0]["inputs"][0].update(about)


def of_output(**about):
    return lambda content: content["files"][0]["outputs"][0].update(about)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.update(format_version=2), "version 2, not 'keras_gans.export' 1"),
        (lambda c: c.update(format="other"), "it is 'other' of version 1"),
        (lambda c: c.pop("files"), "lacks 'files'"),
        (lambda c: c["files"][0].pop("sha256"), "lacks 'sha256'"),
        (lambda c: c["files"][0]["inputs"][0].pop("dtype"), "lacks 'dtype'"),
        (lambda c: c.update(files=[]), "names no files"),
        (lambda c: c.update(files=7), "cannot be used"),
        (lambda c: c.update(files={"path": "x"}), "cannot be used"),
        (lambda c: c["files"][0].update(signature=7), "a signature is no text"),
        (lambda c: c["files"][0].update(outputs=[]), "has no outputs"),
        (lambda c: c["files"][0].update(inputs=[]), "has no inputs"),
        (
            lambda c: c["files"][0].update(outputs=c["files"][0]["inputs"]),
            "neither 'image' nor 'styles'",
        ),
        (of_input(shape=None), "latent has the shape None"),
        (of_input(shape=[None, -4]), "latent has the shape"),
        (of_input(shape=[None, None]), "latent has the shape"),
        (of_input(shape=[None, 3]), "generator.onnx cannot be run"),
        (of_input(shape=[None, 10**15]), "Error: "),
        (of_input(dtype="floaty"), "floaty"),
        (of_input(dtype=None), "latent is of None"),
        (of_input(dtype="int32"), "generator.onnx cannot be run"),
        (of_input(name="other"), "generator.onnx cannot be run"),
        (of_input(value_range=[1.0, -1.0]), "latent has the value_range [1.0, -1.0]"),
        (of_input(distribution="bernoulli"), "lacks 'probability'"),
        (of_input(distribution="normal", stddev="1"), "stddev of latent is '1'"),
        (of_input(distribution="cauchy"), "'cauchy': normal, uniform, bernoulli known"),
        (of_input(kind="label", value_range=[0.0, 1.0]), "latent has the value_range [0.0, 1.0]"),
        (of_input(kind="label", classes=[1, 2]), "classes of latent are not texts"),
        (of_input(kind="attributes", shape=[None]), "latent has the shape [None]"),
        (of_output(layout=None), "image is None: NHWC and NCHW are known"),
        (of_output(value_range=[float("nan"), 1]), "image has the value_range [nan, 1]"),
        (of_output(value_range=[-1, float("inf")]), "image has the value_range [-1, inf]"),
        (of_output(value_range=[0.0, 0.0]), "image has the value_range [0.0, 0.0]"),
        (of_output(value_range="01"), "image has the value_range [0, 1]"),
        (of_output(multiple_of=0), "image: multiple_of is 0"),
        (of_output(multiple_of=10**9), "image: multiple_of is 1000000000"),
        (of_output(shape=[None, 16, 16]), "image has the shape"),
        (of_output(shape=[None, 16, 16, 2]), "image has the shape"),
        (set_path(5), "path 5 is no text"),
        (set_path("../outside.onnx"), "leads out of the export"),
        (set_path("/etc/passwd"), "leads out of the export"),
        (set_path("missing.onnx"), "missing.onnx"),
    ],
)
def test_manifests_that_cannot_be_used(unconditional, tmp_path, capsys, change, message):
    (tmp_path / "outside.onnx").write_bytes((unconditional[0] / "generator.onnx").read_bytes())
    folder = copied(unconditional[0], tmp_path / "changed", change)
    assert call("sample", folder, "--output", tmp_path / "sheet.png") == 2
    said = capsys.readouterr().err
    assert said.startswith("Error: ") and message in said and said.count("\n") == 1
    assert not (tmp_path / "sheet.png").exists()


@pytest.mark.parametrize("missing", ["layout", "value_range"])
def test_pictures_of_an_unknown_order_or_range_are_refused(unconditional, tmp_path, missing):
    change = lambda content: content["files"][0]["outputs"][0].pop(missing)  # noqa: E731
    folder = copied(unconditional[0], tmp_path / "changed", change)
    with pytest.raises(ValueError, match=f"cannot be used: it lacks '{missing}'"):
        client.Network(folder)


@pytest.mark.parametrize("format", FORMATS)
def test_a_file_no_runtime_can_load(unconditional, tmp_path, capsys, format):
    content = b"neither ONNX nor TFLite"

    def change(manifest):
        for record in manifest["files"]:
            record["sha256"] = hashlib.sha256(content).hexdigest()

    folder = copied(unconditional[0], tmp_path / "changed", change, files=False)
    for name in ("generator.onnx", "generator.tflite"):
        (folder / name).write_bytes(content)
    job = ["sample", folder, "--format", format, "--output", tmp_path / "sheet.png"]
    assert call(*job) == 2
    said = capsys.readouterr().err
    assert f"Error: generator.{format} cannot be loaded: " in said and said.count("\n") == 1


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (np.zeros((4, 16, 16), "float32"), "holds no pictures"),
        (np.zeros((4, 16, 16, 2), "float32"), "holds no pictures"),
        (np.full((4, 16, 16, 3), np.nan, "float32"), "holds no pictures"),
        (np.zeros((3, 16, 16, 3), "float32"), "gives 3 pictures where 4 were asked for"),
    ],
)
def test_a_file_that_gives_no_pictures(
    unconditional, tmp_path, capsys, monkeypatch, answer, message
):
    folder, sheet = unconditional[0], tmp_path / "sheet.png"

    def load(record, content):
        return lambda feeds: {record["outputs"][0]["name"]: answer}

    monkeypatch.setattr(client, "load", load)
    assert call("sample", folder, "--count", 4, "--output", sheet) == 2
    said = capsys.readouterr().err
    assert message in said and said.startswith("Error: ") and said.count("\n") == 1
    assert not sheet.exists()


def only_onnx(folder, target):
    return copied(folder, target, lambda content: content.update(files=content["files"][:1]))


@pytest.mark.parametrize("shape", [(4, 16, 16), (1, 16, 16, 3), (1, 3, 16, 16), (1, 32, 16, 3)])
def test_a_file_of_other_sizes_than_the_manifests_is_not_run(unconditional, tmp_path, shape):
    source = only_onnx(unconditional[0], tmp_path / "onnx")
    folder = answering(source, tmp_path / "other", np.zeros(shape, "float32"))
    with pytest.raises(ValueError, match="cannot be loaded: .* is of the shape .* the manifest"):
        client.Network(folder)


def reaching_out(folder, target, elsewhere):
    """An export whose network has its weights in another file, as ONNX allows."""

    def change(content):
        record = content["files"][0]
        network = onnx.load(folder / record["path"])
        name, shape = network.graph.output[0].name, (4, *record["outputs"][0]["shape"][1:])
        weights = onnx.numpy_helper.from_array(np.zeros(shape, "float32"), "w")
        onnx.external_data_helper.set_external_data(weights, elsewhere)
        weights.ClearField("raw_data")
        node = onnx.helper.make_node("Identity", ["w"], [name])
        output = onnx.helper.make_tensor_value_info(name, 1, shape)
        graph = onnx.helper.make_graph([node], "g", network.graph.input, [output], [weights])
        network.graph.CopyFrom(graph)
        record["outputs"][0]["shape"][0] = 4
        written.append((record["path"], network.SerializeToString()))
        record["sha256"] = hashlib.sha256(written[0][1]).hexdigest()

    written = []
    copied(folder, target, change, files=False)
    for name, content in written:
        (target / name).write_bytes(content)
    return target


def test_weights_in_other_files_are_not_read(unconditional, tmp_path, monkeypatch):
    """No hash is of them, and they may be the user's own."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "private.bin").write_bytes(np.full((4, 16, 16, 3), 0.5, "float32").tobytes())
    source = only_onnx(unconditional[0], tmp_path / "onnx")
    folder = reaching_out(source, tmp_path / "other", "private.bin")
    with pytest.raises(ValueError, match="cannot be loaded"):
        client.Network(folder)


def test_a_sheet_that_came_to_be_meanwhile_is_kept(tmp_path):
    (tmp_path / "sheet.png").write_text("mine")
    with pytest.raises(FileExistsError, match="--overwrite"):
        client.save(photo(), tmp_path / "sheet.png")
    assert os.listdir(tmp_path) == ["sheet.png"]
    client.save(photo(), tmp_path / "sheet.png", overwrite=True)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "sheet.png")), photo())


@pytest.mark.parametrize("name", ["generator.onnx", "manifest.json"])
@pytest.mark.parametrize("kind", ["fifo", "large"])
def test_what_is_no_plain_file_is_not_waited_for(unconditional, tmp_path, capsys, name, kind):
    folder = copied(unconditional[0], tmp_path / "other")
    (folder / name).unlink()
    if kind == "fifo":
        os.mkfifo(folder / name)
    else:
        with (folder / name).open("wb") as file:
            file.truncate(2**33)
    assert call("sample", folder, "--format", "onnx") == 2
    said = capsys.readouterr().err
    words = ("plain file", "No manifest at") if kind == "fifo" else ("are the most",)
    assert any(word in said for word in words) and said.count("\n") == 1


def test_a_link_out_of_the_export_is_refused(unconditional, tmp_path):
    folder = copied(unconditional[0], tmp_path / "linked", files=False)
    for file in unconditional[0].glob("generator.*"):
        (folder / file.name).symlink_to(file)
    with pytest.raises(ValueError, match="leads out of the export"):
        client.Network(folder)


@pytest.mark.parametrize("format", FORMATS)
def test_a_file_that_has_changed_never_reaches_a_runtime(
    unconditional, tmp_path, monkeypatch, format
):
    folder = copied(unconditional[0], tmp_path / "changed")
    for file in folder.glob("generator.*"):
        content = bytearray(file.read_bytes())
        content[-1] ^= 1
        file.write_bytes(content)
    monkeypatch.setattr(client, "load", lambda *_: pytest.fail("loaded before it was checked"))
    with pytest.raises(ValueError, match="has changed since it was exported"):
        client.Network(folder, format=format)


def test_there_must_be_a_manifest(tmp_path, capsys):
    assert call("sample", tmp_path) == 2
    assert "No manifest at" in capsys.readouterr().err
    for content in ("{", "[" * 100_000, "[]", "\N{SNOWMAN}"):
        (tmp_path / "manifest.json").write_text(content, encoding="utf-16")
        assert call("sample", tmp_path) == 2
        (tmp_path / "manifest.json").write_text(content, encoding="utf-8")
        assert call("sample", tmp_path) == 2
        assert "cannot be used" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--label", "dres,red"], "Unknown: 'dres'. Give a number from 0 to 2, or one of: dress"),
        (["--label", "3,red"], "Unknown: '3'"),
        (["--label", "dress"], "2 classes, commas between"),
        (["--attribute", "wide"], "Unknown: 'wide'"),
        (["--count", "0"], "at least 1"),
        (["--count", "1000000000"], "10000 are the most"),
        (["--count", "1667"], "10002 pictures are too many"),  # of each label
        (["--seed", "-1"], "Error: "),
        (["--network", "critic"], "No file of network critic"),
        (["--precision", "int4"], "No file of network generator, precision int4"),
    ],
)
def test_mistakes_of_a_sampler(conditional, tmp_path, capsys, arguments, message):
    output = tmp_path / "sheet.png"
    assert call("sample", conditional[0], "--output", output, *arguments) == 2
    assert message in capsys.readouterr().err
    assert not output.exists()


def test_mistakes_of_the_other_kind(unconditional, paired, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where no sheet stands
    for arguments in (["--label", "1"], ["--attribute", "1"]):
        assert call("sample", unconditional[0], *arguments) == 2
    assert "no attributes" in capsys.readouterr().err
    assert call("sample", paired[0]) == 2
    assert "use `translate`" in capsys.readouterr().err
    Image.fromarray(photo()).save(tmp_path / "photo.png")
    assert call("translate", unconditional[0], tmp_path / "photo.png") == 2
    assert "use `sample`" in capsys.readouterr().err
    assert call("translate", paired[0], tmp_path / "nowhere") == 2
    assert "No pictures at" in capsys.readouterr().err


def test_runtimes_that_are_missing(unconditional, monkeypatch):
    find = importlib.util.find_spec

    def without(*missing):
        monkeypatch.setattr(
            importlib.util, "find_spec", lambda name: None if name in missing else find(name)
        )

    without("onnxruntime")
    assert client.Network(unconditional[0]).record["format"] == "tflite"
    with pytest.raises(ImportError, match="No runtime for these files. Install onnxruntime."):
        client.Network(unconditional[0], format="onnx")
    without("onnxruntime", "ai_edge_litert")
    with pytest.raises(ImportError, match="Install onnxruntime or ai-edge-litert."):
        client.Network(unconditional[0])


def test_a_saved_model_alone_needs_tensorflow(unconditional, tmp_path):
    folder, _ = made(tmp_path, "dcgan", formats="saved_model")
    with pytest.raises(ValueError, match="There are: generator saved_model float32"):
        client.Network(folder)


# === Without Keras ===


@pytest.mark.parametrize("format", FORMATS)
def test_neither_tensorflow_nor_keras_is_imported(unconditional, tmp_path, format):
    script = (
        "import runpy, sys\n"
        f"sys.argv = ['client', 'sample', {str(unconditional[0])!r}, '--format', {format!r}]\n"
        f"runpy.run_path({str(CLIENT)!r}, run_name='__main__')\n"
        "loaded = {name.partition('.')[0] for name in sys.modules}\n"
        f"assert {FORMATS[format]!r} in loaded\n"
        "assert not loaded & {'tensorflow', 'keras', 'keras_gans'}, loaded\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "sheet.png").exists()


@pytest.mark.large
def test_in_an_environment_of_its_own(unconditional, conditional, paired, tmp_path):
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}

    def run(*arguments):
        command = [python, *map(str, arguments)]
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True
        )

    installed = run("-m", "pip", "install", "-q", "-r", CLIENT.with_name("requirements.txt"))
    assert installed.returncode == 0, installed.stderr
    for package in ("tensorflow", "keras", "keras_gans"):
        assert "ModuleNotFoundError" in run("-c", f"import {package}").stderr
    Image.fromarray(photo()).save(tmp_path / "photo.png")
    for arguments in (
        ("sample", unconditional[0], "--count", 4, "--seed", 5, "--output", "one.png"),
        ("sample", conditional[0], "--count", 1, "--label", "coat,1", "--output", "two.png"),
        ("translate", paired[0], "photo.png", "--output", "three"),
    ):
        done = run(CLIENT, *arguments)
        assert done.returncode == 0, done.stderr
    sheet = client.sheet(client.Network(unconditional[0]).sample(4, seed=5), 4)
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "one.png")), sheet)
    picture = np.asarray(Image.open(tmp_path / "two.png"))[1:-1, 1:-1]
    assert same_pictures(picture[None], conditional[1].sample(1, labels=[[1, 1]], seed=0))
    picture = np.asarray(Image.open(tmp_path / "three" / "photo.png"))
    assert same_pictures(picture, paired[1].translate(photo() / 127.5 - 1.0))
