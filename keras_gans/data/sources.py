"""What a source is called, and who opens it.

Every source has a `name` for messages. What else it has goes by the kind of batch:

pictures    `heads`, `{name: names of its classes}`, and `attributes`, names; `head`, the one that
            is the label, and its `class_names` or, where there is none and both are None, the
            reason in `why_unlabelled`; `where_labels_are`, a sentence for those who miss some;
            `examples(converter, columns)`, which returns `Arrays`, a `Lookup` or a `Stream`; and
            `has_photographs`, whether it has `photographs(height, width, channels)`, of which
            patches are cut
pairs       `examples(converters)`, whose pictures have the channels of both; of label maps
            `palette(side, classes)`, a `Palette` or None, and whether the pictures of a side, 0
            or 1, can be nothing else, `is_map(side)`
clips       `count`, and `clips(which, frames)`, which returns `sprites.Clips`
domains     `domains`, two that have `examples(converter, labelled)`, and whether their pictures
            belong together row by row, `aligned`

All but `examples` is cheap.
"""

import pathlib

from keras_gans.data import bundled, labels
from keras_gans.data.bundled import Bundled, BundledClips, BundledDomains, BundledPairs
from keras_gans.data.folder import Folder
from keras_gans.data.folder_domains import FolderDomains
from keras_gans.data.folder_pairs import FolderPairs
from keras_gans.data.idx import Idx
from keras_gans.data.tfds import TFDS
from keras_gans.data.tfds_domains import TFDSDomains
from keras_gans.utils.text import did_you_mean

#: Who opens what, for each kind of batch.
PICTURES = {"bundled": Bundled, "folder": Folder, "idx": Idx, "tfds": TFDS}
PAIRS = {"bundled": BundledPairs, "folder": FolderPairs}
CLIPS = {"bundled": BundledClips}
DOMAINS = {"bundled": BundledDomains, "folder": FolderDomains, "tfds": TFDSDomains}

_SETS = {"idx": "IDX files", "tfds": "Sets of TensorFlow Datasets"}


def open_source(
    source,
    split="train",
    openers=PICTURES,
    *,
    data_dir=None,
    manual_dir=None,
    cache_dir=None,
    account=None,
):
    """Opens a source by its name, without reading pictures.

    Args:
        source: "bundled:NAME", "folder:PATH", "idx:PATH" or "tfds:NAME[/CONFIG]".
        split: of the source.
        openers: `PICTURES`, `PAIRS`, `CLIPS` or `DOMAINS`.
        data_dir: for TFDS, where prepared data lies.
        manual_dir: for TFDS, where downloaded archives lie.
        cache_dir: for folders, where decoded pictures are kept that do not fit in memory.
        account: for all but bundled sets, an `Account` of what is left out or changed.

    Raises:
        ValueError: for another form of source, or what the source itself refuses.
    """
    scheme, colon, rest = str(source).partition(":")
    if not colon or not rest or scheme not in PICTURES:
        raise ValueError(
            f"A source is 'bundled:NAME' ({', '.join(bundled.NAMES)}), 'folder:PATH', 'idx:PATH' "
            f"or 'tfds:NAME[/CONFIG]'. Received: {str(source)!r}."
            f"{_meant(str(source), scheme, rest)}"
        )
    if scheme not in openers and openers is CLIPS:
        raise ValueError(
            f"Clips are not read from {scheme!r} sources. Received: {str(source)!r}. Use "
            "'bundled:sprites', or make a tf.data.Dataset of (source, flow, target) batches."
        )
    if scheme not in openers:
        raise ValueError(
            f"{_SETS[scheme]} are not read as {'pairs' if openers is PAIRS else 'two domains'}: "
            f"use {' or '.join(map(repr, _forms(openers)))}. Received: {str(source)!r}. Write its "
            "pictures into a folder."
        )
    if scheme == "tfds":
        where = {"data_dir": data_dir, "manual_dir": manual_dir}
        return openers[scheme](rest, split, **where, account=account)
    if data_dir is not None or manual_dir is not None:
        raise ValueError(
            f"`data_dir` and `manual_dir` are for 'tfds:' sources. Received: {str(source)!r}."
        )
    if scheme == "folder":
        return openers[scheme](rest, split, cache_dir=cache_dir, account=account)
    if scheme == "idx":
        return openers[scheme](rest, split, account=account)
    return openers[scheme](rest, split)  # small enough for memory


def class_names(source, *, data_dir=None):
    """The names of a source's classes; the label of a picture is its class's place among them.

    Args:
        source: as `keras_gans.data.load` takes it.
        data_dir: for TFDS, where prepared data lies.

    Returns:
        A tuple of names, or None where the source has no labels, as what translators learn from.

    Raises:
        ValueError: for a source that does not exist.
    """
    return open_source(source, data_dir=data_dir).class_names


def label_names(source, model=None, *, heads=None, attributes=None, data_dir=None):
    """The names of a source's labels, of several heads and of attributes too.

    Args:
        source: as `keras_gans.data.load` takes it.
        model: for those that `keras_gans.data.load` gives to this model; all where None.
        heads: with a model, as `keras_gans.data.load` takes them.
        attributes: with a model, as `keras_gans.data.load` takes them.
        data_dir: for TFDS, where prepared data lies.

    Returns:
        `{"heads": {name: names of its classes}, "attributes": names}`, in the order of the labels.

    Raises:
        ValueError: for a source that does not exist, or that has not what the model learns.
    """
    opened = open_source(source, data_dir=data_dir)
    if model is None:
        columns = labels.all_of(opened)
    elif labels.of_model(model) is None:
        columns = labels.Columns({})
    else:
        columns = labels.chosen(opened, model, heads, attributes)
    return {"heads": columns.heads, "attributes": columns.attributes}


def _forms(openers):
    """How sources of these openers are written."""
    return [f"{scheme}:{'NAME' if scheme != 'folder' else 'PATH'}" for scheme in openers]


def _meant(source, scheme, rest):
    if source and pathlib.Path(source).expanduser().exists():
        return f" Did you mean 'folder:{source}'?"
    if source in bundled.NAMES:
        return f" Did you mean 'bundled:{source}'?"
    if rest:
        return did_you_mean(f"{scheme}:{rest}", [f"{known}:{rest}" for known in PICTURES])
    return ""
