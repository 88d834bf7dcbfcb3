"""What is said of pictures that are left out or changed, and how far decoding them may go."""

import io
import os
import threading

import numpy as np
import pytest
from PIL import Image

from keras_gans import data
from keras_gans.data import decode
from keras_gans.data.account import Account
from keras_gans.data.decode import UnreadableError
from keras_gans.data.image_converter import ImageConverter
from keras_gans.data.whole import read_picture

NOISE = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)


def load(folder, model, **options):
    return data.load(f"folder:{folder}", model, drop_remainder=False, **options)


def test_what_is_changed_of_pictures_is_counted_by_kind(tmp_path, make_model, save):
    colour = Image.fromarray(NOISE)
    save(tmp_path / "plain.png", NOISE)
    colour.convert("RGBA").save(tmp_path / "clear.png")
    colour.convert("L").save(tmp_path / "grey.png")
    colour.convert("CMYK").save(tmp_path / "ink.jpg")
    Image.fromarray(NOISE[..., 0].astype(np.uint16) * 257).save(tmp_path / "deep.png")
    colour.resize((8, 6)).save(tmp_path / "wide.png")
    colour.save(tmp_path / "moving.gif", save_all=True, append_images=[colour.rotate(90)])
    with pytest.warns(UserWarning) as warned:
        batches = load(tmp_path, make_model(8, 3))
    (warning,) = warned
    message = str(warning.message)
    assert "Left out" not in message and "Changed 6: " in message
    for part in (
        "1 with transparency, seen on white",
        "2 grey, made colour",
        "1 of 16 bits, made 8",
        "1 of CMYK or another colour space, made RGB",
        "1 not square, cropped",
        "1 of several frames or pages, of which the first is seen",
    ):
        assert part in message
    assert "deep.png: of 16 bits, made 8" in batches.account.lines()


@pytest.mark.parametrize(
    ("fit", "words"),
    [("crop", "cropped"), ("stretch", "squeezed"), ("pad", "padded with white")],
)
def test_how_pictures_are_fitted_is_said(tmp_path, make_model, save, fit, words):
    save(tmp_path / "wide.png", np.zeros((8, 12), np.uint8))
    save(tmp_path / "nearly.png", np.zeros((99, 100), np.uint8))  # one pixel is no change
    with pytest.warns(UserWarning, match=f"Changed 1: 1 not square, {words}"):
        load(tmp_path, make_model(), fit=fit)


def test_pad_shows_the_whole_picture_on_white():
    picture = Image.new("RGB", (40, 20), "black")
    pixels = ImageConverter(16, 16, 3, "pad").from_image(picture)
    assert (pixels[:4] == 255).all() and (pixels[4:12] == 0).all() and (pixels[12:] == 255).all()


def test_a_remainder_that_is_not_shown_is_counted(tmp_path, make_model, save):
    for number in range(7):
        save(tmp_path / f"{number}.png", number)
    with pytest.warns(UserWarning, match="In each epoch 3 of 7 pictures are not shown.*batch of 4"):
        data.load(f"folder:{tmp_path}", make_model())


def test_pictures_beside_the_folders_that_are_read_are_counted(tmp_path, make_model, save):
    for name in ("train/1.png", "test/1.png", "2.png", "more/3.png"):
        save(tmp_path / name, 0)
    with pytest.warns(UserWarning, match="2 beside the folders that are read .2.png, 3.png"):
        load(tmp_path, make_model())


@pytest.mark.parametrize("suffix", ["jfif", "jpe", "tif", "avif", "webp", "jp2", "ppm", "heic"])
def test_all_usual_suffixes_are_pictures(tmp_path, make_model, save, levels, suffix):
    if suffix == "heic":
        pytest.importorskip("pillow_heif")
    save(tmp_path / f"a.{suffix}", np.full((64, 64, 3), 100, np.uint8))
    (level,) = levels(load(tmp_path, make_model(8, 3)))
    assert abs(level - 100) <= 2


