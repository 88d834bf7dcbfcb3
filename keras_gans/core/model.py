"""The contract every family keeps: a `keras.Model` whose players each have an optimizer."""

import errno
import inspect
import math
import os
import pathlib
import random
import shutil
import warnings

import keras
import numpy as np
import tensorflow as tf

from keras_gans.core.conditioning import Conditions
from keras_gans.utils.checks import (
    check_choice,
    check_pictures,
    check_positive,
    check_shares,
    check_structure,
)

# Every family draws stateless noise from (seed, step, draw, replica). Folding the draw's
# number and the replica's into one keeps two replicas from ever sharing a draw.
_MAX_REPLICAS = 4096
_SAMPLING_BATCH = 256

#: What networks can compute in.
PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
_STATE = "random_state_"  # of random generators, in files
_HDF5_BYTES = 2048  # an array's name and place in a file, about


class GAN(keras.Model):
    """A game between networks: the base of every family in `keras_gans.zoo`.

    A family sets its networks in `__init__` (functional models), describes one batch in
    `batch_spec`, plays the game in `train_step`, and this class does the rest: one optimizer
    per player, noise that survives a restart, the logs, saving all of it, and the refusal of
    batches the game cannot be played with.

    Pictures are float32 NHWC in [-1, 1].

    Args:
        seed: base of all noise drawn in training; two models with equal weights and seeds draw
            the same. Drawn at random (from Python's generator, so `keras.utils.set_random_seed`
            fixes it) where not given.
        **kwargs: those of `keras.Model` (`name`).

    Raises:
        ValueError: for a seed that TensorFlow cannot take.
    """

    #: Images per update in the paper; what `keras_gans.data.load` batches where nothing is said.
    batch_size = 64

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

    #: Classes the labels stand for, in families that have them; a tuple for several heads.
    num_classes = None

    #: Binary attributes, in families that have them.
    num_attributes = 0

    #: Discriminator updates per generator update; a batch is shared out among them.
    discriminator_steps = 1

    #: Images the discriminator judges at once; an update's images are a multiple of it.
    packing = 1

    def __init__(self, *, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.precision = keras.config.dtype_policy().name
        self.seed = random.randrange(2**31) if seed is None else int(seed)
        if not 0 <= self.seed < 2**63:
            raise ValueError(f"`seed` must be from 0 to 2**63 - 1. Received: {seed!r}")
        self.step = self.add_weight(
            shape=(),
            dtype="int64",
            initializer="zeros",
            trainable=False,
            name="step",
            aggregation="only_first_replica",
        )
        self._forwards = {}
        self._trackers = {name: keras.metrics.Mean(name=name) for name in self.logged}

    # === What a family describes ===

    @property
    def networks(self):
        """`{name: functional keras.Model}`, every network the game has."""
        return {"generator": self.generator, "discriminator": self.discriminator}

    @property
    def conditions(self):
        """The labels the model takes, a `Conditions`; false where it takes none."""
        return Conditions(self.num_classes, self.num_attributes)

    def batch_spec(self, batch_size=None):
        """Nested `tf.TensorSpec` of one batch: what `fit` eats and `data.load` makes."""
        raise NotImplementedError(f"{type(self).__name__} must describe its batch.")

    def default_optimizers(self):
        """`{player: keras.optimizers.Optimizer}`, the paper's, not yet built."""
        raise NotImplementedError(f"{type(self).__name__} must name its optimizers.")

    def train_step(self, batch):
        """The game: play, judge, learn, report."""
        raise NotImplementedError(f"{type(self).__name__} must play its game.")

    def test_step(self, batch):
        """Refuses `evaluate` and `validation_data`: a game has no validation loss."""
        raise NotImplementedError(
            "A GAN has no validation loss: its losses say who is winning, not how good the "
            "pictures are. Leave out `validation_data` and look at samples "
            "(`keras_gans.callbacks.SampleSheet`)."
        )

    def networks_to_export(self):
        """`{name: functional keras.Model}` worth shipping, in inference form."""
        return {"generator": self.generator}

    def stochastic_networks_to_export(self, image_size=None):
        """As `networks_to_export`, with what is random when the model samples as inputs.

        Args:
            image_size: (height, width) of the pictures that go in; None for those of training.

        Raises:
            ValueError: of a model that has no such form.
        """
        raise ValueError(
            f"{self.name} has no form for export that drops or draws anything beyond its inputs. "
            "Leave `stochastic` out (`--stochastic`)."
        )

    def inputs_to_export(self, batch):
        """What a batch of data holds for the exported networks to be tried on.

        Args:
            batch: of `batch_spec`.

        Returns:
            `{network of networks_to_export: {input name: (N, ...)}}`; empty where networks are
            fed with latents and labels alone, which are drawn.
        """
        return {}

    def describe_tensors(self):
        """What a program that feeds the exported networks must know, by input or output name.

        Returns:
            `{name: {...}}`, plain JSON: for pictures `kind`, `layout` and `value_range`, for
            latents `distribution`, for labels `value_range` and, where known, `classes`, for
            attributes `value_range` and, where known, `names`.
        """
        return {"image": {"kind": "image", "layout": "NHWC", "value_range": [-1.0, 1.0]}}

    def get_config(self):
        return {"name": self.name, "seed": self.seed, "precision": self.precision}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """Rebuilds the model from `get_config`; a misspelt argument is refused by name.

        Args:
            config: constructor arguments, and `precision`: what the networks compute in,
                "float32", "mixed_bfloat16" or "mixed_float16"; Keras' global policy where not
                given. Weights, losses and what networks put out are float32 in all of them.
            custom_objects: not used; there for Keras.

        Raises:
            ValueError: for another precision.
        """
        # NumPy's numbers as Python's, which JSON knows.
        arguments = {k: v.item() if isinstance(v, np.generic) else v for k, v in config.items()}
        before = keras.config.dtype_policy()
        precision = arguments.pop("precision", before.name)
        check_choice("precision", precision, PRECISIONS)
        try:
            keras.config.set_dtype_policy(precision)
            return cls(**arguments)
        finally:
            keras.config.set_dtype_policy(before)

    # === Files ===

    # Keras leaves out the states of dropout's random generators; a resumed game would drop others.

    def save_own_variables(self, store):
        super().save_own_variables(store)
        for number, state in enumerate(self._random_states()):
            store[f"{_STATE}{number}"] = state

    def load_own_variables(self, store):
        own = {key: store[key] for key in store.keys()}
        states = {key: own.pop(key) for key in list(own) if key.startswith(_STATE)}
        super().load_own_variables(own)
        for number, state in enumerate(self._random_states()):
            if f"{_STATE}{number}" in states:  # files from before have none
                state.assign(states[f"{_STATE}{number}"])

    def save_weights(self, filepath, overwrite=True, **kwargs):
        """As Keras', but asks for the room first: where a disk fills, HDF5 ends the process.

        Raises:
            OSError: where the disk has less room than the weights take; nothing is written.
        """
        folder = pathlib.Path(filepath).absolute().parent
        if folder.exists() and shutil.disk_usage(folder).free < self._size_of_weights():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(filepath))
        super().save_weights(filepath, overwrite, **kwargs)

    def _size_of_weights(self):
        """About as many bytes as a file of the weights and the optimizers' slots has."""
        return sum(
            math.prod(variable.shape) * tf.as_dtype(variable.dtype).size + _HDF5_BYTES
            for variable in self.saved_variables
        )

    @property
    def saved_variables(self):
        """What a file of the model holds: its variables and its optimizers'."""
        optimizers = [self.optimizer_of(player) for player in self.players] if self.compiled else []
        return [variable for owner in (self, *optimizers) for variable in owner.variables]

    def load_weights(self, filepath, skip_mismatch=False, **kwargs):
        """As Keras', but a file without a network's layers is refused, where Keras warns.

        Raises:
            ValueError: for a file of other networks, unless `skip_mismatch`.
        """
        with warnings.catch_warnings():
            if not skip_mismatch:
                warnings.filterwarnings("error", message="Skipping nested container")
            try:
                super().load_weights(filepath, skip_mismatch, **kwargs)
            except UserWarning as warning:
                raise ValueError(f"{filepath} lacks layers of {self.name}: {warning}") from None

    def _random_states(self):
        generators = [g for layer in self._flatten_layers() for g in layer._seed_generators]
        return [generator.state for generator in generators]

    # === Players and their optimizers ===

    def variables_of(self, player):
        """The trainable variables of one player, network after network."""
        return [
            variable
            for network in self.players[player]
            for variable in self.networks[network].trainable_variables
        ]

    def compile(self, *, run_eagerly=False, steps_per_execution=1, jit_compile=False, **optimizers):
        """Gives every player its optimizer and builds it on that player's variables.

        Args:
            run_eagerly: as in `keras.Model.compile`.
            steps_per_execution: as in `keras.Model.compile`.
            jit_compile: compile the step with XLA. Off by default: on CPU it is slower. The
                one argument to set on an accelerator.
            **optimizers: `generator_optimizer`, `discriminator_optimizer`: anything
                `keras.optimizers.get` takes. The paper's where not given.

        On several devices (`keras_gans.distribution`) inside the strategy's scope.

        Raises:
            TypeError: for an argument that names no player.
            ValueError: if two players share one optimizer object, or for what Keras cannot do on
                several devices: more steps per execution than one, XLA in float16.
        """
        self._refuse_on_devices(steps_per_execution, jit_compile)
        arguments = {f"{player}_optimizer": player for player in self.players}
        unknown = sorted(set(optimizers) - set(arguments))
        if unknown:
            raise TypeError(
                f"{type(self).__name__}.compile() has no argument {unknown[0]!r}. It takes one "
                f"optimizer per player ({', '.join(arguments)}), `run_eagerly`, "
                "`steps_per_execution` and `jit_compile`; losses belong to the game."
            )
        super().compile(
            optimizer=None,
            loss=None,
            run_eagerly=run_eagerly,
            steps_per_execution=steps_per_execution,
            jit_compile=jit_compile,
        )
        given = {
            arguments[argument]: keras.optimizers.get(optimizer)
            for argument, optimizer in optimizers.items()
            if optimizer is not None
        }
        chosen = {**self.starting_optimizers(), **given}
        if len({id(optimizer) for optimizer in chosen.values()}) < len(chosen):
            raise ValueError(
                "Every player needs an optimizer of its own, because it holds the moments of "
                "that player's variables. Received the same object twice; make two."
            )
        for player, optimizer in chosen.items():
            if self.precision == "mixed_float16" and not _is_scaled(optimizer):
                # Gradients below 6e-8 would be zero; losses are scaled up before, gradients down
                # after, and a step that overflows is left out, with half the scale from then on.
                chosen[player] = optimizer = keras.optimizers.LossScaleOptimizer(
                    optimizer, name=f"{player}_loss_scale"
                )
            optimizer.build(self.variables_of(player))
            setattr(self, f"{player}_optimizer", optimizer)
        self.optimizer = PlayerOptimizers([chosen[player] for player in self.players])

    def _refuse_on_devices(self, steps_per_execution, jit_compile):
        if self.distribute_strategy.num_replicas_in_sync == 1:
            return
        if steps_per_execution != 1:
            raise ValueError(
                "On several devices Keras 3 cannot run several steps at once. Use "
                f"steps_per_execution=1. Received: {steps_per_execution}"
            )
        if jit_compile and self.precision == "mixed_float16":
            raise ValueError(
                "On several devices XLA cannot compile losses scaled for float16 in Keras 3. Use "
                "jit_compile=False, or precision='mixed_bfloat16', which needs no scaling."
            )

    def starting_optimizers(self):
        """Those of `default_optimizers`, or what a family's arguments make of them."""
        return self.default_optimizers()

    def get_compile_config(self):
        if not self.compiled:
            return {}
        optimizers = {
            f"{player}_optimizer": keras.saving.serialize_keras_object(self.optimizer_of(player))
            for player in self.players
        }
        return {
            "run_eagerly": self.run_eagerly,
            "steps_per_execution": self.steps_per_execution,
            "jit_compile": self.jit_compile,
            **optimizers,
        }

    def compile_from_config(self, config):
        self.compile(**keras.saving.deserialize_keras_object(config))

    def optimizer_of(self, player):
        """The optimizer `compile` gave to `player`."""
        return getattr(self, f"{player}_optimizer")

    # === What a train_step is written with ===

    def checked(self, batch):
        """The batch, shaped and typed as `batch_spec` says.

        Raises:
            ValueError: what came, what was expected, what to do.
        """
        if isinstance(batch, tuple) and len(batch) == 1:  # what `fit(x=array)` yields
            (batch,) = batch
        self._check_form(batch)
        # NumPy's division makes float64 of pictures, and labels may come as int64.
        batch = tf.nest.map_structure(
            lambda leaf, spec: tf.cast(leaf, spec.dtype), batch, self.batch_spec()
        )
        # A batch that cannot be had (the end of the data, a broken pipeline) fails its readers
        # only. With this, whatever reads the step from here on, as all noise does, is one of them.
        with tf.control_dependencies(tf.nest.flatten(batch)):
            self.step.assign_add(0)
        return batch

    def _check_form(self, batch):
        labels = batch[1] if isinstance(batch, tuple) and len(batch) == 2 else None
        if self.conditions and hasattr(labels, "shape"):
            self.conditions.check_form(tf.TensorShape(labels.shape))
        check_structure(batch, self.batch_spec())

    def shares(self, batch):
        """The batch in `discriminator_steps` equal parts, one for each discriminator update."""
        split = [tf.split(leaf, self.discriminator_steps) for leaf in tf.nest.flatten(batch)]
        return [tf.nest.pack_sequence_as(batch, leaves) for leaves in zip(*split, strict=True)]

    def normal(self, shape, draw=0):
        """Standard normal noise of this training step.

        Args:
            shape: of the noise.
            draw: number of the draw within the step; equal numbers give equal noise.

        Every step, and every replica of a step, draws other noise; a run that is stopped and
        resumed draws what it would have drawn.
        """
        return tf.random.stateless_normal(shape, self.step_seed(draw))

    def step_seed(self, draw=0):
        """Seed of a draw of this training step, for TensorFlow's stateless random operations."""
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        return tf.random.fold_in(
            tf.stack([tf.constant(self.seed, tf.int64), tf.convert_to_tensor(self.step.value)]),
            tf.cast(draw * _MAX_REPLICAS + replica, tf.int64),
        )

    def update(self, player, loss, tape):
        """One optimizer step of `player` down the gradient of `loss`, and of nobody else.

        Under a `tf.distribute` strategy the optimizer sums over replicas; dividing the gradient
        by their number makes `loss` the mean over the whole batch.
        """
        self.apply_gradients(player, self.gradients(player, loss, tape))

    def gradients(self, player, loss, tape):
        """This replica's share in the gradient of `loss`, one for each variable of `player`.

        Where the player's optimizer scales losses, of the scaled one.
        """
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        weight = tf.ones_like(loss) / tf.cast(replicas, loss.dtype)
        optimizer = self.optimizer_of(player)
        if _is_scaled(optimizer):
            weight = optimizer.scale_loss(weight)
        return tape.gradient(loss, self.variables_of(player), output_gradients=weight)

    def apply_gradients(self, player, gradients):
        """One step of the optimizer of `player`, or none where one that scales overflowed."""
        if _is_scaled(self.optimizer_of(player)):
            gradients = _refused_together(gradients)
        # The optimizer's counters read nothing of the batch and would go on without it.
        with tf.control_dependencies(gradients):
            self.optimizer_of(player).apply(gradients, self.variables_of(player))

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

    # === Training ===

    def fit(self, x=None, y=None, batch_size=None, **kwargs):
        """`keras.Model.fit`, with the first batch looked at before the game begins.

        Args:
            x: a `tf.data.Dataset` of batches shaped as `batch_spec` says (`data.load` makes
                one), or the images as an array of float32 in [-1, 1]; two of them, `(a, b)`, for
                models that translate.
            y: with arrays, what comes beside the images (labels).
            batch_size: with arrays, images per update; the paper's where not given.
            **kwargs: those of `keras.Model.fit`.

        Raises:
            ValueError: if the data cannot be what the game is played with: another structure,
                shape or dtype, pictures outside [-1, 1], labels outside the classes.
        """
        failures = []
        if batch_size is not None:
            check_positive("batch_size", batch_size)
        if isinstance(kwargs.get("callbacks"), keras.callbacks.Callback):
            kwargs["callbacks"] = [kwargs["callbacks"]]
        for callback in kwargs.get("callbacks") or ():
            if hasattr(callback, "resume"):  # keras_gans.callbacks.Checkpoints
                x, epoch = callback.resume(self, x, kwargs.get("steps_per_epoch"))
                if epoch is not None:
                    kwargs["initial_epoch"] = epoch
        if isinstance(x, tf.data.Dataset):
            x = self._checked_dataset(x, failures)
            # Left at its default, Keras warns that it leaves a Dataset's order alone.
            kwargs.setdefault("shuffle", False)
        elif _is_arrays(x):
            x, y, batch_size = self._checked_arrays(x, y, batch_size, kwargs)
        try:
            return super().fit(x, y, batch_size=batch_size, **kwargs)
        except tf.errors.OpError as error:
            if failures:  # raised inside the pipeline, where TensorFlow rewrites messages
                raise failures[0] from None
            if self.is_one_of_many:
                raise RuntimeError(
                    "Another worker is gone or has failed, and this one cannot go on alone. Its "
                    "own output says why. Start all again with --resume (in Python, with "
                    "`callbacks.Checkpoints`): they go on from the last checkpoint. TensorFlow "
                    f"says: {str(error).strip().splitlines()[0][:300]}"
                ) from error
            raise

    @property
    def is_one_of_many(self):
        """Whether other processes train with this one."""
        strategy = self.distribute_strategy
        return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Nothing: games are built when they are made.

        Under a strategy Keras would begin a pass of the data here, which moves its order, and
        reduce the batch over workers, which fails (Keras 3.15).
        """

    def _checked_dataset(self, data, failures):
        self._check_form(data.element_spec)
        size = tf.nest.flatten(data.element_spec)[0].shape[0]
        self._check_shares(size)
        replicas = self.distribute_strategy.num_replicas_in_sync
        if size is None and replicas > 1:
            raise ValueError(
                f"Batches are shared out among {replicas} devices evenly, and these may be of any "
                "size. Use `.batch(size, drop_remainder=True)`."
            )
        if self.is_one_of_many:
            # Every worker reads all and keeps its share: files may be fewer than workers.
            options = tf.data.Options()
            options.experimental_distribute.auto_shard_policy = (
                tf.data.experimental.AutoShardPolicy.DATA
            )
            data = data.with_options(options)

        def check(*tensors):
            try:
                self._check_shares(len(tensors[0]))
                self.check_values(tf.nest.pack_sequence_as(data.element_spec, tensors))
            except ValueError as error:
                failures.append(error)
                raise
            return True

        def check_first(index, batch):
            # Only the first batch: the pipeline's mistakes are the same in every batch, and a
            # check that costs nothing can stay on.
            return tf.cond(
                index == 0,
                lambda: tf.ensure_shape(tf.py_function(check, tf.nest.flatten(batch), tf.bool), ()),
                lambda: True,
            )

        def passed(index, batch):
            # Copies: what `from_generator` hands over may be the caller's own arrays, into whose
            # memory TensorFlow writes a step's results where it thinks nobody else needs them.
            with tf.control_dependencies([check_first(index, batch)]):
                return tf.nest.map_structure(lambda leaf: tf.raw_ops.DeepCopy(x=leaf), batch)

        return data.enumerate().map(passed, num_parallel_calls=1)

    def _checked_arrays(self, x, y, batch_size, kwargs):
        x = tuple(x) if isinstance(x, list) else x
        batch = x if y is None else (x, y)
        spec = tf.nest.map_structure(
            lambda array: tf.TensorSpec(array.shape, tf.as_dtype(np.asarray(array[:1]).dtype)),
            batch,
        )
        self._check_form(spec)
        self.check_values(batch)
        batch_size = batch_size or self.batch_size
        steps, packing = self.discriminator_steps, self.packing
        replicas = self.distribute_strategy.num_replicas_in_sync
        if steps * packing * replicas == 1:
            return x, y, batch_size
        self._check_shares(batch_size * steps)
        if kwargs.get("validation_split"):
            raise ValueError("A GAN has no validation loss: leave out `validation_split`.")
        # Keras would end the epoch on a smaller batch, which need not divide into shares.
        data, count = tf.data.Dataset.from_tensor_slices(batch), len(tf.nest.flatten(batch)[0])
        if kwargs.get("shuffle", True):
            data = data.shuffle(count, seed=self.seed)
        kwargs["shuffle"] = False  # done here
        least = packing * replicas
        size = min(batch_size, count // (steps * least) * least) * steps
        if not size:
            raise ValueError(
                f"{count} images cannot be shared out among discriminator_steps={steps}: every "
                f"update needs at least {least}."
            )
        return data.batch(size, drop_remainder=True), None, None

    def _check_shares(self, batch_size):
        replicas = self.distribute_strategy.num_replicas_in_sync
        if batch_size is not None and batch_size % replicas:
            raise ValueError(
                f"A batch is shared out among {replicas} devices, so its size must be a multiple "
                f"of {replicas}. Received: {batch_size}."
            )
        share = None if batch_size is None else batch_size // replicas
        check_shares(share, self.discriminator_steps, self.packing)

    def check_values(self, batch):
        """Refuses pictures outside [-1, 1], labels outside the classes, attributes but 0 and 1.

        Raises:
            ValueError: what came, what was expected, what to do.
        """
        specs = tf.nest.flatten(self.batch_spec())
        for tensor, spec in zip(tf.nest.flatten(batch), specs, strict=True):
            values = np.asarray(tensor)
            if spec.dtype.is_floating and spec.shape.rank == 4:
                check_pictures(values)
            elif spec.dtype.is_integer:
                self.conditions.check(values)

    # === Sampling and shipping ===

    def in_chunks(self, network, *inputs):
        """`network(inputs)` without training behaviour, in bounded memory.

        Args:
            network: a functional model.
            *inputs: its inputs, arrays of equal length.

        Returns:
            float32 NumPy array, all outputs.
        """
        chunks = []
        for start in range(0, len(inputs[0]), _SAMPLING_BATCH):
            chunk = [
                keras.ops.convert_to_tensor(i[start : start + _SAMPLING_BATCH]) for i in inputs
            ]
            outputs = network(chunk if len(chunk) > 1 else chunk[0], training=False)
            chunks.append(keras.ops.convert_to_numpy(outputs))
        return np.concatenate(chunks)

    def in_full(self, network, images, training=False):
        """Translations of pictures of any size, one picture at a time.

        Args:
            network: a fully convolutional functional model whose sides must be multiples of
                `self.stride`; what is missing is padded by reflection and cropped back.
            images: float (N, H, W, C) in [-1, 1], or one picture (H, W, C).
            training: for the network's call.

        Returns:
            float32, shaped like `images` but for the channels.

        Raises:
            ValueError: for another shape, or values outside [-1, 1].
        """
        images = np.asarray(images)
        channels = network.inputs[0].shape[-1]
        if images.ndim not in (3, 4) or images.shape[-1] != channels:
            raise ValueError(
                f"Pictures to translate must have shape (N, H, W, {channels}) or (H, W, "
                f"{channels}). Received: {images.shape}."
            )
        check_pictures(images)
        batch = images[None] if images.ndim == 3 else images
        height, width = batch.shape[1:3]
        missing = [(0, -side % self.stride) for side in (height, width)]
        padded = np.pad(batch, ((0, 0), *missing, (0, 0)), mode="reflect").astype("float32")
        forward = self._forward(network, training)
        outputs = [forward(padded[i : i + 1]).numpy() for i in range(len(padded))]
        outputs = np.concatenate(outputs)[:, :height, :width]
        return outputs[0] if images.ndim == 3 else outputs

    def _forward(self, network, training):
        """The network's call for one picture of any size, compiled: layer by layer it is slow."""
        key = (id(network), training)  # kept by the compiled call, so that no other gets its id
        if key not in self._forwards:
            picture = tf.TensorSpec((1, None, None, network.inputs[0].shape[-1]), tf.float32)
            self._forwards[key] = tf.function(
                lambda images: network(images, training=training), input_signature=[picture]
            )
        return self._forwards[key]

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


