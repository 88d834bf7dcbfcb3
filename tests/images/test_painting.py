"""Label maps painted file by file, and looked at before training."""

import numpy as np
import pytest
from fabrication import tiny
from PIL import Image

from keras_gans import data, zoo
from keras_gans.core.label_maps import Palette
from keras_gans.images import grids, translate_files
from keras_gans.training import preview_sheet

PALETTE = Palette(
    ("#000000", "#ff0000", "#00ff00", "#0000ff", "#ffffff"),
    ("ground", "brick", "leaf", "sky", "cloud"),
)


@pytest.fixture(scope="module")
def model():
    model = tiny("spade")
    model.label_names = {"heads": {}, "attributes": (), "palette": PALETTE.to_json()}
    return model


def label_map(height, width):
    areas = np.random.default_rng(0).integers(0, 5, (-(-height // 8), -(-width // 8)))
    return areas.repeat(8, axis=0).repeat(8, axis=1)[:height, :width].astype("uint8")


def with_table(numbers):
    image = Image.fromarray(numbers)
    image.putpalette(PALETTE.levels.tobytes())
    return image


@pytest.mark.parametrize("size", [None, "own"])
def test_files_of_maps_are_painted_as_arrays_are(model, tmp_path, size):
    numbers = label_map(40, 56)
    forms = {
        "numbers.png": Image.fromarray(numbers),
        "table.png": with_table(numbers),
        "colours.png": with_table(numbers).convert("RGB"),
    }
    for name, image in forms.items():
        image.save(tmp_path / name)
    todo = [(tmp_path / name, tmp_path / "out" / name) for name in forms]
    done = list(translate_files.translate_files(model, todo, size=size))
    assert [one.problem for one in done] == [None] * 3
    expected = grids.to_uint8(model.translate(numbers.astype("int32"), size=size))
    for one in done:
        written = np.asarray(Image.open(one.target)).astype(int)
        assert written.shape == (40, 56, 3)
        assert np.abs(written - expected).max() <= 1
        seen = PALETTE.numbers(one.picture)  # on the sheet the map has its colours
        assert seen.shape == one.translation.shape[:2]
    assert translate_files.side_by_side(done).size[0] > 0


def test_what_is_no_map_is_left_out_with_the_reason(model, tmp_path):
    numbers = label_map(40, 56)
    smooth = with_table(numbers).convert("RGB").resize((50, 50), Image.Resampling.BICUBIC)
    smooth.save(tmp_path / "soft.png")
    Image.fromarray(numbers + 2).save(tmp_path / "high.png")
    (tmp_path / "none.png").write_bytes(b"none")
    todo = [(path, tmp_path / "out" / path.name) for path in sorted(tmp_path.glob("*.png"))]
    high, none, soft = translate_files.translate_files(model, todo)
    assert "classes are 0 to 4" in high.problem
    assert "picture" in none.problem
    assert "resized smoothly" in soft.problem and "the nearest is #" in soft.problem
    assert not (tmp_path / "out").exists()


def test_a_look_before_training_shows_maps_in_their_colours():
    model = tiny("spade", image_size=64, classes=12)
    loaded = data.load("bundled:avatars/parts", model, batch_size=3, split="test", shuffle=False)
    sheet = np.asarray(preview_sheet(loaded))
    shown = {tuple(color) for color in sheet[:, :64].reshape(-1, 3).tolist()}
    levels = Palette.from_json(loaded.label_names["palette"]).levels
    assert {tuple(color) for color in levels[:3].tolist()} <= shown
    assert shown <= {(255, 255, 255), *(tuple(color) for color in levels.tolist())}


def test_a_sheet_of_training_shows_maps_in_their_colours(model):
    maps = np.stack([label_map(32, 32)] * 2).astype("int32")
    pictures = model.translate(maps)
    columns = model.side_by_side((maps, pictures))
    np.testing.assert_array_equal(columns[0], PALETTE.shown(maps))
    np.testing.assert_array_equal(columns[1], columns[2])
    assert grids.beside(columns).size[0] > 3 * 64


def test_a_palette_survives_the_file_of_a_model(model, tmp_path):
    model.save(tmp_path / "model.keras")
    loaded = zoo.load(tmp_path / "model.keras")
    assert loaded.palette == PALETTE
    assert loaded.describe_tensors()["source"]["classes"] == list(PALETTE.names)
