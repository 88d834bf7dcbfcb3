"""Files that appear whole or not at all, and folders that one process works in at a time."""

import contextlib
import os
import socket

try:
    import fcntl
except ImportError:  # Windows: nothing keeps two processes out of one folder
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
