"""Walks through latent space, as files."""

import importlib.util

import numpy as np
import pytest
from fabrication import tiny
from PIL import Image

from keras_gans.images import animations, grids


@pytest.fixture(scope="module")
def model():
    return tiny("dcgan", seed=0)


def test_a_walk_is_closed_and_goes_by_the_latents(model):
    pictures = animations.walk(model, 3, steps=4, seed=0)
    assert pictures.shape == (12, 16, 16, 3)
    ends = model.sample(latents=model.draw_latents(3, seed=0))
    np.testing.assert_allclose(pictures[::4], ends, atol=1e-5)
    straight = animations.walk(model, 3, steps=4, seed=0, linear=True)
    np.testing.assert_allclose(straight[::4], ends, atol=1e-5)
    assert not np.allclose(straight[2], pictures[2])


@pytest.mark.parametrize("name", ["cdcgan", "acgan", "stylegan2_avatars"])
def test_a_walk_is_of_one_class(name):
    model = tiny(name, seed=0)
    heads = len(model.conditions.heads)
    label = 1 if heads == 1 else [1] * heads
    pictures = animations.walk(model, 2, steps=2, labels=label, seed=0)
    asked = {"labels": label if heads == 1 else np.array(label)}
    first = model.sample(latents=model.draw_latents(2, seed=0), **asked)
    np.testing.assert_allclose(pictures[::2], first, atol=1e-5)


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
@pytest.mark.parametrize("channels", [1, 3])
def test_files_hold_every_picture(tmp_path, suffix, channels):
    pictures = np.zeros((5, 16, 16, channels), "float32")
    pictures += np.linspace(-1, 1, 5)[:, None, None, None]
    path = tmp_path / f"walk{suffix}"
    animations.save(pictures, path, frames_per_second=10)
    with Image.open(path) as image:
        assert image.n_frames == 5 and image.size == (64, 64)
        for number, wanted in enumerate(grids.to_uint8(pictures)[:, 0, 0, 0]):
            image.seek(number)
            assert abs(int(np.asarray(image.convert("L"))[8, 8]) - int(wanted)) < 4
        assert image.info["duration"] == 100
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_mp4(tmp_path):
    if not importlib.util.find_spec("imageio_ffmpeg"):
        with pytest.raises(ImportError, match="MP4 needs imageio-ffmpeg"):
            animations.save(np.zeros((2, 16, 16, 3)), tmp_path / "walk.mp4")
        return
    animations.save(np.zeros((5, 15, 17, 3)), tmp_path / "walk.mp4")
    assert b"ftyp" in (tmp_path / "walk.mp4").read_bytes()[:16]


def test_what_cannot_be_walked_or_written(tmp_path, model):
    with pytest.raises(ValueError, match="pix2pix has no latent space to walk through"):
        animations.walk(tiny("pix2pix"))
    with pytest.raises(ValueError, match="`points`"):
        animations.walk(model, 1)
    with pytest.raises(ValueError, match=r"ends in .gif, .webp, .mp4. Received: 'walk.png'"):
        animations.save(np.zeros((2, 16, 16, 3)), "walk.png")
    (tmp_path / "walk.gif").write_bytes(b"mine")
    with pytest.raises(FileExistsError):
        animations.save(np.zeros((2, 16, 16, 3)), tmp_path / "walk.gif", replace=False)
    assert (tmp_path / "walk.gif").read_bytes() == b"mine"


def test_sheets_of_styles():
    model = tiny("stylegan2", seed=0)
    assert grids.mixing(model, 2, 3, 2).size == (4 * 66 + 2, 3 * 66 + 2)
    picture = grids.directions(model, 2, 5)
    assert picture.size[1] == 2 * 66 + 2
    with pytest.raises(ValueError, match="dcgan draws from no styles"):
        grids.mixing(tiny("dcgan"))
