"""Reads the networks in the pickles of StyleGAN2's reference implementations, executing nothing.

Two formats end in `.pkl`:

    PyTorch     a dict of networks, `{"G": ..., "D": ..., "G_ema": ...}`. A network is a call of
                `torch_utils.persistence._reconstruct_persistent_obj` with the source of its
                module, which the official reader executes, the name of its class, and its
                attributes. Numbers are embedded files of `torch.save`.
    TensorFlow  a tuple of three `dnnlib.tflib.network.Network`, (G, D, Gs), with sources likewise,
                and NumPy arrays.

The source stays an unread string here, objects become inert nodes, and numbers are passed over and
read afterwards (`keras_gans.interop.pickles` explains why this is safe). `_Program` knows the names
that the two formats need and no others.
"""

import dataclasses
import math
from typing import Any

import numpy as np

from keras_gans.interop.pickles import NOTHING_RUN, Global, Program, Refusal, kind, short
from keras_gans.interop.torch_files import (
    Tensor,
    TensorProgram,
    array,
    check_claim,
    check_file_size,
    checked_tensors,
    opened,
    read_legacy_storage,
)

_MAX_PROGRAM = 4 * 2**20  # bytes, numbers not counted; ten networks need less than one MiB
_MAX_MODULES = 10_000
_MAX_TENSORS = 100_000
_MAX_DEPTH = 16
_MAX_NAME = 200  # characters
_MAX_RANK = 32
_BYTES = {"SHORT_BINBYTES": 1, "BINBYTES": 4, "BINBYTES8": 8}  # bytes of the length
_DTYPES = ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1")

#: Attributes that say how a network computes what its tensors do not tell.
ATTRIBUTES = (
    *("activation", "bias_gain", "group_size"),  # of PyTorch's modules
    *("mapping_lrmul", "mbstd_group_size", "resample_kernel"),  # of TensorFlow's networks
)

_PERSISTENT = "torch_utils.persistence._reconstruct_persistent_obj"
_EMBEDDED = "torch.storage._load_from_bytes"
_NETWORK = "dnnlib.tflib.network.Network"
_DICT = "dnnlib.util.EasyDict"
_ARRAY = "numpy.ndarray"


@dataclasses.dataclass(eq=False)
class Network:
    """A network of a pickle.

    Attributes:
        class_name: name of its class (PyTorch) or of the function that builds it (TensorFlow).
        attributes: `{module: {attribute: value}}`, those of `ATTRIBUTES` that are strings, numbers
            or short lists of numbers; the network itself is the module "" (TensorFlow: the
            arguments it was made with).
        arrays: `{name: np.ndarray}`, parameters and buffers, whose names are joined by dots
            (PyTorch) or slashes (TensorFlow).
    """

    class_name: str
    attributes: dict[str, dict[str, Any]]
    arrays: dict[str, Any]


def read_networks(path):
    """Reads the networks of a `.pkl` file of a reference implementation of StyleGAN2.

    Args:
        path: path of the file.

    Returns:
        The format, "pytorch" or "tensorflow", and `{"G": Network, "D": Network, "G_ema": Network}`;
        networks that the file lacks are left out.

    Raises:
        ValueError: if the file is not such a pickle, is damaged or too large, or asks for anything
            that the format does not need; nothing of it has been executed then.
    """
    return opened(path, _read)


def _read(file, size):
    check_file_size(size)
    stream = _Stream(file, size)
    program = _Program()
    loaded = program.run(stream)
    if isinstance(loaded, tuple):
        form, networks = "tensorflow", _networks_of_tuple(loaded)
    elif isinstance(loaded, dict):
        form, networks = "pytorch", _networks_of_dict(loaded)
    else:
        raise Refusal(f"holds a value of type {kind(loaded)}, not networks.")
    if not networks:
        raise Refusal("holds no networks: none of G, D and G_ema is among what it holds.")
    _load_numbers(networks, stream, program.places)
    return form, networks


# === The stream and what it holds ===


@dataclasses.dataclass(frozen=True)
class _Chunk:
    """Bytes that were passed over."""

    start: int
    length: int


