"""Every stock callback on every family, and what third parties' callbacks read of a model."""

import csv
import http.server
import json
import threading

import keras
import numpy as np
import pytest
import tensorflow as tf
from fabrication import fabricate, families, same, snapshot, tiny
from habits import CONSTANT, SCHEDULED, ask, eager, refused, table

from keras_gans import zoo

#: Entries asked by default: the quickest one, with and without a schedule of its learning rates.
FEW = ["gan"]

#: Entries with a discriminator, which report what it judges rightly.
JUDGED = [name for name in families() if "discriminator" in zoo.entry(name).cls.players]


def data_of(model, batches=1):
    return tf.data.Dataset.from_tensors(fabricate(model, 2)).repeat(batches)


def fit(model, *callbacks, epochs=2, **arguments):
    return model.fit(
        data_of(model), epochs=epochs, callbacks=list(callbacks), verbose=0, **arguments
    )


def rates(model):
    return [float(model.optimizer_of(player).learning_rate) for player in model.players]


# === Callbacks that watch ===


def checkpoint_every_epoch(name, tmp_path):
    model = eager(name)
    fit(model, keras.callbacks.ModelCheckpoint(tmp_path / "{epoch}.keras"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1.keras", "2.keras"]
    keras.saving.load_model(tmp_path / "2.keras")


def checkpoint_of_weights(name, tmp_path):
    model = eager(name)
    path = tmp_path / "m.weights.h5"
    fit(model, keras.callbacks.ModelCheckpoint(path, save_weights_only=True))
    eager(name).load_weights(path)


def checkpoint_by_mode_auto(name, tmp_path):
    for monitor in ("loss", *(f"{player}_loss" for player in zoo.entry(name).cls.players)):
        model, path = eager(name), tmp_path / f"{monitor}.keras"
        checkpoint = keras.callbacks.ModelCheckpoint(path, monitor=monitor, save_best_only=True)
        fit(model, checkpoint, epochs=1)
        assert checkpoint.monitor_op is keras.ops.less
        assert path.exists()


def checkpoint_of_an_accuracy(name, tmp_path):
    # How often D is right is a balance, not a merit: nobody can say which way is better.
    model = eager(name)
    checkpoint = keras.callbacks.ModelCheckpoint(
        tmp_path / "m.keras", monitor="real_accuracy", save_best_only=True
    )
    with refused(model, "mode"):
        fit(model, checkpoint)


def checkpoint_of_an_accuracy_with_a_mode(name, tmp_path):
    model = eager(name)
    checkpoint = keras.callbacks.ModelCheckpoint(
        tmp_path / "m.keras", monitor="real_accuracy", save_best_only=True, mode="max"
    )
    fit(model, checkpoint, epochs=1)
    assert (tmp_path / "m.keras").exists()


def a_monitor_nothing_reports_is_refused(name, tmp_path):
    # Keras warns after the epoch, and saves nothing for as long as the training takes.
    model = eager(name)
    checkpoint = keras.callbacks.ModelCheckpoint(tmp_path / "m.keras", save_best_only=True)
    with refused(model, "val_loss"):
        fit(model, checkpoint)


def early_stopping(name):
    model = eager(name)
    stopping = keras.callbacks.EarlyStopping("generator_loss", min_delta=1e9, patience=1)
    assert len(fit(model, stopping, epochs=4).epoch) == 2


def early_stopping_restores_the_best(name):
    model, seen = eager(name), []
    stopping = keras.callbacks.EarlyStopping(
        "generator_loss", mode="min", min_delta=1e9, patience=1, restore_best_weights=True
    )
    watch = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append(snapshot(model.weights))
    )
    fit(model, watch, stopping, epochs=4)
    for best, now in zip(seen[0], model.weights, strict=True):
        np.testing.assert_array_equal(best, now)


def terminate_on_nan(name):
    model = eager(name)
    for player in model.players:
        for kernel in model.variables_of(player):
            kernel.assign(np.full(kernel.shape, np.nan))
    assert len(fit(model, keras.callbacks.TerminateOnNaN(), epochs=3).epoch) == 1


def csv_logger(name, tmp_path):
    model = eager(name)
    fit(model, keras.callbacks.CSVLogger(tmp_path / "log.csv"))
    with (tmp_path / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2
    assert {"epoch", *model.logged} <= {*rows[0]}


def tensor_board(name, tmp_path):
    model = eager(name)
    board = keras.callbacks.TensorBoard(
        tmp_path, histogram_freq=1, write_images=False, update_freq=1, write_steps_per_second=True
    )
    fit(model, board)
    assert list(tmp_path.rglob("events*"))


def tensor_board_with_the_graph(name, tmp_path):
    model = tiny(name)
    fit(model, keras.callbacks.TensorBoard(tmp_path, write_graph=True), epochs=1)
    assert list(tmp_path.rglob("events*"))


def backup_and_restore(name, tmp_path):
    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            raise KeyboardInterrupt

    def backup():
        return keras.callbacks.BackupAndRestore(tmp_path / "backup")

    with pytest.raises(KeyboardInterrupt):
        fit(eager(name), backup(), Stop())
    resumed = eager(name)
    history = fit(resumed, backup())
    assert history.epoch == [1]
    assert int(resumed.step) == 2


def lambda_callback(name):
    model, seen = eager(name), []
    watch = keras.callbacks.LambdaCallback(
        on_train_begin=lambda logs: seen.append("begin"),
        on_epoch_end=lambda epoch, logs: seen.append(sorted(logs)),
        on_train_batch_end=lambda batch, logs: seen.append(sorted(logs)),
        on_train_end=lambda logs: seen.append("end"),
    )
    fit(model, watch, epochs=1)
    assert seen == ["begin", sorted(model.logged), sorted(model.logged), "end"]


def history(name):
    model = eager(name)
    told = fit(model)
    assert told is model.history
    assert {*told.history} == {*model.logged}
    assert all(isinstance(value, float) for values in told.history.values() for value in values)


def progress_bar(name, capsys=None):
    model = eager(name)
    bar = keras.callbacks.ProgbarLogger()
    bar.set_params({"verbose": 1, "epochs": 1, "steps": 1})
    model.fit(data_of(model), verbose=1)


def remote_monitor(name):
    received = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *arguments):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        model = eager(name)
        root = f"http://127.0.0.1:{server.server_port}"
        fit(model, keras.callbacks.RemoteMonitor(root, send_as_json=True), epochs=1)
    finally:
        server.shutdown()
        server.server_close()
    assert len(received) == 1 and {*model.logged} <= {*received[0]}


def callback_list(name):
    model, seen = eager(name), []
    watch = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(epoch))
    callbacks = keras.callbacks.CallbackList([watch], add_history=True, model=model)
    model.fit(data_of(model), callbacks=callbacks, verbose=0)
    assert seen == [0]


