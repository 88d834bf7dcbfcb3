"""The page on a horror generator: its table of votes is one that training reads."""

import pathlib
import re

import numpy as np
from fabrication import tiny
from PIL import Image

from keras_gans import data

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "horror.md"


def test_votes_become_an_attribute(tmp_path, monkeypatch):
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    monkeypatch.chdir(tmp_path)
    faces = tmp_path / "faces"
    faces.mkdir()
    for number in range(4):
        Image.new("RGB", (16, 16), (60 * number, 0, 0)).save(faces / f"{number}.png")
    given = {"0.png": "111", "1.png": "100", "2.png": "10", "3.png": "0"}
    lines = [f"{file},{vote}" for file, votes in given.items() for vote in votes]
    (tmp_path / "votes.csv").write_text("\n".join(["file,scary", *lines]) + "\n")
    exec(code, {})
    model = tiny("cdcgan", num_classes=0, num_attributes=1)
    batches = data.load(
        f"folder:{faces}", model, attributes=("scary",), batch_size=4, shuffle=False
    )
    _, labels = next(iter(batches))
    np.testing.assert_array_equal(labels, [[1], [0], [0], [0]])
