"""Reads the weights in PyTorch's files, with NumPy alone and without running what is in them.

`torch.save(net.state_dict(), path)` writes a pickle, a program for rebuilding objects, with the
numbers beside it: in a zip archive since PyTorch 1.6, one after the other in a single file before.
Python's unpickler runs that program. Two precautions make it harmless to read a stranger's file:

    the program     is read by `_Program`, which knows the few instructions that a dict of tensors
                    needs. It looks nothing up, calls nothing of the file's choosing and sets no
                    attribute; everything else is refused by name.
    the numbers     are copied only after every tensor has been found to lie inside the bytes that
                    are there, and all of them together to be no larger than the file warrants.

`_Program` is not a subclass of `pickle.Unpickler`, because an allow-list in `find_class` is not
enough. The C unpickler hashes nested tuples until the stack overflows (a file of a megabyte kills
the process) or for ever, grows its memo to any index a file names (32 GB from ten bytes), lets
BUILD set attributes of the very functions the list allows, and takes objects that somebody else's
unpickling left in copyreg's extension cache without asking `find_class`.
"""

import dataclasses
import io
import math
import pathlib
import pickletools
import zipfile
from collections.abc import Callable

import numpy as np

_GIB = 2**30
_MAX_FILE = 4 * _GIB
_MAX_PICKLE = 4 * 2**20  # 5,000 tensors need less than one MiB
_MAX_RANK = 32
_MAX_ITEMS = 100_000  # of all dicts made from lists, which a few bytes can repeat
# Tensors may share and repeat storage, so they can be larger than the file. By this much:
_SLACK, _MAX_REPEATS = 64 * 2**20, 16

_ZIP_MAGIC = b"PK\x03\x04"
_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_PROTOCOL = 1001

_NOTHING_RUN = "a checkpoint of weights needs nothing of the kind: refused, nothing was run."
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


class _Refusal(Exception):
    """Why a file is not read: what follows its path in the message."""


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
    path = pathlib.Path(path)
    try:
        if not path.is_file():
            raise _Refusal("is not a file.")
        with path.open("rb") as file:
            return _read(file, path.stat().st_size)
    except _Refusal as refusal:
        raise ValueError(f"{path} {refusal}") from None
    except Exception as error:  # damage can make zipfile, pickletools and NumPy fail in any way
        reason = f"{type(error).__name__}: {error}"[:300]
        raise ValueError(
            f"{path} cannot be read as a PyTorch checkpoint; it seems damaged ({reason})."
        ) from error


def _read(file, size):
    if size > _MAX_FILE:
        raise _Refusal(f"has {size} bytes; more than {_MAX_FILE} are not read.")
    start = file.read(32)
    file.seek(0)
    if start.startswith(_ZIP_MAGIC):
        return _read_zip(file, size)
    if start.startswith(b"\x80"):  # every pickle of protocol 2 or later
        return _read_legacy(file, size)
    found = f"It begins with {start!r}" if start else "It is empty"
    raise _Refusal(f"is not a PyTorch checkpoint. {found}. {_SAVE_WEIGHTS}")


# === The two formats ===


