"""The README's commands, run as written."""

import pathlib
import re
import shutil
import subprocess
import sys

import pytest
from PIL import Image

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


def run_block(beginning, folder):
    """Runs the commands of the block that begins so."""
    (commands,) = [block for block in blocks("bash") if block.startswith(beginning)]
    program = shutil.which("keras-gans", path=pathlib.Path(sys.executable).parent)
    for command in commands.strip().split("\n"):
        line = command.replace("keras-gans", program, 1)
        done = subprocess.run(line, shell=True, cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"


@pytest.mark.large
def test_quick_start_on_the_command_line(tmp_path):
    run_block("keras-gans list", tmp_path)
    assert (tmp_path / "runs/00001-cdcgan-fashion/exported/manifest.json").exists()


@pytest.mark.large
def test_pretrained_entries_on_the_command_line(tmp_path):
    Image.new("RGB", (64, 64), "white").save(tmp_path / "drawing.png")
    run_block("keras-gans sample cdcgan_fashion", tmp_path)
    assert (tmp_path / "bags.png").exists() and (tmp_path / "translated/drawing.png").exists()
    assert (tmp_path / "cdcgan_fashion-exported/manifest.json").exists()
