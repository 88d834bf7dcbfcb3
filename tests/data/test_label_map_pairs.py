"""Pairs of label maps and pictures: by grey values, colour tables and palettes."""

import json

import numpy as np
import pytest
from data_stubs import Model
from PIL import Image as Picture

from keras_gans import data
from keras_gans.core.label_maps import Palette
from keras_gans.core.signature import Image, LabelMap
from keras_gans.data import avatars, examples, palettes
from keras_gans.data.decode import UnreadableError
from keras_gans.data.label_map_converter import LabelMapConverter

COLORS, NAMES = ("#000000", "#ff0000", "#00ff80"), ("ground", "brick", "leaf")
PALETTE = Palette(COLORS, NAMES)


class Painter(Model):
    """All the data room knows of a model that paints label maps."""

    def __init__(self, size=8, classes=3, reverse=False):
        super().__init__(size, batch_size=1)
        self.classes, self.reverse = classes, reverse

    def batch_roles(self):
        height, width = self.shape[:2]
        roles = {
            "source": LabelMap(height, width, classes=self.classes),
            "target": Image(height, width, 3),
        }
        return dict(reversed(roles.items())) if self.reverse else roles


def numbers(seed=0, side=8):
    return np.random.default_rng(seed).integers(0, 3, (side, side)).astype("uint8")


def in_colour(maps):
    return PALETTE.levels[maps]


def with_table(maps):
    image = Picture.fromarray(maps)
    image.putpalette(PALETTE.levels.tobytes())
    return image


def write(folder, images, side="A", other="B"):
    """Maps in one folder, and in the other pictures in which they can be seen."""
    for name, (label_map, image) in images.items():
        for place, picture in ((side, image), (other, Picture.fromarray(in_colour(label_map)))):
            (folder / place).mkdir(parents=True, exist_ok=True)
            picture.save(folder / place / name)


def write_palette(path):
    rows = [{"name": n, "color": c} for n, c in zip(NAMES, COLORS, strict=True)]
    if path.suffix == ".json":
        path.write_text(json.dumps(rows), "utf-8")
    else:
        lines = ["name,color", *(f"{row['name']},{row['color']}" for row in rows)]
        path.write_text("\n".join(lines), "utf-8")


def load(folder, model=None, **options):
    options = {"shuffle": False, "jitter": False, **options}
    return data.load(f"folder:{folder}", model or Painter(), **options)


@pytest.fixture(params=["up front", "while training"])
def when(request, monkeypatch):
    """When pictures are decoded; the result must not differ."""
    if request.param == "while training":
        monkeypatch.setattr(examples, "UP_FRONT_BYTES", 0)


@pytest.mark.parametrize("form", ["grey", "table", "json", "csv", "in A"])
def test_maps_are_read_in_every_form(when, tmp_path, form):
    forms = {"grey": Picture.fromarray, "table": with_table}
    made = forms.get(form, lambda maps: Picture.fromarray(in_colour(maps)))
    maps = [numbers(seed) for seed in range(3)]
    write(tmp_path, {f"{n}.png": (one, made(one)) for n, one in enumerate(maps)})
    place = {"json": "palette.json", "csv": "palette.csv", "in A": "A/palette.json"}
    if form in place:
        write_palette(tmp_path / place[form])
    loaded = load(tmp_path)
    assert loaded.element_spec[0].dtype == "int32" and loaded.element_spec[0].shape == (1, 8, 8)
    for (found, picture), expected in zip(loaded, maps, strict=True):
        np.testing.assert_array_equal(found[0], expected)
        np.testing.assert_allclose(picture[0], PALETTE.shown(expected), atol=1e-6)
    names = {"grey": None, "table": {"colors": list(COLORS), "names": []}}
    assert not loaded.account.summary()
    known = names.get(form, PALETTE.to_json())
    assert loaded.label_names.get("palette") == known


def test_maps_may_be_the_second_pictures(tmp_path):
    one = numbers()
    write(tmp_path, {"1.png": (one, with_table(one))}, "B", "A")
    (batch,) = load(tmp_path, Painter(reverse=True))
    np.testing.assert_array_equal(batch[1][0], one)
    assert batch[0].shape == (1, 8, 8, 3)


def test_maps_side_by_side_with_pictures(tmp_path):
    one = numbers()
    Picture.fromarray(np.hstack([in_colour(one)] * 2)).save(tmp_path / "1.png")
    write_palette(tmp_path / "palette.json")
    loaded = load(tmp_path)
    ((found, _),) = loaded
    np.testing.assert_array_equal(found[0], one)
    assert not loaded.account.summary()


@pytest.mark.parametrize("options", [{"jitter": True}, {"flip": True}])
def test_both_are_turned_and_cut_alike(tmp_path, options):
    """Of maps whose areas are as large as what is scaled, both show the same, to their borders."""
    maps = {f"{n}.png": numbers(n, 4).repeat(8, axis=0).repeat(8, axis=1) for n in range(8)}
    write(tmp_path, {name: (one, with_table(one)) for name, one in maps.items()})
    whole = dict(zip(maps, load(tmp_path, Painter(32)), strict=True))
    turned = 0
    for name, (found, picture) in zip(
        maps, load(tmp_path, Painter(32), seed=1, **options), strict=True
    ):
        assert set(np.unique(found)) <= {0, 1, 2}
        apart = np.abs(PALETTE.shown(found) - picture).max(axis=-1)
        assert np.mean(apart < 0.2) > 0.75  # the picture's borders are soft, the map's are not
        turned += not np.array_equal(found[0], whole[name][0][0])
    assert turned


