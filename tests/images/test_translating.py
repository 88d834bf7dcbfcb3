"""Translating files, and models from `.keras` files, in Python and from the command line."""

import io
import json
import os
import resource
import warnings
import zipfile

import awkward_files
import h5py
import numpy as np
import pytest
import tensorflow as tf
from fabrication import same, snapshot, tiny
from PIL import Image
from typer.testing import CliRunner

from keras_gans import training, zoo
from keras_gans.cli import app
from keras_gans.core.scaling import scaled
from keras_gans.data.account import Account
from keras_gans.data.decode import DECODING_BYTES
from keras_gans.data.image_converter import ImageConverter
from keras_gans.data.whole import read_picture
from keras_gans.images import file_plan, grids, translate_files

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
    pairs = file_plan.plan(tmp_path / "in", tmp_path / "out")
    done = list(translate_files.translate_files(model, pairs, size="own"))
    assert [one.target for one in done] == [
        tmp_path / "out" / "a.png",
        tmp_path / "out" / "deep" / "b.png",
    ]
    assert Image.open(tmp_path / "out" / "deep" / "b.png").size == (33, 47)
    expected = grids.to_uint8(model.translate(first / 127.5 - 1, size="own"))
    np.testing.assert_array_equal(Image.open(tmp_path / "out" / "a.png"), expected)


def test_grey_and_transparent_pictures_arrive(model, tmp_path):
    draw(tmp_path / "in" / "grey.png", mode="L")
    draw(tmp_path / "in" / "clear.png", mode="RGBA")
    pairs = file_plan.plan(tmp_path / "in", tmp_path / "out")
    assert len(list(translate_files.translate_files(model, pairs, "ba"))) == 2


def test_broken_files_are_named_and_left_out(model, tmp_path):
    draw(tmp_path / "in" / "good.png")
    (tmp_path / "in" / "bad.png").write_bytes(b"no picture")
    pairs = file_plan.plan(tmp_path / "in", tmp_path / "out")
    account = Account()
    done = list(translate_files.translate_files(model, pairs, account=account))
    assert [(one.source.name, one.problem is None) for one in done] == [
        ("bad.png", False),
        ("good.png", True),
    ]
    assert "bad.png (not a PNG" in account.listing()


def test_plan_refuses(tmp_path):
    with pytest.raises(ValueError, match="There is no file or folder .*nothing"):
        file_plan.plan(tmp_path / "nothing", tmp_path / "out")
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(ValueError, match="neither a picture nor a folder"):
        file_plan.plan(tmp_path / "pipe.png", tmp_path / "out")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="holds no pictures"):
        file_plan.plan(tmp_path / "empty", tmp_path / "out")
    draw(tmp_path / "in" / "a.png")
    draw(tmp_path / "in" / "a.jpg")
    pairs = file_plan.plan(tmp_path / "in", tmp_path / "out")
    assert [target.name for _, target in pairs] == ["a.jpg.png", "a.png.png"]
    draw(tmp_path / "in" / "a.jpg.png")
    with pytest.raises(ValueError, match="would both become"):
        file_plan.plan(tmp_path / "in", tmp_path / "out")
    with pytest.raises(ValueError, match="replaced by its translation"):
        file_plan.plan(tmp_path / "in" / "a.png", tmp_path / "in", overwrite=True)
    draw(tmp_path / "out" / "a.png")
    with pytest.raises(FileExistsError, match="--overwrite"):
        file_plan.plan(tmp_path / "in" / "a.png", tmp_path / "out")


def test_plan_lets_no_picture_be_replaced(tmp_path):
    source = tmp_path / "src" / "old"
    draw(source / "a.png")
    draw(source / "old" / "a.png")
    with pytest.raises(ValueError, match="src/old/a.png would be replaced by the translation of "):
        file_plan.plan(source, tmp_path / "src", overwrite=True)
    draw(tmp_path / "in" / "sheet.jpg")
    file_plan.plan(tmp_path / "in", tmp_path / "out")
    for overwrite in (False, True):
        with pytest.raises(ValueError, match="or leave out --sheet"):
            file_plan.plan(tmp_path / "in", tmp_path / "out", overwrite, sheet=True)


