"""Translating files, and models from `.keras` files, in Python and from the command line."""

import io
import json
import warnings
import zipfile

import h5py
import numpy as np
import pytest
from fabrication import same, snapshot, tiny
from PIL import Image
from typer.testing import CliRunner

from keras_gans import training, zoo
from keras_gans.cli import app
from keras_gans.images import grids, translate_files

runner = CliRunner(env={"COLUMNS": "200", "TERM": "dumb"})


def call(*arguments):
    return runner.invoke(app, [str(argument) for argument in arguments])


def draw(path, size=(40, 28), mode="RGB", seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype="uint8")
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).convert(mode).save(path)
    return pixels


@pytest.fixture
def model():
    return tiny("cyclegan")


@pytest.fixture
def saved(model, tmp_path):
    path = tmp_path / "model.keras"
    model.save(path)
    return path


def read_archive(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write_archive(path, entries):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)


def test_a_folder_keeps_its_names_and_sizes(model, tmp_path):
    first = draw(tmp_path / "in" / "a.png")
    draw(tmp_path / "in" / "deep" / "b.jpg", size=(33, 47))
    pairs = translate_files.plan(tmp_path / "in", tmp_path / "out")
    done = list(translate_files.translate_files(model, pairs))
    assert [target for _, target, _, _ in done] == [
        tmp_path / "out" / "a.png",
        tmp_path / "out" / "deep" / "b.png",
    ]
    assert Image.open(tmp_path / "out" / "deep" / "b.png").size == (33, 47)
    expected = grids.to_uint8(model.translate(first / 127.5 - 1))
    np.testing.assert_array_equal(Image.open(tmp_path / "out" / "a.png"), expected)


def test_grey_and_transparent_pictures_arrive(model, tmp_path):
    draw(tmp_path / "in" / "grey.png", mode="L")
    draw(tmp_path / "in" / "clear.png", mode="RGBA")
    pairs = translate_files.plan(tmp_path / "in", tmp_path / "out")
    assert len(list(translate_files.translate_files(model, pairs, "ba"))) == 2


def test_broken_files_are_named_and_left_out(model, tmp_path):
    draw(tmp_path / "in" / "good.png")
    (tmp_path / "in" / "bad.png").write_bytes(b"no picture")
    pairs = translate_files.plan(tmp_path / "in", tmp_path / "out")
    with pytest.warns(UserWarning, match="bad.png is left out"):
        done = list(translate_files.translate_files(model, pairs))
    assert [source.name for source, *_ in done] == ["good.png"]


def test_plan_refuses(tmp_path):
    with pytest.raises(ValueError, match="neither a picture nor a folder"):
        translate_files.plan(tmp_path / "nothing", tmp_path / "out")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="holds no pictures"):
        translate_files.plan(tmp_path / "empty", tmp_path / "out")
    draw(tmp_path / "in" / "a.png")
    draw(tmp_path / "in" / "a.jpg")
    with pytest.raises(ValueError, match="would both become"):
        translate_files.plan(tmp_path / "in", tmp_path / "out")
    with pytest.raises(ValueError, match="replaced by its translation"):
        translate_files.plan(tmp_path / "in" / "a.png", tmp_path / "in", overwrite=True)
    draw(tmp_path / "out" / "a.png")
    with pytest.raises(FileExistsError, match="--overwrite"):
        translate_files.plan(tmp_path / "in" / "a.png", tmp_path / "out")


def test_plan_lets_no_picture_be_replaced(tmp_path):
    source = tmp_path / "src" / "old"
    draw(source / "a.png")
    draw(source / "old" / "a.png")
    with pytest.raises(ValueError, match="src/old/a.png would be replaced by the translation of "):
        translate_files.plan(source, tmp_path / "src", overwrite=True)
    draw(tmp_path / "in" / "sheet.jpg")
    translate_files.plan(tmp_path / "in", tmp_path / "out")
    for overwrite in (False, True):
        with pytest.raises(ValueError, match="or leave out --sheet"):
            translate_files.plan(tmp_path / "in", tmp_path / "out", overwrite, sheet=True)


