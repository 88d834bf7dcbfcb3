"""Finds the importer of an entry of the zoo."""

from collections.abc import Callable

from keras_gans import zoo
from keras_gans.interop import junyanz, stylegan2


def import_checkpoints(files, name, *, network=None, output=None, overwrite=False, **overrides):
    """Loads weights that were trained with another implementation into an entry of the zoo.

    Args:
        files: a checkpoint, or several; see `junyanz.import_checkpoints` (pix2pix, CycleGAN) and
            `stylegan2.import_checkpoint`.
        name: name of the entry, see `keras_gans.zoo.names()`.
        network: network in the file, or a list, one for each file.
        output: `.keras` file to save the model in, or None.
        overwrite: Whether to replace `output` if it exists.
        **overrides: constructor arguments that replace the entry's.

    Returns:
        A compiled `keras_gans.GAN`; `model.imported`, `{network: Imported}`, says what was read.

    Raises:
        ValueError: if a file is not a checkpoint of the entry's networks, or the entry has no
            importer.
        FileExistsError: if `output` exists and `overwrite` is not set.
    """
    zoo.entry(name)  # refuses unknown names
    if name in stylegan2.entries():
        load: Callable = stylegan2.import_checkpoint
    elif name in junyanz.entries():
        load = junyanz.import_checkpoints
    else:
        raise ValueError(
            f"No checkpoints of other implementations are known for {name}. They are for: "
            f"{', '.join(sorted([*junyanz.entries(), *stylegan2.entries()]))}."
        )
    return load(files, name, network=network, output=output, overwrite=overwrite, **overrides)
