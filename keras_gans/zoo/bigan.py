"""BiGAN: an encoder beside the generator, and a discriminator of pictures and their latents.

The game, one update of each side per batch; E: the encoder, which learns with G:

    D:    min  -mean(log D(x, E(x))) - mean(log(1 - D(G(z), z)))         z ~ U(-1, 1)
    G, E: min  -mean(log D(G(z), z)) - mean(log(1 - D(x, E(x))))

Where D cannot tell the two kinds of pairs apart, E is G's inverse. `encode` gives pictures'
latents, and `sample(latents=...)` draws them again: the same kind of thing, not the same picture.

Networks (28 x 28 pixels); all layers dense

    G   z 50 -> 1024 -> 1024 -> 784, tanh           ReLU; batch norm after the second
    E   784 -> 1024 -> 1024 -> 50                   leaky ReLU 0.2; batch norm likewise
    D   784 and 50 -> 1024 -> 1024 -> 1 logit       leaky ReLU 0.2; batch norm likewise

Training: Adam 2e-4, beta_1 0.5; batches of 128.

Paper: Donahue, Kraehenbuehl & Darrell, 2016, https://arxiv.org/abs/1605.09782 (section 4.1 and
       appendix; the same game: Dumoulin et al., 2016, https://arxiv.org/abs/1606.00704, "ALI")

Departures: G and E also minimise the logarithms the other way round, as the paper does against
saturation (equation 8); rates do not decay; the encoder's output is not normalised. `bigan_fashion`
has half the units.
"""

import keras
import numpy as np
from keras import layers

from keras_gans import losses
from keras_gans.games.adversarial import AdversarialGAN
from keras_gans.games.loss import Loss, Samples
from keras_gans.layers import BatchNorm
from keras_gans.optimizers import Adam
from keras_gans.utils.checks import check_positive
from keras_gans.zoo._registry import register


def generator(latent_dim, shape, units):
    """Latents (N, latent_dim) -> images (N, *shape) in [-1, 1]."""
    latent = keras.Input((latent_dim,), name="latent")
    x = layers.ReLU()(_dense(units)(latent))
    x = layers.ReLU()(BatchNorm()(_dense(units)(x)))
    x = layers.Reshape(shape)(_dense(int(np.prod(shape)))(x))
    image = layers.Activation("tanh", dtype="float32", name="image")(x)
    return keras.Model(latent, image, name="generator")


def encoder(latent_dim, shape, units):
    """Images (N, *shape) in [-1, 1] -> latents (N, latent_dim)."""
    image = keras.Input(shape, name="image")
    x = _hidden(layers.Flatten()(image), units)
    latent = _dense(latent_dim, dtype="float32", name="latent")(x)
    return keras.Model(image, latent, name="encoder")


def discriminator(latent_dim, shape, units):
    """Images (N, *shape) in [-1, 1] and latents (N, latent_dim) -> logits (N, 1)."""
    image = keras.Input(shape, name="image")
    latent = keras.Input((latent_dim,), name="latent")
    x = _hidden(layers.Concatenate()([layers.Flatten()(image), latent]), units)
    logits = _dense(1, dtype="float32", name="logits")(x)
    return keras.Model([image, latent], logits, name="discriminator")


def _hidden(x, units):
    x = layers.LeakyReLU(0.2)(_dense(units)(x))
    return layers.LeakyReLU(0.2)(BatchNorm()(_dense(units)(x)))


def _dense(units, **kwargs):
    kernel = keras.initializers.RandomNormal(0.0, 0.02)
    return layers.Dense(units, kernel_initializer=kernel, **kwargs)