def test_plan_takes_no_translation_for_a_picture(tmp_path):
    draw(tmp_path / "in" / "a.png")
    draw(tmp_path / "in" / "b" / "c.png")
    output = tmp_path / "in" / "out"
    first = translate_files.plan(tmp_path / "in", output)
    for _, target in first:
        draw(target)
    draw(output / "sheet.png")
    assert translate_files.plan(tmp_path / "in", output, overwrite=True, sheet=True) == first
    (tmp_path / "link").symlink_to(tmp_path / "in")
    again = translate_files.plan(tmp_path / "link", output, overwrite=True)
    assert [target for _, target in again] == [target for _, target in first]


def test_the_paper_s_test_mode_of_pix2pix_is_stochastic_and_learns_nothing():
    model = tiny("pix2pix", image_size=64, num_downs=6)
    image = np.random.default_rng(0).uniform(-1, 1, (1, 64, 64, 3))
    before = snapshot(model.generator.weights)
    plain = model.translate(image)
    first, second = (model.translate(image, stochastic=True) for _ in range(2))
    assert not np.array_equal(first, second)  # dropout
    assert not np.allclose(first, plain)
    assert same(before, model.generator.weights)
    np.testing.assert_array_equal(plain, model.translate(image))


def test_pix2pix_translates_in_its_own_direction_only():
    image = np.zeros((1, 32, 32, 3))
    model = tiny("pix2pix", direction="ba")
    np.testing.assert_array_equal(model.translate(image), model.translate(image, direction="ba"))
    with pytest.raises(ValueError, match="translates 'ba' only"):
        model.translate(image, direction="ab")


# === Models from files ===


def test_load_is_what_was_saved(model, saved):
    loaded = zoo.load(saved)
    assert loaded.get_config() == model.get_config()
    assert same(snapshot(model.weights), loaded.weights)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"registered_name": "keras_gans>Evil"}, "names 'keras_gans>Evil'"),
        ({"registered_name": None, "module": "os", "class_name": "system"}, "no model of this zoo"),
        ({"config": {"command": "rm"}}, "arguments command"),
        ({"config": [1]}, "not an object"),
    ],
)
def test_load_refuses_foreign_configurations(saved, tmp_path, change, message):
    entries = read_archive(saved)
    entries["config.json"] = json.dumps({**json.loads(entries["config.json"]), **change})
    write_archive(tmp_path / "changed.keras", entries)
    with pytest.raises(ValueError, match=message):
        zoo.load(tmp_path / "changed.keras")


@pytest.mark.parametrize("group", ["generator_ab", "discriminator_b/layers"])
def test_load_refuses_a_file_without_a_network(saved, tmp_path, group):
    entries = read_archive(saved)
    weights = io.BytesIO(entries["model.weights.h5"])
    with h5py.File(weights, "r+") as file:
        del file[group]
    entries["model.weights.h5"] = weights.getvalue()
    write_archive(tmp_path / "cut.keras", entries)
    with pytest.raises(ValueError, match="cannot be read: .* lacks layers of"):
        zoo.load(tmp_path / "cut.keras")


def test_load_refuses_what_unpacks_to_more_than_it_is(saved, tmp_path):
    for name in ("config.json", "model.weights.h5"):
        with zipfile.ZipFile(tmp_path / "bomb.keras", "w") as archive:
            for entry, content in read_archive(saved).items():
                how = zipfile.ZIP_BZIP2 if entry == name else zipfile.ZIP_STORED
                archive.writestr(entry, content, compress_type=how)
        with pytest.raises(ValueError, match=f"{name} is compressed"):
            zoo.load(tmp_path / "bomb.keras")


def test_load_refuses_arrays_that_fill_the_memory(saved, tmp_path):
    entries = read_archive(saved)
    weights = io.BytesIO(entries["model.weights.h5"])
    with h5py.File(weights, "r+") as file:
        file["vars"].create_dataset("99", (2**28,), "f4", compression="gzip", fillvalue=0)
    entries["model.weights.h5"] = weights.getvalue()
    write_archive(tmp_path / "bomb.keras", entries)
    with pytest.raises(ValueError, match="arrays take more than"):
        zoo.load(tmp_path / "bomb.keras")


@pytest.mark.parametrize("config", ["[" * 100_000, '{"registered_name": ["a"]}'])
def test_load_refuses_configurations_that_are_none(saved, tmp_path, config):
    entries = read_archive(saved)
    entries["config.json"] = config.encode()
    write_archive(tmp_path / "changed.keras", entries)
    with pytest.raises(ValueError, match="changed.keras"):
        zoo.load(tmp_path / "changed.keras")


