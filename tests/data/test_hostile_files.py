"""Pictures and tables of labels that were damaged or made to harm: read, or refused by a sentence.

All mutations come of seeds, see `tests/hostile.py`.
"""

import csv
import io
import random
import struct
import warnings

import hostile
import numpy as np
import pytest
from PIL import Image

from keras_gans import data
from keras_gans.data.decode import UnreadableError
from keras_gans.data.image_converter import ImageConverter
from keras_gans.data.whole import read_picture

FRAME = ImageConverter(16, 16, 3)
MUTATIONS = 300  # of each format


def photo(size=(40, 28), seed=0):
    shape = (size[1], size[0], 3)
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, shape, dtype="uint8"))


def encoded(format, **how):
    file = io.BytesIO()
    photo().save(file, format, **how)
    return file.getvalue()


def frames(format):
    file = io.BytesIO()
    photo().save(file, format, save_all=True, append_images=[photo(seed=n) for n in (1, 2)])
    return file.getvalue()


PICTURES = {
    "png": lambda: encoded("PNG"),
    "jpeg": lambda: encoded("JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\0\0"),
    "progressive": lambda: encoded("JPEG", progressive=True),
    "webp": lambda: encoded("WEBP"),
    "gif": lambda: frames("GIF"),
    "tiff": lambda: frames("TIFF"),
    "tiff_deflated": lambda: encoded("TIFF", compression="tiff_adobe_deflate"),
}


def inflated(content, seed):
    """The same file, in which numbers such as sizes and counts are of another magnitude."""
    chance, changed = random.Random(seed), bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 4))):
        width, order = chance.choice((("H", "<"), ("H", ">"), ("I", "<"), ("I", ">")))
        size = struct.calcsize(width)
        place = chance.randrange(min(len(changed), 200) - size)
        most = 2 ** (8 * size) - 1
        value = chance.choice((0, 1, most, most // 2, most - 1, 2**15, 30_000)) & most
        struct.pack_into(order + width, changed, place, value)
    return bytes(changed)


@pytest.mark.parametrize("format", PICTURES)
def test_damaged_pictures_are_read_or_refused(format, tmp_path):
    content, path = PICTURES[format](), tmp_path / f"picture.{format.partition('_')[0]}"
    fates = {"read": 0, "refused": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, of what is odd
        for seed in range(MUTATIONS):
            change = inflated if seed % 3 == 0 else hostile.bytes_of
            path.write_bytes(change(content, seed))
            for read in (FRAME.read, FRAME.check, read_picture):
                with hostile.harmless():
                    try:
                        pixels = read(path)
                        fates["read"] += 1
                    except UnreadableError as error:
                        assert str(error).strip() and "\n" not in str(error)
                        fates["refused"] += 1
                        continue
                    if read == FRAME.read:
                        assert pixels.shape == FRAME.shape and pixels.dtype == np.uint8
    assert min(fates.values()) > MUTATIONS // 10, f"of all one fate proves nothing: {fates}"


# === Tables of labels ===


def table(separator=",", heading="file"):
    file = io.StringIO()
    writer = csv.writer(file, delimiter=separator)
    writer.writerow([heading, "Smiling", "Male", "hair"])
    writer.writerows([f"{n}.png", n % 2, int(n < 4), ("red", "black", "grey")[n % 3]]
                     for n in range(8))  # fmt: skip
    return file.getvalue()


CELEBA = "8\nSmiling Male\n" + "".join(
    f"{n}.png {2 * (n % 2) - 1:2d} {1 if n < 4 else -1:2d}\n" for n in range(8)
)
TABLES = {
    "comma": ("attributes.csv", table().encode()),
    "semicolon": ("attributes.csv", table(";").encode("utf-16")),
    "celeba": ("list_attr_celeba.txt", CELEBA.encode()),
}
#: What tables of unknown origin may hold in the place of anything.
STRANGE = (
    b"\0", b'"', b'"' * 9, b",", b";" * 50, b"\r", b"\n\n", b"\xef\xbb\xbf", b"\xff\xfe", b"\x80",
    b"../../etc/passwd", b"nan", b"1e309", b"9" * 400, b"-1", b"=cmd()", b"\x1b]0;x\x07",
    "\u202e".encode(), b"a" * 5000,
)  # fmt: skip


def strange(content, seed):
    chance, changed = random.Random(seed), bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 5))):
        start = chance.randrange(len(changed))
        changed[start : start + chance.choice((0, 1, 8))] = chance.choice(STRANGE)
    return bytes(changed)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("faces")
    for number in range(8):
        photo((8, 8), number).save(folder / f"{number}.png")
    return folder


@pytest.mark.parametrize("kind", TABLES)
def test_damaged_tables_are_read_or_refused(kind, pictures):
    name, content = TABLES[kind]
    path, fates = pictures / name, {"read": 0, "refused": 0}
    path.write_bytes(content)
    assert set(data.label_names(f"folder:{pictures}")["attributes"]) >= {"Smiling", "Male"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for seed in range(MUTATIONS):
            change = strange if seed % 2 else hostile.bytes_of
            path.write_bytes(change(content, seed))
            with hostile.harmless():
                try:
                    names = data.label_names(f"folder:{pictures}")
                    fates["read"] += 1
                except ValueError as error:
                    assert name in str(error) or str(pictures) in str(error), error
                    assert "\x1b" not in str(error) and "\0" not in str(error), repr(str(error))
                    fates["refused"] += 1
                    continue
                assert names.keys() == {"heads", "attributes"}
    path.unlink()
    assert min(fates.values()) > MUTATIONS // 10, f"of all one fate proves nothing: {fates}"
