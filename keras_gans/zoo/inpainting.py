"""Inpainting: holes of any form in pictures, filled in by pix2pix's networks.

The game, one update of each player per batch, D first, with x a picture, m a mask of random
rectangles and strokes that is 1 on 10 to 50 % of it, y = G((1 - m) x, m) and
z = m y + (1 - m) x, the picture with its hole filled in:

    D: min  (-mean(log D(x, m)) - mean(log(1 - D(z, m)))) / 2
    G: min  -mean(log D(z, m))
            + l1_weight * (hole_weight * mean(m |x - y|) + mean((1 - m) |x - y|))

Networks (256 x 256 pixels, `num_downs=8`)

    G   U-Net of the picture, grey in the hole, and the mask: convolutions 4x4 stride 2 down to 1x1,
        C64-C128-C256-C512-C512-C512-C512-C512, transposed ones back up, each joined by the features
        of its size from the way down. Leaky ReLU 0.2 going down, ReLU going up, tanh. Batch norm
        but at the first and last layer and at the 1x1 bottleneck; dropout 0.5 on three layers of
        the way up.
    D   PatchGAN: C64-C128-C256 stride 2, C512-C1 stride 1, 4x4, on picture and mask stacked: each
        logit judges a patch of 70 x 70 pixels. Batch norm but at the first and last layer.
    Every kernel N(0, 0.02), batch norm's gamma N(1, 0.02).

Training: Adam 2e-4, beta_1 0.5; batches of 8; half of the run at a constant learning rate, which
then falls to zero in a line; pictures mirrored. Known pixels are copied through: what is shown and
exported is z.

Paper:     Pathak, Krahenbuhl, Donahue, Darrell & Efros, 2016, https://arxiv.org/abs/1604.07379
           (random regions); networks of Isola, Zhu, Zhou & Efros, 2017,
           https://arxiv.org/abs/1611.07004
Reference: junyanz/pytorch-CycleGAN-and-pix2pix, models/networks.py, for the networks

No paper has exactly this game. Departures from the first: an output of the full size beside the
mask as an input, so that holes may be anywhere; L1 instead of L2, as pix2pix found less blurred;
what lies in the hole weighs 6 times as in Liu et al., 2018, https://arxiv.org/abs/1804.07723. From
the second: as in `zoo/pix2pix.py`; its scaling and cropping of pictures is left out.

`inpainting_avatars` is sized for two CPU cores and drawn faces: 64 pixels, 24 feature maps.
"""

import keras
from keras import layers, ops

from keras_gans import losses
from keras_gans.games.inpainting import InpaintingGAN
from keras_gans.games.loss import Loss
from keras_gans.layers import BatchNorm, Dropout
from keras_gans.optimizers import Adam, LinearDecay
from keras_gans.utils.checks import check_multiple, check_positive, check_weight
from keras_gans.zoo._registry import register


def generator(image_channels, filters, num_downs):
    """U-Net: pictures (N, H, W, channels) and masks (N, H, W, 1), 1 in the hole -> all of it.

    H and W are multiples of 2 ** num_downs. What the pictures hold in the hole is not looked at.
    """
    source = keras.Input((None, None, image_channels), name="source")
    mask = keras.Input((None, None, 1), name="mask")
    widths = [filters * min(2**level, 8) for level in range(num_downs)]
    x = layers.Concatenate()([source * (1.0 - mask), mask])
    x, skips = _down(widths[0], 1)(x), []
    for level, width in enumerate(widths[1:], start=2):
        skips.append(x)
        x = _down(width, level)(layers.LeakyReLU(0.2)(x))
        if level < num_downs:  # the bottleneck has one value to a map: nothing to normalise
            x = _batch_norm(f"down_{level}_norm")(x)
    for level in range(num_downs, 1, -1):
        x = _up(widths[level - 2], level)(layers.ReLU()(x))
        x = _batch_norm(f"up_{level}_norm")(x)
        if 5 <= level < num_downs:
            x = Dropout(0.5)(x)
        x = layers.Concatenate()([skips[level - 2], x])
    x = _up(image_channels, 1, use_bias=True)(layers.ReLU()(x))
    painted = layers.Activation("tanh", dtype="float32", name="painted")(x)
    return keras.Model([source, mask], painted, name="generator")


def discriminator(image_size, image_channels, filters):
    """PatchGAN: pictures (N, side, side, channels), masks (N, side, side, 1) -> (N, h, w, 1)."""
    image = keras.Input((image_size, image_size, image_channels), name="image")
    mask = keras.Input((image_size, image_size, 1), name="mask")
    x = _patch_conv(filters, 1, use_bias=True)(layers.Concatenate()([image, mask]))
    x = layers.LeakyReLU(0.2)(x)
    for level, width in ((2, 2 * filters), (3, 4 * filters)):
        x = _batch_norm(f"conv_{level}_norm")(_patch_conv(width, level)(x))
        x = layers.LeakyReLU(0.2)(x)
    # One pixel of padding on every side, as in PyTorch; TensorFlow's SAME has another size here.
    x = _patch_conv(8 * filters, 4, strides=1)(layers.ZeroPadding2D(1)(x))
    x = layers.LeakyReLU(0.2)(_batch_norm("conv_4_norm")(x))
    x = layers.ZeroPadding2D(1)(x)
    x = _patch_conv(1, 5, strides=1, use_bias=True)(x)
    logits = layers.Activation("linear", dtype="float32", name="logits")(x)
    return keras.Model([image, mask], logits, name="discriminator")


