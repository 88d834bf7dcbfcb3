"""EBGAN: a discriminator that is an autoencoder, whose error is an energy.

The game, one update of each player per batch:

    D: min  mean E(x) + mean(max(0, margin - E(G(z))))      E(x) = |D(x) - x|, the Euclidean norm
    G: min  mean E(G(z)) + 0.1 * PT                         z ~ N(0, I)
    PT = mean over pairs i != j of a batch of cos(s_i, s_j)^2,   s: the encoder's code of G(z)

D gives real pictures low energies, and fakes high ones, but not beyond the margin. PT, the
pulling-away term, keeps fakes of a batch apart. What D is logged as saying is -E.

Networks (64 x 64 pixels)

    G   DCGAN's of 1024-512-256-128 features: 4x4 transposed convolutions of stride 2
    D   64 -> 32x32x64 -> 16x16x128 -> 8x8x256 (the code) -> 16x16x128 -> 32x32x64 -> 64x64x3
        4x4 convolutions of stride 2 and transposed ones; batch norm after all but the first and the
        last, leaky ReLU 0.2 after all but the last
    No biases but the last one of D; kernels N(0, 0.02).

Training: Adam 2e-4, beta_1 0.5, batches of 64; the margin is 20, as for faces.

Paper: Zhao, Mathieu & LeCun, 2016, https://arxiv.org/abs/1609.03126 (sections 2.1 to 2.4)

The paper leaves rates and batches open: they are DCGAN's. The margin is of pictures of 64 x 64
pixels and three channels: for another size it is to be scaled by the square root of the number of
values (`margin=None` does that).
"""

import keras
from keras import layers, ops

from keras_gans.games.adversarial import AdversarialGAN
from keras_gans.games.loss import Loss
from keras_gans.layers import BatchNorm
from keras_gans.optimizers import Adam
from keras_gans.utils.checks import check_multiple, check_positive, check_weight
from keras_gans.zoo._registry import register
from keras_gans.zoo.dcgan import generator

_FACES = 64 * 64 * 3  # values of the pictures that the paper's margin is of


def discriminator(image_size, image_channels, filters, halvings):
    """Images (N, side, side, channels) in [-1, 1] -> -E (N, 1), codes (N, length)."""
    image = keras.Input((image_size, image_size, image_channels), name="image")
    x = layers.LeakyReLU(0.2)(_conv(filters)(image))
    for level in range(1, halvings):
        x = layers.LeakyReLU(0.2)(BatchNorm()(_conv(filters * 2**level)(x)))
    code = layers.Flatten(name="code")(x)
    for level in reversed(range(1, halvings)):
        x = layers.LeakyReLU(0.2)(BatchNorm()(_up(filters * 2 ** (level - 1))(x)))
    again = _up(image_channels, use_bias=True, name="again")(x)
    error = ops.cast(again, "float32") - ops.cast(image, "float32")
    energy = ops.sqrt(ops.sum(ops.square(error), axis=(1, 2, 3)) + 1e-12)
    logits = layers.Reshape((1,), dtype="float32", name="logits")(-energy)
    return keras.Model(image, [logits, code], name="discriminator")


def _conv(width):
    return layers.Conv2D(
        width, 4, strides=2, padding="same", use_bias=False, kernel_initializer=_normal()
    )


def _up(width, use_bias=False, name=None):
    return layers.Conv2DTranspose(
        *(width, 4),
        strides=2,
        padding="same",
        use_bias=use_bias,
        kernel_initializer=_normal(),
        name=name,
    )


def _normal():
    return keras.initializers.RandomNormal(0.0, 0.02)


def pulling_away(codes):
    """Mean squared cosine of any two rows: codes (N, length), N at least 2 -> a scalar."""
    codes = ops.cast(codes, "float32")
    unit = codes / ops.sqrt(ops.sum(ops.square(codes), axis=1, keepdims=True) + 1e-12)
    cosines = ops.square(ops.matmul(unit, ops.transpose(unit)))
    count = ops.cast(ops.shape(codes)[0], "float32")
    return (ops.sum(cosines) - ops.sum(ops.diagonal(cosines))) / (count * (count - 1.0))


