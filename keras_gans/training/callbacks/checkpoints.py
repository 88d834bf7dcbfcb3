"""Checkpoints from which a run goes on as if it had never been stopped."""

import concurrent.futures
import contextlib
import errno
import hashlib
import json
import os
import pathlib
import re
import shutil
import time

import keras
import tensorflow as tf

from keras_gans.core.players import inner_of
from keras_gans.core.resuming import NumberedDataset, ResumingCallback
from keras_gans.training import distribution
from keras_gans.training.callbacks.divergence import finite_players
from keras_gans.utils.damage import DAMAGE
from keras_gans.utils.files import (
    UnfitFileError,
    UnwritableError,
    open_plain,
    remove_abandoned,
    resolve,
    sha256_of,
    staged,
)
from keras_gans.utils.json_files import read_json
from keras_gans.utils.versions import versions

_STATE, _WEIGHTS = "state.json", "state.weights.h5"
_MOST_STATE_BYTES = 2**22
_NAME = re.compile(r"epoch-([0-9]{5,18})-batch-([0-9]{7,18})")
_SHAPE = {
    "sha256": str,
    "state": {
        **dict.fromkeys(("epoch", "batch", "step"), int),
        **dict.fromkeys(("class", "weights_sha256"), str),
        "batch_size": (int, None),
        "config": dict,
        "rates": {str: (float, dict)},
        "metrics": {str: list},
    },
}

# One thread for all, so that what it is given last ends last.
_WRITER = concurrent.futures.ThreadPoolExecutor(1, "checkpoints")

#: Constructor arguments that a person may change between a checkpoint and what goes on from it.
LEARNING_RATES = frozenset({"generator_learning_rate", "discriminator_learning_rate"})

# Those that may differ: names say nothing, and the length of a schedule follows that of a run.
_MAY_DIFFER = LEARNING_RATES | {"name", "constant_steps", "decay_steps", "label_names"}


class Stopped(Exception):  # noqa: N818  (nothing went wrong)
    """Training was asked to stop and did, after saving.

    Attributes:
        checkpoint: folder of the checkpoint written last.
        signal: number of the signal that asked for it, or None.
    """

    def __init__(self, checkpoint, signal=None):
        super().__init__(f"Stopped; everything up to here is in {checkpoint}.")
        self.checkpoint, self.signal = checkpoint, signal


class DamagedError(ValueError):
    """A checkpoint cannot be read, or is not what was written."""


