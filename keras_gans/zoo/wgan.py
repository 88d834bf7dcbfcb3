"""WGAN: a critic of bounded slope, whose loss measures how far generated pictures are from real.

The game, five updates of the critic D (the paper's f), then one of G:

    D: min  mean D(G(z)) - mean D(x), all weights clipped to [-0.01, 0.01] after every update
    G: min  -mean D(G(z))                                        z ~ N(0, I)

Minus D's loss estimates the Wasserstein distance, up to a factor, and falls as pictures improve.

Networks: DCGAN's, as in the paper's main experiments (section 4.2 and figure 3): this family
changes DCGAN's game and nothing of its networks.

Training: RMSprop 5e-5, batches of 64.

Paper:     Arjovsky, Chintala & Bottou, 2017, https://arxiv.org/abs/1701.07875 (algorithm 1)
Reference: martinarjovsky/WassersteinGAN, main.py

Departures from the reference: D takes five updates for each of G throughout, as in the paper's
algorithm; the code takes 100 for the first 25 and for every 500th. D's last step and G's first
see the same generated pictures.
"""

import keras

from keras_gans import losses
from keras_gans.games.loss import Loss
from keras_gans.zoo._registry import register
from keras_gans.zoo.dcgan import DCGAN


@keras.saving.register_keras_serializable("keras_gans")
class WGAN(DCGAN):
    """Wasserstein GAN with weight clipping, see the module's docstring for the game.

    Args:
        *args: those of `keras_gans.zoo.dcgan.DCGAN`.
        **kwargs: likewise.
    """

    paper_tricks = {"objective": "wasserstein", "discriminator_steps": 5, "clip": 0.01}

    def discriminator_loss(self, real, fake):
        real_logits, fake_logits = self.judge_both(real, fake)
        return Loss(losses.wasserstein(real_logits, fake_logits), real_logits, fake_logits)

    def generator_loss(self, real, fake):
        return Loss(losses.wasserstein_generator(self.judge(fake)))

    def optimizers(self, images=None):
        # PyTorch's defaults, which the reference trains with: decay 0.99, epsilon 1e-8. That is
        # added to the root of the mean square; Keras adds its epsilon under the root.
        return {
            player: keras.optimizers.RMSprop(5e-5, rho=0.99, epsilon=1e-16, name=player)
            for player in self.players
        }


_ENTRY: dict = {
    "task": "unconditional",
    "paper": "Arjovsky, Chintala & Bottou, 2017, https://arxiv.org/abs/1701.07875",
}

register(
    "wgan",
    WGAN,
    parameters={"generator": 3_576_704, "discriminator": 2_765_568},
    **_ENTRY,
    tiny={"image_size": 16, "filters": 4, "latent_dim": 8},
)
register(
    "wgan_fashion",
    WGAN,
    parameters={"generator": 759_680, "discriminator": 138_624},
    **_ENTRY,
    data="bundled:fashion_mnist",
    tiny={"image_size": 16, "image_channels": 3, "filters": 4, "latent_dim": 8},
    image_size=28,
    image_channels=1,
)
