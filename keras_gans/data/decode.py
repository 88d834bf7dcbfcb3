"""Decodes pictures: from a file to upright, opaque pixels of 8 bits; nothing else decodes any.

Everything goes through Pillow, whatever the source, so that one picture gives the same pixels
from a folder and from TensorFlow Datasets. Colour profiles are ignored; transparency is seen on
white; 16 bits are scaled to 8. Of animations and of files with several pages the first is seen.
"""

import contextlib
import math
import threading

import numpy as np

# Importing a plugin registers its format; `Image.open` would otherwise do so at the first file,
# in several threads at once.
from PIL import (
    AvifImagePlugin,  # noqa: F401
    BmpImagePlugin,  # noqa: F401
    ExifTags,
    GifImagePlugin,  # noqa: F401
    Image,
    ImageOps,
    Jpeg2KImagePlugin,  # noqa: F401
    JpegImagePlugin,  # noqa: F401
    PngImagePlugin,  # noqa: F401
    PpmImagePlugin,  # noqa: F401
    TiffImagePlugin,  # noqa: F401
    UnidentifiedImageError,
    WebPImagePlugin,  # noqa: F401
)

#: What `Image.open` may take a file for, whatever its name says. Pillow reads dozens of formats,
#: some of them by other programs; fewer parsers, fewer surprises in a folder of unknown origin.
FORMATS: tuple[str, ...] = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "AVIF", "JPEG2000", "PPM")
with contextlib.suppress(ImportError):  # phones' format, with keras-gans[heif]
    import pillow_heif

    pillow_heif.register_heif_opener()
    FORMATS = (*FORMATS, "HEIF")

#: Of files that are taken for pictures: all that these formats are known by.
SUFFIXES = frozenset(
    suffix for suffix, format in Image.EXTENSION.items() if format in FORMATS and suffix != ".mpg"
)
#: Suffixes of pictures that are read where a package is installed.
SUFFIXES_OF_HEIF = frozenset({".heic", ".heics", ".heif", ".heifs", ".hif"})

FORMAT_NAMES = "PNG, JPEG, WebP, BMP, GIF, TIFF, AVIF, JPEG 2000 or PPM"

#: What decoding pictures may take of the memory at once, all threads together, in bytes. A
#: picture that takes more by itself is left out.
DECODING_BYTES = 2**30
# Scans of a JPEG, each of which is decoded over the whole picture; programs write about ten.
_MOST_SCANS = 100

# Bytes a pixel takes from its decoding until it is 8 opaque bits: two copies, or those and what
# lies under what is transparent.
_PLAIN, _LAYERED = 8, 20
# Of a progressive JPEG, all coefficients of its three components.
_PROGRESSIVE = 6

_OTHER_SPACES = ("CMYK", "LAB", "HSV", "YCbCr")

# What is changed of a picture.
TRANSPARENT = "with transparency, seen on white"
MADE_COLOUR = "grey, made colour"
MADE_GREY = "in colour, made grey"
SIXTEEN_BITS = "of 16 bits, made 8"
CMYK = "of CMYK or another colour space, made RGB"
FIRST_ONLY = "of several frames or pages, of which the first is seen"


class UnreadableError(ValueError):
    """A file is not a picture that can be used; the message is the reason."""


class NotAPairError(UnreadableError):
    """A file is a good picture, but no pair; where most are none, the folder holds no pairs."""


def opened(path, use):
    """What `use` makes of a file that Pillow has opened.

    Raises:
        UnreadableError: with the reason, whatever is wrong with the file.
    """
    try:
        with Image.open(path, formats=FORMATS) as image:
            _check_size(image)
            return use(image)
    except UnreadableError:
        raise
    except UnidentifiedImageError:
        raise UnreadableError(f"not a {FORMAT_NAMES} picture") from None
    except Image.DecompressionBombError as error:
        raise UnreadableError(f"{_first_line(error)}; {_enough()}") from None
    except MemoryError:
        raise UnreadableError("there is not enough memory to decode it") from None
    except OSError as error:  # of the system without its number and the path, which is said
        raise UnreadableError(error.strerror or _first_line(error)) from error
    except Exception as error:
        # Pillow's parsers raise nearly anything on a file that was damaged or made to harm.
        raise UnreadableError(_first_line(error)) from error


def _first_line(error):
    return str(error).strip().split("\n")[0] or type(error).__name__


@contextlib.contextmanager
def decoding(image, draft=None):
    """Waits until there is room to decode an opened picture, and holds it in the block.

    Args:
        image: opened by Pillow and not yet decoded.
        draft: (width, height) that a JPEG may be decoded at least at; None for its own size.

    Raises:
        UnreadableError: if it takes more room than there is, or too long.
    """
    pixels = image.width * image.height
    coefficients = pixels * _PROGRESSIVE if image.info.get("progressive") else 0
    if image.format in ("JPEG", "MPO"):
        _check_scans(image)
        if draft is not None:
            image.draft(None, draft)
            pixels = image.width * image.height
    layered = image.has_transparency_data or _is_of_16_bits(image)
    needed = pixels * (_LAYERED if layered else _PLAIN) + coefficients
    if needed > DECODING_BYTES:
        raise UnreadableError(
            f"decoding its {image.width} x {image.height} pixels takes {needed / 2**30:.1f} GiB of "
            f"memory, and {DECODING_BYTES / 2**30:.1f} are the most"
        )
    with _ROOM.for_bytes(needed):
        yield


