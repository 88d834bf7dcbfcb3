"""Nothing half-written is ever seen: write beside the target, then rename."""

import contextlib
import errno
import glob
import os
import secrets
import shutil
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: what was left by the dead is not told from what the living use
    fcntl = None  # type: ignore[assignment]

_MARK = ".partial-"
_REPLACED = "replaced"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextlib.contextmanager
def staged(target):
    """Yields a path to write to; it becomes `target` if the block succeeds, else vanishes.

    The path has the target's name, in a hidden folder beside the target and so on the same disk,
    where a rename is atomic. What was at the target stays until the new one is complete. Hidden
    folders that killed processes left for this target are removed first.

    Args:
        target: absolute path of a file or folder.

    Raises:
        OSError: if nothing can be written there, or no more of it, saying so.
    """
    created = []
    try:
        try:
            _make_parents(target, created)
            _remove_abandoned(target)
            workspace, lock = _open_workspace(target)
        except OSError as error:
            raise type(error)(_refusal(target, error.strerror)) from None
        try:
            yield workspace / target.name
            _swap(workspace / target.name, target, workspace / _REPLACED)
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


def resolve(path):
    """Absolute path; a link is followed, so that what it points to is replaced, not the link."""
    return Path(path).expanduser().resolve()


def remove(path):
    """Removes a file or a folder with all it holds."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


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


def _remove_abandoned(target):
    """Removes workspaces for this target whose processes were killed.

    Where one was killed between the two renames of `_swap`, what it replaced is put back.
    """
    for workspace in target.parent.glob(f".{glob.escape(target.name)}{_MARK}*"):
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


def _lock(folder, wait):
    """A descriptor that holds the lock of a folder; None where it, or locks, cannot be had."""
    if fcntl is None:
        return None
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:  # another's, or a file system without locks
        os.close(lock)
        return None
    return lock


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
    if not target.is_dir():
        os.replace(new, target)
        return
    try:
        os.rename(target, replaced)  # a full folder cannot be renamed over
        os.rename(new, target)
    except BaseException:
        if replaced.exists() and not target.exists():
            os.rename(replaced, target)
        raise
