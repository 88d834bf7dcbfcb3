"""Checkpoints: a game that was stopped anywhere ends with the weights of one that was not."""

import errno
import os
import pathlib
import shutil

import keras
import pytest
import tensorflow as tf
from fabrication import by_default, fabricate, families, same, snapshot, tiny

from keras_gans.training.callbacks import Checkpoints, Stopped

EPOCHS, BATCHES = 3, 3

#: Games that differ most in what they keep; the others, traced for up to a minute, come among the
#: slower checks.
QUICK = ("cdcgan", "cyclegan")


class StopAt(keras.callbacks.Callback):
    """Asks for a stop during a batch, counted over the epochs."""

    def __init__(self, checkpoints, batch):
        super().__init__()
        self.checkpoints, self.left = checkpoints, batch

    def on_train_batch_begin(self, batch, logs=None):
        if self.left == 0:
            self.checkpoints.request_stop()
        self.left -= 1


class Batches(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.logs = {}

    def on_epoch_end(self, epoch, logs=None):
        self.logs[epoch] = dict(logs)


def passes(model):
    """Batches of which every pass has others, as those of `data.load`."""
    spec, count = model.batch_spec(4), iter(range(1000))

    def one_pass():
        first = BATCHES * next(count)
        yield from (fabricate(model, seed=first + number) for number in range(BATCHES))

    made = tf.data.Dataset.from_generator(one_pass, output_signature=spec)
    return made.apply(tf.data.experimental.assert_cardinality(BATCHES))


def fit(model, folder, stop_at=None, **arguments):
    checkpoints = Checkpoints(folder, print_fn=lambda line: None)
    seen = Batches()
    callbacks = [seen, checkpoints]
    if stop_at is not None:
        callbacks.insert(0, StopAt(checkpoints, stop_at))
    model.fit(
        **{"x": passes(model), "epochs": EPOCHS, "verbose": 0, "callbacks": callbacks, **arguments}
    )
    return seen.logs


def begun(name, **overrides):
    keras.utils.set_random_seed(0)
    return tiny(name, **overrides)


def everything(model):
    slots = [v for player in model.players for v in model.optimizer_of(player).variables]
    return [*model.weights, *slots, *(m for metric in model.metrics for m in metric.variables)]


def stopped_and_resumed(name, folder, stop_at, overrides=None, **arguments):
    """A model that went on from where another was stopped, and its logs."""
    stopped = begun(name, **(overrides or {}))
    with pytest.raises(Stopped):
        fit(stopped, folder, stop_at, **arguments)
    keras.utils.set_random_seed(1)  # whatever was drawn since
    resumed = tiny(name, **(overrides or {}))
    assert not same(snapshot(resumed.weights), stopped.weights)
    return resumed, fit(resumed, folder, **arguments)


#: Tricks that remember: averages, a pool, an augmentation's strength, who is ahead.
REMEMBERING = {
    "ema_decay": 0.9, "replay": 5, "augment": ["translation"], "ada_target": 0.6, "balance": 0.8,
    "instance_noise": 0.1, "instance_noise_steps": 20,
}  # fmt: skip


@pytest.mark.parametrize(
    "name, overrides",
    [
        *by_default(QUICK, [*families(), "dcgan_dropout_fashion", "dcgan_spectral_fashion"], {}),
        ("dcgan_fashion", REMEMBERING),
        ("cdcgan", {"ema_decay": 0.9, "replay": 5}),
        ("pix2pix", {"precision": "mixed_float16"}),
    ],
)
def test_a_stopped_game_ends_as_one_that_was_not(name, overrides, tmp_path):
    whole = begun(name, **overrides)
    whole_logs = fit(whole, tmp_path / "whole")
    resumed, logs = stopped_and_resumed(
        name, tmp_path / "stopped", stop_at=BATCHES + 1, overrides=overrides
    )
    assert same(snapshot(everything(whole)), everything(resumed))
    assert logs == {epoch: whole_logs[epoch] for epoch in (1, 2)}


@pytest.mark.parametrize("stop_at", [0, BATCHES - 1, BATCHES, EPOCHS * BATCHES - 1])
def test_at_the_ends_of_epochs_too(stop_at, tmp_path):
    whole = begun("dcgan_dropout_fashion")
    fit(whole, tmp_path / "whole")
    resumed, _ = stopped_and_resumed("dcgan_dropout_fashion", tmp_path / "stopped", stop_at)
    assert same(snapshot(everything(whole)), everything(resumed))


def test_endless_data_and_several_steps_at_once(tmp_path):
    arguments = {"steps_per_epoch": 4, "epochs": 2}
    whole = begun("dcgan_fashion")
    whole.compile(steps_per_execution=2)
    fit(whole, tmp_path / "whole", x=passes(whole).repeat(), **arguments)
    stopped = begun("dcgan_fashion")
    stopped.compile(steps_per_execution=2)
    with pytest.raises(Stopped):
        fit(stopped, tmp_path / "stopped", 2, x=passes(stopped).repeat(), **arguments)
    resumed = tiny("dcgan_fashion")
    resumed.compile(steps_per_execution=2)
    fit(resumed, tmp_path / "stopped", x=passes(resumed).repeat(), **arguments)
    assert same(snapshot(everything(whole)), everything(resumed))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Folder of the checkpoints of a finished game."""
    folder = tmp_path_factory.mktemp("trained") / "checkpoints"
    fit(begun("dcgan_fashion"), folder)
    return folder


@pytest.fixture
def folder(trained, tmp_path):
    return shutil.copytree(trained, tmp_path / "checkpoints")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_newest_are_kept_and_nothing_else(trained):
    assert names(trained) == [f"epoch-0000{number}-batch-0000000" for number in (1, 2, 3)]


def test_a_finished_game_is_not_trained_further(folder):
    model = tiny("dcgan_fashion")
    assert fit(model, folder) == {}
    assert int(model.step) == EPOCHS * BATCHES


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: _turn_a_byte(path / "state.weights.h5"),
        lambda path: _turn_a_byte(path / "state.json"),
        lambda path: (path / "state.json").write_text("{"),
        lambda path: (path / "state.json").write_text('{"state": {}, "sha256": ""}'),
        lambda path: (path / "state.json").write_text(" " * (2**22 + 1)),
        lambda path: (path / "state.weights.h5").write_bytes(b""),
        lambda path: (path / "state.weights.h5").unlink(),
        lambda path: (path / "state.json").unlink(),
    ],
)
def test_a_damaged_checkpoint_is_reported_and_the_one_before_used(folder, damage):
    newest = folder / "epoch-00003-batch-0000000"
    damage(newest)
    said = []
    path, state = Checkpoints(folder, print_fn=said.append).newest()
    assert path.name == "epoch-00002-batch-0000000" and state["epoch"] == 2
    (line,) = said
    assert line.startswith(f"{newest} is damaged (")


def _turn_a_byte(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_no_sound_checkpoint_is_an_error_and_not_a_new_game(folder):
    for path in folder.iterdir():
        (path / "state.weights.h5").write_bytes(b"")
    with pytest.raises(ValueError, match="None of the 3 checkpoints in .* can be read"):
        fit(tiny("dcgan_fashion"), folder)


@pytest.mark.parametrize(
    "name, overrides, message",
    [
        ("lsgan_fashion", {}, "the model was keras_gans>DCGAN, and is LSGAN"),
        ("dcgan_fashion", {"filters": 8}, "filters was .*, and is 8"),
        ("dcgan_fashion", {"image_size": 16}, "image_size was .*, and is 16"),
        ("dcgan_fashion", {"seed": 5, "ema_decay": 0.9}, "ema_decay was .*; seed was 0, and is 5"),
    ],
)
def test_another_game_is_refused_by_name(folder, name, overrides, message):
    model = tiny(name, **overrides)
    before = snapshot(model.weights)
    with pytest.raises(ValueError, match=f"belongs to another game: {message}"):
        fit(model, folder)
    assert same(before, model.weights)


def test_another_batch_size_is_refused(folder):
    model = tiny("dcgan_fashion")
    with pytest.raises(ValueError, match="the batch size was 4, and is 2"):
        fit(model, folder, x=passes(model).unbatch().batch(2, drop_remainder=True))


def test_what_has_no_order_is_refused(tmp_path):
    model = tiny("dcgan_fashion")
    with pytest.raises(ValueError, match="arrays do not have"):
        fit(model, tmp_path, x=fabricate(model))
    with pytest.raises(ValueError, match="Use `data.repeat\\(\\)`"):
        fit(model, tmp_path, steps_per_epoch=2)


@pytest.mark.parametrize("arguments", [{"every": 0}, {"keep": 0}, {"minutes": 0}, {"keep": 1.5}])
def test_bad_arguments_are_refused(tmp_path, arguments):
    with pytest.raises(ValueError, match=f"`{next(iter(arguments))}` must be"):
        Checkpoints(tmp_path, **arguments)


def test_a_learning_rate_changed_on_purpose_goes_before_the_saved_one(folder):
    model = tiny("dcgan_fashion", generator_learning_rate=1e-5)
    fit(model, folder, epochs=EPOCHS + 1)
    assert float(model.generator_optimizer.learning_rate) == pytest.approx(1e-5)
    kept = tiny("dcgan_fashion")
    kept.generator_optimizer.learning_rate = float(kept.generator_optimizer.learning_rate)
    fit(kept, folder, epochs=EPOCHS + 2)
    assert int(kept.step) == (EPOCHS + 2) * BATCHES


def test_weights_that_are_not_finite_are_not_saved(folder):
    model = tiny("dcgan_fashion")
    model.compile(generator_optimizer=keras.optimizers.SGD(1e38))
    with pytest.raises(ValueError, match="The generator's weights are no longer finite"):
        fit(model, folder.parent / "diverged")
    assert not list((folder.parent / "diverged").glob("*"))


def test_a_checkpoint_that_cannot_be_written_leaves_the_last(folder, monkeypatch):
    before = names(folder)
    model = tiny("dcgan_fashion")
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    monkeypatch.setattr(os, "rename", lambda *paths: (_ for _ in ()).throw(full))
    with pytest.raises(OSError, match="No space left.*The last good one is .*epoch-00003.*resume"):
        fit(model, folder, epochs=EPOCHS + 1)
    assert names(folder) == before


def test_a_disk_without_room_is_not_written_to(folder, monkeypatch):
    """HDF5 ends the process when a disk fills while it writes."""
    before, usage = names(folder), shutil.disk_usage(folder)
    model = tiny("dcgan_fashion")
    size = (folder / before[-1] / "state.weights.h5").stat().st_size
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=size // 2))
    with pytest.raises(OSError, match="No space left.*The last good one is .*epoch-00003.*resume"):
        fit(model, folder, epochs=EPOCHS + 1)
    assert names(folder) == before


def test_what_a_killed_save_left_is_removed(folder):
    (folder / ".epoch-00004-batch-0000000.partial-12").mkdir()
    fit(tiny("dcgan_fashion"), folder)
    assert not list(folder.glob(".*"))


def test_a_save_killed_while_it_replaced_a_checkpoint_is_undone(folder):
    before = names(folder)
    workspace = folder / f".{before[-1]}.partial-12"
    workspace.mkdir()
    (folder / before[-1]).rename(workspace / "replaced")
    model = tiny("dcgan_fashion")
    fit(model, folder)
    assert names(folder) == before and int(model.step) == EPOCHS * BATCHES
    assert not list(folder.glob(".*"))


def test_a_checkpoint_that_cannot_be_begun_says_why(folder, monkeypatch):
    def refuse(self, *args, **kwargs):
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    before, model = names(folder), tiny("dcgan_fashion")
    monkeypatch.setattr(pathlib.Path, "mkdir", refuse)
    with pytest.raises(OSError, match=r"cannot be written to .* \(Permission denied\)\. The last"):
        fit(model, folder, epochs=EPOCHS + 1)
    assert names(folder) == before


def test_nothing_else_is_removed(tmp_path):
    others = ["epoch-1-batch-2-notes", ".partial-of-somebody"]
    for name in others:
        (tmp_path / name).mkdir()
    model = tiny("gan")
    checkpoints = Checkpoints(tmp_path, keep=1, print_fn=lambda line: None)
    model.fit(passes(model), epochs=EPOCHS, verbose=0, callbacks=[checkpoints])
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        [*others, f"epoch-{EPOCHS:05d}-batch-0000000"]
    )


def test_a_long_epoch_is_saved_within(tmp_path):
    model = tiny("dcgan_fashion")
    checkpoints = Checkpoints(tmp_path, minutes=1e-9, keep=100, print_fn=print)
    model.fit(passes(model), epochs=1, verbose=0, callbacks=[checkpoints])
    batches = [name[-1] for name in names(tmp_path)]
    assert batches == ["1", "2", "3", "0"]
