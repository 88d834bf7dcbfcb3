"""Training in a folder of its own, and going on with it."""

import contextlib
import dataclasses
import os
import pathlib
import shutil
import sys
import warnings
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from keras_gans import data, zoo
from keras_gans.core.saving import constructor_arguments
from keras_gans.core.signature import directions, translates
from keras_gans.evaluation import evaluate_model
from keras_gans.evaluation.evaluator import Evaluator
from keras_gans.training import data_inventory, distribution, guards, model_file
from keras_gans.training.callbacks import (
    Checkpoints,
    Diagnosis,
    DivergedError,
    Metrics,
    SampleSheet,
    StopOnDivergence,
)
from keras_gans.training.callbacks.checkpoints import newest_state
from keras_gans.training.csv_log import Log
from keras_gans.training.held_out import split_to_learn, split_to_measure
from keras_gans.training.options import Options, changes
from keras_gans.training.run_folder import (
    Run,
    agreed_folder,
    is_finished,
    make_folder,
    number_of,
    open_run,
    write_options,
)
from keras_gans.utils.files import UnfitFileError, locked, writing_to
from keras_gans.utils.text import plain

_FEW, _FEW_PAIRS = 500, 100  # examples below which a run is advised
_PREVIEWED = 8  # pictures on a translator's sheet
_COMPARED = 64  # real pictures that samples are compared with
_MINUTES = 10  # from one checkpoint to the next within a long epoch


def prepare(options: Options) -> tuple[Any, tf.data.Dataset]:
    """Model and data of a run, built and checked; nothing is written.

    Args:
        options: `Options`.

    Returns:
        The compiled model and the `tf.data.Dataset` it will be fitted on.

    Raises:
        ValueError: for anything in the options that cannot be.
    """
    return _prepared(options)[1:]


def _prepared(options):
    """`(options, model, dataset)`: the options with the split that is learned from."""
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
        if options.start_from:
            _start(model, options.start_from)
        if options.split is None:
            options = _with_split(options, model)
        dataset = _load(
            options,
            model,
            batch_size=options.batch_size,
            seed=options.seed,
            flip=options.flip,
            jitter=options.jitter,
            cache_dir=options.cache_dir,
        )
        if not {"constant_steps", "decay_steps"} & set(options.overrides):
            # The paper's schedules, laid over the images of this run.
            steps = (options.steps_per_epoch or len(dataset)) * options.epochs
            size = options.batch_size or model.batch_size
            images = steps * size * model.discriminator_steps
            model.compile(images=images, batch_size=size, jit_compile=options.jit_compile)
    _advise_on_few(options, model, dataset)
    return options, model, dataset


def _advise_on_few(options, model, dataset):
    """Says so where there are too few pictures for what a game usually needs, and what helps."""
    size = (options.batch_size or model.batch_size) * model.discriminator_steps
    count, least = len(dataset) * size, _FEW_PAIRS if translates(model) else _FEW
    if count >= least or not distribution.is_chief():
        return
    help_ = ["more pictures", "weights trained on others (`start_from`)"]
    if "augment" in constructor_arguments(type(model)) and not model.get_config().get("augment"):
        help_.append('augmenting them (augment=["color", "translation"])')
    warnings.warn(
        f"{options.source} has about {count} examples to learn from. Of fewer than {least} the "
        f"discriminator soon knows each by heart, and pictures stop getting better. What helps: "
        f"{'; '.join(help_)}.",
        stacklevel=3,
    )


def _with_split(options, model):
    """The options with the split to learn from; says what is set aside."""

    def load(split):
        return _load(options, model, split=split, batch_size=1, shuffle=False, repeat=False)

    split, said = split_to_learn(options.source, load)
    if said and distribution.is_chief():
        print(said)
    return dataclasses.replace(options, split=split)


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


def _start(model, source):
    """Begins with the weights of another run, of a file or of an entry, and says so."""
    is_run = (pathlib.Path(source) / "options.json").exists()
    said = zoo.start_from(model, open_run(source).load_model() if is_run else source)
    if distribution.is_chief():
        print(f"{source}: {said}" if is_run else said)


