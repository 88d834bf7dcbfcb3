"""Upscaling files: what is kept of them, what is refused, and what is left when it fails."""

import contextlib
import dataclasses
import importlib.util
import io
import json
import os
import pathlib
import re
import struct
import subprocess
import sys
import zlib

import awkward_files
import keras
import numpy as np
import pytest
from fabrication import tiny
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from typer.testing import CliRunner

from keras_gans import zoo
from keras_gans.cli import app, common
from keras_gans.core.upscaling import Upscaler
from keras_gans.data.account import Account
from keras_gans.data.whole import Layers
from keras_gans.images import file_plan, grids, transparency, upscale_files, videos

runner = CliRunner(env={"COLUMNS": "200", "TERM": "dumb"})
PROFILE = b"a profile of 22 bytes!"


def call(*arguments):
    return runner.invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def repeating():
    """Makes each pixel 2 x 2 of its value, so that what comes out is known."""
    model = tiny("srresnet")
    source = keras.Input((None, None, 3), name="source")
    model.generator = keras.Model(source, keras.layers.UpSampling2D(2, name="target")(source))
    return Upscaler(model)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.keras"
    tiny("srresnet").save(path)
    return path


def noise(height=12, width=20, channels=3, seed=0):
    shape = (height, width, channels)
    return np.random.default_rng(seed).integers(0, 256, shape, "uint8")


def image(*arguments, **named):
    return Image.fromarray(noise(*arguments, **named).squeeze())


def times(pixels, scale=2):
    return np.asarray(pixels).repeat(scale, axis=0).repeat(scale, axis=1)


def upscaled(upscaler, path, output, **named):
    """Upscales a file or folder; returns where the results lie."""
    account = named.setdefault("account", Account())
    jobs = upscale_files.plan(upscaler, path, output, **named)
    done = list(upscale_files.upscale_files(upscaler, jobs, account))
    assert not [one.problem for one in done if one.problem]
    return [one.job.target for one in done]


def one(upscaler, picture, tmp_path, name="in.png", output="out", **options):
    """A picture through a file and back; returns it and what was noted."""
    path = tmp_path / name
    picture.save(path, **options)
    account = Account()
    (target,) = upscaled(upscaler, path, tmp_path / output, account=account)
    with Image.open(target) as made:
        made.load()
    return made, account.changes()


# === What is kept ===


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "LA"])
def test_modes_are_kept(repeating, tmp_path, mode):
    picture = image(channels=len(mode))
    if "A" in mode:
        picture.putalpha(Image.new("L", picture.size, 255))
    picture = picture.convert(mode)
    made, changes = one(repeating, picture, tmp_path)
    assert made.mode == mode and not changes
    np.testing.assert_array_equal(np.asarray(made), times(picture))


def test_grey_of_16_bits_is_kept(repeating, tmp_path):
    pixels = np.arange(12 * 20, dtype="uint16").reshape(12, 20) * 273
    made, changes = one(repeating, Image.fromarray(pixels), tmp_path)
    assert made.mode == "I;16" and not changes
    np.testing.assert_array_equal(np.asarray(made), times(pixels))
    made, changes = one(repeating, Image.fromarray(pixels), tmp_path, output="out.jpg")
    assert made.mode == "L" and "of 16 bits, made 8" in changes
    made, changes = one(repeating, Image.fromarray(pixels), tmp_path, "t.png", transparency=273)
    assert made.mode == "LA" and "of 16 bits, made 8" in changes
    assert made.getpixel((2, 0))[1] < 128 < made.getpixel((20, 10))[1]


