"""Reads the weights in PyTorch's files, with NumPy alone and without running what is in them.

`torch.save(net.state_dict(), path)` writes a pickle, a program for rebuilding objects, with the
numbers beside it: in a zip archive since PyTorch 1.6, one after the other in a single file before.
Python's unpickler runs that program. Two precautions make it harmless to read a stranger's file:

    the program     is read by `keras_gans.interop.pickles.Program`, which knows the few
                    instructions that a dict of tensors needs and refuses everything else by name.
    the numbers     are copied only after every tensor has been found to lie inside the bytes that
                    are there, and all of them together to be no larger than the file warrants.
"""

import dataclasses
import io
import math
import pathlib
import zipfile

import numpy as np

from keras_gans.interop.pickles import NOTHING_RUN, Global, Program, Refusal, kind, short

_GIB = 2**30
_MAX_FILE = 4 * _GIB
_MAX_PICKLE = 4 * 2**20  # 5,000 tensors need less than one MiB
_MAX_RANK = 32
_MAX_DEPTH = 4  # of dicts within dicts
_BETWEEN = "\0"  # a part and a name, in neither of which it occurs
# Tensors may share and repeat storage, so they can be larger than the file. By this much:
_SLACK, _MAX_REPEATS = 64 * 2**20, 16

_ZIP_MAGIC = b"PK\x03\x04"
_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_START = b"\x80\x02\x8a\n" + _LEGACY_MAGIC.to_bytes(10, "little") + b"."
_LEGACY_PROTOCOL = 1001
_MAX_STORAGE_HEAD = 4096  # bytes before the numbers of one storage

_SAVE_WEIGHTS = "Expected what `torch.save(net.state_dict(), path)` writes."

# Storage class -> how NumPy reads one element. NumPy has no bfloat16: float32's upper half.
_BFLOAT16 = "bfloat16"
_STORAGES = {
    "torch.FloatStorage": "f4",
    "torch.HalfStorage": "f2",
    "torch.DoubleStorage": "f8",
    "torch.BFloat16Storage": _BFLOAT16,
    "torch.LongStorage": "i8",
    "torch.IntStorage": "i4",
    "torch.ShortStorage": "i2",
    "torch.CharStorage": "i1",
    "torch.ByteStorage": "u1",
    "torch.BoolStorage": "?",
    "torch.storage.UntypedStorage": "u1",
}


def read_state_dict(path):
    """The tensors of a file that `torch.save(net.state_dict(), path)` wrote.

    Args:
        path: of the file, usually `*.pth`, of any PyTorch since 0.1.10.

    Returns:
        `{name: np.ndarray}` in the file's order. Dtypes are the file's, except bfloat16, which
        becomes float32. No array shares memory with another.

    Raises:
        ValueError: if it is not such a file, is damaged, or asks for anything beyond weights;
            nothing of it has been run then.
    """
    return opened(path, lambda file, size: _read(file, size, TensorProgram, lambda loaded: loaded))


def read_checkpoint(path, parts):
    """Reads some of the state dicts of a file that `torch.save({"g": g.state_dict()}, path)` wrote.

    The rest of the file (optimizers, the arguments of a program) is skipped.

    Args:
        path: path of the file.
        parts: keys of the outer dict whose state dicts are read.

    Returns:
        `{"part.name": np.ndarray}`. Tensors that lie in the outer dict itself keep their names.

    Raises:
        ValueError: like `read_state_dict`.
    """
    return opened(
        path,
        lambda file, size: _read(
            file, size, _CheckpointProgram, lambda loaded: _tensors_of(loaded, parts)
        ),
    )


def read_parts(path):
    """Reads all state dicts of a file, however programs have nested them.

    Args:
        path: path of the file.

    Returns:
        `{part: {"name": array}}`: parts are the keys that lead to a dict of tensors, joined by a
        point, "" for tensors that lie in the outermost dict. What is no tensor is left out.

    Raises:
        ValueError: like `read_state_dict`.
    """
    found = opened(path, lambda file, size: _read(file, size, _CheckpointProgram, _flattened))
    parts: dict[str, dict[str, np.ndarray]] = {}
    for key, tensor in found.items():
        part, _, name = key.partition(_BETWEEN)
        parts.setdefault(part, {})[name] = tensor
    return parts


