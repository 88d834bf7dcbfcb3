"""BigGAN: SAGAN's game, larger, with latents and classes let in at every block.

The game, four updates of D, then one of G, with x of class y:

    D: min  mean(max(0, 1 - D(x, y))) + mean(max(0, 1 + D(G(z, y), y)))
    G: min  -mean D(G(z, y), y) + 1e-4 * R                     z ~ N(0, I)
    R = sum over kernels W of |W^T W (1 - I)|^2, the squares of all products of two columns

Networks (32 x 32 pixels, 96 features; blocks: `zoo/_residual.py`)

    G   z 80 in four chunks of 20: the first -> 4x4x384; the others, each beside an embedding of the
        class of 128 that all blocks share, are the code of a block's conditional batch norms
        -> up, up, self-attention at 16 x 16, up, of 384 -> batch norm, ReLU, 3x3, tanh
    D   first, self-attention at 16 x 16, down, plain, plain, of 192 -> ReLU, sum over the map ->
        linear, and V y, an embedding of the class
    Spectral norm in both players (not on the shared embedding), one power iteration a training
    step; orthogonal kernels.

Training: Adam 2e-4, betas (0, 0.999), batches of 50; G's weights averaged, decay 0.9999; pictures
are drawn from a truncated normal where `sample(truncation=...)` says so.

Paper:     Brock, Donahue & Simonyan, 2018, https://arxiv.org/abs/1809.11096
Reference: POSTECH-CVLab/PyTorch-StudioGAN (networks of 32 x 32 pixels); ajbrock/BigGAN-PyTorch,
           scripts/launch_cifar_ema.sh (batches, rates, updates of D)

The paper's sizes are ImageNet's, in batches of 2,048. R is the paper's equation 3 (table 1 says
that truncation needs it); the references leave it out for CIFAR-10: `orthogonal_weight=0`. Batch
norm has the moving statistics that training left, not the paper's "standing" ones of many draws.
Of several heads and attributes the shared embedding and V y are sums. `biggan_avatars` is sized for
two CPU cores: 64 x 64 pixels, a sixth of G's features and a third of D's, two updates of D.
"""

import keras
from keras import layers, ops

from keras_gans import losses
from keras_gans.games.adversarial import ConditionalGAN
from keras_gans.games.loss import Loss
from keras_gans.layers import BatchNorm, spectral_norm
from keras_gans.optimizers import Adam
from keras_gans.utils.checks import check_doublings, check_multiple, check_positive, check_weight
from keras_gans.zoo import _residual as blocks
from keras_gans.zoo._registry import register

_SHARED = 128


def generator(latent_dim, conditions, image_size, image_channels, filters):
    """Latents (N, latent_dim) and labels -> images (N, side, side, channels) in [-1, 1]."""
    start, doublings = check_doublings(image_size, 2, "residual blocks double and halve it")
    check_multiple("latent_dim", latent_dim, doublings + 1, "every block has its chunk")
    width, attended = 4 * filters, blocks.attention_side(image_size)
    latent = keras.Input((latent_dim,), name="latent")
    label = conditions.input()
    shared = layers.Dense(
        _SHARED, use_bias=False, kernel_initializer="orthogonal", name="shared_embedding"
    )(conditions.code(label))
    first, *others = ops.split(latent, doublings + 1, axis=1)
    x = layers.Reshape((start, start, width))(blocks.dense(first, start * start * width))
    for chunk in others:
        x = blocks.up(x, width, layers.Concatenate()([shared, chunk]))
        x = blocks.attention(x) if x.shape[1] == attended else x
    x = layers.ReLU()(BatchNorm(epsilon=blocks.EPSILON)(x))
    x = blocks.conv(x, image_channels)
    image = layers.Activation("tanh", dtype="float32", name="image")(x)
    return keras.Model([latent, label], image, name="generator")


def orthogonality(kernel):
    """R of one kernel (..., outputs): squares of the products of any two of its columns, summed."""
    matrix = ops.reshape(ops.cast(kernel, "float32"), (-1, kernel.shape[-1]))
    products = ops.matmul(ops.transpose(matrix), matrix)
    return ops.sum(ops.square(products)) - ops.sum(ops.square(ops.diagonal(products)))