def test_colours_of_16_bits_are_said_to_be_8(repeating, tmp_path):
    def chunk(kind, content):
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    rows = b"".join(b"\0" + bytes([16, 255] * 3 * 4) for _ in range(4))
    head = struct.pack(">2I5B", 4, 4, 16, 2, 0, 0, 0)
    (tmp_path / "deep.png").write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )
    account = Account()
    (target,) = upscaled(repeating, tmp_path / "deep.png", tmp_path / "out", account=account)
    assert account.changes() == "Changed 1: 1 of 16 bits, made 8."
    assert np.asarray(Image.open(target)).shape == (8, 8, 3)


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif"])
def test_the_colour_profile_is_kept_and_other_metadata_is_not(repeating, tmp_path, suffix):
    exif = Image.Exif()
    exif[0x010F] = "A camera"
    named = {"icc_profile": PROFILE, "exif": exif, "dpi": (300, 300)}
    made, _ = one(repeating, image(), tmp_path, f"in.{suffix}", f"out.{suffix}", **named)
    assert made.info["icc_profile"] == PROFILE
    assert not made.getexif().get(0x010F) and made.info.get("dpi", (0, 0))[0] < 100
    made, _ = one(repeating, image(channels=1), tmp_path, f"in.{suffix}", "g.png", **named)
    assert made.mode == ("RGB" if suffix == "webp" else "L")
    assert made.info["icc_profile"] == PROFILE


def test_a_profile_of_grey_is_not_given_to_colours(repeating, tmp_path):
    grey = image(channels=1)
    made, _ = one(repeating, grey, tmp_path, output="out.webp", icc_profile=PROFILE)
    assert made.mode == "RGB" and "icc_profile" not in made.info