def test_heif_is_named_where_its_package_is_missing(tmp_path, make_model, save, monkeypatch):
    save(tmp_path / "1.png", 0)
    (tmp_path / "phone.HEIC").write_bytes(b"")
    monkeypatch.setattr("keras_gans.data.walking.SUFFIXES", frozenset({".png"}))
    with pytest.warns(UserWarning, match=r"1 of a format that keras-gans\[heif\] reads .phone"):
        load(tmp_path, make_model())


def test_links_to_themselves_and_folders_that_cannot_be_opened_are_named(
    tmp_path, make_model, save, levels, monkeypatch
):
    save(tmp_path / "1.png", 5)
    save(tmp_path / "locked" / "2.png", 6)
    (tmp_path / "loop.png").symlink_to("loop.png")
    scandir = os.scandir

    def denied(path):
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", denied)
    with pytest.warns(UserWarning) as warned:
        assert levels(load(tmp_path, make_model())) == [5]
    message = str(warned[0].message)
    assert "locked/ (cannot be opened: Permission denied)" in message
    assert "loop.png (a link that leads nowhere)" in message


def test_names_cannot_write_on_the_terminal(tmp_path, make_model, save):
    save(tmp_path / "1.png", 0)
    (tmp_path / "\x1b[2Jred\n.png").write_bytes(b"no picture")
    (tmp_path / os.fsdecode(b"\xff.png")).write_bytes(b"no picture")
    with pytest.warns(UserWarning) as warned:
        load(tmp_path, make_model())
    message = str(warned[0].message)
    assert "\x1b" not in message and "\n" not in message and "\\x1b[2Jred\\n.png" in message
    message.encode()


def test_of_many_kinds_examples_are_named():
    account = Account()
    for number in range(12):
        account.pass_over("hidden", f".{number}")
    assert account.listing() == (
        "Left out 12: 12 hidden (.0, .1, .2, .3, .4, .5, .6, .7, .8, .9, ...)."
    )


# === What decoding takes ===


def encoded(picture, format="PNG", **options):
    file = io.BytesIO()
    picture.save(file, format, **options)
    file.seek(0)
    return file


@pytest.mark.parametrize("read", [ImageConverter(8, 8, 3).read, read_picture])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_picture_that_takes_too_much_memory_is_refused_undecoded(read, mode, monkeypatch):
    monkeypatch.setattr(decode, "DECODING_BYTES", 64 * 64 * 8)
    taken = encoded(Image.new(mode, (40, 40)))
    read(taken)
    taken.seek(0)
    monkeypatch.setattr(decode, "DECODING_BYTES", 40 * 40 * 8 - 1)
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("was decoded"))
    with pytest.raises(UnreadableError, match="40 x 40 pixels takes .* the most"):
        read(taken)


def test_threads_share_the_room_for_decoding(monkeypatch):
    monkeypatch.setattr(decode, "DECODING_BYTES", 100)
    room, most, lock = decode._Room(), [], threading.Lock()
    inside = 0

    def work(count):
        nonlocal inside
        with room.for_bytes(count):
            with lock:
                inside += count
                most.append(inside)
            with lock:
                inside -= count

    threads = [threading.Thread(target=work, args=(count,)) for count in [60, 50, 30, 100] * 5]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(most) == 20 and max(most) <= 100


@pytest.mark.parametrize("read", [ImageConverter(8, 8, 3).read, read_picture])
def test_a_jpeg_of_endless_scans_is_refused(read):
    picture = Image.fromarray(NOISE).resize((64, 64))
    whole = encoded(picture, "JPEG", progressive=True).getvalue()
    read(io.BytesIO(whole))
    last = whole.rindex(b"\xff\xda")
    many = whole[:-2] + whole[last:-2] * 200 + whole[-2:]
    with pytest.raises(UnreadableError, match="a JPEG of 2.. scans"):
        read(io.BytesIO(many))


def test_numbers_without_a_known_white_are_refused():
    for picture in (
        Image.fromarray(np.linspace(0, 1, 64, dtype="float32").reshape(8, 8)),
        Image.fromarray(np.full((8, 8), 70_000, np.int32)),
    ):
        with pytest.raises(UnreadableError, match="its numbers"):
            ImageConverter(8, 8, 1).read(encoded(picture, "TIFF"))
