"""ReACGAN: a classifying discriminator on the unit sphere, which does not collapse.

The game, five updates of D, then one of G, with x of class y:

    D: min  mean(max(0, 1 - D(x))) + mean(max(0, 1 + D(G(z, y)))) + class_weight * L(x, y)
    G: min  -mean D(G(z, y))                                      + class_weight * L(G(z, y), y)

    L = mean over i of  -log( exp(-a_i) / (exp(-a_i) + sum over j of exp(b_ij)) )
    a_i  = max(0, positive_margin - f_i . v_i) / temperature
    b_ij = max(0, f_i . f_j - (1 - positive_margin)) / temperature,  j: of another class than i

f is D's embedding of a picture and v that of its class, both of length 1 (equation 8 of the paper,
"D2D-CE"): a picture is drawn to its class and away from the batch's pictures of other classes, and
no longer once it is near, or far, enough. AC-GAN's softmax never has enough.

Networks (32 x 32 pixels): BigGAN's, but for the end of D

    D   the sum over the last map, 192 -> linear, the logit; and -> 512, f
        one-hot class -> 512, v

Training: Adam 2.83e-4, betas (0.5, 0.999), batches of 128; G's weights averaged, decay 0.9999.

Paper:     Kang, Shim, Cho & Park, 2021, https://arxiv.org/abs/2111.01118
Reference: POSTECH-CVLab/PyTorch-StudioGAN, configs/CIFAR10/ReACGAN.yaml

The reference subtracts the largest b of a row from b alone before it is exponentiated, which
changes the loss's value; here it is equation 8. Labels of several heads and attributes are another
class where any column differs, and v is the sum of their embeddings. BigGAN's penalty of kernels
that are not orthogonal is left out, as in the reference.
"""

import keras
import tensorflow as tf
from keras import layers, ops

from keras_gans import losses
from keras_gans.games.adversarial import ConditionalGAN
from keras_gans.games.loss import Loss
from keras_gans.optimizers import Adam
from keras_gans.utils.checks import (
    check_positive,
    check_share,
    check_weight,
    is_number,
)
from keras_gans.zoo import _residual as blocks
from keras_gans.zoo._registry import register
from keras_gans.zoo.biggan import generator


def discriminator(conditions, image_size, image_channels, width, embedding):
    """Images and labels -> logits (N, 1), unit embeddings f and v, each (N, embedding)."""
    image = keras.Input((image_size, image_size, image_channels), name="image")
    label = conditions.input()
    x = blocks.pooled_features(image, width)
    logits = blocks.dense(x, 1, dtype="float32", name="logits")
    picture = blocks.dense(x, embedding, dtype="float32", name="embedding")
    proxy = blocks.dense(conditions.code(label), embedding, use_bias=False, name="proxy")
    unit = [layers.UnitNormalization(dtype="float32")(one) for one in (picture, proxy)]
    return keras.Model([image, label], [logits, *unit], name="discriminator")


def data_to_data_cross_entropy(pictures, proxies, code, positive_margin, temperature):
    """L of the module's docstring.

    Args:
        pictures: f, (N, length), rows of length 1.
        proxies: v, likewise.
        code: of the labels, (N, length of the code).
        positive_margin: in [0, 1].
        temperature: above 0.

    Returns:
        A scalar.
    """
    code = ops.cast(code, "float32")
    near = ops.relu(positive_margin - ops.sum(pictures * proxies, axis=1)) / temperature
    alike = ops.matmul(pictures, ops.transpose(pictures))
    far = ops.relu(alike - (1.0 - positive_margin)) / temperature
    differ = ops.sum(ops.abs(code[:, None] - code[None]), axis=-1) > 0.5
    repelled = ops.sum(ops.where(differ, ops.exp(far), 0.0), axis=1)
    return ops.mean(near + ops.log(ops.exp(-near) + repelled))


