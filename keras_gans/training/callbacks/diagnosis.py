"""Diagnosis while training: what is going wrong, and which switch to try.

The advice is that of practice, in the order of its sources:

    ganhacks   Chintala, Denton, Arjovsky & Mathieu, 2016, https://github.com/soumith/ganhacks
    smoothing  Salimans et al., 2016, https://arxiv.org/abs/1606.03498 (section 3.4)
    noise      Sonderby et al., 2016, https://arxiv.org/abs/1610.04490; why gradients vanish:
               Arjovsky & Bottou, 2017, https://arxiv.org/abs/1701.04862
    penalties  Gulrajani et al., 2017, https://arxiv.org/abs/1704.00028; R1: Mescheder et al.,
               2018, https://arxiv.org/abs/1801.04406
    rates      Heusel et al., 2017, https://arxiv.org/abs/1706.08500
    diversity  PacGAN: Lin et al., 2018, https://arxiv.org/abs/1712.04086; minibatch standard
               deviation: Karras et al., 2018, https://arxiv.org/abs/1710.10196; relativistic
               pairing with R1: Huang et al., 2024, https://arxiv.org/abs/2501.05441
    pools      Shrivastava et al., 2017, https://arxiv.org/abs/1612.07828
"""

import collections
import dataclasses
import json
import pathlib
import sys

import keras
import numpy as np

from keras_gans.core.saving import constructor_arguments
from keras_gans.core.signature import draws

AHEAD = "discriminator ran ahead"
LOST = "discriminator lost"
FLAT = "generator loss flat"
COLLAPSED = "sample diversity collapsed"
UNHEARD = "labels ignored"
VANISHED = "gradients vanished"
NOT_FINITE = "not finite"

_WON, _GUESSING = 0.98, 0.52  # accuracies; half of the images are guessed right by chance
_FLAT_EPOCHS, _FLAT_SPREAD = 5, 0.01
_ALIKE = 0.3  # of the real pictures' mean distance from each other
# Of the real pictures' median distance to the nearest other. Measured on 64 pictures of clothes:
# 0.9 to 1.1 of the weights that ship, 0.5 of a GAN after 20 epochs, 0.09 to 0.22 in its first
# twelve, when it makes four kinds of picture.
_TWINS = 0.25
# Of the distance of pictures of one class from each other, that of pictures of one latent and other
# classes. Measured on a conditional GAN: 0.02 to 0.05 while labels are ignored, 0.8 soon after.
_SAME_CLASS = 0.1
_STILL = 1e-6  # of the norm of the weights, in an epoch
_PICTURES = 64
_LATENTS, _CLASSES = 16, 10  # in which labels are listened for
_MOST_SWITCHES = 5  # an advice is one line
_WITH_TARGETS = (None, "minimax", "non_saturating", "least_squares")


@dataclasses.dataclass(frozen=True)
class Finding:
    """What is wrong, by what it was seen, and what to try."""

    symptom: str
    evidence: str
    advice: str

    def __str__(self):
        return f"{self.symptom}: {self.evidence}. {self.advice}"


@dataclasses.dataclass(frozen=True)
class _Switch:
    """An argument to try.

    Attributes:
        argument: of the model's constructor.
        value: to give it, where one is known to work.
        change: "a lower" and such, for arguments that always have a value.
        beside: another switch that belongs to it.
    """

    argument: str
    value: object = None
    change: str = ""
    beside: "_Switch | None" = None


def _rate(change, player):
    return _Switch(f"{player}_learning_rate", change=change)


_SWITCHES = {
    AHEAD: (
        _Switch("label_smoothing", 0.1),
        _Switch("instance_noise", 0.1),
        _Switch("balance", 0.9),
        _Switch("pool_size", change="a larger"),
        _rate("a lower", "discriminator"),
        _Switch("gradient_penalty", 10.0),
        _Switch("r1", 1.0),
        _Switch("augment", ["color", "translation", "cutout"]),
    ),
    LOST: (
        _Switch("discriminator_steps", 2),
        _rate("a higher", "discriminator"),
        _rate("a lower", "generator"),
    ),
    FLAT: (
        _Switch("objective", "least_squares"),
        _Switch("identity_weight", change="another"),
        _Switch("l1_weight", change="another"),
        _rate("another", "generator"),
        _rate("another", "discriminator"),
    ),
    COLLAPSED: (
        _Switch("packing", 2),
        _Switch("objective", "relativistic_pairing", beside=_Switch("r1", 1.0)),
        _Switch("ema_decay", 0.999),
        _Switch("augment"),
        _rate("a lower", "generator"),
    ),
    UNHEARD: (
        _Switch("class_weight", change="a larger"),
        _rate("a lower", "generator"),
        _rate("a lower", "discriminator"),
    ),
    VANISHED: (
        _Switch("objective", "non_saturating"),
        _Switch("instance_noise", 0.1),
        _rate("a lower", "discriminator"),
        _rate("a higher", "generator"),
    ),
    NOT_FINITE: (
        _rate("a lower", "generator"),
        _rate("a lower", "discriminator"),
        _Switch("gradient_penalty", 10.0),
        _Switch("r1", 1.0),
    ),
}

