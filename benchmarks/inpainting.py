"""How close what a model fills into holes comes to what was there.

    python benchmarks/inpainting.py runs/00001-inpainting-avatars

Held-out pictures of the run's data are given holes, the same ones every time, that are filled in
three ways. L1 in the hole, of pixels from 0 to 1, against the true pixels, the mean over each hole
averaged over the pictures; SSIM of the whole pictures beside it.

    model       the run's
    mean        the mean colour of the known pixels of each picture
    telea       OpenCV's `inpaint` with INPAINT_TELEA (Telea, 2004), of radius 3; left out where
                OpenCV is not installed
"""

import argparse
import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np

from keras_gans import data, training, zoo
from keras_gans.core.measuring import holes_for
from keras_gans.core.signature import completes, takes_masks
from keras_gans.evaluation import metrics

try:
    import cv2
except ImportError:
    cv2 = None

_RADIUS = 3  # pixels, in OpenCV's own example


def of_the_mean(pictures, holes):
    """Pictures (N, H, W, C) with the mean colour of their known pixels in the holes."""
    known = 1.0 - holes
    colours = (pictures * known).sum((1, 2), keepdims=True) / known.sum((1, 2), keepdims=True)
    return np.where(holes > 0, colours, pictures)


def of_telea(pictures, holes):
    """The same with what OpenCV's Telea makes of them, of 256 levels."""
    filled = []
    for picture, hole in zip(pictures, holes, strict=True):
        levels = np.uint8(np.rint((picture * (1.0 - hole) + 1) * 127.5))
        made = cv2.inpaint(levels, np.uint8(hole[..., 0] * 255), _RADIUS, cv2.INPAINT_TELEA)
        filled.append(made.reshape(picture.shape) / 127.5 - 1)
    return np.where(holes > 0, np.float32(filled), pictures)


def compared(model, batches, seed=0):
    """`{way: (L1 in the hole, SSIM)}` of held-out batches of pictures."""

    def of_model(pictures, holes):
        return model.inpaint(pictures, **({"masks": holes} if takes_masks(model) else {}))

    ways = {"model": of_model, "mean": of_the_mean, **({"telea": of_telea} if cv2 else {})}
    measures = {way: (metrics.Holes(), metrics.Pairs()) for way in ways}
    for number, pictures in enumerate(batches):
        holes = holes_for(model, pictures, number, seed)
        for way, fill in ways.items():
            filled = fill(pictures, holes)
            measures[way][0].update(pictures, filled, holes)
            measures[way][1].update(pictures, filled)
    return {
        way: (of_holes.result()["hole_l1"], of_pairs.result()["ssim"])
        for way, (of_holes, of_pairs) in measures.items()
    }


def main():
    """Prints a line for each way."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=pathlib.Path, help="the folder of a run, or a .keras file")
    parser.add_argument("--data", help="source; that of the run, or of the model's entry")
    parser.add_argument("--split", default="test")
    parser.add_argument("--count", type=int, default=1000, help="pictures, at most")
    parser.add_argument("--seed", type=int, default=0, help="of the holes")
    asked = parser.parse_args()
    if asked.model.suffix == ".keras":
        model = zoo.load(asked.model)
        source = asked.data or zoo.entry(model.name).data
    else:
        run = training.open_run(asked.model)
        model, source = run.load_model(), asked.data or run.options.source
    if not completes(model):
        parser.error(f"{asked.model} holds {model.name}, which fills no holes")
    if source is None:
        parser.error("say by --data which pictures are to be filled in")
    batches = data.load(
        source, model, split=asked.split, batch_size=50, shuffle=False, drop_remainder=False
    )
    batches = batches.take(-(-asked.count // 50)).as_numpy_iterator()
    if cv2 is None:
        print("OpenCV is not installed: telea is left out (pip install opencv-python-headless).")
    print(f"{'':8} L1 in the hole   SSIM")
    for way, (distance, ssim) in compared(model, batches, asked.seed).items():
        print(f"{way:8} {distance:14.4f}  {ssim:5.3f}")


if __name__ == "__main__":
    main()
