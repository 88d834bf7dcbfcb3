"""PyTorch's files: what is read from them, and that nothing of them is ever run."""

import collections
import copyreg
import os
import pathlib
import pickle
import random
import struct
import tracemalloc
import warnings
import zipfile

import numpy as np
import pytest

from keras_gans.interop import torch_files
from keras_gans.interop.torch_files import read_state_dict

GOLDEN = pathlib.Path(__file__).parents[1] / "golden"
FORMATS = ["zip", "legacy"]


# === Files made without PyTorch, byte by byte ===


def text(value):
    encoded = value.encode()
    return b"X" + struct.pack("<I", len(encoded)) + encoded


def number(value):
    if -(2**31) <= value < 2**31:
        return b"J" + struct.pack("<i", value)
    encoded = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(encoded)]) + encoded


def numbers(values):
    return b"(" + b"".join(map(number, values)) + b"t"


def named(name):
    module, _, attribute = name.rpartition(".")
    return f"c{module}\n{attribute}\n".encode()


def storage(key="0", kind="torch.FloatStorage", count=4, legacy=False, view=b"N"):
    last = view if legacy else b""
    return (
        b"("
        + text("storage")
        + named(kind)
        + text(key)
        + text("cpu")
        + number(count)
        + last
        + b"tQ"
    )


def tensor(stored, size, stride, offset=0, rebuild="torch._utils._rebuild_tensor_v2"):
    arguments = stored + number(offset) + numbers(size) + numbers(stride)
    rest = b"\x89" + named("collections.OrderedDict") + b")R" if rebuild.endswith("v2") else b""
    return named(rebuild) + b"(" + arguments + rest + b"tR"


def weights(**tensors):
    """The pickle of an OrderedDict of tensors."""
    items = b"".join(text(name) + value for name, value in tensors.items())
    return b"\x80\x02" + named("collections.OrderedDict") + b")R(" + items + b"u."


