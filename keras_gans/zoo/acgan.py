"""AC-GAN: a discriminator that also says which class it sees.

The game, one update of each player per batch, with x of class y:

    D: min  -mean(log D(x)) - mean(log(1 - D(G(z, y)))) + L_C
    G: min  -mean(log D(G(z, y))) + mean(-log P(y | G(z, y)))         z ~ N(0, I)
    L_C  =  mean(-log P(y | x)) + mean(-log P(y | G(z, y)))           both players lower it

Networks (32 x 32 pixels); D has two outputs and is not told the class

    G   z 100 with the one-hot class 10 -> dense 4x4x384 ReLU -> 8x8x192 -> 16x16x96 -> 32x32x3
        transposed convolutions 5x5 stride 2, batch norm and ReLU after all but the last, tanh
    D   32x32x3 -> 16 -> 32 -> 64 -> 128 -> 256 -> 512: convolutions 3x3, strides 2, 1, 2, 1, 2, 1,
        batch norm after all but the first, leaky ReLU 0.2, dropout 0.5 -> 1 logit and 10
    Every kernel N(0, 0.02).

Training: Adam 2e-4, beta_1 0.5; batches of 100.

Paper: Odena, Olah & Shlens, 2016, https://arxiv.org/abs/1610.09585 (section 3; table 2, CIFAR-10)

The paper names no code; its table leaves open which learning rate (1e-4, 2e-4 or 3e-4) and which
noise on D's activations (standard deviation 0, 0.1 or 0.2) was best: here 2e-4 and none. Of several
heads, and of attributes, the cross-entropies are added. Known weakness (the paper, section 4.4, and
later work): G drifts towards the pictures that are easiest to classify, so that variety within a
class falls; `sngan_projection` does not have it.
"""

import keras
from keras import layers

from keras_gans import losses
from keras_gans.games.adversarial import ConditionalGAN
from keras_gans.games.loss import Loss
from keras_gans.layers import BatchNorm, Dropout
from keras_gans.optimizers import Adam
from keras_gans.utils.checks import check_doublings, check_weight
from keras_gans.zoo._registry import register


def generator(latent_dim, conditions, image_size, image_channels, filters):
    """Latents (N, latent_dim) and labels -> images (N, side, side, channels) in [-1, 1]."""
    start, doublings = check_doublings(image_size, 1, "every block doubles it")
    latent = keras.Input((latent_dim,), name="latent")
    label = conditions.input()
    widths = [filters * 2**n for n in reversed(range(doublings))]
    x = layers.Concatenate()([latent, conditions.code(label)])
    x = layers.Dense(start * start * widths[0], activation="relu", kernel_initializer=_normal())(x)
    x = layers.Reshape((start, start, widths[0]))(x)
    for width in widths[1:]:
        x = layers.ReLU()(BatchNorm()(_upsample(width)(x)))
    x = _upsample(image_channels)(x)
    image = layers.Activation("tanh", dtype="float32", name="image")(x)
    return keras.Model([latent, label], image, name="generator")


def discriminator(conditions, image_size, image_channels, filters):
    """Images (N, side, side, channels) in [-1, 1] -> logits (N, 1), class logits (N, code)."""
    image = keras.Input((image_size, image_size, image_channels), name="image")
    x = Dropout(0.5)(layers.LeakyReLU(0.2)(_conv(filters, 2)(image)))
    for level in range(1, 6):
        x = BatchNorm()(_conv(filters * 2**level, 1 + (level + 1) % 2)(x))
        x = Dropout(0.5)(layers.LeakyReLU(0.2)(x))
    x = layers.Flatten()(x)
    logits = layers.Dense(1, kernel_initializer=_normal(), dtype="float32", name="logits")(x)
    classes = layers.Dense(
        conditions.code_length, kernel_initializer=_normal(), dtype="float32", name="classes"
    )(x)
    return keras.Model(image, [logits, classes], name="discriminator")


