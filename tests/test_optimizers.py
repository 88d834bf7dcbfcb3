"""The 2014 papers' optimizer and schedule, by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from fabrication import tiny

from keras_gans.optimizers import Adam, FlooredDecay, LinearDecay, RampedSGD


def test_momentum_ramps_and_stays():
    optimizer = RampedSGD(0.1, momentum=0.5, final_momentum=0.7, ramp_steps=2)
    variable = keras.Variable(0.0)
    optimizer.build([variable])
    position = velocity = 0.0
    for momentum in (0.5, 0.6, 0.7, 0.7):
        optimizer.apply([tf.constant(1.0)], [variable])
        velocity = momentum * velocity - 0.1
        position += velocity
        assert float(variable.value) == pytest.approx(position, rel=1e-5)


def test_decay_divides_down_to_the_floor():
    schedule = FlooredDecay(0.1, factor=2.0, floor=0.02)
    values = [float(schedule(step)) for step in range(5)]
    np.testing.assert_allclose(values, [0.1, 0.05, 0.025, 0.02, 0.02], rtol=1e-6)


@pytest.mark.parametrize(("factor", "step"), [(1.000004, 250_000), (1.00004, 50_000)])
def test_the_papers_factors(factor, step):
    assert float(FlooredDecay(factor=factor)(step)) == pytest.approx(0.1 / factor**step, rel=1e-3)


def test_no_overflow_after_many_updates():
    assert float(FlooredDecay()(10**9)) == pytest.approx(1e-6)


def test_the_floor_does_not_raise_a_rate():
    assert float(FlooredDecay(1e-7)(0)) == pytest.approx(1e-7)
    assert float(FlooredDecay(0.0)(5)) == 0.0


def test_configs_come_back():
    optimizer = RampedSGD(FlooredDecay(0.2, 1.1, 0.01), 0.4, final_momentum=0.9, ramp_steps=7)
    config = keras.saving.serialize_keras_object(optimizer)
    again = keras.saving.deserialize_keras_object(config)
    assert again.get_config() == optimizer.get_config()
    assert (again.final_momentum, again.ramp_steps) == (0.9, 7)


def test_adam_adds_epsilon_before_the_bias_correction():
    """By hand, of gradients 1 and 1 at beta_1 = 0.5, beta_2 = 0.75, epsilon = 0.5 and rate 1.

    After one update m = 0.5 and v = 0.25: m / (sqrt(v) + epsilon) = 0.5 / 1.0, times
    sqrt(1 - 0.75) / (1 - 0.5) = 1. PyTorch would divide 0.5 / 0.5 by sqrt(0.25 / 0.25) + 0.5 = 1.5.
    After two m = 0.75 and v = 0.4375: 0.75 / (sqrt(0.4375) + 0.5) times sqrt(0.4375) / 0.75.
    """
    optimizer = Adam(1.0, beta_1=0.5, beta_2=0.75, epsilon=0.5)
    variable = keras.Variable(0.0)
    optimizer.build([variable])
    for position in (-0.5, -0.5 - 0.569499):
        optimizer.apply([tf.constant(1.0)], [variable])
        assert float(variable.value) == pytest.approx(position, abs=1e-6)


@pytest.mark.parametrize("step", [1, 2, 5])
def test_adams_epsilon_is_pytorchs_divided_as_its_docstring_says(step):
    beta_1, beta_2, epsilon = 0.5, 0.999, 0.01
    gradients = [0.3, -0.2, 0.5, 0.1, 0.4][:step]
    optimizer = Adam(0.1, beta_1=beta_1, beta_2=beta_2, epsilon=epsilon)
    variable = keras.Variable(0.0)
    optimizer.build([variable])
    position = m = v = 0.0
    for t, gradient in enumerate(gradients, start=1):
        optimizer.apply([tf.constant(gradient)], [variable])
        m, v = beta_1 * m + (1 - beta_1) * gradient, beta_2 * v + (1 - beta_2) * gradient**2
        pytorchs = epsilon / (1 - beta_2**t) ** 0.5
        root = (v / (1 - beta_2**t)) ** 0.5
        position -= 0.1 * m / (1 - beta_1**t) / (root + pytorchs)
    assert float(variable.value) == pytest.approx(position, rel=1e-4)
    assert "sqrt(1 - beta_2**t)" in Adam.__doc__


def test_adam_equals_keras_own():
    rng = np.random.default_rng(0)
    start, gradients = rng.normal(size=(5, 3)), rng.normal(size=(4, 5, 3))
    ends = []
    for cls in (keras.optimizers.Adam, Adam):
        variable = keras.Variable(start)
        optimizer = cls(LinearDecay(0.1, 1, 4), beta_1=0.5, beta_2=0.99, epsilon=1e-8)
        optimizer.build([variable])
        for gradient in gradients:
            optimizer.apply([tf.constant(gradient, "float32")], [variable])
        ends.append([variable.numpy(), *(v.numpy() for v in optimizer.variables)])
    for keras_own, ours in zip(*ends, strict=True):
        np.testing.assert_allclose(ours, keras_own, rtol=1e-5, atol=1e-7)


def test_linear_decay_stays_then_falls_to_zero():
    schedule = LinearDecay(2e-4, 10, 4)
    values = [float(schedule(step)) for step in (0, 10, 11, 12, 14, 99)]
    np.testing.assert_allclose(values, [2e-4, 2e-4, 1.5e-4, 1e-4, 0, 0], rtol=1e-5)


@pytest.mark.parametrize(("constant", "decay"), [(0, 0), (5, -1), (-1, 5), (0, 1.5)])
def test_a_decay_over_no_steps_is_refused(constant, decay):
    with pytest.raises(ValueError, match="_steps` must be a whole number"):
        LinearDecay(1e-3, constant, decay)


@pytest.mark.parametrize("arguments", [{"momentum": 0.0}, {"nesterov": True}])
def test_what_the_ramped_momentum_cannot_do_is_refused(arguments):
    with pytest.raises(ValueError, match=next(iter(arguments))):
        RampedSGD(0.1, **arguments)


def test_the_kernel_has_no_amsgrad():
    with pytest.raises(ValueError, match="amsgrad"):
        Adam(amsgrad=True)


@pytest.mark.parametrize("slope", [1e-7, 1e-5, 1e-2])
def test_wgan_s_rmsprop_is_pytorch_s(slope):
    optimizer = tiny("wgan").optimizer_of("generator")
    optimizer = type(optimizer).from_config(optimizer.get_config())
    variable = keras.Variable(0.0)
    optimizer.build([variable])
    position = square = 0.0
    for _ in range(3):
        optimizer.apply([tf.constant(slope)], [variable])
        square = 0.99 * square + 0.01 * slope**2
        position -= 5e-5 * slope / (square**0.5 + 1e-8)
    assert float(variable.value) == pytest.approx(position, rel=0.7 if slope < 1e-6 else 2e-2)
