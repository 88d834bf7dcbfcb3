"""The folder of a run: what it says of itself, and the names of its labels.

It may come from elsewhere, so that names in it that are links, or no plain files, are refused
before anything is read or written.
"""

import dataclasses
import datetime
import json
import os
import pathlib
import re
import sys
import warnings

from keras_gans import zoo
from keras_gans.core import label_names
from keras_gans.training import distribution, model_file
from keras_gans.training import options as run_options
from keras_gans.training.callbacks import checkpoints
from keras_gans.training.options import OPTIONS_SHAPE, Options
from keras_gans.utils.files import UnfitFileError, refuse_unplain, write_whole, writing_to
from keras_gans.utils.json_files import read_json
from keras_gans.utils.versions import versions

_OPTIONS = "options.json"
_SHEET = re.compile(
    r"(epoch|images)-[0-9]{4,18}\.png|(samples|interpolation|arithmetic)(-.+)?-seed[0-9]+\.png"
)
_NUMBERED = re.compile(r"([0-9]{5,18})-.+")
_FILES = (_OPTIONS, "data.json", "data.txt", "model.keras", "metrics.json")
_APPENDED = ("lock", "log.csv", "metrics.jsonl", "diagnosis.txt")
_FOLDERS = (
    *("samples", "checkpoints", "tensorboard", "page", "exported"),
    *("tensorboard/train", "tensorboard/samples", "tensorboard/metrics"),
)
_SHAPE = {
    "options": OPTIONS_SHAPE,
    "label_names": {"heads": {str: [str]}, "attributes": [str]},
    "changes?": [dict],
}


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
        return checkpoints.found_in(self.path / "checkpoints")

    @property
    def model_path(self):
        """File of the trained model."""
        return self.path / "model.keras"

    def load_model(self):
        """The trained model, compiled; a warning says where the run has gone on since it was saved.

        Raises:
            ValueError: if the run has no trained model, or one that `zoo.load` refuses.
        """
        model = zoo.load(self.trained(), follow=False)
        newest = checkpoints.newest_state(self.path / "checkpoints")
        if newest and newest["step"] > int(model.step.numpy()):
            warnings.warn(
                f"{self.model_path} is of step {int(model.step.numpy())}, and the run has a "
                f"checkpoint of step {newest['step']}, from which no model was saved: it is being "
                "trained, or was killed. To bring the model up to it use `keras-gans train "
                f"{self.path} --resume`.",
                stacklevel=2,
            )
        if model.label_names is None:  # of an earlier version
            model.label_names = self.label_names
        return model

    def trained(self):
        """Path of the trained model.

        Raises:
            ValueError: if the run has none.
        """
        if not self.model_path.exists():
            raise ValueError(
                f"{self.path} has no trained model yet (model.keras). It was stopped before the "
                "end of its first epoch; train again."
            )
        return self.model_path

    def labels(self, classes):
        """Numbers of classes given by name or by number; None for none.

        Args:
            classes: a list of them, a number counting from 0 where no class is called so; with
                several heads each is one of every head with commas between, "Dress,red".

        Returns:
            A list of numbers or, with several heads, of lists of numbers.

        Raises:
            ValueError: for a class the run does not have, or another number of them than heads.
        """
        if not classes:
            return None
        heads = self.label_names["heads"]
        return [label_names.numbers_of(str(given), heads) for given in classes]

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
        known = self.label_names["attributes"]
        return label_names.values_of(list(map(str, given)), known).tolist()


def open_run(path: str | os.PathLike[str]) -> Run:
    """The `Run` whose folder is `path`.

    Raises:
        ValueError: if the folder is not that of a run.
    """
    path = pathlib.Path(path)
    try:
        record = read_json(path / _OPTIONS, _SHAPE)
        run = Run(path, run_options.read(record["options"]), record["label_names"])
    except (OSError, TypeError, UnfitFileError) as error:
        raise ValueError(
            f"{path} is not the folder of a run: it needs a readable {_OPTIONS}, as "
            f"`keras-gans train` writes it ({type(error).__name__}: {error})."
        ) from error
    refuse_unplain(path, _FILES, _FOLDERS, _APPENDED)
    sheets = path / "samples"
    names = os.listdir(sheets) if sheets.exists() else ()
    refuse_unplain(sheets, [name for name in names if _SHEET.fullmatch(name)])
    for checkpoint in run.checkpoints:
        refuse_unplain(checkpoint.parent, folders=[checkpoint.name])
    return run


def is_finished(run: Run, options: Options | None = None) -> bool:
    """Whether a run has trained for all epochs of its options, or of others.

    It has where its model says that it was made of the newest sound checkpoint, and that is of the
    last epoch. One that was killed before its model was saved has not; nor has, to be sure, one
    whose model was saved by a version that did not say.
    """
    made_of = model_file.made_of(run.model_path)
    if made_of is None:
        return False
    for path in reversed(run.checkpoints):
        state = checkpoints.sound_state(path, unless_of=made_of)
        if state is not None:
            at_end = state["epoch"] >= (options or run.options).epochs
            return at_end and state["weights_sha256"] == made_of
    return False


def make_folder(runs_dir, model):
    """Makes the folder of a new run, with the next free number, and returns its path."""
    runs_dir = pathlib.Path(runs_dir)
    with writing_to(runs_dir.parent):
        runs_dir.mkdir(parents=True, exist_ok=True)
    number = max(map(number_of, runs_dir.iterdir()), default=0) + 1
    while True:
        path = runs_dir / f"{number:05d}-{model.replace('_', '-')}"
        try:
            with writing_to(runs_dir):
                path.mkdir()
            return path
        except FileExistsError:  # another run took the number meanwhile
            number += 1


def number_of(path):
    """The number that the folder of a run begins with; 0 of others."""
    numbered = _NUMBERED.fullmatch(path.name)
    return int(numbered[1]) if numbered else 0


def agreed_folder(options, runs_dir, path):
    """The folder of the first worker's run, told to all; None where it has none."""
    with distribution.strategy(options.devices, options.workers).scope():
        number = distribution.agree(number_of(path) if path else 0)
    if not number or path:
        return path
    found = list(pathlib.Path(runs_dir).glob(f"{number:05d}-*"))
    if len(found) != 1:
        raise ValueError(
            f"The first worker's run {number:05d} is not in {runs_dir} here. All workers need the "
            "same runs_dir, on a file system they share."
        )
    return found[0]


def write_options(run, model, before=None):
    """Writes options.json; with the options `before` they changed, notes the change in it."""
    path, changes = run.path / _OPTIONS, []
    if before is not None:
        changes = read_json(path, _SHAPE).get("changes", [])
        changes = [*changes, {"before": dataclasses.asdict(before), "at": _now()}]
    record = {
        "options": dataclasses.asdict(run.options),
        "changes": changes,
        "label_names": run.label_names,
        "config": model.get_config(),
        "versions": {**versions(), "python": sys.version.split()[0]},
    }
    write_whole(path, lambda p: p.write_text(json.dumps(record, indent=2), encoding="utf-8"))


def _now():
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
