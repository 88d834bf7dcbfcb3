"""The switches: what each takes, what goes together, and networks they cannot be played with."""

import dataclasses
import json

import keras
import numpy as np
import pytest
from fabrication import same, snapshot, tiny
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers

from keras_gans import zoo
from keras_gans.augment import POLICIES
from keras_gans.games.adversarial import AdversarialGAN
from keras_gans.games.tricks import BATCH_NORMS, DISTRIBUTIONS, PENALTIES, Tricks
from keras_gans.losses import OBJECTIVES

# === Values ===

WHOLE = ("discriminator_steps", "packing", "penalty_interval", "replay", "instance_noise_steps")
AMOUNTS = (
    "balance", "label_smoothing", "label_flipping", "instance_noise", "augment_probability",
    "ada_target", *PENALTIES, "clip", "ema_decay", "ema_kimg",
)  # fmt: skip
CHOICES = ("objective", "latent_distribution", "batch_norm", "discriminator_optimizer")


def test_every_trick_is_tested_for_bad_values():
    assert {*WHOLE, *AMOUNTS, *CHOICES, "augment"} == set(Tricks.names())


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("value", [-1, 1.0, "2", None, True])
def test_counts_are_whole_numbers(name, value):
    with pytest.raises(ValueError, match=f"`{name}` must be a whole number of at least [01]"):
        Tricks(**{name: value})


@pytest.mark.parametrize("name", ["discriminator_steps", "packing", "penalty_interval"])
def test_none_at_all_is_too_few(name):
    with pytest.raises(ValueError, match=f"`{name}`.*at least 1. Received: 0"):
        Tricks(**{name: 0})


@pytest.mark.parametrize("name", AMOUNTS)
@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf"), "0.1", True, [0.1]])
def test_amounts_are_finite_numbers_of_at_least_0(name, value):
    with pytest.raises(ValueError, match=f"`{name}` must be .*. Received: "):
        Tricks(**{name: value})


@pytest.mark.parametrize(
    ("name", "too_much"),
    [
        ("label_smoothing", 0.6),
        ("label_flipping", 0.6),
        ("ada_target", 1.1),
        ("balance", 1.1),
        ("augment_probability", 1.1),
        ("ema_decay", 1.0),
    ],
)
def test_shares_end_somewhere(name, too_much):
    with pytest.raises(ValueError, match=f"`{name}` must be"):
        Tricks(**{name: too_much})


@pytest.mark.parametrize("value", [0.01, 0.3, 0.499])
def test_a_discriminator_that_never_learns_is_refused(value):
    with pytest.raises(ValueError, match="never learn. Received"):
        Tricks(balance=value)


def test_how_often_images_are_augmented_is_found_out_or_said():
    with pytest.raises(ValueError, match="Use one of them"):
        Tricks(augment=("color",), ada_target=0.6, augment_probability=0.5)


def test_numpy_s_numbers_are_numbers():
    tricks = Tricks(discriminator_steps=np.int64(2), r1=np.float32(0.5))
    assert (tricks.discriminator_steps, tricks.r1) == (2, 0.5)


@pytest.mark.parametrize("name", CHOICES)
@pytest.mark.parametrize("value", ["nonsense", 1, ["normal"]])
def test_choices_are_named(name, value):
    with pytest.raises(ValueError, match=f"`{name}` must be one of .*Received: "):
        Tricks(**{name: value})


@pytest.mark.parametrize("value", ["colour", ("color", "cut"), [1], 3, None])
def test_augmentations_are_named(value):
    with pytest.raises(ValueError, match="color, translation, cutout"):
        Tricks(augment=value)


@pytest.mark.parametrize(
    "given", ["color,cutout", "color, cutout", ("color", "cutout"), ["color", "cutout"]]
)
def test_augmentations_may_come_as_text(given):
    assert Tricks(augment=given).augment == ("color", "cutout")
    assert Tricks(augment="").augment == ()


# === Combinations ===


@pytest.mark.parametrize("trick", ["label_smoothing", "label_flipping"])
@pytest.mark.parametrize("objective", [n for n, o in OBJECTIVES.items() if not o.has_targets])
def test_without_labels_there_is_nothing_to_smooth(trick, objective):
    with pytest.raises(ValueError, match=f"{objective}.*has no labels to smooth or flip"):
        Tricks(objective=objective, **{trick: 0.1})


