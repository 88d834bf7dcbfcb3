"""Players and their optimizers: given, refused, kept, and laid over the images of a run."""

import keras
import pytest
from fabrication import fabricated, families, tiny

from keras_gans import zoo


def test_compile_takes_an_optimizer_for_each_player():
    model = tiny("dcgan")
    model.compile(generator_optimizer=keras.optimizers.SGD(0.1), discriminator_optimizer="adam")
    assert isinstance(model.generator_optimizer, keras.optimizers.SGD)
    assert isinstance(model.discriminator_optimizer, keras.optimizers.Adam)
    model.fit(fabricated(model), verbose=0)
    assert int(model.generator_optimizer.iterations) == 2


def test_compile_names_what_it_does_not_take():
    with pytest.raises(TypeError, match="no argument 'loss'.*generator_optimizer"):
        tiny("dcgan").compile(loss="mse")


def test_players_cannot_share_an_optimizer():
    both = keras.optimizers.Adam()
    with pytest.raises(ValueError, match="optimizer of its own"):
        tiny("dcgan").compile(generator_optimizer=both, discriminator_optimizer=both)


def test_compile_options_come_back_from_a_file(tmp_path):
    model = tiny("dcgan")
    model.compile(
        generator_optimizer=keras.optimizers.SGD(0.25, momentum=0.5), steps_per_execution=2
    )
    model.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    assert loaded.steps_per_execution == 2
    assert float(loaded.generator_optimizer.learning_rate) == 0.25
    assert isinstance(loaded.discriminator_optimizer, keras.optimizers.Adam)


def test_plateau_lowers_every_player_s_rate():
    model = tiny("dcgan")
    plateau = keras.callbacks.ReduceLROnPlateau(
        "generator_loss", factor=0.5, patience=1, min_delta=1e9, mode="min"
    )
    model.fit(fabricated(model), epochs=2, verbose=0, callbacks=[plateau])
    for optimizer in model.optimizer.optimizers:
        assert float(optimizer.learning_rate) == pytest.approx(1e-4)


# === Schedules over the images of a run ===

#: What is left of the paper's learning rate at these shares of the run.
LEFT = {
    "wgan_gp": {0.0: 1.0, 0.5: 0.5, 1.0: 0.0},
    "sngan": {0.0: 1.0, 0.5: 0.5, 1.0: 0.0},
    "r3gan": {0.0: 1.0, 0.5: 0.625, 1.0: 0.25},
    "pix2pix": {0.0: 1.0, 0.5: 1.0, 0.75: 0.5, 1.0: 0.0},
    "cyclegan": {0.0: 1.0, 0.5: 1.0, 0.75: 0.5, 1.0: 0.0},
}


def check_schedule(model, steps):
    for player in model.players:
        optimizer = model.optimizer_of(player)
        updates = model.discriminator_steps if player == "discriminator" else 1
        for share, left in LEFT[model.name].items():
            optimizer.iterations.assign(round(share * steps) * updates)
            rate = float(optimizer.learning_rate)
            assert rate == pytest.approx(2e-4 * left, abs=1e-9), (player, share)


@pytest.mark.parametrize("name", LEFT)
def test_schedules_are_laid_over_the_images_of_the_run(name):
    model = tiny(name)
    per_step = 3 * model.discriminator_steps
    model.compile(images=400 * per_step, batch_size=3)
    assert (model.run_images, model.batch_size) == (400 * per_step, 3)
    check_schedule(model, 400)

    model.compile(images=40 * type(model).batch_size * model.discriminator_steps)
    assert model.batch_size == type(model).batch_size  # the paper's where nothing is said
    check_schedule(model, 40)


@pytest.mark.parametrize("name", LEFT)
@pytest.mark.parametrize("load", [keras.saving.load_model, zoo.load])
def test_the_schedule_of_a_run_is_kept_in_files(name, load, tmp_path):
    model = tiny(name)
    images = 400 * 3 * model.discriminator_steps
    model.compile(images=images, batch_size=3)
    config = model.get_compile_config()
    assert (config["images"], config["batch_size"]) == (images, 3)
    model.save(tmp_path / "m.keras")
    loaded = load(tmp_path / "m.keras")
    for player in model.players:
        saved, restored = model.optimizer_of(player), loaded.optimizer_of(player)
        assert saved.get_config() == restored.get_config()
    check_schedule(loaded, 400)
    if name == "r3gan":
        model.step.assign(400)
        loaded.step.assign(400)
        assert float(loaded.penalty_left()) == pytest.approx(float(model.penalty_left()))


def test_the_penalties_of_r3gan_fall_over_the_images_of_the_run():
    model = tiny("r3gan")
    model.compile(images=1200, batch_size=3)
    for step, left in ((0, 1.0), (200, 0.55), (400, 0.1), (500, 0.1)):
        model.step.assign(step)
        assert float(model.penalty_left()) == pytest.approx(left, abs=1e-6)


def test_without_images_the_arguments_say_how_long():
    model = tiny("wgan_gp", decay_steps=50)
    assert model.run_images is None
    check_schedule(model, 50)


@pytest.mark.parametrize("value", [0, -1, 2.5, "3"])
@pytest.mark.parametrize("argument", ["images", "batch_size"])
def test_runs_of_no_images_are_refused(argument, value):
    with pytest.raises(ValueError, match=f"`{argument}` must be a whole number"):
        tiny("wgan_gp").compile(**{argument: value})


@pytest.mark.parametrize("name", families())
def test_every_family_takes_a_learning_rate_for_each_kind_of_player(name):
    rates = {"generator": 0.25, "discriminator": 0.125}
    arguments = {f"{player}_learning_rate": rate for player, rate in rates.items()}
    model = tiny(name, **arguments)
    for player in model.players:
        assert float(model.optimizer_of(player).learning_rate) == rates[player]
    assert arguments.items() <= model.get_config().items()
    unchanged = tiny(name, generator_learning_rate=0.25)
    if "discriminator" in model.players:
        ours, paper = (
            unchanged.optimizer_of("discriminator"),
            tiny(name).optimizer_of("discriminator"),
        )
        assert float(ours.learning_rate) == float(paper.learning_rate)


@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf"), "0.1", True, [0.1]])
@pytest.mark.parametrize("player", ["generator", "discriminator"])
def test_a_learning_rate_is_a_finite_number_of_at_least_0(player, value):
    with pytest.raises(ValueError, match=f"`{player}_learning_rate` must be .*. Received: "):
        tiny("pix2pix", **{f"{player}_learning_rate": value})


def test_a_schedule_of_steps_keeps_its_form_from_another_rate():
    schedule = tiny("srgan", generator_learning_rate=0.5).generator_optimizer._learning_rate
    assert [float(schedule(step)) for step in (0, 100_000, 100_001)] == pytest.approx(
        [0.5, 0.5, 0.05]
    )
