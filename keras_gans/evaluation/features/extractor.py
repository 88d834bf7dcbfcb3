"""Extractors: pictures in, features out, always the same way."""

import collections

import keras
import numpy as np
import tensorflow as tf

from keras_gans.utils.files import sha256

_BATCH = 100


class Extractor:
    """A network, and how pictures are brought to it.

    Pictures become the 256 levels of a file first, so that a model is judged by what it can save;
    then they are scaled as Parmar, Zhang & Zhu ask for (2022, https://arxiv.org/abs/2104.11222):
    bicubic, antialiased, without rounding, whatever the network's first training did. Grey ones
    are shown three times over to networks for colour.

    Args:
        name: what figures made with it are called after, `fid_NAME`.
        network: a Keras model of pictures (N, size, size, channels), as `prepare` leaves them, to
            features (N, dimension).
        prepare: function of pictures with the values 0 to 255.
        sha256: of the file of weights, or of the weights.
        taps: names of the layers whose outputs are `maps`.
        classes: (dimension, classes), what features weigh for each class the network knows; None
            where it knows none.

    Attributes:
        dimension: values for each picture.
        taps: names of the layers whose outputs are `maps`; empty where it shows none.
        resize: how pictures are brought to the network, a sentence for protocols.
    """

    def __init__(self, name, network, prepare, sha256, taps=(), classes=None):
        self.name, self.network, self.sha256, self.classes = name, network, sha256, classes
        self.dimension = network.output_shape[-1]
        *self._size, self._channels = network.input_shape[1:]
        self.resize = "none"
        if None not in self._size:
            sides = " x ".join(map(str, self._size))
            self.resize = f"256 levels, bicubic, antialiased, to {sides}"

        self._last = collections.deque(maxlen=2)  # real and generated pictures
        self._extract = self._compiled(network, prepare)
        self._maps = None
        self.taps = tuple(taps)
        if taps:
            tapped = keras.Model(network.inputs, [network.get_layer(tap).output for tap in taps])
            self._maps = self._compiled(tapped, prepare)

    def _compiled(self, network, prepare):
        @tf.function(reduce_retracing=True)
        def extract(images):
            return network(prepare(self._fitted(images)), training=False)

        return extract

    def __call__(self, images):
        """Features (N, dimension), float32, of pictures (N, H, W, C) in [-1, 1].

        Raises:
            ValueError: for pictures of another form, or values outside.
        """
        images = self._checked(images)
        parts = [self._extract(images[at : at + _BATCH]) for at in range(0, len(images), _BATCH)]
        return np.concatenate(parts) if parts else np.zeros((0, self.dimension), np.float32)

    def remembered(self, images):
        """Features as of the call; of the arrays given last, the same ones again."""
        for known, features in self._last:
            if known is images:
                return features
        self._last.append((images, self(images)))
        return self._last[-1][1]

    def maps(self, images):
        """Maps of features inside the network, a list of (N, H, W, features), float32.

        Args:
            images: as of the call; as many as memory holds at once.

        Raises:
            ValueError: as the call; or of an extractor that shows none.
        """
        if self._maps is None:
            raise ValueError(f"{self.name} shows no maps of features. Use the extractor 'lite0'.")
        return [maps.numpy() for maps in self._maps(self._checked(images))]

    def probabilities(self, features):
        """What classes the network sees in pictures of these features, (N, classes), float64.

        Raises:
            ValueError: of an extractor that knows no classes.
        """
        if self.classes is None:
            raise ValueError(f"{self.name} knows no classes. Use inception, or a classifier.")
        logits = np.asarray(features, np.float64) @ self.classes
        logits = np.exp(logits - logits.max(1, keepdims=True))
        return logits / logits.sum(1, keepdims=True)

    def _checked(self, images):
        images = np.asarray(images, np.float32)
        if images.ndim != 4 or images.shape[-1] not in (1, self._channels):
            raise ValueError(
                f"Pictures have the shape (N, H, W, {self._channels}), or (N, H, W, 1). Received: "
                f"{images.shape}"
            )
        if not (np.abs(images) <= 1 + 1e-3).all():  # also where not finite
            raise ValueError(
                f"Pictures have values in [-1, 1]. Received: {images.min()} to {images.max()}"
            )
        # Here and not below, where the compiled function may not know how many there are.
        return images if images.shape[-1] == self._channels else images.repeat(self._channels, -1)

    def _fitted(self, images):
        images = tf.round(tf.clip_by_value((images + 1.0) * 127.5, 0.0, 255.0))
        if None in self._size or list(images.shape[1:3]) == self._size:
            return images
        images = keras.ops.image.resize(images, self._size, interpolation="bicubic", antialias=True)
        return tf.clip_by_value(images, 0.0, 255.0)


def checked_file(path, expected, what, how_to_get):
    """A file's path, if it is the one that is meant.

    Raises:
        ValueError: if it is missing or another file; how to get it.
    """
    if not path.is_file():
        raise ValueError(f"{path} is not a file. {what} {how_to_get}")
    if (found := sha256(path)) != expected:
        raise ValueError(
            f"{path} is another file than {what} Its sha256 is {found}, expected {expected}. "
            f"{how_to_get}"
        )
    return path
