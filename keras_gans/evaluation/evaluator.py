"""Figures of how good a model's pictures are, each with the protocol it was made by.

    evaluator = Evaluator(data.load(source, model, split="test", shuffle=False), extractor)
    evaluator(model)            # {"fid_lite0": 31.2, "kid_lite0": 0.0102, ...}
    evaluator.protocol(model)   # extractor and its hash, counts, seed, versions

Features of the real pictures are worked out once, so that an evaluator can be asked again and
again, as `keras_gans.callbacks.Metrics` does.
"""

import copy
import functools

import numpy as np
import tensorflow as tf

from keras_gans import latent
from keras_gans.core.measuring import holes_for, pictures_for, real_pictures, seed_of
from keras_gans.core.signature import Latent, completes, edits, translates
from keras_gans.evaluation import metrics
from keras_gans.utils.checks import check_positive
from keras_gans.utils.versions import versions

_NEIGHBOURS = {"precision_recall": 3, "density_coverage": 5}  # as in their papers

#: Figures of each metric, in the order of its result, and how it is made.
_ON_FEATURES = {
    "fid": (("fid",), metrics.FID),
    "kid": (("kid", "kid_deviation"), metrics.KID),
    "precision_recall": (
        ("precision", "recall"),
        functools.partial(metrics.PrecisionRecall, _NEIGHBOURS["precision_recall"]),
    ),
    "density_coverage": (
        ("density", "coverage"),
        functools.partial(metrics.DensityCoverage, _NEIGHBOURS["density_coverage"]),
    ),
}
_GENERATED_AT_ONCE = 250
_POINTS = 100  # of an interpolation whose neighbours are compared

#: The same of those that ask which class a network sees; made for so many classes.
_ON_CLASSES = {
    "inception_score": (
        ("inception_score", "inception_score_deviation"),
        lambda classes: metrics.InceptionScore(),
    ),
    "modes": (("modes", "modes_divergence"), metrics.Modes),
}

#: And of those that compare each translation with its true picture.
_ON_PAIRS = {"pairs": metrics.Pairs, "perceptual": metrics.Perceptual, "holes": metrics.Holes}

_FIGURES = {name: figures for name, (figures, _) in {**_ON_FEATURES, **_ON_CLASSES}.items()}

#: Metrics an `Evaluator` can be asked for; "inception_score" and "modes" with an extractor that
#: knows classes, "path_length" of models of latents, "pairs" and "perceptual" of translators, where
#: pictures belong together, and "holes" of models that fill these.
METRICS = (*_ON_FEATURES, *_ON_CLASSES, "path_length", *_ON_PAIRS)

#: Those that compare with true translations.
OF_PAIRS = frozenset(_ON_PAIRS)

#: Those that ask for no features.
WITHOUT_FEATURES = frozenset({"pairs", "holes"})


