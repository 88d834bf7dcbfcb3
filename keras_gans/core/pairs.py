"""Likeness of translations to what they should be, for pairs of pictures."""

import keras
import numpy as np
import tensorflow as tf

from keras_gans.core.measuring import Measure


@keras.saving.register_keras_serializable("keras_gans")
class Pairs(Measure):
    """Mean L1, PSNR and SSIM of pairs of pictures, on the scale of 0 to 1.

    Reference: Wang et al., 2004, https://doi.org/10.1109/TIP.2003.819861 (SSIM: windows of 11 px,
    deviation 1.5, as `tf.image.ssim`)
    """

    directions = {"l1": "min", "psnr": "max", "ssim": "max"}
    of_pairs = True

    def __init__(self):
        self.reset()

    def reset(self):
        self.count, self._sums = 0, np.zeros(3)

    def observe(self, real, fake):
        self.update(real, fake)

    def figures(self):
        return self.result()

    def get_config(self):
        return {}

    def update(self, targets, outputs):
        """Adds pictures (N, H, W, C) in [-1, 1], of at least 11 px, pair by pair.

        Raises:
            ValueError: for other shapes.
        """
        targets, outputs = (np.asarray(pictures, np.float32) for pictures in (targets, outputs))
        if targets.shape != outputs.shape or targets.ndim != 4 or min(targets.shape[1:3]) < 11:
            raise ValueError(
                "Pairs are two arrays of one shape (N, H, W, C), of at least 11 x 11 pixels. "
                f"Received: {targets.shape} and {outputs.shape}"
            )
        # SSIM compares means as well, which only a scale that begins at 0 has.
        targets, outputs = targets / 2 + 0.5, outputs / 2 + 0.5
        l1 = np.abs(targets - outputs).mean((1, 2, 3), dtype=np.float64)
        psnr = tf.image.psnr(targets, outputs, 1.0).numpy()
        ssim = tf.image.ssim(targets, outputs, 1.0).numpy()
        self._sums += [l1.sum(), psnr.sum(dtype=np.float64), ssim.sum(dtype=np.float64)]
        self.count += len(targets)

    def result(self):
        """`{"l1": ..., "psnr": ..., "ssim": ...}`: means over the pairs; L1 of 0 to 1, PSNR in dB.

        Raises:
            ValueError: before any pair.
        """
        if not self.count:
            raise ValueError("Pairs needs pictures. Received: none.")
        return dict(zip(("l1", "psnr", "ssim"), (self._sums / self.count).tolist(), strict=True))
