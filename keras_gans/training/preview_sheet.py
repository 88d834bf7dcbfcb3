"""A look at what a run would learn from, before it begins."""

import tensorflow as tf

from keras_gans.core.label_maps import MOST_CLASSES, Palette
from keras_gans.images import grids

_ROWS, _PICTURES = 8, 64  # of examples of several pictures, of examples of one


def preview_sheet(dataset):
    """Makes a sheet of the first batch, as the model would see it: cropped, mirrored, in order.

    Args:
        dataset: of `training.prepare`. A pass over it is begun: do not train with it afterwards.

    Returns:
        A `PIL.Image.Image`: a row for each of the first eight examples where one has several
        pictures, else the first 64 pictures.
    """
    batch = next(iter(dataset))
    known = dataset.label_names.get("palette")
    pictures = []
    for leaf in tf.nest.flatten(batch):
        if leaf.shape.rank == 4:
            pictures.append(leaf.numpy())
        elif leaf.shape.rank == 3 and leaf.dtype.is_integer:  # label maps
            palette = Palette.from_json(known) if known else Palette.usual(MOST_CLASSES)
            pictures.append(palette.shown(leaf))
    if len(pictures) == 1:
        return grids.sheet(pictures[0][:_PICTURES])
    return grids.beside([column[:_ROWS] for column in pictures])
