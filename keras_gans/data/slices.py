"""Parts of a split of a folder: `train[:95%]` and `train[95%:]`, as TensorFlow Datasets has them.

Which part a picture is of depends on its name alone: added pictures move no others.
"""

import dataclasses
import re
import zlib

from keras_gans.data.errors import NoSuchSplitError

_SLICE = re.compile(r"(\w+)\[(?:(\d{1,3})%)?:(?:(\d{1,3})%)?\]")


@dataclasses.dataclass(frozen=True)
class Slice:
    """Part of a split, from `low` to below `high` percent."""

    split: str
    low: int = 0
    high: int = 100

    @property
    def is_whole(self):
        """Whether nothing is left out."""
        return (self.low, self.high) == (0, 100)

    def holds(self, name):
        """Whether what is called so is of this part."""
        return self.low <= zlib.crc32(name.encode("utf-8", "surrogateescape")) % 100 < self.high

    def of(self, items, name_of):
        """Those of the items whose names are of this part.

        Raises:
            NoSuchSplitError: if none of them is.
        """
        if self.is_whole:
            return items
        held = [item for item in items if self.holds(name_of(item))]
        if items and not held:
            raise NoSuchSplitError(
                f"None of {len(items)} pictures is in {self.split}[{self.low}%:{self.high}%]: they "
                f"are too few to set some aside. Use split={self.split!r}, all of them."
            )
        return held


def parsed(split):
    """The `Slice` that a split's name stands for, such as "train" or "train[:95%]".

    Raises:
        ValueError: for a slice that is none.
    """
    if "[" not in split:
        return Slice(split)
    found = _SLICE.fullmatch(split)
    low, high = (int(found[2] or 0), int(found[3] or 100)) if found else (1, 0)
    if found is None or not 0 <= low < high <= 100:
        raise ValueError(
            f"A part of a split is given in percent, such as 'train[:95%]' or 'train[95%:]'. "
            f"Received: {split!r}"
        )
    return Slice(found[1], low, high)
