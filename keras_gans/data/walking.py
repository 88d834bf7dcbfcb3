"""Looking through a folder for pictures: what is taken for one, what is passed over and why."""

import os
import pathlib
import typing

from keras_gans.data import tables
from keras_gans.data.account import HIDDEN, LITTER, OTHER, SPECIAL
from keras_gans.data.decode import SUFFIXES, SUFFIXES_OF_HEIF

# What file managers, editors and other systems leave beside pictures; in small letters.
_LITTER = frozenset(
    {
        *("__macosx", ".ds_store", ".appledouble", ".trashes", ".spotlight-v100", ".fseventsd"),
        *("thumbs.db", "ehthumbs.db", "desktop.ini", "$recycle.bin", "system volume information"),
        *("@eadir", ".ipynb_checkpoints", ".thumbnails", ".picasa.ini", ".directory"),
    }
)

_TO_A_FOLDER = "a link to a folder, which is not followed"


class File(typing.NamedTuple):
    """A file named like a picture."""

    path: str
    num_bytes: int


def walk(top, root, account, without=(), suffixes=SUFFIXES):
    """Every `File` below a folder, sorted by path.

    Args:
        top: the folder.
        root: of what the account names, and what links may not leave.
        account: an `Account` of what is passed over or left out.
        without: names in `top` that are not looked at.
        suffixes: of the files that are looked for, in small letters.
    """
    try:
        entries = sorted(os.scandir(top), key=lambda entry: entry.name)
    except OSError as error:
        account.leave_out(f"{os.path.relpath(top, root)}/", f"cannot be opened: {error.strerror}")
        return
    passed = {*without, *(tables.NAMES if os.path.samefile(top, root) else ())}
    for entry in entries:
        name = os.path.relpath(entry.path, root)
        if entry.name in passed:
            continue
        try:
            problem = _problem_of_link(entry, root) if entry.is_symlink() else None
            is_folder = problem is None and entry.is_dir()
            kind = _passed_over(entry, is_folder or problem == _TO_A_FOLDER, suffixes)
            num_bytes = entry.stat().st_size if not (problem or kind or is_folder) else 0
        except OSError as error:
            problem, kind = f"cannot be looked at: {error.strerror}", None
        if kind is not None:
            account.pass_over(kind, name + "/" * is_folder)
        elif problem:
            account.leave_out(name, problem)
        elif is_folder:
            yield from walk(entry.path, root, account, suffixes=suffixes)
        else:
            yield File(entry.path, num_bytes)


def _passed_over(entry, is_folder, suffixes):
    """The kind of a file or folder that its name or nature says is no picture; None of others."""
    if entry.name.lower() in _LITTER or entry.name.startswith("._"):
        return LITTER
    if entry.name.startswith("."):
        return HIDDEN
    if is_folder:
        return None
    suffix = os.path.splitext(entry.name)[1].lower()
    if suffix in SUFFIXES_OF_HEIF - suffixes:
        return "of a format that keras-gans[heif] reads"
    if suffix not in suffixes:
        return OTHER
    if not entry.is_symlink() and not entry.is_file():
        return SPECIAL
    return None


def _problem_of_link(entry, root):
    # An unpacked archive may link to any file of the machine, and to folders in circles.
    try:
        real = pathlib.Path(entry.path).resolve(strict=True)
    except FileNotFoundError:
        return "a link to nothing"
    except (OSError, RuntimeError):  # a RuntimeError where it leads to itself
        return "a link that leads nowhere"
    if entry.is_dir():
        return _TO_A_FOLDER
    if not real.is_relative_to(pathlib.Path(root).resolve()):
        return "a link that leaves the folder"
    return None if real.is_file() else "a link to what is no file"
