"""What the discriminator is shown: noise, packed, augmented, replayed and spread pictures."""

import numpy as np
import pytest
import tensorflow as tf
from fabrication import (
    FAMILIES,
    UNLABELLED,
    by_default,
    fabricate,
    play,
    ramp,
    same,
    snapshot,
    tiny,
    watch,
)

from keras_gans import augment, zoo
from keras_gans.games import views
from keras_gans.games.loss import Samples

FREE = {"gradient_penalty": 0.0, "r1": 0.0, "r2": 0.0, "clip": 0.0}  # no family's own bounds


def shown(model, samples, side, draw=0):
    """Images as D sees them."""
    return views.discriminator_view(
        model, Samples(samples.images, samples.labels, draw), side
    ).images


def test_what_is_off_hands_on_what_came():
    model = tiny("dcgan")
    images = ramp(model)
    assert views.discriminator_view(model, images, "real") is images
    assert views.replayed(model, images) is images


# === Instance noise ===


def test_noise_has_the_deviation_asked_for_and_differs():
    model = tiny("dcgan", instance_noise=0.3)
    images = ramp(model, 40)
    noises = {
        (side, draw): np.array(shown(model, images, side, draw) - images.images)
        for side in ("real", "fake")
        for draw in (0, 1)
    }
    for noise in noises.values():
        assert abs(noise.std() - 0.3) < 0.005 and abs(noise.mean()) < 0.005
    distinct = {noise.tobytes() for noise in noises.values()}
    model.step.assign(1)
    distinct.add(np.array(shown(model, images, "real") - images.images).tobytes())
    assert len(distinct) == 5


@pytest.mark.parametrize(("step", "left"), [(0, 1.0), (5, 0.5), (9, 0.1), (10, 0.0), (99, 0.0)])
def test_noise_falls_linearly(step, left):
    model = tiny("dcgan", instance_noise=0.4, instance_noise_steps=10)
    model.step.assign(step)
    images = ramp(model, 40)
    noise = np.array(shown(model, images, "real") - images.images)
    assert noise.std() == pytest.approx(0.4 * left, rel=0.02)


@pytest.mark.parametrize("name", by_default(("cdcgan", "wgan_gp"), FAMILIES))
def test_the_generator_s_own_view_is_noisy_too(name):
    model = tiny(name, instance_noise=0.5, **(FREE if name != "r3gan" else {"r1": 0, "r2": 0}))
    generated, judged = watch(model, "generated"), watch(model, "judge")
    play(model, size=16)
    fake = np.array(generated[-1][1].images)
    ((seen,), _) = judged[-1]
    noise = np.array(seen.images)[-len(fake) :] - fake
    assert noise.std() == pytest.approx(0.5, rel=0.1)


# === Replay ===


@pytest.mark.parametrize("name", by_default(("cdcgan", "wgan_gp"), FAMILIES))
def test_the_pool_fills_with_generated_images(name):
    model = tiny(name, replay=6, discriminator_steps=1)
    generated = watch(model, "generated")
    play(model)
    assert int(model.pool.held) == 4
    channels = model.image_channels
    np.testing.assert_array_equal(model.pool.images[:4, ..., :channels], generated[0][1].images)
    assert not np.array(model.pool.images[4:]).any()
    play(model)
    assert int(model.pool.held) == 6


def test_the_generator_learns_from_fresh_images_alone():
    model = tiny("dcgan", replay=2)
    generated, judged = watch(model, "generated"), watch(model, "judge")
    play(model, steps=6)
    replayed = 0
    for step in range(6):
        fresh = np.array(generated[step][1].images)
        _, to_learn, to_deceive = (
            np.array(seen.images) for (seen,), _ in judged[3 * step : 3 * step + 3]
        )
        np.testing.assert_array_equal(to_deceive, fresh)
        replayed += sum(not np.array_equal(*pair) for pair in zip(to_learn, fresh, strict=True))
    assert replayed > 0


CONDITIONS = [
    {},
    {"num_classes": (4, 3), "num_attributes": 2},
    {"num_classes": 0, "num_attributes": 1},
]