@pytest.mark.parametrize("objective", [n for n, o in OBJECTIVES.items() if o.has_targets])
def test_with_labels_there_is(objective):
    Tricks(objective=objective, label_smoothing=0.1, label_flipping=0.1)


@pytest.mark.parametrize("penalty", PENALTIES)
def test_clipping_and_a_penalty_do_the_same_work(penalty):
    with pytest.raises(ValueError, match=r"`clip` and a penalty \(.*\) bound the same slope"):
        Tricks(clip=0.01, **{penalty: 1.0})


def test_ada_needs_something_to_adapt():
    with pytest.raises(ValueError, match="`augment` is empty. Add augment="):
        Tricks(ada_target=0.6)


@pytest.mark.parametrize("objective", [n for n, o in OBJECTIVES.items() if o.boundary is None])
def test_ada_needs_logits_with_a_sign(objective):
    with pytest.raises(ValueError, match="sign means nothing. Use augment_probability"):
        Tricks(objective=objective, augment="color", ada_target=0.6)


def test_how_often_needs_a_what():
    with pytest.raises(ValueError, match="`augment` is empty. Add augment="):
        Tricks(augment_probability=0.5)
    with pytest.raises(ValueError, match="no penalty is on. Add one of gradient_penalty, r1"):
        Tricks(penalty_interval=4)


def test_an_average_forgets_by_steps_or_by_images():
    with pytest.raises(ValueError, match="of steps and of images.*Received: 0.9 and 10.0"):
        Tricks(ema_decay=0.9, ema_kimg=10.0)
    with pytest.raises(ValueError, match="`ema_decay` and `ema_kimg`.*Use one of them"):
        tiny("r3gan", ema_kimg=10)  # whose paper has an `ema_decay`
    assert tiny("r3gan", ema_decay=0, ema_kimg=10).tricks.averages


def test_noise_that_falls_must_be_there():
    with pytest.raises(ValueError, match="`instance_noise`.*is 0. Add instance_noise"):
        Tricks(instance_noise_steps=100)


# === Configuration ===


def some(low, high, **kwargs):
    return st.floats(low, high, **kwargs)


@st.composite
def legal(draw):
    objective = draw(st.sampled_from(sorted(OBJECTIVES)))
    game = OBJECTIVES[objective]
    values = {
        "objective": objective,
        "discriminator_steps": draw(st.integers(1, 9)),
        "balance": draw(some(0.5, 1)),
        "discriminator_optimizer": draw(st.sampled_from([None, "sgd"])),
        "latent_distribution": draw(st.sampled_from(DISTRIBUTIONS)),
        "batch_norm": draw(st.sampled_from(BATCH_NORMS)),
        "replay": draw(st.integers(0, 1000)),
        "packing": draw(st.integers(1, 4)),
        "augment": draw(st.lists(st.sampled_from(POLICIES), max_size=3)),
    }
    if draw(st.booleans()):
        values["ema_decay"] = draw(some(0, 1, exclude_max=True))
    else:
        values["ema_kimg"] = draw(some(0, 1000))
    if game.has_targets:
        values["label_smoothing"] = draw(some(0, 0.5))
        values["label_flipping"] = draw(some(0, 0.5))
    if draw(st.booleans()):
        values["instance_noise"] = draw(some(0.01, 2))
        values["instance_noise_steps"] = draw(st.integers(0, 10**6))
    if values["augment"] and game.boundary is not None:
        values["ada_target"] = draw(some(0, 1))
    if values["augment"] and not values.get("ada_target"):
        values["augment_probability"] = draw(some(0, 1))
    if draw(st.booleans()):
        values["clip"] = draw(some(0, 1))
    else:
        values.update({name: draw(some(0, 100)) for name in PENALTIES})
        if any(values[name] for name in PENALTIES):
            values["penalty_interval"] = draw(st.integers(1, 16))
    return Tricks(**values)


