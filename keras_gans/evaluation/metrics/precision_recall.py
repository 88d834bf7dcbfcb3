"""Precision and recall: the share of pictures of each kind that the other kind could have made."""

import keras

from keras_gans.evaluation.metrics.collecting import (
    Neighbourhoods,
    in_rows,
    radii,
    squared_distances,
)


@keras.saving.register_keras_serializable("keras_gans")
class PrecisionRecall(Neighbourhoods):
    """Shares of features that lie in a neighbourhood of the other kind's.

    Args:
        k: a picture's neighbourhood reaches to its k-th nearest of its own kind.
        **kwargs: those of `collecting.Neighbourhoods`: `capacity`, `seed`, `extractor`,
            `name`.

    Memory: `capacity` features of each kind, and a thousand rows of their distances.

    Reference: Kynkaanniemi et al., 2019, https://arxiv.org/abs/1904.06991, equations 1 and 2
    """

    figures_of_result = {"precision": "max", "recall": "max"}

    def __init__(self, k=3, **kwargs):
        super().__init__(k, **kwargs)

    def result(self):
        """`(precision, recall)`: shares of the generated and of the real ones, from 0 to 1.

        Raises:
            ValueError: for no more than k pictures of a kind.
        """
        real, fake = self.sets()
        return _inside(fake, real, self.k), _inside(real, fake, self.k)


def _inside(features, others, k):
    """Share of `features` in the neighbourhood of one of `others`."""
    reach = radii(others, k)
    inside = sum(
        int((squared_distances(features[rows], others) <= reach).any(axis=1).sum())
        for rows in in_rows(len(features))
    )
    return inside / len(features)
