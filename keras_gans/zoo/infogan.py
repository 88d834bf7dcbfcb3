"""InfoGAN: codes that the generator must show in its pictures, found without labels.

The game, one update of each player per batch, with z = (noise, c) and a category y that are drawn:

    D: min  -mean(log D(x)) - mean(log(1 - D(G(z, y)))) + info_weight * L_I
    G: min  -mean(log D(G(z, y)))                       + info_weight * L_I
    L_I  =  mean(-log Q(y | G(z, y))) + mean(sum (c - Q_c(G(z, y)))^2) / 2

The last `num_codes` of the latent are the continuous codes c, and all are U(-1, 1); y is drawn
evenly. L_I is, but for constants, the negative lower bound of the mutual information of codes and
pictures: Q, which shares all of D but its last layers, must read the codes off the picture. What a
code comes to mean is found in training, and another one each time: see `traverse`.

Networks (28 x 28 pixels)

    G   z 64 with the one-hot category 10 -> dense 1024 -> dense 7x7x128 -> 14x14x64 -> 28x28x1
        transposed convolutions 4x4 stride 2; batch norm and ReLU after all but the last, tanh
    D   28x28x1 -> 14x14x64 -> 7x7x128 -> dense 1024 -> 1 logit, and Q: dense 128 -> 10 and 2
        convolutions 4x4 stride 2, batch norm after all but the first and those that end a network,
        leaky ReLU 0.1

Training: Adam, beta_1 0.5, D 2e-4, G 1e-3; batches of 128.

Paper:     Chen, Duan, Houthooft, Schulman, Sutskever & Abbeel, 2016,
           https://arxiv.org/abs/1606.03657 (appendix C.1)
Reference: openai/InfoGAN, launchers/run_mnist_exp.py

The reference's Q has two further outputs, a spread of each code, which it then holds at 1: they are
left out. Its pictures are in [0, 1] (sigmoid); here in [-1, 1] (tanh). Kernels are N(0, 0.02).
"""

import math

import keras
import numpy as np
from keras import layers, ops

from keras_gans import losses
from keras_gans.games.adversarial import ConditionalGAN
from keras_gans.games.loss import Loss, Samples
from keras_gans.layers import BatchNorm
from keras_gans.optimizers import Adam
from keras_gans.utils.checks import check_doublings, check_positive, check_weight, is_number
from keras_gans.zoo._registry import register


def generator(latent_dim, conditions, image_size, image_channels, filters, units):
    """Latents (N, latent_dim) and categories -> images (N, side, side, channels) in [-1, 1]."""
    start, doublings = check_doublings(image_size, 1, "every block doubles it")
    latent = keras.Input((latent_dim,), name="latent")
    label = conditions.input()
    widths = [filters * 2**n for n in reversed(range(doublings))]
    x = layers.Concatenate()([latent, conditions.code(label)])
    x = layers.ReLU()(BatchNorm()(_dense(units)(x)))
    x = layers.ReLU()(BatchNorm()(_dense(start * start * widths[0])(x)))
    x = layers.Reshape((start, start, widths[0]))(x)
    for width in widths[1:]:
        x = layers.ReLU()(BatchNorm()(_up(width)(x)))
    x = _up(image_channels)(x)
    image = layers.Activation("tanh", dtype="float32", name="image")(x)
    return keras.Model([latent, label], image, name="generator")


def discriminator(conditions, num_codes, image_size, image_channels, filters, units, q_units):
    """Images -> logits (N, 1), logits of the category (N, code), means of codes (N, num_codes)."""
    _, doublings = check_doublings(image_size, 1, "every block halves it")
    image = keras.Input((image_size, image_size, image_channels), name="image")
    x = _leaky(_conv(filters)(image))
    for level in range(1, doublings):
        x = _leaky(BatchNorm()(_conv(filters * 2**level)(x)))
    x = _leaky(BatchNorm()(_dense(units)(layers.Flatten()(x))))
    logits = _dense(1, dtype="float32", name="logits")(x)
    q = _leaky(BatchNorm()(_dense(q_units)(x)))
    category = _dense(conditions.code_length, dtype="float32", name="category")(q)
    codes = _dense(num_codes, dtype="float32", name="codes")(q)
    return keras.Model(image, [logits, category, codes], name="discriminator")


