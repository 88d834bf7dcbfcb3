"""Translating clips: a video or an animation, frame by frame.

Models of clips keep their state from frame to frame; others see each frame by itself.
"""

import dataclasses
import pathlib

import numpy as np

from keras_gans.core.signature import (
    clips_of,
    directions,
    images_of,
    source_of,
    takes_clips,
    takes_masks,
    upscaling_network,
)
from keras_gans.data.decode import UnreadableError
from keras_gans.data.whole import ANIMATED, read_frames, read_header
from keras_gans.images import file_plan, grids, translate_files, upscale_files, videos
from keras_gans.utils.checks import check_choice
from keras_gans.utils.files import resolve, staged
from keras_gans.utils.text import plain_line

#: What a file of one clip may be called; all others are folders.
WRITTEN = frozenset({".mp4", *ANIMATED.values()})


@dataclasses.dataclass(frozen=True)
class Job:
    """A clip and what it will become.

    Attributes:
        source: path of the file.
        target: path of its translation.
        frames: how many there are; of a video about.
        video: a `videos.Video`; None of an animation.
        varies: whether the frame rate of the video varies; it is written at its mean.
    """

    source: pathlib.Path
    target: pathlib.Path
    frames: int
    video: videos.Video | None = None
    varies: bool = False


def is_clip(path):
    """Whether a path is a video, by its suffix, or a file of an animation."""
    path = pathlib.Path(path)
    if not path.is_file():
        return False
    if path.suffix.lower() in videos.SUFFIXES:
        return True
    try:
        return read_header(path).frames > 1
    except UnreadableError:
        return False


def plan(path, output, overwrite=False):
    """Which file a clip will become; nothing is written.

    Args:
        path: a video, or an animated GIF, WebP or PNG.
        output: folder for the translation, or the file to write. Videos become MP4, and animations
            keep their format.
        overwrite: replace a file that is there already.

    Returns:
        A `Job`.

    Raises:
        ValueError: if the clip cannot be read, or not be written into such a file.
        FileExistsError: if the target exists and `overwrite` is not set.
    """
    about: dict = {}

    def suffix_of(source):
        if source.suffix.lower() not in videos.SUFFIXES:
            header = read_header(source)
            about.update(frames=header.frames, suffix=ANIMATED[header.format])
            return about["suffix"]
        video = videos.look(source)
        varies = videos.rate_varies(source)
        about.update(video=video, frames=video.frames, varies=varies, suffix=".mp4")
        return about["suffix"]

    pairs = file_plan.plan(path, output, overwrite, suffix_of=suffix_of, written=WRITTEN)
    ((source, target),) = pairs
    suffix = about.pop("suffix")
    if target.suffix.lower() != suffix:
        raise ValueError(
            f"{plain_line(source)} is a clip that is written as {suffix}, and the output ends in "
            f"{target.suffix}: give a folder, or a name that ends in {suffix}."
        )
    return Job(source, target, **about)


def translate_clip(model, job, direction=None, size=None, changes=None, done=None):
    """Translates a clip; its translation appears whole or not at all.

    Args:
        model: a `keras_gans.GAN` that translates.
        job: what `plan` returned.
        direction: "ab" or "ba"; the first the model has where None.
        size: as of `model.translate`.
        changes: of a model that edits, the `labels` and `attributes` of its `translate`.
        done: called after each frame.

    Raises:
        ValueError: for a model that upscales, or fills holes it must be told; for a direction, size
            or change the model does not have; if the clip cannot be read.
        OSError: if it cannot be written.
    """
    translate = _translator(model, direction, size, changes)
    write = _animation if job.video is None else _video
    try:
        with staged(resolve(job.target)) as unfinished:
            write(job, unfinished, lambda frames: _counted(translate(frames), done))
    except UnreadableError as error:
        raise ValueError(f"{plain_line(job.source)} cannot be used: {error}.") from None


def refuse_pictures(model):
    """Refuses pictures for a model of clips.

    Raises:
        ValueError: what to give.
    """
    if takes_clips(model):
        raise ValueError(
            f"{model.name} makes clips, each frame of those before: give a video or an animated "
            "GIF, WebP or PNG. Of a picture make an animation first, or use "
            "`model.translate(picture[None])`."
        )


def _translator(model, direction, size, changes):
    """A function from frames, uint8 (H, W, 3), to their translations, uint8 (H, W, 3)."""
    if upscaling_network(model):
        raise ValueError(f"{model.name} makes pictures larger: use `upscale`.")
    if takes_masks(model):
        raise ValueError(f"{model.name} fills holes in pictures: give it a picture and a mask.")
    changes = translate_files.checked_changes(model, changes)
    known = directions(model)
    direction = known[0] if direction is None else direction
    check_choice("direction", direction, known)
    roles = tuple((images_of(model) or clips_of(model)).values())
    channels = source_of(roles, direction).channels
    if takes_clips(model):
        sides = model.size_of_translation("generator", size)
        make = lambda frames: model.stream(frames, sides)  # noqa: E731
    else:
        how = {"direction": direction, "size": size, **changes}
        make = lambda frames: (model.translate(frame, **how) for frame in frames)  # noqa: E731
    return lambda frames: map(_pixels, make(_values(frame, channels) for frame in frames))


def _values(frame, channels):
    """A frame, uint8 (H, W, 3), as a network takes it."""
    if channels == 1:
        frame = np.asarray(grids.from_pixels(frame).convert("L"))[..., None]
    return np.float32(frame) / np.float32(127.5) - 1


def _pixels(made):
    """A translation as uint8 (H, W, 3)."""
    pixels = grids.to_uint8(made)
    return pixels if pixels.shape[-1] == 3 else np.repeat(pixels, 3, axis=-1)


def _counted(frames, done):
    for frame in frames:
        yield frame
        if done is not None:
            done()


def _video(job, path, translate):
    video, written = job.video, 0
    with videos.writing(path, video.size, video.rate, 8, job.source, video.sound) as write:
        for made in translate(videos.frames(job.source, video)):
            write(made)
            written += 1
        if not written:
            raise UnreadableError("ffmpeg finds no frame in it that it can decode")


def _animation(job, path, translate):
    frames, loop = read_frames(job.source)
    first, *others = map(grids.from_pixels, translate(map(_on_white, frames)))
    options: dict = {} if loop is None else {"loop": loop}
    if path.suffix.lower() == ".webp":
        options["quality"] = 90
    durations = [layers.duration for layers in frames]
    first.save(path, save_all=True, append_images=others, duration=durations, **options)


def _on_white(layers):
    """A frame of an animation as it is seen on white, uint8 (H, W, 3)."""
    seen = upscale_files.on_white(upscale_files.as_image(layers))
    return np.asarray(seen.convert("RGB"))
