"""Diagnosis: what is noticed, when it is said, and that the advice can be followed."""

import dataclasses
import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from fabrication import SOME, by_default, fabricated, tiny

from keras_gans import callbacks, data, training, zoo
from keras_gans.core.saving import constructor_arguments
from keras_gans.training.callbacks import Diagnosis, Finding, diagnosis

EVEN = {
    "loss": 2.0,
    "generator_loss": 1.0,
    "discriminator_loss": 1.0,
    "real_accuracy": 0.8,
    "fake_accuracy": 0.8,
}
AHEAD = {**EVEN, "real_accuracy": 0.99, "fake_accuracy": 1.0}
LOST = {**EVEN, "real_accuracy": 0.5, "fake_accuracy": 0.45}
SYMPTOMS = sorted(diagnosis._SWITCHES)


def watching(model, **arguments):
    """A diagnosis in the midst of training, and the lines it has said."""
    said = []
    callback = Diagnosis(**{"warm_up": 0, "print_fn": said.append, **arguments})
    callback.set_model(model)
    callback.on_train_begin()
    return callback, said


def told(callback, *epochs):
    """The symptoms found in epochs that end with these logs, while the weights move."""
    for epoch, logs in enumerate(epochs):
        callback.on_epoch_begin(epoch)
        for variable in callback.model.variables_of("generator"):
            variable.assign(variable + 0.01)
        callback.on_epoch_end(epoch, logs)
    callback.on_train_end()
    return [finding.symptom for finding in callback.findings]


def fitted(model, callback, epochs=1, batches=2):
    model.fit(fabricated(model, batches), epochs=epochs, verbose=0, callbacks=[callback])
    return {finding.symptom: finding for finding in callback.findings}


def test_a_finding_is_one_line():
    assert str(Finding("symptom", "evidence", "Try this.")) == "symptom: evidence. Try this."


@pytest.mark.parametrize(("logs", "symptom"), [(AHEAD, "discriminator ran ahead"),
                                               (LOST, "discriminator lost")])  # fmt: skip
def test_accuracies_must_be_bad_twice_in_a_row(logs, symptom):
    model = tiny("dcgan")
    assert told(watching(model)[0], logs, EVEN, logs) == []
    assert told(watching(model)[0], logs, logs) == [symptom]
    assert told(watching(model, patience=1)[0], logs) == [symptom]


def test_a_symptom_is_said_once_until_it_goes_away():
    callback, said = watching(tiny("dcgan"))
    assert len(told(callback, *[AHEAD] * 4, EVEN, *[AHEAD] * 3)) == 2
    assert [line.split(":")[0] for line in said] == [
        "Diagnosis in epoch 2", "Diagnosis in epoch 7",
    ]  # fmt: skip


def test_nothing_is_said_of_the_first_updates():
    assert told(watching(tiny("dcgan"), warm_up=1)[0], AHEAD, AHEAD) == []


def test_a_critic_may_be_far_ahead():
    model = tiny("dcgan", objective="wasserstein")
    model.compile()
    assert told(watching(model)[0], AHEAD, AHEAD) == []


def test_flat_losses():
    model = tiny("dcgan")
    assert told(watching(model)[0], *[EVEN] * 4) == []
    callback, said = watching(model)
    assert told(callback, *[EVEN] * 6) == ["generator loss flat"]
    assert "hinge" in said[0]


def test_a_flat_loss_is_fine_while_something_else_improves():
    epochs = [{**EVEN, "l1_loss": 1.0 - 0.1 * epoch} for epoch in range(6)]
    assert told(watching(tiny("dcgan"))[0], *epochs) == []


def test_a_generator_that_does_not_learn():
    model = tiny("dcgan")
    model.compile(generator_optimizer=keras.optimizers.SGD(0.0))
    callback = Diagnosis(warm_up=0, print_fn=lambda line: None)
    found = fitted(model, callback)
    assert "by 0.0e+00 of their norm, at rate 0" in found["gradients vanished"].evidence


def test_a_saturated_minimax_game():
    # D is certain of every image: the zero-sum loss of G has no slope left.
    model = tiny("gan", objective="minimax")
    model.compile(discriminator_optimizer=keras.optimizers.SGD(0.0))
    logits = model.discriminator.get_layer("logits")
    logits.bias.assign([-200.0])
    found = fitted(model, Diagnosis(warm_up=0, print_fn=lambda line: None))
    assert '`objective="non_saturating"`' in found["gradients vanished"].advice


def test_a_generator_of_one_picture():
    model = tiny("dcgan")
    model.generator.layers[1].kernel.assign(tf.zeros_like(model.generator.layers[1].kernel))
    model.compile(generator_optimizer=keras.optimizers.SGD(0.0))
    real = np.random.default_rng(0).uniform(-1, 1, (80, 16, 16, 3))
    found = fitted(model, Diagnosis(real, warm_up=0, print_fn=lambda line: None), epochs=2)
    assert found["sample diversity collapsed"].evidence.startswith("samples differ 0.00")
    assert "sample diversity collapsed" not in fitted(
        model, Diagnosis(warm_up=0, print_fn=lambda line: None), epochs=2
    )


