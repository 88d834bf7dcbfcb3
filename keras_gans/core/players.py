"""Players of a game and their optimizers: compiled, stepped one at a time, seen by callbacks."""

import keras
import numpy as np
import tensorflow as tf

from keras_gans.core.measuring import read_measures, written_measures
from keras_gans.core.mixin import Mixin
from keras_gans.layers import Dropout
from keras_gans.utils.checks import check_positive


class Players(Mixin):
    """One optimizer for each player. Mixed into `GAN`, whose `players` names their networks."""

    #: Images per update in the paper; what `keras_gans.data.load` batches where nothing is said.
    batch_size: int = 64

    #: Training images of the whole run, where `compile` was told.
    run_images: int | None = None

    def variables_of(self, player):
        """The trainable variables of one player, network after network."""
        return [
            variable
            for network in self.players[player]
            for variable in self.networks[network].trainable_variables
        ]

    def learners_of(self, player):
        """The variables of one player that learn unless they are frozen, network after network.

        The player's optimizer is built on these, so that layers can be frozen and thawed later.
        """
        found = []
        for name in self.players[player]:
            network = self.networks[name]
            learn = {
                id(v) for layer in network._flatten_layers() for v in layer._trainable_variables
            }
            found += [variable for variable in network.variables if id(variable) in learn]
        return found

    def optimizer_of(self, player):
        """The optimizer `compile` gave to `player`."""
        return getattr(self, f"{player}_optimizer")

    def compile(
        self,
        *,
        images=None,
        batch_size=None,
        run_eagerly=False,
        steps_per_execution=1,
        jit_compile=False,
        metrics=None,
        **optimizers,
    ):
        """Gives every player its optimizer and builds it on that player's variables.

        Args:
            images: training images of the whole run, over which the paper's schedules are laid;
                the length the model's own arguments give where not given.
            batch_size: images per update of that run; the paper's where not given.
            run_eagerly: as in `keras.Model.compile`.
            steps_per_execution: as in `keras.Model.compile`.
            jit_compile: compile the step with XLA. Off by default: on CPU it is slower. The
                one argument to set on an accelerator.
            metrics: what `evaluate` and `validation_data` measure, a list of
                `keras_gans.metrics`, such as `[keras_gans.metrics.KID()]`; what the game measures
                by itself where None.
            **optimizers: `generator_optimizer`, `discriminator_optimizer`: anything
                `keras.optimizers.get` takes. The paper's where not given.

        Raises:
            TypeError: for an argument that names no player, or metrics of another kind.
            ValueError: if two players share one optimizer object, or for what Keras cannot do on
                several devices: steps without a graph, more of them per execution than one, XLA
                in float16, optimizers made outside the strategy's scope.
        """
        self._refuse_on_devices(steps_per_execution, jit_compile, run_eagerly)
        arguments = {f"{player}_optimizer": player for player in self.players}
        self._refuse_unknown(optimizers, arguments)
        for name, value in (("images", images), ("batch_size", batch_size)):
            if value is not None:
                check_positive(name, value)
        self.measures = self.checked_measures(metrics)
        self.run_images = images
        self.batch_size = batch_size or type(self).batch_size
        super().compile(
            optimizer=None,
            loss=None,
            run_eagerly=run_eagerly,
            steps_per_execution=steps_per_execution,
            jit_compile=jit_compile,
        )
        given = {arguments[argument]: optimizer for argument, optimizer in optimizers.items()}
        # Slots and counters lie where the weights do, wherever `compile` is called.
        with self.distribute_strategy.scope():
            chosen = self._chosen(images, given)
            for player, optimizer in chosen.items():
                optimizer.build(self.learners_of(player))
                setattr(self, f"{player}_optimizer", optimizer)
        self.optimizer = PlayerOptimizers(chosen)

    def _chosen(self, images, given):
        """`{player: optimizer}`: the one given, or the paper's."""
        given = {
            player: keras.optimizers.get(optimizer)
            for player, optimizer in given.items()
            if optimizer is not None
        }
        chosen = {**self.adjusted(self.optimizers(images)), **given}
        if len({id(optimizer) for optimizer in chosen.values()}) < len(chosen):
            raise ValueError(
                "Every player needs an optimizer of its own, because it holds the moments of "
                "that player's variables. Received the same object twice; make two."
            )
        self._refuse_outside(given)
        return {player: self._scaled(player, chosen[player]) for player in self.players}

    def _scaled(self, player, optimizer):
        """The optimizer, in float16 one that scales losses.

        Gradients below 6e-8 would be zero; losses are scaled up before, gradients down after, and
        a step that overflows is left out, with half the scale from then on.
        """
        if self.precision != "mixed_float16" or is_scaled(optimizer):
            return optimizer
        return keras.optimizers.LossScaleOptimizer(optimizer, name=f"{player}_loss_scale")

    def _refuse_outside(self, given):
        if self.distribute_strategy.num_replicas_in_sync == 1:
            return
        for player, optimizer in given.items():
            counter = optimizer.iterations._value
            if not isinstance(counter, tf.distribute.DistributedValues):
                raise ValueError(
                    f"`{player}_optimizer` was made outside the strategy's scope, on one device "
                    "only. Make it within `strategy.scope()`, or give its name."
                )

    def adjusted(self, optimizers):
        """The family's optimizers with what the model's arguments change of them."""
        rates = self._learning_rates()
        return {
            player: optimizer
            if (rate := rates.get(f"{player}_learning_rate")) is None
            else at_rate(optimizer, rate)
            for player, optimizer in optimizers.items()
        }

    def _learning_rates(self):
        """`{constructor argument: rate}`, None for the paper's."""
        return {
            "generator_learning_rate": self.generator_learning_rate,
            "discriminator_learning_rate": self.discriminator_learning_rate,
        }

    def steps_of(self, images):
        """Training steps in which so many images are shown; None of None."""
        if images is None:
            return None
        return max(1, round(images / (self.batch_size * self.discriminator_steps)))

    def constant_and_decay(self, images):
        """Steps of a constant learning rate and of its linear decay in a run of so many images.

        Half of the run each; where None the family's own `constant_steps` and `decay_steps`.
        """
        steps = self.steps_of(images)
        if steps is None:
            return self.constant_steps, self.decay_steps
        return steps // 2, steps - steps // 2

    def _refuse_unknown(self, optimizers, arguments):
        unknown = sorted(set(optimizers) - set(arguments))
        if unknown:
            raise TypeError(
                f"{type(self).__name__}.compile() has no argument {unknown[0]!r}. It takes one "
                f"optimizer per player ({', '.join(arguments)}), `images`, `batch_size`, "
                "`run_eagerly`, `steps_per_execution`, `jit_compile` and `metrics`; losses belong "
                "to the game."
            )

    def _refuse_on_devices(self, steps_per_execution, jit_compile, run_eagerly):
        if self.distribute_strategy.num_replicas_in_sync == 1:
            return
        if run_eagerly:
            raise ValueError(
                "On several devices a step runs as a graph only, in which they wait for each "
                "other in one order. Use run_eagerly=False, and one device to look into a step."
            )
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
        self._refuse_equal_draws()

    def _refuse_equal_draws(self):
        """Refuses layers whose random numbers would be the same on every device."""
        for network in self.networks.values():
            for layer in network._flatten_layers():
                if layer._seed_generators and not isinstance(layer, Dropout):
                    raise ValueError(
                        f"Layer {layer.name!r} of {network.name} is a "
                        f"{type(layer).__module__.partition('.')[0]}.layers.{type(layer).__name__}"
                        ", which draws the same random numbers on every device, so that several "
                        "learn less than one with their whole batch. Use "
                        "keras_gans.layers.Dropout, or noise as an input (`self.normal`)."
                    )

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
            "images": self.run_images,
            "batch_size": self.batch_size,
            **written_measures(self.measures, self.default_measures()),
            **optimizers,
        }

    def compile_from_config(self, config):
        measures = read_measures(config.get("metrics"))
        config = {name: value for name, value in config.items() if name != "metrics"}
        self.compile(**keras.saving.deserialize_keras_object(config), metrics=measures)

    # === A step ===

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
        if is_scaled(optimizer):
            weight = optimizer.scale_loss(weight)
        return tape.gradient(loss, self.variables_of(player), output_gradients=weight)

    def apply_gradients(self, player, gradients):
        """One step of the optimizer of `player`, or none where one that scales overflowed."""
        if is_scaled(self.optimizer_of(player)):
            gradients = _refused_together(gradients)
        # The optimizer's counters read nothing of the batch and would go on without it.
        with tf.control_dependencies(gradients):
            self.optimizer_of(player).apply(gradients, self.variables_of(player))


