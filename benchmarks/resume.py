"""Killed and resumed runs against runs that were not: are the weights the same, to the bit?

    python benchmarks/resume.py [--names dcgan cyclegan] [--kills 2] [--results resume.jsonl]

For each family (its smallest entry, in its tiny form, on bundled pictures) `keras-gans train
--deterministic` runs once undisturbed. Then the same run is begun again, killed with SIGKILL at
random moments (while starting, training, drawing or saving), each time resumed with `--resume`, and
its weights, averaged weights, optimizers' slots and counts, pools and random states at the end are
compared with the undisturbed run's. After the last kill a byte of the newest checkpoint is turned
round, where there is an older one to go back to. With `--disk` another run fills a small tmpfs,
stops, is given room, and goes on.
"""

import argparse
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import h5py
import numpy as np

from keras_gans import zoo
from keras_gans.core.saving import constructor_arguments

DATA = {
    "paired_translation": "bundled:emoji/edges",
    "unpaired_translation": "bundled:emoji/styles",
    "video_translation": "bundled:sprites",
}
EPOCHS, STEPS, BATCH = 20, 10, 8


def families():
    """One entry of each family that differs from the others in what it keeps."""
    names = {}
    for name in zoo.names():
        names.setdefault(zoo.entry(name).cls, name)
    return [*names.values(), "dcgan_dropout_fashion", "dcgan_spectral_fashion"]


def command(name, folder):
    entry = zoo.entry(name)
    settings = [f"{key}={value}" for key, value in {**entry.config, **entry.tiny}.items()]
    if "ema_decay" in constructor_arguments(entry.cls):
        settings += ["ema_decay=0.99"]
    return [
        *(sys.executable, "-m", "keras_gans", "train", name, "--deterministic", "--resume"),
        *("--data", DATA.get(entry.task, "bundled:fashion_mnist"), "--runs-dir", str(folder)),
        *("--epochs", str(EPOCHS), "--steps-per-epoch", str(STEPS), "--batch-size", str(BATCH)),
        *(word for setting in settings for word in ("--set", setting)),
    ]


def finish(name, folder):
    """Trains until all epochs are done, or raises."""
    done = subprocess.run(command(name, folder), capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{name}: exit code {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def kill(name, folder, moments, length):
    """Begins or resumes a run and kills it at a random moment; None if it had ended before.

    Half of the times at any moment since its start, else in the time of two checkpoints after it
    wrote one: small networks take longer to start than to train.
    """
    known, start = checkpoints(folder), time.time()
    process = subprocess.Popen(
        command(name, folder), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    if moments.random() < 0.5:
        moment = start + moments.uniform(0, length)
    else:
        while checkpoints(folder) == known and process.poll() is None:
            time.sleep(0.01)
        moment = time.time() + moments.uniform(0, 1.0)
    try:
        process.wait(max(moment - time.time(), 0))
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
    return time.time() - start if process.wait() == -signal.SIGKILL else None


def checkpoints(folder):
    return sorted(path.name for path in folder.glob("*/checkpoints/epoch-*"))


def damage(folder):
    """Turns a byte of the newest checkpoint's weights round; its folder, None where none is."""
    found = sorted(folder.glob("*/checkpoints/epoch-*/state.weights.h5"))
    if len(found) < 2:
        return None
    with open(found[-1], "r+b") as file:
        file.seek(found[-1].stat().st_size // 2)
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 255]))
    return found[-1].parent


def weights(folder):
    """Every array of the trained model's file, by its place in it."""
    found = {}
    (path,) = folder.glob("*/model.keras")
    with zipfile.ZipFile(path) as archive, archive.open("model.weights.h5") as file:
        h5py.File(file).visititems(
            lambda place, item: (
                found.update({place: np.array(item)}) if isinstance(item, h5py.Dataset) else None
            )
        )
    return found


def differences(first, second):
    """Places whose arrays differ in a bit."""
    if first.keys() != second.keys():
        return sorted(first.keys() ^ second.keys())
    return [place for place in first if first[place].tobytes() != second[place].tobytes()]


def killed(name, workspace, kills, moments):
    """Figures of a family's run that was killed several times."""
    start = time.time()
    finish(name, workspace / "whole")
    length = time.time() - start
    folder, hit = workspace / "killed", []
    while len(hit) < kills:
        after = kill(name, folder, moments, length)
        if after is None:
            shutil.rmtree(folder)  # it had ended before: once more
            hit = []
            continue
        newest = (checkpoints(folder) or [None])[-1]
        hit.append({"after_seconds": round(after, 2), "checkpoint": newest})
    damaged = damage(folder)
    said = finish(name, folder)
    whole = weights(workspace / "whole")
    return {
        "name": name, "kills": hit, "damaged": damaged and damaged.name,
        "reported_damage": "is damaged" in said, "arrays": len(whole),
        "different": differences(whole, weights(folder)),
    }  # fmt: skip


def filled(name, workspace):
    """Figures of a run whose disk fills: it stops by itself, and goes on with room."""
    finish(name, workspace / "whole")
    size = sum(p.stat().st_size for p in (workspace / "whole").rglob("*") if p.is_file())
    disk = workspace / "disk"
    disk.mkdir()
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={int(0.6 * size)}", "none", disk], check=True
    )
    try:
        stopped = subprocess.run(command(name, disk / "runs"), capture_output=True, text=True)
        subprocess.run(["mount", "-o", "remount,size=1g", disk], check=True)
        finish(name, disk / "runs")
        different = differences(weights(workspace / "whole"), weights(disk / "runs"))
    finally:
        subprocess.run(["umount", disk], check=True)
    return {
        "name": name, "disk_bytes": int(0.6 * size), "exit_code": stopped.returncode,
        "said": stopped.stderr.strip()[-300:], "different": different,
    }  # fmt: skip


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--names", nargs="*", default=families(), metavar="ENTRY")
    parser.add_argument("--kills", type=int, default=2, help="of each family's run")
    parser.add_argument("--disk", action="store_true", help="also fill a tmpfs; needs root")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--results", default="resume.jsonl", help="file to add lines to")
    arguments = parser.parse_args()
    moments, failed, lines = random.Random(arguments.seed), False, []
    for name in arguments.names:
        for measure in ("killed", "filled") if arguments.disk else ("killed",):
            with tempfile.TemporaryDirectory() as workspace:
                workspace = pathlib.Path(workspace)
                line = (
                    killed(name, workspace, arguments.kills, moments)
                    if measure == "killed"
                    else filled(name, workspace)
                )
            lines.append(line)
            failed = failed or bool(line["different"]) or line.get("exit_code", 1) <= 0
            print(json.dumps(line), flush=True)
            with open(arguments.results, "a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
    kills = sum(len(line.get("kills", ())) for line in lines)
    same = sum(not line["different"] for line in lines)
    print(
        f"{kills} kills; {same} of {len(lines)} runs end with the weights of the undisturbed one."
    )
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
