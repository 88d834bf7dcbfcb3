"""The adversarial game: pictures from latents against a discriminator.

    repeat `discriminator_steps` times:   D learns from real images and from generated ones
    then:                                 G learns from D's judgement

A family states its two losses, in terms of `judge`; `AdversarialGAN.train_step` plays. In
`ConditionalGAN` images have labels: the same game, whose samples carry them along.

What D is shown is made in `views.py`, losses are added up in `objective.py` and regularized in
`regularizers.py`, weights are averaged in `averaging.py`, pictures are sampled in `sampling.py`.
"""

import contextlib

import keras
import tensorflow as tf
from keras import ops

from keras_gans import augment
from keras_gans.core.model import GAN
from keras_gans.core.signature import Image, Labels, Latent, Signature, label_roles
from keras_gans.games import views
from keras_gans.games.averaging import AveragedGenerator
from keras_gans.games.conditioned import Conditioned
from keras_gans.games.discriminator_checks import DiscriminatorChecks
from keras_gans.games.loss import Samples, joined, rows
from keras_gans.games.objective import PlayersLosses
from keras_gans.games.sampling import LatentSampling
from keras_gans.games.tricks import Tricks
from keras_gans.layers import ImagePool, spectral_norm
from keras_gans.utils.checks import check_positive

_LEAD_MEMORY = 0.9


