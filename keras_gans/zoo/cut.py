"""CUT: unpaired translation one way; patches keep to their places by a contrastive loss.

The game, one update of each player per pair of unrelated pictures (a, b), the discriminator first:

    D:     min  (mean((D(b) - 1)^2) + mean(D(G(a))^2)) / 2
    G, F:  min  mean((D(G(a)) - 1)^2) + nce_weight * (NCE(G(a), a) + NCE(G(b), b)) / 2

NCE(y, x): of five layers of G's first half, the features at 256 random places of y go through a
small network F, those at the same places of x as well, without a gradient, and each place of y must
find its own among the 256 of x: cross-entropy of their products over 0.07, mean over the layers.
NCE(G(b), b) keeps G from changing what belongs to the target already; FastCUT has NCE(G(a), a)
alone, with `flip_equivariance`: at random, translations are of mirrored pictures, and features are
mirrored back.

Networks (256 x 256 pixels, 9 blocks)

    G   c7s1-64, c3s1-128 and blur, c3s1-256 and blur, R256 x 9, twice blurred doubling and c3s1
        (128, 64), c7s1-3: reflection padding at the 7x7 convolutions and in the residual blocks,
        instance norm, ReLU, tanh
    D   PatchGAN: C64-C128-C256 stride 1 and blur, C512-C1, 4x4, instance norm but at the first and
        last layer, leaky ReLU 0.2
    F   for each layer: dense 256, ReLU, dense 256, to length 1
    Blur halves with [1, 2, 1], reflected at the edges, and doubles with [1, 3, 3, 1], which is a
    bilinear resize. Every kernel Glorot normal with gain 0.02.

    Features are of the padded picture, both halving convolutions before their norms, and the first
    and the fifth residual block (the last, of fewer than five).

Training: Adam 2e-4, beta_1 0.5; batch 1; CUT 200 epochs of constant learning rate and 200 of
linear decay to zero, FastCUT 150 and 50 (counted in updates: the defaults are those of the 1,334
zebras); pictures scaled to 286, cropped to 256 and mirrored at random.

Paper:     Park, Efros, Zhang & Zhu, 2020, https://arxiv.org/abs/2007.15651
Reference: taesungp/contrastive-unpaired-translation, models/cut_model.py, models/networks.py

Departures: one Adam moves G and F, which is the same as one for each with equal rates; F's layers
are there from the start (the reference makes them at the first batch).
"""

import dataclasses

import keras
import tensorflow as tf
from keras import layers, ops

from keras_gans import losses
from keras_gans.core.model import GAN
from keras_gans.games.loss import Loss
from keras_gans.games.unpaired import OneWayGAN, both
from keras_gans.layers import BilinearUpsample2D, InstanceNorm, NarrowConv2D, ReflectionPadding2D
from keras_gans.optimizers import Adam, LinearDecay
from keras_gans.utils.checks import check_multiple, check_positive, check_weight
from keras_gans.zoo._registry import register

_GAIN = 0.02
_FEATURES = 256  # F's


def generator(source_channels, target_channels, filters, num_blocks):
    """ResNet: pictures (N, H, W, channels) -> the same size in [-1, 1]; H, W multiples of 4."""
    source = keras.Input((None, None, source_channels), name="source")
    x = _conv(filters, 7, "c7s1")(ReflectionPadding2D(3, name="padded")(source))
    x = layers.ReLU()(InstanceNorm()(x))
    for level in (1, 2):
        x = _conv(filters * 2**level, 3, f"down_{level}", padding="same")(x)
        x = _halved(layers.ReLU()(InstanceNorm()(x)))
    for block in range(1, num_blocks + 1):
        x = layers.Add(name=f"block_{block}")([x, _residual(x, 4 * filters, block)])
    for level in (2, 1):
        x = _conv(filters * 2 ** (level - 1), 3, f"up_{level}", padding="same")(
            BilinearUpsample2D()(x)
        )
        x = layers.ReLU()(InstanceNorm()(x))
    x = ReflectionPadding2D(3)(x)
    x = NarrowConv2D(target_channels, 7, kernel_initializer=_glorot(), name="c7s1_out")(x)
    target = layers.Activation("tanh", dtype="float32", name="target")(x)
    return keras.Model(source, target, name="generator")


