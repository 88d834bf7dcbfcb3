"""The adversarial game: whose turn it is, what is learned from, and every trick at once."""

import dataclasses
import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from fabrication import (
    FAMILIES,
    batch_of,
    by_default,
    fabricated,
    play,
    ramp,
    same,
    snapshot,
    tiny,
    watch,
)

from keras_gans import zoo
from keras_gans.games.adversarial import AdversarialGAN
from keras_gans.games.loss import Samples
from keras_gans.games.regularizers import REGULARIZERS
from keras_gans.games.tricks import Tricks
from keras_gans.layers import BatchNorm, StochasticDropout, spectral_norm
from keras_gans.losses import OBJECTIVES

# === Objectives ===


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_the_losses_are_the_objective_s(objective):
    model = tiny("dcgan", objective=objective)
    judged = watch(model, "judge")
    logs = play(model)
    logits = [returned for _, returned in judged]
    game = OBJECTIVES[objective]
    assert logs["discriminator_loss"] == pytest.approx(
        float(game.discriminator(*logits[:2])), rel=1e-5
    )
    if game.is_relativistic:
        real, fake = logits[2:]
        expected = game.generator(fake, real)
    else:
        (fake,) = logits[2:]
        expected = game.generator(fake)
    assert logs["generator_loss"] == pytest.approx(float(expected), rel=1e-5)
    assert logs["loss"] == pytest.approx(
        logs["discriminator_loss"] + logs["generator_loss"], rel=1e-5
    )


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("objective", ["hinge", "relativistic_average"])
def test_every_family_plays_other_games(name, objective):
    model = tiny(name, objective=objective)
    assert np.isfinite(list(play(model).values())).all()


#: One entry of every family that plays this game.
PLAYERS = sorted(
    {
        zoo.entry(name).cls: name
        for name in reversed(zoo.names())
        if issubclass(zoo.entry(name).cls, AdversarialGAN)
    }.values()
)


@pytest.mark.parametrize("name", PLAYERS)
def test_the_family_s_own_formula_is_the_objective_of_its_paper(name, monkeypatch):
    model = tiny(name)
    if not model.takes_objectives:
        return  # its loss has terms that are no objective's, and it refuses any
    paper = {"objective": model.tricks.objective, **model.paper_tricks}["objective"]
    assert model.objective is OBJECTIVES[paper]
    images, *labels = tf.nest.flatten(batch_of(model, 8))
    labels = labels[0] if labels else None
    real, fake = Samples(images, labels), Samples(0.5 * images[::-1], labels)

    # Slopes of networks at random weights are too small to be told from rounding.
    for variable in model.variables_of("discriminator"):
        variable.assign(3 * variable)
    states = [*model._random_states(), *model.non_trainable_variables]
    before = snapshot(states)

    def losses_of_both():
        for state, value in zip(states, before, strict=True):  # the same dropout, means as before
            state.assign(value)
        of_discriminator = model._loss_of_discriminator(real, fake).value
        return [float(of_discriminator), float(model._loss_of_generator(real, fake).value)]

    by_its_own = losses_of_both()
    assert model._plays_its_own
    monkeypatch.setattr(type(model), "_plays_its_own", False)
    np.testing.assert_allclose(by_its_own, losses_of_both(), rtol=1e-5)


@pytest.mark.parametrize(
    "trick", [{"objective": "hinge"}, {"label_smoothing": 0.1}, {"label_flipping": 0.1}]
)
def test_a_loss_with_further_terms_is_not_replaced(trick):
    with pytest.raises(ValueError, match="ACGAN's has further terms"):
        tiny("acgan", **trick)


def test_penalties_are_of_the_adversarial_output_alone():
    model = tiny("acgan")
    samples = ramp(model)
    states = model._random_states()
    before = snapshot(states)
    logits, _ = model.judge(samples)
    for state, value in zip(states, before, strict=True):  # the same dropout
        state.assign(value)
    np.testing.assert_array_equal(model.slope_logits(samples), logits)


@pytest.mark.parametrize("name", ["wgan_gp", "r3gan"])
def test_each_penalty_of_the_paper_is_added_once_by_its_weight(name):
    model = tiny(name)
    weights = {
        penalty: getattr(model.tricks, penalty)
        for penalty in REGULARIZERS
        if getattr(model.tricks, penalty)
    }
    assert weights
    real = ramp(model)
    fake = real.with_images(0.5 * real.images)
    for variable in model.variables_of("discriminator"):
        variable.assign(3 * variable)
    expected = sum(w * float(REGULARIZERS[p](model, real, fake)) for p, w in weights.items())
    bare = float(model._objective_loss(real, fake).value)
    assert expected > 1e-3
    found = float(model._loss_of_discriminator(real, fake).value)
    assert found == pytest.approx(bare + expected, rel=1e-4)


