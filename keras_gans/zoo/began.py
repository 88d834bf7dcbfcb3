"""BEGAN: the autoencoder's errors on real and on generated pictures in balance.

The game, one update of each player per batch:

    D: min  L(x) - k L(G(z))                 L(x) = mean |x - D(x)|, z ~ U(-1, 1)
    G: min  L(G(z))
    k  <-   k + 0.001 (gamma L(x) - L(G(z))), kept in [0, 1]; 0 at first

D is an autoencoder; k grows where generated pictures are rebuilt too well. What D is logged as
saying is -L, and `convergence`, L(x) + |gamma L(x) - L(G(z))|, falls as the pictures get better.

Networks (64 x 64 pixels, h 128, z 64)

    G   z -> dense 8x8xh -> at 8, 16, 32 and 64 pixels two c3-h each, nearest neighbours between
        -> c3-3, linear
    D   encoder: c3-h -> at 64, 32, 16 and 8 pixels two c3 of h, 2h, 3h and 4h each, and another of
        stride 2 between -> dense 64; decoder: as G
    ELU after every convolution but the last.

Training: Adam 8e-5, beta_1 0.5, halved each 100,000 updates; batches of 16; gamma 0.5.

Paper:     Berthelot, Schumm & Metz, 2017, https://arxiv.org/abs/1703.10717
Reference: carpedm20/BEGAN-tensorflow (rates and their decay, whose floor of 2e-5 is left out)

D learns before G, which draws latents of its own, as everywhere in this zoo; the reference updates
both from the same forward pass. gamma is the ratio of the errors: low ones give pictures that are
alike, high ones variety.
"""

import keras
import tensorflow as tf
from keras import layers, ops

from keras_gans.games.adversarial import AdversarialGAN
from keras_gans.games.loss import Loss
from keras_gans.layers import Upsample2D
from keras_gans.optimizers import Adam
from keras_gans.utils.checks import check_doublings, check_positive, check_share, check_weight
from keras_gans.zoo._registry import register


def generator(latent_dim, image_size, image_channels, filters):
    """Latents (N, latent_dim) -> images (N, image_size, image_size, image_channels)."""
    latent = keras.Input((latent_dim,), name="latent")
    image = _decoded(latent, image_size, image_channels, filters, "image")
    return keras.Model(latent, image, name="generator")


def discriminator(latent_dim, image_size, image_channels, filters):
    """Images (N, side, side, channels) in [-1, 1] -> -L (N, 1)."""
    image = keras.Input((image_size, image_size, image_channels), name="image")
    levels = _levels(image_size)
    x = _conv(image, filters)
    for level in range(1, levels + 1):
        x = _conv(_conv(x, level * filters), level * filters)
        if level < levels:
            x = _conv(x, level * filters, strides=2)
    code = layers.Dense(latent_dim)(layers.Flatten()(x))
    again = _decoded(code, image_size, image_channels, filters, "again")
    error = ops.mean(ops.abs(again - ops.cast(image, "float32")), axis=(1, 2, 3))
    logits = layers.Reshape((1,), dtype="float32", name="logits")(-error)
    return keras.Model(image, logits, name="discriminator")


def _levels(image_size):
    """How many sizes of maps there are, the smallest of 8 to 14 pixels."""
    return check_doublings(image_size, 1, "D halves it down to 8 to 14 pixels")[1]


def _decoded(code, image_size, image_channels, filters, name):
    levels = _levels(image_size)
    start = image_size // 2 ** (levels - 1)
    x = layers.Dense(start * start * filters)(code)
    x = layers.Reshape((start, start, filters))(x)
    for level in range(levels):
        x = Upsample2D()(x) if level else x
        x = _conv(_conv(x, filters), filters)
    x = layers.Conv2D(image_channels, 3, padding="same")(x)
    return layers.Activation("linear", dtype="float32", name=name)(x)


def _conv(x, width, strides=1):
    return layers.Conv2D(width, 3, strides=strides, padding="same", activation="elu")(x)


