"""What each family makes of the same pictures in the same processor time.

    python benchmarks/zoo.py bundled:avatars --minutes 20 [--only dcgan_avatars r3gan_avatars]
    python benchmarks/zoo.py bundled:fashion_mnist --minutes 10 --markdown zoo.md --plot zoo.png

Every entry whose pictures come of latents, with or without labels, and whose own data is the given
source is trained by its recipe, but for the length: each gets the same processor time, of all
cores together, from the call of `fit` on. Compiling counts, measuring and drawing do not. So a
machine that does other work beside changes how long this takes, and hardly what comes out.

Protocol: after an eighth, a quarter, half and all of the time kid_lite0, precision, recall, density
and coverage against all held-out pictures; at the end also fid_lite0, of as many pictures as
training had (10,000 at most) against these, since FID wants thousands. Labels are those of the
real pictures. `agreement` is the share of labels that an independent classifier sees in 2,000
pictures of labels drawn evenly (`class_agreement.py`, `attribute_agreement.py`; of several columns
the mean). `int8` is the size of the TFLite file, "refused" where its pictures miss their floor.

Each entry and seed trains in a process of its own, in a folder of `--runs`; the same command goes
on where an interrupted one stopped. Finished ones are lines of JSON in `--results`, and the table
and the plot are of all lines of this source and time.
"""

import argparse
import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras

from keras_gans import evaluation, export, training, zoo
from keras_gans.images import grids

_SHARES = (1 / 8, 1 / 4, 1 / 2, 1.0)  # of the time, after which is measured
_FID_COUNT, _AGREEMENT_COUNT = 10_000, 2_000
_HELD_OUT = ("kid", "precision_recall", "density_coverage")
_OF_SETS = ("precision", "recall", "density", "coverage")
_ENDLESS = 100_000  # epochs: the clock stops
_CLOCK = "processor.json"  # in a run's folder: what was used, and the curve


class ProcessorTime(keras.callbacks.Callback):
    """Measures after shares of a processor time, and stops after all of it.

    Args:
        folder: function that gives the run's folder, where the clock is kept.
        seconds: of all cores together.
        measure: function of the model, its figures.
    """

    def __init__(self, folder, seconds, measure):
        super().__init__()
        self._folder, self._seconds, self._measure = folder, seconds, measure
        self.used, self.curve = 0.0, []

    def on_train_begin(self, logs=None):
        path = self._folder() / _CLOCK
        if path.exists():
            kept = json.loads(path.read_text())
            self.used, self.curve = kept["used"], kept["curve"]
        self._since = time.process_time()

    def on_train_batch_end(self, batch, logs=None):
        self._tick()
        due = [share for share in _SHARES if share * self._seconds <= self.used]
        if len(due) > len(self.curve):
            point = {"seconds": round(self.used), "images": int(self.model.images_shown)}
            self.curve.append({**point, **self._measure(self.model)})
            self._since = time.process_time()
        if self.used >= self._seconds:
            self.model.stop_training = True

    def on_epoch_end(self, epoch, logs=None):
        """Keeps the clock with the checkpoint that is written now."""
        self._tick()
        kept = {"used": self.used, "curve": self.curve}
        (self._folder() / _CLOCK).write_text(json.dumps(kept))
        self._since = time.process_time()

    def _tick(self):
        now = time.process_time()
        self.used, self._since = self.used + now - self._since, now


def entries_of(source):
    """Names of the entries that draw pictures like those of a source from latents."""
    found = []
    for name in zoo.names():
        entry = zoo.entry(name)
        of_latents = entry.task in ("unconditional", "class_conditional")
        if of_latents and entry.data == source:
            found.append(name)
    return found


def figures_of(model, source, options, split, names):
    """Figures of a model against a split, by names without the extractor's."""
    (result,) = evaluation.evaluate(
        model,
        source,
        split=split,
        names=names,
        count=_FID_COUNT,
        heads=options.heads,
        attributes=options.attributes,
    )
    return {
        name.removesuffix("_lite0"): round(value, 5) for name, value in result["figures"].items()
    }


def agreement_of(model, source):
    """Share of labels that an independent classifier sees; None without labels."""
    if not model.conditions:
        return None
    if source == "bundled:avatars":
        import attribute_agreement as agreement

        classifier = agreement.trained_classifier(model, seed=0, epochs=8)
        labels = model.conditions.draw(_AGREEMENT_COUNT, 0)
        pictures = model.from_latents(
            model.draw_latents(_AGREEMENT_COUNT, 0), **model.conditions.asked(labels)
        )
        return float(agreement.agreement(classifier, pictures, labels).mean())
    import class_agreement

    classifier, _ = class_agreement.train_classifier(0)
    asked = [number % model.num_classes for number in range(_AGREEMENT_COUNT)]
    pictures = model.sample(labels=asked, seed=0)
    seen = classifier.predict(pictures, batch_size=500, verbose=0).argmax(axis=1)
    return float((seen == asked).mean())