def opened(path, read):
    """Returns `read(file, size)`, with every failure as a ValueError that names the file.

    Args:
        path: path of the file.
        read: function of an open binary file and its size.

    Raises:
        ValueError: if the file cannot be read.
    """
    path = pathlib.Path(path)
    try:
        if not path.is_file():
            raise Refusal("is not a file.")
        with path.open("rb") as file:
            return read(file, path.stat().st_size)
    except Refusal as refusal:
        raise ValueError(f"{path} {refusal}") from None
    except Exception as error:  # damage can make zipfile, pickletools and NumPy fail in any way
        reason = f"{type(error).__name__}: {error}"[:300]
        raise ValueError(
            f"{path} cannot be read as a PyTorch checkpoint; it seems damaged ({reason})."
        ) from error


def check_file_size(size):
    """Refuses files that are too large to be read."""
    if size > _MAX_FILE:
        raise Refusal(f"has {size} bytes; more than {_MAX_FILE} are not read.")


def check_claim(total, size):
    """Refuses tensors that are, `total` bytes together, much larger than their file."""
    if total > min(_MAX_FILE, _SLACK + _MAX_REPEATS * size):
        raise Refusal(f"has {size} bytes, and its tensors claim {total}: refused.")


def is_legacy(start):
    """Whether the first bytes of a file are those of PyTorch's format before 1.6."""
    return start.startswith(_LEGACY_START)


def _read(file, size, program, select):
    """The arrays of the tensors that `select` takes from what the file holds."""
    check_file_size(size)
    start = file.read(32)
    file.seek(0)
    if start.startswith(_ZIP_MAGIC):
        return _read_zip(file, size, program(), select)
    if start.startswith(b"\x80"):  # every pickle of protocol 2 or later
        return _read_legacy(file, size, program(), select)
    found = f"It begins with {start!r}" if start else "It is empty"
    raise Refusal(f"is not a PyTorch checkpoint. {found}. {_SAVE_WEIGHTS}")


def _tensors_of(loaded, parts):
    if not isinstance(loaded, dict):
        raise Refusal(f"holds a value of type {kind(loaded)}, not weights. {_SAVE_WEIGHTS}")
    found = {name: value for name, value in loaded.items() if isinstance(value, Tensor)}
    for part in parts:
        inner = loaded.get(part)
        for name, value in inner.items() if isinstance(inner, dict) else ():
            if not isinstance(name, str):
                raise Refusal(f"has a key of type {kind(name)} where the name of a tensor belongs.")
            found[f"{part}.{name}"] = value
    if not all(isinstance(name, str) for name in found):
        raise Refusal("has tensors by no names.")
    return found


def _flattened(loaded, part="", depth=0):
    """Tensors of nested dicts by the keys that lead to them, and by their names."""
    if not isinstance(loaded, dict):
        raise Refusal(f"holds a value of type {kind(loaded)}, not weights. {_SAVE_WEIGHTS}")
    found = {}
    for name, value in loaded.items():
        if not isinstance(name, str):
            continue  # the states of optimizers, by number
        if isinstance(value, Tensor):
            found[f"{part}{_BETWEEN}{name}"] = value
        elif isinstance(value, dict) and depth < _MAX_DEPTH:
            found.update(_flattened(value, f"{part}.{name}" if part else name, depth + 1))
    return found


# === The two formats ===


def _read_zip(file, size, program, select):
    with zipfile.ZipFile(file) as archive:
        top, entries = _checked_entries(archive, size)
        stream = io.BytesIO(archive.read(entries[f"{top}/data.pkl"]))
        tensors = checked_tensors(select(program.run(stream)), size)
        order = entries.get(f"{top}/byteorder")
        order = "little" if order is None else archive.read(order).decode("ascii")
        if order not in ("little", "big"):
            raise Refusal(f"is damaged: its byte order is {order[:20]!r}.")

        def stored(storage):
            entry = entries.get(f"{top}/data/{storage.key}")
            if entry is None:
                raise Refusal(f"is damaged: it lacks the numbers of storage {storage}.")
            if entry.file_size != storage.bytes:
                raise Refusal(
                    f"is damaged: storage {storage} takes {storage.bytes} bytes, and "
                    f"{entry.file_size} are there."
                )
            return archive.read(entry)

        storages = {storage.key: stored(storage) for storage in _storages_of(tensors).values()}
    return _arrays(tensors, storages, "<" if order == "little" else ">")


