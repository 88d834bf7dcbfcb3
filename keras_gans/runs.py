"""Runs: training with a folder of its own that holds everything to repeat and to use it.

runs/00003-cdcgan-fashion/
    options.json    all that is needed to repeat the run
    log.csv         losses and accuracies, a line each epoch
    tensorboard/    the same and the sheets, for `tensorboard --logdir`
    diagnosis.txt   what went wrong and what to try; only where something did
    metrics.jsonl   figures of its pictures while training, a line each; only where asked for
    metrics.json    what `keras-gans evaluate` finds
    samples/        sheets of the same latents, epoch after epoch
    checkpoints/    the newest states of training, to go on from
    data.json       the files it learns from; only of folders of pictures
    model.keras     the trained model
    exported/       what `keras-gans export` writes
"""

import contextlib
import dataclasses
import datetime
import difflib
import json
import pathlib
import shutil
import sys

import keras
import tensorflow as tf

import keras_gans
from keras_gans import data, distribution, evaluating, guards, zoo
from keras_gans.callbacks import (
    Checkpoints,
    Diagnosis,
    DivergedError,
    Metrics,
    SampleSheet,
    StopOnDivergence,
)
from keras_gans.evaluator import Evaluator, check_names

_PREVIEWED = 8  # pictures on a translator's sheet
_COMPARED = 64  # real pictures that samples are compared with
_MINUTES = 10  # from one checkpoint to the next within a long epoch

#: What may be another when a run goes on.
_MAY_CHANGE = frozenset(
    {
        "epochs",
        "devices",
        "workers",
        "on_divergence",
        "sheet_every",
        "metrics",
        "metrics_every",
        "extractor",
        "data_dir",
        "manual_dir",
        "cache_dir",
        "generator_learning_rate",
        "discriminator_learning_rate",
    }
)


@dataclasses.dataclass(frozen=True)
class Options:
    """Everything that decides how a run goes.

    Attributes:
        model: name in the zoo.
        data: source for `keras_gans.data.load`; the entry's own where None.
        overrides: constructor arguments that replace the entry's.
        heads: names of the heads to learn, for data that has more of them.
        attributes: names of the attributes to learn; sets `num_attributes` where `overrides` does
            not.
        split: part of the source.
        epochs: passes over the data.
        steps_per_epoch: batches in a pass; all of them where None.
        batch_size: images per update, of all devices together; the paper's where None.
        devices: GPUs, or parts of a CPU, to share batches among.
        workers: machines to share batches among, see `keras_gans.distribution.strategy`.
        sync_batch_norm: batch norm over the whole batch instead of each device's share.
        seed: of weights, noise and order.
        deterministic: same seed, same weights at the end, to the bit; slower.
        jit_compile: XLA, for accelerators; slower on CPU.
        precision: what networks compute in, "float32", "mixed_bfloat16" or "mixed_float16".
        on_divergence: "stop", or "rollback" to the last checkpoint, where a loss or weight is no
            longer finite.
        flip: mirror pictures at random.
        jitter: for translators: scale, crop and mirror pictures at random, see
            `keras_gans.data.load`; as there where None.
        data_dir: where TensorFlow Datasets keeps prepared data.
        manual_dir: where archives lie that TensorFlow Datasets shall not download.
        cache_dir: where decoded pictures of large folders are kept, see `keras_gans.data.load`.
        sheet_every: epochs from one sample sheet to the next.
        metrics: names of `keras_gans.evaluator.METRICS` that are worked out while training, on
            pictures of the split "test".
        metrics_every: epochs from one evaluation to the next.
        extractor: whose features they compare, as `keras_gans.features.get` takes it.
    """

    model: str
    data: str | None = None
    overrides: dict = dataclasses.field(default_factory=dict)
    heads: list[str] | None = None
    attributes: list[str] | None = None
    split: str = "train"
    epochs: int = 20
    steps_per_epoch: int | None = None
    batch_size: int | None = None
    devices: int | None = None
    workers: int | None = None
    sync_batch_norm: bool = False
    seed: int = 0
    deterministic: bool = False
    jit_compile: bool = False
    precision: str = "float32"
    on_divergence: str = "stop"
    flip: bool = False
    jitter: bool | None = None
    data_dir: str | None = None
    manual_dir: str | None = None
    cache_dir: str | None = None
    sheet_every: int = 1
    metrics: list[str] | None = None
    metrics_every: int = 5
    extractor: str = "lite0"

    @property
    def source(self):
        """Where the data comes from: `data`, or the entry's own; None where neither is."""
        return self.data or zoo.entry(self.model).data

    def __post_init__(self):
        for name in (
            "epochs",
            "steps_per_epoch",
            "batch_size",
            "workers",
            "sheet_every",
            "metrics_every",
        ):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"`{name}` must be at least 1. Received: {value}")
        check_names(self.metrics or ())
        if self.on_divergence not in ("stop", "rollback"):
            raise ValueError(
                f"`on_divergence` must be 'stop' or 'rollback'. Received: {self.on_divergence!r}"
            )