class _Stream:
    """A file of which a program may read so much and no more, besides the bytes it embeds."""

    def __init__(self, file, size):
        self.file, self.size = file, size
        self.left = _MAX_PROGRAM

    def read(self, count):
        self._spend(count)
        return self.file.read(count)

    def readline(self):
        line = self.file.readline(self.left + 1)
        self._spend(len(line), moved=True)
        return line

    def skip(self, count):
        """Passes over bytes."""
        start = self.file.tell()
        if count > self.size - start:
            raise Refusal("is damaged: it ends within its numbers.")
        self.file.seek(start + count)
        return _Chunk(start, count)

    def at(self, start, count):
        """Reads bytes that were passed over."""
        self.file.seek(start)
        return self.file.read(count)

    def embedded_storage(self, chunk):
        """Reads the head of a file of `torch.save`: the storage and where its numbers are."""
        here = self.file.tell()
        self.file.seek(chunk.start)
        found = read_legacy_storage(self.file, chunk.start + chunk.length, str(chunk.start))
        self.file.seek(here)
        return found

    def _spend(self, count, moved=False):
        if not moved and count > self.size - self.file.tell():
            raise Refusal("is damaged: its pickle breaks off, or is none.")
        self.left -= count
        if self.left < 0:
            raise Refusal(
                f"has a pickle of more than {_MAX_PROGRAM} bytes besides its numbers, too much "
                "for networks."
            )


# === The program ===


@dataclasses.dataclass(eq=False)
class _Module:
    """Stands for a module of PyTorch's."""

    class_name: str
    state: dict


@dataclasses.dataclass(eq=False)
class _TFNetwork:
    """Stands for a network of TensorFlow's."""

    state: dict | None = None


@dataclasses.dataclass(eq=False)
class _DType:
    """A type of NumPy's."""

    code: str
    order: str = "|"

    @property
    def numpy(self):
        return np.dtype(f"{self.order}{self.code}")


@dataclasses.dataclass(eq=False)
class _Array:
    """An array of NumPy's: where its bytes are."""

    dtype: Any = None
    shape: tuple[int, ...] = ()
    fortran: bool = False
    chunk: Any = None


class _Set:
    """Stands for a set. It holds nothing."""


class _Program(Program):
    """Runs the pickle of networks: what `Program` knows, and inert nodes for objects.

    Attributes:
        places: `{key of a storage: position of its numbers in the file}`.
    """

    names = TensorProgram.names | {_DICT, _NETWORK, _ARRAY}

    def __init__(self):
        super().__init__()
        self.stream: Any = None
        self.places, self.embedded_storages = {}, {}
        tensors = {name: call for name, call in TensorProgram.calls.items() if name != "torch.Size"}
        self.calls = {
            **tensors,
            _PERSISTENT: _module,
            _EMBEDDED: self.embedded,
            "builtins.set": lambda items=(): _Set(),
            "__builtin__.set": lambda items=(): _Set(),
            "numpy.dtype": _dtype,
            **{
                f"numpy.{core}.multiarray.{name}": call
                for core in ("core", "_core")
                for name, call in (("scalar", _scalar), ("_reconstruct", _reconstruct))
            },
        }

    def run(self, stream):
        self.stream = stream
        return super().run(stream)

    def argument(self, instruction, stream):
        if instruction.name not in _BYTES:
            return super().argument(instruction, stream)
        length = int.from_bytes(stream.read(_BYTES[instruction.name]), "little")
        return stream.skip(length)

    @staticmethod
    def pair(pair):
        key, value = pair
        if key is not None and not isinstance(key, (str, int, float)):
            raise Refusal(f"has a key of type {kind(key)} where a name or a number belongs.")
        return key, value

    def embedded(self, chunk=None):
        """Returns the storage in bytes that `torch.save` wrote."""
        if not isinstance(chunk, _Chunk):
            raise Refusal("is damaged: a storage is made of something other than bytes.")
        key = str(chunk.start)
        if key not in self.embedded_storages:
            found, self.places[key] = self.stream.embedded_storage(chunk)
            self.embedded_storages[key] = found
        return self.embedded_storages[key]

    def new_object(self, _):
        made, arguments = self.pop_many(2)
        if not isinstance(made, Global) or made.name not in (_DICT, _NETWORK) or arguments != ():
            name = made.name if isinstance(made, Global) else kind(made)
            raise Refusal(f"makes an instance of {name}; {NOTHING_RUN}")
        self.stack.append({} if made.name == _DICT else _TFNetwork())

    def new_set(self, _):
        self.stack.append(_Set())

    def add_items(self, _):
        self.since_mark()
        self.top(_Set)

    def set_state(self, _):
        state = self.pop()
        node = self.top(dict, _Module, _TFNetwork, _DType, _Array)
        if isinstance(node, _TFNetwork):
            if not isinstance(state, dict):
                raise Refusal("is damaged: a network has no attributes.")
            node.state = state
        elif isinstance(node, _DType):
            _set_order(node, state)
        elif isinstance(node, _Array):
            _fill(node, state)

    literals = Program.literals | frozenset(_BYTES)
    actions = {
        **Program.actions,
        "NEWOBJ": new_object,
        "EMPTY_SET": new_set,
        "ADDITEMS": add_items,
        "BUILD": set_state,
    }