def archive(path, program, storages=(), top="net", extra=(), order="little"):
    """A file of the zip format."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as file:
        file.writestr(f"{top}/data.pkl", program)
        if order:
            file.writestr(f"{top}/byteorder", order)
        for key, content in dict(storages).items():
            file.writestr(f"{top}/data/{key}", content)
        for name, content in extra:
            file.writestr(name, content)
    return path


def legacy(path, program, storages=(), magic=torch_files._LEGACY_MAGIC, protocol=1001):
    """A file of the format before 1.6; `storages` maps keys to a count and bytes."""
    storages = dict(storages)
    parts = [pickle.dumps(magic, 2), pickle.dumps(protocol, 2), pickle.dumps({}, 2), program]
    parts.append(pickle.dumps(list(storages), 2))
    parts += [struct.pack("<q", count) + content for count, content in storages.values()]
    path.write_bytes(b"".join(parts))
    return path


def save(path, state):
    """What `torch.save(state, path)` writes for a dict of float32 arrays, without PyTorch."""
    tensors, storages = {}, {}
    for key, (name, array) in enumerate(state.items()):
        array = np.ascontiguousarray(array, "<f4").reshape(np.shape(array))
        strides = [step // 4 for step in array.strides]
        tensors[name] = tensor(storage(str(key), count=array.size), array.shape, strides)
        storages[str(key)] = array.tobytes()
    return archive(path, weights(**tensors), storages)


FOUR = np.arange(4, dtype="<f4")
TWO_BY_TWO = weights(w=tensor(storage(), (2, 2), (2, 1)))


def in_format(form, path, program):
    if form == "zip":
        return archive(path, program, {"0": FOUR.tobytes()})
    return legacy(path, program, {"0": (4, FOUR.tobytes())})


@pytest.fixture
def path(tmp_path):
    return tmp_path / "latest_net_G.pth"


def refused(path, *words):
    """The message of the refusal, which must name the file."""
    with pytest.raises(ValueError) as failure:
        read_state_dict(path)
    message = str(failure.value)
    assert str(path) in message
    for word in words:
        assert word in message, message
    return message


# === What is read ===


@pytest.mark.parametrize("form", FORMATS)
def test_golden_files_of_pytorch(form):
    state = read_state_dict(GOLDEN / f"{form}.pth")
    assert list(state) == [
        "model.1.weight", "model.1.bias", "transposed", "shared.even", "shared.late",
        "bfloat16", "num_batches_tracked", "flags", "empty",
    ]  # fmt: skip
    expected = {
        "model.1.weight": np.arange(24, dtype="float32").reshape(2, 3, 2, 2) / 8,
        "model.1.bias": np.array([0.5, -1.5], "float16"),
        "transposed": np.arange(6, dtype="float64").reshape(2, 3).T,
        "shared.even": np.arange(0, 12, 2, dtype="float32"),
        "shared.late": np.arange(8, 12, dtype="float32"),
        "bfloat16": np.array([1, -2.5, 3.00405527e38], "float32"),
        "num_batches_tracked": np.array(7, "int64"),
        "flags": np.array([True, False]),
        "empty": np.empty((0, 3), "float32"),
    }
    for name, array in state.items():
        assert array.dtype == expected[name].dtype and array.shape == expected[name].shape, name
        np.testing.assert_array_equal(array, expected[name])


@pytest.mark.parametrize("form", FORMATS)
def test_arrays_are_the_callers_own(form):
    state = read_state_dict(GOLDEN / f"{form}.pth")
    state["shared.even"][:] = -1
    np.testing.assert_array_equal(state["shared.late"], [8, 9, 10, 11])


def test_big_endian_archives(path):
    archive(path, TWO_BY_TWO, {"0": FOUR.astype(">f4").tobytes()}, order="big")
    state = read_state_dict(path)
    np.testing.assert_array_equal(state["w"], FOUR.reshape(2, 2))
    assert state["w"].dtype.isnative


def test_archives_older_than_the_byte_order(path):
    archive(path, TWO_BY_TWO, {"0": FOUR.tobytes()}, order=None, top="archive")
    np.testing.assert_array_equal(read_state_dict(path)["w"], FOUR.reshape(2, 2))


def test_files_of_python_2_and_pytorch_0_3(path):
    def old(value):  # Python 2's str, in the instruction Python 3 does not write
        return b"U" + bytes([len(value)]) + value.encode()

    stored = (
        b"(" + old("storage") + named("torch.FloatStorage") + old("140") + old("cuda:0")
        + number(4) + b"NtQ"
    )  # fmt: skip
    made = tensor(stored, (2, 2), (1, 2), rebuild="torch._utils._rebuild_tensor")
    items = b"](](" + old("model.1.weight") + made + b"ee"
    program = b"\x80\x02" + named("collections.OrderedDict") + items + b"\x85R."
    legacy(path, program, {"140": (4, FOUR.tobytes())})
    np.testing.assert_array_equal(read_state_dict(path)["model.1.weight"], [[0, 2], [1, 3]])


def test_parameters_are_tensors(path):
    inner = tensor(storage(), (4,), (1,))
    hooks = named("collections.OrderedDict") + b")R"
    made = named("torch._utils._rebuild_parameter") + b"(" + inner + b"\x88" + hooks + b"tR"
    in_format("zip", path, weights(w=made))
    np.testing.assert_array_equal(read_state_dict(path)["w"], FOUR)


def test_expanded_tensors_are_written_out(path):
    in_format("zip", path, weights(w=tensor(storage(), (3, 2), (0, 2), offset=1)))
    np.testing.assert_array_equal(read_state_dict(path)["w"], [[1, 3]] * 3)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_every_pickle_protocol_since_2(path, protocol):
    names = pickle.dumps({"text": ["list", (1, 2.5, True, None), ()]}, protocol)
    archive(path, names)
    refused(path, "type list under 'text'")  # read to its end, and then no weights


TORCH_CASES = {
    "floats": lambda torch: torch.randn(2, 3, 4, 4),
    "half": lambda torch: torch.randn(5).half(),
    "bfloat16": lambda torch: torch.randn(50).bfloat16(),
    "double": lambda torch: torch.randn(5).double(),
    "integers": lambda torch: torch.arange(5),
    "scalar": lambda torch: torch.tensor(3.5),
    "bools": lambda torch: torch.tensor([True, False, True]),
    "bytes": lambda torch: torch.arange(5, dtype=torch.uint8),
    "transposed": lambda torch: torch.randn(3, 4, 5).permute(2, 0, 1),
    "slice": lambda torch: torch.randn(6, 8)[1::2, 3:],
    "expanded": lambda torch: torch.randn(4, 1).expand(4, 7),
    "channels_last": lambda torch: torch.randn(2, 3, 4, 4).to(memory_format=torch.channels_last),
    "empty": lambda torch: torch.empty(0, 4),
    "parameter": lambda torch: torch.nn.Parameter(torch.randn(3)),
}


@pytest.mark.fidelity
@pytest.mark.parametrize("case", TORCH_CASES)
@pytest.mark.parametrize("form", FORMATS)
def test_equals_pytorch(path, form, case):
    import torch

    value = TORCH_CASES[case](torch)
    state = collections.OrderedDict(value=value, again=value, base=torch.ones(2))
    torch.save(state, path, _use_new_zipfile_serialization=form == "zip")
    loaded = torch.load(path, weights_only=True)
    ours = read_state_dict(path)
    assert list(ours) == list(loaded)
    for name, expected in loaded.items():
        expected = expected.detach()
        expected = (expected.float() if case == "bfloat16" else expected).numpy()
        assert ours[name].dtype == expected.dtype and ours[name].shape == expected.shape
        np.testing.assert_array_equal(ours[name], expected)


@pytest.mark.fidelity
@pytest.mark.parametrize("protocol", [2, 4, 5])
@pytest.mark.parametrize("form", FORMATS)
def test_equals_pytorch_on_a_network(path, form, protocol):
    import torch

    net = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.ConvTranspose2d(4, 2, 4)
    )
    state = torch.nn.DataParallel(net).state_dict()
    torch.save(state, path, pickle_protocol=protocol, _use_new_zipfile_serialization=form == "zip")
    ours = read_state_dict(path)
    assert list(ours) == list(state)
    for name, expected in state.items():
        np.testing.assert_array_equal(ours[name], expected.numpy())


@pytest.mark.fidelity
@pytest.mark.parametrize("form", FORMATS)
def test_whole_network_is_refused_with_the_fix(path, form):
    import torch

    net = torch.nn.Sequential(torch.nn.Conv2d(1, 1, 1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about its source code
        torch.save(net, path, _use_new_zipfile_serialization=form == "zip")
    refused(path, "a whole network", "torch.save(net.state_dict(), path)", "nothing was run")


def test_whole_network_of_a_class_unknown_here(path):
    program = (
        b"\x80\x02" + named("models.networks.Unet") + b")\x81}" + text("torch.nn.modules") + b"."
    )
    archive(path, program)
    refused(path, "models.networks.Unet", "a whole network", "net.state_dict()")


# === What is not a state_dict ===


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"epoch": 3}, ["type int under 'epoch'", "torch.save(net.state_dict(), path)"]),
        ({"state_dict": {}}, ["type dict under 'state_dict'"]),
        ([1], ["type list, not weights"]),
        (7, ["type int, not weights"]),
        ({1: 2}, ["type int where the name of a tensor belongs"]),
        ({(1, 2): 2}, ["type tuple where the name"]),
    ],
)
@pytest.mark.parametrize("form", FORMATS)
def test_other_content_is_named(path, form, value, words):
    in_format(form, path, pickle.dumps(value, 2))
    refused(path, *words)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", ["It is empty"]),
        (b"<!DOCTYPE html><html>", ["begins with b'<!DOCTYPE html>"]),
        (b"version https://git-lfs.github.com/spec/v1\n", ["git-lfs"]),
        (pickle.dumps({"w": 1}, 2), ["not PyTorch's"]),
        (pickle.dumps([[1, 2]] * 3, 4), ["not PyTorch's"]),
        (pickle.dumps((1,), 0), ["not a PyTorch checkpoint"]),
        (b"\x80\x02", ["damaged"]),
        (b"PK\x03\x04 and no more", ["damaged"]),
        (b"\x00" * 5000, ["not a PyTorch checkpoint"]),
    ],
)
def test_other_files_are_named(path, content, words):
    path.write_bytes(content)
    refused(path, *words)


def test_no_file_and_no_plain_file(tmp_path):
    refused(tmp_path / "absent.pth", "is not a file")
    refused(tmp_path, "is not a file")
    os.mkfifo(tmp_path / "pipe.pth")
    refused(tmp_path / "pipe.pth", "is not a file")  # and does not wait for a writer


def test_legacy_magic_and_protocol(path):
    legacy(path, TWO_BY_TWO, {"0": (4, FOUR.tobytes())}, magic=7)
    refused(path, "not PyTorch's")
    legacy(path, TWO_BY_TWO, {"0": (4, FOUR.tobytes())}, protocol=1002)
    refused(path, "protocol")


def test_torchscript_is_named(path):
    archive(path, TWO_BY_TWO, {"0": FOUR.tobytes()}, extra=[("net/constants.pkl", b"")])
    refused(path, "TorchScript", "net.state_dict()")


# === Damage ===


@pytest.mark.parametrize("form", FORMATS)
def test_cut_anywhere(path, form):
    whole = (GOLDEN / f"{form}.pth").read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match="latest_net_G.pth"):
            read_state_dict(path)


@pytest.mark.filterwarnings("ignore:invalid escape sequence")
@pytest.mark.parametrize("form", FORMATS)
def test_changed_anywhere(path, form):
    """Numbers may change; anything worse is a ValueError, and takes no memory to find."""
    whole = (GOLDEN / f"{form}.pth").read_bytes()
    generator = random.Random(0)
    outcomes = collections.Counter()
    tracemalloc.start()
    for position in range(0, len(whole), 4 if form == "zip" else 2):  # much of it is padding
        changed = bytearray(whole)
        changed[position] ^= generator.randrange(1, 256)
        path.write_bytes(changed)
        try:
            read_state_dict(path)
            outcomes["read"] += 1
        except ValueError as error:
            assert str(path) in str(error)
            outcomes["refused"] += 1
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert outcomes["read"] and outcomes["refused"]
    assert peak < 2**28


@pytest.mark.parametrize("form", FORMATS)
def test_storage_of_another_length(path, form):
    program = weights(w=tensor(storage(count=5), (5,), (1,)))
    in_format(form, path, program)
    refused(path, "is damaged", "storage '0'")


def test_storages_that_are_not_those_of_the_tensors(path):
    archive(path, TWO_BY_TWO)
    refused(path, "lacks the numbers of storage '0'")
    legacy(path, TWO_BY_TWO, {"1": (4, FOUR.tobytes())})
    refused(path, "not those of its tensors")
    legacy(path, TWO_BY_TWO, {"0": (-1, FOUR.tobytes())})
    refused(path, "another length")


def test_storage_described_in_two_ways(path):
    program = weights(
        w=tensor(storage(count=4), (4,), (1,)),
        v=tensor(storage(kind="torch.DoubleStorage", count=2), (2,), (1,)),
    )
    in_format("zip", path, program)
    refused(path, "in two ways")


def test_views_of_views_of_old_files(path):
    view = b"(" + text("1") + number(0) + number(2) + b"t"
    program = weights(w=tensor(storage(legacy=True, view=view), (2,), (1,)))
    legacy(path, program, {"0": (4, FOUR.tobytes())})
    refused(path, "views of views", "save its state_dict() again")


# === Tensors that lie about themselves ===


@pytest.mark.parametrize(
    ("size", "stride", "offset", "words"),
    [
        ((5,), (1,), 0, "reaches beyond the 4 numbers"),
        ((4,), (1,), 1, "reaches beyond"),
        ((2, 2), (3, 1), 0, "reaches beyond"),
        ((), (), 4, "reaches beyond"),
        ((2,), (2**30,), 0, "reaches beyond"),
        ((2,), (2**62,), 0, "not a whole number"),
        ((4,), (-1,), 3, "not a whole number"),
        ((4,), (1,), -1, "not a whole number"),
        ((-4,), (1,), 0, "not a whole number"),
        ((2**40,), (0,), 0, "not a whole number"),
        ((2**20, 2**20, 2**10), (0, 0, 0), 0, "more than"),
        ((0, 2**30, 2**30, 2**30), (0, 0, 0, 0), 0, "more than"),
        ((2**16, 2**12), (0, 0), 0, "tensors claim 1073741824"),
        ((2, 2), (2,), 0, "2 sizes and 1 strides"),
        ((1,) * 33, (1,) * 33, 0, "33 sizes"),
    ],
)
@pytest.mark.parametrize("form", FORMATS)
def test_never_outside_the_storage(path, form, size, stride, offset, words):
    in_format(form, path, weights(w=tensor(storage(), size, stride, offset)))
    tracemalloc.start()
    refused(path, words)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**26


def test_many_tensors_together_are_bounded(path):
    one = tensor(storage(), (2**20,), (0,))
    in_format("zip", path, weights(**{f"w{index}": one for index in range(1000)}))
    refused(path, "its tensors claim")


def test_stride_of_an_axis_of_one_is_free(path):
    in_format("zip", path, weights(w=tensor(storage(), (1, 4), (2**31, 1))))
    np.testing.assert_array_equal(read_state_dict(path)["w"], FOUR[None])


@pytest.mark.parametrize("bad", [b"\x88", b"N", text("4"), b"G" + struct.pack(">d", 4.0), b"]"])
def test_sizes_that_are_no_numbers(path, bad):
    made = (
        named("torch._utils._rebuild_tensor") + b"(" + storage() + number(0)
        + b"(" + bad + b"t" + numbers((1,)) + b"tR"
    )  # fmt: skip
    in_format("zip", path, weights(w=made))
    refused(path, "not a whole number")


# === Archives that lie about themselves ===


def test_compressed_bomb_is_not_opened(path):
    archive(path, weights(w=tensor(storage(count=2**24), (2**24,), (1,))))
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as file:
        file.writestr("net/data/0", bytes(2**26))
    assert path.stat().st_size < 2**20
    tracemalloc.start()
    refused(path, "compressed entry, 'net/data/0'")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**22


def test_two_entries_of_one_name(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        archive(path, TWO_BY_TWO, {"0": FOUR.tobytes()}, extra=[("net/data/0", bytes(16))])
    refused(path, "two entries of one name")


@pytest.mark.parametrize(
    "name", ["../evil", "/etc/evil", "net/../../evil", "other/data.pkl", "evil"]
)
def test_entries_outside_the_folder(path, name):
    archive(path, TWO_BY_TWO, {"0": FOUR.tobytes()}, extra=[(name, b"x")])
    refused(path, "not one of PyTorch's")


def test_keys_that_leave_the_archive_are_only_names(path):
    outside = path.with_name("secret")
    outside.write_bytes(FOUR.tobytes())
    key = f"../../{outside}"
    archive(path, weights(w=tensor(storage(key), (4,), (1,))))
    refused(path, "lacks the numbers of storage")


def test_no_data_pkl(path):
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("net/readme", b"hello")
    refused(path, "without a data.pkl")


def lying(path, change):
    """An archive whose directory is changed before it is written."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as file:
        file.writestr("net/data.pkl", TWO_BY_TWO)
        file.writestr("net/data/0", FOUR.tobytes())
        change(*file.filelist)
    return path


