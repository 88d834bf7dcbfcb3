"""What keeps the folder of a run whole: one process at a time, whole files, polite ends."""

import contextlib
import os
import signal
import socket
import threading

from keras_gans.callbacks import Checkpoints

try:
    import fcntl
except ImportError:  # Windows: nothing keeps two processes out of one run
    fcntl = None  # type: ignore[assignment]


def write_whole(path, write):
    """Has `write(path)` write a file that appears whole or not at all."""
    unfinished = path.with_name(f"partial-{os.getpid()}-{path.name}")
    try:
        write(unfinished)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


@contextlib.contextmanager
def locked(folder):
    """Keeps other processes out of the folder of a run; a killed process keeps nobody out.

    Raises:
        ValueError: if another process is in it, named.
    """
    with open(folder / "lock", "a+", encoding="utf-8") as file:
        if fcntl is not None:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                file.seek(0)
                raise ValueError(
                    f"{folder} is in use by {file.read().strip() or 'another process'}. Wait "
                    "until it has ended, or stop it."
                ) from None
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}\n")
        file.flush()
        yield  # the file stays: were it removed, a third process could lock another of its name


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
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True) if path.exists() else []
    if not lines:  # stopped within its first epoch
        return
    _, state = Checkpoints(folder / "checkpoints", print_fn=lambda line: None).newest()
    epoch = state["epoch"] if state else 0  # killed before its first checkpoint
    head, *rows = lines
    kept = [row for row in rows if row.endswith("\n") and int(row.split(",")[0]) < epoch]
    text = "".join([head, *kept])
    write_whole(path, lambda unfinished: unfinished.write_text(text, encoding="utf-8"))