def test_a_few_kinds_of_picture_far_apart(monkeypatch):
    random = np.random.default_rng(0)
    real, kinds = random.uniform(-1, 1, (64, 16, 16, 3)), random.uniform(-1, 1, (4, 16, 16, 3))
    model = tiny("dcgan")
    callback, _ = watching(model, real=real)
    four = np.tile(kinds, (16, 1, 1, 1)) + random.normal(0, 0.02, (64, 16, 16, 3))
    monkeypatch.setattr(model, "sample", lambda count, seed: four[:count])
    evidence = callback._collapse()
    assert re.match(r"samples are of a few kinds, 0\.0\d as far from the nearest", evidence)
    monkeypatch.setattr(model, "sample", lambda count, seed: real[::-1])
    assert callback._collapse() is None


@pytest.mark.parametrize("arguments", [{}, {"num_classes": (3, 4), "num_attributes": 2}])
def test_labels_that_are_ignored(arguments):
    def found(scale):
        model = tiny("cgan", **arguments)
        model.compile(generator_optimizer=keras.optimizers.SGD(0.0))
        length = model.conditions.code_length
        (of_labels,) = [v for v in model.generator.weights if v.shape[0] == length and v.ndim > 1]
        of_labels.assign(scale * of_labels)
        return fitted(model, Diagnosis(warm_up=0, print_fn=lambda line: None), epochs=2)

    assert "labels ignored" not in found(20.0)
    finding = found(0.0)["labels ignored"]
    assert finding.evidence.startswith("pictures of one latent and other classes differ 0.00")


def test_a_discriminator_that_has_won_is_named_before_what_follows_from_it():
    model = tiny("dcgan")
    model.generator.layers[1].kernel.assign(tf.zeros_like(model.generator.layers[1].kernel))
    model.compile(generator_optimizer=keras.optimizers.SGD(0.0))
    real = np.random.default_rng(0).uniform(-1, 1, (64, 16, 16, 3))
    callback, _ = watching(model, real=real)
    assert told(callback, AHEAD, AHEAD) == ["discriminator ran ahead"]


def test_diversity_by_hand():
    corners = np.array([[0, 0], [3, 0], [0, 4]]).reshape(3, 1, 2)
    assert diagnosis.mean_distance(corners) == pytest.approx((3 + 4 + 5) / 3)
    assert diagnosis.mean_distance(corners[:1]) == 0.0
    assert diagnosis.nearest_distance(corners) == 3.0  # of 3, 3 and 4


def test_numbers_that_are_not_finite():
    model = tiny("dcgan")
    (kernel,) = model.discriminator.layers[-1].trainable_variables
    kernel.assign(kernel * np.nan)
    callback = Diagnosis(print_fn=lambda line: None)  # said from the first update
    found = fitted(model, callback, epochs=2)
    assert list(found) == ["not finite"] and len(callback.findings) == 1
    assert "discriminator_loss" in found["not finite"].evidence
    assert "weights of" in found["not finite"].evidence
    assert "StopOnDivergence" in found["not finite"].advice
    assert int(model.step) == 4  # it does not stop


def test_the_loss_that_is_not_finite_is_named():
    callback, _ = watching(tiny("dcgan"))
    told(callback, {**EVEN, "loss": np.inf, "generator_loss": np.inf})
    assert callback.findings[0].evidence == "generator_loss"


def test_within_an_epoch():
    model, said = tiny("dcgan"), []
    (kernel,) = model.discriminator.layers[-1].trainable_variables
    kernel.assign(kernel * np.nan)
    callback = Diagnosis(every=2, print_fn=said.append)
    heard = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: heard_at.append((batch, len(said)))
    )
    heard_at = []
    model.fit(fabricated(model, 4), verbose=0, callbacks=[callback, heard])
    assert heard_at == [(0, 0), (1, 1), (2, 1), (3, 1)]


def test_only_looks_within_an_epoch_wait_for_every_step():
    is_default = keras.src.utils.python_utils.is_default
    assert is_default(Diagnosis().on_train_batch_end)
    assert not is_default(Diagnosis(every=1).on_train_batch_end)


def test_silent_while_all_is_well(capsys, tmp_path):
    model = zoo.get("dcgan_fashion", filters=8, latent_dim=32, seed=0)
    dataset = data.load("bundled:fashion_mnist", model, seed=0)
    real = next(data.load("bundled:fashion_mnist", model, shuffle=False).as_numpy_iterator())
    callback = Diagnosis(real, path=tmp_path / "diagnosis.txt")
    model.fit(dataset, epochs=5, verbose=0, callbacks=[callback])
    assert int(model.step) - len(dataset) >= callback.warm_up  # it has looked twice
    assert callback.findings == []
    assert capsys.readouterr().err == "" and not list(tmp_path.iterdir())


