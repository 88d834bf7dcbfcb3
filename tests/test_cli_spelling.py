"""Arguments in messages: as options in the command, as Python's in Python."""

import types

import pytest
from typer.testing import CliRunner

from keras_gans.cli import app, spelling


def option(name):
    return types.SimpleNamespace(name=name.strip("-").replace("-", "_"), opts=[name])


@pytest.fixture
def train(monkeypatch):
    monkeypatch.setattr(spelling, "_running", {})
    names = ["--batch-size", "--epochs", "--data", "--head", "--fit", "--jit-compile"]
    settings = types.SimpleNamespace(name="settings", opts=["--set"])
    spelling.of_verb([settings, *map(option, names)])


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("`batch_size` must be at least 1.", "`--batch-size` must be at least 1."),
        ("Use batch_size=1 or less.", "Use --batch-size 1 or less."),
        ("Use packing=1 with", "Use --set packing=1 with"),
        ("`image_size` must be one side", "`--set image_size` must be one side"),
        ("such as image_size=64.", "such as --set image_size=64."),
        ("Use zoo.get(..., num_classes=3).", "Use --set num_classes=3."),
        ("Use zoo.get(..., num_classes=(3, 4)). More.", "Use --set num_classes=(3, 4). More."),
        ("`--set latent_dim=64`", "`--set latent_dim=64`"),
        ("--set latent_dim=64 or", "--set latent_dim=64 or"),
        ("heads=('a', 'b')", "--head ('a', 'b')"),
        ("objective='hinge' has no labels", "--set objective='hinge' has no labels"),
        ("a/b=c is no file, nor is x.y=3", "a/b=c is no file, nor is x.y=3"),
        ("`nothing` and other=3", "`nothing` and other=3"),
        ("jit_compile=False, or precision='mixed_bfloat16', which",
         "--jit-compile False, or --set precision='mixed_bfloat16', which"),
    ],
)  # fmt: skip
def test_arguments_are_named_as_options(said, wanted, train):
    assert spelling.as_options(said) == wanted


def test_verbs_without_settings_leave_arguments_of_models_alone(monkeypatch):
    monkeypatch.setattr(spelling, "_running", {})
    spelling.of_verb([option("--count")])
    assert spelling.as_options("count=3, `packing`") == "--count 3, `packing`"


def test_outside_of_the_command_nothing_changes(monkeypatch):
    monkeypatch.setattr(spelling, "_running", {})
    assert spelling.as_options("Use batch_size=1.") == "Use batch_size=1."


def test_the_command_s_errors_name_its_options():
    result = CliRunner().invoke(app, ["train", "gan", "--batch-size", "0"])
    assert result.exit_code == 2 and "`--batch-size` must be at least 1" in result.output
