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

_SOME_LEFT_OUT = 1  # exit code where pictures could not be translated


def translate(
    model: Trained,
    path: Annotated[
        pathlib.Path,
        typer.Argument(help="A picture, a folder of pictures, or a clip: a video or animation."),
    ],
    direction: Annotated[
        str | None,
        typer.Option(help="`ab` or `ba`; what the model was trained for where not given."),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(
            help="`trained` scales pictures to the size the model was trained at, and translations "
            "back; `own` translates them as they are. `trained` where not given."
        ),
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(
            help="Class to change pictures to, by name or number, for models that edit; of several "
            "heads HEAD=CLASS, which may be repeated. Others stay."
        ),
    ] = None,
    attribute: Annotated[
        list[str] | None,
        typer.Option(
            help="Attribute to add, by name, or !NAME to remove it, for models that edit; may be "
            "repeated. Others stay."
        ),
    ] = None,
    mask: Annotated[
        pathlib.Path | None,
        typer.Option(
            help="Where the hole is, for models that fill holes: a picture of the same size, white "
            "in the hole and black elsewhere; of a folder one for all."
        ),
    ] = None,
    output: Annotated[
        pathlib.Path,
        typer.Option(
            help="Folder for the translations; of one picture also the file, such as `b.png`."
        ),
    ] = pathlib.Path("translated"),
    sheet: Annotated[
        bool, typer.Option("--sheet", help="Also write sheet.png, pictures and translations.")
    ] = False,
    overwrite: Overwrite = False,
    debug: Debug = False,
):
    """Translate a picture, a folder of pictures, or a clip, of any size.

    A clip is a video (MP4, MOV, WebM and others, written as MP4 with its sound) or an animated
    GIF, WebP or PNG. Models of clips keep what they made from frame to frame; others translate
    each frame by itself.

    What is left out of a folder, or changed of pictures, is counted. The exit code is 0 if every
    picture was translated, 1 if some could not be, 2 if nothing was done. Models that make
    pictures larger have a verb of their own, `upscale`.

    Examples:

        keras-gans translate runs/00001-pix2pix-emoji drawing.png --output coloured.png

        keras-gans translate runs/00002-stargan-avatars face.png --attribute glasses --label pink

        keras-gans translate runs/00003-inpainting-avatars face.png --mask hole.png

        keras-gans translate runs/00004-vid2vid-sprites sketches.mp4 --output moving.mp4

        keras-gans translate horse2zebra.keras horses/ --direction ab --output zebras --sheet
    """
    load_tensorflow()
    with one_sentence(debug, model, path):
        from keras_gans.data.account import Account
        from keras_gans.images import file_plan, translate_clips, translate_files

        changes = {"labels": _classes(label), "attributes": attribute or None}
        if translate_clips.is_clip(path):
            if sheet or mask is not None:
                raise ValueError("--sheet and --mask are of pictures: leave them out for a clip.")
            _translate_clip(model, path, output, overwrite, (direction, size, changes))
            return
        account = Account()
        pairs = file_plan.plan(path, output, overwrite, sheet, account)
        loaded = _opened_translator(model)
        translate_clips.refuse_pictures(loaded)
        hole = None if mask is None else translate_files.read_mask(mask)
        how = (direction, size, account, changes, hole)
        made = translate_files.translate_files(loaded, pairs, *how)
        count, scaled, shown = _written(made, len(pairs), file_plan.SHEET_ROWS * sheet)
        if scaled:
            height, width = scaled
            say(
                f"Pictures were scaled to {width} x {height} pixels, at which the model was "
                "trained, and translations back; --size own leaves them as they are."
            )
        if summary := account.summary():
            say(summary, complaints)
        if not count:
            raise ValueError(f"No picture of {path} can be translated: nothing was written.")
        say(f"{count} of {len(pairs)} pictures translated into {output}")
        if sheet:
            from keras_gans.images import grids

            picture = translate_files.side_by_side(shown)
            say(f"Sheet    {grids.save(picture, file_plan.sheet_beside(output))}")
        if count < len(pairs):
            raise typer.Exit(_SOME_LEFT_OUT)


def _opened_translator(model):
    """The model that `model` names; refused where it makes no pictures of pictures."""
    from keras_gans.core.signature import translates

    _, loaded, _ = opened_model(model)
    if not translates(loaded):
        raise ValueError(f"{model} holds {loaded.name}, which draws pictures: use `sample`.")
    return loaded


def _translate_clip(model, path, output, overwrite, how):
    """Translates a video or an animation under a bar."""
    from rich.progress import Progress

    from keras_gans.images import translate_clips

    direction, size, changes = how
    job = translate_clips.plan(path, output, overwrite)
    loaded = _opened_translator(model)
    if job.varies:
        rate = float(job.video.rate)
        say(
            f"The frame rate of {path} varies: it is read and written at {rate:.5g} frames per "
            "second, so that frames are repeated or left out.",
            complaints,
        )
    with Progress(console=complaints) as bar:
        task = bar.add_task("Translating", total=job.frames)
        translate_clips.translate_clip(
            loaded, job, direction, size, changes, done=lambda: bar.advance(task)
        )
    say(f"Clip translated into {job.target}")


def _classes(words):
    """Classes to change to: one of the only head, or `{head: class}`."""
    if not words:
        return None
    if all("=" in word for word in words):
        return dict(word.split("=", 1) for word in words)
    if len(words) > 1:
        raise ValueError(
            f"--label is one class, or HEAD=CLASS for each head. Received: {', '.join(words)}."
        )
    return words[0]


def _written(made, total, kept):
    """Goes through translations under a bar.

    Returns:
        How many were written, the (height, width) pictures were scaled to, or None, and the first
        of them.
    """
    from rich.progress import track

    count, scaled, shown = 0, None, []
    for one in track(made, description="Translating", total=total, console=complaints):
        if one.problem:
            continue
        count += 1
        if one.resized:
            scaled = one.translation.shape[:2]
        if count <= kept:
            shown.append(one)
    return count, scaled, shown
