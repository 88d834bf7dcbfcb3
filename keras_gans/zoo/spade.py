"""SPADE (GauGAN): paints a picture from a label map.

The game, one update of G, then one of D, per batch of pairs of a label map m and a picture x. D_k
judges pairs at scale k of K, D_k^i is the output of the i-th of its four layers before the logits:

    G: min  -mean_k mean D_k(m, G(m))
            + feature_weight * mean_k sum_i mean|D_k^i(m, x) - D_k^i(m, G(m))|
            + perceptual_weight * sum_j w_j mean|F_j(x) - F_j(G(m))|
    D: min  mean_k (mean(max(0, 1 - D_k(m, x))) + mean(max(0, 1 + D_k(m, G(m)))))

Networks (256 x 256 pixels)

    SPADE   (x, m) -> norm(x) * (1 + gamma(m)) + beta(m): batch norm without weights; gamma and
            beta are 3x3 convolutions of one of m, made as small as x, to 128 feature maps and ReLU
    block   x + c(SPADE(c(SPADE(x)))), leaky ReLU 0.2 after each SPADE, c 3x3; where the widths
            differ the shortcut is c1x1(SPADE(x)); spectral norm on the convolutions of x
    G       m at 1/32 of the side -> 3x3 to 1024 -> blocks of 1024, 1024, 1024, 512, 256, 128 and
            64, with nearest-neighbour upsampling before the second and before the fourth to the
            last -> leaky ReLU, 3x3, tanh
    D       a PatchGAN for each of 2 scales, the second on pairs of half the size: C64-C128-C256
            stride 2, C512-C1 stride 1, 4x4 with 2 pixels of padding, leaky ReLU 0.2, spectral and
            instance norm but at the first and last layer, no bias where both are
    F       a frozen network of features, none by default
    Every kernel Xavier's normal with gain 0.02, every bias 0.

Training: Adam, betas (0, 0.9), 1e-4 for G and 4e-4 for D; batch 32; 100 epochs of constant learning
rate and 100 of linear decay, counted in updates: the defaults are those of the 20,210 scenes of
ADE20K; pairs scaled to 286 pixels, cropped and mirrored at random.

Paper:     Park, Liu, Wang & Zhu, 2019, https://arxiv.org/abs/1903.07291
Reference: NVlabs/SPADE, models/pix2pix_model.py, models/networks/

Where the paper is silent the reference decides: batch norm's moving averages follow both passes of
a step, and D's pictures are made anew by G as just updated.

Departures:
- F is VGG19 in the reference, on its layers relu1_1 to relu5_1, with weight 10. Its weights do not
  ship with the zoo, so there is no F by default, and G's loss is the first two terms. Pass any
  network to `perceptual_loss.use(network, weights)`, or name one.
- The encoder of a picture's style (`--use_vae`) and the borders of instances are not here.
- The reference advances the power iteration at every pass through a network; here once a training
  step, so that the passes of a step see one W / sigma.
"""

import keras
import tensorflow as tf
from keras import layers

from keras_gans import losses
from keras_gans.core.label_maps import MOST_CLASSES
from keras_gans.core.model import GAN
from keras_gans.core.signature import Image, LabelMap
from keras_gans.games.loss import Loss
from keras_gans.games.paired import PairedGAN
from keras_gans.layers import (
    BatchNorm,
    InstanceNorm,
    OneHotMaps,
    SpectralConv2D,
    Upsample2D,
    spectral_norm,
)
from keras_gans.optimizers import Adam, LinearDecay
from keras_gans.utils.checks import check_choice, check_multiple, check_positive, check_weight
from keras_gans.zoo import _multiscale
from keras_gans.zoo._perceptual import NAMES, PerceptualLoss
from keras_gans.zoo._registry import register

_LAYERS = 5  # of each scale's PatchGAN, the last of which gives logits
_DOUBLINGS = 5  # of the side in G
_GAIN = 0.02  # of Xavier's initialisation

# Blocks of G: the reference's name, widths in and out in units of `filters`, and whether the side
# is doubled before it.
_BLOCKS = (
    ("head_0", 16, 16, False),
    ("G_middle_0", 16, 16, True),
    ("G_middle_1", 16, 16, False),
    ("up_0", 16, 8, True),
    ("up_1", 8, 4, True),
    ("up_2", 4, 2, True),
    ("up_3", 2, 1, True),
)


