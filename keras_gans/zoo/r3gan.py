"""R3GAN: the modern baseline, a game that converges and networks without tricks.

The game, one update of each player per batch, with pairs (x, G(z)) of a row each:

    D: min  mean softplus(-(D(x) - D(G(z)))) + gamma / 2 * (|grad D(x)|^2 + |grad D(G(z))|^2)
    G: min  mean softplus(-(D(G(z)) - D(x)))                z ~ N(0, I)

Networks (32 x 32 pixels; stages of 4, 8, 16 and 32 pixels, two residual blocks each)

    block   x + W3 act(W2 act(W1 x)): 1x1 to twice the width, 3x3 in groups of 16 features, 1x1
            back; bias and leaky ReLU 0.2, no normalisation; W3 starts at zero
    G       z 64 -> linear, times a learned 4x4 basis a feature -> stages, doubled by the filter
            [1, 2, 1] between them, 1x1 where the width changes -> 1x1 to the picture, tanh
    D       1x1 from the picture -> stages the other way -> depthwise convolution over the whole
            map -> linear
    Kernels N(0, gain / sqrt(fan-in)); in blocks the gain is sqrt(2 / 1.04) * L^(-1/4), of L blocks.

Training: Adam, beta_1 0, beta_2 0.99, learning rate 2e-4 falling to 5e-5 along a cosine, gamma
falling to a tenth along the same one; batches of 64; averaged generator weights.

Paper:     Huang, Gokaslan, Kuleshov & Tompkin, 2024, https://arxiv.org/abs/2501.05441
Reference: brownvc/R3GAN, Networks.py, Trainer.py, for the facts

Departures: a tanh ends G, so that pictures are in [-1, 1] at the edges like everywhere in the zoo;
beta_2 does not rise from 0.9; the averaged weights' memory does not grow; no augmentation unless
`augment` asks for it (paper: at a probability that rises to 0.55).

`r3gan_fashion` is sized for small grey pictures and two CPU cores: fewer features, and 3x3
convolutions without expansion and groups (the paper's configuration before its last step), because
TensorFlow's CPU kernel for the gradient of groups is a hundred times slower; the penalties, half of
an update's work, come at every fourth update and are four times as heavy; and learning rates begin
at 1e-3, because a sixteenth of the features bears longer steps and the training is short.
"""

import math

import keras
import tensorflow as tf
from keras import layers

from keras_gans import losses
from keras_gans.games import regularizers
from keras_gans.games.adversarial import AdversarialGAN
from keras_gans.games.loss import Loss
from keras_gans.layers import BlurDown, BlurUp, LearnedBasis
from keras_gans.optimizers import Adam
from keras_gans.utils.checks import check_positive
from keras_gans.zoo._registry import register

_BLOCKS = 2
_LAST = 0.1  # what is left of gamma at the end


def generator(latent_dim, image_size, image_channels, widths, expansion, group_width):
    """Latents (N, latent_dim) -> images (N, image_size, image_size, image_channels) in [-1, 1]."""
    latent = keras.Input((latent_dim,), name="latent")
    x = layers.Dense(widths[0], use_bias=False, kernel_initializer=_kernel())(latent)
    x = LearnedBasis(_start(image_size, widths))(x)
    for stage, width in enumerate(widths):
        if stage:
            x = BlurUp()(_to_width(x, width))
        for _ in range(_BLOCKS):
            x = _block(x, _BLOCKS * len(widths), expansion, group_width)
    x = _conv(x, image_channels)
    image = layers.Activation("tanh", dtype="float32", name="image")(x)
    return keras.Model(latent, image, name="generator")


def discriminator(image_size, image_channels, widths, expansion, group_width):
    """Images (N, image_size, image_size, image_channels) in [-1, 1] -> logits (N, 1)."""
    image = keras.Input((image_size, image_size, image_channels), name="image")
    x = _conv(image, widths[-1])
    for stage, width in enumerate(reversed(widths)):
        if stage:
            x = _to_width(BlurDown()(x), width)
        for _ in range(_BLOCKS):
            x = _block(x, _BLOCKS * len(widths), expansion, group_width)
    whole = _start(image_size, widths)
    x = layers.DepthwiseConv2D(whole, use_bias=False, depthwise_initializer=_depthwise(whole))(x)
    logits = layers.Dense(
        1, use_bias=False, kernel_initializer=_kernel(), dtype="float32", name="logits"
    )(layers.Flatten()(x))
    return keras.Model(image, logits, name="discriminator")


def _start(image_size, widths):
    doublings = len(widths) - 1
    if image_size % 2**doublings or image_size < 2 ** (doublings + 1):
        raise ValueError(
            f"`image_size` must be a multiple of {2**doublings}, and {2 ** (doublings + 1)} at "
            f"least, because {len(widths)} stages (widths={tuple(widths)}) double it {doublings} "
            f"times. Received: image_size={image_size}"
        )
    return image_size // 2**doublings


