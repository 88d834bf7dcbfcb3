"""Sample sheets while training."""

import pathlib
import re

import keras
import numpy as np
import tensorflow as tf

from keras_gans.images import grids

_NAME = re.compile(r"(epoch|images)-([0-9]{4,18})\.png")


class SampleSheet(keras.callbacks.Callback):
    """Draws the same latents, or translates the same pictures, again and again.

    Writes `epoch-0000.png` before the model's first step, then one sheet every `every` epochs, or
    `images-000123000.png` every `kimg` thousand images, and one after the last. A model with
    classes or attributes gets one row for each, other models a square; of translators a row shows
    a picture and what is made of it.

    Args:
        directory: where the sheets go.
        every: epochs from one sheet to the next.
        kimg: thousands of images shown from one sheet to the next, instead of epochs.
        keep: sheets that stay, so that long runs do not fill the disk: the first, the last, and
            others about evenly between.
        seed: of the latents.
        batch: pictures to translate, as the model's `batch_spec` says; translators need it.
        row_names: names of the classes, or what `keras_gans.data.label_names` returns, written
            beside the rows.
        log_dir: where TensorBoard finds the sheets too; nowhere where not given.
    """

    _images: float | None = None

    def __init__(
        self,
        directory,
        *,
        every=1,
        kimg=None,
        keep=100,
        seed=0,
        batch=None,
        row_names=None,
        log_dir=None,
    ):
        super().__init__()
        if keep < 2:
            raise ValueError(f"`keep` must be at least 2: the first and the last. Received: {keep}")
        if kimg is not None and not kimg > 0:
            raise ValueError(f"`kimg` must be more than 0. Received: {kimg!r}")
        self.directory = pathlib.Path(directory)
        self.every, self.keep, self.seed = every, keep, seed
        self.batch, self.row_names = batch, row_names
        self.log_dir, self.writer = log_dir, None
        self._drawn = self._epoch = None
        if kimg:
            # Only then: a method that is there makes Keras wait for every step's logs.
            self._images = 1000 * kimg
            self.on_train_batch_end = self._after_step

    def on_train_begin(self, logs=None):
        if self.log_dir:  # one for each training: it is closed at its end
            self.writer = tf.summary.create_file_writer(str(self.log_dir))
        if not int(self.model.step.numpy()):  # a run that goes on has drawn it
            self._draw(0)
        self._due = self._shown() // self._images if self._images else None

    def _shown(self):
        return int(self.model.images_shown.numpy())

    def _after_step(self, batch, logs=None):
        shown = self._shown()
        if shown // self._images > self._due:
            self._due = shown // self._images
            self._draw(shown, "images")

    def on_epoch_end(self, epoch, logs=None):
        self._epoch = epoch + 1
        if not self._images and self._epoch % self.every == 0:
            self._draw(self._epoch)

    def on_train_end(self, logs=None):
        if self._epoch is not None and self._drawn != self._epoch:
            self._draw(self._epoch)
        if self.writer:
            self.writer.close()

    def _draw(self, epoch, unit="epoch"):
        if self.batch is None:
            picture = grids.samples(self.model, seed=self.seed, names=self.row_names)
        else:
            picture = grids.translations(self.model, self.batch)
        digits = 4 if unit == "epoch" else 9
        grids.save(picture, self.directory / f"{unit}-{epoch:0{digits}d}.png")
        self._drawn = epoch
        self._thin_out()
        # TensorBoard's files cannot be thinned out: they get fewer from the start.
        if self.writer and epoch % -(-self.params.get("epochs", 1) // self.keep) == 0:
            with self.writer.as_default():
                tf.summary.image("samples", np.asarray(picture)[None], step=epoch)

    def _thin_out(self):
        found = {path: _NAME.fullmatch(path.name) for path in self.directory.iterdir()}
        for unit in ("epoch", "images"):
            drawn = {int(n[2]): path for path, n in found.items() if n and n[1] == unit}
            places = sorted(drawn)
            while len(places) > self.keep:
                # The one whose neighbours are nearest to each other: it tells least.
                gaps = np.subtract(places[2:], places[:-2])
                drawn[places.pop(1 + int(np.argmin(gaps)))].unlink()
