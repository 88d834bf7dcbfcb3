"""The folder of a run as a file from outside: what is taken for finished, read and written."""

import dataclasses
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys

import keras
import pytest
from fabrication import same, snapshot
from PIL import Image

from keras_gans import training, zoo
from keras_gans.training import data_inventory, guards, model_file, run_data
from keras_gans.training.callbacks import Checkpoints, checkpoints
from keras_gans.utils.files import locked

OPTIONS = training.Options(
    "gan", "bundled:fashion_mnist", overrides=zoo.entry("gan").tiny, epochs=1, steps_per_epoch=2,
    batch_size=8,
)  # fmt: skip
LONGER = dataclasses.replace(OPTIONS, epochs=2)


@pytest.fixture(scope="module")
def continued(tmp_path_factory):
    """A run of one epoch, and the same when it has gone on for another."""
    folder = tmp_path_factory.mktemp("runs")
    first = training.train(OPTIONS, folder, verbose=0).path
    second = shutil.copytree(first, folder.with_name("second") / first.name)
    training.resume(second, LONGER, verbose=0)
    return first, second


@pytest.fixture
def first(continued, tmp_path):
    return training.open_run(shutil.copytree(continued[0], tmp_path / "runs" / "00001-gan"))


@pytest.fixture
def second(continued, tmp_path):
    return training.open_run(shutil.copytree(continued[1], tmp_path / "runs" / "00001-gan"))


@pytest.fixture
def killed(second, continued):
    """A run that went on and was killed between its last checkpoint and the saving of its model."""
    shutil.copy(continued[0] / "model.keras", second.model_path)
    return second


class Trained(keras.callbacks.Callback):
    """Counts batches that are learned from."""

    batches = 0

    def on_train_batch_end(self, batch, logs=None):
        self.batches += 1


# === Finished ===


def test_a_model_of_an_earlier_checkpoint_is_no_end(killed, continued):
    assert training.is_finished(training.open_run(continued[1]))
    assert not training.is_finished(killed)
    with pytest.warns(UserWarning, match="is of step 2, and the run has a checkpoint of step 4"):
        killed.load_model()
    trained = Trained()
    training.resume(killed, callbacks=[trained], verbose=0)
    assert trained.batches == 0 and training.is_finished(killed)
    whole = training.open_run(continued[1]).load_model()
    model = killed.load_model()
    assert same(snapshot(whole.saved_variables), model.saved_variables)


KILLED = """
import os, signal, sys

from keras_gans import training
from keras_gans.training import model_file, open_run

run = open_run(sys.argv[1])
model_file.save = lambda *arguments: os.kill(os.getpid(), signal.SIGKILL)
options = training.Options(**{**vars(run.options), "epochs": 2})
training.resume(run, options, verbose=0)
"""


@pytest.mark.large
def test_a_run_that_is_killed_before_its_model_is_saved_gets_it(first):
    done = subprocess.run([sys.executable, "-c", KILLED, str(first.path)])
    assert done.returncode == -signal.SIGKILL
    run = training.open_run(first.path)
    assert run.checkpoints[-1].name == "epoch-00002-batch-0000000"
    assert run.options == dataclasses.replace(LONGER, split="train")
    assert not training.is_finished(run)
    trained = Trained()
    training.resume(run, callbacks=[trained], verbose=0)
    assert trained.batches == 0 and int(run.load_model().step) == 4


def test_a_model_that_does_not_say_what_it_was_made_of_is_saved_again(second):
    second.load_model().save(second.model_path)
    assert not training.is_finished(second)
    trained = Trained()
    training.resume(second, callbacks=[trained], verbose=0)
    assert trained.batches == 0 and training.is_finished(second)


def test_a_damaged_model_is_no_end(second):
    second.model_path.write_bytes(b"PK")
    assert not training.is_finished(second)
    second.model_path.unlink()
    assert not training.is_finished(second)


def test_a_model_is_finished_though_the_checkpoint_it_was_made_of_is_damaged_since(second):
    (second.checkpoints[-1] / "state.weights.h5").write_bytes(b"")
    assert training.is_finished(second)