class _Room:
    """Bytes that threads share; each waits until there are as many as it needs."""

    def __init__(self):
        self._taken, self._change = 0, threading.Condition()

    @contextlib.contextmanager
    def for_bytes(self, count):
        with self._change:
            self._change.wait_for(lambda: not self._taken or self._taken + count <= DECODING_BYTES)
            self._taken += count
        try:
            yield
        finally:
            with self._change:
                self._taken -= count
                self._change.notify_all()


_ROOM = _Room()


def _check_scans(image):
    """Refuses a JPEG that takes for ever: scans cost a few bytes, and the time of a picture."""
    position = image.fp.tell()
    image.fp.seek(0)
    scans, last = 0, b""
    while part := image.fp.read(2**20):
        scans += (last + part).count(b"\xff\xda")
        last = part[-1:]
    image.fp.seek(position)
    if scans > _MOST_SCANS:
        raise UnreadableError(f"a JPEG of {scans} scans, which takes too long to decode")


def changes(image, channels):
    """What is changed of an opened picture when it is made 8 opaque bits of so many channels."""
    grey = image.mode[0] in "1LI" and image.mode != "LAB"
    found = {
        TRANSPARENT: image.has_transparency_data,
        MADE_COLOUR: grey and channels == 3,
        MADE_GREY: not grey and channels == 1,
        SIXTEEN_BITS: _is_of_16_bits(image),
        CMYK: image.mode in _OTHER_SPACES and channels == 3,
        FIRST_ONLY: _has_several(image),
    }
    return {change for change, is_so in found.items() if is_so}


def losses(image):
    """What an opened picture loses where its grey, transparency and 16 bits of grey are kept."""
    found = {
        SIXTEEN_BITS: _is_of_16_bits(image) and image.mode[0] != "I",
        CMYK: image.mode in _OTHER_SPACES,
        FIRST_ONLY: _has_several(image),
    }
    return {loss for loss, is_so in found.items() if is_so}


def _is_of_16_bits(image):
    """Whether a file holds more than 8 bits for a channel, which Pillow may have cut by itself."""
    if image.mode[0] in "IF":
        return True
    # How the pixels lie in the file: "RGB;16B", or ("RGB", ...) of TIFF and PPM, which says 65535.
    tiles = getattr(image, "tile", ())  # none of what was no file
    forms = [tile[3] if isinstance(tile[3], tuple) else (tile[3],) for tile in tiles]
    return any(";16" in str(form[:1]).replace("BGR;16", "") or 65535 in form for form in forms)


def _has_several(image):
    with contextlib.suppress(Exception):  # of a damaged file the first may be whole
        return bool(getattr(image, "is_animated", False))
    return False


def upright_size(image):
    """Width and height of an opened picture once it is turned as its camera says."""
    # Without a hint in the header a PNG would be decoded to look for one behind its pixels.
    hints = {"exif", "xmp", "Raw profile type exif"} & image.info.keys()
    turned = hints and image.getexif().get(ExifTags.Base.Orientation, 1) in range(5, 9)
    return image.size[::-1] if turned else image.size


def _check_size(image):
    """Refuses what Pillow only warns of; above twice its limit it refuses by itself."""
    limit = Image.MAX_IMAGE_PIXELS
    if limit is not None and image.width * image.height > limit:
        raise UnreadableError(
            f"{image.width} x {image.height} pixels exceed Pillow's limit of {limit} "
            f"(PIL.Image.MAX_IMAGE_PIXELS), could be a decompression bomb; {_enough()}"
        )


def _enough():
    side = math.isqrt(Image.MAX_IMAGE_PIXELS or 0)  # without a limit nothing is refused
    return f"{side} x {side} would do"


def flattened(image, mode):
    """Upright, opaque, 8 bits per channel, in `mode`."""
    image = ImageOps.exif_transpose(image)
    refuse_floats(image)
    if image.mode.startswith("I"):  # Pillow's own conversion clips 16 bits instead of scaling them
        return _from_16_bits(image).convert(mode)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image.convert(mode)


def refuse_floats(image):
    """Refuses a picture of floating-point numbers."""
    if image.mode == "F":
        raise UnreadableError("its numbers have no known black and white (floating point)")


def of_16_bits(image):
    """The pixels of a grey picture of mode "I" or "I;16", uint16 (H, W).

    Raises:
        UnreadableError: if they do not fit into 16 bits.
    """
    pixels = np.asarray(image)
    if pixels.dtype == np.uint16:
        return pixels
    if pixels.size and not 0 <= pixels.min() <= pixels.max() <= 65535:
        raise UnreadableError(
            f"its numbers go from {pixels.min()} to {pixels.max()}, where 16 bits are the most"
        )
    return pixels.astype(np.uint16)


def _from_16_bits(image):
    pixels = of_16_bits(image)
    grey = to_8_bits(pixels)
    transparent = image.info.get("transparency")  # the one grey value that is not to be seen
    if transparent is not None:
        grey = np.where(pixels == transparent, np.uint8(255), grey)
    return Image.fromarray(grey)


def to_8_bits(pixels):
    """uint16 divided by 257 and rounded, exactly and in little memory."""
    return ((pixels.astype(np.uint32) * 255 + 32_895) >> 16).astype(np.uint8)
