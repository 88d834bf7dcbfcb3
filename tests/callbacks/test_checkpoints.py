"""Checkpoints: a game that was stopped anywhere ends with the weights of one that was not."""


import keras
import pytest
import tensorflow as tf
from fabrication import fabricate, same, snapshot, tiny
from test_contract import ALL

from keras_gans.callbacks import Checkpoints, Stopped

EPOCHS, BATCHES = 3, 3


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


def stopped_and_resumed(name, folder, stop_at, **arguments):
    """A model that went on from where another was stopped, and its logs."""
    stopped = begun(name)
    with pytest.raises(Stopped):
        fit(stopped, folder, stop_at, **arguments)
    keras.utils.set_random_seed(1)  # whatever was drawn since
    resumed = tiny(name)
    assert not same(snapshot(resumed.weights), stopped.weights)
    return resumed, fit(resumed, folder, **arguments)


@ALL
def test_a_stopped_game_ends_as_one_that_was_not(name, tmp_path):
    whole = begun(name)
    whole_logs = fit(whole, tmp_path / "whole")
    resumed, logs = stopped_and_resumed(name, tmp_path / "stopped", stop_at=BATCHES + 1)
    assert same(snapshot(everything(whole)), everything(resumed))
    assert logs == {epoch: whole_logs[epoch] for epoch in (1, 2)}


@pytest.mark.parametrize("stop_at", [0, BATCHES - 1, BATCHES, EPOCHS * BATCHES - 1])
def test_at_the_ends_of_epochs_too(stop_at, tmp_path):
    whole = begun("dcgan_dropout_fashion")
    fit(whole, tmp_path / "whole")
    resumed, _ = stopped_and_resumed("dcgan_dropout_fashion", tmp_path / "stopped", stop_at)
    assert same(snapshot(everything(whole)), everything(resumed))
