"""DCGAN: the convolutional GAN that trains.

The game, one update of each player per batch:

    D: min  -mean(log D(x)) - mean(log(1 - D(G(z))))        x real, z ~ N(0, I)
    G: min  -mean(log D(G(z)))                              the same fakes, D as just updated

Networks (for 64 x 64 pixels and `filters=64`)

    G   z 100 -> 4x4x512 -> 8x8x256 -> 16x16x128 -> 32x32x64 -> 64x64x3
        transposed convolutions 4x4 stride 2, batch norm and ReLU after all but the last, tanh
    D   64x64x3 -> 32x32x64 -> 16x16x128 -> 8x8x256 -> 4x4x512 -> 1 logit
        convolutions 4x4 stride 2, batch norm after all but the first and last, leaky ReLU 0.2
    No biases; every kernel N(0, 0.02), batch norm's gamma N(1, 0.02).

Paper:     Radford, Metz & Chintala, 2015, https://arxiv.org/abs/1511.06434
Reference: pytorch/examples, dcgan/main.py

Where paper and reference disagree the reference is followed: 4x4 kernels (the authors' code has
5x5), z from N(0, I) (there U(-1, 1)), widths 512-256-128-64 (the paper's LSUN generator has
1024-512-256-128), batches of 64 (paper: 128), no weight decay.

Departures from the reference: the discriminator's real and fake losses are summed and learned
from in one backward pass, which is the same gradient; the first layer of G and the last of D,
convolutions over their whole input, are written as the dense layers they are.

`dcgan_fashion` is sized for small grey pictures and two CPU cores, and samples from averaged
weights. Further rows change one thing of the architecture each, as the practitioners' list
(ganhacks) or a later paper has it: `dcgan_pooling_fashion` (average pooling and nearest upsampling
instead of strides), `dcgan_dropout_fashion` (dropout 0.5 in G), `dcgan_stddev_fashion` (the spread
of the batch shown to D), `dcgan_spectral_fashion` (spectral instead of batch norm in D).
"""

import keras
from keras import layers

from keras_gans import losses
from keras_gans.games.adversarial import AdversarialGAN
from keras_gans.games.loss import Loss
from keras_gans.layers import (
    BatchNorm,
    MinibatchStdDev,
    SpectralConv2D,
    SpectralDense,
    StochasticDropout,
    Upsample2D,
)
from keras_gans.optimizers import Adam
from keras_gans.utils.checks import check_choice, check_doublings, check_share
from keras_gans.zoo._registry import register

NORMS = ("batch", "layer", "none")
RESAMPLINGS = ("strides", "pooling")


def block_widths(image_size, filters):
    """Feature maps of the generator's blocks, and the side of the first.

    The side doubles with every block from one of 4 to 7 up to `image_size`.

    Raises:
        ValueError: for a side that does not halve down to 4, 5, 6 or 7, with the next that does.
    """
    start, doublings = check_doublings(image_size, 1, "every block doubles it")
    return start, [filters * 2**n for n in reversed(range(doublings))]


def generator(latent_dim, image_size, image_channels, filters, norm, resampling, dropout):
    """Latents (N, latent_dim) -> images (N, image_size, image_size, image_channels) in [-1, 1]."""
    start, widths = block_widths(image_size, filters)
    latent = keras.Input((latent_dim,), name="latent")
    x = layers.Dense(start * start * widths[0], use_bias=False, kernel_initializer=_normal())(
        latent
    )
    x = layers.Reshape((start, start, widths[0]))(x)
    x = layers.ReLU()(_normed(x, norm))
    for width in widths[1:]:
        x = _upsample(x, width, resampling)
        x = layers.ReLU()(_normed(x, norm))
        if dropout:
            x = StochasticDropout(dropout)(x)
    x = _upsample(x, image_channels, resampling)
    image = layers.Activation("tanh", dtype="float32", name="image")(x)
    return keras.Model(latent, image, name="generator")