# === Turns ===


@pytest.mark.parametrize(("name", "k"), [("gan", 1), ("gan", 5), ("cgan", 2)])
def test_a_graph_holds_every_discriminator_step(name, k):
    model = tiny(name, discriminator_steps=k)
    model.fit(fabricated(model, batches=3), verbose=0)
    assert int(model.discriminator_optimizer.iterations) == 3 * k
    assert int(model.generator_optimizer.iterations) == 3


@pytest.mark.parametrize("name", ["gan", "cgan"])
def test_every_discriminator_step_has_fresh_images_and_fresh_noise(name):
    k, size = 3, 4
    model = tiny(name, discriminator_steps=k)
    batch = batch_of(model, size)
    judged = []
    call = model.discriminator.call
    model.discriminator.call = lambda inputs, **kwargs: (
        judged.append(np.array(tf.nest.flatten(inputs)[0])),
        call(inputs, **kwargs),
    )[1]
    model.train_step(batch)
    assert len(judged) == 2 * k + 1
    real, fake = judged[0:-1:2], [*judged[1:-1:2], judged[-1]]
    np.testing.assert_array_equal(np.concatenate(real), tf.nest.flatten(batch)[0])
    for first in range(len(fake)):
        for second in range(first):
            assert not np.array_equal(fake[first], fake[second])


@pytest.mark.parametrize("name", [*FAMILIES, "wgan"])
def test_discriminator_steps_are_counted_by_the_optimizers(name):
    model = tiny(name, discriminator_steps=3, ema_decay=0.0)
    play(model, steps=2)
    assert int(model.discriminator_optimizer.iterations) == 6
    assert int(model.generator_optimizer.iterations) == 2
    assert int(model.step) == 2


def test_the_discriminator_pauses_exactly_while_it_leads():
    model = tiny("dcgan", balance=0.55, discriminator_learning_rate=0.05)
    assert float(model.lead) == 0.5
    updates, turns = 0, set()
    for seed in range(14):
        lead, before = float(model.lead), snapshot(model.variables_of("discriminator"))
        model.reset_metrics()
        logs = model.train_step(batch_of(model, seed=seed))
        paused = lead > 0.55
        turns.add(paused)
        updates += not paused
        assert same(before, model.variables_of("discriminator")) == paused
        assert int(model.discriminator_optimizer.iterations) == updates
        assert int(model.generator_optimizer.iterations) == seed + 1
        right = 0.5 * (float(logs["real_accuracy"]) + float(logs["fake_accuracy"]))
        assert float(model.lead) == pytest.approx(0.9 * lead + 0.1 * right, abs=1e-6)
        if seed == 8:
            model.lead.assign(0.9)  # whoever leads: both turns come
    assert turns == {True, False}


@pytest.mark.parametrize(("lead", "updates"), [(0.9, 0), (0.0, 3)])
def test_pausing_is_part_of_the_graph(lead, updates):
    model = tiny("dcgan", balance=0.8)
    model.lead.assign(lead)
    model.fit(fabricated(model, batches=3), verbose=0)
    assert int(model.discriminator_optimizer.iterations) == updates
    assert int(model.generator_optimizer.iterations) == 3


@pytest.mark.parametrize(
    ("name", "norm"),
    [
        ("dcgan", {"discriminator_norm": "batch"}),
        ("dcgan", {"discriminator_norm": "spectral"}),
        pytest.param("sngan", {}, marks=pytest.mark.large),
    ],
)
def test_the_end_of_data_of_unknown_length_moves_nothing(name, norm):
    weights = []
    for known in (True, False):
        keras.utils.set_random_seed(0)
        model = tiny(name, ema_decay=0.9, replay=30, **norm)
        data = fabricated(model, batches=2)
        model.fit(data if known else data.filter(lambda batch: True), verbose=0)
        weights.append(snapshot(model.weights))
    for known, unknown, weight in zip(*weights, model.weights, strict=True):
        np.testing.assert_allclose(known, unknown, rtol=1e-4, atol=1e-5, err_msg=weight.path)


# === Optimizers ===


