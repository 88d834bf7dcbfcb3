"""What the players minimise: the family's own losses or another objective, and regularizers."""

import tensorflow as tf

from keras_gans.core.mixin import Mixin
from keras_gans.games import views
from keras_gans.games.loss import Loss
from keras_gans.games.regularizers import REGULARIZERS
from keras_gans.games.tricks import Tricks
from keras_gans.losses import OBJECTIVES


class PlayersLosses(Mixin):
    """Adds up each player's loss. Mixed into `AdversarialGAN`."""

    @property
    def objective(self):
        """The `losses.Objective` the players minimise."""
        return OBJECTIVES[self.tricks.objective]

    #: Whether the family's loss is all of its game, for which no objective can stand in.
    only_its_own_loss = False

    @property
    def takes_objectives(self):
        """Whether another `objective` may stand in for the family's own loss."""
        return len(self.discriminator.outputs) == 1 and not self.only_its_own_loss

    @property
    def _plays_its_own(self):
        paper = Tricks(**self.paper_tricks).objective
        targets = self.tricks.label_smoothing or self.tricks.label_flipping
        return self.tricks.objective == paper and not targets

    def _loss_of_discriminator(self, real, fake):
        own = self._plays_its_own
        loss = self.discriminator_loss(real, fake) if own else self._objective_loss(real, fake)
        weights = {
            name: weight
            for name in REGULARIZERS
            if (weight := getattr(self.tricks, name))
            and not (own and name in self.own_regularizers)
        }
        if weights:
            loss.value += self.penalty_left() * self.lazily(
                lambda: sum(
                    weight * REGULARIZERS[name](self, real, fake)
                    for name, weight in weights.items()
                )
            )
        return loss

    def penalty_left(self):
        """The share of every penalty's weight that is left now; all but where a paper lowers it."""
        return 1.0

    def lazily(self, penalty, interval=None):
        """A penalty that is due every so many steps, each time that much heavier.

        Args:
            penalty: function of no arguments that returns a scalar.
            interval: steps from one to the next; `penalty_interval` where None.

        Reference: Karras et al., 2020, https://arxiv.org/abs/1912.04958 (section 3.1)
        """
        interval = interval or self.tricks.penalty_interval
        if interval == 1:
            return penalty()
        due = tf.equal(tf.convert_to_tensor(self.step.value) % interval, 0)
        return tf.cond(due, lambda: interval * penalty(), lambda: 0.0)

    def _objective_loss(self, real, fake):
        """D's loss by another objective than the family's own, or with labels that are not 0, 1."""
        real_logits, fake_logits = self.judge_both(real, fake)
        targets: tuple = ()
        if self.objective.has_targets:
            smooth = self.tricks.label_smoothing
            targets = (
                self._targets(real_logits, 1.0 - smooth, 0.0, "real_flip", real.draw),
                self._targets(fake_logits, 0.0, 1.0 - smooth, "fake_flip", real.draw),
            )
        value = self.objective.discriminator(real_logits, fake_logits, *targets)
        return Loss(self.discriminator_loss_weight * value, real_logits, fake_logits)

    def _targets(self, logits, right, wrong, stream, draw):
        if not self.tricks.label_flipping:
            return right
        flipped = self.uniform(tf.shape(logits), stream, draw) < self.tricks.label_flipping
        return tf.where(flipped, wrong, right)

    def _loss_of_generator(self, real, fake):
        fake = views.discriminator_view(self, fake, "fake")
        loss = self._judged_loss_of_generator(real, fake)
        penalty = self.generator_penalty(real)
        if penalty is not None:
            loss.value += penalty
        return loss

    def _judged_loss_of_generator(self, real, fake):
        if self._plays_its_own:
            return self.generator_loss(real, fake)
        if not self.objective.is_relativistic:
            return Loss(self.objective.generator(self.judge(fake)))
        real_logits, fake_logits = self.judge_both(real, fake)
        return Loss(self.objective.generator(fake_logits, real_logits))
