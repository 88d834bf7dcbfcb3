"""Two domains of pictures on the disk: `folder:PATH`, for models of "unpaired_translation".

PATH/trainA/*.jpg, PATH/trainB/*.jpg    what to learn from
PATH/testA/*.jpg, PATH/testB/*.jpg      split "test"; likewise valA and valB
"""

import os

from keras_gans.data import slices
from keras_gans.data.errors import NoSuchSplitError
from keras_gans.data.files import SPLITS, Files


class FolderDomains:
    """Two folders of pictures, one for each domain.

    Args:
        path: of the folder they lie in.
        split: "train", "test" or "val", or part of one, "train[:95%]".
        cache_dir: see `Files`.
        account: see `Files`.

    Raises:
        ValueError: if there is no such folder or domain, or no picture in it.
        NoSuchSplitError: if neither domain has such a split.
    """

    #: Whether the domains' pictures belong together, row by row.
    aligned = False

    def __init__(self, path, split="train", *, cache_dir=None, account=None):
        self.name = f"folder:{path}"
        part = slices.parsed(split)
        split = part.split
        if split not in SPLITS:
            raise NoSuchSplitError(
                f"{self.name}: the splits of two domains are {', '.join(SPLITS)} (folders such as "
                f"trainA/ and trainB/). Received: split={split!r}"
            )
        files = Files(path, cache_dir, account)
        both = [(files, f"{split}{side}") for side in "AB"]
        if not any(files.subfolder(folder) for files, folder in both):
            raise NoSuchSplitError(_missing(*both[0]))
        self.domains = tuple(_Domain(files, folder, part) for files, folder in both)
        files.note_beside(f"{name}{side}" for name in SPLITS for side in "AB")


class _Domain:
    """The pictures in one subfolder."""

    def __init__(self, files, folder, part):
        self._files = files
        top = files.subfolder(folder)
        if top is None:
            raise ValueError(_missing(files, folder))
        self._found = part.of(files.below(top), lambda file: os.path.basename(file.path))
        files.check_found(self._found, top)

    def examples(self, converter, labelled):
        return self._files.examples([(file,) for file in self._found], converter)


def _missing(files, folder):
    there = files.subfolders()
    has = f"It has: {', '.join(f'{name}/' for name in there[:10])}." if there else ""
    if {"A", "B"} <= set(there):
        has += " A/ and B/ are how pairs lie; rename them to trainA/ and trainB/."
    return (
        f"{files.name} has no folder {folder}/. This model learns from two domains without pairs: "
        f"pictures in trainA/ and trainB/, and in testA/ and testB/ for split='test'. {has}"
    ).rstrip()
