"""From a file or an array to the uint8 pixels a batch holds; the only place pictures are decoded.

Everything goes through Pillow, whatever the source, so that one picture gives the same pixels
from a folder and from TensorFlow Datasets. Colour profiles are ignored; transparency is seen on
white; more than 8 bits are scaled to 8.
"""

import dataclasses
import math

import numpy as np

# Importing a plugin registers its format; `Image.open` would otherwise do so at the first file,
# in several threads at once.
from PIL import (
    BmpImagePlugin,  # noqa: F401
    ExifTags,
    GifImagePlugin,  # noqa: F401
    Image,
    ImageOps,
    JpegImagePlugin,  # noqa: F401
    PngImagePlugin,  # noqa: F401
    UnidentifiedImageError,
    WebPImagePlugin,  # noqa: F401
)

#: What `Image.open` may take a file for, whatever its name says. Pillow reads dozens of formats;
#: fewer parsers, fewer surprises in a folder of unknown origin.
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF")
SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif"})

FITS = ("crop", "stretch")


class UnreadableError(ValueError):
    """A file is not a picture that can be used; the message is the reason."""


class RefusedError(ValueError):
    """A file is a good picture, but says that the whole folder is not what it is taken for."""


@dataclasses.dataclass(frozen=True)
class Frame:
    """What every picture is fitted to: the size and channels of the model's batch.

    Attributes:
        height: in pixels.
        width: in pixels.
        channels: 1 for grey, 3 for RGB.
        fit: "crop" scales the picture until it covers the frame and cuts off what sticks out at
            both ends; "stretch" scales height and width by themselves.
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

    def read(self, path):
        """The picture in a file, as uint8 (height, width, channels).

        Raises:
            UnreadableError: with the reason.
        """
        return opened(path, self.from_file)

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

    def from_file(self, image):
        """A picture given as a file Pillow has opened and not yet decoded."""
        # A JPEG of more than four times the frame is decoded at 1/2, 1/4 or 1/8: five times as
        # fast for a photograph, and less than half a level from the slow way on average.
        side = 2 * max(self.height, self.width)
        image.draft(None, (side, side))
        return self.from_image(image)

    def from_image(self, image):
        """A picture given as Pillow has it."""
        image = _flattened(image, "L" if self.channels == 1 else "RGB")
        size = self.width, self.height
        box = self._box(image.width, image.height)
        # A picture of the right size is not resampled: Pillow copies it.
        image = image.resize(size, Image.Resampling.BICUBIC, box=box)
        return np.asarray(image).reshape(self.shape)

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

    @staticmethod
    def check(path):
        """Looks at a file's header: format and size, not pixels.

        Raises:
            UnreadableError: with the reason.
        """
        opened(path, lambda image: None)


def opened(path, use):
    """What `use` makes of a file that Pillow has opened.

    Raises:
        UnreadableError: with the reason, whatever is wrong with the file.
        RefusedError: where `use` raises it.
    """
    try:
        with Image.open(path, formats=FORMATS) as image:
            _check_size(image)
            return use(image)
    except RefusedError:
        raise
    except UnidentifiedImageError:
        raise UnreadableError("not a PNG, JPEG, WebP, BMP or GIF picture") from None
    except Exception as error:
        # Pillow's parsers raise nearly anything on a file that was damaged or made to harm.
        reason = str(error).strip().split("\n")[0] or type(error).__name__
        raise UnreadableError(reason) from error


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


def _flattened(image, mode):
    """Upright, opaque, 8 bits per channel, in `mode`."""
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):  # Pillow's own conversion clips 16 bits instead of scaling them
        return _from_16_bits(image).convert(mode)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image.convert(mode)


def _from_16_bits(image):
    pixels = np.asarray(image)
    grey = _to_8_bits(np.clip(pixels, 0, 65535))
    transparent = image.info.get("transparency")  # the one grey value that is not to be seen
    if transparent is not None:
        grey = np.where(pixels == transparent, np.uint8(255), grey)
    return Image.fromarray(grey)


def _to_8_bits(pixels):
    return np.round(pixels / 257.0).astype(np.uint8)
