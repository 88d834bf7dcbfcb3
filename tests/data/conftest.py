"""What the tests of the data room share: a model that only describes its batch, and pictures."""

import numpy as np
import pytest
from PIL import Image as Pictures

from keras_gans.core.conditioning import Conditions
from keras_gans.core.signature import Image, Labels


class Model:
    """All the data room knows of a model."""

    def batch_spec(self, batch_size=None):
        specs = tuple(role.spec(batch_size, name) for name, role in self.batch_roles().items())
        return specs if len(specs) > 1 else specs[0]

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
        self.num_classes, self.num_attributes = num_classes, num_attributes

    @property
    def conditions(self):
        return Conditions(self.num_classes, self.num_attributes)

    def batch_roles(self):
        labels = {"labels": Labels(self.conditions)} if self.conditions else {}
        return {"image": Image(*self.shape), **labels}


class Translator(Model):
    """All the data room knows of a model that translates."""

    def __init__(self, domains, size=8, channels=(1, 1), *, batch_size=1):
        super().__init__(size, batch_size=batch_size)
        self.domains, self.channels = domains, channels

    def batch_roles(self):
        return {
            name: Image(*self.shape[:2], channels, domain=name if self.domains else None)
            for name, channels in zip("ab", self.channels, strict=True)
        }


@pytest.fixture(scope="session")
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
        Pictures.fromarray(np.asarray(pixels)).save(path, **options)
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
