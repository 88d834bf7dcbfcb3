"""SAGAN: residual networks in which every place of a map looks at every other.

The game, one update of each player per batch, with x of class y:

    D: min  mean(max(0, 1 - D(x, y))) + mean(max(0, 1 + D(G(z, y), y)))
    G: min  -mean D(G(z, y), y)                                z ~ N(0, I)

    D(x, y) = psi(phi(x)) + V y . phi(x)        phi: all of D up to the sum over its last map

Networks (32 x 32 pixels; blocks: `zoo/_residual.py`)

    G   z 128 -> 4x4x256 -> up, up, self-attention at 16 x 16, up, of 256 -> batch norm, ReLU,
        3x3, tanh
    D   first, self-attention at 16 x 16, down, plain, plain, of 128 -> ReLU, sum over the map ->
        linear, and V y, an embedding of the class
    Spectral norm in both players, one power iteration a training step; orthogonal kernels.

Training: Adam, betas (0, 0.9), G 1e-4, D 4e-4 (two time scales); batches of 64.

Paper:     Zhang, Goodfellow, Metaxas & Odena, 2018, https://arxiv.org/abs/1805.08318
Reference: POSTECH-CVLab/PyTorch-StudioGAN, whose SAGAN of 32 x 32 pixels these sizes are of; the
           paper's own are of 128 x 128, with attention at 32 x 32

Of several heads and attributes V y is the sum of their embeddings, and so are gains and shifts. The
power iteration advances once a training step. `sagan_avatars` is sized for two CPU cores: 64 x 64
pixels, a quarter of G's features and half of D's, averaged weights.
"""

import keras
from keras import layers

from keras_gans import losses
from keras_gans.games.adversarial import ConditionalGAN
from keras_gans.games.loss import Loss
from keras_gans.layers import BatchNorm
from keras_gans.optimizers import Adam
from keras_gans.utils.checks import check_doublings, check_positive
from keras_gans.zoo import _residual as blocks
from keras_gans.zoo._registry import register


def generator(latent_dim, conditions, image_size, image_channels, filters):
    """Latents (N, latent_dim) and labels -> images (N, side, side, channels) in [-1, 1]."""
    start, doublings = check_doublings(image_size, 2, "residual blocks double and halve it")
    attended = blocks.attention_side(image_size)
    latent = keras.Input((latent_dim,), name="latent")
    label = conditions.input()
    code = conditions.code(label)
    x = layers.Reshape((start, start, filters))(blocks.dense(latent, start * start * filters))
    for _ in range(doublings):
        x = blocks.up(x, filters, code)
        if x.shape[1] == attended:
            x = blocks.attention(x)
    x = layers.ReLU()(BatchNorm(epsilon=blocks.EPSILON)(x))
    x = blocks.conv(x, image_channels)
    image = layers.Activation("tanh", dtype="float32", name="image")(x)
    return keras.Model([latent, label], image, name="generator")


@keras.saving.register_keras_serializable("keras_gans")
class SAGAN(ConditionalGAN):
    """Self-attention GAN, see the module's docstring for the game and the networks.

    Args:
        num_classes: classes the labels, integers from 0, stand for; a tuple for several heads,
            labels (N, heads); 0 for none.
        image_size: side of the square pictures: 4, 5, 6 or 7 times a power of two, at least 16.
        image_channels: 3 for colour, 1 for grey.
        latent_dim: length of z.
        generator_filters: feature maps of G's blocks.
        discriminator_filters: feature maps of D's blocks.
        num_attributes: binary attributes, further columns of the labels, see
            `keras_gans.core.conditioning`.
        **kwargs: the tricks (`keras_gans.games.tricks.Tricks`) and those of `keras_gans.GAN`.

    Raises:
        ValueError: for an `image_size` the networks cannot build, or neither classes nor
            attributes.
    """

    paper_tricks = {"objective": "hinge", "batch_norm": "together"}

    def __init__(
        self,
        num_classes=10,
        image_size=32,
        image_channels=3,
        *,
        latent_dim=128,
        generator_filters=256,
        discriminator_filters=128,
        num_attributes=0,
        **kwargs,
    ):
        check_positive("generator_filters", generator_filters)
        check_positive("discriminator_filters", discriminator_filters)
        super().__init__(**kwargs)
        conditions = self.set_conditions(num_classes, num_attributes)
        self.image_size, self.image_channels = image_size, image_channels
        self.latent_dim = latent_dim
        self.generator_filters = generator_filters
        self.discriminator_filters = discriminator_filters
        self.set_players(
            generator(latent_dim, conditions, image_size, image_channels, generator_filters),
            blocks.projection_discriminator(
                conditions, image_size, image_channels, discriminator_filters
            ),
        )

    def optimizers(self, images=None):
        rates = {"generator": 1e-4, "discriminator": 4e-4}
        return {
            player: Adam(rate, beta_1=0.0, beta_2=0.9, name=player)
            for player, rate in rates.items()
        }

    def discriminator_loss(self, real, fake):
        real_logits, fake_logits = self.judge_both(real, fake)
        return Loss(losses.hinge(real_logits, fake_logits), real_logits, fake_logits)

    def generator_loss(self, real, fake):
        return Loss(losses.wasserstein_generator(self.judge(fake)))


_ENTRY: dict = {
    "task": "class_conditional",
    "paper": "Zhang, Goodfellow, Metaxas & Odena, 2018, https://arxiv.org/abs/1805.08318",
    "tiny": {
        "image_size": 16,
        "latent_dim": 8,
        "generator_filters": 8,
        "discriminator_filters": 8,
    },
}

register("sagan", SAGAN, parameters={"generator": 4_386_308, "discriminator": 1_075_586}, **_ENTRY)
register(
    "sagan_avatars",
    SAGAN,
    parameters={"generator": 472_644, "discriminator": 349_250},
    recipe={"epochs": 40},
    **_ENTRY,
    data="bundled:avatars",
    num_classes=(6, 8, 3),
    num_attributes=4,
    image_size=64,
    generator_filters=64,
    discriminator_filters=64,
    ema_decay=0.999,
)
