"""Sets that ship with the package: `bundled:NAME`."""

import gzip
import importlib.resources

import numpy as np

from keras_gans.data.examples import Arrays
from keras_gans.data.suggestions import did_you_mean

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
    """A set that ships with the package.

    Args:
        name: one of `NAMES`.
        split: "train", "test" or "all".

    Raises:
        ValueError: for an unknown name or split.
    """

    def __init__(self, name, split="train"):
        if name not in _READERS:
            raise ValueError(
                f"No data set called {name!r} ships with keras-gans."
                f"{did_you_mean(name, _READERS)} Available: {', '.join(NAMES)}."
            )
        if split not in _SPLITS:
            raise ValueError(
                f"bundled:{name} has the splits {', '.join(_SPLITS)}. Received: split={split!r}"
            )
        self.name = f"bundled:{name}"
        self._read, self.class_names = _READERS[name]
        self.why_unlabelled = None
        self._part = _SPLITS[split]

    def examples(self, frame, labelled):
        """The pictures, fitted to `frame`."""
        images, labels = (column[self._part] for column in self._read())
        images = np.stack([frame.from_array(image) for image in images])
        return Arrays(images, labels if labelled else None)


def _fashion_mnist():
    """The 10,000 test images of Fashion-MNIST, (10000, 28, 28, 1), and their labels."""
    folder = importlib.resources.files("keras_gans.data") / "bundled" / "fashion_mnist"
    images = _idx(folder / "t10k-images-idx3-ubyte.gz", header=16).reshape(-1, 28, 28, 1)
    return images, _idx(folder / "t10k-labels-idx1-ubyte.gz", header=8)


def _idx(file, header):
    """The bytes of an IDX file behind its header."""
    return np.frombuffer(gzip.decompress(file.read_bytes()), np.uint8, offset=header)


_READERS = {"fashion_mnist": (_fashion_mnist, _FASHION_MNIST_CLASSES)}
_SPLITS = {"train": slice(9_000), "test": slice(9_000, None), "all": slice(None)}

#: What `bundled:` may be followed by.
NAMES = tuple(sorted(_READERS))
