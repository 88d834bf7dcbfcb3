"""What `evaluate` and `validation_data` measure: pictures made for each batch, against its own.

A `Measure` is shown real and generated pictures batch by batch and says figures in the end.
`keras_gans.metrics` are measures; `compile(metrics=[...])` chooses.
"""

from __future__ import annotations

import copy
import importlib
import warnings
from typing import Any

import keras
import numpy as np

from keras_gans.core.feeding import Feed
from keras_gans.core.mixin import Mixin
from keras_gans.core.signature import (
    as_parts,
    completes,
    directions,
    edits,
    frames_of,
    has_truth,
    source_of,
    takes_masks,
    target_of,
    translates,
)

_PACKAGE = "keras_gans."


class Measure:
    """A figure, or several, of how good generated pictures are.

    A class of one's own is saved with a model where it is registered with Keras
    (`keras.saving.register_keras_serializable`) and has `get_config`.

    Attributes:
        directions: `{figure: "min" or "max"}`, which way it is better; None where nobody can say.
        of_pairs: whether each generated picture is compared with the real one in its row.
        of_holes: whether it looks at holes that were filled in, through `observe_holes`.
        least: pictures of each kind it needs.
    """

    directions: dict[str, str | None] = {}
    of_pairs = False
    of_holes = False
    least = 1

    def ready(self) -> None:
        """Asked before the first step.

        Raises:
            ValueError: where it could not measure; why.
        """

    def reset(self) -> None:
        """Forgets all pictures."""
        raise NotImplementedError(f"{type(self).__name__} must be able to forget.")

    def observe(self, real: np.ndarray, fake: np.ndarray) -> None:
        """Adds pictures, float32 (N, height, width, channels) in [-1, 1].

        Args:
            real: true ones.
            fake: generated ones, as many.
        """
        raise NotImplementedError(f"{type(self).__name__} must say what it sees in pictures.")

    def observe_holes(self, real: np.ndarray, fake: np.ndarray, holes: np.ndarray) -> None:
        """Adds pictures of a model that fills holes: as `observe`, unless it looks at these.

        Args:
            real: true ones.
            fake: the same with their holes filled in.
            holes: float32 (N, height, width, 1), 1 in the hole and 0 elsewhere.
        """
        self.observe(real, fake)

    def figures(self) -> dict[str, float]:
        """What was measured, by the names of `directions`."""
        raise NotImplementedError(f"{type(self).__name__} must say what it measured.")

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, plain JSON."""
        raise NotImplementedError(f"{type(self).__name__} must say what it was made with.")

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Measure:
        """A new one by what `get_config` says."""
        return cls(**config)


class Measuring(Mixin):
    """`evaluate`, `test_on_batch` and what they measure. Mixed into `GAN`."""

    name: str

    #: What is measured, set by `compile`.
    measures: list[Measure] = []

    def default_measures(self) -> list[Measure]:
        """What the game measures where `compile` was not told: nothing in most games."""
        return []

    def checked_measures(self, metrics) -> list[Measure]:
        """What `compile(metrics=...)` was given, or the default.

        Raises:
            TypeError: for what is no `Measure`.
            ValueError: for a measure of pairs in a game without.
        """
        if metrics is None:
            return self.default_measures()
        metrics = list(metrics) if isinstance(metrics, (list, tuple)) else [metrics]
        for metric in metrics:
            if not isinstance(metric, Measure):
                raise TypeError(
                    f"`metrics` are measures of pictures, of `keras_gans.metrics`. Received: "
                    f"{metric!r}. A game has no predictions to compare with targets; use "
                    "compile(metrics=[keras_gans.metrics.KID()])."
                )
            if metric.of_pairs and not has_truth(self):
                raise ValueError(
                    f"{type(metric).__name__} compares each picture with its true one, and "
                    f"{self.name} is not trained on pairs. Use keras_gans.metrics.KID()."
                )
            if metric.of_holes and not completes(self):
                raise ValueError(
                    f"{type(metric).__name__} measures holes that were filled in, and {self.name} "
                    "fills none. Use keras_gans.metrics.Pairs() or KID()."
                )
        names = [name for metric in metrics for name in metric.directions]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(
                f"Two of `metrics` give {', '.join(twice)}. Give one of them another `name`."
            )
        return metrics

    @property
    def measured(self) -> dict[str, str | None]:
        """Names of the figures `evaluate` gives, and which way each is better."""
        return {
            f"{name}{suffix}": direction
            for suffix in self._ways().values()
            for measure in self.measures
            for name, direction in measure.directions.items()
        }

    def require_measures(self, argument: str) -> None:
        """Refuses to measure where nothing is.

        Raises:
            NotImplementedError: naming the argument, and what to do.
        """
        if not self.measures:
            raise NotImplementedError(
                f"{argument}: a GAN has no validation loss. Its losses say who is winning, not how "
                "good the pictures are. Say what to measure: "
                "compile(metrics=[keras_gans.metrics.KID()])."
            )
        for measure in self.measures:
            measure.ready()

    def evaluate(
        self,
        x=None,
        y=None,
        batch_size=None,
        verbose="auto",
        sample_weight=None,
        steps=None,
        callbacks=None,
        return_dict=False,
        **kwargs,
    ):
        """Measures pictures made for each batch: of its labels, or from its sources.

        The same latents are drawn every time, so that figures of two epochs compare.

        Args:
            x: data as `fit` takes it.
            y: with arrays, what comes beside the pictures (labels).
            batch_size: with arrays.
            verbose: as in `keras.Model.evaluate`.
            sample_weight: refused.
            steps: batches to measure; all where not given.
            callbacks: as in `keras.Model.evaluate`.
            return_dict: return `{name: figure}` instead of a list.
            **kwargs: Keras' own.

        Returns:
            The figures of what `compile(metrics=...)` chose, in its order.

        Raises:
            NotImplementedError: where nothing is measured.
            ValueError: as `fit`, or for fewer pictures than a metric needs.
        """
        cached = kwargs.pop("_use_cached_eval_dataset", False)
        if kwargs:
            raise ValueError(f"Arguments not recognized: {kwargs}")
        self._assert_compile_called("evaluate")
        self.require_measures("`evaluate`")
        self.refuse_weights(sample_weight=sample_weight)
        feed = Feed(self)
        # `fit` has made it data to measure by.
        data = x if cached else feed.to_measure((x, y), batch_size)
        if not isinstance(callbacks, keras.callbacks.CallbackList):
            callbacks = keras.callbacks.CallbackList(
                callbacks,
                add_progbar=verbose != 0,
                verbose=verbose,
                epochs=1,
                steps=steps or _length(data),
                model=self,
            )
        with feed.explained():
            logs = self._measured_by(data, steps, callbacks)
        return logs if return_dict else _as_keras_gives_them(logs)

    def _measured_by(self, data, steps, callbacks):
        observers = self._observers()
        self.stop_evaluating = False
        callbacks.on_test_begin()
        for number, batch in enumerate(data):
            if number == steps or self.stop_evaluating:
                break
            callbacks.on_test_batch_begin(number)
            self._observe(observers, batch, number)
            callbacks.on_test_batch_end(number, {})
        logs = _figures(observers)
        callbacks.on_test_end(logs)
        return logs

    def test_on_batch(self, x, y=None, sample_weight=None, return_dict=False):
        """The figures of one batch, as `evaluate`."""
        self._assert_compile_called("test_on_batch")
        self.require_measures("`test_on_batch`")
        self.refuse_weights(sample_weight=sample_weight)
        observers = self._observers()
        self._observe(observers, self.looked_at(x, y), 0)
        logs = _figures(observers)
        return logs if return_dict else _as_keras_gives_them(logs)

    def test_step(self, batch):
        """Refused: measures look at pictures outside the graph."""
        raise NotImplementedError("A GAN has no validation loss: use `evaluate`.")

    def _ways(self) -> dict[str, str]:
        """`{direction: suffix of its figures}`; one direction of no name where nothing is two."""
        ways = directions(self)
        return {way: f"_{way}" for way in ways} if len(ways) > 1 else {"".join(ways): ""}

    def _observers(self):
        """`(direction, suffix, measures that have seen nothing)` of each direction."""
        made = []
        for way, suffix in self._ways().items():
            fresh = [copy.copy(measure) for measure in self.measures]
            for measure in fresh:
                measure.reset()
            made.append((way, suffix, fresh))
        return made

    def _observe(self, observers, batch, number):
        batch = _as_arrays(batch)
        for way, _, measures in observers:
            real, fake = pictures_for(self, batch, way, number)
            for measure in measures:
                if completes(self):
                    measure.observe_holes(real, fake, holes_for(self, batch, number))
                else:
                    measure.observe(real, fake)


def pictures_for(model, batch, direction: str, number: int, seed: int = 0, **how):
    """A batch's true pictures, and as many made for it.

    Args:
        model: a `keras_gans.GAN`.
        batch: arrays, as `batch_spec` says.
        direction: of a translator.
        number: of the batch: its latents are its own, whatever is asked of the rest.
        seed: of all latents.
        **how: further arguments of `sample`.

    Returns:
        `(real, fake)`, float32 (N, height, width, channels). Of a model that edits, the fake ones
        are the real ones with each other's labels.
    """
    if edits(model):
        rows = np.random.default_rng(seed_of(seed, number, 0)).permutation(batch[1])
        return batch[0], model.translate(batch[0], **model.conditions.asked(rows))
    if translates(model):
        beside = {"masks": holes_for(model, batch, number, seed)} if takes_masks(model) else {}
        made = model.translate(source_of(batch, direction), direction=direction, **beside)
        return real_pictures(model, batch, direction), frames_of(made)
    real = real_pictures(model, batch, direction)
    how["seed"] = seed_of(seed, number, 0)
    if isinstance(batch, tuple):
        return real, model.sample(**how, **model.conditions.asked(batch[1]))
    return real, model.sample(len(real), **how)


def holes_for(model, batch, number: int, seed: int = 0) -> np.ndarray:
    """The holes that a batch's pictures are given, by a model that fills them.

    Args:
        model: a `keras_gans.GAN` that completes pictures.
        batch: arrays, as `batch_spec` says.
        number: of the batch: its holes are its own.
        seed: of all holes.

    Returns:
        float32 (N, height, width, 1): 1 in the hole, 0 where the picture is known.
    """
    return np.asarray(model.holes(len(as_parts(batch)[0]), (seed_of(seed, number, 0), 0)))


def real_pictures(model, batch, direction: str) -> np.ndarray:
    """Those pictures of a batch that what the model makes should be like."""
    if translates(model) and not edits(model):
        return frames_of(target_of(batch, direction))
    return np.asarray(batch[0] if isinstance(batch, tuple) else batch)


def seed_of(*numbers: int) -> int:
    """A seed for each tuple of numbers."""
    return int(np.random.SeedSequence(numbers).generate_state(1)[0] >> 1)


def written_measures(measures, usual) -> dict[str, Any]:
    """The measures for a model's file: `{"metrics": [...]}`; nothing where they are the usual."""
    if [type(measure) for measure in measures] == [type(measure) for measure in usual]:
        return {}
    written = []
    for measure in measures:
        try:
            written.append(keras.saving.serialize_keras_object(measure))
        except (NotImplementedError, TypeError, ValueError) as error:
            warnings.warn(
                f"{type(measure).__name__} is not saved with the model ({error}). Compile what is "
                "loaded with `metrics=` again.",
                stacklevel=2,
            )
    return {"metrics": written}


def read_measures(written) -> list[Measure] | None:
    """The measures a file names; None where it names none."""
    if written is None:
        return None
    for each in written:
        module = each.get("module") or ""
        if module.startswith(_PACKAGE):  # registers its classes with Keras
            importlib.import_module(module)
    return [keras.saving.deserialize_keras_object(each) for each in written]


def _figures(observers) -> dict[str, float]:
    return {
        f"{name}{suffix}": float(value)
        for _, suffix, measures in observers
        for measure in measures
        for name, value in measure.figures().items()
    }


def _as_keras_gives_them(figures):
    """A list; a number where there is one."""
    values = list(figures.values())
    return values[0] if len(values) == 1 else values


def _as_arrays(batch):
    return keras.tree.map_structure(np.asarray, batch)


def _length(data) -> int | None:
    count = int(data.cardinality())
    return count if count >= 0 else None
