"""Two phases of translators to drawings: content alone, then the game."""

from typing import ClassVar

import keras
import tensorflow as tf
from keras import ops

from keras_gans.games.unpaired import OneWayGAN
from keras_gans.optimizers import Adam
from keras_gans.zoo._perceptual import ContentAndStyle


class ContentFirstGAN(OneWayGAN):
    """A one-way game before which G alone learns to keep what a picture shows.

    Chen, Lai & Liu, 2018 (CartoonGAN, CVPR), section 3.3.

    A family sets besides `perceptual_loss`, `content_weight`, `content_steps` and
    `adversarial_steps`.

    Args:
        **kwargs: those of `keras_gans.GAN`.
    """

    perceptual_loss: ContentAndStyle
    content_weight: float
    content_steps: int
    adversarial_steps: int

    #: Learning rates: of G on content, and of both players in the game.
    rates: ClassVar[dict] = {"content": 2e-4, "generator": 2e-4, "discriminator": 2e-4}

    def made(self, real_a, real_b):
        return _Made(self.generator(real_a, training=True))

    def phase_lengths(self, images=None):
        """Updates of the phase on content, and of the game, in a run of so many images."""
        steps = self.steps_of(images)
        if steps is None:
            return self.content_steps, self.adversarial_steps
        whole = self.content_steps + self.adversarial_steps
        first = min(round(steps * self.content_steps / whole), steps - 1)
        return first, steps - first

    def optimizers(self, images=None):
        first, _ = self.phase_lengths(images)
        rate = self.rates["generator"]
        if first and rate != self.rates["content"]:
            schedule = keras.optimizers.schedules.PiecewiseConstantDecay
            rate = schedule([first - 1], [self.rates["content"], rate])
        return {
            "generator": Adam(rate, beta_1=0.5, name="generator"),
            "discriminator": Adam(self.rates["discriminator"], beta_1=0.5, name="discriminator"),
        }

    def make_train_function(self, force=False):
        self.perceptual_loss.load()  # its weights belong to no replica
        return super().make_train_function(force)

    def train_step(self, batch):
        first, _ = self.phase_lengths(self.run_images)
        if not first:
            return super().train_step(batch)
        on_content = tf.convert_to_tensor(self.step.value) < first
        return tf.cond(
            on_content,
            lambda: self._content_step(batch),
            lambda: OneWayGAN.train_step(self, batch),
        )

    def _content_step(self, batch):
        real_a, _ = self.checked(batch)
        with tf.GradientTape() as tape:
            fake = self.generator(real_a, training=True)
            content_loss = self.perceptual_loss.content(real_a, fake)
            loss = self.content_weight * content_loss
        self.update("generator", loss, tape)
        silent = {name: ops.zeros(()) for name in self.logged if name != "loss"}
        return self.report(**{**silent, "generator_loss": loss, "content_loss": content_loss})


class _Made:
    """What G makes of photographs."""

    def __init__(self, fake_b):
        self.fake_b = fake_b
