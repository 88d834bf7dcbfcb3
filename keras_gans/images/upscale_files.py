"""Upscaling files: pictures, animations and videos, one or a folder of them."""

import dataclasses
import pathlib

import numpy as np
import tensorflow as tf
from PIL import Image

from keras_gans.data.account import Account
from keras_gans.data.decode import (
    SIXTEEN_BITS,
    SUFFIXES,
    TRANSPARENT,
    UnreadableError,
    to_8_bits,
)
from keras_gans.data.whole import ANIMATED, read_frames, read_header, read_layers
from keras_gans.images import file_plan, grids, videos
from keras_gans.images.transparency import covered
from keras_gans.utils.checks import check_choice
from keras_gans.utils.files import resolve, staged
from keras_gans.utils.memory import available
from keras_gans.utils.text import plain_line

#: What an output of one file may be called; all others are folders.
WRITTEN = file_plan.WRITTEN | {".gif", ".mp4"}
#: Formats of single pictures.
FORMATS = ("png", "jpg", "webp", "tif")
#: Filters that scale transparency.
_FILTERS = {"lanczos": Image.Resampling.LANCZOS, "bicubic": Image.Resampling.BICUBIC}
#: How transparency becomes larger: through the network, as a grey picture, or by a filter.
ALPHAS = (*_FILTERS, "network")

#: Side of what a sheet shows of a picture, in its own pixels.
_CROP = 256
#: Side of the picture, reduced, in which that part is looked for.
_LOOKED_AT = 2048
#: Longest sides that formats have.
_LONGEST = {".jpg": 65_500, ".jpeg": 65_500, ".webp": 16_383, ".gif": 65_535, ".mp4": 16_384}
_OPAQUE = frozenset({".jpg", ".jpeg", ".bmp"})
_DEEP = frozenset({".png", ".tif", ".tiff"})
_OPTIONS: dict[str, dict] = {
    ".jpg": {"quality": 95, "subsampling": 0},
    ".jpeg": {"quality": 95, "subsampling": 0},
    ".webp": {"quality": 95},
    ".tif": {"compression": "tiff_deflate"},
    ".tiff": {"compression": "tiff_deflate"},
}
_PROFILED = frozenset({".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff"})
#: Bytes that Pillow takes for a pixel, whatever its mode but grey of 8 bits.
_BYTES_PER_PIXEL = 4


@dataclasses.dataclass(frozen=True)
class Job:
    """One file to upscale.

    Attributes:
        source: path of the file.
        target: path of what it becomes.
        size: (width, height) of the target.
        frames: of an animation or video; 1 of a picture.
        tiles: calls of the network.
        video: a `videos.Video`; None of a picture or animation.
        alpha: how transparency becomes larger, one of `ALPHAS`.
    """

    source: pathlib.Path
    target: pathlib.Path
    size: tuple[int, int]
    frames: int
    tiles: int
    video: videos.Video | None = None
    alpha: str = "lanczos"


@dataclasses.dataclass(frozen=True)
class Upscaled:
    """What became of one file.

    Attributes:
        job: the `Job`.
        problem: why nothing was written; None where it was.
        crops: the same part of the file scaled by Lanczos' filter and of the result, uint8
            (h, w, 3) both; None where they were not asked for.
    """

    job: Job
    problem: str | None = None
    crops: tuple[np.ndarray, np.ndarray] | None = None


def plan(
    upscaler,
    path,
    output,
    *,
    overwrite=False,
    sheet=False,
    format="png",
    alpha="lanczos",
    account=None,
):
    """Which files will be upscaled into which; nothing is written.

    Args:
        upscaler: a `keras_gans.core.upscaling.Upscaler`.
        path: a picture, an animated GIF, WebP or PNG, a video, or a folder of them.
        output: folder for the results, in which they lie as the files do in theirs; of one file
            also the file to write.
        overwrite: replace files that are there already.
        sheet: whether a sheet will lie beside them, see `file_plan.sheet_beside`.
        format: of single pictures in a folder, one of `FORMATS`; animations keep their own, and
            videos become MP4.
        alpha: how transparency becomes larger, one of `ALPHAS`: "network" sends it through the
            network as a grey picture, as the reference of Real-ESRGAN does, which takes as long
            again as the colours; the others are filters.
        account: an `Account`, of what of a folder is left out.

    Returns:
        A list of `Job`.

    Raises:
        ValueError: as `file_plan.plan`; for another format or alpha; if a single file cannot be
            read, or its result would have too many pixels.
        FileExistsError: if a target exists and `overwrite` is not set.
    """
    check_choice("format", format, FORMATS)
    check_choice("alpha", alpha, ALPHAS)
    output = pathlib.Path(output)
    named = output.suffix.lower() if file_plan.is_file_name(output, WRITTEN) else None
    found: dict[pathlib.Path, dict] = {}

    def suffix_of(source):
        suffix, found[source] = _looked_at(upscaler, source, named, f".{format}")
        return suffix

    pairs = file_plan.plan(
        path,
        output,
        overwrite,
        sheet,
        account,
        made="upscaled picture",
        suffix_of=suffix_of,
        suffixes=SUFFIXES | videos.SUFFIXES,
        written=WRITTEN,
    )
    return [Job(source, target, **found[source], alpha=alpha) for source, target in pairs]


