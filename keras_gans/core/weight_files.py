"""Files of weights: opened within bounds, and compared with networks to say what does not fit."""

import contextlib
import io
import os
import pathlib
import shutil
import struct
import tempfile
import zipfile

import h5py
from keras.src.utils.naming import to_snake_case

from keras_gans.utils import hdf5

_IN_MODEL = "model.weights.h5"  # in a .keras file
_HEADER = struct.Struct("<26xHH")  # before a file in an archive: lengths of two texts after it


class Slice(io.RawIOBase):
    """A part of an open file, read as a file of its own.

    HDF5 goes back and forth, and `zipfile` reads an entry anew from its start to go back.
    """

    def __init__(self, file, start, size):
        self._file, self._start, self._size, self._at = file, start, size, 0

    def readable(self):
        return True

    def seekable(self):
        return True

    def seek(self, offset, whence=os.SEEK_SET):
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        return self._at

    def tell(self):
        return self._at

    def readinto(self, buffer):
        wanted = max(0, min(len(buffer), self._size - self._at))
        self._file.seek(self._start + self._at)
        found = self._file.readinto(memoryview(buffer)[:wanted])
        self._at += found
        return found


def stored(file, entry):
    """The bytes of an archive's entry that is not compressed, where they lie.

    Args:
        file: the archive, open.
        entry: a `zipfile.ZipInfo`.
    """
    file.seek(entry.header_offset)
    lengths = _HEADER.unpack(file.read(_HEADER.size))
    start = entry.header_offset + _HEADER.size + sum(lengths)
    return Slice(file, start, entry.file_size)


@contextlib.contextmanager
def as_hdf5(path):
    """The path of the weights' HDF5: of a `.keras` file that of a copy, of others their own.

    Raises:
        ValueError: for weights in a `.keras` file that unpack to more than they can be.
    """
    if pathlib.Path(path).suffix != ".keras":
        yield path
        return
    with zipfile.ZipFile(path) as archive, tempfile.TemporaryDirectory() as folder:
        entry = archive.getinfo(_IN_MODEL)
        if entry.file_size > hdf5.most_of_file(entry.compress_size):
            raise ValueError(f"the weights in {path} unpack to {entry.file_size} bytes")
        copy = pathlib.Path(folder) / _IN_MODEL
        with archive.open(entry) as source, copy.open("wb") as target:
            shutil.copyfileobj(source, target, 2**20)
        yield copy


def check(path):
    """Refuses a file of weights that leads elsewhere, or takes more memory than its size warrants.

    Args:
        path: of HDF5; files of another kind are Keras' to read.

    Raises:
        ValueError: what is wrong with it.
    """
    if str(path).endswith("weights.h5"):
        hdf5.check(path, hdf5.most_of_file(os.path.getsize(path)))


def unlike(path, networks):
    """Variables whose shape in a file is another one than in the model.

    Args:
        path: of a `.weights.h5` or a `.keras` file.
        networks: `{name: functional model}`.

    Returns:
        A list of "PATH: file SHAPE, model SHAPE"; empty where the file cannot be read so.
    """
    try:
        with as_hdf5(path) as plain, h5py.File(plain, "r") as file:
            return [
                f"{variable.path}: file {found}, model {tuple(variable.shape)}"
                for variable, found in _pairs(file, networks)
                if found != tuple(variable.shape)
            ]
    except (OSError, KeyError, zipfile.BadZipFile):
        return []


def _pairs(file, networks):
    """`(variable, its shape in the file)`, or None for the shape where it is not there."""
    for name, network in networks.items():
        for key, layer in _keys(network):
            own = layer._trainable_variables + layer._non_trainable_variables
            for number, variable in enumerate(own):
                place = f"{name}/layers/{key}/vars/{number}"
                yield variable, file[place].shape if place in file else None


def _keys(network):
    """Layers by the names Keras gives them in files: of their classes, numbered."""
    counts: dict[str, int] = {}
    for layer in network.layers:
        name = to_snake_case(type(layer).__name__)
        count = counts.get(name, 0)
        counts[name] = count + 1
        yield (f"{name}_{count}" if count else name), layer
