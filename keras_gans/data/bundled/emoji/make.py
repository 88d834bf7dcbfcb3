"""Makes the files beside it from the npm packages of the two emoji fonts.

    npm pack emoji-datasource-twitter@16.0.0 emoji-datasource-google@16.0.0
    for f in twitter google; do
      mkdir $f && tar xzf emoji-datasource-$f-16.0.0.tgz -C $f --strip-components 1
    done
    pip install scikit-image pillow
    python make.py twitter google

Emoji without skin tones that both fonts have, but no flags, 64 x 64 on white: `twemoji.webp` and
`noto.webp` (lossless, `COLUMNS` in a row), `edges.png` (Canny's edges of the twemoji, dark on
white) and `index.json` with code points, category and split of each.

The split is by what is shown: people doing a thing come as person, man and woman, nearly alike,
so all of one thing go to the same side. A tenth is "test"; of the rest the unpaired task gives one
half to each domain ("a", "b").
"""

import hashlib
import json
import pathlib
import sys

import numpy as np
from PIL import Image
from skimage import color, feature

COLUMNS = 41
SIDE = 64
HERE = pathlib.Path(__file__).parent

# Person, man, woman, joiner, male and female sign, variation selector: not what is shown.
_WHO = {"1F9D1", "1F468", "1F469", "200D", "2640", "2642", "FE0F"}


def shown(unified):
    """The first code point that says what is shown."""
    points = unified.split("-")
    return next((point for point in points if point not in _WHO), points[0])


def split(unified):
    """Where it belongs, "test", "a" or "b", by a hash, so that it never changes."""
    number = int(hashlib.sha256(shown(unified).encode()).hexdigest(), 16)
    return "test" if number % 10 == 0 else "ab"[number // 10 % 2]


def picture(folder, font, name):
    """An emoji on white, uint8 (64, 64, 3)."""
    drawn = Image.open(folder / "img" / font / "64" / name).convert("RGBA")
    page = Image.new("RGBA", drawn.size, "white")
    page.alpha_composite(drawn)
    return np.asarray(page.convert("RGB"))


def edges(pixels):
    """Canny's edges, 0 on 255, as a person would draw them: thin, closed at the border."""
    margin = 4
    grey = np.pad(color.rgb2gray(pixels), margin, constant_values=1.0)
    found = feature.canny(grey, sigma=1.0)[margin:-margin, margin:-margin]
    return np.where(found, 0, 255).astype("uint8")


def sheet(pictures):
    """All in one picture, row after row."""
    pictures = np.stack(pictures)
    rows = -(-len(pictures) // COLUMNS)
    blank = np.full((rows * COLUMNS - len(pictures), *pictures.shape[1:]), 255, "uint8")
    grid = np.concatenate([pictures, blank]).reshape(rows, COLUMNS, *pictures.shape[1:])
    grid = np.swapaxes(grid, 1, 2)
    return Image.fromarray(grid.reshape(rows * SIDE, COLUMNS * SIDE, *pictures.shape[3:]))


def main(twitter, google):
    """Writes the four files."""
    twitter, google = pathlib.Path(twitter), pathlib.Path(google)
    entries = json.loads((twitter / "emoji.json").read_text())
    entries = [
        entry
        for entry in entries
        if entry["has_img_twitter"] and entry["has_img_google"] and entry["category"] != "Flags"
    ]
    entries.sort(key=lambda entry: entry["unified"])
    twemoji = [picture(twitter, "twitter", entry["image"]) for entry in entries]
    noto = [picture(google, "google", entry["image"]) for entry in entries]
    for name, pictures in (("twemoji", twemoji), ("noto", noto)):
        sheet(pictures).save(HERE / f"{name}.webp", lossless=True, quality=100, method=6)
    lines = sheet([edges(pixels) for pixels in twemoji])
    lines.convert("1").save(HERE / "edges.png", optimize=True)
    index = [
        {"unified": e["unified"], "category": e["category"], "split": split(e["unified"])}
        for e in entries
    ]
    text = ",\n".join(json.dumps(row) for row in index)
    (HERE / "index.json").write_text(f"[\n{text}\n]\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
