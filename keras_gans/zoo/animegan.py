"""AnimeGANv2: photographs as drawings, by a small network for phones.

The game, one update of each player per batch of photographs p and unrelated drawings a, D first:

    D: min  adversarial_weight * (w0 mean (D(a) - 1)^2 + w1 mean D(G(p))^2
                                  + w2 mean D(grey(a))^2 + w3 mean D(grey(smoothed(a)))^2)
    G: min  adversarial_weight * mean (D(G(p)) - 1)^2
            + content_weight * |F(p) - F(G(p))| + style_weight * |Gram(F(grey(a))) - Gram(F(G(p)))|
            + color_weight * (|Y(p) - Y(G(p))| + huber(U(p), U(G(p))) + huber(V(p), V(G(p))))
            + variation_weight * half the mean square of steps from pixel to pixel

|.| are means of absolute differences, F maps of features of a frozen network, smoothed(a) is a with
blurred edges (`zoo/_smoothed.py`), and Y, U and V are of colours in [0, 1]. Before it come
`content_steps` updates of G alone, on the content term.

Networks (256 x 256 pixels)

    G   A  c7-32, c3s2-64, c3-64        B  c3s2-128, c3-128
        C  c3-128, inverted residuals of 256 four times, c3-128
        D  bilinear x2, c3-128, c3-128  E  bilinear x2, c3-64, c3-64, c7-32        c1-3, tanh
        Inverted residual: c1 to twice the maps, a 3x3 for each map with bias, c1 to 256; the last
        three are added to what they read.
    D   c3-32, c3s2-64, c3-128 *, c3s2-128, c3-256 *, c3-256 *, c3-1; spectral norm
    No other biases. Layer norm of whole pictures after every convolution of G but the last, and at
    * of D; leaky ReLU 0.2 after all but the third of an inverted residual. G pads by reflection,
    with stride 2 below and to the right alone; D by zeros, with stride 2 above and to the left.

Training: Adam, beta_1 0.5, batches of 12; G 2e-4 on content, then 2e-5; D 4e-5; 10 epochs on
content and 91 of the game (counted in updates: the defaults are those of 6,656 photographs). A run
of another length keeps the proportion. Weights are those of the style Hayao; `STYLES` has the
others'.

Paper:     Chen, Liu & Chen, 2019 (AnimeGAN), https://tachibanayoshino.github.io/AnimeGANv2/
Reference: TachibanaYoshino/AnimeGANv2, net/, tools/ops.py; bryandlee/animegan2-pytorch, model.py,
           whose files (face_paint_512_v2.pt, paprika.pt ...) can be imported

Departures: F is not VGG19, whose weights do not ship with the zoo, see `ContentAndStyle`. The
drawing with blurred edges is the one of its batch, in the reference any of its set. One optimizer
serves both phases of G and keeps its moments. Layer norm adds 1e-5 to the variance, as the port
does; TensorFlow 1 adds 1e-12. Pictures are doubled as in the port (`coordinates="corners"`); the
reference, whose layers resize as TensorFlow 1 did, is `coordinates="legacy"`.
"""

import keras
import tensorflow as tf
from keras import layers

from keras_gans import losses
from keras_gans.core.model import GAN
from keras_gans.games.loss import Loss
from keras_gans.layers import (
    BilinearUpsample2D,
    LayerNorm2D,
    ReflectionPadding2D,
    SpectralConv2D,
    spectral_norm,
)
from keras_gans.utils.checks import check_multiple, check_positive, check_weight
from keras_gans.zoo._content_first import ContentFirstGAN
from keras_gans.zoo._perceptual import ContentAndStyle
from keras_gans.zoo._registry import register
from keras_gans.zoo._smoothed import grey, smoothed

