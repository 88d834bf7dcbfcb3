"""Pictures on the disk: `folder:PATH`.

PATH/*.png                        pictures without labels
PATH/CLASS/**/*.png               one folder for each class; labels follow the sorted names
PATH/train/..., PATH/test/...     either of the two, split
"""

import os

import numpy as np

from keras_gans.data.files import Files


class Folder:
    """Pictures in a folder, with labels where they lie in one folder for each class.

    Args:
        path: of the folder.
        split: "train" or "test" where the folder has subfolders of both names, else "train".

    Raises:
        ValueError: if there is no such folder or split, or no picture in it.
    """

    def __init__(self, path, split="train"):
        self._files = Files(path)
        self.name = self._files.name
        tops = self._tops(split)
        found = {name: self._files.below(top) for name, top in tops.items()}
        # Of all splits, so that a class that is missing from one does not move the others' labels.
        self.class_names = class_names(tops, found)
        self.why_unlabelled = "its pictures are not all in subfolders, one for each class"
        if why := _why_not_classes(self.class_names, found, tops):
            self.class_names, self.why_unlabelled = None, why
        self._top, self._found = tops[split], found[split]
        self._files.check_found(self._found, self._top)

    def examples(self, frame, labelled):
        """The pictures, fitted to `frame`; see `Files.examples`.

        Raises:
            ValueError: if none is left when the broken ones are left out.
        """
        labels = self._labels() if labelled else None
        return self._files.examples([(file,) for file in self._found], frame, labels)

    def _tops(self, split):
        """`{split: folder}`."""
        root = self._files.root
        tops = {name: root / name for name in ("train", "test")}
        if not all(top.is_dir() and not top.is_symlink() for top in tops.values()):
            tops = {"train": root}
        if split in tops:
            return tops
        if len(tops) == 1:
            raise ValueError(
                f"{self.name} has no subfolders train/ and test/, so all of it is split='train'. "
                f"Received: split={split!r}"
            )
        raise ValueError(f"{self.name} has the splits train and test. Received: split={split!r}")

    def _labels(self):
        numbers = {name: number for number, name in enumerate(self.class_names)}
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


def _parts(top, file):
    return os.path.relpath(file.path, top).split(os.sep)
