"""Each augmentation by what it may change, and what it must not."""

import numpy as np
import pytest
import tensorflow as tf

from keras_gans.augment import diff_augment
from keras_gans.penalties import r1_penalty

ALL = ("color", "translation", "cutout")


def pictures(count=64, height=16, width=12, channels=3):
    rng = np.random.default_rng(0)
    return tf.constant(rng.uniform(-1, 1, (count, height, width, channels)), tf.float32)


def seed(number=0):
    return tf.constant([7, number], tf.int64)


# === Translation ===


def numpy_moved(image, down, right):
    padded = np.pad(image, ((9, 9), (9, 9), (0, 0)))
    height, width, _ = image.shape
    return padded[9 - down : 9 - down + height, 9 - right : 9 - right + width]


def test_translations_are_whole_pixels_up_to_an_eighth_with_zeros_moving_in():
    images = np.array(pictures(300))
    outputs = np.array(diff_augment(images, seed(), ("translation",)))
    found = []
    for image, output in zip(images, outputs, strict=True):
        moves = [
            (down, right)
            for down in range(-2, 3)  # 16 / 8
            for right in range(-2, 3)  # 12 / 8, rounded
            if np.array_equal(numpy_moved(image, down, right), output)
        ]
        assert len(moves) == 1
        found.append(moves[0])
    assert len(set(found)) == 25


def test_gradient_of_a_translation_is_the_translation_back():
    images = pictures(30)
    weights = tf.random.stateless_normal(images.shape, (1, 2))
    with tf.GradientTape() as tape:
        tape.watch(images)
        total = tf.reduce_sum(weights * diff_augment(images, seed(), ("translation",)))
    gradient = np.array(tape.gradient(total, images))
    # <w, T x> = <T^T w, x>, for any x as T is linear.
    other = pictures(30)[::-1]
    moved = diff_augment(other, seed(), ("translation",))
    np.testing.assert_allclose(
        np.sum(gradient * other), np.sum(weights * moved), rtol=1e-4, atol=1e-3
    )


# === Cutout ===


def test_cutout_is_one_square_of_half_the_side():
    images = pictures(400) + 3.0  # no zeros of their own
    outputs = np.array(diff_augment(images, seed(), ("cutout",)))
    whole, rows_seen, columns_seen = 0, set(), set()
    for image, output in zip(np.array(images), outputs, strict=True):
        hole = (output == 0).all(-1)
        np.testing.assert_array_equal(output[~hole], image[~hole])
        rows, columns = np.where(hole.any(1))[0], np.where(hole.any(0))[0]
        assert hole.sum() == len(rows) * len(columns)
        assert np.ptp(rows) + 1 == len(rows) and np.ptp(columns) + 1 == len(columns)
        assert 4 <= len(rows) <= 8 and 3 <= len(columns) <= 6  # half of them at the border
        whole += (len(rows), len(columns)) == (8, 6)
        rows_seen.update(rows)
        columns_seen.update(columns)
    assert whole > 50
    assert (rows_seen, columns_seen) == (set(range(16)), set(range(12)))


def test_odd_holes_stay_half_inside():
    outputs = np.array(diff_augment(tf.ones((300, 6, 6, 1)), seed(), ("cutout",)))
    holes = (outputs == 0).any((2, 3)).sum(1)
    assert holes.min() == 2 and holes.max() == 3


# === Color ===


def color_model(image, output):
    """Brightness, saturation and contrast of an output: linear in known functions of the image."""
    grey = image.mean(-1, keepdims=True)
    mean = image.mean()
    # output = mean + b + c (grey - mean) + c s (image - grey)
    chroma, shade = image - grey, (grey - mean) * np.ones_like(image)
    columns = np.stack([np.ones(image.size), shade.ravel(), chroma.ravel()], axis=1)
    (level, contrast, both), *_ = np.linalg.lstsq(columns, output.ravel(), rcond=None)
    fitted = columns @ [level, contrast, both]
    np.testing.assert_allclose(fitted, output.ravel(), atol=1e-5)
    return level - mean, both / contrast, contrast


def test_color_changes_brightness_saturation_and_contrast_in_their_ranges():
    images = np.array(pictures(300))
    outputs = np.array(diff_augment(images, seed(), ("color",)))
    amounts = np.array([color_model(*pair) for pair in zip(images, outputs, strict=True)])
    for values, (low, high) in zip(amounts.T, [(-0.5, 0.5), (0, 2), (0.5, 1.5)], strict=True):
        assert low - 1e-4 <= values.min() < low + 0.03 * (high - low)
        assert high + 1e-4 >= values.max() > high - 0.03 * (high - low)
        assert abs(values.mean() - (low + high) / 2) < 0.06 * (high - low)
    assert np.abs(np.corrcoef(amounts.T) - np.eye(3)).max() < 0.2


def test_saturation_does_nothing_to_one_channel():
    images = np.array(pictures(20, channels=1))
    outputs = np.array(diff_augment(images, seed(), ("color",)))
    centred = [x - x.mean((1, 2, 3), keepdims=True) for x in (images, outputs)]
    contrast = (centred[1] / centred[0]).reshape(20, -1)
    np.testing.assert_allclose(
        contrast, np.median(contrast, 1, keepdims=True) * np.ones(192), rtol=1e-2
    )


