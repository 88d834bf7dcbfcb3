"""Time of one training step, against PyTorch and against a bare loop, as ratios of medians.

    python benchmarks/train_step.py [--rounds 5] [--steps 6] [--only dcgan pix2pix cyclegan_128]
                                    [--precision mixed_bfloat16]

1. `dcgan` at batch 64, `pix2pix` (256 px) and `cyclegan_128` at batch 1, `stylegan2_avatars` at
   batch 32 and `stylegan2` of 64 px at batch 8 (means over 16 steps, as penalties are not due at
   each; without augmentation and classifier, which their twin has not), `cut` of 128 px at batch 1,
   `stargan_avatars` at batch 8, the game of `realesrgan_small` at batch 8 (on pixels and logits),
   float32: our `fit` against the same
   networks and game in PyTorch. Skipped with a message where torch is not installed; any
   CPU build does.
   With --precision ours computes in it, and PyTorch in float32. Each row also says which share of
   what the machine can do it reaches: floating point operations of the step, counted in its graph,
   by its time, to those of a product of large matrices or of a 3x3 convolution, whichever is more,
   in float32.
2. `dcgan_fashion`, 28 x 28 x 1, batch 64: `fit` against a loop over the same compiled step.

Both sides run in this process, turn about, with as many threads; each round is a few steps of
one, then of the other, so that a machine that slows down slows both.
"""

import argparse
import os
import statistics
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import tensorflow as tf
from torch_steps import ARGUMENTS, BATCHES, ENTRIES, LAZY, TWINS, random_batches

from keras_gans import zoo
from keras_gans.core.saving import PRECISIONS

_FIRST = ("dcgan", "pix2pix", "cyclegan_128")  # rows with a target of their own


class StepTimes(keras.callbacks.Callback):
    """Seconds from the end of one batch to the end of the next: the step and all around it."""

    def __init__(self):
        super().__init__()
        self.seconds = []

    def on_epoch_begin(self, epoch, logs=None):
        self._last = None

    def on_train_batch_end(self, batch, logs=None):
        now = time.perf_counter()
        if self._last is not None:
            self.seconds.append(now - self._last)
        self._last = now


def batches(model, batch_size):
    """Random batches without end."""
    specs = model.batch_spec(batch_size)
    made = random_batches(tf.nest.flatten(specs), 4, np.random.default_rng(0))
    made = tf.nest.pack_sequence_as(specs, made)
    return tf.data.Dataset.from_tensor_slices(made).repeat().prefetch(2)


def timed_fit(model, data, steps):
    times = StepTimes()
    model.fit(data, epochs=1, steps_per_epoch=steps + 1, verbose=0, callbacks=[times])
    return times.seconds


def peak():
    """Floating point operations a second of the best of two kernels."""
    matrix, picture = tf.random.normal((2048, 2048)), tf.random.normal((4, 64, 64, 256))
    kernel = tf.random.normal((3, 3, 256, 256))
    kernels = {
        "a matrix product": (tf.function(lambda: matrix @ matrix), 2 * 2048**3),
        "a convolution": (
            tf.function(lambda: tf.nn.conv2d(picture, kernel, 1, "SAME")),
            2 * 4 * 64 * 64 * 9 * 256 * 256,
        ),
    }
    found = {}
    for name, (run, operations) in kernels.items():
        run()
        seconds = []
        for _ in range(10):
            started = time.perf_counter()
            run().numpy()
            seconds.append(time.perf_counter() - started)
        found[name] = operations / statistics.median(seconds)
        print(f"{name}: {found[name] / 1e9:.0f} GFLOP/s")
    return max(found.values())


def operations_of(model, batch_size):
    """Floating point operations of one training step."""
    step = tf.function(model.train_step, autograph=False)
    graph = step.get_concrete_function(model.batch_spec(batch_size)).graph
    options = tf.compat.v1.profiler.ProfileOptionBuilder.float_operation()
    options["output"] = "none"
    return tf.compat.v1.profiler.profile(graph, options=options).total_float_ops


def against_torch(name, rounds, steps, precision, most):
    try:
        import torch
    except ImportError:
        print(f"{name}: skipped, because torch is not installed (`pip install torch`).")
        return
    torch.manual_seed(0)
    torch.set_num_threads(os.cpu_count())
    entry = ENTRIES.get(name, name)
    model = zoo.get(entry, precision=precision, **ARGUMENTS.get(name, {}))
    data = batches(model, BATCHES[name])
    operations = operations_of(model, BATCHES[name])
    step = TWINS[name]()
    started = time.perf_counter()
    timed_fit(model, data, 1)
    first = time.perf_counter() - started
    step()
    ours, theirs = [], []
    steps = LAZY.get(name, steps)
    for _ in range(rounds):
        ours += timed_fit(model, data, steps)
        for _ in range(steps):
            start = time.perf_counter()
            step()
            theirs.append(time.perf_counter() - start)
    side = model.image_size
    title = f"{name}, {side} px, batch {BATCHES[name]}, {precision}: keras_gans fit / PyTorch"
    if name in LAZY:
        ours, theirs = [statistics.mean(ours)], [statistics.mean(theirs)]
        report(f"{title}, means", ours, theirs, 0.85)
    else:
        target = 0.75 if name in _FIRST else 0.85
        report(title, ours, theirs, target if precision == "float32" else 0.5)
    share = operations / statistics.median(ours) / most
    print(f"{name}: {operations / 1e9:.0f} GFLOP a step, {share:.0%} of the machine's peak")
    print(f"{name}: the first two steps took {first:.1f} s from the call of `fit`", flush=True)


def against_bare_loop(rounds, steps):
    model = zoo.get("dcgan_fashion")
    data = batches(model, 64)
    bare_step = tf.function(model.train_step, autograph=False)
    timed_fit(model, data, 1)
    bare_step(next(iter(data)))
    fitted, bare = [], []
    for _ in range(rounds):
        fitted += timed_fit(model, data, steps)
        stream = iter(data)
        bare_step(next(stream))
        for _ in range(steps):
            start = time.perf_counter()
            bare_step(next(stream))
            bare.append(time.perf_counter() - start)
    report("dcgan_fashion, 28 px, batch 64: fit / bare loop", fitted, bare, 1.03)


def report(title, ours, theirs, target):
    ours, theirs = statistics.median(ours), statistics.median(theirs)
    print(
        f"{title} = {ours * 1e3:.1f} ms / {theirs * 1e3:.1f} ms = {ours / theirs:.3f} "
        f"(target: at most {target})"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=6, help="steps in a round")
    parser.add_argument("--only", choices=TWINS, nargs="*", help="of the comparisons with PyTorch")
    parser.add_argument("--precision", choices=PRECISIONS, default="float32", help="of ours")
    arguments = parser.parse_args()
    most = peak()
    for name in arguments.only or TWINS:
        against_torch(name, arguments.rounds, arguments.steps, arguments.precision, most)
    against_bare_loop(arguments.rounds * 2, arguments.steps * 4)
