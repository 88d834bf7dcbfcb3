"""The benchmark of clips: its figures by hand, its pieces, and its table."""

import importlib.util
import json
import pathlib

import numpy as np
import pytest

from keras_gans import zoo

PATH = pathlib.Path(__file__).parent.parent / "benchmarks" / "video.py"
spec = importlib.util.spec_from_file_location("video_benchmark", PATH)
benchmark = importlib.util.module_from_spec(spec)
spec.loader.exec_module(benchmark)

SMALL = {
    "vid2vid": {**zoo.entry("vid2vid_sprites").tiny, "frames": 4},
    "pix2pix": {**zoo.entry("pix2pix_avatars").tiny, "image_size": 32},
}


@pytest.fixture(scope="module")
def form():
    return zoo.get("vid2vid_sprites", seed=0, **SMALL["vid2vid"])


@pytest.fixture(scope="module")
def some(form):
    return benchmark.test_clips(form, 3)


def test_figures_of_the_truth_and_of_flicker(some):
    pytest.importorskip("cv2")
    source, flow, true = some
    assert source.shape == (3, 4, 32, 32, 3)
    truth = benchmark.figures(true, flow, true)
    assert truth["tof"] == truth["l1"] == 0.0 and truth["ssim"] == pytest.approx(1.0)
    flicker = 0.2 * np.random.default_rng(0).choice([-1, 1], (3, 4, 1, 1, 1))
    worse = benchmark.figures(np.float32(true * 0.8 + flicker), flow, true)
    assert worse["warping"] > 2 * truth["warping"] and worse["l1"] > 0.05
    backwards = benchmark.figures(true[:, ::-1].copy(), flow, true)
    assert backwards["tof"] > 0.05 and backwards["warping"] > truth["warping"]


def test_the_warping_error_by_hand():
    """A pixel that moves by one to the right each frame: no error along its flow."""
    frames = np.full((1, 2, 4, 4, 3), -1.0, "float32")
    frames[0, 0, 1, 1], frames[0, 1, 1, 2] = 1.0, 1.0
    flow = np.zeros((1, 2, 4, 4, 3), "float32")
    flow[:, 1, ..., 0], flow[:, 1, ..., 2] = -1 / 4, 1.0
    assert benchmark.warping_error(frames, flow) == 0.0
    flow[..., 0] = 0.0  # two of sixteen pixels are off by 2
    assert benchmark.warping_error(frames, flow) == pytest.approx(2 * 4 / 16)


@pytest.mark.parametrize("row", ["vid2vid", "pix2pix"])
def test_pieces_go_on_where_the_last_one_stopped(row, form, some, tmp_path):
    how = (row, tmp_path, 3, 2, form, SMALL[row])
    first, seen, _ = benchmark.train_piece(*how)
    assert seen == 2 and int(first.step) == 2
    model, seen, seconds = benchmark.train_piece(*how)
    assert seen == 3 and int(model.step) == 3 and seconds > 0
    assert benchmark.train_piece(*how)[1] == 3
    assert benchmark.translated(model, some[0]).shape == some[2].shape
    with pytest.raises(ValueError, match="was begun for 3 clips"):
        benchmark.train_piece(row, tmp_path, 5, 2, form, SMALL[row])


def test_the_table_is_of_what_was_asked(tmp_path):
    path = tmp_path / "video.jsonl"
    figures = {"warping": 0.0123, "tof": 0.5, "l1": 0.1, "ssim": 0.75}
    lines = [
        {"row": "vid2vid", "clips": 10, "seen": 10, "seconds": 5.0, **figures},
        {"row": "pix2pix", "clips": 20, "seen": 20, "seconds": 5.0, **figures},
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    results = benchmark.read_results(path, 10)
    truth = {"row": "the true frames", **figures}
    assert benchmark.table([*results.values(), truth]).splitlines()[2:] == [
        "| `vid2vid` | 0.0123 | 0.500 | 0.100 | 0.750 | 10 | 500 |",
        "| the true frames | 0.0123 | 0.500 | 0.100 | 0.750 |  |  |",
    ]
    assert not benchmark.read_results(tmp_path / "none", 10)
