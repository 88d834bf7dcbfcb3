"""Context encoder: the middle of a picture, filled in from what is around it.

The game, one update of each player per batch, D first, with y the middle quarter of a picture x,
x' the picture without it, and w 10 along the border of y and 1 inside:

    D: min  -mean(log D(y)) - mean(log(1 - D(G(x'))))
    G: min  l2_weight * mean(w * (y - G(x'))^2) - (1 - l2_weight) * mean(log D(G(x')))

Networks (128 x 128 pixels, `bottleneck=4000`)

    G   c4-64, c4-64, c4-128, c4-256, c4-512, all stride 2, down to 4x4, c4-4000 to one pixel,
        leaky ReLU 0.2; transposed c4-512 to 4x4, c4-256, c4-128, c4-64, c4-3, all stride 2, up to
        64x64, ReLU, tanh. Batch norm but after the first and the last layer.
    D   of the middle: c4-64, c4-128, c4-256, c4-512, all stride 2, c4-1 over what is left; leaky
        ReLU 0.2, batch norm but at the first and last layer.
    Every kernel N(0, 0.02), batch norm's gamma N(1, 0.02).

Of the 64 pixels of y the inner 56 are hidden, under the mean colour of ImageNet: the 4 around them
are known, are made by G as well, and weigh 10 times, so that what is filled in fits to its border.

Training: Adam, beta_1 0.5, 2e-3 for G and 2e-4 for D; batches of 64; 500 epochs; the shorter side
of photographs scaled to 350 and 128 pixels cropped at random.

Paper:     Pathak, Krahenbuhl, Donahue, Darrell & Efros, 2016, https://arxiv.org/abs/1604.07379
Reference: pathak22/context-encoder, train.lua

Where they disagree the reference is followed: 4 pixels of overlap (paper: 7), D sees the middle
alone, a bottleneck of convolutions over all channels (paper: a channel-wise dense layer for
features, 4000 units for inpainting). Departures: biases are learned, which the reference sets to
zero before each update; pictures are scaled to the size of the model and not cropped out of larger
ones, but for `fit="crop"`, which cuts off what sticks out of a square.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from keras_gans import losses
from keras_gans.core import masks
from keras_gans.core.scaling import scaled
from keras_gans.core.signature import Image, Signature
from keras_gans.games.inpainting import InpaintingGAN
from keras_gans.games.loss import Loss
from keras_gans.layers import BatchNorm, FillHoles
from keras_gans.optimizers import Adam
from keras_gans.utils.checks import check_doublings, check_positive, check_weight
from keras_gans.zoo._registry import register

_MEAN = (117.0, 104.0, 123.0)  # of ImageNet, as the reference has it, from 0 to 255
_OVERLAP_WEIGHT = 10.0
_LEAST, _REASON = 3, "G and D halve it down to 4 to 7 pixels"


def generator(image_size, image_channels, filters, bottleneck, overlap):
    """Pictures (N, side, side, channels), whose middle is not looked at -> it, half as large."""
    source = keras.Input((image_size, image_size, image_channels), name="source")
    x = _hidden(source, masks.centre(image_size, image_size // 2 - 2 * overlap))
    left, halvings = check_doublings(image_size, _LEAST, _REASON)
    widths = [filters, *(filters * 2**level for level in range(halvings - 1))]
    for level, width in enumerate(widths, start=1):
        x = _conv(width, f"down_{level}")(x)
        x = layers.LeakyReLU(0.2)(x if level == 1 else _batch_norm(f"down_{level}_norm")(x))
    x = _conv(bottleneck, "bottleneck", left, strides=1)(x)
    x = layers.LeakyReLU(0.2)(_batch_norm("bottleneck_norm")(x))
    for level in range(halvings - 1, 0, -1):
        first = {"size": left, "strides": 1} if level == halvings - 1 else {}
        x = _up(widths[level], f"up_{level}", **first)(x)
        x = layers.ReLU()(_batch_norm(f"up_{level}_norm")(x))
    x = _up(image_channels, "up_0")(x)
    painted = layers.Activation("tanh", dtype="float32", name="painted")(x)
    return keras.Model(source, painted, name="generator")


def discriminator(side, image_channels, filters):
    """Middles of pictures (N, side, side, channels) -> logits (N, 1, 1, 1)."""
    image = keras.Input((side, side, image_channels), name="image")
    left, halvings = check_doublings(side, _LEAST - 1, _REASON)
    x = layers.LeakyReLU(0.2)(_conv(filters, "conv_1")(image))
    for level in range(2, halvings + 1):
        x = _conv(filters * 2 ** (level - 1), f"conv_{level}")(x)
        x = layers.LeakyReLU(0.2)(_batch_norm(f"conv_{level}_norm")(x))
    x = _conv(1, "score", left, strides=1)(x)
    logits = layers.Activation("linear", dtype="float32", name="logits")(x)
    return keras.Model(image, logits, name="discriminator")


def _hidden(source, hole):
    """Pictures with the mean colour in the hole."""
    colour = np.array(_MEAN if source.shape[-1] == 3 else [np.mean(_MEAN)], "float32") / 127.5 - 1
    return source * (1.0 - hole[None]) + hole[None] * colour


def _normal(mean=0.0):
    return keras.initializers.RandomNormal(mean, 0.02)


def _batch_norm(name):
    return BatchNorm(gamma_initializer=_normal(1.0), name=name)


def _conv(width, name, size=4, strides=2):
    padding = "same" if strides == 2 else "valid"
    return layers.Conv2D(
        width, size, strides=strides, padding=padding, kernel_initializer=_normal(), name=name
    )


def _up(width, name, size=4, strides=2):
    padding = "same" if strides == 2 else "valid"
    return layers.Conv2DTranspose(
        width, size, strides=strides, padding=padding, kernel_initializer=_normal(), name=name
    )


@keras.saving.register_keras_serializable("keras_gans")
class ContextEncoder(InpaintingGAN):
    """The middle of pictures filled in, see the module's docstring for the game and the networks.

    Args:
        image_size: side of the square pictures: 4, 5, 6 or 7 times a power of 2, at least 32.
        image_channels: 3 for colour, 1 for grey.
        filters: feature maps of the first convolution of both networks.
        bottleneck: units between the way down and the way up.
        overlap: known pixels on each side of the hole that are made besides, from 0 and less than
            an eighth of the side.
        l2_weight: of the squared distance from the true middle, against the adversarial loss of
            1 - l2_weight.
        **kwargs: those of `keras_gans.GAN`.

    Raises:
        ValueError: for a size, number or weight that cannot be.
    """

    batch_size = 64
    logged = (*InpaintingGAN.logged, "l2_loss")
    losses_in_words = (
        "Losses are means over the images of a batch. l2_loss is the mean squared distance of the "
        "middle from the true one, on the scale of -1 to 1 and without weights; the generator's "
        "loss has 10 times the weight on its border. The discriminator's is the sum of its loss "
        "on real and its loss on generated middles."
    )

    def __init__(
        self,
        image_size=128,
        image_channels=3,
        *,
        filters=64,
        bottleneck=4000,
        overlap=4,
        l2_weight=0.999,
        **kwargs,
    ):
        check_doublings(image_size, _LEAST, _REASON)
        for name, value in (("filters", filters), ("bottleneck", bottleneck)):
            check_positive(name, value)
        check_positive("overlap", overlap, least=0)
        if overlap >= image_size // 8:
            raise ValueError(
                f"`overlap` must be less than an eighth of image_size={image_size}, or most of "
                f"the middle would be known. Received: {overlap}."
            )
        check_weight("l2_weight", l2_weight)
        if l2_weight > 1:
            raise ValueError(f"`l2_weight` must be from 0 to 1. Received: {l2_weight}.")
        super().__init__(**kwargs)
        self.image_size, self.image_channels = image_size, image_channels
        self.filters, self.bottleneck = filters, bottleneck
        self.overlap, self.l2_weight = overlap, l2_weight
        self.generator = generator(image_size, image_channels, filters, bottleneck, overlap)
        self.discriminator = discriminator(image_size // 2, image_channels, filters)
        self.built = True

    def optimizers(self, images=None):
        return {
            "generator": Adam(2e-3, beta_1=0.5, name="generator"),
            "discriminator": Adam(2e-4, beta_1=0.5, name="discriminator"),
        }

    def discriminator_loss(self, source, holes, painted):
        real_logits = self.discriminator(self._middle(source), training=True)
        fake_logits = self.discriminator(painted, training=True)
        return Loss(losses.logistic(real_logits, fake_logits), real_logits, fake_logits)

    def generator_loss(self, source, holes, painted):
        adversarial_loss = losses.non_saturating(self.discriminator(painted, training=True))
        squares = ops.square(painted - self._middle(source))
        weights = 1.0 + (_OVERLAP_WEIGHT - 1.0) * (1.0 - self._middle(self._hole[None]))
        return Loss(
            self.l2_weight * ops.mean(weights * squares)
            + (1.0 - self.l2_weight) * adversarial_loss,
            adversarial_loss=adversarial_loss,
            l2_loss=ops.mean(squares),
        )

    @property
    def _hidden_side(self):
        """Side of the square that is hidden, in pixels."""
        return self.image_size // 2 - 2 * self.overlap

    @property
    def _place(self):
        """(top, left, bottom, right) of the hole."""
        first = self.image_size // 4 + self.overlap
        return first, first, first + self._hidden_side, first + self._hidden_side

    @property
    def _hole(self):
        """The hole of every picture, (side, side, 1)."""
        return masks.centre(self.image_size, self._hidden_side)

    def _middle(self, images):
        """The middle quarter of pictures."""
        start = self.image_size // 4
        return images[:, start : 3 * start, start : 3 * start]

    def holes(self, count, seed):
        return tf.tile(tf.constant(self._hole[None]), (count, 1, 1, 1))

    def signature(self):
        side, channels = self.image_size, self.image_channels
        source = Image(side, side, channels, trained=(side, side), hole=self._place)
        return {"generator": Signature({"source": source}, {"target": Image(side, side, channels)})}

    def composed(self, inputs, painted):
        around = self.image_size // 4
        others = layers.ZeroPadding2D(around, dtype="float32", name="placed")(painted)
        fill = FillHoles(self._place, dtype="float32", name="target")
        return fill([*inputs, others])

    def filled(self, batch, holes, size):
        sides, whole = self.size_of_translation("generator", size), batch.shape[1:3]
        hole = masks.centre(self.image_size, self._hidden_side, whole)
        # Hidden before it is scaled, so that nothing of it gets into what is known.
        inner = np.stack([scaled(picture, sides) for picture in batch * (1.0 - hole)])
        painted = self.in_chunks(self.generator, inner.astype("float32"))
        made = np.asarray(self.composed([inner], painted))
        return np.where(hole > 0, np.stack([scaled(one, whole) for one in made]), batch)


_ENTRY: dict = {
    "task": "inpainting",
    "paper": "Pathak et al., 2016, https://arxiv.org/abs/1604.07379",
    "tiny": {"image_size": 32, "filters": 4, "bottleneck": 8, "overlap": 1},
}

register(
    "context_encoder",
    ContextEncoder,
    parameters={"generator": 71_130_531, "discriminator": 2_766_529},
    recipe={"epochs": 500, "flip": True},
    **_ENTRY,
)
