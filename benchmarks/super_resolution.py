"""How near enlarged pictures come to the originals: PSNR, SSIM, and as a network sees them.

    python benchmarks/super_resolution.py Set5/ Set14/ --scale 4
    python benchmarks/super_resolution.py Set5/ --models realesrgan_x4,runs/00001-realesrgan-small

Every picture of a folder is cut to a multiple of the scale, reduced by the antialiased bicubic
filter (Pillow's, which is MATLAB's but for rounding), and enlarged by each model and by the bicubic
filter. Compared are 8-bit pictures without a border of `scale` pixels: PSNR and SSIM of RGB (the
mean of the channels) and of Y (ITU-R BT.601, as papers of super-resolution have it), the perceptual
distance and KID on maps and features of lite0 (patches of 96 pixels for KID). Models that learned
to invent detail lose PSNR by design; the last two columns are about that.

Each row is also a line of JSON with `--json FILE`, and sets that are in the file already are not
measured again, so that it can run in pieces.
"""

import argparse
import json
import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tensorflow as tf
from PIL import Image

from keras_gans import training, zoo
from keras_gans.evaluation import features
from keras_gans.evaluation.metrics.kid import KID
from keras_gans.evaluation.metrics.perceptual import Perceptual

_SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff"}
_PATCH = 96
COLUMNS = ("psnr_rgb", "ssim_rgb", "psnr_y", "ssim_y", "perceptual", "kid_lite0")


def pictures(folder, scale):
    """(name, original, reduced), uint8 RGB, of each picture of a folder."""
    for path in sorted(pathlib.Path(folder).iterdir()):
        if path.suffix.lower() not in _SUFFIXES:
            continue
        image = Image.open(path).convert("RGB")
        width, height = (side // scale * scale for side in image.size)
        image = image.crop((0, 0, width, height))
        small = image.resize((width // scale, height // scale), Image.Resampling.BICUBIC)
        yield path.name, np.asarray(image), np.asarray(small)


def bicubic(small, scale):
    height, width = small.shape[:2]
    size = (width * scale, height * scale)
    return np.asarray(Image.fromarray(small).resize(size, Image.Resampling.BICUBIC))


def enlarged(model, small):
    """What a model makes of a picture, uint8."""
    made = model.translate(small.astype("float32") / 127.5 - 1.0)
    return np.uint8(np.clip(np.round((made + 1.0) * 127.5), 0, 255))


def luma(picture):
    """Y of BT.601, 16 to 235, float64 (H, W, 1)."""
    return 16.0 + picture.astype("float64") @ np.array([[65.481], [128.553], [24.966]]) / 255.0


def likeness(original, made, border):
    """PSNR and SSIM of RGB and Y without a border."""
    inner = (slice(border, -border), slice(border, -border))
    found = {}
    for name, (first, second) in {
        "rgb": (original[inner].astype("float64"), made[inner].astype("float64")),
        "y": (luma(original)[inner], luma(made)[inner]),
    }.items():
        error = np.mean((first - second) ** 2)
        found[f"psnr_{name}"] = float(10 * np.log10(255.0**2 / error)) if error else float("inf")
        ssim = tf.image.ssim(tf.constant(first), tf.constant(second), 255.0)
        found[f"ssim_{name}"] = float(ssim)
    return found


def patches(picture):
    """Squares side by side, (N, 96, 96, 3) in [-1, 1]."""
    height, width = (side // _PATCH * _PATCH for side in picture.shape[:2])
    cut = picture[:height, :width].reshape(height // _PATCH, _PATCH, width // _PATCH, _PATCH, 3)
    return np.float32(cut.swapaxes(1, 2).reshape(-1, _PATCH, _PATCH, 3)) / 127.5 - 1.0


def measure(folder, scale, enlarge, limit):
    """Means over a folder."""
    perceptual, kid, sums, count = Perceptual(), KID(), {}, 0
    extractor = features.get("lite0")
    real, fake = [], []
    for _, original, small in list(pictures(folder, scale))[:limit]:
        made = enlarge(small)
        for key, value in likeness(original, made, scale).items():
            sums[key] = sums.get(key, 0.0) + value
        pair = [p[None].astype("float32") / 127.5 - 1.0 for p in (original, made)]
        perceptual.update(*map(extractor.maps, pair))
        real.append(patches(original))
        fake.append(patches(made))
        count += 1
    real, fake = np.concatenate(real), np.concatenate(fake)
    kid.update(extractor(real), extractor(fake))
    found = {key: value / count for key, value in sums.items()}
    return {
        **found,
        "perceptual": perceptual.result(),
        "kid_lite0": kid.result()[0],
        "count": count,
    }


def opened(name):
    """A model by an entry's name with weights, a .keras file or a run's folder."""
    if name in zoo.names():
        return zoo.get(name, pretrained=True)
    return zoo.load(name) if name.endswith(".keras") else training.open_run(name).load_model()


def main():
    """Measures and prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", nargs="+")
    parser.add_argument("--scale", type=int, default=4)
    parser.add_argument("--models", default="realesrgan_x4,realesrgan_anime,realesrgan_video_x4")
    parser.add_argument("--limit", type=int, help="pictures of each folder, the first ones")
    parser.add_argument("--json", type=pathlib.Path, help="file that lines are appended to")
    arguments = parser.parse_args()
    known = set()
    if arguments.json and arguments.json.exists():
        lines = map(json.loads, arguments.json.read_text().splitlines())
        known = {(line["set"], line["model"], line["scale"]) for line in lines}
    print(f"{'set':10} {'model':28} " + " ".join(f"{column:>10}" for column in COLUMNS))
    for name in ["bicubic", *filter(None, arguments.models.split(","))]:
        model = None
        for folder in arguments.folders:
            key = (pathlib.Path(folder).name, name, arguments.scale)
            if key in known:
                continue
            if name == "bicubic":
                enlarge = lambda small: bicubic(small, arguments.scale)  # noqa: E731
            else:
                model = model or opened(name)
                enlarge = lambda small, model=model: enlarged(model, small)  # noqa: E731
            found = measure(folder, arguments.scale, enlarge, arguments.limit)
            values = " ".join(f"{found[column]:10.4f}" for column in COLUMNS)
            print(f"{key[0]:10} {name:28} {values}", flush=True)
            if arguments.json:
                line = {"set": key[0], "model": name, "scale": arguments.scale, **found}
                with arguments.json.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
