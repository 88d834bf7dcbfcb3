"""Where the time of training goes."""

import collections
import dataclasses
import pathlib
import re
import shutil
import time

import keras
import tensorflow as tf

_WARM_UP = 3
# Operations that only call others, which are counted themselves.
_CALLS = re.compile(r"(PartitionedCall|While|If|Case|MapDefun|EagerExecute)$")


@dataclasses.dataclass(frozen=True)
class Profile:
    """What a profile found.

    Attributes:
        images_per_second: of one domain, all devices together.
        step_seconds: median of a whole step, from one batch to the next.
        waiting: share of the steps' time in which they waited for data, from 0 to 1.
        networks: `{network: share of computing}`, forwards and backwards, wherever it was called.
        players: the same for each player, its networks together. What is missing from 1 is losses,
            optimizers, pools, and what TensorFlow did not name after a network.
        trace: folder to show with `tensorboard --logdir`, by its profiler plugin.
    """

    images_per_second: float
    step_seconds: float
    waiting: float
    networks: dict
    players: dict
    trace: pathlib.Path


class _StepEnds(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.times = []

    def on_train_batch_end(self, batch, logs=None):
        self.times.append(time.perf_counter())


def profile(model, dataset, directory, steps=20):
    """Trains some steps under TensorFlow's profiler; the model is changed by them.

    Args:
        model: a compiled `keras_gans.GAN`.
        dataset: its `tf.data.Dataset`.
        directory: for the trace; replaced.
        steps: to look at, after a few that are not.

    Returns:
        A `Profile`.
    """
    directory = pathlib.Path(directory)
    shutil.rmtree(directory, ignore_errors=True)
    endless, ends = dataset.repeat(), _StepEnds()
    model.fit(endless, steps_per_epoch=_WARM_UP, verbose=0)
    tf.profiler.experimental.start(str(directory))
    try:
        model.fit(endless, steps_per_epoch=steps + 1, verbose=0, callbacks=[ends])
    finally:
        tf.profiler.experimental.stop()
    # The first step begins with the reading of the data.
    seconds = sorted(b - a for a, b in zip(ends.times, ends.times[1:], strict=False))
    step_seconds = seconds[len(seconds) // 2]
    size = tf.nest.flatten(dataset.element_spec)[0].shape[0] or 0
    spent, waited = _read(directory)
    networks = _shares(spent, model.networks)
    return Profile(
        images_per_second=size / step_seconds,
        step_seconds=step_seconds,
        waiting=min(waited / (ends.times[-1] - ends.times[0]), 1.0),
        networks=networks,
        players={
            player: sum(networks[name] for name in names) for player, names in model.players.items()
        },
        trace=directory,
    )


def _read(directory):
    """Seconds of each operation of the steps, and those they waited for their batch."""
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    (path,) = directory.rglob("*.xplane.pb")
    space = xplane_pb2.XSpace.FromString(path.read_bytes())
    spent, waits = collections.Counter(), []
    for plane in space.planes:
        for line in plane.lines:
            for event in line.events:
                name = plane.event_metadata[event.metadata_id].name
                if name == "IteratorGetNextOp::DoCompute":
                    waits.append(event.duration_ps)
                operation = re.fullmatch(r"([^\s:]+):(\w+)", name)
                if operation and not _CALLS.search(operation[2]):
                    spent[operation[1]] += event.duration_ps
    return spent, sum(sorted(waits)[:-1]) * 1e-12  # the longest is the first, before all steps


def _shares(spent, networks):
    total = spent.total() or 1
    found = dict.fromkeys(networks, 0)
    called = {name: re.compile(rf"(^|/){re.escape(name)}(_\d+)?/") for name in networks}
    for operation, duration in spent.items():
        for name, pattern in called.items():
            if pattern.search(operation):
                found[name] += duration
                break
    return {name: duration / total for name, duration in found.items()}
