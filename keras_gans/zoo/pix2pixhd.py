"""pix2pixHD: paired translation in high resolution.

The game, one update of each player per pair (x, y), both from the same translation G(x) and the
same D. D_k judges pairs at scale k, D_k^i is the output of the i-th of its four layers before the
logits:

    G: min  sum_k mean((D_k(x, G(x)) - 1)^2)
            + feature_weight * mean_k sum_i mean|D_k^i(x, y) - D_k^i(x, G(x))|
            + perceptual_weight * sum_j w_j mean|F_j(y) - F_j(G(x))|
    D: min  sum_k (mean((D_k(x, y) - 1)^2) + mean(D_k(x, G(x))^2)) / 2

Networks (`num_downs=4`, 9 blocks)

    G   the global generator: c7s1-64, d128, d256, d512, d1024, R1024 x 9, u512, u256, u128, u64,
        c7s1-3: reflection padding at the 7x7 convolutions and in the residual blocks, instance
        norm, ReLU, tanh
    D   a PatchGAN for each of 2 scales, the second on pairs of half the size: C64-C128-C256 stride
        2, C512-C1 stride 1, 4x4 with 2 pixels of padding, instance norm but at the first and last
        layer, leaky ReLU 0.2
    F   a frozen network of features, none by default
    Every kernel N(0, 0.02), every bias 0.

Training: Adam 2e-4, beta_1 0.5; batch 1; 100 epochs of constant learning rate and 100 of linear
decay (counted in updates: the defaults are those of the 2,975 street scenes of Cityscapes);
pictures mirrored at random, neither enlarged nor cropped.

Paper:     Wang, Liu, Zhu, Tao, Kautz & Catanzaro, 2018, https://arxiv.org/abs/1711.11585
Reference: NVIDIA/pix2pixHD, models/pix2pixHD_model.py, models/networks.py

Where they disagree the reference is followed: it takes the mean of the feature loss over the
scales, which the paper sums, and adds the perceptual loss, which the paper's objective does
without.

Departures:
- F is VGG19 in the reference, on its layers relu1_1 to relu5_1 with weights w of 1/32, 1/16, 1/8,
  1/4 and 1. Its weights do not ship with the zoo, so there is no F by default, and the loss is the
  first two terms. Pass any network to `perceptual_loss.use(network, weights)`, or name one.
- The local enhancer for pictures of 2048 x 1024, the encoder of features of instances and the maps
  of their borders are not here: G is the reference's `--netG global --no_instance`.
- Sources are pictures. The reference makes one channel for each class of a label map.
- Training pictures are square. The reference trains on 1024 x 512; G translates any sides.
- Biases begin at 0; the reference leaves them as PyTorch draws them.
"""

import keras
import tensorflow as tf
from keras import layers

from keras_gans import losses
from keras_gans.core.model import GAN
from keras_gans.core.signature import Image
from keras_gans.games.loss import Loss
from keras_gans.games.paired import PairedGAN
from keras_gans.layers import (
    InstanceNorm,
    NarrowConv2D,
    ReflectionPadding2D,
    TorchConvTranspose2D,
)
from keras_gans.optimizers import Adam, LinearDecay
from keras_gans.utils.checks import check_choice, check_multiple, check_positive, check_weight
from keras_gans.zoo import _multiscale
from keras_gans.zoo._perceptual import NAMES, PerceptualLoss
from keras_gans.zoo._registry import register

_LAYERS = 5  # of each scale's PatchGAN, the last of which gives logits
_WIDEST = 8  # D's most feature maps, in those of its first layer


