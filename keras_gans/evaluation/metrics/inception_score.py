"""Inception score: how sure a classifier is of each picture, and how many classes there are."""

import keras
import numpy as np

from keras_gans.evaluation.metrics.seeing import SeeingClasses


@keras.saving.register_keras_serializable("keras_gans")
class InceptionScore(SeeingClasses):
    """exp of the mean divergence of a picture's classes from all pictures' classes.

    Knows no real pictures: a generator that draws one perfect picture of each class has the best
    score. The largest is the number of classes, the least 1.

    Args:
        splits: pictures are dealt out among so many, for a mean and a deviation.
        extractor: of the pictures that `observe` is shown; it must know classes.
        name: of the figure; "inception_score" where None.

    Memory: `splits` rows of sums.

    Reference: Salimans et al., 2016, https://arxiv.org/abs/1606.03498, section 4
    """

    figures_of_result = {"inception_score": "max", "inception_score_deviation": None}
    title = "inception_score"

    def __init__(self, splits=10, *, extractor="inception", name=None):
        self.splits, self.least = splits, splits
        self._sees_by(extractor, name, splits=splits)

    def reset(self):
        self.count = 0

    def observe(self, real, fake):
        self.update(self._probabilities(fake))

    def update(self, probabilities):
        """Adds a classifier's probabilities (N, classes), rows that add up to 1.

        Raises:
            ValueError: for anything else.
        """
        given = np.asarray(probabilities, np.float64)
        right = given.ndim == 2 and (given >= 0).all()  # also refuses what is not a number
        if not right or np.abs(given.sum(1) - 1).max(initial=0) > 1e-3:
            raise ValueError(
                "InceptionScore takes probabilities (N, classes) that add up to 1; of logits use "
                f"the softmax. Received: {given.shape}, sums of "
                f"{given.sum(-1).min():g} to {given.sum(-1).max():g}."
            )
        if not self.count:
            self._sums = np.zeros((self.splits, given.shape[1]))
            self._information = np.zeros(self.splits)
            self._sizes = np.zeros(self.splits)
        split = (self.count + np.arange(len(given))) % self.splits
        np.add.at(self._sums, split, given)
        np.add.at(self._information, split, (given * _log(given)).sum(1))
        np.add.at(self._sizes, split, 1)
        self.count += len(given)

    def result(self):
        """`(mean, standard deviation)` over the splits, floats.

        Raises:
            ValueError: for fewer pictures than splits.
        """
        if self.count < self.splits:
            raise ValueError(
                f"InceptionScore needs a picture for each of {self.splits} splits. Received: "
                f"{self.count}. Give more, or use splits=1."
            )
        marginals = self._sums / self._sizes[:, None]
        divergence = self._information / self._sizes - (marginals * _log(marginals)).sum(1)
        scores = np.exp(divergence)
        return float(scores.mean()), float(scores.std())


def _log(values):
    return np.log(np.maximum(values, np.finfo(np.float64).tiny))
