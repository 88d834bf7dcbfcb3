"""Figures of a run, on pictures it has not learned from."""

import json

from keras_gans import data, features, guards
from keras_gans.data import sources
from keras_gans.evaluator import WITHOUT_FEATURES, Evaluator

_TRANSLATED, _PAIRED = ("kid",), ("kid", "pairs", "perceptual")
_BATCH = 250
#: What a run's figures are written to.
FILE = "metrics.json"


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
):
    """Figures of a model on held-out pictures, with their protocol.

    Args:
        model: a `keras_gans.GAN`.
        source: as `keras_gans.data.load` takes it.
        split: of the source; "test" is what was not learned from.
        names: of `keras_gans.evaluator.METRICS`; what the model can be judged by where None: all of
            features for which there are pictures enough, or of translators "kid", and "pairs" where
            the source's pictures belong together.
        extractor: as `keras_gans.features.get` takes it, or a `keras_gans.features.Extractor`.
        count: pictures of each kind, at most; all there are where None.
        seed: of the latents and of what metrics draw.
        truncation: of the latents, see `keras_gans.latent.draw`.
        data_dir: as of `keras_gans.data.load`.
        manual_dir: as of `keras_gans.data.load`.
        heads: as of `keras_gans.data.load`.
        attributes: as of `keras_gans.data.load`.

    Returns:
        A list of `{"figures": {...}, "protocol": {...}, "left_out": {...}}`, one for each direction
        the model translates in, or one.

    Raises:
        ValueError: for a source, split, metric or extractor that cannot be; for too few pictures.
    """
    names = names or _fitting(model, source, split)
    extractor = extractor_for(names, extractor)
    batches = data.load(
        source,
        model,
        split=split,
        batch_size=max(1, _BATCH // model.discriminator_steps),
        shuffle=False,
        jitter=False,
        drop_remainder=False,
        data_dir=data_dir,
        manual_dir=manual_dir,
        heads=heads,
        attributes=attributes,
    )
    results = []
    for direction in (
        ("ab", "ba") if getattr(model, "task", None) == "unpaired_translation" else ("ab",)
    ):
        evaluator = Evaluator(
            batches,
            extractor,
            names,
            count=count,
            seed=seed,
            truncation=truncation,
            direction=direction,
        )
        figures = evaluator(model)
        protocol = {"source": source, "split": split, **evaluator.protocol(model)}
        results.append({"figures": figures, "protocol": protocol, "left_out": evaluator.left_out})
    return results


def extractor_for(names, extractor):
    """The `Extractor` that metrics need; None for those of no features.

    Args:
        names: of the metrics, or None.
        extractor: as of `evaluate`.
    """
    if names and WITHOUT_FEATURES.issuperset(names):
        return None
    return features.get(extractor) if isinstance(extractor, str) else extractor


def evaluate_run(run, model=None, *, source=None, split="test", **how):
    """Figures of a run's model, written to `metrics.json` in its folder.

    Args:
        run: a `keras_gans.runs.Run`.
        model: the run's, where it is loaded already.
        source: other data than the run's own.
        split: as of `evaluate`.
        **how: those of `evaluate`.

    Returns:
        What `evaluate` returns.

    Raises:
        ValueError: as `evaluate`; and where the run's data has no such split.
    """
    options = run.options
    own = {} if source else {"heads": options.heads, "attributes": options.attributes}
    results = evaluate(
        model or run.load_model(),
        source or options.source,
        split=split,
        data_dir=options.data_dir,
        manual_dir=options.manual_dir,
        **own,
        **how,
    )
    text = json.dumps(results, indent=2)
    guards.write_whole(run.path / FILE, lambda path: path.write_text(text, encoding="utf-8"))
    return results


def _fitting(model, source, split):
    """What a translator can be judged by; None of others."""
    if not hasattr(model, "translate"):
        return None
    if model.task == "paired_translation":
        return _PAIRED
    opened = sources.open_source(source, split, sources.DOMAINS)
    return _PAIRED if opened.aligned else _TRANSLATED
