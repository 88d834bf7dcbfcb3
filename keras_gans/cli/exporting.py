"""`keras-gans export`, and `keras-gans demo`, which shows a page that is exported."""

import pathlib
import webbrowser
from typing import Annotated

import typer

from keras_gans.cli.common import (
    Debug,
    Overwrite,
    Runtime,
    Trained,
    complaints,
    load_tensorflow,
    model_file,
    one_sentence,
    opened_model,
    place_for,
    print_table,
    say,
)
from keras_gans.cli.warned import plain_warnings


def export(
    context: typer.Context,
    run: Trained,
    formats: Annotated[
        str, typer.Option(help="Names with commas between, or `all`.")
    ] = "saved_model,onnx,tflite",
    precisions: Annotated[
        str,
        typer.Option(
            help="float32, float16 (half the size), int8 (a quarter) ...: names with commas "
            "between, or `all`; each in the formats that have it."
        ),
    ] = "float32",
    layout: Annotated[
        str, typer.Option(help="Of pictures going in and out: NHWC or, in ONNX, NCHW.")
    ] = "NHWC",
    output: Annotated[
        pathlib.Path | None,
        typer.Option(
            help="Folder to make; RUN/exported, ENTRY-exported, or the file's name without .keras."
        ),
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(help="Fixed batch, for phones; any batch where not given.")
    ] = None,
    image_size: Annotated[
        int | None,
        typer.Option(help="Fixed side, for translators; any size where not given."),
    ] = None,
    stochastic: Annotated[
        bool,
        typer.Option(
            "--stochastic", help="pix2pix as in its paper: the masks of its dropout are inputs."
        ),
    ] = False,
    source: Annotated[
        str | None,
        typer.Option(
            "--data",
            help="Pictures a translator's files are tried on and learn their integers from; the "
            "run's own where not given.",
        ),
    ] = None,
    report: Annotated[
        bool,
        typer.Option(
            "--report", help="Measure every file, and write report.html with its pictures."
        ),
    ] = False,
    web: Annotated[
        pathlib.Path | None,
        typer.Option(
            metavar="DIR",
            help="Instead of files for programs make a page for browsers in this folder, which any "
            "web server can host.",
        ),
    ] = None,
    runtime: Runtime = None,
    overwrite: Overwrite = False,
    debug: Debug = False,
):
    """Write a trained model for other runtimes, each file proven equal to Keras.

    Examples:

        keras-gans export runs/00001-cdcgan-fashion

        keras-gans export runs/00001-cdcgan-fashion --formats tflite --batch-size 1 --output phone

        keras-gans export runs/00002-pix2pix-emoji --formats onnx,tflite --precisions all

        keras-gans export horse2zebra.keras --image-size 256

        keras-gans export runs/00002-pix2pix-emoji --web page
    """
    load_tensorflow()
    with one_sentence(debug), plain_warnings():
        if web:
            _refuse_beside_web(context)
            _write_page(
                run,
                web,
                source=source,
                precisions=tuple(precisions.split(",")),
                runtime_path=runtime,
                image_size=image_size,
                overwrite=overwrite,
            )
            say(f"Page     {web} (any web server can host it)")
            return
        from keras_gans import export as exporting

        opened, model, names = opened_model(run)
        directory = output or _folder_for(run)
        wanted = exporting.formats() if formats == "all" else tuple(formats.split(","))
        examples = _examples(opened, model, source)
        manifest = exporting.export(
            model,
            directory,
            formats=wanted,
            precisions=tuple(precisions.split(",")),
            layout=layout,
            batch_size=batch_size,
            image_size=image_size,
            stochastic=stochastic,
            examples=examples,
            overwrite=overwrite,
            **names,
        )
        _report_export(directory, manifest)
        if report:
            how = {"examples": examples, "image_size": image_size}
            _report_costs(directory, exporting.report(model, directory, **how))
        if opened:
            _report_run(opened)


def _folder_for(run):
    return run.with_suffix("") if run.suffix == ".keras" else place_for("exported", run)


