"""DualGAN: unpaired translation with critics instead of discriminators.

Generators  ab: A -> B             ba: B -> A            (paper: G_A, G_B)
Critics     b: real B or ab(A)?    a: real A or ba(B)?   (paper: D_A, D_B)

The game, one update of each player per pair of unrelated pictures (a, b), critics first:

    D: min  mean D_b(ab(a)) - mean D_b(b) + gradient_penalty * mean (|grad D_b(x)| - 1)^2, x at
            random between b and ab(a), and the same of D_a
    G: min  -mean D_b(ab(a)) - mean D_a(ba(b))
            + cycle_weight * (mean|ba(ab(a)) - a| + mean|ab(ba(b)) - b|)

Networks (256 x 256 pixels, `num_downs=8`)

    ab, ba  U-Net: convolutions with stride 2 of 64, 128, 256 and 512 five times, 5x5 the first and
            3x3 the others, leaky ReLU 0.2 before all but the first; transposed ones back up, ReLU
            before each, joined by the features of their size, 5x5 the last, tanh. Instance norm
            with weights but at the first and the last.
    a, b    convolutions with stride 2 of 64, 128, 256, 512 and 512, 5x5 the first and 3x3 the
            others, instance norm with weights but at the first, leaky ReLU 0.2, and one number for
            the picture, a linear function of the last maps
    Every kernel N(0, 0.02), truncated at two deviations but where transposed or linear.

Training: RMSprop 5e-5, decay 0.9; batch 1; 50 epochs; pictures mirrored at random.

Paper:     Yi, Zhang, Tan & Gong, 2017, https://arxiv.org/abs/1704.02510
Reference: duxingren14/DualGAN, model.py, ops.py (`batch_norm` there is instance norm)

Where they disagree the reference's defaults are followed: the paper clips the critics' weights
(`gradient_penalty=0, clip=0.01`), has critics of patches, up to four of their updates for one of
the generators, and dropout, which the reference has at a rate of 0 and this family not at all. Of
256 pixels eight halvings leave one, and instance norm of one value is its shift alone: as in the
reference, the innermost convolution of the paper's size says nothing and never learns.

Departures: norms begin at a scale of 1, in the reference at N(1, 0.02); RMSprop's mean squares
begin at 0, in TensorFlow 1 at 1, so that the first updates are larger here.
"""

import keras
from keras import layers, ops

from keras_gans import losses, penalties
from keras_gans.core.model import GAN
from keras_gans.games.loss import Loss
from keras_gans.games.unpaired import DiscriminatorsFirstGAN, both
from keras_gans.layers import InstanceNorm
from keras_gans.utils.checks import check_multiple, check_positive, check_weight
from keras_gans.zoo._registry import register

_JUDGED = 5  # halvings by a critic


def generator(source_channels, target_channels, filters, num_downs, name):
    """U-Net: pictures (N, H, W, channels) -> the same size; H, W multiples of 2 ** num_downs."""
    source = keras.Input((None, None, source_channels), name="source")
    widths = [filters * min(2**level, 8) for level in range(num_downs)]
    x, skips = _down(widths[0], 1)(source), []
    for level, width in enumerate(widths[1:], start=2):
        skips.append(x)
        x = _norm(f"down_{level}_norm")(_down(width, level)(layers.LeakyReLU(0.2)(x)))
    for level in range(num_downs, 1, -1):
        x = _norm(f"up_{level}_norm")(_up(widths[level - 2], level)(layers.ReLU()(x)))
        x = layers.Concatenate()([x, skips[level - 2]])
    x = _up(target_channels, 1)(layers.ReLU()(x))
    target = layers.Activation("tanh", dtype="float32", name="target")(x)
    return keras.Model(source, target, name=name)


def critic(image_size, image_channels, filters, name):
    """Pictures (N, side, side, channels) -> one number each, (N, 1)."""
    image = keras.Input((image_size, image_size, image_channels), name="image")
    x = layers.LeakyReLU(0.2)(_down(filters, 1)(image))
    for level in range(2, _JUDGED + 1):
        x = _down(filters * min(2 ** (level - 1), 8), level)(x)
        x = layers.LeakyReLU(0.2)(_norm(f"down_{level}_norm")(x))
    x = layers.Flatten()(x)
    initializer = keras.initializers.RandomNormal(0.0, 0.02)
    logits = layers.Dense(1, kernel_initializer=initializer, dtype="float32", name="logits")(x)
    return keras.Model(image, logits, name=name)


def _down(width, level):
    return layers.Conv2D(
        width,
        5 if level == 1 else 3,
        strides=2,
        padding="same",
        kernel_initializer=keras.initializers.TruncatedNormal(0.0, 0.02),
        name=f"down_{level}",
    )


def _up(width, level):
    return layers.Conv2DTranspose(
        width,
        5 if level == 1 else 3,
        strides=2,
        padding="same",
        kernel_initializer=keras.initializers.RandomNormal(0.0, 0.02),
        name=f"up_{level}",
    )


def _norm(name):
    return InstanceNorm(epsilon=1e-6, affine=True, name=name)