@dataclasses.dataclass(frozen=True)
class Run:
    """A finished or unfinished run: its folder, its options, and the names of its labels.

    Attributes:
        path: of the folder.
        options: `Options`.
        label_names: of the labels the model learns, as `keras_gans.data.label_names` returns them.
    """

    path: pathlib.Path
    options: Options
    label_names: dict

    @property
    def class_names(self):
        """Names of the classes of the only head, or None."""
        heads = list(self.label_names["heads"].values())
        return tuple(heads[0]) if len(heads) == 1 else None

    @property
    def checkpoints(self):
        """Folders of the checkpoints that are kept, oldest first."""
        return sorted((self.path / "checkpoints").glob("epoch-*-batch-*"))

    @property
    def model_path(self):
        """File of the trained model."""
        return self.path / "model.keras"

    def load_model(self):
        """The trained model, compiled.

        Raises:
            ValueError: if the run has no trained model, or one that `zoo.load` refuses.
        """
        if not self.model_path.exists():
            raise ValueError(
                f"{self.path} has no trained model yet (model.keras). It was stopped before the "
                "end of its first epoch; train again."
            )
        return zoo.load(self.model_path)

    def labels(self, classes):
        """Numbers of classes given by number or by name; None for none.

        Args:
            classes: a list of them; with several heads each is one of every head with commas
                between, "Dress,red".

        Returns:
            A list of numbers or, with several heads, of lists of numbers.

        Raises:
            ValueError: for a class the run does not have, or another number of them than heads.
        """
        if not classes:
            return None
        heads = self.label_names["heads"]
        if len(heads) <= 1:
            (names,) = heads.values() or [()]
            return [_class_number(str(given), names) for given in classes]
        return [self._combination(str(given), heads) for given in classes]

    def _combination(self, given, heads):
        parts = [part.strip() for part in given.split(",")]
        if len(parts) != len(heads):
            raise ValueError(
                f"A label is {len(heads)} classes with commas between, one of each of "
                f"{', '.join(heads)}. Received: {given!r}"
            )
        return [
            _class_number(part, names, f" of {head!r}")
            for part, (head, names) in zip(parts, heads.items(), strict=True)
        ]

    def attributes(self, given):
        """0 or 1 for each attribute, of those that are named on, or off by a ! before the name.

        Args:
            given: a list of names; those not named are off.

        Returns:
            A list of 0 and 1; None for none.

        Raises:
            ValueError: for an attribute the run does not have, or one that is on and off.
        """
        if not given:
            return None
        names = self.label_names["attributes"]
        known = {name.lower(): number for number, name in enumerate(names)}
        values = {}
        for word in map(str, given):
            name = word.removeprefix("!")
            if name.lower() not in known:
                raise ValueError(
                    f"Unknown attribute: {name!r}.{_nearest(name, known, names)} "
                    f"Give one of: {', '.join(names) or 'no names are known'}."
                )
            value = int(name == word)
            if values.setdefault(known[name.lower()], value) != value:
                raise ValueError(f"The attribute {name!r} cannot be on and off. Give it once.")
        return [values.get(number, 0) for number in range(len(names))]


def _class_number(given, names, of_head=""):
    known = {name.lower(): number for number, name in enumerate(names)}
    if given.isdigit():
        return int(given)
    if given.lower() in known:
        return known[given.lower()]
    raise ValueError(
        f"Unknown class{of_head}: {given!r}.{_nearest(given, known, names)} Give a number from 0, "
        f"or one of: {', '.join(names) or 'no names are known'}."
    )


def _nearest(given, known, names):
    near = difflib.get_close_matches(given.lower(), known, n=1)
    return f" Did you mean {names[known[near[0]]]!r}?" if near else ""


