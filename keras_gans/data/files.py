"""Pictures on the disk, however they lie there: listed, decoded, fetched while training.

What is hidden, litter of other systems or not named like a picture is counted and passed over. A
file that is named like one and cannot be used is named and left out. Both are kept in an `Account`.
"""

import concurrent.futures
import math
import os
import pathlib
import tempfile
import warnings

import numpy as np

from keras_gans.data import examples, walking
from keras_gans.data.account import BESIDE, Account
from keras_gans.data.decode import (
    FORMAT_NAMES,
    NotAPairError,
    UnreadableError,
    changes,
    opened,
    upright_size,
)
from keras_gans.data.patches import Photographs
from keras_gans.data.whole import read_picture
from keras_gans.utils.text import plain_line

# What opening a file costs beyond decoding it, as bytes of a file that decode in the same time.
_OPENING = 4096
# Headers looked at before training begins: a second or two.
_LOOKED_AT = 5000

#: Subfolders a folder may be split into.
SPLITS = ("train", "test", "val")


class Files:
    """The pictures below a folder, and what was left out of them.

    Args:
        path: of the folder, as the user gave it.
        cache_dir: folder on a disk where decoded pictures are kept that do not fit in memory.
        account: an `Account`, of what is left out or changed; an own one where None.

    Raises:
        ValueError: if there is no such folder.
    """

    def __init__(self, path, cache_dir=None, account=None):
        self._cache_dir = cache_dir
        self.name = f"folder:{path}"
        self.root = pathlib.Path(path).expanduser()
        if not self.root.is_dir():
            problem = "is a file, not a folder" if self.root.exists() else "does not exist"
            raise ValueError(f"{self.name}: {self.root.absolute()} {problem}.")
        self.account = Account() if account is None else account

    def below(self, top, without=()):
        """Every `walking.File` below the folder `top`, sorted by path.

        Args:
            top: path of the folder.
            without: names of files in it that are read by others.
        """
        return list(walking.walk(top, self.root, self.account, without=without))

    def note_beside(self, tops):
        """Counts the pictures in the folder that are not below the folders that are read.

        Args:
            tops: names of all those, of other splits too.
        """
        known = {name.split("/")[0] for name in tops}
        for file in walking.walk(self.root, self.root, Account(), without=known):
            self.account.pass_over(BESIDE, self.relative(file.path))

    def subfolder(self, name):
        """The path of a subfolder, or None where there is none.

        Raises:
            ValueError: if it is a link, which could lead anywhere.
        """
        path = self.root / name
        if path.is_symlink() and path.is_dir():
            raise ValueError(
                f"{self.name}: {path.absolute()} is a link to a folder, which is not followed. "
                "Put the pictures themselves there."
            )
        return path if path.is_dir() else None

    def subfolders(self):
        """The names of all subfolders, sorted."""
        return sorted(
            entry.name
            for entry in os.scandir(self.root)
            if entry.is_dir() and not entry.name.startswith(".")
        )

    def relative(self, *paths):
        """Paths as a person who knows the folder names them."""
        return " with ".join(os.path.relpath(path, self.root) for path in paths)

    def warn_of_broken(self, paths, error):
        """Names a picture that turned out to be broken while training."""
        warnings.warn(
            f"{self.name}: left out {plain_line(self.relative(*paths))} ({plain_line(error)}); "
            "others take its place.",
            stacklevel=3,
        )

    def check_found(self, found, top):
        """Refuses a folder in which nothing was found.

        Raises:
            ValueError: naming it and what was left out.
        """
        if not found:
            raise ValueError(
                f"{self.name}: no pictures in {pathlib.Path(top).absolute()} ({FORMAT_NAMES}, by "
                f"their suffix). {self.account.listing()}".rstrip()
            )

    # === Reading ===

    def examples(self, found, converter, labels=None):
        """The pictures, fitted by `converter`.

        Files of up to `UP_FRONT_BYTES` are decoded now. Of more only headers are looked at, and of
        more than `_LOOKED_AT` pictures only those of so many; where one turns out to be broken
        while training, the next good one takes its place, so that batches keep their size and an
        epoch its length.

        Args:
            found: for each picture the `File`s it is made of, a tuple.
            converter: has `shape`, `num_bytes`, and `read` and `check`, which take a picture's
                paths.
            labels: int32 (len(found),) or (len(found), columns), or None.

        Raises:
            ValueError: if none is left when the broken ones are left out.
        """
        items = [tuple(file.path for file in files) for files in found]
        num_bytes = sum(file.num_bytes + _OPENING for files in found for file in files)
        if num_bytes <= examples.UP_FRONT_BYTES:
            good, images = self._decoded(items, converter)
        else:
            # Evenly spread: what is wrong with a whole folder shows, and training begins soon.
            rows = sorted(set(np.linspace(0, len(items) - 1, _LOOKED_AT).astype(int).tolist()))
            good = self._examined(
                items, lambda row, noted: converter.check(*items[row], noted), rows
            )
            images = None
            if len(rows) < len(items):
                self.account.remark(f"Of {len(items)} pictures {len(rows)} were looked at.")
        if not good:
            raise ValueError(f"{self.name}: no picture can be used. {self.account.listing()}")
        labels = None if labels is None else labels[good]
        if images is not None:
            return examples.Arrays(images, labels)
        shelf = _Shelf(self, [items[row] for row in good], converter, self._cache_dir)
        shelf(np.zeros(1, np.int64))  # raises now where all are broken behind their headers
        return examples.Lookup(shelf, converter.shape, len(good), labels)

    def photographs(self, found, height, width, channels):
        """The pictures at their own sizes, but for those smaller than a patch, which are left out.

        The header of each file is read now. Files of up to `UP_FRONT_BYTES` are decoded too, and
        kept where all of them fit in `CACHE_BYTES`; others are decoded anew in every epoch.

        Args:
            found: the `File`s.
            height: of a patch, in pixels.
            width: of a patch, in pixels.
            channels: 1 or 3.

        Returns:
            `patches.Photographs`.

        Raises:
            ValueError: if none is left.
        """
        paths, sizes = [file.path for file in found], {}

        def look(row, noted):
            sizes[row] = _looked_at(paths[row], channels, noted)
            if sizes[row][0] < height or sizes[row][1] < width:
                raise UnreadableError(
                    f"its {sizes[row][1]} x {sizes[row][0]} pixels are fewer than the {width} x "
                    f"{height} of a patch"
                )

        items = [(path,) for path in paths]
        good = self._examined(items, look)
        pixels = sum(sizes[row][0] * sizes[row][1] for row in good)
        keep = pixels * channels <= examples.CACHE_BYTES
        album = _Album(self, paths, channels, keep)
        if sum(file.num_bytes + _OPENING for file in found) <= examples.UP_FRONT_BYTES:
            whole = set(self._examined(items, lambda row, noted: album.decoded(row), good))
            good = [row for row in good if row in whole]
        if not good:
            raise ValueError(
                f"{self.name}: no picture can be used. {self.account.listing()} Patches of "
                f"{width} x {height} pixels are cut out of larger pictures; fit='crop' scales "
                "pictures of any size instead."
            )
        album.rows = good
        return Photographs([sizes[row] for row in good], album.read)

    def _decoded(self, items, converter):
        """The rows that can be decoded and, where all fit in memory, their pictures."""
        keep = len(items) * converter.num_bytes <= examples.CACHE_BYTES
        images = np.empty((len(items) if keep else 0, *converter.shape), np.uint8)

        def decode(row, noted):
            image = converter.read(*items[row], noted)
            if keep:
                images[row] = image

        good = self._examined(items, decode)
        if not keep:
            return good, None
        return good, images if len(good) == len(items) else images[good]

    def _examined(self, items, examine, rows=None):
        """The rows but those on which `examine` raises `UnreadableError`, which are left out.

        Args:
            items: the paths of each.
            examine: is called with a row and a set, for what is changed of its picture.
            rows: on which; all where None.

        Raises:
            ValueError: if most of them are no pairs.
        """

        def outcome(row):
            noted: set = set()
            try:
                examine(row, noted)
            except UnreadableError as error:
                return error, ()
            return None, sorted(noted)

        rows = range(len(items)) if rows is None else rows
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            outcomes = dict(zip(rows, pool.map(outcome, rows), strict=True))
        self._check_pairs(items, {row: error for row, (error, _) in outcomes.items()})
        bad = {row for row, (error, _) in outcomes.items() if error is not None}
        for row, (error, kinds) in outcomes.items():
            name = self.relative(*items[row])
            self.account.change(name, kinds)
            if error is not None:
                self.account.leave_out(name, str(error))
        return [row for row in range(len(items)) if row not in bad]

    def _check_pairs(self, items, errors):
        """Refuses a folder of pictures of which no more than half are pairs."""
        alone = [row for row, error in errors.items() if isinstance(error, NotAPairError)]
        if 2 * len(alone) < max(1, len(errors)):
            return
        raise ValueError(
            f"{self.name}: {len(alone)} of {len(errors)} pictures are no pairs: "
            f"{plain_line(self.relative(*items[alone[0]]))} ({plain_line(errors[alone[0]])}). A "
            "pair is one file with its first picture on the left and its second, as large, on the "
            "right; or two files of equal size and name in the folders A/ and B/, of any "
            "proportions."
        )