def _module(meta=None):
    if not isinstance(meta, dict) or not isinstance(meta.get("state"), dict):
        raise Refusal("is damaged: a module has no attributes.")
    name = meta.get("class_name")
    if meta.get("type") != "class" or not isinstance(name, str):
        raise Refusal("is damaged: a module has no class.")
    return _Module(name[:_MAX_NAME], meta["state"])


def _dtype(code=None, *_):
    if code not in _DTYPES:
        text = short(code, quoted=False) if isinstance(code, str) else kind(code)
        raise Refusal(f"has an array of type {text}, where numbers belong.")
    return _DType(code)


def _set_order(dtype, state):
    if not isinstance(state, tuple) or len(state) < 2 or state[1] not in ("<", ">", "|", "="):
        raise Refusal("is damaged: a type of numbers has no byte order.")
    if state[2:5] not in ((), (None, None, None)):
        raise Refusal("has an array of records, where numbers belong.")
    dtype.order = state[1]


def _scalar(dtype=None, chunk=None, *_):
    found = _Array()
    _fill(found, (1, (), dtype, False, chunk))
    return found


def _reconstruct(kind_of_array=None, *_):
    if kind_of_array != Global(_ARRAY):
        raise Refusal("is damaged: an array is made of something else.")
    return _Array()


def _fill(node, state):
    if not isinstance(state, tuple) or len(state) != 5:
        raise Refusal("is damaged: an array has no shape and numbers.")
    _, shape, dtype, fortran, chunk = state
    if not isinstance(dtype, _DType) or not isinstance(chunk, _Chunk):
        raise Refusal("is damaged: an array has no numbers.")
    if not isinstance(shape, tuple) or len(shape) > _MAX_RANK:
        raise Refusal("is damaged: an array has no shape.")
    if not all(type(length) is int and 0 <= length <= chunk.length for length in shape):
        raise Refusal("is damaged: an array has more numbers than bytes.")
    if math.prod(shape) * np.dtype(dtype.code).itemsize != chunk.length:
        raise Refusal("is damaged: an array has another size than its bytes.")
    node.dtype, node.shape, node.fortran, node.chunk = dtype, shape, fortran is True, chunk


# === From nodes to networks ===


def _networks_of_dict(loaded):
    return {
        name: _walked(loaded[name])
        for name in ("G", "D", "G_ema")
        if isinstance(loaded.get(name), _Module)
    }


def _networks_of_tuple(loaded):
    if len(loaded) != 3 or not all(isinstance(one, _TFNetwork) and one.state for one in loaded):
        raise Refusal(
            f"holds a tuple of {len(loaded)}, where StyleGAN2's TensorFlow implementations write "
            "three networks (G, D, Gs)."
        )
    return {name: _collected(node) for name, node in zip(("G", "D", "G_ema"), loaded, strict=True)}


