"""Two domains of a set of TensorFlow Datasets: `tfds:cycle_gan/CONFIG`."""

import re

from keras_gans.data.errors import NoSuchSplitError
from keras_gans.data.tfds import TFDS


class TFDSDomains:
    """A set that has a split for each domain: trainA and trainB, testA and testB.

    Args:
        path: NAME or NAME/CONFIG, as `tfds.builder` takes it.
        split: "train" or "test", or a part of either in TFDS' language, "train[:10%]".
        data_dir: where prepared data lies; TFDS' own place where not given.
        manual_dir: where downloaded archives lie.
        account: an `Account`, of what is changed of the pictures.

    Raises:
        ImportError: if TensorFlow Datasets is not installed.
        ValueError: for an unknown set, configuration or form of split, or a set without pictures.
    """

    #: Whether the domains' pictures belong together, row by row.
    aligned = False

    def __init__(self, path, split="train", *, data_dir=None, manual_dir=None, account=None):
        whole = re.fullmatch(r"([a-z]+)(\[[^\]]*\])?", str(split))
        if not whole:
            raise ValueError(
                f"tfds:{path}: a set of two domains has the splits train and test, and parts of "
                "them such as 'train[:10%]'; trainA and trainB are made of it. Received: "
                f"split={split!r}"
            )
        name, part = whole[1], whole[2] or ""
        either = TFDS(path, data_dir=data_dir, manual_dir=manual_dir, account=account)
        self.name = either.name
        self.domains = tuple(_Domain(either, f"{name}{side}", part) for side in "AB")


class _Domain:
    """The pictures of one domain: those of one split."""

    def __init__(self, either, split, part):
        self._either, self._split, self._part = either, split, part

    def examples(self, converter, labelled):
        self._either.prepare()  # what splits there are is known only then
        if self._split not in self._either.splits:
            raise NoSuchSplitError(
                f"{self._either.name} has no split {self._split!r}. It has: "
                f"{', '.join(self._either.splits)}. This model learns from two domains without "
                "pairs: from sets with the splits trainA and trainB, testA and testB, such as "
                "'tfds:cycle_gan/horse2zebra'."
            )
        return self._either.of_split(self._split + self._part).examples(converter)