class AdversarialGAN(PlayersLosses, AveragedGenerator, LatentSampling, DiscriminatorChecks, GAN):
    """A game of one generator of latents and one discriminator.

    A family sets `image_size`, `image_channels` and `latent_dim`, builds its networks, gives them
    to `set_players`, and states `discriminator_loss` and `generator_loss`:

        class WGAN(AdversarialGAN):
            paper_tricks = {"objective": "wasserstein", "discriminator_steps": 5, "clip": 0.01}

            def discriminator_loss(self, real, fake):
                real_logits, fake_logits = self.judge_both(real, fake)
                return Loss(losses.wasserstein(real_logits, fake_logits), real_logits, fake_logits)

            def generator_loss(self, real, fake):
                return Loss(losses.wasserstein_generator(self.judge(fake)))

    The practitioner's tricks are arguments of the constructor. They act on what D sees
    (`games/views.py`) and on what is added to its loss (`games/regularizers.py`), and a family
    without tricks has none in its code.

    Args:
        **kwargs: the tricks, see `keras_gans.games.tricks.Tricks`, and those of `keras_gans.GAN`.

    Raises:
        ValueError: for tricks that cannot be, alone, together or with this family's networks.
    """

    #: Tricks the family's paper plays with; arguments of the constructor replace them.
    paper_tricks: dict = {}

    #: Names of further constructor arguments.
    extra_arguments = Tricks.names()

    #: Whether G learns from the very fakes that D has just learned from, or from fresh ones.
    shares_fakes = False

    #: Fresh fakes that G learns from, as a multiple of D's batch.
    generator_batches = 1

    #: Whether D's real images of 256 levels are spread over the steps between these.
    dequantises = False

    #: Weight of D's loss where `objective` replaces the family's own.
    discriminator_loss_weight = 1.0

    #: Regularizers that stand in the family's own loss, not added to it by the game.
    own_regularizers: tuple[str, ...] = ()

    def __init__(self, **kwargs):
        given = {name: kwargs.pop(name) for name in Tricks.names() if name in kwargs}
        tricks = Tricks(**{**self.paper_tricks, **given})
        super().__init__(**kwargs)
        self.tricks = tricks
        self.discriminator_steps, self.packing = tricks.discriminator_steps, tricks.packing
        self.lead = self._state("lead", 0.5 if tricks.balance else None)
        self.probability = self._state("augment_probability", 0.0 if tricks.ada_target else None)

    def _state(self, name, start):
        if start is None:
            return None
        return self.add_weight(
            shape=(),
            initializer=keras.initializers.Constant(start),
            trainable=False,
            name=name,
            aggregation="mean",
        )

    # === What a family states ===

    def discriminator_loss(self, real, fake):
        """The paper's loss of D.

        Args:
            real: `Samples` as D sees them.
            fake: generated ones; G is not moved.

        Returns:
            A `Loss` with D's logits.
        """
        raise NotImplementedError(f"{type(self).__name__} must state its discriminator's loss.")

    def generator_loss(self, real, fake):
        """The paper's loss of G, judged by D as it is now.

        Args:
            real: `Samples` as D sees them.
            fake: generated ones, through which G learns.

        Returns:
            A `Loss`.
        """
        raise NotImplementedError(f"{type(self).__name__} must state its generator's loss.")

    def generator_penalty(self, real):
        """What G's loss gets besides, whatever the objective; nothing (None) in most families.

        Args:
            real: `Samples` as D sees them, for their number and labels.
        """
        return None

    def set_players(self, generator, discriminator):
        """Sets the networks, checks them against the tricks and adds what these need.

        Raises:
            ValueError: for latents of no length, or a discriminator that the tricks cannot be
                played with.
        """
        self.generator, self.discriminator = generator, discriminator
        check_positive("latent_dim", self.latent_dim)
        self._check_discriminator()
        if self.tricks.replay:
            *sides, channels = self.image.spec(None, "image").shape[1:]
            shape = (*sides, channels + sum(self.label_widths))
            self.pool = ImagePool(self.tricks.replay, shape)
        self.average_generator()
        self.built = True

    # === Roles ===

    @property
    def image(self):
        """The role of the pictures."""
        return Image(self.image_size, self.image_size, self.image_channels)

    @property
    def judged_channels(self):
        """Channels of what D sees: those of a picture, times `packing`."""
        return self.image_channels * self.tricks.packing

    @property
    def label_widths(self):
        """Values of one image's labels, for each tensor of labels."""
        labels = [r for r in self.batch_roles().values() if isinstance(r, Labels)]
        specs = [role.spec(None, "label") for role in labels]
        return [tf.TensorShape(spec.shape[1:]).num_elements() for spec in specs]

    def batch_roles(self):
        return {"image": self.image}

    def signature(self):
        latent_role = Latent(self.latent_dim, self.tricks.latent_distribution)
        inputs = {"latent": latent_role, **label_roles(self.conditions)}
        return {"generator": Signature(inputs, {"image": self.image})}

    @property
    def networks(self):
        averaged = {"generator_ema": self.generator_ema} if self.tricks.averages else {}
        return {**super().networks, **averaged}

    # === The game ===

    def train_step(self, batch):
        batches = self.discriminator_batches(self.checked(batch))
        self._update_spectral_norms()
        for draw, part in enumerate(batches):
            real = self._samples(part, draw)
            tape = tf.GradientTape() if self.shares_fakes else contextlib.nullcontext()
            with tape:
                fake = self.generated(real)
            if self.dequantises:
                real = views.dequantised(self, real)
            judged = self._update_discriminator(real, fake)
        self._update_augment_probability(judged.real)

        last = len(batches)
        real = Samples(real.images, real.labels, last)
        if self.shares_fakes:
            fake = Samples(fake.images, fake.labels, last)
        else:
            tape = tf.GradientTape()
        with tape:  # of shared fakes, it goes on from where it has recorded them
            if not self.shares_fakes:
                fake = self.generated(real, self._generator_batches())
            loss = self._loss_of_generator(views.discriminator_view(self, real, "real"), fake)
        self.update("generator", loss.value, tape)
        self._average(real.count * last)

        return self.report(
            generator_loss=loss.value,
            discriminator_loss=judged.value,
            real_logits=judged.real,
            fake_logits=judged.fake,
            **judged.logs,
            **loss.logs,
        )

    def _update_discriminator(self, real, fake):
        real_view = views.discriminator_view(self, real, "real")
        fake_view = views.discriminator_view(self, views.replayed(self, fake), "fake")
        with tf.GradientTape() as tape:
            loss = self._loss_of_discriminator(real_view, fake_view)
        self.update("discriminator", loss.value, tape)
        return loss

    def _generator_batches(self):
        # A relativistic objective pairs fakes with real images, of which there are no more.
        return 1 if self.objective.is_relativistic else self.generator_batches

    def _samples(self, batch, draw):
        if isinstance(batch, tuple):
            images, *labels = batch
            return Samples(images, labels[0] if len(labels) == 1 else tuple(labels), draw)
        return Samples(batch, None, draw)

    # === Play ===

    def latents(self, count, draw=0):
        """(count, latent_dim) of this training step, normal or U(-1, 1)."""
        if self.tricks.latent_distribution == "normal":
            return self.normal((count, self.latent_dim), draw)
        shape = (count, self.latent_dim)
        return tf.random.stateless_uniform(shape, self.step_seed(draw), -1.0, 1.0)

    def generated(self, like, batches=1):
        """G's images of fresh latents, with the labels of `like`, `batches` times as many rows."""
        count, labels = like.count * batches, like.labels
        if labels is not None and batches > 1:
            labels = tf.nest.map_structure(lambda leaf: tf.concat([leaf] * batches, 0), labels)
        return Samples(self.generate_to_learn(count, labels, like.draw), labels, like.draw)

    def generate_to_learn(self, count, labels, draw):
        """G's images (count, ...) of fresh latents, in training; of these labels, where any."""
        latents = self.latents(count, draw)
        inputs = latents if labels is None else [latents, *tf.nest.flatten(labels)]
        return self.generator(inputs, training=True)

    # === Judge ===

    def judge(self, samples):
        """What D says of images as it sees them; with their labels where it takes them."""
        inputs = samples.images
        if samples.labels is not None and len(self.discriminator.inputs) > 1:
            inputs = [inputs, *tf.nest.flatten(samples.labels)]
        return self.discriminator(inputs, training=True)

    def judge_both(self, real, fake):
        """What D says of real and of generated images.

        Apart where batch norm is, so that it sees real and generated statistics separately:
        otherwise D would read the difference off them.
        """
        if self.tricks.batch_norm == "apart":
            return self.judge(real), self.judge(fake)
        labels = None
        if real.labels is not None:
            labels = tf.nest.map_structure(joined, real.labels, fake.labels)
        said = self.judge(Samples(joined(real.images, fake.images), labels))
        count = real.count
        return (
            tf.nest.map_structure(lambda tensor: tensor[:count], said),
            tf.nest.map_structure(lambda tensor: tensor[count:], said),
        )

    def slope_logits(self, samples):
        """The logits whose slopes are penalised: D's first output, where it has several."""
        said = self.judge(samples)
        return said[0] if isinstance(said, (list, tuple)) else said

    # === Learn ===

    def update(self, player, loss, tape):
        """`GAN.update`; D pauses when it is ahead (`balance`), and its weights are clipped."""
        if player == "discriminator" and self.tricks.balance:
            self._update_unless_ahead(player, loss, tape)
        else:
            super().update(player, loss, tape)
        if player == "discriminator" and self.tricks.clip:
            for variable in self.variables_of(player):
                variable.assign(ops.clip(variable, -self.tricks.clip, self.tricks.clip))

    def _update_unless_ahead(self, player, loss, tape):
        if tf.distribute.get_strategy().num_replicas_in_sync > 1:
            raise ValueError(
                "`balance` pauses D by what one device sees, and devices would disagree. Use "
                "balance=0 on several devices."
            )
        gradients = self.gradients(player, loss, tape)

        def learn():
            self.apply_gradients(player, gradients)
            return tf.constant(True)

        behind = tf.convert_to_tensor(self.lead.value) <= self.tricks.balance
        tf.cond(behind, learn, lambda: tf.constant(False))

    def _update_spectral_norms(self):
        """Once a step, before D learns: one power iteration of every spectral norm."""
        # Not without a batch, see `checked`.
        with tf.control_dependencies([tf.convert_to_tensor(self.step.value)]):
            for network in (self.generator, self.discriminator):
                spectral_norm.power_iteration(network)

    def _update_augment_probability(self, real_logits):
        """After the updates of D: how often images are augmented from now on (ADA)."""
        if self.tricks.ada_target:
            replicas = tf.distribute.get_strategy().num_replicas_in_sync
            size = rows(real_logits) * self.tricks.packing * self.discriminator_steps * replicas
            self.probability.assign(
                augment.adaptive_probability(
                    tf.convert_to_tensor(self.probability.value),
                    tf.sign(real_logits - self.objective.boundary),
                    tf.cast(size, tf.float32),
                    target=self.tricks.ada_target,
                )
            )

    def report(self, *, real_logits, fake_logits, **values):  # type: ignore[override]
        """`GAN.report`, with the shares of images D judges rightly worked out from its logits."""
        boundary = self.objective.boundary
        over = ops.mean(fake_logits) if boundary is None else boundary
        under = ops.mean(real_logits) if boundary is None else boundary
        real_accuracy = ops.mean(ops.cast(real_logits > over, "float32"))
        fake_accuracy = ops.mean(ops.cast(fake_logits < under, "float32"))
        if self.lead is not None:
            now = 0.5 * (real_accuracy + fake_accuracy)
            self.lead.assign(_LEAD_MEMORY * self.lead + (1.0 - _LEAD_MEMORY) * now)
        return super().report(real_accuracy=real_accuracy, fake_accuracy=fake_accuracy, **values)

    def adjusted(self, optimizers):
        """The family's optimizers with what the tricks change of them."""
        if self.tricks.discriminator_optimizer == "sgd":
            optimizers["discriminator"] = keras.optimizers.SGD(0.01, name="discriminator")
        return super().adjusted(optimizers)

    # === Pictures ===

    def networks_to_export(self):
        self.refresh()
        return {"generator": spectral_norm.folded(self.sampling_network)}

    def get_config(self):
        return {**super().get_config(), **self.tricks.as_config()}


