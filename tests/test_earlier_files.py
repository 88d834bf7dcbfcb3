"""Files that earlier versions wrote still load, draw the same pictures, and are gone on with."""

import pathlib
import shutil
import sys

import keras
import numpy as np
import pytest

from keras_gans import training, zoo
from keras_gans.core import weight_files

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


def test_a_network_of_a_layer_of_another_name_then_loads_and_computes_the_same():
    """`TorchConvTranspose2D` was `UpConv2D`: in configurations, and in the keys of weights."""
    network = keras.saving.load_model(EARLIER / "up_conv.keras")
    kinds = [type(layer).__name__ for layer in network.layers]
    assert kinds.count("TorchConvTranspose2D") == 2
    images = np.random.default_rng(0).normal(size=(2, 4, 4, 3)).astype("float32")
    np.testing.assert_allclose(network(images), PICTURES["up_conv"], atol=1e-5)


def test_shapes_in_an_earlier_file_are_compared_by_their_earlier_keys():
    made = zoo.get("cyclegan", filters=2, num_blocks=1, pool_size=2, image_size=32)
    wider = zoo.get("cyclegan", filters=4, num_blocks=1, pool_size=2, image_size=32)
    assert weight_files.unlike(EARLIER / "cyclegan.keras", made.networks) == []
    unlike = weight_files.unlike(EARLIER / "cyclegan.keras", wider.networks)
    assert any("up_" in one for one in unlike) and not any("None" in one for one in unlike)


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
