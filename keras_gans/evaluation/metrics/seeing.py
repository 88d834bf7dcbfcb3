"""Metrics that see pictures through an extractor, as measures that `compile(metrics=...)` takes."""

import functools

from keras_gans.core.measuring import Measure
from keras_gans.evaluation import features


class Seeing(Measure):
    """A `Measure` on features of pictures.

    A metric calls `_sees_by` in its constructor, names its `figures_of_result` and says in
    `observe` what it sees. The extractor is used by that alone: whoever has features of his own
    calls `update`.

    Attributes:
        extractor: as `keras_gans.evaluation.features.get` takes it, or an `Extractor`.
        name: of its figures, or None.
        figures_of_result: `{figure: which way it is better}`, in the order of `result`.
        title: the figure that `name` takes the place of; None where it comes before all.
    """

    figures_of_result: dict[str, str | None] = {}
    title: str | None = None

    def _sees_by(self, extractor, name, **arguments):
        """Keeps the constructor's arguments; forgets all pictures."""
        self.extractor, self.name, self._arguments = extractor, name, arguments
        self.reset()

    @property
    def directions(self):
        return {self._named(figure): way for figure, way in self.figures_of_result.items()}

    def _named(self, figure):
        if self.name is None:
            return figure
        return (
            f"{self.name}{figure.removeprefix(self.title)}"
            if self.title
            else f"{self.name}_{figure}"
        )

    def ready(self):
        self._seer()

    def observe(self, real, fake):
        see = self._seer().remembered
        self.update(real=see(real), fake=see(fake))

    def figures(self):
        result = self.result()
        values = result if isinstance(result, tuple) else (result,)
        return {name: float(value) for name, value in zip(self.directions, values, strict=True)}

    def get_config(self):
        if not isinstance(self.extractor, str):
            raise ValueError(
                "an extractor of one's own is no part of a file: give its name, such as 'lite0'"
            )
        named = {} if self.name is None else {"name": self.name}
        return {**self._arguments, "extractor": self.extractor, **named}

    def _seer(self):
        """The `Extractor`; one for all that name it."""
        return _by_name(self.extractor) if isinstance(self.extractor, str) else self.extractor


class SeeingClasses(Seeing):
    """A `Seeing` of the classes an extractor knows."""

    def ready(self):
        seer = self._seer()
        if seer.classes is None:
            raise ValueError(
                f"{type(self).__name__} is of classes, and the extractor {seer.name} knows none. "
                "Use extractor='inception:PATH', or a classifier: "
                "`features.of_model(classifier, logits=True)`."
            )

    def _probabilities(self, pictures):
        seer = self._seer()
        return seer.probabilities(seer.remembered(pictures))


@functools.cache
def _by_name(name):
    return features.get(name)