def generator(classes, target_channels, filters, hidden_filters):
    """Label maps (N, H, W), int32 -> pictures (N, H, W, target_channels) in [-1, 1].

    H and W are multiples of 32.
    """
    source = keras.Input((None, None), dtype="int32", name="source")
    stride = 2**_DOUBLINGS
    label_map = OneHotMaps(classes, stride)(source)
    x = _conv(_BLOCKS[0][1] * filters, 3, "fc")(label_map)
    for name, width_in, width_out, doubled in _BLOCKS:
        if doubled:
            x, stride = Upsample2D()(x), stride // 2
            label_map = OneHotMaps(classes, stride)(source)
        x = _block(x, label_map, width_in * filters, width_out * filters, hidden_filters, name)
    x = _conv(target_channels, 3, "conv_img")(layers.LeakyReLU(0.2)(x))
    target = layers.Activation("tanh", dtype="float32", name="target")(x)
    return keras.Model(source, target, name="generator")


def _block(x, label_map, width_in, width_out, hidden, name):
    """A residual block, which sees the label map at each of its normalisations."""
    middle, shortcut = min(width_in, width_out), x
    normalised = _normalised(x, f"{name}_norm_0")
    if width_in != width_out:
        # The reference normalises once more, of the same values with the same result.
        shortcut = _spade(normalised, label_map, hidden, f"{name}_norm_s")
        shortcut = _spectral(width_out, 1, f"{name}_conv_s", use_bias=False)(shortcut)
    for number, width in enumerate((middle, width_out)):
        if number:
            normalised = _normalised(x, f"{name}_norm_{number}")
        x = _spade(normalised, label_map, hidden, f"{name}_norm_{number}")
        x = layers.LeakyReLU(0.2)(x)
        x = _spectral(width, 3, f"{name}_conv_{number}", padding="same")(x)
    return layers.Add()([shortcut, x])


def _normalised(x, name):
    return BatchNorm(center=False, scale=False, name=f"{name}_param_free")(x)


def _spade(normalised, label_map, hidden, name):
    """`normalised`, scaled and shifted at each place by what the label map has there."""
    width = normalised.shape[-1]
    shared = layers.ReLU()(_conv(hidden, 3, f"{name}_shared")(label_map))
    gamma, beta = (_conv(width, 3, f"{name}_{kind}")(shared) for kind in ("gamma", "beta"))
    return layers.Add()([normalised, layers.Multiply()([normalised, gamma]), beta])


def discriminator(image_size, classes, target_channels, filters, num_scales):
    """PatchGANs: maps (N, side, side) and pictures (N, side, side, C) -> every layer's output.

    A list of `num_scales` times five tensors (N, h, w, C), the largest scale first; the fifth of
    each scale are its logits, of one channel.
    """
    source = keras.Input((image_size, image_size), dtype="int32", name="source")
    target = keras.Input((image_size, image_size, target_channels), name="target")
    pair, outputs = layers.Concatenate()([OneHotMaps(classes)(source), target]), []
    for scale in range(1, num_scales + 1):
        outputs += _patches(pair, filters, scale)
        pair = _multiscale.halved(pair)
    return keras.Model([source, target], outputs, name="discriminator")


def _patches(x, filters, scale):
    """Outputs of one PatchGAN's layers, from the first to the logits."""
    found = []
    for level in range(1, _LAYERS):
        width, name = filters * 2 ** (level - 1), f"scale_{scale}_conv_{level}"
        how = {"strides": 2 if level < _LAYERS - 1 else 1, "padding": "valid"}
        x = layers.ZeroPadding2D(2)(x)
        if level == 1:
            x = _conv(width, 4, name, **how)(x)
        else:
            x = InstanceNorm()(_spectral(width, 4, name, use_bias=False, **how)(x))
        x = layers.LeakyReLU(0.2)(x)
        found.append(x)
    x = layers.ZeroPadding2D(2)(x)
    x = _conv(1, 4, f"scale_{scale}_conv_{_LAYERS}", padding="valid")(x)
    return [*found, layers.Activation("linear", dtype="float32", name=f"logits_{scale}")(x)]


def _conv(width, size, name, padding="same", **kwargs):
    how = {"kernel_initializer": _xavier(), "name": name, **kwargs}
    return layers.Conv2D(width, size, padding=padding, **how)


def _spectral(width, size, name, **kwargs):
    return SpectralConv2D(width, size, kernel_initializer=_xavier(), name=name, **kwargs)