@keras.saving.register_keras_serializable("keras_gans")
class PlayerOptimizers:
    """All optimizers of a game in the place where Keras looks for one, `model.optimizer`.

    `LearningRateScheduler`, `ReduceLROnPlateau` and `TensorBoard` know `optimizers` from
    `keras.optimizers.MultiOptimizer` and treat each of them by itself. What has one value only,
    `iterations` and `learning_rate`, is read of the first player; a learning rate that is set is
    set for all.

    Args:
        optimizers: `{player: keras.optimizers.Optimizer}`.
        name: what trackers call it.
    """

    # `model.optimizer.rate = 0.1` is a mistake, not a new attribute.
    __slots__ = ("_players", "name", "__weakref__")

    built = True

    def __init__(self, optimizers, name="players"):
        self._players, self.name = dict(optimizers), name

    @property
    def optimizers(self):
        """Of the players, in their order."""
        return list(self._players.values())

    @property
    def iterations(self):
        """Updates of the first player."""
        return self.optimizers[0].iterations

    @property
    def variables(self):
        """Of all of them, player after player."""
        return [variable for optimizer in self.optimizers for variable in optimizer.variables]

    @property
    def learning_rate(self):
        """Of the first player now; `assign` sets that of all."""
        return _Rate(self)

    @learning_rate.setter
    def learning_rate(self, rate):
        scheduled = [player for player, opt in self._players.items() if schedule_of(opt)]
        if scheduled:
            arguments = ", ".join(f"{player}_optimizer" for player in scheduled)
            raise TypeError(
                f"The learning rate of {', '.join(scheduled)} follows a schedule and cannot be "
                f"set. Received: learning_rate={rate!r}. Compile with {arguments} of a fixed "
                "learning rate."
            )
        for optimizer in self.optimizers:
            optimizer.learning_rate = rate

    def finalize_variable_values(self, variables=None):
        """Puts averaged weights (`use_ema`) in the place of the last ones, as `fit` does."""
        for optimizer in self.optimizers:
            optimizer.finalize_variable_values(inner_of(optimizer)._trainable_variables)

    def get_config(self):
        """`{"optimizers": {player: its optimizer, serialized}, "name": ...}`, plain JSON."""
        written = {
            player: keras.saving.serialize_keras_object(optimizer)
            for player, optimizer in self._players.items()
        }
        return {"optimizers": written, "name": self.name}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """The same optimizers, new."""
        made = {
            player: keras.saving.deserialize_keras_object(written, custom_objects)
            for player, written in config["optimizers"].items()
        }
        return cls(made, config.get("name", "players"))


