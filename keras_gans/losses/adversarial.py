"""Adversarial losses: pure functions of logits, D(x) before any sigmoid.

The softplus forms are those of the logarithms in the papers without their overflow:
log(sigmoid(a)) = -softplus(-a) and log(1 - sigmoid(a)) = -softplus(a).

Logits of real and generated images may have any shape, the same for both in the relativistic
losses. All functions return a scalar.
"""

from keras import ops


def logistic(real_logits, fake_logits, real_targets=1.0, fake_targets=0.0):
    """Discriminator loss of Goodfellow et al., 2014, https://arxiv.org/abs/1406.2661 (eq. 1).

    Args:
        real_logits: what the discriminator says of real images, any shape.
        fake_logits: what it says of generated ones, any shape.
        real_targets: the probability it should give to real images, one number or one for each;
            0.9 is one-sided label smoothing (Salimans et al., 2016,
            https://arxiv.org/abs/1606.03498, section 3.4).
        fake_targets: likewise for generated ones.

    Returns:
        A scalar, `-mean(log D(x)) - mean(log(1 - D(G(z))))` for the default targets; 2 log 2 for
        a discriminator that cannot tell them apart.
    """
    return _cross_entropy(real_logits, real_targets) + _cross_entropy(fake_logits, fake_targets)


def _cross_entropy(logits, targets):
    # -t log(sigmoid(a)) - (1 - t) log(1 - sigmoid(a))
    return ops.mean(targets * ops.softplus(-logits) + (1.0 - targets) * ops.softplus(logits))


def minimax(fake_logits):
    """Generator loss of the zero-sum game, `mean(log(1 - D(G(z))))`.

    Goodfellow et al., 2014, https://arxiv.org/abs/1406.2661 (eq. 1). Its gradient vanishes where
    the discriminator is sure that the images are fake (section 3); `non_saturating` is what
    trains.
    """
    return -ops.mean(ops.softplus(fake_logits))


def non_saturating(fake_logits):
    """Generator loss that keeps its gradient, `-mean(log D(G(z)))`.

    Goodfellow et al., 2014, https://arxiv.org/abs/1406.2661 (section 3).
    """
    return ops.mean(ops.softplus(-fake_logits))


def least_squares(logits, target):
    """Least-squares loss of either player, `mean((D - target)^2)`.

    Mao et al., 2016, https://arxiv.org/abs/1611.04076 (eq. 2 without the factors 1/2).

    Args:
        logits: what the discriminator says, any shape.
        target: what it should say: 1 for real, 0 for fake; the generator wants 1.
    """
    return ops.mean(ops.square(logits - target))


def hinge(real_logits, fake_logits):
    """Discriminator loss `mean(max(0, 1 - D(x))) + mean(max(0, 1 + D(G(z))))`.

    Lim & Ye, 2017, https://arxiv.org/abs/1705.02894; as used by Miyato et al., 2018,
    https://arxiv.org/abs/1802.05957 (eq. 16). The generator's loss is `wasserstein_generator`.
    """
    return ops.mean(ops.relu(1.0 - real_logits)) + ops.mean(ops.relu(1.0 + fake_logits))


def wasserstein(real_logits, fake_logits):
    """Critic loss `mean(D(G(z))) - mean(D(x))`, minus the estimated distance.

    Arjovsky, Chintala & Bottou, 2017, https://arxiv.org/abs/1701.07875 (eq. 3).
    """
    return ops.mean(fake_logits) - ops.mean(real_logits)


def wasserstein_generator(fake_logits):
    """Generator loss `-mean(D(G(z)))` of the Wasserstein and the hinge game."""
    return -ops.mean(fake_logits)


def relativistic_average(logits, rival_logits):
    """Loss of either player: its images should look more real than the rival's on average.

    `mean(softplus(-(D(x) - mean D(y)))) + mean(softplus(D(y) - mean D(x)))`: for the
    discriminator x is real and y generated, for the generator the reverse.

    Jolicoeur-Martineau, 2018, https://arxiv.org/abs/1807.00734 (section 4.2).
    """
    ahead = logits - ops.mean(rival_logits)
    behind = rival_logits - ops.mean(logits)
    return ops.mean(ops.softplus(-ahead)) + ops.mean(ops.softplus(behind))


def relativistic_pairing(logits, rival_logits):
    """Loss of either player: each of its images should look more real than its rival's partner.

    `mean(softplus(-(D(x) - D(y))))`, x and y paired by row: for the discriminator x is real and y
    generated, for the generator the reverse.

    Jolicoeur-Martineau, 2018, https://arxiv.org/abs/1807.00734 (RSGAN); Huang et al., 2024,
    https://arxiv.org/abs/2501.05441 (eq. 2).
    """
    return ops.mean(ops.softplus(rival_logits - logits))