def test_plan_takes_no_translation_for_a_picture(tmp_path):
    draw(tmp_path / "in" / "a.png")
    draw(tmp_path / "in" / "b" / "c.png")
    output = tmp_path / "in" / "out"
    first = file_plan.plan(tmp_path / "in", output)
    for _, target in first:
        draw(target)
    draw(output / "sheet.png")
    assert file_plan.plan(tmp_path / "in", output, overwrite=True, sheet=True) == first
    (tmp_path / "link").symlink_to(tmp_path / "in")
    again = file_plan.plan(tmp_path / "link", output, overwrite=True)
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


# === At which size ===


def test_pictures_are_scaled_to_the_trained_size_and_back(model):
    large = np.random.default_rng(0).uniform(-1, 1, (2, 96, 80, 3)).astype("float32")
    side = model.image_size
    small = np.stack([scaled(picture, (side, side)) for picture in large])
    expected = model.translate(small, size="own")
    given = model.translate(large)
    assert given.shape == large.shape
    np.testing.assert_array_equal(given, [scaled(one, (96, 80)) for one in expected])
    np.testing.assert_array_equal(given, model.translate(large, size="trained"))
    assert not np.array_equal(given, model.translate(large, size="own"))
    np.testing.assert_array_equal(model.translate(small), expected)


def test_upscalers_keep_the_pictures_own_size():
    model = tiny("srresnet")
    picture = np.random.default_rng(0).uniform(-1, 1, (20, 24, 3)).astype("float32")
    enlarged = model.translate(picture)
    assert enlarged.shape == (40, 48, 3)
    np.testing.assert_array_equal(enlarged, model.translate(picture, size="own"))
    assert model.translate(picture, size="trained").shape == (40, 48, 3)


@pytest.mark.parametrize("name", ["cyclegan", "pix2pix", "srresnet"])
@pytest.mark.parametrize("size", ["own", "trained"])
@pytest.mark.filterwarnings("ignore:.*U-Net")
def test_the_smallest_pictures_are_translated(name, size):
    model = tiny(name)
    times = 2 if name == "srresnet" else 1
    for sides in ((1, 1), (4, 64), (3, 200), (7, 5)):
        made = model.translate(np.zeros((*sides, 3)), size=size)
        assert made.shape == (sides[0] * times, sides[1] * times, 3)


def test_a_u_net_says_that_it_knows_no_other_size():
    model = tiny("pix2pix")
    with pytest.warns(UserWarning, match="trained at 32 x 32 pixels, whose middle has seen one"):
        model.translate(np.zeros((40, 40, 3)), size="own")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.translate(np.zeros((40, 40, 3)))
        model.translate(np.zeros((32, 30, 3)), size="own")


def test_files_are_scaled_as_arrays_are_and_shown_as_in_training(model, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (9, 8, 3), "uint8").repeat(20, 0)
    Image.fromarray(pixels.repeat(12, 1)).save(tmp_path / "a.png")
    pairs = file_plan.plan(tmp_path / "a.png", tmp_path / "out")
    (done,) = translate_files.translate_files(model, pairs)
    converter = ImageConverter(model.image_size, model.image_size, 3, "stretch")
    np.testing.assert_array_equal(done.picture, converter.read(tmp_path / "a.png"))
    assert done.resized and Image.open(done.target).size == (96, 180)
    whole = np.asarray(Image.open(tmp_path / "a.png")) / 127.5 - 1
    expected = grids.to_uint8(model.translate(whole)).astype(int)
    difference = abs(expected - np.asarray(Image.open(done.target)))
    assert difference.max() <= 4 and difference.mean() < 1


# === What cannot be translated ===


def test_what_does_not_fit_in_memory_is_left_out_and_the_rest_is_done(model, tmp_path, monkeypatch):
    draw(tmp_path / "in" / "a.png", size=(64, 64))
    draw(tmp_path / "in" / "b.png", size=(8, 8))
    needed = model.bytes_to_translate("generator_ab", 64, 64)
    monkeypatch.setattr(translate_files, "available", lambda: needed - 1)
    pairs = file_plan.plan(tmp_path / "in", tmp_path / "out")
    first, second = translate_files.translate_files(model, pairs, size="own")
    assert "its 64 x 64 pixels takes about" in first.problem and "63 x 63" in first.problem
    assert second.problem is None and not first.target.exists()
    assert all(one.problem is None for one in translate_files.translate_files(model, pairs))


