"""Writes the README's zoo table from the registry.

python zoo/table.py           rewrite it
python zoo/table.py --check   exit with 1 if it is stale
"""

import argparse
import math
import os
import pathlib
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from keras_gans import zoo

README = pathlib.Path(__file__).parent.parent / "README.md"
BEGIN, END = "<!-- zoo table: made by `make readme` -->\n", "<!-- end of zoo table -->"


def table():
    """The table in Markdown."""
    lines = ["| name | task | pictures | parameters G, D | data | paper |", "|---|---|---|---|---|---|"]
    for name in zoo.names():
        entry, model = zoo.entry(name), zoo.get(name)
        pictures = " x ".join(str(size) for size in model.generator.outputs[0].shape[1:])
        counts = ", ".join(f"{parameters(n):,}" for n in model.networks.values())
        paper, address = entry.paper.split(", https://")[0], entry.paper.split("https://")[1]
        task = entry.task.replace("_", "-")
        cells = [f"`{name}`", task, pictures, counts, entry.data or "your own"]
        link = address.split(",")[0]
        lines.append(f"| {' | '.join(cells)} | [{paper}](https://{link}) |")
    return "\n".join(lines) + "\n"


def parameters(network):
    """Trainable parameters."""
    return sum(math.prod(variable.shape) for variable in network.trainable_variables)


def main():
    """Rewrites or checks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    text = README.read_text(encoding="utf-8")
    head, rest = text.split(BEGIN)
    tail = rest.split(END, 1)[1]
    fresh = f"{head}{BEGIN}{table()}{END}{tail}"
    if fresh == text:
        return
    if check:
        sys.exit("README's zoo table is stale: run `make readme`.")
    README.write_text(fresh, encoding="utf-8")


if __name__ == "__main__":
    main()
