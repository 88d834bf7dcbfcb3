import dataclasses
import itertools

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_gans.data import examples
from keras_gans.data.examples import Arrays, Lookup, Order, Stream

COUNT = 21
IMAGES = np.arange(COUNT * 12, dtype=np.uint8).reshape(COUNT, 2, 3, 2)
LABELS = np.arange(COUNT) % 5


def order(batch_size=4, shuffle=True, seed=3, drop_remainder=False):
    return Order(batch_size, shuffle, seed, drop_remainder)


def lookup(labels=None):
    return Lookup(lambda index: (IMAGES[index], index), IMAGES.shape[1:], COUNT, labels)


def stream(labels=None):
    columns = {"image": IMAGES}
    if labels is not None:
        columns["label"] = labels.astype(np.int32)
    return Stream(tf.data.Dataset.from_tensor_slices(columns), COUNT)


def one_pass(batches, key="image"):
    return np.concatenate([batch[key] for batch in batches.as_numpy_iterator()])


every_kind = pytest.mark.parametrize(
    "kind", [lambda labels=None: Arrays(IMAGES, labels), lookup, stream], ids=lambda kind: ""
)


@every_kind
def test_without_shuffling_the_order_is_the_sources(kind):
    assert np.array_equal(one_pass(kind().batches(order(shuffle=False))), IMAGES)


@every_kind
def test_a_pass_shows_every_picture_once_with_its_label(kind):
    batches = kind(LABELS).batches(order())
    for _ in range(2):
        batched = list(batches.as_numpy_iterator())
        images = np.concatenate([batch["image"] for batch in batched])
        which = images[:, 0, 0, 0] // 12
        assert sorted(which) == list(range(COUNT))
        assert np.array_equal(np.concatenate([b["label"] for b in batched]), LABELS[which])


@every_kind
def test_equal_seeds_give_equal_orders_pass_by_pass(kind):
    one, same, other = (kind().batches(order(seed=seed)) for seed in (3, 3, 4))
    first, second = one_pass(one), one_pass(one)
    assert np.array_equal(one_pass(same), first)
    assert np.array_equal(one_pass(same), second)
    assert not np.array_equal(first, second)
    assert not np.array_equal(one_pass(other), first)


@every_kind
def test_repeating_is_another_pass(kind):
    single, twice = kind().batches(order()), kind().batches(order()).repeat(2)
    assert np.array_equal(one_pass(twice), np.concatenate([one_pass(single), one_pass(single)]))


def test_the_order_does_not_hang_on_the_global_seed():
    def first_pass(global_seed):
        tf.random.set_seed(global_seed)
        return one_pass(Arrays(IMAGES).batches(order()))

    assert np.array_equal(first_pass(1), first_pass(2))


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 40), st.integers(1, 45), st.booleans(), st.booleans())
def test_batches_have_the_size_and_number_they_say(count, size, shuffle, drop_remainder):
    wanted = Order(size, shuffle, 0, drop_remainder)
    batches = [b.numpy() for b in examples.index_batches(count, wanted)]
    assert len(batches) == wanted.num_batches(count)
    full = batches if drop_remainder else batches[:-1]
    assert all(len(batch) == size for batch in full)
    shown = np.concatenate(batches).tolist() if batches else []
    assert len(set(shown)) == len(shown) and set(shown) <= set(range(count))
    assert drop_remainder or len(shown) == count


def test_a_batch_size_is_static_where_the_remainder_is_dropped():
    for kind in (Arrays(IMAGES), lookup(), stream()):
        spec = kind.batches(order(drop_remainder=True)).element_spec["image"]
        assert spec.shape.as_list() == [4, 2, 3, 2]


def test_a_stream_is_read_once_where_it_fits_in_memory(monkeypatch):
    reads = []

    def count(image):
        reads.append(1)
        return image

    def counted(example):
        image = tf.numpy_function(count, [example["image"]], tf.uint8)
        return {"image": tf.ensure_shape(image, IMAGES.shape[1:])}

    def reads_in_two_passes():
        reads.clear()
        batches = Stream(stream()._dataset.map(counted), COUNT).batches(order())
        one_pass(batches)
        one_pass(batches)
        return len(reads)

    assert reads_in_two_passes() == COUNT
    monkeypatch.setattr(examples, "CACHE_BYTES", 12 * COUNT - 1)
    assert reads_in_two_passes() == 2 * COUNT


# === Longer passes ===


