"""How often a classifier sees in a generated face what it was asked for.

    python benchmarks/attribute_agreement.py stylegan2_avatars [--count 5000] [--truncation PSI]
    python benchmarks/attribute_agreement.py runs/00001-stylegan2-avatars

A small convolutional classifier learns hair, hair colour, skin and the attributes from the bundled
avatars' training pictures, and its accuracy is stated on the 1,000 that are held out. Then the
model draws pictures whose labels are drawn evenly, each column by itself, combinations that
training hardly held included, and the classifier is asked about them.

Then, on the 128 features before the classifier's last layers, the Frechet distance, density and
coverage (k = 5) of 1,000 pictures of the held-out faces' own labels among these faces; as many
training pictures, which is the best that can be had, beside them.
"""

import argparse
import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
from ablation import figures
from keras import layers

from keras_gans import data, training, zoo
from keras_gans.evaluation import features

SOURCE = "bundled:avatars"


def real_faces(model, split):
    """Pictures and labels (N, heads + attributes) of a split."""
    names = model.label_names  # of those that the source has the model need not learn all
    batches = data.load(
        SOURCE,
        model,
        split=split,
        batch_size=500 // model.discriminator_steps,
        shuffle=False,
        drop_remainder=False,
        heads=names and tuple(names["heads"]),
        attributes=names and tuple(names["attributes"]),
    )
    images, labels = zip(*batches.as_numpy_iterator(), strict=True)
    return np.concatenate(images), np.concatenate(labels)


def trained_classifier(model, seed, epochs):
    """A network of one output for each column of labels."""
    images, labels = real_faces(model, "train")
    keras.utils.set_random_seed(seed)
    image = x = keras.Input((64, 64, 3))
    for width in (32, 64, 128):
        x = layers.Conv2D(width, 3, padding="same", activation="relu")(x)
        x = layers.MaxPooling2D()(layers.BatchNormalization()(x))
    x = layers.Dropout(0.3)(layers.Flatten()(x))
    x = layers.Dense(128, activation="relu", name="features")(x)
    outputs = [layers.Dense(size)(x) for size in model.conditions.limits]
    classifier = keras.Model(image, outputs)
    steps = epochs * -(-len(images) // 64)
    classifier.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(1e-3, steps)),
        [keras.losses.SparseCategoricalCrossentropy(from_logits=True) for _ in outputs],
    )
    # Moved by a pixel or two: what is drawn does not stand to the pixel where real faces do.
    rng = np.random.default_rng(seed)
    for epoch in range(epochs):
        moved = np.roll(images, rng.integers(-2, 3, 2), axis=(1, 2))
        columns = [labels[:, column] for column in range(labels.shape[1])]
        classifier.fit(moved, columns, batch_size=64, epochs=1, verbose=0)
        print(f"classifier: epoch {epoch + 1} of {epochs}", flush=True)
    return classifier


def agreement(classifier, images, labels):
    """Share of pictures in which each column is seen as it should be."""
    seen = [logits.argmax(axis=-1) for logits in classifier.predict(images, 256, verbose=0)]
    return (np.stack(seen, axis=1) == labels).mean(axis=0)


def compare(classifier, model, truncation, seed):
    """Prints how near pictures lie to the held-out faces, as the classifier sees them."""
    extract = features.of_model(classifier, "features", "classifier")
    real, labels = real_faces(model, "test")
    train, _ = real_faces(model, "train")
    chosen = np.random.default_rng(seed).choice(len(train), len(real), replace=False)
    latents = model.draw_latents(len(labels), seed, truncation)
    drawn = model.from_latents(latents, truncation, **model.conditions.asked(labels))
    seen = extract(real)
    for name, pictures in (("training set", train[chosen]), ("drawn", drawn)):
        distance, coverage, density = figures(seen, extract(pictures))
        print(f"{name:12} distance {distance:.1f}  density {density:.2f}  coverage {coverage:.2f}")


def main():
    """Prints a line for each column, and one of distances."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="an entry with weights, or the folder of a run")
    parser.add_argument("--count", type=int, default=5_000)
    parser.add_argument("--truncation", type=float)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=8, help="of the classifier")
    asked = parser.parse_args()
    if pathlib.Path(asked.model, "options.json").exists():
        model = training.open_run(asked.model).load_model()
    else:
        model = zoo.get(asked.model, pretrained=True)
    classifier = trained_classifier(model, asked.seed, asked.epochs)
    real = agreement(classifier, *real_faces(model, "test"))
    labels = model.conditions.draw(asked.count, asked.seed)
    latents = model.draw_latents(asked.count, asked.seed, asked.truncation)
    pictures = model.from_latents(latents, asked.truncation, **model.conditions.asked(labels))
    drawn = agreement(classifier, pictures, labels)
    names = data.label_names(SOURCE, model)
    print(f"{'':12} real   drawn")
    for name, *shares in zip(
        (*names["heads"], *names["attributes"]), 100 * real, 100 * drawn, strict=True
    ):
        print(f"{name:12} {shares[0]:5.1f}  {shares[1]:5.1f}")
    compare(classifier, model, asked.truncation, asked.seed)


if __name__ == "__main__":
    main()
