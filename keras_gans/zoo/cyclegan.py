"""CycleGAN: translation between two sets of pictures without pairs.

Generators      ab: A -> B             ba: B -> A            (paper: G, F)
Discriminators  b: real B or ab(A)?    a: real A or ba(B)?   (paper: D_Y, D_X)

The game, one update of each player per pair of unrelated pictures (a, b), generators first:

    G: min  mean((D_b(ab(a)) - 1)^2) + mean((D_a(ba(b)) - 1)^2)
            + cycle_weight * (mean|ba(ab(a)) - a| + mean|ab(ba(b)) - b|)
            + identity_weight * (mean|ba(a) - a| + mean|ab(b) - b|)
    D: min  (mean((D_b(b) - 1)^2) + mean(D_b(pool(ab(a)))^2)) / 2, and the same of D_a

Networks (256 x 256 pixels, 9 blocks; 6 at 128)

    ab, ba  c7s1-64, d128, d256, R256 x 9, u128, u64, c7s1-3: reflection padding at the 7x7
            convolutions and in the residual blocks, instance norm, ReLU, tanh
    a, b    PatchGAN: C64-C128-C256 stride 2, C512-C1 stride 1, 4x4, instance norm but at the
            first and last layer, leaky ReLU 0.2: each number judges a patch of 70 x 70 pixels
    Every kernel N(0, 0.02).

Training: one Adam for both generators and one for both discriminators, 2e-4, beta_1 0.5; batch 1;
100 epochs of constant learning rate and 100 of linear decay to zero (counted in updates: the
defaults are those of the 1,334 zebras); a pool of 50 translations for the discriminators;
pictures scaled to 286, cropped to 256 and mirrored at random.

Paper:     Zhu, Park, Isola & Efros, 2017, https://arxiv.org/abs/1703.10593
Reference: junyanz/pytorch-CycleGAN-and-pix2pix, models/cycle_gan_model.py, models/networks.py

`identity_weight` is absolute; 5 is the reference's default, 0.5 of the cycle weight 10. (The paper
uses the identity loss for painting to photo only.) Where it is 0 its passes are skipped.
"""

import keras
from keras import layers, ops

from keras_gans import losses
from keras_gans.core.model import GAN
from keras_gans.games.loss import Loss
from keras_gans.games.unpaired import UnpairedGAN, both
from keras_gans.layers import (
    ImagePool,
    InstanceNorm,
    NarrowConv2D,
    ReflectionPadding2D,
    TorchConvTranspose2D,
)
from keras_gans.optimizers import Adam, LinearDecay
from keras_gans.utils.checks import check_multiple, check_positive, check_weight
from keras_gans.zoo._registry import register


def generator(source_channels, target_channels, filters, num_blocks, name):
    """ResNet: pictures (N, H, W, channels) -> the same size in [-1, 1]; H, W multiples of 4."""
    source = keras.Input((None, None, source_channels), name="source")
    x = _conv(filters, 7, "c7s1")(ReflectionPadding2D(3)(source))
    # ReLU may come after the padding as well: one feature map less to keep for the gradients.
    for level in (1, 2):
        # Padded on all sides, as in PyTorch: SAME would pad right and bottom only.
        x = layers.ZeroPadding2D(1)(layers.ReLU()(InstanceNorm()(x)))
        x = _conv(filters * 2**level, 3, f"down_{level}", strides=2)(x)
    x = layers.ReLU()(InstanceNorm()(x))
    for block in range(1, num_blocks + 1):
        x = layers.Add()([x, _residual(x, 4 * filters, block)])
    x = layers.ReLU()(InstanceNorm()(_up(2 * filters, 2)(x)))
    x = layers.ReLU()(ReflectionPadding2D(3)(InstanceNorm()(_up(filters, 1)(x))))
    x = NarrowConv2D(target_channels, 7, kernel_initializer=_normal(), name="c7s1_out")(x)
    target = layers.Activation("tanh", dtype="float32", name="target")(x)
    return keras.Model(source, target, name=name)


def _residual(x, filters, block):
    x = _conv(filters, 3, f"block_{block}_1")(ReflectionPadding2D(1)(x))
    x = layers.ReLU()(ReflectionPadding2D(1)(InstanceNorm()(x)))
    x = _conv(filters, 3, f"block_{block}_2")(x)
    return InstanceNorm()(x)


