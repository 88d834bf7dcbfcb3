"""Training in a folder of its own, and going on with it."""

import contextlib
import dataclasses
import os
import shutil
import sys
from collections.abc import Sequence

import keras

from keras_gans import data
from keras_gans.training import data_inventory, distribution, guards, model_file
from keras_gans.training.callbacks import Checkpoints, DivergedError, StopOnDivergence
from keras_gans.training.callbacks.checkpoints import newest_state
from keras_gans.training.options import Options
from keras_gans.training.prepare_run import prepare, prepared
from keras_gans.training.resumable_runs import check_resume, refuse_changes, to_resume
from keras_gans.training.run_callbacks import run_callbacks
from keras_gans.training.run_data import examples
from keras_gans.training.run_folder import (
    Run,
    agreed_folder,
    is_finished,
    make_folder,
    open_run,
    write_options,
)
from keras_gans.utils.files import locked, writing_to
from keras_gans.utils.text import plain

__all__ = ["check_resume", "examples", "prepare", "resume", "to_resume", "train"]

_MINUTES = 10  # from one checkpoint to the next within a long epoch


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
    options, model, dataset = prepared(options)
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
    refuse_changes(run, options)
    if is_finished(run, options):
        return run
    chief = distribution.is_chief()
    with _locked(run) as lock:
        data_inventory.refuse_changed(run.path, options.source)
        # What it began with is long learned from, and may be gone.
        model, dataset = prepare(options, begins=False)
        before, run = run.options, dataclasses.replace(run, options=options)
        if chief and options != before:
            write_options(run, model, before)
        if chief:
            guards.cut_log(run.path)
        _fit(run, model, dataset, callbacks, verbose, lock)
    return run


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
                    *(run_callbacks(run, model, verbose) if chief else ()),
                    *callbacks,
                    StopOnDivergence(rollback, print_fn=say),
                    checkpoints,  # the last: nothing that was written is newer than it
                ],
                verbose=verbose,
            )
        except BaseException as error:
            # Whoever wrote into the folder just then met it first, with a word of his own file.
            if chief and isinstance(error, OSError) and not lock.in_place():
                said = f"{guards.gone(run.path)} {_rescue(model, run)}"
                raise guards.FolderGoneError(said) from None
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