def test_cmyk_is_made_rgb_without_its_profile(repeating, tmp_path):
    picture = image().convert("CMYK")
    made, changes = one(repeating, picture, tmp_path, "in.tif", icc_profile=PROFILE)
    assert made.mode == "RGB" and "icc_profile" not in made.info and "CMYK" in changes
    np.testing.assert_array_equal(np.asarray(made), times(picture.convert("RGB")))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_turned_as_their_camera_says(repeating, tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = image(8, 16)
    made, _ = one(repeating, picture, tmp_path, exif=exif)
    assert made.size == ((32, 16) if orientation < 5 else (16, 32))
    assert made.getexif().get(0x0112, 1) == 1
    if orientation == 6:
        np.testing.assert_array_equal(np.asarray(made), times(np.rot90(picture, -1)))


def test_palettes_become_colours(repeating, tmp_path):
    picture = image().quantize(16)
    made, changes = one(repeating, picture, tmp_path)
    assert not changes
    np.testing.assert_array_equal(np.asarray(made), times(picture.convert("RGB")))
    made, _ = one(repeating, picture, tmp_path, "t.png", transparency=0)
    assert made.mode == "RGBA" and made.getchannel("A").getextrema()[0] < 128


def test_transparency_has_no_dark_fringe(repeating, tmp_path):
    """A white disc over black that is transparent stays white wherever it is seen."""
    y, x = np.mgrid[:40, :40]
    inside = (y - 20) ** 2 + (x - 20) ** 2 < 150
    pixels = np.zeros((40, 40, 4), "uint8")
    pixels[inside] = 255
    model = tiny("srresnet")
    source = keras.Input((None, None, 3), name="source")
    larger = keras.layers.UpSampling2D(2)(source)
    mixed = keras.layers.AveragePooling2D(3, strides=1, padding="same", name="target")(larger)
    model.generator = keras.Model(source, mixed)
    made, _ = one(Upscaler(model), Image.fromarray(pixels), tmp_path)
    colours, alpha = np.asarray(made)[..., :3], np.asarray(made)[..., 3]
    assert (colours[alpha > 0] == 255).all()
    assert alpha[0, 0] == 0 and alpha[40, 40] == 255
    flat, changes = one(Upscaler(model), Image.fromarray(pixels), tmp_path, output="flat.jpg")
    assert "transparency, seen on white" in changes and np.asarray(flat).min() > 250


@pytest.mark.parametrize("how", upscale_files.ALPHAS)
@pytest.mark.parametrize("channels", [1, 3])
def test_transparency_becomes_larger_as_is_asked_for(repeating, tmp_path, how, channels):
    """This network repeats pixels, which no filter does."""
    picture, alpha = image(channels=channels), noise(channels=1, seed=1)[..., 0]
    picture.putalpha(Image.fromarray(alpha))
    picture.save(tmp_path / "in.png")
    (target,) = upscaled(repeating, tmp_path / "in.png", tmp_path / "out", alpha=how)
    if how == "network":
        expected = times(alpha)
    else:
        size, filter = (2 * alpha.shape[1], 2 * alpha.shape[0]), Image.Resampling[how.upper()]
        expected = Image.fromarray(alpha).resize(size, filter)
    made = Image.open(target)
    np.testing.assert_array_equal(np.asarray(made)[..., -1], expected)
    np.testing.assert_array_equal(
        np.asarray(made)[..., :-1][times(alpha) > 0],
        times(np.asarray(picture))[..., :-1][times(alpha) > 0],
    )


def test_transparency_is_upscaled_as_a_grey_picture_on_the_command_line(saved, tmp_path):
    picture, alpha = image(), noise(channels=1, seed=1)[..., 0]
    picture.putalpha(Image.fromarray(alpha))
    picture.save(tmp_path / "in.png")
    arguments = ("upscale", saved, tmp_path / "in.png", "--scale", 3, "--alpha")
    result = call(*arguments, "network", "--output", tmp_path / "out.png")
    assert result.exit_code == 0, result.output
    made = np.asarray(Image.open(tmp_path / "out.png"))[..., -1]
    expected = zoo.load(saved).upscale(alpha[..., None] / np.float32(127.5) - 1, scale=3)
    np.testing.assert_allclose(made, grids.to_uint8(expected)[..., 0], atol=1)
    result = call(*arguments, "nearest", "--output", tmp_path / "other.png")
    assert result.exit_code == 2 and not (tmp_path / "other.png").exists()
    known = "`--alpha` must be one of ['bicubic', 'lanczos', 'network']. Received: 'nearest'"
    assert known in result.output


@pytest.mark.parametrize("how", upscale_files.ALPHAS)
def test_transparency_of_one_value_stays_as_it_is(tmp_path, how):
    picture = image()
    picture.putalpha(200)
    picture.save(tmp_path / "in.png")
    upscaler = Upscaler(tiny("srresnet"))
    (target,) = upscaled(upscaler, tmp_path / "in.png", tmp_path / "out", alpha=how)
    assert (np.asarray(Image.open(target))[..., -1] == 200).all()


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 20), st.integers(1, 20), st.floats(0, 1), st.integers(0, 9))
def test_what_is_visible_is_never_changed(height, width, share, seed):
    chance = np.random.default_rng(seed)
    alpha = (chance.uniform(size=(height, width)) < share).astype("uint8") * 200
    pixels = chance.integers(0, 256, (height, width, 3)).astype("uint8")
    made = transparency.covered(pixels, alpha)
    np.testing.assert_array_equal(made[alpha > 0], pixels[alpha > 0])
    if alpha.any():
        seen = pixels[alpha > 0]
        assert (made >= seen.min(axis=0)).all() and (made <= seen.max(axis=0)).all()
    else:
        assert made is pixels


# === Animations ===

DURATIONS = [50, 100, 150, 70]


def frames(mode="RGB"):
    made = [image(10, 14, 3, seed=seed).quantize(8).convert(mode) for seed in range(4)]
    if mode == "RGBA":
        for number, frame in enumerate(made):
            frame.putpixel((number, 0), (0, 0, 0, 0))
    return made


