"""Pictures that change: walks through latent space as GIF, WebP or MP4."""

import pathlib

import numpy as np
from PIL import Image

from keras_gans import latent
from keras_gans.core.signature import draws
from keras_gans.images import videos
from keras_gans.images.grids import to_uint8
from keras_gans.utils.checks import check_positive
from keras_gans.utils.files import write_whole

#: Suffixes an animation can have.
FORMATS = (".gif", ".webp", ".mp4")
_SMALLEST_SIDE = 64


def walk(
    model,
    points=6,
    *,
    steps=20,
    labels=None,
    attributes=None,
    linear=False,
    seed=0,
    truncation=None,
):
    """Pictures along a closed way from one random latent to the next.

    Args:
        model: a `keras_gans.GAN` with latents.
        points: random latents on the way, 2 at least.
        steps: pictures from one to the next.
        labels: the class of all pictures, or one of each head; the first where not given.
        attributes: 0 or 1, (attributes,), of all pictures; off where not given.
        linear: straight lines instead of great circles.
        seed: of the latents.
        truncation: as of `model.sample`.

    Returns:
        float32 (points * steps, H, W, C) in [-1, 1].

    Raises:
        ValueError: for a model without latents, fewer than two points, or labels or attributes it
            does not take.
    """
    if not draws(model):
        raise ValueError(f"{model.name} has no latent space to walk through: it translates.")
    check_positive("points", points, 2)
    check_positive("steps", steps)
    labels, attributes = model.numbered(labels, attributes)
    asked = {}
    if model.conditions.heads:
        heads = len(model.conditions.heads)
        chosen = np.zeros(heads, int) if labels is None else np.reshape(labels, -1)
        asked["labels"] = chosen if heads > 1 else chosen[0]
    elif labels is not None:
        asked["labels"] = labels  # is refused
    if attributes is not None:
        asked["attributes"] = attributes
    ends = model.draw_latents(points, seed, truncation)
    path = latent.linear if linear else latent.spherical
    following = np.roll(ends, -1, axis=0)
    parts = [path(a, b, steps + 1)[:-1] for a, b in zip(ends, following, strict=True)]
    return model.from_latents(np.concatenate(parts), truncation, **asked)


def save(pictures, path, *, frames_per_second=20, replace=True):
    """Writes pictures as an animation, whole or not at all.

    Args:
        pictures: float (N, H, W, C) in [-1, 1]; small ones are enlarged without smoothing.
        path: of the file; its suffix, .gif, .webp or .mp4, says in which format.
        frames_per_second: how fast it runs.
        replace: a file that is there.

    Raises:
        ValueError: for another suffix.
        FileExistsError: if the file is there and `replace` is not set.
        ImportError: for MP4 where imageio-ffmpeg is not installed.
    """
    path = check_name(path)
    check_positive("frames_per_second", frames_per_second)
    frames = _frames(pictures)
    writers = {".gif": _write_gif, ".webp": _write_webp, ".mp4": _write_mp4}
    writer = writers[path.suffix.lower()]
    write_whole(path, lambda new: writer(frames, new, frames_per_second), replace=replace)


def check_name(path):
    """The path of an animation.

    Raises:
        ValueError: for another suffix than those of `FORMATS`.
        ImportError: for MP4 where imageio-ffmpeg is not installed.
    """
    path = pathlib.Path(path)
    if path.suffix.lower() not in FORMATS:
        raise ValueError(f"An animation ends in {', '.join(FORMATS)}. Received: {str(path)!r}.")
    if path.suffix.lower() == ".mp4":
        videos.ffmpeg()
    return path


def _frames(pictures):
    pixels = to_uint8(pictures)
    times = -(-_SMALLEST_SIDE // min(pixels.shape[1:3]))
    pixels = pixels.repeat(times, axis=1).repeat(times, axis=2)
    return pixels if pixels.shape[-1] == 3 else pixels.repeat(3, axis=-1)


def _write_gif(frames, path, rate):
    _write_pillow(frames, path, rate, format="GIF")


def _write_webp(frames, path, rate):
    _write_pillow(frames, path, rate, format="WEBP", quality=90)


def _write_pillow(frames, path, rate, **options):
    first, *others = (Image.fromarray(frame) for frame in frames)
    first.save(
        path, save_all=True, append_images=others, duration=round(1000 / rate), loop=0, **options
    )


def _write_mp4(frames, path, rate):
    with videos.writing(path, frames.shape[2:0:-1], rate) as write:
        for frame in frames:
            write(frame)