def _block(x, num_blocks, expansion, group_width):
    width = x.shape[-1]
    inner = expansion * width
    gain = math.sqrt(2.0 / (1.0 + 0.2**2)) * num_blocks**-0.25
    options = {"padding": "same", "kernel_initializer": _kernel(gain)}
    y = layers.LeakyReLU(0.2)(layers.Conv2D(inner, 1, **options)(x))
    y = layers.Conv2D(inner, 3, groups=inner // (group_width or inner), **options)(y)
    y = layers.Conv2D(width, 1, use_bias=False, kernel_initializer="zeros")(
        layers.LeakyReLU(0.2)(y)
    )
    return layers.Add()([x, y])


def _to_width(x, width):
    return x if x.shape[-1] == width else _conv(x, width)


def _conv(x, width):
    return layers.Conv2D(width, 1, use_bias=False, kernel_initializer=_kernel())(x)


def _kernel(gain=1.0):
    return keras.initializers.VarianceScaling(gain**2, "fan_in", "untruncated_normal")


def _depthwise(side):
    return keras.initializers.RandomNormal(0.0, 1.0 / side)  # each output sees side^2 values


@keras.saving.register_keras_serializable("keras_gans")
class R3GAN(AdversarialGAN):
    """Relativistic GAN with R1 and R2, see the module's docstring for the game and the networks.

    Args:
        image_size: side of the square pictures, a multiple of 2 to the number of stages less one.
        image_channels: 3 for colour, 1 for grey.
        latent_dim: length of z.
        widths: feature maps of the stages, from the smallest to the pictures' size.
        expansion: feature maps inside a block, as a multiple of those outside.
        group_width: features of a group of the blocks' 3x3 convolutions; 0 for one group of all.
        decay_steps: training steps over which learning rates and penalties fall.
        **kwargs: the tricks (`keras_gans.games.tricks.Tricks`; `r1` and `r2` are gamma) and
            those of `keras_gans.GAN`.

    Raises:
        ValueError: for sizes the networks cannot build, or tricks that cannot be.
    """

    paper_tricks = {
        "objective": "relativistic_pairing",
        "r1": 0.05,
        "r2": 0.05,
        "batch_norm": "together",
        "ema_decay": 0.999,
    }

    own_regularizers = ("r1", "r2")
    shares_fakes = True

    def __init__(
        self,
        image_size=32,
        image_channels=3,
        *,
        latent_dim=64,
        widths=(768, 768, 768, 768),
        expansion=2,
        group_width=16,
        decay_steps=300_000,
        **kwargs,
    ):
        check_positive("expansion", expansion)
        super().__init__(**kwargs)
        if group_width and any(expansion * width % group_width for width in widths):
            raise ValueError(
                f"`group_width` must divide `expansion` times each of `widths`, because a block's "
                f"3x3 convolution is made of such groups. Received: group_width={group_width}, "
                f"expansion={expansion}, widths={tuple(widths)}"
            )
        self.image_size, self.image_channels = image_size, image_channels
        self.latent_dim, self.widths = latent_dim, tuple(widths)
        self.expansion, self.group_width = expansion, group_width
        self.decay_steps = decay_steps
        blocks = (self.widths, expansion, group_width)
        self.set_players(
            generator(latent_dim, image_size, image_channels, *blocks),
            discriminator(image_size, self.judged_channels, *blocks),
        )

    def discriminator_loss(self, real, fake):
        real_logits, fake_logits = self.judge_both(real, fake)
        value = losses.relativistic_pairing(real_logits, fake_logits)
        gamma = self.penalty_left()
        value += gamma * self.lazily(
            lambda: sum(
                (
                    self.tricks.r1 * regularizers.r1(self, real, fake),
                    self.tricks.r2 * regularizers.r2(self, real, fake),
                )
            )
        )
        return Loss(value, real_logits, fake_logits)

    def generator_loss(self, real, fake):
        real_logits, fake_logits = self.judge_both(real, fake)
        return Loss(losses.relativistic_pairing(fake_logits, real_logits))

    def optimizers(self, images=None):
        steps = self.steps_of(images) or self.decay_steps
        updates = {"generator": 1, "discriminator": self.discriminator_steps}
        return {
            player: Adam(
                keras.optimizers.schedules.CosineDecay(2e-4, steps * count, alpha=0.25),
                beta_1=0.0,
                beta_2=0.99,
                name=player,
            )
            for player, count in updates.items()
        }

    def penalty_left(self):
        """The share of gamma that is left: 1 at first, a tenth in the end, along a cosine."""
        steps = self.steps_of(self.run_images) or self.decay_steps
        done = tf.cast(tf.convert_to_tensor(self.step.value), tf.float32) / steps
        return _LAST + (1.0 - _LAST) * 0.5 * (1.0 + tf.cos(math.pi * tf.minimum(done, 1.0)))


_ENTRY: dict = {
    "task": "unconditional",
    "paper": "Huang, Gokaslan, Kuleshov & Tompkin, 2024, https://arxiv.org/abs/2501.05441",
}

register(
    "r3gan",
    R3GAN,
    parameters={"generator": 20_732_160, "discriminator": 20_683_776},
    **_ENTRY,
    tiny={"image_size": 16, "latent_dim": 8, "widths": (8, 8, 8)},
)
register(
    "r3gan_fashion",
    R3GAN,
    parameters={"generator": 86_720, "discriminator": 83_696},
    recipe={"data": "tfds:fashion_mnist", "epochs": 24},
    **_ENTRY,
    data="bundled:fashion_mnist",
    tiny={"latent_dim": 8, "widths": (16, 8, 8)},
    image_size=28,
    image_channels=1,
    widths=(48, 32, 16),
    expansion=1,
    group_width=0,
    penalty_interval=4,
    generator_learning_rate=1e-3,
    discriminator_learning_rate=1e-3,
    decay_steps=4_000,
)
register(
    "r3gan_avatars",
    R3GAN,
    parameters={"generator": 714_096, "discriminator": 706_032},
    recipe={"epochs": 60},
    **_ENTRY,
    data="bundled:avatars",
    tiny={"image_size": 16, "latent_dim": 8, "widths": (16, 8, 8)},
    image_size=64,
    widths=(128, 96, 64, 32, 16),
    expansion=1,
    group_width=0,
    penalty_interval=4,
    generator_learning_rate=1e-3,
    discriminator_learning_rate=1e-3,
    decay_steps=4_000,
)