class Checkpoints(ResumingCallback):
    """Saves all that training stands on, and goes on from it.

        model.fit(data, epochs=200, callbacks=[Checkpoints("checkpoints")])

    The same line goes on where a killed one was: weights of all networks, averaged ones, slots and
    counts of all optimizers, image pools, random states, the running means of the epoch, and the
    position in the data are restored. On one device, with operations that are deterministic
    (`tf.config.experimental.enable_op_determinism`), the weights at the end are those of a run that
    was never killed, to the bit. Batches seen before in the epoch are read again and passed over,
    so `fit` shows them running by. Passes before are not read where `keras_gans.data.load` made
    the data; of other data one batch of each is.

    Give it as the last callback, so that no other is behind what it saved. A checkpoint is a
    folder `epoch-00003-batch-0000000` with `state.weights.h5` and `state.json` (position, means,
    the model's configuration, SHA-256 of both); it appears whole or not at all, a moment after it
    was saved, as it is hashed and brought to the disk while training goes on.

    Of several workers the first writes, and all read: the directory is one they share. Means of an
    epoch they were stopped in begin anew.

    Args:
        directory: where checkpoints lie; made where it is not there.
        every: epochs from one checkpoint to the next; the last epoch's is always written.
        minutes: write one within the epoch too where the last is older than this.
        kimg: likewise where so many thousands of images were shown since.
        keep: how many of the newest stay.
        print_fn: told of damaged checkpoints and of where training goes on.

    Raises:
        ValueError: from `fit`, if the checkpoint is that of another game (what differs is named),
            if no checkpoint there can be read, if the data is no `tf.data.Dataset`, or if weights
            to be saved are not finite.
        OSError: from `fit`, if a checkpoint cannot be written; those before stay.
        Stopped: from `fit`, after `request_stop`.
    """

    def __init__(self, directory, *, every=1, minutes=None, kimg=None, keep=3, print_fn=print):
        super().__init__()
        for name, value in (("every", every), ("keep", keep)):
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"`{name}` must be a whole number from 1. Received: {value!r}")
        if minutes is not None and not minutes > 0:
            raise ValueError(f"`minutes` must be more than 0. Received: {minutes!r}")
        if kimg is not None and not kimg > 0:
            raise ValueError(f"`kimg` must be more than 0. Received: {kimg!r}")
        self.directory = pathlib.Path(directory)
        self.every, self.minutes, self.keep, self.print_fn = every, minutes, keep, print_fn
        self._images = 1000 * kimg if kimg else None
        self._restored: dict | None = None
        self._stop = self._newest = self._writing = None
        self._epoch = self._batch_size = 0
        self._rates = {}

    def newest(self):
        """Folder and state of the newest sound checkpoint; (None, None) where there is none.

        Damaged ones are reported and passed over.

        Raises:
            ValueError: if there are checkpoints and none is sound.
        """
        found = found_in(self.directory)
        for path in reversed(found):
            try:
                return path, _read(path)
            except DamagedError as error:
                self.print_fn(f"{path} is damaged ({error}) and is not used.")
        if found:
            raise ValueError(
                f"None of the {len(found)} checkpoints in {self.directory} can be read. Remove the "
                "folder to begin anew."
            )
        return None, None

    def wait(self):
        """Waits until the checkpoint that was saved last is whole.

        Raises:
            OSError: if it could not be written; those before stay.
        """
        if self._writing is not None:
            writing, self._writing = self._writing, None
            self._newest = writing.result()

    def request_stop(self, signal=None):
        """Has training save and stop (`Stopped`) after the batch that is being learned."""
        self._stop = (signal,)

    # === Going on ===

    def resume(self, model, data, steps_per_epoch=None):
        """What `keras_gans.GAN.fit` asks before it begins: restores the newest checkpoint.

        Args:
            model: the compiled `keras_gans.GAN` to restore.
            data: its `tf.data.Dataset`.
            steps_per_epoch: as of `fit`.

        Returns:
            The data, moved to where it was, and the epoch to begin with; None for that where
            there is no checkpoint.

        Raises:
            ValueError: see the class.
        """
        if not isinstance(data, tf.data.Dataset):
            raise ValueError(
                "`Checkpoints` goes on in the order of the data, which arrays do not have: Keras "
                "shuffles them anew. Give a tf.data.Dataset; `keras_gans.data.load` makes one."
            )
        numbered = isinstance(data, NumberedDataset)  # `fit` begins it at any epoch by itself
        endless = data.cardinality() == tf.data.INFINITE_CARDINALITY
        if steps_per_epoch and not (numbered or endless):
            raise ValueError(
                "With `steps_per_epoch` the data must have no end for training to be resumed. Use "
                "`data.repeat()`."
            )
        self._rates = {player: _rate(model.optimizer_of(player)) for player in model.players}
        self._batch_size = tf.nest.flatten(data.element_spec)[0].shape[0]
        _WRITER.submit(int).result()  # another's last checkpoint, of a `fit` that failed
        if distribution.is_chief():
            remove_abandoned(self.directory, "epoch-*-batch-*")
        _, state = self.restore(model)
        self._restored = state
        if state is None:
            return data, None
        self.print_fn(
            f"Goes on from {self._newest}: epoch {state['epoch'] + 1}, step {state['step']}."
        )
        if numbered:
            return data, state["epoch"]
        if steps_per_epoch:
            return data.skip(state["epoch"] * steps_per_epoch), state["epoch"]
        for _ in range(state["epoch"]):
            next(iter(data))  # each pass of the data counts itself
        return data, state["epoch"]

    def restore(self, model):
        """Loads the newest sound checkpoint; its folder and state, (None, None) without one."""
        self.wait()
        path, state = self.newest()
        if path is not None:
            _check_same(path, state, model, self._batch_size)
            _load(path, state, model, self._rates)
            self._newest = path
        return path, state

    def on_train_begin(self, logs=None):
        self._saved_at, self._saved_images = time.monotonic(), self._shown()
        self._passed_over = self._restored["batch"] if self._restored else 0
        if self._passed_over:
            self._trained = self.model.train_function
            self.model.train_function = self._pass_over

    def _pass_over(self, iterator):
        """In place of a step that was trained before: its batches are read, nothing is learned."""
        for _ in range(self.model.steps_per_execution):
            next(iterator)
        self._passed_over -= self.model.steps_per_execution
        if self._passed_over <= 0:
            self.model.train_function = self._trained
        return {metric.name: metric.result() for metric in self.model.metrics}

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch
        if self._passed_over and self._restored:
            for metric in self.model.metrics:
                _give_back(metric, self._restored["metrics"].get(metric.name), self._newest)
            self._learned = self._passed_over
        else:
            self._learned = 0

    # === Saving ===

    def on_train_batch_end(self, batch, logs=None):
        if batch < self._learned:
            return
        due = self.minutes and time.monotonic() - self._saved_at > 60 * self.minutes
        due = due or (self._images and self._shown() - self._saved_images >= self._images)
        if self._writing is not None and self._writing.done():
            self.wait()  # what went wrong is known now, not at the next checkpoint
        if due or self._stop:
            self._save(self._epoch, batch + 1)
        if self._stop:
            self.wait()
            raise Stopped(self._newest, *self._stop)

    def on_epoch_end(self, epoch, logs=None):
        last = epoch + 1 == self.params.get("epochs")
        if last or self._stop or (epoch + 1) % self.every == 0:
            self._save(epoch + 1, 0)

    def on_train_end(self, logs=None):
        self.wait()

    def _save(self, epoch, batch):
        _check_finite(self.model)
        self.wait()
        name = f"epoch-{epoch:05d}-batch-{batch:07d}"
        if distribution.is_chief():
            self._write_checkpoint(name, epoch, batch)
        else:
            self._newest = self.directory / name
        self._saved_at, self._saved_images = time.monotonic(), self._shown()

    def _shown(self):
        """Images shown so far; not asked where nothing is due by them."""
        return int(self.model.images_shown.numpy()) if self._images else 0

    def _write_checkpoint(self, name, epoch, batch):
        """Copies the weights out, and leaves the rest to a thread while training goes on."""
        with self._explained(epoch, batch), contextlib.ExitStack() as stack:
            place = staged(resolve(self.directory / name))
            folder = stack.enter_context(place)
            folder.mkdir()
            self.model.save_weights(folder / _WEIGHTS)
            state = self._state(epoch, batch)
            unfinished = stack.pop_all()  # which the thread ends
        self._writing = _WRITER.submit(self._complete, unfinished, folder, name, state)

    def _complete(self, unfinished, folder, name, state):
        """Hashes a checkpoint, brings it to the disk and to its place; its folder."""
        with self._explained(state["epoch"], state["batch"]), unfinished:
            state["weights_sha256"] = _hash(folder)
            _write(folder / _STATE, state)
        done = self.directory / name
        found = found_in(self.directory)
        # What has a later name is not of this game, and shall not push out what is.
        for old in found[: found.index(done) + 1][: -self.keep]:
            shutil.rmtree(old, ignore_errors=True)
        return done

    @contextlib.contextmanager
    def _explained(self, epoch, batch):
        """Says what an error in writing means."""
        try:
            yield
        except OSError as error:
            kept = f"The last good one is {self._newest}." if self._newest else "There is none yet."
            raise UnwritableError(
                f"The checkpoint of epoch {epoch}, batch {batch} cannot be written to "
                f"{self.directory} ({_reason(error)}). {kept} Make room and resume."
            ) from None

    def _state(self, epoch, batch):
        model = self.model
        return {
            "epoch": epoch,
            "batch": batch,
            "step": int(model.step.numpy()),
            "batch_size": self._batch_size,
            "class": keras.saving.get_registered_name(type(model)),
            "config": json.loads(json.dumps(model.get_config())),
            "rates": self._rates,
            "metrics": self._metrics(),
            "versions": versions(),
        }

    def _metrics(self):
        """The running means of the epoch; of several workers none, as all would have to be asked.

        The first may be saving alone.
        """
        if self.model.is_one_of_many:
            return {}
        return {
            metric.name: [variable.numpy().tolist() for variable in metric.variables]
            for metric in self.model.metrics
        }