@pytest.mark.parametrize("name", by_default(("cgan", "dcgan", "wgan"), [*FAMILIES, "wgan"]))
def test_learning_rates_and_optimizers_arrive_and_are_kept(name, tmp_path):
    model = tiny(
        name,
        generator_learning_rate=0.125,
        discriminator_learning_rate=0.25,
        discriminator_optimizer="sgd",
    )
    model.save(tmp_path / "m.keras")
    for one in (
        model,
        zoo.load(tmp_path / "m.keras"),
        keras.saving.load_model(tmp_path / "m.keras"),
    ):
        assert float(one.generator_optimizer.learning_rate) == 0.125
        assert float(one.discriminator_optimizer.learning_rate) == 0.25
        assert type(one.discriminator_optimizer) is keras.optimizers.SGD
        assert type(one.generator_optimizer) is type(tiny(name).generator_optimizer)
        assert one.discriminator_optimizer.name == "discriminator"


def test_a_rate_changes_nothing_else_of_the_optimizer():
    before, after = tiny("wgan"), tiny("wgan", discriminator_learning_rate=0.25)
    for player in before.players:
        old, new = (m.optimizer_of(player).get_config() for m in (before, after))
        different = {key for key in old if old[key] != new[key]}
        assert different == ({"learning_rate"} if player == "discriminator" else set())


def test_a_rate_falls_along_the_papers_schedule():
    for name, last in (("sngan", 0.0), ("r3gan", 0.25)):
        model = tiny(name, discriminator_learning_rate=1e-3, decay_steps=100)
        for player, first in (("generator", 2e-4), ("discriminator", 1e-3)):
            optimizer = model.optimizer_of(player)
            optimizer.iterations.assign(0)
            assert float(optimizer.learning_rate) == pytest.approx(first)
            middle = 50 * (model.discriminator_steps if player == "discriminator" else 1)
            optimizer.iterations.assign(middle)
            assert float(optimizer.learning_rate) == pytest.approx(first * (1 + last) / 2)
            optimizer.iterations.assign(2 * middle)
            assert float(optimizer.learning_rate) == pytest.approx(first * last)


def test_sgd_has_a_rate_of_its_own():
    model = tiny("dcgan", discriminator_optimizer="sgd")
    assert float(model.discriminator_optimizer.learning_rate) == pytest.approx(0.01)


def test_a_rate_of_0_stands_still():
    model = tiny("dcgan", discriminator_learning_rate=0.0)
    before = snapshot(model.variables_of("discriminator"))
    play(model)
    assert same(before, model.variables_of("discriminator"))


# === Latents ===


def test_uniform_latents():
    model = tiny("dcgan", latent_distribution="uniform")
    drawn = np.array(model.latents(2000))
    assert drawn.shape == (2000, 8)
    assert -1 <= drawn.min() < -0.99 and 0.99 < drawn.max() <= 1
    assert abs(drawn.std() - 3**-0.5) < 0.01
    np.testing.assert_array_equal(drawn, model.latents(2000))
    assert not np.array_equal(drawn, model.latents(2000, draw=1))
    latents = model.draw_latents(4, seed=5)
    assert np.abs(latents).max() <= 1
    np.testing.assert_array_equal(model.sample(4, seed=5), model.sample(latents=latents))
    about = model.describe_tensors()["latent"]
    assert about == {"kind": "latent", "distribution": "uniform", "value_range": [-1.0, 1.0]}


def test_normal_latents():
    model = tiny("dcgan")
    drawn = np.array(model.latents(2000))
    assert np.abs(drawn).max() > 2 and abs(drawn.std() - 1) < 0.02
    about = model.describe_tensors()["latent"]
    assert about == {"kind": "latent", "distribution": "normal", "mean": 0.0, "stddev": 1.0}


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_draws_truncated_latents_where_asked(name):
    model = tiny(name)
    latents = model.draw_latents(4, seed=5, truncation=0.5)
    assert np.abs(latents).max() <= 0.5
    truncated = model.sample(4, seed=5, truncation=0.5)
    np.testing.assert_array_equal(truncated, model.sample(latents=latents))
    assert not np.array_equal(truncated, model.sample(4, seed=5))
    with pytest.raises(ValueError, match="`latents` are given"):
        model.sample(latents=latents, truncation=0.5)