def _checked_entries(archive, size):
    """Name of the folder all entries lie in, and the entries by name."""
    entries = {entry.filename: entry for entry in archive.infolist()}
    if len(entries) < len(archive.infolist()):
        raise Refusal("has two entries of one name, which PyTorch never writes: refused.")
    tops = {name.partition("/")[0] for name in entries}
    if len(tops) != 1 or any(".." in name.split("/")[1:] for name in entries):
        raise Refusal(
            "is a zip archive, but not one of PyTorch's, whose entries lie in one folder. "
            f"{_SAVE_WEIGHTS}"
        )
    (top,) = tops
    if f"{top}/constants.pkl" in entries:
        raise Refusal(f"is a TorchScript program (torch.jit.save), not weights. {_SAVE_WEIGHTS}")
    if f"{top}/data.pkl" not in entries:
        raise Refusal(f"is a zip archive without a data.pkl. {_SAVE_WEIGHTS}")
    for name, entry in entries.items():
        if entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != entry.file_size:
            raise Refusal(
                f"has a compressed entry, {short(name)}, and PyTorch compresses nothing: refused."
            )
    # Stored entries that do not overlap cannot be larger than the file.
    if sum(entry.file_size for entry in entries.values()) > size:
        raise Refusal("is damaged: its entries claim more bytes than it has.")
    if entries[f"{top}/data.pkl"].file_size > _MAX_PICKLE:
        raise Refusal(f"has a data.pkl of more than {_MAX_PICKLE} bytes, too much for weights.")
    return top, entries


def _read_legacy(file, size, program, select):
    head = io.BytesIO(file.read(_MAX_PICKLE))
    _check_legacy_head(head)
    tensors = checked_tensors(select(program.run(head)), size)
    keys = TensorProgram().run(head)
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise Refusal("is damaged: the list of its storages is none.")
    if len(keys) != len(program.storages) or set(keys) != set(program.storages):
        raise Refusal("is damaged: its storages are not those of its tensors.")
    file.seek(head.tell())
    used = _storages_of(tensors)
    storages = {}
    for key in keys:
        storage = program.storages[key]
        _check_legacy_count(file, size, storage)
        if key in used:
            storages[key] = file.read(storage.bytes)
        else:
            file.seek(storage.bytes, io.SEEK_CUR)
    return _arrays(tensors, storages, "<")


def _check_legacy_head(head):
    """Reads what every file of the format begins with."""
    magic = TensorProgram().run(head)
    if not isinstance(magic, int) or magic != _LEGACY_MAGIC:
        raise Refusal(f"is a pickle, but not PyTorch's. {_SAVE_WEIGHTS}")
    protocol = TensorProgram().run(head)
    if not isinstance(protocol, int) or protocol != _LEGACY_PROTOCOL:
        raise Refusal(f"has another protocol than {_LEGACY_PROTOCOL}, the only one there was.")
    TensorProgram().run(head)  # about the machine; the numbers are little-endian whatever it was


def _check_legacy_count(file, size, storage):
    count = file.read(8)
    if len(count) < 8 or size - file.tell() < storage.bytes:
        raise Refusal(f"is damaged: it ends before the numbers of storage {storage}.")
    if int.from_bytes(count, "little", signed=True) != storage.count:
        raise Refusal(f"is damaged: storage {storage} has another length than its tensors say.")