def test_strangers_among_the_checkpoints_are_no_end_and_push_nothing_out(second):
    folder = second.path / "checkpoints"
    for name in ("epoch-99997-batch-0000000", "epoch-good-batch-1", "epoch-00001-batch-0000000-b"):
        (folder / name).mkdir()
    shutil.copytree(second.checkpoints[1], folder / "epoch-99998-batch-0000000")
    (folder / "epoch-99999-batch-0000000").write_text("a file")
    run = training.open_run
    assert training.is_finished(second)
    options = dataclasses.replace(LONGER, epochs=4)
    assert not training.is_finished(second, options)
    (folder / "epoch-99999-batch-0000000").unlink()
    training.resume(second, options, verbose=0)
    assert int(run(second.path).load_model().step) == 8
    there = {path.name for path in folder.iterdir()}
    assert {f"epoch-0000{number}-batch-0000000" for number in (2, 3, 4)} < there


def test_checkpoints_are_in_the_order_of_their_numbers(tmp_path):
    names = [f"epoch-{number}-batch-0000000" for number in ("99999", "100000", "100001")]
    for name in reversed(names):
        (tmp_path / name).mkdir()
    assert [path.name for path in checkpoints.found_in(tmp_path)] == names


def test_strangers_among_sheets_and_runs_are_passed_over(first):
    for name in ("epoch-best.png", "epoch-0001 (copy).png", "epoch-²²²².png"):
        shutil.copy(first.path / "samples" / "epoch-0001.png", first.path / "samples" / name)
    for name in ("²²²²²-x", "00009", "notes"):
        (first.path.parent / name).mkdir()
    training.resume(first, LONGER, verbose=0)
    assert training.to_resume(LONGER, first.path.parent).path == first.path
    assert training.train(OPTIONS, first.path.parent, verbose=0).path.name == "00002-gan"


def test_a_run_that_is_passed_over_is_named(first, tmp_path):
    (first.path / "data.json").symlink_to(tmp_path / "diary.txt")
    with pytest.warns(UserWarning, match="00001-gan is passed over: .*data.json is a link"):
        assert training.to_resume(OPTIONS, first.path.parent) is None


# === What lies under the names ===

FILES = ("lock", "log.csv", "options.json", "data.json", "model.keras", "diagnosis.txt")
FOLDERS = ("samples", "checkpoints", "tensorboard", "page", "exported")


def put_link(path, diary):
    path.symlink_to(diary)


def put_broken_link(path, diary):
    path.symlink_to(diary.with_name("nowhere"))


def put_fifo(path, diary):
    os.mkfifo(path)


def put_folder_or_file(path, diary):
    if path.name in FOLDERS:
        path.write_text("a file")
    else:
        path.mkdir()


@pytest.mark.parametrize(
    "name",
    [
        *FILES,
        *FOLDERS,
        "samples/epoch-0002.png",
        "samples/samples-seed0.png",
        "samples/samples-Bag-seed0.png",
    ],
)
@pytest.mark.parametrize("put", [put_link, put_broken_link, put_fifo, put_folder_or_file])
def test_what_is_no_plain_file_is_refused_and_nothing_written(first, tmp_path, name, put):
    diary = tmp_path / ("diary" if name in FOLDERS else "diary.txt")
    diary.mkdir() if name in FOLDERS else diary.write_text("mine")
    path = first.path / name
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    put(path, diary)
    with pytest.raises(ValueError, match="must be: it is neither read nor written"):
        training.resume(training.open_run(first.path), LONGER, verbose=0)
    assert diary.is_dir() and not list(diary.iterdir()) or diary.read_text() == "mine"
    assert sorted(one.name for one in tmp_path.iterdir()) == sorted({diary.name, "runs"})


