"""Pictures on the disk: `folder:PATH`.

PATH/*.png                        pictures without labels
PATH/CLASS/**/*.png               one folder for each class; labels follow the sorted names
PATH/train/..., PATH/test/...     either of the two, split
PATH/attributes.csv               labels of each picture, see `keras_gans.data.tables`
"""

import functools
import os

import numpy as np

from keras_gans.data import slices, tables
from keras_gans.data.errors import NoSuchSplitError
from keras_gans.data.files import Files

_BY_FOLDER = "class"  # the head whose classes are folders


class Folder:
    """Pictures in a folder, with labels by folders, one for each class, or by a table.

    Args:
        path: of the folder.
        split: "train" or "test" where the folder has subfolders of both names, else "train"; or
            part of one, "train[:95%]".
        cache_dir: see `Files`.
        account: see `Files`.

    Raises:
        ValueError: if there is no such folder, or no picture in it.
        NoSuchSplitError: if the folder is not split so.
    """

    def __init__(self, path, split="train", *, cache_dir=None, account=None):
        self._files = Files(path, cache_dir, account)
        self.name = self._files.name
        part = slices.parsed(split)
        tops = self._tops(part.split)
        found = {name: self._files.below(top) for name, top in tops.items()}
        # Of all splits, so that a class that is missing from one does not move the others' labels.
        self._by_folder = class_names(tops, found)
        self._why_not = "its pictures are not all in subfolders, one for each class"
        if why := _why_not_classes(self._by_folder, found, tops):
            self._by_folder, self._why_not = None, why
        self._top = tops[part.split]
        self._found = part.of(found[part.split], lambda file: _inside(self._files.root, file))
        self._all = [file for files in found.values() for file in files]
        self._files.check_found(self._found, self._top)
        if len(tops) > 1:
            self._files.note_beside(tops)

    @functools.cached_property
    def heads(self):
        """`{name: names of its classes}`: the table's columns of words or, without, the folders."""
        folders = {} if self._by_folder is None else {_BY_FOLDER: self._by_folder}
        columns = self._table.heads if self._table else {}
        if _BY_FOLDER in columns and folders:
            raise ValueError(
                f"{self.name} has one folder for each class, and {self._table.name} a column "
                f"{_BY_FOLDER!r} too. Give the column another name."
            )
        return columns or folders

    @property
    def attributes(self):
        """The names of the table's columns of numbers."""
        return self._table.attributes if self._table else ()

    @property
    def head(self):
        """The name of the label: the folders or, without, the only column of words; else None."""
        if self._by_folder is not None:
            return _BY_FOLDER  # whatever else a table says: it need not be read
        return next(iter(self.heads)) if len(self.heads) == 1 else None

    @property
    def class_names(self):
        """The names of the label's classes, or None."""
        if self._by_folder is not None:
            return self._by_folder
        return self.heads[self.head] if self.head else None

    @property
    def why_unlabelled(self):
        """Why there is no label, or not one."""
        if len(self.heads) > 1:
            return f"it has several heads, {', '.join(self.heads)}: name one, heads=(...)"
        return self._why_not

    @property
    def where_labels_are(self):
        """Where heads and attributes are looked for, a sentence."""
        if self._table:
            return (
                f"{self._table.name} has the columns {', '.join(self._table.columns)}; those of "
                "0 and 1, or -1 and 1, are attributes, those of words are heads."
            )
        return (
            f"Put {tables.NAMES[0]} into the folder: a heading 'file,NAME,...', then a line for "
            "each picture; columns of 0 and 1 are attributes, columns of words are heads."
            f"{tables.not_read(self._files.root)}"
        )

    def examples(self, converter, columns=None):
        """The pictures, fitted by `converter`; see `Files.examples`.

        Raises:
            ValueError: if none is left when the broken ones are left out, or if the table does not
                say of each picture what it should.
        """
        labels = self._labels(columns) if columns else None
        return self._files.examples([(file,) for file in self._found], converter, labels)

    #: Whether patches are cut out of its pictures where nothing else is said.
    has_photographs = True

    def photographs(self, height, width, channels):
        """The pictures at their own sizes; see `Files.photographs`."""
        return self._files.photographs(self._found, height, width, channels)

    @functools.cached_property
    def _table(self):
        path = tables.find(self._files.root, self.name)
        return tables.Table(path, self.name) if path else None

    def _tops(self, split):
        """`{split: folder}`."""
        root = self._files.root
        tops = {name: root / name for name in ("train", "test")}
        if not all(top.is_dir() and not top.is_symlink() for top in tops.values()):
            tops = {"train": root}
        if split in tops:
            return tops
        if len(tops) == 1:
            raise NoSuchSplitError(
                f"{self.name} has no subfolders train/ and test/, so all of it is split='train'. "
                f"Received: split={split!r}"
            )
        raise NoSuchSplitError(
            f"{self.name} has the splits train and test. Received: split={split!r}"
        )

    def _labels(self, columns):
        named = {}
        if _BY_FOLDER in columns.heads and self._by_folder is not None:
            named[_BY_FOLDER] = self._labels_by_folder()
        if set(columns.names) - set(named):
            pictures, others = (
                [_inside(self._files.root, file) for file in files]
                for files in (self._found, self._all)
            )
            rows = self._table.rows_of(pictures, others)
            if remark := self._table.remark:
                self._files.account.remark(remark)
            for name in set(columns.heads) - set(named):
                named[name] = self._table.head(name, rows)
            for name in columns.attributes:
                named[name] = self._table.attribute(name, rows)
        return columns.joined([named[name] for name in columns.names]).numpy()

    def _labels_by_folder(self):
        numbers = {name: number for number, name in enumerate(self._by_folder)}
        return np.array([numbers[_parts(self._top, file)[0]] for file in self._found], np.int32)


def class_names(tops, found):
    """The sorted names of the class folders, or None where pictures lie beside or without them.

    Args:
        tops: `{split: folder}`.
        found: `{split: the files below it}`.
    """
    parts = [_parts(top, file) for name, top in tops.items() for file in found[name]]
    if any(len(below) == 1 for below in parts):
        return None
    return tuple(sorted({below[0] for below in parts})) or None


def _why_not_classes(names, found, tops):
    """Why the folders of these names are no classes but what translators learn from, or None."""
    if {"trainA", "trainB"} <= set(names or ()):
        return "trainA/ and trainB/ are the domains of an unpaired set, not classes"
    if names == ("A", "B") and len(tops) == 1:
        parts = [_parts(tops["train"], file) for file in found["train"]]
        first, second = (
            {os.path.splitext(os.path.join(*below))[0] for side, *below in parts if side == name}
            for name in names
        )
        if first == second:
            return (
                "A/ and B/ hold pairs of equal names, for translators; if they are classes, give "
                "the folders other names"
            )
    return None


def _inside(root, file):
    return "/".join(_parts(root, file))


def _parts(top, file):
    return os.path.relpath(file.path, top).split(os.sep)
