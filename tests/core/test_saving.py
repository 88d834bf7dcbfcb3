"""What files hold of a model besides its networks: steps, and how many images were shown."""

import os
import pathlib

import h5py
import hostile
import keras
import numpy as np
import pytest
from fabrication import fabricate, fabricated, play, tiny

from keras_gans import zoo

EARLIER = pathlib.Path(__file__).parents[1] / "golden" / "earlier"


# === Images shown ===


@pytest.mark.parametrize("name", ["gan", "cgan", "pix2pix", "cyclegan"])
def test_images_are_counted_step_by_step(name):
    model = tiny(name)
    shown = []
    for size in (4, 2):
        play(model, size=size)
        shown.append(int(model.images_shown))
    assert shown == [4, 6]


@pytest.mark.parametrize("name", ["gan", "wgan_gp"])
def test_images_of_every_discriminator_step_count(name):
    model = tiny(name, discriminator_steps=3)
    play(model, steps=2)
    assert (int(model.images_shown), int(model.step)) == (2 * 3 * 4, 2)


def test_images_are_counted_in_a_graph_to_the_last_batch():
    model = tiny("gan")
    model.fit(fabricate(model, 7), batch_size=4, epochs=2, verbose=0)
    assert (int(model.images_shown), int(model.step)) == (14, 4)


def test_the_end_of_data_of_unknown_length_shows_no_images():
    model = tiny("gan")
    model.fit(fabricated(model, batches=3).filter(lambda batch: True), epochs=2, verbose=0)
    assert (int(model.images_shown), int(model.step)) == (24, 6)


@pytest.mark.parametrize("load", [keras.saving.load_model, zoo.load])
def test_the_count_is_kept_in_files_and_goes_on(load, tmp_path):
    model = tiny("gan")
    play(model, steps=2)
    model.save(tmp_path / "m.keras")
    loaded = load(tmp_path / "m.keras")
    assert (int(loaded.images_shown), int(loaded.step)) == (8, 2)
    play(loaded)
    assert (int(loaded.images_shown), int(loaded.step)) == (12, 3)


@pytest.mark.parametrize("name", ["gan", "pix2pix"])
def test_files_from_before_have_shown_none(name):
    model = zoo.load(EARLIER / f"{name}.keras")
    assert (int(model.images_shown), int(model.step)) == (0, 2)
    play(model)
    assert (int(model.images_shown), int(model.step)) == (4, 3)


def test_weights_from_before_leave_the_count_alone(tmp_path):
    model = zoo.load(EARLIER / "gan.keras")
    play(model)
    model.load_weights(EARLIER / "gan.keras")
    assert (int(model.images_shown), int(model.step)) == (4, 2)


# === Variables of its own ===


def test_a_file_of_another_game_is_refused(tmp_path):
    tiny("gan", balance=0.8).save_weights(tmp_path / "m.weights.h5")
    with pytest.raises(ValueError, match="has 1 variables of its own .* the file has 2"):
        tiny("gan").load_weights(tmp_path / "m.weights.h5")


def test_every_variable_of_its_own_comes_back(tmp_path):
    model = tiny("dcgan", balance=0.8, augment="color", ada_target=0.6)
    model.lead.assign(0.75)
    model.probability.assign(0.25)
    model.step.assign(7)
    model.images_shown.assign(2**40)
    model.save_weights(tmp_path / "m.weights.h5")
    other = tiny("dcgan", balance=0.8, augment="color", ada_target=0.6)
    other.load_weights(tmp_path / "m.weights.h5")
    found = [float(v) for v in (other.lead, other.probability, other.step, other.images_shown)]
    np.testing.assert_array_equal(found, [0.75, 0.25, 7, 2**40])


def test_links_in_a_file_are_not_followed_to_say_what_differs(tmp_path):
    model, path = tiny("gan"), tmp_path / "m.weights.h5"
    model.save_weights(path)
    os.mkfifo(tmp_path / "other.h5")  # which would be waited for
    with h5py.File(path, "r+") as file:
        del file["generator"]
        file["generator"] = h5py.ExternalLink("other.h5", "/x")
    with hostile.harmless(), pytest.raises(ValueError, match="/generator is a link to elsewhere"):
        model.load_weights(path)
