"""Files that earlier versions wrote still load, draw the same pictures, and are gone on with."""

import pathlib
import shutil
import sys

import keras
import numpy as np
import pytest

from keras_gans import training, zoo

GOLDEN = pathlib.Path(__file__).parent / "golden"
EARLIER = GOLDEN / "earlier"
sys.path.insert(0, str(GOLDEN))

import make_earlier  # noqa: E402

PICTURES = np.load(EARLIER / "pictures.npz")


def expect(model, name):
    np.testing.assert_allclose(make_earlier.pictures(model), PICTURES[name], atol=2e-5)


@pytest.mark.parametrize("name", make_earlier.MODELS)
def test_models_load_and_draw_the_same(name):
    expect(zoo.load(EARLIER / f"{name}.keras"), name)
    expect(keras.saving.load_model(EARLIER / f"{name}.keras"), name)


def test_a_preset_loads_and_draws_the_same():
    expect(zoo.from_preset(str(EARLIER / "preset")), "preset")


def test_a_run_goes_on_as_if_never_stopped(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_earlier.data(tmp_path / "pictures")
    path = tmp_path / "runs" / "00001-dcgan-fashion"
    shutil.copytree(EARLIER / "run", path)
    run = training.open_run(path)
    expect(run.load_model(), "run_after_one_epoch")
    whole = training.resume(run, make_earlier.options("pictures"), verbose=0)
    # Two epochs of four images: what another processor's kernels sum otherwise grows.
    np.testing.assert_allclose(
        make_earlier.pictures(whole.load_model()), PICTURES["run"], atol=5e-3
    )
