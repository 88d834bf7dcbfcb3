"""LSGAN: least squares instead of logarithms.

The game, one update of each player per batch:

    D: min  mean((D(x) - 1)^2) + mean(D(G(z))^2)            x real, z ~ N(0, I)
    G: min  mean((D(G(z)) - 1)^2)                           the same fakes, D as just updated

Generated pictures on the right side of the boundary but far from the real ones still have a
gradient. The targets are those of the paper's equation 9 (a = 0, b = c = 1); its factors 1/2
change nothing under Adam.

Networks: DCGAN's. The paper (figure 6) builds on them for its 112 x 112 pictures, with two more
convolutions on the way up, and uses them as they are elsewhere (section 4.3).

Training: Adam 2e-4, beta_1 0.5, batches of 64 (paper: learning rates 1e-3 for G at 112 x 112, 2e-4
otherwise).

Paper: Mao, Li, Xie, Lau, Wang & Smolley, 2016, https://arxiv.org/abs/1611.04076
"""

import keras

from keras_gans import losses
from keras_gans.games.loss import Loss
from keras_gans.zoo._registry import register
from keras_gans.zoo.dcgan import DCGAN


@keras.saving.register_keras_serializable("keras_gans")
class LSGAN(DCGAN):
    """Least-squares GAN, see the module's docstring for the game.

    Args:
        *args: those of `keras_gans.zoo.dcgan.DCGAN`.
        **kwargs: likewise.
    """

    paper_tricks = {"objective": "least_squares"}

    def discriminator_loss(self, real, fake):
        real_logits, fake_logits = self.judge_both(real, fake)
        value = losses.least_squares(real_logits, 1.0) + losses.least_squares(fake_logits, 0.0)
        return Loss(value, real_logits, fake_logits)

    def generator_loss(self, real, fake):
        return Loss(losses.least_squares(self.judge(fake), 1.0))


_ENTRY: dict = {
    "task": "unconditional",
    "paper": "Mao, Li, Xie, Lau, Wang & Smolley, 2016, https://arxiv.org/abs/1611.04076",
}

register(
    "lsgan",
    LSGAN,
    parameters={"generator": 3_576_704, "discriminator": 2_765_568},
    **_ENTRY,
    tiny={"image_size": 16, "filters": 4, "latent_dim": 8},
)
register(
    "lsgan_fashion",
    LSGAN,
    parameters={"generator": 759_680, "discriminator": 138_624},
    **_ENTRY,
    data="bundled:fashion_mnist",
    tiny={"image_size": 16, "image_channels": 3, "filters": 4, "latent_dim": 8},
    image_size=28,
    image_channels=1,
)
