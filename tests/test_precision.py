"""Training in bfloat16 and float16: every family, and what float16 must not do."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from fabrication import by_default, fabricate, fabricated, same, snapshot, tiny

from keras_gans import zoo

EVERY_FAMILY = pytest.mark.parametrize("name", by_default(("cyclegan", "gan")))
MIXED = pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])


def compute_dtypes(model):
    return {
        layer.compute_dtype
        for network in model.networks.values()
        for layer in network._flatten_layers(include_self=False)
        if layer.weights
    }


@EVERY_FAMILY
@MIXED
def test_every_family_trains_with_its_weights_and_losses_in_float32(name, precision):
    model = tiny(name, precision=precision)
    assert keras.config.dtype_policy().name == "float32"  # nobody else's networks
    assert precision.removeprefix("mixed_") in compute_dtypes(model)
    assert {v.dtype for player in model.players for v in model.variables_of(player)} == {"float32"}
    assert {network.outputs[0].dtype for network in model.networks.values()} == {"float32"}
    before = {player: snapshot(model.variables_of(player)) for player in model.players}
    history = model.fit(fabricated(model, 3), epochs=2, verbose=0).history
    assert np.isfinite(list(history.values())).all()
    for player in model.players:
        moved = [
            not np.array_equal(old, new)
            for old, new in zip(before[player], model.variables_of(player), strict=True)
        ]
        assert np.mean(moved) > 0.5, player


@pytest.mark.parametrize("name", ["dcgan_fashion", "pix2pix"])
def test_the_first_bfloat16_losses_are_near_the_exact_ones(name):
    exact, mixed = tiny(name), tiny(name, precision="mixed_bfloat16")
    mixed.set_weights(exact.get_weights())
    logs = [model.fit(fabricated(model, 1), verbose=0).history for model in (exact, mixed)]
    for key in logs[0]:
        assert logs[1][key][0] == pytest.approx(logs[0][key][0], rel=0.05, abs=0.05), key


def scaled(name="dcgan_fashion"):
    return tiny(name, precision="mixed_float16")


def test_float16_learns_what_float32_learns_from_scaled_losses():
    exact, mixed = tiny("dcgan_fashion"), scaled()
    mixed.set_weights(exact.get_weights())
    steps = []
    for model in (exact, mixed):
        model.compile(
            generator_optimizer=keras.optimizers.SGD(0.1),
            discriminator_optimizer=keras.optimizers.SGD(0.1),
        )
        if model is mixed:  # the first scale, 2 ** 15, overflows here
            model.discriminator_optimizer.dynamic_scale.assign(2.0**10)
        before = snapshot(model.variables_of("discriminator"))
        model.fit(fabricated(model, 1), verbose=0)
        after = snapshot(model.variables_of("discriminator"))
        steps.append([new - old for old, new in zip(before, after, strict=True)])
    for of_exact, of_mixed in zip(*steps, strict=True):
        assert np.abs(of_exact - of_mixed).max() <= 0.05 * np.abs(of_exact).max()


def test_a_step_that_overflows_is_left_out_and_the_scale_halved():
    model = scaled()
    optimizer = model.discriminator_optimizer
    optimizer.dynamic_scale.assign(2.0**100)
    model.generator_optimizer.dynamic_scale.assign(2.0**10)
    before = snapshot(model.variables_of("discriminator"))
    generator = snapshot(model.variables_of("generator"))
    model.train_step(tf.constant(fabricate(model)))
    assert same(before, model.variables_of("discriminator"))
    assert not same(generator, model.variables_of("generator"))  # has a scale of its own
    assert float(optimizer.dynamic_scale) == 2.0**99


def test_precision_is_kept_in_files(tmp_path):
    model = scaled()
    model.fit(fabricated(model), verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = zoo.load(tmp_path / "model.keras")
    assert loaded.precision == "mixed_float16"
    for player in model.players:
        saved, restored = model.optimizer_of(player), loaded.optimizer_of(player)
        assert same(snapshot(saved.variables), restored.variables)
    np.testing.assert_array_equal(model.sample(2, seed=0), loaded.sample(2, seed=0))


def test_another_precision_is_refused():
    with pytest.raises(ValueError, match="`precision` must be one of .*Received: 'float16'"):
        tiny("dcgan_fashion", precision="float16")