def test_directories_that_lie(path):
    def huge(program, numbers):
        numbers.file_size = numbers.compress_size = 2**40

    def overlapping(program, numbers):
        numbers.header_offset = program.header_offset
        numbers.file_size = numbers.compress_size = 300

    def encrypted(program, numbers):
        program.flag_bits |= 1

    def far(program, numbers):
        program.header_offset = 2**33

    refused(lying(path, huge), "claim more bytes than it has")
    for change in (overlapping, encrypted, far):
        refused(lying(path, change))
    assert read_state_dict(lying(path, lambda *_: None))["w"].shape == (2, 2)


def test_byte_order_of_neither_kind(path):
    archive(path, TWO_BY_TWO, {"0": FOUR.tobytes()}, order="middle")
    refused(path, "byte order is 'middle'")


def test_pickle_too_large_for_weights(path, monkeypatch):
    monkeypatch.setattr(torch_files, "_MAX_PICKLE", 50)
    in_format("zip", path, TWO_BY_TWO)
    refused(path, "more than 50 bytes")
    in_format("legacy", path, TWO_BY_TWO)
    refused(path, "damaged")


def test_file_too_large(path, monkeypatch):
    monkeypatch.setattr(torch_files, "_MAX_FILE", 50)
    in_format("zip", path, TWO_BY_TWO)
    refused(path, "more than 50 are not read")


