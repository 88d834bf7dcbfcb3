"""log.csv: a line each epoch, every value under its name however often the run goes on."""

import csv
import io
import pathlib
from typing import Any

import keras

from keras_gans.utils.files import write_whole


class Log(keras.callbacks.CSVLogger):
    """Keras' logger, which keeps the columns of the file it goes on with, and adds new ones.

    Keras takes the names of the first epoch it sees for the columns. Figures of quality are in
    the logs of some epochs only, and may first be asked for when a run goes on.

    Args:
        path: of the file.
    """

    csv_file: Any
    append_header: bool

    def __init__(self, path):
        super().__init__(path, append=True)
        self._path = pathlib.Path(path)

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        if not self.append_header:
            self.keys = self._rows()[0][1:]

    def on_epoch_end(self, epoch, logs=None):
        if self.keys is None:
            self.keys = sorted(logs or {})  # Keras would add columns for validation, which no run has
        elif new := sorted((logs or {}).keys() - set(self.keys)):
            self._add(new)
        super().on_epoch_end(epoch, logs)

    def _rows(self):
        return list(csv.reader(io.StringIO(self._path.read_text(encoding="utf-8"), newline="")))

    def _add(self, new):
        """Writes the file anew with further columns, which earlier epochs have nothing for."""
        self.csv_file.close()
        header, *rows = self._rows()
        header += new
        rows = [[*row, *["NA"] * (len(header) - len(row))] for row in rows]
        text = io.StringIO(newline="")
        csv.writer(text).writerows([header, *rows])
        write_whole(
            self._path,
            lambda path: path.write_text(text.getvalue(), encoding="utf-8", newline=""),
        )
        self.csv_file = self._path.open("a", encoding="utf-8")
        self.keys, self.writer, self.append_header = header[1:], None, False
