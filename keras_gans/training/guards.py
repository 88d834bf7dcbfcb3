"""What keeps the folder of a run whole: polite ends, and a log that fits its checkpoints."""

import contextlib
import signal
import threading

from keras_gans.training.callbacks import Checkpoints
from keras_gans.utils.files import write_whole


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