def _normal():
    return keras.initializers.RandomNormal(0.0, 0.02)


def _upsample(width):
    return layers.Conv2DTranspose(width, 5, strides=2, padding="same", kernel_initializer=_normal())


def _conv(width, strides):
    return layers.Conv2D(width, 3, strides=strides, padding="same", kernel_initializer=_normal())


@keras.saving.register_keras_serializable("keras_gans")
class ACGAN(ConditionalGAN):
    """Auxiliary classifier GAN, see the module's docstring for the game and the networks.

    Args:
        num_classes: classes the labels, integers from 0, stand for; a tuple for several heads,
            labels (N, heads); 0 for none.
        image_size: side of the square pictures: 4, 5, 6 or 7 times a power of two.
        image_channels: 3 for colour, 1 for grey.
        latent_dim: length of z.
        generator_filters: feature maps at half the picture's side; they double as the side halves.
        discriminator_filters: feature maps of D's first convolution; they double at each.
        class_weight: of the classes' cross-entropies, against the adversarial losses of 1.
        num_attributes: binary attributes, further columns of the labels, see
            `keras_gans.core.conditioning`.
        **kwargs: the tricks (`keras_gans.games.tricks.Tricks`) and those of `keras_gans.GAN`.

    Raises:
        ValueError: for an `image_size` the networks cannot build, or neither classes nor
            attributes.
    """

    batch_size = 100
    logged = (*ConditionalGAN.logged, "class_loss", "class_accuracy")
    losses_in_words = (
        "Losses are means over the images of a batch. class_loss is the cross-entropy of the "
        "discriminator's second output, the sum over real and generated images and over all heads "
        "and attributes, before it is multiplied by class_weight. The discriminator's loss is the "
        "sum of its loss on real and its loss on generated images, and of this."
    )

    def __init__(
        self,
        num_classes=10,
        image_size=32,
        image_channels=3,
        *,
        latent_dim=100,
        generator_filters=96,
        discriminator_filters=16,
        class_weight=1.0,
        num_attributes=0,
        **kwargs,
    ):
        check_weight("class_weight", class_weight)
        super().__init__(**kwargs)
        conditions = self.set_conditions(num_classes, num_attributes)
        self.image_size, self.image_channels = image_size, image_channels
        self.latent_dim, self.class_weight = latent_dim, class_weight
        self.generator_filters = generator_filters
        self.discriminator_filters = discriminator_filters
        self.set_players(
            generator(latent_dim, conditions, image_size, image_channels, generator_filters),
            discriminator(conditions, image_size, image_channels, discriminator_filters),
        )

    def discriminator_loss(self, real, fake):
        (real_logits, real_classes), (fake_logits, fake_classes) = self.judge_both(real, fake)
        class_loss = self.label_cross_entropy(real.labels, real_classes)
        class_loss += self.label_cross_entropy(fake.labels, fake_classes)
        return Loss(
            losses.logistic(real_logits, fake_logits) + self.class_weight * class_loss,
            real_logits,
            fake_logits,
            class_loss=class_loss,
            class_accuracy=self.label_accuracy(real.labels, real_classes),
        )

    def generator_loss(self, real, fake):
        logits, classes = self.judge(fake)
        class_loss = self.label_cross_entropy(fake.labels, classes)
        return Loss(losses.non_saturating(logits) + self.class_weight * class_loss)

    def optimizers(self, images=None):
        return {player: Adam(2e-4, beta_1=0.5, name=player) for player in self.players}


_ENTRY: dict = {
    "task": "class_conditional",
    "paper": "Odena, Olah & Shlens, 2016, https://arxiv.org/abs/1610.09585",
    "tiny": {
        "image_size": 16,
        "latent_dim": 8,
        "generator_filters": 4,
        "discriminator_filters": 2,
    },
}

register("acgan", ACGAN, parameters={"generator": 2_994_051, "discriminator": 1_664_875}, **_ENTRY)
