import errno
import os
import warnings

import numpy as np
import pytest

from keras_gans import data
from keras_gans.data import examples, files
from keras_gans.data.image_converter import ImageConverter


@pytest.fixture(params=["up front", "while training"])
def when(request, monkeypatch):
    """When pictures are decoded; the result must not differ."""
    if request.param == "while training":
        monkeypatch.setattr(examples, "UP_FRONT_BYTES", 0)


def in_order(folder, model, **options):
    return data.load(f"folder:{folder}", model, shuffle=False, drop_remainder=False, **options)


def spoil(path):
    """Cuts the second half off a file; its header stays."""
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    return path


NOISE = np.random.default_rng(0).integers(0, 256, (8, 8), np.uint8)


# === Layouts ===


def test_pictures_come_in_the_order_of_their_names(when, make_model, tmp_path, save, levels):
    for level, name in enumerate(["10.png", "2.PNG", "a/1.bmp", "b.webp"]):
        save(tmp_path / name, level, **({"lossless": True} if "webp" in name else {}))
    assert levels(in_order(tmp_path, make_model())) == [0, 1, 2, 3]


def test_class_folders(when, make_model, tmp_path, save, levels, labels):
    save(tmp_path / "zebra" / "deep" / "down" / "1.png", 20)
    save(tmp_path / "zebra" / "1.png", 21)
    save(tmp_path / "Horse" / "1.png", 10)
    save(tmp_path / "no pictures" / "x.png", 0).rename(tmp_path / "no pictures" / "x.txt")
    batches = list(in_order(tmp_path, make_model(num_classes=2)))
    assert levels(batches) == [10, 21, 20] and labels(batches) == [0, 1, 1]
    assert data.class_names(f"folder:{tmp_path}") == ("Horse", "zebra")


def test_what_is_hidden_or_not_named_like_a_picture_is_passed_over_and_counted(
    when, make_model, tmp_path, save, levels
):
    save(tmp_path / "1.png", 1)
    save(tmp_path / ".2.png", 2)
    save(tmp_path / ".cache" / "3.png", 3)
    save(tmp_path / "__MACOSX" / "._4.png", 4)
    (tmp_path / "notes.txt").write_text("notes")
    (tmp_path / "folder.png").mkdir()
    os.mkfifo(tmp_path / "pipe.png")  # opening it would wait for ever
    with pytest.warns(UserWarning) as warned:
        batches = in_order(tmp_path, make_model())
    assert levels(batches) == [1]
    (warning,) = warned
    assert str(warning.message) == (
        f"folder:{tmp_path}: Left out 5: 2 hidden (.2.png, .cache); 1 litter of other systems "
        "(__MACOSX); 1 not named like pictures (.txt); 1 neither files nor folders (pipe.png)."
    )
    assert "notes.txt: left out, not named like pictures" in batches.account.lines()


def test_train_and_test_are_splits_with_the_same_labels(make_model, tmp_path, save, levels, labels):
    save(tmp_path / "train" / "ant" / "1.png", 10)
    save(tmp_path / "train" / "bee" / "1.png", 11)
    save(tmp_path / "train" / "cow" / "1.png", 12)
    save(tmp_path / "test" / "bee" / "1.png", 1)  # no ant, no cow: the bee keeps its number
    save(tmp_path / "stray.png", 99)
    model = make_model(num_classes=3)
    train, test = (list(in_order(tmp_path, model, split=split)) for split in ("train", "test"))
    assert levels(train) == [10, 11, 12] and labels(train) == [0, 1, 2]
    assert levels(test) == [1] and labels(test) == [1]
    assert data.class_names(f"folder:{tmp_path}") == ("ant", "bee", "cow")
    with pytest.raises(ValueError, match="has the splits train and test. .*split='all'"):
        in_order(tmp_path, model, split="all")