def _looked_at(upscaler, source, named, usual):
    """(suffix of a file's result, what its `Job` says).

    Raises:
        UnreadableError: if there can be no result.
    """
    video = None
    if source.suffix.lower() in videos.SUFFIXES:
        video = videos.look(source)
        size, frames, kind = video.size, video.frames, "a video"
        allowed, suffix = frozenset({".mp4"}), ".mp4"
    else:
        header = read_header(source)
        size, frames, kind = header.size, header.frames, "a picture"
        allowed, suffix = file_plan.WRITTEN, usual
        if frames > 1:
            kind, allowed = f"an animation of {frames} frames", frozenset(ANIMATED.values())
            suffix = ANIMATED[header.format]
    suffix = named or suffix
    if suffix not in allowed:
        raise UnreadableError(
            f"it is {kind}, which is written as {', '.join(sorted(allowed))}, and the output ends "
            f"in {suffix}"
        )
    try:
        sizes = upscaler.sizes(*size[::-1])
        made = sizes.size[::-1]
        _check_side(made, suffix, upscaler.scale)
        _check_frames(made, frames if video is None else 1)
    except ValueError as error:
        raise UnreadableError(str(error).removesuffix(".")) from None
    about = {"size": made, "frames": frames, "tiles": sizes.tiles * frames, "video": video}
    return suffix, about


def _check_side(size, suffix, scale):
    most = _LONGEST.get(suffix)
    if most is not None and max(size) > most:
        raise ValueError(
            f"{size[0]} x {size[1]} pixels are too many for {suffix}, whose sides have at most "
            f"{most}: use a `scale` of at most {scale * most / max(size):.3g}, or .png"
        )


def _check_frames(size, frames):
    """Refuses what Pillow, which holds all frames until they are written, has no memory for."""
    needed, free = size[0] * size[1] * frames * _BYTES_PER_PIXEL, available()
    if free is not None and needed > free / 2:
        raise ValueError(
            f"{frames} of {size[0]} x {size[1]} pixels take {needed / 2**30:.1f} GiB of memory, "
            f"and half of the {free / 2**30:.1f} that are free may be used: use a smaller `scale`"
        )


def upscale_files(upscaler, jobs, account=None, crops=0, done=None):
    """Upscales files one after the other; those that cannot be are left out.

    Each result appears whole or not at all. Grey stays grey, and of 16 bits; transparency and the
    ICC profile are kept; pictures are turned as their camera says; other metadata is dropped.

    Args:
        upscaler: a `keras_gans.core.upscaling.Upscaler`.
        jobs: what `plan` returned.
        account: an `Account`, of what is left out or changed.
        crops: for how many files to show the difference, see `Upscaled.crops`.
        done: called after each tile.

    Yields:
        `Upscaled` for each of the jobs.
    """
    account = Account() if account is None else account
    shown = 0
    for job in jobs:
        noted: set = set()
        try:
            one = _upscaled(upscaler, job, noted, shown < crops, done)
        except UnreadableError as error:
            one = Upscaled(job, plain_line(error))
        except (MemoryError, tf.errors.ResourceExhaustedError):
            one = Upscaled(job, "there is not enough memory to upscale it")
        if one.problem:
            account.leave_out(str(job.source), one.problem)
        else:
            account.change(str(job.source), sorted(noted))
            shown += 1
        yield one


