"""StarGAN: one generator that gives pictures other attributes.

The game, five updates of D and one of G per step, with x of labels c, and c' the labels of another
picture of the batch:

    D: min  mean(D(G(x, c'))) - mean(D(x)) + 10 * mean((||grad D(x^)|| - 1)^2)
            + class_weight * mean(-log P(c | x))
    G: min  -mean(D(G(x, c'))) + class_weight * mean(-log P(c' | G(x, c')))
            + cycle_weight * mean|x - G(G(x, c'), c)|

with x^ between x and G(x, c') at random. D's score is the mean over patches; -log P is the sum of
the attributes' and the heads' cross-entropies.

Networks (128 x 128 pixels, 5 attributes)

    G   picture and labels, each a constant map -> c7-64, c4-128 stride 2, c4-256 stride 2,
        R256 x 6, transposed c4-128, c4-64, c7-3: no biases, instance norm with scale and shift,
        ReLU, tanh
    D   c4-64, c4-128 ... c4-2048, all stride 2, leaky ReLU 0.01, no norm -> c3-1, the scores of
        patches, and a convolution over all that is left, the labels' logits
    Every kernel and bias U(-a, a), a = 1 / sqrt(inputs of a unit), PyTorch's own.

All padding is by zeros, and must be: instance norm takes the mean of a constant map away, so that
the labels come in through the border alone.

Training: Adam 1e-4, beta_1 0.5; batches of 16; 200,000 updates of D, half of them at a constant
learning rate, which then falls to zero in a line; faces cropped, scaled to 128 pixels and mirrored.

Paper:     Choi, Choi, Kim, Ha, Kim & Choo, 2018, https://arxiv.org/abs/1711.09020
Reference: yunjey/stargan, model.py, solver.py

The reference is followed in what the paper leaves open: the fake pictures that G learns from are
those of D's last update; biases in D's trunk and nowhere else; the learning rate falls at every
step here, every 1,000 updates there. Attributes and heads of classes may be mixed, whose
cross-entropies are added: the reference has either attributes (CelebA) or one head (RaFD). Of two
data sets at once, its masks, there is nothing here.

Which labels a picture has, D's own classifier says when the model is used, see `translate`: the
paper names all labels of every picture.

`stargan_avatars` is sized for two CPU cores and drawn faces: 64 pixels, a half of the features, 4
residual blocks, 5 halvings in D; two updates of D for one of G, batches of 8 and learning rates of
2e-4, because the training is short.
"""

import keras
from keras import layers

from keras_gans import losses, penalties
from keras_gans.games.editing import EditingGAN
from keras_gans.games.loss import Loss, joined, rows
from keras_gans.layers import InstanceNorm, LabelMaps
from keras_gans.optimizers import Adam, LinearDecay
from keras_gans.utils.checks import check_multiple, check_positive, check_weight
from keras_gans.zoo._registry import register

_PENALTY = 10.0


def generator(conditions, image_channels, filters, num_blocks):
    """Pictures (N, H, W, channels) and labels -> the same size in [-1, 1]; H, W multiples of 4."""
    source, labels = keras.Input((None, None, image_channels), name="source"), conditions.input()
    maps = LabelMaps(name="maps")([source, conditions.code(labels)])
    x = _normed(_conv(filters, 7, "c7")(layers.Concatenate()([source, maps])), "c7_norm")
    for level in (1, 2):
        x = _conv(filters * 2**level, 4, f"down_{level}", strides=2)(layers.ReLU()(x))
        x = _normed(x, f"down_{level}_norm")
    x = layers.ReLU()(x)
    for block in range(1, num_blocks + 1):
        y = _normed(_conv(4 * filters, 3, f"block_{block}_1")(x), f"block_{block}_1_norm")
        y = _conv(4 * filters, 3, f"block_{block}_2")(layers.ReLU()(y))
        x = layers.Add()([x, _normed(y, f"block_{block}_2_norm")])
    for level in (2, 1):
        x = layers.Conv2DTranspose(
            filters * 2 ** (level - 1),
            4,
            strides=2,
            padding="same",
            use_bias=False,
            kernel_initializer=_uniform(),
            name=f"up_{level}",
        )(x)
        x = layers.ReLU()(_normed(x, f"up_{level}_norm"))
    x = _conv(image_channels, 7, "c7_out")(x)
    target = layers.Activation("tanh", dtype="float32", name="target")(x)
    return keras.Model([source, labels], target, name="generator")


