"""The command of what styles can do: mixing, directions, walks and projection."""

import numpy as np
import pytest
from fabrication import tiny
from PIL import Image
from typer.testing import CliRunner

from keras_gans.cli import app

runner = CliRunner(env={"COLUMNS": "200", "TERM": "dumb"})


def call(*arguments):
    return runner.invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    """A `.keras` file of a tiny StyleGAN2 with labels."""
    path = tmp_path_factory.mktemp("faces") / "faces.keras"
    tiny("stylegan2_avatars", seed=0).save(path)
    return path


@pytest.fixture(scope="module")
def clothes(tmp_path_factory):
    path = tmp_path_factory.mktemp("clothes") / "clothes.keras"
    tiny("dcgan", seed=0).save(path)
    return path


@pytest.mark.parametrize(
    "asked",
    [
        ["--mix", "--truncation", "0.5"],
        ["--mix", "--label", "1,2,0", "--count", 2],
        ["--directions", 3],
        ["--truncation", "0.7"],
        ["--interpolate", "--count", 2, "--truncation", "0.7"],
    ],
)
def test_sheets_of_styles(faces, tmp_path, asked):
    result = call("sample", faces, *asked, "--output", tmp_path / "a.png")
    assert result.exit_code == 0, result.output
    with Image.open(tmp_path / "a.png") as image:
        assert min(image.size) > 60


def test_a_walk(faces, clothes, tmp_path):
    for model, name in ((faces, "faces.webp"), (clothes, "clothes.gif")):
        result = call("sample", model, "--animate", tmp_path / name, "--count", 2)
        assert result.exit_code == 0 and str(tmp_path / name) in result.output
        with Image.open(tmp_path / name) as image:
            assert image.n_frames == 40
    again = call("sample", clothes, "--animate", tmp_path / "clothes.gif")
    assert again.exit_code == 2 and "exists. Use --overwrite" in again.output


def test_a_picture_is_projected(faces, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (40, 30, 3)).astype("uint8")
    Image.fromarray(pixels).save(tmp_path / "me.png")
    asked = ["project", faces, tmp_path / "me.png", "--steps", 5, "--output", tmp_path / "p.png"]
    result = call(*asked)
    assert result.exit_code == 0, result.output
    assert "Distance 0." in result.output
    assert np.load(tmp_path / "p.npy", allow_pickle=False).shape == (1, 6, 8)
    assert call(*asked).exit_code == 2
    assert call(*asked, "--overwrite").exit_code == 0


@pytest.mark.parametrize(
    "asked, words",
    [
        (["sample", "FACES", "--mix", "--directions", 2], "--mix and --directions are sheets"),
        (["sample", "FACES", "--truncation", 2], "is psi here, from 0"),
        (["sample", "FACES", "--animate", "a.png"], "ends in .gif, .webp, .mp4"),
        (["sample", "CLOTHES", "--mix"], "draws from no styles"),
        (["sample", "FACES", "--directions", 9], "There are 8 directions"),
        (["project", "CLOTHES", "PICTURE"], "draws from no styles"),
        (["project", "FACES", "MISSING"], "There is no file"),
        (["project", "FACES", "TEXT"], "a.txt cannot be used: not a PNG"),
        (["project", "FACES", "PICTURE", "--space", "z"], "must be one of"),
    ],
)
def test_mistakes_get_one_sentence(faces, clothes, tmp_path, asked, words):
    Image.new("RGB", (16, 16)).save(tmp_path / "a.png")
    (tmp_path / "a.txt").write_text("no picture")
    places = {
        "FACES": faces,
        "CLOTHES": clothes,
        "PICTURE": tmp_path / "a.png",
        "MISSING": tmp_path / "b.png",
        "TEXT": tmp_path / "a.txt",
    }
    outputs = ["--output", tmp_path / "out.png"]
    result = call(*(places.get(part, part) for part in asked), *outputs)
    assert result.exit_code == 2 and words in result.output, result.output
    assert "Traceback" not in result.output and not (tmp_path / "out.png").exists()