@pytest.mark.parametrize("name", ["lock", "log.csv"])
def test_hard_links_are_not_written_through(first, tmp_path, name):
    (tmp_path / "diary.txt").write_text("mine")
    (first.path / name).unlink(missing_ok=True)
    os.link(tmp_path / "diary.txt", first.path / name)
    with pytest.raises(ValueError, match=f"{name} is a hard link"):
        training.resume(training.open_run(first.path), LONGER, verbose=0)
    assert (tmp_path / "diary.txt").read_text() == "mine"


def test_a_lock_that_is_a_link_empties_nothing(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "diary.txt").write_text("mine")
    (tmp_path / "run" / "lock").symlink_to(tmp_path / "diary.txt")
    with pytest.raises(ValueError, match="lock is a link"):
        with locked(tmp_path / "run"):
            pass
    assert (tmp_path / "diary.txt").read_text() == "mine"


@pytest.mark.parametrize("name", ["state.json", "state.weights.h5"])
@pytest.mark.parametrize("put", [put_link, put_fifo])
def test_links_in_a_checkpoint_are_damage(second, tmp_path, name, put):
    path = second.checkpoints[-1] / name
    put(path, path.rename(tmp_path / name))
    said = []
    newest, _ = Checkpoints(second.path / "checkpoints", print_fn=said.append).newest()
    assert newest == second.checkpoints[0] and "is damaged" in said[0]


# === What the files say ===

NESTED = "[" * 100_000
HOSTILE = ("", "null", "[]", "{}", "7", '{"a": null}', NESTED, "\ufffe", '{"options": []}')


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_options_of_any_shape_are_refused(first, text):
    (first.path / "options.json").write_text(text)
    with pytest.raises(ValueError, match="not the folder of a run"):
        training.open_run(first.path)


@pytest.mark.parametrize(
    "change",
    [
        {"options": {**dataclasses.asdict(OPTIONS), "epochs": "many"}},
        {"options": {**dataclasses.asdict(OPTIONS), "overrides": [1]}},
        {"options": {**dataclasses.asdict(OPTIONS), "seed": None}},
        {"label_names": {}},
        {"label_names": {"heads": {"a": [1]}, "attributes": []}},
        {"label_names": {"heads": [], "attributes": []}},
        {"changes": 3},
    ],
)
def test_options_of_other_kinds_are_refused(first, change):
    path = first.path / "options.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(ValueError, match="not the folder of a run.*is damaged: "):
        training.open_run(first.path)


@pytest.mark.parametrize("text", ["null", "[]", '{"a": "b"}', NESTED, "{", '{"a": true}'])
def test_an_inventory_of_any_shape_is_refused(tmp_path, text):
    (tmp_path / "data.json").write_text(text)
    with pytest.raises(ValueError, match="data.json"):
        data_inventory.refuse_changed(tmp_path, f"folder:{tmp_path}")


@pytest.mark.parametrize(
    "change",
    [
        {"config": []}, {"rates": None}, {"epoch": None}, {"epoch": "1"}, {"metrics": {"loss": 3}},
        {"batch_size": "8"}, {"step": True}, {"weights_sha256": 5}, {"epoch": 7},
    ],
)  # fmt: skip
def test_a_forged_state_is_damage(second, change):
    path = second.checkpoints[-1]
    state = {**json.loads((path / "state.json").read_text())["state"], **change}
    checkpoints._write(path / "state.json", state)
    said = []
    newest, _ = Checkpoints(second.path / "checkpoints", print_fn=said.append).newest()
    assert newest == second.checkpoints[0] and "is damaged" in said[0]


def test_a_state_nested_deep_is_damage(second):
    (second.checkpoints[-1] / "state.json").write_text(NESTED)
    newest, _ = Checkpoints(second.path / "checkpoints", print_fn=str).newest()
    assert newest == second.checkpoints[0]


@pytest.mark.parametrize("row", ["x,1\n", "²,1\n", ",\n", "\n", "1\n", "1" * 5000 + ",2\n"])
def test_lines_of_the_log_that_are_none_are_taken_out(tmp_path, row):
    (tmp_path / "log.csv").write_text(f"epoch,loss\n{row}")
    guards.cut_log(tmp_path)
    assert (tmp_path / "log.csv").read_text() == "epoch,loss\n"


