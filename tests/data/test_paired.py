import numpy as np
import pytest
import tensorflow as tf

from keras_gans import data
from keras_gans.core.signature import Image
from keras_gans.data import examples

NOISE = np.random.default_rng(0).integers(0, 256, (12, 8, 16, 3), np.uint8)


@pytest.fixture
def twins(tmp_path, save):
    """Twelve pairs side by side whose halves are equal."""
    for number, pixels in enumerate(NOISE):
        save(tmp_path / f"{number:02}.png", np.concatenate([pixels[:, :8]] * 2, axis=1))
    return f"folder:{tmp_path}"


@pytest.fixture
def numbered(tmp_path, save):
    """Seven pairs of one level each, B's 100 above A's."""
    for number in range(7):
        save(tmp_path / f"{number}.png", np.repeat(np.uint8([[number, 100 + number]] * 8), 8, 1))
    return f"folder:{tmp_path}"


def stacked(batches):
    return tuple(np.concatenate(list(half)) for half in zip(*batches, strict=True))


# === Batches ===


def test_batches_are_what_the_model_wants(numbered, make_paired):
    model = make_paired((6, 9), (3, 1), batch_size=2)
    batches = data.load(numbered, model)
    assert isinstance(batches.element_spec, tuple)
    shapes = [tuple(spec.shape) for spec in batches.element_spec]
    assert shapes == [tuple(spec.shape) for spec in model.batch_spec(2)]
    assert len(batches) == 3 == sum(1 for _ in batches)
    for half in next(iter(batches)):
        assert half.dtype == tf.float32 and -1 <= half.numpy().min() <= half.numpy().max() <= 1


def test_the_batch_size_is_the_models_unless_given(numbered, make_paired):
    assert len(data.load(numbered, make_paired())) == 7
    assert len(data.load(numbered, make_paired(), batch_size=3, jitter=False)) == 2
    kept = data.load(numbered, make_paired(), batch_size=3, drop_remainder=False, jitter=False)
    assert [len(a) for a, _ in kept] == [3, 3, 1] and len(kept) == 3


def test_pairs_stay_together_in_every_order(numbered, make_paired, both_levels):
    batches = data.load(
        numbered, make_paired(batch_size=2), drop_remainder=False, seed=1, jitter=False
    )
    orders = []
    for _ in range(3):
        first, second = both_levels(batches)
        assert sorted(first) == list(range(7))
        assert second == [level + 100 for level in first]
        orders.append(first)
    assert orders[0] != orders[1] != orders[2]
    again = data.load(
        numbered, make_paired(batch_size=2), drop_remainder=False, seed=1, jitter=False
    )
    assert both_levels(again)[0] == orders[0]


def test_without_shuffling_the_order_is_the_files(numbered, make_paired, both_levels):
    batches = data.load(numbered, make_paired(), shuffle=False, jitter=False)
    for _ in range(2):
        assert both_levels(batches)[0] == list(range(7))


def test_grey_and_colour_are_made_of_each_other(tmp_path, make_paired, save):
    pixels = np.zeros((8, 16, 3), np.uint8)
    pixels[:, :, 0] = 255
    save(tmp_path / "1.png", pixels)
    for channels in ((1, 3), (3, 1)):
        model = make_paired(8, channels)
        (batch,) = data.load(f"folder:{tmp_path}", model, jitter=False)
        red = {1: [76], 3: [255, 0, 0]}
        for half, count in zip(batch, channels, strict=True):
            levels = np.round((half.numpy() + 1) * 127.5)
            assert levels.shape == (1, 8, 8, count) and (levels == red[count]).all()


# === Jitter ===


def test_jitter_is_alike_on_both_halves(twins, make_paired):
    batches = data.load(twins, make_paired(8, (3, 3), batch_size=4), jitter=True)
    for _ in range(3):
        first, second = stacked(batches)
        assert np.array_equal(first, second)


def test_jitter_crops_and_mirrors_anew_in_every_epoch(tmp_path, make_paired, save):
    # A ramp in both directions: where a crop lies and whether it is mirrored can be read off it.
    rows, columns = np.mgrid[:286, :286]
    ramp = np.stack([rows * 0.5, columns * 0.5, 0 * rows], axis=-1).astype(np.uint8)
    for number in range(20):
        save(tmp_path / f"{number:02}.png", np.concatenate([ramp, ramp], axis=1))
    model = make_paired(256, (3, 3), batch_size=5)
    batches = data.load(f"folder:{tmp_path}", model, shuffle=False, seed=2)
    epochs = []
    for _ in range(2):
        first, second = stacked(batches)
        assert np.array_equal(first, second)
        levels = (first + 1) * 127.5
        mirrored = levels[:, 0, 0, 1] > levels[:, 0, -1, 1]
        left = np.where(mirrored, levels[:, 0, -1, 1], levels[:, 0, 0, 1])
        epochs.append(np.stack([levels[:, 0, 0, 0], left, mirrored], axis=1))
    places = np.concatenate(epochs)
    assert not np.array_equal(*epochs)
    assert 8 < places[:, 2].sum() < 32
    for place in (places[:, 0], places[:, 1]):  # in half pixels, of 0 to 30
        assert place.min() >= 0 and place.max() <= 15 and len(np.unique(place.round())) > 7
    again = data.load(f"folder:{tmp_path}", model, shuffle=False, seed=2)
    assert np.array_equal(stacked(again)[0][:, 0, 0, 0], epochs[0][:, 0] / 127.5 - 1)


