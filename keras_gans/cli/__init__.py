"""The `keras-gans` command: each verb reads its arguments and calls one function of the library."""

from typing import Annotated

import typer

import keras_gans
from keras_gans.cli import (
    catalogue,
    evaluation,
    exporting,
    importation,
    sampling,
    training,
    translation,
)
from keras_gans.cli.common import console

app = typer.Typer(
    name="keras-gans",
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
app.command()(evaluation.evaluate)
app.command()(translation.translate)
app.command("import")(importation.import_weights)
app.command()(exporting.export)
app.command()(exporting.demo)


def main():
    """Entry point of the command."""
    app()


@app.callback(invoke_without_command=True)
def top(
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
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
