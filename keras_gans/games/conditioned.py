"""Games whose batches have labels."""

from keras_gans import losses
from keras_gans.core.conditioning import needed
from keras_gans.core.mixin import Mixin


class Conditioned(Mixin):
    """The labels of a game's batches: classes of one head or several, and binary attributes.

    A family's constructor takes `num_classes` and `num_attributes`, gives them to
    `set_conditions`, and builds its networks from what that returns.
    """

    num_classes: int | tuple[int, ...] | None = None
    num_attributes = 0

    def set_conditions(self, num_classes, num_attributes):
        """Sets what pictures are asked for by.

        Returns:
            The `Conditions`.

        Raises:
            ValueError: for neither classes nor attributes, or numbers of them that cannot be.
        """
        self._conditions = needed(num_classes, num_attributes)
        self.num_classes = self._conditions.num_classes
        self.num_attributes = self._conditions.num_attributes
        return self._conditions

    @property
    def conditions(self):
        return self._conditions

    def label_cross_entropy(self, labels, logits):
        """How badly a classifier names the labels of a batch, see `losses.label_cross_entropy`.

        Args:
            labels: as batches hold them.
            logits: (N, length of the code).
        """
        code, heads = self.conditions.code(labels), self.conditions.heads
        return losses.label_cross_entropy(code, logits, heads)

    def label_accuracy(self, labels, logits):
        """The share of a batch's heads and attributes that a classifier names rightly."""
        code, heads = self.conditions.code(labels), self.conditions.heads
        return losses.label_accuracy(code, logits, heads)
