"""A folder of files as people have them: every format, every mode, damaged, linked, named oddly."""

import io
import os
import struct
import zlib

import numpy as np
from PIL import Image, features

#: Suffixes of what is written in each mode, where Pillow can.
_FORMATS = {
    "png": "PNG", "jpg": "JPEG", "jpeg": "JPEG", "jfif": "JPEG", "jpe": "JPEG", "webp": "WEBP",
    "bmp": "BMP", "gif": "GIF", "tif": "TIFF", "tiff": "TIFF", "avif": "AVIF", "jp2": "JPEG2000",
    "ppm": "PPM", "ico": "ICO", "tga": "TGA", "eps": "EPS", "pdf": "PDF", "pcx": "PCX",
    "dds": "DDS", "sgi": "SGI", "icns": "ICNS", "qoi": "QOI", "xbm": "XBM",
}  # fmt: skip
_MODES = ("RGB", "RGBA", "L", "LA", "P", "1", "CMYK", "I;16", "I", "F")
_NAMES = (
    "Ünïcödé", "日本語", "e\u0301", "emoji 😀", "a b", "tab\there", "line\nbreak", "\x1b[31mred",
    "-rf", "--help", "quote'\"", "%s{0}", "a" * 200, "dot.dot", "trailing ", "\u202egnp",
)  # fmt: skip


def make(folder, largest=8000):
    """Writes them.

    Args:
        folder: a path; made.
        largest: side of the largest picture.

    Returns:
        How many files and links were made that a person would count: those named, in all folders.
    """
    folder.mkdir(parents=True)
    _formats(folder)
    _turned(folder)
    _moving(folder)
    _damaged(folder)
    _named(folder)
    _sizes(folder, largest)
    _litter(folder)
    _links(folder)
    return sum(len(names) for _, _, names in os.walk(folder)) + sum(
        os.path.islink(os.path.join(top, name))
        for top, names, _ in os.walk(folder)
        for name in names
    )


def _picture(width=12, height=9, seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    return Image.fromarray(pixels)


def _in_mode(picture, mode):
    grey = np.asarray(picture.convert("L"))
    if mode == "I;16":
        return Image.fromarray(grey.astype(np.uint16) * 257)
    if mode == "I":
        return Image.fromarray(grey.astype(np.int32) * 257)
    return picture.convert(mode)


def _formats(folder):
    for suffix, format in _FORMATS.items():
        for mode in _MODES:
            name = mode.replace(";", "")
            path = folder / "formats" / f"{suffix}-{name}.{suffix}"
            path.parent.mkdir(exist_ok=True)
            try:
                _in_mode(_picture(16, 16), mode).save(path, format)
            except (OSError, ValueError, KeyError, TypeError):  # not in this mode
                path.unlink(missing_ok=True)


def _turned(folder):
    for orientation in range(1, 10):
        exif = Image.Exif()
        exif[0x0112] = orientation
        for suffix in ("jpg", "png", "webp", "tif"):
            _picture().save(folder / f"turned-{orientation}-{suffix}.{suffix}", exif=exif)


def _moving(folder):
    frames = [_picture(seed=seed) for seed in range(3)]
    for suffix in ("gif", "webp", "png", "tif", "avif"):
        if suffix != "avif" or features.check("avif"):
            path = folder / f"moving-{suffix}.{suffix}"
            frames[0].save(path, save_all=True, append_images=frames[1:])


def _damaged(folder):
    for suffix in ("png", "jpg", "gif", "webp", "tif", "bmp"):
        file = io.BytesIO()
        _picture(40, 40).save(file, _FORMATS[suffix])
        content = file.getvalue()
        (folder / f"cut-{suffix}.{suffix}").write_bytes(content[: len(content) // 2])
        (folder / f"head-{suffix}.{suffix}").write_bytes(content[:20])
        (folder / f"empty-{suffix}.{suffix}").write_bytes(b"")
        (folder / f"text-{suffix}.{suffix}").write_text("I am a text")
        (folder / f"wrong-{suffix}.png").write_bytes(content)
    (folder / "bomb.png").write_bytes(_png_of_zeros(60_000, 60_000))
    (folder / "thread.png").write_bytes(_png_of_zeros(1, 200_000))


def _png_of_zeros(width, height):
    """Grey of one bit, nothing behind its header but the first rows."""

    def chunk(kind, content):
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    rows = zlib.compress(bytes((-(-width // 8) + 1) * min(height, 200_000)) if width == 1 else b"")
    head = struct.pack(">2I5B", width, height, 1, 0, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n"
    return start + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def _named(folder):
    for number, name in enumerate(_NAMES):
        _picture(seed=number).save(folder / f"{name}-{number}.png")
    _picture().save(folder / "LOUD.PNG")
    file = io.BytesIO()
    _picture().save(file, "PNG")
    with open(os.path.join(os.fsencode(folder), b"bytes-\xff\xfe.png"), "wb") as raw:
        raw.write(file.getvalue())
    (folder / "no suffix").write_bytes(file.getvalue())
    (folder / "twitter.jpg_large").write_bytes(file.getvalue())


def _sizes(folder, largest):
    for width, height in ((1, 1), (1, 50), (50, 1), (2, 2), (3, 4), (4, 300), (7, 7), (1000, 3)):
        _picture(width, height).save(folder / f"size-{width}x{height}.png")
    Image.new("RGB", (largest, largest), "red").save(folder / "large.png")
    Image.new("RGB", (largest, largest // 2), "blue").save(folder / "large.jpg")
    Image.new("RGBA", (largest, largest // 4)).save(folder / "large-clear.webp")


def _litter(folder):
    for name in (".hidden.png", "._shadow.jpg", ".DS_Store", "Thumbs.db", "desktop.ini"):
        (folder / name).write_bytes(b"litter")
    for name in ("__MACOSX", ".ipynb_checkpoints", "@eaDir", ".git"):
        (folder / name).mkdir()
        _picture().save(folder / name / "inside.png")
    for name in ("notes.txt", "movie.mp4", "data.json", "a.zip", "raw.cr2", "photo.heic"):
        (folder / name).write_bytes(b"no picture")
    os.mkfifo(folder / "pipe.png")
    (folder / "folder.png").mkdir()
    _picture().save(folder / "locked.png")
    (folder / "locked.png").chmod(0)


def _links(folder):
    (folder / "to-itself.png").symlink_to("to-itself.png")
    (folder / "to-nothing.png").symlink_to("nothing.png")
    (folder / "to-the-folder").symlink_to(".")
    (folder / "to-zero.png").symlink_to("/dev/zero")
    (folder / "to-a-picture.png").symlink_to("LOUD.PNG")
    (folder / "round").mkdir()
    (folder / "round" / "up").symlink_to("..")
