"""The editing game: a picture with labels, and one generator that gives it others.

    repeat `discriminator_steps` times:   D learns from real pictures, their labels and edited ones
    then:                                 G learns from D's judgement, and to find its way back

The labels a picture is to get are those of another picture of the batch. A family states both
losses.
"""

import numpy as np
import tensorflow as tf

from keras_gans.core.model import GAN
from keras_gans.core.scaling import scaled
from keras_gans.core.signature import Image, Labels, Signature, label_roles
from keras_gans.games.conditioned import Conditioned
from keras_gans.games.loss import rows
from keras_gans.utils.checks import check_choice

_SEEN_AT_ONCE = 64


class EditingGAN(Conditioned, GAN):
    """A game of one generator of pictures from pictures and labels, and one discriminator.

    A family sets `image_size` and `image_channels`, calls `set_conditions`, builds `generator`
    (inputs `source` and labels) and `discriminator` (outputs logits, and logits of the labels'
    code), and states `discriminator_loss` and `generator_loss`.

    Args:
        **kwargs: those of `keras_gans.GAN`.
    """

    batch_size = 16
    logged: tuple[str, ...] = ("loss", "generator_loss", "discriminator_loss")

    #: What the sides of pictures to edit must be a multiple of.
    stride = 1

    #: What the sides of pictures to edit must be at least.
    smallest = 1

    image_size: int
    image_channels: int

    def discriminator_loss(self, source, labels, fake, draw):
        """The paper's loss of D.

        Args:
            source: real pictures, (N, H, W, C).
            labels: theirs, (N,) or (N, columns).
            fake: the pictures, edited; G is not moved.
            draw: number of the update within the step, to draw noise by.

        Returns:
            A `Loss`.
        """
        raise NotImplementedError(f"{type(self).__name__} must state its discriminator's loss.")

    def generator_loss(self, source, targets, fake, cycled):
        """The paper's loss of G.

        Args:
            source: real pictures, (N, H, W, C).
            targets: the labels they are to get.
            fake: the pictures, edited.
            cycled: the edited pictures, given their first labels again.

        Returns:
            A `Loss`.
        """
        raise NotImplementedError(f"{type(self).__name__} must state its generator's loss.")

    def batch_roles(self):
        side = self.image_size
        source = Image(side, side, self.image_channels)
        return {"source": source, self.conditions.name: Labels(self.conditions)}

    def signature(self):
        channels, trained = self.image_channels, (self.image_size, self.image_size)
        free = Image(*(None, None, channels, self.stride), smallest=self.smallest, trained=trained)
        inputs = {"source": free, **label_roles(self.conditions)}
        return {"generator": Signature(inputs, {"target": Image(None, None, channels)})}

    def networks_to_export(self):
        return {"generator": self.conditions.to_export(self.generator)}

    def train_step(self, batch):
        parts = self.discriminator_batches(self.checked(batch))
        for draw, (source, labels) in enumerate(parts):
            targets = self.targets(labels, draw)
            fake = self.generator([source, targets], training=True)
            with tf.GradientTape() as tape:
                judged = self.discriminator_loss(source, labels, fake, draw)
            self.update("discriminator", judged.value, tape)

        with tf.GradientTape() as tape:  # of the last update's pictures, as in the reference
            fake = self.generator([source, targets], training=True)
            cycled = self.generator([fake, labels], training=True)
            loss = self.generator_loss(source, targets, fake, cycled)
        self.update("generator", loss.value, tape)

        return self.report(
            generator_loss=loss.value, discriminator_loss=judged.value, **loss.logs, **judged.logs
        )

    def targets(self, labels, draw):
        """The labels of a batch's pictures in another order.

        Args:
            labels: (N,) or (N, columns).
            draw: number of the update within the step.
        """
        return tf.gather(labels, tf.argsort(self.uniform((rows(labels),), "targets", draw)))

    def call(self, inputs, training=False):
        return self.generator(inputs, training=training)

    # === Pictures ===

    def translate(
        self,
        images,
        *,
        labels=None,
        attributes=None,
        source_labels=None,
        direction=None,
        size=None,
    ):
        """Pictures with some of their labels changed, any size.

        Labels that are not named stay what they are. What they are is said by `source_labels`, as
        of a data set, or else is what the discriminator sees in the pictures: look whether it sees
        rightly with `seen`.

        Args:
            images: float (N, H, W, channels) in [-1, 1], or one picture (H, W, channels).
            labels: class to change to, by name or number, one for all pictures or one for each;
                of several heads `{"hair_color": "pink"}`, others stay, or one class of each head.
            attributes: attributes to change: `{"glasses": True}`, whose values may be one for each
                picture, or `["glasses", "!smile"]`, others stay; or 0 and 1 for all attributes,
                (attributes,) or (N, attributes).
            source_labels: integers (N,) or (N, columns), the pictures' labels as they are, in the
                form of a batch of data. Default: what `seen` says.
            direction: "ab", which all of these are; given only to make sure of it.
            size: "trained", also where not given, scales pictures to the size the model was
                trained at, and back; "own" leaves them as they are, but for sides that are no
                multiple of `stride` or smaller than `smallest`, which are padded by reflection
                and cropped back.

        Returns:
            float32, shaped like `images`.

        Raises:
            ValueError: for another shape or size, values outside [-1, 1], or labels that are not
                known, cannot be, or are not as many as pictures.
        """
        check_choice("direction", direction or "ab", ("ab",))
        batch = self.pictures_to_translate("generator", images)
        present = self.seen(batch) if source_labels is None else np.asarray(source_labels)
        if len(np.atleast_1d(present)) != len(batch):
            raise ValueError(
                "`source_labels` must have a row for each picture. Received: "
                f"{np.shape(present)} for {len(batch)} pictures."
            )
        self.conditions.check(present)
        wanted = self.changed(present, labels, attributes)
        return self.in_full("generator", images, size=size, beside=[wanted])

    def seen(self, images):
        """Labels of pictures, as the discriminator sees them.

        Args:
            images: as of `translate`.

        Returns:
            int32 (N,) or (N, columns), in the form of a batch of data.

        Raises:
            ValueError: for another shape, or values outside [-1, 1].
        """
        batch = self.pictures_to_translate("generator", images)
        sides = (self.image_size, self.image_size)
        fitted = np.stack([scaled(picture, sides) for picture in batch]).astype("float32")
        logits = [
            np.asarray(self.discriminator(fitted[start : start + _SEEN_AT_ONCE], training=False)[1])
            for start in range(0, len(fitted), _SEEN_AT_ONCE)
        ]
        return self.conditions.seen(np.concatenate(logits))

    def generate(self, images, **how):  # type: ignore[override]
        return self.translate(images, **how)

    def side_by_side(self, batch):
        """Columns of a grid: the pictures, each class of each head, each attribute turned.

        Args:
            batch: as `batch_spec` says.

        Returns:
            A list of float32 arrays (N, H, W, channels).
        """
        images, labels = map(np.asarray, batch)
        edited = [self.in_chunks(self.generator, images, one) for one in self._edits(labels)]
        return [images, *edited]

    def _edits(self, labels):
        """The labels of a batch with one column changed, for each way to change one."""
        columns = labels if self.conditions.in_columns else labels[:, None]
        heads = len(self.conditions.heads)
        for column, limit in enumerate(self.conditions.limits):
            values = [1 - columns[:, column]] if column >= heads else range(limit)
            for value in values:
                changed = columns.copy()
                changed[:, column] = value
                yield changed if self.conditions.in_columns else changed[:, 0]