def test_without_the_pair_all_is_train(make_model, tmp_path, save, levels):
    save(tmp_path / "train" / "1.png", 1)
    save(tmp_path / "2.png", 2)
    assert sorted(levels(in_order(tmp_path, make_model()))) == [1, 2]
    with pytest.raises(ValueError, match="no subfolders train/ and test/.*Received: split='test'"):
        in_order(tmp_path, make_model(), split="test")


def test_pictures_beside_class_folders_leave_no_labels(make_model, tmp_path, save, levels):
    save(tmp_path / "ant" / "1.png", 1)
    save(tmp_path / "2.png", 2)
    assert sorted(levels(in_order(tmp_path, make_model()))) == [1, 2]
    with pytest.raises(ValueError, match="no labels .its pictures are not all in subfolders"):
        in_order(tmp_path, make_model(num_classes=1))


def test_the_home_folder_is_expanded(make_model, tmp_path, save, levels, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    save(tmp_path / "pictures" / "1.png", 5)
    assert levels(in_order("~/pictures", make_model())) == [5]


# === Refusals ===


def test_a_missing_folder_is_refused(make_model, tmp_path):
    with pytest.raises(ValueError, match=f"{tmp_path}/none does not exist"):
        in_order(tmp_path / "none", make_model())


def test_a_file_is_refused(make_model, tmp_path, save):
    with pytest.raises(ValueError, match="1.png is a file, not a folder"):
        in_order(save(tmp_path / "1.png", 0), make_model())


def test_an_empty_folder_is_refused(make_model, tmp_path):
    with pytest.raises(ValueError, match=r"no pictures in .* \(PNG, JPEG, WebP, BMP, GIF"):
        in_order(tmp_path, make_model())


@pytest.mark.parametrize("how", ["text", "truncated"])
def test_a_folder_of_which_nothing_is_left_is_refused(when, make_model, tmp_path, save, how):
    for number in range(3):
        path = save(tmp_path / f"{number}.png", NOISE)
        spoil(path) if how == "truncated" else path.write_text("I am a text")
    with warnings.catch_warnings(), pytest.raises(ValueError, match="no picture|none of its 3"):
        warnings.simplefilter("ignore")
        in_order(tmp_path, make_model())


# === Links out of the folder ===


@pytest.fixture
def outside(tmp_path, save):
    return save(tmp_path / "outside" / "secret.png", 200).parent


def test_links_that_leave_the_folder_are_named_and_left_out(
    when, make_model, tmp_path, save, levels, outside
):
    inside = tmp_path / "inside"
    save(inside / "1.png", 1)
    (inside / "2.png").symlink_to("1.png")
    (inside / "absolute.png").symlink_to(outside / "secret.png")
    (inside / "relative.png").symlink_to("../outside/secret.png")
    (inside / "dangling.png").symlink_to("nothing.png")
    (inside / "folder").symlink_to(outside)
    (inside / "circle").symlink_to(".")
    with pytest.warns(UserWarning) as warned:
        assert levels(in_order(inside, make_model())) == [1, 1]
    message = str(warned[0].message)
    assert "Left out 5" in message and "dangling.png (a link to nothing)" in message
    for name in ("absolute.png (a link that leaves", "relative.png (a link that leaves"):
        assert name in message
    for name in ("folder (a link to a folder", "circle (a link to a folder"):
        assert name in message


@pytest.mark.parametrize("link", ["train", "test"])
def test_splits_are_not_followed_out_of_the_folder(
    make_model, tmp_path, save, levels, outside, link
):
    inside = tmp_path / "inside"
    save(inside / {"train": "test", "test": "train"}[link] / "1.png", 1)
    (inside / link).symlink_to(outside)
    with pytest.warns(UserWarning, match=f"{link} .a link to a folder"):
        assert levels(in_order(inside, make_model())) == [1]


def test_a_folder_of_links_only_says_why_nothing_is_left(make_model, tmp_path, outside):
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "1.png").symlink_to(outside / "secret.png")
    with pytest.raises(ValueError, match=r"no pictures in .*1.png \(a link that leaves"):
        in_order(inside, make_model())


