"""What metrics keep of the features they are shown."""

import numpy as np

from keras_gans.evaluation.metrics.seeing import Seeing


class Moments:
    """Mean and covariance of any number of vectors, in memory that does not grow with it."""

    def __init__(self):
        self.count, self._shift = 0, np.zeros(1)

    @property
    def dimension(self):
        """Values of each vector; 1 before there is one."""
        return len(self._shift)

    def update(self, features):
        """Adds vectors (N, dimension)."""
        features = checked(features)
        if not self.count:
            # Sums are of distances from a point among the vectors: those of large vectors near each
            # other would lose what distinguishes them.
            self._shift = features.mean(0)
            self._sum = np.zeros(features.shape[1])
            self._products = np.zeros((features.shape[1],) * 2)
        check_dimension(features, len(self._shift))
        centred = features - self._shift
        self.count += len(features)
        self._sum += centred.sum(0)
        self._products += centred.T @ centred

    @property
    def mean(self):
        """Of all vectors, (dimension,)."""
        return self._shift + self._sum / self.count

    @property
    def covariance(self):
        """(dimension, dimension), unbiased."""
        mean = self._sum / self.count
        return (self._products - self.count * np.outer(mean, mean)) / (self.count - 1)


class Reservoir:
    """An even draw of `capacity` from any number of vectors (Vitter's algorithm R).

    Args:
        capacity: how many are kept; all, as long as there are fewer.
        seed: of the draw.

    Reference: Vitter, 1985, https://doi.org/10.1145/3147.3165
    """

    def __init__(self, capacity, seed=0):
        self.capacity, self.seen = capacity, 0
        self._random = np.random.default_rng(seed)
        self._kept = None

    def update(self, features):
        """Adds vectors (N, dimension)."""
        features = checked(features)
        if self._kept is None:
            self._kept = np.empty((self.capacity, features.shape[1]))
        check_dimension(features, self._kept.shape[1])
        for vector in features:
            place = self.seen
            if place >= self.capacity:
                place = self._random.integers(self.seen + 1)
            if place < self.capacity:
                self._kept[place] = vector
            self.seen += 1

    @property
    def count(self):
        """How many are kept."""
        return min(self.seen, self.capacity)

    @property
    def features(self):
        """(count, dimension), float64."""
        return self._kept[: self.count]


class TwoSets(Seeing):
    """What compares real features with generated ones.

    A metric says in `_kept` what it keeps of each.

    Attributes:
        real: `Moments` or a `Reservoir` of the real ones.
        fake: of the generated ones.
    """

    def _kept(self):
        """What is kept of real and of generated features, both empty."""
        raise NotImplementedError(f"{type(self).__name__} must say what it keeps of features.")

    def reset(self):
        self.real, self.fake = self._kept()

    def update(self, real=None, fake=None):
        """Adds features.

        Args:
            real: of real pictures, (N, dimension), or None.
            fake: of generated ones, or None.

        Raises:
            ValueError: for another form, or values that are not finite.
        """
        for kept, features in ((self.real, real), (self.fake, fake)):
            if features is not None:
                kept.update(features)

    def require(self, least, advice):
        """Refuses to judge by too few.

        Raises:
            ValueError: how many came of which, and what to do.
        """
        for side, kept in (("real", self.real), ("generated", self.fake)):
            if kept.count < least:
                raise ValueError(
                    f"{type(self).__name__} needs at least {least} {side} pictures. Received: "
                    f"{kept.count}. {advice}"
                )


class SampledSets(TwoSets):
    """Two sets of which even draws are kept and compared.

    Args:
        capacity: features of each kind that are kept.
        seed: of the draws.
        extractor: of `observe`.
        name: of the figures.
        **arguments: further ones of the constructor.
    """

    def __init__(self, capacity, seed, extractor, name, **arguments):
        self.capacity, self.seed = capacity, seed
        self._sees_by(extractor, name, **arguments, capacity=capacity, seed=seed)

    def _kept(self):
        return Reservoir(self.capacity, self.seed), Reservoir(self.capacity, self.seed + 1)


class Neighbourhoods(SampledSets):
    """Two sets compared by the neighbourhoods of their features.

    Args:
        k: a picture's neighbourhood reaches to its k-th nearest of its own kind.
        capacity: features of each kind that are kept; of more an even draw is compared.
        seed: of that draw.
        extractor: of the pictures that `observe` is shown.
        name: that the figures' names begin with; nothing where None.
    """

    def __init__(self, k, *, capacity=10_000, seed=0, extractor="lite0", name=None):
        super().__init__(capacity, seed, extractor, name, k=k)
        self.k, self.least = k, k + 1

    def sets(self):
        """The real and the generated features.

        Raises:
            ValueError: for no more than k pictures of a kind.
        """
        self.require(self.k + 1, f"Neighbourhoods of {self.k} pictures need more than {self.k}.")
        return self.real.features, self.fake.features


def checked(features):
    """Features as float64 (N, dimension).

    Raises:
        ValueError: for another form, or values that are not finite.
    """
    features = np.asarray(features, np.float64)
    if features.ndim != 2:
        raise ValueError(f"Features have the shape (N, dimension). Received: {features.shape}")
    if not np.isfinite(features).all():
        raise ValueError("Features must be finite. Received NaN or infinite values.")
    return features


def check_dimension(features, dimension):
    """Refuses features of another extractor than those before."""
    if features.shape[1] != dimension:
        raise ValueError(
            f"All features come of one extractor. Received {features.shape[1]} values for each "
            f"picture, after {dimension}."
        )


def squared_distances(first, second):
    """Of all pairs of vectors, (len(first), len(second))."""
    squares = (first**2).sum(1)[:, None] + (second**2).sum(1)[None] - 2 * first @ second.T
    return np.maximum(squares, 0)


def in_rows(count, size=1000):
    """Slices that cover `count` rows, so that no table of all pairs is held."""
    return (slice(start, start + size) for start in range(0, count, size))


def radii(features, k):
    """Squared distance from each vector to its k-th nearest other one."""
    found = [
        np.partition(squared_distances(features[rows], features), k, axis=1)[:, k]
        for rows in in_rows(len(features))  # the nearest of all is the vector itself
    ]
    return np.concatenate(found)
