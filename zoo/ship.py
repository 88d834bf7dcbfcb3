"""Puts a trained run's weights into the package, with the figures and the sheet of its card.

    python zoo/ship.py runs/00001-cdcgan-fashion [--data idx:PATH]

Writes `keras_gans/zoo/pretrained/NAME.weights.h5` (float16, all networks) and its line in
`manifest.json`; then reads them back as users do, `zoo.get(NAME, pretrained=True)`, measures these
on the split "test" of the data into `zoo/FAMILY/metrics.json`, and draws `zoo/FAMILY/NAME.png`.
"""

import argparse
import json
import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from keras_gans import data, training, zoo
from keras_gans.core.signature import edits
from keras_gans.evaluation import evaluate_model
from keras_gans.images import grids
from keras_gans.utils import files
from keras_gans.zoo import _weights as weights

HERE = pathlib.Path(__file__).parent
PACKAGED = HERE.parent / "keras_gans" / "zoo" / "pretrained"
LARGEST = 9_000_000  # bytes of an entry's file


def ship(run, source):
    """Writes the file and its line; the entry's name."""
    model, name = run.load_model(), run.options.model
    path = PACKAGED / f"{name}.weights.h5"
    with files.staged(files.resolve(path)) as made:
        weights.write_half(model, made)
        if (size := made.stat().st_size) > LARGEST:
            raise SystemExit(f"{name}'s weights take {size} bytes; an entry has {LARGEST}.")
    manifest = PACKAGED / "manifest.json"
    lines = json.loads(manifest.read_text(encoding="utf-8")) if manifest.exists() else {}
    lines[name] = {
        "file": path.name, "sha256": files.sha256(path), "size": size, "data": source,
        "steps": int(model.step), "seed": run.options.seed,
    }  # fmt: skip
    if model.label_names is not None:
        lines[name]["label_names"] = model.label_names
    manifest.write_text(json.dumps(dict(sorted(lines.items())), indent=1) + "\n", encoding="utf-8")
    weights.shipped.cache_clear()
    return name


def measure(name, run, source, split):
    """Figures of the shipped weights, into the family's metrics.json."""
    model = zoo.get(name, pretrained=True)
    found = evaluate_model.evaluate(model, source, split=split, **labels_of(run))
    shipped = weights.shipped()[name]
    family = HERE / zoo.entry(name).family
    path = family / "metrics.json"
    figures = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    for result in found:
        result["protocol"] |= {
            # A folder's path says nothing elsewhere, and a model that was just made counts from 0.
            "source": called(source, run),
            "step": shipped["steps"],
        }
    figures[name] = {
        "training": {
            "data": shipped["data"], "epochs": run.options.epochs,
            "batch_size": run.options.batch_size or model.batch_size, "seed": run.options.seed,
            "flip": run.options.flip, "jitter": run.options.jitter,
        },
        "results": found,
    }  # fmt: skip
    path.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return model, family


#: What the data of an entry is called, wherever its files lie.
DATA = {"fashion": "Fashion-MNIST"}


def called(source, run):
    """What this run's data is called, by a name that means something elsewhere."""
    if not source.startswith(("idx:", "tfds:")):  # "bundled:" is a part of it, a folder another set
        return source
    return DATA.get(run.options.model.rpartition("_")[2], source)


def labels_of(run):
    """Which of the data's labels the run learned, where it learned some of them only."""
    return {"heads": run.options.heads, "attributes": run.options.attributes}


def draw(model, name, source, family, run):
    """The sheet of the card: whatever comes first, not what looks best."""
    if hasattr(model, "translate"):
        count = 8 if edits(model) else 16
        batches = data.load(
            source, model, split="test", batch_size=max(1, count // model.discriminator_steps),
            shuffle=False, jitter=False, **labels_of(run),
        )  # fmt: skip
        picture = grids.translations(model, next(batches.as_numpy_iterator()))
    else:
        picture = grids.samples(model, seed=0)
    grids.save(picture, family / f"{name}.png")


def main():
    """Ships a run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", help="folder of a run")
    parser.add_argument("--data", help="to measure on; the run's own where not given")
    parser.add_argument("--split", default="test")
    arguments = parser.parse_args()
    run = training.open_run(arguments.run)
    source = arguments.data or run.options.source
    name = ship(run, called(run.options.source, run))
    model, family = measure(name, run, source, arguments.split)
    draw(model, name, source, family, run)


if __name__ == "__main__":
    main()
