"""How evenly pictures change along the way from one latent to another, and whether they jump.

    python benchmarks/interpolation.py stylegan2_avatars dcgan_fashion runs/00001-dcgan-avatars
                                       [--walks 32] [--steps 48] [--seed 0]

Each walk goes from one random latent to another (along a great circle) in equal steps, with the
same labels. Its length is the sum of the perceptual distances, on maps of lite0, of neighbouring
pictures; a jump is a step that is much longer than the others: stated are the mean length, and of
the longest step of each walk, in means of its walk, the median and the largest. A walk that is cut
between two pictures scores as many as it has steps. Figures compare with those of as many steps.
"""

import argparse
import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np

from keras_gans import latent, training, zoo
from keras_gans.evaluation import features
from keras_gans.evaluation.metrics.perceptual import Perceptual


def walked(model, steps, seed):
    """Pictures (steps + 1, H, W, C) on the way between two latents."""
    first, last = model.draw_latents(2, seed)
    latents = latent.spherical(first, last, steps + 1)
    asked = {}
    if model.conditions:
        asked = model.conditions.asked(np.repeat(model.conditions.draw(1, seed), steps + 1, axis=0))
    return model.from_latents(latents, **asked)


def distances(extractor, pictures):
    """Perceptual distances of neighbours, (steps,)."""
    maps = extractor.maps(pictures)
    found = []
    for number in range(len(pictures) - 1):
        metric = Perceptual(extractor=extractor)
        metric.reset()
        metric.update(*([m[n : n + 1] for m in maps] for n in (number, number + 1)))
        found.append(metric.result())
    return np.array(found)


def main():
    """Prints a line for each model."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", nargs="+", help="entries with weights, or folders of runs")
    parser.add_argument("--walks", type=int, default=32)
    parser.add_argument("--steps", type=int, default=48)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    extractor = features.get("lite0")
    print(
        f"{asked.walks} walks of {asked.steps} steps: length, longest step in means (median, max)"
    )
    for name in asked.models:
        if pathlib.Path(name, "options.json").exists():
            model = training.open_run(name).load_model()
        else:
            model = zoo.get(name, pretrained=True)
        walks = [
            distances(extractor, walked(model, asked.steps, asked.seed + number))
            for number in range(asked.walks)
        ]
        longest = [steps.max() / steps.mean() for steps in walks]
        print(
            f"{name}: {np.mean([steps.sum() for steps in walks]):.3f}, "
            f"{np.median(longest):.2f}, {max(longest):.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