def _read_zip(file, size):
    with zipfile.ZipFile(file) as archive:
        top, entries = _checked_entries(archive, size)
        program = io.BytesIO(archive.read(entries[f"{top}/data.pkl"]))
        tensors = _checked_tensors(_Program().run(program), size)
        order = entries.get(f"{top}/byteorder")
        order = "little" if order is None else archive.read(order).decode("ascii")
        if order not in ("little", "big"):
            raise _Refusal(f"is damaged: its byte order is {order[:20]!r}.")

        def stored(storage):
            entry = entries.get(f"{top}/data/{storage.key}")
            if entry is None:
                raise _Refusal(f"is damaged: it lacks the numbers of storage {storage}.")
            if entry.file_size != storage.bytes:
                raise _Refusal(
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
        raise _Refusal("has two entries of one name, which PyTorch never writes: refused.")
    tops = {name.partition("/")[0] for name in entries}
    if len(tops) != 1 or any(".." in name.split("/")[1:] for name in entries):
        raise _Refusal(
            "is a zip archive, but not one of PyTorch's, whose entries lie in one folder. "
            f"{_SAVE_WEIGHTS}"
        )
    (top,) = tops
    if f"{top}/constants.pkl" in entries:
        raise _Refusal(f"is a TorchScript program (torch.jit.save), not weights. {_SAVE_WEIGHTS}")
    if f"{top}/data.pkl" not in entries:
        raise _Refusal(f"is a zip archive without a data.pkl. {_SAVE_WEIGHTS}")
    for name, entry in entries.items():
        if entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != entry.file_size:
            raise _Refusal(
                f"has a compressed entry, {_short(name)}, and PyTorch compresses nothing: refused."
            )
    # Stored entries that do not overlap cannot be larger than the file.
    if sum(entry.file_size for entry in entries.values()) > size:
        raise _Refusal("is damaged: its entries claim more bytes than it has.")
    if entries[f"{top}/data.pkl"].file_size > _MAX_PICKLE:
        raise _Refusal(f"has a data.pkl of more than {_MAX_PICKLE} bytes, too much for weights.")
    return top, entries


def _read_legacy(file, size):
    head = io.BytesIO(file.read(_MAX_PICKLE))
    magic = _Program().run(head)
    if not isinstance(magic, int) or magic != _LEGACY_MAGIC:
        raise _Refusal(f"is a pickle, but not PyTorch's. {_SAVE_WEIGHTS}")
    protocol = _Program().run(head)
    if not isinstance(protocol, int) or protocol != _LEGACY_PROTOCOL:
        raise _Refusal(f"has another protocol than {_LEGACY_PROTOCOL}, the only one there was.")
    _Program().run(head)  # about the machine; the numbers are little-endian whatever it was
    tensors = _checked_tensors(_Program().run(head), size)
    keys = _Program().run(head)
    named = _storages_of(tensors)
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise _Refusal("is damaged: the list of its storages is none.")
    if len(keys) != len(named) or set(keys) != set(named):
        raise _Refusal("is damaged: its storages are not those of its tensors.")
    file.seek(head.tell())
    return _arrays(tensors, {key: _legacy_numbers(file, size, named[key]) for key in keys}, "<")


def _legacy_numbers(file, size, storage):
    count = file.read(8)
    if len(count) < 8 or size - file.tell() < storage.bytes:
        raise _Refusal(f"is damaged: it ends before the numbers of storage {storage}.")
    if int.from_bytes(count, "little", signed=True) != storage.count:
        raise _Refusal(f"is damaged: storage {storage} has another length than its tensors say.")
    return file.read(storage.bytes)


# === The program ===


@dataclasses.dataclass(frozen=True)
class _Global:
    """Stands for a name of PyTorch's. It holds the name and nothing else."""

    name: str


@dataclasses.dataclass(frozen=True)
class _Storage:
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
        return _short(self.key)


@dataclasses.dataclass(frozen=True)
class _Tensor:
    """A view of a storage. Nothing says yet that it lies inside."""

    storage: _Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]

    @property
    def count(self):
        return math.prod(self.size)


