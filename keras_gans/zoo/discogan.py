"""DiscoGAN: relations between two sets of pictures, by a way there and back.

Generators      ab: A -> B             ba: B -> A            (paper: G_AB, G_BA)
Discriminators  b: real B or ab(A)?    a: real A or ba(B)?   (paper: D_B, D_A)

The game, one player for each batch of unrelated pictures (a, b): generators, generators,
discriminators, and so on:

    D: min  (-mean log D_b(b) - mean log(1 - D_b(ab(a)))) / 2, and the same of D_a
    G: min  (1 - rate) * (0.1 * -mean log D_b(ab(a)) + 0.9 * FM_b) + rate * mean (ba(ab(a)) - a)^2,
            and the same the other way

FM_b is feature matching (Salimans et al., 2016, https://arxiv.org/abs/1606.03498, section 3.1): of
the last three feature maps of D_b, the squared difference of their means over a batch of b and of
ab(a), mean over the values of a map, summed over the maps. `rate` is 0.01 in the first
`gan_curriculum` updates, 0.5 after them. Pictures of these terms are in [0, 1].

Networks (64 x 64 pixels)

    ab, ba  4x4 convolutions with stride 2 of 64, 128, 256, 512, batch norm but at the first, leaky
            ReLU 0.2; transposed ones of 256, 128, 64 with batch norm and ReLU, one of 3, sigmoid.
            With `extra_layers` in the middle: 4x4 unpadded to 100 features, batch norm, leaky ReLU,
            and back to 512, batch norm, ReLU.
    a, b    DCGAN's: 4x4 with stride 2 of 64, 128, 256, 512, batch norm but at the first, leaky ReLU
            0.2, 4x4 unpadded to 1
    No biases; every kernel uniform in +- 1 / root of its inputs.

Training: Adam 2e-4, beta_1 0.5, with 1e-5 of each weight added to its gradient; batches of 64.

Paper:     Kim, Cha, Kim, Lee & Kim, 2017, https://arxiv.org/abs/1703.05192
Reference: SKTBrain/DiscoGAN, image_translation.py, model.py

The paper's formula has neither feature matching nor `rate`; the reference, which is followed, has
both. Departures: the discriminators learn from the last of three batches, in the reference from the
first. Translations are made with the running averages of batch norm, in the reference with the
statistics of the pictures that are translated together. `gan_curriculum` counts updates and is not
laid over the length of a run: the reference has no such length.
"""

import keras
import tensorflow as tf
from keras import layers, ops

from keras_gans import losses
from keras_gans.core.model import GAN
from keras_gans.games.loss import Loss
from keras_gans.games.unpaired import TakingTurnsGAN
from keras_gans.layers import BatchNorm
from keras_gans.optimizers import Adam
from keras_gans.utils.checks import check_multiple, check_positive, check_weight
from keras_gans.zoo._registry import register

_ADVERSARIAL, _MATCHING = 0.1, 0.9
_MIDDLE = 100  # features of the extra layers


def generator(source_channels, target_channels, filters, extra_layers, name):
    """Pictures (N, H, W, channels) in [-1, 1] -> the same size; H, W multiples of 16."""
    source = keras.Input((None, None, source_channels), name="source")
    x = _encoded(layers.Rescaling(0.5, 0.5, name="unit_range")(source), filters)[-1]
    if extra_layers:
        x = layers.LeakyReLU(0.2)(BatchNorm(name="middle_norm")(_valid(_MIDDLE, "middle")(x)))
        x = _transposed(8 * filters, "spread", strides=1, padding="valid")(x)
        x = layers.ReLU()(BatchNorm(name="spread_norm")(x))
    for level, width in ((4, 4 * filters), (3, 2 * filters), (2, filters)):
        x = BatchNorm(name=f"up_{level}_norm")(_transposed(width, f"up_{level}")(x))
        x = layers.ReLU()(x)
    x = _transposed(target_channels, "up_1")(x)
    x = layers.Activation("sigmoid", dtype="float32")(x)
    target = layers.Rescaling(2.0, -1.0, dtype="float32", name="target")(x)
    return keras.Model(source, target, name=name)


