"""`keras-gans import`."""

import pathlib
from typing import Annotated

import typer

from keras_gans.cli.common import (
    Debug,
    Overwrite,
    Settings,
    load_tensorflow,
    one_sentence,
    read_settings,
    refuse_existing,
    say,
)


def import_weights(
    files: Annotated[
        list[pathlib.Path],
        typer.Argument(
            metavar="FILE",
            help="Checkpoints of pytorch-CycleGAN-and-pix2pix, such as latest_net_G_A.pth, or one "
            "of StyleGAN2: a .pkl of NVIDIA's implementations, a .pt of rosinality's.",
        ),
    ],
    name: Annotated[str, typer.Option("--as", help="Name in the zoo, see `keras-gans list`.")],
    output: Annotated[pathlib.Path, typer.Option(help="`.keras` file to write.")],
    network: Annotated[
        list[str] | None,
        typer.Option(
            help="Network in a FILE whose name does not tell; once for each, in order. With "
            "StyleGAN2, `generator` leaves the discriminator out."
        ),
    ] = None,
    settings: Settings = None,
    overwrite: Overwrite = False,
    debug: Debug = False,
):
    """Turn weights trained with another implementation into a model of the zoo.

    pix2pix and CycleGAN: checkpoints of pytorch-CycleGAN-and-pix2pix. StyleGAN2: checkpoints of
    stylegan2-ada-pytorch, of StyleGAN2 in stylegan3, of the TensorFlow implementations stylegan2
    and stylegan2-ada (.pkl), and of rosinality/stylegan2-pytorch (.pt); image size, widths, labels
    and other sizes are read from the file.

    Needs no PyTorch and runs nothing of the files. Networks without a file keep their initial
    weights.

    Examples:

        keras-gans import latest_net_G_A.pth --as cyclegan --output horse2zebra.keras

        keras-gans import latest_net_G.pth latest_net_D.pth --as pix2pix --output facades.keras

        keras-gans import maps.pth --as cyclegan --network generator_ba --output maps.keras

        keras-gans import ffhq.pkl --as stylegan2 --output ffhq.keras
    """
    load_tensorflow()
    with one_sentence(debug, *files):
        from keras_gans import interop

        refuse_existing(output, overwrite)
        model = interop.import_checkpoints(
            files,
            name,
            network=network,
            output=output,
            overwrite=overwrite,
            **read_settings(settings),
        )
        _report_import(model, output)


def _report_import(model, output):
    for network, source in model.imported.items():
        guess = " (a guess: its name does not tell; else --network)" if source.guessed else ""
        say(f"{network} from {source.path}, {source.tensors} tensors{guess}")
        for note in source.notes:
            say(f"  {note}")
    fresh = [network for network in model.networks if network not in model.imported]
    if fresh:
        say(f"{', '.join(fresh)} not given: initial weights")
    say(f"Model    {output}\nNext     keras-gans export {output}")
