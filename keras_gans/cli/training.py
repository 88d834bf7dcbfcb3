"""`keras-gans train`."""

import dataclasses
import pathlib
from typing import Annotated

import typer

from keras_gans.cli.catalogue import describe
from keras_gans.cli.common import (
    Debug,
    ExtractorName,
    Figures,
    Settings,
    load_tensorflow,
    one_sentence,
    print_table,
    read_names,
    read_settings,
    say,
)


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
    start_from: Annotated[
        str | None,
        typer.Option(
            help="Fine-tune: begin with the weights of a run, a .keras or .weights.h5 file, or an "
            "entry with pretrained weights; what has another shape begins anew, and is named."
        ),
    ] = None,
    freeze_discriminator: Annotated[
        int,
        typer.Option(
            help="With --start-from: layers of the discriminator, from the picture on, that stay "
            "as they are; for few pictures (FreezeD)."
        ),
    ] = 0,
    epochs: Annotated[
        int | None,
        typer.Option(help="Passes over the data; the entry's recipe, or 20, where not given."),
    ] = None,
    steps_per_epoch: Annotated[
        int | None, typer.Option(help="Batches in a pass; all where not given.")
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(help="Images per update; the recipe's or the paper's where not given."),
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
    split: Annotated[
        str | None,
        typer.Option(
            help="Part of the data; `train` where not given or, of a folder without test/, "
            "`train[:95%]`, so that `evaluate` has something to measure by.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of weights, noise and order.")] = 0,
    deterministic: Annotated[
        bool, typer.Option("--deterministic", help="Same seed, same weights to the bit; slower.")
    ] = False,
    flip: Annotated[
        bool | None,
        typer.Option(
            "--flip/--no-flip",
            help="Mirror pictures at random; as the recipe says where not given.",
            show_default=False,
        ),
    ] = None,
    jitter: Annotated[
        bool | None,
        typer.Option(
            "--jitter/--no-jitter",
            help="For translators: scale, crop and mirror pictures at random; as the recipe says, "
            "or on, where not given.",
            show_default=False,
        ),
    ] = None,
    fit: Annotated[
        str | None,
        typer.Option(
            help="How pictures of other proportions are fitted: `crop` what sticks out, `stretch` "
            "(squeeze), or `pad` with white; models that upscale also cut `patches` out of "
            "photographs at their own resolution. Where not given, `patches` for models that "
            "upscale, `stretch` for translators, else `crop`."
        ),
    ] = None,
    degradation: Annotated[
        str | None,
        typer.Option(
            help="For models that upscale: how small pictures are made of photographs. `bicubic` "
            "shrinks them, `realesrgan` blurs them, adds noise and compresses them, twice over, "
            "`light` does so once and less. Default: the entry's own."
        ),
    ] = None,
    direction: Annotated[
        str | None,
        typer.Option(
            help="For pairs: `ab` learns the second picture from the first, `ba` reverse."
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
    settings: Settings = None,
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
    sheet_kimg: Annotated[
        float | None,
        typer.Option(help="Thousands of images between two sample sheets, instead of epochs."),
    ] = None,
    checkpoint_kimg: Annotated[
        float | None,
        typer.Option(
            help="Thousands of images between two checkpoints within an epoch; ten minutes where "
            "not given.",
            show_default=False,
        ),
    ] = None,
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
    sheet: Annotated[
        pathlib.Path | None,
        typer.Option(help="With --dry-run: PNG file to write the first batch to, as it is seen."),
    ] = None,
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

        keras-gans train cyclegan --data folder:horses --dry-run --sheet first.png

    Fine-tune, with other data, classes or learning rates:

        keras-gans train cdcgan_fashion --start-from cdcgan_fashion --data folder:shoes
        --set num_classes=3 --set generator_learning_rate=5e-5

        keras-gans train dcgan_fashion --start-from dcgan_fashion --data folder:hundred
        --freeze-discriminator 2

        keras-gans train pix2pix --data folder:pairs --direction ba --fit pad

        keras-gans train srresnet --data folder:photos --degradation light

    What of the data is left out or changed (hidden files, transparency, pictures that are not
    square ...) is told once, by kind; data.txt in the run's folder names every file.

    A run saves its state after every epoch, every ten minutes within one, and when it is stopped by
    Ctrl-C or SIGTERM. Go on with it, also after a crash, and for longer:

        keras-gans train cdcgan_fashion --epochs 30 --resume

        keras-gans train runs/00001-cdcgan-fashion --resume --epochs 60

    On several GPUs, and on several machines that share the folder of runs (docs/devices.md):

        keras-gans train cyclegan --data folder:horses --batch-size 4 --devices 4

        TF_CONFIG=... keras-gans train cyclegan --data folder:horses --batch-size 8 --workers 2
    """
    load_tensorflow()
    with one_sentence(debug, name):
        from keras_gans import training

        _check_sheet(sheet, dry_run)
        if resume and (pathlib.Path(name) / "options.json").exists():
            run = training.open_run(name)
            options = _changed(run.options, context)
            if dry_run or profile:
                training.check_resume(run, options)
                _try(options, dry_run, sheet, run.path.parent)
            else:
                _finish(lambda: training.resume(run, options))
            return
        options = training.Options(
            model=name,
            data=data,
            start_from=start_from,
            freeze_discriminator=freeze_discriminator,
            overrides=_overrides(settings, direction),
            heads=head,
            attributes=attribute,
            split=split,
            epochs=epochs,  # type: ignore[arg-type]  # None: the recipe's
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
            flip=flip,  # type: ignore[arg-type]
            jitter=jitter,
            fit=fit,
            degradation=degradation,
            data_dir=data_dir,
            manual_dir=manual_dir,
            cache_dir=cache_dir,
            sheet_every=sheet_every,
            sheet_kimg=sheet_kimg,
            checkpoint_kimg=checkpoint_kimg,
            metrics=read_names(metrics),
            metrics_every=metrics_every,
            extractor=extractor,
        )
        if dry_run or profile:
            _try(options, dry_run, sheet, runs_dir)
            return
        if resume and (earlier := training.to_resume(options, runs_dir)):
            _finish(lambda: training.resume(earlier, options))
            return
        if resume:
            say(f"No run of {name} in {runs_dir} yet: one begins.")
        _finish(lambda: training.train(options, runs_dir))


def _check_sheet(sheet, dry_run):
    """Refuses a sheet that would not be written, or over another file, before data is read."""
    if sheet is None:
        return
    if not dry_run:
        raise ValueError("--sheet shows what a run would learn from. Use it with --dry-run.")
    if sheet.exists():
        raise FileExistsError(f"{sheet} exists. Name another file: --sheet.")


def _try(options, dry_run, sheet, runs_dir):
    """Does what leaves no run: a dry run, or else a profile."""
    if dry_run:
        _dry_run(options, sheet)
    else:
        _profile(options, runs_dir / f"profile-{options.model.replace('_', '-')}")


def _finish(train):
    """Trains, and says where everything is and how to go on."""
    from keras_gans.training.callbacks import Stopped

    try:
        run = train()
    except Stopped as stopped:
        folder = stopped.checkpoint.parent.parent
        say(f"\n{stopped}\nNext     keras-gans train {folder} --resume")
        raise typer.Exit(128 + (stopped.signal or 0)) from None
    say(f"\nModel    {run.model_path}\nSheets   {run.path / 'samples'}")
    say(f"Next     keras-gans export {run.path}")


def _changed(options, context):
    """The options of a run, with those in their place that were given on the command line."""
    given = {
        {"settings": "overrides", "head": "heads", "attribute": "attributes"}.get(name, name): value
        for name, value in context.params.items()
        if context.get_parameter_source(name).name == "COMMANDLINE"
    }
    if "metrics" in given:
        given["metrics"] = read_names(given["metrics"])
    if {"overrides", "direction"} & given.keys():
        now = _overrides(given.pop("overrides", None), given.get("direction"))
        given["overrides"] = {**options.overrides, **now}
    fields = {field.name for field in dataclasses.fields(options)}
    return dataclasses.replace(
        options, **{name: value for name, value in given.items() if name in fields}
    )


def _overrides(settings, direction):
    """Constructor arguments by --set, and by --direction, which is one too."""
    overrides = read_settings(settings)
    return {**overrides, "direction": direction} if direction else overrides


def _dry_run(options, sheet):
    from keras_gans import training, zoo

    model, dataset = training.prepare(options)
    for key, value in dataclasses.asdict(options).items():
        say(f"{key} = {value!r}")
    batches = options.steps_per_epoch or int(dataset.cardinality())
    say(f"batches in an epoch = {batches}")
    for sentence in dataset.account.understood:
        say(sentence)
    describe(zoo.entry(options.model), model)
    if sheet:
        from keras_gans.images import grids

        say(f"Sheet    {grids.save(training.preview_sheet(dataset), sheet)}")


def _profile(options, directory):
    from keras_gans import training
    from keras_gans.training import profiling

    model, dataset = training.prepare(options)
    found = profiling.profile(model, dataset, directory)
    say(
        f"{found.images_per_second:.1f} images/s, {found.step_seconds * 1e3:.1f} ms a step, "
        f"{found.waiting:.1%} of it waiting for data"
    )
    rows = [(player, f"{share:.1%}") for player, share in found.players.items()]
    rows += [
        (f"of it {network}", f"{share:.1%}")
        for network, share in found.networks.items()
        if share and network not in found.players
    ]
    rows.append(("losses, optimizers, rest", f"{1 - sum(found.players.values()):.1%}"))
    print_table("Share of the computing", ("player", "share"), rows)
    say(f"Trace    {directory} (tensorboard --logdir, with tensorboard-plugin-profile)")