def _upscaled(upscaler, job, noted, shown, done):
    write = _video if job.video else _animation if job.frames > 1 else _picture
    with staged(resolve(job.target)) as unfinished:
        before, after = write(upscaler, job, unfinished, noted, done)
    return Upscaled(job, None, _crops(before, after) if shown else None)


def _picture(upscaler, job, path, noted, done):
    layers = read_layers(job.source, noted)
    if layers.alpha is not None and layers.pixels.dtype == np.uint16:
        noted.add(SIXTEEN_BITS)
    picture = _canvas(upscaler, layers, job.alpha, done)
    _save(picture, path, layers.profile, noted)
    return as_image(layers), picture


def _canvas(upscaler, layers, how, done):
    """A picture upscaled, in Pillow's image: no more than a strip of it is ever in float32."""
    pixels, alpha = layers.pixels, layers.alpha
    height, width = upscaler.size_of(*pixels.shape[:2])
    grey = pixels.shape[-1] == 1
    if alpha is not None:
        pixels = covered(pixels, alpha)
    modes = {(True, False): "L", (True, True): "LA", (False, False): "RGB", (False, True): "RGBA"}
    is_deep = pixels.dtype == np.uint16
    canvas = Image.new("I;16" if is_deep else modes[grey, alpha is not None], (width, height))
    row = 0
    for strip in upscaler.strips(pixels, done):
        canvas.paste(_strip(strip, is_deep), (0, row))
        row += len(strip)
    if alpha is None:
        return canvas
    if is_deep:  # no format has it with transparency
        canvas = _of_8_bits(canvas)
    canvas.putalpha(_larger_alpha(upscaler, alpha, (width, height), how))
    return canvas


def _larger_alpha(upscaler, alpha, size, how):
    """Transparency, uint8 (H, W), as Pillow's grey image of this (width, height)."""
    # A network would make specks of what is evenly opaque.
    if how in _FILTERS or alpha.min() == alpha.max():
        return Image.fromarray(alpha).resize(size, _FILTERS.get(how, Image.Resampling.BICUBIC))
    made = Image.new("L", size)
    row = 0
    for strip in upscaler.strips(alpha[..., None]):
        made.paste(_strip(strip, is_deep=False), (0, row))
        row += len(strip)
    return made


def _strip(strip, is_deep):
    if is_deep:
        deep = np.clip(np.rint((strip[..., 0] + 1) * 32767.5), 0, 65535)
        return Image.fromarray(deep.astype("uint16"))
    return grids.from_pixels(grids.to_uint8(strip))


def as_image(layers):
    """The picture of a file as Pillow's image, of 8 bits."""
    pixels = to_8_bits(layers.pixels) if layers.pixels.dtype == np.uint16 else layers.pixels
    image = grids.from_pixels(pixels)
    if layers.alpha is not None:
        image.putalpha(Image.fromarray(layers.alpha))
    return image


def _save(picture, path, profile, noted):
    suffix = path.suffix.lower()
    if suffix in _OPAQUE and picture.has_transparency_data:
        picture = on_white(picture)
        noted.add(TRANSPARENT)
    if picture.mode == "I;16" and suffix not in _DEEP:
        picture = _of_8_bits(picture)
        noted.add(SIXTEEN_BITS)
    options = {**_OPTIONS.get(suffix, {})}
    becomes_colour = suffix == ".webp" and picture.mode in ("L", "LA")  # which has no grey
    if profile is not None and suffix in _PROFILED and not becomes_colour:
        options["icc_profile"] = profile
    picture.save(path, **options)


def _of_8_bits(picture):
    return Image.fromarray(to_8_bits(np.asarray(picture)))


def on_white(picture):
    """A picture without transparency, as it is seen on white; of 8 bits."""
    if picture.mode == "I;16":
        return _of_8_bits(picture)
    if not picture.has_transparency_data:
        return picture
    seen = Image.new("RGBA", picture.size, "white")
    seen.alpha_composite(picture.convert("RGBA"))
    return seen.convert("L" if picture.mode == "LA" else "RGB")


