"""The contract every family keeps: a `keras.Model` whose players each have an optimizer."""

import random

import keras
import tensorflow as tf

from keras_gans.core.conditioning import Conditions
from keras_gans.core.fitting import Fitting
from keras_gans.core.generating import Generating
from keras_gans.core.label_names import Named
from keras_gans.core.making import Making
from keras_gans.core.measuring import Measuring
from keras_gans.core.noise import Noise
from keras_gans.core.players import Players
from keras_gans.core.saving import Saving
from keras_gans.core.signature import Labels
from keras_gans.utils.checks import check_weight, is_whole


class GAN(Players, Noise, Fitting, Measuring, Generating, Named, Saving, Making, keras.Model):
    """A game between networks: the base of every family in `keras_gans.zoo`.

    A family sets its networks in `__init__` (functional models) and states its losses; a game in
    `keras_gans.games` plays them in its `train_step`. This class does the rest: one optimizer per
    player (`core/players.py`), noise that survives a restart (`noise.py`), `fit` and the refusal of
    batches the game cannot be played with (`fitting.py`), `evaluate` (`measuring.py`), files
    (`saving.py`), pictures of any number and size (`generating.py`), names of labels
    (`label_names.py`).

    Pictures are float32 NHWC in [-1, 1].

    Args:
        seed: base of all noise drawn in training; two models with equal weights and seeds draw
            the same. Drawn at random (from Python's generator, so `keras.utils.set_random_seed`
            fixes it) where not given.
        generator_learning_rate: of the generator's optimizer instead of the paper's; where that
            falls by a schedule, the schedule starts at this one and keeps its form.
        discriminator_learning_rate: likewise; unequal rates are the two time-scale rule (Heusel
            et al., 2017, https://arxiv.org/abs/1706.08500).
        **kwargs: those of `keras.Model` (`name`).

    Raises:
        ValueError: for a seed that TensorFlow cannot take, or a learning rate below 0.
    """

    #: The networks each optimizer moves.
    players: dict[str, tuple[str, ...]] = {
        "generator": ("generator",),
        "discriminator": ("discriminator",),
    }

    #: What `train_step` reports. `loss`, the sum of the players' losses, measures nothing: it is
    #: there for callbacks such as `keras.callbacks.TerminateOnNaN`, which read no other key.
    logged: tuple[str, ...] = (
        "loss",
        "generator_loss",
        "discriminator_loss",
        "real_accuracy",
        "fake_accuracy",
    )

    #: How the logged losses are to be read, and by what those of other families differ.
    #: `keras-gans show` prints it.
    losses_in_words = (
        "Losses are means over the images of a batch, and over all places of an image that the "
        "discriminator judges. Its own is the sum of its loss on real and its loss on generated "
        "images."
    )

    #: Discriminator updates per generator update; a batch is shared out among them.
    discriminator_steps = 1

    #: Images the discriminator judges at once; an update's images are a multiple of it.
    packing = 1

    def __init__(
        self,
        *,
        seed=None,
        generator_learning_rate=None,
        discriminator_learning_rate=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.generator_learning_rate = generator_learning_rate
        self.discriminator_learning_rate = discriminator_learning_rate
        for name, rate in self._learning_rates().items():
            if rate is not None:
                check_weight(name, rate)
        self.precision = keras.config.dtype_policy().name
        if seed is not None and not (is_whole(seed) and 0 <= seed < 2**63):
            raise ValueError(
                f"`seed` must be a whole number from 0 to 2**63 - 1. Received: {seed!r}"
            )
        self.seed = random.randrange(2**31) if seed is None else int(seed)
        self.step = self._counter("step")
        self.images_shown = self._counter("images_shown")
        self._forwards, self._bytes_per_pixel = {}, {}
        self._trackers = {name: keras.metrics.Mean(name=name) for name in self.logged}

    def log_also(self, *names, in_words):
        """Logs further scalars, where an argument of the constructor asks for them.

        Args:
            *names: of what `report` will be given besides.
            in_words: sentences that say how they are to be read.
        """
        self.logged = (*self.logged, *names)
        self.losses_in_words = f"{self.losses_in_words} {in_words}"
        self._trackers.update({name: keras.metrics.Mean(name=name) for name in names})

    def _counter(self, name):
        return self.add_weight(
            shape=(),
            dtype="int64",
            initializer="zeros",
            trainable=False,
            name=name,
            aggregation="only_first_replica",
        )

    # === What a family describes ===

    @property
    def networks(self):
        """`{name: functional keras.Model}`, every network the game has."""
        names = [name for networks in self.players.values() for name in networks]
        return {name: getattr(self, name) for name in names}

    def batch_roles(self):
        """`{name: role}` of the parts of a batch, in their order, see `core/signature.py`."""
        raise NotImplementedError(f"{type(self).__name__} must describe its batch.")

    def signature(self):
        """`{network: Signature}`: what each generating network takes and gives, as roles."""
        raise NotImplementedError(f"{type(self).__name__} must describe its generating networks.")

    def optimizers(self, images=None):
        """The paper's optimizers, not yet built.

        Args:
            images: training images of the whole run, over which schedules are laid; the length
                the constructor's arguments give where None.

        Returns:
            `{player: keras.optimizers.Optimizer}`.
        """
        raise NotImplementedError(f"{type(self).__name__} must name its optimizers.")

    def train_step(self, batch):
        """The game: play, judge, learn, report."""
        raise NotImplementedError(f"{type(self).__name__} must play its game.")

    def generate(self, **inputs):
        """Pictures for people, from what `signature()` says the model takes."""
        raise NotImplementedError(f"{type(self).__name__} must say how it makes pictures.")

    def refresh(self):
        """Brings up to date what follows the weights and makes pictures: nothing in most games."""

    # === What follows from it ===

    @property
    def conditions(self):
        """The labels the model takes, a `Conditions`; false where it takes none."""
        labels = [role for role in self.batch_roles().values() if isinstance(role, Labels)]
        return labels[0].conditions if labels else Conditions()

    def batch_spec(self, batch_size=None):
        """Nested `tf.TensorSpec` of one batch: what `fit` eats and `data.load` makes."""
        size = None if batch_size is None else batch_size * self.discriminator_steps
        specs = tuple(role.spec(size, name) for name, role in self.batch_roles().items())
        return specs if len(specs) > 1 else specs[0]

    def networks_to_export(self):
        """`{name: functional keras.Model}` worth shipping, in inference form."""
        return {name: self.networks[name] for name in self.signature()}

    def stochastic_networks_to_export(self, image_size=None):
        """Like `networks_to_export`, but random tensors (noise, masks of dropout) are inputs.

        Args:
            image_size: (height, width) of the pictures that go in; None for those of training.

        Raises:
            ValueError: of a model that has no such form.
        """
        raise ValueError(
            f"{self.name} has no form for export that drops or draws anything beyond its inputs. "
            "Leave `stochastic` out (`--stochastic`)."
        )

    def inputs_between_networks(self, count, seed):
        """What exported networks take that others of them make, as it is where it matters.

        Returns:
            `{network: {input name: (count, ...)}}`; of most models nothing.
        """
        return {}

    def reference_layers(self):
        """`{network: {module name in the reference's checkpoints: our layer's name}}`.

        Empty in families whose reference publishes none.
        """
        return {}

    def describe_tensors(self):
        """What a program that feeds the exported networks must know, by input or output name.

        Returns:
            `{name: {...}}`, plain JSON: for pictures `kind`, `layout` and `value_range`, for
            latents `distribution`, for labels and attributes `value_range`.
        """
        described = {}
        for signature in self.signature().values():
            described.update(signature.describe())
        return described

    # === What a train_step is written with ===

    def checked(self, batch):
        """The batch, shaped and typed as `batch_spec` says, as the roles of `batch_roles`.

        Raises:
            ValueError: what came, what was expected, what to do.
        """
        self.refuse_stillness()
        batch = self.formed(batch)
        leaves = tf.nest.flatten(batch)
        count = tf.shape(leaves[0], tf.int64)[0]
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        # A batch that cannot be had (the end of the data, a broken pipeline) fails its readers
        # only. With this, whatever reads the step from here on, as all noise does, is one of them.
        with tf.control_dependencies(leaves):
            self.step.assign_add(0)
            self.images_shown.assign_add(count * replicas)
        return batch

    def discriminator_batches(self, batch):
        """Splits a batch into `discriminator_steps` equal ones, one for each update of D."""
        split = [tf.split(leaf, self.discriminator_steps) for leaf in tf.nest.flatten(batch)]
        return [tf.nest.pack_sequence_as(batch, leaves) for leaves in zip(*split, strict=True)]

    def report(self, **values):
        """Ends the step: counts it and returns the running means of the epoch for the logs.

        Args:
            **values: one scalar for each name in `logged` but `loss`.
        """
        values["loss"] = sum(values[f"{player}_loss"] for player in self.players)
        with tf.control_dependencies(list(values.values())):
            for name, value in values.items():
                self._trackers[name].update_state(value)
            self.step.assign_add(1)
        logs = {metric.name: metric.result() for metric in self.metrics}
        if self.is_one_of_many:
            # `fit` takes the mean over workers along the first axis.
            logs = {name: value[None] for name, value in logs.items()}
        return logs

    @property
    def metrics(self):
        return list(self._trackers.values())

    @property
    def is_one_of_many(self):
        """Whether other processes train with this one."""
        strategy = self.distribute_strategy
        return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)

    # === Shipping ===

    def export(self, filepath, format="tf_saved_model", **kwargs):
        """Writes the sampling network to one file, proven equal to Keras before it appears.

        Args:
            filepath: of the file, or folder for a SavedModel, to write.
            format: "tf_saved_model", "onnx" or "tflite" ("litert", Keras' name, is the same).
            **kwargs: those of `keras_gans.export.export_sampling_network`.

        Raises:
            ValueError: for an unknown format.
            FileExistsError: if `filepath` exists and `overwrite` is not set.
            keras_gans.export.ParityError: if the file differs from Keras.
        """
        # The only arrow from the contract to a room: Keras users expect `export` on the model.
        from keras_gans import export

        return export.export_sampling_network(self, filepath, format, **kwargs)