def read_legacy_storage(file, end, key):
    """Reads what `torch.save` of a single storage wrote, the form in which pickles embed numbers.

    Args:
        file: file, at the first byte.
        end: position behind the last byte.
        key: name for the storage.

    Returns:
        The `Storage`, and the position of its numbers in the file.
    """
    start = file.tell()
    head = io.BytesIO(file.read(min(_MAX_STORAGE_HEAD, end - start)))
    _check_legacy_head(head)
    storage = TensorProgram().run(head)
    keys = TensorProgram().run(head)
    if not isinstance(storage, Storage) or keys != [storage.key]:
        raise Refusal("is damaged: it holds something other than numbers where a storage belongs.")
    file.seek(start + head.tell())
    _check_legacy_count(file, end, storage)
    return dataclasses.replace(storage, key=key), file.tell()


# === The program ===


@dataclasses.dataclass(frozen=True)
class Storage:
    """A run of numbers that tensors are views of."""

    key: str
    dtype: str
    count: int

    @property
    def itemsize(self):
        return 2 if self.dtype == _BFLOAT16 else np.dtype(self.dtype).itemsize

    @property
    def bytes(self):
        return self.count * self.itemsize

    def __str__(self):
        return short(self.key)


@dataclasses.dataclass(frozen=True)
class Tensor:
    """A view of a storage. Nothing says yet that it lies inside."""

    storage: Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]

    @property
    def count(self):
        return math.prod(self.size)


def _storage(identity):
    if not isinstance(identity, tuple) or len(identity) not in (5, 6) or identity[0] != "storage":
        raise Refusal(f"refers to something other than numbers; {NOTHING_RUN}")
    _, kind, key, _, count, *view = identity
    if not isinstance(kind, Global) or kind.name not in _STORAGES or not isinstance(key, str):
        raise Refusal("is damaged: it describes a storage by no type or no key.")
    if view not in ([], [None]):
        raise Refusal(
            "keeps tensors as views of views, as PyTorch did before 0.4. Load it with PyTorch "
            "and save its state_dict() again."
        )
    return Storage(key, _STORAGES[kind.name], _whole(count))


def _rebuild_tensor(storage, offset, size, stride, *_):
    if not isinstance(storage, Storage) or not all(isinstance(v, tuple) for v in (size, stride)):
        raise Refusal("is damaged: a tensor lacks storage, size or stride.")
    if len(size) != len(stride) or len(size) > _MAX_RANK:
        raise Refusal(f"is damaged: a tensor has {len(size)} sizes and {len(stride)} strides.")
    size, stride = tuple(map(_whole, size)), tuple(map(_whole, stride))
    return Tensor(storage, _whole(offset), size, stride)


def _rebuild_parameter(tensor, *_):
    if not isinstance(tensor, Tensor):
        raise Refusal("is damaged: a parameter holds no tensor.")
    return tensor


def _ordered_dict(items=()):
    """An OrderedDict; Python 2 gives it its items as a list of pairs."""
    if not isinstance(items, (list, tuple)) or not all(
        isinstance(pair, (list, tuple)) and len(pair) == 2 for pair in items
    ):
        raise Refusal("is damaged: a dict is made of something other than pairs.")
    return dict(map(Program.pair, items))


def _size(sizes=()):
    return tuple(map(_whole, sizes))


class TensorProgram(Program):
    """Runs the pickle of a dict of tensors.

    Attributes:
        storages: `{key: storage}` of all that the pickle refers to.
    """

    names = frozenset(_STORAGES)
    calls = {
        "collections.OrderedDict": _ordered_dict,
        "torch._utils._rebuild_tensor": _rebuild_tensor,
        "torch._utils._rebuild_tensor_v2": _rebuild_tensor,
        "torch._utils._rebuild_parameter": _rebuild_parameter,
        "torch.Size": _size,
    }

    def __init__(self):
        super().__init__()
        self.storages = {}

    def persistent(self, _):
        storage = _storage(self.pop())
        if self.storages.setdefault(storage.key, storage) != storage:
            raise Refusal(f"is damaged: it describes storage {storage} in two ways.")
        self.stack.append(storage)

    actions = {**Program.actions, "BINPERSID": persistent}

    def run(self, stream):
        start = stream.tell()
        try:
            return super().run(stream)
        except Refusal as refusal:
            # Every network has modules of PyTorch's own inside, and no weights name them.
            if b"torch.nn.modules" not in stream.getvalue()[start:]:
                raise
            raise Refusal(
                f"holds a whole network, which only running its code could rebuild: it {refusal} "
                "Where that code is, save the weights: `torch.save(net.state_dict(), path)`."
            ) from None


