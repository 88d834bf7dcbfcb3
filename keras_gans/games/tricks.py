"""The practitioner's tricks, each a switch: what they are, what they go with, what they refuse.

Most of them are from Chintala, Denton, Arjovsky & Mathieu's talk and list "How to train a GAN?",
2016, https://github.com/soumith/ganhacks, called "ganhacks" below. `keras_gans.games.adversarial`
plays them; what each one did on real pictures stands in `docs/tricks.md`.
"""

import dataclasses

from keras_gans.augment import as_policy
from keras_gans.losses import OBJECTIVES
from keras_gans.utils.checks import check_positive, is_number

DISTRIBUTIONS = ("normal", "uniform")
BATCH_NORMS = ("apart", "together")
PENALTIES = ("gradient_penalty", "r1", "r2", "dragan")


@dataclasses.dataclass(frozen=True)
class Tricks:
    """Switches of every game that makes pictures from latents; all are constructor arguments.

    Attributes:
        objective: what the players minimise, a name in `keras_gans.losses.OBJECTIVES`.
        discriminator_steps: updates of D per update of G, each on real images of its own: where
            the penalty or clipping keeps D from running away, a better D is a better teacher
            (Arjovsky et al., 2017). `batch_size` of `fit` and `data.load` counts the images of one.
        balance: D pauses while the running share of images it judges rightly is above this, 0
            for never: a D that has won teaches nothing (ganhacks 12 warns that it is brittle).
        discriminator_optimizer: "sgd" in place of the paper's (ganhacks 10), at
            `discriminator_learning_rate`, or 0.01 where that is not given.
        latent_distribution: "normal" or "uniform", U(-1, 1): a normal's mass lies on a sphere, on
            which latents can be interpolated (ganhacks 3).
        label_smoothing: D should say 1 - this of real images, lest it grow too sure; one-sided
            (Salimans et al., 2016, https://arxiv.org/abs/1606.03498, section 3.4).
        label_flipping: share of images, real and generated, whose labels D is given the wrong way
            round (ganhacks 6).
        instance_noise: standard deviation of normal noise on all images D sees, so that real and
            generated ones overlap (Sonderby et al., 2016, https://arxiv.org/abs/1610.04490).
        instance_noise_steps: training steps over which that noise falls to zero; 0 for never.
        batch_norm: D sees real and generated images "apart", each batch normalised by its own
            statistics (ganhacks 4), or "together", in one pass.
        replay: generated images kept to show D again half of the time, lest it forget (Shrivastava
            et al., 2017, https://arxiv.org/abs/1612.07828; ganhacks 8); 0 for none.
        packing: images D judges at once, stacked as channels, so that it sees when they are all
            alike (PacGAN, Lin et al., 2018, https://arxiv.org/abs/1712.04086).
        augment: of "color", "translation" and "cutout", what is done to all images D sees, through
            which G learns: for small data sets (Zhao et al., 2020,
            https://arxiv.org/abs/2006.10738); or "bgc", StyleGAN2-ADA's "blit", "geometry" and
            "color_transform" (Karras et al., 2020, https://arxiv.org/abs/2006.06676).
        augment_probability: of each of them for each image.
        ada_target: where above 0 that probability starts at 0 and follows how far D overfits, this
            mean sign of its logits on real images (Karras et al., 2020,
            https://arxiv.org/abs/2006.06676, section 3.1; there 0.6).
        gradient_penalty: weight of `keras_gans.penalties.gradient_penalty`, 10 in WGAN-GP: D's
            slope is 1 between real and generated images.
        r1: weight of `r1_penalty`: D is flat at real images, which lets games converge.
        r2: weight of `r2_penalty`: D is flat at generated images.
        dragan: weight of `dragan_penalty`, 10 in its paper: D's slope is 1 around real images.
        penalty_interval: steps from one penalty to the next, each this much heavier (Karras et
            al., 2020, https://arxiv.org/abs/1912.04958, section 3.1): nearly as good, and cheaper.
        clip: D's weights are kept within +- this (WGAN; 0.01 there); 0 for not at all.
        ema_decay: of averaged generator weights, which sample and ship instead of the last ones
            (Yazici et al., 2018, https://arxiv.org/abs/1806.04498); 0 for none.
        ema_kimg: the same as a half-life in thousands of real images, whatever the batch size
            (Karras et al., 2018, https://arxiv.org/abs/1710.10196: 10); 0 for none.

    Raises:
        ValueError: for a value that cannot be, or tricks that make no sense together, with the
            reason.
    """

    objective: str = "non_saturating"
    discriminator_steps: int = 1
    balance: float = 0.0
    discriminator_optimizer: str | None = None
    latent_distribution: str = "normal"
    label_smoothing: float = 0.0
    label_flipping: float = 0.0
    instance_noise: float = 0.0
    instance_noise_steps: int = 0
    batch_norm: str = "apart"
    replay: int = 0
    packing: int = 1
    augment: tuple[str, ...] = ()
    augment_probability: float = 1.0
    ada_target: float = 0.0
    gradient_penalty: float = 0.0
    r1: float = 0.0
    r2: float = 0.0
    dragan: float = 0.0
    penalty_interval: int = 1
    clip: float = 0.0
    ema_decay: float = 0.0
    ema_kimg: float = 0.0

    def __post_init__(self):
        object.__setattr__(self, "augment", as_policy(self.augment))
        self._check_choices()
        self._check_ranges()
        self._check_combinations()

    @classmethod
    def names(cls):
        """Names of all tricks, the constructor arguments."""
        return tuple(field.name for field in dataclasses.fields(cls))

    @property
    def has_penalty(self):
        """Whether D's slope is penalised."""
        return any(getattr(self, name) for name in PENALTIES)

    @property
    def averages(self):
        """Whether the generator's weights are averaged."""
        return bool(self.ema_decay or self.ema_kimg)

    def as_config(self):
        """Plain JSON: `Tricks(**config)` is equal to this one."""
        return {**dataclasses.asdict(self), "augment": list(self.augment)}

    def _check_choices(self):
        choices = {
            "objective": OBJECTIVES,
            "latent_distribution": DISTRIBUTIONS,
            "batch_norm": BATCH_NORMS,
            "discriminator_optimizer": (None, "sgd"),
        }
        for name, allowed in choices.items():
            if getattr(self, name) not in tuple(allowed):
                raise ValueError(
                    f"`{name}` must be one of {list(allowed)}. Received: {getattr(self, name)!r}"
                )

    def _check_ranges(self):
        for name in ("discriminator_steps", "packing", "penalty_interval"):
            check_positive(name, getattr(self, name))
        for name in ("replay", "instance_noise_steps"):
            check_positive(name, getattr(self, name), least=0)
        for name in ("instance_noise", "clip", "ema_kimg", *PENALTIES):
            self._check_range(name, 0.0, float("inf"))
        for name, most in (("label_smoothing", 0.5), ("label_flipping", 0.5), ("ada_target", 1.0)):
            self._check_range(name, 0.0, most)
        for name in ("balance", "augment_probability"):
            self._check_range(name, 0.0, 1.0)
        if not is_number(self.ema_decay) or not 0.0 <= self.ema_decay < 1.0:
            raise ValueError(f"`ema_decay` must be in [0, 1). Received: {self.ema_decay!r}")

    def _check_range(self, name, low, high):
        value = getattr(self, name)
        if not is_number(value) or not low <= value <= high:
            allowed = f"from {low:g} to {high:g}"
            if high == float("inf"):
                allowed = f"a finite number of at least {low:g}"
            raise ValueError(f"`{name}` must be {allowed}. Received: {value!r}")

    def _check_combinations(self):
        targets = self.label_smoothing or self.label_flipping
        if targets and not OBJECTIVES[self.objective].has_targets:
            raise ValueError(
                f"objective={self.objective!r} has no labels to smooth or flip: its discriminator "
                "learns no fixed answer. Leave out `label_smoothing` and `label_flipping`, or use "
                "non_saturating, minimax or least_squares."
            )
        if self.clip and self.has_penalty:
            penalties = ", ".join(name for name in PENALTIES if getattr(self, name))
            raise ValueError(
                f"`clip` and a penalty ({penalties}) bound the same slope in two ways, and the "
                "penalty was made to replace clipping (Gulrajani et al., 2017). Use one of them."
            )
        if self.ada_target and not self.augment:
            raise ValueError(
                "`ada_target` adapts how often images are augmented, and `augment` is empty. Add "
                "augment=('color', 'translation')."
            )
        if self.ada_target and OBJECTIVES[self.objective].boundary is None:
            raise ValueError(
                "`ada_target` reads off the sign of D's logits on real images how far D overfits; "
                f"with objective={self.objective!r} the sign means nothing. Use "
                "augment_probability."
            )
        if self.ada_target and self.augment_probability != 1.0:
            raise ValueError(
                "`ada_target` finds out how often images are augmented, and `augment_probability` "
                "says it. Use one of them."
            )
        if 0.0 < self.balance < 0.5:
            raise ValueError(
                "`balance` is the share of images D may judge rightly before it pauses, and a D "
                f"that guesses has 0.5: it would never learn. Received: {self.balance!r}; use 0.6 "
                "to 0.9."
            )
        if self.augment_probability != 1.0 and not self.augment:
            raise ValueError(
                "`augment_probability` says how often images are augmented, and `augment` is "
                "empty. Add augment=('color', 'translation')."
            )
        if self.ema_decay and self.ema_kimg:
            raise ValueError(
                "`ema_decay` and `ema_kimg` say the same in two units, of steps and of images. Use "
                f"one of them. Received: {self.ema_decay} and {self.ema_kimg}."
            )
        if self.penalty_interval > 1 and not self.has_penalty:
            raise ValueError(
                "`penalty_interval` says how often D's slope is penalised, and no penalty is on. "
                f"Add one of {', '.join(PENALTIES)}."
            )
        if self.instance_noise_steps and not self.instance_noise:
            raise ValueError(
                "`instance_noise_steps` says how long `instance_noise` falls, which is 0. Add "
                "instance_noise=0.1."
            )