@pytest.mark.parametrize("text", ["null", "[]", "{}", '{"weights_sha256": 5}', NESTED])
def test_a_record_of_any_shape_says_nothing(second, text):
    import zipfile

    zoo.get("gan", **zoo.entry("gan").tiny).save(second.model_path)
    with zipfile.ZipFile(second.model_path, "a") as archive:
        archive.writestr("run.json", text)
    assert model_file.made_of(second.model_path) is None


# === A folder that goes, and disks that refuse ===


class Remove(keras.callbacks.Callback):
    """Takes the run's folder away after a batch."""

    def __init__(self, take):
        super().__init__()
        self._take = take

    def on_train_batch_begin(self, batch, logs=None):
        if int(self.model.step) == 3:
            checkpoints._WRITER.submit(int).result()  # `rmtree` fails where files come and go
            self._take()


class RemoveAndWrite(Remove):
    """Then writes there, as a callback does that comes after the one that looks."""

    def on_train_batch_begin(self, batch, logs=None):
        """Nothing is taken yet."""

    def on_train_batch_end(self, batch, logs=None):
        if int(self.model.step) == 4:
            checkpoints._WRITER.submit(int).result()
            (self._take() / "sheet.png").write_bytes(b"")


@pytest.mark.parametrize("rename", [True, False])
@pytest.mark.parametrize("callback", [Remove, RemoveAndWrite])
def test_a_folder_that_is_removed_ends_training_and_the_model_is_kept(tmp_path, rename, callback):
    path = tmp_path / "runs" / "00001-gan"

    def take():
        path.rename(tmp_path / "moved") if rename else shutil.rmtree(path)
        return path

    with pytest.raises(OSError, match="was removed or renamed while.*00001-gan-model.keras"):
        training.train(LONGER, path.parent, callbacks=[callback(take)], verbose=0)
    assert [one.name for one in path.parent.iterdir()] == ["00001-gan-model.keras"]
    assert int(zoo.load(path.with_name("00001-gan-model.keras")).step) == 4


def refuse(number, fragment):
    """`os.open` and `os.mkdir` of a disk that refuses paths with a fragment."""

    def refusing(make):
        def made(path, *args, **kwargs):
            if fragment in os.fspath(path):
                raise OSError(number, os.strerror(number), os.fspath(path))
            return make(path, *args, **kwargs)

        return made

    return refusing


@pytest.mark.parametrize(
    ("number", "said"),
    [(30, "Read-only file system. Choose"), (28, "No space left on device. Make room there")],
)
def test_disks_that_refuse_are_named(first, monkeypatch, number, said):
    refusing = refuse(number, "lock")
    monkeypatch.setattr(os, "open", refusing(os.open))
    with pytest.raises(OSError, match=f"Cannot write to .*00001-gan: {said}"):
        training.resume(first, LONGER, verbose=0)
    monkeypatch.undo()
    monkeypatch.setattr(pathlib.Path, "mkdir", refuse(number, "fresh")(pathlib.Path.mkdir))
    with pytest.raises(OSError, match=f"Cannot write to .*: {said}"):
        training.train(OPTIONS, first.path.parent / "fresh", verbose=0)


def test_a_checkpoint_without_room_says_what_to_do_in_a_run_too(first, monkeypatch):
    usage = shutil.disk_usage(first.path)._replace(free=0)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(OSError, match="The checkpoint of epoch 2, .*No space left.*and resume"):
        training.resume(first, LONGER, verbose=0)


def test_pictures_that_are_all_the_same_are_remarked_on(tmp_path):
    for number in range(3):
        Image.new("L", (28, 28), 9).save(tmp_path / f"{number}.png")
    model = zoo.get("gan")
    options = dataclasses.replace(OPTIONS, data=f"folder:{tmp_path}")
    with pytest.warns(UserWarning, match="first 3 pictures of folder:.* are all the same"):
        run_data.some_real(options, model)
