"""Sample sheets: when they are drawn, and of what."""

import numpy as np
import pytest
import tensorflow as tf
from fabrication import fabricated, tiny
from PIL import Image

from keras_gans.images import grids
from keras_gans.training.callbacks import SampleSheet


@pytest.mark.parametrize(
    ("every", "epochs", "drawn"), [(1, 2, [0, 1, 2]), (2, 3, [0, 2, 3]), (5, 5, [0, 5])]
)
def test_sheets_before_between_and_after(tmp_path, every, epochs, drawn):
    model = tiny("dcgan")
    sheet = SampleSheet(tmp_path, every=every)
    model.fit(fabricated(model), epochs=epochs, verbose=0, callbacks=[sheet])
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [f"epoch-{epoch:04d}.png" for epoch in drawn]


def test_the_sheet_is_of_the_same_latents_and_the_newest_weights(tmp_path):
    model = tiny("cdcgan")
    model.fit(fabricated(model), verbose=0, callbacks=[SampleSheet(tmp_path, seed=4)])
    drawn = np.asarray(Image.open(tmp_path / "epoch-0001.png"))
    np.testing.assert_array_equal(drawn, grids.samples(model, seed=4))
    assert not np.array_equal(drawn, Image.open(tmp_path / "epoch-0000.png"))


def test_tensorboard_gets_the_sheets(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    model = tiny("dcgan")
    sheet = SampleSheet(tmp_path / "samples", log_dir=tmp_path / "logs")
    model.fit(fabricated(model), verbose=0, callbacks=[sheet])
    events = EventAccumulator(str(tmp_path / "logs")).Reload()
    assert [event.step for event in events.Tensors("samples")] == [0, 1]


def test_sheets_are_thinned_out_and_show_the_whole_training(tmp_path):
    model = tiny("dcgan")
    log_dir = tmp_path / "log"
    sheet = SampleSheet(tmp_path, keep=5, log_dir=log_dir)
    model.fit(fabricated(model, 1), epochs=12, verbose=0, callbacks=[sheet])
    epochs = [int(path.stem[6:]) for path in sorted(tmp_path.glob("*.png"))]
    assert len(epochs) <= 5 and epochs[0] == 0 and epochs[-1] == 12
    assert max(np.diff(epochs)) <= 2 * min(np.diff(epochs)[:-1])
    (events,) = log_dir.iterdir()
    logged = [
        event.step
        for record in tf.data.TFRecordDataset(str(events))
        if (event := tf.compat.v1.Event.FromString(record.numpy())).summary.value
    ]
    assert logged == [0, 3, 6, 9, 12]
    with pytest.raises(ValueError, match="at least 2"):
        SampleSheet(tmp_path, keep=1)


def test_only_sheets_are_removed(tmp_path):
    others = ["epoch-best.png", "epoch-00012-of-30.png"]
    for name in others:
        (tmp_path / name).write_text("of somebody")
    model = tiny("gan")
    model.fit(fabricated(model, 1), epochs=4, verbose=0, callbacks=[SampleSheet(tmp_path, keep=2)])
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == sorted(["epoch-0000.png", *others, "epoch-0004.png"])


def test_sheets_come_by_images_shown(tmp_path):
    model = tiny("dcgan")
    sheet = SampleSheet(tmp_path, kimg=0.008)
    model.fit(fabricated(model, 5), epochs=2, verbose=0, callbacks=[sheet])
    # 40 images in batches of 4: a sheet at every eighth image, one before and one at the end.
    assert int(model.images_shown) == 40
    names = sorted(path.name for path in tmp_path.glob("*.png"))
    drawn = [f"images-{images:09d}.png" for images in (8, 16, 24, 32, 40)]
    assert names == ["epoch-0000.png", "epoch-0002.png", *drawn]
    with pytest.raises(ValueError, match="`kimg` must be more than 0"):
        SampleSheet(tmp_path, kimg=0)