class _Readable:
    """Pictures of files, of which one that turns out to be broken is named, and the next taken.

    Args:
        files: the `Files`.
        items: the paths of each picture, by its number.
    """

    def __init__(self, files, items):
        self._files, self._items, self._broken = files, items, set()

    def first(self, numbers, count, read):
        """Finds the first picture that can be read.

        Args:
            numbers: of the pictures, in the order to try.
            count: how many there are.
            read: function of a number; it raises `UnreadableError` of a broken picture.

        Returns:
            The number, and what `read` returned.

        Raises:
            ValueError: if none can be read.
        """
        for number in numbers:
            if number in self._broken:
                continue
            try:
                return number, read(number)
            except UnreadableError as error:
                self._broken.add(number)
                self._files.warn_of_broken(self._items[number], error)
        raise ValueError(f"{self._files.name}: none of its {count} pictures can be decoded.")


class _Shelf:
    """Fetches pictures by number; decodes each once where all fit in memory or may go to a disk."""

    def __init__(self, files, items, converter, cache_dir):
        self._items, self._converter = items, converter
        self._readable = _Readable(files, items)
        self._pool = concurrent.futures.ThreadPoolExecutor(os.cpu_count())
        self._cache, self._cached = None, np.zeros(len(items), bool)
        shape = (len(items), *converter.shape)
        if math.prod(shape) <= examples.CACHE_BYTES:
            self._cache = np.empty(shape, np.uint8)
        elif cache_dir is not None:
            self._cache = _on_disk(shape, cache_dir)

    def __call__(self, numbers):
        """The pictures of these numbers, and the numbers of the pictures they really are."""
        if self._cache is not None and self._cached[numbers].all():
            return self._cache[numbers], numbers
        fetched = list(self._pool.map(self._fetch, numbers))
        images = np.stack([image for _, image in fetched])
        return images, np.array([number for number, _ in fetched], np.int64)

    def _fetch(self, wanted):
        count = len(self._items)
        numbers = ((int(wanted) + step) % count for step in range(count))
        return self._readable.first(numbers, count, self._read)

    def _read(self, number):
        if self._cache is not None and self._cached[number]:
            return self._cache[number]
        image = self._converter.read(*self._items[number])
        if self._cache is not None:
            self._cache[number] = image
            self._cached[number] = True  # after the picture: another thread may look in between
        return image


