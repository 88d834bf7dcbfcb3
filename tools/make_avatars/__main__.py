"""Draws faces with their attributes.

    cd tools/make_avatars && npm ci && cd ../..
    pip install pillow
    python tools/make_avatars faces/ --count 2000 --size 128     a folder for `--data folder:faces`
    python tools/make_avatars edits/ --edits --count 500          for `benchmarks/edits.py`
    python tools/make_avatars --bundle                            the set that ships, again

Two calls with equal arguments write equal bytes, with the versions of package-lock.json and, of
the set that ships, Pillow 12 (`python -m PIL` says which one there is).
"""

import argparse
import csv
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import people
from PIL import Image

HERE = pathlib.Path(__file__).resolve().parent
BUNDLED = HERE.parents[1] / "keras_gans" / "data" / "bundled" / "avatars"

# The set that ships.
SIDE = 64
TRAIN, TEST = 7_000, 1_000
OTHERS, OTHERS_STYLE = 3_000, "adventurer"
COLUMNS, ROWS = 40, 25  # pictures of a sheet


def drawn(style, options, size, *, lines=False, parts=None):
    """Pictures, uint8 (N, size, size, 3), and what DiceBear drew for each."""
    with tempfile.TemporaryDirectory() as folder:
        request, pixels, facts = (
            pathlib.Path(folder, name) for name in ("request.json", "pixels", "facts.json")
        )
        asked = {"style": style, "size": size, "people": options, "lines": lines, "parts": parts}
        request.write_text(json.dumps(asked), encoding="utf-8")
        subprocess.run(["node", HERE / "render.mjs", request, pixels, facts], check=True)
        pictures = np.fromfile(pixels, "uint8").reshape(len(options), size, size, 3)
        return pictures, json.loads(facts.read_text(encoding="utf-8"))


# === A folder ===


def make_folder(folder, style, count, size, key):
    """Writes pictures and `attributes.csv`."""
    folder.mkdir(parents=True)
    if style == "micah":
        rows = people.people(count, key)
        pictures, _ = drawn(style, [people.options(who) for who in rows], size)
        names = (*people.HEADS, *people.ATTRIBUTES)
    else:
        options = [people.options_of_others(number, style, key) for number in range(count)]
        pictures, rows = drawn(style, options, size)
        rows = [people.labels_of_others(facts) for facts in rows]
        names = tuple(rows[0])
    write(folder, pictures, rows, names)


def make_edits(folder, count, size):
    """Writes held-out people of the set that ships, and each of them with one thing changed.

    The folder gets a folder `source` and one for each of `people.EDITS`, with pictures of equal
    names and with `attributes.csv`.
    """
    held_out = people.people(TRAIN + TEST)[TRAIN : TRAIN + count]
    folder.mkdir(parents=True)
    for edit in ("source", *people.EDITS):
        rows = held_out
        if edit != "source":
            rows = [people.edited(who, edit) for who in held_out]
        pictures, _ = drawn("micah", [people.options(who) for who in rows], size)
        (folder / edit).mkdir()
        write(folder / edit, pictures, rows, (*people.HEADS, *people.ATTRIBUTES))


def write(folder, pictures, rows, names):
    """Writes pictures and `attributes.csv` with these columns of the rows."""
    count = len(pictures)
    files = [f"{number:0{len(str(count - 1))}}.png" for number in range(count)]
    for file, picture in zip(files, pictures, strict=True):
        Image.fromarray(picture).save(folder / file)
    with (folder / "attributes.csv").open("w", newline="", encoding="utf-8") as table:
        writer = csv.writer(table)
        writer.writerow(["file", *names])
        writer.writerows(
            [file, *(row[n] for n in names)] for file, row in zip(files, rows, strict=True)
        )


# === The set that ships ===


def make_bundle():
    """Writes the files of `bundled:avatars`."""
    BUNDLED.mkdir(parents=True, exist_ok=True)
    everyone = people.people(TRAIN + TEST)
    pictures, _ = drawn("micah", [people.options(who) for who in everyone], SIDE)
    save_sheets("micah", pictures)
    lines, _ = drawn("micah", [people.options_of_lines(w) for w in everyone], SIDE, lines=True)
    save_lines(lines[..., 0])
    save_parts(everyone)
    others = [{**who, "glasses": 1 - who["glasses"]} for who in everyone[TRAIN:]]
    save_sheets("glasses", drawn("micah", [people.options(who) for who in others], SIDE)[0])
    options = [people.options_of_others(number, OTHERS_STYLE) for number in range(OTHERS)]
    save_sheets(OTHERS_STYLE, drawn(OTHERS_STYLE, options, SIDE)[0])
    save_table(everyone)