@keras.saving.register_keras_serializable("keras_gans")
class DualGAN(DiscriminatorsFirstGAN):
    """Unpaired translation, see the module's docstring for the game and the networks.

    Args:
        image_size: side of the square pictures in training: a multiple of 32 and of
            2 ** num_downs.
        a_channels: of the pictures of domain A, 3 for colour, 1 for grey.
        b_channels: of domain B.
        filters: feature maps of the first convolution of every network.
        num_downs: halvings by the generators, at least 2.
        cycle_weight: of the way there and back, against the adversarial losses of 1.
        gradient_penalty: weight of the critics' slope; 0 for none.
        clip: critics' weights are kept within +- this; 0 for not at all.
        **kwargs: those of `keras_gans.GAN`.

    Raises:
        ValueError: for a size or weight that cannot be, or critics bounded by nothing.
    """

    logged = (*GAN.logged, "adversarial_loss", "cycle_loss")
    losses_in_words = (
        "Losses are means over the images of a batch, and sums over the two domains: half of "
        "adversarial_loss or cycle_loss compares with a loss of one translator. cycle_loss is "
        "logged before it is multiplied by its weight. The critics' is minus the distance they "
        "see between real and generated images, plus their penalty; accuracies compare an image "
        "with the mean of its rivals."
    )

    def __init__(
        self,
        image_size=256,
        a_channels=3,
        b_channels=3,
        *,
        filters=64,
        num_downs=8,
        cycle_weight=500.0,
        gradient_penalty=10.0,
        clip=0.0,
        **kwargs,
    ):
        check_positive("filters", filters)
        check_positive("num_downs", num_downs, least=2)
        check_multiple("image_size", image_size, 2**_JUDGED, f"critics halve it {_JUDGED} times")
        check_multiple("image_size", image_size, 2**num_downs, f"num_downs={num_downs} halve it")
        for name, weight in (
            ("cycle_weight", cycle_weight),
            ("gradient_penalty", gradient_penalty),
            ("clip", clip),
        ):
            check_weight(name, weight)
        if not gradient_penalty and not clip:
            raise ValueError(
                "Critics need a bound, without which their loss has none. Use gradient_penalty=10, "
                "or clip=0.01. Received: gradient_penalty=0 and clip=0"
            )
        super().__init__(**kwargs)
        self.image_size, self.a_channels, self.b_channels = image_size, a_channels, b_channels
        self.filters, self.num_downs, self.cycle_weight = filters, num_downs, cycle_weight
        self.gradient_penalty, self.clip = gradient_penalty, clip
        self.generator_ab = generator(a_channels, b_channels, filters, num_downs, "generator_ab")
        self.generator_ba = generator(b_channels, a_channels, filters, num_downs, "generator_ba")
        self.discriminator_a = critic(image_size, a_channels, filters, "discriminator_a")
        self.discriminator_b = critic(image_size, b_channels, filters, "discriminator_b")
        self.built = True

    @property
    def stride(self):  # type: ignore[override]
        """What the sides of pictures to translate must be a multiple of."""
        return 2**self.num_downs

    def optimizers(self, images=None):
        return {
            player: keras.optimizers.RMSprop(5e-5, rho=0.9, epsilon=1e-10, name=player)
            for player in self.players
        }

    def discriminator_loss(self, real_a, real_b, fake_a, fake_b):
        total, ahead, behind = 0.0, [], []
        for network, real, fake, domain in (
            (self.discriminator_a, real_a, fake_a, "a"),
            (self.discriminator_b, real_b, fake_b, "b"),
        ):
            real_logits, fake_logits = both(network, real, fake)
            total = total + losses.wasserstein(real_logits, fake_logits)
            total = total + self._penalty(network, real, fake, domain)
            # Only differences count: a logit is judged by the rivals' mean.
            ahead.append(real_logits - ops.mean(fake_logits))
            behind.append(fake_logits - ops.mean(real_logits))
        return Loss(total, ops.concatenate(ahead), ops.concatenate(behind))

    def _penalty(self, network, real, fake, domain):
        if not self.gradient_penalty:
            return 0.0
        mix = self.mix(ops.shape(real)[0], domain)
        judge = lambda images: network(images, training=True)  # noqa: E731
        return self.gradient_penalty * penalties.gradient_penalty(judge, real, fake, mix)

    def mix(self, count, domain):
        """How far pictures of `domain` lie from real to generated: uniform, (count,)."""
        return self.uniform((count,), f"mix_{domain}")

    def generator_loss(self, real_a, real_b, made):
        adversarial_loss = losses.wasserstein_generator(
            self.discriminator_a(made.fake_a, training=True)
        ) + losses.wasserstein_generator(self.discriminator_b(made.fake_b, training=True))
        cycle_loss = losses.l1(made.cycled_a, real_a) + losses.l1(made.cycled_b, real_b)
        return Loss(
            adversarial_loss + self.cycle_weight * cycle_loss,
            adversarial_loss=adversarial_loss,
            cycle_loss=cycle_loss,
        )

    def update(self, player, loss, tape):
        super().update(player, loss, tape)
        if player == "discriminator" and self.clip:
            for variable in self.variables_of(player):
                variable.assign(ops.clip(variable, -self.clip, self.clip))


_ENTRY: dict = {
    "task": "unpaired_translation",
    "paper": "Yi, Zhang, Tan & Gong, 2017, https://arxiv.org/abs/1704.02510",
    "tiny": {"image_size": 64, "num_downs": 3, "filters": 4},
}

register(
    "dualgan",
    DualGAN,
    parameters={
        "generator_ab": 30_627_907,
        "generator_ba": 30_627_907,
        "discriminator_a": 3_949_441,
        "discriminator_b": 3_949_441,
    },
    recipe={"epochs": 50, "jitter": False, "flip": True},
    **_ENTRY,
)
register(
    "dualgan_emoji",
    DualGAN,
    parameters={
        "generator_ab": 1_324_827,
        "generator_ba": 1_324_827,
        "discriminator_a": 553_681,
        "discriminator_b": 553_681,
    },
    recipe={"epochs": 20, "batch_size": 4, "jitter": False, "flip": True},
    **_ENTRY,
    data="bundled:emoji/styles",
    image_size=64,
    num_downs=5,
    filters=24,
)