def discriminator(image_size, image_channels, filters, norm, resampling, slope, stddev_group):
    """Images (N, image_size, image_size, image_channels) in [-1, 1] -> logits (N, 1)."""
    _, widths = block_widths(image_size, filters)
    image = keras.Input((image_size, image_size, image_channels), name="image")
    x = layers.LeakyReLU(slope)(_downsample(image, filters, norm, resampling))
    for width in widths[-2::-1]:
        x = _downsample(x, width, norm, resampling)
        x = layers.LeakyReLU(slope)(_normed(x, norm))
    if stddev_group:
        x = MinibatchStdDev(stddev_group)(x)
    dense = SpectralDense if norm == "spectral" else layers.Dense
    logits = dense(1, use_bias=False, kernel_initializer=_normal(), dtype="float32", name="logits")(
        layers.Flatten()(x)
    )
    return keras.Model(image, logits, name="discriminator")


def _normal(mean=0.0):
    return keras.initializers.RandomNormal(mean, 0.02)


def _normed(x, norm):
    if norm == "batch":
        return BatchNorm(gamma_initializer=_normal(1.0))(x)
    return layers.LayerNormalization(axis=(1, 2, 3), epsilon=1e-5)(x) if norm == "layer" else x


def _upsample(x, width, resampling):
    options = {"padding": "same", "use_bias": False, "kernel_initializer": _normal()}
    if resampling == "pooling":
        return layers.Conv2D(width, 3, **options)(Upsample2D()(x))
    return layers.Conv2DTranspose(width, 4, strides=2, **options)(x)


def _downsample(x, width, norm, resampling):
    conv = SpectralConv2D if norm == "spectral" else layers.Conv2D
    options = {"padding": "same", "use_bias": False, "kernel_initializer": _normal()}
    if resampling == "pooling":
        return layers.AveragePooling2D(2)(conv(width, 3, **options)(x))
    return conv(width, 4, strides=2, **options)(x)


@keras.saving.register_keras_serializable("keras_gans")
class DCGAN(AdversarialGAN):
    """Deep convolutional GAN, see the module's docstring for the game and the networks.

    Args:
        image_size: side of the square pictures: 4, 5, 6 or 7 times a power of two.
        image_channels: 3 for colour, 1 for grey.
        latent_dim: length of z.
        filters: feature maps at half the picture's side; they double as the side halves.
        generator_norm: "batch", "layer" or "none".
        discriminator_norm: one of these or "spectral" (Miyato et al., 2018,
            https://arxiv.org/abs/1802.05957), which is of the weights.
        resampling: "strides", or "pooling": averages on the way down, nearest neighbours and a
            convolution on the way up, which leaves no checkerboards (Odena et al., 2016,
            https://distill.pub/2016/deconv-checkerboard).
        slope: of the discriminator's leaky ReLU below zero; without one gradients are sparse and
            the game unstable (ganhacks 5).
        dropout: share of G's features dropped, in training and, where asked for, in `sample`:
            noise besides the latents (ganhacks 17).
        stddev_group: images whose spread D is shown as one more feature map (Karras et al., 2017,
            https://arxiv.org/abs/1710.10196, section 3), so that it sees them all alike; 0: not.
        **kwargs: the tricks (`keras_gans.games.tricks.Tricks`) and those of `keras_gans.GAN`.

    Raises:
        ValueError: for an `image_size` the networks cannot build, or tricks that cannot be.
    """

    shares_fakes = True

    def __init__(
        self,
        image_size=64,
        image_channels=3,
        *,
        latent_dim=100,
        filters=64,
        generator_norm="batch",
        discriminator_norm="batch",
        resampling="strides",
        slope=0.2,
        dropout=0.0,
        stddev_group=0,
        **kwargs,
    ):
        check_choice("generator_norm", generator_norm, NORMS)
        check_choice("discriminator_norm", discriminator_norm, (*NORMS, "spectral"))
        check_choice("resampling", resampling, RESAMPLINGS)
        check_share("dropout", dropout)
        super().__init__(**kwargs)
        self.image_size, self.image_channels = image_size, image_channels
        self.latent_dim, self.filters = latent_dim, filters
        self.generator_norm, self.discriminator_norm = generator_norm, discriminator_norm
        self.resampling, self.slope = resampling, slope
        self.dropout, self.stddev_group = dropout, stddev_group
        self.set_players(
            generator(
                *(latent_dim, image_size, image_channels, filters),
                *(generator_norm, resampling, dropout),
            ),
            discriminator(
                *(image_size, self.judged_channels, filters),
                *(discriminator_norm, resampling, slope, stddev_group),
            ),
        )

    def optimizers(self, images=None):
        return {player: Adam(2e-4, beta_1=0.5, name=player) for player in self.players}

    def discriminator_loss(self, real, fake):
        real_logits, fake_logits = self.judge_both(real, fake)
        return Loss(losses.logistic(real_logits, fake_logits), real_logits, fake_logits)

    def generator_loss(self, real, fake):
        return Loss(losses.non_saturating(self.judge(fake)))

    def sample(self, count=None, *, seed=None, latents=None, truncation=None, stochastic=False):
        """Generated pictures.

        Args:
            count: how many; 16, or as many as there are latents, where not given.
            seed: for the latents; another draw each call where not given.
            latents: (N, latent_dim) to use instead of drawing.
            truncation: draw latents' numbers beyond this again, see `keras_gans.latent.draw`.
            stochastic: leave the generator's dropout on; where it has none nothing changes.

        Returns:
            float32 (N, image_size, image_size, image_channels) in [-1, 1].

        Raises:
            ValueError: for a truncation below 0.1, of uniform or of given latents.
        """
        with StochasticDropout.left_on(self.sampling_network, stochastic):
            return super().sample(count, seed=seed, latents=latents, truncation=truncation)