def _walked(root):
    """Collects the tensors of a module and of those inside it."""
    found, todo = Network(root.class_name, {}, {}), [("", root)]
    while todo:
        path, module = todo.pop()
        prefix = f"{path}." if path else ""
        found.attributes[path] = module.state
        for group in ("_parameters", "_buffers"):
            for name, tensor in _dict(module.state.get(group)).items():
                if tensor is not None:
                    _put(found, prefix + _name(name), tensor)
        for name, inner in _dict(module.state.get("_modules")).items():
            if isinstance(inner, _Module):
                todo.append((prefix + _name(name), inner))
                _check_nesting(found, todo, prefix.count("."))
            elif inner is not None:
                raise Refusal(f"is damaged: {short(name)} is no module.")
    return found


def _collected(root):
    """Collects the variables of a network of TensorFlow and of its components."""
    function = root.state.get("build_func_name")
    found = Network(function[:_MAX_NAME] if isinstance(function, str) else "", {}, {})
    todo = [("", root)]
    while todo:
        path, node = todo.pop()
        prefix = f"{path}/" if path else ""
        if not isinstance(node, _TFNetwork) or node.state is None:
            raise Refusal("is damaged: a component is no network.")
        found.attributes[path] = _dict(node.state.get("static_kwargs"))
        variables = node.state.get("variables")
        for pair in variables if isinstance(variables, (list, tuple)) else ():
            if not isinstance(pair, (list, tuple)) or len(pair) != 2:
                raise Refusal("is damaged: a variable has no name and value.")
            _put(found, prefix + _name(pair[0]), pair[1])
        for name, inner in _dict(node.state.get("components")).items():
            todo.append((prefix + _name(name), inner))
            _check_nesting(found, todo, prefix.count("/"))
    return found


def _put(network, name, node):
    network.arrays[name] = node
    if len(network.arrays) > _MAX_TENSORS:
        raise Refusal(f"has more than {_MAX_TENSORS} tensors in one network: refused.")


def _check_nesting(network, todo, depth):
    if len(network.attributes) + len(todo) > _MAX_MODULES or depth > _MAX_DEPTH:
        raise Refusal("nests more modules than any network has: refused.")


def _dict(value):
    return value if isinstance(value, dict) else {}


def _name(name):
    if not isinstance(name, str) or len(name) > _MAX_NAME:
        raise Refusal("is damaged: a tensor or module has no name.")
    return name


def _load_numbers(networks, stream, places):
    """Puts arrays in place of the nodes of all networks, once all of them were checked."""
    nodes = {
        f"{key}: {name}": node
        for key, network in networks.items()
        for name, node in network.arrays.items()
        if not isinstance(node, (int, float))
    }
    tensors = {name: node for name, node in nodes.items() if not isinstance(node, _Array)}
    checked_tensors(tensors, stream.size)
    arrays = [node for node in nodes.values() if isinstance(node, _Array)]
    if not all(node.chunk for node in arrays):
        raise Refusal("is damaged: an array has no numbers.")
    check_claim(sum(node.chunk.length for node in arrays), stream.size)
    used = {tensor.storage.key: tensor.storage for tensor in tensors.values()}
    storages = {key: stream.at(places[key], storage.bytes) for key, storage in used.items()}
    for network in networks.values():
        network.arrays = {
            name: _loaded(node, stream, storages) for name, node in network.arrays.items()
        }
        network.attributes = {
            path: _plain(attributes, stream) for path, attributes in network.attributes.items()
        }


def _loaded(node, stream, storages):
    if isinstance(node, Tensor):
        return array(node, storages[node.storage.key], "<")
    if isinstance(node, _Array):
        numbers = np.frombuffer(stream.at(node.chunk.start, node.chunk.length), node.dtype.numpy)
        shaped = numbers.reshape(node.shape, order="F" if node.fortran else "C")
        return shaped.astype(node.dtype.code, order="C")
    return np.asarray(node, "float32")


def _plain(values, stream):
    found = {}
    for name in ATTRIBUTES:
        value: Any = values.get(name)
        if isinstance(value, _Array) and value.chunk and not value.shape:
            value = _loaded(value, stream, {}).item()
        if isinstance(value, (list, tuple)) and len(value) <= _MAX_RANK:
            value = [one for one in value if isinstance(one, (int, float))]
        if isinstance(value, (str, int, float, list)):
            found[name] = value
    return found