def test_a_run_writes_down_what_went_wrong(tmp_path, capsys):
    options = training.Options(
        "dcgan_fashion", overrides={"filters": 4, "latent_dim": 8}, epochs=2, steps_per_epoch=1,
        batch_size=4,
    )  # fmt: skip
    run = training.train(options, tmp_path, verbose=0)
    assert not (run.path / "diagnosis.txt").exists()

    def spoil(logs):
        (kernel,) = spoiled.model.discriminator.layers[-1].trainable_variables
        kernel.assign(kernel * 0.0)
        spoiled.model.step.assign(500)  # the game is no longer young

    spoiled = keras.callbacks.LambdaCallback(on_train_begin=spoil)
    options = dataclasses.replace(
        options, epochs=6, overrides={**options.overrides, "discriminator_learning_rate": 0.0}
    )
    run = training.train(options, tmp_path, callbacks=[spoiled], verbose=2)
    lines, said = (run.path / "diagnosis.txt").read_text().splitlines(), capsys.readouterr().err
    assert any(f"Diagnosis in epoch 2: {diagnosis.LOST}: " in line for line in lines)
    assert all(line in said for line in lines)


def test_lines_go_to_standard_error_and_to_the_file(capsys, tmp_path):
    path = tmp_path / "diagnosis.txt"
    callback, _ = watching(tiny("dcgan"), print_fn=None, path=path)
    told(callback, AHEAD, AHEAD)
    line = f"Diagnosis in epoch 2: {callback.findings[0]}\n"
    assert capsys.readouterr().err == line and path.read_text() == line


# === Advice ===


@pytest.mark.parametrize("symptom", SYMPTOMS)
@pytest.mark.parametrize("name", by_default(SOME, zoo.names()))
def test_every_entry_has_the_arguments_it_is_told_to_use(name, symptom):
    model = tiny(name)
    if symptom == diagnosis.AHEAD and "discriminator" not in model.players:
        return  # nobody can run ahead
    advice = diagnosis.advise(model, symptom)
    known = {*constructor_arguments(type(model)), "compile"}
    known |= {f"{player}_optimizer" for player in model.players}
    named = re.findall(r"`(\w+)(?:=[^`]*)?`", advice)
    assert named and set(named) <= known and "\n" not in advice
    for argument, value in re.findall(r"`(\w+)=([^`]*)`", advice):
        tiny(name, **{argument: eval(value)})  # what is advised is not refused


def test_translators_are_told_of_their_own_arguments():
    assert "a larger `pool_size`" in diagnosis.advise(tiny("cyclegan"), diagnosis.AHEAD)
    assert "another `identity_weight`" in diagnosis.advise(tiny("cyclegan"), diagnosis.FLAT)
    assert "another `l1_weight`" in diagnosis.advise(tiny("pix2pix"), diagnosis.FLAT)
    augment = '`augment=["color", "translation", "cutout"]`'
    assert augment in diagnosis.advise(tiny("pix2pix"), diagnosis.AHEAD)


def test_switches_that_are_there_are_named():
    advice = diagnosis.advise(tiny("dcgan"), diagnosis.COLLAPSED)
    assert advice.startswith(
        'Try `packing=2`, `objective="relativistic_pairing"` with `r1=1.0`, `ema_decay=0.999`, '
        "`augment` or a lower `generator_learning_rate`."
    )
    assert diagnosis.advise(tiny("dcgan"), diagnosis.AHEAD) == (
        "Try `label_smoothing=0.1`, `instance_noise=0.1`, `balance=0.9`, a lower "
        "`discriminator_learning_rate` or `r1=1.0`."
    )


def test_switches_that_are_on_are_not():
    model = tiny("dcgan", packing=3, r1=0.5, augment=["color"], objective="relativistic_pairing")
    advice = diagnosis.advise(model, diagnosis.COLLAPSED)
    assert not re.search("packing|r1|augment|objective", advice)
    # And what the objective has no use for is not.
    assert "label_smoothing" not in diagnosis.advise(model, diagnosis.AHEAD)


def test_the_objective_is_named_where_it_is_another():
    assert "objective" in diagnosis.advise(tiny("gan", objective="minimax"), diagnosis.VANISHED)
    assert "objective" not in diagnosis.advise(tiny("gan"), diagnosis.VANISHED)
    assert "objective" not in diagnosis.advise(tiny("cyclegan"), diagnosis.VANISHED)


def test_what_stops_a_broken_training_is_our_own_callback():
    advice = diagnosis.advise(tiny("dcgan"), diagnosis.NOT_FINITE)
    (name,) = re.findall(r"(keras_gans\.callbacks\.\w+)\(\)", advice)
    found = getattr(callbacks, name.rpartition(".")[2])
    assert found is callbacks.StopOnDivergence and found()


class Renamed(keras.layers.BatchNormalization):
    """Batch norm under a name of its own."""


class BatchNormOfOthers(keras.layers.Layer):
    """None, whatever it is called."""

    def call(self, inputs):
        return inputs


@pytest.mark.parametrize(("layer", "is_one"), [(Renamed, True), (BatchNormOfOthers, False)])
def test_batch_norm_is_known_by_its_class(layer, is_one):
    model = tiny("dcgan", discriminator_norm="none")
    judge = model.discriminator
    model.discriminator = keras.Model(judge.input, layer()(judge.output))
    offered = "gradient_penalty" in diagnosis.advise(model, diagnosis.NOT_FINITE)
    assert offered != is_one
