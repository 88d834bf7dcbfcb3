"""Modes: how many kinds of pictures a generator draws, and how evenly."""

import keras
import numpy as np

from keras_gans.evaluation.metrics.seeing import SeeingClasses


@keras.saving.register_keras_serializable("keras_gans")
class Modes(SeeingClasses):
    """Counts kinds of generated pictures, as a classifier reads them.

    Args:
        num_modes: how many kinds there are, all of which are equally frequent in the real data.
        extractor: of the pictures that `observe` is shown; a kind is a class it knows.
        name: of the figure; "modes" where None.

    Reference: Metz et al., 2016, https://arxiv.org/abs/1611.02163, section 3.3.1 (Stacked MNIST)
    """

    figures_of_result = {"modes": "max", "modes_divergence": "min"}
    title = "modes"

    def __init__(self, num_modes, *, extractor="inception", name=None):
        self.num_modes = num_modes
        self._sees_by(extractor, name, num_modes=num_modes)

    def reset(self):
        self._counts = np.zeros(self.num_modes, np.int64)

    def observe(self, real, fake):
        self.update(self._probabilities(fake).argmax(1))

    def update(self, kinds):
        """Adds numbers of kinds (N,), from 0.

        Raises:
            ValueError: for a number that is none.
        """
        kinds = np.asarray(kinds)
        if kinds.size and not 0 <= kinds.min() <= kinds.max() < len(self._counts):
            raise ValueError(
                f"Kinds are numbers from 0 to {len(self._counts) - 1}. Received: {kinds.min()} to "
                f"{kinds.max()}."
            )
        self._counts += np.bincount(kinds.ravel(), minlength=len(self._counts))

    def result(self):
        """`(modes, divergence)`.

        Kinds drawn at least once, and the Kullback-Leibler divergence of their shares from even
        ones, in nats, 0 where even.

        Raises:
            ValueError: before any picture.
        """
        if not self._counts.sum():
            raise ValueError("Modes needs pictures. Received: none.")
        shares = self._counts / self._counts.sum()
        drawn = shares[shares > 0]
        return int(len(drawn)), float(np.sum(drawn * np.log(drawn * len(shares))))
