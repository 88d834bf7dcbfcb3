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
            help="Checkpoints: .pth, .pt, .pkl, a model.json of TensorFlow.js, or one of ncnn's "
            "two files; see below.",
        ),
    ],
    name: Annotated[
        str | None,
        typer.Option(
            "--as",
            help="Name in the zoo, see `keras-gans list`. Where not given, what each FILE looks "
            "like is said, and nothing is written.",
        ),
    ] = None,
    output: Annotated[
        pathlib.Path | None, typer.Option(help="`.keras` file to write; wanted with --as.")
    ] = None,
    network: Annotated[
        list[str] | None,
        typer.Option(
            help="Network in a FILE whose name does not tell; once for each, in order. With "
            "StyleGAN2, `generator` leaves the discriminator out."
        ),
    ] = None,
    blend: Annotated[
        float | None,
        typer.Option(
            help="Of two FILEs of an upscaler, the share of the first, 0 to 1; the strength of "
            "denoising of realesr-general-x4v3 and its -wdn form."
        ),
    ] = None,
    settings: Settings = None,
    overwrite: Overwrite = False,
    debug: Debug = False,
):
    """Turn weights trained with another implementation into a model of the zoo.

    pix2pix and CycleGAN: checkpoints of pytorch-CycleGAN-and-pix2pix. CUT: those of
    contrastive-unpaired-translation. StarGAN: 200000-G.ckpt of stargan. AnimeGANv2: .pt of
    animegan2-pytorch. StyleGAN2: checkpoints of stylegan2-ada-pytorch, of StyleGAN2 in stylegan3,
    of the TensorFlow implementations stylegan2 and stylegan2-ada (.pkl), and of
    rosinality/stylegan2-pytorch (.pt). ESRGAN, BSRGAN and Real-ESRGAN: .pth with names of any
    time, nested or not, and others' finetunes of them; .param and .bin of ncnn. RDN and RRDN:
    model.json of TensorFlow.js, as ISR made them for UpscalerJS (--set value_range=255 for
    networks of images up to 255). DCGAN: checkpoints of PyTorch's example. Sizes are read from the
    file, but for pix2pix and CycleGAN.

    Needs no PyTorch and runs nothing of the files. Networks without a file keep their initial
    weights.

    Examples:

        keras-gans import latest_net_G_A.pth --as cyclegan --output horse2zebra.keras

        keras-gans import latest_net_G.pth latest_net_D.pth --as pix2pix --output facades.keras

        keras-gans import maps.pth --as cyclegan --network generator_ba --output maps.keras

        keras-gans import ffhq.pkl --as stylegan2 --output ffhq.keras

        keras-gans import 4x-mine.pth --as realesrgan_x4 --output mine.keras

        keras-gans import realesr-general-x4v3.pth realesr-general-wdn-x4v3.pth --blend 0.5 --as
        realesrgan_general --output general.keras

        keras-gans import models/x4/model.json --as rrdn --output thick.keras

        keras-gans import unknown.pth
    """
    load_tensorflow()
    with one_sentence(debug, *files):
        from keras_gans import interop

        if name is None:
            for file in files:
                _say_look(file, interop.identify(file))
            return
        if output is None:
            raise ValueError("Say where the model is to be written: --output NAME.keras.")
        refuse_existing(output, overwrite)
        others = {} if blend is None else {"blend": blend}
        model = interop.import_checkpoints(
            files,
            name,
            network=network,
            output=output,
            overwrite=overwrite,
            **others,
            **read_settings(settings),
        )
        _report_import(model, output)


def _say_look(file, looks):
    for look in looks:
        part = f" (under {look.part})" if look.part else ""
        say(f"{file}{part} looks like {look.words}; {look.tensors} tensors.")
        if look.name:
            command = f"keras-gans import {file} --as {look.name} --output {file.stem}.keras"
            say(f"Next     {command}")


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
