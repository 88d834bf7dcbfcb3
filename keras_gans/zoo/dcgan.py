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
"""

import keras
import tensorflow as tf
from keras import layers, ops

from keras_gans import latent, losses
from keras_gans.gan import GAN
from keras_gans.layers import BatchNorm
from keras_gans.optimizers import Adam
from keras_gans.zoo.registry import register


def block_widths(image_size, filters):
    """Feature maps of the generator's blocks, and the side of the first.

    The side doubles with every block from one of 4 to 7 up to `image_size`.

    Raises:
        ValueError: for a side that does not halve down to 4, 5, 6 or 7, with the next that does.
    """
    start, doublings = image_size, 0
    while start > 7 and start % 2 == 0:
        start, doublings = start // 2, doublings + 1
    if not 4 <= start <= 7 or doublings < 1:
        larger = [s * 2**n for s in (4, 5, 6, 7) for n in range(1, 9) if s * 2**n > image_size]
        raise ValueError(
            "`image_size` must be 4, 5, 6 or 7 times a power of two and at least 8, because "
            f"every block doubles it. Received: image_size={image_size}; the next that works "
            f"is {min(larger)}."
        )
    return start, [filters * 2**n for n in reversed(range(doublings))]


def generator(latent_dim, image_size, image_channels, filters):
    """Latents (N, latent_dim) -> images (N, image_size, image_size, image_channels) in [-1, 1]."""
    start, widths = block_widths(image_size, filters)
    latent = keras.Input((latent_dim,), name="latent")
    x = layers.Dense(start * start * widths[0], use_bias=False, kernel_initializer=_normal())(
        latent
    )
    x = layers.Reshape((start, start, widths[0]))(x)
    x = layers.ReLU()(_batch_norm()(x))
    for width in widths[1:]:
        x = _upsample(width)(x)
        x = layers.ReLU()(_batch_norm()(x))
    x = _upsample(image_channels)(x)
    image = layers.Activation("tanh", dtype="float32", name="image")(x)
    return keras.Model(latent, image, name="generator")


def discriminator(image_size, image_channels, filters):
    """Images (N, image_size, image_size, image_channels) in [-1, 1] -> logits (N, 1)."""
    _, widths = block_widths(image_size, filters)
    image = keras.Input((image_size, image_size, image_channels), name="image")
    x = layers.LeakyReLU(0.2)(_downsample(filters)(image))
    for width in widths[-2::-1]:
        x = _downsample(width)(x)
        x = layers.LeakyReLU(0.2)(_batch_norm()(x))
    x = layers.Flatten()(x)
    logits = layers.Dense(
        1, use_bias=False, kernel_initializer=_normal(), dtype="float32", name="logits"
    )(x)
    return keras.Model(image, logits, name="discriminator")


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
class DCGAN(GAN):
    """Deep convolutional GAN, see the module's docstring for the game and the networks.

    Args:
        image_size: side of the square pictures: 4, 5, 6 or 7 times a power of two.
        image_channels: 3 for colour, 1 for grey.
        latent_dim: length of z.
        filters: feature maps at half the picture's side; they double as the side halves.
        **kwargs: those of `keras_gans.GAN`.

    Raises:
        ValueError: for an `image_size` the networks cannot build.
    """

    def __init__(self, image_size=64, image_channels=3, *, latent_dim=100, filters=64, **kwargs):
        super().__init__(**kwargs)
        self.image_size, self.image_channels = image_size, image_channels
        self.latent_dim, self.filters = latent_dim, filters
        self.generator = generator(latent_dim, image_size, image_channels, filters)
        self.discriminator = discriminator(image_size, image_channels, filters)
        self.built = True

    def batch_spec(self, batch_size=None):
        shape = (batch_size, self.image_size, self.image_size, self.image_channels)
        return tf.TensorSpec(shape, tf.float32, name="image")

    def default_optimizers(self):
        return {player: Adam(2e-4, beta_1=0.5, name=player) for player in self.players}

    def train_step(self, batch):
        real = self.checked(batch)
        latents = self.normal((tf.shape(real)[0], self.latent_dim))

        with tf.GradientTape() as generator_tape:
            fake = self.generator(latents, training=True)
        with tf.GradientTape() as discriminator_tape:
            # Two passes, not one over both: batch norm must see real and fake statistics
            # separately, or the discriminator reads the difference off them.
            real_logits = self.discriminator(real, training=True)
            fake_logits = self.discriminator(fake, training=True)
            discriminator_loss = losses.logistic(real_logits, fake_logits)
        self.update("discriminator", discriminator_loss, discriminator_tape)

        with generator_tape:  # goes on from the fakes it has recorded
            judged_logits = self.discriminator(fake, training=True)
            generator_loss = losses.non_saturating(judged_logits)
        self.update("generator", generator_loss, generator_tape)

        return self.report(
            generator_loss=generator_loss,
            discriminator_loss=discriminator_loss,
            real_accuracy=ops.mean(ops.cast(real_logits > 0, "float32")),
            fake_accuracy=ops.mean(ops.cast(fake_logits < 0, "float32")),
        )

    def call(self, inputs, training=False):
        return self.generator(inputs, training=training)

    def sample(self, count=16, *, seed=None, latents=None):
        """Generated pictures.

        Args:
            count: how many.
            seed: for the latents; another draw each call where not given.
            latents: (N, latent_dim) to use instead of drawing.

        Returns:
            float32 (N, image_size, image_size, image_channels) in [-1, 1].
        """
        if latents is None:
            latents = latent.draw(count, self.latent_dim, seed)
        return self.in_chunks(self.generator, latents)

    def describe_tensors(self):
        return {
            "latent": {"kind": "latent", "distribution": "normal", "mean": 0.0, "stddev": 1.0},
            **super().describe_tensors(),
        }

    def get_config(self):
        return {
            **super().get_config(),
            "image_size": self.image_size,
            "image_channels": self.image_channels,
            "latent_dim": self.latent_dim,
            "filters": self.filters,
        }


_ENTRY = {
    "task": "unconditional",
    "paper": "Radford, Metz & Chintala, 2015, https://arxiv.org/abs/1511.06434",
}

register("dcgan", DCGAN, **_ENTRY, tiny={"image_size": 16, "filters": 4, "latent_dim": 8})
register(
    "dcgan_fashion",
    DCGAN,
    **_ENTRY,
    data="bundled:fashion_mnist",
    tiny={"filters": 4, "latent_dim": 8},
    image_size=28,
    image_channels=1,
)