def open_run(path):
    """The `Run` whose folder is `path`.

    Raises:
        ValueError: if the folder is not that of a run.
    """
    path = pathlib.Path(path)
    try:
        text = (path / "options.json").read_text(encoding="utf-8")
        record = json.loads(text)
        return Run(path, Options(**record["options"]), record["label_names"])
    except (OSError, KeyError, TypeError, json.JSONDecodeError) as error:
        raise ValueError(
            f"{path} is not the folder of a run: it needs a readable options.json, as "
            f"`keras-gans train` writes it ({type(error).__name__}: {error})."
        ) from error


def prepare(options):
    """Model and data of a run, built and checked; nothing is written.

    Args:
        options: `Options`.

    Returns:
        The compiled model and the `tf.data.Dataset` it will be fitted on.

    Raises:
        ValueError: for anything in the options that cannot be.
    """
    if options.source is None:
        raise ValueError(
            f"{options.model} has no default data. Name a source: --data folder:PATH, "
            "--data tfds:NAME or --data bundled:fashion_mnist."
        )
    keras.utils.set_random_seed(options.seed)
    if options.deterministic:
        tf.config.experimental.enable_op_determinism()
    with distribution.strategy(options.devices, options.workers).scope():
        model = _model(options)
        dataset = _load(
            options,
            model,
            batch_size=options.batch_size,
            seed=options.seed,
            flip=options.flip,
            jitter=options.jitter,
            cache_dir=options.cache_dir,
        )
        if hasattr(model, "schedule_over") and not {"constant_steps", "decay_steps"} & set(
            options.overrides
        ):
            # The papers' schedule, over this run.
            model.schedule_over((options.steps_per_epoch or len(dataset)) * options.epochs)
            model.compile(jit_compile=options.jit_compile)
    return model, dataset.repeat() if options.steps_per_epoch else dataset


def _model(options):
    chosen = {"num_attributes": len(options.attributes)} if options.attributes else {}
    model = zoo.get(
        options.model,
        precision=options.precision,
        **{"seed": options.seed, **chosen, **options.overrides},
    )
    if options.jit_compile:
        model.compile(jit_compile=True)
    if options.sync_batch_norm:
        distribution.synchronise_batch_norm(model)
    return model


def _load(options, model, *, split=None, **how):
    """Batches of the run's source, of its own split where none is named."""
    return data.load(
        options.source,
        model,
        split=split or options.split,
        heads=options.heads,
        attributes=options.attributes,
        data_dir=options.data_dir,
        manual_dir=options.manual_dir,
        **how,
    )


def _first_batch(options, model, size, split=None):
    """The source's first pictures, as they are; those of its own split where none is named."""
    batches = _load(
        options,
        model,
        split=split,
        batch_size=size,
        shuffle=False,
        jitter=False,
        drop_remainder=False,
    )
    return next(batches.as_numpy_iterator())


def _preview(options, model):
    """Pictures for a translator's sheets."""
    return _held_out(options, model, _PREVIEWED) if hasattr(model, "translate") else None


def _held_out(options, model, count):
    """The source's first examples: held out where it has such, else of the run's own split."""
    try:
        return _first_batch(options, model, count, split="test")
    except ValueError:  # no such split
        return _first_batch(options, model, count)


def examples(options, model, count=160):
    """Batches of a run's data for `keras_gans.export.export` to try its files on.

    Args:
        options: `Options`, of a run or made up for a model and its data.
        model: a `keras_gans.GAN`.
        count: how many examples, where the source has so many.

    Returns:
        A list of one batch, held out where the source has such; None for a model that is fed
        with latents, which are drawn.
    """
    return [_held_out(options, model, count)] if hasattr(model, "translate") else None


def train(options, runs_dir="runs", *, callbacks=(), verbose="auto"):
    """Trains a model in a run folder of its own.

    Args:
        options: `Options`.
        runs_dir: where the run's folder is made, numbered.
        callbacks: further Keras callbacks.
        verbose: 0 silent, 1 a bar, 2 a line each epoch, "auto" a bar on a terminal.

    Returns:
        The `Run`.

    Raises:
        ValueError: for anything in the options that cannot be; no folder is left then.
        OSError: if the folder cannot be written.
        keras_gans.callbacks.Stopped: after SIGTERM or Ctrl-C, all that was learned being saved.
        keras_gans.callbacks.DivergedError: if a loss or weight is not finite; `model.keras` is
            then that of the last checkpoint.
    """
    model, dataset = prepare(options)
    names = data.label_names(
        options.source,
        model,
        heads=options.heads,
        attributes=options.attributes,
        data_dir=options.data_dir,
    )
    chief = distribution.is_chief()
    path = _make_folder(runs_dir, options.model) if chief else None
    run = Run(_agreed_folder(options, runs_dir, path), options, names)
    try:
        with _locked(run):
            if chief:
                _write_options(run, model)
                guards.write_inventory(run.path, run.options.source)
            _fit(run, model, dataset, callbacks, verbose)
    except BaseException:
        if chief and not run.checkpoints:
            shutil.rmtree(run.path, ignore_errors=True)  # nothing was learned: nothing to keep
        raise
    return run


