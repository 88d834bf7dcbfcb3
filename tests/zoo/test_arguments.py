"""Constructor arguments of another kind than they should be, for every family."""

import inspect

import numpy as np
import pytest
from fabrication import families, tiny

from keras_gans import zoo
from keras_gans.core.saving import own_arguments
from keras_gans.utils.checks import check_like

NO_NUMBER = ["x", b"x", None, {"a": 1}, [1], (16, 32), object(), True, float("nan"), float("inf")]
NO_WHOLE_NUMBER = [*NO_NUMBER, -1, 1.5, 2**70]


def defaults(name):
    """`{argument: default}` of all constructors of a family's class."""
    found = {}
    for base in reversed(zoo.entry(name).cls.__mro__[:-1]):
        if base.__module__.startswith("keras_gans"):
            found.update(inspect.signature(base.__init__).parameters)
    return {a: found[a].default for a in own_arguments(zoo.entry(name).cls) if a in found}


def wrong(default):
    if isinstance(default, bool):
        return ["yes", 1, None]
    if isinstance(default, int):
        return NO_WHOLE_NUMBER
    if isinstance(default, float):
        return NO_NUMBER
    if isinstance(default, str):
        return [1, None, ("ab",)]
    return [1, None, (1.5,), ()] if isinstance(default, tuple) and default else []


@pytest.mark.parametrize("name", families())
def test_arguments_of_another_kind_are_refused_by_name(name):
    tried = 0
    for argument, default in defaults(name).items():
        for value in wrong(default) if argument != "num_classes" else ["x", 1.5, (0,), -1]:
            if value == () and argument == "spectral":  # none at all
                continue
            with pytest.raises(ValueError, match=f"`{argument}`"):
                tiny(name, **{argument: value})
            tried += 1
    assert tried > 40


@pytest.mark.parametrize("value", [*NO_NUMBER[:-2], -1, 1.5, 2**63])
def test_a_seed_is_a_whole_number(value):
    if value is None:
        return
    with pytest.raises(ValueError, match="`seed` must be a whole number from 0"):
        tiny("gan", seed=value)


def test_pictures_of_two_sides_are_told_that_they_are_square():
    with pytest.raises(ValueError, match=r"one side.*square here. Received: \(16, 32\)"):
        tiny("dcgan", image_size=(16, 32))


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("cgan", {"generator_units": (16, 32)}),
        ("dcgan", {"dropout": 1.0}),
        ("dcgan", {"dropout": -0.5}),
        ("r3gan", {"expansion": 0}),
        ("acgan", {"class_weight": -1.0}),
        ("cdcgan", {"num_classes": 2**70}),
        ("gan", {"packing": 2**70}),
        ("animegan", {"discriminator_weights": ("one", "two", "three", "four")}),
        ("animegan", {"discriminator_weights": (1.0, -1.0, 1.0, 1.0)}),
    ],
)
def test_values_out_of_range_are_refused_by_name(name, arguments):
    with pytest.raises(ValueError, match=f"`{next(iter(arguments))}`"):
        tiny(name, **arguments)


def test_numbers_of_numpy_and_whole_rates_are_numbers():
    model = tiny("gan", image_size=np.int64(8), generator_learning_rate=1)
    assert model.image_size == 8 and float(model.generator_optimizer.learning_rate) == 1.0
    check_like("dropout", np.float32(0.5), 0.0)