def _residual(x, filters, block):
    x = _conv(filters, 3, f"block_{block}_1")(ReflectionPadding2D(1)(x))
    x = layers.ReLU()(ReflectionPadding2D(1)(InstanceNorm()(x)))
    return InstanceNorm()(_conv(filters, 3, f"block_{block}_2")(x))


def discriminator(image_size, image_channels, filters):
    """PatchGAN: pictures (N, side, side, channels) -> one number for each patch, (N, h, w, 1)."""
    image = keras.Input((image_size, image_size, image_channels), name="image")
    x = _halved(layers.LeakyReLU(0.2)(_patch_conv(image, filters, 1)))
    for number in (2, 3):
        x = InstanceNorm()(_patch_conv(x, filters * 2 ** (number - 1), number))
        x = _halved(layers.LeakyReLU(0.2)(x))
    x = layers.LeakyReLU(0.2)(InstanceNorm()(_patch_conv(x, 8 * filters, 4)))
    logits = layers.Activation("linear", dtype="float32", name="logits")(_patch_conv(x, 1, 5))
    return keras.Model(image, logits, name="discriminator")


def projector(widths):
    """Features (N, places, width) of each layer -> (N, places, 256) of length 1."""
    inputs, outputs = [], []
    for number, width in enumerate(widths):
        feature = keras.Input((None, width), name=f"feature_{number}")
        x = _dense(f"mlp_{number}_1")(feature)
        x = _dense(f"mlp_{number}_2")(layers.ReLU()(x))
        inputs.append(feature)
        outputs.append(_UnitLength(dtype="float32", name=f"unit_{number}")(x))
    return keras.Model(inputs, outputs, name="projector")


def _conv(width, size, name, padding="valid"):
    return layers.Conv2D(width, size, padding=padding, kernel_initializer=_glorot(), name=name)


def _patch_conv(x, width, number):
    # One pixel of padding on every side, as in PyTorch; TensorFlow's SAME would keep the size.
    return _conv(width, 4, f"conv_{number}")(layers.ZeroPadding2D(1)(x))


def _dense(name):
    return layers.Dense(_FEATURES, kernel_initializer=_glorot(), name=name)


def _glorot():
    return keras.initializers.VarianceScaling(_GAIN**2, "fan_avg", "untruncated_normal")


def _halved(x):
    """[1, 2, 1] / 4 around every second pixel: the mean of two neighbouring means."""
    x = layers.AveragePooling2D(2, strides=1)(ReflectionPadding2D(1)(x))
    return layers.AveragePooling2D(2, strides=2)(x)


@keras.saving.register_keras_serializable("keras_gans")
class _UnitLength(keras.layers.Layer):
    """Vectors (..., length) divided by their length."""

    def call(self, inputs):
        # The slope of a root is infinite at 0.
        squares = ops.sum(ops.square(inputs), axis=-1, keepdims=True)
        return inputs / (ops.sqrt(ops.maximum(squares, 1e-14)) + 1e-7)

    def compute_output_shape(self, input_shape):
        return input_shape


@dataclasses.dataclass(frozen=True)
class _Made:
    """What G makes of a pair (a, b).

    Attributes:
        fake_b: G(a), or G of the mirrored a.
        same_b: G(b), or None where the game does not ask for it.
        mirrored: bool scalar, whether a was; None where it never is.
    """

    fake_b: tf.Tensor
    same_b: tf.Tensor | None = None
    mirrored: tf.Tensor | None = None