@keras.saving.register_keras_serializable("keras_gans")
class EBGAN(AdversarialGAN):
    """Energy-based GAN, see the module's docstring for the game and the networks.

    Args:
        image_size: side of the square pictures: 4, 5, 6 or 7 times a power of two, and a multiple
            of 2 to the power of `halvings`.
        image_channels: 3 for colour, 1 for grey.
        latent_dim: length of z.
        generator_filters: feature maps of G at half the picture's side; they double as it halves.
        discriminator_filters: of D at half the picture's side, likewise.
        halvings: of the encoder; as many doublings follow.
        margin: energies of fakes above this are high enough; None for 20 at the paper's 64 x 64
            pixels and three channels, scaled to other sizes.
        pull_away: weight of the pulling-away term; 0 for none.
        **kwargs: the tricks (`keras_gans.games.tricks.Tricks`) and those of `keras_gans.GAN`.

    Raises:
        ValueError: for an `image_size` the networks cannot build, or weights that cannot be.
    """

    # Energies have no boundary between real and fake.
    paper_tricks = {"objective": "wasserstein"}
    logged = (*AdversarialGAN.logged, "pull_away_loss")
    losses_in_words = (
        "Losses are means over the images of a batch, of energies: Euclidean norms of what the "
        "autoencoder gets wrong. pull_away_loss is logged before it is multiplied by its weight."
    )

    def __init__(
        self,
        image_size=64,
        image_channels=3,
        *,
        latent_dim=100,
        generator_filters=128,
        discriminator_filters=64,
        halvings=3,
        margin=None,
        pull_away=0.1,
        **kwargs,
    ):
        check_positive("halvings", halvings)
        check_multiple("image_size", image_size, 2**halvings, "D halves it so often", 16)
        check_weight("pull_away", pull_away)
        if margin is not None:
            check_weight("margin", margin)
        super().__init__(**kwargs)
        self.image_size, self.image_channels = image_size, image_channels
        self.latent_dim, self.halvings = latent_dim, halvings
        self.generator_filters = generator_filters
        self.discriminator_filters = discriminator_filters
        self.margin, self.pull_away = margin, pull_away
        self.set_players(
            generator(
                *(latent_dim, image_size, image_channels, generator_filters),
                *("batch", "strides", 0.0),
            ),
            discriminator(image_size, self.judged_channels, discriminator_filters, halvings),
        )

    @property
    def highest_energy(self):
        """The margin, as given or scaled to the size of what D sees."""
        if self.margin is not None:
            return self.margin
        return 20.0 * (self.image_size**2 * self.judged_channels / _FACES) ** 0.5

    def discriminator_loss(self, real, fake):
        (real_logits, _), (fake_logits, _) = self.judge_both(real, fake)
        value = ops.mean(-real_logits) + ops.mean(ops.relu(self.highest_energy + fake_logits))
        return Loss(value, real_logits, fake_logits)

    def generator_loss(self, real, fake):
        logits, codes = self.judge(fake)
        apart = pulling_away(codes)
        return Loss(ops.mean(-logits) + self.pull_away * apart, pull_away_loss=apart)

    def optimizers(self, images=None):
        return {player: Adam(2e-4, beta_1=0.5, name=player) for player in self.players}


_ENTRY: dict = {
    "task": "unconditional",
    "paper": "Zhao, Mathieu & LeCun, 2016, https://arxiv.org/abs/1609.03126",
    "tiny": {
        "image_size": 16,
        "latent_dim": 8,
        "generator_filters": 4,
        "discriminator_filters": 4,
        "halvings": 2,
    },
}

register("ebgan", EBGAN, parameters={"generator": 12_658_432, "discriminator": 1_318_019}, **_ENTRY)
register(
    "ebgan_fashion",
    EBGAN,
    parameters={"generator": 759_680, "discriminator": 66_753},
    recipe={"data": "tfds:fashion_mnist", "epochs": 30},
    **_ENTRY,
    data="bundled:fashion_mnist",
    image_size=28,
    image_channels=1,
    generator_filters=64,
    discriminator_filters=32,
    halvings=2,
    ema_decay=0.999,
)
register(
    "ebgan_avatars",
    EBGAN,
    parameters={"generator": 1_100_224, "discriminator": 331_331},
    recipe={"epochs": 80},
    **_ENTRY,
    data="bundled:avatars",
    generator_filters=32,
    discriminator_filters=32,
    ema_decay=0.999,
)
