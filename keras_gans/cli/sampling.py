"""`keras-gans sample`."""

import pathlib
import re
import warnings
from typing import Annotated

import typer

from keras_gans.cli.common import (
    Debug,
    Overwrite,
    Trained,
    Truncation,
    load_tensorflow,
    one_sentence,
    place_for,
    refuse_existing,
    say,
    trained_run,
)

_LONGEST = 120  # letters of what was asked for, in the name of a sheet


def sample(
    run: Trained,
    count: Annotated[
        int | None, typer.Option(min=1, help="Pictures, or rows with --interpolate.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the latents.")] = 0,
    truncation: Truncation = None,
    label: Annotated[
        list[str] | None,
        typer.Option(
            help="Class to draw, by name, or by number from 0 where none is called so; may be "
            "repeated. With several heads one of each, with commas between."
        ),
    ] = None,
    attribute: Annotated[
        list[str] | None,
        typer.Option(
            help="Attribute of all pictures, by name, or !NAME without it; may be repeated. "
            "Others are off."
        ),
    ] = None,
    interpolate: Annotated[
        bool, typer.Option("--interpolate", help="Each row goes from one latent to another.")
    ] = False,
    linear: Annotated[
        bool, typer.Option("--linear", help="Straight lines instead of great circles.")
    ] = False,
    arithmetic: Annotated[
        tuple[str, str, str] | None,
        typer.Option(
            metavar="A B C",
            help="mean(A) - mean(B) + mean(C): numbers of pictures on the sheet of the same "
            "seed, as --numbers shows them, with commas between.",
        ),
    ] = None,
    mix: Annotated[
        bool,
        typer.Option(
            "--mix", help="Coarse styles of each row's picture, fine ones of each column's."
        ),
    ] = False,
    directions: Annotated[
        int | None,
        typer.Option(
            min=1, help="Each row moves a picture's styles along a direction; so many of them."
        ),
    ] = None,
    animate: Annotated[
        pathlib.Path | None,
        typer.Option(
            help="A walk through --count random latents, .gif, .webp or .mp4, in place of a sheet."
        ),
    ] = None,
    numbers: Annotated[
        bool, typer.Option("--numbers", help="Write its number on each picture.")
    ] = False,
    output: Annotated[
        pathlib.Path | None,
        typer.Option(
            help="PNG to write; where not given it is named by what was asked for, such as "
            "samples-Bag-seed0.png, in RUN/samples, beside a .keras file, or here for an entry."
        ),
    ] = None,
    overwrite: Overwrite = False,
    debug: Debug = False,
):
    """Draw a sheet of pictures from a trained model.

    Examples:

        keras-gans sample runs/00001-cdcgan-fashion --label Sneaker --label Bag --count 8

        keras-gans sample runs/00002-cdcgan --label Dress,red --label Coat,blue

        keras-gans sample runs/00003-cdcgan --attribute Smiling --attribute '!Male'

        keras-gans sample runs/00001-dcgan-fashion --interpolate --count 6

        keras-gans sample runs/00001-dcgan-fashion --numbers

        keras-gans sample runs/00001-dcgan-fashion --arithmetic 1,5,9 2,4,6 3,8,12

        keras-gans sample cdcgan_fashion --label Bag --truncation 2 --output bags.png

        keras-gans sample stylegan2_avatars --mix --truncation 0.8

        keras-gans sample stylegan2_avatars --directions 6

        keras-gans sample dcgan_fashion --animate walk.gif
    """
    load_tensorflow()
    with one_sentence(debug, run):
        from keras_gans.images import animations, grids
        from keras_gans.utils.files import write_whole

        _check_one_kind(arithmetic=arithmetic, interpolate=interpolate, mix=mix,
                        directions=directions, animate=animate)  # fmt: skip
        if animate:
            animations.check_name(animate)
        opened, model, _ = trained_run(run)
        kind = (
            "arithmetic" if arithmetic else "interpolation" if interpolate else "mixing" if mix
            else "directions" if directions else "samples"
        )  # fmt: skip
        asked = [kind, *(label or ()), *(attribute or ()), *(arithmetic or ())]
        asked += [f"truncation{truncation:g}"] if truncation else []
        asked += ["linear"] if linear else []
        path = animate or output or place_for(f"{_in_a_name(asked)}-seed{seed}.png", run, "samples")
        refuse_existing(path, overwrite)
        labels, attributes = opened.labels(label), opened.attributes(attribute)
        for sentence in model.seldom(labels, attributes) if label or attribute else ():
            warnings.warn(sentence, stacklevel=1)
        drawn = {"attributes": attributes, "seed": seed, "truncation": truncation}
        if animate:
            pictures = animations.walk(
                model, count or 6, labels=_first(labels), linear=linear, **drawn
            )
            animations.save(pictures, path, replace=overwrite)
            say(f"Walk     {path}")
            return
        if arithmetic:
            a, b, c = (_numbers(group) for group in arithmetic)
            picture = grids.arithmetic(model, a, b, c, labels, **drawn)
        elif mix:
            picture = grids.mixing(model, count or 5, labels=_first(labels), **drawn)
        elif directions:
            picture = grids.directions(model, directions, labels=_first(labels), **drawn)
        elif interpolate:
            picture = grids.interpolation(
                model, count, labels, linear=linear, names=opened.label_names, **drawn
            )
        else:
            names = opened.label_names
            picture = grids.samples(model, count, labels, names=names, numbers=numbers, **drawn)
        # Not by `grids.save`, which replaces what came to be there meanwhile.
        write_whole(path, lambda new: picture.save(new, format="PNG"), replace=overwrite)
        say(f"Sheet    {path}")


def _check_one_kind(**kinds):
    """Refuses two kinds of sheet at once."""
    given = [f"--{name}" for name, value in kinds.items() if value]
    if len(given) > 1:
        raise ValueError(f"{' and '.join(given)} are sheets of their own: ask for one at a time.")


def _first(labels):
    """What all pictures are asked for by, of labels of which one may be given."""
    if labels is None:
        return None
    if len(labels) > 1:
        raise ValueError(f"This is of pictures of one class. Received: {len(labels)} labels.")
    return labels[0]


def _in_a_name(words):
    """Words as part of a file's name: what is neither letter nor digit becomes a dash."""
    name = "-".join(re.sub(r"[^\w!.]+", "-", word).strip("-") for word in words)
    return name[:_LONGEST].rstrip("-")


def _numbers(text):
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() for part in parts):
        raise ValueError(
            f"--arithmetic takes numbers of pictures, from 0, with commas between, such as 1,5,9. "
            f"Received: {text!r}"
        )
    return [int(part) for part in parts]
