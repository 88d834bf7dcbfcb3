"""What a family's losses return, and what a game hands them."""

import dataclasses

import tensorflow as tf
from keras import ops


class Loss:
    """The loss of one player, and what else of it is logged.

    Args:
        value: the scalar to go down on.
        real: logits of real images, where the discriminator was asked; the game reads its
            accuracy off them.
        fake: likewise of generated ones.
        **logs: further scalars, by names in the family's `logged`.
    """

    def __init__(self, value, real=None, fake=None, **logs):
        self.value, self.real, self.fake, self.logs = value, real, fake, logs

    def verdict(self, boundary=0.0):
        """What a discriminator's loss is logged as, with the shares of logits that are right.

        Args:
            boundary: the logit between "real" and "fake".
        """
        return {
            "discriminator_loss": self.value,
            "real_accuracy": ops.mean(ops.cast(self.real > boundary, "float32")),
            "fake_accuracy": ops.mean(ops.cast(self.fake < boundary, "float32")),
            **self.logs,
        }


@dataclasses.dataclass(frozen=True)
class Samples:
    """Images and, in games that have them, their labels, row by row.

    Attributes:
        images: (N, height, width, channels).
        labels: (N,) or (N, columns), or None.
        draw: number of the update within the step: what is drawn for these images is told apart
            by it.
    """

    images: tf.Tensor
    labels: tf.Tensor | None = None
    draw: int = 0

    @property
    def count(self):
        """Rows: a number where known, else a scalar tensor."""
        return rows(self.images)

    def with_images(self, images):
        """Returns the same rows, and their labels, with other images."""
        return dataclasses.replace(self, images=images)


def rows(tensor):
    """Rows of a tensor: a number where known, else a scalar tensor."""
    return tensor.shape[0] or tf.shape(tensor)[0]


def joined(first, second):
    """Two batches as one, the first before the second."""
    return tf.concat([first, second], axis=0)
