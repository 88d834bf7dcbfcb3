"""Files from outside: opened only where they are plain ones."""

import hashlib
import os
import stat


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
    refuse_kind(path, os.stat(path) if follow else os.lstat(path))
    descriptor = os.open(path, os.O_RDONLY | flags("O_NONBLOCK", follow))
    file = os.fdopen(descriptor, "rb")
    try:
        found = os.fstat(descriptor)  # another one may have come to the path since
        refuse_kind(path, found)
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
        refuse_kind(path, found, stat.S_ISDIR if name in folders else stat.S_ISREG)
        if name in appended:
            _refuse_shared(path, found)


_KINDS = (
    (stat.S_ISLNK, "a link"),
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISREG, "a file"),
)


def refuse_kind(path, found, wanted=stat.S_ISREG):
    """Refuses what is of another kind than wanted.

    Raises:
        UnfitFileError: what it is instead, and what to do.
    """
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


def flags(other, follow):
    """Flags that opening needs besides reading or writing, of those the system has."""
    names = ("O_CLOEXEC", "O_BINARY", other, *(() if follow else ("O_NOFOLLOW",)))
    return sum(getattr(os, name, 0) for name in names)


def sha256(path):
    """The SHA-256 of a file, in hexadecimal; of what a link points to."""
    with open_plain(path, follow=True) as file:
        return sha256_of(file)


def sha256_of(file):
    """The same of an open file, from where it stands."""
    return hashlib.file_digest(file, "sha256").hexdigest()