def test_the_folder_itself_may_be_a_link(make_model, tmp_path, outside, levels):
    (tmp_path / "link").symlink_to(outside)
    assert levels(in_order(tmp_path / "link", make_model())) == [200]


# === Broken pictures ===


def test_broken_pictures_are_named_counted_and_left_out(make_model, tmp_path, save, levels):
    save(tmp_path / "good.png", 7)
    spoil(save(tmp_path / "sub" / "half.png", NOISE))
    (tmp_path / "text.jpg").write_text("I am a text")
    with pytest.warns(UserWarning) as warned:
        batches = in_order(tmp_path, make_model())
    assert len(warned) == 1
    message = str(warned[0].message)
    assert f"folder:{tmp_path}: Left out 2: sub/half.png (" in message
    assert "text.jpg (not a PNG, JPEG, WebP, BMP, GIF, TIFF" in message
    assert levels(batches) == [7]


def test_of_many_broken_pictures_ten_are_named(when, make_model, tmp_path, save):
    save(tmp_path / "good.png", 7)
    for number in range(23):
        (tmp_path / f"bad{number:02}.png").write_text("I am a text")
    with pytest.warns(UserWarning, match="Left out 23: .*bad09.png.* and 13 more") as warned:
        in_order(tmp_path, make_model())
    assert "bad10.png" not in str(warned[0].message)


def test_labels_stay_with_their_pictures_when_others_are_left_out(
    make_model, tmp_path, save, levels, labels
):
    (save(tmp_path / "ant" / "1.png", 0)).write_text("I am a text")
    save(tmp_path / "ant" / "2.png", 10)
    spoil(save(tmp_path / "bee" / "1.png", NOISE))
    save(tmp_path / "bee" / "2.png", 11)
    with pytest.warns(UserWarning, match="Left out 2"):
        batches = list(in_order(tmp_path, make_model(num_classes=2)))
    assert levels(batches) == [10, 11] and labels(batches) == [0, 1]


def test_a_bomb_is_named(when, make_model, tmp_path, save, monkeypatch):
    from PIL import Image

    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    save(tmp_path / "bomb.png", 0, size=64)
    save(tmp_path / "good.png", 7)
    with pytest.warns(UserWarning, match=r"Left out 1: bomb.png \(.*exceed"):
        in_order(tmp_path, make_model())


def test_a_picture_that_breaks_while_training_is_named_and_replaced(
    make_model, tmp_path, save, levels, labels, monkeypatch
):
    monkeypatch.setattr(examples, "UP_FRONT_BYTES", 0)
    save(tmp_path / "ant" / "1.png", 10)
    spoil(save(tmp_path / "ant" / "2.png", NOISE))
    spoil(save(tmp_path / "ant" / "3.png", NOISE))
    save(tmp_path / "bee" / "1.png", 11)
    spoil(save(tmp_path / "bee" / "2.png", NOISE))
    batches = in_order(tmp_path, make_model(num_classes=2))
    assert len(batches) == 2  # of five: known before they are decoded
    with pytest.warns(UserWarning) as warned:
        epoch = list(batches)
    assert levels(epoch) == [10, 11, 11, 11, 10] and labels(epoch) == [0, 1, 1, 1, 0]
    left_out = {str(warning.message).split("left out ")[1].split()[0] for warning in warned}
    assert left_out == {"ant/2.png", "ant/3.png", "bee/2.png"}
    with warnings.catch_warnings():  # said once
        warnings.simplefilter("error")
        assert levels(batches) == levels(epoch)


# === Memory ===


