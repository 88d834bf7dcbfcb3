"""Files and folders that appear whole or not at all, what they hold, and who works in them.

Everything is written in one way: under its own name in a hidden folder beside its place, then
renamed. A failure leaves what was there; what a killed process left goes with the next writing.
"""

import contextlib
import errno
import glob
import hashlib
import os
import re
import secrets
import shutil
import socket
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: what was left by the dead is not told from what the living use
    fcntl = None  # type: ignore[assignment]

_MARK = ".partial-"
_REPLACED = "replaced"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def write_whole(path, write):
    """Has `write(path)` write a file that appears whole or not at all.

    Args:
        path: of the file; its folder is made where it is missing.
        write: called with the path to write to, of the same name in another folder.

    Raises:
        OSError: as `staged`.
    """
    with staged(resolve(path)) as unfinished:
        write(unfinished)


@contextlib.contextmanager
def staged(target, *, to_disk=False):
    """Yields a path to write to; it becomes `target` if the block succeeds, else vanishes.

    The path has the target's name, in a hidden folder beside the target and so on the same disk,
    where a rename is atomic. What was at the target stays until the new one is complete. Hidden
    folders that killed processes left for this target are removed first.

    Args:
        target: absolute path of a file or folder.
        to_disk: wait until the disk has it all, so that it is whole after a power failure too.

    Raises:
        OSError: if nothing can be written there, or no more of it, saying so.
    """
    created: list = []
    try:
        try:
            _make_parents(target, created)
            remove_abandoned(target.parent, glob.escape(target.name))
            workspace, lock = _open_workspace(target)
        except OSError as error:
            raise type(error)(_refusal(target, error.strerror)) from None
        try:
            new = workspace / target.name
            yield new
            if to_disk:
                _to_disk(new)
            _swap(new, target, workspace / _REPLACED)
            if to_disk:
                _sync(target.parent)
        except Exception as error:
            if reason := _full(error):
                raise OSError(_refusal(target, reason)) from None
            raise
        finally:
            shutil.rmtree(workspace, ignore_errors=True)
            _release(lock)
    except BaseException:
        for folder in reversed(created):
            with contextlib.suppress(OSError):  # somebody else uses it by now
                folder.rmdir()
        raise


def remove_abandoned(folder, names):
    """Removes what killed processes left in a folder when they wrote into it.

    Where one was killed between the two renames of a folder's replacement, the old one is put back.

    Args:
        folder: where the targets lie.
        names: of the targets, a pattern as of `glob`.
    """
    for workspace in folder.glob(f".{names}{_MARK}*"):
        target = folder / re.sub(rf"{re.escape(_MARK)}[^.]*$", "", workspace.name[1:])
        with contextlib.suppress(OSError):  # another user's, or gone by now
            lock = _lock(workspace, wait=False)
            if lock is None:
                continue
            try:
                if (workspace / _REPLACED).exists() and not target.exists():
                    os.rename(workspace / _REPLACED, target)
                shutil.rmtree(workspace, ignore_errors=True)
            finally:
                _release(lock)


def resolve(path):
    """Absolute path; a link is followed, so that what it points to is replaced, not the link."""
    return Path(path).expanduser().resolve()


def remove(path):
    """Removes a file or a folder with all it holds."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def sha256(path):
    """The SHA-256 of a file, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def locked(folder):
    """Keeps other processes out of the folder of a run; a killed process keeps nobody out.

    Raises:
        ValueError: if another process is in it, named.
    """
    with open(folder / "lock", "a+", encoding="utf-8") as file:
        if fcntl is not None and not _flock(file, wait=False):
            file.seek(0)
            raise ValueError(
                f"{folder} is in use by {file.read().strip() or 'another process'}. Wait "
                "until it has ended, or stop it."
            )
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}\n")
        file.flush()
        yield  # the file stays: were it removed, a third process could lock another of its name


def _refusal(target, reason):
    return f"Cannot write to {target.parent}: {reason}. Choose another place."


def _full(error):
    """What the system says where no more can be written; None for other errors."""
    # TensorFlow's errors are no OSErrors and have no number, but end in the same words.
    words = [os.strerror(number) for number in _FULL]
    return next((reason for reason in words if reason in str(error)), None)


# === Whose workspace ===


def _open_workspace(target):
    """A new workspace, and its lock, which goes when the process does."""
    while True:
        workspace = target.parent / f".{target.name}{_MARK}{secrets.token_hex(4)}"
        workspace.mkdir()  # not by tempfile, whose folders nobody else may read
        with contextlib.suppress(FileNotFoundError):  # taken for abandoned before it was locked
            lock = _lock(workspace, wait=True)
            if workspace.exists():
                return workspace, lock
            _release(lock)


def _lock(folder, wait):
    """A descriptor that holds the lock of a folder; None where it, or locks, cannot be had."""
    if fcntl is None:
        return None
    lock = os.open(folder, os.O_RDONLY)
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


def _release(lock):
    if lock is not None:
        os.close(lock)


# === In place ===


def _make_parents(target, created):
    for folder in reversed(target.parents):
        if not folder.exists():
            folder.mkdir()
            created.append(folder)


def _swap(new, target, replaced):
    if not new.is_dir():
        os.replace(new, target)
        return
    if not target.exists():
        os.rename(new, target)
        return
    try:
        os.rename(target, replaced)  # a full folder cannot be renamed over
        os.rename(new, target)
    except BaseException:
        if replaced.exists() and not target.exists():
            os.rename(replaced, target)
        raise


def _to_disk(path):
    """Waits until the disk has a file, or a folder and the files in it."""
    inside = sorted(path.rglob("*")) if path.is_dir() else ()
    for one in (*inside, path):
        _sync(one)


def _sync(path):
    if path.is_dir() and os.name == "nt":  # where folders cannot be opened
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