@pytest.mark.parametrize(
    "error", [MemoryError(), tf.errors.ResourceExhaustedError(None, None, "OOM")]
)
def test_running_out_of_memory_leaves_one_picture_out(model, tmp_path, monkeypatch, error):
    draw(tmp_path / "in" / "a.png", size=(9, 9))
    draw(tmp_path / "in" / "b.png", size=(8, 8))
    translate = model.translate

    def failing(images, **how):
        if images.shape[0] == 9:
            raise error
        return translate(images, **how)

    monkeypatch.setattr(model, "translate", failing)
    pairs = file_plan.plan(tmp_path / "in", tmp_path / "out")
    first, second = translate_files.translate_files(model, pairs, size="own")
    assert "not enough memory" in first.problem and second.problem is None


def test_what_a_call_takes_is_about_four_of_its_largest_tensors():
    model = tiny("cyclegan")
    per_pixel = model.bytes_to_translate("generator_ab", 100, 100) / 10_000
    assert 4 * 4 * model.filters <= per_pixel < 4 * 4 * model.filters * 2


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
    assert wrong.exit_code == 2 and "`--direction` must be one of ['ab', 'ba']" in wrong.output
    wrong = call(*arguments, "--overwrite", "--size", "huge")
    assert wrong.exit_code == 2 and "`--size` must be one of ['own', 'trained']" in wrong.output


def test_of_a_folder_what_cannot_be_translated_is_told_and_decides_the_exit_code(saved, tmp_path):
    draw(tmp_path / "in" / "good.png", size=(40, 40), mode="RGBA")
    draw(tmp_path / "in" / ".ipynb_checkpoints" / "good-checkpoint.png")
    draw(tmp_path / "in" / "dot" / "good.png", size=(1, 1))
    (tmp_path / "in" / "._good.png").write_bytes(b"litter")
    (tmp_path / "in" / "bad\x1b[2J.png").write_bytes(b"no picture")
    (tmp_path / "in" / "notes.txt").write_text("notes")
    result = call("translate", saved, tmp_path / "in", "--output", tmp_path / "out")
    assert result.exit_code == 1, result.output
    assert "2 of 3 pictures translated" in result.output
    assert "bad\\x1b[2J.png (not a PNG" in result.output and "\x1b[2J" not in result.output
    assert "2 litter of other systems (._good.png, .ipynb_checkpoints)" in result.output
    assert "1 not named like pictures (.txt)" in result.output
    assert "Changed 1: 1 with transparency, seen on white" in result.output
    assert "Warning" not in result.output and ".py" not in result.output
    assert "100%" in result.output
    assert "scaled to 32 x 32 pixels" in result.output and "--size own" in result.output
    assert sorted(path.name for path in (tmp_path / "out").rglob("*.png")) == ["good.png"] * 2
    (tmp_path / "in" / "bad\x1b[2J.png").unlink()
    again = call("translate", saved, tmp_path / "in", "--output", tmp_path / "out", "--overwrite")
    assert again.exit_code == 0


@pytest.mark.parametrize(
    ("largest", "size"),
    [
        (600, "trained"),
        pytest.param(8000, "trained", marks=pytest.mark.large),
        pytest.param(8000, "own", marks=pytest.mark.large),
    ],
)
def test_a_folder_of_awkward_files_is_translated_but_for_what_is_named(
    model, tmp_path, largest, size
):
    count = awkward_files.make(tmp_path / "in", largest)
    account = Account()
    pairs = file_plan.plan(tmp_path / "in", tmp_path / "out", account=account)
    passed_over = sum(map(len, account.passed_over.values())) + len(account.left_out)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    done = [
        (one.source, one.target, one.problem)
        for one in translate_files.translate_files(model, pairs, size=size, account=account)
    ]
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    assert len(done) == len(pairs) and len(pairs) + passed_over == count
    assert {target for _, target, problem in done if not problem} == {
        path for path in (tmp_path / "out").rglob("*") if path.is_file()
    }
    assert sum(problem is None for _, _, problem in done) > 150
    if size == "trained":
        assert grown < 2 * DECODING_BYTES


