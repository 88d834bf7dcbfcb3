"""Refusals of discriminators that a game's tricks cannot be played with."""

from keras_gans import penalties
from keras_gans.core.mixin import Mixin
from keras_gans.layers import BatchNorm, spectral_norm


class DiscriminatorChecks(Mixin):
    """Checks a discriminator against the tricks. Mixed into `AdversarialGAN`."""

    def _check_discriminator(self):
        layers = self.discriminator._flatten_layers(include_self=False)
        normed = [layer for layer in layers if isinstance(layer, BatchNorm)]
        if normed and self.tricks.gradient_penalty:
            raise ValueError(
                "`gradient_penalty` asks for the slope at each single image, and batch norm "
                f"(layer {normed[0].name!r}) makes every logit depend on the whole batch. Use "
                "discriminator_norm='layer', 'spectral' or 'none', where the family has it, or "
                "another family, such as wgan_gp."
            )
        spectral = spectral_norm.spectral_layers(self.discriminator)
        if spectral and self.tricks.clip:
            raise ValueError(
                "`clip` bounds weights that spectral norm divides by their own size again (layer "
                f"{spectral[0].name!r}): clipping would change nothing but the step size. Use one "
                "of them."
            )
        if not self.takes_objectives and not self._plays_its_own:
            raise ValueError(
                "`objective`, `label_smoothing` and `label_flipping` put another loss in place of "
                f"the family's own, and {type(self).__name__}'s has further terms that would be "
                "lost. Leave them out, or use a family whose D only says real or generated."
            )
        if self.tricks.packing > 1 and self.conditions:
            raise ValueError(
                "`packing` judges several images at once, which here would have labels of their "
                "own. Use packing=1 with families that have labels."
            )
        if self.tricks.has_penalty:
            penalties.require_second_order(self.discriminator)
