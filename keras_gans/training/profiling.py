"""Where the time of training goes."""

import collections
import dataclasses
import json
import pathlib
import re
import time

import keras
import tensorflow as tf

from keras_gans.utils.files import resolve, staged

#: The figures of a profile, beside its trace; by it an earlier profile is known.
FILE_NAME = "profile.json"

_WARM_UP = 3
_TRACES = "plugins/profile"  # where TensorFlow writes them, and TensorBoard looks for them
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
        directory: folder to make, for the trace and the figures; an earlier profile there is
            replaced, and stays if this one fails.
        steps: to look at, after a few that are not.

    Returns:
        A `Profile`.

    Raises:
        FileExistsError: if `directory` is a file, or holds something that is not a profile's;
            nothing is trained then.
    """
    directory = pathlib.Path(directory)
    target = resolve(directory)
    _refuse_strangers(target)
    endless, ends = dataset.repeat(), _StepEnds()
    with staged(target) as folder:  # before all work, as it is known now whether it can be written
        folder.mkdir()
        model.fit(endless, steps_per_epoch=_WARM_UP, verbose=0)
        tf.profiler.experimental.start(str(folder))
        try:
            model.fit(endless, steps_per_epoch=steps + 1, verbose=0, callbacks=[ends])
        finally:
            tf.profiler.experimental.stop()
        # The first step begins with the reading of the data.
        seconds = sorted(b - a for a, b in zip(ends.times, ends.times[1:], strict=False))
        step_seconds = seconds[len(seconds) // 2]
        size = tf.nest.flatten(dataset.element_spec)[0].shape[0] or 0
        spent, waited = _read(folder)
        networks = _shares(spent, model.networks)
        found = Profile(
            images_per_second=size / step_seconds,
            step_seconds=step_seconds,
            waiting=min(waited / (ends.times[-1] - ends.times[0]), 1.0),
            networks=networks,
            players={
                player: sum(networks[name] for name in names)
                for player, names in model.players.items()
            },
            trace=directory,
        )
        figures = {**dataclasses.asdict(found), "model": model.name, "steps": steps}
        del figures["trace"]
        (folder / FILE_NAME).write_text(json.dumps(figures, indent=2), encoding="utf-8")
    return found


def _refuse_strangers(target):
    """Refuses a file, or a folder that holds anything an earlier profile did not write."""
    if not target.exists():
        return
    if not target.is_dir():
        raise FileExistsError(f"{target} is a file. Choose another place for the profile.")
    files = sorted(path.relative_to(target) for path in target.rglob("*") if not path.is_dir())
    known = {pathlib.PurePath(FILE_NAME)}
    if known <= set(files):  # TensorBoard keeps what it computes beside the traces it reads
        known.update(file for file in files if pathlib.PurePath(_TRACES) in file.parents)
    strangers = [file.as_posix() for file in files if file not in known]
    if strangers:
        raise FileExistsError(
            f"{target} holds {strangers[0]}, which is no part of a profile. Nothing that "
            "keras_gans did not write is removed. Choose another folder, or empty this one."
        )


def _read(directory):
    """Seconds of each operation of the steps, and those they waited for their batch."""
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    (path,) = directory.rglob("*.xplane.pb")
    space = xplane_pb2.XSpace.FromString(path.read_bytes())
    spent: collections.Counter[str] = collections.Counter()
    waits: list[float] = []
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
