"""Modes: how many kinds of pictures a generator draws, and how evenly."""

import numpy as np


class Modes:
    """Counts kinds of generated pictures, as a classifier reads them.

    Args:
        num_modes: how many kinds there are, all of which are equally frequent in the real data.

    Reference: Metz et al., 2016, https://arxiv.org/abs/1611.02163, section 3.3.1 (Stacked MNIST)
    """

    def __init__(self, num_modes):
        self._counts = np.zeros(num_modes, np.int64)

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
