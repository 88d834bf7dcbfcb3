"""The files a run learns from: noted when it begins, compared when it goes on."""

import json
import os
import pathlib
import zlib

from keras_gans.data import tables
from keras_gans.data.decode import SUFFIXES
from keras_gans.utils.files import write_whole
from keras_gans.utils.json_files import read_json

_FILE = "data.json"
_LARGEST = 2**30  # bytes: millions of files
_ACCOUNT = "data.txt"
_LOOKED_AT = 4096  # bytes at each end of a file


def refuse_inside(source, runs_dir):
    """Refuses runs inside the folder of their data, whose sheets would be pictures to learn from.

    Raises:
        ValueError: what to do.
    """
    root, place = _root(source), pathlib.Path(runs_dir).resolve()
    if root is None or not place.is_relative_to(root.resolve()):
        return
    if any(part.startswith(".") for part in place.relative_to(root.resolve()).parts):
        return  # hidden folders are not read
    raise ValueError(
        f"{runs_dir} lies inside the folder of {source}, where the run's own files would be taken "
        "for data. Name a folder outside of it: --runs-dir, `runs_dir` in Python."
    )


def write(folder, source, account):
    """Notes every file of a folder of data, its size and its ends; of other sources nothing.

    Beside it lies what of the data is left out or changed, a line for each file.
    """
    if lines := account.lines():
        told = "".join(f"{line}\n" for line in lines)
        write_whole(folder / _ACCOUNT, lambda path: path.write_text(told, encoding="utf-8"))
    files = _files(source)
    if files is not None:
        text = json.dumps(files, indent=0)
        write_whole(folder / _FILE, lambda path: path.write_text(text, encoding="utf-8"))


def refuse_changed(folder, source):
    """Refuses a source whose files are not those the run was begun with.

    Raises:
        ValueError: how many were added, are gone and have another size, with the first of each.
    """
    path = folder / _FILE
    if not os.path.lexists(path):
        return
    # Runs of earlier versions noted the size alone.
    noted, now = read_json(path, {str: (int, [int])}, most=_LARGEST), _files(source) or {}
    was = {name: found for name, found in noted.items() if _is_read(source, name)}
    added, gone = sorted(now.keys() - was), sorted(was.keys() - now)
    same = {name: now[name] in (was[name], [was[name], now[name][1]]) for name in was.keys() & now}
    other = sorted(name for name, is_same in same.items() if not is_same)
    found = [
        f"{len(names)} {what} ({names[0]}{', ...' if len(names) > 1 else ''})"
        for what, names in (("added", added), ("gone", gone), ("of other content", other))
        if names
    ]
    if found:
        raise ValueError(
            f"The files of {source} changed since the run was begun: {', '.join(found)}. They "
            "would come in another order. Put them back, or begin a new run."
        )


def _root(source):
    """The folder of a source on the disk; None of others."""
    scheme, _, path = str(source).partition(":")
    return pathlib.Path(path).expanduser() if scheme in ("folder", "idx") else None


def _files(source):
    """`{path: [bytes, checksum]}` of files a source reads; None of a source that is no folder."""
    root = _root(source)
    if root is None:
        return None
    found = {}
    for top, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            file = os.path.join(top, name)
            relative = os.path.relpath(file, root)
            if _is_read(source, relative) and not name.startswith(".") and os.path.isfile(file):
                found[relative] = _looked_at(file)
    return found


def _looked_at(path):
    """A file's size, and a checksum of its ends: a picture by another of its size has others."""
    size = os.path.getsize(path)
    try:
        with open(path, "rb") as file:
            checksum = zlib.crc32(file.read(_LOOKED_AT))
            file.seek(max(0, size - _LOOKED_AT))
            return [size, zlib.crc32(file.read(_LOOKED_AT), checksum)]
    except OSError:
        return [size, 0]


def _is_read(source, name):
    """Whether a source reads a file: of a folder pictures and tables, of IDX files any."""
    if str(source).startswith("idx:"):
        return True
    return os.path.splitext(name)[1].lower() in SUFFIXES or name in tables.NAMES