def generator(source_channels, target_channels, filters, num_downs, num_blocks):
    """The global generator: pictures (N, H, W, channels) -> the same size in [-1, 1].

    H and W are multiples of 2 ** num_downs, and at least twice that.
    """
    source = keras.Input((None, None, source_channels), name="source")
    x = _conv(filters, 7, "c7s1")(ReflectionPadding2D(3)(source))
    for level in range(1, num_downs + 1):
        # Padded on all sides, as in PyTorch: SAME would pad right and bottom only.
        x = layers.ZeroPadding2D(1)(layers.ReLU()(InstanceNorm()(x)))
        x = _conv(filters * 2**level, 3, f"down_{level}", strides=2)(x)
    x = layers.ReLU()(InstanceNorm()(x))
    for block in range(1, num_blocks + 1):
        x = layers.Add()([x, _residual(x, filters * 2**num_downs, block)])
    for level in range(num_downs, 0, -1):
        x = layers.ReLU()(InstanceNorm()(_up(filters * 2 ** (level - 1), level)(x)))
    x = NarrowConv2D(target_channels, 7, kernel_initializer=_normal(), name="c7s1_out")(
        ReflectionPadding2D(3)(x)
    )
    target = layers.Activation("tanh", dtype="float32", name="target")(x)
    return keras.Model(source, target, name="generator")


def _residual(x, filters, block):
    x = _conv(filters, 3, f"block_{block}_1")(ReflectionPadding2D(1)(x))
    x = layers.ReLU()(ReflectionPadding2D(1)(InstanceNorm()(x)))
    return InstanceNorm()(_conv(filters, 3, f"block_{block}_2")(x))


def discriminator(image_size, source_channels, target_channels, filters, num_scales):
    """PatchGANs: sources and targets (N, side, side, channels) -> every layer's output.

    A list of `num_scales` times five tensors (N, h, w, C), the largest scale first; the fifth of
    each scale are its logits, of one channel.
    """
    source = keras.Input((image_size, image_size, source_channels), name="source")
    target = keras.Input((image_size, image_size, target_channels), name="target")
    pair, outputs = layers.Concatenate()([source, target]), []
    for scale in range(1, num_scales + 1):
        outputs += _patches(pair, filters, scale)
        pair = _multiscale.halved(pair)
    return keras.Model([source, target], outputs, name="discriminator")


def _patches(x, filters, scale):
    """Outputs of one PatchGAN's layers, from the first to the logits."""
    found = []
    for level in range(1, _LAYERS):
        width, strides = filters * min(2 ** (level - 1), _WIDEST), 2 if level < _LAYERS - 1 else 1
        x = _conv(width, 4, f"scale_{scale}_conv_{level}", strides)(layers.ZeroPadding2D(2)(x))
        x = layers.LeakyReLU(0.2)(x if level == 1 else InstanceNorm()(x))
        found.append(x)
    x = _conv(1, 4, f"scale_{scale}_conv_{_LAYERS}")(layers.ZeroPadding2D(2)(x))
    return [*found, layers.Activation("linear", dtype="float32", name=f"logits_{scale}")(x)]


def _conv(width, size, name, strides=1):
    return layers.Conv2D(width, size, strides, kernel_initializer=_normal(), name=name)


def _up(width, level):
    return TorchConvTranspose2D(width, kernel_initializer=_normal(), name=f"up_{level}")


def _normal():
    return keras.initializers.RandomNormal(0.0, 0.02)