def discriminator(image_size, image_channels, filters, name):
    """PatchGAN: pictures (N, side, side, channels) -> one number for each patch, (N, h, w, 1)."""
    image = keras.Input((image_size, image_size, image_channels), name="image")
    x = layers.LeakyReLU(0.2)(_conv(filters, 4, "conv_1", strides=2, padding="same")(image))
    for level, width in ((2, 2 * filters), (3, 4 * filters)):
        x = _conv(width, 4, f"conv_{level}", strides=2, padding="same")(x)
        x = layers.LeakyReLU(0.2)(InstanceNorm()(x))
    # One pixel of padding on every side, as in PyTorch; TensorFlow's SAME has another size here.
    x = _conv(8 * filters, 4, "conv_4")(layers.ZeroPadding2D(1)(x))
    x = layers.LeakyReLU(0.2)(InstanceNorm()(x))
    x = _conv(1, 4, "conv_5")(layers.ZeroPadding2D(1)(x))
    logits = layers.Activation("linear", dtype="float32", name="logits")(x)
    return keras.Model(image, logits, name=name)


def _conv(width, size, name, strides=1, padding="valid"):
    return layers.Conv2D(
        width,
        size,
        strides=strides,
        padding=padding,
        kernel_initializer=_normal(),
        name=name,
    )


def _up(width, level):
    return TorchConvTranspose2D(width, kernel_initializer=_normal(), name=f"up_{level}")


def _normal():
    return keras.initializers.RandomNormal(0.0, 0.02)


@keras.saving.register_keras_serializable("keras_gans")
class CycleGAN(UnpairedGAN):
    """Unpaired translation, see the module's docstring for the game and the networks.

    Args:
        image_size: side of the square pictures in training: a multiple of 8, at least 32.
        a_channels: of the pictures of domain A, 3 for colour, 1 for grey.
        b_channels: of domain B.
        filters: feature maps of the first convolution of every network.
        num_blocks: residual blocks of the generators.
        cycle_weight: of the way there and back, against the adversarial losses of 1.
        identity_weight: of leaving alone what is of the target's domain already; absolute. 0
            skips its passes; where A and B differ in channels it must be 0.
        pool_size: translations the discriminators' pools hold; 0 disables them.
        constant_steps: updates before the learning rate begins to fall.
        decay_steps: updates of its linear fall to zero.
        **kwargs: those of `keras_gans.GAN`.

    Raises:
        ValueError: for a size or weight that cannot be.
    """

    logged = (*GAN.logged, "adversarial_loss", "cycle_loss", "identity_loss")
    losses_in_words = (
        "Losses are means over the images of a batch and over all patches or values, and sums over "
        "the two domains: half of adversarial_loss, cycle_loss or identity_loss compares with a "
        "loss of one translator. The last two are logged before they are multiplied by their "
        "weights. The discriminators' is the sum, over both of them, of half their loss on real "
        "and on generated images."
    )

    stride = 4
    smallest = 8  # 2 pixels in the middle, where 1 would have nothing to reflect
    boundary = 0.5  # logits near 1 say real and near 0 fake

    def __init__(
        self,
        image_size=256,
        a_channels=3,
        b_channels=3,
        *,
        filters=64,
        num_blocks=9,
        cycle_weight=10.0,
        identity_weight=5.0,
        pool_size=50,
        constant_steps=133_400,
        decay_steps=133_400,
        **kwargs,
    ):
        check_positive("num_blocks", num_blocks)
        check_multiple("image_size", image_size, 8, "the discriminators halve it three times", 32)
        check_weight("cycle_weight", cycle_weight)
        check_weight("identity_weight", identity_weight)
        if identity_weight and a_channels != b_channels:
            raise ValueError(
                "The identity loss feeds pictures of B to the generator of B, so both domains need "
                f"the same channels. Received: a_channels={a_channels}, b_channels={b_channels}; "
                "use identity_weight=0."
            )
        super().__init__(**kwargs)
        self.image_size, self.a_channels, self.b_channels = image_size, a_channels, b_channels
        self.filters, self.num_blocks = filters, num_blocks
        self.cycle_weight, self.identity_weight = cycle_weight, identity_weight
        self.pool_size = pool_size
        self.constant_steps, self.decay_steps = constant_steps, decay_steps
        self.generator_ab = generator(a_channels, b_channels, filters, num_blocks, "generator_ab")
        self.generator_ba = generator(b_channels, a_channels, filters, num_blocks, "generator_ba")
        self.discriminator_a = discriminator(image_size, a_channels, filters, "discriminator_a")
        self.discriminator_b = discriminator(image_size, b_channels, filters, "discriminator_b")
        self.pool_a = ImagePool(pool_size, (image_size, image_size, a_channels))
        self.pool_b = ImagePool(pool_size, (image_size, image_size, b_channels))
        self.built = True

    def optimizers(self, images=None):
        constant, decay = self.constant_and_decay(images)
        schedule = LinearDecay(2e-4, constant, decay)
        return {player: Adam(schedule, beta_1=0.5, name=player) for player in self.players}

    def generator_loss(self, real_a, real_b, made):
        adversarial_loss = losses.least_squares(
            self.discriminator_a(made.fake_a, training=True), 1.0
        ) + losses.least_squares(self.discriminator_b(made.fake_b, training=True), 1.0)
        cycle_loss = losses.l1(made.cycled_a, real_a) + losses.l1(made.cycled_b, real_b)
        identity_loss = losses.l1(made.same_a, real_a) + losses.l1(made.same_b, real_b)
        return Loss(
            adversarial_loss
            + self.cycle_weight * cycle_loss
            + self.identity_weight * identity_loss,
            adversarial_loss=adversarial_loss,
            cycle_loss=cycle_loss,
            identity_loss=identity_loss,
        )

    def discriminator_loss(self, real_a, real_b, fake_a, fake_b):
        real_a_logits, fake_a_logits = both(self.discriminator_a, real_a, fake_a)
        real_b_logits, fake_b_logits = both(self.discriminator_b, real_b, fake_b)
        value = 0.5 * (
            losses.least_squares(real_a_logits, 1.0)
            + losses.least_squares(fake_a_logits, 0.0)
            + losses.least_squares(real_b_logits, 1.0)
            + losses.least_squares(fake_b_logits, 0.0)
        )
        real = ops.concatenate([real_a_logits, real_b_logits])
        return Loss(value, real, ops.concatenate([fake_a_logits, fake_b_logits]))

    def reference_layers(self):
        """`{network: {module name in the reference's checkpoints: our layer's name}}`."""
        resnet, patch = _resnet_modules(self.num_blocks), _patch_modules()
        return {
            "generator_ab": resnet,
            "generator_ba": resnet,
            "discriminator_a": patch,
            "discriminator_b": patch,
        }


