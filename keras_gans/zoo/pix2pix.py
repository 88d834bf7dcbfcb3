"""pix2pix: translation learned from pairs of pictures.

The game, one update of each player per pair (x, y), D first:

    D: min  (-mean(log D(x, y)) - mean(log(1 - D(x, G(x))))) / 2
    G: min  -mean(log D(x, G(x))) + l1_weight * mean|y - G(x)|       D as just updated

Networks (256 x 256 pixels, `num_downs=8`)

    G   U-Net: convolutions 4x4 stride 2 down to 1x1, C64-C128-C256-C512-C512-C512-C512-C512,
        transposed ones back up, each joined by the features of its size from the way down.
        Leaky ReLU 0.2 going down, ReLU going up, tanh. Batch norm but at the first and last
        layer and at the 1x1 bottleneck; dropout 0.5 on three layers of the way up.
    D   PatchGAN: C64-C128-C256 stride 2, C512-C1 stride 1, 4x4, on source and target stacked:
        each logit judges a patch of 70 x 70 pixels. Batch norm but at the first and last layer.
    Every kernel N(0, 0.02), batch norm's gamma N(1, 0.02).

Training: Adam 2e-4, beta_1 0.5; batch 1; 100 epochs of constant learning rate and 100 of linear
decay (counted in updates: the defaults are those of the 400 facades); pictures scaled to 286,
cropped to 256 and mirrored at random.

Paper:     Isola, Zhu, Zhou & Efros, 2017, https://arxiv.org/abs/1611.07004
Reference: junyanz/pytorch-CycleGAN-and-pix2pix, models/pix2pix_model.py, models/networks.py

Where they disagree the reference is followed: no batch norm at the bottleneck (of one value, it
would give zero), the learning rate decays. At test time the paper keeps dropout on and normalises
with the statistics of the test batch: `translate(..., stochastic=True)`, and exports of that form
(`stochastic=True`) take the dropout's masks as inputs. The default, and what is exported unless
asked otherwise, has dropout off and the running averages: one picture has one translation.

`pix2pix_emoji` is sized for two CPU cores and small drawings: 64 pixels, a quarter of the features,
four times the weight on L1 and augmentation of the pairs D sees (Zhao et al., 2020,
https://arxiv.org/abs/2006.10738), because D soon knows a thousand pairs by heart and then teaches
G to mottle flat areas. Its pictures are mirrored but neither scaled nor cropped: see its recipe.
"""

import contextlib

import keras
from keras import layers

from keras_gans import losses
from keras_gans.augment import as_policy
from keras_gans.core.model import GAN
from keras_gans.core.signature import Image, Noise
from keras_gans.games.loss import Loss
from keras_gans.games.paired import PairedGAN
from keras_gans.layers import BatchNorm, Dropout, InstanceNorm
from keras_gans.optimizers import Adam, LinearDecay
from keras_gans.utils.checks import check_choice, check_multiple, check_positive, check_weight
from keras_gans.zoo._registry import register

_DROPPED = 0.5  # by dropout, of the features


def generator(source_channels, target_channels, filters, num_downs):
    """U-Net: sources (N, H, W, channels) in [-1, 1] -> targets of the same size in [-1, 1].

    H and W are multiples of 2 ** num_downs.
    """
    source = keras.Input((None, None, source_channels), name="source")
    dropout = lambda x, level: Dropout(_DROPPED)(x)  # noqa: E731
    target = _unet(source, target_channels, filters, num_downs, _batch_norm, dropout)
    return keras.Model(source, target, name="generator")


def masked_generator(source_shape, target_channels, filters, num_downs):
    """The U-Net as it is at test time in the paper, for one picture at a time.

    Batch norm by the statistics of one picture is instance norm with batch norm's weights. What
    the dropout keeps is an input for each of its layers: `mask_5`, (N, h, w, C) of zeros and ones.
    """
    source, masks = keras.Input(source_shape, name="source"), {}

    def masked(x, level):
        masks[level] = keras.Input(x.shape[1:], name=f"mask_{level}")
        return x * masks[level] / (1.0 - _DROPPED)

    norm = lambda name: InstanceNorm(affine=True, name=name)  # noqa: E731
    target = _unet(source, target_channels, filters, num_downs, norm, masked)
    return keras.Model([source, *masks.values()], target, name="generator")


