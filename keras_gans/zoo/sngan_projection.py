"""SNGAN with a projection discriminator: the class as an inner product.

The game, five updates of D, then one of G, with x of class y:

    D: min  mean(max(0, 1 - D(x, y))) + mean(max(0, 1 + D(G(z, y), y)))
    G: min  -mean D(G(z, y), y)                                z ~ N(0, I)

    D(x, y) = psi(phi(x)) + V y . phi(x)        phi: all of D up to the sum over its last map

Networks: SNGAN's (32 x 32 pixels, see `keras_gans.zoo.sngan`), with

    G   conditional batch norm in the residual blocks: each class has its own gain and shift
        of every feature
    D   V y, an embedding of the class as long as phi, without bias; spectral norm on it too

Training: Adam 2e-4, betas (0, 0.9), constant for 400,000 updates of G and falling linearly to zero
until 450,000; batches of 64 for D and 128 for G; real pictures are x / 128 - 1 + U(0, 1/128), x
their 256 levels.

Paper:     Miyato & Koyama, 2018, https://arxiv.org/abs/1802.05637
Reference: pfnet-research/sngan_projection

Of several heads and attributes V y is the sum of their embeddings, and so are gains and shifts. As
in our SNGAN the power iteration advances once a training step.
"""

import keras
from keras import layers, ops

from keras_gans import losses
from keras_gans.games.adversarial import ConditionalGAN
from keras_gans.games.loss import Loss
from keras_gans.layers import BatchNorm, SpectralConv2D, SpectralDense, Upsample2D
from keras_gans.optimizers import Adam, LinearDecay
from keras_gans.utils.checks import check_doublings
from keras_gans.zoo._registry import register


def generator(latent_dim, conditions, image_size, image_channels, filters):
    """Latents (N, latent_dim) and labels -> images (N, side, side, channels) in [-1, 1]."""
    start, doublings = check_doublings(image_size, 2, "residual blocks double and halve it")
    latent = keras.Input((latent_dim,), name="latent")
    label = conditions.input()
    code = conditions.code(label)
    x = layers.Dense(start * start * filters, kernel_initializer="glorot_uniform")(latent)
    x = layers.Reshape((start, start, filters))(x)
    for _ in range(doublings):
        x = _up_block(x, code, filters)
    x = layers.ReLU()(BatchNorm()(x))
    x = _conv(image_channels, 3)(x)
    image = layers.Activation("tanh", dtype="float32", name="image")(x)
    return keras.Model([latent, label], image, name="generator")


def discriminator(conditions, image_size, image_channels, filters):
    """Images (N, side, side, channels) in [-1, 1] and labels -> logits (N, 1)."""
    image = keras.Input((image_size, image_size, image_channels), name="image")
    label = conditions.input()
    x = _first_block(image, filters)
    x = _block(x, filters, down=True)
    for _ in range(2):
        x = _block(x, filters, down=False)
    phi = ops.sum(layers.ReLU()(x), axis=(1, 2))
    psi = SpectralDense(1, kernel_initializer="glorot_uniform", dtype="float32")(phi)
    embedding = SpectralDense(filters, use_bias=False, kernel_initializer="glorot_uniform")
    projection = ops.sum(embedding(conditions.code(label)) * phi, axis=1, keepdims=True)
    logits = layers.Add(dtype="float32", name="logits")([psi, projection])
    return keras.Model([image, label], logits, name="discriminator")


def _conditional_norm(x, code):
    """Batch norm whose gain and shift are the class's own; at first 1 and 0 for all."""
    width = x.shape[-1]
    gain, shift = (
        layers.Dense(width, use_bias=False, kernel_initializer="zeros")(code) for _ in range(2)
    )
    x = BatchNorm(center=False, scale=False)(x)
    return x * (1.0 + gain[:, None, None, :]) + shift[:, None, None, :]


def _up_block(x, code, filters):
    shortcut = _conv(filters, 1)(Upsample2D()(x))
    x = Upsample2D()(layers.ReLU()(_conditional_norm(x, code)))
    x = _conv(filters, 3, gain=2.0)(x)
    x = layers.ReLU()(_conditional_norm(x, code))
    return layers.Add()([shortcut, _conv(filters, 3, gain=2.0)(x)])


