import ast
import csv
import hashlib
import importlib.resources
import json

import numpy as np
import pytest
from data_stubs import Model
from PIL import Image

from keras_gans import data, zoo
from keras_gans.data import avatars, photos

EMOJI = importlib.resources.files("keras_gans.data") / "bundled" / "emoji"


@pytest.fixture(scope="module")
def splits():
    """Images and labels of each split, in order."""
    model = Model(28, 1, 10, batch_size=500)
    loaded = {}
    for split in ("train", "test", "all"):
        batches = data.load("bundled:fashion_mnist", model, split=split, shuffle=False)
        images, labels = zip(*batches.as_numpy_iterator(), strict=True)
        loaded[split] = np.concatenate(images), np.concatenate(labels)
    return loaded


def test_the_splits_are_cut_from_the_whole(splits):
    for column in (0, 1):
        whole = splits["all"][column]
        assert len(splits["train"][column]) == 9_000 and len(splits["test"][column]) == 1_000
        parts = [splits["train"][column], splits["test"][column]]
        assert np.array_equal(np.concatenate(parts), whole)


def test_the_pictures_are_fashion_mnists(splits):
    images, labels = splits["all"]
    levels = np.round((images + 1) * 127.5)
    assert np.array_equal(levels.astype(np.float32) / np.float32(127.5) - 1, images)
    assert labels[:10].tolist() == [9, 2, 1, 1, 6, 1, 4, 6, 5, 7]  # as published
    assert np.bincount(labels).tolist() == [1_000] * 10
    # An ankle boot stands on its sole; trousers have a gap between two legs.
    assert levels[0, 20:].mean() > 3 * levels[0, :8].mean()
    trousers = levels[labels == 1].mean(axis=0)[..., 0]
    assert trousers[24, 14] < trousers[24, 11] and trousers[24, 14] < trousers[24, 17]


def test_pictures_are_fitted(make_model):
    batch = next(iter(data.load("bundled:fashion_mnist", make_model((16, 32), 3), split="test")))
    assert batch.shape == (4, 16, 32, 3)
    assert np.array_equal(batch[..., 0], batch[..., 2])


def test_an_unknown_name_suggests(make_model):
    with pytest.raises(ValueError, match="Did you mean 'fashion_mnist'.*Available: fashion_mnist"):
        data.load("bundled:fashion_mnits", make_model())


def test_an_unknown_split_lists(make_model):
    with pytest.raises(ValueError, match="train, test, all. Received: split='validation'"):
        data.load("bundled:fashion_mnist", make_model(), split="validation")


# === Emoji ===


