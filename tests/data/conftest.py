"""What the tests of the data room share: a model that only describes its batch, and pictures."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image


class Model:
    """All the data room knows of a model."""

    def __init__(
        self,
        size=8,
        channels=1,
        num_classes=None,
        *,
        num_attributes=0,
        batch_size=4,
        discriminator_steps=1,
    ):
        self.shape = (*size, channels) if isinstance(size, tuple) else (size, size, channels)
        self.batch_size, self.discriminator_steps = batch_size, discriminator_steps
        if num_classes is not None:
            self.num_classes, self.num_attributes = num_classes, num_attributes

    def batch_spec(self, batch_size=None):
        images = tf.TensorSpec((batch_size, *self.shape), tf.float32)
        if not hasattr(self, "num_classes"):
            return images
        heads = self.num_classes if isinstance(self.num_classes, tuple) else (self.num_classes,)
        columns = len([size for size in heads if size]) + self.num_attributes
        one = columns == 1 and not self.num_attributes
        return images, tf.TensorSpec((batch_size, *([] if one else [columns])), tf.int32)


class Translator:
    """All the data room knows of a model that translates."""

    def __init__(self, task, size=8, channels=(1, 1), *, batch_size=1):
        self.task, self.batch_size, self.discriminator_steps = task, batch_size, 1
        self.size = size if isinstance(size, tuple) else (size, size)
        self.channels = channels

    def batch_spec(self, batch_size=None):
        return tuple(
            tf.TensorSpec((batch_size, *self.size, channels), tf.float32, name=name)
            for name, channels in zip("ab", self.channels, strict=True)
        )


@pytest.fixture
def make_model():
    return Model


@pytest.fixture
def make_paired():
    """A model that learns from pairs."""
    return lambda *args, **kwargs: Translator("paired_translation", *args, **kwargs)


@pytest.fixture
def make_unpaired():
    """A model that learns from two domains."""
    return lambda *args, **kwargs: Translator("unpaired_translation", *args, **kwargs)


@pytest.fixture
def save():
    """Writes a picture of one level, or of given pixels, making its folder."""

    def save(path, pixels, size=8, **options):
        path.parent.mkdir(parents=True, exist_ok=True)
        if np.isscalar(pixels):
            pixels = np.full((size, size), pixels, np.uint8)
        Image.fromarray(np.asarray(pixels)).save(path, **options)
        return path

    return save


@pytest.fixture
def levels():
    """The level of each picture of a data set of one-level pictures, batch after batch."""

    def levels(data):
        batches = [batch[0] if isinstance(batch, tuple) else batch for batch in data]
        means = np.concatenate([np.asarray(batch).mean(axis=(1, 2, 3)) for batch in batches])
        return np.round((means + 1) * 127.5).astype(int).tolist()

    return levels


@pytest.fixture
def both_levels(levels):
    """The levels of the pictures of A and of those of B."""

    def both(data):
        batches = list(data)
        return levels([a for a, _ in batches]), levels([b for _, b in batches])

    return both


@pytest.fixture
def labels():
    def labels(data):
        return np.concatenate([np.asarray(batch[1]) for batch in data]).tolist()

    return labels
