"""What keeps a file from being written, in a sentence that says what to do."""

import contextlib
import errno
import os
from pathlib import Path

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_CLOSED = (errno.EROFS, errno.EACCES, errno.EPERM)


class UnwritableError(OSError):
    """No more can be written; the message says where, and what to do."""


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
            raise UnwritableError(refusal(folder, reason)) from None
        if isinstance(error, OSError) and error.errno in _CLOSED and _inside(error, folder):
            raise type(error)(refusal(folder, error.strerror)) from None
        raise


def refusal(folder, reason):
    """Returns the sentence: where nothing can be written, why, and what to do."""
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
