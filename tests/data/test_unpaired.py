import numpy as np
import pytest
import tensorflow as tf

from keras_gans import data
from keras_gans.core.signature import Image
from keras_gans.data import examples


def fill(folder, save, count_a, count_b):
    """Pictures of one level each: from 0 in A, from 100 in B."""
    for number in range(count_a):
        save(folder / "trainA" / f"{number:02}.png", number)
    for number in range(count_b):
        save(folder / "trainB" / f"{number:02}.png", 100 + number)
    return f"folder:{folder}"


@pytest.fixture
def five_and_twelve(tmp_path, save):
    return fill(tmp_path, save, 5, 12)


def stacked(batches):
    return tuple(np.concatenate(list(half)) for half in zip(*batches, strict=True))


# === Batches ===


def test_batches_are_what_the_model_wants(five_and_twelve, make_unpaired):
    model = make_unpaired((6, 9), (3, 1), batch_size=2)
    batches = data.load(five_and_twelve, model)
    assert isinstance(batches.element_spec, tuple)
    shapes = [tuple(spec.shape) for spec in batches.element_spec]
    assert shapes == [tuple(spec.shape) for spec in model.batch_spec(2)]
    assert len(batches) == 6 == sum(1 for _ in batches)
    for half in next(iter(batches)):
        assert half.dtype == tf.float32 and -1 <= half.numpy().min() <= half.numpy().max() <= 1


def test_domains_may_have_sizes_of_their_own(five_and_twelve, make_unpaired):
    model = make_unpaired()
    model.batch_roles = lambda: {
        "a": Image(8, 8, 3, domain="a"), "b": Image(16, 8, 1, domain="b")
    }  # fmt: skip
    a, b = next(iter(data.load(five_and_twelve, model)))
    assert a.shape == (1, 8, 8, 3) and b.shape == (1, 16, 8, 1)


# === Order ===


@pytest.mark.parametrize("count_a, count_b", [(5, 12), (12, 5), (7, 7)])
def test_an_epoch_is_the_larger_domain(
    tmp_path, make_unpaired, save, both_levels, count_a, count_b
):
    batches = data.load(
        fill(tmp_path, save, count_a, count_b), make_unpaired(), seed=1, jitter=False
    )
    assert len(batches) == max(count_a, count_b)
    for shown, first, count in zip(both_levels(batches), (0, 100), (count_a, count_b), strict=True):
        rounds = [shown[start : start + count] for start in range(0, len(shown), count)]
        whole = [sorted(part) for part in rounds if len(part) == count]
        assert whole and all(part == list(range(first, first + count)) for part in whole)
        assert all(len(set(part)) == len(part) for part in rounds)
        assert len(whole) < 2 or rounds[0] != rounds[1]


@pytest.mark.parametrize(
    "batch_size, kept, when", [(4, [4, 4, 4], "up front"), (5, [5, 5, 2], "while training")]
)
def test_batches_run_on_over_the_smaller_domains_end(
    five_and_twelve, make_unpaired, both_levels, monkeypatch, when, batch_size, kept
):
    if when == "while training":
        monkeypatch.setattr(examples, "UP_FRONT_BYTES", 0)
    batches = data.load(
        five_and_twelve,
        make_unpaired(),
        batch_size=batch_size,
        shuffle=False,
        drop_remainder=False,
        jitter=False,
    )
    for half in range(2):
        assert [len(batch[half]) for batch in batches] == kept
    first, second = both_levels(batches)
    assert first == [0, 1, 2, 3, 4] * 2 + [0, 1] and second == list(range(100, 112))


@pytest.mark.parametrize("count_a, count_b", [(5, 12), (12, 5)])
def test_nothing_comes_twice_where_nothing_shall(
    tmp_path, make_unpaired, save, both_levels, count_a, count_b
):
    source = fill(tmp_path, save, count_a, count_b)
    how = {"repeat": False, "jitter": False, "drop_remainder": False}
    batches = data.load(source, make_unpaired(batch_size=4), shuffle=False, **how)
    assert len(batches) == 2
    first, second = both_levels(batches)
    assert first == list(range(5)) and second == list(range(100, 105))


def test_a_domain_smaller_than_a_batch_is_repeated_within_it(
    tmp_path, make_unpaired, save, both_levels
):
    batches = data.load(fill(tmp_path, save, 1, 8), make_unpaired(batch_size=4), jitter=False)
    first, second = both_levels(batches)
    assert first == [0] * 8 and sorted(second) == list(range(100, 108))


def test_epochs_differ_and_repeat_with_the_seed(five_and_twelve, make_unpaired, both_levels):
    one, same, other = (
        data.load(five_and_twelve, make_unpaired(batch_size=3), seed=seed, jitter=False)
        for seed in (5, 5, 6)
    )
    epochs = [both_levels(one) for _ in range(2)]
    assert [both_levels(same) for _ in range(2)] == epochs
    for half in range(2):
        assert epochs[0][half] != epochs[1][half]
        assert both_levels(other)[half] != epochs[0][half]


def test_equal_seeds_give_equal_batches_also_in_their_jitter(tmp_path, make_unpaired, save):
    noise = np.random.default_rng(0).integers(0, 256, (5, 8, 8), np.uint8)
    for number, pixels in enumerate(noise):
        for side in "AB":
            save(tmp_path / f"train{side}" / f"{number}.png", pixels)

    def two_epochs():
        batches = data.load(f"folder:{tmp_path}", make_unpaired(), seed=5)
        return np.stack([stacked(batches) for _ in range(2)])

    first, again = two_epochs(), two_epochs()
    assert np.array_equal(first, again)
    assert not np.array_equal(first[0], first[1])


