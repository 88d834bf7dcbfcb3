"""The file of a run's model, which says of which checkpoint it was made.

A model that is there may be an earlier one: that a run is finished is written into its file.
"""

import zipfile

from keras_gans.utils.damage import DAMAGE
from keras_gans.utils.files import open_plain, write_whole
from keras_gans.utils.json_files import parse_json

_RECORD = "run.json"  # in the .keras file, where Keras passes it over
_LARGEST_RECORD = 2**12  # bytes


def save(model, path, state=None, *, replace=True):
    """Saves a model, whole or not at all.

    Args:
        model: a `keras_gans.GAN`.
        path: of the `.keras` file.
        state: of the newest checkpoint; None where there is none. The file says that it was made
            of it where the model is at its step.
        replace: as of `keras_gans.utils.files.staged`.
    """

    def write(unfinished):
        model.save(unfinished)
        if state is not None and state["step"] == int(model.step.numpy()):
            record = f'{{"weights_sha256": "{state["weights_sha256"]}"}}'
            with zipfile.ZipFile(unfinished, "a") as archive:
                archive.writestr(_RECORD, record)

    write_whole(path, write, replace=replace)


def made_of(path):
    """The SHA-256 of the weights of the checkpoint that a model was made of; None where not said.

    Args:
        path: of the `.keras` file; need not be there.
    """
    try:
        with open_plain(path) as file, zipfile.ZipFile(file) as archive:
            record = archive.getinfo(_RECORD)
            if record.compress_type != zipfile.ZIP_STORED or record.file_size > _LARGEST_RECORD:
                return None
            return parse_json(archive.read(record), path, {"weights_sha256": str})["weights_sha256"]
    except (OSError, ValueError, RuntimeError, zipfile.BadZipFile, *DAMAGE):
        return None
