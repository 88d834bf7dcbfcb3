"""Writes the README's table of entries with weights, and their gallery.

From the registry and the families' metrics.json.

python zoo/table.py           rewrite it
python zoo/table.py --check   exit with 1 if it is stale
"""

import argparse
import json
import math
import os
import pathlib
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import tensorflow as tf

from keras_gans import zoo

HERE = pathlib.Path(__file__).parent
README = HERE.parent / "README.md"
BEGIN, END = "<!-- zoo table: made by `make readme` -->\n", "<!-- end of zoo table -->"


def table():
    """The table in Markdown."""
    lines = [
        "| name | task | pictures | parameters | data | pretrained | paper |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in zoo.names():
        entry = zoo.entry(name)
        if entry.weights is None:  # `keras-gans list` has all of them
            continue
        model = entry.cls.from_config({"name": name, **entry.config})
        image = tf.nest.flatten(model.batch_spec())[0]
        pictures = " x ".join(str(size) for size in image.shape[1:])
        counts = ", ".join(f"{player} {parameters(model, player)}" for player in model.players)
        paper, address = entry.paper.split(", https://")[0], entry.paper.split("https://")[1]
        task = entry.task.replace("_", "-")
        data = entry.data or "your own"
        cells = [f"`{name}`", task, pictures, counts, data, pretrained(entry)]
        link = address.split(",")[0]
        lines.append(f"| {' | '.join(cells)} | [{paper}](https://{link}) |")
    return "\n".join(lines) + "\n"


BESIDE = 4  # sheets in a row of the gallery

#: Of the figures in metrics.json those the table shows.
SHOWN = ("kid_lite0", "l1", "ssim")


def pretrained(entry):
    """Figures of the weights that were trained here, "by its authors" of others, or "no"."""
    if entry.weights is None:
        return "no"
    if entry.published:  # figures of others' weights are in the card
        return f"[by its authors](zoo/{entry.family}/README.md)"
    metrics = json.loads((HERE / entry.family / "metrics.json").read_text(encoding="utf-8"))
    directions = [result["figures"] for result in metrics[entry.name]["results"]]
    cells = [
        f"{name} {', '.join(f'{figures[name]:.3g}' for figures in directions)}"
        for name in SHOWN
        if name in directions[0]
    ]
    return f"[{'; '.join(cells)}](zoo/{entry.family}/README.md)"


def gallery():
    """The sheets of the weights that ship, in rows of a table."""
    entries = [zoo.entry(name) for name in zoo.names()]
    entries = [entry for entry in entries if entry.weights and not entry.published]
    lines = []
    for start in range(0, len(entries), BESIDE):
        row = entries[start : start + BESIDE]
        sheets = [
            f"![what {entry.name} draws](zoo/{entry.family}/{entry.name}.png)" for entry in row
        ]
        names = [f"`{entry.name}`" for entry in row]
        lines += [f"| {' | '.join(names)} |", "|---" * len(row) + "|", f"| {' | '.join(sheets)} |"]
        lines.append("")
    return "\n".join(lines)


def parameters(model, player):
    """Trainable parameters of a player's networks, such as "2 x 11,378,179"."""
    networks = [model.networks[name] for name in model.players[player]]
    count = sum(math.prod(variable.shape) for variable in networks[0].trainable_variables)
    return f"{count:,}" if len(networks) == 1 else f"{len(networks)} x {count:,}"


def main():
    """Rewrites or checks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    text = README.read_text(encoding="utf-8")
    head, rest = text.split(BEGIN)
    tail = rest.split(END, 1)[1]
    said = "Uncurated sheets of the weights that ship; what they were trained on is in their cards:"
    fresh = f"{head}{BEGIN}{table()}\n{said}\n\n{gallery()}\n{END}{tail}"
    if fresh == text:
        return
    if check:
        sys.exit("README's zoo table is stale: run `make readme`.")
    README.write_text(fresh, encoding="utf-8")


if __name__ == "__main__":
    main()
