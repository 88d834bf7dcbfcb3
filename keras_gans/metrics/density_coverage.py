"""Density and coverage: quality and diversity apart, robust against single strange pictures."""

from keras_gans.metrics.collecting import Reservoir, TwoSets, in_rows, radii, squared_distances


class DensityCoverage(TwoSets):
    """How thickly generated features lie where real ones do, and of how many real ones they do.

    Args:
        k: a real picture's neighbourhood reaches to its k-th nearest real one.
        capacity: features of each kind that are kept; of more an even draw is compared.
        seed: of that draw.

    Memory: `capacity` features of each kind, and a thousand rows of their distances.

    Reference: Naeem et al., 2020, https://arxiv.org/abs/2002.09797, equations 6 and 7
    """

    def __init__(self, k=5, *, capacity=10_000, seed=0):
        super().__init__(Reservoir(capacity, seed), Reservoir(capacity, seed + 1))
        self.k = k

    def result(self):
        """`(density, coverage)`, floats.

        Density is the number of neighbourhoods a generated picture lies in, by k: about 1 where
        they lie as the real ones do. Coverage is the share of real pictures with a generated one
        in their neighbourhood, from 0 to 1.

        Raises:
            ValueError: for no more than k pictures of a kind.
        """
        self.require(self.k + 1, f"Neighbourhoods of {self.k} pictures need more than {self.k}.")
        real, fake = self.real.features, self.fake.features
        reach = radii(real, self.k)
        inside, covered = 0, 0
        for rows in in_rows(len(real)):
            near = squared_distances(real[rows], fake) < reach[rows, None]
            inside += int(near.sum())
            covered += int(near.any(axis=1).sum())
        return inside / (self.k * len(fake)), covered / len(real)
