"""Small pictures beside the large ones they come from."""

import numpy as np
import pytest
from data_stubs import Model

from keras_gans import data
from keras_gans.core.signature import Image


class Upscaler(Model):
    """All the data room knows of a model that upscales."""

    def __init__(self, side=8, scale=2, channels=1):
        super().__init__(side, channels, batch_size=2)
        self.side, self.scale, self.channels = side, scale, channels

    def batch_roles(self):
        small = self.side // self.scale
        return {
            "source": Image(small, small, self.channels),
            "target": Image(self.side, self.side, self.channels, scale=self.scale),
        }


@pytest.fixture
def folder(tmp_path, save):
    values = np.random.default_rng(0).integers(0, 256, (5, 8, 8), np.uint8)
    for number, pixels in enumerate(values):
        save(tmp_path / f"{number}.png", pixels)
    return f"folder:{tmp_path}"


@pytest.mark.parametrize("scale", [2, 4])
def test_the_small_picture_is_the_large_one_reduced(folder, scale):
    batches = data.load(folder, Upscaler(scale=scale), shuffle=False, jitter=False)
    assert len(batches) == 2
    for small, large in batches:
        assert small.shape == (2, 8 // scale, 8 // scale, 1) and large.shape == (2, 8, 8, 1)
        levels = (np.asarray(small) + 1) * 127.5
        np.testing.assert_allclose(levels, np.round(levels), atol=1e-4)
        # A bicubic filter keeps the mean, but for what is cut off and rounded.
        np.testing.assert_allclose(small.numpy().mean(), large.numpy().mean(), atol=0.1)


def test_one_level_stays_one_level(tmp_path, save):
    for number in range(2):
        save(tmp_path / f"{number}.png", 200)
    ((small, large),) = data.load(f"folder:{tmp_path}", Upscaler(), jitter=False)
    np.testing.assert_allclose(small, np.full(small.shape, 200 / 127.5 - 1), atol=1e-6)
    np.testing.assert_array_equal(np.unique(small), np.unique(large))


def test_crops_vary_and_stay_pairs(folder):
    batches = data.load(folder, Upscaler(), seed=1, jitter=True)
    first, second = ([large.numpy() for _, large in batches] for _ in range(2))
    assert not np.array_equal(first, second)
    for small, large in batches:
        assert abs(small.numpy().mean() - large.numpy().mean()) < 0.1
