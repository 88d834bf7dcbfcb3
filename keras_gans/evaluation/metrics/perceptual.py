"""Distance of two pictures as a network sees them."""

import keras
import numpy as np

from keras_gans.evaluation.metrics.seeing import Seeing


@keras.saving.register_keras_serializable("keras_gans")
class Perceptual(Seeing):
    """Mean distance of the maps of features of pairs of pictures.

    At every place of every map features are scaled to length 1; squared differences are summed over
    the features, averaged over the places, and summed over the maps. This is LPIPS without its
    learned weights, on whatever maps it is given: its figures are not those of LPIPS, and compare
    with those of the same maps only.

    Args:
        extractor: of the pictures that `observe` is shown; it must show maps.
        name: of the figure; "perceptual" where None.

    Reference: Zhang, Isola, Efros, Shechtman & Wang, 2018, https://arxiv.org/abs/1801.03924,
    equation 1 (with w = 1)
    """

    figures_of_result = {"perceptual": "min"}
    title = "perceptual"
    of_pairs = True

    def __init__(self, *, extractor="lite0", name=None):
        self._sees_by(extractor, name)

    def reset(self):
        self.count, self._sum = 0, 0.0

    def ready(self):
        if not self._seer().taps:
            raise ValueError(
                f"Perceptual is of maps of features, and the extractor {self._seer().name} shows "
                "none. Use extractor='lite0'."
            )

    def observe(self, real, fake):
        self.update(self._seer().maps(real), self._seer().maps(fake))

    def update(self, first, second):
        """Adds the maps of pictures, two lists of (N, H, W, features), pair by pair.

        Raises:
            ValueError: for other shapes.
        """
        if len(first) != len(second) or not first:
            raise ValueError(
                f"Both are lists of as many maps. Received: {len(first)} and {len(second)}"
            )
        for one, other in zip(first, second, strict=True):
            one, other = np.asarray(one, np.float64), np.asarray(other, np.float64)
            if one.shape != other.shape or one.ndim != 4:
                raise ValueError(
                    "Both are maps (N, H, W, features) of one shape. Received: "
                    f"{one.shape} and {other.shape}"
                )
            apart = ((_unit(one) - _unit(other)) ** 2).sum(-1)
            self._sum += float(apart.mean((1, 2)).sum())
        self.count += len(first[0])

    def result(self):
        """The mean, a float, 0 for equal pictures.

        Raises:
            ValueError: before any pair.
        """
        if not self.count:
            raise ValueError("Perceptual needs pictures. Received: none.")
        return self._sum / self.count


def _unit(maps):
    return maps / np.maximum(np.linalg.norm(maps, axis=-1, keepdims=True), 1e-10)