def _looked_at(path, channels, noted):
    """Height and width of the picture in a file, of its header; what will be changed is noted."""

    def use(image):
        noted.update(changes(image, channels))
        return upright_size(image)[::-1]

    return opened(path, use)


class _Album:
    """Pictures at their own sizes, by number; each is decoded once where it is kept.

    One that turns out to be broken is named, and the next good one takes its place.

    Attributes:
        rows: of the paths, those that the numbers stand for.
    """

    def __init__(self, files, paths, channels, keep):
        self._paths, self._channels, self._keep = paths, channels, keep
        self.rows, self._kept = list(range(len(paths))), {}
        self._readable = _Readable(files, [(path,) for path in paths])

    def decoded(self, row):
        """The picture of a path, uint8 (H, W, C).

        Raises:
            UnreadableError: with the reason.
        """
        if row in self._kept:
            return self._kept[row]
        pixels = read_picture(self._paths[row], self._channels)
        if self._keep:
            self._kept[row] = pixels
        return pixels

    def read(self, number):
        """The picture of a number, or the next good one.

        Raises:
            ValueError: if none can be decoded.
        """
        count = len(self.rows)
        rows = (self.rows[(number + step) % count] for step in range(count))
        return self._readable.first(rows, count, self.decoded)[1]


def _on_disk(shape, folder):
    """An array in a file without a name, which goes with the process, however that ends.

    Raises:
        ValueError: if the folder cannot take it.
    """
    needed = math.prod(shape)
    try:
        file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  (the array holds it)
        os.posix_fallocate(file.fileno(), 0, needed)  # or a full disk would kill the process later
        return np.memmap(file, np.uint8, "r+", shape=shape)
    except OSError as error:
        raise ValueError(
            f"The decoded pictures take {needed / 1e9:.1f} GB, which the cache folder {folder} "
            f"cannot hold ({error.strerror}). Name another, or leave it out: pictures are then "
            "decoded in every epoch."
        ) from None
