"""Sets that ship with the package: `bundled:NAME`.

fashion_mnist           pictures and labels
emoji/edges             pairs: a drawing's edges, the drawing (Twemoji)
emoji/styles_paired     pairs: an emoji drawn by Twemoji, and by Noto
emoji/styles            unpaired: Twemoji and Noto; other emoji in each, but for the test split
"""

import gzip
import importlib.resources

import numpy as np

from keras_gans.data import emoji
from keras_gans.data.errors import NoSuchSplitError
from keras_gans.data.examples import Arrays
from keras_gans.utils.text import did_you_mean

_FASHION_MNIST_CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)


class Bundled:
    """Pictures that ship with the package.

    Args:
        name: one of `NAMES`. Those for translators open too, to say that they have no labels;
            they cannot be read as single pictures.
        split: "train", "test" or "all".

    Raises:
        ValueError: for an unknown name.
        NoSuchSplitError: for an unknown split.
    """

    def __init__(self, name, split="train"):
        self.name = _checked(name, split)
        self._set, self._part = name, _SPLITS[split]
        unlabelled: tuple = (None, None)
        self._read, self.class_names = _PICTURES.get(name, unlabelled)
        self.why_unlabelled = f"it holds {_holds(name)}, for translators"
        self.head = None if self.class_names is None else "class"
        self.heads = {} if self.class_names is None else {"class": self.class_names}
        self.attributes = ()
        self.where_labels_are = "Several heads and attributes come from folders and from TFDS."

    def examples(self, converter, columns=None):
        """The pictures, fitted by `converter`.

        Raises:
            ValueError: if it is a set for translators.
        """
        if self._read is None:
            raise ValueError(_of_another_kind(self._set, "single pictures", _PICTURES))
        images, labels = (column[self._part] for column in self._read())
        return Arrays(_fitted(images, converter), labels if columns else None)


class BundledPairs:
    """Pairs of pictures that ship with the package.

    Args:
        name: "emoji/edges" or "emoji/styles_paired".
        split: "train", "test" or "all".

    Raises:
        ValueError: for an unknown name, or a set that is not of pairs.
        NoSuchSplitError: for an unknown split.
    """

    def __init__(self, name, split="train"):
        self.name = _checked(name, split)
        if name not in _PAIRS:
            raise ValueError(_of_another_kind(name, "pairs of pictures", _PAIRS))
        self._kinds, self._split = _PAIRS[name], split

    def examples(self, converters):
        """The pairs, fitted by `converters`; a pair is one array, of all the channels of both."""
        rows = emoji.splits()
        rows = np.ones(len(rows), bool) if self._split == "all" else _of_split(rows, self._split)
        halves = [
            _fitted(emoji.pictures(kind, rows), converter)
            for kind, converter in zip(self._kinds, converters, strict=True)
        ]
        return Arrays(np.concatenate(halves, axis=-1))


class BundledDomains:
    """Two sets of pictures without pairs that ship with the package.

    In "train" the domains hold other emoji, so that a model cannot learn from pairs; in "test"
    the same ones in the same order, so that a translation can be measured against the truth.

    Args:
        name: "emoji/styles".
        split: "train" or "test".

    Raises:
        ValueError: for an unknown name, or a set that has no domains.
        NoSuchSplitError: for an unknown split.
    """

    def __init__(self, name, split="train"):
        self.name = _checked(name, split)
        if name not in _DOMAINS:
            raise ValueError(_of_another_kind(name, "two unpaired domains", _DOMAINS))
        if split == "all":
            raise NoSuchSplitError(
                f"{self.name} has the splits train, test. Received: split='all'; all together its "
                "domains would show the same emoji, and it would not be unpaired."
            )
        #: Whether the domains' pictures belong together, row by row.
        self.aligned = split == "test"
        parts = ("test", "test") if self.aligned else ("a", "b")
        self.domains = tuple(map(_EmojiDomain, _DOMAINS[name], parts))


class _EmojiDomain:
    """The emoji of one font in one part of the index."""

    def __init__(self, kind, part):
        self._kind, self._part = kind, part

    def examples(self, converter, labelled):
        rows = emoji.splits() == self._part
        return Arrays(_fitted(emoji.pictures(self._kind, rows), converter))


def _of_split(rows, split):
    return (rows == "test") == (split == "test")


def _fitted(images, converter):
    return np.stack([converter.from_array(image) for image in images])


def _fashion_mnist():
    """The 10,000 test images of Fashion-MNIST, (10000, 28, 28, 1), and their labels."""
    folder = importlib.resources.files("keras_gans.data") / "bundled" / "fashion_mnist"
    images = _idx(folder / "t10k-images-idx3-ubyte.gz", header=16).reshape(-1, 28, 28, 1)
    return images, _idx(folder / "t10k-labels-idx1-ubyte.gz", header=8)


def _idx(file, header):
    """The bytes of an IDX file behind its header."""
    return np.frombuffer(gzip.decompress(file.read_bytes()), np.uint8, offset=header)


_PICTURES = {"fashion_mnist": (_fashion_mnist, _FASHION_MNIST_CLASSES)}
_PAIRS = {"emoji/edges": ("edges", "twemoji"), "emoji/styles_paired": ("twemoji", "noto")}
_DOMAINS = {"emoji/styles": ("twemoji", "noto")}
_SPLITS = {"train": slice(9_000), "test": slice(9_000, None), "all": slice(None)}

#: What `bundled:` may be followed by.
NAMES = (*_PICTURES, *_PAIRS, *_DOMAINS)


def _checked(name, split):
    """The source's name, where there is such a set and split."""
    if name not in NAMES:
        raise ValueError(
            f"No data set called {name!r} ships with keras-gans."
            f"{did_you_mean(name, NAMES)} Available: {', '.join(NAMES)}."
        )
    if split not in _SPLITS:
        raise NoSuchSplitError(
            f"bundled:{name} has the splits {', '.join(_SPLITS)}. Received: split={split!r}"
        )
    return f"bundled:{name}"


def _holds(name):
    if name in _PICTURES:
        return "single pictures"
    return "pairs of pictures" if name in _PAIRS else "two unpaired domains of pictures"


def _of_another_kind(name, wanted, sets):
    return (
        f"bundled:{name} holds {_holds(name)}, but this model learns from {wanted}. Use "
        f"{' or '.join(f'bundled:{known}' for known in sets)}, or another model."
    )
