"""Adversarial losses: pure functions of logits, D(x) before any sigmoid.

The softplus forms are those of the logarithms in the papers without their overflow:
log(sigmoid(a)) = -softplus(-a) and log(1 - sigmoid(a)) = -softplus(a).
"""

from keras import ops


def logistic(real_logits, fake_logits):
    """Discriminator loss of Goodfellow et al., 2014, https://arxiv.org/abs/1406.2661 (eq. 1).

    Args:
        real_logits: what the discriminator says of real images, any shape.
        fake_logits: what it says of generated ones, any shape.

    Returns:
        A scalar, `-mean(log D(x)) - mean(log(1 - D(G(z))))`; 2 log 2 for a discriminator
        that cannot tell them apart.
    """
    real_loss = ops.mean(ops.softplus(-real_logits))  # -log D(x)
    fake_loss = ops.mean(ops.softplus(fake_logits))  # -log(1 - D(G(z)))
    return real_loss + fake_loss


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
