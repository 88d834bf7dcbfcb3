"""What is added to the discriminator's loss for its slope, how heavy and how often."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from fabrication import fabricated, play, ramp, same, snapshot, tiny, watch

from keras_gans import penalties
from keras_gans.games.loss import Loss, Samples
from keras_gans.games.regularizers import REGULARIZERS
from keras_gans.games.tricks import PENALTIES


def test_every_penalty_has_its_regularizer():
    assert tuple(REGULARIZERS) == PENALTIES


def penalty_by_hand(model, name, real, fake):
    def judge(images):
        return model.judge(Samples(images))

    mix = tf.random.stateless_uniform((real.shape[0],), model.stream_seed("mix"))
    noise = tf.random.stateless_uniform(real.shape, model.stream_seed("dragan"))
    return {
        "gradient_penalty": lambda: penalties.gradient_penalty(judge, real, fake, mix),
        "r1": lambda: penalties.r1_penalty(judge, real),
        "r2": lambda: penalties.r2_penalty(judge, fake),
        "dragan": lambda: penalties.dragan_penalty(judge, real, noise, mix),
    }[name]()


@pytest.mark.parametrize("name", PENALTIES)
@pytest.mark.parametrize("together", [False, True])
def test_a_penalty_is_added_by_its_weight(name, together):
    losses = []
    weights = {name: 3.0, **({"r1": 2.0, "r2": 2.0} if together else {})}
    for tricks in ({}, weights):
        keras.utils.set_random_seed(0)
        model = tiny("dcgan", discriminator_norm="none", instance_noise=0.1, **tricks)
        for variable in model.variables_of("discriminator"):
            variable.assign(10 * variable)  # slopes worth a penalty
        judged = watch(model, "judge")
        model.update = lambda player, loss, tape: None
        losses.append(play(model)["discriminator_loss"])
    model.step.assign(0)
    real, fake = (seen.images for (seen,), _ in judged[:2])
    expected = sum(
        weight * float(penalty_by_hand(model, which, real, fake))
        for which, weight in weights.items()
    )
    assert expected > 1e-3
    assert losses[1] - losses[0] == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("graph", [False, True])
def test_a_penalty_is_due_every_so_many_steps_and_heavier(graph):
    model = tiny("dcgan", discriminator_norm="none", r1=2.0, penalty_interval=3)
    model.discriminator_loss = lambda real, fake: Loss(tf.constant(0.0))  # the penalty alone
    real = ramp(model)

    def penalty():
        return model._loss_of_discriminator(real, real).value

    penalty = tf.function(penalty) if graph else penalty
    base = 2.0 * float(penalty_by_hand(model, "r1", real.images, real.images))
    assert base > 0
    for step in range(7):
        model.step.assign(step)
        expected = 0.0 if step % 3 else 3 * base
        assert float(penalty()) == pytest.approx(expected, rel=1e-4)


def test_a_penalty_that_is_not_due_still_lets_a_graph_learn():
    model = tiny("dcgan", discriminator_norm="none", r1=1.0, penalty_interval=2)
    before = snapshot(model.variables_of("discriminator"))
    history = model.fit(fabricated(model, batches=3), verbose=0).history
    assert np.isfinite(history["discriminator_loss"][0])
    assert not same(before, model.variables_of("discriminator"))


@pytest.mark.parametrize("name", PENALTIES)
@pytest.mark.parametrize("family", ["dcgan", "wgan_gp", "cdcgan"])
def test_a_flat_discriminator_makes_no_nan(name, family):
    if (name, family) == ("gradient_penalty", "cdcgan"):
        pytest.skip("has batch norm, and is refused")
    own = {"discriminator_norm": "none"} if family == "dcgan" else {"discriminator_steps": 1}
    model = tiny(family, **{**own, **({"gradient_penalty": 0.0} if family == "wgan_gp" else {}),
                            name: 10.0})  # fmt: skip
    for variable in model.variables_of("discriminator"):
        variable.assign(tf.zeros_like(variable))
    assert np.isfinite(list(play(model).values())).all()
    for weight in model.weights:
        assert np.isfinite(weight).all(), weight.path