def test_uniform_latents_have_no_tails():
    with pytest.raises(ValueError, match="cuts the tails of normal latents.*Leave it out"):
        tiny("dcgan", latent_distribution="uniform").sample(4, truncation=0.5)


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_learns_from_the_latents_it_says(name):
    model = tiny(name, latent_distribution="uniform")
    latents, generated = watch(model, "latents"), watch(model, "generated")
    fed = watch(model.generator, "call")
    play(model)
    assert len(generated) == len(fed) == len(latents) > 0
    for (_, drawn), ((inputs, *_), _) in zip(latents, fed, strict=True):
        assert np.abs(drawn).max() <= 1
        np.testing.assert_array_equal(tf.nest.flatten(inputs)[0], drawn)


# === Targets ===


def targets_of(monkeypatch, **tricks):
    """Targets of very many images, of one draw and the next."""
    handed = []
    objective = dataclasses.replace(
        OBJECTIVES["non_saturating"],
        discriminator=lambda real, fake, of_real, of_fake: (
            handed.append([np.broadcast_to(t, real.shape).ravel() for t in (of_real, of_fake)]),
            tf.constant(0.0),
        )[1],
    )
    monkeypatch.setitem(OBJECTIVES, "non_saturating", objective)
    model = tiny("dcgan", **tricks)
    model.judge_both = lambda real, fake: (tf.zeros((20_000, 1)), tf.zeros((20_000, 1)))
    for draw in range(2):
        samples = dataclasses.replace(ramp(model), draw=draw)
        model._objective_loss(samples, samples)
    return handed


def test_smoothing_is_one_sided(monkeypatch):
    for real, fake in targets_of(monkeypatch, label_smoothing=0.25):
        assert set(real) == {0.75}
        assert set(fake) == {0.0}


def test_flipping_turns_a_share_round(monkeypatch):
    first, second = targets_of(monkeypatch, label_flipping=0.1, label_smoothing=0.25)
    real, fake = first
    assert set(real) == {0.75, 0.0} and set(fake) == {0.0, 0.75}
    assert abs((real == 0.0).mean() - 0.1) < 0.01
    assert abs((fake == 0.75).mean() - 0.1) < 0.01
    # Independent of each other and from one update to the next.
    assert abs(((real == 0.0) & (fake == 0.75)).mean() - 0.01) < 0.004
    assert not np.array_equal(real, second[0]) and not np.array_equal(fake, second[1])


def test_without_them_targets_are_1_and_0(monkeypatch):
    for real, fake in targets_of(monkeypatch):
        assert set(real) == {1.0} and set(fake) == {0.0}


# === Batch norm ===


def twins(**tricks):
    """The same discriminator seeing batches apart and together."""
    made = []
    for how in ("apart", "together"):
        keras.utils.set_random_seed(0)
        made.append(tiny("dcgan", batch_norm=how, **tricks))
    return made


def statistics(model):
    norms = [x for x in model.discriminator.layers if isinstance(x, BatchNorm)]
    return [np.array(norm.moving_mean) for norm in norms]


def test_apart_each_batch_is_normalised_by_itself():
    apart, together = twins()
    real = ramp(apart)
    fake = real.with_images(0.1 * real.images - 0.5)
    apart_logits, together_logits = apart.judge_both(real, fake), together.judge_both(real, fake)
    for one, other in zip(apart_logits, together_logits, strict=True):
        assert one.shape == other.shape == (6, 1)
        assert np.abs(one - other).max() > 1e-4
    for one, other in zip(statistics(apart), statistics(together), strict=True):
        assert np.abs(one - other).max() > 1e-5

    apart, together = twins()
    for seen, logits in ((real, apart_logits[0]), (fake, apart_logits[1])):
        expected = apart.discriminator(seen.images, training=True)
        np.testing.assert_allclose(expected, logits, rtol=1e-4)
    whole = together.discriminator(tf.concat([real.images, fake.images], 0), training=True)
    np.testing.assert_allclose(whole, tf.concat(together_logits, 0), rtol=1e-4)