# === All of them ===


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
@pytest.mark.parametrize("shape", [(2, 16, 12, 3), (1, 5, 7, 1), (3, 1, 1, 2)])
def test_shape_and_dtype_stay(shape, dtype):
    images = tf.cast(tf.ones(shape), dtype)
    outputs = diff_augment(images, seed())
    assert outputs.shape == shape and outputs.dtype == images.dtype


def test_seeds_decide():
    images = pictures(8)
    one, same, other = (diff_augment(images, seed(number)) for number in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert (np.array(one) != np.array(other)).any((1, 2, 3)).all()


def test_images_of_a_batch_are_changed_differently():
    images = tf.repeat(pictures(1), 16, axis=0)
    for name in ALL:
        outputs = np.array(diff_augment(images, seed(), (name,)))
        assert len({output.tobytes() for output in outputs}) > 8


def test_nothing_to_do():
    images = pictures(4)
    np.testing.assert_array_equal(diff_augment(images, seed(), ()), images)
    np.testing.assert_array_equal(diff_augment(images, seed(), probability=0.0), images)


@pytest.mark.parametrize("probability", [0.3, tf.constant(0.3)])
def test_probability_is_of_each_image_and_each_member(probability):
    # All members leave something of this behind, and each something of its own.
    images = tf.random.stateless_uniform((2000, 16, 16, 1), (3, 4), 0.5, 1.0)
    changed = []
    for name in ("color", "cutout"):
        outputs = np.array(diff_augment(images, seed(), (name,), probability))
        changed.append((outputs != np.array(images)).any((1, 2, 3)))
        assert 0.26 < changed[-1].mean() < 0.34
    outputs = np.array(diff_augment(images, seed(), ("color", "cutout"), probability))
    cut = (outputs == 0).any((1, 2, 3))
    kept = outputs != 0
    colored = ((outputs != np.array(images)) & kept).any((1, 2, 3))
    assert 0.26 < cut.mean() < 0.34 and 0.26 < colored.mean() < 0.34
    assert 0.05 < (cut & colored).mean() < 0.13  # 0.09: independent


def test_gradients_against_finite_differences():
    images = pictures(3, 6, 5, 3)
    direction = tf.random.stateless_normal(images.shape, (5, 6))

    def loss(images):
        return tf.reduce_sum(diff_augment(images, seed(3)) ** 2)

    with tf.GradientTape() as tape:
        tape.watch(images)
        value = loss(images)
    slope = float(tf.reduce_sum(tape.gradient(value, images) * direction))
    step = 1e-2
    difference = (loss(images + step * direction) - loss(images - step * direction)) / (2 * step)
    np.testing.assert_allclose(slope, difference, rtol=1e-2)


def critic(scale):
    return lambda images: (
        scale * tf.reduce_sum(tf.tanh(diff_augment(images, seed(3))) ** 2, axis=(1, 2, 3))
    )


def penalty_slope(scale, images):
    with tf.GradientTape() as tape:
        tape.watch([scale, images])
        penalty = r1_penalty(critic(scale), images)
    return penalty, *tape.gradient(penalty, [scale, images])


def test_second_order_gradients_against_finite_differences():
    images, scale = pictures(3, 6, 5, 3), tf.constant(1.5)
    penalty, by_scale, by_images = penalty_slope(scale, images)
    np.testing.assert_allclose(by_scale, 2 * penalty / scale, rtol=1e-5)  # it is quadratic
    direction = tf.random.stateless_normal(images.shape, (5, 6))
    step = 1e-2
    sides = [r1_penalty(critic(scale), images + sign * step * direction) for sign in (1, -1)]
    slope = float(tf.reduce_sum(by_images * direction))
    np.testing.assert_allclose(slope, (sides[0] - sides[1]) / (2 * step), rtol=2e-2)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_graphs_give_what_eager_code_gives_to_the_second_order(jit_compile):
    images, scale = pictures(3, 6, 5, 3), tf.constant(1.5)
    graph = tf.function(penalty_slope, jit_compile=jit_compile)
    for ours, theirs in zip(graph(scale, images), penalty_slope(scale, images), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


def test_unknown_shapes():
    spec = [tf.TensorSpec((None, None, None, 3)), tf.TensorSpec((2,), tf.int64)]
    graph = tf.function(diff_augment, input_signature=spec)
    np.testing.assert_allclose(
        graph(pictures(4), seed()), diff_augment(pictures(4), seed()), atol=1e-6
    )


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="Unknown augmentation 'colour'.*Did you mean 'color'"):
        diff_augment(pictures(1), seed(), ("colour", "cutout"))
    with pytest.raises(ValueError, match="Choose from: color, translation, cutout"):
        diff_augment(pictures(1), seed(), ("flip",))
    with pytest.raises(ValueError, match="Pass a tuple"):
        diff_augment(pictures(1), seed(), "color")