def test_one_picture_may_be_given_a_file(saved, tmp_path):
    draw(tmp_path / "a.png")
    result = call("translate", saved, tmp_path / "a.png", "--output", tmp_path / "b.jpg", "--sheet")
    assert result.exit_code == 0, result.output
    assert Image.open(tmp_path / "b.jpg").format == "JPEG"
    assert (tmp_path / "sheet.png").is_file()
    again = call("translate", saved, tmp_path / "a.png", "--output", tmp_path / "b.jpg")
    assert again.exit_code == 2 and "--overwrite" in again.output
    many = call("translate", saved, tmp_path, "--output", tmp_path / "c.png")
    assert many.exit_code == 2 and "give a folder as --output" in " ".join(many.output.split())
    (tmp_path / "d.png").mkdir()
    call("translate", saved, tmp_path / "a.png", "--output", tmp_path / "d.png")
    assert (tmp_path / "d.png" / "a.png").is_file()


def test_translating_nothing_is_an_error(saved, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "bad.png").write_bytes(b"no picture")
    result = call("translate", saved, tmp_path / "in", "--output", tmp_path / "out", "--sheet")
    assert result.exit_code == 2 and "nothing was written" in result.output
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

    def translated(model, pairs, *how):
        for source, target in pairs:
            yield translate_files.Translated(source, target, None, Picture(), pixels, (8, 8))

    monkeypatch.setattr(translate_files, "translate_files", translated)
    monkeypatch.setattr(translate_files, "side_by_side", lambda shown: Image.new("RGB", (8, 8)))
    monkeypatch.setattr(file_plan, "SHEET_ROWS", kept or 16)
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
            "--batch-size", 1, "--runs-dir", tmp_path,
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


# === Edits ===


@pytest.fixture(scope="module")
def edited_run(tmp_path_factory):
    """A short run of a model that edits, by its recipe's labels."""
    folder = tmp_path_factory.mktemp("runs")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = call(
            "train", "stargan_avatars", "--set", "filters=4", "--set", "num_blocks=1",
            "--epochs", 1, "--steps-per-epoch", 2, "--runs-dir", folder,
        )  # fmt: skip
    assert result.exit_code == 0, result.output
    return folder / "00001-stargan-avatars"


def test_edits_are_asked_for_by_name(edited_run, tmp_path):
    draw(tmp_path / "a.png")
    arguments = (edited_run, tmp_path / "a.png", "--attribute", "glasses", "--label", "pink")
    result = call("translate", *arguments, "--output", tmp_path / "b.png", "--size", "own")
    assert result.exit_code == 0, result.output
    model = training.open_run(edited_run).load_model()
    picture = read_picture(tmp_path / "a.png", 3) / np.float32(127.5) - 1
    expected = model.translate(picture, labels="pink", attributes=["glasses"], size="own")
    unedited = model.translate(picture, size="own")
    written = np.asarray(Image.open(tmp_path / "b.png")).astype(int)
    assert np.abs(written - grids.to_uint8(expected)).max() <= 1
    assert np.abs(expected - unedited).max() > 1e-4
    by_head = call(
        "translate", edited_run, tmp_path / "a.png", "--label", "hair_color=pink",
        "--attribute", "glasses", "--output", tmp_path / "c.png", "--size", "own",
    )  # fmt: skip
    assert by_head.exit_code == 0, by_head.output
    assert (tmp_path / "b.png").read_bytes() == (tmp_path / "c.png").read_bytes()


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ((), "say what, by `--label` or `--attribute`. There are: hair_color (black"),
        (("--attribute", "hat"), "Unknown attribute: 'hat'"),
        (("--label", "green"), "Unknown class: 'green'"),
        (("--label", "hair=pink"), "Unknown head: 'hair'"),
        (("--label", "pink", "--label", "blue"), "one class, or HEAD=CLASS"),
    ],
)
def test_edits_that_cannot_be_are_refused_before_anything_is_written(
    edited_run, tmp_path, asked, words
):
    draw(tmp_path / "a.png")
    result = call("translate", edited_run, tmp_path / "a.png", *asked, "--output", tmp_path / "b")
    assert result.exit_code == 2, result.output
    assert words in " ".join(result.output.split())
    assert not (tmp_path / "b").exists()


