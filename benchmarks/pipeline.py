"""Pictures a second from a folder, against PyTorch's DataLoader; and the start of a large folder.

    python benchmarks/pipeline.py [--count 10000] [--large 100000] [--seconds 10] [--rounds 3]

1. A folder of JPEGs of 256 px (the bundled emoji on noise, quality 90), as `cyclegan` learns from
   it: scaled to 286, cropped to 256, mirrored at random, float32 in [-1, 1]. Batches of 4. The
   rival does the same with Pillow, as torchvision's transforms do, in a `DataLoader` of as many
   workers as there are cores. Ours is read with and without `cache_dir`, there from the second
   epoch on; all turn about, after their first batches. Aim: 1.3 times the rival's.
2. A folder of so many such JPEGs (hard links to the first ones): seconds and memory from
   `data.load` to the first batch.
"""

import argparse
import os
import pathlib
import resource
import statistics
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
from PIL import Image

from keras_gans import data, zoo

BATCH, DISTINCT = 4, 500


def write(folder, count):
    """JPEGs by two names each: domains A and B of half of them."""
    rng = np.random.default_rng(0)
    model = zoo.get("cyclegan_emoji", filters=4, num_blocks=1)
    emoji = next(data.load("bundled:emoji/styles", model, batch_size=DISTINCT).as_numpy_iterator())
    emoji = ((emoji[0] + 1) * 127.5).astype("uint8")
    first = []
    for number in range(count):
        path = folder / ("trainA", "trainB")[number % 2] / f"{number:06d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        if number < DISTINCT:
            picture = Image.fromarray(emoji[number % len(emoji)]).resize((256, 256))
            noise = rng.normal(0, 8, (256, 256, 3))
            pixels = np.clip(np.asarray(picture) + noise, 0, 255).astype("uint8")
            Image.fromarray(pixels).save(path, quality=90)
            first.append(path)
        else:
            os.link(first[number % DISTINCT], path)


def ours(folder, cache_dir=None):
    model = zoo.get("cyclegan", filters=4, num_blocks=1)
    return data.load(f"folder:{folder}", model, batch_size=BATCH, seed=0, cache_dir=cache_dir)


def theirs(folder):
    import torch

    class Domains(torch.utils.data.Dataset):
        def __init__(self):
            self.paths = [sorted((folder / name).iterdir()) for name in ("trainA", "trainB")]
            self.rng = np.random.default_rng()

        def __len__(self):
            return len(self.paths[0])

        def __getitem__(self, index):
            return [self.picture(paths[index % len(paths)]) for paths in self.paths]

        def picture(self, path):
            image = Image.open(path).convert("RGB").resize((286, 286), Image.Resampling.BICUBIC)
            left, top = self.rng.integers(0, 31, 2)
            image = image.crop((left, top, left + 256, top + 256))
            if self.rng.random() < 0.5:
                image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
            pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous()
            return pixels.to(torch.float32).div(255).sub(0.5).div(0.5)

    return torch.utils.data.DataLoader(
        Domains(), BATCH, shuffle=True, num_workers=os.cpu_count(), drop_last=True
    )


def endless(batches):
    while True:
        yield from batches


def rate(stream, seconds):
    """Pictures of both domains a second, read for a while."""
    for _ in range(3):
        next(stream)
    count, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        next(stream)
        count += 2 * BATCH
    return count / (time.perf_counter() - started)


def race(folder, seconds, rounds):
    loaded = ours(folder)
    try:
        rival = theirs(folder)
    except ImportError:
        rival = None
        print("without PyTorch, which is not installed")
    cached = ours(folder, folder.parent)
    for _ in cached:
        pass  # the first epoch, in which pictures are decoded
    rates = {"keras_gans": [], "keras_gans, cache_dir": [], "PyTorch": []}
    for _ in range(rounds):
        rates["keras_gans"].append(rate(endless(loaded), seconds))
        rates["keras_gans, cache_dir"].append(rate(endless(cached), seconds))
        if rival:
            rates["PyTorch"].append(rate(endless(rival), seconds))
    found = {name: statistics.median(values) for name, values in rates.items() if values}
    for name, value in found.items():
        ratio = f"{value / found['PyTorch']:.2f} of PyTorch's" if rival else ""
        print(f"{name:22s} {value:7.0f} pictures/s {ratio}", flush=True)


def start(folder, count):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    loaded = ours(folder)
    opened = time.perf_counter() - started
    next(iter(loaded))
    seconds = time.perf_counter() - started
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(
        f"{count} pictures: `load` {opened:.1f} s, first batch after {seconds:.1f} s, peak memory "
        f"{grown:.0f} MB more"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--large", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        many, large = pathlib.Path(place) / "many", pathlib.Path(place) / "large"
        if arguments.count:
            write(many, arguments.count)
            race(many, arguments.seconds, arguments.rounds)
        if arguments.large:
            write(large, arguments.large)
            start(large, arguments.large)