#: What the reference trained each of its styles with.
STYLES: dict = {
    "hayao": {},
    "paprika": {
        "discriminator_weights": (1.0, 1.0, 1.0, 0.005),
        "content_weight": 2.0,
        "style_weight": 0.6,
        "color_weight": 50.0,
        "variation_weight": 0.1,
    },
    "shinkai": {
        "discriminator_weights": (1.7, 1.7, 1.7, 1.0),
        "content_weight": 1.2,
        "style_weight": 2.0,
        "color_weight": 10.0,
    },
}


# === Networks ===


def generator(filters, coordinates):
    """Pictures (N, H, W, 3) in [-1, 1] -> the same size; H, W multiples of 4."""
    source = keras.Input((None, None, 3), name="source")
    x = _block(source, filters, "a0", 7)
    x = _block(_block(x, 2 * filters, "a1", strides=2), 2 * filters, "a2")
    x = _block(_block(x, 4 * filters, "b0", strides=2), 4 * filters, "b1")
    x = _block(x, 4 * filters, "c0")
    for number in range(1, 5):
        y = _inverted_residual(x, 8 * filters, f"c{number}")
        x = layers.Add(name=f"c{number}_sum")([x, y]) if number > 1 else y
    x = _block(x, 4 * filters, "c5")
    x = BilinearUpsample2D(coordinates, name="doubled_d")(x)
    x = _block(_block(x, 4 * filters, "d0"), 4 * filters, "d1")
    x = BilinearUpsample2D(coordinates, name="doubled_e")(x)
    x = _block(_block(x, 2 * filters, "e0"), 2 * filters, "e1")
    x = _conv(_block(x, filters, "e2", 7), 3, "out", 1)
    target = layers.Activation("tanh", dtype="float32", name="target")(x)
    return keras.Model(source, target, name="generator")


def _block(x, width, name, size=3, strides=1):
    return _activated(_conv(x, width, name, size, strides), name)


def _activated(x, name):
    return layers.LeakyReLU(0.2, name=f"{name}_act")(LayerNorm2D(name=f"{name}_norm")(x))


def _conv(x, width, name, size=3, strides=1):
    if size > 1:
        around = size // 2 if strides == 1 else (0, 1)
        x = ReflectionPadding2D(around, name=f"{name}_pad")(x)
    return layers.Conv2D(
        width, size, strides, use_bias=False, kernel_initializer="he_normal", name=name
    )(x)


def _inverted_residual(x, width, name):
    x = _block(x, 2 * x.shape[-1], f"{name}_wide", 1)
    x = ReflectionPadding2D(1, name=f"{name}_each_pad")(x)
    x = layers.DepthwiseConv2D(3, depthwise_initializer="he_normal", name=f"{name}_each")(x)
    x = _conv(_activated(x, f"{name}_each"), width, f"{name}_narrow", 1)
    return LayerNorm2D(name=f"{name}_narrow_norm")(x)


def discriminator(image_size, filters):
    """Pictures (N, side, side, 3) -> logits (N, side / 4, side / 4, 1)."""
    image = keras.Input((image_size, image_size, 3), name="image")
    x = layers.LeakyReLU(0.2)(_spectral(image, filters, "conv_0"))
    for number, width in ((1, filters), (2, 2 * filters)):
        x = layers.LeakyReLU(0.2)(_spectral(x, 2 * width, f"halved_{number}", strides=2))
        x = _activated(_spectral(x, 4 * width, f"conv_{number}"), f"conv_{number}")
    x = _activated(_spectral(x, 8 * filters, "last"), "last")
    logits = layers.Activation("linear", dtype="float32", name="logits")(_spectral(x, 1, "patches"))
    return keras.Model(image, logits, name="discriminator")


def _spectral(x, width, name, strides=1):
    # With stride 2 the odd row and column of zeros are the first ones.
    around = 1 if strides == 1 else ((1, 0), (1, 0))
    x = layers.ZeroPadding2D(around, name=f"{name}_pad")(x)
    initializer = keras.initializers.RandomNormal(0.0, 0.02)
    return SpectralConv2D(
        width, 3, strides, use_bias=False, kernel_initializer=initializer, name=name
    )(x)


