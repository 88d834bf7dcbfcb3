"""Where the time goes: shares that add up, of a slow pipeline too."""

import time

import pytest
import tensorflow as tf
from fabrication import fabricated, tiny

from keras_gans.training import profiling


def test_shares_are_of_the_networks_that_were_called(tmp_path):
    model = tiny("pix2pix")
    found = profiling.profile(model, fabricated(model), tmp_path / "trace", steps=5)
    assert found.images_per_second == pytest.approx(4 / found.step_seconds)
    assert set(found.networks) == set(model.networks)
    assert found.players["generator"] > 0.1 and found.players["discriminator"] > 0.02
    assert sum(found.players.values()) <= 1.0
    assert found.waiting < 0.5
    assert list(found.trace.rglob("*.xplane.pb"))


def test_an_earlier_profile_is_replaced(tmp_path):
    model = tiny("gan")
    for _ in range(2):
        found = profiling.profile(model, fabricated(model), tmp_path / "trace", steps=2)
        assert len(list(found.trace.rglob("*.xplane.pb"))) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["trace"]


@pytest.mark.parametrize("name", ["notes.txt", "plugins/profile/mine/host.xplane.pb"])
def test_nothing_else_is_erased(tmp_path, name):
    file = tmp_path / "trace" / name
    file.parent.mkdir(parents=True)
    file.write_text("of somebody")
    model = tiny("gan")
    with pytest.raises(FileExistsError, match=f"trace holds {name}"):
        profiling.profile(model, fabricated(model), tmp_path / "trace", steps=2)
    assert file.read_text() == "of somebody"
    assert int(model.step) == 0  # it is refused before anything is trained


def test_what_was_put_beside_an_earlier_profile_is_not_erased(tmp_path):
    model = tiny("gan")
    profiling.profile(model, fabricated(model), tmp_path / "trace", steps=2)
    (tmp_path / "trace" / "notes.txt").write_text("of somebody")
    with pytest.raises(FileExistsError, match=r"trace holds notes\.txt"):
        profiling.profile(model, fabricated(model), tmp_path / "trace", steps=2)


def test_a_file_in_the_way_is_refused(tmp_path):
    (tmp_path / "trace").write_text("of somebody")
    model = tiny("gan")
    with pytest.raises(FileExistsError, match="trace is a file"):
        profiling.profile(model, fabricated(model), tmp_path / "trace", steps=2)


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
