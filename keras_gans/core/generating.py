"""Pictures out of networks, in bounded memory and of any size."""

import warnings

import keras
import numpy as np
import tensorflow as tf

from keras_gans.core import label_maps, masks
from keras_gans.core.mixin import Mixin
from keras_gans.core.scaling import scaled, up_to_multiple
from keras_gans.core.signature import Image, LabelMap
from keras_gans.utils.checks import check_choice, check_pictures

_SAMPLING_BATCH = 256

#: At which size a network translates: the one it was trained at, or each picture's own.
SIZES = ("trained", "own")


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

    def size_of_translation(self, name, size=None):
        """(height, width) at which a network translates pictures; None for their own.

        Args:
            name: of a network of `signature()` that takes pictures.
            size: "trained", "own", or None for what suits the network: pictures are scaled to what
                it was trained at, but for networks that enlarge them.

        Raises:
            ValueError: for another size, or "own" of a network that takes one size only.
        """
        check_choice("size", size or "own", SIZES)
        (source,), (target,) = self._ends(name)
        if source.sides is not None and size == "own":
            height, width = source.sides
            raise ValueError(
                f"{self.name} takes pictures of {width} x {height} pixels only, to which others "
                "are scaled: leave out size='own' (--size own)."
            )
        if size == "own" or (size is None and target.scale > 1):
            return None
        return source.trained

    def bytes_to_translate(self, name, height, width):
        """About what a network's call takes of the memory for one picture of this size.

        That is four of its largest tensors: measured, three to four.
        """
        if name not in self._bytes_per_pixel:
            (source,), _ = self._ends(name)
            side = up_to_multiple(64, source.multiple_of)
            sides = source.sides or (side, side)
            call = _call_of(self.networks[name], sides, training=False)
            graph = call.get_concrete_function().graph
            shapes = [t.shape for op in graph.get_operations() for t in op.outputs]
            # The kernels of a convolution have four axes too, and no first one of 1.
            maps = [s for s in shapes if s.rank == 4 and s.is_fully_defined() and s[0] == 1]
            largest = max(shape.num_elements() for shape in maps)
            self._bytes_per_pixel[name] = 4 * 4 * largest / (sides[0] * sides[1])
        return int(self._bytes_per_pixel[name] * height * width)

    def _ends(self, name):
        """The pictures a network of `signature()` takes from outside, and those it gives."""
        signature = self.signature()[name]
        given = [role for role in signature.of(Image).values() if role.fed_by is None]
        return given, signature.outputs.values()

    def in_full(self, name, images, training=False, size=None, beside=()):
        """Translations of pictures of any size, one picture at a time.

        Args:
            name: of a fully convolutional network of `signature()`.
            images: float (N, H, W, C) in [-1, 1], or one picture (H, W, C); label maps as integers
                (N, H, W), or one (H, W).
            training: for the network's call.
            size: see `size_of_translation`. Of the pictures' own size sides that the network does
                not take are padded by reflection, and what comes out is cropped; pictures that
                were scaled are scaled back.
            beside: what the network takes besides pictures, arrays (N, ...) in its order. Masks
                (N, H, W, 1) are scaled and padded as the pictures are, see `masks.fitted`.

        Returns:
            float32 (N, scale H, scale W, channels), or one picture.

        Raises:
            ValueError: for another shape or size, or values outside [-1, 1].
        """
        (source,), (target,) = self._ends(name)
        trained = self.size_of_translation(name, size)
        batch = self.pictures_to_translate(name, images)
        height, width = batch.shape[1:3]
        forward = self.compiled_call(self.networks[name], training)
        outputs = []
        for number, picture in enumerate(batch):
            inner = picture if trained is None else _at_size(picture, trained)
            others = [self._fitted(part[number], inner, source)[None] for part in beside]
            made = forward(self._padded(inner, source)[None], *others).numpy()[0]
            made = made[: inner.shape[0] * target.scale, : inner.shape[1] * target.scale]
            outputs.append(scaled(made, (height * target.scale, width * target.scale)))
        return outputs[0] if np.ndim(images) < batch.ndim else np.stack(outputs)

    def _fitted(self, part, picture, source):
        """What belongs to a picture, as it goes in beside it: a mask by its size."""
        if np.ndim(part) != 3:
            return part
        return _reflected(masks.fitted(part, picture.shape[:2]), source)

    def pictures_to_translate(self, name, images):
        """Pictures for a network of `signature()`, (N, H, W, C); one (H, W, C) is a batch of one.

        Label maps are (N, H, W) or (H, W).

        Raises:
            ValueError: for another shape, or values outside [-1, 1] or of no class.
        """
        (source,), _ = self._ends(name)
        if isinstance(source, LabelMap):
            return label_maps.checked(images, source.classes)
        images, channels = np.asarray(images), source.channels
        if images.ndim not in (3, 4) or images.shape[-1] != channels:
            raise ValueError(
                f"Pictures to translate must have shape (N, H, W, {channels}) or (H, W, "
                f"{channels}). Received: {images.shape}."
            )
        check_pictures(images)
        return images[None] if images.ndim == 3 else images

    def _padded(self, picture, source):
        """A picture (H, W, C), float32, its sides such as a network takes."""
        padded = _reflected(picture, source)
        trained, wanted = source.trained, padded.shape[:2]
        goes_down = trained and picture.ndim == 3  # of label maps pictures only come up
        if goes_down and source.multiple_of >= max(trained) and tuple(wanted) != tuple(trained):
            warnings.warn(
                f"{self.name} is a U-Net trained at {trained[0]} x {trained[1]} pixels, whose "
                f"middle has seen one pixel: what it makes at another size is not what it learned. "
                "Use size='trained' (--size trained).",
                stacklevel=4,
            )
        return padded

    def compiled_call(self, network, training=False):
        """The network's call for one picture of any size, compiled: layer by layer it is slow.

        Args:
            network: a fully convolutional model.
            training: for its call.

        Returns:
            A function from float32 (1, H, W, C), or a label map (1, H, W), and what else the
            network takes for one picture, to a tensor; it is traced once for all sizes.
        """
        key = (id(network), training)  # kept by the compiled call, so that no other gets its id
        if key not in self._forwards:
            self._forwards[key] = _call_of(network, (None, None), training)
        return self._forwards[key]


def _at_size(picture, size):
    """A picture (H, W, C), or a label map (H, W), at another (height, width)."""
    return label_maps.resized(picture, size) if picture.ndim == 2 else scaled(picture, size)


def _reflected(picture, source):
    """A picture (H, W, C), a mask or a label map (H, W), reflected to sides a network takes."""
    sides = picture.shape[:2]
    wanted = [up_to_multiple(max(side, source.smallest), source.multiple_of) for side in sides]
    missing = [(0, want - side) for want, side in zip(wanted, sides, strict=True)]
    if picture.ndim == 2:
        return np.pad(picture, missing, mode="reflect")
    return np.pad(picture, (*missing, (0, 0)), mode="reflect").astype("float32")


def _call_of(network, sides, training):
    """A network's call for one picture of these (height, width) and what else it takes."""
    shapes = [tensor.shape for tensor in network.inputs]
    shapes = [
        (1, *sides, *s[3:]) if len(s) == 4 or s[1:] == (None, None) else (1, *s[1:]) for s in shapes
    ]
    specs = [
        tf.TensorSpec(shape, tensor.dtype)
        for shape, tensor in zip(shapes, network.inputs, strict=True)
    ]
    return tf.function(
        lambda *inputs: network(inputs[0] if len(inputs) == 1 else inputs, training=training),
        input_signature=specs,
    )
