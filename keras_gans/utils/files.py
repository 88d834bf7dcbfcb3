"""Files and folders that appear whole or not at all, what they hold, and who works in them.

Everything is written in one way: under its own name in a hidden folder beside its place, brought to
the disk, then renamed. A failure leaves what was there; what a killed process left goes with the
next writing into that folder. Files from outside are opened in one way too, `open_plain`, which
refuses what is no plain file.
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
import stat
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: what was left by the dead is not told from what the living use
    fcntl = None  # type: ignore[assignment]

_MARK = ".partial-"
_REPLACED = "replaced"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_CLOSED = (errno.EROFS, errno.EACCES, errno.EPERM)
_WORKSPACE = re.compile(rf"\..+{re.escape(_MARK)}[0-9a-f]{{8}}")  # of `_open_workspace`
_THERE = (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR, errno.EISDIR)


class UnwritableError(OSError):
    """No more can be written; the message says where, and what to do."""


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
            raise type(error)(_refusal(target.parent, error.strerror)) from None
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
            _release(lock)
    except BaseException:
        for folder in reversed(created):
            with contextlib.suppress(OSError):  # somebody else uses it by now
                folder.rmdir()
        raise


@contextlib.contextmanager
def writing_to(folder):
    """Says in a sentence what keeps a file from being written to a folder, and what to do.

    Raises:
        OSError: in place of one of the system's about a full disk, or about a file in the folder
            that may not be written.
    """
    try:
        yield
    except Exception as error:
        if reason := _full(error):
            raise UnwritableError(_refusal(folder, reason)) from None
        if isinstance(error, OSError) and error.errno in _CLOSED and _inside(error, folder):
            raise type(error)(_refusal(folder, error.strerror)) from None
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
            lock = _lock(workspace, wait=False)
            if lock is None:
                continue
            try:
                replaced = workspace / _REPLACED  # a folder, where it is ours
                if replaced.is_dir() and not (replaced.is_symlink() or os.path.lexists(target)):
                    os.rename(replaced, target)
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
    """The SHA-256 of a file, in hexadecimal; of what a link points to."""
    with open_plain(path, follow=True) as file:
        return sha256_of(file)


def sha256_of(file):
    """The same of an open file, from where it stands."""
    return hashlib.file_digest(file, "sha256").hexdigest()


# === Files from outside ===


class UnfitFileError(ValueError):
    """What lies at a path is no plain file, is too large, or does not hold what it should."""


def open_plain(path, most=None, *, follow=False):
    """Opens a file from outside for reading, where it is one.

    A FIFO would be waited for, a device may never end, and a link in a folder that was unpacked
    leads wherever its maker chose.

    Args:
        path: of the file.
        most: bytes it may have.
        follow: open what a link points to: for paths that a person names.

    Returns:
        A file of bytes.

    Raises:
        UnfitFileError: what is there instead, and what to do.
        OSError: where nothing is there, or it cannot be read.
    """
    _refuse_kind(path, os.stat(path) if follow else os.lstat(path))
    descriptor = os.open(path, os.O_RDONLY | _flags("O_NONBLOCK", follow))
    file = os.fdopen(descriptor, "rb")
    try:
        found = os.fstat(descriptor)  # another one may have come to the path since
        _refuse_kind(path, found)
        if most is not None and found.st_size > most:
            raise UnfitFileError(
                f"{path} has {found.st_size} bytes; one of ours has no more than {most}."
            )
    except BaseException:
        file.close()
        raise
    return file


def refuse_unplain(folder, files=(), folders=(), appended=()):
    """Refuses a folder from outside in which names that are read or written are something else.

    Args:
        folder: to look into.
        files: names that must be plain files, where they are there.
        folders: names that must be folders.
        appended: names of plain files that are written into in place, so that they must not be
            another file's too.

    Raises:
        UnfitFileError: naming the first that is a link, FIFO, device or of the wrong kind.
    """
    for name in (*files, *appended, *folders):
        path = folder / name
        try:
            found = path.lstat()
        except FileNotFoundError:
            continue
        _refuse_kind(path, found, stat.S_ISDIR if name in folders else stat.S_ISREG)
        if name in appended:
            _refuse_shared(path, found)


_KINDS = (
    (stat.S_ISLNK, "a link"),
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISREG, "a file"),
)


def _refuse_kind(path, found, wanted=stat.S_ISREG):
    if wanted(found.st_mode):
        return
    kind = next((words for test, words in _KINDS if test(found.st_mode)), "a device")
    expected = "folder" if wanted is stat.S_ISDIR else "plain file"
    raise UnfitFileError(
        f"{path} is {kind}, where a {expected} must be: it is neither read nor written to. Remove "
        f"it, or put the {expected} itself in its place."
    )


def _refuse_shared(path, found):
    if found.st_nlink > 1:
        raise UnfitFileError(
            f"{path} is a hard link: what is written to it would be written to another file too. "
            "Put a copy in its place."
        )


def _flags(other, follow):
    """Flags that opening needs besides reading or writing, of those the system has."""
    names = ("O_CLOEXEC", "O_BINARY", other, *(() if follow else ("O_NOFOLLOW",)))
    return sum(getattr(os, name, 0) for name in names)


# === Who works in a folder ===


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
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | _flags("O_NONBLOCK", False), 0o666)
    with os.fdopen(descriptor, "r+", encoding="utf-8", errors="replace") as file:
        _refuse_kind(path, os.fstat(descriptor))
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
        # The file stays: were it removed, a third process could lock another of its name.


def _refusal(folder, reason):
    what_to_do = "Make room there, or choose" if reason in _full_words() else "Choose"
    return f"Cannot write to {folder}: {reason}. {what_to_do} another place."


def _full(error):
    """What the system says where no more can be written; None for other errors."""
    if isinstance(error, UnwritableError):
        return None  # which says it, and more
    # TensorFlow's errors are no OSErrors and have no number, but end in the same words.
    return next((reason for reason in _full_words() if reason in str(error)), None)


def _full_words():
    return [os.strerror(number) for number in _FULL]


def _inside(error, folder):
    """Whether an error of the system is about a file in a folder."""
    return error.filename is not None and folder in Path(os.fsdecode(error.filename)).parents


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
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | _flags("O_NONBLOCK", False))
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
