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
import numpy as np
import tensorflow as tf
from keras import layers, ops

from keras_gans import losses
from keras_gans.core.model import GAN
from keras_gans.layers import ImagePool, InstanceNorm, NarrowConv2D, ReflectionPadding2D, UpConv2D
from keras_gans.optimizers import Adam, LinearDecay
from keras_gans.utils.checks import check_choice, check_multiple, check_positive, check_weight
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
    return UpConv2D(width, kernel_initializer=_normal(), name=f"up_{level}")


def _normal():
    return keras.initializers.RandomNormal(0.0, 0.02)


@keras.saving.register_keras_serializable("keras_gans")
class CycleGAN(GAN):
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

    task = "unpaired_translation"
    batch_size = 1
    players = {
        "generator": ("generator_ab", "generator_ba"),
        "discriminator": ("discriminator_a", "discriminator_b"),
    }
    logged = (*GAN.logged, "adversarial_loss", "cycle_loss", "identity_loss")

    #: What the sides of pictures to translate must be a multiple of.
    stride = 4

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

    @property
    def networks(self):
        return {
            "generator_ab": self.generator_ab,
            "generator_ba": self.generator_ba,
            "discriminator_a": self.discriminator_a,
            "discriminator_b": self.discriminator_b,
        }

    def batch_spec(self, batch_size=None):
        side = (batch_size, self.image_size, self.image_size)
        return (
            tf.TensorSpec((*side, self.a_channels), tf.float32, name="a"),
            tf.TensorSpec((*side, self.b_channels), tf.float32, name="b"),
        )

    def schedule_over(self, steps):
        """Lets the learning rates stay for half of this many training steps, and fall to zero."""
        self.constant_steps, self.decay_steps = steps // 2, steps - steps // 2

    def default_optimizers(self):
        schedule = LinearDecay(2e-4, self.constant_steps, self.decay_steps)
        return {player: Adam(schedule, beta_1=0.5, name=player) for player in self.players}

    def train_step(self, batch):
        real_a, real_b = self.checked(batch)

        with tf.GradientTape() as tape:
            fake_b, identity_b = self._translate_both(self.generator_ab, real_a, real_b)
            fake_a, identity_a = self._translate_both(self.generator_ba, real_b, real_a)
            cycled_a = self.generator_ba(fake_b, training=True)
            cycled_b = self.generator_ab(fake_a, training=True)
            adversarial_loss = losses.least_squares(
                self.discriminator_a(fake_a, training=True), 1.0
            ) + losses.least_squares(self.discriminator_b(fake_b, training=True), 1.0)
            cycle_loss = losses.l1(cycled_a, real_a) + losses.l1(cycled_b, real_b)
            identity_loss = losses.l1(identity_a, real_a) + losses.l1(identity_b, real_b)
            generator_loss = (
                adversarial_loss
                + self.cycle_weight * cycle_loss
                + self.identity_weight * identity_loss
            )
        self.update("generator", generator_loss, tape)

        pooled_a = self.pool_a(fake_a, self.step_seed(0))
        pooled_b = self.pool_b(fake_b, self.step_seed(1))
        with tf.GradientTape() as tape:
            real_a_logits, fake_a_logits = self._judge(self.discriminator_a, real_a, pooled_a)
            real_b_logits, fake_b_logits = self._judge(self.discriminator_b, real_b, pooled_b)
            discriminator_loss = 0.5 * (
                losses.least_squares(real_a_logits, 1.0)
                + losses.least_squares(fake_a_logits, 0.0)
                + losses.least_squares(real_b_logits, 1.0)
                + losses.least_squares(fake_b_logits, 0.0)
            )
        self.update("discriminator", discriminator_loss, tape)

        # Logits near 1 say real and near 0 fake: the undecided lie in the middle.
        real_logits = ops.concatenate([real_a_logits, real_b_logits])
        fake_logits = ops.concatenate([fake_a_logits, fake_b_logits])
        return self.report(
            generator_loss=generator_loss,
            discriminator_loss=discriminator_loss,
            adversarial_loss=adversarial_loss,
            cycle_loss=cycle_loss,
            identity_loss=identity_loss,
            real_accuracy=ops.mean(ops.cast(real_logits > 0.5, "float32")),
            fake_accuracy=ops.mean(ops.cast(fake_logits < 0.5, "float32")),
        )

    def _translate_both(self, network, source, target):
        """The translation of `source`, and what the network makes of its own target's domain."""
        if not self.identity_weight:
            return network(source, training=True), target
        return _together(network, source, target)

    def _judge(self, network, real, fake):
        return _together(network, real, fake)

    def call(self, inputs, training=False):
        return self.generator_ab(inputs, training=training)

    def translate(self, images, *, direction="ab"):
        """Pictures of one domain to the other, any size.

        Sides that are no multiple of 4 are padded by reflection and cropped back.

        Args:
            images: float (N, H, W, channels) in [-1, 1], or one picture (H, W, channels).
            direction: "ab" or "ba".

        Returns:
            float32, shaped like `images` but for the channels.

        Raises:
            ValueError: for another direction or shape.
        """
        check_choice("direction", direction, ("ab", "ba"))
        network = self.generator_ab if direction == "ab" else self.generator_ba
        return self.in_full(network, images)

    def side_by_side(self, batch):
        """Columns of a sheet: A, its translation, that back again, and the same of B.

        Args:
            batch: as `batch_spec` says.

        Returns:
            A list of six float32 arrays (N, H, W, channels).
        """
        columns = []
        for picture, there, back in zip(batch, ("ab", "ba"), ("ba", "ab"), strict=True):
            translated = self.translate(picture, direction=there)
            columns += [np.asarray(picture), translated, self.translate(translated, direction=back)]
        return columns

    def networks_to_export(self):
        return {"generator_ab": self.generator_ab, "generator_ba": self.generator_ba}

    def inputs_to_export(self, batch):
        a, b = batch
        return {"generator_ab": {"source": a}, "generator_ba": {"source": b}}

    def describe_tensors(self):
        picture = {"kind": "image", "layout": "NHWC", "value_range": [-1.0, 1.0]}
        return {"source": {**picture, "multiple_of": self.stride}, "target": picture}

    def reference_layers(self):
        """`{network: {module name in the reference's checkpoints: our layer's name}}`."""
        resnet, patch = _resnet_modules(self.num_blocks), _patch_modules()
        return {
            "generator_ab": resnet,
            "generator_ba": resnet,
            "discriminator_a": patch,
            "discriminator_b": patch,
        }

    def get_config(self):
        return {
            **super().get_config(),
            "image_size": self.image_size,
            "a_channels": self.a_channels,
            "b_channels": self.b_channels,
            "filters": self.filters,
            "num_blocks": self.num_blocks,
            "cycle_weight": self.cycle_weight,
            "identity_weight": self.identity_weight,
            "pool_size": self.pool_size,
            "constant_steps": self.constant_steps,
            "decay_steps": self.decay_steps,
        }


def _together(network, first, second):
    """Two passes as one over both: instance norm keeps pictures apart, and it is faster."""
    return tf.split(network(tf.concat([first, second], axis=0), training=True), 2)


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


_ENTRY = {
    "task": "unpaired_translation",
    "paper": "Zhu, Park, Isola & Efros, 2017, https://arxiv.org/abs/1703.10593",
    "tiny": {"image_size": 32, "num_blocks": 1, "filters": 4, "pool_size": 3},
}

register("cyclegan", CycleGAN, **_ENTRY)
register("cyclegan_128", CycleGAN, **_ENTRY, image_size=128, num_blocks=6)
register(
    "cyclegan_emoji",
    CycleGAN,
    **_ENTRY,
    data="bundled:emoji/styles",
    image_size=64,
    num_blocks=4,
    filters=24,
)
