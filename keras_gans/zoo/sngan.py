"""SNGAN: every layer of the discriminator divided by its largest singular value.

The game, five updates of D, then one of G:

    D: min  mean(max(0, 1 - D(x))) + mean(max(0, 1 + D(G(z))))
    G: min  -mean D(G(z))                                z ~ N(0, I)

Networks (32 x 32 pixels)

    G   z 128 -> 4x4x256 -> three residual blocks that double the side (batch norm, ReLU, nearest
        upsampling, 3x3) -> batch norm, ReLU, 3x3, tanh
    D   residual blocks of 128: 32 -> 16 -> 8 -> 8 -> 8, ReLU, average pooling -> sum over the map
        -> linear; spectral norm on every layer, one power iteration a training step
    Xavier initialisation, with gain sqrt(2) in the residual branches.

Training: Adam 2e-4, betas (0, 0.9), falling linearly to zero over 100,000 steps; batches of 64 for
D and 128 for G; real pictures are x / 128 - 1 + U(0, 1/128), x their 256 levels.

Paper:     Miyato, Kataoka, Koyama & Yoshida, 2018, https://arxiv.org/abs/1802.05957
Reference: pfnet-research/sngan_projection; kwotsin/mimicry, sngan_32.py, for the schedule

The reference advances the power iteration at every pass through D; here once a training step, so
that the passes of a step see one discriminator. `sngan_fashion` is sized for two CPU cores: 28 x 28
pixels, narrower, two updates of D (batches hold the pictures of both), averaged weights, and
learning rates that begin at 1e-3, because a tenth of G's features and a fifth of D's bear longer
steps and the training is short.
"""

import keras
from keras import layers, ops

from keras_gans import losses
from keras_gans.games.adversarial import AdversarialGAN
from keras_gans.games.loss import Loss
from keras_gans.layers import BatchNorm, SpectralConv2D, SpectralDense, Upsample2D
from keras_gans.optimizers import Adam, LinearDecay
from keras_gans.utils.checks import check_choice, check_doublings
from keras_gans.zoo._registry import register


def generator(latent_dim, image_size, image_channels, filters, spectral):
    """Latents (N, latent_dim) -> images (N, image_size, image_size, image_channels) in [-1, 1]."""
    why = "residual blocks double and halve it"
    start, doublings = check_doublings(image_size, 2, why)
    latent = keras.Input((latent_dim,), name="latent")
    x = _dense(latent, start * start * filters, spectral)
    x = layers.Reshape((start, start, filters))(x)
    for _ in range(doublings):
        x = _up_block(x, filters, spectral)
    x = layers.ReLU()(BatchNorm()(x))
    x = _conv(x, image_channels, 3, spectral)
    image = layers.Activation("tanh", dtype="float32", name="image")(x)
    return keras.Model(latent, image, name="generator")


def discriminator(image_size, image_channels, filters, spectral):
    """Images (N, image_size, image_size, image_channels) in [-1, 1] -> logits (N, 1)."""
    image = keras.Input((image_size, image_size, image_channels), name="image")
    x = _first_block(image, filters, spectral)
    x = _block(x, filters, spectral, down=True)
    for _ in range(2):
        x = _block(x, filters, spectral, down=False)
    x = ops.sum(layers.ReLU()(x), axis=(1, 2))
    logits = _dense(x, 1, spectral, name="logits", dtype="float32")
    return keras.Model(image, logits, name="discriminator")


def _up_block(x, filters, spectral):
    shortcut = _conv(Upsample2D()(x), filters, 1, spectral)
    x = Upsample2D()(layers.ReLU()(BatchNorm()(x)))
    x = _branch(x, filters, spectral)
    x = layers.ReLU()(BatchNorm()(x))
    return layers.Add()([shortcut, _branch(x, filters, spectral)])


def _first_block(image, filters, spectral):
    shortcut = _conv(layers.AveragePooling2D(2)(image), filters, 1, spectral)
    x = layers.ReLU()(_branch(image, filters, spectral))
    return layers.Add()([shortcut, layers.AveragePooling2D(2)(_branch(x, filters, spectral))])


def _block(x, filters, spectral, down):
    shortcut = x
    x = layers.ReLU()(x)
    x = layers.ReLU()(_branch(x, filters, spectral))
    x = _branch(x, filters, spectral)
    if down:
        x = layers.AveragePooling2D(2)(x)
        shortcut = layers.AveragePooling2D(2)(_conv(shortcut, filters, 1, spectral))
    return layers.Add()([shortcut, x])