# === The game ===


@keras.saving.register_keras_serializable("keras_gans")
class AnimeGAN(ContentFirstGAN):
    """AnimeGANv2, see the module's docstring for the game and the networks.

    Args:
        image_size: side of the square pictures in training: a multiple of 4, at least 16.
        filters: feature maps of G's first convolution.
        discriminator_filters: of D's.
        coordinates: how pictures are doubled, see `keras_gans.layers.BilinearUpsample2D`.
        adversarial_weight: of the adversarial losses of both players.
        discriminator_weights: of D's losses on drawings, on translations, on grey drawings and on
            grey drawings with blurred edges.
        content_weight: of the difference of F's maps, of translations and their photographs.
        style_weight: of the difference of their Gram matrices, of translations and grey drawings.
        color_weight: of the difference of colours, of translations and their photographs.
        variation_weight: of the steps from pixel to pixel of translations.
        perceptual: the network F, "lite0", "hed" or "none", which is the pixels themselves; another
            Keras model with `perceptual_loss.use`.
        content_steps: updates of the first phase, on content alone; 0 for none.
        adversarial_steps: updates of the second, the game. A run of known length is divided in the
            proportion of both.
        **kwargs: those of `keras_gans.GAN`.

    Raises:
        ValueError: for a size or weight that cannot be.
    """

    batch_size = 12
    rates = {"content": 2e-4, "generator": 2e-5, "discriminator": 4e-5}
    a_channels = b_channels = 3
    stride = 4
    smallest = 8  # 2 pixels in the middle, where 1 would have nothing to reflect
    boundary = 0.5  # logits near 1 say real and near 0 fake
    logged = (
        *GAN.logged,
        "adversarial_loss",
        "content_loss",
        "style_loss",
        "color_loss",
        "variation_loss",
    )
    losses_in_words = (
        "Losses are means over the images of a batch and over all patches or values. Those of the "
        "generator's parts are logged before they are multiplied by their weights; the players' "
        "own are weighted sums. In the first phase, on content alone, all but content_loss and the "
        "generator's are logged as 0. Accuracies are of drawings and of translations."
    )

    def __init__(
        self,
        image_size=256,
        *,
        filters=32,
        discriminator_filters=32,
        coordinates="corners",
        adversarial_weight=300.0,
        discriminator_weights=(1.2, 1.2, 1.2, 0.8),
        content_weight=1.5,
        style_weight=2.5,
        color_weight=15.0,
        variation_weight=1.0,
        perceptual="lite0",
        content_steps=5_540,
        adversarial_steps=50_414,
        **kwargs,
    ):
        check_multiple("image_size", image_size, 4, "networks halve it twice", 16)
        for name, value, least in (
            ("filters", filters, 1),
            ("discriminator_filters", discriminator_filters, 1),
            ("content_steps", content_steps, 0),
            ("adversarial_steps", adversarial_steps, 1),
        ):
            check_positive(name, value, least=least)
        if len(discriminator_weights) != 4:
            raise ValueError(
                "`discriminator_weights` must be four numbers: of drawings, translations, grey "
                f"drawings and grey ones with blurred edges. Received: {discriminator_weights!r}"
            )
        for name, weight in (
            ("adversarial_weight", adversarial_weight),
            ("content_weight", content_weight),
            ("style_weight", style_weight),
            ("color_weight", color_weight),
            ("variation_weight", variation_weight),
            *(("discriminator_weights", weight) for weight in discriminator_weights),
        ):
            check_weight(name, weight)
        super().__init__(**kwargs)
        self.image_size, self.filters = image_size, filters
        self.discriminator_filters, self.coordinates = discriminator_filters, coordinates
        self.adversarial_weight = adversarial_weight
        self.discriminator_weights = tuple(discriminator_weights)
        self.content_weight, self.style_weight = content_weight, style_weight
        self.color_weight, self.variation_weight = color_weight, variation_weight
        self.perceptual, self.perceptual_loss = perceptual, ContentAndStyle(perceptual)
        self.content_steps, self.adversarial_steps = content_steps, adversarial_steps
        self.generator = generator(filters, coordinates)
        self.discriminator = discriminator(image_size, discriminator_filters)
        self.built = True

    # === Losses ===

    def discriminator_loss(self, real_b, fake_b):
        spectral_norm.power_iteration(self.discriminator)
        shown = tf.concat([real_b, fake_b, grey(real_b), grey(smoothed(real_b))], axis=0)
        logits = tf.split(self.discriminator(shown, training=True), 4)
        terms = [
            weight * losses.least_squares(judged, target)
            for weight, judged, target in zip(
                self.discriminator_weights, logits, (1.0, 0.0, 0.0, 0.0), strict=True
            )
        ]
        return Loss(self.adversarial_weight * sum(terms), logits[0], logits[1])

    def generator_loss(self, real_a, real_b, made):
        fake = made.fake_b
        weighted = {
            "adversarial_loss": (self.adversarial_weight, self._adversarial(fake)),
            "content_loss": (self.content_weight, self.perceptual_loss.content(real_a, fake)),
            "style_loss": (self.style_weight, self.perceptual_loss.style(grey(real_b), fake)),
            "color_loss": (self.color_weight, color_loss(real_a, fake)),
            "variation_loss": (self.variation_weight, losses.total_variation(fake)),
        }
        value = sum(weight * loss for weight, loss in weighted.values())
        return Loss(value, **{name: loss for name, (_, loss) in weighted.items()})

    def _adversarial(self, fake):
        return losses.least_squares(self.discriminator(fake, training=True), 1.0)

    def reference_layers(self):
        """`{network: {module name in the port's checkpoints: our layer's name}}`."""
        modules = {"out_layer.0": "out"}
        for block, numbers in (("a", 3), ("b", 2), ("c", 6), ("d", 2), ("e", 3)):
            for number in range(numbers):
                place, name = f"block_{block}.{number}", f"{block}{number}"
                if block == "c" and 1 <= number <= 4:
                    modules |= {
                        f"{place}.layers.0.1": f"{name}_wide",
                        f"{place}.layers.0.2": f"{name}_wide_norm",
                        f"{place}.layers.1.1": f"{name}_each",
                        f"{place}.layers.1.2": f"{name}_each_norm",
                        f"{place}.layers.2": f"{name}_narrow",
                        f"{place}.layers.3": f"{name}_narrow_norm",
                    }
                else:
                    modules |= {f"{place}.1": name, f"{place}.2": f"{name}_norm"}
        return {"generator": modules}