class _Program:
    """Runs the pickle of a dict of tensors: strings, numbers, lists, dicts, tensors, no more.

    Keys of dicts must be strings, names must be in `_STORAGES` or `_CALLS`, and the state that
    BUILD would give an object (a state_dict's `_metadata`) is dropped.
    """

    def __init__(self):
        self.stack, self.marks, self.memo = [], [], {}
        self.copied = 0

    def run(self, stream):
        """Result of the pickle at the stream's position, which moves behind it."""
        start = stream.tell()
        try:
            while self.step(stream) != "STOP":
                pass
        except _Refusal as refusal:
            # Every network has modules of PyTorch's own inside, and no weights name them.
            if b"torch.nn.modules" not in stream.getvalue()[start:]:
                raise
            raise _Refusal(
                f"holds a whole network, which only running its code could rebuild: it {refusal} "
                "Where that code is, save the weights: `torch.save(net.state_dict(), path)`."
            ) from None
        return self.pop()

    def step(self, stream):
        """Takes one instruction and returns its name."""
        code = stream.read(1)
        if code not in _INSTRUCTIONS:
            raise _Refusal("is damaged: its pickle breaks off, or is none.")
        instruction = _INSTRUCTIONS[code]
        name = instruction.name
        if name not in _ACTIONS and name not in _LITERALS and name not in _IGNORED:
            raise _Refusal(f"uses the pickle instruction {name}; {_NOTHING_RUN}")
        argument = instruction.arg.reader(stream) if instruction.arg else None
        if name in _LITERALS:
            self.stack.append(argument)
        elif name in _ACTIONS:
            _ACTIONS[name](self, argument)
        return name

    def pop(self):
        if not self.stack:
            raise _Refusal("is damaged: its pickle takes what it has not put.")
        return self.stack.pop()

    def pop_many(self, count):
        return tuple(reversed([self.pop() for _ in range(count)]))

    def top(self, kind):
        if not self.stack or not isinstance(self.stack[-1], kind):
            raise _Refusal(f"is damaged: its pickle needs a {kind.__name__} where none is.")
        return self.stack[-1]

    def since_mark(self):
        if not self.marks:
            raise _Refusal("is damaged: its pickle lacks a mark.")
        start = self.marks.pop()
        items = self.stack[start:]
        del self.stack[start:]
        return items

    def mark(self, _):
        self.marks.append(len(self.stack))

    def remember(self, index):
        if self.stack:
            self.memo[len(self.memo) if index is None else index] = self.stack[-1]

    def recall(self, index):
        if index not in self.memo:
            raise _Refusal("is damaged: its pickle recalls what it has not kept.")
        self.stack.append(self.memo[index])

    def append(self, _):
        value = self.pop()
        self.top(list).append(value)

    def extend(self, _):
        values = self.since_mark()
        self.top(list).extend(values)

    def set_item(self, _):
        pair = self.pop_many(2)
        self.top(dict).update([_pair(pair)])

    def set_items(self, _):
        flat = self.since_mark()
        pairs = zip(flat[::2], flat[1::2], strict=True)
        self.top(dict).update(_pair(pair) for pair in pairs)

    def name(self, argument):
        self.stack.append(_allowed(argument.replace(" ", ".", 1)))

    def name_from_stack(self, _):
        names = self.pop_many(2)
        if not all(isinstance(part, str) for part in names):
            raise _Refusal("is damaged: its pickle names something by no name.")
        self.stack.append(_allowed(".".join(names)))

    def instance(self, argument):
        found = _allowed(argument.replace(" ", ".", 1))
        raise _Refusal(f"makes an instance of {found.name}; {_NOTHING_RUN}")

    def call(self, _):
        called, arguments = self.pop_many(2)
        if not isinstance(arguments, tuple) or not isinstance(called, _Global):
            raise _Refusal("is damaged: its pickle calls what cannot be called.")
        if called.name not in _CALLS:
            raise _Refusal(f"calls {called.name}; {_NOTHING_RUN}")
        self.copied += sum(len(one) for one in arguments if isinstance(one, (list, tuple)))
        if self.copied > _MAX_ITEMS:
            raise _Refusal(f"copies more than {_MAX_ITEMS} items; {_NOTHING_RUN}")
        self.stack.append(_CALLS[called.name](*arguments))

    def set_state(self, _):
        self.pop()
        self.top(dict)

    def persistent(self, _):
        self.stack.append(_storage(self.pop()))


_INSTRUCTIONS = {opcode.code.encode("latin-1"): opcode for opcode in pickletools.opcodes}
_IGNORED = frozenset({"PROTO", "FRAME", "STOP"})
# The last two are how Python 2 writes strings.
_LITERALS = frozenset(
    "BININT BININT1 BININT2 LONG1 BINFLOAT BINUNICODE SHORT_BINUNICODE "
    "BINSTRING SHORT_BINSTRING".split()
)
_ACTIONS = {
    "NONE": lambda program, _: program.stack.append(None),
    "NEWTRUE": lambda program, _: program.stack.append(True),
    "NEWFALSE": lambda program, _: program.stack.append(False),
    "EMPTY_TUPLE": lambda program, _: program.stack.append(()),
    "EMPTY_LIST": lambda program, _: program.stack.append([]),
    "EMPTY_DICT": lambda program, _: program.stack.append({}),
    "TUPLE": lambda program, _: program.stack.append(tuple(program.since_mark())),
    "TUPLE1": lambda program, _: program.stack.append(program.pop_many(1)),
    "TUPLE2": lambda program, _: program.stack.append(program.pop_many(2)),
    "TUPLE3": lambda program, _: program.stack.append(program.pop_many(3)),
    "MARK": _Program.mark,
    "BINPUT": _Program.remember,
    "LONG_BINPUT": _Program.remember,
    "MEMOIZE": _Program.remember,
    "BINGET": _Program.recall,
    "LONG_BINGET": _Program.recall,
    "APPEND": _Program.append,
    "APPENDS": _Program.extend,
    "SETITEM": _Program.set_item,
    "SETITEMS": _Program.set_items,
    "GLOBAL": _Program.name,
    "STACK_GLOBAL": _Program.name_from_stack,
    "INST": _Program.instance,
    "REDUCE": _Program.call,
    "BUILD": _Program.set_state,
    "BINPERSID": _Program.persistent,
}


def _allowed(name):
    if name not in _STORAGES and name not in _CALLS:
        raise _Refusal(f"asks for {_short(name, quoted=False)}; {_NOTHING_RUN}")
    return _Global(name)


def _pair(pair):
    key, value = pair
    if not isinstance(key, str):
        raise _Refusal(f"has a key of type {_kind(key)} where the name of a tensor belongs.")
    return key, value


