"""Files and folders that appear whole or not at all.

Everything is written in one way: under its own name in a hidden folder beside its place, brought to
the disk, then renamed. A failure leaves what was there; what a killed process left goes with the
next writing into that folder. Files from outside are opened in one way too, `open_plain` of
`plain_files.py`; who works in a folder is kept in `locks.py`. Their names are found here too.
"""

import contextlib
import errno
import glob
import os
import re
import secrets
import shutil
from pathlib import Path

from keras_gans.utils.disk_errors import UnwritableError, refusal, writing_to
from keras_gans.utils.locks import Lock, locked, release, try_lock
from keras_gans.utils.plain_files import (
    UnfitFileError,
    open_plain,
    refuse_unplain,
    sha256,
    sha256_of,
)

__all__ = [
    "Lock",
    "UnfitFileError",
    "UnwritableError",
    "locked",
    "open_plain",
    "refuse_unplain",
    "remove",
    "remove_abandoned",
    "resolve",
    "sha256",
    "sha256_of",
    "staged",
    "write_whole",
    "writing_to",
]

_MARK = ".partial-"
_REPLACED = "replaced"
_WORKSPACE = re.compile(rf"\..+{re.escape(_MARK)}[0-9a-f]{{8}}")  # of `_open_workspace`
_THERE = (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR, errno.EISDIR)


def write_whole(path, write, *, replace=True):
    """Has `write(path)` write a file that appears whole or not at all.

    Args:
        path: of the file; its folder is made where it is missing.
        write: called with the path to write to, of the same name in another folder.
        replace: as of `staged`.

    Raises:
        OSError: as `staged`.
    """
    with staged(resolve(path), replace=replace) as unfinished:
        write(unfinished)


@contextlib.contextmanager
def staged(target, *, replace=True, ask=None):
    """Yields a path to write to; it becomes `target` if the block succeeds, else vanishes.

    The path has the target's name, in a hidden folder beside the target and so on the same disk,
    where a rename is atomic. What was at the target stays until the new one is complete and on the
    disk, so that one of them is whole after a power failure too. Hidden folders that killed
    processes left there are removed first.

    Args:
        target: absolute path of a file or folder.
        replace: whether what is at the target in the end gives way to the new one. An empty folder
            gives way to a folder in any case.
        ask: called when the new one is complete; what it raises keeps what is at the target.

    Raises:
        FileExistsError: if the target came to be meanwhile and `replace` is not set.
        OSError: if nothing can be written there, or no more of it, saying so.
    """
    created: list = []
    try:
        try:
            _make_parents(target, created)
            remove_abandoned(target.parent, glob.escape(target.name))
            _remove_workspaces(target.parent)
            workspace, lock = _open_workspace(target)
        except OSError as error:
            raise type(error)(refusal(target.parent, error.strerror)) from None
        try:
            new = workspace / target.name
            with writing_to(target.parent):
                yield new
                _to_disk(new)
                if ask is not None:
                    ask()
                if replace:
                    _swap(new, target, workspace / _REPLACED)
                else:
                    _put(new, target)
                _sync(target.parent)
        finally:
            shutil.rmtree(workspace, ignore_errors=True)
            release(lock)
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
    _remove_dead(folder, folder.glob(f".{names}{_MARK}*"))


def _remove_workspaces(folder):
    """Removes what killed processes left for targets of any names, which may never come again.

    What holds the old one of a target stays until that target is written again: it would be lost,
    or come to its place where nobody looks at it.
    """
    found = (one for one in folder.glob(".*") if _WORKSPACE.fullmatch(one.name))
    _remove_dead(folder, (one for one in found if not os.path.lexists(one / _REPLACED)))


def _remove_dead(folder, workspaces):
    for workspace in workspaces:
        target = folder / re.sub(rf"{re.escape(_MARK)}[^.]*$", "", workspace.name[1:])
        with contextlib.suppress(OSError):  # another user's, or gone by now
            lock = try_lock(workspace, wait=False)
            if lock is None:
                continue
            try:
                replaced = workspace / _REPLACED  # a folder, where it is ours
                if replaced.is_dir() and not (replaced.is_symlink() or os.path.lexists(target)):
                    os.rename(replaced, target)
                shutil.rmtree(workspace, ignore_errors=True)
            finally:
                release(lock)


def resolve(path):
    """Absolute path; a link is followed, so that what it points to is replaced, not the link."""
    return Path(path).expanduser().resolve()


def remove(path):
    """Removes a file or a folder with all it holds."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()

        # The file stays: were it removed, a third process could lock another of its name.


# === Whose workspace ===


def _open_workspace(target):
    """A new workspace, and its lock, which goes when the process does."""
    while True:
        workspace = target.parent / f".{target.name}{_MARK}{secrets.token_hex(4)}"
        workspace.mkdir()  # not by tempfile, whose folders nobody else may read
        with contextlib.suppress(FileNotFoundError):  # taken for abandoned before it was locked
            lock = try_lock(workspace, wait=True)
            if workspace.exists():
                return workspace, lock
            release(lock)


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


def _put(new, target):
    """Gives what is new its place, where nothing else has it."""
    try:
        if new.is_dir():
            os.rename(new, target)  # onto an empty folder only
        else:
            _link(new, target)
    except OSError as error:
        if error.errno not in _THERE:
            raise
        raise FileExistsError(
            f"{target} exists: it was made while this was being written, and is kept. Choose "
            "another name, or replace it: `overwrite=True` (`--overwrite`)."
        ) from None


def _link(new, target):
    try:
        os.link(new, target)
    except OSError as error:
        if error.errno in _THERE:
            raise
        if target.exists():  # of file systems without hard links
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)) from None
        os.rename(new, target)


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
