"""The pool against the paper's rule."""

import keras
import numpy as np
import tensorflow as tf
from fabrication import fabricated, tiny

from keras_gans.layers import ImagePool
from keras_gans.training import distribution


def numbered(number, count=1):
    return tf.fill((count, 2, 2, 1), float(number))


def seed(number):
    return tf.constant([7, number], tf.int64)


def test_fills_first_and_hands_back_what_it_gets():
    pool = ImagePool(3, (2, 2, 1))
    for number in range(3):
        assert float(pool(numbered(number), seed(number))[0, 0, 0, 0]) == number
    assert int(pool.held) == 3
    np.testing.assert_array_equal(pool.images[:, 0, 0, 0], [0, 1, 2])


def test_then_swaps_half_the_time_for_any_place():
    """Against the rule played beside it: what leaves the pool was in it, what enters is new."""
    pool = ImagePool(5, (2, 2, 1))
    held, swaps, places = [], 0, set()
    rounds = 600
    for number in range(rounds):
        handed = float(pool(numbered(number), seed(number))[0, 0, 0, 0])
        if len(held) < 5:
            held.append(number)
            assert handed == number
        elif handed != number:
            places.add(held.index(handed))
            held[held.index(handed)] = number
            swaps += 1
        np.testing.assert_array_equal(pool.images[: len(held), 0, 0, 0], held)
    assert 0.42 < swaps / (rounds - 5) < 0.58
    assert places == set(range(5))


def test_pictures_of_a_batch_are_handled_one_by_one():
    pool = ImagePool(4, (2, 2, 1))
    batch = tf.reshape(tf.range(6.0), (6, 1, 1, 1)) * tf.ones((1, 2, 2, 1))
    handed = np.array(pool(batch, seed(0))[:, 0, 0, 0])
    np.testing.assert_array_equal(handed[:4], [0, 1, 2, 3])
    inside = set(np.array(pool.images[:, 0, 0, 0]))
    assert len(inside) == 4
    assert inside | set(handed) == set(range(6))


def test_size_0_hands_everything_back():
    pool = ImagePool(0, (2, 2, 1))
    assert pool.weights == []
    batch = numbered(3, 4)
    assert pool(batch, seed(0)) is batch


def test_a_graph_draws_what_eager_code_draws():
    pool, twin = ImagePool(2, (2, 2, 1)), ImagePool(2, (2, 2, 1))
    graph = tf.function(pool.__call__)
    for number in range(12):
        np.testing.assert_array_equal(
            graph(numbered(number), seed(number)), twin(numbered(number), seed(number))
        )


def test_under_xla_the_rule_is_the_same_though_its_dice_are_others():
    pool = ImagePool(2, (2, 2, 1))
    graph = tf.function(pool.__call__, jit_compile=True)
    inside = set()
    for number in range(12):
        handed = float(graph(numbered(number), seed(number))[0, 0, 0, 0])
        assert handed == number or handed in inside
        inside = set(np.array(pool.images[: int(pool.held), 0, 0, 0]).tolist())
        assert len(inside) == min(number + 1, 2)
        assert (number in inside) == (handed != number or number < 2)


def test_state_is_saved_and_restored(tmp_path):
    model = tiny("cyclegan", pool_size=4)
    model.fit(fabricated(model, batches=3, batch_size=1), verbose=0)
    assert int(model.pool_a.held) == 3
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert int(loaded.pool_a.held) == 3
    np.testing.assert_array_equal(loaded.pool_b.images, model.pool_b.images)
    assert np.array(model.pool_b.images[:3]).any(axis=(1, 2, 3)).all()


def test_counts_in_int32_load():
    """Files of version 0.1 may have them, one for each replica."""
    strategy = distribution.strategy(devices=2)
    with strategy.scope():
        pool = ImagePool(3, (2, 2, 1))
    store = {}
    pool.save_own_variables(store)
    store = {name: np.asarray(value) for name, value in store.items()}
    earlier = {"1": np.int32(2), "held_1": np.int32(2)}
    pool.load_own_variables({**store, **earlier})
    assert [int(copy) for copy in pool.held.value.values] == [2, 2]
    assert pool.held.dtype == "int64"