# === Programs that want more ===


class Reduces:
    """Pickles as a call of what it is given."""

    def __init__(self, *call):
        self.call = call

    def __reduce__(self):
        return self.call


def short(value):
    return b"\x8c" + bytes([len(value)]) + value.encode()


def call(name, *arguments):
    return named(name) + b"(" + b"".join(arguments) + b"tR"


EXTENSION = 240  # of copyreg's codes for private use


def hostile(marker):
    """Programs that make the file `marker` wherever Python's unpickler runs them."""
    command = f"touch {marker}"
    shell, python = text(command), text(f"open({str(marker)!r}, 'w').close()")
    run = call("os.system", shell)
    commands = b"](" + shell + b"e"
    whole = pickle.dumps(Reduces(os.system, (command,)), 2)
    got = call("builtins.getattr", call("importlib.import_module", text("os")), text("system"))
    bodies = {
        "reduce": run,
        "eval": call("builtins.eval", python),
        "exec, as in Python 2": call("__builtin__.exec", python),
        "stack_global": short("os") + short("system") + b"\x93" + shell + b"\x85R",
        "dotted name": short("pathlib") + short("os.system") + b"\x93" + shell + b"\x85R",
        "inst": b"(" + shell + b"ios\nsystem\n",
        "obj": b"(" + named("os.system") + shell + b"o",
        "newobj": named("builtins.list")
        + named("builtins.map") + named("os.system") + commands + b"\x86\x81" + b"\x85R",
        "newobj_ex": named("builtins.list")
        + named("builtins.map") + named("os.system") + commands + b"\x86}\x92" + b"\x85R",
        "extension": b"\x82" + bytes([EXTENSION]) + shell + b"\x85R",
        "copyreg": call(
            "builtins.list",
            call("copyreg.__newobj__", named("builtins.map"), named("os.system"), commands),
        ),
        "another unpickler": call("_pickle.loads", b"B" + struct.pack("<I", len(whole)) + whole),
        "attribute of a module": got + shell + b"\x85R",
        "setstate": call("functools.partial", named("builtins.len"))
        + b"(" + named("os.system") + shell + b"\x85}Ntb" + b")R",
        "among weights": named("collections.OrderedDict") + b")R(" + text("w") + run + b"u",
        "as a key": b"}" + run + b"Ns",
        "as state": named("collections.OrderedDict") + b")R}" + text("x") + run + b"sb",
        "before weights": run + b"0" + weights()[2:-1],
    }  # fmt: skip
    programs = {
        name: (b"\x80\x02" if "Python 2" in name else b"\x80\x04") + body + b"."
        for name, body in bodies.items()
    }
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        programs[f"protocol {protocol}"] = pickle.dumps(Reduces(os.system, (command,)), protocol)
    return programs