def _give_back(metric, saved, path):
    """Gives a running mean the values that a checkpoint has of it; none where it has none."""
    try:
        for variable, value in zip(metric.variables, saved, strict=True) if saved else ():
            variable.assign(value)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path} holds other values of {metric.name}: {error}") from error


def _rate(optimizer):
    """The learning rate an optimizer was given: a number, or its schedule's configuration."""
    rate = inner_of(optimizer).get_config()["learning_rate"]
    return json.loads(json.dumps(rate, default=float))


def _check_same(path, state, model, batch_size):
    differences = []
    if state["class"] != keras.saving.get_registered_name(type(model)):
        differences.append(f"the model was {state['class']}, and is {type(model).__name__}")
    else:
        now = json.loads(json.dumps(model.get_config()))
        differences += [
            f"{key} was {state['config'].get(key)!r}, and is {now.get(key)!r}"
            for key in sorted({*state["config"], *now} - _MAY_DIFFER)
            if state["config"].get(key) != now.get(key)
            and (key in state["config"] or now[key])  # what came later and is off changes nothing
        ]
    if state["batch_size"] != batch_size:
        differences.append(f"the batch size was {state['batch_size']}, and is {batch_size}")
    if differences:
        raise ValueError(
            f"{path} belongs to another game: {'; '.join(differences)}. Give what it was begun "
            "with, or begin a new run."
        )


