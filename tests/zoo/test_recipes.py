"""Recipes: short, complete in what they say, and runnable."""

import importlib.util
import pathlib
import re
import signal
import sys

import pytest

from keras_gans import training, zoo
from keras_gans.training import callbacks

GALLERY = pathlib.Path(__file__).parent.parent.parent / "zoo"
RECIPES = sorted(GALLERY.glob("*/recipe.py"))


QUICK = ("dcgan", "pix2pix")


def imported(path):
    spec = importlib.util.spec_from_file_location(f"recipe_{path.parent.name}", path)
    recipe = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(recipe)
    return recipe


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(
            path,
            id=path.parent.name,
            marks=() if path.parent.name in QUICK else pytest.mark.large,
        )
        for path in RECIPES
    ],
)
def test_a_recipe_runs(path, tmp_path, monkeypatch):
    recipe = imported(path)
    monkeypatch.setattr(sys, "argv", [str(path), "--smoke", "--runs-dir", str(tmp_path)])
    recipe.main()
    (folder,) = tmp_path.iterdir()
    run = training.open_run(folder)
    assert run.options.model == recipe.NAME and int(run.load_model().step) == 2
    assert zoo.entry(recipe.NAME).cls.__module__.endswith(f".{path.parent.name}")


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.parent.name)
def test_a_recipe_that_is_stopped_says_how_to_go_on(path, tmp_path, monkeypatch):
    def train(options, runs_dir):
        raise callbacks.Stopped(tmp_path / "checkpoint", signal.SIGTERM)

    recipe = imported(path)
    monkeypatch.setattr(recipe.training, "train", train)
    monkeypatch.setattr(sys, "argv", [str(path), "--smoke", "--runs-dir", str(tmp_path)])
    with pytest.raises(SystemExit, match="checkpoint. The same command goes on from there."):
        recipe.main()


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.parent.name)
def test_a_recipe_says_what_it_takes(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) < 60
    for said in ("Data ", "Hardware ", "Time ", "Expected ", f"python zoo/{path.parent.name}/"):
        assert said in text


def test_every_family_has_a_card():
    families = {zoo.entry(name).family for name in zoo.names()}
    for family in families:
        card = (GALLERY / family / "README.md").read_text(encoding="utf-8")
        names = [n for n in zoo.names() if zoo.entry(n).family == family]
        assert all(f"`{name}`" in card for name in names)
        assert re.search(r"^(- \*\*)?Data", card, re.M), family
        assert re.search(r"^Limits: ", card, re.M) and re.search(r"^Misuse: ", card, re.M), family
    trained = {name for name in zoo.names() if zoo.entry(name).weights}
    assert {path.parent.name for path in RECIPES} >= {zoo.entry(name).family for name in trained}
