"""What keeps the folder of a run whole: polite ends, and a log that fits its checkpoints."""

import contextlib
import re
import signal
import threading

import keras

from keras_gans.training.callbacks import Checkpoints
from keras_gans.utils.files import open_plain, write_whole

_ROW = re.compile(r"([0-9]{1,18})[,\r\n]")
_LARGEST_LOG = 2**28  # bytes


class FolderGoneError(OSError):
    """The folder of a run is no longer where it was."""


class InPlace(keras.callbacks.Callback):
    """Ends training where the run's folder was removed or renamed, before it is made anew.

    Give it as the first callback.

    Args:
        lock: the folder's `keras_gans.utils.files.Lock`.
        path: of the folder, for the message.

    Raises:
        FolderGoneError: from `fit`.
    """

    def __init__(self, lock, path):
        super().__init__()
        self._lock, self._path = lock, path

    def on_train_batch_end(self, batch, logs=None):
        self._look()

    def on_epoch_end(self, epoch, logs=None):
        self._look()

    def _look(self):
        if not self._lock.in_place():
            raise FolderGoneError(gone(self._path))


def gone(path):
    """What is said of a folder that was taken away."""
    return f"{path} was removed or renamed while its run was training, which has ended."


@contextlib.contextmanager
def polite(checkpoints):
    """SIGTERM and Ctrl-C save and stop after the batch; a second Ctrl-C stops at once."""

    def ask(number, frame):
        signal.signal(signal.SIGINT, signal.default_int_handler)
        checkpoints.request_stop(number)

    if threading.current_thread() is not threading.main_thread():
        yield  # signals are the main thread's
        return
    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def cut_log(folder):
    """Takes the epochs out of log.csv that will be trained again."""
    path = folder / "log.csv"
    lines = _lines(path) if path.exists() else []
    if not lines:  # stopped within its first epoch
        return
    _, state = Checkpoints(folder / "checkpoints", print_fn=lambda line: None).newest()
    epoch = state["epoch"] if state else 0  # killed before its first checkpoint
    head, *rows = lines
    kept = [row for row in rows if row.endswith("\n") and _epoch(row) < epoch]
    text = "".join([head, *kept])
    write_whole(path, lambda unfinished: unfinished.write_text(text, encoding="utf-8"))


def _lines(path):
    with open_plain(path, _LARGEST_LOG) as file:
        return file.read().decode("utf-8", errors="replace").splitlines(keepends=True)


def _epoch(row):
    """The epoch of a row; of one that is none of ours an endless one, so that it is taken out."""
    found = _ROW.match(row)
    return int(found[1]) if found else float("inf")
