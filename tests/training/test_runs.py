"""Runs: what is kept when training ends otherwise than planned."""

import csv
import dataclasses
import json
import os
import pathlib
import shutil
import signal
import sys

import keras
import numpy as np
import pytest
from fabrication import same, snapshot, tiny
from PIL import Image

from keras_gans import data, training, zoo
from keras_gans.data.account import Account
from keras_gans.evaluation import evaluate_model
from keras_gans.training import data_inventory, guards, run_callbacks
from keras_gans.training.callbacks import DivergedError, Stopped
from keras_gans.training.csv_log import Log
from keras_gans.utils.files import locked

OPTIONS = training.Options(
    "cdcgan_fashion", overrides={"filters": 4, "latent_dim": 8}, epochs=2, steps_per_epoch=2,
    batch_size=8,
)  # fmt: skip


class Stop(keras.callbacks.Callback):
    """Interrupts at the end of a batch."""

    def __init__(self, epoch, error):
        super().__init__()
        self.stop_epoch, self.error, self.epoch = epoch, error, None

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if self.epoch == self.stop_epoch:
            raise self.error


def test_model_comes_back_as_it_was_trained(tmp_path):
    trained = []
    keep = keras.callbacks.LambdaCallback(
        on_train_end=lambda logs: trained.append(snapshot(keep.model.weights))
    )
    run = training.train(OPTIONS, tmp_path, callbacks=[keep], verbose=0)
    model = training.open_run(run.path).load_model()
    assert same(trained[0], model.weights)
    assert int(model.generator_optimizer.iterations) == 4
    assert training.open_run(run.path).options == dataclasses.replace(OPTIONS, split="train")


@pytest.mark.parametrize("jitter", [None, True, False])
def test_a_translator_learns_from_pictures_as_its_run_says(jitter):
    overrides = zoo.entry("pix2pix_emoji").tiny
    options = training.Options("pix2pix_emoji", overrides=overrides, seed=3, jitter=jitter)
    model, batches = training.prepare(options)
    recipe = zoo.entry("pix2pix_emoji").recipe
    wanted = data.load(
        options.source, model, seed=3, batch_size=recipe["batch_size"], flip=recipe["flip"],
        jitter=bool(jitter),
    )  # fmt: skip
    pairs = zip(batches.take(2), wanted.take(2), strict=True)
    assert all(np.array_equal(*sides) for pair in pairs for sides in zip(*pair, strict=True))