def _load(path, state, model, rates):
    try:
        model.load_weights(path / _WEIGHTS)
    except (ValueError, OSError, RuntimeError, *DAMAGE) as error:
        raise ValueError(f"{path} cannot be loaded into {model.name}: {error}") from error
    for player, rate in rates.items():
        # The file holds the rate as it was; one that was changed on purpose goes before it.
        if rate != state["rates"].get(player) and isinstance(rate, float):
            model.optimizer_of(player).learning_rate = rate


def _check_finite(model):
    for player, finite in finite_players(model).items():
        if not finite:
            raise ValueError(
                f"The {player}'s weights are no longer finite, and are not saved: training has "
                "diverged. Resume from the last checkpoint, or begin anew where there is none, "
                "with a smaller learning rate."
            )


# === Files ===


def _reason(error):
    # HDF5 wraps what the system says in a page of its own.
    full = os.strerror(errno.ENOSPC)
    if full in str(error):
        return full
    # What `staged` raises has the system's own words in its context.
    words = [getattr(one, "strerror", None) for one in (error, error.__context__)]
    return next(filter(None, words), error)


def found_in(directory):
    """Folders of the checkpoints in a directory, sound or not, oldest first; strangers left out."""
    found = directory.iterdir() if directory.is_dir() else ()
    numbered = ((_NAME.fullmatch(path.name), path) for path in found)
    return [path for _, path in sorted((_place(name), path) for name, path in numbered if name)]


def newest_state(directory):
    """What the newest checkpoint with a sound record says, or None; its weights are not read."""
    for path in reversed(found_in(directory)):
        with contextlib.suppress(DamagedError):
            return _read_state(path)
    return None


def sound_state(path, unless_of=None):
    """What a checkpoint says, or None where it is damaged.

    Args:
        path: of its folder.
        unless_of: a hash; weights that are said to have it are not read.
    """
    try:
        state = _read_state(path)
        return state if state["weights_sha256"] == unless_of else _read(path)
    except DamagedError:
        return None


def _place(name):
    """(epoch, batch) in a checkpoint's name."""
    return int(name[1]), int(name[2])


def _read(path):
    """The state of a checkpoint, its files compared with their hashes."""
    state = _read_state(path)
    try:
        found = _hash(path)
    except (OSError, UnfitFileError) as error:
        raise DamagedError(f"{type(error).__name__}: {error}") from error
    if state["weights_sha256"] != found:
        raise DamagedError(f"{_WEIGHTS} does not match its hash")
    return state


def _read_state(path):
    """The same without a look at the weights."""
    try:
        record = read_json(path / _STATE, _SHAPE, most=_MOST_STATE_BYTES)
    except (OSError, UnfitFileError) as error:
        raise DamagedError(f"{type(error).__name__}: {error}") from error
    state = record["state"]
    if record["sha256"] != _digest(state):
        raise DamagedError(f"{_STATE} does not match its hash")
    if _place(_NAME.fullmatch(path.name)) != (state["epoch"], state["batch"]):
        raise DamagedError(f"{_STATE} is of another checkpoint")
    return state


def _hash(folder):
    with open_plain(folder / _WEIGHTS) as file:
        return sha256_of(file)


def _write(path, state):
    text = json.dumps({"state": state, "sha256": _digest(state)}, indent=1)
    path.write_text(text, encoding="utf-8")


def _digest(state):
    return hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()
