import numpy as np
import pytest

from keras_gans import data
from keras_gans.data import examples


@pytest.fixture(params=["up front", "while training"])
def when(request, monkeypatch):
    """When pictures are decoded; the result must not differ."""
    if request.param == "while training":
        monkeypatch.setattr(examples, "UP_FRONT_BYTES", 0)


def in_order(folder, model, **options):
    options = {"shuffle": False, "jitter": False, **options}
    return data.load(f"folder:{folder}", model, **options)


@pytest.fixture
def save_pair(save):
    """Writes a pair of two levels side by side."""
    return lambda path, a, b: save(path, np.repeat(np.uint8([[a, b]] * 8), 8, axis=1))


# === Layouts ===


def test_side_by_side(when, tmp_path, make_paired, save_pair, both_levels):
    for number, name in enumerate(["1.png", "2.bmp", "sub/3.png"]):
        save_pair(tmp_path / name, number, 100 + number)
    (tmp_path / "notes.txt").write_text("notes")
    assert both_levels(in_order(tmp_path, make_paired())) == ([0, 1, 2], [100, 101, 102])


@pytest.mark.parametrize("splits", [["train", "val"], ["train", "test", "val"], ["train"]])
def test_side_by_side_in_splits(tmp_path, make_paired, save_pair, both_levels, splits):
    for number, split in enumerate(splits):
        save_pair(tmp_path / split / "1.png", number, 100 + number)
    save_pair(tmp_path / "stray.png", 50, 150)
    for number, split in enumerate(splits):
        batches = in_order(tmp_path, make_paired(), split=split)
        assert both_levels(batches) == ([number], [100 + number])


def test_two_folders_by_stem(when, tmp_path, make_paired, save, both_levels):
    for number, (first, second) in enumerate(
        [("10.png", "10.png"), ("9.png", "9.bmp"), ("x/1.PNG", "x/1.png")]
    ):
        save(tmp_path / "A" / first, number)
        save(tmp_path / "B" / second, 100 + number)
    (tmp_path / "B" / "notes.txt").write_text("notes")
    save(tmp_path / "AB" / "beside.png", 50)
    assert both_levels(in_order(tmp_path, make_paired())) == ([0, 1, 2], [100, 101, 102])


def test_two_folders_in_splits(tmp_path, make_paired, save, both_levels):
    for number, split in enumerate(("train", "test", "val")):
        save(tmp_path / "A" / split / "1.png", number)
        save(tmp_path / "B" / split / "1.png", 100 + number)
    for number, split in enumerate(("train", "test", "val")):
        batches = in_order(tmp_path, make_paired(), split=split)
        assert both_levels(batches) == ([number], [100 + number])


# === Refusals ===


@pytest.mark.parametrize("alone, expected", [("A", "B"), ("B", "A")])
def test_a_missing_partner_is_named_with_where_it_should_be(
    tmp_path, make_paired, save, alone, expected
):
    for side in "AB":
        save(tmp_path / side / "1.png", 0)
    save(tmp_path / alone / "2.png", 0)
    save(tmp_path / alone / "x" / "3.jpg", 0)
    with pytest.raises(ValueError) as refused:
        in_order(tmp_path, make_paired())
    message = str(refused.value)
    assert f"{tmp_path}/{alone}/2.png has no partner" in message
    assert f"expected {tmp_path}/{expected}/2.png" in message and "1 more" in message


def test_a_partner_that_is_a_link_out_of_the_folder_is_explained(tmp_path, make_paired, save):
    save(tmp_path / "set" / "A" / "1.png", 0)
    (tmp_path / "set" / "B").mkdir()
    (tmp_path / "set" / "B" / "1.png").symlink_to(save(tmp_path / "secret.png", 200))
    with pytest.raises(ValueError, match=r"has no partner; .*Left out 1: B/1.png \(a link that"):
        in_order(tmp_path / "set", make_paired())


def test_one_name_twice_is_refused(tmp_path, make_paired, save):
    for name in ("A/1.png", "A/1.bmp", "B/1.png"):
        save(tmp_path / name, 0)
    with pytest.raises(ValueError, match="A/1.bmp and .*A/1.png have one name.*Rename or remove"):
        in_order(tmp_path, make_paired())


def test_sides_of_different_size_are_refused(when, tmp_path, make_paired, save):
    save(tmp_path / "A" / "1.png", 0, size=8)
    save(tmp_path / "B" / "1.png", 0, size=16)
    with pytest.raises(
        ValueError, match="A/1.png is 8 x 8 pixels, but .*B/1.png is 16 x 16 pixels.*one size"
    ):
        in_order(tmp_path, make_paired())


def test_single_pictures_are_not_taken_for_pairs(when, tmp_path, make_paired, save, save_pair):
    save_pair(tmp_path / "0.png", 0, 100)
    for number in range(1, 4):
        save(tmp_path / f"{number}.png", 0)
    message = r"3 of 4 pictures are no pairs: 1.png \(8 x 8 pixels are not twice.* A/ and B/"
    with pytest.raises(ValueError, match=message):
        in_order(tmp_path, make_paired())


def test_a_single_picture_among_pairs_is_left_out(
    when, tmp_path, make_paired, save, save_pair, both_levels
):
    for number in range(3):
        save_pair(tmp_path / f"{number}.png", number, 100 + number)
    save(tmp_path / "odd.png", 0, size=15)
    with pytest.warns(UserWarning, match=r"Left out 1: odd.png \(15 x 15 pixels have no two halv"):
        batches = in_order(tmp_path, make_paired())
    assert both_levels(batches) == ([0, 1, 2], [100, 101, 102])


