"""`keras-gans list` and `keras-gans show`: what is in the zoo."""

import inspect
import sys
from typing import Annotated

import typer
from rich.table import Table

from keras_gans.cli.common import (
    Debug,
    Settings,
    console,
    load_tensorflow,
    one_sentence,
    read_settings,
    say,
)


def list_entries(
    task: Annotated[str | None, typer.Option(help="Only entries of this task.")] = None,
    debug: Debug = False,
):
    """List the zoo.

    Example: `keras-gans list --task class_conditional`
    """
    load_tensorflow()
    with one_sentence(debug):
        from keras_gans import zoo

        table = Table(box=None, pad_edge=False)
        for heading in ("name", "task", "pictures", "data", "pretrained", "paper"):
            table.add_column(heading)
        for name in zoo.names(task):
            row = zoo.entry(name)
            ships = "yes" if row.weights else ""
            table.add_row(name, row.task, _size(row), row.data or "", ships, row.paper)
        console.print(table)


def _size(row):
    side = row.config.get("image_size", _default(row.cls, "image_size"))
    return f"{side} x {side}"


def _default(cls, argument):
    """What an argument is where it is not given, also where a class hands it on to its base."""
    for base in cls.__mro__:
        parameters = inspect.signature(base.__init__).parameters
        if argument in parameters:
            return parameters[argument].default
    raise ValueError(f"{cls.__name__} has no argument `{argument}`.")


def show(
    name: Annotated[str, typer.Argument(help="Name in the zoo, see `keras-gans list`.")],
    settings: Settings = None,
    debug: Debug = False,
):
    """Show an entry: the game, its arguments, its networks.

    Example: `keras-gans show dcgan --set image_size=128`
    """
    load_tensorflow()
    with one_sentence(debug):
        from keras_gans import zoo

        model = zoo.get(name, **read_settings(settings))
        describe(zoo.entry(name), model)


def describe(row, model):
    """Prints an entry's game, its arguments and its networks."""
    module = sys.modules[row.cls.__module__]
    say((module.__doc__ or row.cls.__doc__ or "").strip())
    console.print("\n[bold]Arguments[/] (change them with --set key=value)")
    for key, value in model.get_config().items():
        say(f"  {key} = {value!r}")
    _print_recipe(row)
    console.print(f"\n[bold]Logged[/] ({', '.join(model.logged)})")
    say(f"  {model.losses_in_words}")
    for network in model.networks.values():
        network.summary(print_fn=say)


def _print_recipe(row):
    """Prints how the entry is trained, where it says so, and what its weights were trained on."""
    if not row.recipe:
        return
    console.print("\n[bold]Recipe[/] (of `train`, where nothing else is given)")
    for key, value in row.recipe.items():
        say(f"  {key} = {value!r}")
    if row.weights and "data" in row.recipe:
        say(
            f"  `train {row.name}` without --data takes {row.data}, which comes with the package; "
            f"the weights that ship were trained with --data {row.recipe['data']}."
        )
