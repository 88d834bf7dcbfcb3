"""The README's commands, run as written."""

import pathlib
import re
import shutil
import subprocess
import sys

import pytest

README = (pathlib.Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_two_commands():
    assert blocks("bash")[0].split("\n")[:2] == ["make demo", "make test"]


@pytest.mark.large
def test_quick_start_in_python(tmp_path):
    script = "\n".join(blocks("python"))  # all of it, in one session
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert (tmp_path / "sheet.png").exists()
    assert "generator.onnx" in done.stdout and "generator.tflite" in done.stdout


@pytest.mark.large
def test_quick_start_on_the_command_line(tmp_path):
    (commands,) = [block for block in blocks("bash") if block.startswith("keras-gans list")]
    program = shutil.which("keras-gans", path=pathlib.Path(sys.executable).parent)
    for command in commands.strip().split("\n"):
        line = command.replace("keras-gans", program, 1)
        done = subprocess.run(line, shell=True, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
    assert (tmp_path / "runs/00001-cdcgan-fashion/exported/manifest.json").exists()