def color_loss(images, others):
    """How far colours of pictures in [-1, 1] are apart: Y by L1, U and V by Huber's loss."""
    y, u, v = (
        (one[..., channel], other[..., channel])
        for one, other in [[tf.image.rgb_to_yuv(0.5 * (i + 1.0)) for i in (images, others)]]
        for channel in range(3)
    )
    return losses.l1(*y) + losses.huber(*u) + losses.huber(*v)


_ENTRY: dict = {
    "task": "unpaired_translation",
    "paper": "Chen, Liu & Chen, 2019, https://tachibanayoshino.github.io/AnimeGANv2/",
    "tiny": {
        "image_size": 32,
        "filters": 4,
        "discriminator_filters": 4,
        "perceptual": "none",
        "content_steps": 1,
        "adversarial_steps": 2,
    },
}

register(
    "animegan",
    AnimeGAN,
    parameters={"generator": 2_143_552, "discriminator": 1_128_800},
    **_ENTRY,
)
register(
    "animegan_avatars",
    AnimeGAN,
    parameters={"generator": 544_416, "discriminator": 283_312},
    recipe={"epochs": 10, "jitter": False},
    **_ENTRY,
    data="bundled:avatars/styles",
    image_size=64,
    filters=16,
    discriminator_filters=16,
)
