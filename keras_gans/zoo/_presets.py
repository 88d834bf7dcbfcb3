"""Presets: a model in a folder, as Keras users share them.

    preset/
        config.json         class and arguments
        model.weights.h5    all networks, float32, without optimizers
        metadata.json       versions, number of parameters, date
        README.md           a model card

A preset from elsewhere is read without running anything of it: the class is looked up in the zoo by
its registered name, never by the module the file says, and arguments are plain JSON.
"""

import contextlib
import datetime
import json
import pathlib
import re
import tempfile

import keras

from keras_gans.utils import hdf5
from keras_gans.utils.damage import DAMAGE
from keras_gans.utils.files import resolve, staged
from keras_gans.utils.json_files import read_json
from keras_gans.utils.versions import versions
from keras_gans.zoo import _registry as registry
from keras_gans.zoo import _weights as weights

_CONFIG, _WEIGHTS, _METADATA, _CARD = (
    "config.json", "model.weights.h5", "metadata.json", "README.md",
)  # fmt: skip
_HUB = "hf://"
_COMMIT = re.compile(r"[0-9a-f]{40}")


def save_to_preset(model, directory, *, license="other", data=None, figures=None):
    """Writes a model as a preset.

    Args:
        model: a `keras_gans.GAN`.
        directory: to make; it appears whole or not at all.
        license: of the weights, as model cards name it ("mit", "cc-by-4.0").
        data: what it was trained on, a sentence for the card.
        figures: `{name: value}` for the card.

    Raises:
        FileExistsError: if the directory exists.
    """
    directory = pathlib.Path(directory)
    _refuse_existing(directory)
    with staged(resolve(directory), replace=False) as folder:
        folder.mkdir()
        bare = weights.bare(model)
        config = {
            "module": type(model).__module__,
            "class_name": type(model).__name__,
            "config": bare.get_config(),
            "registered_name": keras.saving.get_registered_name(type(model)),
        }
        metadata = {
            "keras_version": versions()["keras"],
            "keras_gans_version": versions()["keras_gans"],
            "parameter_count": sum(network.count_params() for network in bare.networks.values()),
            "date_saved": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d@%H:%M:%S"),
        }
        (folder / _CONFIG).write_text(json.dumps(config, indent=2), encoding="utf-8")
        (folder / _METADATA).write_text(json.dumps(metadata, indent=2), encoding="utf-8")
        (folder / _CARD).write_text(_card(model, license, data, figures), encoding="utf-8")
        bare.save_weights(folder / _WEIGHTS)


def _refuse_existing(directory):
    if directory.exists():
        raise FileExistsError(f"{directory} exists. Choose another folder, or remove it.")


def from_preset(source):
    """The model of a preset, compiled with the paper's optimizers.

    Args:
        source: a folder; or "hf://USER/NAME@COMMIT" of the Hugging Face Hub, COMMIT the 40 digits
            of a revision, so that what is read is what was looked at (needs
            `pip install keras-gans[hub]`).

    Returns:
        A compiled `keras_gans.GAN`.

    Raises:
        ValueError: for a folder that is no preset of ours, a class that is not in the zoo, links,
            files that are too large (none of them read), or weights of another model.
        ImportError: for a hub without the package `huggingface_hub`.
    """
    with _folder(str(source)) as folder:
        for name in (_CONFIG, _WEIGHTS):
            path = folder / name
            if path.is_symlink() or not path.is_file():
                raise ValueError(
                    f"{source} is no preset: it has no file {name}, or a link in its place."
                )
        config = read_json(folder / _CONFIG)
        model = registry.build(config, source, *_size_of(folder / _WEIGHTS))
        weights.load(model, folder / _WEIGHTS)
    model.compile()
    return model


@contextlib.contextmanager
def _folder(source):
    if not source.startswith(_HUB):
        yield pathlib.Path(source)
        return
    name, _, commit = source.removeprefix(_HUB).partition("@")
    if not _COMMIT.fullmatch(commit) or not re.fullmatch(r"[\w.-]+/[\w.-]+", name):
        raise ValueError(
            "A preset of a hub is 'hf://USER/NAME@COMMIT', COMMIT the 40 digits of a revision. "
            f"Received: {source!r}"
        )
    try:
        import huggingface_hub
    except ImportError:
        raise ImportError(
            "Presets of a hub need huggingface_hub: pip install 'keras-gans[hub]'."
        ) from None
    with tempfile.TemporaryDirectory() as folder:
        for wanted in (_CONFIG, _WEIGHTS):
            huggingface_hub.hf_hub_download(name, wanted, revision=commit, local_dir=folder)
        yield pathlib.Path(folder)


def _size_of(path):
    """Bytes of a file of weights, and how many arrays it has."""
    size = path.stat().st_size
    try:
        return size, hdf5.check(path, hdf5.most_of_file(size))
    except (OSError, ValueError, RuntimeError, *DAMAGE) as error:
        raise ValueError(f"{path} does not hold weights: {error}") from error


def _card(model, license, data, figures):
    """A model card, as hubs show it."""
    head = ["---", "library_name: keras", f"license: {license}", "tags:", "- keras-gans", "- gan"]
    rows = [f"| {name} | {value:.4g} |" for name, value in (figures or {}).items()]
    table = ["", "| figure | value |", "|---|---|", *rows] if rows else []
    networks = ", ".join(
        f"{name} ({network.count_params():,} parameters)"
        for name, network in model.networks.items()
    )
    return "\n".join(
        [
            *head, "---", f"# {model.name}", "",
            f"{type(model).__name__} of [keras_gans](https://pypi.org/project/keras-gans/): "
            f"{networks}.", "",
            f"Trained on: {data or 'not said'}.", *table, "",
            "```python", "import keras_gans", "",
            'model = keras_gans.zoo.from_preset("PATH")', "```", "",
        ]
    )  # fmt: skip