def moved(path):
    """(frames in RGBA, durations, loop) of a file."""
    with Image.open(path) as moving:
        found, durations = [], []
        for number in range(moving.n_frames):
            moving.seek(number)
            found.append(np.asarray(moving.convert("RGBA")))
            durations.append(round(moving.info["duration"]))
        return found, durations, moving.info.get("loop")


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("suffix", ["gif", "png", "webp"])
def test_animations_keep_durations_loops_and_transparency(repeating, tmp_path, suffix, mode):
    first, *others = frames(mode)
    lossless = {"lossless": True, "exact": True} if suffix == "webp" else {}
    disposal = {"disposal": 2} if suffix == "gif" else {}
    named = {"save_all": True, "append_images": others, "duration": DURATIONS, "loop": 3}
    first.save(tmp_path / f"in.{suffix}", **named, **lossless, **disposal)
    (target,) = upscaled(repeating, tmp_path / f"in.{suffix}", tmp_path / "out")
    assert target.suffix == f".{suffix}"
    made, durations, loop = moved(target)
    assert durations == DURATIONS and loop == 3
    before, _, _ = moved(tmp_path / f"in.{suffix}")
    for number, (small, large) in enumerate(zip(before, made, strict=True)):
        assert large.shape == (20, 28, 4)
        # Lanczos' filter reaches three pixels of the small frame.
        assert np.array_equal(large[8:, :, 3], times(small)[8:, :, 3])
        if mode == "RGBA":
            assert large[0, 2 * number, 3] < 255
        seen = times(small)[..., 3] == 255
        difference = np.abs(large[..., :3].astype(int) - times(small)[..., :3])[seen]
        assert difference.mean() < (30 if suffix == "webp" else 1)


@pytest.mark.parametrize(("mode", "kept"), [("L", "L"), ("LA", "RGBA")])
def test_grey_animations(repeating, tmp_path, mode, kept):
    grey = [image(10, 14, 1, seed=seed) for seed in range(2)]
    first, other = [one.convert(mode) for one in grey]
    first.save(tmp_path / "in.png", save_all=True, append_images=[other], duration=90)
    (target,) = upscaled(repeating, tmp_path / "in.png", tmp_path / "out")
    with Image.open(target) as moving:
        assert moving.n_frames == 2 and moving.mode == kept
        for number, one in enumerate(grey):
            moving.seek(number)
            np.testing.assert_array_equal(np.asarray(moving.convert("L")), times(one))


