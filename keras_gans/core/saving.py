"""A model in files: constructor arguments as plain JSON, weights, states of random generators."""

import errno
import inspect
import math
import os
import pathlib
import shutil
import warnings

import keras
import numpy as np
import tensorflow as tf
from keras.src.utils import io_utils

from keras_gans.core import weight_files
from keras_gans.core.mixin import Mixin
from keras_gans.utils.checks import check_choice
from keras_gans.utils.files import write_whole

#: What networks can compute in.
PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
_STATE = "random_state_"  # of random generators, in files
_HDF5_BYTES = 2048  # an array's name and place in a file, about


class Saving(Mixin):
    """Configuration and weights. Mixed into `GAN`."""

    def get_config(self):
        """The constructor's arguments, plain JSON, each read from the attribute of its name."""
        names = own_arguments(type(self))
        if lost := [name for name in names if not hasattr(self, name)]:
            raise AttributeError(
                f"{type(self).__name__} must keep its constructor's `{lost[0]}` as an attribute of "
                "that name, from which `get_config` reads it, or write a `get_config` of its own."
            )
        values = {name: getattr(self, name) for name in names}
        config = {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in values.items()
        }
        if self.label_names is not None:
            config["label_names"] = self.label_names
        frozen = self.frozen
        return config if frozen == self._frozen_when_made else {**config, "frozen": frozen}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """Rebuilds the model from `get_config`; a misspelt argument is refused by name.

        Args:
            config: constructor arguments, and `precision`: what the networks compute in,
                "float32", "mixed_bfloat16" or "mixed_float16"; Keras' global policy where not
                given. Weights, losses and what networks put out are float32 in all of them.
                `frozen`: layers that do not learn, as `model.frozen` says. `label_names`: as
                `model.label_names` says.
            custom_objects: not used; there for Keras.

        Raises:
            ValueError: for another precision, or names that are not those of the model's labels.
        """
        # NumPy's numbers as Python's, which JSON knows.
        arguments = {k: v.item() if isinstance(v, np.generic) else v for k, v in config.items()}
        before = keras.config.dtype_policy()
        precision = arguments.pop("precision", before.name)
        frozen = arguments.pop("frozen", None)
        label_names = arguments.pop("label_names", None)
        check_choice("precision", precision, PRECISIONS)
        try:
            keras.config.set_dtype_policy(precision)
            model = cls(**arguments)
        finally:
            keras.config.set_dtype_policy(before)
        if frozen is not None:
            model.freeze(frozen)
        model.label_names = label_names
        return model

    def save(self, filepath, overwrite=True, zipped=None, **kwargs):
        """As Keras', to a `.keras` file (or, with `zipped=False`, a folder) only.

        It appears whole or not at all: where saving fails, what was there stays.

        Raises:
            ValueError: for another kind of file; nothing is written.
            OSError: where it cannot be written, such as on a full disk, saying so.
        """
        if zipped is not False and pathlib.Path(filepath).suffix != ".keras":
            raise ValueError(
                "`filepath` must end in .keras, the file of a whole model; weights alone are "
                f"written by `save_weights` to a .weights.h5. Received: {filepath}"
            )
        self.refresh()  # what makes pictures is in the file as it makes them
        _whole(filepath, overwrite, lambda path: self._save(path, zipped, **kwargs))

    def _save(self, path, zipped, **kwargs):
        super().save(path, True, zipped, **kwargs)

    # Keras numbers a model's own variables; what is named here came later and is missing in
    # earlier files. It leaves out the states of dropout's random generators; a resumed game would
    # drop others.

    def save_own_variables(self, store):
        for number, variable in enumerate(self._numbered()):
            store[str(number)] = variable
        store["images_shown"] = self.images_shown
        for number, state in enumerate(self._random_states()):
            store[f"{_STATE}{number}"] = state

    def load_own_variables(self, store):
        stored = {key: store[key] for key in store.keys()}
        numbered = self._numbered()
        found = sum(key.isdecimal() for key in stored)
        if found != len(numbered):
            raise ValueError(
                f"{self.name} has {len(numbered)} variables of its own besides its networks', and "
                f"the file has {found}: it is of a model with other arguments."
            )
        for number, variable in enumerate(numbered):
            variable.assign(stored[str(number)])
        if "images_shown" in stored:
            self.images_shown.assign(stored["images_shown"])
        for number, state in enumerate(self._random_states()):
            if f"{_STATE}{number}" in stored:
                state.assign(stored[f"{_STATE}{number}"])

    def _numbered(self):
        own = self._trainable_variables + self._non_trainable_variables
        return [variable for variable in own if variable is not self.images_shown]

    def _random_states(self):
        generators = [g for layer in self._flatten_layers() for g in layer._seed_generators]
        return [generator.state for generator in generators]

    def save_weights(self, filepath, overwrite=True, **kwargs):
        """As Keras', but asks for the room first: where a disk fills, HDF5 ends the process.

        A file appears whole or not at all, but for weights in several files (`max_shard_size`).

        Raises:
            OSError: where the disk has less room than the weights take; nothing is written.
        """
        folder = pathlib.Path(filepath).absolute().parent
        if folder.exists() and shutil.disk_usage(folder).free < self._size_of_weights():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(filepath))
        if pathlib.Path(filepath).suffix != ".h5" or kwargs.get("max_shard_size"):
            super().save_weights(filepath, overwrite, **kwargs)
            return
        _whole(filepath, overwrite, lambda path: self._save_weights(path, **kwargs))

    def _save_weights(self, path, **kwargs):
        super().save_weights(path, True, **kwargs)

    def _size_of_weights(self):
        """About as many bytes as a file of the weights and the optimizers' slots has."""
        return sum(
            math.prod(variable.shape) * tf.as_dtype(variable.dtype).size + _HDF5_BYTES
            for variable in self.saved_variables
        )

    @property
    def saved_variables(self):
        """What a file of the model holds: its variables and its optimizers'."""
        optimizers = [self.optimizer_of(player) for player in self.players] if self.compiled else []
        return [variable for owner in (self, *optimizers) for variable in owner.variables]

    def load_weights(self, filepath, skip_mismatch=False, **kwargs):
        """As Keras', but all or nothing: of a file of other networks nothing is taken.

        A file that leads elsewhere, or to more memory than its size warrants, is refused unread.

        Args:
            filepath: of weights, or of a whole model.
            skip_mismatch: take what fits; the rest is named in one warning.
            **kwargs: as Keras'.

        Raises:
            ValueError: for a file of other networks, whose variables that do not fit are named,
                unless `skip_mismatch`.
        """
        before = [np.array(variable) for variable in self._everything()]
        with (
            weight_files.as_hdf5(filepath) as source,
            warnings.catch_warnings(record=True) as caught,
        ):
            weight_files.check(source, filepath)
            warnings.simplefilter("always")
            if not skip_mismatch:
                warnings.filterwarnings("error", message="Skipping nested container")
            try:
                if source is filepath:
                    super().load_weights(filepath, skip_mismatch, **kwargs)
                else:
                    weight_files.load(self, source, skip_mismatch, **kwargs)
            except (UserWarning, ValueError, KeyError) as error:
                for variable, value in zip(self._everything(), before, strict=True):
                    variable.assign(value)
                unlike = ", ".join(weight_files.unlike(filepath, self.networks))
                reason = f"These differ: {unlike}." if unlike else str(error)
                raise ValueError(
                    f"{filepath} lacks layers of {self.name}, or has others; nothing of it was "
                    f"taken. {reason} Use skip_mismatch=True to take what fits."
                ) from None
        self._say_again(caught, filepath, skip_mismatch)

    def _everything(self):
        """All that a file may change."""
        return [*self.saved_variables, *self._random_states()]

    def _say_again(self, caught, filepath, skip_mismatch):
        """Warnings of Keras', those of what does not fit as one of ours."""
        unlike = weight_files.unlike(filepath, self.networks) if skip_mismatch else []
        for warning in caught:
            about_layers = "object" in str(warning.message) or "Layer" in str(warning.message)
            if not (unlike and about_layers):
                warnings.warn_explicit(
                    warning.message, warning.category, warning.filename, warning.lineno
                )
        if unlike:
            warnings.warn(
                f"Of {filepath} was taken what fits. These differ and stay as they were: "
                f"{', '.join(unlike)}.",
                stacklevel=3,
            )


def _whole(path, overwrite, write):
    """Has `write(path)` write what appears whole; asks as Keras does before one is replaced."""
    if "://" in str(path):  # another machine's, which Keras knows how to write to
        if overwrite or not tf.io.gfile.exists(str(path)) or _may_replace(path):
            write(path)
        return
    if overwrite or not os.path.exists(path) or _may_replace(path):
        write_whole(path, write)


def _may_replace(path):
    return io_utils.ask_to_proceed_with_overwrite(path)


#: What a configuration holds besides the constructor's arguments, where it differs from the usual.
BESIDES = ("frozen", "label_names")


def constructor_arguments(cls):
    """The names a family's constructor takes, those of its bases and of their tricks included."""
    extra = [name for base in cls.__mro__ for name in vars(base).get("extra_arguments", ())]
    return list(dict.fromkeys([*own_arguments(cls), *extra]))


def own_arguments(cls):
    """The same without the tricks: each is an attribute of the model."""
    names: list[str] = []
    for base in cls.__mro__:
        if base is keras.Model:
            break
        if "__init__" in vars(base):
            names += inspect.signature(base.__init__).parameters
    names = [name for name in dict.fromkeys(names) if name not in ("self", "args", "kwargs")]
    return [*names, "name", "precision"]
