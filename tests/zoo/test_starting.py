"""Fine-tuning: what fits is taken, what does not is named, and another family is refused."""

import numpy as np
import pytest
from fabrication import families, play, same, snapshot, tiny

from keras_gans import zoo


@pytest.mark.parametrize("name", families())
def test_all_weights_of_an_equal_model_are_taken(name):
    trained, model = tiny(name, seed=1), tiny(name, seed=2)
    said = zoo.start_from(model, trained)
    for key, network in model.networks.items():
        assert same(snapshot(network.weights), trained.networks[key].weights)
    assert said.startswith(f"Started from {trained.name}: ") and "New" not in said
    assert int(model.step) == 0


def test_with_other_classes_the_rest_is_taken_and_what_differs_is_named():
    trained, model = tiny("cdcgan", seed=1), tiny("cdcgan", seed=2, num_classes=3)
    said = zoo.start_from(model, trained)
    assert " of " in said and "New, as their shapes differ: generator/" in said
    pairs = zip(model.generator.weights, trained.generator.weights, strict=True)
    for ours, theirs in pairs:
        assert ours.shape != theirs.shape or np.array_equal(ours, theirs)
    play(model)


def test_averaged_weights_begin_where_the_plain_ones_do():
    trained, model = tiny("dcgan"), tiny("dcgan", seed=2, ema_decay=0.9)
    zoo.start_from(model, trained)
    assert same(snapshot(trained.generator.weights), model.generator_ema.weights)


@pytest.mark.parametrize("suffix", [".keras", ".weights.h5"])
def test_files_are_taken(suffix, tmp_path):
    trained, model = tiny("cdcgan", seed=1), tiny("cdcgan", seed=2)
    path = tmp_path / f"trained{suffix}"
    (trained.save if suffix == ".keras" else trained.save_weights)(path)
    zoo.start_from(model, str(path))
    assert same(snapshot(trained.generator.weights), model.generator.weights)


def test_a_file_of_weights_gives_no_counters_and_a_short_sentence(tmp_path):
    trained, model = tiny("cdcgan", seed=1), tiny("cdcgan", seed=2, num_classes=3)
    play(trained)
    trained.save_weights(tmp_path / "trained.weights.h5")
    said = zoo.start_from(model, tmp_path / "trained.weights.h5")
    assert int(trained.step) == 1 and int(model.step) == 0
    assert "New, as their shapes differ: generator/" in said and len(said) < 1000


def test_weights_that_ship_are_taken_by_name():
    model = zoo.get("cdcgan_fashion", num_classes=3)
    said = zoo.start_from(model, "cdcgan_fashion")
    assert said.startswith("Started from cdcgan_fashion: ") and "(there " in said


def test_what_cannot_be_started_from_is_refused(tmp_path):
    model = tiny("dcgan")
    before = snapshot(model.weights)
    with pytest.raises(ValueError, match="is a CGAN, and the model to train is a DCGAN"):
        zoo.start_from(model, tiny("cgan"))
    with pytest.raises(ValueError, match="Received: nothing"):
        zoo.start_from(model, "nothing")
    (tmp_path / "bad.weights.h5").write_bytes(b"no HDF5")
    with pytest.raises(ValueError, match=r"bad.weights.h5 does not hold weights"):
        zoo.start_from(model, tmp_path / "bad.weights.h5")
    with pytest.raises(ValueError, match=r"Nothing in .* fits"):
        zoo.start_from(tiny("gan", latent_dim=3, generator_units=5, discriminator_units=7,
                            image_size=6), tiny("gan"))  # fmt: skip
    assert same(before, model.weights)