@pytest.mark.parametrize("there, missing", ["AB", "BA"])
def test_one_of_two_folders_is_refused(tmp_path, make_paired, save, there, missing):
    save(tmp_path / there / "1.png", 0)
    with pytest.raises(ValueError, match=f"has a folder {there}/, but none {missing}/, but this"):
        in_order(tmp_path, make_paired())


def test_a_split_of_one_side_only_is_refused(tmp_path, make_paired, save):
    for name in ("A/train/1.png", "B/train/1.png", "A/test/1.png"):
        save(tmp_path / name, 0)
    with pytest.raises(ValueError, match="has no folder B/test/, the partner of A/test/"):
        in_order(tmp_path, make_paired(), split="test")


def test_a_folder_that_is_a_link_is_refused(tmp_path, make_paired, save):
    save(tmp_path / "outside" / "1.png", 0)
    save(tmp_path / "set" / "A" / "1.png", 0)
    (tmp_path / "set" / "B").symlink_to(tmp_path / "outside")
    with pytest.raises(ValueError, match="set/B is a link to a folder, which is not followed"):
        in_order(tmp_path / "set", make_paired())


def test_an_unknown_split_lists(tmp_path, make_paired, save_pair):
    save_pair(tmp_path / "plain" / "1.png", 0, 1)
    with pytest.raises(ValueError, match="no subfolders test/ or val/, only split='train'. Receiv"):
        in_order(tmp_path / "plain", make_paired(), split="test")
    for split in ("train", "val"):
        save_pair(tmp_path / "split" / split / "1.png", 0, 1)
    with pytest.raises(ValueError, match="has the splits train, val. Received: split='test'"):
        in_order(tmp_path / "split", make_paired(), split="test")


def test_class_folders_are_refused(tmp_path, make_paired, save):
    for name in ("cat", "dog"):
        save(tmp_path / name / "1.png", 0)
    with pytest.raises(
        ValueError, match=r"in subfolders \(cat, dog\), as classes are, but this model learns from "
    ) as refused:
        in_order(tmp_path, make_paired())
    assert "\n" not in str(refused.value)


def test_an_unpaired_set_is_refused(tmp_path, make_paired, save):
    for name in ("trainA", "trainB"):
        save(tmp_path / name / "1.png", 0)
    with pytest.raises(ValueError, match="is an unpaired set .*this model learns from pairs"):
        in_order(tmp_path, make_paired())


@pytest.mark.parametrize("folders", [["A", "B"], ["train"], []])
def test_empty_folders_are_refused(tmp_path, make_paired, folders):
    for folder in folders:
        (tmp_path / folder).mkdir()
    with pytest.raises(ValueError, match=f"no pictures in {tmp_path}.*PNG, JPEG"):
        in_order(tmp_path, make_paired())


def test_a_missing_folder_is_refused(tmp_path, make_paired):
    with pytest.raises(ValueError, match="none does not exist"):
        in_order(tmp_path / "none", make_paired())


# === Broken pictures ===


def test_a_pair_with_a_broken_side_is_named_and_left_out(when, tmp_path, make_paired, save):
    for number in range(3):
        for side in "AB":
            save(tmp_path / side / f"{number}.png", number)
    (tmp_path / "B" / "1.png").write_text("I am a text")
    with pytest.warns(UserWarning, match=r"Left out 1: A/1.png with B/1.png \(.*B/1.png: not a "):
        assert len(in_order(tmp_path, make_paired())) == 2


def test_a_pair_that_breaks_while_training_is_replaced_whole(
    tmp_path, make_paired, save, both_levels, monkeypatch
):
    monkeypatch.setattr(examples, "UP_FRONT_BYTES", 0)
    noise = np.random.default_rng(0).integers(0, 256, (8, 8), np.uint8)
    for number in range(3):
        for side, level in (("A", number), ("B", 100 + number)):
            save(tmp_path / side / f"{number}.png", level)
    path = save(tmp_path / "B" / "1.png", noise)
    path.write_bytes(path.read_bytes()[:80])  # its header is whole
    batches = in_order(tmp_path, make_paired())
    assert len(batches) == 3
    with pytest.warns(UserWarning, match="left out A/1.png with B/1.png .*others take its place"):
        assert both_levels(batches) == ([0, 2, 2], [100, 102, 102])


# === Models of other kinds ===


@pytest.mark.parametrize("split", ["", "train"])
def test_pairs_are_no_classes(tmp_path, make_model, save, split):
    for side in "AB":
        for number in range(3):
            save(tmp_path / side / split / f"{number}.png", number)
    source = f"folder:{tmp_path}"
    assert data.class_names(source) is None
    with pytest.raises(
        ValueError,
        match="has no labels .A/ and B/ hold pairs of equal names, for translators; if they are "
        "classes, .*but Model learns classes",
    ):
        data.load(source, make_model(num_classes=2))


def test_classes_may_be_called_a_and_b(tmp_path, save):
    save(tmp_path / "A" / "1.png", 0)
    save(tmp_path / "B" / "2.png", 0)
    assert data.class_names(f"folder:{tmp_path}") == ("A", "B")


def test_pairs_side_by_side_are_no_classes(tmp_path, make_model, save_pair):
    save_pair(tmp_path / "1.png", 0, 1)
    assert data.class_names(f"folder:{tmp_path}") is None
    with pytest.raises(ValueError, match="has no labels .*Model learns classes"):
        data.load(f"folder:{tmp_path}", make_model(num_classes=2))
