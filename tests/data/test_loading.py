import numpy as np
import pytest
import tensorflow as tf

from keras_gans import data
from keras_gans.core.conditioning import Conditions
from keras_gans.core.signature import Image, Labels, Latent, Role, as_parts

FASHION = "bundled:fashion_mnist"


def test_batches_are_what_the_model_wants(make_model):
    for model in (make_model((6, 9), 3), make_model(5, 1, num_classes=10)):
        batches = data.load(FASHION, model, split="test")
        assert batches.element_spec == model.batch_spec(4) or (
            [tuple(s.shape) for s in tf.nest.flatten(batches.element_spec)]
            == [tuple(s.shape) for s in tf.nest.flatten(model.batch_spec(4))]
        )
        assert len(batches) == 250 == sum(1 for _ in batches)
        images, *labels = tf.nest.flatten(next(iter(batches)))
        assert images.dtype == tf.float32 and [label.dtype for label in labels] in ([], [tf.int32])
        assert -1 <= images.numpy().min() < -0.9 and 0.5 < images.numpy().max() <= 1


@pytest.mark.parametrize("batch_size, steps, emitted", [(None, 1, 4), (6, 1, 6), (6, 5, 30)])
def test_a_batch_holds_a_share_for_every_discriminator_step(make_model, batch_size, steps, emitted):
    model = make_model(discriminator_steps=steps)
    batches = data.load(FASHION, model, split="test", batch_size=batch_size)
    assert next(iter(batches)).shape[0] == emitted
    assert len(batches) == 1_000 // emitted


def test_the_remainder_is_dropped_unless_it_is_wanted(make_model):
    model = make_model(batch_size=300)
    dropped = data.load(FASHION, model, split="test")
    kept = data.load(FASHION, model, split="test", drop_remainder=False)
    assert [len(batch) for batch in dropped] == [300] * 3 and len(dropped) == 3
    assert [len(batch) for batch in kept] == [300] * 3 + [100] and len(kept) == 4


def test_equal_seeds_give_equal_batches(make_model):
    def two_epochs(seed):
        batches = data.load(FASHION, make_model(batch_size=250), split="test", seed=seed, flip=True)
        return np.stack([np.stack(list(batches.as_numpy_iterator())) for _ in range(2)])

    one, same, other = two_epochs(5), two_epochs(5), two_epochs(6)
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
    assert not np.array_equal(one[0], one[1])


def test_the_seed_is_drawn_from_pythons_generator(make_model):
    import keras

    def first():
        keras.utils.set_random_seed(7)
        return next(iter(data.load(FASHION, make_model(), split="test"))).numpy()

    assert np.array_equal(first(), first())


def test_flip_is_off_unless_asked_for(make_model):
    def batch(**options):
        batches = data.load(
            FASHION, make_model(28, batch_size=1_000), split="test", shuffle=False, **options
        )
        return next(iter(batches)).numpy()

    plain, flipped = batch(), batch(flip=True)
    same = (plain == flipped).all(axis=(1, 2, 3))
    mirrored = (plain[:, :, ::-1] == flipped).all(axis=(1, 2, 3))
    assert np.array_equal(plain, batch(flip=False))
    assert (same | mirrored).all() and 400 < mirrored.sum() < 600


def test_jitter_is_for_translators(make_model):
    with pytest.raises(
        ValueError, match="`jitter` scales.* Model makes .* Use flip=True to mirror"
    ):
        data.load(FASHION, make_model(), jitter=True)
    for jitter in (None, False):
        assert len(data.load(FASHION, make_model(), split="test", jitter=jitter)) == 250


@pytest.mark.parametrize("batch_size", [0, -1, 2.5, "8", True])
def test_an_impossible_batch_size_is_refused(make_model, batch_size):
    with pytest.raises(ValueError, match="`batch_size` must be a positive integer. Received: "):
        data.load(FASHION, make_model(), batch_size=batch_size)