def _normal(mean=0.0):
    return keras.initializers.RandomNormal(mean, 0.02)


def _batch_norm(name):
    return BatchNorm(gamma_initializer=_normal(1.0), name=name)


def _down(width, level):
    return layers.Conv2D(
        width,
        4,
        strides=2,
        padding="same",
        use_bias=False,
        kernel_initializer=_normal(),
        name=f"down_{level}",
    )


def _up(width, level, use_bias=False):
    return layers.Conv2DTranspose(
        width,
        4,
        strides=2,
        padding="same",
        use_bias=use_bias,
        kernel_initializer=_normal(),
        name=f"up_{level}",
    )


def _patch_conv(width, level, strides=2, use_bias=False):
    return layers.Conv2D(
        width,
        4,
        strides=strides,
        padding="same" if strides == 2 else "valid",
        use_bias=use_bias,
        kernel_initializer=_normal(),
        name=f"conv_{level}",
    )


@keras.saving.register_keras_serializable("keras_gans")
class Inpainting(InpaintingGAN):
    """Holes of any form filled in, see the module's docstring for the game and the networks.

    Args:
        image_size: side of the square pictures in training: a multiple of 2 ** num_downs.
        image_channels: 3 for colour, 1 for grey.
        filters: feature maps of the first convolution of both networks.
        num_downs: halvings of the side, at least 5; 8 take 256 pixels down to one.
        l1_weight: of the distance from the true picture, against the adversarial loss of 1.
        hole_weight: of that distance in the hole, against 1 outside.
        constant_steps: updates before the learning rate begins to fall.
        decay_steps: updates of its linear fall to zero.
        **kwargs: those of `keras_gans.GAN`.

    Raises:
        ValueError: for a size, number or weight that cannot be.
    """

    batch_size = 8
    logged = (*InpaintingGAN.logged, "hole_loss", "known_loss")
    losses_in_words = (
        "Losses are means over the images of a batch and over all patches the discriminator "
        "judges. hole_loss and known_loss are means of the distance from the true picture over "
        "all values of a picture, counted inside and outside of the hole, before they are "
        "multiplied by l1_weight and hole_weight. The discriminator's is half the sum of its loss "
        "on real and its loss on filled images."
    )

    def __init__(
        self,
        image_size=256,
        image_channels=3,
        *,
        filters=64,
        num_downs=8,
        l1_weight=100.0,
        hole_weight=6.0,
        constant_steps=40_000,
        decay_steps=40_000,
        **kwargs,
    ):
        check_positive("num_downs", num_downs, least=5)
        check_multiple("image_size", image_size, 2**num_downs, f"num_downs={num_downs} halve it")
        check_positive("filters", filters)
        check_weight("l1_weight", l1_weight)
        check_weight("hole_weight", hole_weight)
        super().__init__(**kwargs)
        self.image_size, self.image_channels = image_size, image_channels
        self.filters, self.num_downs = filters, num_downs
        self.l1_weight, self.hole_weight = l1_weight, hole_weight
        self.constant_steps, self.decay_steps = constant_steps, decay_steps
        self.generator = generator(image_channels, filters, num_downs)
        self.discriminator = discriminator(image_size, image_channels, filters)
        self.built = True

    @property
    def stride(self):  # type: ignore[override]
        """What the sides of pictures to fill must be a multiple of."""
        return 2**self.num_downs

    def optimizers(self, images=None):
        constant, decay = self.constant_and_decay(images)
        schedule = LinearDecay(2e-4, constant, decay)
        return {player: Adam(schedule, beta_1=0.5, name=player) for player in self.players}

    def discriminator_loss(self, source, holes, painted):
        filled = self.composed([source, holes], painted)
        real_logits = self.discriminator([source, holes], training=True)
        fake_logits = self.discriminator([filled, holes], training=True)
        return Loss(0.5 * losses.logistic(real_logits, fake_logits), real_logits, fake_logits)

    def generator_loss(self, source, holes, painted):
        filled = self.composed([source, holes], painted)
        adversarial_loss = losses.non_saturating(self.discriminator([filled, holes], training=True))
        apart = ops.abs(painted - source)
        hole_loss, known_loss = ops.mean(holes * apart), ops.mean((1.0 - holes) * apart)
        return Loss(
            adversarial_loss + self.l1_weight * (self.hole_weight * hole_loss + known_loss),
            adversarial_loss=adversarial_loss,
            hole_loss=hole_loss,
            known_loss=known_loss,
        )


_ENTRY: dict = {
    "task": "inpainting",
    "paper": "Pathak et al., 2016, https://arxiv.org/abs/1604.07379",
    "tiny": {"image_size": 32, "num_downs": 5, "filters": 4},
}

register(
    "inpainting",
    Inpainting,
    parameters={"generator": 54_414_979, "discriminator": 2_766_657},
    recipe={"flip": True},
    **_ENTRY,
)
register(
    "inpainting_avatars",
    Inpainting,
    parameters={"generator": 4_116_339, "discriminator": 392_377},
    recipe={"epochs": 10, "batch_size": 8, "flip": True},
    **_ENTRY,
    data="bundled:avatars",
    image_size=64,
    num_downs=6,
    filters=24,
)