class _Inert:
    """Stands for an object of a program. It holds nothing."""


class _CheckpointProgram(TensorProgram):
    """Runs the pickle of nested dicts, with optimizers and a program's arguments among them."""

    names = TensorProgram.names | {"argparse.Namespace"}

    @staticmethod
    def pair(pair):
        key, value = pair
        if not isinstance(key, (str, int)):
            raise Refusal(f"has a key of type {kind(key)} where a name or a number belongs.")
        return key, value

    def new_object(self, _):
        made, arguments = self.pop_many(2)
        if made != Global("argparse.Namespace") or arguments != ():
            name = made.name if isinstance(made, Global) else kind(made)
            raise Refusal(f"makes an instance of {name}; {NOTHING_RUN}")
        self.stack.append(_Inert())

    def set_state(self, _):
        self.pop()
        self.top(dict, _Inert)

    actions = {**TensorProgram.actions, "NEWOBJ": new_object, "BUILD": set_state}


def _whole(number):
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number <= _MAX_FILE:
        raise Refusal(
            f"is damaged: a size, stride or offset is not a whole number from 0 to {_MAX_FILE}."
        )
    return number


# === The numbers ===


def checked_tensors(loaded, size):
    """`{name: Tensor}`, each inside its storage, all together of reasonable size."""
    if not isinstance(loaded, dict):
        raise Refusal(f"holds a value of type {kind(loaded)}, not weights. {_SAVE_WEIGHTS}")
    total = 0
    for name, tensor in loaded.items():
        if not isinstance(tensor, Tensor):
            raise Refusal(
                f"holds a value of type {kind(tensor)} under {short(name)}, where a tensor "
                f"belongs. {_SAVE_WEIGHTS}"
            )
        _check_inside(name, tensor)
        total += tensor.count * max(tensor.storage.itemsize, 4)
    check_claim(total, size)
    return loaded


def _check_inside(name, tensor):
    # A tensor without elements still has a shape, which NumPy must be able to hold.
    if math.prod(max(length, 1) for length in tensor.size) > _MAX_FILE:
        raise Refusal(f"is damaged: {short(name)} has more than {_MAX_FILE} elements.")
    steps = (
        (length - 1) * stride for length, stride in zip(tensor.size, tensor.stride, strict=True)
    )
    if tensor.count and tensor.offset + sum(steps) >= tensor.storage.count:
        raise Refusal(
            f"is damaged: {short(name)} reaches beyond the {tensor.storage.count} numbers of "
            f"its storage {tensor.storage}."
        )


def _storages_of(tensors):
    storages: dict[str, np.ndarray] = {}
    for tensor in tensors.values():
        known = storages.setdefault(tensor.storage.key, tensor.storage)
        if known != tensor.storage:
            raise Refusal(f"is damaged: it describes storage {known} in two ways.")
    return storages


def _arrays(tensors, storages, order):
    return {
        name: array(tensor, storages[tensor.storage.key], order) for name, tensor in tensors.items()
    }


def array(tensor, numbers, order):
    """A copy of a tensor that `checked_tensors` has checked.

    Args:
        tensor: tensor to copy.
        numbers: bytes of its storage.
        order: "<" or ">", the order of the bytes.
    """
    dtype = tensor.storage.dtype
    raw = np.dtype({_BFLOAT16: "u2", "?": "u1"}.get(dtype, dtype)).newbyteorder(order)
    if not tensor.count:
        view = np.empty(tensor.size, raw)
    else:
        # The stride of an axis of length one is never taken, and may be anything.
        steps = zip(tensor.size, tensor.stride, strict=True)
        strides = [raw.itemsize * stride if length > 1 else 0 for length, stride in steps]
        # This constructor, unlike `as_strided`, refuses to leave the buffer.
        view = np.ndarray(tensor.size, raw, numbers, tensor.offset * raw.itemsize, strides)
    if dtype == _BFLOAT16:
        return (view.astype("u4") << 16).view("f4")
    if dtype == "?":
        return view != 0
    return np.array(view, raw.newbyteorder("="), order="C")