def stop_training(name):
    model = eager(name)

    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = True

    model.fit(data_of(model, 3), epochs=2, callbacks=[Stop()], verbose=0)
    assert int(model.step) == 1


def moving_averages_without_any_are_refused(name):
    model = eager(name)
    with refused(model, "use_ema"):
        fit(model, keras.callbacks.SwapEMAWeights(swap_on_epoch=True))


def moving_averages_are_swapped(name):
    model = tiny(name)
    optimizers = {
        f"{player}_optimizer": keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5)
        for player in model.players
    }
    model.compile(run_eagerly=True, **optimizers)
    fit(model, keras.callbacks.SwapEMAWeights(swap_on_epoch=True))
    player = next(iter(model.players))
    averages = model.optimizer_of(player)._model_variables_moving_average
    assert len(averages) == len(model.variables_of(player))


def moving_averages_are_what_fit_leaves(name):
    # As Keras' `fit` ends: `optimizer.finalize_variable_values`.
    model = tiny(name)
    optimizers = {
        f"{player}_optimizer": keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5)
        for player in model.players
    }
    model.compile(run_eagerly=True, **optimizers)
    fit(model)
    for player in model.players:
        averages = model.optimizer_of(player)._model_variables_moving_average
        assert same(snapshot(averages), model.variables_of(player))


WATCHERS = [
    checkpoint_every_epoch,
    checkpoint_of_weights,
    checkpoint_by_mode_auto,
    (checkpoint_of_an_accuracy, JUDGED),
    (checkpoint_of_an_accuracy_with_a_mode, JUDGED),
    a_monitor_nothing_reports_is_refused,
    early_stopping,
    early_stopping_restores_the_best,
    terminate_on_nan,
    csv_logger,
    tensor_board,
    tensor_board_with_the_graph,
    backup_and_restore,
    lambda_callback,
    history,
    progress_bar,
    remote_monitor,
    callback_list,
    stop_training,
    moving_averages_without_any_are_refused,
    moving_averages_are_swapped,
    moving_averages_are_what_fit_leaves,
]


