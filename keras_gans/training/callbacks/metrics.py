"""Figures of the pictures' quality while training."""

import json
import pathlib

import keras
import tensorflow as tf


class Metrics(keras.callbacks.Callback):
    """Asks how good the pictures are after the first epoch, every `every` epochs and the last.

        real = data.load("bundled:fashion_mnist", model, split="test", shuffle=False)
        evaluator = Evaluator(real, features.get("lite0"), ["kid"])
        model.fit(batches, epochs=30, callbacks=[Metrics(evaluator, every=5)])

    The figures enter the epoch's logs, where `ModelCheckpoint(monitor="kid_lite0")`,
    `EarlyStopping` and `CSVLogger` find them when they are given after this one.

    Args:
        evaluator: a `keras_gans.evaluation.evaluator.Evaluator`.
        every: epochs from one evaluation to the next.
        path: file to which each evaluation is added, a line of JSON with its protocol; none where
            not given.
        log_dir: where TensorBoard finds the figures; nowhere where not given.

    Raises:
        ValueError: from `fit`, as of the evaluator.
    """

    def __init__(self, evaluator, *, every=1, path=None, log_dir=None):
        super().__init__()
        if not isinstance(every, int) or every < 1:
            raise ValueError(f"`every` must be a whole number from 1. Received: {every!r}")
        self.evaluator, self.every = evaluator, every
        self.path = pathlib.Path(path) if path else None
        self.log_dir, self.writer = log_dir, None

    def on_train_begin(self, logs=None):
        if self.log_dir:  # one for each training: it is closed at its end
            self.writer = tf.summary.create_file_writer(str(self.log_dir))

    def on_epoch_end(self, epoch, logs=None):
        last = epoch + 1 == self.params.get("epochs")
        if not (last or epoch == 0 or (epoch + 1) % self.every == 0):
            return
        figures = self.evaluator(self.model)
        logs.update(figures)
        if self.path:
            line = {"epoch": epoch + 1, "figures": figures}
            line["protocol"] = self.evaluator.protocol(self.model)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
        if self.writer:
            with self.writer.as_default():
                for name, value in figures.items():
                    tf.summary.scalar(name, value, step=epoch)

    def on_train_end(self, logs=None):
        if self.writer:
            self.writer.close()
