"""The zoo's catalogue: names, and the models they stand for."""

import dataclasses
import functools
import importlib.metadata
import os
import warnings
import zipfile
from typing import Any

import keras
import tensorflow as tf

from keras_gans.core.model import GAN
from keras_gans.core.saving import BESIDES, constructor_arguments
from keras_gans.core.weight_files import stored
from keras_gans.utils import hdf5
from keras_gans.utils.checks import is_whole
from keras_gans.utils.damage import DAMAGE
from keras_gans.utils.files import open_plain
from keras_gans.utils.json_files import parse_json
from keras_gans.utils.memory import MOST_VARIABLES, no_larger_than
from keras_gans.utils.text import did_you_mean
from keras_gans.zoo import _weights as weights

_LARGEST_CONFIG = 2**20  # bytes
_UNSAVED = 64  # variables a model may have that its file has not, such as states of dropout
_CONFIG, _WEIGHTS = "config.json", "model.weights.h5"  # in a .keras file


@dataclasses.dataclass(frozen=True)
class ZooEntry:
    """One row of the zoo.

    Attributes:
        name: what `zoo.get` takes.
        cls: the model class, a `keras_gans.GAN`.
        task: what it is for, a word by which `names` sorts: "unconditional",
            "class_conditional", "paired_translation", "unpaired_translation", "upscaling", or
            another.
        paper: reference as text, with its address.
        config: constructor arguments that make the row.
        tiny: further arguments that shrink it so that it builds and fits in a second, for tests.
        data: default source for `keras_gans.data.load`, or None.
        parameters: trainable parameters of each network, from the paper's table or the reference.
        recipe: how the row is trained, by names of `keras_gans.training.Options`: what `train`
            does where nothing else is said. Its `data` is what the weights that ship were trained
            on, where that is not `data` above.
    """

    name: str
    cls: type[GAN]
    task: str
    paper: str
    config: dict[str, Any]
    tiny: dict[str, Any]
    data: str | None = None
    parameters: dict[str, int] | None = None
    recipe: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def family(self):
        """Name of the module that defines the class, and of the family's folder: "cdcgan"."""
        return self.cls.__module__.rsplit(".", 1)[-1]

    @property
    def weights(self):
        """File name of the pretrained weights, in our package or another's, or None."""
        record = weights.shipped().get(self.name)
        return record and record["file"]

    @property
    def published(self):
        """Whether the weights are the generator alone, as its authors published it."""
        return "text" in weights.shipped().get(self.name, {})


_ENTRIES: dict[str, ZooEntry] = {}

#: Entry points of other packages whose modules register families of their own:
#: `[project.entry-points."keras_gans.zoo"]`, `NAME = "package.module"`.
PLUGINS = "keras_gans.zoo"


@functools.cache
def _load_plugins():
    """Imports the modules that installed packages name as families, once."""
    for point in importlib.metadata.entry_points(group=PLUGINS):
        try:
            point.load()
        except Exception as error:  # somebody else's code: the zoo opens without it
            warnings.warn(
                f"The families of {point.value} cannot be loaded: {type(error).__name__}: {error}",
                stacklevel=2,
            )


def _entries():
    """All rows, those of installed packages too."""
    _load_plugins()
    return _ENTRIES