@pytest.fixture
def extension():
    """os.system in copyreg's registry, and in the cache that bypasses `find_class`."""
    copyreg.add_extension("posix", "system", EXTENSION)
    pickle.loads(b"\x80\x02\x82" + bytes([EXTENSION]) + b".")
    yield
    copyreg.remove_extension("posix", "system", EXTENSION)
    copyreg._extension_cache.clear()


@pytest.mark.skipif(os.name != "posix", reason="the programs call a POSIX shell")
@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("name", hostile("unused"))
def test_nothing_is_run(path, tmp_path, extension, form, name):
    marker = tmp_path / "marker"
    program = hostile(marker)[name].replace(b"cos\n", b"cposix\n")
    in_format(form, path, program)
    refused(path, "nothing was run")
    assert not marker.exists()
    pickle.loads(program)  # would have: the test could fail
    assert marker.exists()


@pytest.mark.parametrize(
    ("program", "words"),
    [
        (call("os.system", text("ls")), "asks for os.system;"),
        (named("builtins.eval"), "asks for builtins.eval;"),
        (short("posix") + short("system") + b"\x93", "asks for posix.system;"),
        (b"(ios\nsystem\n", "asks for os.system;"),
        (b"(icollections\nOrderedDict\n", "makes an instance of collections.OrderedDict"),
        (b"\x82\x01", "instruction EXT1"),
        (b"\x83\x01\x00", "instruction EXT2"),
        (b"\x84\x01\x00\x00\x00", "instruction EXT4"),
        (b"(" + named("torch.Size") + b"o", "instruction OBJ"),
        (named("torch.Size") + b")\x81", "instruction NEWOBJ"),
        (b"Pstorage\n", "instruction PERSID"),
        (b"\x97", "instruction NEXT_BUFFER"),
        (named("torch.FloatStorage") + b")R", "calls torch.FloatStorage"),
        (named("torch._utils._rebuild_sparse_tensor"), "torch._utils._rebuild_sparse_tensor"),
        (b"(" + text("module") + text("x") + b"NNNtQ", "other than numbers"),
        (named("os\x1b[2J.system"), r"asks for os\x1b[2J.system"),
    ],
)
def test_refusals_name_what_was_asked(path, program, words):
    in_format("zip", path, b"\x80\x02" + program + b".")
    assert "\x1b" not in refused(path, words, "nothing was run")


