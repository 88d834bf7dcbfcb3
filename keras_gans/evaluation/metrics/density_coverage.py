"""Density and coverage: quality and diversity apart, robust against single strange pictures."""

import keras

from keras_gans.evaluation.metrics.collecting import (
    Neighbourhoods,
    in_rows,
    radii,
    squared_distances,
)


@keras.saving.register_keras_serializable("keras_gans")
class DensityCoverage(Neighbourhoods):
    """How thickly generated features lie where real ones do, and of how many real ones they do.

    Args:
        k: a real picture's neighbourhood reaches to its k-th nearest real one.
        **kwargs: those of `collecting.Neighbourhoods`: `capacity`, `seed`, `extractor`,
            `name`.

    Memory: `capacity` features of each kind, and a thousand rows of their distances.

    Reference: Naeem et al., 2020, https://arxiv.org/abs/2002.09797, equations 6 and 7
    """

    figures_of_result = {"density": "max", "coverage": "max"}

    def __init__(self, k=5, **kwargs):
        super().__init__(k, **kwargs)

    def result(self):
        """`(density, coverage)`, floats.

        Density is the number of neighbourhoods a generated picture lies in, by k: about 1 where
        they lie as the real ones do. Coverage is the share of real pictures with a generated one
        in their neighbourhood, from 0 to 1.

        Raises:
            ValueError: for no more than k pictures of a kind.
        """
        real, fake = self.sets()
        reach = radii(real, self.k)
        inside, covered = 0, 0
        for rows in in_rows(len(real)):
            near = squared_distances(real[rows], fake) < reach[rows, None]
            inside += int(near.sum())
            covered += int(near.any(axis=1).sum())
        return inside / (self.k * len(fake)), covered / len(real)
