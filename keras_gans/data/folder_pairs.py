"""Pairs of pictures on the disk: `folder:PATH`, for models of the task "paired_translation".

    PATH/*.jpg                              both in one file, the first on the left
    PATH/train/*.jpg, PATH/test/*.jpg       the same, split; also val/
    PATH/A/*.jpg, PATH/B/*.jpg              one in each folder, of equal names but for the suffix
    PATH/A/train/*.jpg, PATH/B/train/*.jpg  the same, split

Where there are A/ and B/, they are meant, whatever lies beside them. For models that take label
maps `palette.json` or `palette.csv` may lie in PATH or in A/, see `palettes.py`.
"""

import os

from keras_gans.data import palettes, slices
from keras_gans.data.decode import UnreadableError
from keras_gans.data.errors import NoSuchSplitError
from keras_gans.data.files import SPLITS, Files
from keras_gans.data.folder import class_names
from keras_gans.data.pair_converters import SideBySide, TwoFiles
from keras_gans.utils.text import plain_line

_SIDES = ("A", "B")
_LAYOUTS = (
    "pairs: both pictures side by side in one file, or of equal names in the folders A/ and B/"
)


class FolderPairs:
    """Pairs of pictures in a folder.

    Args:
        path: of the folder.
        split: "train", "test" or "val" where the folder has such subfolders, else "train"; or part
            of one, "train[:95%]".
        cache_dir: see `Files`.
        account: see `Files`.

    Raises:
        ValueError: if there is no such folder, no picture in it, or one without its partner.
        NoSuchSplitError: if the folder is not split so.
    """

    def __init__(self, path, split="train", *, cache_dir=None, account=None):
        self._files = Files(path, cache_dir, account)
        self.name = self._files.name
        self._make_converter: type
        part = slices.parsed(split)
        if all(self._files.subfolder(side) for side in _SIDES):
            self._make_converter, found = TwoFiles, self._in_two_folders(part.split)
            self.layout = "of equal names in A/ and B/"
        else:
            self._make_converter, found = SideBySide, self._side_by_side(part.split)
            self.layout = "side by side in one file, A on the left"
        self._found = part.of(found, lambda pair: os.path.basename(pair[0].path))

    def examples(self, converters):
        """The pairs, fitted by `converters`; a pair is one array, of all the channels of both.

        Raises:
            ValueError: if a pair is none by its sizes, or none is left when the broken ones are
                left out.
        """
        return self._files.examples(self._found, self._make_converter(*converters))

    def is_map(self, side):
        """Whether pictures of this side can be nothing but label maps: no, of files."""
        return False

    def palette(self, side, classes):
        """The palette of label maps on this side, 0 or 1; None where nothing says it.

        Args:
            side: 0 of the first pictures, 1 of the second ones.
            classes: how many the model is built for.

        Raises:
            ValueError: for a palette that cannot be read, or two.
        """
        root = self._files.root
        found = palettes.find([root, root / _SIDES[side]], self.name)
        if found is not None or self._make_converter is not TwoFiles:
            return found
        for pair in self._found:
            try:
                return palettes.of_picture(pair[side].path, classes)
            except UnreadableError:
                continue  # it is left out, and the next one may be whole
        return None

    def _side_by_side(self, split):
        tops = {name: top for name in SPLITS if (top := self._files.subfolder(name))}
        top = self._of_split(tops or {"train": self._files.root}, split)
        found = self._files.below(top, palettes.NAMES)
        self._check_not_classes(top, found)
        self._files.check_found(found, top)
        if tops:
            self._files.note_beside(tops)
        return [(file,) for file in found]

    def _check_not_classes(self, top, found):
        names = class_names({"train": top}, {"train": found})
        if names is None:
            return
        if {"trainA", "trainB"} <= set(names):
            what = "is an unpaired set (trainA/, trainB/)"
        elif set(names) & {"A", "B"}:
            there, missing = _SIDES if "A" in names else _SIDES[::-1]
            what = f"has a folder {there}/, but none {missing}/"
        else:
            shown = plain_line(", ".join(names[:10]))
            what = f"has its pictures in subfolders ({shown}), as classes are"
        raise ValueError(f"{self.name} {what}, but this model learns from {_LAYOUTS}.")

    def _in_two_folders(self, split):
        named = {name: [f"{side}/{name}" for side in _SIDES] for name in SPLITS}
        splits = {
            name: both for name, both in named.items() if any(map(self._files.subfolder, both))
        }
        folders = self._of_split(splits or {"train": _SIDES}, split)
        tops = [self._files.subfolder(folder) for folder in folders]
        for top, folder, other in zip(tops, folders, folders[::-1], strict=True):
            if top is None:
                raise ValueError(f"{self.name} has no folder {folder}/, the partner of {other}/.")
        first, second = (self._by_stem(top) for top in tops)
        self._check_partners(first, second, tops[1])
        self._check_partners(second, first, tops[0])
        self._files.check_found(first, tops[0])
        self._files.note_beside(_SIDES)
        return [(file, second[stem]) for stem, file in first.items()]

    def _by_stem(self, top):
        """`{path below top, without suffix: file}`."""
        found: dict = {}
        for file in self._files.below(top, palettes.NAMES):
            stem = os.path.splitext(os.path.relpath(file.path, top))[0]
            if stem in found:
                raise ValueError(
                    f"{self.name}: {plain_line(found[stem].path)} and {plain_line(file.path)} have "
                    "one name, so their partner would be the same. Rename or remove one of them."
                )
            found[stem] = file
        return found

    def _check_partners(self, files, others, top):
        alone = [stem for stem in files if stem not in others]
        if not alone:
            return
        path = files[alone[0]].path
        expected = top / (alone[0] + os.path.splitext(path)[1])
        more = f", and {len(alone) - 1} more have none either" if len(alone) > 1 else ""
        message = (
            f"{self.name}: {plain_line(path)} has no partner; expected {plain_line(expected)} (or "
            f"of another picture's suffix){more}. Add what is missing, or remove what is alone. "
            f"{self._files.account.listing()}"
        )
        raise ValueError(message.rstrip())

    def _of_split(self, tops, split):
        if split in tops:
            return tops[split]
        if len(tops) == 1 and "train" in tops:
            raise NoSuchSplitError(
                f"{self.name} has no subfolders test/ or val/, only split='train'. Received: "
                f"split={split!r}"
            )
        raise NoSuchSplitError(
            f"{self.name} has the splits {', '.join(tops)}. Received: split={split!r}"
        )