def _unet(source, target_channels, filters, num_downs, norm, dropout):
    widths = [filters * min(2**level, 8) for level in range(num_downs)]
    x, skips = _down(widths[0], 1)(source), []
    for level, width in enumerate(widths[1:], start=2):
        skips.append(x)
        x = _down(width, level)(layers.LeakyReLU(0.2)(x))
        if level < num_downs:  # the bottleneck has one value to a map: nothing to normalise
            x = norm(f"down_{level}_norm")(x)
    for level in range(num_downs, 1, -1):
        x = _up(widths[level - 2], level)(layers.ReLU()(x))
        x = norm(f"up_{level}_norm")(x)
        if level in _dropping(num_downs):
            x = dropout(x, level)
        x = layers.Concatenate()([skips[level - 2], x])
    x = _up(target_channels, 1, use_bias=True)(layers.ReLU()(x))
    return layers.Activation("tanh", dtype="float32", name="target")(x)


def _dropping(num_downs):
    """Levels of the way up that have dropout."""
    return range(5, num_downs)


def discriminator(image_size, source_channels, target_channels, filters):
    """PatchGAN: sources and targets (N, side, side, channels) -> logits (N, h, w, 1)."""
    source = keras.Input((image_size, image_size, source_channels), name="source")
    target = keras.Input((image_size, image_size, target_channels), name="target")
    x = _patch_conv(filters, 1, use_bias=True)(layers.Concatenate()([source, target]))
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
    return keras.Model([source, target], logits, name="discriminator")


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
class Pix2Pix(PairedGAN):
    """Paired translation, see the module's docstring for the game and the networks.

    Args:
        image_size: side of the square pictures in training: a multiple of 2 ** num_downs.
        source_channels: 3 for colour, 1 for grey.
        target_channels: likewise.
        filters: feature maps of the first convolution of both networks.
        num_downs: halvings of the side, at least 5; 8 take 256 pixels down to one.
        direction: "ab" learns to make the pairs' second picture from the first, "ba" the reverse.
        l1_weight: of the distance from the true target, against the adversarial loss of 1.
        augment: of "color", "translation" and "cutout", what is done to both pictures of each pair
            D sees, through which G learns: for few pairs (`keras_gans.augment.diff_augment`).
        constant_steps: updates before the learning rate begins to fall.
        decay_steps: updates of its linear fall to zero.
        **kwargs: those of `keras_gans.GAN`.

    Raises:
        ValueError: for a size, direction or augmentation that cannot be.
    """

    logged = (*GAN.logged, "adversarial_loss", "l1_loss")
    losses_in_words = (
        "Losses are means over the images of a batch and over all patches the discriminator "
        "judges, l1_loss over all values of a picture, before it is multiplied by l1_weight. The "
        "discriminator's is half the sum of its loss on real and its loss on generated images."
    )

    def __init__(
        self,
        image_size=256,
        source_channels=3,
        target_channels=3,
        *,
        filters=64,
        num_downs=8,
        direction="ab",
        l1_weight=100.0,
        augment=(),
        constant_steps=40_000,
        decay_steps=40_000,
        **kwargs,
    ):
        check_positive("num_downs", num_downs, least=5)
        check_multiple("image_size", image_size, 2**num_downs, f"num_downs={num_downs} halve it")
        check_choice("direction", direction, ("ab", "ba"))
        check_weight("l1_weight", l1_weight)
        super().__init__(**kwargs)
        self.image_size = image_size
        self.source_channels, self.target_channels = source_channels, target_channels
        self.filters, self.num_downs, self.direction = filters, num_downs, direction
        self.l1_weight, self.augment = l1_weight, as_policy(augment)
        self.constant_steps, self.decay_steps = constant_steps, decay_steps
        self.source = Image(image_size, image_size, source_channels)
        self.target = Image(image_size, image_size, target_channels)
        self.generator = generator(source_channels, target_channels, filters, num_downs)
        self.discriminator = discriminator(image_size, source_channels, target_channels, filters)
        self.built = True

    @property
    def stride(self):  # type: ignore[override]
        """What the sides of pictures to translate must be a multiple of."""
        return 2**self.num_downs

    def optimizers(self, images=None):
        constant, decay = self.constant_and_decay(images)
        schedule = LinearDecay(2e-4, constant, decay)
        return {player: Adam(schedule, beta_1=0.5, name=player) for player in self.players}

    def discriminator_loss(self, source, target, fake):
        real_logits = self.judge(source, target, 0)
        fake_logits = self.judge(source, fake, 1)
        return Loss(0.5 * losses.logistic(real_logits, fake_logits), real_logits, fake_logits)

    def generator_loss(self, source, target, fake):
        adversarial_loss = losses.non_saturating(self.judge(source, fake, 2))
        l1_loss = losses.l1(fake, target)
        return Loss(
            adversarial_loss + self.l1_weight * l1_loss,
            adversarial_loss=adversarial_loss,
            l1_loss=l1_loss,
        )

    def translate(self, images, *, direction=None, size=None, stochastic=False):
        """Sources to targets, any size.

        Args:
            images: float (N, H, W, source_channels) in [-1, 1], or one picture (H, W, channels).
            direction: the one the model was trained in; given only to make sure of it.
            size: see `PairedGAN.translate`. "own" is for pictures of about the trained size: the
                middle of a U-Net has seen one pixel, and knows nothing of several.
            stochastic: as in the paper, dropout on and batch norm by this batch's statistics.

        Returns:
            float32, shaped like `images` but for the channels.

        Raises:
            ValueError: for another direction, size or shape.
        """
        if not stochastic:
            return super().translate(images, direction=direction, size=size)
        self.check_direction(direction)
        with _still_averages(self.generator):
            return self.in_full("generator", images, training=True, size=size)

    def stochastic_networks_to_export(self, image_size=None):
        sides = image_size or (self.image_size, self.image_size)
        for side in sides:
            check_multiple("image_size", side, self.stride, f"num_downs={self.num_downs} halve it")
        network = masked_generator(
            (*sides, self.source_channels), self.target_channels, self.filters, self.num_downs
        )
        for layer in network.layers:
            if layer.weights:
                # Of batch norm the first two, gamma and beta: its averages are not used.
                given = self.generator.get_layer(layer.name).get_weights()
                layer.set_weights(given[: len(layer.weights)])
        return {"generator": network}

    def describe_tensors(self):
        mask = Noise("bernoulli", probability=1.0 - _DROPPED).describe()
        masks = {f"mask_{level}": mask for level in _dropping(self.num_downs)}
        return {**super().describe_tensors(), **masks}

    def reference_layers(self):
        """`{network: {module name in the reference's checkpoints: our layer's name}}`."""
        return {
            "generator": _unet_modules(self.num_downs),
            "discriminator": {
                "model.0": "conv_1",
                "model.2": "conv_2",
                "model.3": "conv_2_norm",
                "model.5": "conv_3",
                "model.6": "conv_3_norm",
                "model.8": "conv_4",
                "model.9": "conv_4_norm",
                "model.11": "conv_5",
            },
        }


