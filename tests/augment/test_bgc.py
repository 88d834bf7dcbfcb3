"""StyleGAN2-ADA's augmentations: what they leave, what they move, and how often."""

import numpy as np
import pytest
import tensorflow as tf

from keras_gans import augment
from keras_gans.augment import bgc

SEED = tf.constant([3, 7])


def pictures(count=4, side=16, channels=3):
    rng = np.random.default_rng(0)
    return rng.uniform(-1, 1, (count, side, side, channels)).astype("float32")


@pytest.mark.parametrize("name", bgc.MEMBERS)
@pytest.mark.parametrize("channels", [1, 3])
def test_nothing_happens_at_probability_0(name, channels):
    images = pictures(channels=channels)
    changed = augment.diff_augment(images, SEED, (name,), 0.0)
    np.testing.assert_allclose(changed, images, atol=1e-5)


@pytest.mark.parametrize("name", bgc.MEMBERS)
@pytest.mark.parametrize("channels", [1, 3])
def test_equal_seeds_draw_the_same_for_each_picture_its_own(name, channels):
    images = np.repeat(pictures(1, channels=channels), 8, axis=0)
    first = augment.diff_augment(images, SEED, (name,), 0.9)
    np.testing.assert_array_equal(first, augment.diff_augment(images, SEED, (name,), 0.9))
    assert first.shape == images.shape
    different = {np.round(one, 4).tobytes() for one in first.numpy()}
    assert len(different) > 4


@pytest.mark.parametrize("name", bgc.MEMBERS)
def test_each_change_happens_with_its_probability(name):
    images = np.repeat(pictures(1), 400, axis=0)
    changed = augment.diff_augment(images, SEED, (name,), 0.1).numpy()
    share = (np.abs(changed - images).max(axis=(1, 2, 3)) > 1e-3).mean()
    # A flip or a turn of none is drawn too. Expected by hand, of independent changes:
    none = {
        "blit": 0.95 * 0.925 * 0.9**2,  # nearly; a move of no pixel is rare at this size
        "geometry": 0.9**4,  # scale, one or both rotations, stretch, move
        "color_transform": 0.9**4 * 0.95,
    }[name]
    assert share == pytest.approx(1 - none, abs=0.07)


def test_a_blit_only_moves_pixels():
    values = np.arange(256, dtype="float32").reshape(1, 16, 16, 1) / 128 - 1
    images = np.repeat(values, 20, axis=0)
    moved = augment.diff_augment(images, SEED, ("blit",), 1.0).numpy()
    assert set(np.unique(moved)) <= set(np.unique(images))
    middle = moved[:, 4:12, 4:12]
    assert all(len(np.unique(one)) == 64 for one in middle)  # at most two pixels, a neat copy


def test_a_rotation_turns_about_the_middle():
    """A quarter turn by the warp is the one by pixels."""
    images = pictures(1, 32)
    smooth = tf.nn.avg_pool2d(images, 5, 1, "SAME").numpy()
    quarter = tf.constant([[[0.0, 1.0], [-1.0, 0.0]]])
    turned = bgc._warped(tf.constant(smooth), quarter, tf.zeros(1), tf.zeros(1)).numpy()
    by_pixels = [np.rot90(smooth[0], k) for k in (1, 3)]
    errors = [np.abs(turned[0] - one)[6:-6, 6:-6].mean() for one in by_pixels]
    assert min(errors) < 0.15 * np.abs(smooth).mean()


def test_a_shift_moves_by_a_share_of_the_side():
    ramp = np.zeros((1, 32, 32, 1), "float32")
    ramp[:, :, 8:24] = np.linspace(-1, 1, 16)[None, None, :, None]
    moved = bgc._warped(tf.constant(ramp), tf.eye(2)[None], tf.zeros(1), tf.constant([0.125]))
    np.testing.assert_allclose(moved[:, :, 13:27], ramp[:, :, 9:23], atol=0.05)


def test_colours_keep_greys_grey_but_for_their_lightness():
    grey = np.repeat(pictures(20, channels=1), 3, axis=-1)
    changed = augment.diff_augment(grey, SEED, ("color_transform",), 1.0).numpy()
    np.testing.assert_allclose(
        changed, changed.mean(axis=-1, keepdims=True) + 0 * changed, atol=1e-4
    )


def test_gradients_reach_the_pictures():
    images = tf.constant(pictures())
    with tf.GradientTape() as tape:
        tape.watch(images)
        total = tf.reduce_sum(augment.diff_augment(images, SEED, tuple(bgc.MEMBERS), 0.8) ** 2)
    gradient = tape.gradient(total, images)
    assert np.isfinite(gradient).all() and np.abs(gradient).max() > 0


def test_bgc_is_all_of_them():
    assert augment.as_policy("bgc") == ("blit", "geometry", "color_transform")
    assert augment.as_policy(["cutout", "bgc"])[0] == "cutout"
