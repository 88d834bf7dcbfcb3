"""What `fit` asks of data and callbacks is declared, not probed for."""

import numpy as np
import tensorflow as tf
from fabrication import fabricated, tiny

from keras_gans import callbacks, data
from keras_gans.core.resuming import NumberedDataset, ResumingCallback


def counting(number=0):
    """Passes of three batches, the number of the pass in each; without an end from a number on."""
    return tf.data.Dataset.range(3 * number, 3 * number + 3).map(lambda row: row // 3)


def numbered(length=3):
    dataset = NumberedDataset(
        counting(), lambda number: tf.data.Dataset.range(3 * number, 3 * number + 12)
    )
    assert len(dataset) == length
    return dataset


def test_a_numbered_dataset_is_a_dataset():
    dataset = numbered()
    assert isinstance(dataset, tf.data.Dataset)
    assert dataset.element_spec == tf.TensorSpec((), tf.int64)
    assert list(dataset.as_numpy_iterator()) == [0, 0, 0]
    assert [batch.tolist() for batch in dataset.batch(2).as_numpy_iterator()] == [[0, 0], [0]]
    assert next(dataset.from_pass(2).as_numpy_iterator()) == 6


def test_its_options_are_kept():
    options = tf.data.Options()
    options.deterministic = False
    dataset = NumberedDataset(counting().with_options(options), counting)
    assert dataset.options().deterministic is False


def test_it_can_be_distributed():
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    dataset = NumberedDataset(tf.data.Dataset.range(8).batch(4), counting)
    parts = strategy.experimental_distribute_dataset(dataset)
    sums = [
        int(strategy.reduce("SUM", strategy.run(tf.reduce_sum, (part,)), axis=None))
        for part in parts
    ]
    assert sums == [6, 22]


def test_load_returns_one():
    loaded = data.load("bundled:fashion_mnist", tiny("cdcgan_fashion"), split="test", seed=0)
    assert isinstance(loaded, NumberedDataset)
    assert loaded.account.lines() == []


def test_checkpoints_are_such_callbacks():
    assert issubclass(callbacks.Checkpoints, ResumingCallback)


def test_fit_begins_where_a_callback_says():
    class Later(ResumingCallback):
        epochs: list = []

        def resume(self, model, data, steps_per_epoch=None):
            return data, 2

        def on_epoch_begin(self, epoch, logs=None):
            self.epochs.append(epoch)

    model, later = tiny("dcgan"), Later()
    model.fit(fabricated(model), epochs=4, callbacks=[later], verbose=0)
    assert later.epochs == [2, 3]


def test_the_default_changes_nothing():
    x = np.zeros((2, 2))
    found, epoch = ResumingCallback().resume(None, x)
    assert found is x and epoch is None
