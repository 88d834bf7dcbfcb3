"""Time of one training step, against PyTorch and against a bare loop, as ratios of medians.

    python benchmarks/train_step.py [--rounds 5] [--steps 6]

1. `dcgan`, 64 x 64 x 3, batch 64: our `fit` against the same networks and game in PyTorch
   (pytorch/examples' order: one backward pass on real, one on fake images, then the generator on
   the same fakes). Skipped with a message where torch is not installed; any CPU build does.
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

from keras_gans import zoo

BATCH = 64


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


def images(side, channels, count):
    pictures = np.random.default_rng(0).uniform(-1, 1, (count, side, side, channels))
    return tf.data.Dataset.from_tensor_slices(pictures.astype("float32")).batch(
        BATCH, drop_remainder=True
    )


def timed_fit(model, data, steps):
    times = StepTimes()
    model.fit(data, epochs=1, steps_per_epoch=steps + 1, verbose=0, callbacks=[times])
    return times.seconds


def torch_step():
    """The PyTorch twin of one DCGAN-64 training step, as a function of nothing."""
    import torch
    from torch import nn

    torch.manual_seed(0)
    torch.set_num_threads(os.cpu_count())

    def generator():
        blocks, width = [nn.ConvTranspose2d(100, 512, 4, 1, 0, bias=False)], 512
        for narrower in (256, 128, 64):
            blocks += [nn.BatchNorm2d(width), nn.ReLU(True)]
            blocks += [nn.ConvTranspose2d(width, narrower, 4, 2, 1, bias=False)]
            width = narrower
        blocks += [nn.BatchNorm2d(width), nn.ReLU(True)]
        return nn.Sequential(*blocks, nn.ConvTranspose2d(width, 3, 4, 2, 1, bias=False), nn.Tanh())

    def discriminator():
        blocks, width = [nn.Conv2d(3, 64, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, True)], 64
        for wider in (128, 256, 512):
            blocks += [nn.Conv2d(width, wider, 4, 2, 1, bias=False)]
            blocks += [nn.BatchNorm2d(wider), nn.LeakyReLU(0.2, True)]
            width = wider
        return nn.Sequential(*blocks, nn.Conv2d(width, 1, 4, 1, 0, bias=False))

    g, d = generator(), discriminator()
    g_optimizer, d_optimizer = (
        torch.optim.Adam(network.parameters(), 2e-4, (0.5, 0.999)) for network in (g, d)
    )
    softplus = nn.functional.softplus
    real = torch.rand(BATCH, 3, 64, 64) * 2 - 1

    def step():
        d_optimizer.zero_grad()
        softplus(-d(real)).mean().backward()
        fake = g(torch.randn(BATCH, 100, 1, 1))
        softplus(d(fake.detach())).mean().backward()
        d_optimizer.step()
        g_optimizer.zero_grad()
        softplus(-d(fake)).mean().backward()
        g_optimizer.step()

    return step


def against_torch(rounds, steps):
    try:
        step = torch_step()
    except ImportError:
        print("dcgan 64 px: skipped, because torch is not installed (`pip install torch`).")
        return
    model, data = zoo.get("dcgan"), images(64, 3, BATCH * 4).repeat().prefetch(2)
    timed_fit(model, data, 1)
    step()
    ours, theirs = [], []
    for _ in range(rounds):
        ours += timed_fit(model, data, steps)
        for _ in range(steps):
            start = time.perf_counter()
            step()
            theirs.append(time.perf_counter() - start)
    report("dcgan, 64 px, batch 64: keras_gans fit / PyTorch", ours, theirs, 0.85)


def against_bare_loop(rounds, steps):
    model, data = zoo.get("dcgan_fashion"), images(28, 1, BATCH * 8).repeat().prefetch(2)
    bare_step = tf.function(model.train_step, autograph=False)
    timed_fit(model, data, 1)
    bare_step(next(iter(data)))
    fitted, bare = [], []
    for _ in range(rounds):
        fitted += timed_fit(model, data, steps)
        batches = iter(data)
        bare_step(next(batches))
        for _ in range(steps):
            start = time.perf_counter()
            bare_step(next(batches))
            bare.append(time.perf_counter() - start)
    report("dcgan_fashion, 28 px, batch 64: fit / bare loop", fitted, bare, 1.05)


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
    arguments = parser.parse_args()
    against_torch(arguments.rounds, arguments.steps)
    against_bare_loop(arguments.rounds * 2, arguments.steps * 4)
