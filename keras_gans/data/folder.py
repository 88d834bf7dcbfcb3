"""Pictures on the disk: `folder:PATH`.

    PATH/*.png                        pictures without labels
    PATH/CLASS/**/*.png               one folder for each class; labels follow the sorted names
    PATH/train/..., PATH/test/...     either of the two, split

Hidden files and files that are not named like a picture are passed over in silence. A file that
is named like one and cannot be used is named, counted and left out.
"""

import concurrent.futures
import os
import pathlib
import warnings

import numpy as np

from keras_gans.data import examples
from keras_gans.data.frame import SUFFIXES, Frame, UnreadableError

# What opening a file costs beyond decoding it, as bytes of a file that decode in the same time.
_OPENING = 4096
_NAMED = 10


class Folder:
    """Pictures in a folder, with labels where they lie in one folder for each class.

    Args:
        path: of the folder.
        split: "train" or "test" where the folder has subfolders of both names, else "train".

    Raises:
        ValueError: if there is no such folder or split, or no picture in it.
    """

    def __init__(self, path, split="train"):
        self.name = f"folder:{path}"
        self._root = pathlib.Path(path).expanduser()
        if not self._root.is_dir():
            problem = "is a file, not a folder" if self._root.exists() else "does not exist"
            raise ValueError(f"{self.name}: {self._root.absolute()} {problem}.")
        self._left_out = {}
        tops = self._tops(split)
        files = {name: list(self._files(top)) for name, top in tops.items()}
        # Of all splits, so that a class that is missing from one does not move the others' labels.
        self.class_names = _class_names(tops, files)
        self.why_unlabelled = "its pictures are not all in subfolders, one for each class"
        self._top, self._found = tops[split], files[split]
        if not self._found:
            raise ValueError(
                f"{self.name}: no pictures in {self._top.absolute()} (PNG, JPEG, WebP, BMP, GIF, "
                f"by their suffix). {self._listing()}".rstrip()
            )

    def examples(self, frame, labelled):
        """The pictures, fitted to `frame`.

        A folder of up to `UP_FRONT_BYTES` is decoded now. In a larger one only headers are looked
        at; where a picture turns out to be broken while training, the next good one takes its
        place, so that batches keep their size and an epoch its length.

        Raises:
            ValueError: if none is left when the broken ones are left out.
        """
        paths = [path for path, _ in self._found]
        if sum(size + _OPENING for _, size in self._found) <= examples.UP_FRONT_BYTES:
            paths, images = self._decoded(paths, frame)
        else:
            paths, images = self._examined(paths, Frame.check), None
        if not paths:
            raise ValueError(f"{self.name}: no picture can be used. {self._listing()}")
        if self._left_out:
            warnings.warn(f"{self.name}: {self._listing()}", stacklevel=2)
        labels = self._labels(paths) if labelled else None
        if images is not None:
            return examples.Arrays(images, labels)
        shelf = _Shelf(self.name, self._root, paths, frame)
        shelf(np.zeros(1, np.int64))  # raises now where all are broken behind their headers
        return examples.Lookup(shelf, frame.shape, len(paths), labels)

    def _tops(self, split):
        """`{split: folder}`."""
        tops = {name: self._root / name for name in ("train", "test")}
        if not all(top.is_dir() and not top.is_symlink() for top in tops.values()):
            tops = {"train": self._root}
        if split in tops:
            return tops
        if len(tops) == 1:
            raise ValueError(
                f"{self.name} has no subfolders train/ and test/, so all of it is split='train'. "
                f"Received: split={split!r}"
            )
        raise ValueError(f"{self.name} has the splits train and test. Received: split={split!r}")

    def _files(self, top):
        """Path and size of every file below `top` that is named like a picture, sorted."""
        for entry in sorted(os.scandir(top), key=lambda entry: entry.name):
            if entry.name.startswith("."):
                continue
            if entry.is_symlink() and (problem := self._problem_of_link(entry)):
                self._leave_out(entry.path, problem)
            elif entry.is_dir():
                yield from self._files(entry.path)
            elif entry.is_file() and os.path.splitext(entry.name)[1].lower() in SUFFIXES:
                yield entry.path, entry.stat().st_size

    def _problem_of_link(self, entry):
        # An unpacked archive may link to any file of the machine, and to folders in circles.
        if entry.is_dir():
            return "a link to a folder, which is not followed"
        if not pathlib.Path(entry.path).resolve().is_relative_to(self._root.resolve()):
            return "a link that leaves the folder"
        return None

    def _decoded(self, paths, frame):
        """The paths that can be decoded and, where all fit in memory, their pictures."""
        keep = len(paths) * frame.num_bytes <= examples.CACHE_BYTES
        images = np.empty((len(paths) if keep else 0, *frame.shape), np.uint8)
        rows = {path: row for row, path in enumerate(paths)}

        def decode(path):
            image = frame.read(path)
            if keep:
                images[rows[path]] = image

        good = self._examined(paths, decode)
        if not keep:
            return good, None
        return good, images if len(good) == len(paths) else images[[rows[path] for path in good]]

    def _examined(self, paths, examine):
        """The paths on which `examine` does not raise `UnreadableError`; leaves out the others."""

        def problem(path):
            try:
                examine(path)
            except UnreadableError as error:
                return str(error)
            return None

        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            problems = dict(zip(paths, pool.map(problem, paths), strict=True))
        for path, reason in problems.items():
            if reason is not None:
                self._leave_out(path, reason)
        return [path for path, reason in problems.items() if reason is None]

    def _labels(self, paths):
        numbers = {name: number for number, name in enumerate(self.class_names)}
        return np.array([numbers[_parts(self._top, path)[0]] for path in paths], np.int32)

    def _leave_out(self, path, reason):
        self._left_out[os.path.relpath(path, self._root)] = reason

    def _listing(self):
        """Says what was left out and why; nothing where nothing was."""
        if not self._left_out:
            return ""
        named = [f"{path} ({why})" for path, why in list(self._left_out.items())[:_NAMED]]
        more = len(self._left_out) - len(named)
        tail = f" and {more} more" if more else ""
        return f"Left out {len(self._left_out)}: {', '.join(named)}{tail}."


