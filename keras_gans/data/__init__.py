"""Where batches come from: bundled sets, folders of pictures, IDX files, TensorFlow Datasets.

    data = keras_gans.data.load("folder:~/pictures", model)
    model.fit(data, epochs=50)

One door, `load`: whatever the source, it returns a `tf.data.Dataset` of batches shaped exactly as
the model's `batch_spec()` says. What a source gives goes by what the model learns from:

pictures, with labels or without    pictures.py     bundled.py  folder.py  idx.py   tfds.py
    which labels                    labels.py                   tables.py
pairs of pictures                   paired.py       bundled.py  folder_pairs.py
small pictures beside large ones    upscaled.py     those of pictures, patches.py
two domains of pictures             unpaired.py     bundled.py  folder_domains.py   tfds_domains.py
pairs of clips, and their flow      clips.py        bundled.py

Each row is a kind of batch, listed in `loading.py`; each column a kind of source, listed in
`sources.py`. All of them open to what `examples.py` describes: pictures that were fitted to
the model's size (`image_converter.py`, `pair_converters.py`) and wait to be put in order.

Pictures come as float32 in [-1, 1], labels as int32. A picture of the model's size arrives
pixel for pixel; others are scaled with antialiasing (bicubic, by Pillow). Grey and RGB are
made of each other, transparency is seen on white, 16 bits are scaled to 8, cameras' turned
pictures are set upright. What of this was done, and which files were left out and why, is counted
by kind, told in a warning, and kept in `data.account`.

Labels of models with several heads or with attributes are int32 (N, columns), a column for each
head and then one for each attribute. A folder's are read from attributes.csv (`file,NAME,...`,
a line for each picture) or attributes.json (`{file: {NAME: value}}`) in it: columns of 0 and 1,
or -1 and 1, are attributes, columns of words are heads. (A model of one head learns the class
folders where there are such.) CelebA's own list is read too, see `tables.py`. Those of TFDS are
the booleans of a feature `attributes`, and the ClassLabel features.

Models that paint label maps are fed class numbers, int32 (N, height, width), beside pictures: of a
folder the grey values of the pictures A, or their colours by a palette (`palettes.py`,
`label_map_converter.py`). They are scaled by nearest pixels.

Models that translate are fed two pictures, A and B. In paired games they belong together. In
unpaired ones they come from two domains, each in an order of its own; an epoch shows the larger
domain once, and the smaller one starts over in another order. Models that upscale are fed a
picture and a smaller one made of it: patches of photographs at their own resolution
(`patches.py`), of folders and of bundled:photos, or whole pictures of other sources. The smaller
one is made by a bicubic filter or by the degradations of Real-ESRGAN (`degradations.py`).

Decoded pictures are kept in memory where all of them (of a domain) fit in 1 GiB, and else, of
folders, in `cache_dir`.
"""

from keras_gans.data import optical_flow as optical_flow
from keras_gans.data.errors import NoSuchSplitError as NoSuchSplitError
from keras_gans.data.loading import load as load
from keras_gans.data.sources import class_names as class_names
from keras_gans.data.sources import label_names as label_names
