"""Which run a command goes on with, and what it may change of it."""

import os
import pathlib
import warnings

from keras_gans.training import data_inventory, distribution
from keras_gans.training.options import Options, changes
from keras_gans.training.run_folder import Run, agreed_folder, is_finished, number_of, open_run
from keras_gans.utils.files import UnfitFileError


def check_resume(run, options):
    """Refuses what a run cannot go on with; nothing is written.

    Args:
        run: the `Run`.
        options: `Options` to go on with.

    Raises:
        ValueError: for options that may not change, named; for data that has changed since.
    """
    refuse_changes(run, options)
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
        refuse_changes(others[0], options)
    return None


def refuse_changes(run, options):
    """Refuses options that a run cannot go on with.

    Raises:
        ValueError: what differs.
    """
    if differs := changes(run.options, options):
        raise ValueError(
            f"{run.path} goes on with what it was begun with: {'; '.join(differs)}. Give the same, "
            "or begin a new run without resuming."
        )