class _Shelf:
    """Fetches pictures by number; decodes each once where all of them fit in memory."""

    def __init__(self, name, root, paths, frame):
        self._name, self._root, self._paths, self._frame = name, root, paths, frame
        self._broken = set()
        self._pool = concurrent.futures.ThreadPoolExecutor(os.cpu_count())
        self._cache = None
        if len(paths) * frame.num_bytes <= examples.CACHE_BYTES:
            self._cache = np.empty((len(paths), *frame.shape), np.uint8)
            self._cached = np.zeros(len(paths), bool)

    def __call__(self, numbers):
        """The pictures of these numbers, and the numbers of the pictures they really are."""
        if self._cache is not None and self._cached[numbers].all():
            return self._cache[numbers], numbers
        fetched = list(self._pool.map(self._fetch, numbers))
        images = np.stack([image for _, image in fetched])
        return images, np.array([number for number, _ in fetched], np.int64)

    def _fetch(self, wanted):
        count = len(self._paths)
        for step in range(count):
            number = (int(wanted) + step) % count
            if number not in self._broken and (image := self._read(number)) is not None:
                return number, image
        raise ValueError(f"{self._name}: none of its {count} pictures can be decoded.")

    def _read(self, number):
        if self._cache is not None and self._cached[number]:
            return self._cache[number]
        try:
            image = self._frame.read(self._paths[number])
        except UnreadableError as error:
            self._broken.add(number)
            path = os.path.relpath(self._paths[number], self._root)
            warnings.warn(
                f"{self._name}: left out {path} ({error}); others take its place.", stacklevel=2
            )
            return None
        if self._cache is not None:
            self._cache[number] = image
            self._cached[number] = True  # after the picture: another thread may look in between
        return image


def _class_names(tops, files):
    """The sorted names of the class folders, or None where pictures lie beside or without them."""
    parts = [_parts(top, path) for name, top in tops.items() for path, _ in files[name]]
    if any(len(below) == 1 for below in parts):
        return None
    return tuple(sorted({below[0] for below in parts})) or None


def _parts(top, path):
    return os.path.relpath(path, top).split(os.sep)
