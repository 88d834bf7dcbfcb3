"""RDN and RRDN: upscaling by dense blocks whose features are all used, on pixels alone.

The game has one player. G(s) enlarges a small image s towards the large one x:

    G: min  mean |x - G(s)|                                            (mean over all values)

Networks (`scale=2`, D blocks of C convolutions); f -1 and f 0 are the shallow features

    RDN    3x3 64 = f -1 -> 3x3 64 = f 0 -> D x RDB -> 1x1 64 of all D outputs -> 3x3 64, + f -1
           -> 5x5 64, ReLU -> 3x3 32, ReLU -> 3x3 3 * 2 * 2 -> pixel shuffle 2 -> 3x3 3
           RDB: C x [3x3 G, ReLU], each of all maps before it -> 1x1 64 of all maps, + the input
    RRDN   3x3 64 = f -> T x RRDB -> 3x3 64, + f -> 3x3 3 * 2 * 2 -> pixel shuffle 2 -> 3x3 3
           RRDB: D dense blocks y, x + 0.2 y(x) each, and x + 0.2 of all D
           dense block: C x [3x3 G, ReLU], each of all maps before it -> 3x3 64 of all maps

`upsampling="nearest"` repeats pixels instead of the shuffle, as the older weights of ISR and those
of UpscalerJS have it: the 3 * 2 * 2 channels stay and the last convolution mixes them.

Training: batches of 16 images, small images of 32 x 32 pixels; Adam 1e-4, halved after every
200,000 updates.

Paper: Zhang et al., 2018, https://arxiv.org/abs/1802.08797 (sections 3 and 4.1); RRDN takes its
blocks from Wang et al., 2018, https://arxiv.org/abs/1809.00219 (section 3.1)
Reference: idealo/image-super-resolution (ISR), rdn.py, rrdn.py

Departures: the upsampling network is ISR's, ESPCN's three convolutions and one more; sizes of the
entries are those of ISR's weights. RRDN is trained on pixels like RDN, while ISR goes on against a
discriminator and features of VGG19, whose weights do not ship with the zoo.
"""

import keras
from keras import layers

from keras_gans import losses
from keras_gans.core.signature import Image
from keras_gans.games.loss import Loss
from keras_gans.games.paired import PairedGAN
from keras_gans.layers import ClipInInference, PixelShuffle2D
from keras_gans.optimizers import Adam
from keras_gans.utils.checks import check_choice, check_multiple, check_positive
from keras_gans.zoo._registry import register

SCALES = (2, 3, 4, 8)
UPSAMPLINGS = ("shuffle", "nearest")
RESIDUAL = 0.2  # share of a branch that RRDN adds to its input

# === Networks ===


def rdn(channels, scale, filters, growth, num_blocks, num_convs, upsampling):
    """RDN: images (N, H, W, channels) -> (N, scale H, scale W, channels), both in [-1, 1].

    Args:
        channels: of the images.
        scale: how many times as large the sides become.
        filters: feature maps between the blocks.
        growth: feature maps of a convolution inside a block.
        num_blocks: residual dense blocks.
        num_convs: 3x3 convolutions of a block.
        upsampling: "shuffle" or "nearest".
    """
    source = keras.Input((None, None, channels), name="source")
    x = layers.Rescaling(0.5, 0.5, name="unit_range")(source)
    shallow = _conv(filters, "shallow_1")(x)
    x = _conv(filters, "shallow_2")(shallow)
    blocks = []
    for number in range(1, num_blocks + 1):
        y = _dense_block(x, filters, growth, num_convs, f"rdb{number}", fusion=1)
        x = layers.Add(name=f"rdb{number}_sum")([y, x])
        blocks.append(x)
    x = layers.Concatenate(name="blocks")(blocks) if num_blocks > 1 else x
    x = _conv(filters, "fusion_2")(_conv(filters, "fusion_1", 1)(x))
    x = layers.Add(name="deep")([x, shallow])
    x = layers.ReLU(name="up_1_act")(_conv(64, "up_1", 5)(x))
    x = layers.ReLU(name="up_2_act")(_conv(32, "up_2")(x))
    x = _conv(channels * scale**2, "up_3")(x)
    return _ended(source, _enlarged(x, scale, upsampling), channels)


