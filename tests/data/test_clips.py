"""Clips: sprites whose flow is known, as batches of it."""

import numpy as np
import pytest
from data_stubs import Model

from keras_gans import data
from keras_gans.core.signature import Clip, Flow
from keras_gans.data import sprites
from keras_gans.layers import Warp


class Clips(Model):
    """All the data room knows of a model that learns from clips."""

    def __init__(self, frames=4, size=64, channels=3):
        super().__init__(size, channels)
        self.frames = frames

    def batch_roles(self):
        side, channels = self.shape[1:]
        clip = Clip(self.frames, side, side, channels)
        flow = Flow(self.frames, side, side)
        return {"source": clip, "flow": flow, "target": Clip(self.frames, side, side, 3)}


@pytest.fixture(scope="module")
def some():
    return sprites.clips(sprites.numbers("test")[::20], 5)


def distance(moved, frames, sure):
    """Mean difference of what is sure, of bytes."""
    return (np.abs(moved - frames) * sure).sum() / (3 * sure.sum())


def moved_by(clips, flows, sign=1.0):
    """Mean distance of each frame from the one before, moved by the flow, where it is sure."""
    found = []
    for clip, flow in zip(clips.astype("float32"), flows, strict=True):
        moved = Warp()([clip[:-1], sign * flow[1:, ..., :2]])
        found.append(distance(np.asarray(moved), clip[1:], flow[1:, ..., 2:]))
    return np.mean(found)


def test_the_previous_frame_moved_by_the_flow_is_the_current_one(some):
    still = moved_by(some.targets, some.flows, sign=0.0)
    assert moved_by(some.targets, some.flows) < 0.2 * still
    assert moved_by(some.targets, some.flows, sign=-1.0) > still  # the other way


def test_flow_is_of_known_motion(some):
    speeds = np.linalg.norm(some.flows[:, 1:, ..., :2], axis=-1)
    assert 0.5 < speeds.mean() < 4 and speeds.max() < 12
    assert not some.flows[:, 0].any()
    assert set(np.unique(some.flows[..., 2])) == {0.0, 1.0}
    assert 0.7 < some.flows[:, 1:, ..., 2].mean() < 0.98  # some is hidden or comes from outside


def test_clips_are_always_the_same_and_begin_alike(some):
    again = sprites.clips(sprites.numbers("test")[::20], 3)
    for one, other in ((some.sources, again.sources), (some.targets, again.targets)):
        np.testing.assert_array_equal(one[:, :3], other)
    np.testing.assert_array_equal(some.flows[:, :3], again.flows)


def test_splits_share_no_emoji():
    train, test, every = (set(sprites.numbers(s)) for s in ("train", "test", "all"))
    assert not train & test and train | test == every


def test_sketches_are_dark_where_frames_change(some):
    flat = np.abs(np.diff(some.targets.astype(int), axis=3)).max(-1) == 0
    assert some.sources[:, :, :, 1:][flat].mean() > some.sources[:, :, :, 1:][~flat].mean() + 40


def test_batches_have_the_shares_of_the_flow_at_any_size(some):
    for size in (64, 32):
        batches = data.load("bundled:sprites", Clips(5, size), split="test", shuffle=False)
        source, flow, target = next(batches.as_numpy_iterator())
        assert source.shape == target.shape == flow.shape == (4, 5, size, size, 3)
        assert -1 <= min(source.min(), target.min()) and max(source.max(), target.max()) <= 1
        pixels = flow * np.float32([size, size, 1])
        still = moved_by(target, 0 * pixels + (0, 0, 1))
        assert moved_by(target, pixels) < 0.7 * still
    grey = next(iter(data.load("bundled:sprites", Clips(3, 32, 1), split="test")))
    assert grey[0].shape == (4, 3, 32, 32, 1)


def test_orders_are_seeded():
    def first(seed):
        return next(data.load("bundled:sprites", Clips(2), seed=seed).as_numpy_iterator())[2]

    np.testing.assert_array_equal(first(1), first(1))
    assert not np.array_equal(first(1), first(2))


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"flip": True}, "flow of a clip"),
        ({"jitter": True}, "flow of a clip"),
        ({"fit": "crop"}, "stretch"),
    ],
)
def test_changes_of_single_pictures_are_refused(how, message):
    with pytest.raises(ValueError, match=message):
        data.load("bundled:sprites", Clips(), **how)


def test_other_sources_are_refused():
    with pytest.raises(ValueError, match="bundled:sprites"):
        data.load("bundled:emoji/edges", Clips())
    with pytest.raises(ValueError, match="bundled:sprites"):
        data.load("folder:pictures", Clips())
    with pytest.raises(ValueError, match="holds pairs of clips"):
        data.load("bundled:sprites", Model(64, 3))
