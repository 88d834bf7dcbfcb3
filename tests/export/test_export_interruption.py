"""Exports that are killed, or run out of disk: the old one or none, and no litter."""

import contextlib
import os
import pathlib
import random
import resource
import shutil
import signal
import subprocess
import sys
import textwrap

import pytest
from typer.testing import CliRunner

from keras_gans import export
from keras_gans.cli import app
from keras_gans.export import export_api
from keras_gans.utils import files, locks

VICTIM = textwrap.dedent("""
    import fnmatch, os, signal, sys, threading, time

    target, pattern, count, delay = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
    from export_models import tiny
    from keras_gans import export

    model, seen = tiny("dcgan"), 0

    def kill():
        os.kill(os.getpid(), signal.SIGKILL)

    def hook(event, arguments):
        global seen
        if pattern == "*" or (
            event in ("open", "os.rename") and fnmatch.fnmatch(f"{event} {arguments[0]}", pattern)
        ):
            seen += 1
            if seen == count:
                threading.Timer(delay, kill).start() if delay else kill()

    sys.addaudithook(hook)
    export.export(model, target, overwrite=True)
    print(seen)
    time.sleep(2 * delay)
""")
TESTS = pathlib.Path(__file__).parent


def exported_until(target, pattern="*", count=0, delay=0.0):
    """Exports in a process that kills itself some seconds after the n-th event of a pattern.

    Returns:
        (exit status, what it printed: the number of events, where it was not killed)
    """
    path = os.pathsep.join([str(TESTS), str(TESTS.parent), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", VICTIM, str(target), pattern, str(count), str(delay)],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    return done.returncode, done.stdout


def check_whole(target):
    export.Manifest.read(target).verify(target)


def formats_at(target):
    return [file.format for file in export.Manifest.read(target).files]


# === What comes to the place meanwhile ===


@pytest.mark.parametrize("overwrite", [False, True])
def test_what_comes_to_an_exports_place_is_kept(model, tmp_path, monkeypatch, overwrite):
    target, ship = tmp_path / "out", export_api._ship

    def shipped(*arguments):
        target.mkdir()
        (target / "mine.txt").write_text("mine")
        return ship(*arguments)

    monkeypatch.setattr(export_api, "_ship", shipped)
    with pytest.raises(FileExistsError, match="out (exists|is not an export)"):
        export.export(model, target, formats="onnx", overwrite=overwrite)
    assert os.listdir(target) == ["mine.txt"] and os.listdir(tmp_path) == ["out"]


def test_what_comes_to_a_files_place_is_kept(model, tmp_path, monkeypatch):
    target, ship = tmp_path / "a.onnx", export_api._ship

    def shipped(*arguments):
        target.write_text("mine")
        return ship(*arguments)

    monkeypatch.setattr(export_api, "_ship", shipped)
    with pytest.raises(FileExistsError, match="a.onnx exists"):
        export.export_sampling_network(model, target, "onnx")
    assert target.read_text() == "mine" and os.listdir(tmp_path) == ["a.onnx"]


# === Killed ===


@pytest.mark.parametrize(
    ("pattern", "old_stays"),
    [
        ("open *.out.partial-*/manifest.json", True),  # all is written but this
        ("os.rename *.out.partial-*", False),  # the old is out of the way, the new not in place
    ],
)
def test_killed_at_a_certain_moment(model, tmp_path, pattern, old_stays):
    target = tmp_path / "out"
    export.export(model, target, formats="onnx")
    status, _ = exported_until(target, pattern, count=1)
    assert status == -signal.SIGKILL
    assert target.exists() == old_stays
    assert [path.name for path in tmp_path.iterdir() if path != target]
    with contextlib.suppress(RuntimeError), files.staged(target):
        raise RuntimeError  # an export that fails brings back what the killed one took away
    assert formats_at(target) == ["onnx"]
    check_whole(target)
    assert os.listdir(tmp_path) == ["out"]


@pytest.mark.large
def test_killed_at_any_moment(model, tmp_path):
    target, chance = tmp_path / "out", random.Random(0)
    status, events = exported_until(target)
    assert status == 0
    for turn in range(14):
        shutil.rmtree(target, ignore_errors=True)
        if turn % 2:
            export.export(model, target, formats="onnx", overwrite=True)
        # Events are Python's; the delay reaches into what converters do between them.
        moment, delay = chance.randint(1, int(events)), chance.choice((0.0, chance.uniform(0, 0.3)))
        status, _ = exported_until(target, count=moment, delay=delay)
        assert status == -signal.SIGKILL
        whole = target if target.exists() else None
        for path in tmp_path.glob(".out.partial-*/replaced"):
            whole = whole or path
        if turn % 2:
            assert whole, "neither the old export nor the new one is there"
        if whole:
            check_whole(whole)
    export.export(model, target, formats="onnx", overwrite=True)
    assert os.listdir(tmp_path) == ["out"]
    check_whole(target)


def test_what_the_living_use_is_left_alone(tmp_path):
    target = tmp_path / "out"
    with files.staged(target) as first:
        first.write_text("first")
        with files.staged(target) as second:
            assert first.read_text() == "first"
            second.write_text("second")
        assert target.read_text() == "second"
    assert target.read_text() == "first"
    assert os.listdir(tmp_path) == ["out"]


def test_workspaces_of_other_targets_are_left_alone(tmp_path):
    for name in (".output.partial-12", ".o[u]t.partial-12", ".out.partial-12"):
        (tmp_path / name).mkdir()
    with files.staged(tmp_path / "out") as path:
        path.write_text("")
    assert sorted(os.listdir(tmp_path)) == [".o[u]t.partial-12", ".output.partial-12", "out"]
    with files.staged(tmp_path / "o[u]t") as path:
        path.write_text("")
    assert sorted(os.listdir(tmp_path)) == [".output.partial-12", "o[u]t", "out"]


def test_where_folders_cannot_be_locked_nothing_is_removed(tmp_path, monkeypatch):
    def refused(*arguments):
        raise OSError("no locks here")

    monkeypatch.setattr(locks.fcntl, "flock", refused)
    (tmp_path / ".out.partial-12").mkdir()
    with files.staged(tmp_path / "out") as path:
        path.write_text("")
    assert sorted(os.listdir(tmp_path)) == [".out.partial-12", "out"]


# === No room, no right ===


@contextlib.contextmanager
def mounted(path, options):
    path.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", path], check=False)
    if done.returncode:
        pytest.skip("disks cannot be mounted here")
    try:
        yield path
    finally:
        subprocess.run(["umount", path], check=True)


@contextlib.contextmanager
def limited(size):
    """No file may grow beyond `size` bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture(params=["disk", "files"])
def little_room(request, tmp_path):
    """(folder, a context in which there is too little room for an export in it)"""
    if request.param == "files":
        yield tmp_path, limited(2048)
        return
    if not shutil.which("mount") or os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    with mounted(tmp_path / "disk", "size=48k") as folder:
        yield folder, limit_of_disk(folder)


@contextlib.contextmanager
def limit_of_disk(folder):
    (folder / "ballast").write_bytes(bytes(20 * 1024))
    yield
    (folder / "ballast").unlink()


@pytest.mark.parametrize("format", export.formats())
def test_a_full_disk_keeps_the_old_export(model, little_room, format):
    folder, full = little_room
    export.export(model, folder / "out", formats="onnx")
    before = (folder / "out" / "manifest.json").read_bytes()
    with full, pytest.raises(OSError) as caught:
        export.export(model, folder / "out", formats=format, overwrite=True)
    assert str(caught.value).startswith(f"Cannot write to {folder}: ")
    assert str(caught.value).endswith("hoose another place.")
    assert os.listdir(folder) == ["out"]
    assert (folder / "out" / "manifest.json").read_bytes() == before
    check_whole(folder / "out")


def test_a_full_disk_is_one_sentence_on_the_command_line(model, little_room):
    folder, full = little_room
    file = folder.parent / "model.keras"
    model.save(file)
    with full:
        result = CliRunner().invoke(app, ["export", str(file), "--output", str(folder / "out")])
    assert result.exit_code == 2
    (line,) = result.output.strip().splitlines()
    assert line.startswith("Error: Cannot write to ")
    assert not (folder / "out").exists() and not list(folder.glob(".out*"))


def test_a_place_that_cannot_be_written_to(model, tmp_path):
    if os.geteuid() != 0:
        folder = tmp_path / "folder"
        folder.mkdir(mode=0o555)
        refuse_export(model, folder)
        return
    with mounted(tmp_path / "disk", "size=48k") as folder:
        subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
        refuse_export(model, folder)


def refuse_export(model, folder):
    with pytest.raises(OSError, match=f"Cannot write to {folder}: .*Choose another place."):
        export.export(model, folder / "out", formats="onnx")
    assert os.listdir(folder) == []
