"""How often a classifier sees in a generated picture the class it was asked for.

    python benchmarks/class_agreement.py runs/00001-cdcgan-fashion [--count 2000]

A small convolutional classifier is trained on the bundled real images (9,000, of which the
generator saw the same) and its accuracy stated on the 1,000 held out from both. Then the run's
model draws `count` pictures, as many of each class, and the classifier is asked about them.
"""

import argparse
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
from keras import layers

from keras_gans import data, training, zoo

SOURCE = "bundled:fashion_mnist"


def real_images(split, source=SOURCE):
    """Arrays of the pictures and labels of a split."""
    batches = data.load(
        source, zoo.get("cdcgan_fashion"), split=split, batch_size=500, shuffle=False
    )
    images, labels = zip(*batches.as_numpy_iterator(), strict=True)
    return np.concatenate(images), np.concatenate(labels)


def train_classifier(seed, epochs=20):
    """A classifier and its accuracy on held-out real images."""
    images, labels = real_images("train")
    keras.utils.set_random_seed(seed)
    classifier = keras.Sequential(
        [
            layers.Input((28, 28, 1)),
            layers.RandomFlip("horizontal"),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.4),
            layers.Dense(128, activation="relu"),
            layers.Dropout(0.4),
            layers.Dense(10),
        ]
    )
    classifier.compile(
        keras.optimizers.Adam(
            keras.optimizers.schedules.CosineDecay(2e-3, epochs * -(-len(images) // 128))
        ),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    classifier.fit(images, labels, batch_size=128, epochs=epochs, verbose=2)
    return classifier, classifier.evaluate(*real_images("test"), verbose=0)[1]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", help="folder of a run of cdcgan_fashion")
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--at-least", type=float, help="exit with 1 below this agreement")
    arguments = parser.parse_args()

    model = training.open_run(arguments.run).load_model()
    classifier, accuracy = train_classifier(arguments.seed)
    asked = np.arange(arguments.count) % model.num_classes
    seen = classifier.predict(
        model.sample(labels=asked, seed=arguments.seed), batch_size=500, verbose=0
    ).argmax(axis=1)
    for label, name in enumerate(data.class_names(SOURCE)):
        print(f"{name:12s} {np.mean(seen[asked == label] == label):6.1%}")
    print(f"classifier on {len(real_images('test')[0])} held-out real images: {accuracy:.1%}")
    agreement = np.mean(seen == asked)
    print(f"agreement on {arguments.count} generated pictures: {agreement:.1%}")
    if arguments.at_least and agreement < arguments.at_least:
        sys.exit(f"below {arguments.at_least:.0%}")


if __name__ == "__main__":
    main()