def test_animations_of_16_bits_are_said_to_be_8(repeating, tmp_path, monkeypatch):
    deep = np.full((4, 4, 1), 65535, "uint16")
    layers = [Layers(deep // number, duration=40) for number in (1, 2)]
    monkeypatch.setattr(upscale_files, "read_frames", lambda path, noted: (layers, 0))
    first, *others = frames()
    first.save(tmp_path / "in.png", save_all=True, append_images=others)
    account = Account()
    (target,) = upscaled(repeating, tmp_path / "in.png", tmp_path / "out", account=account)
    assert account.changes() == "Changed 1: 1 of 16 bits, made 8."
    assert [frame[0, 0, 0] for frame in moved(target)[0]] == [255, 127]


def test_a_gif_that_is_played_once_stays_so(repeating, tmp_path):
    first, *others = frames()
    first.save(tmp_path / "in.gif", save_all=True, append_images=others, duration=40)
    (target,) = upscaled(repeating, tmp_path / "in.gif", tmp_path / "out.webp")
    (again,) = upscaled(repeating, tmp_path / "in.gif", tmp_path / "out.gif")
    assert moved(again)[2] is None and len(moved(target)[0]) == 4


def test_an_animation_is_no_jpeg(repeating, tmp_path):
    first, *others = frames()
    first.save(tmp_path / "in.gif", save_all=True, append_images=others)
    with pytest.raises(ValueError, match="animation of 4 frames, which is written as .gif, .png, "):
        upscale_files.plan(repeating, tmp_path / "in.gif", tmp_path / "out.jpg")
    first.save(tmp_path / "still.gif")
    with pytest.raises(ValueError, match=r"it is a picture, which .* ends in .gif"):
        upscale_files.plan(repeating, tmp_path / "still.gif", tmp_path / "out.gif")


def with_ffmpeg():
    return importlib.util.find_spec("imageio_ffmpeg") is not None


def test_videos_without_ffmpeg(repeating, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    (tmp_path / "in.mp4").write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r'need imageio-ffmpeg: pip install "keras-gans\[video\]"'):
        upscale_files.plan(repeating, tmp_path / "in.mp4", tmp_path / "out")


@pytest.mark.skipif(not with_ffmpeg(), reason="imageio-ffmpeg is not installed")
def test_videos_keep_frames_and_rate(repeating, tmp_path):
    source = tmp_path / "in.mp4"
    with videos.writing(source, (30, 21), 12, 10) as write:
        for level in (0, 60, 120, 180, 240):
            write(np.full((21, 30, 3), level, "uint8"))
    (target,) = upscaled(repeating, source, tmp_path / "out")
    video = videos.look(target)
    assert video.size == (60, 44) and video.rate == 12  # 22 rows were written of 21
    levels = [frame.mean() for frame in videos.frames(target, video)]
    np.testing.assert_allclose(levels, (0, 60, 120, 180, 240), atol=4)
    with pytest.raises(ValueError, match=r"a video, which is written as .mp4"):
        upscale_files.plan(repeating, source, tmp_path / "out.gif")
    source.write_bytes(b"nothing")
    with pytest.raises(ValueError, match="ffmpeg finds no video in it"):
        upscale_files.plan(repeating, source, tmp_path / "out2")


@pytest.mark.parametrize(
    ("printed", "exact"), [(29.97, "30000/1001"), (23.98, "24000/1001"), (25, "25"), (12.5, "25/2")]
)
def test_rates_are_exact(printed, exact):
    assert str(videos._exact(printed)) == exact


# === Names and places ===


def test_a_folder_keeps_its_structure_and_names_never_collide(repeating, tmp_path):
    for name in ("a.png", "a.jpg", "deep/er/b.jpg", "deep/a.png"):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image().save(path)
    targets = upscaled(repeating, tmp_path / "in", tmp_path / "out", format="webp")
    assert sorted(str(target.relative_to(tmp_path / "out")) for target in targets) == [
        *("a.jpg.webp", "a.png.webp", "deep/a.webp", "deep/er/b.webp")
    ]
    with pytest.raises(FileExistsError, match="--overwrite"):
        upscale_files.plan(repeating, tmp_path / "in", tmp_path / "out", format="webp")
    assert upscaled(repeating, tmp_path / "in", tmp_path / "out", format="webp", overwrite=True)


def test_no_source_is_replaced(repeating, tmp_path):
    image().save(tmp_path / "a.png")
    for path in (tmp_path / "a.png", tmp_path):
        with pytest.raises(ValueError, match="a.png would be replaced by its upscaled picture"):
            upscale_files.plan(repeating, path, tmp_path, overwrite=True)
    image().save(tmp_path / "sheet.png")
    with pytest.raises(ValueError, match="The sheet would replace"):
        upscale_files.plan(repeating, tmp_path / "sheet.png", tmp_path / "b.png", sheet=True)


@pytest.mark.parametrize("size", [(60_000, 60_000), (30_000, 30_000), (11_000, 9000)])
def test_huge_pictures_are_refused_with_what_would_do(repeating, tmp_path, size):
    (tmp_path / "bomb.png").write_bytes(awkward_files._png_of_zeros(*size))
    with pytest.raises(ValueError, match="bomb.png cannot be used: .*9459 x 9459 would do"):
        upscale_files.plan(repeating, tmp_path / "bomb.png", tmp_path / "out")


def test_pictures_whose_result_is_too_large_are_refused_before(repeating, tmp_path):
    (tmp_path / "wide.png").write_bytes(awkward_files._png_of_zeros(20_000, 4000))
    with pytest.raises(
        ValueError, match="`scale` of at most 1.83, or a picture of at most 18317 x"
    ):
        upscale_files.plan(repeating, tmp_path / "wide.png", tmp_path / "out")
    image(1, 9000).save(tmp_path / "long.png")
    with pytest.raises(ValueError, match="too many for .webp, .* `scale` of at most 1.82, or .png"):
        upscale_files.plan(repeating, tmp_path / "long.png", tmp_path / "out.webp")


def test_files_that_are_no_pictures(repeating, tmp_path):
    (tmp_path / "a.png").write_bytes(b"nothing")
    with pytest.raises(ValueError, match="a.png cannot be used: not a PNG"):
        upscale_files.plan(repeating, tmp_path / "a.png", tmp_path / "out")
    with pytest.raises(ValueError, match="holds no pictures .*a.png"):
        upscale_files.plan(repeating, tmp_path, tmp_path / "out")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="empty holds no pictures"):
        upscale_files.plan(repeating, tmp_path / "empty", tmp_path / "out")


def test_a_picture_cut_in_the_middle_is_left_out_and_leaves_nothing(repeating, tmp_path):
    file = io.BytesIO()
    image(60, 60).save(file, "PNG")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "cut.png").write_bytes(file.getvalue()[:3000])
    image().save(tmp_path / "in" / "good.png")
    jobs = upscale_files.plan(repeating, tmp_path / "in", tmp_path / "out")
    done = list(upscale_files.upscale_files(repeating, jobs))
    assert [bool(one.problem) for one in done] == [True, False]
    assert os.listdir(tmp_path / "out") == ["good.png"]


