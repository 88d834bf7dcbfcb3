"""Files that were damaged, or made to do harm: what they are made by, and what reading them may do.

All of it is made from seeds, so that what a seed has found is found again.
"""

import contextlib
import copy
import json
import random
import resource
import signal
import sys
import zipfile
import zlib

import h5py
import numpy as np

SECONDS = 20  # of one reading, on a machine that does other things besides
MEBIBYTES = 600  # that one reading may take besides what there is

#: Values that no field expects, or not of that size.
VALUES = (
    None, True, -1, 0, 1.5, 2**31, 2**70, -(2**70), float("nan"), float("inf"), 1e308, "", "x",
    "\x1b]0;owned\x07", "../../etc/passwd", "/dev/zero", "a" * 5000, [], {}, [[]], [None], {"": {}},
    [0] * 100, {"__class__": "os.system"}, {"class_name": "Lambda", "config": {}},
)  # fmt: skip

#: What nothing that reads a file has to do.
_FORBIDDEN = ("os.system", "os.exec", "os.posix_spawn", "subprocess.Popen", "socket.connect")
_seen: list = []


def _watch(event, arguments):
    if event in _FORBIDDEN:
        _seen.append(event)


sys.addaudithook(_watch)


class TooLong(BaseException):
    """Reading takes longer than it may."""


def _ring(*_):
    raise TooLong


@contextlib.contextmanager
def harmless():
    """Lets a sentence through, and fails on execution, hanging, memory and other errors."""
    _seen.clear()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    handler = signal.signal(signal.SIGALRM, _ring)
    signal.alarm(SECONDS)
    try:
        yield
    except (ValueError, OSError) as error:
        assert str(error).strip(), "an error without a sentence"
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, handler)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert not _seen, f"it executed something: {_seen}"
    assert after - before < MEBIBYTES * 1024, f"it took {(after - before) // 1024} MiB"


def bytes_of(content, seed):
    """A file with some bytes turned, cut off, left out, doubled, or in another place."""
    chance, changed = random.Random(seed), bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 8, 64))):
        start = chance.randrange(len(changed) or 1)
        end = start + chance.choice((1, 4, 64, 1024))
        how = chance.randrange(6)
        if how == 0:
            changed[start : start + 1] = bytes([chance.randrange(256)])
        elif how == 1:
            changed[start:end] = chance.randbytes(end - start)
        elif how == 2:
            del changed[start:end]
        elif how == 3:
            changed[start:start] = changed[start:end]
        elif how == 4:
            changed[start:end] = bytes([chance.choice((0, 255))]) * len(changed[start:end])
        else:
            del changed[start:]
    return bytes(changed)


def json_of(value, seed):
    """The same value with some of its parts others, missing, or under other names."""
    chance, changed = random.Random(seed), json.loads(json.dumps(value))
    for _ in range(chance.choice((1, 1, 1, 3))):
        places = list(_places(changed))
        if not places:
            return copy.deepcopy(chance.choice(VALUES))
        holder, key = chance.choice(places)
        how = chance.randrange(4)
        if how == 0 and isinstance(holder, dict):
            holder[f"{key}x"] = holder.pop(key)
        elif how == 1:
            del holder[key]
        else:
            holder[key] = copy.deepcopy(chance.choice(VALUES))
    return changed


def _places(value):
    """(holder, key) of everything inside a value."""
    if isinstance(value, (dict, list)):
        keys = list(value) if isinstance(value, dict) else range(len(value))
        for key in keys:
            yield value, key
            yield from _places(value[key])


def hdf5_of(path, seed):
    """Changes one array of a file of weights into what would lead or fill anything."""
    chance = random.Random(seed)
    with h5py.File(path, "r+") as file:
        names: list = []
        file.visititems(
            lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None
        )
        name = chance.choice(names)
        shape = file[name].shape
        del file[name]
        chance.choice(HARM)(file, name, shape)


def _huge(file, name, shape):
    file.create_dataset(name, (2**34,), "f4", chunks=(2**16,), compression="gzip")


def pack_chunk(file, name, shape, size=2**26):
    """An array of a few bytes in a chunk that unpacks to as many."""
    shape = shape or (1,)
    how = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    how.set_chunk((size // 4, *(1,) * (len(shape) - 1)))
    how.set_deflate(9)
    space = h5py.h5s.create_simple(shape, (h5py.h5s.UNLIMITED,) * len(shape))
    made = h5py.h5d.create(file.id, name.encode(), h5py.h5t.IEEE_F32LE, space, how)
    made.write_direct_chunk((0,) * len(shape), zlib.compress(bytes(size), 9))


def _texts(file, name, shape):
    file.create_dataset(name, data=["x" * 2**16] * 64, dtype=h5py.string_dtype())


def _lists(file, name, shape):
    made = file.create_dataset(name, (64,), h5py.vlen_dtype("f4"))
    made[0] = np.zeros(2**16, "f4")


def _not_finite(file, name, shape):
    file[name] = np.full(shape, np.nan, "f4")


def _other_kind(file, name, shape):
    file[name] = np.zeros(shape, "c8")


def _record(file, name, shape):
    file[name] = np.zeros(shape, [("a", "f4"), ("b", "i8")])


def _link(file, name, shape):
    file[name] = h5py.ExternalLink("/etc/passwd", "/x")


def _soft_link(file, name, shape):
    file[name] = h5py.SoftLink("/")


def _loop(file, name, shape):
    file[name] = file["/"]


def _elsewhere(file, name, shape):
    file.create_dataset(name, (16,), "u1", external=[("/etc/passwd", 0, 16)])


def _attributes(file, name, shape):
    file[name] = np.zeros(shape, "f4")
    file[name].attrs["dtype"] = ["bfloat16"] * 1000


def _group(file, name, shape):
    file.create_group(f"{name}/deep" + "/deep" * 500)


def _other_shape(file, name, shape):
    file[name] = np.zeros((*shape, 2), "f4")


#: What can be in the place of an array.
HARM = (
    _huge, pack_chunk, _texts, _lists, _not_finite, _other_kind, _record, _link, _soft_link, _loop,
    _elsewhere, _attributes, _group, _other_shape,
)  # fmt: skip


def repacked(source, target, **entries):
    """Writes a .keras file anew, its checksums right, with other entries; `_` stands for dots."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            content = entries.get(name.replace(".", "_"))
            new.writestr(name, old.read(name) if content is None else content)
