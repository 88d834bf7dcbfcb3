"""A family to copy: NAME, in one sentence what its paper adds.

The game in symbols, what each player minimises, in the order they are updated:

    D: min  mean((D(x) - 1)^2) + mean(D(G(z))^2)            x real, z ~ N(0, I)
    G: min  mean((D(G(z)) - 1)^2)

Networks, as the paper's table reads (32 x 32 pixels, `filters=64`)

    G   z 64 -> 4x4x256 -> 8x8x128 -> 16x16x64 -> 32x32x3
        nearest upsampling and 3x3, batch norm and ReLU after all but the last, tanh
    D   32x32x3 -> 16x16x64 -> 8x8x128 -> 4x4x256 -> 1 logit
        3x3 stride 2, leaky ReLU 0.2

Training: Adam 2e-4, beta_1 0.5, batches of 64.

Paper:     AUTHORS, YEAR, https://arxiv.org/abs/NUMBER
Reference: OWNER/REPOSITORY, FILE

Where paper and reference disagree: which one is followed. Departures: each with its reason.

To make a family of it: copy this file to `zoo/NAME.py`, import it in `zoo/__init__.py`, write the
card `zoo/NAME/README.md` of the gallery and a line in the CHANGELOG. Nothing else: the tests find
it by its entry, and data, exports, grids and the command by the roles of its tensors.
"""

import keras
from keras import layers

from keras_gans import losses
from keras_gans.games.adversarial import AdversarialGAN
from keras_gans.games.loss import Loss
from keras_gans.layers import BatchNorm, Upsample2D
from keras_gans.optimizers import Adam
from keras_gans.utils.checks import check_doublings
from keras_gans.zoo._registry import register


def generator(latent_dim, image_size, image_channels, filters):
    """Latents (N, latent_dim) -> images (N, image_size, image_size, image_channels) in [-1, 1]."""
    start, doublings = check_doublings(image_size, 1, "every block doubles it")
    # Inputs and outputs are named: programs that run an export feed them by these names.
    latent = keras.Input((latent_dim,), name="latent")
    width = filters * 2 ** (doublings - 1)
    x = layers.Dense(start * start * width, use_bias=False)(latent)
    x = layers.ReLU()(BatchNorm()(layers.Reshape((start, start, width))(x)))
    for level in reversed(range(doublings - 1)):
        x = layers.Conv2D(filters * 2**level, 3, padding="same", use_bias=False)(Upsample2D()(x))
        x = layers.ReLU()(BatchNorm()(x))
    x = layers.Conv2D(image_channels, 3, padding="same")(Upsample2D()(x))
    # The last layer computes in float32 whatever the precision of the others.
    image = layers.Activation("tanh", dtype="float32", name="image")(x)
    return keras.Model(latent, image, name="generator")


def discriminator(image_size, image_channels, filters):
    """Images (N, image_size, image_size, image_channels) in [-1, 1] -> logits (N, 1)."""
    image = keras.Input((image_size, image_size, image_channels), name="image")
    _, doublings = check_doublings(image_size, 1, "every block halves it")
    x = image
    for level in range(doublings):
        x = layers.Conv2D(filters * 2**level, 3, strides=2, padding="same")(x)
        x = layers.LeakyReLU(0.2)(x)
    # A logit, without a sigmoid: the losses are functions of logits.
    logits = layers.Dense(1, dtype="float32", name="logits")(layers.Flatten()(x))
    return keras.Model(image, logits, name="discriminator")


@keras.saving.register_keras_serializable("keras_gans")
class Template(AdversarialGAN):
    """A small family, see the module's docstring for the game and the networks.

    Args:
        image_size: side of the square pictures: 4, 5, 6 or 7 times a power of two.
        image_channels: 3 for colour, 1 for grey.
        latent_dim: length of z.
        filters: feature maps at half the picture's side; they double as the side halves.
        **kwargs: the tricks (`keras_gans.games.tricks.Tricks`) and those of `keras_gans.GAN`.

    Raises:
        ValueError: for an `image_size` the networks cannot build, or tricks that cannot be.
    """

    #: The paper's objective by its name in `keras_gans.losses.OBJECTIVES`, so that
    #: `objective="hinge"` can play another with these networks, and what else of the tricks the
    #: paper plays with.
    paper_tricks = {"objective": "least_squares"}

    def __init__(self, image_size=32, image_channels=3, *, latent_dim=64, filters=64, **kwargs):
        super().__init__(**kwargs)
        # Every argument becomes an attribute of its name: `get_config` reads them.
        self.image_size, self.image_channels = image_size, image_channels
        self.latent_dim, self.filters = latent_dim, filters
        self.set_players(
            generator(latent_dim, image_size, image_channels, filters),
            discriminator(image_size, self.judged_channels, filters),
        )

    def discriminator_loss(self, real, fake):
        real_logits, fake_logits = self.judge_both(real, fake)
        value = losses.least_squares(real_logits, 1.0) + losses.least_squares(fake_logits, 0.0)
        return Loss(value, real_logits, fake_logits)

    def generator_loss(self, real, fake):
        return Loss(losses.least_squares(self.judge(fake), 1.0))

    def optimizers(self, images=None):
        # A schedule would be laid over `self.steps_of(images)` training steps, see `wgan_gp.py`.
        return {player: Adam(2e-4, beta_1=0.5, name=player) for player in self.players}


register(
    "template",
    Template,
    task="unconditional",
    paper="AUTHORS, YEAR, https://arxiv.org/abs/NUMBER",
    parameters={"generator": 633_411, "discriminator": 374_913},
    tiny={"image_size": 16, "latent_dim": 8, "filters": 4},
)