@every_kind
@pytest.mark.parametrize("length", [COUNT + 5, 3 * COUNT])
def test_a_longer_pass_starts_over_in_another_order(kind, length):
    batches = kind(LABELS).batches(dataclasses.replace(order(), length=length))
    passes = [one_pass(batches)[:, 0, 0, 0] // 12 for _ in range(2)]
    for which in passes:
        rounds = [which[start : start + COUNT].tolist() for start in range(0, length, COUNT)]
        assert sum(map(len, rounds)) == length
        assert all(len(set(part)) == len(part) for part in rounds)
        assert rounds[0] != rounds[1]
    assert not np.array_equal(*passes)


@every_kind
def test_a_longer_pass_without_shuffling_repeats(kind):
    longer = dataclasses.replace(order(shuffle=False), length=2 * COUNT + 1)
    expected = np.concatenate([IMAGES, IMAGES, IMAGES[:1]])
    batches = kind().batches(longer)
    for _ in range(2):
        assert np.array_equal(one_pass(batches), expected)
    assert longer.num_batches(COUNT) == 11 == sum(1 for _ in batches)


def test_the_orders_of_domains_are_their_own():
    first, second = (order().of_domain(number, COUNT) for number in range(2))
    shown = [one_pass(Arrays(IMAGES).batches(o)) for o in (order(), first, second)]
    for one, other in itertools.combinations(shown, 2):
        assert not np.array_equal(one, other)
    assert order().of_domain(1, COUNT) == second


# === Crops ===


@every_kind
def test_a_crop_is_a_part_of_its_picture_at_every_place(kind):
    wanted = dataclasses.replace(order(shuffle=False), length=10 * COUNT)
    batches = examples.cropped(kind(LABELS).batches(wanted), COUNT, wanted, 1, 2)
    assert batches.element_spec["image"].shape.as_list() == [None, 1, 2, 2]
    places = []
    for crop, whole in zip(one_pass(batches), np.concatenate([IMAGES] * 10), strict=True):
        found = [
            (top, left)
            for top in range(2)
            for left in range(2)
            if np.array_equal(crop, whole[top : top + 1, left : left + 2])
        ]
        assert len(found) == 1
        places += found
    counts = [places.count(place) for place in itertools.product(range(2), range(2))]
    assert min(counts) > 30  # of 210, a quarter each
    assert np.array_equal(one_pass(batches, "label"), np.concatenate([LABELS] * 10))


def test_crops_differ_between_passes_and_repeat_with_the_seed():
    def batches(seed):
        wanted = order(shuffle=False, seed=seed)
        return examples.cropped(Arrays(IMAGES).batches(wanted), COUNT, wanted, 1, 2)

    one, same, other = batches(3), batches(3), batches(4)
    first, second = one_pass(one), one_pass(one)
    assert np.array_equal(one_pass(same), first) and np.array_equal(one_pass(same), second)
    assert not np.array_equal(first, second)
    assert not np.array_equal(one_pass(other), first)


# === Flips ===


@every_kind
def test_flipping_mirrors_some_left_to_right_and_leaves_the_rest(kind):
    wanted = order(shuffle=False)
    flipped = one_pass(examples.flipped(kind().batches(wanted), COUNT, wanted))
    mirrored = [np.array_equal(*pair) for pair in zip(flipped, IMAGES[:, :, ::-1], strict=True)]
    kept = [np.array_equal(*pair) for pair in zip(flipped, IMAGES, strict=True)]
    assert all(a != b for a, b in zip(mirrored, kept, strict=True))
    assert 4 < sum(mirrored) < 17  # of 21


def test_flips_differ_between_passes_and_repeat_with_the_seed():
    def batches(seed):
        wanted = order(shuffle=False, seed=seed)
        return examples.flipped(Arrays(IMAGES).batches(wanted), COUNT, wanted)

    one, same, other = batches(3), batches(3), batches(4)
    first, second = one_pass(one), one_pass(one)
    assert np.array_equal(one_pass(same), first) and np.array_equal(one_pass(same), second)
    assert not np.array_equal(first, second)
    assert not np.array_equal(one_pass(other), first)


def test_flips_are_not_tied_to_the_shuffling():
    # Drawn from one generator state, the pictures that come first would always be the mirrored.
    wanted = order(batch_size=COUNT)
    places = next(iter(examples.index_batches(COUNT, wanted))).numpy()
    plain = one_pass(Arrays(IMAGES).batches(wanted))
    flipped = one_pass(examples.flipped(Arrays(IMAGES).batches(wanted), COUNT, wanted))
    mirrored = (plain != flipped).any(axis=(1, 2, 3))
    same_draws = np.random.default_rng((3, 0, 0)).random(COUNT) < 0.5
    assert np.array_equal(plain, IMAGES[places])
    assert not np.array_equal(mirrored, same_draws)


def test_scaling_takes_0_to_255_to_minus_1_to_1():
    levels = np.arange(256, dtype=np.uint8)
    scaled = examples.scaled(levels).numpy()
    assert scaled.dtype == np.float32
    assert np.array_equal(scaled, levels.astype(np.float32) / np.float32(127.5) - np.float32(1))
    assert scaled[0] == -1 and scaled[-1] == 1