def sheet(pictures):
    """All in one picture, `COLUMNS` in a row."""
    grid = pictures.reshape(-1, COLUMNS, SIDE, SIDE, *pictures.shape[3:]).swapaxes(1, 2)
    return Image.fromarray(grid.reshape(-1, COLUMNS * SIDE, *pictures.shape[3:]))


def save_sheets(name, pictures):
    """Sheets of a thousand: 256 colours each, and nothing lost of those."""
    size = COLUMNS * ROWS
    for number, start in enumerate(range(0, len(pictures), size)):
        image = sheet(pictures[start : start + size])
        image = image.quantize(256, Image.Quantize.MEDIANCUT, kmeans=4, dither=Image.Dither.NONE)
        path = BUNDLED / f"{name}-{number}.webp"
        image.convert("RGB").save(path, lossless=True, quality=100, method=6)


def save_lines(pictures):
    """One sheet, of four greys."""
    greys = np.round(pictures / 85.0).astype("uint8") * 85
    image = sheet(greys).convert("RGB")
    image.save(BUNDLED / "lines.webp", lossless=True, quality=100, method=6)


def save_parts(everyone):
    """One sheet of class numbers with their colours, and the colours by name.

    Raises:
        ValueError: if a pixel has the colour of no part.
    """
    options = [people.options_of_parts(who) for who in everyone]
    pictures, _ = drawn("micah", options, SIDE, parts=people.PARTS)
    colors = np.array([list(bytes.fromhex(color)) for color in people.PARTS.values()], "uint8")
    weights = np.array([1 << 16, 1 << 8, 1])
    found, known = pictures @ weights, colors @ weights
    if strange := set(np.unique(found).tolist()) - set(known.tolist()):
        raise ValueError(f"Colours of no part: {', '.join(f'{one:06x}' for one in strange)}.")
    numbers = np.zeros(found.shape, "uint8")
    for number, color in enumerate(known):
        numbers[found == color] = number
    image = sheet(numbers)
    image.putpalette(colors.tobytes())
    image.save(BUNDLED / "parts.png", optimize=True)
    rows = [{"name": name, "color": f"#{color}"} for name, color in people.PARTS.items()]
    lines = ",\n".join(f"  {json.dumps(row)}" for row in rows)
    (BUNDLED / "parts.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def save_table(everyone):
    """What is true of each person, and on which side of the split."""
    names = (*people.HEADS, *people.ATTRIBUTES)
    with (BUNDLED / "attributes.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*names, "split"])
        for number, who in enumerate(everyone):
            split = "train" if number < TRAIN else "test"
            writer.writerow([*(who[name] for name in names), split])


def main(arguments):
    """Draws what the command line asks for."""
    parser = argparse.ArgumentParser(
        prog="make_avatars", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", nargs="?", type=pathlib.Path, help="new folder to write to")
    parser.add_argument("--count", type=int, default=2_000, help="pictures (%(default)s)")
    parser.add_argument("--size", type=int, default=SIDE, help="pixels of a side (%(default)s)")
    parser.add_argument("--style", choices=people.ARTISTS, default="micah", help="%(default)s")
    parser.add_argument("--key", default="avatars", help="another word draws other people")
    parser.add_argument(
        "--edits", action="store_true", help="held-out people, and each with one thing changed"
    )
    parser.add_argument("--bundle", action="store_true", help="write the set that ships")
    asked = parser.parse_args(arguments)
    if asked.bundle == (asked.folder is not None):
        parser.error("name a folder, or use --bundle")
    if not 1 <= asked.count <= people.MOST or not 8 <= asked.size <= 1024:
        parser.error(f"--count is from 1 to {people.MOST:,}, --size from 8 to 1024")
    if asked.edits and (asked.bundle or asked.count > TEST or asked.style != "micah"):
        parser.error(f"--edits wants a folder, the style micah and a --count of up to {TEST:,}")
    if asked.folder and asked.folder.exists():
        parser.error(f"{asked.folder} exists; name a new folder")
    if not (HERE / "node_modules").is_dir():
        parser.error(f"run `npm ci` in {HERE} first")
    if asked.bundle:
        make_bundle()
    elif asked.edits:
        make_edits(asked.folder, asked.count, asked.size)
    else:
        make_folder(asked.folder, asked.style, asked.count, asked.size, asked.key)


if __name__ == "__main__":
    main(sys.argv[1:])
