"""SRResNet and SRGAN: photographs four times as large.

The game of SRGAN, one update of each player per pair of a small picture s and the large one x:

    D: min  -mean(log D(x)) - mean(log(1 - D(G(s))))
    G: min  mean((x - G(s))^2) + 1e-3 * mean(-log D(G(s)))       D as just updated

SRResNet is the generator alone: min mean((x - G(s))^2).

Networks (`scale=4`, 16 blocks)

    G   9x9 64, PReLU -> 16 x [3x3 64, batch norm, PReLU, 3x3 64, batch norm, + input] -> 3x3 64,
        batch norm, + the first's output -> 2 x [3x3 256, pixel shuffle 2, PReLU] -> 9x9 3, tanh
    D   3x3 64 -> 64, 128, 128, 256, 256, 512, 512, every second with stride 2, batch norm after all
        but the first, leaky ReLU 0.2 -> dense 1024, leaky ReLU 0.2 -> 1 logit

Training: Adam 1e-4, beta_1 0.9, batches of 16 crops of 96 x 96 pixels; SRResNet for a million
updates, then SRGAN from its weights for 100,000 updates at 1e-4 and 100,000 at 1e-5.

Paper: Ledig et al., 2016, https://arxiv.org/abs/1609.04802 (figure 4, section 3.2)

Departures: the content loss is the paper's on pixels ("SRGAN-MSE" in its table 2), not on features
of VGG19, whose weights do not ship with the zoo; small pictures are in [-1, 1] too (paper: [0, 1]);
a tanh ends G, so that pictures are in [-1, 1] at the edges like everywhere in the zoo.

SRGAN starts from SRResNet: `srgan.generator.set_weights(srresnet.generator.get_weights())`.
"""

import math

import keras
from keras import layers, ops

from keras_gans import losses
from keras_gans.core.signature import Image
from keras_gans.games.loss import Loss
from keras_gans.games.paired import PairedGAN
from keras_gans.layers import BatchNorm, PixelShuffle2D
from keras_gans.optimizers import Adam
from keras_gans.utils.checks import check_choice, check_multiple, check_positive, check_weight
from keras_gans.zoo._registry import register


def generator(channels, filters, num_blocks, scale):
    """SRResNet: pictures (N, H, W, channels) -> (N, scale H, scale W, channels) in [-1, 1]."""
    source = keras.Input((None, None, channels), name="source")
    first = _prelu(_conv(filters, 9)(source))
    x = first
    for _ in range(num_blocks):
        y = _prelu(BatchNorm()(_conv(filters, 3)(x)))
        x = layers.Add()([x, BatchNorm()(_conv(filters, 3)(y))])
    x = layers.Add()([first, BatchNorm()(_conv(filters, 3)(x))])
    for _ in range(int(math.log2(scale))):
        x = _prelu(PixelShuffle2D(2)(_conv(4 * filters, 3)(x)))
    x = _conv(channels, 9)(x)
    target = layers.Activation("tanh", dtype="float32", name="target")(x)
    return keras.Model(source, target, name="generator")


