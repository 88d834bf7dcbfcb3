import importlib.resources

import numpy as np
import pytest

from keras_gans import data


@pytest.fixture(scope="module")
def splits():
    """Images and labels of each split, in order."""
    from types import SimpleNamespace

    import tensorflow as tf

    model = SimpleNamespace(
        batch_size=500,
        discriminator_steps=1,
        num_classes=10,
        batch_spec=lambda: (
            tf.TensorSpec((None, 28, 28, 1), tf.float32),
            tf.TensorSpec((None,), tf.int32),
        ),
    )
    loaded = {}
    for split in ("train", "test", "all"):
        batches = data.load("bundled:fashion_mnist", model, split=split, shuffle=False)
        images, labels = zip(*batches.as_numpy_iterator(), strict=True)
        loaded[split] = np.concatenate(images), np.concatenate(labels)
    return loaded


def test_the_splits_are_cut_from_the_whole(splits):
    for column in (0, 1):
        whole = splits["all"][column]
        assert len(splits["train"][column]) == 9_000 and len(splits["test"][column]) == 1_000
        parts = [splits["train"][column], splits["test"][column]]
        assert np.array_equal(np.concatenate(parts), whole)


def test_the_pictures_are_fashion_mnists(splits):
    images, labels = splits["all"]
    levels = np.round((images + 1) * 127.5)
    assert np.array_equal(levels.astype(np.float32) / np.float32(127.5) - 1, images)
    assert labels[:10].tolist() == [9, 2, 1, 1, 6, 1, 4, 6, 5, 7]  # as published
    assert np.bincount(labels).tolist() == [1_000] * 10
    # An ankle boot stands on its sole; trousers have a gap between two legs.
    assert levels[0, 20:].mean() > 3 * levels[0, :8].mean()
    trousers = levels[labels == 1].mean(axis=0)[..., 0]
    assert trousers[24, 14] < trousers[24, 11] and trousers[24, 14] < trousers[24, 17]


def test_pictures_are_fitted(make_model):
    batch = next(iter(data.load("bundled:fashion_mnist", make_model((16, 32), 3), split="test")))
    assert batch.shape == (4, 16, 32, 3)
    assert np.array_equal(batch[..., 0], batch[..., 2])


def test_an_unknown_name_suggests(make_model):
    with pytest.raises(ValueError, match="Did you mean 'fashion_mnist'.*Available: fashion_mnist"):
        data.load("bundled:fashion_mnits", make_model())


def test_an_unknown_split_lists(make_model):
    with pytest.raises(ValueError, match="train, test, all. Received: split='validation'"):
        data.load("bundled:fashion_mnist", make_model(), split="validation")


def test_the_licence_ships():
    folder = importlib.resources.files("keras_gans.data") / "bundled" / "fashion_mnist"
    licence = (folder / "LICENSE").read_text(encoding="utf-8")
    assert "Zalando SE" in licence and "Permission is hereby granted" in licence
    assert "https://github.com/zalandoresearch/fashion-mnist" in (folder / "README.md").read_text()