@keras.saving.register_keras_serializable("keras_gans")
class BigGAN(ConditionalGAN):
    """BigGAN, see the module's docstring for the game and the networks.

    Args:
        num_classes: classes the labels, integers from 0, stand for; a tuple for several heads,
            labels (N, heads); 0 for none.
        image_size: side of the square pictures: 4, 5, 6 or 7 times a power of two, at least 16.
        image_channels: 3 for colour, 1 for grey.
        latent_dim: length of z, a multiple of one more than G's doublings.
        generator_filters: a quarter of the feature maps of G's blocks.
        discriminator_filters: half of those of D's.
        orthogonal_weight: of R in G's loss; 0 for none.
        num_attributes: binary attributes, further columns of the labels, see
            `keras_gans.core.conditioning`.
        **kwargs: the tricks (`keras_gans.games.tricks.Tricks`) and those of `keras_gans.GAN`.

    Raises:
        ValueError: for an `image_size` the networks cannot build, a `latent_dim` that cannot be
            divided, or neither classes nor attributes.
    """

    batch_size = 50
    paper_tricks = {
        "objective": "hinge",
        "discriminator_steps": 4,
        "batch_norm": "together",
        "ema_decay": 0.9999,
    }

    def __init__(
        self,
        num_classes=10,
        image_size=32,
        image_channels=3,
        *,
        latent_dim=80,
        generator_filters=96,
        discriminator_filters=96,
        orthogonal_weight=1e-4,
        num_attributes=0,
        **kwargs,
    ):
        check_positive("generator_filters", generator_filters)
        check_positive("discriminator_filters", discriminator_filters)
        check_weight("orthogonal_weight", orthogonal_weight)
        super().__init__(**kwargs)
        conditions = self.set_conditions(num_classes, num_attributes)
        self.image_size, self.image_channels = image_size, image_channels
        self.latent_dim, self.orthogonal_weight = latent_dim, orthogonal_weight
        self.generator_filters = generator_filters
        self.discriminator_filters = discriminator_filters
        self.set_players(
            generator(latent_dim, conditions, image_size, image_channels, generator_filters),
            blocks.projection_discriminator(
                conditions, image_size, image_channels, 2 * discriminator_filters
            ),
        )

    def optimizers(self, images=None):
        return {
            player: Adam(2e-4, beta_1=0.0, beta_2=0.999, name=player) for player in self.players
        }

    def discriminator_loss(self, real, fake):
        real_logits, fake_logits = self.judge_both(real, fake)
        return Loss(losses.hinge(real_logits, fake_logits), real_logits, fake_logits)

    def generator_loss(self, real, fake):
        return Loss(losses.wasserstein_generator(self.judge(fake)))

    def generator_penalty(self, real):
        if not self.orthogonal_weight:
            return None
        kernels = [layer.kernel for layer in spectral_norm.spectral_layers(self.generator)]
        return self.orthogonal_weight * sum(orthogonality(kernel) for kernel in kernels)


_ENTRY: dict = {
    "task": "class_conditional",
    "paper": "Brock, Donahue & Simonyan, 2018, https://arxiv.org/abs/1809.11096",
    "tiny": {
        "image_size": 16,
        "latent_dim": 6,
        "generator_filters": 2,
        "discriminator_filters": 4,
        "discriminator_steps": 2,
    },
}

register(
    "biggan", BigGAN, parameters={"generator": 9_416_196, "discriminator": 2_415_170}, **_ENTRY
)
register(
    "biggan_avatars",
    BigGAN,
    parameters={"generator": 486_596, "discriminator": 349_250},
    recipe={"epochs": 40},
    **_ENTRY,
    data="bundled:avatars",
    num_classes=(6, 8, 3),
    num_attributes=4,
    image_size=64,
    generator_filters=16,
    discriminator_filters=32,
    discriminator_steps=2,
    ema_decay=0.999,
)