@keras.saving.register_keras_serializable("keras_gans")
class Pix2PixHD(PairedGAN):
    """Paired translation, see the module's docstring for the game and the networks.

    Args:
        image_size: side of the square pictures in training: a multiple of 2 ** num_downs, at least
            twice that, and of 2 ** (num_scales - 1), at least 16 times that.
        source_channels: 3 for colour, 1 for grey.
        target_channels: likewise.
        filters: feature maps of the generator's first convolution.
        num_downs: halvings of the side in the generator.
        num_blocks: residual blocks of the generator.
        discriminator_filters: feature maps of the discriminator's first convolutions.
        num_scales: sizes at which pairs are judged, each half the one before; the paper has 3 for
            pictures of 2048 x 1024.
        direction: "ab" learns to make the pairs' second picture from the first, "ba" the reverse.
        feature_weight: of the distance between the discriminator's features of true and generated
            pairs, against the adversarial losses of 1.
        perceptual: the network F, "lite0", "hed" or "none"; another Keras model with
            `perceptual_loss.use`.
        perceptual_weight: of the difference of its maps.
        constant_steps: updates before the learning rate begins to fall.
        decay_steps: updates of its linear fall to zero.
        **kwargs: those of `keras_gans.GAN`.

    Raises:
        ValueError: for a size, weight, network or direction that cannot be.
    """

    logged = (*GAN.logged, "adversarial_loss", "feature_loss", "perceptual_loss")
    losses_in_words = (
        "Losses are means over the images of a batch and over all patches or values. "
        "adversarial_loss is the sum over the scales of the discriminator, feature_loss their "
        "mean; feature_loss and perceptual_loss are logged before they are multiplied by their "
        "weights. The discriminator's is the sum, over its scales, of half its loss on real and "
        "on generated images."
    )

    boundary = 0.5  # logits near 1 say real and near 0 fake

    def __init__(
        self,
        image_size=512,
        source_channels=3,
        target_channels=3,
        *,
        filters=64,
        num_downs=4,
        num_blocks=9,
        discriminator_filters=64,
        num_scales=2,
        direction="ab",
        feature_weight=10.0,
        perceptual="none",
        perceptual_weight=10.0,
        constant_steps=297_500,
        decay_steps=297_500,
        **kwargs,
    ):
        for name, value in (
            ("filters", filters),
            ("num_downs", num_downs),
            ("num_blocks", num_blocks),
            ("discriminator_filters", discriminator_filters),
            ("num_scales", num_scales),
        ):
            check_positive(name, value)
        check_choice("direction", direction, ("ab", "ba"))
        check_choice("perceptual", perceptual, NAMES)
        check_weight("feature_weight", feature_weight)
        check_weight("perceptual_weight", perceptual_weight)
        _check_size(image_size, num_downs, num_scales)
        super().__init__(**kwargs)
        self.image_size = image_size
        self.source_channels, self.target_channels = source_channels, target_channels
        self.filters, self.num_downs, self.num_blocks = filters, num_downs, num_blocks
        self.discriminator_filters, self.num_scales = discriminator_filters, num_scales
        self.direction, self.feature_weight = direction, feature_weight
        self.perceptual, self.perceptual_weight = perceptual, perceptual_weight
        self.constant_steps, self.decay_steps = constant_steps, decay_steps
        self.perceptual_loss = PerceptualLoss(perceptual if perceptual_weight else "none")
        self.source = Image(image_size, image_size, source_channels)
        self.target = Image(image_size, image_size, target_channels)
        self.generator = generator(source_channels, target_channels, filters, num_downs, num_blocks)
        self.discriminator = discriminator(
            image_size, source_channels, target_channels, discriminator_filters, num_scales
        )
        self.built = True

    @property
    def stride(self):  # type: ignore[override]
        """What the sides of pictures to translate must be a multiple of."""
        return 2**self.num_downs

    @property
    def smallest(self):  # type: ignore[override]
        """2 pixels in the middle, where 1 would have nothing to reflect; 4 at the 7x7's."""
        return max(2 * self.stride, 4)

    def optimizers(self, images=None):
        constant, decay = self.constant_and_decay(images)
        schedule = LinearDecay(2e-4, constant, decay)
        return {player: Adam(schedule, beta_1=0.5, name=player) for player in self.players}

    # === Losses ===

    def judge(self, source, target, draw=0):
        """What each scale makes of pairs, the largest first: lists of its layers' outputs."""
        return _multiscale.by_scale(super().judge(source, target, draw), _LAYERS)

    def discriminator_loss(self, source, target, fake):
        judged = [self.judge(source, images) for images in (target, fake)]
        real, made = map(_multiscale.logits_of, judged)
        value = 0.5 * sum(losses.least_squares(logits, 1.0) for logits in real)
        value += 0.5 * sum(losses.least_squares(logits, 0.0) for logits in made)
        return Loss(value, _multiscale.flat(real), _multiscale.flat(made))

    def generator_loss(self, source, target, fake):
        real, made = self.judge(source, target), self.judge(source, fake)
        logits_of_scales = _multiscale.logits_of(made)
        adversarial_loss = sum(losses.least_squares(logits, 1.0) for logits in logits_of_scales)
        feature_loss = _multiscale.feature_loss(real, made)
        perceptual_loss = self.perceptual_loss(target, fake)
        return Loss(
            adversarial_loss
            + self.feature_weight * feature_loss
            + self.perceptual_weight * perceptual_loss,
            adversarial_loss=adversarial_loss,
            feature_loss=feature_loss,
            perceptual_loss=perceptual_loss,
        )

    def make_train_function(self, force=False):
        self.perceptual_loss.load()  # its weights belong to no replica
        return super().make_train_function(force)

    def train_step(self, batch):
        """Both players learn from one translation: G from D as it was before its update."""
        source, target = self.checked(batch)[:: 1 if self.direction == "ab" else -1]
        with tf.GradientTape() as generator_tape:
            fake = self.generator(source, training=True)
            loss = self.generator_loss(source, target, fake)
        self.update("generator", loss.value, generator_tape)
        with tf.GradientTape() as discriminator_tape:
            judged = self.discriminator_loss(source, target, tf.stop_gradient(fake))
        self.update("discriminator", judged.value, discriminator_tape)
        verdict = judged.verdict(self.boundary)
        return self.report(generator_loss=loss.value, **verdict, **loss.logs)

    def reference_layers(self):
        """`{network: {module name in the reference's checkpoints: our layer's name}}`."""
        return {
            "generator": _generator_modules(self.num_downs, self.num_blocks),
            "discriminator": _discriminator_modules(self.num_scales),
        }


