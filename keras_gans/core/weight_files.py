"""Files of weights: opened within bounds, and compared with networks to say what does not fit."""

import contextlib
import io
import os
import pathlib
import struct
import types
import zipfile
import zlib

import h5py
from keras.src.saving import saving_lib
from keras.src.utils.naming import to_snake_case

from keras_gans.layers.torch_conv_transpose import earlier_key
from keras_gans.utils import hdf5
from keras_gans.utils.files import open_plain

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
    """What HDF5 reads weights from: of a `.keras` file the part where they lie, else the path.

    Raises:
        ValueError: for weights that are compressed or encrypted, as Keras writes none, or damaged.
    """
    if pathlib.Path(path).suffix != ".keras":
        yield path
        return
    with open_plain(path, follow=True) as file, zipfile.ZipFile(file) as archive:
        if _IN_MODEL not in archive.namelist():
            raise ValueError(f"{path} holds no weights")
        entry = archive.getinfo(_IN_MODEL)
        if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1:
            raise ValueError(f"the weights in {path} are compressed or encrypted")
        weights = stored(file, entry)
        if _crc(weights) != entry.CRC:
            raise ValueError(f"the weights in {path} do not match their checksum")
        yield weights


def _crc(file):
    found = 0
    while part := file.read(2**20):
        found = zlib.crc32(part, found)
    return found


def check(source, path):
    """Refuses weights that lead elsewhere, or take more memory than their size warrants.

    Args:
        source: what `as_hdf5` gives; files of another kind are Keras' to read.
        path: named in messages.

    Raises:
        ValueError: what is wrong with it.
    """
    if isinstance(source, Slice):
        size = source.seek(0, os.SEEK_END)
    elif str(source).endswith("weights.h5"):
        size = os.path.getsize(source)
    else:
        return
    try:
        hdf5.check(source, hdf5.most_of_file(size))
    except ValueError as error:
        raise ValueError(f"{path} is no file of weights to be read: {error}.") from None


def load(model, weights, skip_mismatch, objects_to_skip=()):
    """Gives a model weights from a part of a file, as Keras does from a file of their own."""
    store = saving_lib.H5IOStore(
        _IN_MODEL, archive=types.SimpleNamespace(open=lambda name, mode: weights), mode="r"
    )
    messages: dict = {}
    failed: set = set()
    saving_lib._load_state(
        model,
        weights_store=store,
        assets_store=None,
        inner_path="",
        skip_mismatch=skip_mismatch,
        visited_saveables={id(one) for one in objects_to_skip or ()},
        failed_saveables=failed,
        error_msgs=messages,
    )
    if failed:
        saving_lib._raise_loading_failure(messages, warn_only=skip_mismatch)


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
    except (OSError, KeyError, ValueError, zipfile.BadZipFile):
        return []


def _pairs(file, networks):
    """`(variable, its shape in the file)`, or None for the shape where it is not there."""
    for name, network in networks.items():
        for key, layer in keys_of(network):
            own = layer._trainable_variables + layer._non_trainable_variables
            for number, variable in enumerate(own):
                # By their number or, of what a layer stores by itself, by their name.
                places = [
                    f"{name}/layers/{written}/vars/{called}"
                    for written in (key, earlier_key(key))
                    for called in (number, variable.name)
                ]
                place = next((place for place in places if place in file), None)
                yield variable, None if place is None else file[place].shape


def keys_of(network):
    """`(key, layer)` of a network, by the keys of Keras' files: names of classes, numbered."""
    return numbered(network.layers)


def numbered(operations):
    """`(key, operation)`: names of classes, numbered in their order from the first of each."""
    counts: dict[str, int] = {}
    for operation in operations:
        name = to_snake_case(type(operation).__name__)
        count = counts.get(name, 0)
        counts[name] = count + 1
        yield (f"{name}_{count}" if count else name), operation
