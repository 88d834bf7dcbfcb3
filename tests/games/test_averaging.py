"""Averaged generator weights: they follow, sample and ship."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from fabrication import FAMILIES, by_default, play, same, snapshot, tiny

from keras_gans import zoo
from keras_gans.layers import BatchNorm


def moved(name="dcgan", steps=2, **kwargs):
    """A model whose averaged generator is not its last one."""
    keras.utils.set_random_seed(0)
    model = tiny(name, **{"ema_decay": 0.9, "generator_learning_rate": 0.05, **kwargs})
    play(model, steps)
    return model


def test_two_steps_by_hand():
    model = tiny("dcgan", ema_decay=0.15, generator_learning_rate=0.05)
    start = snapshot(model.generator.weights)
    assert same(start, model.generator_ema.weights)
    play(model)
    first = snapshot(model.generator.weights)
    # Of step 0 a decay of 1/10, of step 1 of 2/11, which is over the 0.15 asked for.
    average = [0.1 * old + 0.9 * new for old, new in zip(start, first, strict=True)]
    for found, expected in zip(model.generator_ema.weights, average, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
    play(model)
    second = snapshot(model.generator.weights)
    average = [0.15 * old + 0.85 * new for old, new in zip(average, second, strict=True)]
    for found, expected in zip(model.generator_ema.weights, average, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", by_default(("cdcgan", "wgan_gp"), FAMILIES))
def test_the_averaged_generator_is_what_samples_and_ships(name):
    model = moved(name, generator_learning_rate=None)
    random = np.random.default_rng(0)
    for weight in model.generator.trainable_variables:  # as if it had learnt a lot since
        weight.assign_add(random.normal(0, 0.05, weight.shape))
    latents = model.draw_latents(3, seed=1)
    labels = model.draw_labels(3, 0)
    inputs, asked = ([latents, *labels], {"labels": labels[0]}) if labels else (latents, {})
    predicted = model.predict(inputs, verbose=0)  # first: nothing has been sampled yet
    averaged = model.generator_ema(inputs, training=False)
    np.testing.assert_allclose(predicted, averaged, atol=1e-5)
    np.testing.assert_allclose(model(inputs), averaged, atol=1e-5)
    np.testing.assert_allclose(model.sample(latents=latents, **asked), averaged, atol=1e-5)
    (exported,) = model.networks_to_export().values()
    np.testing.assert_allclose(exported(inputs, training=False), averaged, atol=1e-5)
    assert np.abs(model.generator(inputs, training=False) - averaged).max() > 1e-4


def test_no_optimizer_moves_the_average():
    model = tiny("dcgan", ema_decay=0.9)
    before = snapshot(model.generator_ema.weights)
    model._average = lambda images: None
    play(model)
    assert same(before, model.generator_ema.weights)
    assert not model.generator_ema.trainable_variables
    learnt = {id(v) for player in model.players for v in model.variables_of(player)}
    assert not learnt & {id(v) for v in model.generator_ema.weights}


def norms_of(network):
    return [layer for layer in network.layers if isinstance(layer, BatchNorm)]


@pytest.mark.parametrize("name", ["dcgan", "wgan_gp", "cdcgan"])
def test_statistics_are_those_of_the_averaged_network(name):
    model = moved(name, steps=3)
    model.refresh()
    network = model.sampling_network
    assert network is model.generator_ema
    inputs = model.draw_latents(2000, seed=99)
    labels = model.draw_labels(2000, 0)
    inputs = inputs if labels is None else [inputs, *labels]
    for ours, running in zip(norms_of(network), norms_of(model.generator), strict=True):
        values = np.array(keras.Model(network.inputs, ours.input)(inputs, training=False))
        values = values.reshape(-1, values.shape[-1])
        scale = values.std(0) + 1e-6
        np.testing.assert_allclose(
            (np.array(ours.moving_mean) - values.mean(0)) / scale, 0, atol=0.15
        )
        np.testing.assert_allclose(np.array(ours.moving_variance) / scale**2, 1, atol=0.15)
        assert np.abs(np.array(ours.moving_mean) - running.moving_mean).max() > 1e-3
        assert not ours.trainable and ours.momentum == running.momentum


def test_sampling_twice_is_the_same_and_kept_in_files(tmp_path):
    # Pictures of three blocks: a batch norm behind the dropout.
    model = moved(dropout=0.5, image_size=32)
    first = model.sample(4, seed=1)
    np.testing.assert_array_equal(first, model.sample(4, seed=1))
    model.save(tmp_path / "m.keras")
    for loaded in (zoo.load(tmp_path / "m.keras"), keras.saving.load_model(tmp_path / "m.keras")):
        assert same(snapshot(model.generator_ema.trainable_variables), [])
        np.testing.assert_allclose(first, loaded.sample(4, seed=1), atol=1e-6)


def test_sampling_on_the_way_changes_no_game():
    quiet, watched = moved(steps=0), moved(steps=0)
    for model in (quiet, watched):
        play(model, 2)
        if model is watched:
            model.sample(4, seed=0)
        play(model, 2)
    np.testing.assert_allclose(quiet.sample(4, seed=1), watched.sample(4, seed=1), atol=1e-4)


def test_weights_from_a_file_of_the_same_step_are_believed(tmp_path):
    model = moved()
    model.save_weights(tmp_path / "m.weights.h5")  # before anything is sampled
    expected = model.sample(4, seed=1)
    other = moved(generator_learning_rate=0.01)
    other.sample(4, seed=1)
    other.load_weights(tmp_path / "m.weights.h5")
    assert int(other.step) == int(model.step)
    np.testing.assert_allclose(other.sample(4, seed=1), expected, atol=1e-6)


# === By images ===


def test_after_half_life_images_half_of_an_old_weight_remains():
    # Steps of 2 times 4 real images: of 16 images, after two steps half is left.
    model = tiny("dcgan", ema_kimg=0.016, discriminator_steps=2)
    model.update = lambda player, loss, tape: None
    for weight in model.generator_ema.trainable_variables + model.generator_ema.weights:
        weight.assign(tf.ones_like(weight))
    for weight in model.variables_of("generator"):
        weight.assign(tf.zeros_like(weight))
    model.step.assign(10_000)  # the first steps are forgotten sooner
    left = []
    for _ in range(4):
        play(model)
        left.append([np.array(w) for w in averaged_kernels(model)])
    for weights, expected in zip(left, (0.5**0.5, 0.5, 0.5**1.5, 0.25), strict=True):
        for weight in weights:
            np.testing.assert_allclose(weight, expected, rtol=1e-5)


def averaged_kernels(model):
    return [w for w in model.generator_ema.weights if "moving" not in w.path]


def test_at_the_start_images_are_forgotten_sooner():
    model = tiny("dcgan", ema_kimg=100.0, generator_learning_rate=0.05)
    start = snapshot(model.generator.weights)
    play(model)
    for found, old, new in zip(
        model.generator_ema.weights, start, model.generator.weights, strict=True
    ):
        np.testing.assert_allclose(found, 0.1 * old + 0.9 * np.array(new), rtol=1e-4, atol=1e-6)


# === Looking writes nothing ===


@pytest.mark.parametrize("name", ["dcgan", "wgan_gp", "cdcgan"])
def test_asking_for_the_network_and_calling_the_model_write_no_weights(name):
    model = tiny(name, ema_decay=0.9)
    model.step.assign(3)  # nothing has been estimated since
    labels = model.draw_labels(2, 0)
    inputs = [model.draw_latents(2, seed=0), *(labels or [])]
    inputs = inputs if labels else inputs[0]
    before = snapshot(model.weights)
    for _ in range(2):
        assert model.sampling_network is model.generator_ema
        model(inputs)
        model(inputs, training=False)
    assert same(before, model.weights)


def test_statistics_are_estimated_once_a_step():
    model = moved()
    before = snapshot(norm.moving_mean for norm in norms_of(model.generator_ema))
    model.refresh()
    fresh = snapshot(norm.moving_mean for norm in norms_of(model.generator_ema))
    assert not same(before, [norm.moving_mean for norm in norms_of(model.generator_ema)])
    (first, *_) = norms_of(model.generator_ema)
    first.moving_mean.assign_add(tf.ones_like(first.moving_mean))
    model.refresh()  # of this step, they are believed
    np.testing.assert_array_equal(first.moving_mean, fresh[0] + 1)
    model.step.assign_add(1)
    model.refresh()
    assert same(fresh, [norm.moving_mean for norm in norms_of(model.generator_ema)])


def test_without_an_average_there_is_nothing_to_refresh():
    model = tiny("dcgan")
    play(model)
    before = snapshot(model.weights)
    model.refresh()
    assert model.sampling_network is model.generator
    assert same(before, model.weights)
