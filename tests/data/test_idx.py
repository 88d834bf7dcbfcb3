import gzip
import struct

import numpy as np
import pytest

from keras_gans import data
from keras_gans.data import idx, sources


def write(folder, prefix="train", count=8, side=12, compress=True):
    """The two files of a split; returns pictures and labels."""
    rng = np.random.default_rng(len(prefix))
    images = rng.integers(0, 256, (count, side, side), np.uint8)
    labels = (np.arange(count) % 4).astype(np.uint8)
    for kind, values in (("images", images), ("labels", labels)):
        head = bytes((0, 0, 8, values.ndim)) + struct.pack(f">{values.ndim}I", *values.shape)
        content = head + values.tobytes()
        name = f"{prefix}-{kind}-idx{values.ndim}-ubyte"
        if compress:
            (folder / f"{name}.gz").write_bytes(gzip.compress(content))
        else:
            (folder / name).write_bytes(content)
    return images, labels


@pytest.mark.parametrize("compress", [True, False])
@pytest.mark.parametrize(("split", "prefix"), [("train", "train"), ("test", "t10k")])
def test_pictures_and_labels_come_back(tmp_path, make_model, split, prefix, compress):
    images, labels = write(tmp_path, prefix, compress=compress)
    model = make_model((12, 12), 1, num_classes=4)
    loaded = data.load(f"idx:{tmp_path}", model, split=split, batch_size=8, shuffle=False)
    (batch,) = loaded.as_numpy_iterator()
    assert np.array_equal(np.round((batch[0][..., 0] + 1) * 127.5), images)
    assert batch[1].tolist() == labels.tolist()


def test_classes_are_called_by_number(tmp_path):
    write(tmp_path)
    assert data.class_names(f"idx:{tmp_path}") == ("0", "1", "2", "3")


def test_what_is_missing_is_named(tmp_path):
    with pytest.raises(ValueError, match="no folder"):
        idx.Idx(tmp_path / "none")
    with pytest.raises(ValueError, match="train-labels-idx1-ubyte.gz"):
        idx.Idx(tmp_path)
    write(tmp_path)
    with pytest.raises(ValueError, match="splits train, test"):
        idx.Idx(tmp_path, "validation")
    with pytest.raises(ValueError, match="t10k-labels"):
        idx.Idx(tmp_path, "test")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no archive", "damaged"),
        (gzip.compress(b"\0\0\x08\x01\0\0\0\x09" + bytes(8)), "says that it holds 9"),
        (gzip.compress(b"\0\0\x0d\x01\0\0\0\x02" + bytes(8)), "not an IDX file"),
        (gzip.compress(b"\0\0"), "not an IDX file"),
        (gzip.compress(bytes(1000))[:-9], "damaged"),
    ],
    # Named: gzip writes the time into its bytes, and workers must agree on the tests' names.
    ids=["no archive", "too short", "no bytes", "no header", "cut off"],
)
def test_damaged_files_are_refused_by_name(tmp_path, content, message):
    write(tmp_path)
    (tmp_path / "train-labels-idx1-ubyte.gz").write_bytes(content)
    with pytest.raises(ValueError, match=message) as caught:
        idx.Idx(tmp_path)
    assert "train-labels-idx1-ubyte.gz" in str(caught.value)


def test_files_that_fill_the_memory_are_refused(tmp_path, monkeypatch):
    write(tmp_path)
    monkeypatch.setattr(idx, "CACHE_BYTES", 10)
    with pytest.raises(ValueError, match="larger than 10 bytes"):
        idx.Idx(tmp_path)


def test_pictures_of_another_set_are_refused(tmp_path, make_model):
    write(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    write(other, count=5)
    name = "train-images-idx3-ubyte.gz"
    (tmp_path / name).write_bytes((other / name).read_bytes())
    with pytest.raises(ValueError, match="5 pictures and 8 labels"):
        data.load(f"idx:{tmp_path}", make_model((12, 12), 1), batch_size=1)


@pytest.mark.parametrize(
    ("openers", "what"), [(sources.PAIRS, "pairs"), (sources.DOMAINS, "two domains")]
)
def test_translators_are_told_where_their_pictures_come_from(tmp_path, openers, what):
    write(tmp_path)
    with pytest.raises(ValueError, match=f"IDX files are not read as {what}: use 'bundled"):
        sources.open_source(f"idx:{tmp_path}", openers=openers)


def test_tiny_pictures_that_fill_the_memory_when_fitted_are_refused(
    tmp_path, make_model, monkeypatch
):
    write(tmp_path, side=1)
    monkeypatch.setattr(idx, "CACHE_BYTES", 20_000)
    with pytest.raises(ValueError, match="8 pictures, which take 0.0 GiB at 64 x 64 pixels"):
        data.load(f"idx:{tmp_path}", make_model(64, 3, num_classes=4))


def test_what_is_changed_of_all_pictures_is_said(tmp_path, make_model):
    write(tmp_path, side=12)
    with pytest.warns(UserWarning, match="All 8 pictures are grey, made colour."):
        data.load(f"idx:{tmp_path}", make_model(8, 3, num_classes=4))
