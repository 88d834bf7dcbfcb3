"""CartoonGAN: photographs as cartoons, whose edges are clear.

The game, one update of each player per batch of photographs p and unrelated cartoons c, D first:

    D: min  -mean log D(c) - mean log(1 - D(G(p))) - mean log(1 - D(smoothed(c)))
    G: min  -mean log D(G(p)) + content_weight * |F(p) - F(G(p))|

D learns that cartoons with blurred edges (`zoo/_smoothed.py`) are none. F is a map of features of a
frozen network. Before the game come `content_steps` updates of G alone, on the content term.

Networks (256 x 256 pixels)

    G   c7-64; c3s2-128, c3-128; c3s2-256, c3-256; 8 residual blocks of two c3-256;
        ct3s2-128, c3-128; ct3s2-64, c3-64; c7-3, tanh
        Instance norm with gain and bias, and ReLU, after the last convolution of each; none of both
        between c3s2 (ct3s2: transposed) and its c3, which no activation parts either, as in the
        published files. c7 and residual blocks pad by reflection, others by zeros.
    D   c3-32; c3s2-64, c3-128 *; c3s2-128, c3-256 *; c3-256 *; c3-1; padded by zeros
        Instance norm without weights at *; leaky ReLU 0.2 after all but the last.

Training: Adam 2e-4, beta_1 0.5, batches of 8; 10 epochs on content and 100 of the game (counted in
updates: the defaults are those of 6,153 photographs). A run of another length keeps the proportion.

Paper:     Chen, Lai & Liu, 2018, https://openaccess.thecvf.com/content_cvpr_2018/html/
           Chen_CartoonGAN_Generative_Adversarial_CVPR_2018_paper.html
Reference: Yijunmaverick/CartoonGAN-Test-Pytorch-Torch, network/Transformer.py (G; its training was
           not published: D, the game, the ratio of its losses and the 10 epochs on content are
           the paper's; learning rate, batches and the length of the game ours)

Departures: F is not VGG19, whose weights do not ship with the zoo, see `_perceptual`: its content
loss counts 1 between photographs and their bicubic enlargements from a quarter of the size, and the
paper's weight of 10 is kept. G's adversarial loss is non-saturating. Cartoons with blurred edges
are those of the batch, see `zoo/_smoothed.py` for which edges. Instance norm adds 1e-5 to the
variance, the published files 1e-9: on a map of one colour that turns rounding into a picture.
"""

import keras
import tensorflow as tf
from keras import layers

from keras_gans import losses
from keras_gans.core.model import GAN
from keras_gans.games.loss import Loss
from keras_gans.layers import InstanceNorm, NarrowConv2D, ReflectionPadding2D, TorchConvTranspose2D
from keras_gans.utils.checks import check_multiple, check_positive, check_weight
from keras_gans.zoo._content_first import ContentFirstGAN
from keras_gans.zoo._perceptual import ContentAndStyle
from keras_gans.zoo._registry import register
from keras_gans.zoo._smoothed import smoothed

# === Networks ===


def generator(filters, num_blocks):
    """Pictures (N, H, W, 3) in [-1, 1] -> the same size; H, W multiples of 4."""
    source = keras.Input((None, None, 3), name="source")
    x = _conv(ReflectionPadding2D(3)(source), filters, "first", 7)
    x = _normed(x, "first")
    for level in (1, 2):
        width = filters * 2**level
        x = layers.ZeroPadding2D(1)(x)  # on all sides: SAME would pad right and below only
        x = _conv(x, width, f"down_{level}", strides=2)
        x = _normed(_conv(x, width, f"down_{level}_more", padding="same"), f"down_{level}")
    for block in range(1, num_blocks + 1):
        x = layers.Add()([x, _residual(x, f"block_{block}")])
    for level in (2, 1):
        width = filters * 2 ** (level - 1)
        x = TorchConvTranspose2D(width, kernel_initializer=_normal(), name=f"up_{level}")(x)
        x = _normed(_conv(x, width, f"up_{level}_more", padding="same"), f"up_{level}")
    x = ReflectionPadding2D(3)(x)
    x = NarrowConv2D(3, 7, kernel_initializer=_normal(), name="last")(x)
    target = layers.Activation("tanh", dtype="float32", name="target")(x)
    return keras.Model(source, target, name="generator")


def _residual(x, name):
    x = _conv(ReflectionPadding2D(1)(x), x.shape[-1], f"{name}_1")
    x = ReflectionPadding2D(1)(_normed(x, f"{name}_1"))
    x = _conv(x, x.shape[-1], f"{name}_2")
    return InstanceNorm(affine=True, name=f"{name}_2_norm")(x)


def _normed(x, name):
    return layers.ReLU()(InstanceNorm(affine=True, name=f"{name}_norm")(x))


