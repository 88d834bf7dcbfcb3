"""The catalogue: names, suggestions, what `get` refuses."""

import json

import pytest
from fabrication import tiny

from keras_gans import zoo
from keras_gans.core.saving import constructor_arguments
from keras_gans.zoo import _registry as registry
from keras_gans.zoo import dcgan


def test_names_are_sorted_and_of_one_task():
    assert zoo.names() == sorted(zoo.names())
    assert "cgan" in zoo.names("class_conditional")
    assert "cgan" not in zoo.names("unconditional")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: zoo.get("dcgn"), "Unknown zoo model: 'dcgn'. Did you mean 'dcgan'\\? Available"),
        (lambda: zoo.get("zzzzzz"), "Unknown zoo model: 'zzzzzz'. Available models: [a-z]"),
        (lambda: zoo.entry("cdcgan-fashion"), "Did you mean 'cdcgan_fashion'"),
        (lambda: zoo.names("painting"), "`task` must be one of"),
        (lambda: zoo.get("dcgan", latent_dims=3), "no argument 'latent_dims'. Did you mean 'lat"),
        (lambda: zoo.get("dcgan", image_size=30), "Received: image_size=30; the next .* is 32"),
        (lambda: zoo.get("cdcgan", image_size=4), "at least 8"),
        (lambda: zoo.get("gan", objective="maximin"), "must be one of .*'minimax'"),
        (lambda: zoo.get("gan", discriminator_steps=0), "at least 1. Received: 0"),
        (lambda: zoo.get("dcgan", pretrained=True), "No pretrained weights ship with dcgan"),
    ],
)
def test_refusals_teach(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_users_register_their_own(monkeypatch):
    monkeypatch.setattr(registry, "_ENTRIES", dict(registry._ENTRIES))
    row = zoo.register(
        "dcgan_mine",
        dcgan.DCGAN,
        task="unconditional",
        paper="mine",
        tiny={"filters": 4},
        image_size=16,
    )
    assert zoo.entry("dcgan_mine") is row
    assert tiny("dcgan_mine").image_size == 16
    with pytest.raises(ValueError, match="already"):
        zoo.register("dcgan", dcgan.DCGAN, task="unconditional", paper="x", tiny={})


@pytest.mark.parametrize(
    ("side", "start", "widths"),
    [(64, 4, [512, 256, 128, 64]), (28, 7, [128, 64]), (96, 6, [512, 256, 128, 64]), (8, 4, [64])],
)
def test_block_widths(side, start, widths):
    assert dcgan.block_widths(side, 64) == (start, widths)


@pytest.mark.parametrize("name", zoo.names())
def test_arguments_of_every_entry_are_the_constructors_and_survive_json(name):
    """Files of models hold them as JSON. No network is built."""
    row = zoo.entry(name)
    for arguments in (row.config, row.tiny):
        assert set(arguments) <= set(constructor_arguments(row.cls))
        assert _as_lists(json.loads(json.dumps(arguments))) == _as_lists(arguments)


def _as_lists(value):
    """The same with lists in place of tuples, which JSON does not have."""
    if isinstance(value, dict):
        return {key: _as_lists(inner) for key, inner in value.items()}
    return [_as_lists(one) for one in value] if isinstance(value, (list, tuple)) else value


def test_families_of_installed_packages_are_found_once_and_broken_ones_named(monkeypatch):
    loaded = []

    class Point:
        value = "their.families"

        def load(self):
            loaded.append(self)
            raise RuntimeError("their bug")

    monkeypatch.setattr(registry.importlib.metadata, "entry_points", lambda group: [Point()])
    registry._load_plugins.cache_clear()
    with pytest.warns(UserWarning, match=r"their.families cannot be loaded: RuntimeError: their"):
        assert "dcgan" in zoo.names()
    zoo.entry("dcgan")
    assert len(loaded) == 1