def register(
    name: str,
    cls: type[GAN],
    *,
    task: str,
    paper: str,
    tiny: dict[str, Any],
    data: str | None = None,
    parameters: dict[str, int] | None = None,
    recipe: dict[str, Any] | None = None,
    **config: Any,
) -> ZooEntry:
    """Adds a row to the zoo.

    Args:
        name: of the row; must be new.
        cls: a `keras_gans.GAN` subclass.
        task: what it is for, one word: "unconditional", "paired_translation", or another.
        paper: reference as text.
        tiny: constructor arguments that make it build and fit in a second.
        data: default data source.
        parameters: trainable parameters of each network, `{network: number}`.
        recipe: how to train it, `{name of keras_gans.training.Options: value}`.
        **config: constructor arguments of the row.

    Returns:
        The `ZooEntry`.

    Raises:
        ValueError: for a name that is taken, a task that is no word, or a class that is no
            `keras_gans.GAN` or not registered with Keras, without which files are not read.
    """
    if name in _ENTRIES:
        raise ValueError(f"The zoo has {name!r} already. Choose another name.")
    if not str(task).isidentifier():
        raise ValueError(f"`task` must be one word, such as 'unconditional'. Received: {task!r}")
    if not issubclass(cls, GAN) or _registered_name(cls) is None:
        raise ValueError(
            f"{name}: {cls.__name__} must be a keras_gans.GAN that is registered with Keras, or "
            "its files cannot be read again. Decorate it with "
            "@keras.saving.register_keras_serializable(PACKAGE)."
        )
    _ENTRIES[name] = ZooEntry(name, cls, task, paper, config, tiny, data, parameters, recipe or {})
    return _ENTRIES[name]


def names(task: str | None = None) -> list[str]:
    """Names of the zoo's entries, sorted; of one task where given.

    Raises:
        ValueError: for an unknown task.
    """
    tasks = sorted({row.task for row in _entries().values()})
    if task is not None and task not in tasks:
        raise ValueError(f"`task` must be one of {', '.join(tasks)}. Received: {task!r}")
    return sorted(name for name, row in _entries().items() if task in (None, row.task))


def entry(name: str) -> ZooEntry:
    """The `ZooEntry` called `name`.

    Raises:
        ValueError: for an unknown name, with the nearest one.
    """
    rows = _entries()
    if name in rows:
        return rows[name]
    raise ValueError(
        f"Unknown zoo model: {name!r}.{_suggestion(name, rows)} "
        f"Available models: {', '.join(names())}. One of your own is known after the import of the "
        "module that registers it (--import MODULE)."
    )


def get(name: str, *, pretrained: bool = False, **overrides: Any) -> Any:
    """Builds and compiles an entry of the zoo.

    Args:
        name: of the entry, see `names()`.
        pretrained: start from the weights that ship with the entry, in all its networks; those
            that others have published (`realesrgan_x4` and its relatives) are of the generator
            alone. They lie in the package, or in another that is installed: nothing is downloaded.
        **overrides: constructor arguments that replace the entry's, and `precision`, what the
            networks compute in: "float32", "mixed_bfloat16" or "mixed_float16".

    Returns:
        A compiled `keras_gans.GAN`.

    Raises:
        ValueError: for an unknown name, an unknown argument, a value the networks cannot be
            built with, or `pretrained=True` where no weights ship, where they are damaged, or with
            arguments that make other networks.
    """
    row = entry(name)
    allowed = constructor_arguments(row.cls)
    for argument in overrides:
        if argument not in allowed:
            raise ValueError(
                f"{name} has no argument {argument!r}.{_suggestion(argument, allowed)} "
                f"It takes: {', '.join(allowed)}."
            )
    if pretrained and row.weights is None:
        raise ValueError(
            f"No pretrained weights ship with {name}. Use `pretrained=False` and train it: "
            f"`keras-gans train {name} --data {row.data or 'SOURCE'}`."
        )
    model = row.cls.from_config({"name": name, **row.config, **overrides})
    if pretrained:
        weights.load_shipped(model, name)
    model.compile()
    return model


def weights_file(name: str) -> Any:
    """Path of the weights that `get(name, pretrained=True)` reads.

    Raises:
        ValueError: for an unknown name, an entry without weights, or weights in a package that is
            not installed.
    """
    if entry(name).weights is None:
        raise ValueError(f"No pretrained weights ship with {name}.")
    return weights.file_of(name)


