"""What must not grow in a run of 20 epochs and 2,000 steps with all its callbacks."""

import os
import pathlib

import keras
import pytest

from keras_gans import training

EPOCHS, STEPS = 20, 100
SETTLED = 5  # epochs after which every allocation has been seen


def resident_megabytes():
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


class Watch(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.memory, self.files = [], []

    def on_epoch_end(self, epoch, logs=None):
        self.memory.append(resident_megabytes())
        self.files.append(len(os.listdir("/proc/self/fd")))


@pytest.mark.large
@pytest.mark.skipif(not pathlib.Path("/proc/self/statm").exists(), reason="reads /proc")
def test_memory_files_and_folder_stay_flat(tmp_path):
    watch = Watch()
    options = training.Options(
        "cdcgan_fashion", overrides={"filters": 4, "latent_dim": 8}, batch_size=8,
        epochs=EPOCHS, steps_per_epoch=STEPS,
    )  # fmt: skip
    run = training.train(options, tmp_path, callbacks=[watch], verbose=0)
    assert len(watch.memory) == EPOCHS
    first, last = watch.memory[SETTLED - 1], watch.memory[-1]
    assert last < first + 30, watch.memory  # one of them is about 1,000
    assert watch.files[-1] <= watch.files[SETTLED - 1]
    assert len(run.checkpoints) == 3