def test_when_pictures_are_decoded_and_kept_makes_no_difference(
    make_model, tmp_path, save, monkeypatch
):
    noise = np.random.default_rng(1).integers(0, 256, (30, 11, 9, 3), np.uint8)
    for number, pixels in enumerate(noise):
        save(tmp_path / str(number % 3) / f"{number}.png", pixels)

    def two_epochs():
        batches = data.load(f"folder:{tmp_path}", make_model(num_classes=3), seed=1, flip=True)
        return [tuple(part.numpy() for part in batch) for _ in range(2) for batch in batches]

    expected = two_epochs()
    assert len(expected) == 14
    for up_front, cache in ((0, 2**30), (2**28, 0), (0, 0)):
        monkeypatch.setattr(examples, "UP_FRONT_BYTES", up_front)
        monkeypatch.setattr(examples, "CACHE_BYTES", cache)
        for came, wanted in zip(two_epochs(), expected, strict=True):
            assert all(np.array_equal(*pair) for pair in zip(came, wanted, strict=True))


@pytest.mark.parametrize(
    "room, on_disk, decoded", [(5 * 64, False, 5), (5 * 64 - 1, False, 10), (5 * 64 - 1, True, 5)]
)
def test_pictures_are_decoded_once_where_all_fit_in_memory_or_may_go_to_a_disk(
    make_model, tmp_path, tmp_path_factory, save, levels, monkeypatch, room, on_disk, decoded
):
    cache_dir = tmp_path_factory.mktemp("cache") if on_disk else None
    for number in range(5):
        save(tmp_path / f"{number}.png", number)
    monkeypatch.setattr(examples, "UP_FRONT_BYTES", 0)
    monkeypatch.setattr(examples, "CACHE_BYTES", room)
    read, reads = ImageConverter.read, []
    monkeypatch.setattr(
        ImageConverter, "read", lambda converter, path: reads.append(path) or read(converter, path)
    )
    batches = data.load(f"folder:{tmp_path}", make_model(batch_size=5), cache_dir=cache_dir)
    reads_of_load = len(reads)  # one picture is looked at, to know that one can be
    for _ in range(2):
        assert sorted(levels(batches)) == [0, 1, 2, 3, 4]
    assert not on_disk or not list(cache_dir.iterdir())  # without a name, to go with the process
    assert reads_of_load == 1
    assert len(set(reads)) == 5
    assert len(reads) - (reads_of_load if decoded == 10 else 0) == decoded


def test_a_cache_folder_that_cannot_hold_the_pictures_is_refused(
    make_model, tmp_path, save, monkeypatch
):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    for number in range(5):
        save(tmp_path / f"{number}.png", number)
    monkeypatch.setattr(examples, "UP_FRONT_BYTES", 0)
    monkeypatch.setattr(examples, "CACHE_BYTES", 0)
    source, model = f"folder:{tmp_path}", make_model()
    with pytest.raises(ValueError, match="cache folder .*nowhere cannot hold .No such file"):
        data.load(source, model, cache_dir=tmp_path / "nowhere")
    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(ValueError, match="cannot hold .No space left.*Name another"):
        data.load(source, model, cache_dir=tmp_path)


def test_of_a_large_folder_some_headers_are_looked_at(make_model, tmp_path, save, monkeypatch):
    monkeypatch.setattr(examples, "UP_FRONT_BYTES", 0)
    monkeypatch.setattr(files, "_LOOKED_AT", 3)
    checked = []
    check = ImageConverter.check
    monkeypatch.setattr(
        ImageConverter,
        "check",
        lambda *converter_and_path: checked.append(1) or check(*converter_and_path),
    )
    for number in range(7):
        save(tmp_path / f"{number}.png", number)
    (tmp_path / "3.png").write_bytes(b"no picture")  # looked at
    (tmp_path / "5.png").write_bytes(b"no picture")  # not
    with (
        pytest.warns(UserWarning, match="Left out 1: 3.png"),
        pytest.warns(UserWarning, match="Of 7 pictures 3 were looked at"),
    ):
        batches = in_order(tmp_path, make_model())
    assert len(checked) == 3
    with pytest.warns(UserWarning, match="left out 5.png"):
        list(batches)
