"""Figures of a run, beside it."""

import json

from keras_gans.data import NoSuchSplitError
from keras_gans.evaluation.evaluate_model import evaluate
from keras_gans.training.held_out import split_to_measure
from keras_gans.utils.files import write_whole

#: What a run's figures are written to.
FIGURES = "metrics.json"


def evaluate_run(run, model=None, *, source=None, split=None, overwrite=True, **how):
    """Figures of a run's model, written to `metrics.json` in its folder.

    Args:
        run: a `keras_gans.training.Run`.
        model: the run's, where it is loaded already.
        source: other data than the run's own.
        split: as of `evaluate`; what the run has not learned from where None.
        overwrite: replace figures that are there in the end.
        **how: those of `evaluate`.

    Returns:
        What `evaluate` returns.

    Raises:
        ValueError: as `evaluate`; and where the run's data has no such split.
    """
    options = run.options.on(source) if source else run.options
    try:
        results = evaluate(
            model or run.load_model(),
            options.source,
            split=split or ("test" if source else split_to_measure(options.split)),
            data_dir=options.data_dir,
            manual_dir=options.manual_dir,
            heads=options.heads,
            attributes=options.attributes,
            fit=options.fit,
            degradation=options.degradation,
            **how,
        )
    except NoSuchSplitError as error:
        if source or split:
            raise
        raise NoSuchSplitError(
            f"{error} The run has learned from all of it: name other pictures (`source`), or "
            f"split='{options.split}' to measure by those it has learned from."
        ) from None
    text = json.dumps(results, indent=2)
    write_whole(
        run.path / FIGURES,
        lambda path: path.write_text(text, encoding="utf-8"),
        replace=overwrite,
    )
    return results