def resume(run, options=None, *, callbacks=(), verbose="auto"):
    """Goes on with a run that was stopped or killed, as if it had not been.

    Args:
        run: the `Run`, or its folder.
        options: `Options` to go on with; those of the run where None. May differ from them in
            `epochs`, `devices`, `workers`, `on_divergence`, `sheet_every`, `metrics`,
            `metrics_every`, `extractor`, `data_dir`, `manual_dir`, `cache_dir` and in the overrides
            `generator_learning_rate` and `discriminator_learning_rate`, which is written down in
            `options.json`.
        callbacks: as of `train`.
        verbose: as of `train`.

    Returns:
        The `Run`, finished. One that was finished before is returned as it is.

    Raises:
        ValueError: for options that may not change, named; for data that has changed since; for a
            run another process works in; and as `train`.
        keras_gans.callbacks.Stopped: as `train`.
    """
    run = run if isinstance(run, Run) else open_run(run)
    options = options or run.options
    _refuse_changes(run, options)
    if is_finished(run, options):
        return run
    chief = distribution.is_chief()
    with _locked(run):
        guards.refuse_changed_data(run.path, options.source)
        model, dataset = prepare(options)
        before, run = run.options, dataclasses.replace(run, options=options)
        if chief and options != before:
            _write_options(run, model, before)
        if chief:
            guards.cut_log(run.path)
        _fit(run, model, dataset, callbacks, verbose)
    return run


def is_finished(run, options=None):
    """Whether a run has trained for all epochs of its options, or of others."""
    done = [int(path.name.split("-")[1]) for path in run.checkpoints]
    return run.model_path.exists() and max(done, default=0) >= (options or run.options).epochs


def to_resume(options, runs_dir="runs"):
    """The newest run of these options, finished or not: what the same command goes on with.

    Args:
        options: `Options`; what `resume` lets change may differ from those of the run.
        runs_dir: where the runs are.

    Returns:
        A `Run`, or None where there is none.

    Raises:
        ValueError: if there is none and the model has unfinished runs of other options; what
            differs in the newest is named.
    """
    run = _newest(options, runs_dir) if distribution.is_chief() else None
    path = _agreed_folder(options, runs_dir, run.path if run else None)
    return run or (open_run(path) if path else None)


def _newest(options, runs_dir):
    others = []
    for path in sorted(pathlib.Path(runs_dir).glob("[0-9]*-*"), reverse=True):
        try:
            run = open_run(path)
        except ValueError:  # another folder
            continue
        if run.options.model != options.model:
            continue
        if not _changes(run.options, options):
            return run
        if not is_finished(run):
            others.append(run)
    if others:
        _refuse_changes(others[0], options)
    return None


def _fit(run, model, dataset, callbacks, verbose):
    chief = distribution.is_chief()
    if verbose == "auto":
        verbose = 1 if sys.stdout.isatty() else 2
    verbose = verbose if chief else 0
    say = print if verbose else lambda line: None
    checkpoints = Checkpoints(run.path / "checkpoints", minutes=_MINUTES, print_fn=say)
    rollback = checkpoints if run.options.on_divergence == "rollback" else None
    try:
        with guards.polite(checkpoints):
            model.fit(
                dataset,
                epochs=run.options.epochs,
                steps_per_epoch=run.options.steps_per_epoch,
                callbacks=[
                    *(_callbacks(run, model, verbose) if chief else ()),
                    *callbacks,
                    StopOnDivergence(rollback, print_fn=say),
                    checkpoints,  # the last: nothing that was written is newer than it
                ],
                verbose=verbose,
            )
    except BaseException as error:
        if isinstance(error, DivergedError):
            checkpoints.restore(model)
        with contextlib.suppress(OSError):
            checkpoints.wait()
        if chief and run.checkpoints:
            with contextlib.suppress(OSError):  # what was raised first tells more
                _save_model(model, run)
        raise
    if chief:
        _save_model(model, run)


