"""Where batches come from: bundled sets, folders of pictures, IDX files, TensorFlow Datasets.

    data = keras_gans.data.load("folder:~/pictures", model)
    model.fit(data, epochs=50)

One door, `load`: whatever the source, it returns a `tf.data.Dataset` of batches shaped exactly as
the model's `batch_spec()` says. What a source gives goes by what the model learns from:

pictures, with labels or without    pictures.py     bundled.py  folder.py  idx.py   tfds.py
    which labels                    labels.py                   tables.py
pairs of pictures                   paired.py       bundled.py  folder_pairs.py
two domains of pictures             unpaired.py     bundled.py  folder_domains.py   tfds_domains.py

Each row is a kind of batch, listed in `loading.py`; each column a kind of source, listed in
`sources.py`. All of them open to what `examples.py` describes: pictures that were fitted to the
model's frame (`frame.py`, `pair_frames.py`) and wait to be put in order.
"""

from keras_gans.data.errors import NoSuchSplitError as NoSuchSplitError
from keras_gans.data.loading import load as load
from keras_gans.data.sources import class_names as class_names
from keras_gans.data.sources import label_names as label_names
