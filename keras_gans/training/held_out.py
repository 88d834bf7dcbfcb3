"""What of a source a run learns from, and what it is measured by."""

import re
import warnings

from keras_gans import data

_LEARNED, _SHARE = "train[:95%]", "5 %"
_LEAST = 5  # examples held out, of a hundred in all: of fewer none are set aside
_PART = re.compile(r"(\w+)\[:(\d+)%\]")


def split_to_learn(source, load):
    """The split a run learns from where none was named.

    All of "train", but of a folder without a split "test" a part, so that the run can be measured
    by pictures it has not learned from.

    Args:
        source: as `keras_gans.data.load` takes it.
        load: function of a split, which returns its examples one by one, or raises what
            `data.load` raises.

    Returns:
        The split, and a sentence about what is set aside, or None.
    """
    if not source.startswith("folder:"):
        return "train", None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is left out is told of what is learned from
        try:
            load("test")
            return "train", None
        except data.NoSuchSplitError:
            pass
        try:
            count = len(load(split_to_measure(_LEARNED)))
        except data.NoSuchSplitError:
            count = 0
    if count < _LEAST:
        return "train", None
    return _LEARNED, (
        f"{source} has no split 'test': {_SHARE} of it ({count} examples) are set aside to "
        f"evaluate by, split {split_to_measure(_LEARNED)!r}. split='train' learns from all."
    )


def split_to_measure(learned):
    """The split that holds what was not learned from: the rest of a part, else "test"."""
    part = _PART.fullmatch(learned or "")
    return f"{part[1]}[{part[2]}%:]" if part else "test"
