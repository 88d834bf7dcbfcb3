"""What the command says of files that are damaged, and that its terminal obeys none of them."""

import json
import signal
import struct
import warnings
import zipfile
import zlib

import hostile
import pytest
import tensorflow as tf
import typer
from fabrication import tiny
from typer.testing import CliRunner

from keras_gans import zoo
from keras_gans.cli import app, common
from keras_gans.utils.files import locked

runner = CliRunner(env={"COLUMNS": "200", "TERM": "dumb"})


def call(*arguments):
    return runner.invoke(app, [str(argument) for argument in arguments])


@pytest.mark.parametrize(
    "error",
    [
        KeyError("sha256"), AttributeError("no"), IndexError("7"), AssertionError(), EOFError(),
        struct.error("unpack"), zlib.error("-3"), RecursionError("deep"),
    ],
    ids=lambda error: type(error).__name__,
)  # fmt: skip
def test_what_no_reader_foresaw_is_a_sentence(tmp_path, monkeypatch, error):
    def load(path):
        raise error

    monkeypatch.setattr(zoo, "load", load)
    path = tmp_path / "a.keras"
    result = call("export", path, "--output", tmp_path / "out")
    kind = type(error).__name__
    said = " ".join(result.output.split())
    wanted = f"Error: {path} cannot be used; it seems damaged ({kind}). --debug shows where."
    assert result.exit_code == 2 and said == wanted
    if not isinstance(error, EOFError):  # which ends a command whose input was closed
        assert type(call("export", path, "--debug").exception) is type(error)


@pytest.mark.parametrize(
    "error", [MemoryError(), tf.errors.ResourceExhaustedError(None, None, "OOM")]
)
def test_too_little_memory_is_a_sentence(tmp_path, monkeypatch, error):
    def load(path):
        raise error

    monkeypatch.setattr(zoo, "load", load)
    result = call("export", tmp_path / "a.keras", "--output", tmp_path / "out")
    kind = type(error).__name__
    assert result.exit_code == 2
    assert f"a.keras cannot be used; it takes more memory than there is ({kind})" in result.output


def test_names_in_a_file_are_not_obeyed(tmp_path):
    tiny("gan").save(tmp_path / "a.keras")
    with zipfile.ZipFile(tmp_path / "a.keras") as archive:
        config = json.loads(archive.read("config.json"))
    config["config"]["\x1b]0;owned\x07"] = 1
    hostile.repacked(tmp_path / "a.keras", tmp_path / "b.keras", config_json=json.dumps(config))
    result = call("export", tmp_path / "b.keras", "--output", tmp_path / "out")
    assert result.exit_code == 2 and "\\x1b]0;owned\\x07" in result.output
    assert "\x1b" not in result.output and "\x07" not in result.output


def test_who_is_in_a_run_is_told_without_being_obeyed(tmp_path, capsys):
    with locked(tmp_path):
        (tmp_path / "lock").write_text("\x1b]0;owned\x07")
        with pytest.raises(typer.Exit), common.one_sentence(False), locked(tmp_path):
            pass
    said = capsys.readouterr().err
    assert "in use by \\x1b]0;owned" in said and "\x1b]" not in said


def test_warnings_are_sentences(capsys):
    with common.one_sentence(False):
        warnings.warn("a.png is left out\x1b[2J", stacklevel=1)
    said = capsys.readouterr().err
    assert said == "Warning: a.png is left out\\x1b[2J\n"


def test_ctrl_c_while_tensorflow_loads_is_no_traceback(monkeypatch, capsys):
    def interrupted():
        raise KeyboardInterrupt

    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(common, "_load_tensorflow", interrupted)
    try:
        with pytest.raises(typer.Exit) as stopped:
            common.load_tensorflow()
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN  # nor is the second one
    finally:
        signal.signal(signal.SIGINT, before)
    assert stopped.value.exit_code == 130 and "Stopped." in capsys.readouterr().err


def test_a_sheet_that_came_to_be_meanwhile_is_kept(tmp_path, monkeypatch):
    from keras_gans.images import grids

    draw, sheet = grids.samples, tmp_path / "sheet.png"

    def samples(*args, **kwargs):
        sheet.write_text("mine")
        return draw(*args, **kwargs)

    monkeypatch.setattr(grids, "samples", samples)
    result = call("sample", "dcgan_fashion", "--count", 1, "--output", sheet)
    assert result.exit_code == 2 and "was made while this was being written" in result.output
    assert sheet.read_text() == "mine"
