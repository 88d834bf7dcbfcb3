"""`keras-gans project`."""

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
    place_for,
    refuse_existing,
    say,
    trained_run,
)


def project(
    model: Trained,
    picture: Annotated[pathlib.Path, typer.Argument(help="The picture.")],
    space: Annotated[
        str,
        typer.Option(help="`w`, one style for the whole picture, or `w+`, one for each layer."),
    ] = "w+",
    steps: Annotated[int, typer.Option(min=1, help="Of descent.")] = 300,
    seed: Annotated[int, typer.Option(min=0, help="Of the noise on the way.")] = 0,
    output: Annotated[
        pathlib.Path | None,
        typer.Option(
            help="PNG with the picture and what the model makes of its styles; the styles lie "
            "beside it as .npy."
        ),
    ] = None,
    overwrite: Overwrite = False,
    debug: Debug = False,
):
    """Find the styles of which a model draws a picture: the picture becomes one of the model's own.

    The picture is scaled to the model's size, its middle kept.

    Examples:

        keras-gans project stylegan2_avatars face.png

        keras-gans project runs/00001-stylegan2 me.jpg --space w --steps 1000 --output me-w.png
    """
    load_tensorflow()
    with one_sentence(debug, model, picture):
        import numpy as np

        from keras_gans.core.signature import has_styles
        from keras_gans.images import grids, projection
        from keras_gans.utils.files import write_whole

        path = output or place_for(f"projection-{picture.stem}.png", model, "samples")
        if path.suffix != ".png":
            raise ValueError(f"--output must end in .png. Received: {path}")
        styles = path.with_suffix(".npy")
        for one in (path, styles):
            refuse_existing(one, overwrite)
        _, loaded, _ = trained_run(model)
        if not has_styles(loaded):
            raise ValueError(
                f"{model} holds {loaded.name}, which draws from no styles. Use stylegan2 or one of "
                "its kind."
            )
        wanted = _read(picture, loaded)
        found = _projected(projection, loaded, wanted, space=space, steps=steps, seed=seed)
        sheet = grids.sheet(np.stack([wanted, found.pictures[0]]), 2)
        write_whole(path, lambda new: sheet.save(new, format="PNG"), replace=overwrite)
        write_whole(styles, lambda new: _save(new, found.styles), replace=overwrite)
        say(f"Distance {found.distance[0]:.3f} (root mean square, of values from -1 to 1)")
        say(f"Sheet    {path}")
        say(f"Styles   {styles}")


def _read(path, model):
    """A picture of the model's size, in [-1, 1]."""
    from keras_gans.data.decode import UnreadableError
    from keras_gans.data.image_converter import ImageConverter

    if not path.is_file():
        raise ValueError(f"There is no file {path}.")
    converter = ImageConverter(model.image_size, model.image_size, model.image_channels)
    try:
        return converter.read(path).astype("float32") / 127.5 - 1.0
    except UnreadableError as error:
        raise ValueError(f"{path} cannot be used: {error}.") from error


def _projected(projection, model, picture, **options):
    from rich.progress import Progress

    with Progress(console=complaints) as bar:
        task = bar.add_task("Projecting", total=options["steps"])
        return projection.project(
            model, picture, **options, progress=lambda step, _: bar.update(task, completed=step)
        )


def _save(path, styles):
    import numpy as np

    with open(path, "wb") as file:  # by its name NumPy would add a suffix
        np.save(file, styles)
