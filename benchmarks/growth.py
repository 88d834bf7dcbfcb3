"""How a training step's time and memory grow with the picture and with the batch.

    python benchmarks/growth.py [--entry dcgan] [--plot growth.png]

`dcgan` at 64, 128 and 256 px and batches of 1, 4 and 16, through `fit`, float32, each in a process
of its own: the median of a step's time and the largest resident set, without what importing the
library had taken.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys

SIDES, SIZES, STEPS = (64, 128, 256), (1, 4, 16), 8


def resident():
    """Most MiB this process has ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def one(entry, side, size):
    """Milliseconds of a step, and MiB."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from train_step import batches, timed_fit

    from keras_gans import zoo

    imported = resident()
    model = zoo.get(entry, image_size=side)
    data = batches(model, size)
    timed_fit(model, data, 1)
    seconds = timed_fit(model, data, STEPS)
    return statistics.median(seconds) * 1e3, resident() - imported


def measured(entry, side, size):
    command = [sys.executable, __file__, "--entry", entry, "--one", str(side), str(size)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def plot(found, path):
    from matplotlib import pyplot

    figure, places = pyplot.subplots(1, 2, figsize=(9, 4), layout="constrained")
    for place, column, title in zip(places, (0, 1), ("ms a step", "MiB"), strict=True):
        for side in SIDES:
            values = [found[side, size][column] for size in SIZES]
            place.plot(SIZES, values, marker="o", label=f"{side} px")
        place.set(xscale="log", yscale="log", xlabel="batch", title=title, xticks=SIZES)
        place.set_xticklabels(SIZES)
    places[0].legend()
    figure.savefig(path, dpi=100)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--entry", default="dcgan")
    parser.add_argument("--plot", help="picture to draw, with matplotlib")
    parser.add_argument("--one", type=int, nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(one(arguments.entry, *arguments.one)))
    else:
        print("| px | batch | ms a step | MiB |\n| ---: | ---: | ---: | ---: |")
        found = {}
        for side in SIDES:
            for size in SIZES:
                time, memory = found[side, size] = measured(arguments.entry, side, size)
                print(f"| {side} | {size} | {time:.0f} | {memory:.0f} |", flush=True)
        if arguments.plot:
            plot(found, arguments.plot)
