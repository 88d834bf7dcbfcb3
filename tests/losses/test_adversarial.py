"""Losses against numbers worked out by hand, and the gradients the paper says they have."""

import math

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_gans import losses

LN2, LN3, LN4 = math.log(2), math.log(3), math.log(4)
logits = st.lists(st.floats(-30, 30, width=32), min_size=1, max_size=8)


def test_logistic_by_hand():
    # sigmoid(ln 3) = 3/4 and sigmoid(-ln 3) = 1/4: D(x) = 3/4, 1/2; D(G(z)) = 1/4, 1/2.
    real, fake = tf.constant([[LN3], [0.0]]), tf.constant([[-LN3], [0.0]])
    by_hand = (LN4 - LN3 + LN2) / 2 + (LN4 - LN3 + LN2) / 2
    assert float(losses.logistic(real, fake)) == pytest.approx(by_hand, rel=1e-6)


def test_generator_losses_by_hand():
    fake = tf.constant([[LN3], [-LN3]])  # D(G(z)) = 3/4, 1/4
    assert float(losses.minimax(fake)) == pytest.approx(
        (math.log(1 / 4) + math.log(3 / 4)) / 2, rel=1e-6
    )
    by_hand = -(math.log(3 / 4) + math.log(1 / 4)) / 2
    assert float(losses.non_saturating(fake)) == pytest.approx(by_hand, rel=1e-6)


def test_undecided_discriminator():
    zero = tf.zeros((5, 3, 3, 1))
    assert float(losses.logistic(zero, zero)) == pytest.approx(2 * LN2)
    assert float(losses.minimax(zero)) == pytest.approx(-LN2)
    assert float(losses.non_saturating(zero)) == pytest.approx(LN2)


@settings(deadline=None)
@given(logits)
def test_minimax_is_the_other_side_of_the_discriminator_loss(fake):
    fake = tf.constant(fake)
    alone = losses.logistic(tf.constant([100.0]), fake)  # nothing lost on real images
    assert float(losses.minimax(fake)) == pytest.approx(-float(alone), rel=1e-5, abs=1e-6)


@settings(deadline=None)
@given(st.floats(-30, 30))
def test_gradients_are_the_paper_s(value):
    logit = tf.constant(value)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(logit)
        minimax, non_saturating = losses.minimax(logit), losses.non_saturating(logit)
    sigmoid = 1 / (1 + math.exp(-value))
    assert float(tape.gradient(minimax, logit)) == pytest.approx(-sigmoid, rel=1e-4, abs=1e-7)
    assert float(tape.gradient(non_saturating, logit)) == pytest.approx(
        sigmoid - 1, rel=1e-4, abs=1e-7
    )


def test_minimax_saturates_and_non_saturating_does_not():
    caught = tf.constant(-20.0)  # the discriminator is sure
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(caught)
        minimax, non_saturating = losses.minimax(caught), losses.non_saturating(caught)
    assert abs(float(tape.gradient(minimax, caught))) < 1e-8
    assert float(tape.gradient(non_saturating, caught)) == pytest.approx(-1.0)


@pytest.mark.parametrize("value", [-1e4, 1e4])
def test_no_overflow(value):
    extreme = tf.constant([value])
    for loss in (losses.logistic(extreme, extreme), losses.minimax(extreme)):
        assert np.isfinite(loss)


# === With targets, and the other games, by hand ===


def test_logistic_with_smoothed_labels_by_hand():
    real, fake = tf.constant([[LN3]]), tf.constant([[-LN3]])  # D(x) = 3/4, D(G(z)) = 1/4
    real_loss = -(0.9 * math.log(3 / 4) + 0.1 * math.log(1 / 4))
    fake_loss = -(0.2 * math.log(1 / 4) + 0.8 * math.log(3 / 4))
    loss = losses.logistic(real, fake, 0.9, 0.2)
    assert float(loss) == pytest.approx(real_loss + fake_loss, rel=1e-6)


def test_logistic_with_a_target_for_each_image_by_hand():
    real = tf.constant([[LN3], [LN3], [0.0]])
    targets = tf.constant([[1.0], [0.0], [0.9]])
    by_hand = -(math.log(3 / 4) + math.log(1 / 4) + math.log(1 / 2)) / 3
    sure = tf.constant([[-100.0]])
    assert float(losses.logistic(real, sure, targets)) == pytest.approx(by_hand, rel=1e-6)


def test_flipped_labels_swap_the_two_sides():
    real, fake = tf.constant([[0.3], [-2.0]]), tf.constant([[1.5], [0.1]])
    assert float(losses.logistic(real, fake, 0.0, 1.0)) == pytest.approx(
        float(losses.logistic(fake, real)), rel=1e-6
    )


def test_least_squares_by_hand():
    logits = tf.constant([[0.5], [2.0], [-1.0]])
    assert float(losses.least_squares(logits, 1.0)) == pytest.approx((0.25 + 1 + 4) / 3)
    assert float(losses.least_squares(logits, 0.0)) == pytest.approx((0.25 + 4 + 1) / 3)
    targets = tf.constant([[0.0], [1.0], [0.5]])
    assert float(losses.least_squares(logits, targets)) == pytest.approx((0.25 + 1 + 2.25) / 3)


def test_hinge_by_hand():
    real = tf.constant([[2.0], [0.5], [-1.0]])  # costs 0, 0.5, 2
    fake = tf.constant([[-3.0], [0.0]])  # costs 0, 1
    assert float(losses.hinge(real, fake)) == pytest.approx(2.5 / 3 + 0.5)


def test_wasserstein_by_hand():
    real, fake = tf.constant([[2.0], [4.0]]), tf.constant([[1.0], [-2.0]])
    assert float(losses.wasserstein(real, fake)) == pytest.approx(-0.5 - 3)
    assert float(losses.wasserstein_generator(fake)) == pytest.approx(0.5)


def test_relativistic_pairing_by_hand():
    real, fake = tf.constant([[LN3], [1.0]]), tf.constant([[0.0], [1.0]])
    # ahead by ln 3 and by 0: -log(3/4) and -log(1/2)
    by_hand = (LN4 - LN3 + LN2) / 2
    assert float(losses.relativistic_pairing(real, fake)) == pytest.approx(by_hand, rel=1e-6)
    by_hand = (LN4 + LN2) / 2
    assert float(losses.relativistic_pairing(fake, real)) == pytest.approx(by_hand, rel=1e-6)


def test_relativistic_average_by_hand():
    real, fake = tf.constant([[2 * LN3], [0.0]]), tf.constant([[LN3], [-LN3]])  # means ln 3 and 0
    # real over the fakes' mean by 2 ln 3 and 0: D = 9/10, 1/2
    ahead = -(math.log(9 / 10) + math.log(1 / 2)) / 2
    # fake over the reals' mean by 0 and -2 ln 3: 1 - D = 1/2, 9/10
    behind = -(math.log(1 / 2) + math.log(9 / 10)) / 2
    loss = losses.relativistic_average(real, fake)
    assert float(loss) == pytest.approx(ahead + behind, rel=1e-6)