def _first_block(image, filters):
    shortcut = _spectral(filters, 1)(layers.AveragePooling2D(2)(image))
    x = layers.ReLU()(_spectral(filters, 3, gain=2.0)(image))
    x = _spectral(filters, 3, gain=2.0)(x)
    return layers.Add()([shortcut, layers.AveragePooling2D(2)(x)])


def _block(x, filters, down):
    shortcut = x
    x = layers.ReLU()(_spectral(filters, 3, gain=2.0)(layers.ReLU()(x)))
    x = _spectral(filters, 3, gain=2.0)(x)
    if down:
        x = layers.AveragePooling2D(2)(x)
        shortcut = layers.AveragePooling2D(2)(_spectral(filters, 1)(shortcut))
    return layers.Add()([shortcut, x])


def _conv(filters, size, gain=1.0):
    return layers.Conv2D(filters, size, padding="same", kernel_initializer=_kernel(gain))


def _spectral(filters, size, gain=1.0):
    return SpectralConv2D(filters, size, padding="same", kernel_initializer=_kernel(gain))


def _kernel(gain):
    return keras.initializers.VarianceScaling(gain, "fan_avg", "uniform")


@keras.saving.register_keras_serializable("keras_gans")
class SNGANProjection(ConditionalGAN):
    """SNGAN with projection, see the module's docstring.

    Args:
        num_classes: classes the labels, integers from 0, stand for; a tuple for several heads,
            labels (N, heads); 0 for none.
        image_size: side of the square pictures: 4, 5, 6 or 7 times a power of two, at least 16.
        image_channels: 3 for colour, 1 for grey.
        latent_dim: length of z.
        generator_filters: feature maps of G's blocks.
        discriminator_filters: feature maps of D's blocks.
        constant_steps: training steps before the learning rates fall.
        decay_steps: training steps over which they fall to zero.
        num_attributes: binary attributes, further columns of the labels, see
            `keras_gans.core.conditioning`.
        **kwargs: the tricks (`keras_gans.games.tricks.Tricks`) and those of `keras_gans.GAN`.

    Raises:
        ValueError: for an `image_size` the networks cannot build, or neither classes nor
            attributes.
    """

    paper_tricks = {"objective": "hinge", "discriminator_steps": 5, "batch_norm": "together"}
    dequantises = True
    generator_batches = 2  # as in the reference

    def __init__(
        self,
        num_classes=10,
        image_size=32,
        image_channels=3,
        *,
        latent_dim=128,
        generator_filters=256,
        discriminator_filters=128,
        constant_steps=400_000,
        decay_steps=50_000,
        num_attributes=0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        conditions = self.set_conditions(num_classes, num_attributes)
        self.image_size, self.image_channels = image_size, image_channels
        self.latent_dim = latent_dim
        self.generator_filters = generator_filters
        self.discriminator_filters = discriminator_filters
        self.constant_steps, self.decay_steps = constant_steps, decay_steps
        self.set_players(
            generator(latent_dim, conditions, image_size, image_channels, generator_filters),
            discriminator(conditions, image_size, image_channels, discriminator_filters),
        )

    def discriminator_loss(self, real, fake):
        real_logits, fake_logits = self.judge_both(real, fake)
        return Loss(losses.hinge(real_logits, fake_logits), real_logits, fake_logits)

    def generator_loss(self, real, fake):
        return Loss(losses.wasserstein_generator(self.judge(fake)))

    def optimizers(self, images=None):
        constant, decay = self.constant_steps, self.decay_steps
        if steps := self.steps_of(images):  # in the paper's proportion
            decay = max(1, round(steps * decay / (constant + decay)))
            constant = steps - decay
        updates = {"generator": 1, "discriminator": self.discriminator_steps}
        return {
            player: Adam(
                LinearDecay(2e-4, constant * count, decay * count),
                beta_1=0.0,
                beta_2=0.9,
                name=player,
            )
            for player, count in updates.items()
        }


_ENTRY: dict = {
    "task": "class_conditional",
    "paper": "Miyato & Koyama, 2018, https://arxiv.org/abs/1802.05637",
    "tiny": {
        "image_size": 16,
        "latent_dim": 8,
        "generator_filters": 4,
        "discriminator_filters": 4,
        "discriminator_steps": 2,
    },
}

register(
    "sngan_projection",
    SNGANProjection,
    parameters={"generator": 4_304_387, "discriminator": 1_055_105},
    **_ENTRY,
)