def _refuse_beside_web(context):
    """A page is always ONNX of one picture, without masks: what asks for another thing is named."""
    given = [
        f"--{name.replace('_', '-')}"
        for name in ("formats", "layout", "output", "batch_size", "stochastic", "report")
        if context.get_parameter_source(name).name == "COMMANDLINE"
    ]
    if given:
        raise ValueError(f"--web makes a page and nothing else: leave out {', '.join(given)}.")


def demo(
    run: Trained,
    host: Annotated[
        str, typer.Option(help="Address to listen on; 0.0.0.0 lets other machines in.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.")] = 8000,
    open_browser: Annotated[
        bool, typer.Option("--open/--no-open", help="Show the page in the browser.")
    ] = True,
    runtime: Runtime = None,
    debug: Debug = False,
):
    """Draw, and let a trained model answer in the browser; or steer it through its latents.

    The page is made once, in RUN/page, or FILE-page or ENTRY-page here, and again when the model
    has changed. It computes in the browser with onnxruntime-web, which npm fetches the first time;
    from then on no network is needed. Ctrl+C stops.

    Examples:

        keras-gans demo runs/00002-pix2pix-emoji

        keras-gans demo runs/00001-cdcgan-fashion --port 8080 --no-open

        keras-gans demo horse2zebra.keras --runtime onnxruntime-web-1.30.0.tgz

        keras-gans demo pix2pix_emoji
    """
    load_tensorflow()
    with one_sentence(debug), plain_warnings():
        from keras_gans import web

        page, model_path = place_for("page", run), model_file(run)
        if not (model_path.is_file() and web.is_current(page, model_path)):
            _write_page(run, page, runtime_path=runtime, overwrite=page.exists())
        with web.server(page, host, port) as server:
            address = web.address(server)
            say(f"Page     {page}\nOpen     {address}  (Ctrl+C stops)")
            if open_browser:
                webbrowser.open(address)
            server.serve_forever()


def _write_page(run, directory, source=None, **how):
    from keras_gans import web

    opened, model, names = opened_model(run)
    manifest = web.write(
        model,
        directory,
        examples=_examples_to_try(opened, model, source),
        **names,
        made_of=model_file(run),
        **how,
    )
    _report_export(directory, manifest)


def _examples(run, model, source):
    """Batches of `source`, or of the run's own data, for a translator; else None."""
    from keras_gans import training

    if run is None and source is None:
        return None
    options = training.Options(model.name) if run is None else run.options
    if source is not None:
        options = options.on(source)
    return training.examples(options, model)


def _examples_to_try(run, model, source):
    """`_examples`, or none, and a note of it, where a run's own data is no longer there."""
    try:
        return _examples(run, model, source)
    except (ValueError, OSError, ImportError) as error:
        if source is not None:
            raise
        say(f"No examples on the page: {error}", complaints)
        return None


def _report_export(directory, manifest):
    from keras_gans.export.report import error, held_to

    rows = [(f.path, f"{f.size / 1e6:.2f} MB", error(f), held_to(f)) for f in manifest.files]
    print_table("Exported and proven equal to Keras", ("file", "size", "error", "held to"), rows)
    for file in manifest.files:
        if file.kept:
            say(f"{file.path} keeps in float32: {', '.join(file.kept)}")
    say(f"Exports  {directory} (manifest.json says how to feed each file)")


def _report_costs(directory, measurements):
    from keras_gans.export.report import HEADINGS, cells

    shown = [HEADINGS.index(one) for one in HEADINGS if one not in ("precision", "held to")]
    title = f"Each by itself, {measurements[0].threads} threads"
    rows = [[cells(measured)[column] for column in shown] for measured in measurements]
    print_table(title, [HEADINGS[column] for column in shown], rows)
    say(f"Report   {directory / 'report.html'}")


def _report_run(run):
    say(f"Model    {run.model_path}\nLog      {run.path / 'log.csv'}")
    sheets = sorted((run.path / "samples").glob("epoch-*.png"))
    if sheets:
        say(f"Sheet    {sheets[-1]}")