def load(path: str | os.PathLike[str], *, follow: bool = True) -> Any:
    """A model of ours from a `.keras` file, with nothing in the file executed.

    The class is looked up in the zoo, its arguments are plain JSON, and only weights are read:
    unlike `keras.saving.load_model`, this is fit for files from elsewhere.

    Args:
        path: of a file that `model.save` wrote.
        follow: read what a link points to.

    Returns:
        The compiled model, its optimizers' state included.

    Raises:
        ValueError: if the file is not one of ours, cannot be read, asks for more memory or time
            than its size warrants, or holds weights that are not finite.
    """
    config, size, arrays = _looked_through(path, follow)
    model = build(config, path, size, arrays)
    model.compile(**_run_length(config))
    try:
        model.load_weights(path)
    except (OSError, ValueError, RuntimeError, zipfile.BadZipFile, *DAMAGE) as error:
        raise ValueError(f"The weights in {path} cannot be read: {error}") from error
    weights.refuse_not_finite(model, path)
    return model


def _run_length(config):
    """What the file says of the run its model was compiled for; nothing else of it is used."""
    said = config.get("compile_config")
    said = said if isinstance(said, dict) else {}
    known = {name: said.get(name, 0) for name in ("images", "batch_size")}
    return {name: value for name, value in known.items() if is_whole(value) and value > 0}


def build(config, source, size, arrays):
    """The model that a file's configuration describes, if it is one of the zoo's.

    Args:
        config: `{"registered_name": ..., "config": constructor arguments}`, from a file.
        source: named in messages.
        size: bytes of its weights; a model that is much larger is not built.
        arrays: how many they are; nor is one of more variables, which could not be loaded.

    Returns:
        A `keras_gans.GAN`, not compiled.

    Raises:
        ValueError: for another class, other arguments or a larger model.
    """
    if not isinstance(config, dict) or not isinstance(config.get("config", {}), dict):
        raise ValueError(
            f"{source} holds no model of this zoo: its configuration is not an object."
        )
    classes = {_registered_name(row.cls): row.cls for row in _entries().values()}
    cls = classes.get(str(config.get("registered_name")))
    arguments = config.get("config", {})
    if cls is None or not set(arguments) <= {*constructor_arguments(cls), *BESIDES}:
        raise ValueError(
            f"{source} holds no model of this zoo: it names {config.get('registered_name')!r} with "
            f"arguments {', '.join(sorted(arguments)) or 'none'}."
        )
    try:
        variables = min(arrays + _UNSAVED, MOST_VARIABLES)
        with no_larger_than(hdf5.most_of_file(size), variables):
            return cls.from_config(arguments)
    except (TypeError, ValueError, ArithmeticError, tf.errors.OpError, *DAMAGE) as error:
        raise ValueError(f"{source} describes a model that cannot be built: {error}") from error


def _registered_name(cls):
    """The name Keras knows a class by; None where it was not registered."""
    name = keras.saving.get_registered_name(cls)
    return name if keras.saving.get_registered_object(name) is cls else None


def _looked_through(path, follow):
    """The configuration in a .keras file, and the bytes and the number of its arrays."""
    try:
        with open_plain(path, follow=follow) as file, zipfile.ZipFile(file) as archive:
            config, packed = archive.getinfo(_CONFIG), archive.getinfo(_WEIGHTS)
            for entry in (config, packed):
                # Keras compresses nothing; what is compressed may unpack to any size.
                if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1:
                    raise ValueError(f"its {entry.filename} is compressed or encrypted")
                if entry.file_size != entry.compress_size:
                    raise ValueError(f"its {entry.filename} says two sizes")
            if config.file_size > _LARGEST_CONFIG:
                raise ValueError("its configuration is too large to be one of ours")
            said = parse_json(archive.read(config), "its configuration")
            arrays = hdf5.check(stored(file, packed), hdf5.most_of_file(packed.file_size))
            return said, packed.file_size, arrays
    except (OSError, ValueError, RuntimeError, zipfile.BadZipFile, *DAMAGE) as error:
        raise ValueError(f"{path} is not a readable .keras file: {error}") from error


def _suggestion(name, known):
    return did_you_mean(name, known, cutoff=0.5)
