"""Modes of Stacked MNIST: how many of 1,000 kinds of pictures a generator draws, and how evenly.

    python benchmarks/stacked_mnist.py MNIST [--rows dcgan packing r3gan] [--minutes 20]

MNIST is the folder of the four original files (train-images-idx3-ubyte.gz ...). A picture is three
digits, drawn at random, as its red, green and blue; its kind is their number, 000 to 999. As
published (Metz et al., 2016, https://arxiv.org/abs/1611.02163; Lin et al., 2018,
https://arxiv.org/abs/1712.04086): 26,000 generated pictures, their kinds read by a digit classifier
(its accuracy is printed), a kind counts where one picture is of it, and the Kullback-Leibler
divergence of the kinds' shares from the even ones, in nats. A perfect generator's 26,000 pictures
give about 0.019, for chance alone.

Pictures are 28 x 28. All rows train for the same time; every row is measured again and again while
it trains, and each measurement is a line of RESULTS (JSON) with updates and minutes, the measuring
left out.
"""

import argparse
import gzip
import json
import os
import pathlib
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from keras_gans import zoo
from keras_gans.evaluation import metrics

KINDS, SAMPLES = 1000, 26_000
BATCH = 64
_COLOUR = {"image_size": 28, "image_channels": 3}

#: Entry of the zoo and its arguments.
ROWS = {
    "dcgan": ("dcgan_fashion", {"ema_decay": 0.0}),
    "packing": ("dcgan_fashion", {"packing": 2, "ema_decay": 0.0}),
    "stddev": ("dcgan_stddev_fashion", {"ema_decay": 0.0}),
    "pairing": (
        "dcgan_fashion",
        {"objective": "relativistic_pairing", "r1": 0.1, "r2": 0.1, "ema_decay": 0.999,
         "discriminator_norm": "none"},
    ),
    "pairing_small": (
        "dcgan_fashion",
        {"objective": "relativistic_pairing", "r1": 0.1, "r2": 0.1, "penalty_interval": 4,
         "ema_decay": 0.999, "discriminator_norm": "none", "filters": 32},
    ),
    "wgan_gp": (
        "wgan_gp_fashion",
        {"discriminator_steps": 5, "generator_filters": 64, "discriminator_filters": 64,
         "decay_steps": 10_000},
    ),
    "r3gan": ("r3gan_fashion", {"widths": (96, 64, 32), "decay_steps": 10_000}),
}  # fmt: skip


def digits(folder, part):
    """Pictures (N, 28, 28) uint8 and digits (N,) of "train" or "t10k"."""
    read = {
        kind: np.frombuffer(
            gzip.decompress((folder / f"{part}-{kind}-ubyte.gz").read_bytes()),
            np.uint8,
            offset=skip,
        )
        for kind, skip in (("images-idx3", 16), ("labels-idx1", 8))
    }
    return read["images-idx3"].reshape(-1, 28, 28), read["labels-idx1"]


def train_classifier(folder):
    """A digit classifier, and its accuracy on the 10,000 test digits."""
    keras.utils.set_random_seed(0)
    classifier = keras.Sequential(
        [
            layers.Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dropout(0.4),
            layers.Dense(10),
        ]
    )
    classifier.compile(
        "adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"]
    )
    images, labels = digits(folder, "train")
    classifier.fit(scaled(images)[..., None], labels, batch_size=128, epochs=4, verbose=0)
    images, labels = digits(folder, "t10k")
    return classifier, classifier.evaluate(scaled(images)[..., None], labels, verbose=0)[1]


def scaled(images):
    return images.astype("float32") / 127.5 - 1.0


def stacked(folder, batch_size, seed=0):
    """Batches without end of three digits each, (batch_size, 28, 28, 3) in [-1, 1]."""
    images = scaled(digits(folder, "train")[0])[..., None]
    streams = [
        tf.data.Dataset.range(len(images)).shuffle(len(images), seed=seed + channel).repeat()
        for channel in range(3)
    ]
    rows = tf.data.Dataset.zip(*streams).batch(batch_size, drop_remainder=True)
    table = tf.constant(images)
    return rows.map(lambda *channels: tf.concat([tf.gather(table, c) for c in channels], -1))


def kinds(images, classifier):
    """The kind of each picture, 0 to 999."""
    channels = [
        classifier.predict(images[..., channel, None], batch_size=1000, verbose=0).argmax(-1)
        for channel in range(3)
    ]
    return 100 * channels[0] + 10 * channels[1] + channels[2]


def figures(found):
    """Modes and their divergence from even ones."""
    modes = metrics.Modes(KINDS)
    modes.update(found)
    return modes.result()


def train(name, arguments, classifier, accuracy):
    entry, overrides = ROWS[name]
    updates = int(arguments.minutes * 60 / 0.05)  # an upper bound; the schedule's end
    model = zoo.get(entry, **{**_COLOUR, **overrides, "seed": arguments.seed})
    if arguments.updates:
        images = arguments.updates * BATCH * model.discriminator_steps
        model.compile(images=images, batch_size=BATCH)
    size = BATCH * model.discriminator_steps
    stream = iter(stacked(arguments.mnist, size, arguments.seed))
    step = tf.function(lambda: model.train_step(next(stream)), autograph=False)
    spent, count = 0.0, 0
    step()
    while spent < 60 * arguments.minutes and count < (arguments.updates or updates):
        start = time.time()
        while time.time() - start < 60 * arguments.every:
            step()
            count += 1
        spent += time.time() - start
        images = np.concatenate([model.sample(2000, seed=s) for s in range(SAMPLES // 2000)])
        modes, divergence = figures(kinds(images, classifier))
        line = {
            "row": name, "seed": arguments.seed, "updates": int(model.step), "batch": BATCH,
            "minutes": round(spent / 60, 2), "modes": modes, "kl": round(divergence, 4),
            "samples": len(images), "classifier": round(accuracy, 4),
        }  # fmt: skip
        print(line, flush=True)
        with open(arguments.results, "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
    return model


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("mnist", type=pathlib.Path, help="folder of MNIST's four files")
    parser.add_argument("--rows", nargs="*", choices=ROWS, default=list(ROWS))
    parser.add_argument("--minutes", type=float, default=20.0, help="of training for each row")
    parser.add_argument("--updates", type=int, help="stop here; learning rates have fallen by then")
    parser.add_argument("--every", type=float, default=2.0, help="minutes between measurements")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--results", default="stacked_mnist.jsonl", help="file to add lines to")
    arguments = parser.parse_args()
    classifier, accuracy = train_classifier(arguments.mnist)
    print(f"classifier on the 10,000 test digits: {accuracy:.2%}")
    for name in arguments.rows:
        train(name, arguments, classifier, accuracy)


if __name__ == "__main__":
    main()
