"""The callbacks of every run: logs, grids, metrics and diagnosis."""

import keras

from keras_gans.core.signature import directions
from keras_gans.evaluation import evaluate_model
from keras_gans.evaluation.evaluator import Evaluator
from keras_gans.training.callbacks import Diagnosis, Metrics, SampleSheet
from keras_gans.training.csv_log import Log
from keras_gans.training.held_out import split_to_measure
from keras_gans.training.run_data import COMPARED, load, preview, some_real


def run_callbacks(run, model, verbose):
    """Returns the callbacks of a run, in their order.

    Args:
        run: the `Run`.
        model: its compiled model.
        verbose: whether diagnoses are printed.
    """
    log_dir = run.path / "tensorboard"
    return [
        # First: what it finds is for the logs of all others.
        *metrics_callback(run, model, log_dir),
        Log(run.path / "log.csv"),
        keras.callbacks.TensorBoard(log_dir, write_graph=False),
        SampleSheet(
            run.path / "samples",
            every=run.options.sheet_every,
            kimg=run.options.sheet_kimg,
            seed=run.options.seed,
            batch=preview(run.options, model),
            row_names=run.label_names,
            log_dir=log_dir / "samples",
        ),
        _diagnosis(run, model, verbose),
    ]


def metrics_callback(run, model, log_dir):
    """The callback that evaluates, where one is asked for."""
    options = run.options
    if not options.metrics:
        return []
    split = split_to_measure(options.split)
    evaluate_model.refuse_without_truth(model, options.source, split, options.metrics)
    held_out = load(
        options, model, split=split, batch_size=COMPARED, shuffle=False, repeat=False,
        jitter=False, drop_remainder=False,
    )  # fmt: skip
    extractor = evaluate_model.extractor_for(options.metrics, options.extractor)
    direction = next(iter(directions(model)), "ab")
    evaluator = Evaluator(held_out, extractor, options.metrics, direction=direction)
    return [
        Metrics(
            evaluator,
            every=options.metrics_every,
            path=run.path / "metrics.jsonl",
            log_dir=log_dir / "metrics",
        )
    ]


def _diagnosis(run, model, verbose):
    return Diagnosis(
        some_real(run.options, model),
        seed=run.options.seed,
        path=run.path / "diagnosis.txt",
        print_fn=None if verbose else lambda line: None,
    )