def test_the_domains_are_shuffled_each_by_itself(tmp_path, make_unpaired, save, both_levels):
    batches = data.load(fill(tmp_path, save, 30, 30), make_unpaired(), seed=3, jitter=False)
    for _ in range(2):
        first, second = both_levels(batches)
        assert sorted(first) == list(range(30))
        assert second != [100 + level for level in first]
        together = sum(b == 100 + a for a, b in zip(first, second, strict=True))
        assert together < 10  # one is expected


def test_a_domain_keeps_its_order_whatever_the_other_holds(
    tmp_path, make_unpaired, save, both_levels
):
    one = data.load(fill(tmp_path / "one", save, 8, 3), make_unpaired(), seed=3, jitter=False)
    two = data.load(fill(tmp_path / "two", save, 8, 5), make_unpaired(), seed=3, jitter=False)
    assert both_levels(one)[0] == both_levels(two)[0]


# === Jitter ===


def test_the_domains_jitter_each_by_itself(tmp_path, make_unpaired, save):
    rows, columns = np.mgrid[:143, :143]
    ramp = np.stack([rows, columns, 0 * rows], axis=-1).astype(np.uint8)
    for number in range(20):
        for side in "AB":
            save(tmp_path / f"train{side}" / f"{number:02}.png", ramp)
    model = make_unpaired(128, (3, 3), batch_size=5)
    batches = data.load(f"folder:{tmp_path}", model, shuffle=False, seed=4)

    def corners(half):
        """Top and left of each crop, and whether it is mirrored."""
        levels = np.round((half + 1) * 127.5).astype(int)
        mirrored = levels[:, 0, 0, 1] > levels[:, 0, -1, 1]
        left = np.where(mirrored, levels[:, 0, -1, 1], levels[:, 0, 0, 1])
        return np.stack([levels[:, 0, 0, 0], left, mirrored], axis=1)

    epochs = [[corners(half) for half in stacked(batches)] for _ in range(2)]
    for half in range(2):
        assert not np.array_equal(epochs[0][half], epochs[1][half])
        assert epochs[0][half][:, :2].min() >= 0 and epochs[0][half][:, :2].max() <= 15
    for first, second in epochs:
        for column in range(3):
            assert not np.array_equal(first[:, column], second[:, column])


def test_jitter_is_on_in_training_only(tmp_path, make_unpaired, save):
    noise = np.random.default_rng(0).integers(0, 256, (8, 8), np.uint8)
    for name in ("trainA", "trainB", "testA", "testB"):
        save(tmp_path / name / "1.png", noise)
    plain = noise[None, ..., None].astype(np.float32) / np.float32(127.5) - 1

    def epoch(**options):
        return stacked(data.load(f"folder:{tmp_path}", make_unpaired(), seed=0, **options))

    for half in (*epoch(split="test"), *epoch(jitter=False)):
        assert np.array_equal(half, plain)
    for half in (*epoch(), *epoch(split="test", jitter=True)):
        assert half.shape == plain.shape and not np.array_equal(half, plain)


def test_pictures_are_stretched_unless_they_are_to_be_cropped(tmp_path, make_unpaired, save):
    wide = np.zeros((8, 24), np.uint8)
    wide[:, :8] = 255
    for side in "AB":
        save(tmp_path / f"train{side}" / "1.png", wide)

    def brightest(**options):
        batches = data.load(f"folder:{tmp_path}", make_unpaired(), jitter=False, **options)
        return [picture.max() for picture in stacked(batches)]

    assert all(level > 0.9 for level in brightest())
    assert all(level == -1 for level in brightest(fit="crop"))


# === When pictures are decoded ===


def test_when_pictures_are_decoded_and_kept_makes_no_difference(
    five_and_twelve, make_unpaired, monkeypatch
):
    def two_epochs():
        batches = data.load(five_and_twelve, make_unpaired(8, (3, 1), batch_size=5), seed=1)
        return [half.numpy() for _ in range(2) for batch in batches for half in batch]

    expected = two_epochs()
    for up_front, cache in ((0, 2**30), (2**28, 0)):
        monkeypatch.setattr(examples, "UP_FRONT_BYTES", up_front)
        monkeypatch.setattr(examples, "CACHE_BYTES", cache)
        assert all(np.array_equal(*pair) for pair in zip(two_epochs(), expected, strict=True))


# === Refusals ===


def test_less_than_a_batch_is_refused(five_and_twelve, make_unpaired):
    with pytest.raises(ValueError, match="The larger domain of .* has 12 pictures .*batch of 16"):
        data.load(five_and_twelve, make_unpaired(batch_size=16))


def test_channels_no_picture_has_are_refused_by_the_models_own_name(five_and_twelve, make_unpaired):
    with pytest.raises(ValueError, match="2 channels. Use a_channels=1 or a_channels=3"):
        data.load(five_and_twelve, make_unpaired(8, (2, 3)))


def test_bundled_sets_of_another_kind_are_refused(make_unpaired):
    with pytest.raises(
        ValueError,
        match="edges holds pairs of pictures, but this model learns from two unpaired domains. "
        "Use bundled:emoji/styles or bundled:avatars/styles or bundled:avatars/glasses or "
        "bundled:haunted, or another",
    ):
        data.load("bundled:emoji/edges", make_unpaired())
    with pytest.raises(ValueError, match="fashion_mnist holds single pictures, but"):
        data.load("bundled:fashion_mnist", make_unpaired())
