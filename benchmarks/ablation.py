"""What each trick does on Fashion-MNIST: one switch at a time, equal budget, several seeds.

    python benchmarks/ablation.py [--updates 500] [--filters 16] [--seeds 3] [--rows plain packing]
    python benchmarks/ablation.py --table

`dcgan_fashion` on the bundled pictures (9,000), batch 64, drawn from the last weights, with one
switch turned and a quarter of its feature maps (`--filters 64` for all), so that it can be done in
an hour; figures for 2,000 generated pictures against the 1,000 real ones held out, on the 128
features of the classifier of `class_agreement.py` (not Inception: comparable with each other only):

    distance   Frechet distance of the features (quality and diversity together; lower is better)
    coverage   share of real pictures with a generated one nearer than their 5th real neighbour
               (Naeem et al., 2020, https://arxiv.org/abs/2002.09797; diversity; higher is better)
    density    generated pictures within such neighbourhoods, a fifth of their number for each real
               picture (the same paper; quality; higher is better)

Each run is a line of RESULTS (JSON), and runs that stand there are not repeated, so that an
interrupted table goes on. `--table` prints the means and their spread in Markdown.
"""

import argparse
import collections
import json
import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
from class_agreement import SOURCE, real_images, train_classifier

from keras_gans import data, zoo
from keras_gans.evaluation import metrics

COUNT, NEIGHBOURS, BATCH = 2000, 5, 64

#: The switch each row turns; a row of its own entry where the architecture changes.
ROWS = {
    "plain": {},
    "objective minimax": {"objective": "minimax"},
    "objective least_squares": {"objective": "least_squares"},
    "objective hinge": {"objective": "hinge"},
    "objective relativistic_average": {"objective": "relativistic_average"},
    "objective relativistic_pairing": {"objective": "relativistic_pairing"},
    "r1": {"r1": 0.1},
    "r1 and r2, pairing": {"r1": 0.1, "r2": 0.1, "objective": "relativistic_pairing"},
    "dragan": {"dragan": 10.0},
    "gradient_penalty, layer norm": {"gradient_penalty": 10.0, "discriminator_norm": "layer"},
    "uniform latents": {"latent_distribution": "uniform"},
    "label_smoothing": {"label_smoothing": 0.1},
    "label_flipping": {"label_flipping": 0.05},
    "instance_noise, fading": {"instance_noise": 0.2, "instance_noise_steps": 500},
    "batch_norm together": {"batch_norm": "together"},
    "discriminator without norm": {"discriminator_norm": "none"},
    "spectral norm": {"discriminator_norm": "spectral"},
    "pooling": {"resampling": "pooling"},
    "slope 0": {"slope": 0.0},
    "dropout in G": {"dropout": 0.5},
    "minibatch deviation": {"stddev_group": 4},
    "two learning rates": {"discriminator_learning_rate": 4e-4, "generator_learning_rate": 1e-4},
    "SGD for D": {"discriminator_optimizer": "sgd"},
    "balance": {"balance": 0.8},
    "replay": {"replay": 500},
    "packing": {"packing": 2},
    "augment": {"augment": ["color", "translation", "cutout"]},
    "augment, adaptive": {"augment": ["translation", "cutout"], "ada_target": 0.6},
    "ema_decay": {"ema_decay": 0.995},
}


def figures(real, fake):
    """Distance, coverage and density of generated features among real ones."""
    fid, neighbours = metrics.FID(), metrics.DensityCoverage(NEIGHBOURS)
    for metric in (fid, neighbours):
        metric.update(real=real, fake=fake)
    density, coverage = neighbours.result()
    return fid.result(), coverage, density


def run(row, seed, updates, filters):
    """A model trained with the row's switch."""
    keras.utils.set_random_seed(seed)
    plain = {"filters": filters, "ema_decay": 0.0}  # the entry averages its weights
    model = zoo.get("dcgan_fashion", **{**plain, **ROWS[row], "seed": seed})
    batches = data.load(SOURCE, model, batch_size=BATCH, seed=seed).repeat()
    model.fit(batches, steps_per_epoch=updates, verbose=0)
    return model


def measure(arguments):
    done = {(line["row"], line["seed"]) for line in lines(arguments)}
    wanted = [
        (row, seed)
        for seed in range(arguments.seeds)
        for row in arguments.rows
        if (row, seed) not in done
    ]
    classifier, accuracy = train_classifier(0)
    features = keras.Model(classifier.inputs, classifier.layers[-3].output)
    real = features.predict(real_images("test")[0], verbose=0)
    for row, seed in wanted:
        fake = run(row, seed, arguments.updates, arguments.filters).sample(COUNT, seed=0)
        fake = features.predict(fake, batch_size=500, verbose=0)
        distance, coverage, density = figures(real, fake)
        line = {
            "row": row, "seed": seed, "updates": arguments.updates, "filters": arguments.filters,
            "distance": round(distance, 3), "coverage": round(coverage, 4),
            "density": round(density, 4), "classifier": round(accuracy, 4),
        }  # fmt: skip
        print(line, flush=True)
        with arguments.results.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def lines(arguments):
    """Finished runs of this length and width."""
    path = arguments.results
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    wanted = (arguments.updates, arguments.filters)
    read = map(json.loads, text.splitlines())
    return [line for line in read if (line["updates"], line["filters"]) == wanted]


def table(arguments):
    found = collections.defaultdict(list)
    for line in lines(arguments):
        found[line["row"]].append([line[key] for key in ("distance", "coverage", "density")])
    print("| switch | seeds | distance | coverage | density |\n|---|---|---|---|---|")
    for row in sorted(found, key=lambda row: np.mean([values[0] for values in found[row]])):
        cells = [
            f"{mean:.2f} ± {spread:.2f}"
            for mean, spread in zip(np.mean(found[row], 0), np.std(found[row], 0), strict=True)
        ]
        print(f"| {row} | {len(found[row])} | {' | '.join(cells)} |")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--updates", type=int, default=500)
    parser.add_argument(
        "--filters", type=int, default=16, help="feature maps of the widest picture"
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rows", nargs="*", choices=ROWS, default=list(ROWS))
    parser.add_argument("--results", type=pathlib.Path, default=pathlib.Path("ablation.jsonl"))
    parser.add_argument("--table", action="store_true", help="print what was measured so far")
    arguments = parser.parse_args()
    (table if arguments.table else measure)(arguments)


if __name__ == "__main__":
    main()
