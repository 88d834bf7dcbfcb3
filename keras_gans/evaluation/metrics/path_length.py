"""Smoothness of the latent space: how far pictures move when latents move a little."""

import numpy as np

from keras_gans.evaluation.metrics.collecting import checked


class PathLength:
    """Mean squared distance of the features of neighbouring pictures, per squared step.

    Lower is smoother. StyleGAN's perceptual path length measures distance by LPIPS; this one by
    whatever features it is given, so that figures of one extractor compare with each other only.

    Args:
        step: by how much the interpolation between two latents moved, in its own unit, 0 to 1.

    Reference: Karras, Laine & Aila, 2019, https://arxiv.org/abs/1812.04948, equation 2
    """

    def __init__(self, step=1e-2):
        if not step > 0:
            raise ValueError(f"`step` must be more than 0. Received: {step}")
        self.step, self.count, self._sum = step, 0, 0.0

    def update(self, first, second):
        """Adds features (N, dimension) of pictures and of those a step further.

        Raises:
            ValueError: for other shapes, or values that are not finite.
        """
        first, second = checked(first), checked(second)
        if first.shape != second.shape:
            raise ValueError(
                f"Both have one shape (N, dimension). Received: {first.shape} and {second.shape}"
            )
        self._sum += float(np.sum((first - second) ** 2))
        self.count += len(first)

    def result(self):
        """The mean, a float.

        Raises:
            ValueError: before any picture.
        """
        if not self.count:
            raise ValueError("PathLength needs pictures. Received: none.")
        return self._sum / self.count / self.step**2