@keras.saving.register_keras_serializable("keras_gans")
class BEGAN(AdversarialGAN):
    """Boundary equilibrium GAN, see the module's docstring for the game and the networks.

    Args:
        image_size: side of the square pictures: 4, 5, 6 or 7 times a power of two, at least 8.
        image_channels: 3 for colour, 1 for grey.
        latent_dim: length of z, and of D's code.
        filters: h, the feature maps of G.
        gamma: what L(G(z)) / L(x) is held at, from 0 to 1.
        balance_rate: of k, its change for a difference of 1.
        **kwargs: the tricks (`keras_gans.games.tricks.Tricks`) and those of `keras_gans.GAN`.

    Raises:
        ValueError: for an `image_size` the networks cannot build, weights that cannot be, or
            another `objective`, which would know nothing of the balance.
    """

    batch_size = 16
    # Errors have no boundary between real and fake.
    paper_tricks = {"objective": "wasserstein", "latent_distribution": "uniform"}
    only_its_own_loss = True
    logged = (*AdversarialGAN.logged, "k", "convergence")
    losses_in_words = (
        "Losses are means over the images of a batch, of mean absolute errors of the autoencoder. "
        "k is the weight of those of generated images; convergence falls as they get better."
    )

    def __init__(
        self,
        image_size=64,
        image_channels=3,
        *,
        latent_dim=64,
        filters=128,
        gamma=0.5,
        balance_rate=1e-3,
        **kwargs,
    ):
        check_positive("filters", filters)
        check_share("gamma", gamma)
        check_weight("balance_rate", balance_rate)
        super().__init__(**kwargs)
        self.image_size, self.image_channels = image_size, image_channels
        self.latent_dim, self.filters = latent_dim, filters
        self.gamma, self.balance_rate = gamma, balance_rate
        self.k = self.add_weight(
            shape=(), initializer="zeros", trainable=False, name="k", aggregation="mean"
        )
        self.set_players(
            generator(latent_dim, image_size, image_channels, filters),
            discriminator(latent_dim, image_size, self.judged_channels, filters),
        )

    def discriminator_loss(self, real, fake):
        real_logits, fake_logits = self.judge_both(real, fake)
        k = tf.convert_to_tensor(self.k.value)
        return Loss(ops.mean(-real_logits) + k * ops.mean(fake_logits), real_logits, fake_logits)

    def generator_loss(self, real, fake):
        return Loss(ops.mean(-self.judge(fake)))

    def report(self, *, real_logits, generator_loss, **values):  # type: ignore[override]
        error = ops.mean(-real_logits)
        apart = self.gamma * error - generator_loss
        k = ops.clip(tf.convert_to_tensor(self.k.value) + self.balance_rate * apart, 0.0, 1.0)
        self.k.assign(k)
        return super().report(
            real_logits=real_logits,
            generator_loss=generator_loss,
            k=k,
            convergence=error + ops.abs(apart),
            **values,
        )

    def optimizers(self, images=None):
        decay = keras.optimizers.schedules.ExponentialDecay(8e-5, 100_000, 0.5, staircase=True)
        return {player: Adam(decay, beta_1=0.5, name=player) for player in self.players}


_ENTRY: dict = {
    "task": "unconditional",
    "paper": "Berthelot, Schumm & Metz, 2017, https://arxiv.org/abs/1703.10717",
    "tiny": {"image_size": 16, "latent_dim": 8, "filters": 4},
}

register("began", BEGAN, parameters={"generator": 1_716_611, "discriminator": 13_405_379}, **_ENTRY)
register(
    "began_fashion",
    BEGAN,
    parameters={"generator": 444_961, "discriminator": 1_331_329},
    recipe={"data": "tfds:fashion_mnist", "epochs": 10},
    **_ENTRY,
    data="bundled:fashion_mnist",
    image_size=28,
    image_channels=1,
    filters=32,
    ema_decay=0.999,
)
register(
    "began_avatars",
    BEGAN,
    parameters={"generator": 207_971, "discriminator": 1_333_091},
    recipe={"epochs": 30},
    **_ENTRY,
    data="bundled:avatars",
    filters=32,
    ema_decay=0.999,
)