def test_our_own_functions_cannot_be_changed(path):
    """BUILD sets attributes of what is below it, so the names must not stand for functions."""
    before = torch_files._rebuild_tensor.__defaults__
    state = b"N}" + text("__defaults__") + b"Ns\x86b"
    in_format("zip", path, b"\x80\x02" + named("torch._utils._rebuild_tensor") + state + b".")
    refused(path, "needs a dict")
    assert torch_files._rebuild_tensor.__defaults__ == before


@pytest.mark.parametrize("name", ["torch.Size", "collections.OrderedDict"])
def test_a_few_bytes_do_not_copy_much(path, name):
    pair = b"(" + text("a") + b"K\x01\x86" if name.endswith("Dict") else b"(K\x01"
    item = pair[1:]
    listed = b"](" + item * 40_000 + b"eq\x00"
    in_format("zip", path, b"\x80\x02" + listed + (named(name) + b"h\x00\x85R") * 3 + b".")
    refused(path, "copies more than 100000 items", "nothing was run")


def test_state_of_a_dict_is_dropped(path):
    state = b"}(" + text("__class__") + b"N" + text("items") + b"Nub"
    program = weights(w=tensor(storage(), (4,), (1,)))[:-1] + state + b"."
    in_format("zip", path, program)
    loaded = read_state_dict(path)
    assert type(loaded) is dict and list(loaded) == ["w"]


