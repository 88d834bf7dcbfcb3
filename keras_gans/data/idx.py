"""Pictures in IDX files, as MNIST and its relatives are published: `idx:PATH`.

PATH/train-images-idx3-ubyte.gz   PATH/train-labels-idx1-ubyte.gz    the split "train"
PATH/t10k-images-idx3-ubyte.gz    PATH/t10k-labels-idx1-ubyte.gz     the split "test"

Compressed or not. Labels are numbers, and their classes called "0", "1" and so on.

Reference: LeCun, Cortes & Burges, "The MNIST database", section "File formats"
"""

import gzip
import math
import pathlib
import zlib

import numpy as np
from PIL import Image

from keras_gans.data.account import Account
from keras_gans.data.errors import NoSuchSplitError
from keras_gans.data.examples import CACHE_BYTES, Arrays

_PREFIXES = {"train": "train", "test": "t10k"}
_UNSIGNED_BYTES = 0x08


class Idx:
    """Pictures and labels in the four files of an MNIST-like set.

    Args:
        path: of the folder they lie in.
        split: "train" or "test".
        account: an `Account`, of what is changed of the pictures.

    Raises:
        ValueError: for no such folder, files that are missing, damaged, of other values than bytes
            or larger than `CACHE_BYTES`.
        NoSuchSplitError: for a split of which there are no files, where there are of the other.
    """

    head, attributes = "class", ()
    has_photographs = False
    why_unlabelled = None
    where_labels_are = "IDX files hold one label. Several heads and attributes come from folders."

    def __init__(self, path, split="train", *, account=None):
        self._account = Account() if account is None else account
        self.name, self._folder = f"idx:{path}", pathlib.Path(path).expanduser()
        if not self._folder.is_dir():
            raise ValueError(f"{self.name}: there is no folder {path!r}.")
        if split not in _PREFIXES:
            raise NoSuchSplitError(
                f"{self.name} has the splits {', '.join(_PREFIXES)}. Received: split={split!r}"
            )
        self._prefix = _PREFIXES[split]
        self._labels = self._read("labels", 1)
        self.class_names = tuple(map(str, range(int(self._labels.max(initial=0)) + 1)))
        self.heads = {self.head: self.class_names}

    def examples(self, converter, columns=None):
        """The pictures, fitted by `converter`."""
        images = self._read("images", 3)[..., None]
        if len(images) != len(self._labels):
            raise ValueError(
                f"{self.name} has {len(images)} pictures and {len(self._labels)} labels in its "
                f"{self._prefix} files; both come of one set."
            )
        needed = len(images) * converter.num_bytes
        if needed > CACHE_BYTES:
            raise ValueError(
                f"{self.name} has {len(images)} pictures, which take {needed / 2**30:.1f} GiB at "
                f"{converter.height} x {converter.width} pixels, and {CACHE_BYTES / 2**30:.1f} are "
                "the most. Write them into a folder, or build the model for a smaller size."
            )
        noted: set = set()
        converter.note(Image.fromarray(images[0, ..., 0]), noted)
        for change in sorted(noted):  # of one they are all of one size
            self._account.remark(f"All {len(images)} pictures are {change}.")
        fitted = np.empty((len(images), *converter.shape), np.uint8)
        for place, image in zip(fitted, images, strict=True):
            place[...] = converter.from_array(image)
        return Arrays(fitted, self._labels if columns else None)

    def _read(self, kind, rank):
        """A file's values, uint8, of so many axes."""
        path = self._find(f"{self._prefix}-{kind}-idx{rank}-ubyte")
        content = _unpacked(path)
        header = 4 + 4 * rank
        if content[:4] != bytes((0, 0, _UNSIGNED_BYTES, rank)) or len(content) < header:
            raise ValueError(f"{path} is not an IDX file of {rank} axes of bytes.")
        shape = tuple(int(n) for n in np.frombuffer(content, ">u4", rank, offset=4))
        if math.prod(shape) != len(content) - header or not math.prod(shape):
            raise ValueError(
                f"{path} is damaged: it says that it holds {' x '.join(map(str, shape))} values, "
                f"and holds {len(content) - header}."
            )
        return np.frombuffer(content, np.uint8, offset=header).reshape(shape)

    def _find(self, name):
        for path in (self._folder / f"{name}.gz", self._folder / name):
            if path.is_file():
                return path
        found = {path.name.split("-")[0] for path in self._folder.glob("*-ubyte*")}
        only_others = self._prefix not in found and found & {*_PREFIXES.values()}
        raise (NoSuchSplitError if only_others else ValueError)(
            f"{self.name} has no file {name}.gz. An idx: folder holds the four files of an "
            "MNIST-like set under their published names."
        )


def _unpacked(path):
    """A file's content, of no more than `CACHE_BYTES`, so that no archive fills the memory."""
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rb") as file:
            content = file.read(CACHE_BYTES + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"{path} is damaged: {error}") from error
    if len(content) > CACHE_BYTES:
        raise ValueError(f"{path} is larger than {CACHE_BYTES} bytes; write it as a folder.")
    return content
