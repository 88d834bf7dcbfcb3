"""Frechet distance of features: quality and diversity in one number, lower is better."""

import keras
import numpy as np

from keras_gans.evaluation.metrics.collecting import Moments, TwoSets


@keras.saving.register_keras_serializable("keras_gans")
class FID(TwoSets):
    """Distance of two normal distributions fitted to real and to generated features.

    With the pool features of inception-2015-12-05 it is the FID of the papers; with others it is
    comparable with itself only. It is biased by the number of pictures: compare equal numbers.

    Args:
        extractor: of the pictures that `observe` is shown.
        name: of the figure; "fid" where None.

    Memory: a few matrices (dimension, dimension).

    Reference: Heusel et al., 2017, https://arxiv.org/abs/1706.08500, equation 6
    """

    figures_of_result = {"fid": "min"}
    title = "fid"

    def __init__(self, *, extractor="lite0", name=None):
        self._sees_by(extractor, name)

    def _kept(self):
        return Moments(), Moments()

    @property
    def least(self):
        return self._seer().dimension + 1

    def result(self):
        """The distance, a float.

        Raises:
            ValueError: where there are not more pictures than features, so that the covariance is
                not known.
        """
        self.require(
            self.real.dimension + 1,
            "Fewer leave the covariance of the features open: use KID, or fewer features.",
        )
        return frechet(self.real.mean, self.real.covariance, self.fake.mean, self.fake.covariance)


def frechet(mean, covariance, other_mean, other_covariance):
    """Squared Frechet (2-Wasserstein) distance of two normal distributions.

    The trace of the root of the covariances' product is the sum of the singular values of the
    product of their roots: no root of a matrix that is not symmetric, and a set is at distance 0
    from itself to the last digits.
    """
    products = np.linalg.svd(_root(covariance) @ _root(other_covariance), compute_uv=False)
    apart = np.sum((mean - other_mean) ** 2)
    return float(apart + np.trace(covariance) + np.trace(other_covariance) - 2 * products.sum())


def _root(covariance):
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
