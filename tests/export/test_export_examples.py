"""What files of less than float32 learn from and are judged by."""

import numpy as np
import pytest
import tensorflow as tf
from export_models import as_if_trained

from keras_gans import zoo
from keras_gans.core.signature import Image, inputs_from, translates
from keras_gans.export import ExportError, calibration
from keras_gans.export.network import ExportNetwork

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def cyclegan():
    model = zoo.get("cyclegan", **zoo.entry("cyclegan").tiny)
    for network in model.networks_to_export().values():
        as_if_trained(network)
    return model


def batches(model, count, batch_size=8, low=-1.0, high=1.0):
    spec = model.batch_spec(batch_size)
    draw = lambda s: RNG.uniform(low, high, s.shape).astype("float32")  # noqa: E731
    return [tf.nest.map_structure(draw, spec) for _ in range(count // batch_size)]


def found(model, data, name="generator_ab"):
    network = ExportNetwork(name, model.networks_to_export()[name])
    collected = calibration.collect(model, data).get(name, {})
    return calibration.examples(network, model.describe_tensors(), collected, (32, 32))


def test_each_network_of_every_translator_is_given_its_own_side():
    for name in zoo.names():
        model = zoo.get(name, **zoo.entry(name).tiny)
        inputs = inputs_from(batches(model, 8)[0], model) if translates(model) else {}
        takes_pictures = {
            network: set(signature.of(Image)) for network, signature in model.signature().items()
        }
        assert {n: set(i) for n, i in inputs.items()} == {
            n: i for n, i in takes_pictures.items() if i
        }


@pytest.mark.parametrize("direction", ["ab", "ba"])
def test_the_source_is_what_the_direction_says(direction):
    model = zoo.get("pix2pix", **{**zoo.entry("pix2pix").tiny, "direction": direction})
    a, b = batch = batches(model, 8)[0]
    given = inputs_from(batch, model)["generator"]["source"]
    np.testing.assert_array_equal(given, a if direction == "ab" else b)


def test_learning_and_judging_share_nothing_and_come_from_the_data(cyclegan):
    data = batches(cyclegan, 400)
    given = found(cyclegan, data, "generator_ba")
    everything = np.concatenate([b for _, b in data])[:160]
    both = np.concatenate([given.proving["source"], given.calibrating["source"]])
    np.testing.assert_array_equal(both, everything)
    assert (len(given.proving["source"]), len(given.calibrating["source"])) == (32, 128)
    assert given.real


def test_latents_are_drawn_and_are_not_zeros():
    model = zoo.get("dcgan", **zoo.entry("dcgan").tiny)
    given = found(model, None, "generator")
    latents = given.calibrating["latent"]
    assert len(latents) == 128 and 0.9 < latents.std() < 1.1 and not given.real


def test_pictures_of_another_size_are_made_to_fit(cyclegan):
    network = ExportNetwork(
        "generator_ab", cyclegan.generator_ab, batch_size=1, image_size=(24, 24)
    )
    collected = calibration.collect(cyclegan, batches(cyclegan, 64))["generator_ab"]
    given = calibration.examples(network, cyclegan.describe_tensors(), collected)
    assert given.proving["source"].shape == (32, 24, 24, 3)


@pytest.mark.parametrize(
    ("low", "high", "count", "message"),
    [
        (0.0, 1.0, 64, "pictures from -1.0 to 1.0. Received: from"),
        (0.0, 255.0, 64, "pictures from -1.0 to 1.0. Received: from"),
        (-0.5, -0.5, 64, "all of one colour, -0.5"),
        (
            -1.0,
            1.0,
            40,
            "at least 64 pictures: 32 to judge by, the others to learn from. Received: 40",
        ),
    ],
)
def test_examples_of_another_kind_are_refused(cyclegan, low, high, count, message):
    with pytest.raises(ValueError) as caught:
        found(cyclegan, batches(cyclegan, count, low=low, high=high))
    assert message in str(caught.value)


def test_pictures_are_not_learned_from_noise(cyclegan):
    given = found(cyclegan, None)
    network = ExportNetwork("generator_ab", cyclegan.generator_ab)
    with pytest.raises(ExportError, match=r"the generator_ab takes pictures: give `examples`"):
        calibration.check_real(network, given, "ONNX", "int8")