def discriminator(image_size, filters):
    """Pictures (N, side, side, 3) -> logits (N, side / 4, side / 4, 1)."""
    image = keras.Input((image_size, image_size, 3), name="image")
    x = _leaky(_conv(image, filters, "first", padding="same"))
    for level in (1, 2):
        x = _conv(layers.ZeroPadding2D(1)(x), filters * 2**level, f"down_{level}", strides=2)
        x = _conv(_leaky(x), filters * 2 ** (level + 1), f"down_{level}_more", padding="same")
        x = _leaky(InstanceNorm()(x))
    x = _leaky(InstanceNorm()(_conv(x, 8 * filters, "wide", padding="same")))
    x = _conv(x, 1, "patches", padding="same")
    logits = layers.Activation("linear", dtype="float32", name="logits")(x)
    return keras.Model(image, logits, name="discriminator")


def _leaky(x):
    return layers.LeakyReLU(0.2)(x)


def _conv(x, width, name, size=3, strides=1, padding="valid"):
    return layers.Conv2D(
        width, size, strides, padding=padding, kernel_initializer=_normal(), name=name
    )(x)


def _normal():
    return keras.initializers.RandomNormal(0.0, 0.02)


# === The game ===


@keras.saving.register_keras_serializable("keras_gans")
class CartoonGAN(ContentFirstGAN):
    """CartoonGAN, see the module's docstring for the game and the networks.

    Args:
        image_size: side of the square pictures in training: a multiple of 4, at least 16.
        filters: feature maps of G's first convolution.
        discriminator_filters: of D's.
        num_blocks: residual blocks of G.
        content_weight: of the difference of F's maps, of translations and their photographs.
        perceptual: the network F, "lite0", "hed" or "none", which is the pixels themselves; another
            Keras model with `perceptual_loss.use`.
        content_steps: updates of the first phase, on content alone; 0 for none.
        adversarial_steps: updates of the second, the game. A run of known length is divided in the
            proportion of both.
        **kwargs: those of `keras_gans.GAN`.

    Raises:
        ValueError: for a size or weight that cannot be.
    """

    batch_size = 8
    a_channels = b_channels = 3
    stride = 4
    smallest = 8  # 2 pixels in the middle, where 1 would have nothing to reflect
    logged = (*GAN.logged, "adversarial_loss", "content_loss")
    losses_in_words = (
        "Losses are means over the images of a batch and over all patches or values; content_loss "
        "is logged before it is multiplied by its weight. In the first phase, on content alone, "
        "all but content_loss and the generator's are logged as 0. Accuracies are of cartoons and "
        "of translations."
    )

    def __init__(
        self,
        image_size=256,
        *,
        filters=64,
        discriminator_filters=32,
        num_blocks=8,
        content_weight=10.0,
        perceptual="lite0",
        content_steps=7_690,
        adversarial_steps=76_900,
        **kwargs,
    ):
        check_multiple("image_size", image_size, 4, "networks halve it twice", 16)
        for name, value, least in (
            ("filters", filters, 1),
            ("discriminator_filters", discriminator_filters, 1),
            ("num_blocks", num_blocks, 0),
            ("content_steps", content_steps, 0),
            ("adversarial_steps", adversarial_steps, 1),
        ):
            check_positive(name, value, least=least)
        check_weight("content_weight", content_weight)
        super().__init__(**kwargs)
        self.image_size, self.filters = image_size, filters
        self.discriminator_filters, self.num_blocks = discriminator_filters, num_blocks
        self.content_weight, self.perceptual = content_weight, perceptual
        self.perceptual_loss = ContentAndStyle(perceptual, content_of_enlargements=1.0)
        self.content_steps, self.adversarial_steps = content_steps, adversarial_steps
        self.generator = generator(filters, num_blocks)
        self.discriminator = discriminator(image_size, discriminator_filters)
        self.built = True

    def discriminator_loss(self, real_b, fake_b):
        shown = tf.concat([real_b, fake_b, smoothed(real_b)], axis=0)
        real, fake, blurred = tf.split(self.discriminator(shown, training=True), 3)
        # The last term is one of fakes alone: `non_saturating` of the negative logit.
        value = losses.logistic(real, fake) + losses.non_saturating(-blurred)
        return Loss(value, real, fake)

    def generator_loss(self, real_a, real_b, made):
        logits = self.discriminator(made.fake_b, training=True)
        adversarial = losses.non_saturating(logits)
        content = self.perceptual_loss.content(real_a, made.fake_b)
        value = adversarial + self.content_weight * content
        return Loss(value, adversarial_loss=adversarial, content_loss=content)


_ENTRY: dict = {
    "task": "unpaired_translation",
    "paper": "Chen, Lai & Liu, 2018, https://openaccess.thecvf.com/content_cvpr_2018/html/"
    "Chen_CartoonGAN_Generative_Adversarial_CVPR_2018_paper.html",
    "tiny": {
        "image_size": 32,
        "filters": 4,
        "discriminator_filters": 4,
        "num_blocks": 1,
        "perceptual": "none",
        "content_steps": 1,
        "adversarial_steps": 2,
    },
}

register(
    "cartoongan",
    CartoonGAN,
    parameters={"generator": 11_129_667, "discriminator": 1_128_385},
    **_ENTRY,
)
register(
    "cartoongan_avatars",
    CartoonGAN,
    parameters={"generator": 405_459, "discriminator": 283_105},
    recipe={"epochs": 10, "jitter": False},
    **_ENTRY,
    data="bundled:avatars/styles",
    image_size=64,
    filters=16,
    discriminator_filters=16,
    num_blocks=4,
)