def discriminator(image_size, image_channels, filters, name):
    """Pictures (N, side, side, channels) -> logits (N, h, w, 1), and the last three maps."""
    image = keras.Input((image_size, image_size, image_channels), name="image")
    maps = _encoded(layers.Rescaling(0.5, 0.5, name="unit_range")(image), filters)
    logits = _valid(1, "last")(maps[-1])
    logits = layers.Activation("linear", dtype="float32", name="logits")(logits)
    return keras.Model(image, [logits, *maps[1:]], name=name)


def _encoded(x, filters):
    """Feature maps of 64, 128, 256 and 512 filters, each half as wide and high as the last."""
    maps = []
    for level in range(1, 5):
        x = layers.Conv2D(
            filters * 2 ** (level - 1),
            4,
            strides=2,
            padding="same",
            use_bias=False,
            kernel_initializer=_uniform(),
            name=f"down_{level}",
        )(x)
        if level > 1:
            x = BatchNorm(name=f"down_{level}_norm")(x)
        x = layers.LeakyReLU(0.2, name=f"map_{level}")(x)
        maps.append(x)
    return maps


def _valid(width, name):
    return layers.Conv2D(width, 4, use_bias=False, kernel_initializer=_uniform(), name=name)


def _transposed(width, name, strides=2, padding="same"):
    return layers.Conv2DTranspose(
        width,
        4,
        strides=strides,
        padding=padding,
        use_bias=False,
        kernel_initializer=_uniform(),
        name=name,
    )


def _uniform():
    return keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")  # PyTorch's own


@keras.saving.register_keras_serializable("keras_gans")
class DiscoGAN(TakingTurnsGAN):
    """Unpaired translation, see the module's docstring for the game and the networks.

    Args:
        image_size: side of the square pictures in training: a multiple of 16, at least 64.
        a_channels: of the pictures of domain A, 3 for colour, 1 for grey.
        b_channels: of domain B.
        filters: feature maps of the first convolution of every network.
        extra_layers: whether generators go through a middle of 100 features, 3 pixels smaller.
        starting_rate: share of the way there and back in the generators' loss, from 0 to 1, in the
            first `gan_curriculum` updates.
        default_rate: likewise after them.
        gan_curriculum: updates of either player before the share changes.
        update_interval: batches of which the discriminators learn from one, at least 2.
        weight_decay: share of each weight that is added to its gradient.
        **kwargs: those of `keras_gans.GAN`.

    Raises:
        ValueError: for a size, share or weight that cannot be.
    """

    batch_size = 64
    logged = (*GAN.logged, "adversarial_loss", "feature_loss", "cycle_loss")
    losses_in_words = (
        "Losses are means over the images of a batch, and sums over the two domains: half of "
        "adversarial_loss, feature_loss or cycle_loss compares with a loss of one translator. They "
        "are logged before they are weighted; cycle_loss is a squared difference of images in "
        "[0, 1]. The discriminators' is the sum, over both of them, of half their loss on real and "
        "on generated images. Both players' losses have their weight decay in them."
    )

    stride = 16

    def __init__(
        self,
        image_size=64,
        a_channels=3,
        b_channels=3,
        *,
        filters=64,
        extra_layers=False,
        starting_rate=0.01,
        default_rate=0.5,
        gan_curriculum=10_000,
        update_interval=3,
        weight_decay=1e-5,
        **kwargs,
    ):
        check_multiple("image_size", image_size, 16, "networks halve it four times", 64)
        check_positive("filters", filters)
        check_positive("gan_curriculum", gan_curriculum, least=0)
        check_positive("update_interval", update_interval, least=2)
        check_weight("weight_decay", weight_decay)
        for name, rate in (("starting_rate", starting_rate), ("default_rate", default_rate)):
            check_weight(name, rate)
            if rate > 1.0:
                raise ValueError(f"`{name}` is a share, from 0 to 1. Received: {rate!r}")
        super().__init__(**kwargs)
        self.image_size, self.a_channels, self.b_channels = image_size, a_channels, b_channels
        self.filters, self.extra_layers = filters, extra_layers
        self.starting_rate, self.default_rate = starting_rate, default_rate
        self.gan_curriculum, self.update_interval = gan_curriculum, update_interval
        self.weight_decay = weight_decay
        self.generator_ab = generator(a_channels, b_channels, filters, extra_layers, "generator_ab")
        self.generator_ba = generator(b_channels, a_channels, filters, extra_layers, "generator_ba")
        self.discriminator_a = discriminator(image_size, a_channels, filters, "discriminator_a")
        self.discriminator_b = discriminator(image_size, b_channels, filters, "discriminator_b")
        self.built = True

    @property
    def smallest(self):  # type: ignore[override]
        """What the sides of pictures to translate must be at least."""
        return 64 if self.extra_layers else 16

    def optimizers(self, images=None):
        return {player: Adam(2e-4, beta_1=0.5, name=player) for player in self.players}

    def both_losses(self, real_a, real_b, made):
        a = _Judged(self.discriminator_a, real_a, made.fake_a)
        b = _Judged(self.discriminator_b, real_b, made.fake_b)
        adversarial_loss = losses.non_saturating(a.fake) + losses.non_saturating(b.fake)
        feature_loss = a.feature_loss() + b.feature_loss()
        cycle_loss = _in_unit_range(made.cycled_a, real_a) + _in_unit_range(made.cycled_b, real_b)
        rate = self.rate()
        loss = (1.0 - rate) * (_ADVERSARIAL * adversarial_loss + _MATCHING * feature_loss)
        judged = 0.5 * (losses.logistic(a.real, a.fake) + losses.logistic(b.real, b.fake))
        return (
            Loss(
                loss + rate * cycle_loss + self._decay("generator"),
                adversarial_loss=adversarial_loss,
                feature_loss=feature_loss,
                cycle_loss=cycle_loss,
            ),
            Loss(
                judged + self._decay("discriminator"),
                ops.concatenate([a.real, b.real]),
                ops.concatenate([a.fake, b.fake]),
            ),
        )

    def rate(self):
        """Share of the way there and back in the generators' loss now, a float32 scalar."""
        early = tf.convert_to_tensor(self.step.value) < self.gan_curriculum
        return tf.where(early, self.starting_rate, self.default_rate)

    def _decay(self, player):
        # Its gradient is what PyTorch's Adam adds for `weight_decay`.
        squares = [tf.nn.l2_loss(variable.value) for variable in self.variables_of(player)]
        return self.weight_decay * tf.add_n(squares)


