"""ESRGAN: large pictures with invented detail, from residual dense blocks without batch norm.

The game, one update of each player per pair of a small picture s and the large one x, f = G(s):

    D: min  (mean softplus(-(D(x) - mean D(f))) + mean softplus(D(f) - mean D(x))) / 2
    G: min  pixel_weight |x - f| + perceptual_weight |F(x) - F(f)|
            + adversarial_weight (mean softplus(-(D(f) - mean D(x)))
                                  + mean softplus(D(x) - mean D(f))) / 2

|.| are means of absolute differences, F maps of features of a frozen network. Before it come
`pixel_steps` updates of G alone, on |x - f|. The pictures of these terms are in [0, 1].

Networks (`scale=4`, 23 blocks)

    G   3x3 64 = f -> 23 x RRDB -> 3x3 64, + f -> 2 x [nearest x2, 3x3 64, leaky ReLU 0.2]
        -> 3x3 64, leaky ReLU 0.2 -> 3x3 3
        RRDB: 3 dense blocks y, x + 0.2 y(x) each, and x + 0.2 of all three
        dense block: four 3x3 of 32 and leaky ReLU 0.2, one 3x3 of 64; each sees all maps before it
    D   pairs of 3x3 and 4x4 with stride 2 of 64, 128, 256, 512 and 512, batch norm after all but
        the first, leaky ReLU 0.2 -> dense 100, leaky ReLU 0.2 -> 1 logit

`scale=2` turns blocks of 2 x 2 pixels of s into 12 channels first and is the same network then, as
Real-ESRGAN has it; `unshuffle=False` leaves out one doubling instead, as BSRGAN has it.

Training: batches of 16, large pictures of 128 x 128 pixels, Adam, beta_1 0.9, beta_2 0.99; a
million updates on pixels at 2e-4, halved at every 200,000; 400,000 of the game at 1e-4, halved
after 50,000, 100,000, 200,000 and 300,000 of them. A run of another length keeps the proportions.

Paper: Wang et al., 2018, https://arxiv.org/abs/1809.00219 (sections 3.1 to 3.3, 4.1)
Reference: XPixelGroup/BasicSR, rrdbnet_arch.py, discriminator_arch.py, train_ESRGAN_x4.yml

Departures: F is not VGG19, whose weights do not ship with the zoo, see `PerceptualLoss`; one
optimizer serves both phases of G and keeps its moments; D is updated before G, as in all of the
zoo; biases begin at 0.
"""

import math

import keras
import tensorflow as tf
from keras import layers, ops

from keras_gans import losses
from keras_gans.core.signature import Image
from keras_gans.core.upscaling import OVERLAP
from keras_gans.games.loss import Loss
from keras_gans.games.paired import PairedGAN
from keras_gans.layers import BatchNorm, ClipInInference, PixelUnshuffle2D, Upsample2D
from keras_gans.optimizers import Adam
from keras_gans.utils.checks import check_choice, check_multiple, check_positive, check_weight
from keras_gans.zoo._perceptual import PerceptualLoss
from keras_gans.zoo._registry import register

SCALES = (1, 2, 4, 8)
_UNIFORM = keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")  # PyTorch's own
# A tenth of He's deviation, so that residual blocks begin near the identity.
_SMALL = keras.initializers.VarianceScaling(2e-2, "fan_in", "untruncated_normal")

# === Networks ===