def _animation(upscaler, job, path, noted, done):
    frames, loop = read_frames(job.source, noted)
    made = [_canvas(upscaler, layers, job.alpha, done) for layers in frames]
    clear = any(layers.alpha is not None for layers in frames)
    if any(frame.mode == "I;16" for frame in made):  # as no animation can be written
        made = [_of_8_bits(frame) if frame.mode == "I;16" else frame for frame in made]
        noted.add(SIXTEEN_BITS)
    if len({frame.mode for frame in made}) > 1 or made[0].mode == "LA":
        made = [frame.convert("RGBA" if clear else "RGB") for frame in made]
    suffix = path.suffix.lower()
    options: dict = {} if loop is None else {"loop": loop}
    if suffix == ".gif" and clear:
        made = [_clear_or_not(frame) for frame in made]
        options["disposal"] = 2  # or else a frame would be seen behind the next
    if suffix == ".webp":
        options["quality"] = 90
    if frames[0].profile is not None and suffix in _PROFILED:
        options["icc_profile"] = frames[0].profile
    durations = [layers.duration for layers in frames]
    first, *others = made
    first.save(path, save_all=True, append_images=others, duration=durations, **options)
    return as_image(frames[0]), first


def _clear_or_not(frame):
    """A frame whose pixels are transparent or opaque, as GIF has them."""
    frame.putalpha(frame.getchannel("A").point([0] * 128 + [255] * 128))
    return frame


def _video(upscaler, job, path, noted, done):
    pictures = None
    video = job.video
    with videos.writing(path, job.size, video.rate, 8, job.source, video.sound) as write:
        for frame in videos.frames(job.source, video):
            made = np.concatenate([grids.to_uint8(s) for s in upscaler.strips(frame, done)])
            write(made)
            if pictures is None:
                pictures = Image.fromarray(frame), Image.fromarray(made)
        if pictures is None:
            raise UnreadableError("ffmpeg finds no frame in it")
    return pictures


# === To be looked at ===


def _crops(before, after):
    """The part of a picture with most detail, as Lanczos' filter and as the network scales it."""
    width, height = (min(_CROP, side) for side in after.size)
    ratios = [small / large for small, large in zip(before.size, after.size, strict=True)]
    left, top = _busiest(
        before, max(1, round(width * ratios[0])), max(1, round(height * ratios[1]))
    )
    left = min(round(left / ratios[0]), after.width - width)
    top = min(round(top / ratios[1]), after.height - height)
    box = (left, top, left + width, top + height)
    small = tuple(edge * ratios[number % 2] for number, edge in enumerate(box))
    enlarged = on_white(before).resize((width, height), Image.Resampling.LANCZOS, box=small)
    return tuple(
        np.asarray(image.convert("RGB")) for image in (enlarged, on_white(after.crop(box)))
    )


def _busiest(picture, width, height):
    """Corner (left, top) of the window in which neighbouring pixels differ most."""
    times = -(-max(picture.size) // _LOOKED_AT)
    grey = np.asarray(on_white(picture).convert("L").reduce(times), "float32")
    width, height = max(1, width // times), max(1, height // times)
    edges = np.abs(np.diff(grey, axis=0, prepend=grey[:1]))
    edges += np.abs(np.diff(grey, axis=1, prepend=grey[:, :1]))
    sums = np.pad(edges.cumsum(0, dtype="float64").cumsum(1), ((1, 0), (1, 0)))
    tops = np.arange(0, grey.shape[0] - height + 1, max(1, height // 4))
    lefts = np.arange(0, grey.shape[1] - width + 1, max(1, width // 4))
    inside = (
        sums[np.ix_(tops + height, lefts + width)]
        - sums[np.ix_(tops, lefts + width)]
        - sums[np.ix_(tops + height, lefts)]
        + sums[np.ix_(tops, lefts)]
    )
    row, column = np.unravel_index(inside.argmax(), inside.shape)
    return int(lefts[column]) * times, int(tops[row]) * times


def side_by_side(done):
    """A sheet of parts of the files beside what they became.

    Args:
        done: list of `Upscaled` with crops.

    Returns:
        A `PIL.Image.Image` of the first 16: on the left scaled by Lanczos' filter, on the right
        upscaled.
    """
    crops = [crop for one in done[: file_plan.SHEET_ROWS] for crop in one.crops]
    sides = [max(crop.shape[axis] for crop in crops) for axis in (0, 1)]
    tiles = np.ones((len(crops), *sides, 3), "float32")
    for tile, crop in zip(tiles, crops, strict=True):
        tile[: crop.shape[0], : crop.shape[1]] = crop / 127.5 - 1
    return grids.sheet(tiles, columns=4 if len(done) > 1 else 2)