@pytest.mark.parametrize("seed", [-1, 0.5, "x", False])
def test_an_impossible_seed_is_refused(make_model, seed):
    with pytest.raises(ValueError, match="`seed` must be an integer, 0 or more. Received: "):
        data.load(FASHION, make_model(), seed=seed)


def test_an_unknown_fit_is_refused(make_model):
    with pytest.raises(ValueError, match=r"`fit` must be one of .*crop.*pad.*stretch.*'tile'"):
        data.load(FASHION, make_model(), fit="tile")


class Other(Role):
    """A tensor of a role of the user's own."""

    def __init__(self, *row, dtype=tf.float32):
        self.row, self.dtype = row, dtype

    def spec(self, size, name):
        return tf.TensorSpec((size, *self.row), self.dtype, name)


@pytest.mark.parametrize(
    "roles",
    [
        {"a": Image(8, 8, 3), "b": Image(8, 8, 3), "c": Image(8, 8, 3)},
        {"a": Image(8, 8, 3), "b": Other(8, 8, 3)},
        {"latent": Latent(64)},
        {"points": Other(64)},
        {"image": Image(8, 8, 3), "latent": Latent(8)},
        {"image": Other(8, 8, 3, dtype=tf.int32)},
        {"image": Image(8, 8, 3), "code": Other(10, dtype=tf.int32)},
        {"label": Labels(Conditions(3)), "image": Image(8, 8, 3)},
    ],
    ids=[
        "three",
        "half",
        "latents",
        "vectors",
        "beside latents",
        "integers",
        "one-hot",
        "labels first",
    ],
)
def test_other_kinds_of_batch_are_refused(make_model, roles):
    model = make_model()
    model.batch_roles = lambda: roles
    with pytest.raises(ValueError, match="of two pictures, or of .*; Model learns from"):
        data.load(FASHION, model)


@pytest.mark.parametrize("model", ["make_model", "make_paired", "make_unpaired"])
def test_a_pass_is_named_by_its_number(model, request, tmp_path, save):
    for domain in ("A", "B", "trainA", "trainB"):
        for number in range(6):
            save(tmp_path / domain / f"{number}.png", number * 40)
    source = {"make_model": tmp_path / "A"}.get(model, tmp_path)
    how = {"seed": 3, "batch_size": 2, "jitter": None if model == "make_model" else True}
    made = request.getfixturevalue(model)()
    shown = [_values(data.load(f"folder:{source}", made, **how).from_pass(0), 12)]
    begun = data.load(f"folder:{source}", made, **how)
    assert len(begun) == 3
    in_turn = [batch for _ in range(4) for batch in _values(begun, 3)]
    np.testing.assert_array_equal(shown[0], in_turn)
    later = data.load(f"folder:{source}", made, **how).from_pass(2)
    assert later.cardinality() == tf.data.INFINITE_CARDINALITY
    np.testing.assert_array_equal(_values(later, 6), in_turn[6:])


def _values(batches, count):
    return [np.concatenate([np.ravel(p) for p in as_parts(b)]) for b in batches.take(count)]


def test_less_than_a_batch_is_refused(make_model, tmp_path, save):
    for number in range(7):
        save(tmp_path / f"{number}.png", number)
    source = f"folder:{tmp_path}"
    with pytest.raises(ValueError, match=r"has 7 pictures .* one batch of 8. Use batch_size=7"):
        data.load(source, make_model(batch_size=8))
    with pytest.raises(ValueError, match=r"one batch of 20 \(4 for each of 5 .*Use batch_size=1"):
        data.load(source, make_model(discriminator_steps=5))
    with pytest.raises(ValueError, match="It needs at least 9"):
        data.load(source, make_model(discriminator_steps=9))
    assert len(data.load(source, make_model(batch_size=7))) == 1
    assert len(data.load(source, make_model(batch_size=8), drop_remainder=False)) == 1