@keras.saving.register_keras_serializable("keras_gans")
class ReACGAN(ConditionalGAN):
    """Rebooted AC-GAN, see the module's docstring for the game and the networks.

    Args:
        num_classes: classes the labels, integers from 0, stand for; a tuple for several heads,
            labels (N, heads); 0 for none.
        image_size: side of the square pictures: 4, 5, 6 or 7 times a power of two, at least 16.
        image_channels: 3 for colour, 1 for grey.
        latent_dim: length of z, a multiple of one more than G's doublings.
        generator_filters: a quarter of the feature maps of G's blocks.
        discriminator_filters: half of those of D's.
        embedding: length of f and v.
        class_weight: of L in both losses.
        positive_margin: cosine beyond which a picture is near enough to its class; 1 minus it is
            the one below which it is far enough from others.
        temperature: which cosines are divided by.
        num_attributes: binary attributes, further columns of the labels, see
            `keras_gans.core.conditioning`.
        **kwargs: the tricks (`keras_gans.games.tricks.Tricks`) and those of `keras_gans.GAN`.

    Raises:
        ValueError: for sizes or weights that cannot be, or neither classes nor attributes.
    """

    batch_size = 128
    logged = (*ConditionalGAN.logged, "class_loss")
    paper_tricks = {
        "objective": "hinge",
        "discriminator_steps": 5,
        "batch_norm": "together",
        "ema_decay": 0.9999,
    }
    losses_in_words = (
        "Losses are means over the images of a batch. class_loss is that of real images among "
        "each other and with their classes, before it is multiplied by class_weight."
    )

    def __init__(
        self,
        num_classes=10,
        image_size=32,
        image_channels=3,
        *,
        latent_dim=80,
        generator_filters=96,
        discriminator_filters=96,
        embedding=512,
        class_weight=0.5,
        positive_margin=0.98,
        temperature=0.5,
        num_attributes=0,
        **kwargs,
    ):
        for name, value in (
            ("generator_filters", generator_filters),
            ("discriminator_filters", discriminator_filters),
            ("embedding", embedding),
        ):
            check_positive(name, value)
        check_weight("class_weight", class_weight)
        check_share("positive_margin", positive_margin)
        if not is_number(temperature) or not temperature > 0.0:
            raise ValueError(f"`temperature` must be above 0. Received: {temperature!r}")
        super().__init__(**kwargs)
        conditions = self.set_conditions(num_classes, num_attributes)
        self.image_size, self.image_channels = image_size, image_channels
        self.latent_dim, self.embedding = latent_dim, embedding
        self.generator_filters = generator_filters
        self.discriminator_filters = discriminator_filters
        self.class_weight = class_weight
        self.positive_margin, self.temperature = positive_margin, temperature
        self.set_players(
            generator(latent_dim, conditions, image_size, image_channels, generator_filters),
            discriminator(
                *(conditions, image_size, image_channels, 2 * discriminator_filters), embedding
            ),
        )

    def optimizers(self, images=None):
        rate = 2e-4 * 2.0**0.5
        return {
            player: Adam(rate, beta_1=0.5, beta_2=0.999, name=player) for player in self.players
        }

    def discriminator_loss(self, real, fake):
        (real_logits, *embedded), (fake_logits, *_) = self.judge_both(real, fake)
        class_loss = self._class_loss(embedded, real.labels)
        value = losses.hinge(real_logits, fake_logits) + self.class_weight * class_loss
        return Loss(value, real_logits, fake_logits, class_loss=class_loss)

    def generator_loss(self, real, fake):
        logits, *embedded = self.judge(fake)
        class_loss = self._class_loss(embedded, fake.labels)
        return Loss(losses.wasserstein_generator(logits) + self.class_weight * class_loss)

    def _class_loss(self, embedded, labels):
        code = tf.stop_gradient(self.conditions.code(labels))
        pictures, proxies = embedded
        return data_to_data_cross_entropy(
            pictures, proxies, code, self.positive_margin, self.temperature
        )


_ENTRY: dict = {
    "task": "class_conditional",
    "paper": "Kang, Shim, Cho & Park, 2021, https://arxiv.org/abs/2111.01118",
    "tiny": {
        "image_size": 16,
        "latent_dim": 6,
        "generator_filters": 2,
        "discriminator_filters": 4,
        "embedding": 8,
        "discriminator_steps": 2,
    },
}

register(
    "reacgan", ReACGAN, parameters={"generator": 9_416_196, "discriminator": 2_517_186}, **_ENTRY
)
register(
    "reacgan_avatars",
    ReACGAN,
    parameters={"generator": 486_596, "discriminator": 358_914},
    recipe={"epochs": 40},
    **_ENTRY,
    data="bundled:avatars",
    num_classes=(6, 8, 3),
    num_attributes=4,
    image_size=64,
    generator_filters=16,
    discriminator_filters=32,
    embedding=128,
    discriminator_steps=2,
    ema_decay=0.999,
)