@pytest.fixture(scope="module")
def index():
    return json.loads((EMOJI / "index.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def sheets():
    """All pictures of a kind, uint8 (count, 64, 64, 3), read another way than the package does."""

    def sheet(name):
        with (EMOJI / name).open("rb") as file:
            pixels = np.asarray(Image.open(file).convert("RGB"))
        return np.stack(
            [
                pixels[top : top + 64, left : left + 64]
                for top in range(0, pixels.shape[0], 64)
                for left in range(0, pixels.shape[1], 64)
            ]
        )

    return {name.split(".")[0]: sheet(name) for name in ("edges.png", "noto.webp", "twemoji.webp")}


@pytest.fixture(scope="module")
def shown():
    """The function the splits were made by; importing its module would take scikit-image."""
    code = ast.parse((EMOJI / "make.py").read_text(encoding="utf-8"))
    wanted = [
        node
        for node in code.body
        if getattr(node, "name", None) == "shown"
        or (isinstance(node, ast.Assign) and node.targets[0].id == "_WHO")
    ]
    space = {}
    exec(compile(ast.Module(wanted, []), "make.py", "exec"), space)
    return space["shown"]


def rows_of(index, *splits):
    return [number for number, row in enumerate(index) if row["split"] in splits]


def pictures(source, model, **options):
    """The pictures of A and of B in order, as uint8."""
    batches = data.load(
        source, model, shuffle=False, jitter=False, drop_remainder=False, batch_size=256, **options
    )
    halves = (np.concatenate(list(half)) for half in zip(*batches, strict=True))
    return tuple(np.round((half + 1) * 127.5).astype(np.uint8) for half in halves)


@pytest.mark.parametrize(
    "name, kinds, split, parts",
    [
        ("edges", ("edges", "twemoji"), "train", ["a", "b"]),
        ("edges", ("edges", "twemoji"), "test", ["test"]),
        ("styles_paired", ("twemoji", "noto"), "test", ["test"]),
        ("styles_paired", ("twemoji", "noto"), "all", ["a", "b", "test"]),
    ],
)
def test_pairs_of_emoji(make_paired, index, sheets, name, kinds, split, parts):
    halves = pictures(f"bundled:emoji/{name}", make_paired(64, (3, 3)), split=split)
    rows = rows_of(index, *parts)
    for half, kind in zip(halves, kinds, strict=True):
        assert np.array_equal(half, sheets[kind][rows])
    assert len(rows) == {"train": 1465, "test": 176, "all": 1641}[split]


@pytest.mark.parametrize("split, parts", [("train", "ab"), ("test", ["test", "test"])])
def test_domains_of_emoji(make_unpaired, index, sheets, split, parts):
    halves = pictures("bundled:emoji/styles", make_unpaired(64, (3, 3)), split=split)
    for half, kind, part in zip(halves, ("twemoji", "noto"), parts, strict=True):
        rows = rows_of(index, part)
        assert len(half) == {"train": 748, "test": 176}[split]
        assert np.array_equal(half[: len(rows)], sheets[kind][rows])


def test_what_is_shown_is_in_one_split_only(index, shown):
    sides = {
        split: {shown(index[row]["unified"]) for row in rows_of(index, split)}
        for split in ("a", "b", "test")
    }
    assert not sides["a"] & sides["b"] and not (sides["a"] | sides["b"]) & sides["test"]
    assert sum(map(len, sides.values())) == len({shown(row["unified"]) for row in index})


def test_no_picture_of_training_is_in_the_test(index, sheets):
    for kind in ("twemoji", "noto"):
        train, test = (
            {picture.tobytes() for picture in sheets[kind][rows_of(index, *parts)]}
            for parts in ("ab", ["test"])
        )
        assert not train & test


def test_the_test_domains_are_pairs_in_the_same_order_unless_asked(make_unpaired, index, sheets):
    model, rows = make_unpaired(64, (3, 3)), rows_of(index, "test")
    aligned = [sheets[kind][rows] for kind in ("twemoji", "noto")]

    def loaded(**options):
        batches = data.load("bundled:emoji/styles", model, split="test", batch_size=176, **options)
        (batch,) = batches
        return [np.round((half.numpy() + 1) * 127.5).astype(np.uint8) for half in batch]

    assert all(map(np.array_equal, loaded(), aligned))
    mixed = loaded(shuffle=True, seed=1)
    assert not np.array_equal(mixed[0], aligned[0])
    places = [next(i for i, a in enumerate(aligned[0]) if np.array_equal(a, m)) for m in mixed[0]]
    assert np.array_equal(mixed[1], aligned[1][places])


def test_emoji_jitter_in_training(make_paired):
    batches = data.load("bundled:emoji/edges", make_paired(64, (1, 3)))
    first, second = next(iter(batches))
    assert first.shape == (1, 64, 64, 1) and second.shape == (1, 64, 64, 3)
    assert len(batches) == 1465


def test_all_of_unpaired_emoji_would_be_pairs(make_unpaired):
    with pytest.raises(ValueError, match="has the splits train, test. Received: split='all'; all"):
        data.load("bundled:emoji/styles", make_unpaired(), split="all")


@pytest.mark.parametrize("name", ["edges", "styles", "styles_paired"])
def test_emoji_are_for_translators(make_model, name):
    source = f"bundled:emoji/{name}"
    assert data.class_names(source) is None
    with pytest.raises(
        ValueError, match="has no labels .it holds .*for translators., but Model le"
    ):
        data.load(source, make_model(num_classes=2))
    with pytest.raises(
        ValueError, match="but this model learns from single pictures. Use bundled:"
    ):
        data.load(source, make_model())


def test_an_unknown_emoji_set_suggests(make_paired):
    with pytest.raises(
        ValueError, match="Did you mean 'emoji/edges'.*Available: fashion_mnist, avatars, em"
    ):
        data.load("bundled:emoji/egdes", make_paired())
    with pytest.raises(ValueError, match="emoji/edges has the splits train, test, all. Received"):
        data.load("bundled:emoji/edges", make_paired(), split="val")


def test_the_emojis_licences_ship():
    assert "Creative Commons Attribution 4.0" in (EMOJI / "LICENSE.twemoji").read_text()
    assert "Apache License" in (EMOJI / "LICENSE.noto").read_text()
    assert "MIT" in (EMOJI / "LICENSE.emoji-datasource").read_text()


def test_the_licence_ships():
    folder = importlib.resources.files("keras_gans.data") / "bundled" / "fashion_mnist"
    licence = (folder / "LICENSE").read_text(encoding="utf-8")
    assert "Zalando SE" in licence and "Permission is hereby granted" in licence
    assert "https://github.com/zalandoresearch/fashion-mnist" in (folder / "README.md").read_text()


# === Avatars ===

AVATARS = importlib.resources.files("keras_gans.data") / "bundled" / "avatars"


@pytest.fixture(scope="module")
def people():
    return list(csv.DictReader((AVATARS / "attributes.csv").read_text().splitlines()))


def test_avatars_have_all_their_labels(people):
    model = zoo.get("cdcgan", num_classes=(6, 8, 3), num_attributes=4, filters=2)
    names = data.label_names("bundled:avatars", model)
    assert names["heads"]["hair"] == ("bob", "fringe", "long", "mohawk", "quiff", "turban")
    assert names["attributes"] == ("glasses", "smile", "beard", "earrings")
    batches = data.load("bundled:avatars", model, split="test", shuffle=False, batch_size=100)
    labels = np.concatenate([batch[1] for batch in batches])
    rows = [row for row in people if row["split"] == "test"]
    assert len(labels) == len(rows) == 1_000
    for row, label in zip(rows, labels, strict=True):
        for column, (head, classes) in enumerate(names["heads"].items()):
            assert row[head] == classes[label[column]]
        assert [int(row[name]) for name in names["attributes"]] == label[3:].tolist()


def test_colours_are_those_the_labels_say(people):
    """Of hair: at the top of the head, where the style puts it, more than half is of the colour."""
    colours = {"black": 0, "white": 255}
    images, labels = avatars.labelled("all")
    names = avatars.heads()
    for colour, level in colours.items():
        rows = labels["hair_color"] == names["hair_color"].index(colour)
        rows &= labels["hair"] == names["hair"].index("turban")
        top = images[rows][:, 8:16, 28:40].astype(int)
        assert (np.abs(top - level) < 40).all(axis=-1).mean() > 0.5


def test_nobody_stands_on_both_sides():
    images, _ = avatars.labelled("all")
    lines, faces = avatars.lines_and_faces("all")
    np.testing.assert_array_equal(faces, images)
    train = {image.tobytes() for image in images[:7_000]}
    assert len(train) == 7_000
    assert not any(image.tobytes() in train for image in images[7_000:])
    assert lines.shape == (8_000, 64, 64, 1) and set(np.unique(lines)) <= {0, 85, 170, 255}


def test_glasses_are_all_that_differs_in_the_test_split(people):
    without, worn = avatars.glasses("test")
    changed = np.abs(worn.astype(int) - without).max(axis=-1) > 60
    assert changed.reshape(len(changed), -1).any(axis=1).all()
    assert not changed[:, :16].any() and not changed[:, 40:].any()  # above and below the eyes
    train_without, train_worn = avatars.glasses("train")
    assert len(train_without) + len(train_worn) == 7_000


def test_domains_and_pairs_of_avatars(make_paired, make_unpaired):
    lines, faces = pictures("bundled:avatars/edges", make_paired(64, (1, 3)), split="test")
    assert len(lines) == len(faces) == 1_000
    for name, split, count in (("styles", "train", 7_000), ("glasses", "test", 1_000)):
        batches = data.load(f"bundled:avatars/{name}", make_unpaired(64, (3, 3)), split=split,
                            batch_size=count, jitter=False)  # fmt: skip
        assert len(batches) == 1
    with pytest.raises(data.NoSuchSplitError, match="avatars/glasses has the splits train, test"):
        data.load("bundled:avatars/glasses", make_unpaired(64, (3, 3)), split="all")
    with pytest.raises(ValueError, match="avatars holds single pictures.*Use bundled:emoji/edges"):
        data.load("bundled:avatars", make_paired(64, (3, 3)))


def test_the_avatars_artists_are_named_and_they_are_small():
    text = (AVATARS / "README.md").read_text()
    assert "Micah Lanier" in text and "Lisa Wischofsky" in text and "CC BY 4.0" in text
    assert sum(file.stat().st_size for file in AVATARS.iterdir()) < 12_000_000


# === Photographs ===

PHOTOS = importlib.resources.files("keras_gans.data") / "bundled" / "photos"


def test_photographs_are_free_credited_and_small():
    text = (PHOTOS / "README.md").read_text(encoding="utf-8")
    rows = [line.split("|") for line in text.splitlines() if line.startswith("| `")]
    credited = {row[1].strip(" `"): (row[3], row[4].strip()) for row in rows}
    files = {file.name: file.stat().st_size for file in PHOTOS.iterdir()}
    assert set(credited) == {name for name in files if name.endswith(".webp")}
    assert len(credited) == 9 and sum(files.values()) < 4_000_000
    for row in photos.index():
        author, licence = credited[row["file"]]
        assert row["author"] in author and licence == row["licence"]
        assert licence in ("CC0 1.0", "CC BY 4.0")
    for address in ("licenses/by/4.0", "publicdomain/zero/1.0", "gitlab.com/ubports"):
        assert address in text


def test_photographs_are_those_that_the_tool_made():
    """Their checksums, so that they are never changed by hand."""
    digests = {
        name: hashlib.sha256((PHOTOS / name).read_bytes()).hexdigest()[:16] for name in _DIGESTS
    }
    assert digests == _DIGESTS


_DIGESTS = {
    "aitzgorri.webp": "75dd810f8c4e6f5a",
    "friends.webp": "60dd34323531b5df",
    "life.webp": "eb7a83a397068e42",
    "picosdeeuropa.webp": "f8db45aaf7a42df5",
    "picture_0b.webp": "abf23c47c17674b6",
    "picture_1a.webp": "65355e24827709d1",
    "seeding.webp": "449e182c153c803b",
    "sunset.webp": "b80dcc512ba4a1bb",
    "wine.webp": "d1903168abb833b5",
}


def test_no_photograph_is_in_both_splits():
    train, test, whole = (photos.photographs(split) for split in ("train", "test", "all"))
    assert (len(train), len(test), len(whole)) == (7, 2, 9)
    shown = [{image.tobytes() for image in images} for images in (train, test)]
    assert not shown[0] & shown[1] and len(shown[0] | shown[1]) == 9
    for image in whole:
        assert image.dtype == np.uint8 and image.shape[2] == 3
        assert 512 <= min(image.shape[:2]) and max(image.shape[:2]) <= 1536
