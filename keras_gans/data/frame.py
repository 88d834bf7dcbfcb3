"""From a file or an array to the uint8 pixels a batch holds; the only place pictures are decoded.

Everything goes through Pillow, whatever the source, so that one picture gives the same pixels
from a folder and from TensorFlow Datasets. Colour profiles are ignored; transparency is seen on
white; 16 bits are scaled to 8. Of animations and of files with several pages the first is seen.
"""

import contextlib
import dataclasses
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

FITS = ("crop", "stretch", "pad")

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

# What is changed of a picture.
TRANSPARENT = "with transparency, seen on white"
MADE_COLOUR = "grey, made colour"
MADE_GREY = "in colour, made grey"
SIXTEEN_BITS = "of 16 bits, made 8"
CMYK = "of CMYK or another colour space, made RGB"
FIRST_ONLY = "of several frames or pages, of which the first is seen"
_FITTED = {"crop": "cropped", "stretch": "squeezed", "pad": "padded with white"}


class UnreadableError(ValueError):
    """A file is not a picture that can be used; the message is the reason."""


class NotAPairError(UnreadableError):
    """A file is a good picture, but no pair; where most are none, the folder holds no pairs."""


@dataclasses.dataclass(frozen=True)
class Frame:
    """What every picture is fitted to: the size and channels of the model's batch.

    Attributes:
        height: in pixels.
        width: in pixels.
        channels: 1 for grey, 3 for RGB.
        fit: "crop" scales the picture until it covers the frame and cuts off what sticks out at
            both ends; "stretch" scales height and width by themselves; "pad" scales it until it
            lies within the frame, on white.
    """

    height: int
    width: int
    channels: int
    fit: str = "crop"

    @property
    def shape(self):
        return self.height, self.width, self.channels

    @property
    def num_bytes(self):
        """Of one picture."""
        return math.prod(self.shape)

    def read(self, path, noted=None):
        """The picture in a file, as uint8 (height, width, channels).

        Args:
            path: of the file.
            noted: a set, to which is added what is changed of the picture besides its scale.

        Raises:
            UnreadableError: with the reason.
        """

        def use(image):
            self.note(image, noted)
            return self.from_file(image)

        return opened(path, use)

    def from_array(self, pixels):
        """A picture given as pixels, as uint8 (height, width, channels).

        Args:
            pixels: uint8 or uint16 (any, any, 1, 3 or 4).
        """
        if pixels.shape == self.shape and pixels.dtype == np.uint8:
            return pixels
        if pixels.dtype == np.uint16:
            pixels = _to_8_bits(pixels)
        if pixels.shape[-1] == 1:
            pixels = pixels[..., 0]
        return self.from_image(Image.fromarray(pixels))

    def changes_of_array(self, shape, dtype):
        """What `from_array` changes of pixels of this shape besides their scale, a set."""
        height, width, channels = shape
        noted = {SIXTEEN_BITS} if dtype == np.uint16 else set()
        of_its_mode = Image.new({1: "L", 3: "RGB", 4: "RGBA"}[channels], (1, 1))
        noted |= changes(of_its_mode, self.channels)
        self._note_proportions(width, height, noted)
        return noted

    def from_file(self, image):
        """A picture given as a file Pillow has opened and not yet decoded."""
        # A JPEG of more than four times the frame is decoded at 1/2, 1/4 or 1/8: five times as
        # fast for a photograph, and less than half a level from the slow way on average.
        side = 2 * max(self.height, self.width)
        with decoding(image, (side, side)):
            return self.from_image(image)

    def from_image(self, image):
        """A picture given as Pillow has it."""
        image = flattened(image, "L" if self.channels == 1 else "RGB")
        size = self.width, self.height
        if self.fit == "pad":
            image = _padded(image, size)
        else:
            # A picture of the right size is not resampled: Pillow copies it.
            box = self._box(image.width, image.height)
            image = image.resize(size, Image.Resampling.BICUBIC, box=box)
        return np.asarray(image).reshape(self.shape)

    def note(self, image, noted):
        """Adds to the set `noted` what will be changed of an opened picture; nothing to None."""
        if noted is None:
            return
        noted |= changes(image, self.channels)
        width, height = upright_size(image)
        self._note_proportions(width, height, noted)

    def _note_proportions(self, width, height, noted):
        # As many pixels as the frame has in proportion, give or take one.
        if abs(width * self.height - height * self.width) > max(width, height, *self.shape[:2]):
            shape = "not square" if self.height == self.width else "of other proportions"
            noted.add(f"{shape}, {_FITTED[self.fit]}")

    def _box(self, width, height):
        """The part of a picture that is seen, as left, top, right, bottom in its own pixels.

        The part is cut out before scaling, not after: a picture of 1 x 80,000,000 pixels passes
        every check, and scaled until it covers the frame it would fill the memory.
        """
        if self.fit == "stretch":
            return 0, 0, width, height
        scale = max(self.width / width, self.height / height)
        # Whole pixels of the frame, so that a picture that need not be scaled is not blurred.
        left = math.floor((width * scale - self.width) / 2) / scale
        top = math.floor((height * scale - self.height) / 2) / scale
        right = min(left + self.width / scale, width)
        bottom = min(top + self.height / scale, height)
        return left, top, right, bottom

    def check(self, path, noted=None):
        """Looks at a file's header: format and size, not pixels.

        Raises:
            UnreadableError: with the reason.
        """
        opened(path, lambda image: self.note(image, noted))


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
        CMYK: image.mode in ("CMYK", "LAB", "HSV", "YCbCr") and channels == 3,
        FIRST_ONLY: _has_several(image),
    }
    return {change for change, is_so in found.items() if is_so}


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
            "(PIL.Image.MAX_IMAGE_PIXELS), could be a decompression bomb"
        )


def flattened(image, mode):
    """Upright, opaque, 8 bits per channel, in `mode`."""
    image = ImageOps.exif_transpose(image)
    if image.mode == "F":
        raise UnreadableError("its numbers have no known black and white (floating point)")
    if image.mode.startswith("I"):  # Pillow's own conversion clips 16 bits instead of scaling them
        return _from_16_bits(image).convert(mode)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image.convert(mode)


def _padded(image, size):
    """A picture as large as will fit, in the middle of white."""
    scale = min(size[0] / image.width, size[1] / image.height)
    inner = tuple(max(1, round(side * scale)) for side in image.size)
    whole = Image.new(image.mode, size, "white")
    place = tuple((outer - own) // 2 for outer, own in zip(size, inner, strict=True))
    whole.paste(image.resize(inner, Image.Resampling.BICUBIC), place)
    return whole


def _from_16_bits(image):
    pixels = np.asarray(image)
    if pixels.dtype != np.uint16:
        if pixels.size and not 0 <= pixels.min() <= pixels.max() <= 65535:
            raise UnreadableError(
                f"its numbers go from {pixels.min()} to {pixels.max()}, where 16 bits are the most"
            )
        pixels = pixels.astype(np.uint16)
    grey = _to_8_bits(pixels)
    transparent = image.info.get("transparency")  # the one grey value that is not to be seen
    if transparent is not None:
        grey = np.where(pixels == transparent, np.uint8(255), grey)
    return Image.fromarray(grey)


def _to_8_bits(pixels):
    """uint16 divided by 257 and rounded, exactly and in little memory."""
    return ((pixels.astype(np.uint32) * 255 + 32_895) >> 16).astype(np.uint8)
