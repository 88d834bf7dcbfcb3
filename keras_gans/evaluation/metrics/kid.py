"""Kernel distance of features: unbiased, so that few pictures do, lower is better."""

import keras
import numpy as np

from keras_gans.evaluation.metrics.collecting import SampledSets


@keras.saving.register_keras_serializable("keras_gans")
class KID(SampledSets):
    """Squared maximum mean discrepancy under a polynomial kernel, mean and deviation over subsets.

    Args:
        subsets: how many draws are averaged.
        subset_size: pictures of each kind in a draw; all where there are fewer.
        capacity: features of each kind that are kept to draw from.
        seed: of the draws.
        extractor: of the pictures that `observe` is shown.
        name: of the figure; "kid" where None.

    Memory: `capacity` features of each kind.

    Reference: Binkowski et al., 2018, https://arxiv.org/abs/1801.01401, section 4: kernel
    (x . y / dimension + 1)^3, the unbiased estimate (which may be below 0)
    """

    figures_of_result = {"kid": "min", "kid_deviation": None}
    title = "kid"
    least = 2

    def __init__(
        self,
        subsets=100,
        subset_size=1000,
        *,
        capacity=10_000,
        seed=0,
        extractor="lite0",
        name=None,
    ):
        sizes = {"subsets": subsets, "subset_size": subset_size}
        super().__init__(capacity, seed, extractor, name, **sizes)
        self.subsets, self.subset_size = subsets, subset_size

    def result(self):
        """`(mean, standard deviation)` over the subsets, floats.

        Raises:
            ValueError: for fewer than two pictures of a kind.
        """
        self.require(2, "Give more.")
        random = np.random.default_rng(self.seed)
        size = min(self.subset_size, self.real.count, self.fake.count)
        values = [
            discrepancy(
                *(
                    kept.features[random.choice(kept.count, size, replace=False)]
                    for kept in (self.real, self.fake)
                )
            )
            for _ in range(self.subsets)
        ]
        return float(np.mean(values)), float(np.std(values))


def discrepancy(real, fake):
    """Unbiased estimate of the squared maximum mean discrepancy of two sets (N, dimension)."""
    size, other = len(real), len(fake)
    within = _kernel(real, real)
    within_other = _kernel(fake, fake)
    return float(
        (within.sum() - np.trace(within)) / (size * (size - 1))
        + (within_other.sum() - np.trace(within_other)) / (other * (other - 1))
        - 2 * _kernel(real, fake).mean()
    )


def _kernel(first, second):
    similar = first @ second.T
    similar /= first.shape[1]
    similar += 1
    return similar * similar * similar  # NumPy's power takes ten times as long
