"""Finds the importer of an entry of the zoo."""

from collections.abc import Callable

from keras_gans import zoo
from keras_gans.interop import dcgan, esrgan, junyanz, rdn, stylegan2


def import_checkpoints(files, name, *, network=None, output=None, overwrite=False, **overrides):
    """Loads weights that were trained with another implementation into an entry of the zoo.

    Args:
        files: a checkpoint, or several; see `junyanz.import_checkpoints` (pix2pix, pix2pixHD,
            CycleGAN, CUT, AnimeGANv2, StarGAN), `stylegan2.import_checkpoint`,
            `esrgan.import_checkpoints`, `dcgan.import_checkpoints` and `rdn.import_checkpoints`.
        name: name of the entry, see `keras_gans.zoo.names()`.
        network: network in the file, or a list, one for each file.
        output: `.keras` file to save the model in, or None.
        overwrite: Whether to replace `output` if it exists.
        **overrides: constructor arguments that replace the entry's; and `blend`, of ESRGAN's
            relatives, the share of the first of two files; and `value_range`, of RDN and RRDN,
            white in the images of the network, 1 or 255.

    Returns:
        A compiled `keras_gans.GAN`; `model.imported`, `{network: Imported}`, says what was read.

    Raises:
        ValueError: if a file is not a checkpoint of the entry's networks, or the entry has no
            importer.
        FileExistsError: if `output` exists and `overwrite` is not set.
    """
    zoo.entry(name)  # refuses unknown names
    importers: dict[str, Callable] = {
        **dict.fromkeys(junyanz.entries(), junyanz.import_checkpoints),
        **dict.fromkeys(stylegan2.entries(), stylegan2.import_checkpoint),
        **dict.fromkeys(esrgan.entries(), esrgan.import_checkpoints),
        **dict.fromkeys(dcgan.entries(), dcgan.import_checkpoints),
        **dict.fromkeys(rdn.entries(), rdn.import_checkpoints),
    }
    if name not in importers:
        raise ValueError(
            f"No checkpoints of other implementations are known for {name}. They are for: "
            f"{', '.join(sorted(importers))}."
        )
    load = importers[name]
    return load(files, name, network=network, output=output, overwrite=overwrite, **overrides)
