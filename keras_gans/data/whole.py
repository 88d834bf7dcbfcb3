"""A picture at its own size."""

import dataclasses

import numpy as np
from PIL import ImageOps

from keras_gans.data.decode import (
    FIRST_ONLY,
    UnreadableError,
    changes,
    decoding,
    flattened,
    losses,
    of_16_bits,
    opened,
    refuse_floats,
    upright_size,
)

#: Suffixes of the formats whose frames are an animation, as Pillow calls them.
ANIMATED = {"GIF": ".gif", "WEBP": ".webp", "PNG": ".png"}
#: Frames of an animation, at most.
MOST_FRAMES = 10_000
_MOST_PROFILE_BYTES = 2**24


def read_picture(path, channels=3, noted=None):
    """A picture file as it is: upright, transparency on white, 8 bits, not scaled.

    Args:
        path: of the file.
        channels: 3 for RGB, 1 for grey.
        noted: a set, to which is added what is changed of the picture.

    Returns:
        uint8 (H, W, channels)

    Raises:
        UnreadableError: a ValueError, with the reason.
    """

    def use(image):
        if noted is not None:
            noted.update(changes(image, channels))
        with decoding(image):
            return np.asarray(flattened(image, "L" if channels == 1 else "RGB"))

    pixels = opened(path, use)
    return pixels.reshape(*pixels.shape[:2], channels)


def read_scaled(path, converter, noted=None):
    """Reads a picture file fitted as in training, and its own size.

    Args:
        path: of the file.
        converter: an `ImageConverter`.
        noted: a set, to which is added what is changed of the picture besides its scale.

    Returns:
        uint8 of the converter's shape, and (width, height) of the picture as it is seen.

    Raises:
        UnreadableError: a ValueError, with the reason.
    """

    def use(image):
        converter.note(image, noted)
        size = upright_size(image)  # before it may be decoded at a fraction of it
        return converter.from_file(image), size

    return opened(path, use)


# === With all that a file holds ===


@dataclasses.dataclass(frozen=True)
class Header:
    """What a picture file says of itself, before it is decoded.

    Attributes:
        size: (width, height) of the picture as it is seen.
        frames: of an animation; 1 of a single picture, and of a file of several pages.
        format: as Pillow calls it.
    """

    size: tuple[int, int]
    frames: int
    format: str


@dataclasses.dataclass(frozen=True)
class Layers:
    """A picture as it is seen, with its transparency apart.

    Attributes:
        pixels: uint8 (H, W, 1) of grey or (H, W, 3) in RGB; of grey of 16 bits uint16.
        alpha: uint8 (H, W), from 0 for transparent; None of an opaque picture.
        profile: the ICC profile of `pixels`, or None.
        duration: milliseconds for which a frame is shown; None of a single picture.
    """

    pixels: np.ndarray
    alpha: np.ndarray | None = None
    profile: bytes | None = None
    duration: float | None = None


def read_header(path):
    """Reads the `Header` of a picture file.

    Raises:
        UnreadableError: a ValueError, with the reason.
    """

    def use(image):
        frames = _frames(image)
        if frames > MOST_FRAMES:
            raise UnreadableError(f"it has {frames} frames, and {MOST_FRAMES} are the most")
        return Header(upright_size(image), frames, image.format)

    return opened(path, use)


def _frames(image):
    return image.n_frames if image.format in ANIMATED and image.is_animated else 1


def read_layers(path, noted=None):
    """Reads a picture file upright, at its own size, with its transparency and colour profile.

    Args:
        path: of the file.
        noted: a set, to which is added what of the picture is lost.

    Returns:
        `Layers`.

    Raises:
        UnreadableError: a ValueError, with the reason.
    """

    def use(image):
        if noted is not None:
            noted.update(losses(image))
        with decoding(image):
            return _layers(image)

    return opened(path, use)


def read_frames(path, noted=None):
    """Reads all frames of an animation, whose `Header` says how many they are.

    Args:
        path: of the file.
        noted: a set, to which is added what of the frames is lost.

    Returns:
        A list of `Layers`, and how often they are played, as Pillow's `loop` has it: 0 for ever,
        None where the file does not say.

    Raises:
        UnreadableError: a ValueError, with the reason.
    """

    def use(image):
        if noted is not None:
            noted.update(losses(image) - {FIRST_ONLY})
        loop = image.info.get("loop")
        with decoding(image):
            return [_frame(image, number) for number in range(_frames(image))], loop

    return opened(path, use)


def _frame(image, number):
    image.seek(number)
    image.load()  # WebP says how long a frame is shown when it is decoded
    return dataclasses.replace(_layers(image), duration=image.info.get("duration", 0))


def _layers(image):
    image = ImageOps.exif_transpose(image)
    refuse_floats(image)
    profile = _profile(image)
    if image.mode.startswith("I"):
        pixels, clear = of_16_bits(image), image.info.get("transparency")
        alpha = None if clear is None else np.where(pixels == clear, 0, 255).astype("uint8")
        return Layers(pixels[..., None], alpha, profile)
    mode = "L" if image.mode in ("1", "L", "LA", "La") else "RGB"
    if not image.has_transparency_data:
        pixels = np.asarray(image.convert(mode))
        return Layers(pixels.reshape(*pixels.shape[:2], -1), None, profile)
    both = np.asarray(image.convert("LA" if mode == "L" else "RGBA"))
    return Layers(both[..., :-1], both[..., -1], profile)


def _profile(image):
    """The ICC profile, where it is one of the colours that the picture is read in."""
    profile = image.info.get("icc_profile")
    if image.mode in ("CMYK", "LAB", "HSV") or not isinstance(profile, bytes):
        return None
    return profile if 0 < len(profile) <= _MOST_PROFILE_BYTES else None