class Evaluator:
    """Compares a model's pictures with real ones.

    A model of latents draws as many pictures as there are real ones; with labels, of the labels
    these have. A translator's pictures are compared with the real ones of the domain they should
    belong to and, of "pairs", "perceptual" and "holes", each with its true one. A model that edits
    pictures gives the real ones each other's labels; one that fills holes is given the same ones
    every time.

    Args:
        real: dataset as `keras_gans.data.load` makes it (with `shuffle=False` and
            `drop_remainder=False`), or a list of such batches: held out, where the figures shall
            say anything. It is gone through several times and never held in memory.
        extractor: a `features.Extractor`; None where only "pairs" and "holes" are
            asked for.
        names: of `METRICS`; where None all of features for which there are pictures enough.
        count: pictures of each kind, at most; all there are where None.
        seed: of the latents, and of what the metrics draw.
        truncation: of the latents, see `keras_gans.latent.draw`.
        direction: of a translator, "ab" or "ba".

    Attributes:
        names: of the metrics that are worked out.
        left_out: `{name: why}` of those that would have been, with more pictures.

    Raises:
        ValueError: for an unknown metric, an iterator, no pictures, or too few for a metric that
            was asked for (which number is needed, and what to use instead); for a metric of
            classes or maps that the extractor does not show.
    """

    def __init__(
        self,
        real,
        extractor,
        names=None,
        *,
        count=10_000,
        seed=0,
        truncation=None,
        direction="ab",
    ):
        check_names(names or ())
        if count is not None:
            check_positive("count", count)
        self.extractor, self.seed, self.direction = extractor, seed, direction
        # Only where it is asked for: a user's own family need not know it.
        self._drawing = {} if truncation is None else {"truncation": truncation}
        if iter(real) is real:
            raise ValueError(
                "`real` is gone through several times, which an iterator cannot be. Give the "
                "dataset itself, or a list of batches."
            )
        self._real, self._most = real, count
        self.count = sum(_count(batch) for batch in self._batches())
        if not self.count:
            raise ValueError("There are no real pictures to compare with.")
        wanted = tuple(names or _ON_FEATURES)
        of_classes = [name for name in wanted if name in _ON_CLASSES]
        called = "None" if extractor is None else extractor.name
        if of_classes and (extractor is None or extractor.classes is None):
            raise ValueError(
                f"{', '.join(of_classes)}: of classes, and {called} knows none. Use the extractor "
                "'inception:PATH', or a classifier: "
                "`features.of_model(classifier, logits=True)`."
            )
        if "perceptual" in wanted and (extractor is None or not extractor.taps):
            raise ValueError(
                f"perceptual: of maps of features, and {called} shows none. Leave it out, or use "
                "the extractor 'lite0'."
            )
        too_few = {name: why for name in wanted if (why := self._too_few(name))}
        if names and too_few:
            raise ValueError(" ".join(too_few.values()))
        self.left_out = too_few
        self.names = tuple(name for name in wanted if name not in too_few)
        self._primed = None

    def _batches(self):
        """The real ones, anew."""
        return _first(self._real, self._most)

    def _too_few(self, name):
        """Why there are too few pictures for a metric, or None."""
        if name == "fid" and self.count <= self.extractor.dimension:
            return (
                f"fid needs more pictures than {self.extractor.name} has features, "
                f"{self.extractor.dimension}, to know their covariance, and there are "
                f"{self.count}: use kid."
            )
        if name == "kid" and self.count < 2:
            return "kid needs 2 pictures of each kind: give more."
        if name in _NEIGHBOURS and self.count <= _NEIGHBOURS[name]:
            least = _NEIGHBOURS[name] + 1
            return (
                f"{name} needs {least} pictures of each kind, and there are {self.count}: use kid."
            )
        return None

    def __call__(self, model):
        """The figures, `{name: float}`; the names of all but pairs' hold the extractor's.

        Raises:
            ValueError: for a metric the model cannot be judged by.
        """
        self._check(model)
        collected = self._with_real(model)
        of_classes = {
            name: _ON_CLASSES[name][1](self.extractor.classes.shape[1])
            for name in self.names
            if name in _ON_CLASSES
        }
        of_pairs = {name: made() for name, made in _ON_PAIRS.items() if name in self.names}
        if collected or of_classes or of_pairs:
            for number, (batch, fake) in enumerate(self._generated(model)):
                if collected or of_classes:
                    self._show(collected, of_classes, self.extractor(fake))
                true = real_pictures(model, batch, self.direction)
                self._show_pairs(of_pairs, true, fake)
                if "holes" in of_pairs:
                    holes = holes_for(model, batch, number, self.seed)
                    of_pairs["holes"].update(true, fake, holes)
        figures = {}
        for name, metric in {**collected, **of_classes}.items():
            result = metric.result()
            values = result if isinstance(result, tuple) else (result,)
            for figure, value in zip(_FIGURES[name], values, strict=True):
                figures[_named(figure, self.extractor.name)] = float(value)
        if "path_length" in self.names:
            figures[_named("path_length", self.extractor.name)] = self._path_length(model)
        if "perceptual" in of_pairs:
            figures[_named("perceptual", self.extractor.name)] = of_pairs["perceptual"].result()
        for name in ("pairs", "holes"):
            figures.update(of_pairs[name].result() if name in of_pairs else {})
        return figures

    def _show(self, collected, of_classes, features):
        """Shows generated pictures' features to metrics of these, and of the classes in them."""
        for metric in collected.values():
            metric.update(fake=features)
        if of_classes:
            probabilities = self.extractor.probabilities(features)
            for name, metric in of_classes.items():
                metric.update(probabilities.argmax(1) if name == "modes" else probabilities)

    def _show_pairs(self, of_pairs, true, fake):
        """Shows translations to the metrics that compare each with its true picture."""
        if "pairs" in of_pairs:
            of_pairs["pairs"].update(true, fake)
        if "perceptual" in of_pairs:
            of_pairs["perceptual"].update(self.extractor.maps(true), self.extractor.maps(fake))

    def _check(self, model):
        """Refuses metrics a model of this kind cannot be judged by."""
        from_pictures = translates(model)
        if from_pictures and self._drawing:
            raise ValueError(
                f"`truncation` is of latents, and {model.name} has none. Leave it out."
            )
        for name in self.names:
            if name in _ON_PAIRS and not from_pictures:
                raise ValueError(
                    f"'{name}' compares translations with their true pictures, and {model.name} "
                    "draws pictures from latents. Leave it out."
                )
            if name in _ON_PAIRS and edits(model):
                raise ValueError(
                    f"'{name}' compares with true pictures, and nobody knows how the pictures that "
                    f"{model.name} edits would truly look. Use kid."
                )
            if name == "holes" and not completes(model):
                raise ValueError(
                    f"'holes' compares what was filled in, and {model.name} fills no holes. Use "
                    "pairs."
                )
            if name == "path_length" and from_pictures:
                raise ValueError(
                    f"'path_length' moves latents, and {model.name} has none. Leave it out."
                )

    def _path_length(self, model):
        """Of interpolations between latents; with labels, of one label at both ends."""
        metric = metrics.PathLength(1 / _POINTS)
        role = next(role for s in model.signature().values() for role in s.of(Latent).values())
        uniform = role.distribution == "uniform"
        interpolate = latent.linear if uniform else latent.spherical
        for number, batch in enumerate(self._batches()):
            size = _count(batch)
            seeds = [seed_of(self.seed, number, end) for end in (1, 2)]
            ends = [model.draw_latents(size, seed, **self._drawing) for seed in seeds]
            points, rows = interpolate(*ends, _POINTS + 1), np.arange(size)
            at = np.random.default_rng(seeds[0]).integers(0, _POINTS, size)
            asked = model.conditions.asked(batch[1]) if isinstance(batch, tuple) else {}
            metric.update(
                *(
                    self.extractor(
                        model.from_latents(points[place, rows], **self._drawing, **asked)
                    )
                    for place in (at, at + 1)
                )
            )
        return metric.result()

    def protocol(self, model):
        """What the figures depend on, plain JSON."""
        of_features = not WITHOUT_FEATURES.issuperset(self.names)
        return {
            **(
                {
                    "extractor": self.extractor.name,
                    "extractor_sha256": self.extractor.sha256,
                    "resize": self.extractor.resize,
                }
                if of_features
                else {}
            ),
            "real": self.count,
            "generated": self.count,
            "seed": self.seed,
            **self._drawing,
            "step": int(model.step.numpy()),
            "weights": "averaged" if "generator_ema" in model.networks else "last",
            **({"direction": self.direction} if translates(model) else {}),
            "versions": versions(),
        }

    def _with_real(self, model):
        """Metrics that have seen the real pictures, ready for generated ones."""
        if self._primed is None:
            self._primed = {
                name: _made(name, self.seed) for name in self.names if name in _ON_FEATURES
            }
            for batch in self._batches() if self._primed else ():
                features = self.extractor(real_pictures(model, batch, self.direction))
                for metric in self._primed.values():
                    metric.update(real=features)
        return copy.deepcopy(self._primed)

    def _generated(self, model):
        """(batch, pictures made for it), batch by batch."""
        for number, batch in enumerate(self._batches()):
            how = (self.direction, number, self.seed)
            yield batch, pictures_for(model, batch, *how, **self._drawing)[1]