@keras.saving.register_keras_serializable("keras_gans")
class CUT(OneWayGAN):
    """Contrastive unpaired translation, see the module's docstring for the game and the networks.

    Args:
        image_size: side of the square pictures in training: a multiple of 8, at least 32.
        a_channels: of the pictures that are translated, 3 for colour, 1 for grey.
        b_channels: of those that come out.
        filters: feature maps of the first convolution of G and D.
        num_blocks: residual blocks of G.
        nce_weight: of the contrastive loss, against the adversarial one of 1.
        identity: whether pictures of the target's set are held to themselves as well (CUT); needs
            a and b of the same channels.
        flip_equivariance: whether translations are of mirrored pictures at random (FastCUT).
        num_patches: places whose features are compared; all, where there are fewer.
        constant_steps: updates before the learning rate begins to fall.
        decay_steps: updates of its linear fall to zero.
        **kwargs: those of `keras_gans.GAN`.

    Raises:
        ValueError: for a size or weight that cannot be.
    """

    players = {"generator": ("generator", "projector"), "discriminator": ("discriminator",)}
    logged = (*GAN.logged, "adversarial_loss", "nce_loss")
    losses_in_words = (
        "Losses are means over the images of a batch and over all patches. nce_loss, before it is "
        "multiplied by its weight, is how badly patches of translations are told from other places "
        "of their sources: log(num_patches) where they are not at all. The discriminator's is half "
        "the sum of its loss on real and on generated images."
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
        nce_weight=1.0,
        identity=True,
        flip_equivariance=False,
        num_patches=256,
        constant_steps=266_800,
        decay_steps=266_800,
        **kwargs,
    ):
        check_positive("num_blocks", num_blocks)
        check_positive("num_patches", num_patches)
        check_multiple("image_size", image_size, 8, "the discriminator halves it three times", 32)
        check_weight("nce_weight", nce_weight)
        # F's features of what comes out are those of what goes in: the same layers read both.
        if a_channels != b_channels:
            raise ValueError(
                "The contrastive loss puts translations into the generator again, so both sets "
                f"need the same channels. Received: a_channels={a_channels}, "
                f"b_channels={b_channels}; use cyclegan with identity_weight=0, or load grey "
                "pictures as colour."
            )
        super().__init__(**kwargs)
        self.image_size, self.a_channels, self.b_channels = image_size, a_channels, b_channels
        self.filters, self.num_blocks = filters, num_blocks
        self.nce_weight, self.identity = nce_weight, identity
        self.flip_equivariance, self.num_patches = flip_equivariance, num_patches
        self.constant_steps, self.decay_steps = constant_steps, decay_steps
        self.generator = generator(a_channels, b_channels, filters, num_blocks)
        self.discriminator = discriminator(image_size, b_channels, filters)
        widths = [self.generator.get_layer(name).output.shape[-1] for name in self._read_layers]
        self.projector = projector(widths)
        self.built = True

    @property
    def _read_layers(self):
        """Names of G's layers whose features are compared."""
        return "padded", "down_1", "down_2", "block_1", f"block_{min(5, self.num_blocks)}"

    def optimizers(self, images=None):
        steps = self.steps_of(images)
        constant, decay = self.constant_steps, self.decay_steps
        if steps:
            constant = steps * constant // (constant + decay)
            decay = steps - constant
        schedule = LinearDecay(2e-4, constant, decay)
        return {player: Adam(schedule, beta_1=0.5, name=player) for player in self.players}

    def made(self, real_a, real_b):
        mirrored = None
        if self.flip_equivariance:
            mirrored = self.uniform((), "mirrored") < 0.5
            real_a, real_b = (
                tf.where(mirrored, tf.reverse(images, [2]), images) for images in (real_a, real_b)
            )
        if not self.identity:
            return _Made(self.generator(real_a, training=True), None, mirrored)
        fake_b, same_b = both(self.generator, real_a, real_b)
        return _Made(fake_b, same_b, mirrored)

    def discriminator_loss(self, real_b, fake_b):
        real_logits, fake_logits = both(self.discriminator, real_b, fake_b)
        value = 0.5 * (
            losses.least_squares(real_logits, 1.0) + losses.least_squares(fake_logits, 0.0)
        )
        return Loss(value, real_logits, fake_logits)

    def generator_loss(self, real_a, real_b, made):
        adversarial_loss = losses.least_squares(self.discriminator(made.fake_b, training=True), 1.0)
        nce_loss = self._nce(made.fake_b, real_a, made.mirrored, "a")
        if self.identity:
            nce_loss = 0.5 * (nce_loss + self._nce(made.same_b, real_b, made.mirrored, "b"))
        return Loss(
            adversarial_loss + self.nce_weight * nce_loss,
            adversarial_loss=adversarial_loss,
            nce_loss=nce_loss,
        )

    def _nce(self, made, source, mirrored, which):
        """The contrastive loss of translations and what they were made of, mean over layers."""
        queries, keys = self._features(made), self._features(source)
        if mirrored is not None:
            queries = [tf.where(mirrored, tf.reverse(maps, [2]), maps) for maps in queries]
        places = [self.places(maps, f"{which}_{n}") for n, maps in enumerate(keys)]
        queries, keys = (
            self.projector([_at(maps, at) for maps, at in zip(read, places, strict=True)])
            for read in (queries, keys)
        )
        found = [
            losses.patch_nce(query, tf.stop_gradient(key))
            for query, key in zip(queries, keys, strict=True)
        ]
        return sum(found) / len(found)

    def _features(self, images):
        """Feature maps of the layers that are compared, of pictures that go into G."""
        # Made anew each time it is traced: an attribute would be one more network to save.
        read = [self.generator.get_layer(name).output for name in self._read_layers]
        return keras.Model(self.generator.input, read)(images, training=True)

    def places(self, maps, stream):
        """Random places of feature maps (N, H, W, C), the same in each: int32 (places,)."""
        height, width = maps.shape[1:3]
        drawn = self.uniform((height * width,), f"places_{stream}")
        return tf.argsort(drawn)[: self.num_patches]

    def reference_layers(self):
        """`{network: {module name in the reference's checkpoints: our layer's name}}`."""
        return {
            "generator": _resnet_modules(self.num_blocks),
            "discriminator": {
                f"model.{index}": f"conv_{n}" for n, index in enumerate((0, 3, 7, 11, 14), start=1)
            },
        }