def test_the_jittered_is_a_part_of_the_scaled(twins, make_paired):
    size = 28  # round(28 * 286 / 256) is 31
    jittered = data.load(twins, make_paired(size, (3, 3)), shuffle=False, jitter=True, seed=0)
    whole = data.load(twins, make_paired(31, (3, 3)), shuffle=False, jitter=False)
    for (part, _), (picture, _) in zip(jittered, whole, strict=True):
        candidates = [
            half[0, top : top + size, left : left + size]
            for half in (picture.numpy(), picture.numpy()[:, :, ::-1])
            for top in range(4)
            for left in range(4)
        ]
        assert any(np.array_equal(part[0], candidate) for candidate in candidates)


@pytest.mark.parametrize("options, jitters", [({}, True), ({"split": "test"}, False)])
def test_jitter_is_on_in_training_only(tmp_path, make_paired, save, options, jitters):
    for split in ("train", "test"):
        for number, pixels in enumerate(NOISE):
            save(tmp_path / split / f"{number:02}.png", pixels)
    model, source = make_paired(8, (3, 3)), f"folder:{tmp_path}"

    def epoch(**more):
        return stacked(data.load(source, model, shuffle=False, seed=0, **options, **more))[0]

    plain = NOISE[:, :, :8].astype(np.float32) / np.float32(127.5) - 1
    assert np.array_equal(epoch(jitter=False), plain)
    assert np.array_equal(epoch(), epoch(jitter=jitters))
    assert np.array_equal(epoch(), plain) != jitters
    assert not np.array_equal(epoch(jitter=True), plain)


def test_flip_mirrors_without_jitter(twins, make_paired):
    batches = data.load(twins, make_paired(8, (3, 3)), shuffle=False, jitter=False, flip=True)
    first, second = stacked(batches)
    assert np.array_equal(first, second)
    plain = NOISE[:, :, :8].astype(np.float32) / np.float32(127.5) - 1
    kept, mirrored = (first == plain), (first == plain[:, :, ::-1])
    either = kept.all(axis=(1, 2, 3)).astype(int) + mirrored.all(axis=(1, 2, 3))
    assert (either == 1).all() and 0 < mirrored.all(axis=(1, 2, 3)).sum() < len(plain)


# === Fit ===


def test_pictures_are_stretched_unless_they_are_to_be_cropped(tmp_path, make_paired, save):
    half = np.zeros((8, 24), np.uint8)
    half[:, :8] = 255
    for side in "AB":
        save(tmp_path / side / "1.png", half)

    def brightest(**options):
        (batch,) = data.load(f"folder:{tmp_path}", make_paired(), jitter=False, **options)
        return [picture.numpy().max() for picture in batch]

    assert all(level > 0.9 for level in brightest())
    assert brightest() == brightest(fit="stretch")
    assert all(level == -1 for level in brightest(fit="crop"))


# === When pictures are decoded ===


def test_when_pairs_are_decoded_and_kept_makes_no_difference(twins, make_paired, monkeypatch):
    def two_epochs():
        batches = data.load(twins, make_paired(8, (3, 1), batch_size=5), seed=1)
        return [half.numpy() for _ in range(2) for batch in batches for half in batch]

    expected = two_epochs()
    for up_front, cache in ((0, 2**30), (2**28, 0)):
        monkeypatch.setattr(examples, "UP_FRONT_BYTES", up_front)
        monkeypatch.setattr(examples, "CACHE_BYTES", cache)
        assert all(np.array_equal(*pair) for pair in zip(two_epochs(), expected, strict=True))


# === Refusals ===


def test_less_than_a_batch_is_refused(numbered, make_paired):
    with pytest.raises(ValueError, match="has 7 pairs in .*one batch of 8.*7 or less, or more pai"):
        data.load(numbered, make_paired(batch_size=8))


def test_halves_of_different_size_are_refused(numbered, make_paired):
    model = make_paired()
    model.batch_roles = lambda: {"a": Image(8, 8, 3), "b": Image(16, 8, 3)}
    with pytest.raises(ValueError, match="must be of one size, .* for 8 x 8 and 16 x 8 pixels"):
        data.load(numbered, model)


def test_channels_no_picture_has_are_refused_by_the_models_own_name(numbered, make_paired):
    with pytest.raises(ValueError, match="4 channels. Use b_channels=1 or b_channels=3"):
        data.load(numbered, make_paired(8, (3, 4)))


def test_a_model_of_any_size_is_refused(numbered, make_paired):
    with pytest.raises(ValueError, match="Build the model with an image_size"):
        data.load(numbered, make_paired((None, None)))


def test_tensorflow_datasets_are_refused(make_paired):
    with pytest.raises(ValueError, match="not read as pairs: use .* Received: 'tfds:mnist'"):
        data.load("tfds:mnist", make_paired())


def test_bundled_sets_of_another_kind_are_refused(make_paired):
    with pytest.raises(
        ValueError,
        match="fashion_mnist holds single pictures, but this model learns from pairs of pictures. "
        "Use bundled:emoji/edges or bundled:emoji/styles_paired",
    ):
        data.load("bundled:fashion_mnist", make_paired())
    with pytest.raises(ValueError, match="styles holds two unpaired domains of pictures, but"):
        data.load("bundled:emoji/styles", make_paired())


def test_two_pictures_are_pairs_unless_they_are_of_domains(numbered, make_paired, make_unpaired):
    pairs = next(iter(data.load(numbered, make_paired())))
    assert [half.shape for half in pairs] == [(1, 8, 8, 1)] * 2
    with pytest.raises(ValueError, match="domain"):
        data.load(numbered, make_unpaired())


def test_three_pictures_are_no_pair(numbered, make_paired):
    model = make_paired()
    model.batch_roles = lambda: dict.fromkeys("abc", Image(8, 8, 3))
    with pytest.raises(ValueError, match="of two pictures, or .*; Translator learns") as caught:
        data.load(numbered, model)
    assert "task" not in str(caught.value)  # models have none
