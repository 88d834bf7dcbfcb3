"""The game of clips: frames are made one after the other, each from those made before.

    for each frame:  made = G(the last frames of the source, frames made before)
    then             G learns from D, and D from all frames and runs of frames at once

Frames are fed back without gradient. Both learn from the same clips, and G from D as it was before
D's update. A family states both losses.
"""

import dataclasses
import functools

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from keras_gans.core.model import GAN
from keras_gans.core.pairs import Pairs
from keras_gans.core.scaling import scaled
from keras_gans.core.signature import Clip, Flow, Image, Signature, frames_of
from keras_gans.layers import Warp
from keras_gans.utils.checks import check_choice, check_pictures

_ROWS = 16  # frames on a sheet


@dataclasses.dataclass(frozen=True)
class Made:
    """What the generator made of the clips of a batch, frame by frame.

    Attributes:
        frames: (N, T, H, W, C) in [-1, 1].
        raw: the same before frames moved from the one before are mixed in.
        flow: (N, T, H, W, 2), across and down in pixels, of the generator's own.
        mask: (N, T, H, W, 1), the share of `raw` in `frames`.
        previous: (N, T, H, W, C), the frame made before each, without gradient; zeros before the
            first.
    """

    frames: tf.Tensor
    raw: tf.Tensor
    flow: tf.Tensor
    mask: tf.Tensor
    previous: tf.Tensor

    def still(self):
        """Returns the same without gradient."""
        parts = (getattr(self, field.name) for field in dataclasses.fields(self))
        return Made(*map(tf.stop_gradient, parts))


