"""A disk that is full at any writer: what was there stays, nothing half is left, one sentence."""

import contextlib
import os
import shutil
import subprocess

import numpy as np
import pytest
from fabrication import tiny
from PIL import Image
from typer.testing import CliRunner

from keras_gans import export, training, zoo
from keras_gans.cli import app
from keras_gans.images import grids
from keras_gans.training import csv_log
from keras_gans.zoo import _weights

runner = CliRunner(env={"COLUMNS": "200", "TERM": "dumb"})
FILLER = "filler"
DISK_BYTES = 24 * 2**20
TINY = {"filters": 4, "latent_dim": 8}


@pytest.fixture(scope="module")
def disk(tmp_path_factory):
    path = tmp_path_factory.mktemp("mounted") / "disk"
    path.mkdir()
    options = f"size={DISK_BYTES}"
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(path)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("disks cannot be mounted here")
    try:
        yield path
    finally:
        subprocess.run(["umount", str(path)], check=True)


@contextlib.contextmanager
def full(disk, room=0):
    """Leaves so many bytes free, in whole pages."""
    path = disk / FILLER
    with open(path, "wb") as file:
        with contextlib.suppress(OSError):
            while True:
                os.write(file.fileno(), bytes(2**20))
        with contextlib.suppress(OSError):
            while True:
                os.write(file.fileno(), bytes(4096))
        os.truncate(path, max(0, os.path.getsize(path) - room))
    try:
        yield
    finally:
        path.unlink()


def held(folder):
    """`{path: content}` of a folder; locks and TensorBoard's files, which only grow, left out."""
    passed_over = ("lock", FILLER)
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
        if path.name not in passed_over and "tensorboard" not in path.parts
    }


@pytest.fixture(scope="module")
def run(disk):
    options = training.Options(
        "dcgan_fashion", overrides=TINY, epochs=1, steps_per_epoch=1, batch_size=8
    )
    return training.open_run(training.train(options, disk / "runs", verbose=0).path)


@pytest.fixture(scope="module")
def given(disk, tmp_path_factory):
    """What lies elsewhere: pictures, a translator, a checkpoint of a foreign project."""
    folder = tmp_path_factory.mktemp("given")
    chance = np.random.default_rng(0)
    for number in range(2):
        pixels = chance.integers(0, 256, (80, 90, 3), dtype="uint8")
        (folder / "photos").mkdir(exist_ok=True)
        Image.fromarray(pixels).save(folder / "photos" / f"{number}.png")
    tiny("cyclegan").save(folder / "translator.keras")
    tiny("srresnet").save(folder / "upscaler.keras")
    return folder


def exported(disk, run, format):
    return ["export", run.path, "--formats", format, "--output", disk / f"exported-{format}"]


#: The command that writes, to be given `--overwrite` too.
COMMANDS = {
    "sample": lambda disk, run, given: ["sample", run.path, "--output", disk / "sheet.png"],
    "sample in the run": lambda disk, run, given: ["sample", run.path],
    "translate a picture": lambda disk, run, given: [
        *("translate", given / "translator.keras", given / "photos" / "0.png"),
        *("--output", disk / "one.png"),
    ],
    "translate a folder": lambda disk, run, given: [
        *("translate", given / "translator.keras", given / "photos"),
        *("--output", disk / "translated"),
    ],
    "upscale a picture": lambda disk, run, given: [
        *("upscale", given / "upscaler.keras", given / "photos" / "0.png"),
        *("--output", disk / "large.png"),
    ],
    "upscale a folder": lambda disk, run, given: [
        *("upscale", given / "upscaler.keras", given / "photos"),
        *("--output", disk / "upscaled"),
    ],
    "export to onnx": lambda disk, run, given: exported(disk, run, "onnx"),
    "export to tflite": lambda disk, run, given: exported(disk, run, "tflite"),
    "export to saved_model": lambda disk, run, given: exported(disk, run, "saved_model"),
}