def test_without_batch_norm_it_makes_no_difference():
    apart, together = twins(discriminator_norm="none")
    real = ramp(apart)
    fake = real.with_images(0.1 * real.images)
    both = (model.judge_both(real, fake) for model in (apart, together))
    for one, other in zip(*both, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def test_together_labels_stay_with_their_images():
    model = tiny("cdcgan", batch_norm="together")
    judged = watch(model, "judge")
    images, labels = batch_of(model)
    model.judge_both(Samples(images, labels), Samples(-images, 9 - labels))
    ((shown,), _) = judged[0]
    np.testing.assert_array_equal(shown.images, tf.concat([images, -images], 0))
    np.testing.assert_array_equal(shown.labels, [*labels, *(9 - labels)])


# === Clipping ===


@pytest.mark.parametrize("name", ["dcgan", "wgan", "gan", "cdcgan"])
def test_the_discriminator_s_weights_are_clipped_after_its_updates(name):
    model = tiny(name, clip=0.004, discriminator_steps=2)
    largest = max(np.abs(v).max() for v in model.variables_of("discriminator"))
    assert largest > 0.004
    play(model)
    for variable in model.variables_of("discriminator"):
        assert np.abs(variable).max() <= 0.004, variable.path


def test_clipping_leaves_the_generator_alone():
    model = tiny("dcgan", clip=0.005, generator_learning_rate=0.0)
    before = snapshot(model.variables_of("generator"))
    assert max(np.abs(value).max() for value in before) > 0.005
    play(model)
    assert same(before, model.variables_of("generator"))


# === Spectral norm ===


@pytest.mark.parametrize("players", [("discriminator",), ("generator", "discriminator")])
def test_u_advances_once_a_step(players):
    model = tiny("sngan", spectral=players, discriminator_steps=3)
    layers = [
        layer
        for player in players
        for layer in spectral_norm.spectral_layers(model.networks[player])
    ]
    assert len(layers) > len(players)
    expected = [np.array(spectral_norm._iterated(x.kernel, x.u)) for x in layers]
    before = [np.array(layer.u) for layer in layers]
    play(model)
    for layer, old, new in zip(layers, before, expected, strict=True):
        np.testing.assert_allclose(layer.u, new, rtol=1e-4, atol=1e-6)
        assert len(old) == 1 or not np.array_equal(old, layer.u)
    now = snapshot(layer.u for layer in layers)
    model.sample(4)
    assert same(now, [layer.u for layer in layers])


@pytest.mark.parametrize("ema_decay", [0.0, 0.9])
def test_what_ships_has_no_spectral_layer(ema_decay, tmp_path):
    model = tiny("sngan", spectral=("generator", "discriminator"), ema_decay=ema_decay)
    play(model)
    (network,) = model.networks_to_export().values()
    assert not spectral_norm.spectral_layers(network)
    assert not [w.path for w in network.weights if w.path.endswith("/u")]
    latents = model.draw_latents(3, seed=0)
    np.testing.assert_allclose(network(latents), model.sample(latents=latents), atol=1e-5)
    model.export(tmp_path / "saved")  # refuses what differs from Keras
    assert (tmp_path / "saved" / "saved_model.pb").exists()


# === Stochastic dropout ===


def test_dropout_stays_on_only_where_it_is_asked_to():
    model = tiny("dcgan", dropout=0.5)
    plain = model.sample(4, seed=1)
    first, second = (model.sample(4, seed=1, stochastic=True) for _ in range(2))
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, plain)
    np.testing.assert_array_equal(plain, model.sample(4, seed=1))
    averaged = tiny("dcgan", dropout=0.5, ema_decay=0.9)
    play(averaged, 2)
    assert [x for x in averaged.generator_ema.layers if isinstance(x, StochasticDropout)]
    assert not np.array_equal(averaged.sample(4, seed=1), averaged.sample(4, seed=1, stochastic=1))


def test_without_dropout_nothing_is_stochastic():
    model = tiny("dcgan")
    np.testing.assert_array_equal(model.sample(2, seed=1), model.sample(2, seed=1, stochastic=True))


# === All of it ===

ONE_BY_ONE = {
    "objective": {"objective": "hinge"},
    "discriminator_steps": {"discriminator_steps": 2},
    "balance": {"balance": 0.75},
    "discriminator_optimizer": {"discriminator_optimizer": "sgd"},
    "latent_distribution": {"latent_distribution": "uniform"},
    "label_smoothing": {"label_smoothing": 0.25},
    "label_flipping": {"label_flipping": 0.125},
    "instance_noise": {"instance_noise": 0.5},
    "instance_noise_steps": {"instance_noise": 0.5, "instance_noise_steps": 7},
    "batch_norm": {"batch_norm": "together"},
    "replay": {"replay": 3},
    "packing": {"packing": 2},
    "augment": {"augment": ("color", "cutout")},
    "augment_probability": {"augment": ("color",), "augment_probability": 0.5},
    "ada_target": {"augment": ("color",), "ada_target": 0.5},
    "gradient_penalty": {"gradient_penalty": 2.0},
    "r1": {"r1": 2.0},
    "r2": {"r2": 2.0},
    "dragan": {"dragan": 2.0},
    "penalty_interval": {"r1": 2.0, "penalty_interval": 4},
    "clip": {"clip": 0.5},
    "ema_decay": {"ema_decay": 0.5},
    "ema_kimg": {"ema_kimg": 0.25},
}


