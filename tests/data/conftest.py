"""What the tests of the data room share."""

import numpy as np
import pytest
from data_stubs import Model, Translator
from PIL import Image


@pytest.fixture
def make_model():
    return Model


@pytest.fixture
def make_paired():
    """A model that learns from pairs."""
    return lambda *args, **kwargs: Translator(False, *args, **kwargs)


@pytest.fixture
def make_unpaired():
    """A model that learns from two domains."""
    return lambda *args, **kwargs: Translator(True, *args, **kwargs)


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
