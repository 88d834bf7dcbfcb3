"""Sets that ship with the package: `bundled:NAME`.

fashion_mnist           pictures and labels
photos                  nine photographs, of which upscalers learn patches
avatars                 drawn faces, and what is true of them: hair, glasses, smile and more
emoji/edges             pairs: a drawing's edges, the drawing (Twemoji)
emoji/styles_paired     pairs: an emoji drawn by Twemoji, and by Noto
avatars/edges           pairs: a face in black lines, the face in colours
avatars/parts           pairs: a label map of a face's parts, the face; for models such as spade
emoji/styles            unpaired: Twemoji and Noto; other emoji in each, but for the test split
avatars/styles          unpaired: faces by two artists, Micah Lanier and Lisa Wischofsky
sprites                 pairs of clips: sketches of moving emoji, the emoji, and their exact flow
avatars/glasses         unpaired: faces without and with glasses; in the test split the same people
haunted                 unpaired: faces and patches of photographs, and others as of a bad dream
"""

import dataclasses
import functools
import gzip
import importlib.resources
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from keras_gans.data import avatars, emoji, haunted, patches, photos, sprites
from keras_gans.data.errors import NoSuchSplitError
from keras_gans.data.examples import Arrays
from keras_gans.data.image_converter import ImageConverter
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


@dataclasses.dataclass(frozen=True)
class _Pictures:
    """A set of single pictures.

    Attributes:
        read: split -> uint8 (N, height, width, channels), and `{label: numbers (N,)}`.
        heads: -> `{name: names of its classes}`.
        attributes: names.
    """

    read: Callable
    heads: Callable
    attributes: tuple[str, ...] = ()
    holds = "single pictures"


@dataclasses.dataclass(frozen=True)
class _Photographs:
    """Photographs without labels; `read`: split -> a list of uint8 (H, W, 3) of any sizes."""

    read: Callable
    holds = "photographs"


@dataclasses.dataclass(frozen=True)
class _Pairs:
    """A set of pairs.

    Attributes:
        read: split -> sources and targets, uint8, row by row.
        palette: -> the `Palette` of the sources, which are label maps, (N, H, W, 1); or None.
    """

    read: Callable
    palette: Callable = lambda: None
    holds = "pairs of pictures"


@dataclasses.dataclass(frozen=True)
class _Domains:
    """Two sets without pairs.

    Attributes:
        read: split -> pictures of the one and of the other, uint8.
        has_pairs: whether in "test" they belong together row by row, so that a translation can be
            measured against the truth; then "all" would show the same in both.
    """

    read: Callable
    has_pairs: bool
    holds = "two unpaired domains of pictures"


@dataclasses.dataclass(frozen=True)
class _Clips:
    """A set of pairs of clips.

    Attributes:
        numbers: split -> the numbers of its clips, (count,).
        read: such numbers and a count of frames -> `sprites.Clips`.
    """

    numbers: Callable
    read: Callable
    holds = "pairs of clips"


_Kind = TypeVar("_Kind", _Pictures, _Pairs, _Domains, _Clips)
_Set = _Pictures | _Photographs | _Pairs | _Domains | _Clips


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
        held = _SETS[name]
        self._set, self._split = held, split
        self.heads = held.heads() if isinstance(held, _Pictures) else {}
        self.attributes = held.attributes if isinstance(held, _Pictures) else ()
        self.head = next(iter(self.heads)) if len(self.heads) == 1 else None
        self.class_names = self.heads[self.head] if self.head else None
        self.why_unlabelled = f"it holds {self._set.holds}, for translators"
        if self.heads:
            names = ", ".join(self.heads)
            self.why_unlabelled = f"it has several heads, {names}: name one, heads=(...)"
        #: Whether patches are cut out of its pictures where nothing else is said.
        self.has_photographs = isinstance(held, _Photographs)
        if self.has_photographs:
            self.why_unlabelled = "it holds photographs without labels"
        self.where_labels_are = "Other heads and attributes come from folders and from TFDS."

    def examples(self, converter, columns=None):
        """The pictures, fitted by `converter`.

        Raises:
            ValueError: if it is a set for translators.
        """
        if isinstance(self._set, _Photographs):
            return Arrays(_fitted(self._set.read(self._split), converter))
        held = _of_kind(self.name, self._set, _Pictures, "single pictures")
        images, labels = held.read(self._split)
        chosen = columns.joined([labels[name] for name in columns.names]) if columns else None
        return Arrays(_fitted(images, converter), None if chosen is None else chosen.numpy())

    def photographs(self, height, width, channels):
        """The photographs at their own sizes, those that are at least as large as a patch.

        Raises:
            ValueError: if none is.
        """
        images = [_of_channels(image, channels) for image in self._set.read(self._split)]
        large = [image for image in images if image.shape[0] >= height and image.shape[1] >= width]
        if not large:
            raise ValueError(
                f"{self.name} has no photograph of {width} x {height} pixels or more. Use a "
                "smaller image_size, or a folder of larger photographs."
            )
        return patches.in_memory(large)