def test_every_trick_is_tried_by_itself():
    assert set(ONE_BY_ONE) == set(Tricks.names())
    for name, tricks in ONE_BY_ONE.items():
        assert getattr(Tricks(**tricks), name) != getattr(Tricks(), name)


@pytest.mark.parametrize(
    "name", by_default(("ada_target", "ema_kimg", "objective", "packing", "replay"), ONE_BY_ONE)
)
def test_every_trick_survives_its_configuration_and_files(name, tmp_path):
    model = tiny("dcgan", discriminator_norm="none", **ONE_BY_ONE[name])
    play(model)
    config = json.loads(json.dumps(model.get_config()))
    assert type(model).from_config(config).tricks == model.tricks == Tricks(**ONE_BY_ONE[name])
    model.save(tmp_path / "m.keras")
    loaded = zoo.load(tmp_path / "m.keras")
    assert loaded.tricks == model.tricks
    assert same(snapshot(model.weights), loaded.weights)
    np.testing.assert_array_equal(loaded.sample(2, seed=1), model.sample(2, seed=1))
    play(loaded)


EVERYTHING = {
    "discriminator_norm": "layer",
    "resampling": "pooling",
    "dropout": 0.2,
    "stddev_group": 2,
    "objective": "non_saturating",
    "discriminator_steps": 2,
    "balance": 0.9,
    "generator_learning_rate": 1e-4,
    "discriminator_learning_rate": 3e-4,
    "discriminator_optimizer": "sgd",
    "latent_distribution": "uniform",
    "label_smoothing": 0.1,
    "label_flipping": 0.1,
    "instance_noise": 0.1,
    "instance_noise_steps": 10,
    "batch_norm": "together",
    "replay": 8,
    "packing": 2,
    "augment": ("color", "translation", "cutout"),
    "ada_target": 0.6,
    "gradient_penalty": 1.0,
    "r1": 0.1,
    "r2": 0.1,
    "dragan": 1.0,
    "penalty_interval": 2,
    "ema_decay": 0.9,
}


def everything():
    keras.utils.set_random_seed(0)
    return tiny("dcgan", **EVERYTHING)


def test_everything_at_once_trains():
    model = everything()
    before = {player: snapshot(model.variables_of(player)) for player in model.players}
    assert np.isfinite(list(play(model, 3).values())).all()
    for player in model.players:
        assert not same(before[player], model.variables_of(player))
    for weight in model.weights:
        assert np.isfinite(weight).all(), weight.path
    assert np.isfinite(model.sample(2, stochastic=True)).all()


@pytest.mark.large
@pytest.mark.parametrize("jit_compile", [False, True])
def test_everything_at_once_trains_in_a_graph(jit_compile):
    model = everything()
    model.compile(jit_compile=jit_compile)
    history = model.fit(fabricated(model, batches=2), verbose=0).history
    assert np.isfinite([values[0] for values in history.values()]).all()
    assert int(model.step) == 2


@pytest.mark.large
def test_equal_seeds_play_equal_games():
    first, second = everything(), everything()
    for model in (first, second):
        play(model, 3)
    for one, other, weight in zip(first.weights, second.weights, first.weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5, err_msg=weight.path)


def test_a_game_goes_on_from_a_file_where_it_stopped(tmp_path):
    whole, stopped = everything(), everything()
    play(whole, 3)
    for seed in range(2):
        stopped.train_step(batch_of(stopped, seed=seed))
    stopped.save(tmp_path / "m.keras")
    resumed = zoo.load(tmp_path / "m.keras")
    resumed.train_step(batch_of(resumed, seed=2))
    statistics = {
        id(weight)
        for norm in whole.generator_ema.layers
        if isinstance(norm, BatchNorm)
        for weight in (norm.moving_mean, norm.moving_variance)
    }
    for one, other in zip(whole.weights, resumed.weights, strict=True):
        if id(one) not in statistics:  # these are estimated anew for each sample
            np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5, err_msg=one.path)
    np.testing.assert_allclose(whole.sample(2, seed=1), resumed.sample(2, seed=1), atol=1e-4)
