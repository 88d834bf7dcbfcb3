"""The games by name: for each objective what the discriminator and the generator minimise."""

import dataclasses
from collections.abc import Callable

from keras_gans.losses import adversarial


@dataclasses.dataclass(frozen=True)
class Objective:
    """Both players' losses of one game.

    Attributes:
        discriminator: of (real_logits, fake_logits) and, where `has_targets`, of
            (real_logits, fake_logits, real_targets, fake_targets); returns a scalar.
        generator: of (fake_logits), or of (fake_logits, real_logits) where `is_relativistic`.
        has_targets: the discriminator learns to say one number for real images and another for
            generated ones, so that labels can be smoothed and flipped.
        is_relativistic: a logit means something only against the rival's.
        boundary: the logit between "real" and "fake"; None where there is none.
    """

    discriminator: Callable
    generator: Callable
    has_targets: bool = False
    is_relativistic: bool = False
    boundary: float | None = 0.0


def _least_squares(real_logits, fake_logits, real_targets=1.0, fake_targets=0.0):
    return adversarial.least_squares(real_logits, real_targets) + adversarial.least_squares(
        fake_logits, fake_targets
    )


#: The objectives by the name that families take as `objective`.
OBJECTIVES = {
    "minimax": Objective(adversarial.logistic, adversarial.minimax, has_targets=True),
    "non_saturating": Objective(adversarial.logistic, adversarial.non_saturating, has_targets=True),
    "least_squares": Objective(
        _least_squares,
        lambda fake_logits: adversarial.least_squares(fake_logits, 1.0),
        has_targets=True,
        boundary=0.5,
    ),
    "hinge": Objective(adversarial.hinge, adversarial.wasserstein_generator),
    "wasserstein": Objective(
        adversarial.wasserstein, adversarial.wasserstein_generator, boundary=None
    ),
    "relativistic_average": Objective(
        adversarial.relativistic_average,
        adversarial.relativistic_average,
        is_relativistic=True,
        boundary=None,
    ),
    "relativistic_pairing": Objective(
        adversarial.relativistic_pairing,
        adversarial.relativistic_pairing,
        is_relativistic=True,
        boundary=None,
    ),
}