@contextlib.contextmanager
def _still_averages(network):
    """Lets batch norm use a batch's statistics without learning from them; eagerly only."""
    norms = [layer for layer in network.layers if isinstance(layer, BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 1.0
    try:
        yield
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum


def _unet_modules(num_downs):
    """The reference nests each level of the U-Net in the one above it."""
    modules = {"model.model.0": "down_1", "model.model.3": "up_1"}
    prefix = "model.model.1"
    for level in range(2, num_downs):
        modules[f"{prefix}.model.1"] = f"down_{level}"
        modules[f"{prefix}.model.2"] = f"down_{level}_norm"
        modules[f"{prefix}.model.5"] = f"up_{level}"
        modules[f"{prefix}.model.6"] = f"up_{level}_norm"
        prefix += ".model.3"
    modules[f"{prefix}.model.1"] = f"down_{num_downs}"
    modules[f"{prefix}.model.3"] = f"up_{num_downs}"
    modules[f"{prefix}.model.4"] = f"up_{num_downs}_norm"
    return modules


_ENTRY: dict = {
    "task": "paired_translation",
    "paper": "Isola, Zhu, Zhou & Efros, 2017, https://arxiv.org/abs/1611.07004",
    "tiny": {"image_size": 32, "num_downs": 5, "filters": 4},
}

register(
    "pix2pix", Pix2Pix, parameters={"generator": 54_413_955, "discriminator": 2_768_705}, **_ENTRY
)
register(
    "pix2pix_128",
    Pix2Pix,
    parameters={"generator": 41_828_995, "discriminator": 2_768_705},
    **_ENTRY,
    image_size=128,
    num_downs=7,
)
register(
    "pix2pix_emoji",
    Pix2Pix,
    parameters={"generator": 1_830_563, "discriminator": 176_081},
    recipe={
        "epochs": 40,
        "batch_size": 4,
        # Scaled and cropped at random, drawings no longer show where in its square a picture lies.
        "jitter": False,
        "flip": True,
    },
    **_ENTRY,
    data="bundled:emoji/edges",
    image_size=64,
    num_downs=6,
    filters=16,
    l1_weight=400.0,
    augment=("color", "translation", "cutout"),
)
register(
    "pix2pix_avatars",
    Pix2Pix,
    parameters={"generator": 4_115_187, "discriminator": 392_377},
    recipe={"epochs": 10, "batch_size": 4, "jitter": False},
    **_ENTRY,
    data="bundled:avatars/edges",
    image_size=64,
    source_channels=1,
    num_downs=6,
    filters=24,
)
