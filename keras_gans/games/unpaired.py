"""The unpaired games: two sets of pictures, of which no two belong together.

`UnpairedGAN` has a generator each way and cycle consistency. Generators first: each picture is
translated and translated back, and a picture of the target's own set may be put in as well
(identity). Then the discriminators, one for each set, which are shown translations out of a pool.

`DiscriminatorsFirstGAN` and `TakingTurnsGAN` are the same game in another order of updates, without
pools.

`OneWayGAN` has a generator from the first set to the second, and one discriminator, which learns
first. What keeps a translation near its source is the family's own.

A family states both losses.
"""

import dataclasses

import numpy as np
import tensorflow as tf

from keras_gans.core.model import GAN
from keras_gans.core.signature import Image, Signature
from keras_gans.utils.checks import check_choice


@dataclasses.dataclass(frozen=True)
class Translations:
    """What the generators make of a pair of unrelated pictures (a, b), each (N, H, W, C).

    Attributes:
        fake_a: ba(b).
        fake_b: ab(a).
        cycled_a: ba(ab(a)).
        cycled_b: ab(ba(b)).
        same_a: ba(a), or a where the game has no identity loss.
        same_b: ab(b), likewise.
    """

    fake_a: tf.Tensor
    fake_b: tf.Tensor
    cycled_a: tf.Tensor
    cycled_b: tf.Tensor
    same_a: tf.Tensor
    same_b: tf.Tensor


class TwoSetsGAN(GAN):
    """What games of two sets of pictures have in common.

    A family sets `image_size`, `a_channels` and `b_channels`.

    Args:
        **kwargs: those of `keras_gans.GAN`.
    """

    batch_size = 1

    #: What the sides of pictures to translate must be a multiple of.
    stride = 1

    #: What the sides of pictures to translate must be at least.
    smallest = 1

    #: The logit between "real" and "fake".
    boundary = 0.0

    def batch_roles(self):
        side = self.image_size
        return {
            "a": Image(side, side, self.a_channels, domain="a"),
            "b": Image(side, side, self.b_channels, domain="b"),
        }

    def translator(self, source, target):
        """The `Signature` of a network from one set to the other, each "a" or "b"."""
        channels = {"a": self.a_channels, "b": self.b_channels}
        free = Image(
            *(None, None, channels[source], self.stride),
            domain=source,
            smallest=self.smallest,
            trained=(self.image_size, self.image_size),
        )
        outputs = {"target": Image(None, None, channels[target], domain=target)}
        return Signature({"source": free}, outputs)

    def made(self, real_a, real_b):
        """What the generators make of a pair of unrelated pictures, in training.

        Args:
            real_a: (N, H, W, C).
            real_b: (N, H, W, C').

        Returns:
            An object with the translations.
        """
        raise NotImplementedError(f"{type(self).__name__} must say what its generators make.")

    def judged(self, real_a, real_b, made):
        """The discriminators' `Loss` of these pictures and what `made` returned of them."""
        raise NotImplementedError(f"{type(self).__name__} must say what it judges.")

    def discriminators_first(self, batch):
        """A step in which generators learn from what discriminators have just become."""
        real_a, real_b = self.checked(batch)

        with tf.GradientTape() as generator_tape:
            made = self.made(real_a, real_b)
        with tf.GradientTape() as tape:
            judged = self.judged(real_a, real_b, made)
        self.update("discriminator", judged.value, tape)

        with generator_tape:  # goes on from the pictures it has recorded
            loss = self.generator_loss(real_a, real_b, made)
        self.update("generator", loss.value, generator_tape)
        return self.outcome(loss, judged)

    def outcome(self, loss, judged):
        """Ends a step whose losses these are, and returns its logs."""
        verdict = judged.verdict(self.boundary)
        return self.report(generator_loss=loss.value, **verdict, **loss.logs)

    def generate(self, images, **how):  # type: ignore[override]
        return self.translate(images, **how)