def test_edits_of_a_model_that_makes_none_are_refused(saved, tmp_path):
    draw(tmp_path / "a.png")
    result = call("translate", saved, tmp_path / "a.png", "--attribute", "glasses")
    assert result.exit_code == 2 and "leave out `--attribute`" in " ".join(result.output.split())


def test_the_sheet_of_a_run_of_edits_has_a_column_for_each(edited_run):
    sheet = Image.open(edited_run / "samples" / "epoch-0001.png")
    assert sheet.size == ((1 + 8 + 3) * 66 + 2, 8 * 66 + 2)


# === Holes ===


@pytest.fixture(scope="module")
def filling(tmp_path_factory):
    """The file of a model that fills holes."""
    path = tmp_path_factory.mktemp("filling") / "inpainting.keras"
    tiny("inpainting").save(path)
    return path


def write_mask(path, size=(60, 40), levels=(0, 255)):
    pixels = np.full(size[::-1], levels[0], "uint8")
    pixels[10:25, 20:45] = levels[1]
    Image.fromarray(pixels).save(path)
    return pixels > 127


@pytest.mark.parametrize("name", ["inpainting", "context_encoder"])
def test_holes_are_filled_and_known_pixels_stay(name, tmp_path):
    model, path = tiny(name), tmp_path / "model.keras"
    model.save(path)
    draw(tmp_path / "a.png", (60, 40))
    picture = read_picture(tmp_path / "a.png", 3)
    mask = write_mask(tmp_path / "mask.png")
    takes = model.name == "inpainting"
    asked = ("--mask", tmp_path / "mask.png") if takes else ()
    output = tmp_path / "b.png"
    result = call("translate", path, tmp_path / "a.png", *asked, "--output", output, "--sheet")
    assert result.exit_code == 0, result.output
    written = np.asarray(Image.open(output))
    how = {"masks": mask} if takes else {}
    expected = model.inpaint(picture / np.float32(127.5) - 1, **how)
    np.testing.assert_array_equal(written, grids.to_uint8(expected))
    kept = (written == picture).all(-1)
    assert not kept.all() and kept.mean() > 0.5
    assert not takes or kept[~mask].all()


@pytest.mark.parametrize(
    ("levels", "size", "words"),
    [
        (None, None, "must be told where they are: give a picture of the same size"),
        ((0, 200), (60, 40), "is no mask of two values"),
        ((0, 0), (60, 40), "a mask without a hole"),
        ((0, 255), (40, 60), "has 60 x 40 pixels and the mask 40 x 60"),
        ("text", (60, 40), "cannot be read as a mask"),
    ],
)
def test_masks_that_cannot_be_are_refused_in_a_sentence(filling, tmp_path, levels, size, words):
    draw(tmp_path / "a.png", (60, 40))
    asked = () if levels is None else ("--mask", tmp_path / "mask.png")
    if levels == "text":
        (tmp_path / "mask.png").write_text("no picture")
    elif levels is not None:
        write_mask(tmp_path / "mask.png", size, levels)
    result = call("translate", filling, tmp_path / "a.png", *asked, "--output", tmp_path / "b.png")
    assert result.exit_code == 2
    assert words in " ".join(result.output.split())
    assert "Traceback" not in result.output
    assert not (tmp_path / "b.png").exists()


@pytest.mark.parametrize("name", ["context_encoder", "pix2pix"])
def test_a_mask_for_a_model_that_takes_none_is_refused(name, tmp_path):
    tiny(name).save(tmp_path / "model.keras")
    draw(tmp_path / "a.png", (60, 40))
    write_mask(tmp_path / "mask.png")
    result = call(
        "translate", tmp_path / "model.keras", tmp_path / "a.png", "--mask", tmp_path / "mask.png",
        "--output", tmp_path / "b.png",
    )  # fmt: skip
    assert result.exit_code == 2
    assert "takes no mask: leave it out" in " ".join(result.output.split())
    assert not (tmp_path / "b.png").exists()