@settings(deadline=None)
@given(legal())
def test_the_configuration_says_all(tricks):
    assert Tricks(**tricks.as_config()) == tricks
    assert Tricks(**json.loads(json.dumps(tricks.as_config()))) == tricks
    assert tricks.has_penalty == any(getattr(tricks, name) > 0 for name in PENALTIES)
    assert tricks.averages == (tricks.ema_decay > 0 or tricks.ema_kimg > 0)


def test_tricks_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Tricks().clip = 1.0


def test_defaults_are_all_off():
    tricks = Tricks()
    assert not tricks.has_penalty
    plain, told = tiny("dcgan"), tiny("dcgan", **tricks.as_config())
    assert plain.tricks == told.tricks == tricks
    assert [w.path.split("/")[-1] for w in plain.weights].count("augment_probability") == 0
    assert plain.lead is None and plain.probability is None
    assert not hasattr(plain, "pool") and not hasattr(plain, "generator_ema")
    assert set(plain.networks) == {"generator", "discriminator"}


def test_arguments_replace_the_paper_s_tricks():
    assert tiny("wgan").tricks == Tricks(objective="wasserstein", discriminator_steps=5, clip=0.01)
    model = tiny("wgan", clip=0.0, discriminator_steps=1, gradient_penalty=0.0)
    assert model.tricks == Tricks(objective="wasserstein")


SAMPLERS = [n for n in zoo.names() if issubclass(zoo.entry(n).cls, AdversarialGAN)]


@pytest.mark.parametrize("name", SAMPLERS)
def test_every_family_takes_every_trick_by_name(name):
    with pytest.raises(ValueError, match="has no argument 'label_smothing'.*'label_smoothing'"):
        tiny(name, label_smothing=0.1)
    with pytest.raises(ValueError, match="`instance_noise` must be"):
        tiny(name, instance_noise=-1)


# === Networks ===


def test_gradient_penalty_refuses_batch_norm_by_the_layer_s_name():
    norm = next(x for x in tiny("dcgan").discriminator.layers if "Norm" in type(x).__name__)
    stem = norm.name.rsplit("_", 1)[0] if norm.name[-1].isdigit() else norm.name
    with pytest.raises(ValueError, match=f"batch norm .layer '{stem}.*depend on the whole batch"):
        tiny("dcgan", gradient_penalty=10.0)
    tiny("dcgan", gradient_penalty=10.0, discriminator_norm="none")


def test_clip_refuses_spectral_norm_by_the_layer_s_name():
    with pytest.raises(ValueError, match=r"`clip`.*spectral norm divides.*layer 'spectral_conv2d"):
        tiny("sngan", clip=0.01)
    tiny("sngan", clip=0.01, spectral=())


@pytest.mark.parametrize("name", ["cgan", "cdcgan"])
def test_packing_refuses_labels(name):
    with pytest.raises(ValueError, match="`packing`.*labels of their own. Use packing=1"):
        tiny(name, packing=2)


class Resizing(zoo.entry("dcgan").cls):
    """Its discriminator shrinks pictures by a resize."""

    def set_players(self, generator, discriminator):
        image = keras.Input((16, 16, 3))
        x = layers.Resizing(8, 8, interpolation="bilinear", name="shrink")(image)
        logits = layers.Dense(1)(layers.Flatten()(layers.Conv2D(4, 3)(x)))
        super().set_players(generator, keras.Model(image, logits, name="discriminator"))


@pytest.mark.parametrize("penalty", PENALTIES)
def test_penalties_refuse_a_resize_by_the_layer_s_name(penalty):
    with pytest.raises(ValueError, match=r"Layer 'shrink' \(Resizing\) of network 'discriminator'"):
        Resizing(image_size=16, filters=4, **{penalty: 1.0})


def test_without_a_penalty_a_resize_is_nobody_s_business():
    assert Resizing(image_size=16, filters=4).tricks == Tricks()


def test_a_refused_model_leaves_no_trace():
    keras.utils.set_random_seed(0)
    first = snapshot(tiny("dcgan").weights)
    keras.utils.set_random_seed(0)
    with pytest.raises(ValueError):
        tiny("dcgan", objective="nonsense")
    assert same(first, tiny("dcgan").weights)