@keras.saving.register_keras_serializable("keras_gans")
class FastCUT(CUT):
    """CUT in half its time: without identity, with a heavier contrastive loss.

    Args:
        *args: those of `CUT`.
        nce_weight: see `CUT`.
        identity: see `CUT`.
        flip_equivariance: see `CUT`.
        constant_steps: see `CUT`.
        decay_steps: see `CUT`.
        **kwargs: those of `CUT`.
    """

    def __init__(
        self,
        *args,
        nce_weight=10.0,
        identity=False,
        flip_equivariance=True,
        constant_steps=200_100,
        decay_steps=66_700,
        **kwargs,
    ):
        super().__init__(
            *args,
            nce_weight=nce_weight,
            identity=identity,
            flip_equivariance=flip_equivariance,
            constant_steps=constant_steps,
            decay_steps=decay_steps,
            **kwargs,
        )


def _at(maps, places):
    """Features (N, places, C) of maps (N, H, W, C)."""
    count, height, width, channels = tf.unstack(tf.shape(maps))
    rows = tf.reshape(maps, (count, height * width, channels))
    return tf.ensure_shape(tf.gather(rows, places, axis=1), (None, None, maps.shape[-1]))


def _resnet_modules(num_blocks):
    modules = {"model.1": "c7s1", "model.4": "down_1", "model.8": "down_2"}
    for block in range(1, num_blocks + 1):
        modules[f"model.{11 + block}.conv_block.1"] = f"block_{block}_1"
        modules[f"model.{11 + block}.conv_block.5"] = f"block_{block}_2"
        # Where it was trained with dropout, the layers after it count one more.
        modules[f"model.{11 + block}.conv_block.6"] = f"block_{block}_2"
    modules[f"model.{13 + num_blocks}"] = "up_2"
    modules[f"model.{17 + num_blocks}"] = "up_1"
    modules[f"model.{21 + num_blocks}"] = "c7s1_out"
    return modules


_ENTRY: dict = {
    "task": "unpaired_translation",
    "paper": "Park, Efros, Zhang & Zhu, 2020, https://arxiv.org/abs/2007.15651",
    "tiny": {"image_size": 32, "num_blocks": 1, "filters": 4, "num_patches": 8},
}
_FULL = {"generator": 11_378_179, "discriminator": 2_764_737, "projector": 560_384}
_SMALL = {"generator": 775_299, "discriminator": 391_657, "projector": 417_024}

register("cut", CUT, parameters=_FULL, **_ENTRY)
register("fastcut", FastCUT, parameters=_FULL, **_ENTRY)
register(
    "cut_avatars",
    CUT,
    parameters=_SMALL,
    recipe={"epochs": 4, "jitter": False},
    **_ENTRY,
    data="bundled:avatars/styles",
    image_size=64,
    num_blocks=4,
    filters=24,
)
register(
    "cut_haunted",
    CUT,
    parameters=_SMALL,
    recipe={"epochs": 2, "jitter": False},
    **_ENTRY,
    data="bundled:haunted",
    image_size=64,
    num_blocks=4,
    filters=24,
)