def test_awkward_files_are_upscaled_or_named(repeating, tmp_path):
    awkward_files.make(tmp_path / "in", largest=300)
    account = Account()
    jobs = upscale_files.plan(repeating, tmp_path / "in", tmp_path / "out", account=account)
    seen = 0
    for one in upscale_files.upscale_files(repeating, jobs, account):
        if one.problem:
            assert not one.job.target.exists()
            continue
        seen += 1
        with Image.open(one.job.target) as made:
            assert made.size == one.job.size
            made.load()
    assert seen > 60
    assert not [path for path in (tmp_path / "out").rglob("*") if ".partial" in path.name]


# === Sheets ===


def test_the_sheet_shows_where_they_differ(repeating, tmp_path):
    pixels = np.full((600, 800, 3), 128, "uint8")
    pixels[400:500, 620:720] = noise(100, 100)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    jobs = upscale_files.plan(repeating, tmp_path / "a.png", tmp_path / "out")
    (one,) = upscale_files.upscale_files(repeating, jobs, crops=1)
    before, after = one.crops
    assert before.shape == after.shape == (256, 256, 3)
    assert after.std() > 30 and before.std() > 30
    assert any(
        np.array_equal(after, times(pixels)[top : top + 256, left : left + 256])
        for top in range(0, 1200 - 255, 64)  # windows are tried a quarter of their side apart
        for left in range(0, 1600 - 255, 64)
    )
    assert np.corrcoef(before.ravel(), after.ravel())[0, 1] > 0.8
    assert upscale_files.side_by_side([one]).size == (2 * 258 + 2, 260)


def test_the_sheet_looks_for_detail_in_large_pictures_reduced(monkeypatch):
    pixels = np.full((100, 300, 3), 128, "uint8")
    pixels[40:60, 200:220] = noise(20, 20)
    for side in (2048, 150):
        monkeypatch.setattr(upscale_files, "_LOOKED_AT", side)
        left, top = upscale_files._busiest(Image.fromarray(pixels), 40, 40)
        assert 180 <= left <= 200 and 20 <= top <= 40


# === The command ===


