"""Makes the photographs of `bundled:photos` from the files of a Debian package.

    apt-get download lomiri-wallpapers-16.04=20.04.0-2
    dpkg-deb -x lomiri-wallpapers-16.04_20.04.0-2_all.deb unpacked
    python tools/make_photos.py unpacked/usr/share/backgrounds

Only the package's photographs that its `debian/copyright` places under CC0 1.0 or CC BY 4.0 are
used. Each is reduced to at most half its size, which removes the noise of the sensor and the
traces of JPEG compression. Two calls write equal bytes with equal versions of Pillow and libwebp
(the committed files: Pillow 13.0, libwebp 1.6); the checksums of the originals are verified.
"""

import argparse
import dataclasses
import hashlib
import json
import pathlib

from PIL import Image, ImageOps

BUNDLED = pathlib.Path(__file__).resolve().parents[1] / "keras_gans/data/bundled/photos"
LONGEST = 1536  # pixels of the longer side
REDUCTION = 0.5  # at most so much of the original's sides
QUALITY = 94


@dataclasses.dataclass(frozen=True)
class Photo:
    """A photograph of the package.

    Attributes:
        file: name of the original.
        sha256: of the original, its first 16 hexadecimal digits.
        name: of the file that ships, without a suffix.
        author: as `debian/copyright` names them.
        licence: as `debian/copyright` names it.
        split: "train" or "test".
    """

    file: str
    sha256: str
    name: str
    author: str
    licence: str = "CC BY 4.0"
    split: str = "train"


_AITZOL, _TREVOR = "Aitzol Berasategi", 'Trevor "Freespace"'

PHOTOS = (
    Photo(
        "aitzgorri_by_Aitzol_Berasategi.jpg", "66268e7b48f8854d", "aitzgorri", _AITZOL, split="test"
    ),
    Photo("friends_by_Aitzol_Berasategi.jpg", "cc40e313c74e421e", "friends", _AITZOL),
    Photo("life_by_Aitzol_Berasategi.jpg", "4c119350ead80201", "life", _AITZOL),
    Photo("picosdeeuropa_by_Aitzol_Berasategi.jpg", "414d0072b2f6f2c5", "picosdeeuropa", _AITZOL),
    Photo("Picture_0B_by_freespace.jpg", "c8c0ab18e48d9e04", "picture_0b", _TREVOR, split="test"),
    Photo("Picture_1A_by_freespace.jpg", "89e86af38d04daae", "picture_1a", _TREVOR),
    Photo(
        "seeding_by_Clements_Engelhardt.jpg",
        "a5634d1ab5e41a35",
        "seeding",
        "Clemens Engelhardt",
        "CC0 1.0",
    ),
    Photo("sunset_by_Aitzol_Berasategi.jpg", "474dab6a4b9f94dc", "sunset", _AITZOL),
    Photo("Wine_by_Jakkub_Mede.jpg", "d2e96e6d4da40dd8", "wine", "Jakub Mede"),
)


def make(folder, target):
    """Writes the photographs and `index.json`.

    Args:
        folder: of the package's files.
        target: folder to write to.

    Raises:
        ValueError: if a file is not the one of the package's version.
    """
    target.mkdir(parents=True, exist_ok=True)
    for photo in PHOTOS:
        original = folder / photo.file
        found = hashlib.sha256(original.read_bytes()).hexdigest()[:16]
        if found != photo.sha256:
            raise ValueError(
                f"{original} has the checksum {found}, expected {photo.sha256}. Use the file of "
                "lomiri-wallpapers-16.04, version 20.04.0-2."
            )
        with Image.open(original) as opened:
            image = reduced(ImageOps.exif_transpose(opened).convert("RGB"))
        image.save(target / f"{photo.name}.webp", quality=QUALITY, method=6)
    rows = [
        {
            "file": f"{photo.name}.webp",
            "author": photo.author,
            "licence": photo.licence,
            "original": photo.file,
            "split": photo.split,
        }
        for photo in PHOTOS
    ]
    (target / "index.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def reduced(image):
    """The photograph at the size it ships in."""
    scale = min(REDUCTION, LONGEST / max(image.size))
    size = tuple(round(scale * side) for side in image.size)
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=None)


def main():
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=pathlib.Path, help="the package's usr/share/backgrounds")
    parser.add_argument("--to", type=pathlib.Path, default=BUNDLED, help="folder to write to")
    asked = parser.parse_args()
    missing = [photo.file for photo in PHOTOS if not (asked.folder / photo.file).is_file()]
    if missing:
        parser.error(f"{asked.folder} does not hold {', '.join(missing)}: unpack the package")
    make(asked.folder, asked.to)


if __name__ == "__main__":
    main()
