"""WGAN-GP: a critic whose slope is held at 1 by a penalty instead of by clipping.

The game, five updates of the critic D, then one of G:

    D: min  mean D(G(z)) - mean D(x) + 10 * mean((|grad D(x^)| - 1)^2)      x^ = x + u (G(z) - x)
    G: min  -mean D(G(z))                                z ~ N(0, I), u ~ U(0, 1), one a sample

Networks (32 x 32 pixels)

    G   z 128 -> 4x4x128 -> three residual blocks that double the side (batch norm, ReLU, nearest
        upsampling, 3x3) -> batch norm, ReLU, 3x3, tanh
    D   residual blocks of 128: 32 -> 16 -> 8 -> 8 -> 8, no norm, ReLU, average pooling -> mean over
        the map -> linear. No batch norm: the penalty is each sample's own.
    He initialisation of the 3x3 in the blocks, by the mean of what goes in and out of a kernel;
    Glorot's of all else.

Training: Adam 2e-4, betas (0, 0.9), falling linearly to zero over 100,000 steps; batches of 64 for
D and 128 for G; real pictures are x / 128 - 1 + U(0, 1/128), x their 256 levels.

Paper:     Gulrajani, Ahmed, Arjovsky, Dumoulin & Courville, 2017, https://arxiv.org/abs/1704.00028
Reference: igul222/improved_wgan_training, gan_cifar_resnet.py

`wgan_gp_fashion` is sized for two CPU cores: 28 x 28 pixels, narrower, two updates of the critic
(batches hold the pictures of both), averaged weights, and learning rates that begin at 1e-3,
because a fifth of the features bears longer steps and the training is short.
"""

import keras
from keras import layers, ops

from keras_gans import losses
from keras_gans.games import regularizers
from keras_gans.games.adversarial import AdversarialGAN
from keras_gans.games.loss import Loss
from keras_gans.layers import BatchNorm, Upsample2D
from keras_gans.optimizers import Adam, LinearDecay
from keras_gans.utils.checks import check_doublings
from keras_gans.zoo._registry import register


def generator(latent_dim, image_size, image_channels, filters):
    """Latents (N, latent_dim) -> images (N, image_size, image_size, image_channels) in [-1, 1]."""
    why = "residual blocks double and halve it"
    start, doublings = check_doublings(image_size, 2, why)
    latent = keras.Input((latent_dim,), name="latent")
    x = layers.Dense(start * start * filters)(latent)
    x = layers.Reshape((start, start, filters))(x)
    for _ in range(doublings):
        x = _up_block(x, filters)
    x = layers.ReLU()(BatchNorm()(x))
    x = layers.Conv2D(image_channels, 3, padding="same")(x)
    image = layers.Activation("tanh", dtype="float32", name="image")(x)
    return keras.Model(latent, image, name="generator")


def discriminator(image_size, image_channels, filters):
    """Images (N, image_size, image_size, image_channels) in [-1, 1] -> logits (N, 1)."""
    image = keras.Input((image_size, image_size, image_channels), name="image")
    x = _first_block(image, filters)
    x = _block(x, filters, down=True)
    for _ in range(2):
        x = _block(x, filters, down=False)
    x = ops.mean(layers.ReLU()(x), axis=(1, 2))
    logits = layers.Dense(1, dtype="float32", name="logits")(x)
    return keras.Model(image, logits, name="discriminator")


def _up_block(x, filters):
    shortcut = _conv(Upsample2D()(x), filters, 1)
    x = Upsample2D()(layers.ReLU()(BatchNorm()(x)))
    x = _conv(x, filters, 3)
    x = layers.ReLU()(BatchNorm()(x))
    return layers.Add()([shortcut, _conv(x, filters, 3)])


def _first_block(image, filters):
    shortcut = _conv(layers.AveragePooling2D(2)(image), filters, 1)
    x = layers.ReLU()(_conv(image, filters, 3))
    return layers.Add()([shortcut, layers.AveragePooling2D(2)(_conv(x, filters, 3))])


def _block(x, filters, down):
    shortcut = x
    x = layers.ReLU()(x)
    x = layers.ReLU()(_conv(x, filters, 3))
    x = _conv(x, filters, 3)
    if down:
        x = layers.AveragePooling2D(2)(x)
        shortcut = layers.AveragePooling2D(2)(_conv(shortcut, filters, 1))
    return layers.Add()([shortcut, x])


def _conv(x, filters, size):
    # He's initialisation, but for the shortcuts, which no ReLU follows or precedes.
    gain = 2.0 if size == 3 else 1.0
    kernel = keras.initializers.VarianceScaling(gain, "fan_avg", "uniform")
    return layers.Conv2D(filters, size, padding="same", kernel_initializer=kernel)(x)


@keras.saving.register_keras_serializable("keras_gans")
class WGANGP(AdversarialGAN):
    """Wasserstein GAN with gradient penalty, see the module's docstring.

    Args:
        image_size: side of the square pictures: 4, 5, 6 or 7 times a power of two, at least 16.
        image_channels: 3 for colour, 1 for grey.
        latent_dim: length of z.
        generator_filters: feature maps of G's blocks.
        discriminator_filters: feature maps of D's blocks.
        decay_steps: training steps over which the learning rates fall to zero.
        **kwargs: the tricks (`keras_gans.games.tricks.Tricks`) and those of `keras_gans.GAN`.

    Raises:
        ValueError: for an `image_size` the networks cannot build, or tricks that cannot be.
    """

    paper_tricks = {
        "objective": "wasserstein",
        "discriminator_steps": 5,
        "gradient_penalty": 10.0,
        "batch_norm": "together",
    }

    own_regularizers = ("gradient_penalty",)
    dequantises = True
    generator_batches = 2  # as in the reference

    def __init__(
        self,
        image_size=32,
        image_channels=3,
        *,
        latent_dim=128,
        generator_filters=128,
        discriminator_filters=128,
        decay_steps=100_000,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.image_size, self.image_channels = image_size, image_channels
        self.latent_dim = latent_dim
        self.generator_filters = generator_filters
        self.discriminator_filters = discriminator_filters
        self.decay_steps = decay_steps
        self.set_players(
            generator(latent_dim, image_size, image_channels, generator_filters),
            discriminator(image_size, self.judged_channels, discriminator_filters),
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
        value = losses.wasserstein(real_logits, fake_logits)
        slope = self.lazily(lambda: regularizers.gradient_penalty(self, real, fake))
        value += self.tricks.gradient_penalty * slope
        return Loss(value, real_logits, fake_logits)

    def generator_loss(self, real, fake):
        return Loss(losses.wasserstein_generator(self.judge(fake)))


_ENTRY: dict = {
    "task": "unconditional",
    "paper": "Gulrajani, Ahmed, Arjovsky, Dumoulin & Courville, 2017, https://arxiv.org/abs/1704.00028",
    "tiny": {
        "image_size": 16,
        "latent_dim": 8,
        "generator_filters": 4,
        "discriminator_filters": 4,
        "discriminator_steps": 2,
    },
}

register(
    "wgan_gp", WGANGP, parameters={"generator": 1_204_483, "discriminator": 1_053_825}, **_ENTRY
)
register(
    "wgan_gp_fashion",
    WGANGP,
    parameters={"generator": 174_193, "discriminator": 37_369},
    recipe={"data": "tfds:fashion_mnist", "epochs": 13},
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