# What no argument says.
_WORDS = {
    AHEAD: "",
    LOST: "",
    FLAT: "Relativistic and hinge games rest at a flat loss: look at the samples first.",
    COLLAPSED: "Larger batches and a minibatch standard deviation layer in D help too.",
    UNHEARD: "Longer training often cures it; cdcgan and sngan_projection listen to labels sooner.",
    VANISHED: "",
    NOT_FINITE: "This goes on; keras_gans.callbacks.StopOnDivergence() would stop it.",
}


def advise(model, symptom):
    """What to try against a symptom, in arguments this model has and does not use yet.

    Args:
        model: a `keras_gans.GAN`.
        symptom: one of the names above, such as `AHEAD`.

    Returns:
        One line.
    """
    texts = [text for switch in _SWITCHES[symptom] if (text := _offer(model, switch))]
    texts = texts[:_MOST_SWITCHES] or ["other learning rates"]
    tried = " or ".join(filter(None, [", ".join(texts[:-1]), texts[-1]]))
    return f"Try {tried}. {_WORDS[symptom]}".strip()


def _offer(model, switch):
    """The switch in words, or None where this model cannot be given it or has it on."""
    name = switch.argument
    player = name.removesuffix("_learning_rate")
    of_nobody = player != name and player not in model.players
    if of_nobody or name not in constructor_arguments(type(model)):
        return None
    config = model.get_config()
    if switch.change:
        return f"{switch.change} `{name}`"
    if _is_on(config.get(name), switch.value) or not _fits(model, config, switch):
        return None
    text = f"`{name}`" if switch.value is None else f"`{name}={json.dumps(switch.value)}`"
    beside = switch.beside and _offer(model, switch.beside)
    return f"{text} with {beside}" if beside else text


def _is_on(current, value):
    if current == value or isinstance(value, str):
        return current is not None and current == value
    return current is True or (bool(current) and current != 1)  # 1: packing and steps, switched off


def _fits(model, config, switch):
    """Whether the family would take it: tricks that make no sense together are refused."""
    if switch.argument == "objective":
        return model.takes_objectives
    if switch.argument == "label_smoothing":
        return config.get("objective") in _WITH_TARGETS and model.takes_objectives
    if switch.argument == "packing":
        return not model.conditions
    if switch.argument == "gradient_penalty":  # asks for each image's own slope
        return not config.get("clip") and not _has_batch_norm(model)
    return switch.argument != "r1" or not config.get("clip")


def _has_batch_norm(model):
    networks = [model.networks[name] for name in model.players.get("discriminator", ())]
    layers = [layer for network in networks for layer in network._flatten_layers()]
    return any(isinstance(layer, keras.layers.BatchNormalization) for layer in layers)