def _normal():
    return keras.initializers.RandomNormal(0.0, 0.02)


def _dense(units, **kwargs):
    return layers.Dense(units, kernel_initializer=_normal(), **kwargs)


def _conv(width):
    return layers.Conv2D(width, 4, strides=2, padding="same", kernel_initializer=_normal())


def _up(width):
    return layers.Conv2DTranspose(width, 4, strides=2, padding="same", kernel_initializer=_normal())


def _leaky(x):
    return layers.LeakyReLU(0.1)(x)


@keras.saving.register_keras_serializable("keras_gans")
class InfoGAN(ConditionalGAN):
    """InfoGAN, see the module's docstring for the game and the networks.

    Batches are pictures alone. `sample(labels=3)` asks for a category the model found by itself.

    Args:
        num_classes: categories to find; a tuple for several heads.
        image_size: side of the square pictures: 4, 5, 6 or 7 times a power of two.
        image_channels: 3 for colour, 1 for grey.
        latent_dim: length of z, codes included.
        num_codes: continuous codes, the last of z.
        generator_filters: feature maps of G at half the picture's side; they double as it halves.
        discriminator_filters: of D at half the picture's side, likewise.
        units: of the dense layers of G and D.
        q_units: of Q's.
        info_weight: of the codes' loss, lambda of the paper.
        **kwargs: the tricks (`keras_gans.games.tricks.Tricks`) and those of `keras_gans.GAN`.

    Raises:
        ValueError: for an `image_size` the networks cannot build, no category, as many codes as z
            is long, or `replay`, whose pictures have codes of other steps.
    """

    batch_size = 128
    paper_tricks = {"latent_distribution": "uniform"}
    logged = (*ConditionalGAN.logged, "category_loss", "category_accuracy", "codes_loss")
    losses_in_words = (
        "Losses are means over the images of a batch. category_loss is the cross-entropy of Q's "
        "guess of the category of generated images, codes_loss half the squared error of its "
        "guess of the continuous codes, summed over them; both players lower both, times "
        "info_weight. Of noise, category_loss is log(num_classes), codes_loss num_codes / 6."
    )

    def __init__(
        self,
        num_classes=10,
        image_size=28,
        image_channels=1,
        *,
        latent_dim=64,
        num_codes=2,
        generator_filters=64,
        discriminator_filters=64,
        units=1024,
        q_units=128,
        info_weight=1.0,
        **kwargs,
    ):
        check_positive("num_codes", num_codes)
        check_positive("units", units)
        check_positive("q_units", q_units)
        check_weight("info_weight", info_weight)
        if not num_codes < latent_dim:
            raise ValueError(
                "`num_codes` of the latent's numbers are codes, and some must be left for noise. "
                f"Received: num_codes={num_codes}, latent_dim={latent_dim}."
            )
        super().__init__(**kwargs)
        if self.tricks.replay:
            raise ValueError(
                "`replay` shows D pictures of earlier steps, whose codes Q could not be asked "
                f"for. Use replay=0 with {type(self).__name__}."
            )
        conditions = self.set_conditions(num_classes, 0)
        self.image_size, self.image_channels = image_size, image_channels
        self.latent_dim, self.num_codes = latent_dim, num_codes
        self.generator_filters = generator_filters
        self.discriminator_filters = discriminator_filters
        self.units, self.q_units, self.info_weight = units, q_units, info_weight
        self.set_players(
            generator(latent_dim, conditions, image_size, image_channels, generator_filters, units),
            discriminator(
                *(conditions, num_codes, image_size, image_channels),
                *(discriminator_filters, units, q_units),
            ),
        )

    def batch_roles(self):
        return {"image": self.image}

    def discriminator_loss(self, real, fake):
        (real_logits, *_), (fake_logits, *guessed) = self.judge_both(real, fake)
        info, logs = self._info_loss(fake, *guessed)
        value = losses.logistic(real_logits, fake_logits) + self.info_weight * info
        return Loss(value, real_logits, fake_logits, **logs)

    def generator_loss(self, real, fake):
        logits, *guessed = self.judge(fake)
        info, _ = self._info_loss(fake, *guessed)
        return Loss(losses.non_saturating(logits) + self.info_weight * info)

    def _info_loss(self, fake, category, codes):
        """L_I of generated pictures and its parts; their latents are drawn again, as they were."""
        drawn = self.latents(fake.count, fake.draw)[:, -self.num_codes :]
        category_loss = self.label_cross_entropy(fake.labels, category)
        codes_loss = 0.5 * ops.mean(ops.sum(ops.square(drawn - codes), axis=1))
        logs = {
            "category_loss": category_loss,
            "category_accuracy": self.label_accuracy(fake.labels, category),
            "codes_loss": codes_loss,
        }
        return category_loss + codes_loss, logs

    def _samples(self, batch, draw):
        """Pictures of a batch, beside categories that are drawn."""
        samples = super()._samples(batch, draw)
        limits = self.conditions.limits
        columns = [
            ops.cast(
                ops.floor(self.uniform((samples.count,), f"head_{head}", draw) * limit), "int32"
            )
            for head, limit in enumerate(limits)
        ]
        labels = ops.stack(columns, axis=1) if self.conditions.in_columns else columns[0]
        return Samples(samples.images, labels, draw)

    def optimizers(self, images=None):
        rates = {"generator": 1e-3, "discriminator": 2e-4}
        return {player: Adam(rate, beta_1=0.5, name=player) for player, rate in rates.items()}

    def traverse(self, code=0, *, steps=10, low=-1.0, high=1.0, labels=None, seed=None):
        """Pictures that differ in one continuous code alone, to see what it has come to mean.

        Args:
            code: which one, from 0.
            steps: pictures of each row.
            low: the code in the first picture of a row.
            high: that in the last; training knows -1 to 1, and the paper shows -2 to 2.
            labels: the category of each row; every category in turn where not given.
            seed: for the rest of the latent, of which all rows have one.

        Returns:
            float32 (rows, steps, image_size, image_size, image_channels) in [-1, 1].

        Raises:
            ValueError: for a code that is not there, or beyond -2 to 2.
        """
        if code not in range(self.num_codes):
            raise ValueError(f"`code` must be from 0 to {self.num_codes - 1}. Received: {code!r}")
        for name, value in (("low", low), ("high", high)):
            if not is_number(value) or not -2.0 <= value <= 2.0:
                raise ValueError(
                    f"`{name}` must be from -2 to 2: codes are drawn from -1 to 1 in training. "
                    f"Received: {value!r}"
                )
        check_positive("steps", steps)
        named, _ = self.numbered(labels, None)
        all_in_turn = math.prod(self.conditions.heads) if labels is None else None
        rows = self.conditions.each(named, count=all_in_turn)
        latents = np.repeat(self.draw_latents(1, seed), len(rows) * steps, axis=0)
        place = self.latent_dim - self.num_codes + code
        latents[:, place] = np.tile(np.linspace(low, high, steps), len(rows))
        images = self.sample(labels=np.repeat(rows, steps, axis=0), latents=latents)
        return images.reshape(len(rows), steps, *images.shape[1:])


_ENTRY: dict = {
    "task": "unconditional",
    "paper": "Chen et al., 2016, https://arxiv.org/abs/1606.03657",
    "tiny": {
        "image_size": 16,
        "image_channels": 3,
        "latent_dim": 8,
        "generator_filters": 4,
        "discriminator_filters": 4,
        "units": 16,
        "q_units": 8,
    },
}

register(
    "infogan", InfoGAN, parameters={"generator": 6_652_481, "discriminator": 6_692_173}, **_ENTRY
)
register(
    "infogan_fashion",
    InfoGAN,
    parameters={"generator": 865_313, "discriminator": 872_045},
    recipe={"data": "tfds:fashion_mnist", "epochs": 20},
    **_ENTRY,
    data="bundled:fashion_mnist",
    generator_filters=32,
    discriminator_filters=32,
    units=256,
    ema_decay=0.999,
)
