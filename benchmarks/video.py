"""Clips by a model of clips and by one of single pictures: how true, and how much they flicker.

    python benchmarks/video.py --clips 10000 --piece 1000      # 1,000 clips of each row, then stop
    python benchmarks/video.py --clips 10000 --piece 1000      # the next 1,000, and so on
    python benchmarks/video.py --clips 10000 --piece 10000     # all of it

`vid2vid_sprites`, and the networks of `pix2pix_avatars` on the frames of the same clips, one clip
of nine frames an update, both from sketches of `bundled:sprites`. The model is saved after each
piece, and the next call goes on from there; when all clips were seen, its figures on the test clips
are a line of JSON in `--results`, and the table is printed. A row of the true frames themselves
says what is within reach. OpenCV estimates flow: pip install "keras-gans[flow]".

warping error  mean square of a frame and the one before moved along the true flow, where that is
               sure; values in [-1, 1]
tOF            mean L1, in pixels, of the flow that OpenCV estimates between made frames and between
               the true ones (Chu et al., 2020, https://arxiv.org/abs/1811.09393)
L1, SSIM       of frames and true frames, on the scale of 0 to 1
"""

import argparse
import json
import os
import pathlib
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import tensorflow as tf

from keras_gans import data, zoo
from keras_gans.core.signature import takes_clips
from keras_gans.games.clips import in_pixels, warped
from keras_gans.metrics import Pairs
from keras_gans.utils.files import write_whole

SOURCE = "bundled:sprites"
ROWS = {
    "vid2vid": ("vid2vid_sprites", {}),
    "pix2pix": ("pix2pix_avatars", {"source_channels": 3, "augment": ()}),
}


def new_model(row, clips, overrides=None):
    """The model of a row, whose learning rate rests for a half of the clips and then falls."""
    name, options = ROWS[row]
    half = clips // 2
    options = {**options, "constant_steps": half, "decay_steps": clips - half, **(overrides or {})}
    model = zoo.get(name, seed=0, **options)
    model.compile()
    return model


def batches(row, model, form, seed):
    """Clips one after the other without end, as the model takes them: whole, or their frames."""
    loaded = data.load(SOURCE, form, batch_size=1, seed=seed).repeat()
    if takes_clips(model):
        return loaded
    return loaded.map(lambda source, _, target: (source[0], target[0]))


def train_piece(row, folder, clips, piece, form, overrides=None):
    """Trains a row for a piece of its clips, from where the last call stopped.

    Returns:
        The model, and how many clips it has seen.
    """
    path, progress = folder / f"{row}.keras", folder / f"{row}.json"
    seen, seconds = 0, 0.0
    if path.exists():
        state = json.loads(progress.read_text())
        if state["clips"] != clips:
            raise ValueError(
                f"{path} was begun for {state['clips']} clips. Received: {clips}. Use another "
                "--runs."
            )
        seen, seconds = state["seen"], state["seconds"]
        model = keras.saving.load_model(path)
    else:
        model = new_model(row, clips, overrides)
    todo = min(piece, clips - seen)
    if todo > 0:
        began = time.process_time()
        model.fit(batches(row, model, form, seen), epochs=1, steps_per_epoch=todo, verbose=2)
        seen, seconds = seen + todo, seconds + time.process_time() - began
        folder.mkdir(parents=True, exist_ok=True)
        model.save(path)
        state = {"clips": clips, "seen": seen, "seconds": seconds}
        write_whole(progress, lambda unfinished: unfinished.write_text(json.dumps(state)))
    return model, seen, seconds


# === Figures ===


def translated(model, source):
    """Translations of clips (N, T, H, W, C)."""
    if takes_clips(model):
        return model.translate(source)
    return np.stack([model.translate(clip) for clip in source])


