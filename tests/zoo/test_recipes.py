"""Recipes, how an entry is trained where nothing else is said, and the cards that tell of them."""

import dataclasses
import pathlib
import re

import pytest

from keras_gans import training, zoo
from keras_gans.training import options

GALLERY = pathlib.Path(__file__).parent.parent.parent / "zoo"
WITH_RECIPE = [name for name in zoo.names() if zoo.entry(name).recipe]
TRAINED = [n for n in zoo.names() if zoo.entry(n).weights and not zoo.entry(n).published]


@pytest.mark.parametrize("name", WITH_RECIPE)
def test_a_run_follows_the_recipe_where_nothing_else_is_given(name):
    recipe = zoo.entry(name).recipe
    how = {key: value for key, value in recipe.items() if key != "data"}
    assert how and set(recipe) <= {field.name for field in dataclasses.fields(training.Options)}
    found = training.Options(name)
    assert {key: getattr(found, key) for key in how} == how
    assert found.source == zoo.entry(name).data  # which comes with the package


def test_what_is_given_goes_before_the_recipe():
    given = {"epochs": 3, "batch_size": 2, "jitter": True, "flip": False}
    found = training.Options("pix2pix_emoji", **given)
    assert {key: getattr(found, key) for key in given} == given


def test_without_a_recipe_a_run_takes_twenty_epochs_of_the_paper_s_batches():
    found = training.Options("dcgan")
    assert (found.epochs, found.batch_size, found.flip, found.jitter) == (20, None, False, None)


def test_a_run_of_before_there_were_recipes_stays_what_it_was():
    saved = {**dataclasses.asdict(training.Options("pix2pix_emoji")), "flip": False}
    saved |= {"batch_size": None, "jitter": None, "epochs": 7}
    found = options.read(saved)
    assert (found.epochs, found.batch_size, found.flip, found.jitter) == (7, 1, False, True)
    assert options.read(dataclasses.asdict(training.Options("dcgan"))) == training.Options("dcgan")


def test_every_family_has_a_card():
    families = {zoo.entry(name).family for name in zoo.names()}
    for family in families:
        card = (GALLERY / family / "README.md").read_text(encoding="utf-8")
        names = [n for n in zoo.names() if zoo.entry(n).family == family]
        assert all(f"`{name}`" in card for name in names)
        assert re.search(r"^(- \*\*)?Data", card, re.M), family
        assert re.search(r"^Limits: ", card, re.M) and re.search(r"^Misuse: ", card, re.M), family


@pytest.mark.parametrize("name", TRAINED)
def test_a_card_s_command_trains_as_the_weights_that_ship_were_trained(name):
    row = zoo.entry(name)
    card = " ".join((GALLERY / row.family / "README.md").read_text(encoding="utf-8").split())
    data = f" --data {row.recipe['data']}" if "data" in row.recipe else ""
    assert f"`keras-gans train {name}{data}`: {row.recipe['epochs']} epochs" in card
