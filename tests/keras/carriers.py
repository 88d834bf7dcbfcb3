"""What carries batches to `fit`: the same batches as every kind of data Keras users have."""

import keras
import numpy as np
import tensorflow as tf
from fabrication import fabricate


def batches_of(model, count=2, size=4):
    return [fabricate(model, size, seed) for seed in range(count)]


def _tuples(batch):
    return batch if isinstance(batch, tuple) else (batch,)


def _joined(batches):
    return tf.nest.map_structure(lambda *parts: np.concatenate(parts), *batches)


def arrays(model, batches):
    """`x` and `y` of `fit`, NumPy's; two sets of pictures are one `x`."""
    whole = _joined(batches)
    # `batch_size` is of one update of the discriminator.
    size = len(tf.nest.flatten(batches[0])[0]) // model.discriminator_steps
    if isinstance(whole, tuple) and model.conditions:
        return {"x": whole[0], "y": whole[1], "batch_size": size, "shuffle": False}
    return {"x": whole, "batch_size": size, "shuffle": False}


def tensors(model, batches):
    given = arrays(model, batches)
    for name in ("x", "y"):
        if name in given:
            given[name] = tf.nest.map_structure(tf.constant, given[name])
    return given


def dataset(model, batches):
    whole = _joined(batches)
    size = len(tf.nest.flatten(batches[0])[0])
    return {"x": tf.data.Dataset.from_tensor_slices(whole).batch(size)}


def dataset_without_sizes(model, batches):
    """As `from_generator` makes them where only the ranks are known."""
    signature = tf.nest.map_structure(
        lambda leaf: tf.TensorSpec([None] * leaf.ndim, leaf.dtype), batches[0]
    )
    return {"x": tf.data.Dataset.from_generator(lambda: iter(batches), output_signature=signature)}


def dataset_without_ranks(model, batches):
    signature = tf.nest.map_structure(lambda leaf: tf.TensorSpec(None, leaf.dtype), batches[0])
    return {"x": tf.data.Dataset.from_generator(lambda: iter(batches), output_signature=signature)}


class _PyDataset(keras.utils.PyDataset):
    def __init__(self, batches):
        super().__init__()
        self.batches = batches

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, index):
        return self.batches[index]


def py_dataset(model, batches):
    return {"x": _PyDataset([_tuples(batch) for batch in batches]), "shuffle": False}


def generator(model, batches):
    return {"x": (_tuples(batch) for batch in batches), "shuffle": False}


class Tensor:
    """As much of a torch tensor as its users see: `numpy()`, a shape, a dtype of torch's own."""

    def __init__(self, array):
        self._array, self.shape, self.dtype = array, array.shape, f"torch.{array.dtype}"

    def numpy(self):
        return self._array

    def __array__(self, dtype=None, copy=None):
        return self._array if dtype is None else self._array.astype(dtype)

    def __len__(self):
        return len(self._array)


class Loader:
    """As much of a torch `DataLoader` as `fit` needs: it is iterated again every epoch."""

    def __init__(self, batches):
        self.batches = batches

    def __iter__(self):
        return iter(self.batches)

    def __len__(self):
        return len(self.batches)


def loader(model, batches):
    return {"x": Loader([tf.nest.map_structure(Tensor, _tuples(batch)) for batch in batches])}


def loader_of_lists(model, batches):
    """Torch's default collation makes lists."""
    return {"x": Loader([[Tensor(leaf) for leaf in _tuples(batch)] for batch in batches])}


def dictionaries(model, batches):
    """Batches keyed by the names of the specs, as TFDS and TFRecord parsers give them."""
    specs = tf.nest.flatten(model.batch_spec())
    named = [
        {spec.name: leaf for spec, leaf in zip(specs, tf.nest.flatten(batch), strict=True)}
        for batch in batches
    ]
    return {"x": tf.data.Dataset.from_tensor_slices(_joined(named)).batch(4)}


ALL = {
    carrier.__name__: carrier
    for carrier in (
        arrays,
        tensors,
        dataset,
        dataset_without_sizes,
        dataset_without_ranks,
        py_dataset,
        generator,
        loader,
        loader_of_lists,
        dictionaries,
    )
}
