"""How close edited faces come to the true ones, with one attribute changed.

    python tools/make_avatars edits/ --edits --count 500
    python benchmarks/edits.py runs/00001-stargan-avatars edits/

The tool draws held-out faces of `bundled:avatars`, and each of them with glasses, smile, beard or
hair colour changed and nothing else. A line for each edit that the model makes:

    L1 inside   of the pixels that the true edit changes, pixels from 0 to 1, against the true face;
    unedited    the same of the face as it was: an edit that is any good lies below;
    L1 outside  of all other pixels, which a good edit leaves alone;
    agreement   how often a classifier that learned from the training faces, that of
                attribute_agreement.py, sees the asked label in the edited face;
    of the true the same of the true one;
    others      how often it sees in the edited face the other labels that the face had.

Labels that stay are those of the table, with `--seen` those that the discriminator sees.
"""

import argparse
import csv
import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
from attribute_agreement import trained_classifier
from PIL import Image

from keras_gans import training, zoo

CHANGED = 16 / 255  # of a channel: what differs by less was drawn by the same strokes


def faces(folder):
    """Pictures, float32 (N, H, W, 3) in [-1, 1], and the rows of their table."""
    with (folder / "attributes.csv").open(encoding="utf-8", newline="") as table:
        rows = list(csv.DictReader(table))
    pictures = [np.asarray(Image.open(folder / row["file"]).convert("RGB")) for row in rows]
    return np.float32(pictures) / np.float32(127.5) - 1, rows


def labels_of(rows, names):
    """Rows of a table as a model with these label names takes them, int32 (N, columns)."""
    columns = [[known.index(row[head]) for row in rows] for head, known in names["heads"].items()]
    columns += [[int(row[name]) for row in rows] for name in names["attributes"]]
    return np.array(columns, "int32").T


def distances(edited, true, source):
    """(L1 inside, that of the unedited face, L1 outside): means over pixels, from 0 to 1."""
    inside = (np.abs(true - source) / 2 > CHANGED).any(axis=-1)
    if not inside.any() or inside.all():
        raise ValueError("The true edits must change some pixels, and not all of them.")
    off, unedited = (np.abs(one - true).mean(axis=-1) / 2 for one in (edited, source))
    return off[inside].mean(), unedited[inside].mean(), off[~inside].mean()


def seen_by(classifier, images):
    """Labels that a classifier of one output for each column sees, (N, columns)."""
    outputs = classifier.predict(images, 256, verbose=0)
    outputs = outputs if isinstance(outputs, list) else [outputs]
    return np.stack([logits.argmax(axis=-1) for logits in outputs], axis=1)


def measured(model, classifier, folder, edit, seen=False):
    """The figures of one edit, in the order of the columns that `main` prints."""
    source, rows = faces(folder / "source")
    true, changed = faces(folder / edit)
    before, after = (labels_of(table, model.label_names) for table in (rows, changed))
    column = (*model.label_names["heads"], *model.label_names["attributes"]).index(edit)
    present = np.array(model.seen(source) if seen else before)
    wanted = present.copy()
    wanted[:, column] = after[:, column]
    edited = model.translate(source, source_labels=present, **model.conditions.asked(wanted))
    right, truly = (seen_by(classifier, one) == after for one in (edited, true))
    others = np.delete(right, column, axis=1)
    kept = others.mean() if others.size else 1.0
    return *distances(edited, true, source), right[:, column].mean(), truly[:, column].mean(), kept


def main():
    """Prints a line for each edit."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=pathlib.Path, help="the folder of a run, or a .keras file")
    parser.add_argument("folder", type=pathlib.Path, help="that tools/make_avatars --edits wrote")
    parser.add_argument("--seen", action="store_true", help="present labels by the discriminator")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=8, help="of the classifier")
    asked = parser.parse_args()
    if asked.model.suffix == ".keras":
        model = zoo.load(asked.model)
    else:
        model = training.open_run(asked.model).load_model()
    names = model.label_names
    if not model.conditions.in_columns or names is None:
        parser.error(f"{asked.model} does not edit several labels whose names are known")
    edits = [name for name in (*names["heads"], *names["attributes"])
             if (asked.folder / name).is_dir()]  # fmt: skip
    classifier = trained_classifier(model, asked.seed, asked.epochs)
    print(f"{'':12} L1 inside  unedited  L1 outside  agreement  of the true  others")
    for edit in edits:
        inside, unedited, outside, *shares = measured(
            model, classifier, asked.folder, edit, asked.seen
        )
        agreement, truly, others = (f"{100 * share:.1f} %" for share in shares)
        print(
            f"{edit:12} {inside:9.4f}  {unedited:8.4f}  {outside:10.4f}  {agreement:>9}  "
            f"{truly:>11}  {others:>6}"
        )


if __name__ == "__main__":
    main()
