"""Runs: training with a folder of its own that holds everything to repeat and to use it.

runs/00003-cdcgan-fashion/
    options.json    all that is needed to repeat the run
    log.csv         losses and accuracies, a line each epoch
    tensorboard/    the same and the sheets, for `tensorboard --logdir`
    diagnosis.txt   what went wrong and what to try; only where something did
    metrics.jsonl   figures of its pictures while training, a line each; only where asked for
    metrics.json    what `keras-gans evaluate` finds
    samples/        sheets of the same latents, epoch after epoch
    checkpoints/    the newest states of training, to go on from
    data.json       the files it learns from; only of folders of pictures
    model.keras     the trained model
    exported/       what `keras-gans export` writes
"""

from keras_gans.training.evaluate_run import evaluate_run
from keras_gans.training.options import Options
from keras_gans.training.preview_sheet import preview_sheet
from keras_gans.training.run import check_resume, examples, prepare, resume, to_resume, train
from keras_gans.training.run_folder import Run, is_finished, open_run

__all__ = [
    "Options",
    "Run",
    "check_resume",
    "evaluate_run",
    "examples",
    "is_finished",
    "open_run",
    "prepare",
    "preview_sheet",
    "resume",
    "to_resume",
    "train",
]
