"""Estimated flow against the exact flow of sprites."""

import sys

import numpy as np
import pytest

from keras_gans.data import optical_flow, sprites
from keras_gans.layers import Warp


@pytest.fixture(scope="module")
def estimated():
    """`(previous, current, exact flow, estimated flow)`, each (N, 64, 64, 3)."""
    pytest.importorskip("cv2")
    clips = sprites.clips(sprites.numbers("test")[::12], 3)
    previous, current = (clips.targets[:, at].reshape(-1, 64, 64, 3) for at in (1, 2))
    made = [optical_flow.estimate(*pair) for pair in zip(previous, current, strict=True)]
    return previous, current, clips.flows[:, 2], np.stack(made)


def error(flow, exact):
    sure = exact[..., 2] > 0
    return np.linalg.norm(flow[..., :2] - exact[..., :2], axis=-1)[sure].mean()


def test_it_is_near_the_exact_flow(estimated):
    _, _, exact, flow = estimated
    still = error(0 * flow, exact)
    assert error(flow, exact) < 0.5 * still
    assert error(-flow, exact) > 1.5 * still  # the other way
    assert error(flow[..., ::-1][..., 1:], exact) > still  # down and across exchanged


def test_the_previous_frame_moved_is_the_current_one_where_it_is_sure(estimated):
    previous, current, _, flow = estimated
    moved = np.asarray(Warp()([previous.astype("float32"), flow[..., :2]]))
    unlike = np.square((moved - current) / 127.5).sum(-1)
    sure = flow[..., 2] > 0
    assert 0.5 < sure.mean() < 1
    assert unlike[sure].max() < 0.021 and unlike[~sure].min() > 0.019


def test_frames_that_cannot_be_are_refused(estimated):
    frame = np.zeros((8, 8, 3), "uint8")
    with pytest.raises(ValueError, match="of one shape"):
        optical_flow.estimate(frame, frame[:4])
    with pytest.raises(ValueError, match="uint8"):
        optical_flow.estimate(frame, frame / 255)


def test_without_opencv_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(ImportError, match=r"keras-gans\[flow\]"):
        optical_flow.estimate(*np.zeros((2, 8, 8, 3), "uint8"))
