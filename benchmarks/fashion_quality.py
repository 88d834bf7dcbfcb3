"""How good the Fashion-MNIST entries' pictures are, as an independent classifier sees them.

    python benchmarks/fashion_quality.py idx:FOLDER [--models dcgan_fashion runs/00003]
    python benchmarks/fashion_quality.py idx:FOLDER --models cdcgan_fashion --truncation 2

A convolutional classifier is trained on the 60,000 training pictures, or read from the file an
earlier call wrote; its accuracy on the 10,000 of the test set is printed. Then, against that test
set and on the features before its last layer, the Frechet distance, density and coverage (k = 5) of
10,000 pictures: real ones of the training set, which is the best that can be had, and those of
every model: entries with their pretrained weights, or runs. Of class-conditional ones also how
often the classifier sees the class that was asked for.
"""

import argparse
import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

import keras
import numpy as np
from ablation import figures
from class_agreement import real_images
from keras import layers

from keras_gans import training, zoo
from keras_gans.evaluation import features

COUNT = 10_000


def classifier_of(path, source):
    """The classifier in a file, or a new one that is kept there."""
    if path.exists():
        classifier = keras.models.load_model(path)  # one of ours, from the line below
        return classifier, classifier.evaluate(*real_images("test", source), verbose=0)[1]
    classifier = train_classifier(*real_images("train", source))
    classifier.save(path)
    return classifier, classifier.evaluate(*real_images("test", source), verbose=0)[1]


def train_classifier(images, labels):
    """A classifier that has learned from these pictures; its last layer sees 128 features."""
    keras.utils.set_random_seed(0)
    steps = -(-len(images) // 128)
    classifier = keras.Sequential(
        [
            layers.Input((28, 28, 1)),
            layers.RandomFlip("horizontal"),
            *_convolution(32),
            layers.MaxPooling2D(),
            *_convolution(64),
            *_convolution(64),
            layers.MaxPooling2D(),
            *_convolution(128),
            layers.Flatten(),
            layers.Dropout(0.3),
            layers.Dense(128, activation="relu"),
            layers.Dropout(0.3),
            layers.Dense(10),
        ]
    )
    # Eight epochs, and six more from half the rate: 93.4 % of the test set.
    schedule = keras.optimizers.schedules.CosineDecayRestarts(2e-3, 8 * steps, 0.75, 0.5)
    classifier.compile(
        keras.optimizers.Adam(schedule),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    classifier.fit(images, labels, batch_size=128, epochs=14, verbose=2)
    return classifier


def _convolution(width):
    return [
        layers.Conv2D(width, 3, padding="same", use_bias=False),
        layers.BatchNormalization(),
        layers.ReLU(),
    ]


def pictures(name, labels, truncation):
    """The model's pictures, of these labels where it takes any."""
    is_run = pathlib.Path(name).is_dir()
    model = training.open_run(name).load_model() if is_run else zoo.get(name, pretrained=True)
    if model.num_classes:
        return model.sample(labels=labels, seed=0, truncation=truncation), True
    return model.sample(len(labels), seed=0, truncation=truncation), False


def compare(name, seen_real, seen, classes=None, asked=None):
    """Prints the figures of pictures by their features; the distance.

    Args:
        name: of the line.
        seen_real: features of the real test set.
        seen: features of the pictures.
        classes: what the classifier sees in them, where classes were asked for.
        asked: these classes.
    """
    distance, coverage, density = figures(seen_real, seen)
    line = f"distance {distance:7.2f}   density {density:.3f}   coverage {coverage:.3f}"
    if asked is not None:
        line += f"   agreement {np.mean(classes == asked):.2%}"
    print(f"{name:22s} {line}", flush=True)
    return distance


def classes_of(classifier, images):
    return classifier.predict(images, batch_size=500, verbose=0).argmax(1)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", help="of all 70,000 pictures, idx:FOLDER or tfds:fashion_mnist")
    parser.add_argument("--models", nargs="*", help="entries and folders of runs")
    parser.add_argument("--classifier", type=pathlib.Path, default="fashion_classifier.keras")
    parser.add_argument("--truncation", type=float, help="of the models' latents")
    arguments = parser.parse_args()
    shipped = [
        name for name in zoo.names() if name.endswith("_fashion") and zoo.entry(name).weights
    ]

    classifier, accuracy = classifier_of(arguments.classifier, arguments.source)
    print(f"classifier on the real test set: {accuracy:.2%}")
    extract = features.of_model(classifier, classifier.layers[-3].name, "classifier")
    images, labels = real_images("test", arguments.source)
    seen_real = extract(images[:COUNT])
    train, _ = real_images("train", arguments.source)
    chosen = np.random.default_rng(0).choice(len(train), COUNT, replace=False)
    compare("training set", seen_real, extract(train[chosen]))
    for name in arguments.models or shipped:
        fake, is_conditional = pictures(name, labels[:COUNT], arguments.truncation)
        asked = labels[:COUNT] if is_conditional else None
        seen_classes = classes_of(classifier, fake) if is_conditional else None
        compare(pathlib.Path(name).name, seen_real, extract(fake), seen_classes, asked)


if __name__ == "__main__":
    main()
