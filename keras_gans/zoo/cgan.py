"""Conditional GAN: the class goes into both players.

The game, `discriminator_steps` updates of D, then one of G, with x of class y:

    D: min  (-mean(log D(x | y)) - mean(log(1 - D(G(z | y) | y)))) / 2      z ~ N(0, I)
    G: min  -mean(log D(G(z | y) | y))       `objective="non_saturating"`
       min  mean(log(1 - D(G(z | y) | y)))   `objective="minimax"`, equation 2

Networks (MNIST); y is a one-hot code, of several labels one beside the other, attributes as 0 or 1

    G   z 100 -> 200 ReLU, y -> 1000 ReLU, both -> 1200 ReLU -> 784 sigmoid
    D   x 784 -> maxout 240 x 5, y -> maxout 50 x 5, both -> maxout 240 x 4 -> 1 logit
    Dropout 0.5 at the hidden layers of both. The paper's pixels are in [0, 1]; both networks
    rescale, so that pictures are in [-1, 1] at the edges like everywhere in the zoo.

Training: SGD, batches of 100, learning rate 0.1 divided by 1.00004 at every update down to 1e-6
(the GAN paper's code has 1.000004), momentum from 0.5 to 0.7.

Paper: Mirza & Osindero, 2014, https://arxiv.org/abs/1411.1784 (section 4.1). No code was
published. What the paper leaves open follows the GAN paper's code, on which it builds: the
alternating order, the halved discriminator loss, weights U(-0.05, 0.05) in G and U(-0.005, 0.005)
in D, the 125,000 updates over which the momentum grows.

Departures: z is normal (paper: uniform in the unit hypercube), like everywhere in the zoo; the
generator learns by the non-saturating loss unless asked for the paper's equation.
"""

import keras
import numpy as np
from keras import layers

from keras_gans import losses
from keras_gans.games.adversarial import ConditionalGAN
from keras_gans.games.loss import Loss
from keras_gans.layers import Dropout, Maxout
from keras_gans.optimizers import FlooredDecay, RampedSGD
from keras_gans.utils.checks import check_length
from keras_gans.zoo._registry import register


def generator(latent_dim, conditions, image_size, image_channels, units):
    """Latents (N, latent_dim) and labels -> images (N, side, side, channels) in [-1, 1]."""
    latent_units, label_units, joint_units = units
    shape = (image_size, image_size, image_channels)
    latent = keras.Input((latent_dim,), name="latent")
    label = conditions.input()
    joint = layers.Concatenate()(
        [
            Dropout(0.5)(_relu(latent_units)(latent)),
            Dropout(0.5)(_relu(label_units)(conditions.code(label))),
        ]
    )
    x = Dropout(0.5)(_relu(joint_units)(joint))
    x = layers.Dense(int(np.prod(shape)), kernel_initializer=_uniform(0.05))(x)
    x = layers.Activation("sigmoid", dtype="float32")(x)
    image = layers.Rescaling(2.0, offset=-1.0, dtype="float32", name="image")(
        layers.Reshape(shape, dtype="float32")(x)
    )
    return keras.Model([latent, label], image, name="generator")


def discriminator(conditions, image_size, image_channels, units):
    """Images (N, side, side, channels) in [-1, 1] and labels -> logits (N, 1)."""
    image_units, label_units, joint_units = units
    image = keras.Input((image_size, image_size, image_channels), name="image")
    label = conditions.input()
    pixels = layers.Flatten()(layers.Rescaling(0.5, offset=0.5)(image))
    joint = layers.Concatenate()(
        [
            Dropout(0.5)(_maxout(image_units, 5)(pixels)),
            Dropout(0.5)(_maxout(label_units, 5)(conditions.code(label))),
        ]
    )
    x = Dropout(0.5)(_maxout(joint_units, 4)(joint))
    logits = layers.Dense(1, kernel_initializer=_uniform(0.005), dtype="float32", name="logits")(x)
    return keras.Model([image, label], logits, name="discriminator")


def _uniform(limit):
    return keras.initializers.RandomUniform(-limit, limit)


def _relu(units):
    return layers.Dense(units, activation="relu", kernel_initializer=_uniform(0.05))


def _maxout(units, pieces):
    return Maxout(units, pieces, kernel_initializer=_uniform(0.005))


@keras.saving.register_keras_serializable("keras_gans")
class CGAN(ConditionalGAN):
    """Conditional GAN, see the module's docstring for the game and the networks.

    Args:
        num_classes: classes the labels, integers from 0, stand for; a tuple for several heads,
            labels (N, heads); 0 for none.
        image_size: side of the square pictures.
        image_channels: 1 for grey, 3 for colour.
        latent_dim: length of z.
        generator_units: widths of G's latent, label and joint layers.
        discriminator_units: widths of D's image, label and joint maxout layers.
        num_attributes: binary attributes, further columns of the labels, see
            `keras_gans.core.conditioning`.
        **kwargs: the tricks (`keras_gans.games.tricks.Tricks`) and those of `keras_gans.GAN`.

    Raises:
        ValueError: for tricks that cannot be, or neither classes nor attributes.
    """

    batch_size = 100
    discriminator_loss_weight = 0.5  # as the GAN paper's code has it
    losses_in_words = (
        "Losses are means over the images of a batch. The discriminator's is half the sum of its "
        "loss on real and its loss on generated images: twice it compares with that of families "
        "which take the sum."
    )

    def __init__(
        self,
        num_classes=10,
        image_size=28,
        image_channels=1,
        *,
        latent_dim=100,
        generator_units=(200, 1000, 1200),
        discriminator_units=(240, 50, 240),
        num_attributes=0,
        **kwargs,
    ):
        check_length("generator_units", generator_units, 3)
        check_length("discriminator_units", discriminator_units, 3)
        super().__init__(**kwargs)
        conditions = self.set_conditions(num_classes, num_attributes)
        self.image_size, self.image_channels = image_size, image_channels
        self.latent_dim = latent_dim
        self.generator_units = tuple(generator_units)
        self.discriminator_units = tuple(discriminator_units)
        self.set_players(
            generator(latent_dim, conditions, image_size, image_channels, self.generator_units),
            discriminator(conditions, image_size, image_channels, self.discriminator_units),
        )

    def optimizers(self, images=None):
        return {
            player: RampedSGD(FlooredDecay(factor=1.00004), name=player) for player in self.players
        }

    def discriminator_loss(self, real, fake):
        real_logits, fake_logits = self.judge_both(real, fake)
        return Loss(0.5 * losses.logistic(real_logits, fake_logits), real_logits, fake_logits)

    def generator_loss(self, real, fake):
        return Loss(losses.non_saturating(self.judge(fake)))


_ENTRY: dict = {
    "task": "class_conditional",
    "paper": "Mirza & Osindero, 2014, https://arxiv.org/abs/1411.1784",
    "tiny": {
        "image_size": 8,
        "latent_dim": 8,
        "generator_units": (32, 64, 64),
        "discriminator_units": (64, 32, 64),
    },
}

register(
    "cgan",
    CGAN,
    parameters={"generator": 2_413_984, "discriminator": 1_224_351},
    **_ENTRY,
    data="tfds:mnist",
)
register(
    "cgan_fashion",
    CGAN,
    parameters={"generator": 2_413_984, "discriminator": 1_224_351},
    **_ENTRY,
    data="bundled:fashion_mnist",
)