class UnpairedGAN(TwoSetsGAN):
    """A game of two generators and two discriminators.

    A family sets `image_size`, `a_channels`, `b_channels`, `identity_weight`, the networks
    `generator_ab`, `generator_ba`, `discriminator_a` and `discriminator_b` and the pools `pool_a`
    and `pool_b`, and states `generator_loss` and `discriminator_loss`.

    Args:
        **kwargs: those of `keras_gans.GAN`.
    """

    players = {
        "generator": ("generator_ab", "generator_ba"),
        "discriminator": ("discriminator_a", "discriminator_b"),
    }

    #: Of leaving alone what is of the target's set already; 0 skips its passes.
    identity_weight = 0.0

    def generator_loss(self, real_a, real_b, made):
        """The paper's loss of both generators.

        Args:
            real_a: (N, H, W, C).
            real_b: (N, H, W, C'), unrelated.
            made: `Translations` of them.

        Returns:
            A `Loss`.
        """
        raise NotImplementedError(f"{type(self).__name__} must state its generators' loss.")

    def discriminator_loss(self, real_a, real_b, fake_a, fake_b):
        """The paper's loss of both discriminators; fakes are out of the pools.

        Returns:
            A `Loss` with the logits of both.
        """
        raise NotImplementedError(f"{type(self).__name__} must state its discriminators' loss.")

    def signature(self):
        return {
            "generator_ab": self.translator("a", "b"),
            "generator_ba": self.translator("b", "a"),
        }

    def train_step(self, batch):
        real_a, real_b = self.checked(batch)

        with tf.GradientTape() as tape:
            made = self.made(real_a, real_b)
            loss = self.generator_loss(real_a, real_b, made)
        self.update("generator", loss.value, tape)

        pooled_a = self.pool_a(made.fake_a, self.step_seed(0))
        pooled_b = self.pool_b(made.fake_b, self.step_seed(1))
        with tf.GradientTape() as tape:
            judged = self.discriminator_loss(real_a, real_b, pooled_a, pooled_b)
        self.update("discriminator", judged.value, tape)

        return self.outcome(loss, judged)

    def made(self, real_a, real_b):
        """Returns the `Translations` of a pair of unrelated pictures, in training."""
        fake_b, same_b = self._translated(self.generator_ab, real_a, real_b)
        fake_a, same_a = self._translated(self.generator_ba, real_b, real_a)
        cycled_a = self.generator_ba(fake_b, training=True)
        cycled_b = self.generator_ab(fake_a, training=True)
        return Translations(fake_a, fake_b, cycled_a, cycled_b, same_a, same_b)

    def _translated(self, network, source, target):
        """The translation of `source`, and what the network makes of its own target's set."""
        if not self.identity_weight:
            return network(source, training=True), target
        return both(network, source, target)

    def call(self, inputs, training=False):
        return self.generator_ab(inputs, training=training)

    def translate(self, images, *, direction="ab", size=None):
        """Pictures of one domain to the other, any size.

        Args:
            images: float (N, H, W, channels) in [-1, 1], or one picture (H, W, channels).
            direction: "ab" or "ba".
            size: "trained", also where not given, scales pictures to the size the model was
                trained at, and translations back; "own" leaves them as they are, but for sides
                that are no multiple of `stride` or smaller than `smallest`, which are padded by
                reflection and cropped back.

        Returns:
            float32, shaped like `images` but for the channels.

        Raises:
            ValueError: for another direction, size or shape.
        """
        check_choice("direction", direction, ("ab", "ba"))
        return self.in_full(f"generator_{direction}", images, size=size)

    def side_by_side(self, batch):
        """Columns of a grid: A, its translation, that back again, and the same of B.

        Args:
            batch: as `batch_spec` says.

        Returns:
            A list of six float32 arrays (N, H, W, channels).
        """
        columns = []
        for image, there, back in zip(batch, ("ab", "ba"), ("ba", "ab"), strict=True):
            translated = self.translate(image, direction=there)
            columns += [np.asarray(image), translated, self.translate(translated, direction=back)]
        return columns


class DiscriminatorsFirstGAN(UnpairedGAN):
    """The game with both discriminators before the generators, who learn from what they became.

    Discriminators are shown the translations of this step: there are no pools.

    Args:
        **kwargs: those of `keras_gans.GAN`.
    """

    def judged(self, real_a, real_b, made):
        return self.discriminator_loss(real_a, real_b, made.fake_a, made.fake_b)

    def train_step(self, batch):
        return self.discriminators_first(batch)