def discriminator(conditions, image_size, image_channels, filters, num_downs):
    """Pictures (N, side, side, channels) -> scores of patches (N, h, w, 1), logits (N, code)."""
    image = keras.Input((image_size, image_size, image_channels), name="image")
    x, inputs = image, image_channels
    for level in range(num_downs):
        bias = keras.initializers.RandomUniform(-((16 * inputs) ** -0.5), (16 * inputs) ** -0.5)
        inputs = filters * 2**level
        x = layers.Conv2D(
            inputs,
            4,
            strides=2,
            padding="same",
            kernel_initializer=_uniform(),
            bias_initializer=bias,
            name=f"conv_{level + 1}",
        )(x)
        x = layers.LeakyReLU(0.01)(x)
    scores = _conv(1, 3, "score")(x)
    left = image_size // 2**num_downs
    said = _conv(conditions.code_length, left, "class", padding="valid")(x)
    logits = layers.Activation("linear", dtype="float32", name="logits")(scores)
    said = layers.Reshape((conditions.code_length,))(said)
    classes = layers.Activation("linear", dtype="float32", name="classes")(said)
    return keras.Model(image, [logits, classes], name="discriminator")


def _conv(width, size, name, strides=1, padding="same"):
    return layers.Conv2D(
        width,
        size,
        strides=strides,
        padding=padding,
        use_bias=False,
        kernel_initializer=_uniform(),
        name=name,
    )


def _normed(x, name):
    return InstanceNorm(affine=True, name=name)(x)


def _uniform():
    return keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")


@keras.saving.register_keras_serializable("keras_gans")
class StarGAN(EditingGAN):
    """Editing of attributes, see the module's docstring for the game and the networks.

    Args:
        num_classes: classes of one head of labels, a tuple for several heads, 0 for none.
        num_attributes: binary attributes, further columns of the labels, see
            `keras_gans.core.conditioning`.
        image_size: side of the square pictures in training: a multiple of 2 ** num_downs.
        image_channels: 3 for colour, 1 for grey.
        filters: feature maps of the first convolution of both networks.
        num_blocks: residual blocks of G.
        num_downs: halvings of the side in D, at least 2.
        class_weight: of the labels' cross-entropies, against the adversarial losses of 1.
        cycle_weight: of the way there and back.
        discriminator_steps: updates of D for one of G; a batch holds the pictures of all of them.
        constant_steps: steps before the learning rates begin to fall.
        decay_steps: steps of their linear fall to zero.
        **kwargs: those of `keras_gans.GAN`.

    Raises:
        ValueError: for a size, weight or number that cannot be, or neither classes nor attributes.
    """

    logged = (*EditingGAN.logged, "adversarial_loss", "class_loss", "cycle_loss", "class_accuracy")
    losses_in_words = (
        "Losses are means over the images of a batch. The discriminator's is minus the estimated "
        "distance of real and edited images, with its gradient penalty and the cross-entropy of "
        "the labels it sees in real images, of which class_accuracy is the share it sees rightly. "
        "adversarial_loss, class_loss and cycle_loss are the generator's, before they are "
        "multiplied by their weights; class_loss is the sum over all heads and attributes."
    )

    stride = 4
    smallest = 8

    def __init__(
        self,
        num_classes=0,
        num_attributes=5,
        image_size=128,
        image_channels=3,
        *,
        filters=64,
        num_blocks=6,
        num_downs=6,
        class_weight=1.0,
        cycle_weight=10.0,
        discriminator_steps=5,
        constant_steps=20_000,
        decay_steps=20_000,
        **kwargs,
    ):
        for name, value in (("num_blocks", num_blocks), ("filters", filters)):
            check_positive(name, value)
        check_positive("discriminator_steps", discriminator_steps)
        check_positive("num_downs", num_downs, least=2)
        check_multiple("image_size", image_size, 2**num_downs, f"num_downs={num_downs} halve it")
        check_weight("class_weight", class_weight)
        check_weight("cycle_weight", cycle_weight)
        super().__init__(**kwargs)
        conditions = self.set_conditions(num_classes, num_attributes)
        self.image_size, self.image_channels = image_size, image_channels
        self.filters, self.num_blocks, self.num_downs = filters, num_blocks, num_downs
        self.class_weight, self.cycle_weight = class_weight, cycle_weight
        self.discriminator_steps = discriminator_steps
        self.constant_steps, self.decay_steps = constant_steps, decay_steps
        self.generator = generator(conditions, image_channels, filters, num_blocks)
        self.discriminator = discriminator(
            conditions, image_size, image_channels, filters, num_downs
        )
        self.built = True

    def optimizers(self, images=None):
        constant, decay = self.constant_and_decay(images)
        updates = {"generator": 1, "discriminator": self.discriminator_steps}
        return {
            player: Adam(
                LinearDecay(1e-4, constant * count, decay * count), beta_1=0.5, name=player
            )
            for player, count in updates.items()
        }

    def discriminator_loss(self, source, labels, fake, draw):
        # Of no batch norm, so that one pass over both is the same, and faster.
        logits, classes = self.discriminator(joined(source, fake), training=True)
        count = rows(source)
        real_logits, fake_logits = logits[:count], logits[count:]
        class_loss = self.label_cross_entropy(labels, classes[:count])
        mix = self.uniform((count,), "mix", draw)
        slope = penalties.gradient_penalty(self._score, source, fake, mix)
        value = losses.wasserstein(real_logits, fake_logits) + _PENALTY * slope
        return Loss(
            value + self.class_weight * class_loss,
            real_logits,
            fake_logits,
            class_accuracy=self.label_accuracy(labels, classes[:count]),
        )

    def generator_loss(self, source, targets, fake, cycled):
        logits, classes = self.discriminator(fake, training=True)
        adversarial_loss = losses.wasserstein_generator(logits)
        class_loss = self.label_cross_entropy(targets, classes)
        cycle_loss = losses.l1(cycled, source)
        return Loss(
            adversarial_loss + self.class_weight * class_loss + self.cycle_weight * cycle_loss,
            adversarial_loss=adversarial_loss,
            class_loss=class_loss,
            cycle_loss=cycle_loss,
        )

    def _score(self, images):
        return self.discriminator(images, training=True)[0]

    def reference_layers(self):
        """`{network: {module name in the reference's checkpoints: our layer's name}}`."""
        halvings = {f"main.{2 * n}": f"conv_{n + 1}" for n in range(self.num_downs)}
        return {
            "generator": _generator_modules(self.num_blocks),
            "discriminator": {**halvings, "conv1": "score", "conv2": "class"},
        }