@table(WATCHERS, quick=["dcgan"])
def test_stock_callbacks_watch(habit, name, tmp_path):
    ask(habit, name, tmp_path)


# === Learning rates ===


def scheduler_reaches_all_players(name):
    model, before = eager(name), rates(eager(name))
    fit(model, keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2))
    np.testing.assert_allclose(rates(model), [rate / 4 for rate in before], rtol=1e-5)


def scheduler_is_refused_where_a_schedule_is_in_force(name):
    model = eager(name)
    with refused(model, "LearningRateScheduler.*schedule"):
        fit(model, keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2))


def plateau_reaches_all_players(name):
    model, before = eager(name), rates(eager(name))
    plateau = keras.callbacks.ReduceLROnPlateau(
        "generator_loss", factor=0.5, patience=1, min_delta=1e9
    )
    fit(model, plateau)
    np.testing.assert_allclose(rates(model), [rate / 2 for rate in before], rtol=1e-5)


def plateau_is_refused_where_a_schedule_is_in_force(name):
    model = eager(name)
    plateau = keras.callbacks.ReduceLROnPlateau(
        "generator_loss", factor=0.5, patience=1, min_delta=1e9
    )
    with refused(model, "ReduceLROnPlateau.*schedule"):
        fit(model, plateau)


def rates_by_hand_reach_all_players(name):
    model = eager(name)
    model.optimizer.learning_rate = 0.125
    assert rates(model) == [0.125] * len(model.players)


def rates_by_hand_are_refused_where_a_schedule_is_in_force(name):
    model = eager(name)
    with refused(model, "schedule"):
        model.optimizer.learning_rate = 0.125


def rates_are_assigned_to(name):
    # Older code writes to the variable.
    model = eager(name)
    model.optimizer.learning_rate.assign(0.125)
    assert rates(model) == [0.125] * len(model.players)


RATES = [
    (scheduler_reaches_all_players, CONSTANT),
    (scheduler_is_refused_where_a_schedule_is_in_force, SCHEDULED),
    (plateau_reaches_all_players, CONSTANT),
    (plateau_is_refused_where_a_schedule_is_in_force, SCHEDULED),
    (rates_by_hand_reach_all_players, CONSTANT),
    (rates_by_hand_are_refused_where_a_schedule_is_in_force, SCHEDULED),
    (rates_are_assigned_to, CONSTANT),
]


@table(RATES, quick=FEW)
def test_learning_rates_are_set(habit, name, tmp_path):
    ask(habit, name, tmp_path)


# === What trackers read ===

_BUILT = {}


def built(name):
    """Shared by rows that leave it as it is."""
    if name not in _BUILT:
        _BUILT[name] = tiny(name)
    return _BUILT[name]


def the_rate_is_a_number(name):
    # Where players have several, of the first one, as of `iterations`.
    model = built(name)
    assert float(model.optimizer.learning_rate) == pytest.approx(rates(model)[0])


def variables_are_all_players(name):
    model = built(name)
    own = [v for player in model.players for v in model.optimizer_of(player).variables]
    assert [id(v) for v in model.optimizer.variables] == [id(v) for v in own]


def the_config_is_json(name):
    config = json.loads(json.dumps(built(name).optimizer.get_config()))
    assert {*built(name).players} <= {*json.dumps(config).replace('"', " ").split()}


def it_has_a_name(name):
    assert isinstance(built(name).optimizer.name, str)


def iterations_are_counted(name):
    model = eager(name)
    fit(model, epochs=2)
    assert int(model.optimizer.iterations) >= 2


def it_is_written_out(name):
    # As experiment trackers store what a run was made with.
    written = keras.saving.serialize_keras_object(built(name).optimizer)
    assert json.dumps(written)


def the_loss_is_named(name):
    # Trackers log `model.loss`; a game has none, and the attribute is there.
    assert built(name).loss is None


def metrics_are_named(name):
    model = built(name)
    assert model.metrics_names == [metric.name for metric in model.metrics]
    assert {*model.metrics_names} == {*model.logged}


TRACKED = [
    the_rate_is_a_number,
    variables_are_all_players,
    the_config_is_json,
    it_has_a_name,
    it_is_written_out,
    the_loss_is_named,
    metrics_are_named,
]


@table(TRACKED)
def test_trackers_read_the_optimizer(habit, name, tmp_path):
    ask(habit, name, tmp_path)


@table([iterations_are_counted], quick=FEW)
def test_iterations_are_counted(habit, name, tmp_path):
    ask(habit, name, tmp_path)
