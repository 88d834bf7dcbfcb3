"""One way or both: CUT, FastCUT and CycleGAN on the same pictures in the same processor time.

    python benchmarks/unpaired.py bundled:avatars/styles --minutes 8
    python benchmarks/unpaired.py bundled:emoji/styles --minutes 8

The three have the same generator but for its antialiasing (24 feature maps, 4 residual blocks) at
64 px and batch 1, and train without scaling and cropping, each for the same processor time of all
cores together from the call of `fit` on (`zoo.py` has the clock). Printed: kid_lite0 of
translations from A to B against held-out pictures of B, after a half and all of the time; where
the held-out pictures are pairs, L1 and SSIM too; steps, milliseconds of processor time a step, and
the process' peak resident memory without what importing the library took. Every row runs in a
process of its own; finished ones are lines of JSON in `--results`, and are not run again.
"""

import argparse
import importlib.util
import json
import os
import pathlib
import resource
import subprocess
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from keras_gans import evaluation, training

# `zoo` alone would be the package's module where the folder of benchmarks does not come first.
_spec = importlib.util.spec_from_file_location(
    "zoo_benchmark", pathlib.Path(__file__).with_name("zoo.py")
)
zoo_benchmark = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(zoo_benchmark)

_SMALL = {"image_size": 64, "num_blocks": 4, "filters": 24}
ROWS = ("cyclegan", "cut", "fastcut")


def resident():
    """Most MiB this process has ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def figures_of(model, source):
    """Figures of translations from A to B."""
    found, *_ = evaluation.evaluate(model, source)
    return {
        name.removesuffix("_lite0"): round(value, 5) for name, value in found["figures"].items()
    }


def run_one(name, source, minutes, runs):
    """The line of results of a row."""
    imported = resident()
    peaks = []

    def measured(model):
        peaks.append(resident())  # before lite0 comes in
        return figures_of(model, source) if len(peaks) in (3, 4) else {}

    clock = zoo_benchmark.ProcessorTime(
        lambda: next((runs / name).glob("0*")), 60 * minutes, measured
    )
    options = training.Options(
        model=name, data=source, overrides=_SMALL, epochs=100_000, sheet_every=100_000,
        jitter=False,
    )  # fmt: skip
    run = training.train(options, runs / name, callbacks=[clock], verbose=2)
    steps = int(run.load_model().step)
    return {
        **{"row": name, "source": source, "minutes": minutes, "steps": steps},
        "milliseconds": round(1000 * clock.curve[-1]["seconds"] / steps, 1),
        "memory": round(peaks[0] - imported),
        "half": clock.curve[-2],
        "whole": clock.curve[-1],
    }


def table(lines):
    """The results as a Markdown table."""
    head = ("row", "kid_lite0 at half", "at the end", "L1", "SSIM", "steps", "ms a step", "MiB")
    rows = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for line in lines:
        whole = line["whole"]
        pairs = [f"{whole[figure]:.3f}" if figure in whole else "" for figure in ("l1", "ssim")]
        cells = (
            f"`{line['row']}`",
            f"{line['half']['kid']:.4f}",
            f"{whole['kid']:.4f}",
            *pairs,
            f"{line['steps']:,}",
            line["milliseconds"],
            line["memory"],
        )
        rows.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(rows) + "\n"


def read_results(path, source, minutes):
    """Finished lines by row."""
    lines = path.read_text().splitlines() if path.exists() else []
    return {
        line["row"]: line
        for line in map(json.loads, lines)
        if (line["source"], line["minutes"]) == (source, minutes)
    }


def main():
    """Trains what is not finished, and prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", help="two domains of pictures, 64 px")
    parser.add_argument("--minutes", type=float, default=8.0, help="of processor time, each")
    parser.add_argument("--only", nargs="+", choices=ROWS, default=ROWS)
    parser.add_argument("--runs", type=pathlib.Path, default=pathlib.Path("runs/unpaired"))
    parser.add_argument("--results", type=pathlib.Path, default=pathlib.Path("unpaired.jsonl"))
    parser.add_argument("--one", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        runs = asked.runs / asked.source.rpartition(":")[2].replace("/", "-")
        line = run_one(asked.one, asked.source, asked.minutes, runs)
        with asked.results.open("a") as file:
            file.write(json.dumps(line) + "\n")
        return
    for name in asked.only:
        if name not in read_results(asked.results, asked.source, asked.minutes):
            print(name, flush=True)
            subprocess.run([sys.executable, *sys.argv, "--one", name], check=True)
    print(table(read_results(asked.results, asked.source, asked.minutes).values()))


if __name__ == "__main__":
    main()
