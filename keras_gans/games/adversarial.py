"""The game of making pictures from latents, and the places where the tricks act.

A family's `train_step` is written with the methods below and reads as the paper's algorithm; each
method does one thing and, with its trick switched off, nothing.
"""

import keras
import tensorflow as tf
from keras import ops

from keras_gans import augment, latent, penalties
from keras_gans.core.model import GAN
from keras_gans.games.tricks import Tricks
from keras_gans.layers import BatchNorm, ImagePool, spectral_norm
from keras_gans.losses import OBJECTIVES
from keras_gans.utils.checks import check_positive

# Draws of one training step are told apart by number: the latents of update k are draw k, all else
# of it lies above.
_PURPOSES = (
    "real_noise", "fake_noise", "real_augment", "fake_augment", "real_flip", "fake_flip", "replay",
    "mix", "dragan", "dequantise",
)  # fmt: skip
_REESTIMATION_BATCHES, _REESTIMATION_SIZE = 16, 64
_LEAD_MEMORY = 0.9


class LatentGAN(GAN):
    """A `GAN` with one generator of latents and one discriminator, and every trick.

    A family sets `generator`, `discriminator`, `latent_dim` and calls `finish()` at the end of its
    `__init__`.

    Args:
        **kwargs: the tricks, see `keras_gans.games.tricks.Tricks`, and those of `keras_gans.GAN`.

    Raises:
        ValueError: for tricks that cannot be, alone, together or with this family's networks.
    """

    #: Tricks the family's paper plays with; arguments of the constructor replace them.
    paper_tricks: dict = {}

    #: Names of further constructor arguments, for `keras_gans.core.model.constructor_arguments`.
    extra_arguments = Tricks.names()

    def __init__(self, **kwargs):
        given = {name: kwargs.pop(name) for name in Tricks.names() if name in kwargs}
        tricks = Tricks(**{**self.paper_tricks, **given})
        super().__init__(**kwargs)
        self.tricks = tricks
        self.discriminator_steps, self.packing = tricks.discriminator_steps, tricks.packing
        self.lead = self._state("lead", 0.5 if self.tricks.balance else None)
        self.probability = self._state(
            "augment_probability", 0.0 if self.tricks.ada_target else None
        )

    @property
    def objective(self):
        """The `losses.Objective` the players minimise."""
        return OBJECTIVES[self.tricks.objective]

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

    def finish(self):
        """Checks the networks against the tricks and adds what these need.

        Raises:
            ValueError: for latents of no length, or a discriminator that the tricks cannot be
                played with.
        """
        check_positive("latent_dim", self.latent_dim)
        self._check_discriminator()
        if self.tricks.replay:
            *sides, channels = self._image_spec().shape[1:]
            self.pool = ImagePool(
                self.tricks.replay, (*sides, channels + sum(self._label_widths()))
            )
        if self.tricks.ema_decay:
            self.generator_ema = keras.models.clone_model(self.generator)
            self.generator_ema.name = "generator_ema"
            self.generator_ema.set_weights(self.generator.get_weights())
            self.generator_ema.trainable = False
            self._reestimated_at = 0
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
        if self.tricks.packing > 1 and tf.nest.flatten(self._label_spec()):
            raise ValueError(
                "`packing` judges several images at once, which here would have labels of their "
                "own. Use packing=1 with families that have labels."
            )
        if self.tricks.has_penalty:
            penalties.require_second_order(self.discriminator)

    def batch_spec(self, batch_size=None):
        size = None if batch_size is None else batch_size * self.discriminator_steps
        shape = (size, self.image_size, self.image_size, self.image_channels)
        return tf.TensorSpec(shape, tf.float32, name="image")

    def _image_spec(self):
        spec = self.batch_spec()
        return spec[0] if isinstance(spec, tuple) else spec

    def _label_spec(self):
        spec = self.batch_spec()
        return spec[1:] if isinstance(spec, tuple) else ()

    def _label_widths(self):
        """Values of one image's labels, for each tensor of labels."""
        specs = tf.nest.flatten(self._label_spec())
        return [tf.TensorShape(spec.shape[1:]).num_elements() for spec in specs]

    @property
    def networks(self):
        if not self.tricks.ema_decay:
            return super().networks
        return {**super().networks, "generator_ema": self.generator_ema}

    # === Play ===

    def latents(self, count, draw=0):
        """(count, latent_dim) of this training step, normal or U(-1, 1)."""
        if self.tricks.latent_distribution == "normal":
            return self.normal((count, self.latent_dim), draw)
        shape = (count, self.latent_dim)
        return tf.random.stateless_uniform(shape, self.step_seed(draw), -1.0, 1.0)

    def generated(self, latents, labels=None):
        """G's images of latents and, where the family has them, labels."""
        inputs = latents if labels is None else [latents, *tf.nest.flatten(labels)]
        return self.generator(inputs, training=True)

    def seed_of(self, draw, purpose):
        """Seed of a draw other than the latents, told apart by update and purpose."""
        return self.step_seed(1000 + len(_PURPOSES) * draw + _PURPOSES.index(purpose))

    def dequantised(self, real, draw):
        """Pictures of 256 levels in [-1, 1] spread over the steps between these, in [-1, 1)."""
        grey = tf.random.stateless_uniform(tf.shape(real), self.seed_of(draw, "dequantise"))
        return (real * 255.0 - 1.0) / 256.0 + grey / 128.0

    def replayed(self, fake, labels=None, draw=0):
        """Generated images for D, half of them from earlier steps: experience replay.

        Args:
            fake: (N, ...) as just generated.
            labels: what they were generated from, or None.
            draw: number of the update within the step.

        Returns:
            As many images and, where there are labels, these images' labels.
        """
        if not self.tricks.replay:
            return fake if labels is None else (fake, labels)
        seed = self.seed_of(draw, "replay")
        if labels is None:
            return self.pool(fake, seed)
        # Labels travel with their pictures, as channels of one value each.
        leaves, widths = tf.nest.flatten(labels), self._label_widths()
        flat = [
            tf.cast(tf.reshape(leaf, (len_of(leaf), width)), fake.dtype)
            for leaf, width in zip(leaves, widths, strict=True)
        ]
        planes = tf.concat(flat, -1)[:, None, None, :] + tf.zeros_like(fake[..., :1])
        handed = self.pool(tf.concat([fake, planes], -1), seed)
        channels, first = fake.shape[-1], handed[:, 0, 0, fake.shape[-1] :]
        restored = [
            tf.cast(tf.reshape(tf.round(part), tf.shape(leaf)), leaf.dtype)
            for part, leaf in zip(tf.split(first, widths, axis=-1), leaves, strict=True)
        ]
        return handed[..., :channels], tf.nest.pack_sequence_as(labels, restored)

    def seen(self, images, side, draw=0):
        """Images as D sees them: augmented, under instance noise, packed.

        Args:
            images: (N, ...), float32.
            side: "real" or "fake": whose noise.
            draw: number of the update within the step.

        Returns:
            (N / packing, ..., channels * packing); with packing=2 image i lies before image
            i + N / 2.
        """
        if self.tricks.augment:
            probability = (
                self.tricks.augment_probability
                if self.probability is None
                else tf.convert_to_tensor(self.probability.value)
            )
            seed = self.seed_of(draw, f"{side}_augment")
            images = augment.diff_augment(images, seed, self.tricks.augment, probability)
        if self.tricks.instance_noise:
            seed = self.seed_of(draw, f"{side}_noise")
            noise = tf.random.stateless_normal(tf.shape(images), seed, dtype=images.dtype)
            images += tf.cast(self._noise_level(), images.dtype) * noise
        if self.tricks.packing > 1:
            images = tf.concat(tf.split(images, self.tricks.packing), axis=-1)
        return images

    def _noise_level(self):
        steps = self.tricks.instance_noise_steps
        if not steps:
            return self.tricks.instance_noise
        left = 1.0 - tf.cast(tf.convert_to_tensor(self.step.value), tf.float32) / steps
        return self.tricks.instance_noise * tf.maximum(left, 0.0)

    # === Judge ===

    def judge(self, images, labels=None):
        """D's logits of images as it sees them."""
        inputs = images if labels is None else [images, *tf.nest.flatten(labels)]
        return self.discriminator(inputs, training=True)

    def judged(self, real, fake, real_labels=None, fake_labels=None):
        """D's logits of real and of generated images.

        Apart where batch norm is, so that it sees real and generated statistics separately:
        otherwise D would read the difference off them.
        """
        if self.tricks.batch_norm == "apart":
            return self.judge(real, real_labels), self.judge(fake, fake_labels)
        labels = None
        if real_labels is not None:
            labels = tf.nest.map_structure(_joined, real_labels, fake_labels)
        logits = self.judge(_joined(real, fake), labels)
        return logits[: len_of(real)], logits[len_of(real) :]

    def discriminator_loss(self, real_logits, fake_logits, draw=0):
        """The objective's loss of D, with labels smoothed and flipped."""
        if not self.objective.has_targets:
            return self.objective.discriminator(real_logits, fake_logits)
        real_targets = self._targets(real_logits, 1.0 - self.tricks.label_smoothing, 0.0, draw)
        fake_targets = self._targets(fake_logits, 0.0, 1.0 - self.tricks.label_smoothing, draw)
        return self.objective.discriminator(real_logits, fake_logits, real_targets, fake_targets)

    def _targets(self, logits, right, wrong, draw):
        if not self.tricks.label_flipping:
            return right
        seed = self.seed_of(draw, "fake_flip" if right == 0.0 else "real_flip")
        flipped = tf.random.stateless_uniform(tf.shape(logits), seed) < self.tricks.label_flipping
        return tf.where(flipped, wrong, right)

    def penalty(self, real, fake, labels=None, draw=0):
        """What D's slope costs, at images as it sees them; 0.0 where no penalty is on.

        Args:
            real: real images.
            fake: generated ones; only their values count.
            labels: of the real images; the slope towards generated ones is taken at these too.
            draw: number of the update within the step.
        """
        if not self.tricks.has_penalty:
            return 0.0

        def value():
            return self.tricks.penalty_interval * self._penalties(
                real, tf.stop_gradient(fake), labels, draw
            )

        if self.tricks.penalty_interval == 1:
            return value()
        due = tf.equal(tf.convert_to_tensor(self.step.value) % self.tricks.penalty_interval, 0)
        return tf.cond(due, value, lambda: 0.0)

    def _penalties(self, real, fake, labels, draw):
        def judge(images):
            return self.judge(images, labels)

        tricks, count, total = self.tricks, len_of(real), 0.0
        mix = tf.random.stateless_uniform((count,), self.seed_of(draw, "mix"))
        if tricks.gradient_penalty:
            value = penalties.gradient_penalty(judge, real, fake, mix)
            total += tricks.gradient_penalty * value
        if tricks.r1:
            total += tricks.r1 * penalties.r1_penalty(judge, real)
        if tricks.r2:
            total += tricks.r2 * penalties.r2_penalty(judge, fake)
        if tricks.dragan:
            noise = tf.random.stateless_uniform(tf.shape(real), self.seed_of(draw, "dragan"))
            total += tricks.dragan * penalties.dragan_penalty(judge, real, noise, mix)
        return total

    def generator_loss(self, real, fake, labels=None, fake_labels=None, draw=0):
        """The objective's loss of G, judged by D as it is now.

        Args:
            real: real images; judged only where the objective compares with them.
            fake: generated ones, on G's tape.
            labels: of the real images.
            fake_labels: of the generated ones; `labels` where not given.
            draw: number of a draw no update of D has had.
        """
        fake_labels = labels if fake_labels is None else fake_labels
        seen_fake = self.seen(fake, "fake", draw)
        if not self.objective.is_relativistic:
            return self.objective.generator(self.judge(seen_fake, fake_labels))
        real_logits, fake_logits = self.judged(
            self.seen(real, "real", draw), seen_fake, labels, fake_labels
        )
        return self.objective.generator(fake_logits, real_logits)

    # === Learn ===

    def update(self, player, loss, tape):
        """`GAN.update`; D pauses when it is ahead (`balance`), and its weights are clipped."""
        self._update(player, loss, tape)
        if player == "discriminator" and self.tricks.clip:
            for variable in self.variables_of(player):
                variable.assign(ops.clip(variable, -self.tricks.clip, self.tricks.clip))

    def _update(self, player, loss, tape):
        if player != "discriminator" or not self.tricks.balance:
            super().update(player, loss, tape)
            return
        if tf.distribute.get_strategy().num_replicas_in_sync > 1:
            raise ValueError(
                "`balance` pauses D by what one device sees, and devices would disagree. Use "
                "balance=0 on several devices."
            )
        gradients = self.gradients(player, loss, tape)
        tf.cond(
            tf.convert_to_tensor(self.lead.value) <= self.tricks.balance,
            lambda: self._applied(player, gradients),
            lambda: tf.constant(False),
        )

    def _applied(self, player, gradients):
        self.apply_gradients(player, gradients)
        return tf.constant(True)

    def advance(self):
        """Once a step, before D learns: one power iteration of every spectral norm."""
        # Not without a batch, see `checked`.
        with tf.control_dependencies([tf.convert_to_tensor(self.step.value)]):
            for network in (self.generator, self.discriminator):
                spectral_norm.advance(network)

    def adapt(self, real_logits):
        """After the updates of D: how often images are augmented from now on (ADA)."""
        if self.tricks.ada_target:
            replicas = tf.distribute.get_strategy().num_replicas_in_sync
            size = len_of(real_logits) * self.tricks.packing * self.discriminator_steps * replicas
            self.probability.assign(
                augment.adaptive_probability(
                    tf.convert_to_tensor(self.probability.value),
                    tf.sign(real_logits - self.objective.boundary),
                    tf.cast(size, tf.float32),
                    target=self.tricks.ada_target,
                )
            )

    def average(self):
        """After an update of G: its averaged weights follow."""
        if not self.tricks.ema_decay:
            return
        done = tf.cast(tf.convert_to_tensor(self.step.value), tf.float32)
        # The first steps are forgotten sooner, or the average would begin at random weights.
        decay = tf.minimum(self.tricks.ema_decay, (1.0 + done) / (10.0 + done))
        for averaged, current in zip(
            self.generator_ema.weights, self.generator.weights, strict=True
        ):
            averaged.assign(averaged + (1.0 - decay) * (current - averaged))

    # === Report ===

    def report(self, *, real_logits, fake_logits, **values):
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

    # === Sampling and shipping ===

    @property
    def sampling_network(self):
        """The generator that samples and ships: the averaged one where there is one."""
        if not self.tricks.ema_decay:
            return self.generator
        self._reestimate()
        return self.generator_ema

    def _reestimate(self):
        """Batch norm statistics that belong to the averaged weights, from latents of its own.

        The averaged weights have never seen a batch, and the statistics of the weights that have
        are not theirs. Dropout is off, as it is when pictures are made.
        """
        layers = self.generator_ema._flatten_layers(include_self=False)
        norms = [layer for layer in layers if isinstance(layer, BatchNorm)]
        dropouts = [layer for layer in layers if isinstance(layer, keras.layers.Dropout)]
        step = int(self.step.numpy())
        if not norms or self._reestimated_at == step:
            return
        momenta = [norm.momentum for norm in norms]
        rates = [dropout.rate for dropout in dropouts]
        try:
            for norm in norms:
                norm.trainable = True  # frozen, it would keep to its old statistics
            for dropout in dropouts:
                dropout.rate = 0.0
            for batch in range(_REESTIMATION_BATCHES):
                for norm in norms:
                    norm.momentum = batch / (batch + 1)  # a plain mean over the batches
                self.generator_ema(self._reestimation_inputs(batch), training=True)
        finally:
            for norm, momentum in zip(norms, momenta, strict=True):
                norm.momentum, norm.trainable = momentum, False
            for dropout, rate in zip(dropouts, rates, strict=True):
                dropout.rate = rate
        self._reestimated_at = step

    def _reestimation_inputs(self, batch):
        size = _REESTIMATION_SIZE
        latents = self.draw_latents(size, seed=batch)
        labels = self.draw_labels(size, seed=batch)
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

    def given_or_drawn(self, latents, count, seed, truncation):
        """The latents `sample` was given, or as many as it shall draw, 16 where nothing says.

        Raises:
            ValueError: for another count than of the latents given, or below 1; for a truncation
                of latents that are given.
        """
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

    def networks_to_export(self):
        return {"generator": spectral_norm.folded(self.sampling_network)}

    def call(self, inputs, training=False):
        if tf.executing_eagerly():
            return self.sampling_network(inputs, training=training)
        network = self.generator_ema if self.tricks.ema_decay else self.generator
        return network(inputs, training=training)

    def predict(self, *args, **kwargs):
        if self.tricks.ema_decay:
            self._reestimate()  # here, as it cannot be done in the graph
        return super().predict(*args, **kwargs)

    def load_own_variables(self, store):
        super().load_own_variables(store)
        self._reestimated_at = 0

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
        latents = self.given_or_drawn(latents, count, seed, truncation)
        return self.in_chunks(self.sampling_network, latents)

    def describe_tensors(self):
        distribution = {"distribution": "normal", "mean": 0.0, "stddev": 1.0}
        if self.tricks.latent_distribution == "uniform":
            distribution = {"distribution": "uniform", "value_range": [-1.0, 1.0]}
        return {"latent": {"kind": "latent", **distribution}, **super().describe_tensors()}

    def starting_optimizers(self):
        tricks, optimizers = self.tricks, super().starting_optimizers()
        if tricks.discriminator_optimizer == "sgd":
            optimizers["discriminator"] = keras.optimizers.SGD(0.01, name="discriminator")
        for player in self.players:
            rate = getattr(tricks, f"{player}_learning_rate")
            if rate is not None:
                optimizers[player] = _at_rate(optimizers[player], rate)
        return optimizers

    def get_config(self):
        return {**super().get_config(), **self.tricks.as_config()}


def _at_rate(optimizer, rate):
    """Such an optimizer, new, whose learning rate is this or, by its schedule, falls from it."""
    config = optimizer.get_config()
    schedule = config["learning_rate"]
    if isinstance(schedule, dict):  # written out, as Keras writes schedules
        settings = {**schedule["config"], "initial_learning_rate": rate}
        rate = {**schedule, "config": settings}
    return type(optimizer).from_config({**config, "learning_rate": rate})


def len_of(tensor):
    """Rows of a tensor: a number where known, else a scalar tensor."""
    return tensor.shape[0] or tf.shape(tensor)[0]


def _joined(real, fake):
    return tf.concat([real, fake], axis=0)