def _made(name, seed):
    """A metric of features; those that draw are given the seed."""
    make = _ON_FEATURES[name][1]
    return make() if name == "fid" else make(seed=seed)


def check_names(names):
    """Refuses names that are not of `METRICS`.

    Raises:
        ValueError: which these are, and which there are.
    """
    if unknown := [name for name in names if name not in METRICS]:
        raise ValueError(f"Metrics are {', '.join(METRICS)}. Received: {', '.join(unknown)}")


def _first(batches, count):
    """Up to so many examples, in batches of arrays of one size, however they came.

    Latents are drawn for each of these, so that figures do not depend on how data was batched.
    """
    left, waiting = count, []
    for batch in batches:
        arrays = tf.nest.map_structure(np.asarray, batch)
        waiting.append(arrays if left is None else _cut(arrays, 0, left))
        if left is not None:
            left -= _count(waiting[-1])
        while sum(map(_count, waiting)) >= _GENERATED_AT_ONCE:
            joined = _joined(waiting)
            yield _cut(joined, 0, _GENERATED_AT_ONCE)
            waiting = [_cut(joined, _GENERATED_AT_ONCE, None)]
        if left == 0:
            break
    if sum(map(_count, waiting)):
        yield _joined(waiting)


def _cut(batch, start, stop):
    return tf.nest.map_structure(lambda x: x[start:stop], batch)


def _joined(batches):
    return tf.nest.map_structure(lambda *parts: np.concatenate(parts), *batches)


def _count(batch):
    return len(tf.nest.flatten(batch)[0])


def _named(figure, extractor):
    """`kid_deviation` of lite0 is `kid_lite0_deviation`."""
    name = figure.removesuffix("_deviation").removesuffix("_divergence")
    return f"{name}_{extractor}{figure.removeprefix(name)}"
