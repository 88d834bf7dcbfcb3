"""Conditional DCGAN: the convolutional GAN that draws what it is asked for.

The game, one update of each player per batch, with x of class y:

    D: min  -mean(log D(x, y)) - mean(log(1 - D(G(z, y), y)))   z ~ N(0, I)
    G: min  -mean(log D(G(z, y), y))                       the same fakes, D as just updated

Networks: DCGAN's (see `keras_gans.zoo.dcgan`), and the class goes into both players as in the
conditional GAN, as more input: its one-hot code beside z for the generator, and beside the
pixels, as constant maps of the picture's size, for the discriminator. Of several labels the codes
stand side by side, attributes as 0 or 1.

Papers: Mirza & Osindero, 2014, https://arxiv.org/abs/1411.1784 (the game)
        Radford, Metz & Chintala, 2015, https://arxiv.org/abs/1511.06434 (the networks)

No paper defines this network: it is the combination in common use. Initialisation, optimizers
and order of updates are those of our DCGAN. `cdcgan_fashion` is sized for small grey pictures and
two CPU cores, `cdcgan_avatars` for drawn faces asked for by hair, hair colour, skin, glasses,
smile, beard and earrings; both sample from averaged weights.
"""

import keras
from keras import layers

from keras_gans import losses
from keras_gans.games.adversarial import ConditionalGAN
from keras_gans.games.loss import Loss
from keras_gans.layers import BatchNorm
from keras_gans.optimizers import Adam
from keras_gans.utils.checks import check_doublings
from keras_gans.zoo._registry import register


def block_widths(image_size, filters):
    """Feature maps of the generator's blocks, and the side of the first.

    The side doubles with every block from one of 4 to 7 up to `image_size`.

    Raises:
        ValueError: for a side that does not halve down to 4, 5, 6 or 7, with the next that does.
    """
    start, doublings = check_doublings(image_size, 1, "every block doubles it")
    return start, [filters * 2**n for n in reversed(range(doublings))]


def generator(latent_dim, conditions, image_size, image_channels, filters):
    """Latents (N, latent_dim) and labels -> images (N, side, side, channels) in [-1, 1]."""
    start, widths = block_widths(image_size, filters)
    latent = keras.Input((latent_dim,), name="latent")
    label = conditions.input()
    x = layers.Concatenate()([latent, conditions.code(label)])
    x = layers.Dense(start * start * widths[0], use_bias=False, kernel_initializer=_normal())(x)
    x = layers.Reshape((start, start, widths[0]))(x)
    x = layers.ReLU()(_batch_norm()(x))
    for width in widths[1:]:
        x = _upsample(width)(x)
        x = layers.ReLU()(_batch_norm()(x))
    x = _upsample(image_channels)(x)
    image = layers.Activation("tanh", dtype="float32", name="image")(x)
    return keras.Model([latent, label], image, name="generator")


def discriminator(conditions, image_size, image_channels, filters):
    """Images (N, side, side, channels) in [-1, 1] and labels -> logits (N, 1)."""
    _, widths = block_widths(image_size, filters)
    image = keras.Input((image_size, image_size, image_channels), name="image")
    label = conditions.input()
    maps = layers.RepeatVector(image_size**2)(conditions.code(label))
    maps = layers.Reshape((image_size, image_size, conditions.code_length))(maps)
    x = layers.Concatenate()([image, maps])
    x = layers.LeakyReLU(0.2)(_downsample(filters)(x))
    for width in widths[-2::-1]:
        x = _downsample(width)(x)
        x = layers.LeakyReLU(0.2)(_batch_norm()(x))
    x = layers.Flatten()(x)
    logits = layers.Dense(
        1, use_bias=False, kernel_initializer=_normal(), dtype="float32", name="logits"
    )(x)
    return keras.Model([image, label], logits, name="discriminator")


def _normal(mean=0.0):
    return keras.initializers.RandomNormal(mean, 0.02)


def _batch_norm():
    return BatchNorm(gamma_initializer=_normal(1.0))


def _upsample(width):
    return layers.Conv2DTranspose(
        width, 4, strides=2, padding="same", use_bias=False, kernel_initializer=_normal()
    )


def _downsample(width):
    return layers.Conv2D(
        width, 4, strides=2, padding="same", use_bias=False, kernel_initializer=_normal()
    )


@keras.saving.register_keras_serializable("keras_gans")
class CDCGAN(ConditionalGAN):
    """Conditional DCGAN, see the module's docstring for the game and the networks.

    Args:
        num_classes: classes the labels, integers from 0, stand for; a tuple for several heads,
            labels (N, heads); 0 for none.
        image_size: side of the square pictures: 4, 5, 6 or 7 times a power of two.
        image_channels: 3 for colour, 1 for grey.
        latent_dim: length of z.
        filters: feature maps at half the picture's side; they double as the side halves.
        num_attributes: binary attributes, further columns of the labels, see
            `keras_gans.core.conditioning`.
        **kwargs: the tricks (`keras_gans.games.tricks.Tricks`) and those of `keras_gans.GAN`.

    Raises:
        ValueError: for an `image_size` the networks cannot build, or neither classes nor
            attributes.
    """

    shares_fakes = True

    def __init__(
        self,
        num_classes=10,
        image_size=64,
        image_channels=3,
        *,
        latent_dim=100,
        filters=64,
        num_attributes=0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        conditions = self.set_conditions(num_classes, num_attributes)
        self.image_size, self.image_channels = image_size, image_channels
        self.latent_dim, self.filters = latent_dim, filters
        self.set_players(
            generator(latent_dim, conditions, image_size, image_channels, filters),
            discriminator(conditions, image_size, image_channels, filters),
        )

    def optimizers(self, images=None):
        return {player: Adam(2e-4, beta_1=0.5, name=player) for player in self.players}

    def discriminator_loss(self, real, fake):
        real_logits, fake_logits = self.judge_both(real, fake)
        return Loss(losses.logistic(real_logits, fake_logits), real_logits, fake_logits)

    def generator_loss(self, real, fake):
        return Loss(losses.non_saturating(self.judge(fake)))


_ENTRY: dict = {
    "task": "class_conditional",
    "paper": "Mirza & Osindero, 2014, https://arxiv.org/abs/1411.1784, with the networks of "
    "Radford, Metz & Chintala, 2015, https://arxiv.org/abs/1511.06434",
}

register(
    "cdcgan",
    CDCGAN,
    parameters={"generator": 3_658_624, "discriminator": 2_775_808},
    **_ENTRY,
    tiny={"image_size": 16, "filters": 4, "latent_dim": 8},
)
register(
    "cdcgan_fashion",
    CDCGAN,
    parameters={"generator": 822_400, "discriminator": 148_864},
    recipe={"data": "tfds:fashion_mnist", "epochs": 44},
    **_ENTRY,
    data="bundled:fashion_mnist",
    tiny={"filters": 4, "latent_dim": 8},
    image_size=28,
    image_channels=1,
    ema_decay=0.999,
)
register(
    "cdcgan_avatars",
    CDCGAN,
    parameters={"generator": 1_186_240, "discriminator": 705_408},
    recipe={"epochs": 60},
    **_ENTRY,
    data="bundled:avatars",
    tiny={"image_size": 16, "filters": 4, "latent_dim": 8},
    num_classes=(6, 8, 3),
    num_attributes=4,
    filters=32,
    ema_decay=0.999,
)