class BundledPairs:
    """Pairs of pictures that ship with the package.

    Args:
        name: of a set of pairs, "emoji/edges" for example.
        split: "train", "test" or "all".

    Raises:
        ValueError: for an unknown name, or a set that is not of pairs.
        NoSuchSplitError: for an unknown split.
    """

    #: How pairs lie, where a source has more than one way.
    layout = ""

    def __init__(self, name, split="train"):
        self.name = _checked(name, split)
        self._set = _of_kind(self.name, _SETS[name], _Pairs, "pairs of pictures")
        self._split = split

    def is_map(self, side):
        """Whether the pictures of this side, 0 or 1, are label maps."""
        return side == 0 and self._set.palette() is not None

    def palette(self, side, classes):
        """The palette of label maps on this side.

        Raises:
            ValueError: if the pictures of this side are no label maps.
        """
        if not self.is_map(side):
            pairs = {n: held for n, held in _SETS.items() if isinstance(held, _Pairs)}
            others = " or ".join(f"bundled:{n}" for n, held in pairs.items() if held.palette())
            raise ValueError(
                f"{self.name} has no label maps as pictures {'AB'[side]}. Use {others}, or a "
                "folder of maps."
            )
        return self._set.palette()

    def examples(self, converters):
        """The pairs, fitted by `converters`; a pair is one array, of all the channels of both."""
        halves = self._set.read(self._split)
        fitted = [_fitted(half, one) for half, one in zip(halves, converters, strict=True)]
        return Arrays(np.concatenate(fitted, axis=-1))


class BundledClips:
    """Pairs of clips that ship with the package.

    Args:
        name: of a set of clips, "sprites" for example.
        split: "train", "test" or "all".

    Raises:
        ValueError: for an unknown name, or a set that is not of clips.
        NoSuchSplitError: for an unknown split.
    """

    def __init__(self, name, split="train"):
        self.name = _checked(name, split)
        held = _of_kind(self.name, _SETS[name], _Clips, "clips")
        self._read, self._numbers = held.read, held.numbers(split)
        self.count = len(self._numbers)

    def clips(self, which, frames):
        """Some clips, see `sprites.Clips`.

        Args:
            which: their places in the split, (N,).
            frames: of each.
        """
        return self._read(self._numbers[which], frames)


class BundledDomains:
    """Two sets of pictures without pairs that ship with the package.

    In "train" the domains show nothing in common, so that a model cannot learn from pairs; in
    "test", of sets that have the truth, the same in the same order.

    Args:
        name: of a set of domains, "emoji/styles" for example.
        split: "train" or "test"; "all" of sets that have no pairs.

    Raises:
        ValueError: for an unknown name, or a set that has no domains.
        NoSuchSplitError: for an unknown split.
    """

    def __init__(self, name, split="train"):
        self.name = _checked(name, split)
        held = _of_kind(self.name, _SETS[name], _Domains, "two unpaired domains")
        if split == "all" and held.has_pairs:
            raise NoSuchSplitError(
                f"{self.name} has the splits train, test. Received: split='all'; all together its "
                "domains would show the same, and it would not be unpaired."
            )
        #: Whether the domains' pictures belong together, row by row.
        self.aligned = held.has_pairs and split == "test"
        read = functools.cache(lambda: held.read(split))
        self.domains = tuple(_Domain(read, place) for place in range(2))


class _Domain:
    def __init__(self, read, place):
        self._read, self._place = read, place

    def examples(self, converter, labelled):
        return Arrays(_fitted(self._read()[self._place], converter))


def _fitted(images, converter):
    return np.stack([converter.from_array(image) for image in images])


def _of_channels(image, channels):
    """A picture at its own size, of 1 or 3 channels."""
    height, width, _ = image.shape
    return ImageConverter(height, width, channels).from_array(image)


# === Fashion-MNIST ===


def _fashion_mnist(split):
    """The 10,000 test images of Fashion-MNIST, (10000, 28, 28, 1), and their labels."""
    folder = importlib.resources.files("keras_gans.data") / "bundled" / "fashion_mnist"
    images = _idx(folder / "t10k-images-idx3-ubyte.gz", header=16).reshape(-1, 28, 28, 1)
    labels = _idx(folder / "t10k-labels-idx1-ubyte.gz", header=8)
    part = {"train": slice(9_000), "test": slice(9_000, None), "all": slice(None)}[split]
    return images[part], {"class": labels[part]}


def _idx(file, header):
    """The bytes of an IDX file behind its header."""
    return np.frombuffer(gzip.decompress(file.read_bytes()), np.uint8, offset=header)


_SETS: dict[str, _Set] = {
    "fashion_mnist": _Pictures(_fashion_mnist, lambda: {"class": _FASHION_MNIST_CLASSES}),
    "avatars": _Pictures(avatars.labelled, avatars.heads, avatars.ATTRIBUTES),
    "emoji/edges": _Pairs(functools.partial(emoji.pairs, "edges", "twemoji")),
    "emoji/styles_paired": _Pairs(functools.partial(emoji.pairs, "twemoji", "noto")),
    "avatars/edges": _Pairs(avatars.lines_and_faces),
    "avatars/parts": _Pairs(avatars.parts_and_faces, avatars.palette),
    "emoji/styles": _Domains(emoji.styles, has_pairs=True),
    "avatars/styles": _Domains(avatars.styles, has_pairs=False),
    "avatars/glasses": _Domains(avatars.glasses, has_pairs=True),
    "haunted": _Domains(haunted.ordinary_and_haunted, has_pairs=True),
    "photos": _Photographs(photos.photographs),
    "sprites": _Clips(sprites.numbers, sprites.clips),
}
_SPLITS = ("train", "test", "all")

#: What `bundled:` may be followed by.
NAMES = tuple(_SETS)


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


def _of_kind(name: str, held: Any, kind: type[_Kind], wanted: str) -> _Kind:
    """The set, where it is of this kind."""
    if isinstance(held, kind):
        return held
    others = " or ".join(f"bundled:{n}" for n, known in _SETS.items() if isinstance(known, kind))
    raise ValueError(
        f"{name} holds {held.holds}, but this model learns from {wanted}. Use {others}, or "
        "another model."
    )
