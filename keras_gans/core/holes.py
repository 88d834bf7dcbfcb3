"""Likeness of what was filled into holes to what was there."""

import keras
import numpy as np

from keras_gans.core.measuring import Measure


@keras.saving.register_keras_serializable("keras_gans")
class Holes(Measure):
    """Mean L1 in the holes of pictures, on the scale of 0 to 1: the mean over each hole, averaged.

    Unlike L1 of whole pictures it does not depend on how much of them is known.
    """

    directions = {"hole_l1": "min"}
    of_pairs = True
    of_holes = True

    def __init__(self):
        self.reset()

    def reset(self):
        self.count, self._sum = 0, 0.0

    def observe_holes(self, real, fake, holes):
        self.update(real, fake, holes)

    def figures(self):
        return self.result()

    def get_config(self):
        return {}

    def update(self, targets, outputs, holes):
        """Adds pictures (N, H, W, C) in [-1, 1], true and filled in.

        Args:
            targets: true pictures.
            outputs: the same with their holes filled in.
            holes: (N, H, W, 1), 1 in the hole and 0 elsewhere.

        Raises:
            ValueError: for other shapes, or a picture without a hole.
        """
        targets, outputs, holes = (np.asarray(a, np.float32) for a in (targets, outputs, holes))
        same = targets.ndim == 4 and targets.shape == outputs.shape
        if not same or holes.shape != (*targets.shape[:3], 1):
            raise ValueError(
                "Holes needs two arrays (N, H, W, C) of one shape, and holes (N, H, W, 1). "
                f"Received: {targets.shape}, {outputs.shape} and {holes.shape}"
            )
        pixels = holes.sum((1, 2, 3), dtype=np.float64)
        if not pixels.all():
            raise ValueError(
                f"Holes needs a hole in each picture; {int(pixels.argmin())} has none."
            )
        apart = np.abs(targets - outputs).mean(-1, keepdims=True) / 2
        self._sum += ((apart * holes).sum((1, 2, 3), dtype=np.float64) / pixels).sum()
        self.count += len(targets)

    def result(self):
        """`{"hole_l1": ...}`, from 0 to 1.

        Raises:
            ValueError: before any picture.
        """
        if not self.count:
            raise ValueError("Holes needs pictures. Received: none.")
        return {"hole_l1": float(self._sum / self.count)}
