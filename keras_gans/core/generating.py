"""Pictures out of networks, in bounded memory and of any size."""

import keras
import numpy as np
import tensorflow as tf

from keras_gans.core.mixin import Mixin
from keras_gans.core.signature import Image
from keras_gans.utils.checks import check_pictures

_SAMPLING_BATCH = 256


class Generating(Mixin):
    """How pictures for people are made. Mixed into `GAN`."""

    def in_chunks(self, network, *inputs):
        """`network(inputs)` without training behaviour, in bounded memory.

        Args:
            network: a functional model.
            *inputs: its inputs, arrays of equal length.

        Returns:
            float32 NumPy array, all outputs.
        """
        chunks = []
        for start in range(0, len(inputs[0]), _SAMPLING_BATCH):
            chunk = [
                keras.ops.convert_to_tensor(i[start : start + _SAMPLING_BATCH]) for i in inputs
            ]
            outputs = network(chunk if len(chunk) > 1 else chunk[0], training=False)
            chunks.append(keras.ops.convert_to_numpy(outputs))
        return np.concatenate(chunks)

    def in_full(self, name, images, training=False):
        """Translations of pictures of any size, one picture at a time.

        Args:
            name: of a fully convolutional network of `signature()`. Sides that are no multiples of
                what it takes are padded by reflection, and what comes out is cropped.
            images: float (N, H, W, C) in [-1, 1], or one picture (H, W, C).
            training: for the network's call.

        Returns:
            float32 (N, scale H, scale W, channels), or one picture.

        Raises:
            ValueError: for another shape, or values outside [-1, 1].
        """
        network, signature = self.networks[name], self.signature()[name]
        (source,), (target,) = signature.of(Image).values(), signature.outputs.values()
        images, channels = np.asarray(images), source.channels
        if images.ndim not in (3, 4) or images.shape[-1] != channels:
            raise ValueError(
                f"Pictures to translate must have shape (N, H, W, {channels}) or (H, W, "
                f"{channels}). Received: {images.shape}."
            )
        check_pictures(images)
        batch = images[None] if images.ndim == 3 else images
        height, width = batch.shape[1:3]
        missing = [(0, -side % source.multiple_of) for side in (height, width)]
        padded = np.pad(batch, ((0, 0), *missing, (0, 0)), mode="reflect").astype("float32")
        forward = self._forward(network, training)
        outputs = [forward(padded[i : i + 1]).numpy() for i in range(len(padded))]
        joined = np.concatenate(outputs)[:, : height * target.scale, : width * target.scale]
        return joined[0] if images.ndim == 3 else joined

    def _forward(self, network, training):
        """The network's call for one picture of any size, compiled: layer by layer it is slow."""
        key = (id(network), training)  # kept by the compiled call, so that no other gets its id
        if key not in self._forwards:
            picture = tf.TensorSpec((1, None, None, network.inputs[0].shape[-1]), tf.float32)
            self._forwards[key] = tf.function(
                lambda images: network(images, training=training), input_signature=[picture]
            )
        return self._forwards[key]