def _is_arrays(x):
    parts = x if isinstance(x, (tuple, list)) else [x]
    return bool(parts) and all(hasattr(part, "shape") for part in parts)


def _is_scaled(optimizer):
    return isinstance(optimizer, keras.optimizers.LossScaleOptimizer)


def _refused_together(gradients):
    """Gradients that are NaN on every replica if they are not finite on one.

    Keras looks at the first replica only, before the sum, so that an overflow elsewhere would reach
    the weights.
    """
    if tf.distribute.get_strategy().num_replicas_in_sync == 1:
        return gradients
    finite = tf.reduce_all([tf.reduce_all(tf.math.is_finite(g)) for g in gradients])
    overflows = tf.distribute.get_replica_context().all_reduce(
        tf.distribute.ReduceOp.SUM, tf.cast(~finite, tf.float32)
    )
    return [tf.where(overflows > 0, tf.cast(float("nan"), g.dtype), g) for g in gradients]


class PlayerOptimizers:
    """All optimizers of a game in the place where Keras' callbacks look for one.

    `LearningRateScheduler`, `ReduceLROnPlateau` and `TensorBoard` know `optimizers` from
    `keras.optimizers.MultiOptimizer` and treat each of them by itself.
    """

    built = True

    def __init__(self, optimizers):
        self.optimizers = optimizers

    @property
    def iterations(self):
        """Updates of the first player."""
        return self.optimizers[0].iterations


def constructor_arguments(cls):
    """The names a family's constructor takes, its base's included."""
    names = [p.name for p in inspect.signature(cls.__init__).parameters.values()]
    names += getattr(cls, "extra_arguments", ())
    names += [p.name for p in inspect.signature(GAN.__init__).parameters.values()]
    names = [name for name in dict.fromkeys(names) if name not in ("self", "args", "kwargs")]
    return [*names, "name", "precision"]