def _xavier():
    return keras.initializers.VarianceScaling(_GAIN**2, "fan_avg", "untruncated_normal")


@keras.saving.register_keras_serializable("keras_gans")
class SPADE(PairedGAN):
    """Pictures from label maps, see the module's docstring for the game and the networks.

    Args:
        image_size: side of the square pictures in training: a multiple of 32, at least 32, and of
            2 ** (num_scales - 1), at least 16 times that.
        classes: of the label maps, from 2 to 256.
        target_channels: 3 for colour, 1 for grey.
        filters: feature maps of the generator's last block; its first have 16 times as many.
        hidden_filters: feature maps between a label map and its gamma and beta.
        discriminator_filters: feature maps of the discriminator's first convolutions.
        num_scales: sizes at which pairs are judged, each half the one before.
        direction: "ab" where label maps are the pairs' first pictures, "ba" where their second.
        feature_weight: of the distance between the discriminator's features of true and generated
            pairs, against the adversarial losses of 1.
        perceptual: the network F, "lite0", "hed" or "none"; another Keras model with
            `perceptual_loss.use`.
        perceptual_weight: of the difference of its maps.
        constant_steps: updates before the learning rates begin to fall.
        decay_steps: updates of their linear fall to zero.
        **kwargs: those of `keras_gans.GAN`.

    Raises:
        ValueError: for a size, number of classes, weight, network or direction that cannot be.
    """

    batch_size = 32

    logged = (*GAN.logged, "adversarial_loss", "feature_loss", "perceptual_loss")
    losses_in_words = (
        "Losses are means over the images of a batch, over all patches or values, and over the "
        "scales of the discriminator. feature_loss and perceptual_loss are logged before they are "
        "multiplied by their weights. The discriminator's is the sum of its loss on real and its "
        "loss on generated images."
    )

    stride = smallest = 2**_DOUBLINGS

    def __init__(
        self,
        image_size=256,
        classes=151,
        target_channels=3,
        *,
        filters=64,
        hidden_filters=128,
        discriminator_filters=64,
        num_scales=2,
        direction="ab",
        feature_weight=10.0,
        perceptual="none",
        perceptual_weight=10.0,
        constant_steps=63_100,
        decay_steps=63_100,
        **kwargs,
    ):
        for name, value in (
            ("filters", filters),
            ("hidden_filters", hidden_filters),
            ("discriminator_filters", discriminator_filters),
            ("num_scales", num_scales),
        ):
            check_positive(name, value)
        _check_classes(classes)
        check_choice("direction", direction, ("ab", "ba"))
        check_choice("perceptual", perceptual, NAMES)
        check_weight("feature_weight", feature_weight)
        check_weight("perceptual_weight", perceptual_weight)
        _check_size(image_size, num_scales)
        super().__init__(**kwargs)
        self.image_size, self.classes, self.target_channels = image_size, classes, target_channels
        self.filters, self.hidden_filters = filters, hidden_filters
        self.discriminator_filters, self.num_scales = discriminator_filters, num_scales
        self.direction, self.feature_weight = direction, feature_weight
        self.perceptual, self.perceptual_weight = perceptual, perceptual_weight
        self.constant_steps, self.decay_steps = constant_steps, decay_steps
        self.perceptual_loss = PerceptualLoss(perceptual if perceptual_weight else "none")
        self.target = Image(image_size, image_size, target_channels)
        self.generator = generator(classes, target_channels, filters, hidden_filters)
        self.discriminator = discriminator(
            image_size, classes, target_channels, discriminator_filters, num_scales
        )
        self.built = True

    @property
    def source(self):  # type: ignore[override]
        """The role of label maps, with the palette of those the model has learned from."""
        side = self.image_size
        return LabelMap(side, side, classes=self.classes, palette=self.palette)

    def optimizers(self, images=None):
        constant, decay = self.constant_and_decay(images)
        rates = {"generator": 1e-4, "discriminator": 4e-4}
        return {
            player: Adam(LinearDecay(rate, constant, decay), beta_1=0.0, beta_2=0.9, name=player)
            for player, rate in rates.items()
        }

    def networks_to_export(self):
        return {"generator": spectral_norm.folded(self.generator)}

    # === Losses ===

    def judge(self, source, target, draw=0):
        """What each scale makes of pairs, the largest first: lists of its layers' outputs."""
        return _multiscale.by_scale(super().judge(source, target, draw), _LAYERS)

    def discriminator_loss(self, source, target, fake):
        judged = [self.judge(source, images) for images in (target, fake)]
        real, made = map(_multiscale.logits_of, judged)
        value = sum(map(losses.hinge, real, made)) / self.num_scales
        return Loss(value, _multiscale.flat(real), _multiscale.flat(made))

    def generator_loss(self, source, target, fake):
        real, made = self.judge(source, target), self.judge(source, fake)
        logits = _multiscale.logits_of(made)
        adversarial_loss = sum(map(losses.wasserstein_generator, logits)) / self.num_scales
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
        """G learns first; D then from what G as just updated makes of the same maps."""
        source, target = self.checked(batch)[:: 1 if self.direction == "ab" else -1]
        for network in (self.generator, self.discriminator):
            spectral_norm.power_iteration(network)
        with tf.GradientTape() as tape:
            fake = self.generator(source, training=True)
            loss = self.generator_loss(source, target, fake)
        self.update("generator", loss.value, tape)
        fake = self.generator(source, training=True)
        with tf.GradientTape() as tape:
            judged = self.discriminator_loss(source, target, fake)
        self.update("discriminator", judged.value, tape)
        verdict = judged.verdict(self.boundary)
        return self.report(generator_loss=loss.value, **verdict, **loss.logs)

    def twin_layers(self):
        """`{network: {module name in the reference: our layer's name}}`.

        Not `reference_layers`: the reference's checkpoints, which have their norms apart and
        spectral norm's vectors beside their kernels, cannot be imported.
        """
        return {
            "generator": _generator_modules(),
            "discriminator": _discriminator_modules(self.num_scales),
        }