def rrdbnet(channels, scale, filters, growth, num_blocks, unshuffle=True):
    """The generator: pictures (N, H, W, channels) -> (N, scale H, scale W, channels) in [-1, 1].

    Args:
        channels: of the pictures.
        scale: 1, 2 or 4.
        filters: feature maps between blocks.
        growth: feature maps of a convolution inside a dense block.
        num_blocks: RRDBs.
        unshuffle: whether smaller scales than 4 begin with pixels that become channels.
    """
    source = keras.Input((None, None, channels), name="source")
    x = layers.Rescaling(0.5, 0.5, name="unit_range")(source)
    doublings = int(math.log2(scale))
    if unshuffle and scale < 4:
        x = PixelUnshuffle2D(4 // scale, name="unshuffle")(x)
        doublings = 2
    first = x = conv(filters, "conv_first")(x)
    for number in range(num_blocks):
        x = _rrdb(x, filters, growth, f"body_{number}")
    x = layers.Add(name="trunk")([first, conv(filters, "conv_body")(x)])
    for number in range(1, doublings + 1):
        x = Upsample2D(name=f"doubled_{number}")(x)
        x = _leaky(f"up_{number}")(conv(filters, f"conv_up{number}")(x))
    x = _leaky("hr")(conv(filters, "conv_hr")(x))
    return ended(source, conv(channels, "conv_last")(x))


def ended(source, unit):
    """A network from `source` to pictures of [-1, 1], of `unit`, pictures of about [0, 1]."""
    target = layers.Rescaling(2.0, -1.0, dtype="float32", name="full_range")(unit)
    target = ClipInInference(dtype="float32", name="target")(target)
    return keras.Model(source, target, name="generator")


def conv(width, name, kernel_initializer=_UNIFORM, **options):
    """A 3x3 convolution that keeps the size."""
    # A copy, as Keras gives an initializer's second use the same numbers.
    initializer = type(kernel_initializer).from_config(kernel_initializer.get_config())
    return layers.Conv2D(
        width, 3, padding="same", kernel_initializer=initializer, name=name, **options
    )


def _leaky(name):
    return layers.LeakyReLU(0.2, name=name)


def _rrdb(x, filters, growth, name):
    y = x
    for number in range(1, 4):
        y = _dense_block(y, filters, growth, f"{name}_rdb{number}")
    y = layers.Rescaling(0.2, name=f"{name}_scaled")(y)
    return layers.Add(name=f"{name}_sum")([x, y])


def _dense_block(x, filters, growth, name):
    maps = [x]
    for number in range(1, 5):
        seen = layers.Concatenate(name=f"{name}_cat{number}")(maps) if len(maps) > 1 else x
        y = conv(growth, f"{name}_conv{number}", _SMALL)(seen)
        maps.append(_leaky(f"{name}_act{number}")(y))
    y = conv(filters, f"{name}_conv5", _SMALL)(layers.Concatenate(name=f"{name}_cat5")(maps))
    y = layers.Rescaling(0.2, name=f"{name}_scaled")(y)
    return layers.Add(name=f"{name}_sum")([x, y])


def discriminator(image_size, channels, filters):
    """Large pictures (N, side, side, channels) in [-1, 1] -> logits (N, 1)."""
    image = keras.Input((image_size, image_size, channels), name="image")
    x = layers.Rescaling(0.5, 0.5, name="unit_range")(image)
    for number, width in enumerate((1, 2, 4, 8, 8)):
        for kernel, strides in ((3, 1), (4, 2)):
            first = number == 0 and strides == 1
            name = f"conv{number}_{strides - 1}"
            x = layers.ZeroPadding2D(1, name=f"{name}_pad")(x)
            x = layers.Conv2D(width * filters, kernel, strides, use_bias=first, name=name)(x)
            if not first:
                x = BatchNorm(name=f"bn{number}_{strides - 1}")(x)
            x = layers.LeakyReLU(0.2, name=f"{name}_act")(x)
    x = layers.Dense(100, name="linear1")(layers.Flatten(name="flat")(x))
    logits = layers.Dense(1, dtype="float32", name="logits")(layers.LeakyReLU(0.2, name="act")(x))
    return keras.Model(image, logits, name="discriminator")


# === The game ===


@keras.saving.register_keras_serializable("keras_gans")
class ESRGAN(PairedGAN):
    """ESRGAN, see the module's docstring for the game and the networks.

    Args:
        image_size: side of the large pictures in training, a multiple of `scale`; of 32 too.
        image_channels: 3 for colour, 1 for grey.
        scale: how many times as large pictures become, 1, 2 or 4.
        filters: feature maps between the blocks of G.
        growth: feature maps of a convolution inside a dense block.
        num_blocks: residual-in-residual dense blocks.
        unshuffle: whether scales smaller than 4 begin with pixels that become channels.
        discriminator_filters: feature maps of D's first convolution.
        pixel_weight: of the mean absolute difference.
        perceptual: the network F, "lite0", "hed" or "none"; another Keras model with
            `perceptual_loss.use`.
        perceptual_weight: of the difference of its maps.
        adversarial_weight: of the adversarial loss.
        pixel_steps: updates of the first phase, on pixels alone; 0 for none.
        adversarial_steps: updates of the second, the game. A run of known length is divided in
            the proportion of both.
        **kwargs: those of `keras_gans.GAN`.

    Raises:
        ValueError: for a size, scale or weight that cannot be.
    """

    batch_size = 16
    logged = (*PairedGAN.logged, "pixel_loss", "perceptual_loss", "adversarial_loss")
    losses_in_words = (
        "Losses are means over the values of pictures in [0, 1]: pixel_loss, perceptual_loss and "
        "adversarial_loss are logged before they are multiplied by their weights. In the first "
        "phase, on pixels alone, all but pixel_loss and the generator's are logged as 0."
    )

    #: Shares of a phase after which its learning rate is halved, and the rate it begins with.
    pixel_rates: tuple = (2e-4, (0.2, 0.4, 0.6, 0.8))
    adversarial_rates: tuple = (1e-4, (0.125, 0.25, 0.5, 0.75))

    #: What D's sides are a multiple of.
    _discriminator_multiple = 32

    def __init__(
        self,
        image_size=128,
        image_channels=3,
        *,
        scale=4,
        filters=64,
        growth=32,
        num_blocks=23,
        unshuffle=True,
        discriminator_filters=64,
        pixel_weight=1e-2,
        perceptual="lite0",
        perceptual_weight=1.0,
        adversarial_weight=5e-3,
        pixel_steps=1_000_000,
        adversarial_steps=400_000,
        **kwargs,
    ):
        for name, value in (
            ("pixel_weight", pixel_weight),
            ("perceptual_weight", perceptual_weight),
            ("adversarial_weight", adversarial_weight),
        ):
            check_weight(name, value)
        for name, value, least in (
            ("filters", filters, 1),
            ("growth", growth, 1),
            ("num_blocks", num_blocks, 1),
            ("discriminator_filters", discriminator_filters, 1),
            ("pixel_steps", pixel_steps, 0),
            ("adversarial_steps", adversarial_steps, 1),
        ):
            check_positive(name, value, least=least)
        self._check_size(image_size, scale)
        super().__init__(**kwargs)
        self.image_size, self.image_channels, self.scale = image_size, image_channels, scale
        self.filters, self.growth, self.num_blocks = filters, growth, num_blocks
        self.unshuffle, self.discriminator_filters = unshuffle, discriminator_filters
        self.pixel_weight, self.adversarial_weight = pixel_weight, adversarial_weight
        self.perceptual, self.perceptual_weight = perceptual, perceptual_weight
        self.pixel_steps, self.adversarial_steps = pixel_steps, adversarial_steps
        self.perceptual_loss = PerceptualLoss(perceptual if perceptual_weight else "none")
        small = image_size // scale
        self.source = Image(small, small, image_channels)
        self.target = Image(image_size, image_size, image_channels, scale=scale)
        self.generator = self._generator()
        self.discriminator = self._discriminator()
        self.built = True

    def _check_size(self, image_size, scale):
        check_choice("scale", scale, SCALES)
        small = f"small pictures are 1/{scale} of it"
        check_multiple("image_size", image_size, scale, small)
        halvings = int(math.log2(self._discriminator_multiple))
        check_multiple(
            "image_size",
            image_size,
            self._discriminator_multiple,
            f"the discriminator halves it {halvings} times",
        )

    def _generator(self):
        return rrdbnet(
            self.image_channels,
            self.scale,
            self.filters,
            self.growth,
            self.num_blocks,
            self.unshuffle,
        )

    def _discriminator(self):
        return discriminator(self.image_size, self.image_channels, self.discriminator_filters)

    @property
    def stride(self):  # type: ignore[override]
        """What the sides of pictures to enlarge must be a multiple of."""
        return 4 // self.scale if self.unshuffle and self.scale < 4 else 1

    @property
    def overlap(self):  # type: ignore[override]
        """Pixels that neighbouring tiles share.

        With them tiles differ from the whole picture by at most 2 of 255 levels, measured on the
        published weights of 23 and of 6 blocks; in theory 23 blocks see 350 pixels to each side.
        """
        if self.num_blocks > 8:
            return 96
        return 64 if self.num_blocks > 2 else OVERLAP

    @property
    def tile(self):  # type: ignore[override]
        """Side of the tiles that exported files take: twice the overlap, 128 at least."""
        return max(128, 2 * self.overlap)

    # === Losses ===

    def judge(self, images):  # type: ignore[override]
        """D's logits of large pictures."""
        return self.discriminator(images, training=True)

    def discriminator_loss(self, source, target, fake):
        real_logits, fake_logits = self.judge(target), self.judge(fake)
        value = losses.relativistic_average(real_logits, fake_logits) / 2.0
        # A logit is judged by the rivals' mean: by itself it says nothing.
        ahead, behind = real_logits - ops.mean(fake_logits), fake_logits - ops.mean(real_logits)
        return Loss(value, ahead, behind)

    def adversarial_loss(self, target, fake):
        """G's part of the game, a scalar."""
        real_logits = tf.stop_gradient(self.judge(target))
        return losses.relativistic_average(self.judge(fake), real_logits) / 2.0

    def generator_loss(self, source, target, fake):
        wanted = self.wanted(target)
        pixel_loss = self.pixel_loss(wanted, fake)
        perceptual_loss = self.perceptual_loss(wanted, fake)
        adversarial_loss = self.adversarial_loss(target, fake)
        return Loss(
            self.pixel_weight * pixel_loss
            + self.perceptual_weight * perceptual_loss
            + self.adversarial_weight * adversarial_loss,
            pixel_loss=pixel_loss,
            perceptual_loss=perceptual_loss,
            adversarial_loss=adversarial_loss,
        )

    def pixel_loss(self, wanted, fake):
        """Mean absolute difference of pictures in [0, 1], a scalar."""
        return 0.5 * losses.l1(wanted, fake)

    def wanted(self, target):
        """What pixels and features are compared with: the target as it is."""
        return target

    # === Phases ===

    def phase_lengths(self, images=None):
        """Updates of the phase on pixels, and of the game, in a run of so many images."""
        steps = self.steps_of(images)
        if steps is None:
            return self.pixel_steps, self.adversarial_steps
        first = round(steps * self.pixel_steps / (self.pixel_steps + self.adversarial_steps))
        return first, max(1, steps - first)

    def make_train_function(self, force=False):
        self.perceptual_loss.load()  # its weights belong to no replica
        return super().make_train_function(force)

    def train_step(self, batch):
        first, _ = self.phase_lengths(self.run_images)
        if not first:
            return super().train_step(batch)
        on_pixels = tf.convert_to_tensor(self.step.value) < first
        return tf.cond(
            on_pixels, lambda: self._pixel_step(batch), lambda: PairedGAN.train_step(self, batch)
        )

    def _pixel_step(self, batch):
        source, target = self.checked(batch)
        with tf.GradientTape() as tape:
            fake = self.generator(source, training=True)
            loss = self.pixel_loss(self.wanted(target), fake)
        self.update("generator", loss, tape)
        silent = {name: ops.zeros(()) for name in self.logged if name != "loss"}
        return self.report(**{**silent, "generator_loss": loss, "pixel_loss": loss})

    def optimizers(self, images=None):
        lengths = self.phase_lengths(images)
        rates = (self.pixel_rates, self.adversarial_rates)
        return {
            "generator": Adam(_halved(lengths, rates), beta_1=0.9, beta_2=0.99, name="generator"),
            "discriminator": Adam(
                _halved(lengths[1:], rates[1:]), beta_1=0.9, beta_2=0.99, name="discriminator"
            ),
        }


def _halved(lengths, rates):
    """A schedule over phases: each from its own rate, halved after shares of its length."""
    boundaries: list[int] = []
    values: list[float] = []
    start = 0
    for length, (rate, shares) in zip(lengths, rates, strict=True):
        if not length:
            continue
        if values:
            boundaries.append(start - 1)
        values.append(rate)
        for number, share in enumerate(shares, 1):
            boundaries.append(start + int(share * length))
            values.append(rate / 2**number)
        start += length
    if not boundaries:
        return values[0]
    return keras.optimizers.schedules.PiecewiseConstantDecay(boundaries, values)


#: What shrinks the game, whatever its networks.
TINY_GAME: dict = {
    "discriminator_filters": 4,
    "perceptual": "none",
    "pixel_steps": 1,
    "adversarial_steps": 2,
}
#: The same with networks of RRDBs.
TINY: dict = {"image_size": 32, "filters": 4, "growth": 2, "num_blocks": 1, **TINY_GAME}

register(
    "esrgan",
    ESRGAN,
    task="upscaling",
    paper="Wang et al., 2018, https://arxiv.org/abs/1809.00219",
    parameters={"generator": 16_697_987, "discriminator": 14_499_401},
    tiny=TINY,
)