def _storage(identity):
    if not isinstance(identity, tuple) or len(identity) not in (5, 6) or identity[0] != "storage":
        raise _Refusal(f"refers to something other than numbers; {_NOTHING_RUN}")
    _, kind, key, _, count, *view = identity
    if not isinstance(kind, _Global) or kind.name not in _STORAGES or not isinstance(key, str):
        raise _Refusal("is damaged: it describes a storage by no type or no key.")
    if view not in ([], [None]):
        raise _Refusal(
            "keeps tensors as views of views, as PyTorch did before 0.4. Load it with PyTorch "
            "and save its state_dict() again."
        )
    return _Storage(key, _STORAGES[kind.name], _whole(count))


def _rebuild_tensor(storage, offset, size, stride, *_):
    if not isinstance(storage, _Storage) or not all(isinstance(v, tuple) for v in (size, stride)):
        raise _Refusal("is damaged: a tensor lacks storage, size or stride.")
    if len(size) != len(stride) or len(size) > _MAX_RANK:
        raise _Refusal(f"is damaged: a tensor has {len(size)} sizes and {len(stride)} strides.")
    size, stride = tuple(map(_whole, size)), tuple(map(_whole, stride))
    return _Tensor(storage, _whole(offset), size, stride)


def _rebuild_parameter(tensor, *_):
    if not isinstance(tensor, _Tensor):
        raise _Refusal("is damaged: a parameter holds no tensor.")
    return tensor


def _ordered_dict(items=()):
    """An OrderedDict; Python 2 gives it its items as a list of pairs."""
    if not isinstance(items, (list, tuple)) or not all(
        isinstance(pair, (list, tuple)) and len(pair) == 2 for pair in items
    ):
        raise _Refusal("is damaged: a dict is made of something other than pairs.")
    return dict(map(_pair, items))


def _size(sizes=()):
    return tuple(map(_whole, sizes))


_CALLS: dict[str, Callable] = {
    "collections.OrderedDict": _ordered_dict,
    "torch._utils._rebuild_tensor": _rebuild_tensor,
    "torch._utils._rebuild_tensor_v2": _rebuild_tensor,
    "torch._utils._rebuild_parameter": _rebuild_parameter,
    "torch.Size": _size,
}


def _whole(number):
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number <= _MAX_FILE:
        raise _Refusal(
            f"is damaged: a size, stride or offset is not a whole number from 0 to {_MAX_FILE}."
        )
    return number


def _kind(value):
    return type(value).__name__.strip("_")


def _short(name, quoted=True):
    """The name for a message: of bounded length, and nothing in it a terminal would obey."""
    text = repr(name[:200])
    return text if quoted else text[1:-1]


# === The numbers ===


def _checked_tensors(loaded, size):
    """`{name: _Tensor}`, each inside its storage, all together of reasonable size."""
    if not isinstance(loaded, dict):
        raise _Refusal(f"holds a value of type {_kind(loaded)}, not weights. {_SAVE_WEIGHTS}")
    total = 0
    for name, tensor in loaded.items():
        if not isinstance(tensor, _Tensor):
            raise _Refusal(
                f"holds a value of type {_kind(tensor)} under {_short(name)}, where a tensor "
                f"belongs. {_SAVE_WEIGHTS}"
            )
        _check_inside(name, tensor)
        total += tensor.count * max(tensor.storage.itemsize, 4)
    if total > min(_MAX_FILE, _SLACK + _MAX_REPEATS * size):
        raise _Refusal(f"has {size} bytes, and its tensors claim {total}: refused.")
    return loaded


def _check_inside(name, tensor):
    # A tensor without elements still has a shape, which NumPy must be able to hold.
    if math.prod(max(length, 1) for length in tensor.size) > _MAX_FILE:
        raise _Refusal(f"is damaged: {_short(name)} has more than {_MAX_FILE} elements.")
    steps = (
        (length - 1) * stride for length, stride in zip(tensor.size, tensor.stride, strict=True)
    )
    if tensor.count and tensor.offset + sum(steps) >= tensor.storage.count:
        raise _Refusal(
            f"is damaged: {_short(name)} reaches beyond the {tensor.storage.count} numbers of "
            f"its storage {tensor.storage}."
        )


def _storages_of(tensors):
    storages: dict[str, np.ndarray] = {}
    for tensor in tensors.values():
        known = storages.setdefault(tensor.storage.key, tensor.storage)
        if known != tensor.storage:
            raise _Refusal(f"is damaged: it describes storage {known} in two ways.")
    return storages


def _arrays(tensors, storages, order):
    return {
        name: _array(tensor, storages[tensor.storage.key], order)
        for name, tensor in tensors.items()
    }


def _array(tensor, numbers, order):
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
