"""Translating videos and animations, in Python and from the command line."""

import subprocess

import imageio_ffmpeg
import numpy as np
import pytest
from fabrication import tiny
from PIL import Image, ImageSequence
from typer.testing import CliRunner

from keras_gans.cli import app
from keras_gans.images import grids, translate_clips, videos

runner = CliRunner(env={"COLUMNS": "200", "TERM": "dumb"})


def call(*arguments):
    return runner.invoke(app, [str(argument) for argument in arguments])


def frames_of(count=4, size=(40, 36), seed=0):
    shape = (count, size[1], size[0], 3)
    return np.random.default_rng(seed).integers(0, 256, shape, "uint8")


def animate(path, frames, **options):
    first, *others = map(Image.fromarray, frames)
    options = {"duration": [100, 200] * (len(frames) // 2), "loop": 3, **options}
    first.save(path, save_all=True, append_images=others, **options)
    return path


def film(path, frames, rate=12):
    with videos.writing(path, frames.shape[2:0:-1], rate, 10) as write:
        for frame in frames:
            write(frame)
    return path


def read(path):
    image = Image.open(path)
    return np.stack([frame.convert("RGB") for frame in ImageSequence.Iterator(image)])


def translated(model, source, output, **how):
    job = translate_clips.plan(source, output)
    translate_clips.translate_clip(model, job, **how)
    return job.target


@pytest.fixture(scope="module")
def of_clips():
    return tiny("vid2vid")


# === What becomes of clips ===


def test_a_model_of_clips_keeps_its_state(of_clips, tmp_path):
    frames = frames_of()
    source = animate(tmp_path / "in.png", frames)
    target = translated(of_clips, source, tmp_path / "out.png")
    expected = grids.to_uint8(of_clips.translate(frames / np.float32(127.5) - 1))
    np.testing.assert_array_equal(read(target), expected)
    alone = [of_clips.translate(frame[None] / np.float32(127.5) - 1)[0] for frame in frames]
    assert np.abs(expected[1:].astype(int) - grids.to_uint8(np.stack(alone))[1:]).max() > 10


@pytest.mark.parametrize("name", ["cyclegan", "pix2pixhd_avatars"])
def test_other_models_translate_each_frame_by_itself(name, tmp_path):
    """Of colours, and of grey sources."""
    model, frames = tiny(name), frames_of()
    source = animate(tmp_path / "in.png", frames)
    target = translated(model, source, tmp_path / "out.png", size="own")
    channels = model.networks_to_export()
    channels = next(iter(channels.values())).inputs[0].shape[-1]
    mode = "L" if channels == 1 else "RGB"
    given = np.stack([np.asarray(Image.fromarray(frame).convert(mode)) for frame in frames])
    given = given.reshape(*given.shape[:3], channels) / np.float32(127.5) - 1
    np.testing.assert_array_equal(read(target), grids.to_uint8(model.translate(given, size="own")))


@pytest.mark.parametrize("suffix", ["gif", "webp", "png"])
def test_animations_keep_format_durations_and_loop(of_clips, tmp_path, suffix):
    source = animate(tmp_path / f"in.{suffix}", frames_of())
    target = translated(of_clips, source, tmp_path / "out")
    assert target == tmp_path / "out" / f"in.{suffix}"
    made = Image.open(target)
    assert made.n_frames == 4 and made.size == (40, 36) and made.info["loop"] == 3
    durations = []
    for frame in ImageSequence.Iterator(made):
        frame.load()
        durations.append(frame.info["duration"])
    assert durations == [100, 200, 100, 200]


def test_videos_keep_frames_size_and_rate(of_clips, tmp_path):
    source = film(tmp_path / "in.mp4", frames_of(6))
    target = translated(of_clips, source, tmp_path / "out.mp4")
    video = videos.look(target)
    assert video.size == (40, 36) and video.rate == 12
    assert len(list(videos.frames(target, video))) == 6


def test_each_frame_is_counted(of_clips, tmp_path):
    source, seen = animate(tmp_path / "in.gif", frames_of()), []
    translated(of_clips, source, tmp_path / "out", done=lambda: seen.append(1))
    assert len(seen) == 4


def test_what_is_a_clip(tmp_path):
    Image.fromarray(frames_of()[0]).save(tmp_path / "one.gif")
    (tmp_path / "text.png").write_text("no picture")
    animate(tmp_path / "two.gif", frames_of())
    (tmp_path / "empty.mp4").write_bytes(b"")
    clips = [path.name for path in tmp_path.iterdir() if translate_clips.is_clip(path)]
    assert sorted(clips) == ["empty.mp4", "two.gif"]
    assert not translate_clips.is_clip(tmp_path) and not translate_clips.is_clip("missing.mp4")


def test_a_varying_frame_rate_is_found(tmp_path):
    source = film(tmp_path / "in.mp4", frames_of(24))
    slower = tmp_path / "varies.mp4"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-i", str(source), "-fps_mode", "vfr"]
    times = "setpts='if(lt(N,16),N,16+(N-16)*6)/(12*TB)'"
    done = subprocess.run([*command, "-vf", times, str(slower)], capture_output=True)
    assert done.returncode == 0, done.stderr
    for path, varies in ((source, False), (slower, True)):
        assert translate_clips.plan(path, tmp_path / "out").varies is varies


# === Refusals ===


def test_files_that_cannot_be_are_refused(of_clips, tmp_path, monkeypatch):
    source = animate(tmp_path / "in.gif", frames_of())
    with pytest.raises(ValueError, match=r"written as .gif, and the output ends in .mp4"):
        translate_clips.plan(source, tmp_path / "out.mp4")
    (tmp_path / "bad.mp4").write_bytes(b"nothing of a video")
    with pytest.raises(ValueError, match="ffmpeg finds no video in it"):
        translate_clips.plan(tmp_path / "bad.mp4", tmp_path / "out")
    (tmp_path / "out.gif").write_bytes(b"mine")
    with pytest.raises(FileExistsError, match="--overwrite"):
        translate_clips.plan(source, tmp_path / "out.gif")
    monkeypatch.setitem(__import__("sys").modules, "imageio_ffmpeg", None)
    with pytest.raises(ValueError, match=r'pip install "keras-gans\[video\]"'):
        translate_clips.plan(tmp_path / "bad.mp4", tmp_path / "out")


@pytest.mark.parametrize(
    ("name", "how", "message"),
    [
        ("realesrgan_x4", {}, "use `upscale`"),
        ("inpainting", {}, "a picture and a mask"),
        ("stargan", {}, "say what, by `labels` or `attributes`"),
        ("vid2vid", {"direction": "ba"}, "direction"),
        ("vid2vid", {"size": "huge"}, "size"),
    ],
)
def test_models_and_arguments_that_cannot_be_are_refused(name, how, message, tmp_path):
    job = translate_clips.plan(animate(tmp_path / "in.gif", frames_of()), tmp_path / "out")
    with pytest.raises(ValueError, match=message):
        translate_clips.translate_clip(tiny(name), job, **how)
    assert not (tmp_path / "out" / "in.gif").exists()


def test_on_the_command_line(of_clips, tmp_path):
    saved = tmp_path / "model.keras"
    of_clips.save(saved)
    source = animate(tmp_path / "in.png", frames_of())
    done = call("translate", saved, source, "--output", tmp_path / "out.png")
    assert done.exit_code == 0, done.output
    np.testing.assert_array_equal(
        read(tmp_path / "out.png"),
        grids.to_uint8(of_clips.translate(frames_of() / np.float32(127.5) - 1)),
    )
    Image.fromarray(frames_of()[0]).save(tmp_path / "one.png")
    for arguments, message in (
        ([tmp_path / "one.png"], "give a video or an animated"),
        ([source, "--sheet"], "leave them out for a clip"),
        ([tmp_path / "missing.mp4"], "There is no file or folder"),
    ):
        done = call("translate", saved, *arguments, "--output", tmp_path / "other")
        assert done.exit_code == 2 and message in " ".join(done.output.split()), done.output
    assert not (tmp_path / "other").exists()