def test_the_command(saved, tmp_path):
    image().save(tmp_path / "a.png")
    (tmp_path / "in").mkdir()
    image(40, 30).save(tmp_path / "in" / "b.png")
    (tmp_path / "in" / "bad.png").write_bytes(b"nothing")
    arguments = ["upscale", saved, tmp_path / "a.png", "--output", tmp_path / "b.jpg"]
    result = call(*arguments, "--scale", "1.5", "--sheet")
    assert result.exit_code == 0, result.output
    assert "to 30 x 18 pixels" in result.output and "left" in result.output
    assert Image.open(tmp_path / "b.jpg").size == (30, 18)
    assert (tmp_path / "sheet.png").exists()
    again = call(*arguments)
    assert again.exit_code == 2 and "--overwrite" in again.output
    result = call("upscale", saved, tmp_path / "in", "--output", tmp_path / "out")
    assert result.exit_code == 1 and "bad.png (not a PNG" in result.output
    assert os.listdir(tmp_path / "out") == ["b.png"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--scale", "0"], "`--scale` must be a finite number above 0"),
        (["--scale", "-2"], "`--scale` must be a finite number above 0"),
        (["--scale", "nan"], "`--scale` must be a finite number above 0"),
        (["--scale", "1.3e9"], "use a `--scale` of at most 1050."),
        (["--tile", "64"], "`--tile` must be at least 96"),
        (["--format", "gif"], "`--format` must be one of"),
        (["--output", "b.gif"], "written as .bmp, .jpeg, .jpg, .png"),
    ],
)
def test_mistakes(saved, tmp_path, arguments, said, monkeypatch):
    monkeypatch.chdir(tmp_path)
    image(12, 20).save(tmp_path / "a.png")
    result = call("upscale", saved, "a.png", *arguments)
    assert result.exit_code == 2 and said in result.output, result.output
    assert "Traceback" not in result.output and os.listdir(tmp_path) == ["a.png"]


def test_models_that_do_not_upscale(tmp_path):
    image().save(tmp_path / "a.png")
    tiny("pix2pix").save(tmp_path / "other.keras")
    result = call("upscale", tmp_path / "other.keras", tmp_path / "a.png")
    assert result.exit_code == 2
    assert re.search("pix2pix, which does not upscale. Of the zoo these do: .*srgan", result.output)


def test_entries_whose_data_does_not_ship_are_opened(monkeypatch):
    row = dataclasses.replace(zoo.entry("pix2pix_emoji"), data=None)
    monkeypatch.setattr(zoo, "entry", lambda name: row)
    _, model, ships = common.trained_run(pathlib.Path("pix2pix_emoji"))
    assert ships and model.name == "pix2pix_emoji"


def test_translate_points_to_upscale(saved, tmp_path):
    image().save(tmp_path / "a.png")
    result = call("translate", saved, tmp_path / "a.png", "--output", tmp_path / "b.png")
    assert result.exit_code == 2 and "use `upscale`" in result.output
    assert os.listdir(tmp_path) == ["a.png"]


def test_help_fits_into_80_columns():
    narrow = CliRunner(env={"COLUMNS": "80", "TERM": "dumb"})
    result = narrow.invoke(app, ["upscale", "--help"])
    assert result.exit_code == 0 and "keras-gans upscale realesrgan_x4 photo.jpg" in result.output
    assert max(map(len, result.output.splitlines())) <= 80


# === Memory ===

MEASURED = """
import json, resource, sys
from keras_gans import zoo
from keras_gans.cli import app, common
try:
    app(sys.argv[1:])
finally:
    print("PEAK", json.dumps(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))
"""


@pytest.mark.large
def test_a_photograph_of_12_megapixels_takes_less_than_4_gib(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)  # the result is more than Pillow's limit
    model = tiny("srresnet", scale=4)
    model.save(tmp_path / "model.keras")
    photo = Image.fromarray(noise(300, 400)).resize((4000, 3000), Image.Resampling.BICUBIC)
    photo.save(tmp_path / "photo.jpg", quality=95)
    paths = [tmp_path / "model.keras", tmp_path / "photo.jpg", "--output", tmp_path / "large.jpg"]
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, "upscale", *map(str, paths)],
        capture_output=True,
        text=True,
        cwd=pathlib.Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr[-2000:]
    peak = json.loads(done.stdout.rpartition("PEAK ")[2])  # in KiB
    print(f"peak {peak / 2**20:.2f} GiB")
    assert peak < 4 * 2**20
    with contextlib.closing(Image.open(tmp_path / "large.jpg")) as made:
        assert made.size == (16_000, 12_000)
    assert file_plan.SHEET not in os.listdir(tmp_path)
