"""DRAGAN: a discriminator whose slope is 1 around real pictures.

The game, one update of each player per batch:

    D: min  -mean(log D(x)) - mean(log(1 - D(G(z)))) + 10 mean((|grad D(x^)| - 1)^2)
    G: min  -mean(log D(G(z)))                              z ~ N(0, I)

    x^ = x + u * 0.5 * std * U(0, 1)^n     u ~ U(0, 1) for each picture; std: one of the batch

Around real pictures D may not be steep: such slopes stand at the beginning of mode collapse.

Networks: DCGAN's, batch norm included, as in the paper's experiments (section 3).

Training: Adam 2e-4, beta_1 0.5, batches of 64.

Paper:     Kodali, Abernethy, Hays & Kira, 2017, https://arxiv.org/abs/1705.07215
Reference: kodalinaveen3/DRAGAN

Any other family plays with the penalty by `dragan=10`.
"""

import keras

from keras_gans.zoo._registry import register
from keras_gans.zoo.dcgan import DCGAN


@keras.saving.register_keras_serializable("keras_gans")
class DRAGAN(DCGAN):
    """DCGAN with DRAGAN's penalty, see the module's docstring for the game.

    Args:
        *args: those of `keras_gans.zoo.dcgan.DCGAN`.
        **kwargs: likewise; `dragan` is the weight of the penalty.
    """

    paper_tricks = {"dragan": 10.0}


_ENTRY: dict = {
    "task": "unconditional",
    "paper": "Kodali, Abernethy, Hays & Kira, 2017, https://arxiv.org/abs/1705.07215",
    "tiny": {"image_size": 16, "image_channels": 3, "filters": 4, "latent_dim": 8},
}

register(
    "dragan", DRAGAN, parameters={"generator": 3_576_704, "discriminator": 2_765_568}, **_ENTRY
)
register(
    "dragan_fashion",
    DRAGAN,
    parameters={"generator": 759_680, "discriminator": 138_624},
    recipe={"data": "tfds:fashion_mnist", "epochs": 30},
    **_ENTRY,
    data="bundled:fashion_mnist",
    image_size=28,
    image_channels=1,
    ema_decay=0.999,
)
register(
    "dragan_avatars",
    DRAGAN,
    parameters={"generator": 1_100_224, "discriminator": 694_656},
    recipe={"epochs": 80},
    **_ENTRY,
    data="bundled:avatars",
    filters=32,
    ema_decay=0.999,
)