def _load(options, model, *, split=None, **how):
    """Batches of the run's source, of its own split where none is named."""
    return data.load(
        options.source,
        model,
        split=split or options.split or "train",
        heads=options.heads,
        attributes=options.attributes,
        fit=options.fit,
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
    return _held_out(options, model, _PREVIEWED) if translates(model) else None


def _held_out(options, model, count):
    """The source's first examples: held out where it has such, else of the run's own split."""
    try:
        return _first_batch(options, model, count, split=split_to_measure(options.split))
    except data.NoSuchSplitError:
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
    return [_held_out(options, model, count)] if translates(model) else None


def train(
    options: Options,
    runs_dir: str | os.PathLike[str] = "runs",
    *,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    verbose: int | str = "auto",
) -> Run:
    """Trains a model in a run folder of its own.

    Args:
        options: `Options`.
        runs_dir: where the run's folder is made, numbered; not inside a folder of data.
        callbacks: further Keras callbacks.
        verbose: 0 silent, 1 a bar, 2 a line each epoch, "auto" a bar on a terminal.

    Returns:
        The `Run`.

    Raises:
        ValueError: for anything in the options that cannot be; no folder is left then.
        OSError: if the folder cannot be written, or was removed while the run was training; the
            model is then saved beside it.
        keras_gans.callbacks.Stopped: after SIGTERM or Ctrl-C, all that was learned being saved.
        keras_gans.callbacks.DivergedError: if a loss or weight is not finite; `model.keras` is
            then that of the last checkpoint.
    """
    data_inventory.refuse_inside(options.source, runs_dir)
    options, model, dataset = _prepared(options)
    names = data.label_names(
        options.source,
        model,
        heads=options.heads,
        attributes=options.attributes,
        data_dir=options.data_dir,
    )
    chief = distribution.is_chief()
    path = make_folder(runs_dir, options.model) if chief else None
    run = Run(agreed_folder(options, runs_dir, path), options, names)
    try:
        with _locked(run) as lock:
            if chief:
                write_options(run, model)
                data_inventory.write(run.path, run.options.source, dataset.account)
            _fit(run, model, dataset, callbacks, verbose, lock)
    except guards.FolderGoneError:
        raise  # what is at the folder's place now is another's
    except BaseException:
        if chief and not run.checkpoints:
            shutil.rmtree(run.path, ignore_errors=True)  # nothing was learned: nothing to keep
        raise
    return run


def resume(
    run: Run | str | os.PathLike[str],
    options: Options | None = None,
    *,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    verbose: int | str = "auto",
) -> Run:
    """Goes on with a run that was stopped or killed, as if it had not been.

    Args:
        run: the `Run`, or its folder.
        options: `Options` to go on with; those of the run where None. May differ from them in
            `epochs`, `devices`, `workers`, `on_divergence`, `sheet_every`, `sheet_kimg`,
            `checkpoint_kimg`, `metrics`,
            `metrics_every`, `extractor`, `data_dir`, `manual_dir`, `cache_dir` and in the overrides
            `generator_learning_rate` and `discriminator_learning_rate`, which is written down in
            `options.json`.
        callbacks: as of `train`.
        verbose: as of `train`.

    Returns:
        The `Run`, finished. One that was finished before is returned as it is; one that was killed
        after its last checkpoint gets its model, of that checkpoint, without training.

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
    with _locked(run) as lock:
        data_inventory.refuse_changed(run.path, options.source)
        # What it began with is long learned from, and may be gone.
        model, dataset = prepare(dataclasses.replace(options, start_from=None))
        before, run = run.options, dataclasses.replace(run, options=options)
        if chief and options != before:
            write_options(run, model, before)
        if chief:
            guards.cut_log(run.path)
        _fit(run, model, dataset, callbacks, verbose, lock)
    return run


def check_resume(run, options):
    """Refuses what a run cannot go on with; nothing is written.

    Args:
        run: the `Run`.
        options: `Options` to go on with.

    Raises:
        ValueError: for options that may not change, named; for data that has changed since.
    """
    _refuse_changes(run, options)
    if not is_finished(run, options):
        data_inventory.refuse_changed(run.path, options.source)


def to_resume(options: Options, runs_dir: str | os.PathLike[str] = "runs") -> Run | None:
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
    path = agreed_folder(options, runs_dir, run.path if run else None)
    return run or (open_run(path) if path else None)


def _newest(options, runs_dir):
    others = []
    folder = pathlib.Path(runs_dir)
    numbered = filter(number_of, folder.iterdir() if folder.is_dir() else ())
    for path in sorted(numbered, key=number_of, reverse=True):
        try:
            run = open_run(path)
        except UnfitFileError as error:  # a run, and perhaps the one that is meant
            warnings.warn(f"{path} is passed over: {error}", stacklevel=2)
            continue
        except ValueError:  # another folder
            continue
        if run.options.model != options.model:
            continue
        if not changes(run.options, options):
            return run
        if not is_finished(run):
            others.append(run)
    if others:
        _refuse_changes(others[0], options)
    return None


def _refuse_changes(run, options):
    if differs := changes(run.options, options):
        raise ValueError(
            f"{run.path} goes on with what it was begun with: {'; '.join(differs)}. Give the same, "
            "or begin a new run without resuming."
        )


def _locked(run):
    """The run's folder for the process that writes in it; other workers read beside it."""
    return locked(run.path) if distribution.is_chief() else contextlib.nullcontext()


def _fit(run, model, dataset, callbacks, verbose, lock):
    chief = distribution.is_chief()
    if verbose == "auto":
        verbose = 1 if sys.stdout.isatty() else 2
    verbose = verbose if chief else 0
    say = (lambda line: print(plain(line))) if verbose else lambda line: None
    checkpoints = Checkpoints(
        run.path / "checkpoints",
        minutes=None if run.options.checkpoint_kimg else _MINUTES,
        kimg=run.options.checkpoint_kimg,
        print_fn=say,
    )
    model.label_names = run.label_names
    rollback = checkpoints if run.options.on_divergence == "rollback" else None
    in_place = [guards.InPlace(lock, run.path)] if chief else []
    with guards.polite(checkpoints), writing_to(run.path):  # while the model is saved too
        try:
            model.fit(
                dataset,
                epochs=run.options.epochs,
                steps_per_epoch=run.options.steps_per_epoch,
                callbacks=[
                    *in_place,
                    *(_callbacks(run, model, verbose) if chief else ()),
                    *callbacks,
                    StopOnDivergence(rollback, print_fn=say),
                    checkpoints,  # the last: nothing that was written is newer than it
                ],
                verbose=verbose,
            )
        except guards.FolderGoneError as error:
            raise guards.FolderGoneError(f"{error} {_rescue(model, run)}") from None
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


def _save_model(model, run):
    model_file.save(model, run.model_path, newest_state(run.path / "checkpoints"))


def _rescue(model, run):
    """Saves the model beside the place of a folder that is gone; says where it is."""
    place = run.path.with_name(f"{run.path.name}-model.keras")
    try:
        model_file.save(model, place, replace=False)
    except OSError as error:
        return f"The model could not be saved beside it: {error}"
    return f"The model as it was is in {place}."


def _callbacks(run, model, verbose):
    log_dir = run.path / "tensorboard"
    return [
        *_figures(run, model, log_dir),  # first: what it finds is for the logs of all others
        Log(run.path / "log.csv"),
        keras.callbacks.TensorBoard(log_dir, write_graph=False),
        SampleSheet(
            run.path / "samples",
            every=run.options.sheet_every,
            kimg=run.options.sheet_kimg,
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
    split = split_to_measure(options.split)
    evaluate_model.refuse_without_truth(model, options.source, split, options.metrics)
    held_out = _load(
        options, model, split=split, batch_size=_COMPARED, shuffle=False, repeat=False,
        jitter=False, drop_remainder=False,
    )  # fmt: skip
    extractor = evaluate_model.extractor_for(options.metrics, options.extractor)
    direction = next(iter(directions(model)), "ab")
    evaluator = Evaluator(held_out, extractor, options.metrics, direction=direction)
    return [
        Metrics(
            evaluator,
            every=options.metrics_every,
            path=run.path / "metrics.jsonl",
            log_dir=log_dir / "metrics",
        )
    ]


def _diagnosis(run, model, verbose):
    return Diagnosis(
        _some_real(run.options, model),
        seed=run.options.seed,
        path=run.path / "diagnosis.txt",
        print_fn=None if verbose else lambda line: None,
    )


def _some_real(options, model):
    """The first pictures of the source; None for translators, whose samples are not compared."""
    if translates(model):
        return None
    # Not from the training's dataset: a pass begun here would change the order of all later ones.
    real = tf.nest.flatten(_first_batch(options, model, _COMPARED))[0]
    if len(real) > 1 and (real == real[:1]).all():
        warnings.warn(
            f"The first {len(real)} pictures of {options.source} are all the same: there is "
            "nothing to learn from them.",
            stacklevel=2,
        )
    return real