class _Rate:
    """A learning rate that can be read as a number or an array, and assigned to."""

    def __init__(self, optimizers):
        self._of = optimizers

    @property
    def _first(self):
        return self._of.optimizers[0].learning_rate

    def __float__(self):
        return float(self.numpy())

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.numpy(), dtype)

    def numpy(self):
        """The number, a NumPy scalar."""
        return keras.ops.convert_to_numpy(self._first)

    @property
    def value(self):
        """The number, a tensor."""
        return keras.ops.convert_to_tensor(self._first)

    @property
    def dtype(self):
        """Of the number."""
        return keras.backend.standardize_dtype(self.value.dtype)

    @property
    def shape(self):
        """Of a number: ()."""
        return ()

    def assign(self, rate):
        """Sets the learning rate of all players."""
        self._of.learning_rate = rate

    def __repr__(self):
        return f"<learning rate {float(self):g} of {', '.join(self._of._players)}>"


def schedule_of(optimizer):
    """The schedule its learning rate follows, or None."""
    rate = getattr(inner_of(optimizer), "_learning_rate", None)
    return rate if isinstance(rate, keras.optimizers.schedules.LearningRateSchedule) else None


def inner_of(optimizer):
    """The optimizer itself or, of one that scales losses, the one inside."""
    return optimizer.inner_optimizer if is_scaled(optimizer) else optimizer


def is_scaled(optimizer):
    """Whether an optimizer scales losses."""
    return isinstance(optimizer, keras.optimizers.LossScaleOptimizer)


def _refused_together(gradients):
    """Gradients that are NaN on every replica if they are not finite on one.

    Keras looks at the first replica only, before the sum, so that an overflow elsewhere would reach
    the weights.
    """
    if not gradients or tf.distribute.get_strategy().num_replicas_in_sync == 1:
        return gradients
    finite = tf.reduce_all([tf.reduce_all(tf.math.is_finite(g)) for g in gradients])
    overflows = tf.distribute.get_replica_context().all_reduce(
        tf.distribute.ReduceOp.SUM, tf.cast(~finite, tf.float32)
    )
    return [tf.where(overflows > 0, tf.cast(float("nan"), g.dtype), g) for g in gradients]


def at_rate(optimizer, rate):
    """Such an optimizer, new, whose learning rate is this or, by its schedule, falls from it."""
    config, rate = optimizer.get_config(), float(rate)  # Keras takes no whole numbers
    schedule = config["learning_rate"]
    if isinstance(schedule, dict):  # written out, as Keras writes schedules
        rate = {**schedule, "config": _begun_at(rate, schedule["config"])}
    return type(optimizer).from_config({**config, "learning_rate": rate})


def _begun_at(rate, settings):
    """The settings of a schedule, in the same form, that begins at a rate."""
    if "values" in settings:  # piecewise constant
        first = settings["values"][0]
        return {**settings, "values": [rate * value / first for value in settings["values"]]}
    return {**settings, "initial_learning_rate": rate}
