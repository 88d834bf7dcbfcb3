"""Trains `pix2pix_emoji` as its weights were trained; goes on where it was stopped.

    python zoo/pix2pix/recipe.py [--data SOURCE] [--runs-dir runs] [--smoke]

Data      the bundled emoji (Twemoji CC BY 4.0, Noto Apache-2.0), no skin tones
Hardware  one core of an Intel Xeon (AVX-512)
Time      20 minutes beside other work, 14,640 updates
Expected  L1 0.143 (of 1), SSIM 0.497, kid_lite0 0.22 on the 176 held-out pairs
"""

import argparse

from keras_gans import training, zoo
from keras_gans.training import callbacks

NAME = "pix2pix_emoji"


def main():
    """Trains, or with --smoke takes two steps of a small one."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", default="bundled:emoji/edges")
    parser.add_argument("--runs-dir", default="runs")
    parser.add_argument("--smoke", action="store_true", help="seconds, on the bundled pictures")
    arguments = parser.parse_args()
    # Scaled and cropped at random, drawings no longer show where in its square a picture lies.
    how = {"epochs": 40, "batch_size": 4, "jitter": False, "flip": True}
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
