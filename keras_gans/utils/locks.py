"""Locks of folders: who works in them. A killed process keeps nobody out."""

import contextlib
import os
import socket

from keras_gans.utils.disk_errors import writing_to
from keras_gans.utils.plain_files import flags, refuse_kind, refuse_unplain

try:
    import fcntl
except ImportError:  # Windows: what was left by the dead is not told from what the living use
    fcntl = None  # type: ignore[assignment]


class Lock:
    """The lock of a folder while it is held."""

    def __init__(self, path, descriptor):
        self._path, self._descriptor = path, descriptor

    def in_place(self):
        """Whether the folder still is where it was, with its lock in it."""
        try:
            return os.path.samestat(self._path.lstat(), os.fstat(self._descriptor))
        except OSError:
            return False


@contextlib.contextmanager
def locked(folder):
    """Keeps other processes out of the folder of a run; a killed process keeps nobody out.

    Yields:
        Its `Lock`.

    Raises:
        ValueError: if another process is in it, named, or the lock is no plain file.
        OSError: if the folder cannot be written to, saying so.
    """
    path = folder / "lock"
    refuse_unplain(folder, appended=["lock"])
    with writing_to(folder):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | flags("O_NONBLOCK", False), 0o666)
    with os.fdopen(descriptor, "r+", encoding="utf-8", errors="replace") as file:
        refuse_kind(path, os.fstat(descriptor))
        if fcntl is not None and not _flock(file, wait=False):
            raise ValueError(
                f"{folder} is in use by {file.read(200).strip() or 'another process'}. Wait "
                "until it has ended, or stop it."
            )
        file.truncate(0)
        with writing_to(folder):
            file.write(f"process {os.getpid()} on {socket.gethostname()}\n")
            file.flush()
        yield Lock(path, descriptor)


def try_lock(folder, wait):
    """A descriptor that holds the lock of a folder; None where it, or locks, cannot be had."""
    if fcntl is None:
        return None
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | flags("O_NONBLOCK", False))
    if not _flock(lock, wait):
        os.close(lock)
        return None
    return lock


def _flock(file, wait):
    """Whether a file is locked now: not where another has it, or a file system has no locks."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        return False
    return True


def release(lock):
    """Releases what `try_lock` returned."""
    if lock is not None:
        os.close(lock)