def test_interrupted_after_an_epoch_keeps_what_was_learned(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        training.train(OPTIONS, tmp_path, callbacks=[Stop(1, KeyboardInterrupt())], verbose=0)
    run = training.open_run(tmp_path / "00001-cdcgan-fashion")
    assert int(run.load_model().step) == 3


def test_failed_before_an_epoch_leaves_nothing(tmp_path):
    with pytest.raises(ValueError, match="at once"):
        training.train(OPTIONS, tmp_path, callbacks=[Stop(0, ValueError("at once"))], verbose=0)
    assert not list(tmp_path.iterdir())


def test_a_run_without_a_model_says_so(tmp_path):
    run = training.train(OPTIONS, tmp_path, verbose=0)
    run.model_path.unlink()
    with pytest.raises(ValueError, match="no trained model yet"):
        run.load_model()
    run.model_path.write_bytes(b"PK not a zip")
    with pytest.raises(ValueError, match="not a readable .keras file"):
        run.load_model()


@pytest.mark.parametrize("text", ["", "{", '{"options": {"modell": "dcgan"}}', "[]"])
def test_a_folder_that_is_no_run_is_refused(tmp_path, text):
    (tmp_path / "options.json").write_text(text)
    with pytest.raises(ValueError, match="not the folder of a run"):
        training.open_run(tmp_path)


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    """Pictures with a table of two heads and three attributes."""
    folder = tmp_path_factory.mktemp("faces")
    heading = ["file", "Smiling", "hair", "Male", "hat", "Young"]
    rows = []
    for number in range(12):
        pixels = np.full((16, 16, 3), 20 * number, np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
        hair, hat = ["red", "black", "none"][number % 3], ["top hat", "cap"][number % 2]
        rows.append([f"{number}.png", number % 2, hair, 1, hat, 0])
    with open(folder / "attributes.csv", "w", newline="") as file:
        csv.writer(file).writerows([heading, *rows])
    return folder


def of_faces(faces, tmp_path, **options):
    overrides = {"filters": 4, "latent_dim": 8, "image_size": 16, **options.pop("overrides")}
    options = training.Options(
        "cdcgan", f"folder:{faces}", overrides, epochs=1, batch_size=4, **options
    )
    return training.open_run(training.train(options, tmp_path, verbose=0).path)


def test_a_run_remembers_the_names_of_its_labels(faces, tmp_path):
    run = of_faces(
        faces, tmp_path, overrides={"num_classes": (3, 2)}, attributes=["Young", "Smiling"]
    )
    assert run.label_names == {
        "heads": {"hair": ["black", "none", "red"], "hat": ["cap", "top hat"]},
        "attributes": ["Young", "Smiling"],
    }
    assert run.class_names is None
    assert run.load_model().num_attributes == 2
    assert run.labels(["Red,top hat", "1, 0"]) == [[2, 1], [1, 0]]
    assert run.attributes(["smiling", "!Young"]) == [0, 1]
    assert run.labels([]) is None and run.attributes(None) is None
    for given, message in (
        (["red"], "2 classes with commas between, one of each of hair, hat. Received: 'red'"),
        (["red,cup"], "Unknown class of 'hat': 'cup'. Did you mean 'cap'"),
    ):
        with pytest.raises(ValueError, match=message):
            run.labels(given)
    for given, message in (
        (["Smilling"], "Unknown attribute: 'Smilling'. Did you mean 'Smiling'.*Young, Smiling"),
        (["!Male"], "Unknown attribute: 'Male'.*Young, Smiling"),
        (["Young", "!Young"], "cannot be on and off"),
    ):
        with pytest.raises(ValueError, match=message):
            run.attributes(given)


def test_a_run_of_one_head_has_class_names(faces, tmp_path):
    run = of_faces(faces, tmp_path, overrides={"num_classes": 2}, heads=["hat"])
    assert run.class_names == ("cap", "top hat")
    assert run.labels(["top hat", "0"]) == [1, 0]
    with pytest.raises(ValueError, match="Unknown attribute: 'Young'.*no names are known"):
        run.attributes(["Young"])


def test_a_class_called_by_a_number_is_found_by_its_name(tmp_path):
    names = {"heads": {"class": ["1", "2", "3"]}, "attributes": []}
    run = training.Run(tmp_path, OPTIONS, names)
    assert run.labels(["1", "3", "0"]) == [0, 2, 0]
    with pytest.raises(ValueError, match="Unknown class: '²'.*one of: 1, 2, 3"):
        run.labels(["²"])


def test_a_model_without_labels_remembers_none(tmp_path):
    options = training.Options(
        "dcgan_fashion", overrides=OPTIONS.overrides, epochs=1, steps_per_epoch=1, batch_size=8
    )
    run = training.train(options, tmp_path, verbose=0)
    record = json.loads((run.path / "options.json").read_text())
    assert record["label_names"] == {"heads": {}, "attributes": []}


@pytest.mark.large
def test_deterministic_runs_are_equal_to_the_bit(tmp_path):
    script = (
        "import sys\n"
        "from keras_gans.training import Options, train\n"
        "train(Options('cdcgan_fashion', overrides={'filters': 4, 'latent_dim': 8},"
        " epochs=1, steps_per_epoch=3, batch_size=8, deterministic=True), sys.argv[1], verbose=0)"
    )
    import subprocess
    import sys

    weights = []
    for name in ("one", "two"):
        subprocess.run([sys.executable, "-c", script, str(tmp_path / name)], check=True)
        run = training.open_run(tmp_path / name / "00001-cdcgan-fashion")
        weights.append(snapshot(run.load_model().weights))
    assert same(weights[0], weights[1])


# === Going on with a run ===

LONGER = dataclasses.replace(OPTIONS, epochs=3)


def stopped_at(epoch, tmp_path, options=LONGER):
    with pytest.raises(KeyboardInterrupt):
        training.train(options, tmp_path, callbacks=[Stop(epoch, KeyboardInterrupt())], verbose=0)
    return training.open_run(tmp_path / "00001-cdcgan-fashion")


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A run that nobody goes on with."""
    return stopped_at(1, tmp_path_factory.mktemp("runs"))


def test_a_run_goes_on_in_its_folder(tmp_path):
    run = stopped_at(1, tmp_path)
    assert not training.is_finished(run)
    assert training.to_resume(LONGER, tmp_path).path == run.path
    training.resume(run, verbose=0)
    assert int(run.load_model().step) == 6
    rows = list(csv.DictReader((run.path / "log.csv").open()))
    assert [row["epoch"] for row in rows] == ["0", "1", "2"]
    assert training.is_finished(run) and training.to_resume(LONGER, tmp_path).path == run.path
    other = dataclasses.replace(LONGER, seed=3)
    assert training.to_resume(other, tmp_path) is None


def test_a_finished_run_goes_on_for_longer_and_notes_it(tmp_path):
    run = training.train(LONGER, tmp_path, verbose=0)
    assert training.resume(run, verbose=0) == run
    options = dataclasses.replace(
        LONGER, epochs=4, overrides={**LONGER.overrides, "generator_learning_rate": 1e-4}
    )
    training.resume(run, options, verbose=0)
    run = training.open_run(run.path)
    assert run.options == options
    assert int(run.load_model().step) == 8
    assert float(run.load_model().generator_optimizer.learning_rate) == pytest.approx(1e-4)
    record = json.loads((run.path / "options.json").read_text())
    assert [change["before"]["epochs"] for change in record["changes"]] == [3]


def test_a_run_starts_from_another_and_is_resumed_without_it(tmp_path, capsys):
    first = training.train(dataclasses.replace(OPTIONS, epochs=1), tmp_path / "a", verbose=0)
    still = {**OPTIONS.overrides, "generator_learning_rate": 0.0, "seed": 5}
    tuned = dataclasses.replace(
        OPTIONS, epochs=1, overrides=still, start_from=str(first.path), seed=5
    )
    run = training.train(tuned, tmp_path / "b", verbose=0)
    assert (
        f"{first.path}: Started from cdcgan_fashion: 29 of 29"
        in capsys.readouterr().out.replace("\n", "")
    )
    weights = first.load_model().generator.trainable_variables
    assert same(snapshot(weights), run.load_model().generator.trainable_variables)
    shutil.rmtree(first.path)
    longer = dataclasses.replace(tuned, epochs=2)
    assert training.is_finished(training.resume(run, longer, verbose=0))


def test_early_layers_of_the_discriminator_stay_as_they_were(tmp_path):
    first = training.train(dataclasses.replace(OPTIONS, epochs=1), tmp_path / "a", verbose=0)
    tuned = dataclasses.replace(
        OPTIONS, epochs=1, start_from=str(first.path), seed=5, freeze_discriminator=2
    )
    run = training.train(tuned, tmp_path / "b", verbose=0)
    run = training.resume(run, dataclasses.replace(tuned, epochs=2), verbose=0)
    before, after = (one.load_model().discriminator for one in (first, run))
    able = [one for one in after.layers if one._trainable_variables]
    assert [one.trainable for one in able] == [False] * 2 + [True] * (len(able) - 2)
    for number, layer in enumerate(able):
        (old, *_), (new, *_) = before.get_layer(layer.name).weights, layer.weights
        assert np.array_equal(old, new) == (number < 2), layer.name


@pytest.mark.parametrize(
    "layers, begun, words",
    [
        (2, False, "give `start_from`, or leave it out"),
        (99, True, "must leave a layer of discriminator to learn"),
        (-1, True, "`freeze_discriminator` must be"),
    ],
)
def test_layers_that_cannot_be_frozen_are_refused(layers, begun, words, tmp_path):
    started = "cdcgan_fashion" if begun else None
    with pytest.raises(ValueError, match=words):
        options = dataclasses.replace(
            OPTIONS, start_from=started, overrides={}, freeze_discriminator=layers
        )
        training.train(options, tmp_path, verbose=0)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"batch_size": 4}, "`batch_size` was 8, and is 4"),
        ({"data": "folder:elsewhere"}, "`data` was None, and is 'folder:elsewhere'"),
        ({"overrides": {"filters": 8, "latent_dim": 8}}, "`filters` was 4, and is 8"),
        ({"seed": 1, "deterministic": True}, "`seed` was 0, and is 1; `deterministic` was False"),
    ],
)
def test_what_must_not_change_is_refused_by_name(stopped, change, message):
    options = dataclasses.replace(LONGER, **change)
    for go_on in (
        lambda: training.resume(stopped, options),
        lambda: training.to_resume(options, stopped.path.parent),
    ):
        with pytest.raises(ValueError, match=message):
            go_on()


def test_a_run_in_use_is_refused_with_its_process(tmp_path):
    run = stopped_at(1, tmp_path)
    with locked(run.path):
        with pytest.raises(ValueError, match=f"is in use by process {os.getpid()} on "):
            training.resume(run)


def test_data_that_changed_is_refused_with_the_number_of_files(faces, tmp_path):
    folder = shutil.copytree(faces, tmp_path / "faces")
    run = of_faces(folder, tmp_path / "runs", overrides={"num_classes": 2}, heads=["hat"])
    longer = dataclasses.replace(run.options, epochs=2)
    (folder / "new.png").write_bytes((folder / "1.png").read_bytes())
    (folder / "2.png").unlink()
    (folder / "3.png").unlink()
    (folder / ".hidden").touch()
    (folder / "Thumbs.db").touch()
    (folder / "hats").mkdir()
    (folder / "hats" / "notes.txt").touch()
    with pytest.raises(ValueError, match="1 added \\(new.png\\), 2 gone \\(2.png, ...\\)\\. They"):
        training.resume(run, longer)
    (folder / "new.png").unlink()
    for name in ("2.png", "3.png"):
        shutil.copy(faces / name, folder / name)
    training.resume(run, longer, verbose=0)
    assert training.is_finished(training.open_run(run.path))
    with open(folder / "attributes.csv", "a") as table:
        table.write(" ")
    with pytest.raises(ValueError, match="1 of other content \\(attributes.csv\\)"):
        training.resume(run, dataclasses.replace(longer, epochs=3))


def test_what_earlier_runs_noted_of_files_that_are_not_read_does_not_matter(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "1.PNG")
    size = (tmp_path / "1.PNG").stat().st_size
    run = tmp_path / ".run"
    run.mkdir()
    (run / "data.json").write_text(json.dumps({"1.PNG": size, "notes.txt": 5}))
    data_inventory.refuse_changed(run, f"folder:{tmp_path}")


def test_a_picture_in_place_of_another_of_its_size_is_noticed(tmp_path):
    """Also one that cannot be read, with which there would be one fewer."""
    folder, run = tmp_path / "data", tmp_path / "run"
    folder.mkdir()
    run.mkdir()
    Image.new("RGB", (8, 8)).save(folder / "1.bmp")
    (folder / "loop.png").symlink_to("loop.png")
    os.mkfifo(folder / "pipe.png")
    account = Account()
    account.leave_out("2.png", "broken")
    data_inventory.write(run, f"folder:{folder}", account)
    assert (run / "data.txt").read_text() == "2.png: left out, broken\n"
    data_inventory.refuse_changed(run, f"folder:{folder}")
    size = (folder / "1.bmp").stat().st_size
    Image.new("RGB", (8, 8), "red").save(folder / "1.bmp")
    assert (folder / "1.bmp").stat().st_size == size
    with pytest.raises(ValueError, match="1 of other content \\(1.bmp\\)"):
        data_inventory.refuse_changed(run, f"folder:{folder}")


@pytest.mark.parametrize("place", ["", "runs", "deep/runs"])
def test_runs_inside_their_data_are_refused(tmp_path, place):
    folder = tmp_path / "data"
    folder.mkdir()
    Image.new("RGB", (32, 32)).save(folder / "1.png")
    options = training.Options("dcgan", f"folder:{folder}", batch_size=1)
    (tmp_path / "link").symlink_to(folder)
    for top in (folder, tmp_path / "link"):
        with pytest.raises(ValueError, match="lies inside the folder of folder:.*--runs-dir"):
            training.train(options, top / place)
    assert [path.name for path in folder.iterdir()] == ["1.png"]
    data_inventory.refuse_inside(options.source, folder / ".runs")
    data_inventory.refuse_inside(options.source, tmp_path / "data-runs")
    data_inventory.refuse_inside("bundled:fashion_mnist", "runs")


def test_sigterm_saves_and_leaves_and_the_run_goes_on(tmp_path):
    class Terminate(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            if int(self.model.step) == 3:
                os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Stopped) as stopped:
        training.train(LONGER, tmp_path, callbacks=[Terminate()], verbose=0)
    assert stopped.value.signal == signal.SIGTERM
    assert stopped.value.checkpoint.name == "epoch-00001-batch-0000002"
    assert signal.getsignal(signal.SIGTERM) == before
    run = training.open_run(tmp_path / "00001-cdcgan-fashion")
    assert int(run.load_model().step) == 4
    training.resume(run, verbose=0)
    assert int(run.load_model().step) == 6


def test_a_run_that_diverges_keeps_the_last_good_weights(tmp_path):
    class Poison(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            if int(self.model.step) == 3:
                kernel = self.model.generator.trainable_variables[0]
                kernel.assign(np.full(kernel.shape, np.nan))

    with pytest.raises(DivergedError, match="at step 4 .*generator"):
        training.train(LONGER, tmp_path, callbacks=[Poison()], verbose=0)
    run = training.open_run(tmp_path / "00001-cdcgan-fashion")
    model = run.load_model()
    assert int(model.step) == 2 and all(np.isfinite(np.array(v)).all() for v in model.weights)
    training.resume(run, verbose=0)
    assert int(run.load_model().step) == 6


def poison(model):
    kernel = model.generator.trainable_variables[0]
    kernel.assign(np.full(kernel.shape, np.nan))


def test_a_run_that_diverges_goes_back_to_its_checkpoint_if_told_to(tmp_path):
    class Poison(keras.callbacks.Callback):
        went_bad = 0

        def on_train_batch_begin(self, batch, logs=None):
            if int(self.model.step) == 3:
                self.went_bad += 1
                poison(self.model)

    callback = Poison()
    options = dataclasses.replace(LONGER, on_divergence="rollback")
    run = training.train(options, tmp_path, callbacks=[callback], verbose=0)
    model = run.load_model()
    assert callback.went_bad == 1  # steps are counted on, and noise with them
    assert int(model.step) == 6 and all(np.isfinite(np.array(v)).all() for v in model.weights)
    last = list(csv.DictReader((run.path / "log.csv").open()))[-1]
    assert np.isfinite(float(last["generator_loss"]))
    # One update was lost with the epoch's first: of the step before and of the one that went bad.
    assert int(model.optimizer_of("generator").iterations) == 4


def test_going_back_ends_where_it_does_not_help(tmp_path, capsys):
    class Poison(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            if int(self.model.step) >= 2:
                poison(self.model)

    options = dataclasses.replace(LONGER, steps_per_epoch=8, epochs=2, on_divergence="rollback")
    with pytest.raises(DivergedError, match="at step 3 .*generator"):  # no checkpoint yet
        training.train(options, tmp_path / "none", callbacks=[Poison()], verbose=0)
    options = dataclasses.replace(options, steps_per_epoch=2, epochs=9)
    with pytest.raises(DivergedError, match="at step 8 .*generator"):
        training.train(options, tmp_path / "some", callbacks=[Poison()], verbose=2)
    assert capsys.readouterr().out.count("It goes on from") == 5
    with pytest.raises(ValueError, match="must be 'stop' or 'rollback'. Received: 'halt'"):
        dataclasses.replace(options, on_divergence="halt")


def test_a_run_stopped_in_its_first_epoch_goes_on(tmp_path):
    class Terminate(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Stopped):
        training.train(LONGER, tmp_path, callbacks=[Terminate()], verbose=0)
    run = training.open_run(tmp_path / "00001-cdcgan-fashion")
    assert (run.path / "log.csv").read_text() == ""
    training.resume(run, verbose=0)
    assert int(run.load_model().step) == 6
    rows = list(csv.DictReader((run.path / "log.csv").open()))
    assert [row["epoch"] for row in rows] == ["0", "1", "2"]


def test_a_line_of_the_log_without_a_checkpoint_is_taken_out(tmp_path):
    (tmp_path / "log.csv").write_text("epoch,loss\n0,1.0\n")
    guards.cut_log(tmp_path)
    assert (tmp_path / "log.csv").read_text() == "epoch,loss\n"


@pytest.mark.parametrize("direction", ["ab", "ba"])
def test_a_translator_is_judged_in_the_direction_it_learns(tmp_path, direction):
    overrides = {**zoo.entry("pix2pix_emoji").tiny, "direction": direction}
    options = training.Options("pix2pix_emoji", overrides=overrides, metrics=["pairs"])
    model, _ = training.prepare(options)
    (metrics,) = run_callbacks.metrics_callback(
        training.Run(tmp_path, options, {}), model, tmp_path
    )
    assert metrics.evaluator.protocol(model)["direction"] == direction


def test_two_domains_are_judged_while_training_as_they_are_afterwards(tmp_path, monkeypatch):
    for domain, count in (("trainA", 1), ("trainB", 1), ("testA", 2), ("testB", 3)):
        (tmp_path / domain).mkdir()
        for number in range(count):
            Image.new("RGB", (32, 32)).save(tmp_path / domain / f"{number}.png")
    model = tiny("cyclegan")
    options = training.Options("cyclegan", f"folder:{tmp_path}", metrics=["pairs"])
    with pytest.raises(ValueError, match="do not belong together"):
        run_callbacks.metrics_callback(training.Run(tmp_path, options, {}), model, tmp_path)
    monkeypatch.setattr(evaluate_model, "extractor_for", lambda names, extractor: None)
    options = dataclasses.replace(options, metrics=["kid"])
    (metrics,) = run_callbacks.metrics_callback(
        training.Run(tmp_path, options, {}), model, tmp_path
    )
    assert metrics.evaluator.count == 2  # none of A twice


# === The log of a run that goes on ===


def logged(path):
    """The rows of a log by name, after a look at whether each has all cells."""
    header, *rows = csv.reader(path.open(newline=""))
    assert len(set(header)) == len(header)
    assert [len(row) for row in rows] == [len(header)] * len(rows)
    rows = [dict(zip(header, row, strict=True)) for row in rows]
    assert [row["epoch"] for row in rows] == [str(number) for number in range(len(rows))]
    return rows


def in_their_places(rows, logs):
    """Whether each epoch's row says what its logs said, and nothing else."""
    return len(rows) == len(logs) and all(
        {name: value for name, value in row.items() if value != "NA"}
        == {"epoch": row["epoch"], **{name: str(value) for name, value in found.items()}}
        for row, found in zip(rows, logs, strict=True)
    )


@pytest.mark.parametrize(
    "processes",
    [
        [[{"a", "figure"}, {"a"}], [{"a"}, {"a", "figure"}]],  # in some epochs only
        [[{"b"}, {"b"}], [{"b", "a"}, {"b"}]],  # asked for when it goes on
        [[{"a"}], [{"a"}, {"a", "figure"}], [{"a"}]],
        [[{"a", "figure"}], [{"a"}]],  # not any longer
        [[{"a"}, {"a", "figure"}]],
    ],
)
def test_every_value_of_a_log_is_under_its_name(tmp_path, processes):
    logs = []
    for process in processes:
        log = Log(tmp_path / "log.csv")
        log.on_train_begin()
        for names in process:
            logs.append({name: len(logs) + ord(name[0]) / 2 for name in sorted(names)})
            log.on_epoch_end(len(logs) - 1, logs[-1])
        log.on_train_end()
    rows = logged(tmp_path / "log.csv")
    assert in_their_places(rows, logs)
    assert set(rows[0]) == {"epoch"}.union(*logs)  # no column that nothing was ever said for


@pytest.mark.large
def test_the_log_of_a_run_with_metrics_goes_on(tmp_path):
    logs = []
    keep = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, of: logs.append(dict(of)))
    overrides = {"image_size": 32, "num_downs": 5, "filters": 4}
    options = training.Options(
        "pix2pix_emoji", overrides=overrides, epochs=1, steps_per_epoch=1, batch_size=4,
        jitter=False, metrics=["pairs"],
    )  # fmt: skip
    run = training.train(options, tmp_path, callbacks=[keep], verbose=0)
    training.resume(run, dataclasses.replace(options, epochs=3), callbacks=[keep], verbose=0)
    assert ["l1" in found for found in logs] == [True, False, True]
    assert in_their_places(logged(run.path / "log.csv"), logs)


# === What a run is measured by ===


@pytest.fixture(scope="module")
def hundred(tmp_path_factory):
    """A flat folder of 160 pictures."""
    folder = tmp_path_factory.mktemp("flat")
    random = np.random.default_rng(0)
    for number in range(160):
        pixels = random.integers(0, 256, (16, 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return folder


def of_flat(folder, **options):
    tiny_form = {"image_size": 16, "filters": 4, "latent_dim": 8}
    return training.Options(
        "dcgan", f"folder:{folder}", tiny_form, epochs=1, steps_per_epoch=1, batch_size=8, **options
    )


def test_of_a_flat_folder_some_are_set_aside_and_said(hundred, tmp_path, capsys):
    run = training.train(of_flat(hundred), tmp_path, verbose=0)
    assert run.options.split == "train[:95%]"
    said = " ".join(capsys.readouterr().out.split())
    assert (
        "are set aside to evaluate by, split 'train[95%:]'. split='train' learns from all." in said
    )
    assert training.to_resume(of_flat(hundred), tmp_path).path == run.path
    assert training.is_finished(training.resume(run, of_flat(hundred), verbose=0))


def test_nothing_is_set_aside_of_few_pictures_nor_where_a_split_is_named(faces, hundred, tmp_path):
    named = training.train(of_flat(hundred, split="train"), tmp_path / "a", verbose=0)
    assert named.options.split == "train"
    options = dataclasses.replace(of_flat(faces), batch_size=2)
    with pytest.warns(UserWarning, match="Of fewer than 500 the discriminator soon knows"):
        few = training.train(options, tmp_path / "b", verbose=0)
    assert few.options.split == "train"


def test_runs_are_measured_by_what_they_have_not_learned_from(monkeypatch):
    asked = []

    def evaluate(model, source, *, split, **how):
        asked.append(split)
        if split == "test":
            raise data.NoSuchSplitError("x has no split.")
        return []

    module = sys.modules["keras_gans.training.evaluate_run"]
    monkeypatch.setattr(module, "evaluate", evaluate)
    monkeypatch.setattr(module, "write_whole", lambda *args, **kwargs: None)

    def measured(learned, **how):
        options = of_flat("x", split=learned)
        run = training.Run(pathlib.Path("x"), options, {})
        training.evaluate_run(run, model=object(), **how)

    measured("train[:95%]")
    measured("train[:95%]", split="train")
    assert asked == ["train[95%:]", "train"]
    with pytest.raises(
        data.NoSuchSplitError, match="learned from all of it.*split='train' to meas"
    ):
        measured("train")