@pytest.mark.parametrize("conditions", CONDITIONS, ids=["classes", "columns", "one_attribute"])
@pytest.mark.parametrize("open_batch", [False, True])
def test_each_replayed_picture_keeps_its_own_label(conditions, open_batch):
    model = tiny("cdcgan", replay=12, **conditions)
    spec = model.batch_spec()
    random = np.random.default_rng(0)

    def replayed(pictures, labels):
        handed = views.replayed(model, Samples(pictures, labels))
        return handed.images, handed.labels

    if open_batch:
        replayed = tf.function(replayed, input_signature=list(spec))
    older = 0
    for step in range(8):
        model.step.assign(step)
        labels = random.integers(0, 2 if conditions else 10, (6, *spec[1].shape[1:]))
        labels = labels.astype("int32")
        code = _coded(labels) + step / 1000  # the label and the step, written into the picture
        pictures = tf.constant(
            np.broadcast_to(code[:, None, None, None], (6, 16, 16, 3)), tf.float32
        )
        handed, handed_labels = replayed(pictures, tf.constant(labels))
        assert handed_labels.dtype == tf.int32 and handed_labels.shape == labels.shape
        written = np.array(handed)[:, 0, 0, 0]
        label = np.floor(written * 64 + 1e-4) / 64
        np.testing.assert_allclose(label, _coded(np.array(handed_labels)), atol=1e-6)
        older += (np.abs(written - label - step / 1000) > 1e-4).sum()
    assert older > 8


def _coded(labels):
    rows = labels.reshape(len(labels), -1)
    base = 2 if rows.shape[1] > 1 else 10
    return rows @ (base ** np.arange(rows.shape[1])) / 64


def test_the_pool_is_saved_and_restored(tmp_path):
    model = tiny("dcgan", replay=6)
    play(model)
    model.save(tmp_path / "m.keras")
    loaded = zoo.load(tmp_path / "m.keras")
    assert int(loaded.pool.held) == 4
    np.testing.assert_array_equal(loaded.pool.images, model.pool.images)


def test_labels_are_replayed_from_data_whose_batches_end_smaller():
    model = tiny("cdcgan", replay=8)
    data = tf.data.Dataset.from_tensor_slices(fabricate(model, 6)).batch(4)
    model.fit(data, verbose=0)
    assert (int(model.step), int(model.pool.held)) == (2, 6)


# === Packing ===


@pytest.mark.parametrize("packing", [2, 3])
def test_images_are_stacked_as_channels(packing):
    model = tiny("dcgan", packing=packing)
    images = ramp(model, 6).images
    seen = shown(model, Samples(images), "real")
    rows = 6 // packing
    assert seen.shape == (rows, 16, 16, 3 * packing)
    for row in range(rows):
        for place in range(packing):
            picture = seen[row, :, :, 3 * place : 3 * place + 3]
            np.testing.assert_array_equal(picture, images[row + place * rows])


@pytest.mark.parametrize("name", UNLABELLED)
def test_the_discriminator_judges_so_many_at_once(name):
    model = tiny(name, packing=2)
    channels = model.image_channels
    assert model.discriminator.inputs[0].shape[-1] == 2 * channels
    assert model.generator.outputs[0].shape[-1] == channels
    judged = watch(model, "judge")
    assert np.isfinite(list(play(model).values())).all()
    for (seen,), logits in judged:
        assert seen.images.shape[-1] == 2 * channels
        assert logits.shape == (seen.count, 1)
    assert model.sample(3, seed=0).shape == (3, model.image_size, model.image_size, channels)


def of_size(size, known):
    def data(model, steps):
        images = fabricate(tiny("dcgan"), 12 * steps)
        if known is None:
            return {"x": images, "batch_size": size}
        return {
            "x": tf.data.Dataset.from_tensor_slices(images).batch(
                size * steps, drop_remainder=known
            )
        }

    return data


@pytest.mark.parametrize("steps", [1, 2])
def test_a_batch_of_open_size_is_cut_to_what_packing_divides(steps):
    model = tiny("dcgan", packing=2, discriminator_steps=steps)
    with pytest.warns(UserWarning, match="left out"):
        model.fit(**of_size(3, False)(model, steps), verbose=0)
    assert int(model.step) >= 1


@pytest.mark.parametrize("known", [None, True], ids=["array", "known"])
@pytest.mark.parametrize("steps", [1, 2])
def test_a_batch_that_packing_does_not_divide_is_refused(known, steps):
    model = tiny("dcgan", packing=2, discriminator_steps=steps)
    before = snapshot(model.weights)
    with pytest.raises(ValueError, match="packing=2 images at once.*a multiple of 2.*Received: 3"):
        model.fit(**of_size(3, known)(model, steps), verbose=0)
    assert same(before, model.weights)


def test_a_remainder_that_cannot_be_packed_is_left_out():
    model = tiny("dcgan", packing=2)
    with pytest.warns(UserWarning, match="Images left out: 1"):
        model.fit(fabricate(model, 7), batch_size=4, verbose=0)
    assert int(model.step) == 2 and int(model.images_shown) == 6
    with pytest.raises(ValueError, match="1 images cannot be shared out.*needs at least 2"):
        model.fit(fabricate(model, 1), batch_size=4, verbose=0)


# === Augmentation ===