def _generator_modules(num_blocks):
    """Each convolution has its norm behind it, but the last."""
    convs = {"main.0": "c7", "main.3": "down_1", "main.6": "down_2"}
    norms = {"main.1": "c7_norm", "main.4": "down_1_norm", "main.7": "down_2_norm"}
    for block in range(1, num_blocks + 1):
        for place, half in ((0, 1), (3, 2)):
            name = f"block_{block}_{half}"
            convs[f"main.{8 + block}.main.{place}"] = name
            norms[f"main.{8 + block}.main.{place + 1}"] = f"{name}_norm"
    place = 9 + num_blocks
    for level in (2, 1):
        convs[f"main.{place}"], norms[f"main.{place + 1}"] = f"up_{level}", f"up_{level}_norm"
        place += 3
    return {**convs, **norms, f"main.{place}": "c7_out"}


_ENTRY: dict = {
    "task": "attribute_editing",
    "paper": "Choi et al., 2018, https://arxiv.org/abs/1711.09020",
    "tiny": {
        "image_size": 32,
        "filters": 4,
        "num_blocks": 1,
        "num_downs": 3,
        "discriminator_steps": 2,
    },
}

register(
    "stargan",
    StarGAN,
    parameters={"generator": 8_430_528, "discriminator": 44_762_048},
    recipe={"flip": True},
    **_ENTRY,
)
register(
    "stargan_avatars",
    StarGAN,
    parameters={"generator": 1_536_672, "discriminator": 2_814_944},
    recipe={
        "heads": ["hair_color"],
        "attributes": ["glasses", "smile", "beard"],
        "epochs": 12,
        "batch_size": 8,
    },
    **_ENTRY,
    data="bundled:avatars",
    num_classes=8,
    num_attributes=3,
    image_size=64,
    filters=32,
    num_blocks=4,
    num_downs=5,
    discriminator_steps=2,
    generator_learning_rate=2e-4,
    discriminator_learning_rate=2e-4,
)