def discriminator(image_size, channels, filters, units):
    """Large pictures (N, side, side, channels) in [-1, 1] -> logits (N, 1)."""
    image = keras.Input((image_size, image_size, channels), name="image")
    x = layers.LeakyReLU(0.2)(_conv(filters, 3)(image))
    for number in range(1, 8):
        strides = 1 + number % 2
        x = _conv(filters * 2 ** (number // 2), 3, strides)(x)
        x = layers.LeakyReLU(0.2)(BatchNorm()(x))
    x = layers.LeakyReLU(0.2)(layers.Dense(units)(layers.Flatten()(x)))
    logits = layers.Dense(1, dtype="float32", name="logits")(x)
    return keras.Model(image, logits, name="discriminator")


def _conv(width, size, strides=1):
    return layers.Conv2D(width, size, strides=strides, padding="same")


def _prelu(x):
    return layers.PReLU(alpha_initializer=keras.initializers.Constant(0.25), shared_axes=(1, 2))(x)


@keras.saving.register_keras_serializable("keras_gans")
class SRResNet(PairedGAN):
    """The generator alone, on pixels, see the module's docstring.

    Args:
        image_size: side of the large pictures in training: a multiple of `scale`.
        image_channels: 3 for colour, 1 for grey.
        scale: how many times as large pictures become, 2 or 4.
        filters: feature maps of the residual blocks.
        num_blocks: residual blocks.
        **kwargs: those of `keras_gans.GAN`.

    Raises:
        ValueError: for a size or scale that cannot be.
    """

    batch_size = 16
    players = {"generator": ("generator",)}
    logged: tuple[str, ...] = ("loss", "generator_loss")
    losses_in_words = (
        "The generator's loss is the mean squared difference over all values in [-1, 1] of a "
        "batch: a quarter of it is that of values in [0, 1]."
    )

    def __init__(
        self,
        image_size=96,
        image_channels=3,
        *,
        scale=4,
        filters=64,
        num_blocks=16,
        **kwargs,
    ):
        check_choice("scale", scale, (2, 4))
        check_positive("num_blocks", num_blocks)
        check_multiple("image_size", image_size, scale, f"small pictures are 1/{scale} of it")
        super().__init__(**kwargs)
        self.image_size, self.image_channels, self.scale = image_size, image_channels, scale
        self.filters, self.num_blocks = filters, num_blocks
        self.source = Image(image_size // scale, image_size // scale, image_channels)
        self.target = Image(image_size, image_size, image_channels, scale=scale)
        self.generator = generator(image_channels, filters, num_blocks, scale)
        self.built = True

    def generator_loss(self, source, target, fake):
        return Loss(ops.mean(ops.square(target - fake)))

    def optimizers(self, images=None):
        return {player: Adam(1e-4, beta_1=0.9, name=player) for player in self.players}


@keras.saving.register_keras_serializable("keras_gans")
class SRGAN(SRResNet):
    """SRResNet against a discriminator, see the module's docstring.

    Args:
        image_size: as of `SRResNet`; a multiple of 16 too.
        image_channels: 3 for colour, 1 for grey.
        adversarial_weight: of the adversarial loss, against the content loss of 1.
        discriminator_filters: feature maps of D's first convolution.
        discriminator_units: of D's dense layer.
        constant_steps: updates at the first learning rate; from then on a tenth of it.
        **kwargs: those of `SRResNet`.

    Raises:
        ValueError: for a size, scale or weight that cannot be.
    """

    players = {"generator": ("generator",), "discriminator": ("discriminator",)}
    logged = (*PairedGAN.logged, "content_loss", "adversarial_loss")
    losses_in_words = (
        "Losses are means over the images of a batch; content_loss is the mean squared difference "
        "over all values in [-1, 1], and adversarial_loss is logged before it is multiplied by "
        "adversarial_weight. The discriminator's is the sum of its loss on real and its loss on "
        "generated images."
    )

    def __init__(
        self,
        image_size=96,
        image_channels=3,
        *,
        adversarial_weight=1e-3,
        discriminator_filters=64,
        discriminator_units=1024,
        constant_steps=100_000,
        **kwargs,
    ):
        check_weight("adversarial_weight", adversarial_weight)
        check_multiple("image_size", image_size, 16, "the discriminator halves it four times")
        super().__init__(image_size, image_channels, **kwargs)
        self.adversarial_weight = adversarial_weight
        self.discriminator_filters = discriminator_filters
        self.discriminator_units = discriminator_units
        self.constant_steps = constant_steps
        self.discriminator = discriminator(
            image_size, image_channels, discriminator_filters, discriminator_units
        )

    def _judge(self, images):
        """D's logits of large pictures."""
        return self.discriminator(images, training=True)

    def discriminator_loss(self, source, target, fake):
        real_logits, fake_logits = self._judge(target), self._judge(fake)
        return Loss(losses.logistic(real_logits, fake_logits), real_logits, fake_logits)

    def generator_loss(self, source, target, fake):
        content_loss = ops.mean(ops.square(target - fake))
        adversarial_loss = losses.non_saturating(self._judge(fake))
        return Loss(
            content_loss + self.adversarial_weight * adversarial_loss,
            content_loss=content_loss,
            adversarial_loss=adversarial_loss,
        )

    def optimizers(self, images=None):
        steps = self.steps_of(images)
        constant = max(1, steps // 2) if steps else self.constant_steps
        schedule = keras.optimizers.schedules.PiecewiseConstantDecay([constant], [1e-4, 1e-5])
        return {player: Adam(schedule, beta_1=0.9, name=player) for player in self.players}


_ENTRY: dict = {
    "task": "upscaling",
    "paper": "Ledig et al., 2016, https://arxiv.org/abs/1609.04802",
}
_TINY: dict = {"image_size": 32, "scale": 2, "filters": 4, "num_blocks": 1}

register("srresnet", SRResNet, parameters={"generator": 1_550_659}, **_ENTRY, tiny=_TINY)
register(
    "srgan",
    SRGAN,
    parameters={"generator": 1_550_659, "discriminator": 23_565_505},
    **_ENTRY,
    tiny={**_TINY, "discriminator_filters": 4, "discriminator_units": 8},
)
