"""Where the time goes: shares that add up, of a slow pipeline too."""

import time

import pytest
import tensorflow as tf
from fabrication import fabricated, tiny

from keras_gans.training import profiling


def test_shares_are_of_the_networks_that_were_called(tmp_path):
    model = tiny("pix2pix")
    (tmp_path / "trace").mkdir()
    (tmp_path / "trace" / "old").write_text("an earlier trace")
    found = profiling.profile(model, fabricated(model), tmp_path / "trace", steps=5)
    assert found.images_per_second == pytest.approx(4 / found.step_seconds)
    assert set(found.networks) == set(model.networks)
    assert found.players["generator"] > 0.1 and found.players["discriminator"] > 0.02
    assert sum(found.players.values()) <= 1.0
    assert found.waiting < 0.5
    assert list(found.trace.rglob("*.xplane.pb")) and not (found.trace / "old").exists()


def test_waiting_for_data_is_seen(tmp_path):
    model = tiny("dcgan_fashion")

    def slow(batch):
        time.sleep(0.2)
        return batch

    spec = model.batch_spec(4)
    data = fabricated(model).map(
        lambda batch: tf.ensure_shape(tf.py_function(slow, [batch], tf.float32), spec.shape)
    )
    found = profiling.profile(model, data, tmp_path / "trace", steps=5)
    assert found.waiting > 0.5
    assert found.step_seconds > 0.15