class Diagnosis(keras.callbacks.Callback):
    """Says in one line what goes wrong in training, how that shows, and what to try.

    It looks at the end of every epoch: at the logs, at how far the generator's weights moved and,
    where it was given real pictures, at how much samples of fixed latents differ from each other,
    measured against those. It says a thing once, until that has gone away and come back. It names
    only arguments the model has. It never stops a training.

    For as long as it trains it keeps a copy of the generator's weights.

    Args:
        real: real pictures (N, H, W, C) in [-1, 1], 64 of which are used; diversity is not looked
            at where None, nor in models that translate.
        every: steps from one look at the logs to the next within an epoch, where the losses and
            accuracies are those of the epoch so far; none where None.
        patience: looks in a row at which accuracies or diversity must be bad.
        warm_up: updates before which nothing is said but of numbers that are not finite: at the
            start of every game D is ahead and all samples are alike.
        seed: of the latents.
        print_fn: prints a line; to standard error where None.
        path: file each line is added to as well; none where None.

    Attributes:
        findings: every `Finding` so far, the oldest first.
    """

    def __init__(
        self,
        real=None,
        *,
        every=None,
        patience=2,
        warm_up=500,
        seed=0,
        print_fn=None,
        path=None,
    ):
        super().__init__()
        self.every, self.patience, self.warm_up, self.seed = every, patience, warm_up, seed
        self.print_fn, self.path = print_fn, path and pathlib.Path(path)
        self.findings = []
        self._real = None if real is None else np.asarray(real[:_PICTURES])
        self._real_distance = 0.0 if real is None else mean_distance(self._real)
        if every:
            # Only then: a method that is there makes Keras wait for every step's logs.
            self.on_train_batch_end = self._after_step

    def on_train_begin(self, logs=None):
        self._streaks: collections.Counter[str] = collections.Counter()
        self._present, self._history, self._unsaid = set(), [], []

    def on_epoch_begin(self, epoch, logs=None):
        self._say_all()  # of the epoch before, now that Keras has finished its line
        self._epoch, self._looks = epoch + 1, 0
        self._before = self._generator_weights()

    def _after_step(self, batch, logs=None):
        looks = (batch + 1) // self.every
        if looks > self._looks:
            self._looks = looks
            self._judge(self._seen_in_logs(logs or {}))
            self._say_all("\n" if self.params.get("verbose") == 1 else "")  # leaves Keras' bar

    def on_epoch_end(self, epoch, logs=None):
        logs = logs or {}
        seen = self._seen_in_logs(logs)
        if not seen[NOT_FINITE] and self._is_warm():
            self._history.append(logs)
            seen[FLAT] = self._flatness()
            # A discriminator that has won teaches nothing, of which all else follows.
            if not seen.get(AHEAD):
                seen[COLLAPSED] = self._collapse()
                seen[UNHEARD] = self._deafness()
            seen[VANISHED] = self._stillness()
        self._judge(seen)

    def on_train_end(self, logs=None):
        self._say_all()
        self._before = None

    # === What is seen: the evidence of each symptom looked for, None where it is not there ===

    def _is_warm(self):
        return int(self.model.step.numpy()) >= self.warm_up

    def _seen_in_logs(self, logs):
        broken = [name for name, value in logs.items() if not np.isfinite(value)]
        if broken:
            return {NOT_FINITE: self._broken(broken)}  # all else follows from it
        seen: dict[str, str | None] = {NOT_FINITE: None}
        if self._is_warm() and {"real_accuracy", "fake_accuracy"} <= set(logs):
            real, fake = logs["real_accuracy"], logs["fake_accuracy"]
            evidence = f"real_accuracy {real:.2f} and fake_accuracy {fake:.2f}"
            # A critic that estimates a distance cannot be too far ahead (Arjovsky et al., 2017).
            critic = self.model.get_config().get("objective") == "wasserstein"
            seen[AHEAD] = evidence if min(real, fake) >= _WON and not critic else None
            seen[LOST] = evidence if (real + fake) / 2 <= _GUESSING else None
        return seen

    def _broken(self, names):
        blamed = [name for name in names if name != "loss"] or names
        networks = [
            name
            for name, network in self.model.networks.items()
            if not all(np.isfinite(np.asarray(weight)).all() for weight in network.weights)
        ]
        weights = f", and so are weights of {', '.join(networks)}" if networks else ""
        return f"{', '.join(blamed)}{weights}"

    def _flatness(self):
        recent = self._history[-_FLAT_EPOCHS:]
        if len(recent) < _FLAT_EPOCHS or "generator_loss" not in recent[0]:
            return None
        names = set.intersection(*(set(logs) for logs in recent))
        spreads = {name: _spread([logs[name] for logs in recent]) for name in names}
        if max(spread for name, spread in spreads.items() if name != "loss") > _FLAT_SPREAD:
            return None
        return (
            f"{recent[-1]['generator_loss']:.3g}, within {spreads['generator_loss']:.1%} for "
            f"{_FLAT_EPOCHS} epochs, and nothing else in the logs moves"
        )

    def _collapse(self):
        if self._real is None or not self._real_distance or not draws(self.model):
            return None
        samples = self.model.sample(len(self._real), seed=self.seed)
        ratio = mean_distance(samples) / self._real_distance
        if ratio < _ALIKE:
            return f"samples differ {ratio:.2f} as much as real pictures"
        twins = nearest_distance(samples) / max(nearest_distance(self._real), 1e-9)
        if twins >= _TWINS:
            return None
        return (
            f"samples are of a few kinds, {twins:.2f} as far from the nearest as real pictures are"
        )

    def _deafness(self):
        """Whether equal latents give equal pictures whatever the class."""
        heads = self.model.conditions.heads
        if not heads or heads[0] < 2 or not draws(self.model):
            return None
        latents = self.model.draw_latents(_LATENTS, self.seed)
        drawn = self.model.conditions.draw(_LATENTS, self.seed)
        by_class = []
        for number in range(min(heads[0], _CLASSES)):
            labels = np.array(drawn)
            labels[(slice(None), 0) if labels.ndim > 1 else slice(None)] = number
            by_class.append(self._pictures_of(latents, labels))
        of_class = np.mean([mean_distance(pictures) for pictures in np.stack(by_class, 1)])
        of_latents = np.mean([mean_distance(pictures) for pictures in by_class])
        if not of_latents or of_class >= _SAME_CLASS * of_latents:
            return None
        return (
            f"pictures of one latent and other classes differ {of_class / of_latents:.2f} as much "
            "as pictures of one class"
        )

    def _pictures_of(self, latents, labels):
        return np.asarray(self.model.sampling_network([latents, labels], training=False))

    def _generator_weights(self):
        if "generator" not in self.model.players:
            return []
        return [np.array(variable) for variable in self.model.variables_of("generator")]

    def _stillness(self):
        norm = _norm(self._before)
        if not norm:
            return None
        now = self.model.variables_of("generator")
        moved = _norm(np.asarray(b) - a for a, b in zip(self._before, now, strict=True)) / norm
        rate = self.model.optimizer_of("generator").learning_rate
        rate = float(keras.ops.convert_to_numpy(rate))
        if moved >= _STILL:
            return None
        return f"the generator's weights moved by {moved:.1e} of their norm, at rate {rate:g}"

    # === What is said ===

    def _judge(self, seen):
        for symptom, evidence in seen.items():
            self._streaks[symptom] = self._streaks[symptom] + 1 if evidence else 0
            if not evidence:
                self._present.discard(symptom)
            elif symptom not in self._present and self._streaks[symptom] >= self._needed(symptom):
                self._present.add(symptom)
                self._find(Finding(symptom, evidence, advise(self.model, symptom)))

    def _needed(self, symptom):
        return self.patience if symptom in (AHEAD, LOST, COLLAPSED, UNHEARD) else 1

    def _find(self, finding):
        self.findings.append(finding)
        line = f"Diagnosis in epoch {self._epoch}: {finding}"
        self._unsaid.append(line)
        if self.path:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(f"{line}\n")

    def _say_all(self, start=""):
        lines, self._unsaid = self._unsaid, []
        for line in lines:
            if self.print_fn:
                self.print_fn(line)
            else:
                print(f"{start}{line}", file=sys.stderr, flush=True)


