"""GAN: the first one, of dense networks.

The game of Algorithm 1, `discriminator_steps` (the paper's k) updates of D, then one of G, each
on fresh noise and, for D, on fresh real images:

    D: min  (-mean(log D(x)) - mean(log(1 - D(G(z))))) / 2         x real, z ~ N(0, I)
    G: min  -mean(log D(G(z)))      `objective="non_saturating"`, what the paper trains with
       min  mean(log(1 - D(G(z))))  `objective="minimax"`, the zero-sum game of equation 1

Networks (MNIST)

    G   z 100 -> 1200 ReLU -> 1200 ReLU -> 784 sigmoid; weights U(-0.05, 0.05)
    D   784 -> maxout 240 x 5 -> maxout 240 x 5 -> 1 logit; weights U(-0.005, 0.005);
        dropout 0.2 at the input and 0.5 at the hidden layers, also while G learns
    The papers' pixels are in [0, 1]; both networks rescale, so that pictures are in [-1, 1]
    at the edges like everywhere in the zoo.

Training: SGD, batches of 100, learning rate 0.1 divided by 1.000004 at every update down to
1e-6, momentum from 0.5 to 0.7 over 250 epochs of 500 updates.

Paper:     Goodfellow et al., 2014, https://arxiv.org/abs/1406.2661
Reference: goodfeli/adversarial, mnist.yaml and __init__.py

Where they disagree: the paper's Algorithm 1 alternates, its code updates both players from one
forward pass; the paper is followed. The code halves D's loss, the paper does not; the code is
followed, because its learning rate belongs to it.

Departures: z is normal (also the code's default); G's output biases start at zero instead of the
training set's mean picture, because a network is built before it sees data.
"""

import keras
import numpy as np
from keras import layers

from keras_gans import losses
from keras_gans.games.adversarial import AdversarialGAN
from keras_gans.games.loss import Loss
from keras_gans.layers import Dropout, Maxout
from keras_gans.optimizers import FlooredDecay, RampedSGD
from keras_gans.zoo._registry import register


def generator(latent_dim, image_size, image_channels, units):
    """Latents (N, latent_dim) -> images (N, image_size, image_size, image_channels) in [-1, 1]."""
    shape = (image_size, image_size, image_channels)
    latent = keras.Input((latent_dim,), name="latent")
    x = layers.Dense(units, activation="relu", kernel_initializer=_uniform(0.05))(latent)
    x = layers.Dense(units, activation="relu", kernel_initializer=_uniform(0.05))(x)
    x = layers.Dense(int(np.prod(shape)), kernel_initializer=_uniform(0.05))(x)
    x = layers.Activation("sigmoid", dtype="float32")(x)
    image = layers.Rescaling(2.0, offset=-1.0, dtype="float32", name="image")(
        layers.Reshape(shape, dtype="float32")(x)
    )
    return keras.Model(latent, image, name="generator")


def discriminator(image_size, image_channels, units, pieces):
    """Images (N, image_size, image_size, image_channels) in [-1, 1] -> logits (N, 1)."""
    image = keras.Input((image_size, image_size, image_channels), name="image")
    x = layers.Flatten()(layers.Rescaling(0.5, offset=0.5)(image))
    x = Dropout(0.2)(x)
    for _ in range(2):
        x = Maxout(units, pieces, kernel_initializer=_uniform(0.005))(x)
        x = Dropout(0.5)(x)
    logits = layers.Dense(1, kernel_initializer=_uniform(0.005), dtype="float32", name="logits")(x)
    return keras.Model(image, logits, name="discriminator")


def _uniform(limit):
    return keras.initializers.RandomUniform(-limit, limit)


@keras.saving.register_keras_serializable("keras_gans")
class VanillaGAN(AdversarialGAN):
    """The GAN of 2014, see the module's docstring for the game and the networks.

    Args:
        image_size: side of the square pictures.
        image_channels: 1 for grey, 3 for colour.
        latent_dim: length of z.
        generator_units: width of G's two hidden layers.
        discriminator_units: width of D's two maxout layers, 5 pieces each.
        **kwargs: the tricks (`keras_gans.games.tricks.Tricks`) and those of `keras_gans.GAN`.

    Raises:
        ValueError: for tricks that cannot be.
    """

    batch_size = 100
    discriminator_loss_weight = 0.5  # as the authors' code has it
    losses_in_words = (
        "Losses are means over the images of a batch. The discriminator's is half the sum of its "
        "loss on real and its loss on generated images: twice it compares with that of families "
        "which take the sum."
    )

    def __init__(
        self,
        image_size=28,
        image_channels=1,
        *,
        latent_dim=100,
        generator_units=1200,
        discriminator_units=240,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.image_size, self.image_channels = image_size, image_channels
        self.latent_dim = latent_dim
        self.generator_units, self.discriminator_units = generator_units, discriminator_units
        self.set_players(
            generator(latent_dim, image_size, image_channels, generator_units),
            discriminator(image_size, self.judged_channels, discriminator_units, 5),
        )

    def optimizers(self, images=None):
        return {player: RampedSGD(FlooredDecay(), name=player) for player in self.players}

    def discriminator_loss(self, real, fake):
        real_logits, fake_logits = self.judge_both(real, fake)
        return Loss(0.5 * losses.logistic(real_logits, fake_logits), real_logits, fake_logits)

    def generator_loss(self, real, fake):
        return Loss(losses.non_saturating(self.judge(fake)))


register(
    "gan",
    VanillaGAN,
    parameters={"generator": 2_503_984, "discriminator": 1_231_441},
    task="unconditional",
    paper="Goodfellow et al., 2014, https://arxiv.org/abs/1406.2661",
    data="tfds:mnist",
    tiny={
        "image_size": 8,
        "latent_dim": 8,
        "generator_units": 16,
        "discriminator_units": 8,
    },
)
