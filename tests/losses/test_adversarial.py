"""Losses against numbers worked out by hand, and the gradients the paper says they have."""

import math

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
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


@given(logits)
def test_minimax_is_the_other_side_of_the_discriminator_loss(fake):
    fake = tf.constant(fake)
    alone = losses.logistic(tf.constant([100.0]), fake)  # nothing lost on real images
    assert float(losses.minimax(fake)) == pytest.approx(-float(alone), rel=1e-5, abs=1e-6)


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
