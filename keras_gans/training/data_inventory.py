"""The files a run learns from: noted when it begins, compared when it goes on."""

import json
import os
import pathlib

from keras_gans.data import tables
from keras_gans.data.frame import SUFFIXES
from keras_gans.utils.files import write_whole
from keras_gans.utils.json_files import read_json

_FILE = "data.json"
_LARGEST = 2**30  # bytes: millions of files


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


def write(folder, source):
    """Notes path and size of every file of a folder of data; of other sources nothing."""
    files = _sizes(source)
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
    noted, now = read_json(path, {str: int}, most=_LARGEST), _sizes(source) or {}
    was = {name: size for name, size in noted.items() if _is_read(source, name)}
    added, gone = sorted(now.keys() - was), sorted(was.keys() - now)
    other = sorted(name for name in was.keys() & now if was[name] != now[name])
    found = [
        f"{len(names)} {what} ({names[0]}{', ...' if len(names) > 1 else ''})"
        for what, names in (("added", added), ("gone", gone), ("of another size", other))
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


def _sizes(source):
    """`{path: bytes}` of the files a source reads; None of a source that is no folder."""
    root = _root(source)
    if root is None:
        return None
    sizes = {}
    for top, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            file = os.path.join(top, name)
            relative = os.path.relpath(file, root)
            if _is_read(source, relative) and not name.startswith(".") and os.path.exists(file):
                sizes[relative] = os.path.getsize(file)
    return sizes


def _is_read(source, name):
    """Whether a source reads a file: of a folder pictures and tables, of IDX files any."""
    if str(source).startswith("idx:"):
        return True
    return os.path.splitext(name)[1].lower() in SUFFIXES or name in tables.NAMES
