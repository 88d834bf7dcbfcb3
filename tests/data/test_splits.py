"""A source without a split says so by a class of its own; other errors are of other classes."""

import gzip
import struct

import numpy as np
import pytest
from fabrication import tiny
from PIL import Image

from keras_gans import data, training


def pictures(folder, count=3, size=(16, 8)):
    folder.mkdir(parents=True)
    for number in range(count):
        pixels = np.random.default_rng(number).integers(0, 256, (size[1], size[0], 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")


def idx(folder, prefix):
    folder.mkdir(parents=True, exist_ok=True)
    for kind, sizes in (("images-idx3", (4, 8, 8)), ("labels-idx1", (4,))):
        head = bytes((0, 0, 8, len(sizes))) + struct.pack(f">{len(sizes)}I", *sizes)
        with gzip.open(folder / f"{prefix}-{kind}-ubyte.gz", "wb") as file:
            file.write(head + bytes(np.prod(sizes)))


def one_batch(source, model, split):
    batches = data.load(
        source, model, split=split, batch_size=2, shuffle=False, drop_remainder=False
    )
    return next(batches.as_numpy_iterator())


@pytest.mark.parametrize(
    ("model", "make", "source", "split"),
    [
        ("dcgan", lambda top: pictures(top / "a"), "folder:{}", "test"),
        ("dcgan", lambda top: [pictures(top / s / "a") for s in ("train", "test")],
         "folder:{}", "val"),
        ("dcgan", lambda top: idx(top, "train"), "idx:{}", "test"),
        ("dcgan", lambda top: idx(top, "train"), "idx:{}", "val"),
        ("dcgan", lambda top: None, "bundled:fashion_mnist", "val"),
        ("pix2pix", lambda top: pictures(top / "train"), "folder:{}", "test"),
        ("pix2pix", lambda top: [pictures(top / side) for side in "AB"], "folder:{}", "test"),
        ("cyclegan", lambda top: [pictures(top / f"train{side}") for side in "AB"],
         "folder:{}", "test"),
        ("cyclegan", lambda top: [pictures(top / f"train{side}") for side in "AB"],
         "folder:{}", "other"),
        ("cyclegan", lambda top: None, "bundled:emoji/styles", "all"),
    ],
)  # fmt: skip
def test_a_split_that_is_not_there(tmp_path, model, make, source, split):
    make(tmp_path)
    with pytest.raises(data.NoSuchSplitError):
        one_batch(source.format(tmp_path), tiny(model), split)


def half_of_a_domain(top):
    for name in ("trainA", "trainB", "testB"):
        pictures(top / name)


def half_of_a_set(top):
    idx(top, "train")
    idx(top, "t10k")
    (top / "t10k-images-idx3-ubyte.gz").unlink()


def damaged(top):
    pictures(top / "train")
    pictures(top / "test")
    for path in (top / "test").iterdir():
        path.write_bytes(path.read_bytes()[:60])


def of_another_size(top):
    pictures(top / "train")
    pictures(top / "test", size=(15, 8))  # no two pictures side by side


def empty(top):
    pictures(top / "train")
    (top / "test").mkdir()


@pytest.mark.parametrize(
    ("model", "make", "source"),
    [
        ("cyclegan", half_of_a_domain, "folder:{}"),
        ("dcgan", half_of_a_set, "idx:{}"),
        ("pix2pix", damaged, "folder:{}"),
        ("pix2pix", of_another_size, "folder:{}"),
        ("pix2pix", empty, "folder:{}"),
    ],
)
def test_a_split_that_cannot_be_read_is_another_error(tmp_path, model, make, source):
    make(tmp_path)
    with pytest.raises(ValueError) as caught:
        one_batch(source.format(tmp_path), tiny(model), "test")
    assert not isinstance(caught.value, data.NoSuchSplitError)


@pytest.mark.parametrize("make", [damaged, of_another_size, empty])
def test_a_run_does_not_take_other_pictures_in_their_place(tmp_path, make):
    make(tmp_path)
    with pytest.raises(ValueError, match="test"):
        training.examples(
            training.Options(model="pix2pix", data=f"folder:{tmp_path}"), tiny("pix2pix")
        )


def test_a_run_without_held_out_pictures_takes_those_it_learns_from(tmp_path):
    pictures(tmp_path / "train")
    options = training.Options(model="pix2pix", data=f"folder:{tmp_path}")
    (batch,) = training.examples(options, tiny("pix2pix"))
    assert len(batch[0]) == 3