def warping_error(frames, flow):
    """Mean square of frames and those before, moved along the true flow, where it is sure."""
    pixels, sure = (np.asarray(part) for part in in_pixels(tf.constant(flow)))
    moved = np.asarray(warped(tf.constant(frames[:, :-1]), tf.constant(pixels[:, 1:])))
    squares = np.square(frames[:, 1:] - moved).mean(-1, keepdims=True)
    return float((squares * sure[:, 1:]).sum() / sure[:, 1:].sum())


def t_of(frames, true):
    """Mean L1 of the flow estimated between made frames and between the true ones, in pixels."""
    return float(np.abs(_estimated(frames) - _estimated(true)).mean())


def _estimated(clips):
    pixels = np.clip(np.rint((clips + 1) * 127.5), 0, 255).astype("uint8")
    estimate = data.optical_flow.estimate
    return np.stack(
        [
            estimate(before, now)[..., :2]
            for clip in pixels
            for before, now in zip(clip[:-1], clip[1:], strict=True)
        ]
    )


def figures(made, flow, true):
    """All figures of clips (N, T, H, W, 3) in [-1, 1]."""
    pairs = Pairs()
    for one, other in zip(true, made, strict=True):
        pairs.update(one, other)
    return {
        "warping": warping_error(made, flow),
        "tof": t_of(made, true),
        **{name: pairs.result()[name] for name in ("l1", "ssim")},
    }


def test_clips(form, count=None):
    """Source, flow and target of the test clips, or of the first `count`."""
    loaded = data.load(SOURCE, form, split="test", batch_size=1, shuffle=False)
    parts = list(loaded.take(-1 if count is None else count).as_numpy_iterator())
    return tuple(np.concatenate(part) for part in zip(*parts, strict=True))


def table(lines):
    """The results as a Markdown table."""
    head = ("row", "warping error", "tOF", "L1", "SSIM", "clips", "ms of processor time a clip")
    rows = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for line in lines:
        cost = ["", ""]
        if line["row"] in ROWS:
            cost = [f"{line['seen']:,}", f"{1000 * line['seconds'] / line['seen']:.0f}"]
        cells = (
            f"`{line['row']}`" if line["row"] in ROWS else line["row"],
            f"{line['warping']:.4f}",
            *(f"{line[name]:.3f}" for name in ("tof", "l1", "ssim")),
            *cost,
        )
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def read_results(path, clips):
    """Finished lines by row."""
    lines = path.read_text().splitlines() if path.exists() else []
    return {line["row"]: line for line in map(json.loads, lines) if line["clips"] == clips}


def main():
    """Trains a piece of what is not finished; prints the table when all is."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", type=int, default=10_000, help="that each row learns from")
    parser.add_argument("--piece", type=int, default=1_000, help="of them in this call")
    parser.add_argument("--only", nargs="+", choices=list(ROWS), default=list(ROWS))
    parser.add_argument("--runs", type=pathlib.Path, default=pathlib.Path("runs/video"))
    parser.add_argument("--results", type=pathlib.Path, default=pathlib.Path("video.jsonl"))
    asked = parser.parse_args()
    form = zoo.get(ROWS["vid2vid"][0], seed=0)  # whose batches both learn from
    for row in asked.only:
        if row in read_results(asked.results, asked.clips):
            continue
        model, seen, seconds = train_piece(row, asked.runs, asked.clips, asked.piece, form)
        print(f"{row}: {seen} of {asked.clips} clips", flush=True)
        if seen == asked.clips:
            source, flow, true = test_clips(form)
            line = {"row": row, "clips": asked.clips, "seen": seen, "seconds": round(seconds, 1)}
            line |= figures(translated(model, source), flow, true)
            with asked.results.open("a") as file:
                file.write(json.dumps(line) + "\n")
    results = read_results(asked.results, asked.clips)
    if len(results) == len(ROWS):
        _, flow, true = test_clips(form)
        truth = {"row": "the true frames", **figures(true, flow, true)}
        print(table([*results.values(), truth]))


if __name__ == "__main__":
    main()