_ENTRY: dict = {
    "task": "unconditional",
    "paper": "Radford, Metz & Chintala, 2015, https://arxiv.org/abs/1511.06434",
}
_FASHION: dict = {
    **_ENTRY,
    "data": "bundled:fashion_mnist",
    "tiny": {"filters": 4, "latent_dim": 8},
    "image_size": 28,
    "image_channels": 1,
    "ema_decay": 0.999,
}

register(
    "dcgan",
    DCGAN,
    parameters={"generator": 3_576_704, "discriminator": 2_765_568},
    **_ENTRY,
    tiny={"image_size": 16, "filters": 4, "latent_dim": 8},
)
register(
    "dcgan_fashion",
    DCGAN,
    parameters={"generator": 759_680, "discriminator": 138_624},
    recipe={"data": "tfds:fashion_mnist", "epochs": 40},
    **_FASHION,
)
register(
    "dcgan_pooling_fashion",
    DCGAN,
    parameters={"generator": 701_888, "discriminator": 80_832},
    **_FASHION,
    resampling="pooling",
)
register(
    "dcgan_dropout_fashion",
    DCGAN,
    parameters={"generator": 759_680, "discriminator": 138_624},
    **_FASHION,
    dropout=0.5,
)
register(
    "dcgan_stddev_fashion",
    DCGAN,
    parameters={"generator": 759_680, "discriminator": 138_673},
    **_FASHION,
    stddev_group=4,
)
register(
    "dcgan_spectral_fashion",
    DCGAN,
    parameters={"generator": 759_680, "discriminator": 138_368},
    **_FASHION,
    discriminator_norm="spectral",
)
register(
    "dcgan_avatars",
    DCGAN,
    parameters={"generator": 1_100_224, "discriminator": 694_656},
    recipe={"epochs": 100},
    **_ENTRY,
    data="bundled:avatars",
    tiny={"image_size": 16, "filters": 4, "latent_dim": 8},
    filters=32,
    ema_decay=0.999,
)