def _check_classes(classes):
    """Refuses a number of classes that label maps cannot have."""
    check_positive("classes", classes, 2)
    if classes > MOST_CLASSES:
        raise ValueError(f"`classes` must be at most {MOST_CLASSES}. Received: {classes!r}")


def _check_size(image_size, num_scales):
    stride, halvings = 2**_DOUBLINGS, 2 ** (num_scales - 1)
    check_multiple("image_size", image_size, stride, "the generator doubles it 5 times", stride)
    # Less than 16 pixels leave a scale's strided layers nothing to judge but their padding.
    why = f"num_scales={num_scales} halve it for the discriminator"
    check_multiple("image_size", image_size, halvings, why, 16 * halvings)


def _generator_modules():
    modules = {"fc": "fc", "conv_img": "conv_img"}
    for name, width_in, width_out, _ in _BLOCKS:
        for part in ("0", "1", "s") if width_in != width_out else ("0", "1"):
            modules[f"{name}.conv_{part}"] = f"{name}_conv_{part}"
            norm = f"{name}_norm_{part}"
            same = f"{name}_norm_0" if part == "s" else norm  # of the same values
            modules[f"{name}.norm_{part}.param_free_norm"] = f"{same}_param_free"
            modules[f"{name}.norm_{part}.mlp_shared.0"] = f"{norm}_shared"
            modules[f"{name}.norm_{part}.mlp_gamma"] = f"{norm}_gamma"
            modules[f"{name}.norm_{part}.mlp_beta"] = f"{norm}_beta"
    return modules


def _discriminator_modules(num_scales):
    """The reference counts scales from the largest; its normalised layers lie one deeper."""
    return {
        f"discriminator_{scale - 1}.model{level - 1}.0{'.0' if 1 < level < _LAYERS else ''}": (
            f"scale_{scale}_conv_{level}"
        )
        for scale in range(1, num_scales + 1)
        for level in range(1, _LAYERS + 1)
    }


_ENTRY: dict = {
    "task": "paired_translation",
    "paper": "Park, Liu, Wang & Zhu, 2019, https://arxiv.org/abs/1903.07291",
    "tiny": {
        "image_size": 32,
        "classes": 5,
        "filters": 1,
        "hidden_filters": 4,
        "discriminator_filters": 4,
    },
}

register(
    "spade",
    SPADE,
    parameters={"generator": 96_492_483, "discriminator": 5_836_930},
    recipe={"epochs": 200, "batch_size": 32},
    **_ENTRY,
)
register(
    "spade_avatars",
    SPADE,
    parameters={"generator": 5_844_531, "discriminator": 791_858},
    recipe={"epochs": 20, "batch_size": 16, "jitter": False},
    **_ENTRY,
    data="bundled:avatars/parts",
    image_size=64,
    classes=12,
    filters=16,
    hidden_filters=32,
    discriminator_filters=24,
)