def rrdn(channels, scale, filters, growth, num_blocks, num_dense, num_convs):
    """RRDN: images (N, H, W, channels) -> (N, scale H, scale W, channels), both in [-1, 1].

    Args:
        channels: of the images.
        scale: how many times as large the sides become.
        filters: feature maps between the blocks.
        growth: feature maps of a convolution inside a dense block.
        num_blocks: residual-in-residual dense blocks.
        num_dense: dense blocks of each.
        num_convs: 3x3 convolutions of a dense block before its last.
    """
    source = keras.Input((None, None, channels), name="source")
    x = layers.Rescaling(0.5, 0.5, name="unit_range")(source)
    shallow = x = _conv(filters, "shallow_1")(x)
    for number in range(1, num_blocks + 1):
        y = x
        for dense in range(1, num_dense + 1):
            name = f"rrdb{number}_rdb{dense}"
            z = _dense_block(y, filters, growth, num_convs, name, fusion=3)
            y = _residual(y, z, name)
        x = _residual(x, y, f"rrdb{number}")
    x = layers.Add(name="deep")([_conv(filters, "fusion_1")(x), shallow])
    x = _conv(channels * scale**2, "up_1")(x)
    return _ended(source, _enlarged(x, scale, "shuffle"), channels)


def _dense_block(x, filters, growth, num_convs, name, fusion):
    """`num_convs` convolutions, each of all maps before it, and their fusion to `filters` maps."""
    for number in range(1, num_convs + 1):
        y = layers.ReLU(name=f"{name}_act{number}")(_conv(growth, f"{name}_conv{number}")(x))
        x = layers.Concatenate(name=f"{name}_cat{number}")([x, y])
    return _conv(filters, f"{name}_fusion", fusion)(x)


def _residual(x, branch, name):
    return layers.Add(name=f"{name}_sum")(
        [x, layers.Rescaling(RESIDUAL, name=f"{name}_scaled")(branch)]
    )


def _enlarged(x, scale, upsampling):
    if upsampling == "shuffle":
        return PixelShuffle2D(scale, name="shuffle")(x)
    return layers.UpSampling2D(scale, interpolation="nearest", name="repeated")(x)


def _ended(source, x, channels):
    """The last convolution, which gives values of about [0, 1], and the way back to [-1, 1]."""
    x = _conv(channels, "last")(x)
    x = layers.Rescaling(2.0, -1.0, dtype="float32", name="full_range")(x)
    return keras.Model(source, ClipInInference(dtype="float32", name="target")(x), name="generator")


def _conv(width, name, size=3):
    # The uniform distribution of Torch, in which the paper's networks were trained.
    initializer = keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")
    return layers.Conv2D(width, size, padding="same", kernel_initializer=initializer, name=name)


# === The game ===