@keras.saving.register_keras_serializable("keras_gans")
class BiGAN(AdversarialGAN):
    """Bidirectional GAN, see the module's docstring for the game and the networks.

    Args:
        image_size: side of the square pictures.
        image_channels: 3 for colour, 1 for grey.
        latent_dim: length of z.
        units: of the hidden layers.
        **kwargs: the tricks (`keras_gans.games.tricks.Tricks`) and those of `keras_gans.GAN`.

    Raises:
        ValueError: for sizes below 1, `replay` or `packing`, which know nothing of latents, or
            another `objective`, which would leave the encoder out.
    """

    players = {"generator": ("generator", "encoder"), "discriminator": ("discriminator",)}
    batch_size = 128
    only_its_own_loss = True
    paper_tricks = {"latent_distribution": "uniform"}
    losses_in_words = (
        "Losses are means over the images of a batch. The generator's is also the encoder's: the "
        "sum of its loss on generated images with their latents and on real images with theirs."
    )

    def __init__(self, image_size=28, image_channels=1, *, latent_dim=50, units=1024, **kwargs):
        check_positive("image_size", image_size)
        check_positive("units", units)
        super().__init__(**kwargs)
        if self.tricks.replay or self.tricks.packing > 1:
            raise ValueError(
                "`replay` and `packing` show D other pictures than those whose latents it is "
                f"shown. Use replay=0 and packing=1 with {type(self).__name__}."
            )
        self.image_size, self.image_channels = image_size, image_channels
        self.latent_dim, self.units = latent_dim, units
        shape = (image_size, image_size, image_channels)
        self.encoder = encoder(latent_dim, shape, units)
        self.set_players(
            generator(latent_dim, shape, units), discriminator(latent_dim, shape, units)
        )

    # In this game the labels of `Samples` are the latents that belong to the pictures.

    def _samples(self, batch, draw):
        return Samples(batch, self.encoder(batch, training=True), draw)

    def generated(self, like, batches=1):
        latents = self.latents(like.count * batches, like.draw)
        return Samples(self.generator(latents, training=True), latents, like.draw)

    def discriminator_loss(self, real, fake):
        real_logits, fake_logits = self.judge_both(real, fake)
        return Loss(losses.logistic(real_logits, fake_logits), real_logits, fake_logits)

    def generator_loss(self, real, fake):
        encoded = Samples(real.images, self.encoder(real.images, training=True), real.draw)
        of_real, of_fake = self.judge_both(encoded, fake)
        return Loss(losses.non_saturating(of_fake) + losses.non_saturating(-of_real))

    def optimizers(self, images=None):
        return {player: Adam(2e-4, beta_1=0.5, name=player) for player in self.players}

    def encode(self, images):
        """Latents of pictures, of which `sample(latents=...)` draws such pictures again.

        Args:
            images: float (N, image_size, image_size, image_channels) in [-1, 1].

        Returns:
            float32 (N, latent_dim).

        Raises:
            ValueError: for pictures of another shape.
        """
        images = np.asarray(images, "float32")
        expected = self.encoder.inputs[0].shape[1:]
        if images.ndim != 4 or images.shape[1:] != expected:
            raise ValueError(
                f"`images` must be (N, {', '.join(map(str, expected))}) in [-1, 1]. "
                f"Received: {images.shape}"
            )
        return self.in_chunks(self.encoder, images)


_ENTRY: dict = {
    "task": "unconditional",
    "paper": "Donahue, Kraehenbuehl & Darrell, 2016, https://arxiv.org/abs/1605.09782",
    "tiny": {"image_size": 16, "image_channels": 3, "latent_dim": 8, "units": 16},
}

register(
    "bigan",
    BiGAN,
    parameters={"generator": 1_907_472, "encoder": 1_906_738, "discriminator": 1_907_713},
    **_ENTRY,
)
register(
    "bigan_fashion",
    BiGAN,
    parameters={"generator": 691_984, "encoder": 691_250, "discriminator": 691_713},
    recipe={"data": "tfds:fashion_mnist", "epochs": 40},
    **_ENTRY,
    data="bundled:fashion_mnist",
    units=512,
    ema_decay=0.999,
)