def _branch(x, filters, spectral):
    """A 3x3 convolution inside a block, with He's gain, as in the reference."""
    return _conv(x, filters, 3, spectral, gain=2.0)


def _conv(x, filters, size, spectral, gain=1.0):
    conv = SpectralConv2D if spectral else layers.Conv2D
    kernel = keras.initializers.VarianceScaling(gain, "fan_avg", "uniform")
    return conv(filters, size, padding="same", kernel_initializer=kernel)(x)


def _dense(x, units, spectral, **kwargs):
    dense = SpectralDense if spectral else layers.Dense
    return dense(units, kernel_initializer="glorot_uniform", **kwargs)(x)


@keras.saving.register_keras_serializable("keras_gans")
class SNGAN(AdversarialGAN):
    """Spectrally normalised GAN, see the module's docstring.

    Args:
        image_size: side of the square pictures: 4, 5, 6 or 7 times a power of two, at least 16.
        image_channels: 3 for colour, 1 for grey.
        latent_dim: length of z.
        generator_filters: feature maps of G's blocks.
        discriminator_filters: feature maps of D's blocks.
        spectral: players whose layers are normalised; both in self-attention GAN (Zhang et al.,
            2018, https://arxiv.org/abs/1805.08318, section 4.1).
        decay_steps: training steps over which the learning rates fall to zero.
        **kwargs: the tricks (`keras_gans.games.tricks.Tricks`) and those of `keras_gans.GAN`.

    Raises:
        ValueError: for an `image_size` the networks cannot build, or tricks that cannot be.
    """

    paper_tricks = {"objective": "hinge", "discriminator_steps": 5, "batch_norm": "together"}

    dequantises = True
    generator_batches = 2  # as in the reference

    def __init__(
        self,
        image_size=32,
        image_channels=3,
        *,
        latent_dim=128,
        generator_filters=256,
        discriminator_filters=128,
        spectral=("discriminator",),
        decay_steps=100_000,
        **kwargs,
    ):
        spectral = (spectral,) if isinstance(spectral, str) else tuple(spectral)
        for player in spectral:
            check_choice("spectral", player, self.players)
        super().__init__(**kwargs)
        self.image_size, self.image_channels = image_size, image_channels
        self.latent_dim = latent_dim
        self.generator_filters = generator_filters
        self.discriminator_filters = discriminator_filters
        self.spectral = spectral
        self.decay_steps = decay_steps
        in_g, in_d = (player in spectral for player in self.players)
        self.set_players(
            generator(latent_dim, image_size, image_channels, generator_filters, in_g),
            discriminator(image_size, self.judged_channels, discriminator_filters, in_d),
        )

    def optimizers(self, images=None):
        steps = self.steps_of(images) or self.decay_steps
        updates = {"generator": 1, "discriminator": self.discriminator_steps}
        return {
            player: Adam(LinearDecay(2e-4, 0, steps * count), beta_1=0.0, beta_2=0.9, name=player)
            for player, count in updates.items()
        }

    def discriminator_loss(self, real, fake):
        real_logits, fake_logits = self.judge_both(real, fake)
        return Loss(losses.hinge(real_logits, fake_logits), real_logits, fake_logits)

    def generator_loss(self, real, fake):
        return Loss(losses.wasserstein_generator(self.judge(fake)))


_ENTRY: dict = {
    "task": "unconditional",
    "paper": "Miyato, Kataoka, Koyama & Yoshida, 2018, https://arxiv.org/abs/1802.05957",
    "tiny": {
        "image_size": 16,
        "latent_dim": 8,
        "generator_filters": 4,
        "discriminator_filters": 4,
        "discriminator_steps": 2,
    },
}

register("sngan", SNGAN, parameters={"generator": 4_276_739, "discriminator": 1_053_825}, **_ENTRY)
register(
    "sngan_fashion",
    SNGAN,
    parameters={"generator": 174_193, "discriminator": 37_369},
    recipe={"data": "tfds:fashion_mnist", "epochs": 24},
    **_ENTRY,
    data="bundled:fashion_mnist",
    image_size=28,
    image_channels=1,
    generator_filters=24,
    discriminator_filters=24,
    discriminator_steps=2,
    generator_learning_rate=1e-3,
    discriminator_learning_rate=1e-3,
    decay_steps=4_000,
    ema_decay=0.999,
)
