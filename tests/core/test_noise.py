"""Random numbers of training: of seed, step, draw and replica, and of nothing else."""

import keras
import numpy as np
import tensorflow as tf
from fabrication import tiny

from keras_gans import zoo


def test_noise_depends_on_seed_step_and_draw_and_nothing_else():
    model, twin = tiny("dcgan"), tiny("dcgan")
    first = np.array(model.normal((64, 8)))
    np.testing.assert_array_equal(first, twin.normal((64, 8)))
    assert not np.array_equal(first, model.normal((64, 8), draw=1))
    assert not np.array_equal(first, tiny("dcgan", seed=1).normal((64, 8)))
    model.step.assign(1)
    assert not np.array_equal(first, model.normal((64, 8)))
    model.step.assign(0)
    np.testing.assert_array_equal(first, model.normal((64, 8)))


def test_noise_is_standard_normal():
    noise = np.array(tiny("dcgan").normal((20_000,)))
    assert abs(noise.mean()) < 0.05
    assert abs(noise.std() - 1) < 0.05


def test_replicas_draw_different_noise():
    strategy = tf.distribute.MirroredStrategy(["CPU:0"])
    assert strategy.num_replicas_in_sync == 1
    with strategy.scope():
        model = tiny("dcgan")
    noise = strategy.run(lambda: model.normal((4, 8)))
    np.testing.assert_array_equal(noise, tiny("dcgan").normal((4, 8)))


def test_streams_of_any_name_are_their_own():
    model = tiny("gan")
    names = ("real_noise", "fake_noise", "a stream of my own", "another")
    draws = {
        (name, draw): np.array(model.uniform((64,), name, draw)).tobytes()
        for name in names
        for draw in (0, 1)
    }
    draws["latents", 0] = np.array(tf.random.stateless_uniform((64,), model.step_seed())).tobytes()
    assert len(set(draws.values())) == len(draws)
    again = np.array(model.uniform((64,), "another", 1)).tobytes()
    assert again == draws["another", 1]
    graph = tf.function(lambda: model.uniform((64,), "another", 1))
    assert np.array(graph()).tobytes() == draws["another", 1]


def test_streams_of_any_name_are_drawn_alike_under_a_strategy():
    strategy = tf.distribute.MirroredStrategy(["CPU:0"])
    with strategy.scope():
        model = tiny("gan")
    alone = tiny("gan")
    for name in ("replay", "a stream of my own"):
        for draw in (0, 1):
            noise = strategy.run(tf.function(lambda n=name, d=draw: model.uniform((4,), n, d)))
            np.testing.assert_array_equal(noise, alone.uniform((4,), name, draw))


def test_seed_is_drawn_where_not_given_and_kept_in_the_config():
    keras.utils.set_random_seed(3)
    first = zoo.get("gan", **zoo.entry("gan").tiny).seed
    second = zoo.get("gan", **zoo.entry("gan").tiny).seed
    keras.utils.set_random_seed(3)
    assert first == zoo.get("gan", **zoo.entry("gan").tiny).seed != second
    assert tiny("gan", seed=5).get_config()["seed"] == 5