def _check_size(image_size, num_downs, num_scales):
    stride, halved = 2**num_downs, 2 ** (num_scales - 1)
    why = f"num_downs={num_downs} halve it in the generator"
    check_multiple("image_size", image_size, stride, why, 2 * stride)
    # Less than 16 pixels leave a scale's strided layers nothing to judge but their padding.
    why = f"num_scales={num_scales} halve it for the discriminator"
    check_multiple("image_size", image_size, halved, why, 16 * halved)


def _generator_modules(num_downs, num_blocks):
    modules = {"model.1": "c7s1"}
    for level in range(1, num_downs + 1):
        modules[f"model.{1 + 3 * level}"] = f"down_{level}"
    first = 4 + 3 * num_downs
    for block in range(1, num_blocks + 1):
        modules[f"model.{first + block - 1}.conv_block.1"] = f"block_{block}_1"
        modules[f"model.{first + block - 1}.conv_block.5"] = f"block_{block}_2"
    first += num_blocks
    for level in range(num_downs, 0, -1):
        modules[f"model.{first + 3 * (num_downs - level)}"] = f"up_{level}"
    modules[f"model.{first + 3 * num_downs + 1}"] = "c7s1_out"
    return modules


def _discriminator_modules(num_scales):
    """The reference counts scales from the smallest."""
    return {
        f"scale{num_scales - scale}_layer{level - 1}.0": f"scale_{scale}_conv_{level}"
        for scale in range(1, num_scales + 1)
        for level in range(1, _LAYERS + 1)
    }


_ENTRY: dict = {
    "task": "paired_translation",
    "paper": "Wang et al., 2018, https://arxiv.org/abs/1711.11585",
    "tiny": {
        "image_size": 32,
        "num_downs": 2,
        "num_blocks": 1,
        "filters": 4,
        "discriminator_filters": 4,
    },
}

register(
    "pix2pixhd",
    Pix2PixHD,
    parameters={"generator": 182_443_267, "discriminator": 5_535_618},
    recipe={"epochs": 200, "batch_size": 1, "jitter": False, "flip": True},
    **_ENTRY,
)
register(
    "pix2pixhd_avatars",
    Pix2PixHD,
    parameters={"generator": 3_096_435, "discriminator": 784_082},
    recipe={"epochs": 10, "batch_size": 4, "jitter": False},
    **_ENTRY,
    data="bundled:avatars/edges",
    image_size=64,
    source_channels=1,
    filters=24,
    num_downs=3,
    num_blocks=4,
    discriminator_filters=24,
)