def test_all_images_are_seen_augmented():
    model = tiny("dcgan", augment="color,cutout", augment_probability=0.7)
    images = ramp(model)
    for side in ("real", "fake"):
        expected = augment.diff_augment(
            images.images, model.stream_seed(f"{side}_augment"), ("color", "cutout"), 0.7
        )
        np.testing.assert_array_equal(shown(model, images, side), expected)
        assert not np.array_equal(expected, images.images)
    assert not np.array_equal(shown(model, images, "real"), shown(model, images, "fake"))


@pytest.mark.parametrize("name", by_default(("cdcgan", "wgan_gp"), FAMILIES))
def test_the_generator_learns_through_the_augmentation(name):
    model = tiny(name, augment=("color", "translation", "cutout"))
    judged, generated = watch(model, "judge"), watch(model, "generated")
    assert np.isfinite(list(play(model).values())).all()
    fake = np.array(generated[-1][1].images)
    ((seen,), _) = judged[-1]
    assert not np.array_equal(np.array(seen.images)[-len(fake) :], fake)


def test_gradients_reach_the_generator_through_all_that_is_seen():
    model = tiny("dcgan", augment=("color", "translation"), instance_noise=0.1, packing=2)
    images = ramp(model)
    with tf.GradientTape() as tape:
        tape.watch(images.images)
        loss = model._loss_of_generator(views.discriminator_view(model, images, "real"), images)
    assert np.abs(tape.gradient(loss.value, images.images)).max() > 0


@pytest.mark.parametrize("objective", ["non_saturating", "least_squares"])
def test_the_probability_follows_how_sure_the_discriminator_is(objective):
    model = tiny(
        "dcgan", augment="color", ada_target=0.6, objective=objective, discriminator_steps=2
    )
    assert float(model.probability) == 0.0
    boundary = model.objective.boundary
    sure = tf.fill((500, 1), boundary + 0.1)
    model._update_augment_probability(sure)
    assert float(model.probability) == pytest.approx(1000 / 500_000)
    model._update_augment_probability(sure)
    assert float(model.probability) == pytest.approx(2000 / 500_000)
    model._update_augment_probability(tf.fill((500, 1), boundary - 0.1))
    assert float(model.probability) == pytest.approx(1000 / 500_000)
    for _ in range(2):
        model._update_augment_probability(tf.fill((500, 1), boundary - 0.1))
    assert float(model.probability) == 0.0


def test_packed_images_are_counted_one_by_one():
    model = tiny("dcgan", augment="color", ada_target=0.6, packing=4)
    model._update_augment_probability(tf.ones((100, 1)))
    assert float(model.probability) == pytest.approx(400 / 500_000)


def test_the_probability_is_what_images_are_augmented_with(tmp_path):
    model = tiny("dcgan", augment="cutout", ada_target=0.6)
    images = ramp(model)
    np.testing.assert_array_equal(shown(model, images, "real"), images.images)
    model.probability.assign(1.0)
    assert not np.array_equal(shown(model, images, "real"), images.images)
    model.probability.assign(0.25)
    model.save(tmp_path / "m.keras")
    assert float(zoo.load(tmp_path / "m.keras").probability) == 0.25


# === Levels ===


@pytest.mark.parametrize("name", ["wgan_gp", "sngan"])
def test_spread_levels_stay_where_tanh_reaches(name):
    model = tiny(name)
    levels = np.arange(256, dtype="float32").reshape(1, 16, 16, 1) / 127.5 - 1
    samples = [Samples(tf.constant(levels), draw=draw) for draw in range(50)]
    noisy = np.concatenate([views.dequantised(model, one).images for one in samples])
    assert -1 <= noisy.min() and noisy.max() < 1
    whole = (levels + 1) * 127.5
    assert ((noisy + 1) * 128 - whole >= -1e-3).all() and ((noisy + 1) * 128 - whole < 1.001).all()
    assert np.std((noisy + 1) * 128 - whole) == pytest.approx(12**-0.5, rel=0.05)


@pytest.mark.parametrize("name", ["wgan_gp", "sngan"])
def test_the_discriminator_learns_from_spread_levels(name, monkeypatch):
    model, seen, look = tiny(name), [], views.discriminator_view

    def watched(game, samples, side):
        if side == "real":
            seen.append(np.asarray(samples.images))
        return look(game, samples, side)

    monkeypatch.setattr(views, "discriminator_view", watched)
    model.train_step(tf.fill(model.batch_spec(2).shape, 100 / 127.5 - 1))  # one level everywhere
    assert len(seen) == model.discriminator_steps + 1  # the last is what G is compared with
    steps = (np.concatenate(seen) + 1) * 128 - 100
    assert steps.min() > -1e-3 and steps.max() < 1.001 and np.std(steps) > 0.2
