"""Figures of a run, on pictures it has not learned from."""

from keras_gans import data
from keras_gans.core.signature import completes, directions, domains, edits, translates
from keras_gans.data import sources
from keras_gans.evaluation import features
from keras_gans.evaluation.evaluator import OF_PAIRS, WITHOUT_FEATURES, Evaluator

_TRANSLATED, _PAIRED = ("kid",), ("kid", "pairs", "perceptual")
_COMPLETED = (*_PAIRED, "holes")
_BATCH = 250
_TOO_FEW, _ENOUGH = 100, 2000  # pictures, for figures of whole sets
_OF_EACH_PICTURE = {"l1", "psnr", "ssim", "perceptual", "hole_l1"}


def evaluate(
    model,
    source,
    *,
    split="test",
    names=None,
    extractor="lite0",
    count=10_000,
    seed=0,
    truncation=None,
    data_dir=None,
    manual_dir=None,
    heads=None,
    attributes=None,
    fit=None,
    degradation=None,
):
    """Figures of a model on held-out pictures, with their protocol.

    Args:
        model: a `keras_gans.GAN`.
        source: as `keras_gans.data.load` takes it.
        split: of the source; "test" is what was not learned from.
        names: of `keras_gans.evaluation.METRICS`; what the model can be judged by where None: all
            of features for which there are pictures enough, or of translators "kid" and, where the
            source's pictures belong together, "pairs" and, of an extractor that shows maps,
            "perceptual"; of models that fill holes "holes" too.
        extractor: as `keras_gans.evaluation.features.get` takes it, or a `features.Extractor`.
        count: pictures of each kind, at most; all there are where None. Of two domains no more
            than the smaller one has.
        seed: of the latents and of what metrics draw.
        truncation: of the latents, see `keras_gans.latent.draw`.
        data_dir: as of `keras_gans.data.load`.
        manual_dir: as of `keras_gans.data.load`.
        heads: as of `keras_gans.data.load`.
        attributes: as of `keras_gans.data.load`.
        fit: as of `keras_gans.data.load`.
        degradation: as of `keras_gans.data.load`.

    Returns:
        A list of `{"figures": {...}, "protocol": {...}, "left_out": {...}, "remarks": [...]}`, one
        for each direction the model translates in, or one.

    Raises:
        ValueError: for a source, split, metric or extractor that cannot be; for too few pictures.
    """
    if names:
        refuse_without_truth(model, source, split, names)
    chosen = names or _fitting(model, source, split)
    extractor = extractor_for(chosen, extractor)
    if not names and chosen and (extractor is None or not extractor.taps):
        chosen = tuple(name for name in chosen if name != "perceptual")
    batches = data.load(
        source,
        model,
        split=split,
        batch_size=max(1, _BATCH // model.discriminator_steps),
        shuffle=False,
        repeat=False,
        jitter=False,
        drop_remainder=False,
        data_dir=data_dir,
        manual_dir=manual_dir,
        heads=heads,
        attributes=attributes,
        fit=fit,
        degradation=degradation,
    )
    results = []
    for direction in directions(model) or ("ab",):
        evaluator = Evaluator(
            batches,
            extractor,
            chosen,
            count=count,
            seed=seed,
            truncation=truncation,
            direction=direction,
        )
        results.append(_result(evaluator, model, {"source": source, "split": split}))
    return results


def _result(evaluator, model, measured):
    figures = _telling(evaluator(model))
    protocol = {**measured, **evaluator.protocol(model)}
    return {
        "figures": figures,
        "protocol": protocol,
        "left_out": evaluator.left_out,
        "remarks": _remarks(figures, protocol),
    }


def _telling(figures):
    """Figures without deviations of 0, of subsets that all hold every picture there is."""
    return {
        name: value
        for name, value in figures.items()
        if not name.endswith("_deviation") or value != 0.0
    }


def _remarks(figures, protocol):
    """What figures of so few pictures are worth, as sentences."""
    fewest = min(protocol["generated"], protocol["real"])
    if fewest >= _ENOUGH or not set(figures) - _OF_EACH_PICTURE:
        return []
    if fewest < _TOO_FEW:
        return [
            f"{fewest} pictures are too few: distances, precision and coverage of so few are "
            "chance. Compare nothing by them."
        ]
    return [
        f"{fewest} pictures are few: FID of fewer than {_ENOUGH} is too high, and figures of two "
        "draws differ. Compare only with figures of as many."
    ]


def refuse_without_truth(model, source, split, names):
    """Refuses figures of pairs where no picture's true translation is known.

    Args:
        model: a `keras_gans.GAN`.
        source: as `keras_gans.data.load` takes it.
        split: of the source.
        names: of the metrics, or None.

    Raises:
        ValueError: which metrics, of which source.
    """
    asked = [name for name in names or () if name in OF_PAIRS]
    if asked and edits(model):
        raise ValueError(
            f"{', '.join(asked)}: compared with true pictures, and nobody knows how the pictures "
            f"of {source} would truly look with other labels. Use kid."
        )
    if not asked or not domains(model):
        return
    opened = sources.open_source(source, split, sources.DOMAINS)
    if not opened.aligned:
        raise ValueError(
            f"{', '.join(asked)}: compared with the true translations, and the two domains of "
            f"{opened.name}, split {split!r}, do not belong together picture by picture. Use kid."
        )


def extractor_for(names, extractor):
    """The `Extractor` that metrics need; None for those of no features.

    Args:
        names: of the metrics, or None.
        extractor: as of `evaluate`.
    """
    if names and WITHOUT_FEATURES.issuperset(names):
        return None
    return features.get(extractor) if isinstance(extractor, str) else extractor


def _fitting(model, source, split):
    """What a translator can be judged by; None of others."""
    if not translates(model):
        return None
    if edits(model):
        return _TRANSLATED
    if completes(model):
        return _COMPLETED
    if not domains(model):
        return _PAIRED
    opened = sources.open_source(source, split, sources.DOMAINS)
    return _PAIRED if opened.aligned else _TRANSLATED