class _OnPixels(PairedGAN):
    """What both models share: sizes of images, the loss, and the learning rate.

    Args:
        image_size: side of the large images in training, a multiple of `scale`.
        image_channels: 3 for color, 1 for gray.
        scale: how many times as large the sides become: 2, 3, 4 or 8.
        halving_steps: updates after which the learning rate is halved, again and again.
        **kwargs: those of `keras_gans.GAN`.
    """

    batch_size = 16
    players = {"generator": ("generator",)}
    logged: tuple[str, ...] = ("loss", "generator_loss")
    losses_in_words = (
        "The generator's loss is the mean absolute difference over all values in [-1, 1] of a "
        "batch: twice that of values in [0, 1]."
    )

    def __init__(self, image_size, image_channels, scale, halving_steps, **kwargs):
        check_choice("scale", scale, SCALES)
        check_positive("halving_steps", halving_steps)
        check_multiple("image_size", image_size, scale, f"small images are 1/{scale} of it")
        super().__init__(**kwargs)
        self.image_size, self.image_channels, self.scale = image_size, image_channels, scale
        self.halving_steps = halving_steps
        self.source = Image(image_size // scale, image_size // scale, image_channels)
        self.target = Image(image_size, image_size, image_channels, scale=scale)

    def generator_loss(self, source, target, fake):
        return Loss(losses.l1(target, fake))

    def optimizers(self, images=None):
        rate = keras.optimizers.schedules.ExponentialDecay(
            1e-4, self.halving_steps, 0.5, staircase=True
        )
        return {"generator": Adam(rate, beta_1=0.9, name="generator")}


@keras.saving.register_keras_serializable("keras_gans")
class RDN(_OnPixels):
    """The residual dense network, see the module's docstring.

    Args:
        image_size: side of the large images in training, a multiple of `scale`.
        image_channels: 3 for color, 1 for gray.
        scale: how many times as large the sides become: 2, 3, 4 or 8.
        filters: feature maps between the blocks (the paper's G0).
        growth: feature maps of a convolution inside a block (G).
        num_blocks: residual dense blocks (D).
        num_convs: 3x3 convolutions of a block (C).
        upsampling: "shuffle" turns channels into pixels, "nearest" repeats pixels.
        halving_steps: updates after which the learning rate is halved, again and again.
        **kwargs: those of `keras_gans.GAN`.

    Raises:
        ValueError: if a size, the scale or `upsampling` cannot be.
    """

    def __init__(
        self,
        image_size=64,
        image_channels=3,
        *,
        scale=2,
        filters=64,
        growth=64,
        num_blocks=20,
        num_convs=6,
        upsampling="shuffle",
        halving_steps=200_000,
        **kwargs,
    ):
        _check_sizes(filters=filters, growth=growth, num_blocks=num_blocks, num_convs=num_convs)
        check_choice("upsampling", upsampling, UPSAMPLINGS)
        super().__init__(image_size, image_channels, scale, halving_steps, **kwargs)
        self.filters, self.growth = filters, growth
        self.num_blocks, self.num_convs = num_blocks, num_convs
        self.upsampling = upsampling
        self.generator = rdn(
            image_channels, scale, filters, growth, num_blocks, num_convs, upsampling
        )
        self.built = True


@keras.saving.register_keras_serializable("keras_gans")
class RRDN(_OnPixels):
    """The residual-in-residual dense network of ISR, see the module's docstring.

    Args:
        image_size: side of the large images in training, a multiple of `scale`.
        image_channels: 3 for color, 1 for gray.
        scale: how many times as large the sides become: 2, 3, 4 or 8.
        filters: feature maps between the blocks (ISR's G0).
        growth: feature maps of a convolution inside a dense block (G).
        num_blocks: residual-in-residual dense blocks (T).
        num_dense: dense blocks of each (D).
        num_convs: 3x3 convolutions of a dense block before its last (C).
        halving_steps: updates after which the learning rate is halved, again and again.
        **kwargs: those of `keras_gans.GAN`.

    Raises:
        ValueError: if a size or the scale cannot be.
    """

    def __init__(
        self,
        image_size=128,
        image_channels=3,
        *,
        scale=4,
        filters=64,
        growth=32,
        num_blocks=10,
        num_dense=3,
        num_convs=4,
        halving_steps=200_000,
        **kwargs,
    ):
        _check_sizes(
            filters=filters,
            growth=growth,
            num_blocks=num_blocks,
            num_dense=num_dense,
            num_convs=num_convs,
        )
        super().__init__(image_size, image_channels, scale, halving_steps, **kwargs)
        self.filters, self.growth = filters, growth
        self.num_blocks, self.num_dense, self.num_convs = num_blocks, num_dense, num_convs
        self.generator = rrdn(
            image_channels, scale, filters, growth, num_blocks, num_dense, num_convs
        )
        self.built = True


def _check_sizes(**sizes):
    for name, value in sizes.items():
        check_positive(name, value)


_PAPER = "Zhang et al., 2018, https://arxiv.org/abs/1802.08797"
_TINY: dict = {"image_size": 32, "scale": 2, "filters": 4, "growth": 2, "num_convs": 2}

register(
    "rdn",
    RDN,
    task="upscaling",
    paper=_PAPER,
    parameters={"generator": 16_347_392},
    tiny={**_TINY, "num_blocks": 2},
)
register(
    "rdn_small",
    RDN,
    task="upscaling",
    paper=_PAPER,
    parameters={"generator": 2_619_392},
    tiny={**_TINY, "num_blocks": 2},
    num_blocks=10,
    num_convs=3,
)
register(
    "rrdn",
    RRDN,
    task="upscaling",
    paper="Wang et al., 2018, https://arxiv.org/abs/1809.00219",
    parameters={"generator": 7_260_740},
    tiny={**_TINY, "num_blocks": 1, "num_dense": 2},
)