def _resnet_modules(num_blocks):
    modules = {"model.1": "c7s1", "model.4": "down_1", "model.7": "down_2"}
    for block in range(1, num_blocks + 1):
        modules[f"model.{9 + block}.conv_block.1"] = f"block_{block}_1"
        modules[f"model.{9 + block}.conv_block.5"] = f"block_{block}_2"
        # Where it was trained with dropout, the layers after it count one more.
        modules[f"model.{9 + block}.conv_block.6"] = f"block_{block}_2"
    modules[f"model.{10 + num_blocks}"] = "up_2"
    modules[f"model.{13 + num_blocks}"] = "up_1"
    modules[f"model.{17 + num_blocks}"] = "c7s1_out"
    return modules


def _patch_modules():
    return {f"model.{index}": f"conv_{n}" for n, index in enumerate((0, 2, 5, 8, 11), start=1)}


_ENTRY: dict = {
    "task": "unpaired_translation",
    "paper": "Zhu, Park, Isola & Efros, 2017, https://arxiv.org/abs/1703.10593",
    "tiny": {"image_size": 32, "num_blocks": 1, "filters": 4, "pool_size": 3},
}

register(
    "cyclegan",
    CycleGAN,
    parameters={
        "generator_ab": 11_378_179,
        "generator_ba": 11_378_179,
        "discriminator_a": 2_764_737,
        "discriminator_b": 2_764_737,
    },
    **_ENTRY,
)
register(
    "cyclegan_128",
    CycleGAN,
    parameters={
        "generator_ab": 7_837_699,
        "generator_ba": 7_837_699,
        "discriminator_a": 2_764_737,
        "discriminator_b": 2_764_737,
    },
    **_ENTRY,
    image_size=128,
    num_blocks=6,
)
register(
    "cyclegan_emoji",
    CycleGAN,
    parameters={
        "generator_ab": 775_299,
        "generator_ba": 775_299,
        "discriminator_a": 391_657,
        "discriminator_b": 391_657,
    },
    recipe={
        "epochs": 8,
        # Scaled and cropped at random, pictures no longer show how much of its square each font
        # fills.
        "jitter": False,
        "flip": True,
    },
    **_ENTRY,
    data="bundled:emoji/styles",
    image_size=64,
    num_blocks=4,
    filters=24,
)
register(
    "cyclegan_avatars",
    CycleGAN,
    parameters={
        "generator_ab": 775_299,
        "generator_ba": 775_299,
        "discriminator_a": 391_657,
        "discriminator_b": 391_657,
    },
    recipe={"epochs": 4, "jitter": False},
    **_ENTRY,
    data="bundled:avatars/glasses",
    image_size=64,
    num_blocks=4,
    filters=24,
)
