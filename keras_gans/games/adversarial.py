"""The adversarial game: pictures from latents against a discriminator.

    repeat `discriminator_steps` times:   D learns from real images and from generated ones
    then:                                 G learns from D's judgement

A family states its two losses, in terms of `judge`; `AdversarialGAN.train_step` plays. In
`ConditionalGAN` images have labels: the same game, whose samples carry them along.
"""

import contextlib

import keras
import tensorflow as tf
from keras import ops

from keras_gans import augment, latent, penalties
from keras_gans.core.conditioning import needed
from keras_gans.core.model import GAN
from keras_gans.core.signature import Image, Labels, Latent, Signature, label_roles
from keras_gans.games import averaging, views
from keras_gans.games.loss import Loss, Samples, joined, rows
from keras_gans.games.regularizers import REGULARIZERS
from keras_gans.games.tricks import Tricks
from keras_gans.layers import BatchNorm, ImagePool, spectral_norm
from keras_gans.losses import OBJECTIVES
from keras_gans.utils.checks import check_positive

_LEAD_MEMORY = 0.9


class AdversarialGAN(GAN):
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
        if self.tricks.averages:
            self.generator_ema = averaging.copy_of(self.generator)
            self._averaged_at = 0
        self.built = True

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
        if len(self.discriminator.outputs) > 1 and not self._plays_its_own:
            raise ValueError(
                "`objective`, `label_smoothing` and `label_flipping` put another loss in place of "
                f"the family's own, and {type(self).__name__}'s has further terms, of D's other "
                "outputs, that would be lost. Leave them out, or use a family whose D has one "
                "output."
            )
        if self.tricks.packing > 1 and self.conditions:
            raise ValueError(
                "`packing` judges several images at once, which here would have labels of their "
                "own. Use packing=1 with families that have labels."
            )
        if self.tricks.has_penalty:
            penalties.require_second_order(self.discriminator)

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
        shares = self.shares(self.checked(batch))
        self._advance()
        for draw, share in enumerate(shares):
            real = self._samples(share, draw)
            tape = tf.GradientTape() if self.shares_fakes else contextlib.nullcontext()
            with tape:
                fake = self.generated(real)
            if self.dequantises:
                real = views.dequantised(self, real)
            judged = self._update_discriminator(real, fake)
        self._adapt(judged.real)

        last = len(shares)
        real = Samples(real.images, real.labels, last)
        if self.shares_fakes:
            fake = Samples(fake.images, fake.labels, last)
        else:
            tape = tf.GradientTape()
        with tape:  # of shared fakes, it goes on from where it has recorded them
            if not self.shares_fakes:
                fake = self.generated(real, self._generator_batches())
            loss = self._loss_of_generator(views.seen(self, real, "real"), fake)
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
        seen_real = views.seen(self, real, "real")
        seen_fake = views.seen(self, views.replayed(self, fake), "fake")
        with tf.GradientTape() as tape:
            loss = self._loss_of_discriminator(seen_real, seen_fake)
        self.update("discriminator", loss.value, tape)
        return loss

    def _generator_batches(self):
        # A relativistic objective pairs fakes with real images, of which there are no more.
        return 1 if self.objective.is_relativistic else self.generator_batches

    def _samples(self, share, draw):
        if isinstance(share, tuple):
            images, *labels = share
            return Samples(images, labels[0] if len(labels) == 1 else tuple(labels), draw)
        return Samples(share, None, draw)

    # === Play ===

    def latents(self, count, draw=0):
        """(count, latent_dim) of this training step, normal or U(-1, 1)."""
        if self.tricks.latent_distribution == "normal":
            return self.normal((count, self.latent_dim), draw)
        shape = (count, self.latent_dim)
        return tf.random.stateless_uniform(shape, self.step_seed(draw), -1.0, 1.0)

    def generated(self, like, batches=1):
        """G's images of fresh latents, with the labels of `like`, `batches` times as many rows."""
        latents = self.latents(like.count * batches, like.draw)
        labels = like.labels
        if labels is not None and batches > 1:
            labels = tf.nest.map_structure(lambda leaf: tf.concat([leaf] * batches, 0), labels)
        inputs = latents if labels is None else [latents, *tf.nest.flatten(labels)]
        return Samples(self.generator(inputs, training=True), labels, like.draw)

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

    @property
    def objective(self):
        """The `losses.Objective` the players minimise."""
        return OBJECTIVES[self.tricks.objective]

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

    def lazily(self, penalty):
        """A penalty that is due every `penalty_interval` steps, each time that much heavier.

        Args:
            penalty: function of no arguments that returns a scalar.

        Reference: Karras et al., 2020, https://arxiv.org/abs/1912.04958 (section 3.1)
        """
        interval = self.tricks.penalty_interval
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
        fake = views.seen(self, fake, "fake")
        if self._plays_its_own:
            return self.generator_loss(real, fake)
        if not self.objective.is_relativistic:
            return Loss(self.objective.generator(self.judge(fake)))
        real_logits, fake_logits = self.judge_both(real, fake)
        return Loss(self.objective.generator(fake_logits, real_logits))

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

    def _advance(self):
        """Once a step, before D learns: one power iteration of every spectral norm."""
        # Not without a batch, see `checked`.
        with tf.control_dependencies([tf.convert_to_tensor(self.step.value)]):
            for network in (self.generator, self.discriminator):
                spectral_norm.advance(network)

    def _adapt(self, real_logits):
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

    def _average(self, images):
        """After an update of G: its averaged weights follow."""
        if self.tricks.averages:
            replicas = tf.distribute.get_strategy().num_replicas_in_sync
            decay = averaging.decay(self.tricks, self.step, images * replicas)
            averaging.follow(self.generator_ema, self.generator, decay)

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

    @property
    def sampling_network(self):
        """The generator that samples and ships: the averaged one where there is one."""
        return self.generator_ema if self.tricks.averages else self.generator

    def refresh(self):
        if self.tricks.averages and self._averaged_at != int(self.step.numpy()):
            averaging.reestimate(self.generator_ema, self._reestimation_inputs)
            self._averaged_at = int(self.step.numpy())

    def _reestimation_inputs(self, size, seed):
        latents, labels = self.draw_latents(size, seed=seed), self.draw_labels(size, seed=seed)
        return latents if labels is None else [latents, *labels]

    def draw_labels(self, count, seed):
        """Labels to generate from, a list of one tensor for each input; None without labels."""
        return None

    def draw_latents(self, count, seed=None, truncation=None):
        """Latents of the game, float32 (count, latent_dim); equal for equal seeds.

        Raises:
            ValueError: for a `truncation` as `keras_gans.latent.draw` refuses it.
        """
        kind = self.tricks.latent_distribution
        return latent.draw(count, self.latent_dim, seed, kind, truncation)

    def _given_or_drawn(self, latents, count, seed, truncation):
        """The latents `sample` was given, or as many as it shall draw, 16 where nothing says."""
        if count is not None:
            check_positive("count", count)
        if latents is None:
            return self.draw_latents(16 if count is None else count, seed, truncation)
        if count not in (None, len(latents)):
            raise ValueError(
                f"`count` and `latents` must agree on how many pictures to sample. Received: "
                f"{count} and {len(latents)}."
            )
        if truncation is not None:
            raise ValueError(
                "`truncation` is of latents that are drawn, and `latents` are given. Leave one out."
            )
        return latents

    def sample(self, count=None, *, seed=None, latents=None, truncation=None):
        """Generated pictures.

        Args:
            count: how many; 16, or as many as there are latents, where not given.
            seed: for the latents; another draw each call where not given.
            latents: (N, latent_dim) to use instead of drawing.
            truncation: draw latents' numbers beyond this again, see `keras_gans.latent.draw`.

        Returns:
            float32 (N, height, width, channels) in [-1, 1].

        Raises:
            ValueError: for a count below 1 or other than of the latents; for a truncation below
                0.1, of uniform or of given latents.
        """
        latents = self._given_or_drawn(latents, count, seed, truncation)
        self.refresh()
        return self.in_chunks(self.sampling_network, latents)

    def generate(self, **inputs):
        return self.sample(**inputs)

    def networks_to_export(self):
        self.refresh()
        return {"generator": spectral_norm.folded(self.sampling_network)}

    def call(self, inputs, training=False):
        return self.sampling_network(inputs, training=training)

    def called_network(self):
        return self.sampling_network

    def predict(self, *args, **kwargs):
        self.refresh()  # here, as it cannot be done in the graph
        return super().predict(*args, **kwargs)

    def predict_on_batch(self, x):
        self.refresh()
        return super().predict_on_batch(x)

    # Of weights that come from elsewhere the statistics are estimated again, unless nothing has
    # been learned since they were stored.

    def load_own_variables(self, store):
        super().load_own_variables(store)
        self._averaged_at = 0

    def set_weights(self, weights):
        super().set_weights(weights)
        self._averaged_at = 0

    def set_state_tree(self, state_tree):
        super().set_state_tree(state_tree)
        self._averaged_at = 0

    def get_config(self):
        return {**super().get_config(), **self.tricks.as_config()}


class ConditionalGAN(AdversarialGAN):
    """The adversarial game with labels: classes of one head or several, and binary attributes.

    A family's constructor takes `num_classes` and `num_attributes`, gives them to
    `set_conditions`, and builds its networks from what that returns. `real.labels` and
    `fake.labels` are those of the images; D is given them where it has an input for them.
    """

    num_classes: int | tuple[int, ...] | None = None
    num_attributes = 0

    def set_conditions(self, num_classes, num_attributes):
        """Sets what pictures are asked for by.

        Returns:
            The `Conditions`.

        Raises:
            ValueError: for neither classes nor attributes, or numbers of them that cannot be.
        """
        self._conditions = needed(num_classes, num_attributes)
        self.num_classes = self._conditions.num_classes
        self.num_attributes = self._conditions.num_attributes
        return self._conditions

    @property
    def conditions(self):
        return self._conditions

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
