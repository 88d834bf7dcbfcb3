"""The `keras-gans` command: each verb reads its arguments and calls one function of the library."""

import importlib
import os
import sys
from typing import Annotated

import typer
from typer.core import TyperGroup

import keras_gans
from keras_gans.cli import (
    catalogue,
    evaluation,
    exporting,
    importation,
    projecting,
    sampling,
    spelling,
    training,
    translation,
    upscaling,
)
from keras_gans.cli.common import console, load_tensorflow, one_sentence

_IMPORT = "--import"


class _Verbs(TyperGroup):
    """Verbs that take `--import MODULE` also after their own arguments, and tell their options."""

    def parse_args(self, ctx, args):
        ours: list[str] = []
        others: list[str] = []
        rest = iter(args)
        for argument in rest:
            if argument == _IMPORT:
                ours += [argument, *[value for value in [next(rest, None)] if value is not None]]
            else:
                (ours if argument.startswith(f"{_IMPORT}=") else others).append(argument)
        return super().parse_args(ctx, [*ours, *others])

    def get_command(self, ctx, cmd_name):
        command = super().get_command(ctx, cmd_name)
        if command is not None:
            spelling.of_verb(command.params)
        return command


app = typer.Typer(
    name="keras-gans",
    cls=_Verbs,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)

# In the order of --help.
app.command("list")(catalogue.list_entries)
app.command()(catalogue.show)
app.command()(training.train)
app.command()(sampling.sample)
app.command()(projecting.project)
app.command()(evaluation.evaluate)
app.command()(translation.translate)
app.command()(upscaling.upscale)
app.command("import")(importation.import_weights)
app.command()(exporting.export)
app.command()(exporting.demo)


def main():
    """Entry point of the command."""
    app()


@app.callback(invoke_without_command=True)
def top(
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
    modules: Annotated[
        list[str] | None,
        typer.Option(
            _IMPORT,
            metavar="MODULE",
            help="Import a module that registers models of your own, from here or installed; may "
            "be repeated, and stand after the verb.",
        ),
    ] = None,
):
    """GANs for Keras 3: get one by name, train it, look at it, ship it.

    A whole job, on the pictures that come with the package:

        keras-gans train cdcgan_fashion

        keras-gans sample runs/00001-cdcgan-fashion --interpolate

        keras-gans export runs/00001-cdcgan-fashion
    """
    if version:
        console.print(f"keras-gans {keras_gans.__version__}")
        raise typer.Exit()
    if modules:
        load_tensorflow()
        with one_sentence(debug=False):
            _import(modules)


def _import(modules):
    """Imports modules of the user's, from the working folder too, as `python -m` does."""
    if (here := os.getcwd()) not in sys.path:
        sys.path.insert(0, here)
    for module in modules:
        try:
            importlib.import_module(module)
        except Exception as error:  # whatever the user's code raises
            raise ImportError(
                f"{_IMPORT} {module}: {type(error).__name__}: {error}. It takes the name of a "
                "module, such as my_gans of my_gans.py in this folder."
            ) from error