def test_load_refuses_what_is_no_archive(tmp_path):
    (tmp_path / "a.keras").write_bytes(b"PK no")
    for name in ("a.keras", "missing.keras"):
        with pytest.raises(ValueError, match="not a readable .keras file"):
            zoo.load(tmp_path / name)


# === The command ===


def test_translate_from_a_file(saved, tmp_path):
    draw(tmp_path / "in" / "a.png")
    draw(tmp_path / "in" / "b.png", size=(20, 70))
    arguments = ["translate", saved, tmp_path / "in", "--output", tmp_path / "out", "--sheet"]
    result = call(*arguments, "--direction", "ba")
    assert result.exit_code == 0, result.output
    assert "2 of 2" in result.output
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["a.png", "b.png", "sheet.png"]
    again = call(*arguments)
    assert again.exit_code == 2 and "--overwrite" in again.output
    wrong = call(*arguments, "--overwrite", "--direction", "aa")
    assert wrong.exit_code == 2 and "`direction` must be one of" in wrong.output


def test_translating_nothing_is_an_error(saved, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "bad.png").write_bytes(b"no picture")
    result = call("translate", saved, tmp_path / "in", "--output", tmp_path / "out", "--sheet")
    assert result.exit_code == 2 and "nothing was translated" in result.output
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("sheet, kept", [([], 0), (["--sheet"], 2)])
def test_no_more_pictures_are_kept_than_the_sheet_shows(saved, tmp_path, monkeypatch, sheet, kept):
    pixels, living, most = np.zeros((8, 8, 3), "uint8"), set(), []

    class Picture:
        def __init__(self):
            living.add(id(self))
            most.append(len(living))

        def __del__(self):
            living.discard(id(self))

        def __array__(self, dtype=None, copy=None):
            return pixels

    def translated(model, pairs, direction):
        for source, target in pairs:
            yield source, target, Picture(), pixels

    monkeypatch.setattr(translate_files, "translate_files", translated)
    monkeypatch.setattr(translate_files, "side_by_side", lambda shown: Image.new("RGB", (8, 8)))
    monkeypatch.setattr(translate_files, "SHEET_ROWS", kept or 16)
    for number in range(6):
        draw(tmp_path / "in" / f"{number}.png")
    result = call("translate", saved, tmp_path / "in", "--output", tmp_path / "out", *sheet)
    assert result.exit_code == 0, result.output
    assert "6 of 6" in result.output
    assert max(most) <= kept + 2  # one that is made while the one before is still named


def test_export_from_a_file(saved, tmp_path):
    result = call("export", saved, "--formats", "onnx", "--image-size", 32)
    assert result.exit_code == 0, result.output
    assert (tmp_path / "model" / "generator_ba.onnx").exists()


def test_a_translator_s_run(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = call(
            "train", "pix2pix_emoji", "--set", "filters=2", "--epochs", 2, "--steps-per-epoch", 2,
            "--runs-dir", tmp_path,
        )  # fmt: skip
    assert result.exit_code == 0, result.output
    run = training.open_run(tmp_path / "00001-pix2pix-emoji")
    model = run.load_model()
    assert model.run_images == 4  # two epochs of two steps of one picture
    schedule = model.generator_optimizer.get_config()["learning_rate"]["config"]
    assert (schedule["constant_steps"], schedule["decay_steps"]) == (2, 2)
    sheet = Image.open(run.path / "samples" / "epoch-0002.png")
    assert sheet.size == (3 * 66 + 2, 8 * 66 + 2)  # source, translation, target of 8 pictures
    refused = call("sample", run.path)
    assert refused.exit_code == 2 and "translates pictures" in refused.output


@pytest.mark.parametrize("name", ["pix2pix", "cyclegan"])
def test_a_model_that_has_translated_is_saved_as_before(name, tmp_path):
    model = tiny(name)
    picture = np.zeros((1, model.image_size, model.image_size, 3))
    before = model.translate(picture)
    model.save(tmp_path / "model.keras")
    model.save_weights(tmp_path / "model.weights.h5")
    again = zoo.load(tmp_path / "model.keras")
    assert np.array_equal(before, again.translate(picture))
    other = tiny(name, seed=5)
    other.translate(picture)
    other.load_weights(tmp_path / "model.weights.h5")  # compiled before, with other weights
    assert np.array_equal(before, other.translate(picture))