class _Judged:
    """What a discriminator says of a batch of real pictures and one of translations."""

    def __init__(self, discriminator, real, fake):
        # One after the other: batch norm keeps real and generated pictures apart.
        self.real, *self._real_maps = discriminator(real, training=True)
        self.fake, *self._fake_maps = discriminator(fake, training=True)

    def feature_loss(self):
        total = 0.0
        for real, fake in zip(self._real_maps, self._fake_maps, strict=True):
            real, fake = (ops.mean(ops.cast(maps, "float32"), axis=0) for maps in (real, fake))
            total = total + ops.mean(ops.square(real - fake))
        return total


def _in_unit_range(made, wanted):
    """Mean squared difference of pictures, as if they were in [0, 1]."""
    return 0.25 * ops.mean(ops.square(made - wanted))


_ENTRY: dict = {
    "task": "unpaired_translation",
    "paper": "Kim, Cha, Kim, Lee & Kim, 2017, https://arxiv.org/abs/1703.05192",
    "tiny": {"filters": 4, "update_interval": 2, "gan_curriculum": 1},
}

register(
    "discogan",
    DiscoGAN,
    parameters={
        "generator_ab": 5_513_856,
        "generator_ba": 5_513_856,
        "discriminator_a": 2_765_568,
        "discriminator_b": 2_765_568,
    },
    **_ENTRY,
)
register(
    "discogan_emoji",
    DiscoGAN,
    parameters={
        "generator_ab": 777_456,
        "generator_ba": 777_456,
        "discriminator_a": 391_968,
        "discriminator_b": 391_968,
    },
    recipe={"epochs": 60, "batch_size": 16, "jitter": False, "flip": True},
    **_ENTRY,
    data="bundled:emoji/styles",
    filters=24,
    gan_curriculum=1_000,
)