class TakingTurnsGAN(UnpairedGAN):
    """The game in which one player learns from each batch: of `update_interval`, D from the last.

    A family sets `update_interval` besides, and states `both_losses` in place of a loss for each
    player: both read the same judgements. There are no pools.

    Args:
        **kwargs: those of `keras_gans.GAN`.
    """

    update_interval = 2

    def both_losses(self, real_a, real_b, made):
        """The paper's losses of a batch.

        Args:
            real_a: (N, H, W, C).
            real_b: (N, H, W, C'), unrelated.
            made: `Translations` of them.

        Returns:
            The generators' `Loss`, and the discriminators' with the logits of both.
        """
        raise NotImplementedError(f"{type(self).__name__} must state its losses.")

    def train_step(self, batch):
        real_a, real_b = self.checked(batch)
        step = tf.convert_to_tensor(self.step.value)
        return tf.cond(
            (step + 1) % self.update_interval == 0,
            lambda: self._turn("discriminator", real_a, real_b),
            lambda: self._turn("generator", real_a, real_b),
        )

    def _turn(self, player, real_a, real_b):
        with tf.GradientTape() as tape:
            loss, judged = self.both_losses(real_a, real_b, self.made(real_a, real_b))
            value = {"generator": loss, "discriminator": judged}[player].value
        self.update(player, value, tape)
        return self.outcome(loss, judged)


class OneWayGAN(TwoSetsGAN):
    """A game of one generator, from the first set to the second, and one discriminator.

    A family sets besides the networks `generator` and `discriminator`, and states `made`, an object
    whose `fake_b` is the translation of a, `generator_loss` and `discriminator_loss`.

    Args:
        **kwargs: those of `keras_gans.GAN`.
    """

    def generator_loss(self, real_a, real_b, made):
        """The paper's loss of the generator, judged by the discriminator as it is now.

        Args:
            real_a: (N, H, W, C).
            real_b: (N, H, W, C'), unrelated.
            made: what `made` returned of them.

        Returns:
            A `Loss`.
        """
        raise NotImplementedError(f"{type(self).__name__} must state its generator's loss.")

    def discriminator_loss(self, real_b, fake_b):
        """The paper's loss of the discriminator.

        Returns:
            A `Loss` with its logits.
        """
        raise NotImplementedError(f"{type(self).__name__} must state its discriminator's loss.")

    def signature(self):
        return {"generator": self.translator("a", "b")}

    def judged(self, real_a, real_b, made):
        return self.discriminator_loss(real_b, made.fake_b)

    def train_step(self, batch):
        return self.discriminators_first(batch)

    def call(self, inputs, training=False):
        return self.generator(inputs, training=training)

    def translate(self, images, *, direction="ab", size=None):
        """Pictures of the first set to the second, any size.

        Args:
            images: float (N, H, W, channels) in [-1, 1], or one picture (H, W, channels).
            direction: "ab", the only one.
            size: as of `UnpairedGAN.translate`.

        Returns:
            float32, shaped like `images` but for the channels.

        Raises:
            ValueError: for another direction, size or shape.
        """
        if direction not in (None, "ab"):
            raise ValueError(
                f"{self.name} translates one way, 'ab', from the first set to the second. For the "
                "other train it with the sets exchanged, or use cyclegan. "
                f"Received: direction={direction!r}"
            )
        return self.in_full("generator", images, size=size)

    def side_by_side(self, batch):
        """Columns of a grid: A, its translation, and B, to which it should belong.

        Args:
            batch: as `batch_spec` says.

        Returns:
            A list of three float32 arrays (N, H, W, channels).
        """
        a, b = batch
        return [np.asarray(a), self.translate(a), np.asarray(b)]


def both(network, first, second):
    """Two passes as one over both: instance norm keeps pictures apart, and it is faster."""
    return tf.split(network(tf.concat([first, second], axis=0), training=True), 2)
