"""`keras-gans translate`."""

import pathlib
from typing import Annotated

import typer

from keras_gans.cli.common import (
    Debug,
    Overwrite,
    Trained,
    complaints,
    load_tensorflow,
    one_sentence,
    opened_model,
    say,
)


def translate(
    model: Trained,
    path: Annotated[pathlib.Path, typer.Argument(help="A picture, or a folder of pictures.")],
    direction: Annotated[str, typer.Option(help="`ab` or `ba`.")] = "ab",
    output: Annotated[pathlib.Path, typer.Option(help="Folder for the translations.")] = (
        pathlib.Path("translated")
    ),
    sheet: Annotated[
        bool, typer.Option("--sheet", help="Also write sheet.png, pictures and translations.")
    ] = False,
    overwrite: Overwrite = False,
    debug: Debug = False,
):
    """Translate a picture or a folder of pictures, of any size.

    Examples:

        keras-gans translate runs/00001-pix2pix-emoji drawing.png

        keras-gans translate horse2zebra.keras horses/ --direction ab --output zebras --sheet
    """
    load_tensorflow()
    with one_sentence(debug):
        from rich.progress import track

        from keras_gans.core.signature import translates
        from keras_gans.images import grids, translate_files

        pairs = translate_files.plan(path, output, overwrite, sheet)
        _, loaded, _ = opened_model(model)
        if not translates(loaded):
            raise ValueError(f"{model} holds {loaded.name}, which draws pictures: use `sample`.")
        count, shown = 0, []
        for _, _, *pictures in track(
            translate_files.translate_files(loaded, pairs, direction),
            description="Translating",
            total=len(pairs),
            console=complaints,
        ):
            count += 1
            if sheet and count <= translate_files.SHEET_ROWS:
                shown.append(pictures)
        if not count:
            raise ValueError(f"No picture of {path} can be read: nothing was translated.")
        say(f"{count} of {len(pairs)} pictures translated into {output}")
        if sheet:
            picture = translate_files.side_by_side(shown)
            say(f"Sheet    {grids.save(picture, output / translate_files.SHEET)}")