class ClipGAN(GAN):
    """A game of one generator of frames, which is given those it made, and discriminators.

    A family sets `frames`, `window`, `image_size`, `source_channels`, `target_channels` and its
    networks, and states `discriminator_loss` and `generator_loss`. `generator` takes `source` (the
    last `window` frames to translate, one behind the other in the channels) and `previous` (the
    last `window` - 1 frames that it made, likewise) and gives frame, raw frame, flow and mask.

    Args:
        **kwargs: those of `keras_gans.GAN`.
    """

    batch_size = 1

    #: What the sides of frames must be a multiple of.
    stride = 1

    #: What the sides of frames must be at least.
    smallest = 1

    #: The logit between "real" and "fake".
    boundary = 0.0

    frames: int
    window: int
    image_size: int
    source_channels: int
    target_channels: int

    def discriminator_loss(self, source, target, flow, made):
        """The paper's loss of D.

        Args:
            source: clips to translate, (N, T, H, W, C).
            target: true ones, (N, T, H, W, C').
            flow: as `core.signature.Flow` says.
            made: a `Made`; G is not moved.

        Returns:
            A `Loss` with D's logits.
        """
        raise NotImplementedError(f"{type(self).__name__} must state its discriminator's loss.")

    def generator_loss(self, source, target, flow, made):
        """The paper's loss of G; arguments as of `discriminator_loss`."""
        raise NotImplementedError(f"{type(self).__name__} must state its generator's loss.")

    def batch_roles(self):
        form = (self.frames, self.image_size, self.image_size)
        return {
            "source": Clip(*form, self.source_channels),
            "flow": Flow(*form),
            "target": Clip(*form, self.target_channels),
        }

    def signature(self):
        window, past, made = self.window, self.window - 1, self.target_channels
        free = functools.partial(
            Image,
            None,
            None,
            multiple_of=self.stride,
            smallest=self.smallest,
            trained=(self.image_size, self.image_size),
        )
        inputs = {
            "source": free(channels=window * self.source_channels, frames=window),
            "previous": free(channels=past * made, frames=past, fed_by="target"),
        }
        return {"generator": Signature(inputs, {"target": Image(None, None, made)})}

    def networks_to_export(self):
        target = self.generator.outputs[0]
        return {"generator": keras.Model(self.generator.inputs, target, name="generator")}

    def called_network(self):
        return self.networks_to_export()["generator"]

    def default_measures(self):
        return [Pairs()]

    def train_step(self, batch):
        source, flow, target = self.checked(batch)

        with tf.GradientTape() as generator_tape:
            made = self.roll(source)
            loss = self.generator_loss(source, target, flow, made)
        self.update("generator", loss.value, generator_tape)

        with tf.GradientTape() as discriminator_tape:
            judged = self.discriminator_loss(source, target, flow, made.still())
        self.update("discriminator", judged.value, discriminator_tape)

        return self.report(generator_loss=loss.value, **judged.verdict(self.boundary), **loss.logs)

    def roll(self, source):
        """Makes clips frame by frame, in training.

        Args:
            source: (N, T, H, W, C).

        Returns:
            A `Made`.
        """
        empty = tf.zeros_like(source[:, 0, :, :, :1])
        past = [tf.repeat(empty, self.target_channels, axis=-1)] * (self.window - 1)
        steps, before = [], []
        for number in range(source.shape[1]):
            labels = [source[:, place] for place in self.places(number)]
            before.append(past[-1])
            given = [tf.concat(labels, -1), tf.concat(past, -1)]
            steps.append(self.generator(given, training=True))
            past = [*past[1:], tf.stop_gradient(steps[-1][0])]
        parts = [tf.stack(part, axis=1) for part in zip(*steps, strict=True)]
        frames, raw, flow, mask = parts
        return Made(frames, raw, flow, mask, tf.stack(before, axis=1))

    def places(self, number):
        """Numbers of the source's frames that a frame is made of, the oldest first.

        Before the first frame there is nothing else than the first.
        """
        return [max(0, number - back) for back in range(self.window - 1, -1, -1)]

    def call(self, inputs, training=False):
        return self.generator(inputs, training=training)[0]

    # === Clips ===

    def translate(self, images, *, direction=None, size=None):
        """Translates clips frame by frame; each frame is made from those that were made before.

        Args:
            images: float (N, T, H, W, source_channels) in [-1, 1], or one clip (T, H, W, channels).
                A clip may have any number of frames.
            direction: "ab", which all of these are; given only to make sure of it.
            size: "trained", also where not given, scales frames to the size the model was trained
                at, and what is made of them back; "own" leaves them as they are, but for sides
                that are no multiple of `stride`, which are padded by reflection.

        Returns:
            float32, shaped like `images` but for the channels.

        Raises:
            ValueError: for another direction, size or shape, such as a single picture.
        """
        check_choice("direction", direction or "ab", ("ab",))
        clips = self.clips_to_translate(images)
        sides = self.size_of_translation("generator", size)
        made = [np.stack(list(self.stream(clip, sides))) for clip in clips]
        return made[0] if np.ndim(images) == 4 else np.stack(made)

    def stream(self, clip, sides=None):
        """Yields the translations of frames as they come, and keeps no more of them than it needs.

        Args:
            clip: iterable of frames, float (H, W, source_channels) in [-1, 1], all of one size.
            sides: (height, width) at which the network works; the frames' own where None.

        Yields:
            float32 (H, W, target_channels).
        """
        (source,), _ = self._ends("generator")
        forward = self.compiled_call(self.generator)
        seen: list[np.ndarray] = []
        made: list[np.ndarray] = []
        for frame in clip:
            inner = frame if sides is None else scaled(frame, sides)
            padded = self._padded(inner, source)
            seen = [*(seen or [padded] * self.window)[1:], padded]
            empty = np.zeros((*padded.shape[:2], self.target_channels), "float32")
            made = made or [empty] * (self.window - 1)
            given = [np.concatenate(past, axis=-1)[None] for past in (seen, made)]
            new = forward(*given)[0].numpy()[0]
            made = [*made[1:], new]
            yield scaled(new[: inner.shape[0], : inner.shape[1]], frame.shape[:2])

    def clips_to_translate(self, images):
        """Clips (N, T, H, W, C); one (T, H, W, C) is a batch of one.

        Raises:
            ValueError: for another shape, or values outside [-1, 1].
        """
        images, channels = np.asarray(images), self.source_channels
        if images.ndim not in (4, 5) or images.shape[-1] != channels:
            hint = ""
            if images.ndim == 3:
                hint = " Of a single picture make a clip of one frame: `picture[None]`."
            raise ValueError(
                f"Clips to translate must have shape (N, T, H, W, {channels}) or (T, H, W, "
                f"{channels}). Received: {images.shape}.{hint}"
            )
        if 0 in images.shape:
            raise ValueError(f"A clip needs at least one frame. Received: {images.shape}.")
        check_pictures(images)
        return images[None] if images.ndim == 4 else images

    def generate(self, images, **how):  # type: ignore[override]
        return self.translate(images, **how)

    def side_by_side(self, batch):
        """Columns of a grid: frames of clips, their translations, the true frames.

        Args:
            batch: as `batch_spec` says.

        Returns:
            A list of three float32 arrays (rows, H, W, channels), of the first 16 frames.
        """
        source, _, target = map(np.asarray, batch)
        columns = (source, self.translate(source), target)
        return [frames_of(column)[:_ROWS] for column in columns]


# === Arithmetic of clips ===


def in_pixels(flow):
    """A batch's flow, (N, T, H, W, 3), as losses want it.

    Returns:
        Flow in pixels, (N, T, H, W, 2), and where it is sure, 0 or 1, (N, T, H, W, 1).
    """
    height, width = flow.shape[2:4]
    sides = ops.convert_to_tensor([width, height], "float32")
    return flow[..., :2] * sides, ops.cast(flow[..., 2:] > 0.5, "float32")


def merged(clips):
    """Clips (N, T, H, W, C) as pictures (N * T, H, W, C)."""
    return ops.reshape(clips, (-1, *clips.shape[2:]))


def parted(pictures, count):
    """Pictures (N * count, h, w, C) as clips (N, count, h, w, C)."""
    return ops.reshape(pictures, (-1, count, *pictures.shape[1:]))


def warped(clips, flow):
    """Clips (N, T, H, W, C), each frame moved by its flow (N, T, H, W, 2)."""
    moved = Warp(dtype="float32")([merged(clips), merged(flow)])
    return parted(moved, clips.shape[1])


def chained(steps, apart):
    """Flow over `apart` frames, made of the flow of single steps, (N, T, H, W, 2).

    It means nothing of the first `apart` frames of a clip.
    """
    flow = steps
    for back in range(1, apart):
        earlier = [ops.zeros_like(steps[:, :back]), steps[:, : steps.shape[1] - back]]
        flow = flow + warped(ops.concatenate(earlier, axis=1), flow)
    return flow