def _callbacks(run, model, verbose):
    log_dir = run.path / "tensorboard"
    return [
        *_figures(run, model, log_dir),  # first: what it finds is for the logs of all others
        keras.callbacks.CSVLogger(run.path / "log.csv", append=True),
        keras.callbacks.TensorBoard(log_dir, write_graph=False),
        SampleSheet(
            run.path / "samples",
            every=run.options.sheet_every,
            seed=run.options.seed,
            batch=_preview(run.options, model),
            row_names=run.label_names,
            log_dir=log_dir / "samples",
        ),
        _diagnosis(run, model, verbose),
    ]


def _figures(run, model, log_dir):
    """The callback that evaluates, where one is asked for."""
    options = run.options
    if not options.metrics:
        return []
    held_out = _load(
        options, model, split="test", batch_size=_COMPARED, shuffle=False, jitter=False,
        drop_remainder=False,
    )  # fmt: skip
    extractor = evaluating.extractor_for(options.metrics, options.extractor)
    evaluator = Evaluator(held_out, extractor, options.metrics)
    return [
        Metrics(
            evaluator,
            every=options.metrics_every,
            path=run.path / "metrics.jsonl",
            log_dir=log_dir / "metrics",
        )
    ]


# === Going on with a run ===


def _refuse_changes(run, options):
    if changes := _changes(run.options, options):
        raise ValueError(
            f"{run.path} goes on with what it was begun with: {'; '.join(changes)}. Give the same, "
            "or begin a new run without resuming."
        )


def _changes(before, now):
    """What differs and may not."""
    was, new = _fixed(before), _fixed(now)
    return [
        f"`{name}` was {was.get(name)!r}, and is {new.get(name)!r}"
        for name in {**was, **new}
        if was.get(name) != new.get(name)
    ]


def _fixed(options):
    """What of a run's options may not change, with overrides by name."""
    fixed = json.loads(json.dumps(dataclasses.asdict(options)))
    fixed.update(fixed.pop("overrides"))
    return {key: value for key, value in fixed.items() if key not in _MAY_CHANGE}


def _diagnosis(run, model, verbose):
    return Diagnosis(
        _some_real(run.options, model),
        seed=run.options.seed,
        path=run.path / "diagnosis.txt",
        print_fn=None if verbose else lambda line: None,
    )


def _some_real(options, model):
    """The first pictures of the source; None for translators, whose samples are not compared."""
    if hasattr(model, "translate"):
        return None
    # Not from the training's dataset: a pass begun here would change the order of all later ones.
    return tf.nest.flatten(_first_batch(options, model, _COMPARED))[0]


def _make_folder(runs_dir, model):
    runs_dir = pathlib.Path(runs_dir)
    runs_dir.mkdir(parents=True, exist_ok=True)
    numbers = [int(p.name[:5]) for p in runs_dir.iterdir() if p.name[:5].isdigit()]
    number = max(numbers, default=0) + 1
    while True:
        path = runs_dir / f"{number:05d}-{model.replace('_', '-')}"
        try:
            path.mkdir()
            return path
        except FileExistsError:  # another run took the number meanwhile
            number += 1


def _locked(run):
    """The run's folder for the process that writes in it; other workers read beside it."""
    return guards.locked(run.path) if distribution.is_chief() else contextlib.nullcontext()


def _agreed_folder(options, runs_dir, path):
    """The folder of the first worker's run, told to all; None where it has none."""
    with distribution.strategy(options.devices, options.workers).scope():
        number = distribution.agree(int(path.name.split("-")[0]) if path else 0)
    if not number or path:
        return path
    found = list(pathlib.Path(runs_dir).glob(f"{number:05d}-*"))
    if len(found) != 1:
        raise ValueError(
            f"The first worker's run {number:05d} is not in {runs_dir} here. All workers need the "
            "same runs_dir, on a file system they share."
        )
    return found[0]


def _write_options(run, model, before=None):
    path, changes = run.path / "options.json", []
    if before is not None:
        changes = json.loads(path.read_text(encoding="utf-8")).get("changes", [])
        changes = [*changes, {"before": dataclasses.asdict(before), "at": _now()}]
    record = {
        "options": dataclasses.asdict(run.options),
        "changes": changes,
        "label_names": run.label_names,
        "config": model.get_config(),
        "versions": {
            "keras_gans": keras_gans.__version__,
            "keras": keras.__version__,
            "tensorflow": tf.__version__,
            "python": sys.version.split()[0],
        },
    }
    guards.write_whole(path, lambda p: p.write_text(json.dumps(record, indent=2), encoding="utf-8"))


def _now():
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def _save_model(model, run):
    guards.write_whole(run.model_path, model.save)