def test_maps_are_scaled_by_nearest_pixels(tmp_path):
    one = numbers(side=4)
    write(tmp_path, {"1.png": (one, with_table(one))})
    ((found, _),) = load(tmp_path)
    np.testing.assert_array_equal(found[0], one.repeat(2, axis=0).repeat(2, axis=1))


def test_what_is_of_no_class_is_left_out_with_the_reason(tmp_path):
    good, high = numbers(), numbers() + 1
    wrong = in_colour(good).copy()
    wrong[:2] = (0, 250, 130)
    soft = Picture.fromarray(in_colour(good)).resize((16, 16), Picture.Resampling.BICUBIC)
    images = {
        "good.png": Picture.fromarray(in_colour(good)),
        "high.png": Picture.fromarray(high),
        "soft.png": soft.resize((8, 8), Picture.Resampling.BICUBIC),
        "wrong.png": Picture.fromarray(wrong),
    }
    write(tmp_path, {name: (good, image) for name, image in images.items()})
    write_palette(tmp_path / "palette.json")
    with pytest.warns(UserWarning, match="Left out 3"):
        loaded = load(tmp_path)
    assert len(loaded) == 1
    reasons = {name[2:6]: why for name, why in loaded.account.left_out.items()}
    assert "have the number 3; classes are 0 to 2" in reasons["high"]
    assert "resized smoothly" in reasons["soft"]
    assert "16 of its 64 pixels have 1 colours" in reasons["wron"]
    assert "the nearest is #00ff80, leaf" in reasons["wron"]


def test_colours_without_a_palette_are_refused_with_what_to_do(tmp_path):
    one = numbers()
    write(tmp_path, {"1.png": (one, Picture.fromarray(in_colour(one)))})
    with pytest.raises(ValueError, match="put palette.json or palette.csv beside the maps"):
        load(tmp_path)


def test_grey_jpegs_are_refused(tmp_path):
    Picture.fromarray(numbers(), "L").save(tmp_path / "1.jpg")
    with pytest.raises(UnreadableError, match="save label maps as PNG"):
        LabelMapConverter(8, 8, classes=3).read(tmp_path / "1.jpg")


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("form", ["json", "table"])
def test_a_palette_of_other_classes_is_refused(tmp_path, classes, form):
    one = numbers()
    write(tmp_path, {"1.png": (one, with_table(one))})
    if form == "json":
        write_palette(tmp_path / "palette.json")
        message = f"has 3 colours, and Painter is built for classes={classes}"
    else:  # of a table of more colours the first are the classes
        message = "has 3 colours" if classes == 4 else "no picture can be used"
    with pytest.raises(ValueError, match=message):
        load(tmp_path, Painter(classes=classes))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("palette.json", "{}", "is no palette"),
        ("palette.json", "[{", "is no palette.*JSON"),
        ("palette.json", '[{"color": 3}]', "is no palette"),
        ("palette.json", '[{"color": "#000000"}]', "from 2 to 256 colours"),
        ("palette.csv", "name,colour\na,#000000", "a column `color`"),
        ("palette.csv", "", "a column `color`"),
        ("palette.csv", "color\n#000000\n#000000", "Two classes"),
        ("palette.json", " " * (2**18 + 1), "is no palette"),
    ],
)
def test_files_that_are_no_palettes_are_refused(tmp_path, name, content, message):
    (tmp_path / name).write_text(content, "utf-8")
    with pytest.raises(ValueError, match=message):
        palettes.find([tmp_path], "folder:maps")


def test_two_palettes_are_refused(tmp_path):
    for name in palettes.NAMES:
        write_palette(tmp_path / name)
    with pytest.raises(ValueError, match="has both .*palette.json and .*palette.csv"):
        palettes.find([tmp_path], "folder:maps")


def test_white_around_maps_is_refused(tmp_path):
    one = numbers()
    write(tmp_path, {"1.png": (one, with_table(one))})
    with pytest.raises(ValueError, match="white is of no class"):
        load(tmp_path, fit="pad")


# === The parts of avatars ===


def test_the_parts_of_avatars_lie_upon_the_faces():
    palette = avatars.palette()
    maps, faces = avatars.parts_and_faces("test")
    assert maps.shape == (1000, 64, 64, 1) and faces.shape == (1000, 64, 64, 3)
    assert maps.max() == len(palette.colors) - 1 == 11
    _, labels = avatars.labelled("test")
    for part, attribute in (("glasses", "glasses"), ("beard", "beard"), ("earrings", "earrings")):
        seen = (maps == palette.names.index(part)).any(axis=(1, 2, 3))
        np.testing.assert_array_equal(seen, labels[attribute] == 1)
    # Inside of the background all of a person's pixels have one colour.
    inside = (maps == palette.names.index("background"))[..., 0]
    inside &= np.roll(inside, 1, 1) & np.roll(inside, -1, 1)
    inside &= np.roll(inside, 1, 2) & np.roll(inside, -1, 2)
    spread = [face[where].std(axis=0).max() for face, where in zip(faces, inside, strict=True)]
    assert np.median(spread) < 2


def test_bundled_maps_tell_their_palette():
    loaded = data.load("bundled:avatars/parts", Painter(64, classes=12), split="test")
    assert loaded.label_names["palette"]["names"][:3] == ["background", "skin", "hair"]
    with pytest.raises(ValueError, match="12 colours, and Painter is built for classes=3"):
        data.load("bundled:avatars/parts", Painter(64))


def test_sets_of_the_other_kind_are_refused(make_paired):
    with pytest.raises(ValueError, match="no label maps .* Use bundled:avatars/parts"):
        data.load("bundled:avatars/edges", Painter(64))
    with pytest.raises(ValueError, match="holds label maps as pictures A"):
        data.load("bundled:avatars/parts", make_paired(64, channels=(3, 3)))