@pytest.mark.parametrize("room", [0, 12_288])
@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_keeps_what_was_there(name, room, disk, run, given):
    arguments = [str(word) for word in (*COMMANDS[name](disk, run, given), "--overwrite")]
    first = runner.invoke(app, arguments)
    assert first.exit_code == 0, first.output
    before = held(disk)
    with full(disk, room):
        done = runner.invoke(app, arguments)
        assert held(disk) == before, sorted(held(disk).items() ^ before.items())
    assert done.exit_code in (1, 2), done.output
    assert "No space left on device" in done.output and "Traceback" not in done.output
    sentences = [line for line in done.output.splitlines() if "No space left" in line]
    assert "Make room there" in sentences[0], done.output
    again = runner.invoke(app, arguments)
    assert again.exit_code == 0, again.output


def test_a_folder_is_upscaled_as_far_as_there_is_room(disk, given, tmp_path):
    words = ("upscale", given / "upscaler.keras", given / "photos", "--output")
    assert runner.invoke(app, [*map(str, words), str(tmp_path)]).exit_code == 0
    first = (tmp_path / "0.png").read_bytes()
    folder = disk / "half"
    with full(disk, len(first) + 8 * 4096):
        done = runner.invoke(app, [*map(str, words), str(folder)])
        assert held(folder) == {"0.png": first}
    assert done.exit_code == 2 and "Make room there" in done.output, done.output


def test_a_run_stops_with_what_it_had_and_goes_on_with_room(disk, run):
    arguments = ["train", str(run.path), "--resume", "--epochs", "2"]
    before = held(run.path)
    with full(disk):
        done = runner.invoke(app, arguments)
        after = held(run.path)
    assert done.exit_code in (1, 2), done.output
    assert "No space left on device" in done.output and "Traceback" not in done.output
    assert not [name for name in after if ".partial" in name]
    assert all(after[name] == content for name, content in before.items()), [
        name for name, content in before.items() if after.get(name) != content
    ]
    again = runner.invoke(app, arguments)
    assert again.exit_code == 0, again.output
    assert len(csv_log.Log(run.path / "log.csv")._rows()) == 3


def test_a_new_run_leaves_nothing(disk):
    settings = [f"--set={key}={value}" for key, value in TINY.items()]
    with full(disk):
        arguments = ["train", "dcgan_fashion", *settings, "--epochs", "1", "--steps-per-epoch", "1"]
        done = runner.invoke(app, [*arguments, "--runs-dir", str(disk / "others")])
        assert done.exit_code in (1, 2), done.output
        assert "No space left on device" in done.output and "Traceback" not in done.output
        assert not list((disk / "others").glob("*")) or not (disk / "others").exists()


# === In Python ===


def _model():
    return tiny("dcgan_fashion")


WRITERS = {
    "model": lambda path: _model().save(path / "model.keras"),
    "weights": lambda path: _model().save_weights(path / "model.weights.h5"),
    "half": lambda path: _weights.write_half(_model(), path / "half.weights.h5"),
    "sheet": lambda path: grids.save(grids.samples(_model(), 400), path / "sheet.png"),
    "preset": lambda path: zoo.save_to_preset(_model(), path / "preset"),
    "export": lambda path: export.export(_model(), path / "out", formats=("onnx",)),
    "export of one file": lambda path: _model().export(path / "g.onnx", format="onnx"),
}


@pytest.mark.parametrize("save", ["save", "save_weights"])
def test_saving_over_a_file_keeps_it(save, disk):
    model, path = _model(), disk / f"{save}.{'keras' if save == 'save' else 'weights.h5'}"
    getattr(model, save)(path)
    before = path.read_bytes()
    with full(disk, 12_288):
        with pytest.raises(OSError, match="No space left on device"):
            getattr(model, save)(path)
        assert path.read_bytes() == before and not list(disk.glob(".*"))
    getattr(model, save)(path)


@pytest.mark.parametrize("room", [0, 12_288])
@pytest.mark.parametrize("writer", WRITERS)
def test_a_writer_leaves_nothing_half(writer, room, disk):
    folder = disk / f"{writer}-{room}"
    folder.mkdir()
    with full(disk, room):
        with pytest.raises(OSError, match="No space left on device"):
            WRITERS[writer](folder)
        assert held(folder) == {}, sorted(held(folder))
