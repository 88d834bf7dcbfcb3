"""The game of holes: part of a picture is hidden, and a generator fills it in.

Where the holes are is drawn anew in every step. D learns to tell pictures from filled ones, then G
learns from D as just updated and from the picture itself. A family states both losses.
"""

import keras
import numpy as np
import tensorflow as tf

from keras_gans.core import masks as holes_of
from keras_gans.core.holes import Holes
from keras_gans.core.model import GAN
from keras_gans.core.pairs import Pairs
from keras_gans.core.signature import Image, Mask, Signature, takes_masks
from keras_gans.games.loss import rows
from keras_gans.layers import FillHoles
from keras_gans.utils.checks import check_choice


class InpaintingGAN(GAN):
    """A game of one generator that fills holes and one discriminator.

    A family sets `image_size` and `image_channels` and its networks, `generator` (inputs `source`
    and, unless its holes are always the same, `mask`) and `discriminator`, and states
    `discriminator_loss` and `generator_loss`.

    Args:
        **kwargs: those of `keras_gans.GAN`.
    """

    logged: tuple[str, ...] = (*GAN.logged, "adversarial_loss")

    #: What the sides of pictures to fill must be a multiple of.
    stride = 1

    image_size: int
    image_channels: int

    def discriminator_loss(self, source, holes, painted):
        """The paper's loss of D.

        Args:
            source: pictures without a hole, (N, side, side, C).
            holes: (N, side, side, 1), 1 in the hole.
            painted: what the generator gives for them; G is not moved.

        Returns:
            A `Loss` with D's logits.
        """
        raise NotImplementedError(f"{type(self).__name__} must state its discriminator's loss.")

    def generator_loss(self, source, holes, painted):
        """The paper's loss of G; arguments as of `discriminator_loss`."""
        raise NotImplementedError(f"{type(self).__name__} must state its generator's loss.")

    def composed(self, inputs, painted):
        """The pictures with what was painted in their holes, and nowhere else.

        Args:
            inputs: list of what the generator takes.
            painted: what it gave.

        Returns:
            float32, of the pictures' shape; symbolic of what is symbolic, by the name "target".
        """
        return FillHoles(dtype="float32", name="target")([*inputs, painted])

    def holes(self, count, seed):
        """Holes to learn from and to be measured by, drawn in or outside a graph.

        Args:
            count: how many.
            seed: integers (2,); the same seed, the same holes.

        Returns:
            float32 (count, side, side, 1): 1 in the hole, 0 where the picture is known.
        """
        return holes_of.draw(count, self.image_size, self.image_size, seed)

    def batch_roles(self):
        return {"source": Image(self.image_size, self.image_size, self.image_channels)}

    def signature(self):
        sides = (self.image_size, self.image_size)
        free = Image(None, None, self.image_channels, self.stride, trained=sides)
        inputs = {"source": free, "mask": Mask(None, None)}
        return {"generator": Signature(inputs, {"target": Image(None, None, self.image_channels)})}

    def networks_to_export(self):
        inputs = self.generator.inputs
        target = self.composed(inputs, self.generator.outputs[0])
        inputs = inputs if len(inputs) > 1 else inputs[0]
        return {"generator": keras.Model(inputs, target, name="generator")}

    def called_network(self):
        return self.networks_to_export()["generator"]

    def default_measures(self):
        return [Pairs(), Holes()]

    def train_step(self, batch):
        source = self.checked(batch)
        holes = self.holes(rows(source), self.stream_seed("holes"))

        with tf.GradientTape() as generator_tape:
            painted = self.generator(self.fed(source, holes), training=True)
        with tf.GradientTape() as discriminator_tape:
            judged = self.discriminator_loss(source, holes, painted)
        self.update("discriminator", judged.value, discriminator_tape)

        with generator_tape:  # goes on from what it has recorded
            loss = self.generator_loss(source, holes, painted)
        self.update("generator", loss.value, generator_tape)

        return self.report(generator_loss=loss.value, **judged.verdict(), **loss.logs)

    def fed(self, source, holes):
        """What the generator takes: pictures, and their holes unless these are always the same."""
        return [source, holes] if takes_masks(self) else source

    def call(self, inputs, training=False):
        return self.composed(keras.tree.flatten(inputs), self.generator(inputs, training=training))

    # === Pictures ===

    def inpaint(self, images, masks=None, *, size=None):
        """Pictures with their holes filled in, any size; known pixels come back as they were.

        What the pictures hold in the hole has no effect on the result.

        Args:
            images: float (N, H, W, channels) in [-1, 1], or one picture (H, W, channels).
            masks: where the holes are: booleans, or numbers 0 and 1, of the pictures' size,
                (N, H, W) or (N, H, W, 1), of one picture (H, W) or (H, W, 1). True and 1 are in
                the hole. Left out for models whose hole is always the same.
            size: "trained", also where not given, scales pictures to the size the model was
                trained at, and what is filled in back; "own" leaves them as they are, but for
                sides that are no multiple of `stride`, which are padded by reflection.

        Returns:
            float32, shaped like `images`.

        Raises:
            ValueError: for another shape or size, values outside [-1, 1], or masks that are
                missing, of another size, not two-valued, without a hole, or not taken.
        """
        batch = self.pictures_to_translate("generator", images)
        if takes_masks(self) and masks is None:
            raise ValueError(
                f"{self.name} fills holes and must be told where they are: give `masks`, of the "
                "pictures' size, 1 in the hole (--mask FILE, white in the hole)."
            )
        if not takes_masks(self) and masks is not None:
            raise ValueError(
                f"{self.name} always fills the same hole, in the middle of a picture, and takes "
                "no masks: leave `masks` (--mask) out, or use a model such as `inpainting`."
            )
        batch = batch.astype("float32")
        filled = self.filled(batch, None if masks is None else holes_of.checked(masks, batch), size)
        return filled[0] if np.ndim(images) == 3 else filled

    def filled(self, batch, holes, size):
        """`inpaint` of a batch, its holes (N, H, W, 1) of 0 and 1, or None."""
        painted = self.in_full("generator", batch, size=size, beside=[holes])
        return np.where(holes > 0, painted, batch)

    def translate(self, images, *, masks=None, direction=None, size=None):
        """`inpaint`, by the name that all models which take pictures share.

        Args:
            images: as of `inpaint`.
            masks: as of `inpaint`.
            direction: "ab", which all of these are; given only to make sure of it.
            size: as of `inpaint`.

        Returns:
            float32, shaped like `images`.

        Raises:
            ValueError: as `inpaint`, or for another direction.
        """
        check_choice("direction", direction or "ab", ("ab",))
        return self.inpaint(images, masks, size=size)

    def generate(self, images, **how):  # type: ignore[override]
        return self.inpaint(images, **how)

    def side_by_side(self, batch):
        """Columns of a grid: pictures with a hole, the same filled in, the true pictures.

        Args:
            batch: as `batch_spec` says; every time the same holes are drawn.

        Returns:
            A list of three float32 arrays (N, H, W, channels).
        """
        source = np.asarray(batch)
        holes = np.asarray(self.holes(len(source), (0, 0)))
        masks = {"masks": holes} if takes_masks(self) else {}
        return [source * (1.0 - holes), self.inpaint(source, **masks), source]