@pytest.mark.parametrize(
    "body",
    [
        b"}" + b")" + b"\x85" * 2**17 + b"Ns",  # hashing it overflows the C stack
        b"})" + b"q\x00h\x00\x86" * 100 + b"Ns",  # hashing it takes 2**100 steps
        b"]" * 2**17,
        b"(" * 2**17,
        b"Nr\xff\xff\xff\x7f",  # Python's memo would take 32 GB
        b"\x8e" + struct.pack("<Q", 2**62) + b"x",
        b"\x8d" + struct.pack("<Q", 2**62) + b"x",
        b"\x96" + struct.pack("<Q", 2**62) + b"x",
        b"X" + struct.pack("<I", 2**32 - 1) + b"x",
        b"\x8b" + struct.pack("<i", 2**31 - 1) + b"x",
        b"\x8b" + struct.pack("<i", -1),
        b"\x95" + struct.pack("<Q", 2**63) + b"N",
        b"I" + b"9" * 2**20 + b"\n",
        b"h\x07",
        b"0",
        b"R",
        b"b",
        b"a",
        b"e",
        b"u",
        b"s",
        b"t",
        b"Q",
        b"}(Nu",
        b"\xff",
        b"]Nb",
        b"](]K\x01aeK\x01\x85R",
        named("torch.Size") + b"K\x01\x85R",
        named("collections.OrderedDict") + b"K\x01\x85R",
        named("collections.OrderedDict") + b"](K\x01K\x02e\x85R",
        named("torch._utils._rebuild_parameter") + b"N\x85R",
        named("torch._utils._rebuild_tensor_v2") + b"NNNN(tR",
        b"(" + text("storage") + b"NNNNtQ",
        b"(" + text("storage") + named("torch.Size") + text("0") + b"NK\x01tQ",
    ],
    ids=lambda body: repr(body[:24]),
)
@pytest.mark.parametrize("form", FORMATS)
def test_broken_and_boundless_programs(path, form, body):
    in_format(form, path, b"\x80\x02" + body + b".")
    tracemalloc.start()
    refused(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**28


def test_long_names_do_not_flood_the_message(path):
    in_format("zip", path, b"\x80\x02}" + text("n" * 10**6) + b"Ns.")
    assert len(refused(path, "under 'nnn")) < 1000


@pytest.mark.parametrize("seed", range(4))
def test_random_programs(path, seed):
    """Instructions in any order end in a ValueError or a dict of arrays."""
    generator = random.Random(seed)
    pieces = [
        text("w"), text("storage"), number(2), b"N", b"\x88", b"(", b")", b"]", b"}", b"t", b"\x85",
        b"\x86", b"\x87", b"R", b"b", b"s", b"u", b"a", b"e", b"q\x00", b"h\x00", b"Q", b"\x94",
        b"\x93", named("collections.OrderedDict"), named("torch.Size"), storage(),
        tensor(storage(), (4,), (1,)), named("torch.FloatStorage"), b"K\x01", b"0", b"2",
    ]  # fmt: skip
    for _ in range(300):
        body = b"".join(generator.choices(pieces, k=generator.randrange(1, 12)))
        in_format("zip", path, b"\x80\x02" + body + b".")
        try:
            state = read_state_dict(path)
        except ValueError:
            continue
        assert all(isinstance(array, np.ndarray) for array in state.values())