class ConditionalGAN(Conditioned, AdversarialGAN):
    """The adversarial game with labels: classes of one head or several, and binary attributes.

    A family's constructor takes `num_classes` and `num_attributes`, gives them to
    `set_conditions`, and builds its networks from what that returns. `real.labels` and
    `fake.labels` are those of the images; D is given them where it has an input for them.
    """

    def batch_roles(self):
        return {"image": self.image, self.conditions.name: Labels(self.conditions)}

    def draw_labels(self, count, seed):
        return [self.conditions.draw(count, seed)]

    def networks_to_export(self):
        (network,) = super().networks_to_export().values()
        return {"generator": self.conditions.to_export(network)}

    def sample(
        self,
        count=None,
        *,
        labels=None,
        attributes=None,
        seed=None,
        latents=None,
        truncation=None,
    ):
        """Generated pictures of the classes and attributes asked for.

        Args:
            count: how many; 16, or as many as there are labels or latents, where not given.
            labels: the class of each picture, or one class for all, by number or by name
                ("Bag"); the classes in turn where not given. With several heads (N, heads), or
                (heads,) for all; by name "Dress,red", or ("Dress", "red").
            attributes: 0 or 1, (N, attributes), or (attributes,) for all; by name
                {"Smiling": True}, whose values may be one for each picture, or
                ["Smiling", "!Male"], the others being off. Where not given off; in a model of
                nothing else all off, then each alone, in turn.
            seed: for the latents; another draw each call where not given.
            latents: (N, latent_dim) to use instead of drawing.
            truncation: draw latents' numbers beyond this again, see `keras_gans.latent.draw`.

        Returns:
            float32 (N, image_size, image_size, image_channels) in [-1, 1].

        Raises:
            ValueError: for labels outside the classes, attributes other than 0 and 1, or not as
                many as pictures; for names that `model.label_names` does not have; for a
                truncation below 0.1, of uniform or of given latents.
        """
        labels, attributes = self.numbered(labels, attributes)
        labels = self.conditions.each(labels, attributes, count=count, latents=latents)
        latents = self._given_or_drawn(latents, len(labels), seed, truncation)
        self.refresh()
        return self.in_chunks(self.sampling_network, latents, labels)
