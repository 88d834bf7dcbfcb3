"""What every objective promises, asked of every objective."""

import numpy as np
import pytest
import tensorflow as tf

from keras_gans.losses import OBJECTIVES, adversarial

ALL = pytest.mark.parametrize("name", OBJECTIVES)
RELATIVISTIC = ("relativistic_average", "relativistic_pairing")


def logits(seed=0, count=6):
    # float64, for finite differences; no value at a corner of the hinge
    return np.random.default_rng(seed).uniform(-3, 3, (count, 1))


def losses_of(objective, real, fake):
    """Of both players, the generator's with the arguments its objective takes."""
    rival = (real,) if objective.is_relativistic else ()
    return {
        "discriminator": objective.discriminator(real, fake),
        "generator": objective.generator(fake, *rival),
    }


@ALL
def test_both_players_have_a_scalar_loss(name):
    real, fake = tf.constant(logits(), tf.float32), tf.constant(logits(1), tf.float32)
    for player, loss in losses_of(OBJECTIVES[name], real, fake).items():
        assert loss.shape == (), player
        assert np.isfinite(loss), player


@ALL
@pytest.mark.parametrize("player", ["discriminator", "generator"])
def test_gradients_against_finite_differences(name, player):
    objective, step = OBJECTIVES[name], 1e-5

    def loss(real, fake):
        return losses_of(objective, real, fake)[player]

    inputs = [tf.constant(logits(seed)) for seed in (0, 1)]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        value = loss(*inputs)
    gradients = tape.gradient(value, inputs, unconnected_gradients="zero")
    for which, gradient in enumerate(gradients):
        for row in range(len(gradient)):
            sides = []
            for sign in (1, -1):
                moved = [np.array(i) for i in inputs]
                moved[which][row] += sign * step
                sides.append(float(loss(*(tf.constant(m) for m in moved))))
            slope = (sides[0] - sides[1]) / (2 * step)
            np.testing.assert_allclose(float(gradient[row, 0]), slope, rtol=1e-4, atol=1e-7)


@ALL
@pytest.mark.parametrize("player", ["discriminator", "generator"])
def test_the_players_pull_generated_logits_apart(name, player):
    fake, real = tf.constant(logits(1)), tf.constant(logits())
    with tf.GradientTape() as tape:
        tape.watch(fake)
        loss = losses_of(OBJECTIVES[name], real, fake)[player]
    # Least squares pulls towards its target, from both sides.
    towards = {"discriminator": 0.0, "generator": 1.0}[player]
    sign = {"discriminator": 1.0, "generator": -1.0}[player] * np.ones(fake.shape)
    if name == "least_squares":
        sign = np.sign(fake - towards)
    gradient = np.array(tape.gradient(loss, fake))
    assert (gradient * sign >= 0).all() and gradient.any()


@pytest.mark.parametrize("name", ["non_saturating", "minimax", "least_squares"])
def test_targets_default_to_real_and_fake(name):
    objective = OBJECTIVES[name]
    real, fake = tf.constant(logits()), tf.constant(logits(1))
    assert float(objective.discriminator(real, fake)) == pytest.approx(
        float(objective.discriminator(real, fake, 1.0, 0.0))
    )
    assert objective.has_targets
    swapped = objective.discriminator(real, fake, np.zeros((6, 1)), np.ones((6, 1)))
    assert float(swapped) == pytest.approx(float(objective.discriminator(fake, real)), rel=1e-6)


def test_least_squares_by_hand():
    objective = OBJECTIVES["least_squares"]
    real, fake = tf.constant([[0.5], [2.0]]), tf.constant([[0.0], [-1.0]])
    assert float(objective.discriminator(real, fake)) == pytest.approx(1.25 / 2 + 1 / 2)
    assert float(objective.discriminator(real, fake, 0.9, 0.1)) == pytest.approx(
        (0.4**2 + 1.1**2) / 2 + (0.1**2 + 1.1**2) / 2
    )
    assert float(objective.generator(fake)) == pytest.approx((1 + 4) / 2)


@pytest.mark.parametrize("name", RELATIVISTIC)
@pytest.mark.parametrize("shift", [-5.0, 0.25, 100.0])
def test_relativistic_losses_do_not_see_a_shift_of_all_logits(name, shift):
    real, fake = tf.constant(logits()), tf.constant(logits(1))
    before = losses_of(OBJECTIVES[name], real, fake)
    after = losses_of(OBJECTIVES[name], real + shift, fake + shift)
    for player in before:
        np.testing.assert_allclose(before[player], after[player], rtol=1e-9)


@pytest.mark.parametrize("name", RELATIVISTIC)
def test_relativistic_players_mirror_each_other(name):
    objective = OBJECTIVES[name]
    real, fake = tf.constant(logits()), tf.constant(logits(1))
    swapped = losses_of(objective, fake, real)
    for player, other in (("discriminator", "generator"), ("generator", "discriminator")):
        np.testing.assert_allclose(losses_of(objective, real, fake)[player], swapped[other])
    even = losses_of(objective, real, real)
    np.testing.assert_allclose(even["discriminator"], even["generator"])


@ALL
@pytest.mark.parametrize("real", [-1e4, 1e4])
@pytest.mark.parametrize("fake", [-1e4, 1e4])
def test_nothing_overflows(name, real, fake):
    real, fake = tf.constant([[real]] * 2), tf.constant([[fake]] * 2)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([real, fake])
        values = losses_of(OBJECTIVES[name], real, fake)
    for value in values.values():
        assert np.isfinite(value)
        for gradient in tape.gradient(value, [real, fake], unconnected_gradients="zero"):
            assert np.isfinite(gradient).all()


def test_flags_say_what_the_functions_take():
    for name, objective in OBJECTIVES.items():
        assert objective.is_relativistic == (name in RELATIVISTIC)
        assert not (objective.is_relativistic and objective.has_targets)
        real, fake = tf.constant(logits()), tf.constant(logits(1))
        if not objective.has_targets:
            with pytest.raises(TypeError):
                objective.discriminator(real, fake, 1.0, 0.0)
        if not objective.is_relativistic:
            with pytest.raises(TypeError):
                objective.generator(fake, real)


def test_the_boundary_is_where_targets_meet():
    assert OBJECTIVES["least_squares"].boundary == 0.5
    for name in ("non_saturating", "minimax", "hinge"):
        assert OBJECTIVES[name].boundary == 0.0
    for name in ("wasserstein", *RELATIVISTIC):
        assert OBJECTIVES[name].boundary is None
    assert OBJECTIVES["hinge"].generator is adversarial.wasserstein_generator
