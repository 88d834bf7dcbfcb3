"""`keras-gans upscale`."""

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

_SOME_LEFT_OUT = 1  # exit code where files could not be upscaled


def upscale(
    model: Trained,
    path: Annotated[
        pathlib.Path,
        typer.Argument(
            help="A picture, an animated GIF, WebP or PNG, a video, or a folder of them."
        ),
    ],
    output: Annotated[
        pathlib.Path,
        typer.Option(
            help="Folder for the results, which lie in it as the files do in theirs; of one file "
            "also the file to write, such as `large.jpg`."
        ),
    ] = pathlib.Path("upscaled"),
    scale: Annotated[
        float | None,
        typer.Option(
            help="How many times as large, any number above 0. Default: the model's own scale. "
            "More than that takes several passes through the network; Lanczos' filter then brings "
            "pictures to the exact size."
        ),
    ] = None,
    format: Annotated[
        str,
        typer.Option(
            help="Format of single pictures: `png`, `jpg`, `webp` or `tif`. Animations keep "
            "theirs, videos become MP4."
        ),
    ] = "png",
    tile: Annotated[
        int | None,
        typer.Option(
            help="Side of the tiles in which pictures go through the network, in pixels; smaller "
            "ones take less memory. Default: what fits into 1 GiB, at most 512."
        ),
    ] = None,
    overlap: Annotated[
        int | None,
        typer.Option(help="Pixels that neighbouring tiles share; a tile is at least twice it."),
    ] = None,
    alpha: Annotated[
        str,
        typer.Option(
            help="How transparency becomes larger: by a filter, `lanczos` or `bicubic`, or through "
            "the `network`, as a grey picture, so that its edges are as sharp as the colours'; "
            "that takes twice as long."
        ),
    ] = "lanczos",
    sheet: Annotated[
        bool,
        typer.Option(
            "--sheet",
            help="Also write sheet.png: a part of each file, on the left scaled by Lanczos' "
            "filter, on the right upscaled.",
        ),
    ] = False,
    overwrite: Overwrite = False,
    debug: Debug = False,
):
    """Upscale pictures, animations and videos, of any size.

    Grey stays grey, also of 16 bits; transparency, colour profiles, durations of frames and sound
    are kept. Pictures are turned as their camera says; other metadata is dropped. The exit code
    is 0 if every file was upscaled, 1 if some could not be, 2 if nothing was done.

    Examples:

        keras-gans upscale realesrgan_x4 photo.jpg

        keras-gans upscale realesrgan_x4 photo.jpg --scale 2 --output large.jpg

        keras-gans upscale runs/00001-realesrgan-small photos/ --output large --sheet

        keras-gans upscale realesrgan_video_x2 clip.mp4 --tile 256
    """
    load_tensorflow()
    with one_sentence(debug, model, path):
        from keras_gans.core.upscaling import Upscaler
        from keras_gans.data.account import Account
        from keras_gans.images import file_plan, upscale_files

        _, loaded, _ = opened_model(model)
        _check_upscales(model, loaded)
        upscaler = Upscaler(loaded, scale, tile, overlap)
        account = Account()
        jobs = upscale_files.plan(
            upscaler,
            path,
            output,
            overwrite=overwrite,
            sheet=sheet,
            format=format,
            alpha=alpha,
            account=account,
        )
        crops = file_plan.SHEET_ROWS * sheet
        made = _under_a_bar(upscaler, jobs, account, crops)
        if summary := account.summary():
            say(summary, complaints)
        written = [one for one in made if not one.problem]
        if not written:
            raise ValueError(f"Nothing of {path} can be upscaled: nothing was written.")
        _tell(written, output)
        if sheet:
            from keras_gans.images import grids

            picture = upscale_files.side_by_side([one for one in written if one.crops])
            place = file_plan.sheet_beside(output, upscale_files.WRITTEN)
            say(f"Sheet    {grids.save(picture, place)}")
        if len(written) < len(made) or account.left_out:
            raise typer.Exit(_SOME_LEFT_OUT)


def _check_upscales(path, model):
    from keras_gans import zoo
    from keras_gans.core.signature import upscaling_network

    if upscaling_network(model) is None:
        raise ValueError(
            f"{path} holds {model.name}, which does not upscale. Of the zoo these do: "
            f"{', '.join(zoo.names('upscaling'))}."
        )


def _under_a_bar(upscaler, jobs, account, crops):
    """Upscales files while a bar shows how much is done and how long the rest takes.

    Returns:
        A list of `Upscaled`.
    """
    from rich import progress

    from keras_gans.images import upscale_files

    columns = (
        progress.TextColumn("Upscaling"),
        progress.BarColumn(),
        progress.TaskProgressColumn(),
        progress.MofNCompleteColumn(),
        progress.TextColumn("tiles, left"),
        progress.TimeRemainingColumn(),
    )
    made, behind = [], 0
    with progress.Progress(*columns, console=complaints) as shown:
        task = shown.add_task("", total=sum(job.tiles for job in jobs))
        for one in upscale_files.upscale_files(
            upscaler, jobs, account, crops, lambda: shown.advance(task)
        ):
            made.append(one)
            behind += one.job.tiles
            # Frames of a video are estimated, and a file may be left out half-way.
            shown.update(task, completed=behind)
    return made


def _tell(written, output):
    """Says what was written."""
    if len(written) == 1:
        job = written[0].job
        frames = f", {job.frames} frames" if job.frames > 1 else ""
        say(f"Upscaled {job.source} to {job.size[0]} x {job.size[1]} pixels{frames}: {job.target}")
        return
    say(f"{len(written)} files upscaled into {output}")