def mean_distance(images):
    """Mean Euclidean distance of pictures (N, ...) from each other; 0 for fewer than two."""
    if len(images) < 2:
        return 0.0
    # On the diagonal is what rounding makes of zero.
    distances = np.sqrt(_squared_distances(images, diagonal=0.0))
    return float(distances.sum() / (len(images) * (len(images) - 1)))


def nearest_distance(images):
    """Median Euclidean distance of pictures (N, ...) to the nearest other one."""
    nearest = _squared_distances(images, diagonal=np.inf).min(axis=1)
    return float(np.sqrt(np.median(nearest)))


def _squared_distances(images, diagonal):
    """(N, N) between pictures (N, ...), `diagonal` between each and itself."""
    flat = np.asarray(images, "float64").reshape(len(images), -1)
    squares = np.sum(flat**2, axis=1)
    distances = squares[:, None] + squares - 2.0 * flat @ flat.T
    np.fill_diagonal(distances, diagonal)
    return np.maximum(distances, 0.0)


def _spread(values):
    # The floor: losses near zero are as good as flat however they tremble.
    return (max(values) - min(values)) / max(abs(float(np.mean(values))), 0.01)


def _norm(arrays):
    return float(np.sqrt(sum(np.sum(np.square(array, dtype="float64")) for array in arrays)))
