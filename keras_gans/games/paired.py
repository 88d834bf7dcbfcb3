"""The paired game: a source, its true target, and a generator between them.

D learns to tell (source, target) from (source, G(source)), then G learns from D as just updated and
from the target itself. A family states both losses.
"""

import dataclasses

import numpy as np
import tensorflow as tf

from keras_gans.augment import diff_augment
from keras_gans.core.model import GAN
from keras_gans.core.pairs import Pairs
from keras_gans.core.signature import Image, Signature, shown
from keras_gans.core.upscaling import OVERLAP, Upscaler


class PairedGAN(GAN):
    """A game of one generator of pictures from pictures and one discriminator of pairs.

    A family sets `source`, `target` (roles of a training batch) and its networks, and states
    `discriminator_loss` and `generator_loss`. What comes out may be larger than what goes in:
    `Image.scale` of the target says how many times.

    Args:
        **kwargs: those of `keras_gans.GAN`.
    """

    batch_size = 1

    #: "ab" makes a pair's second picture from its first, "ba" the reverse.
    direction = "ab"

    #: What is done to both pictures of each pair D sees, see `keras_gans.augment.diff_augment`.
    augment: tuple[str, ...] = ()

    #: What the sides of pictures to translate must be a multiple of.
    stride = 1

    #: What they must be at least.
    smallest = 1

    #: Of models that upscale: side of the tiles that exported files take, in pixels, and what
    #: neighbouring tiles share, see `keras_gans.core.signature.Image`.
    tile = 128
    overlap = OVERLAP

    #: The logit between "real" and "fake".
    boundary = 0.0

    source: Image
    target: Image

    def discriminator_loss(self, source, target, fake):
        """The paper's loss of D.

        Args:
            source: (N, h, w, C).
            target: (N, H, W, C'), true.
            fake: G's, of the target's shape; G is not moved.

        Returns:
            A `Loss` with D's logits.
        """
        raise NotImplementedError(f"{type(self).__name__} must state its discriminator's loss.")

    def generator_loss(self, source, target, fake):
        """The paper's loss of G; arguments as of `discriminator_loss`."""
        raise NotImplementedError(f"{type(self).__name__} must state its generator's loss.")

    def batch_roles(self):
        roles = {"source": self.source, "target": self.target}
        return roles if self.direction == "ab" else dict(reversed(roles.items()))

    def signature(self):
        source, target = self.source, self.target
        free = dataclasses.replace(
            source,
            height=None,
            width=None,
            multiple_of=self.stride,
            smallest=self.smallest,
            trained=source.sides,
        )
        if target.scale > 1:
            free = dataclasses.replace(free, tile=(self.tile, self.tile), overlap=self.overlap)
        inputs = {"source": free}
        outputs = {"target": Image(None, None, target.channels, scale=target.scale)}
        return {"generator": Signature(inputs, outputs)}

    def default_measures(self):
        return [Pairs()]

    def train_step(self, batch):
        source, target = self.checked(batch)[:: 1 if self.direction == "ab" else -1]

        with tf.GradientTape() as generator_tape:
            fake = self.generator(source, training=True)
        verdict = {}
        if "discriminator" in self.players:
            with tf.GradientTape() as discriminator_tape:
                judged = self.discriminator_loss(source, target, fake)
            self.update("discriminator", judged.value, discriminator_tape)
            verdict = judged.verdict(self.boundary)

        with generator_tape:  # goes on from the picture it has recorded
            loss = self.generator_loss(source, target, fake)
        self.update("generator", loss.value, generator_tape)

        return self.report(generator_loss=loss.value, **verdict, **loss.logs)

    def judge(self, source, target, draw):
        """D's logits of a pair as it sees it: augmented, the same way on both sides.

        Args:
            source: (N, H, W, C).
            target: (N, H, W, C'), true or generated.
            draw: number of the pair within the step; each is augmented in its own way.
        """
        return self.discriminator(self.discriminator_view(source, target, draw), training=True)

    def discriminator_view(self, source, target, draw):
        """Returns what D is shown of a pair: both pictures, augmented alike."""
        if not self.augment:
            return [source, target]
        seed = self.step_seed(draw)
        return [diff_augment(images, seed, self.augment) for images in (source, target)]

    def call(self, inputs, training=False):
        return self.generator(inputs, training=training)

    def translate(self, images, *, direction=None, size=None):
        """Sources to targets, any size.

        Args:
            images: float (N, H, W, source_channels) in [-1, 1], or one picture (H, W, channels); of
                models that take label maps integers (N, H, W), or one map (H, W).
            direction: the one the model was trained in; given only to make sure of it.
            size: "trained" scales pictures to the size the model was trained at, and translations
                back; "own" leaves them as they are, but for sides that are no multiple of
                `stride` or smaller than `smallest`, which are padded by reflection and cropped
                back. Where not given "trained", and "own" for models that upscale.

        Returns:
            float32, shaped like `images` but for the channels and, of models that upscale, sides.

        Raises:
            ValueError: for another direction, size or shape.
        """
        self.check_direction(direction)
        return self.in_full("generator", images, size=size)

    def upscale(self, images, *, scale=None, tile=None, overlap=None):
        """Upscales pictures of any size, tile by tile, so that memory is bounded.

        Tiles overlap and are faded into each other. Where the network sees no further than 3/8 of
        the overlap, the result equals `translate`'s on the whole picture, to rounding. Sides that
        are no multiple of `stride` are padded by reflection, and the result is cropped.

        Args:
            images: float (N, H, W, C) in [-1, 1], or one picture (H, W, C). C is what the network
                takes; through a network of colours also 1, which stays grey, and through one of
                grey also 3, which go through it one after the other.
            scale: how many times as large pictures become, a number above 0. Default: the model's
                own scale. Pictures go through the network once, or as often as is needed to reach
                `scale`; Lanczos' filter then brings them to the exact size.
            tile: side of the tiles in pixels, at least twice the overlap. Default: the largest, up
                to 512, with which a call of the network takes about 1 GiB of memory.
            overlap: pixels that neighbouring tiles share, at least. Default: the model's
                `overlap`.

        Returns:
            float32 (N, round(scale * H), round(scale * W), C), or one picture; sides are at least
            1 pixel.

        Raises:
            ValueError: if the model does not upscale; for another shape, or values outside
                [-1, 1]; for a scale, tile or overlap that cannot be; if an upscaled picture would
                have more than 2**28 pixels, or does not fit into the memory.
        """
        return Upscaler(self, scale, tile, overlap).upscaled(images)

    def check_direction(self, direction):
        """Refuses another direction than the one the model was trained in."""
        if direction not in (None, self.direction):
            raise ValueError(
                f"This model translates {self.direction!r} only, as it was trained. "
                f"Received: direction={direction!r}"
            )

    def generate(self, images, **how):  # type: ignore[override]
        return self.translate(images, **how)

    def side_by_side(self, batch):
        """Columns of a grid: sources, their translations, the true targets.

        Args:
            batch: as `batch_spec` says.

        Returns:
            A list of three float32 arrays (N, H, W, channels).
        """
        source, target = batch[:: 1 if self.direction == "ab" else -1]
        return [shown(self.source, source), self.translate(source), np.asarray(target)]
