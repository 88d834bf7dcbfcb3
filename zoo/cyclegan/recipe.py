"""Trains `cyclegan_emoji` as its weights were trained; goes on where it was stopped.

    python zoo/cyclegan/recipe.py [--data SOURCE] [--runs-dir runs] [--smoke]

Data      the bundled emoji (Twemoji CC BY 4.0, Noto Apache-2.0), no skin tones
Hardware  one core of an AMD EPYC (AVX2)
Time      38 minutes beside other work, 5,984 updates
Expected  L1 of the held-out pairs 0.165 (A to B) and 0.163 (B to A)
"""

import argparse

from keras_gans import training, zoo
from keras_gans.training import callbacks

NAME = "cyclegan_emoji"


def main():
    """Trains, or with --smoke takes two steps of a small one."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", default="bundled:emoji/styles")
    parser.add_argument("--runs-dir", default="runs")
    parser.add_argument("--smoke", action="store_true", help="seconds, on the bundled pictures")
    arguments = parser.parse_args()
    # Scaled and cropped at random, pictures no longer show how much of its square each font fills.
    how = {"epochs": 8, "jitter": False, "flip": True}
    if arguments.smoke:
        arguments.data = zoo.entry(NAME).data
        how |= {"epochs": 1, "steps_per_epoch": 2, "overrides": zoo.entry(NAME).tiny}
    options = training.Options(NAME, data=arguments.data, seed=0, **how)
    run = training.to_resume(options, arguments.runs_dir)
    try:
        run = training.resume(run, options) if run else training.train(options, arguments.runs_dir)
    except callbacks.Stopped as stopped:
        raise SystemExit(f"{stopped} The same command goes on from there.") from None
    print(f"Next     keras-gans evaluate {run.path}")


if __name__ == "__main__":
    main()