def int8_size(model):
    """Bytes of the TFLite file in int8, or "refused"."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "generator.tflite"
        try:
            export.export_sampling_network(model, path, "tflite", precision="int8", batch_size=1)
        except export.ParityError:
            return "refused"
        return path.stat().st_size


def run_one(name, source, seed, minutes, runs):
    """The line of results of an entry and a seed; trains it, or goes on."""
    options = dataclasses.replace(
        training.Options(model=name, data=source, seed=seed),
        epochs=_ENDLESS,
        sheet_every=_ENDLESS,
    )
    folder = runs / f"{name}-{seed}-{minutes:g}"
    clock = ProcessorTime(
        lambda: next(folder.glob("0*")),
        60 * minutes,
        lambda model: figures_of(model, source, options, "test", _HELD_OUT),
    )
    if begun := sorted(folder.glob("0*")):
        run = training.resume(begun[0], options, callbacks=[clock], verbose=2)
    else:
        run = training.train(options, folder, callbacks=[clock], verbose=2)
    model = run.load_model()
    grids.save(grids.samples(model, seed=0), folder / "sheet.png")
    last = clock.curve[-1]
    return {
        **{"entry": name, "source": source, "seed": seed, "minutes": minutes},
        **figures_of(model, source, options, run.options.split, ("fid",)),
        **{figure: last[figure] for figure in ("kid", *_OF_SETS)},
        "agreement": agreement_of(model, source),
        "images": last["images"],
        "seconds_per_kimg": round(1000 * last["seconds"] / last["images"], 3),
        "parameters": sum(zoo.entry(name).parameters.values()),
        "int8": int8_size(model),
        "curve": clock.curve,
    }


def read_results(path, source, minutes):
    """Finished lines by (entry, seed)."""
    lines = path.read_text().splitlines() if path.exists() else []
    return {
        (line["entry"], line["seed"]): line
        for line in map(json.loads, lines)
        if (line["source"], line["minutes"]) == (source, minutes)
    }


def table(results):
    """The results as a Markdown table, the best fid_lite0 first."""
    head = ("entry", "seed", "fid_lite0", "kid_lite0", *_OF_SETS, "agreement", "images, thousands",
            "s a thousand", "parameters", "int8, kB")  # fmt: skip
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for line in sorted(results.values(), key=lambda line: line["fid"]):
        agreement, int8 = line["agreement"], line["int8"]
        cells = (
            f"`{line['entry']}`",
            line["seed"],
            f"{line['fid']:.1f}",
            f"{line['kid']:.4f}",
            *(f"{line[figure]:.2f}" for figure in _OF_SETS),
            "" if agreement is None else f"{agreement:.1%}",
            f"{line['images'] / 1000:.0f}",
            f"{line['seconds_per_kimg']:.2f}",
            f"{line['parameters']:,}",
            int8 if isinstance(int8, str) else f"{int8 / 1000:.0f}",
        )
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines) + "\n"


def plot(results, path):
    """kid_lite0 against processor time, a line for each entry (its first seed)."""
    from matplotlib import pyplot

    figure, axis = pyplot.subplots(figsize=(8, 5), layout="constrained")
    for (name, _), line in sorted(results.items(), reverse=True):
        minutes = [point["seconds"] / 60 for point in line["curve"]]
        axis.plot(minutes, [point["kid"] for point in line["curve"]], marker="o", label=name)
    axis.set(xlabel="processor time, minutes", ylabel="kid_lite0", yscale="log")
    axis.legend(fontsize=7)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def main():
    """Trains what is not finished, and prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", help="bundled:avatars or bundled:fashion_mnist")
    parser.add_argument("--minutes", type=float, default=20.0, help="of processor time, each")
    parser.add_argument("--only", nargs="+", help="entries; all that fit where not given")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--runs", type=pathlib.Path, default=pathlib.Path("runs/zoo"))
    parser.add_argument("--results", type=pathlib.Path, default=pathlib.Path("zoo.jsonl"))
    parser.add_argument("--markdown", type=pathlib.Path, help="file to write the table to")
    parser.add_argument("--plot", help="picture to draw, with matplotlib")
    parser.add_argument("--one", nargs=2, metavar=("ENTRY", "SEED"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        name, seed = asked.one
        line = run_one(name, asked.source, int(seed), asked.minutes, asked.runs)
        with asked.results.open("a") as file:
            file.write(json.dumps(line) + "\n")
        return
    names = entries_of(asked.source)
    if unknown := set(asked.only or ()) - set(names):
        parser.error(f"{', '.join(unknown)}: not among {', '.join(names)}")
    for seed in range(asked.seeds):
        for name in asked.only or names:
            if (name, seed) in read_results(asked.results, asked.source, asked.minutes):
                continue
            print(f"{name}, seed {seed}", flush=True)
            subprocess.run([sys.executable, *sys.argv, "--one", name, str(seed)], check=True)
    results = read_results(asked.results, asked.source, asked.minutes)
    print(table(results))
    if asked.markdown:
        asked.markdown.write_text(table(results))
    if asked.plot:
        plot(results, asked.plot)


if __name__ == "__main__":
    main()
