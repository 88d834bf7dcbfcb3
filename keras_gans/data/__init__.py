"""Where batches come from: bundled sets, folders of pictures, TensorFlow Datasets.

    data = keras_gans.data.load("folder:~/pictures", model)
    model.fit(data, epochs=50)

One door, `load`: whatever the source, it returns a `tf.data.Dataset` of batches shaped exactly as
the model's `batch_spec()` says. A kind of batch is a file (`pictures.py`), and so is a kind of
source (`bundled.py`, `folder.py`, `tfds.py`); the tables that list them are in `loading.py` and
`sources.py`.
"""

from keras_gans.data.loading import load as load
from keras_gans.data.sources import class_names as class_names
