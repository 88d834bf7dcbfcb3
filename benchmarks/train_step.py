"""Time of one training step, against PyTorch and against a bare loop, as ratios of medians.

    python benchmarks/train_step.py [--rounds 5] [--steps 6] [--only dcgan pix2pix cyclegan_128]

1. `dcgan` at batch 64, `pix2pix` (256 px) and `cyclegan_128` at batch 1, float32: our `fit` against
   the same networks and game in PyTorch. Skipped with a message where torch is not installed; any
   CPU build does.
2. `dcgan_fashion`, 28 x 28 x 1, batch 64: `fit` against a loop over the same compiled step.

Both sides run in this process, turn about, with as many threads; each round is a few steps of
one, then of the other, so that a machine that slows down slows both.
"""

import argparse
import os
import pathlib
import statistics
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "tests"))  # the twins

import keras
import numpy as np
import tensorflow as tf

from keras_gans import zoo


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
    rng = np.random.default_rng(0)
    made = tf.nest.map_structure(
        lambda spec: rng.uniform(-1, 1, (4, *spec.shape)).astype("float32"),
        model.batch_spec(batch_size),
    )
    return tf.data.Dataset.from_tensor_slices(made).repeat().prefetch(2)


def timed_fit(model, data, steps):
    times = StepTimes()
    model.fit(data, epochs=1, steps_per_epoch=steps + 1, verbose=0, callbacks=[times])
    return times.seconds


def descend(optimizer, loss):
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def require(networks, wanted):
    for network in networks:
        network.requires_grad_(wanted)


def adam(torch, *networks):
    parameters = [parameter for network in networks for parameter in network.parameters()]
    return torch.optim.Adam(parameters, 2e-4, (0.5, 0.999))


def dcgan_twin(torch, twins, model):
    """pytorch/examples' order: D on real and on fake images, then G on the same fakes."""
    g, d = twins.dcgan_generator(), twins.dcgan_discriminator()
    g_optimizer, d_optimizer = adam(torch, g), adam(torch, d)
    softplus = torch.nn.functional.softplus
    real = torch.rand(BATCHES["dcgan"], 3, 64, 64) * 2 - 1

    def step():
        d_optimizer.zero_grad()
        softplus(-d(real)).mean().backward()
        fake = g(torch.randn(len(real), 100, 1, 1))
        softplus(d(fake.detach())).mean().backward()
        d_optimizer.step()
        descend(g_optimizer, softplus(-d(fake)).mean())

    return step


def pix2pix_twin(torch, twins, model):
    g = twins.Unet(model.num_downs)
    d = twins.patch_gan(6, norm=torch.nn.BatchNorm2d)
    g_optimizer, d_optimizer = adam(torch, g), adam(torch, d)
    softplus = torch.nn.functional.softplus
    source, target = (torch.rand(1, 3, *[model.image_size] * 2) * 2 - 1 for _ in range(2))

    def step():
        fake = g(source)
        require([d], True)
        judged = softplus(-d(source, target)).mean() + softplus(d(source, fake.detach())).mean()
        descend(d_optimizer, 0.5 * judged)
        require([d], False)
        l1 = (fake - target).abs().mean()
        descend(g_optimizer, softplus(-d(source, fake)).mean() + 100 * l1)

    return step


def cyclegan_twin(torch, twins, model):
    ab, ba = (twins.resnet(model.num_blocks) for _ in range(2))
    d_a, d_b = (twins.patch_gan(3) for _ in range(2))
    g_optimizer, d_optimizer = adam(torch, ab, ba), adam(torch, d_a, d_b)
    a, b = (torch.rand(1, 3, *[model.image_size] * 2) * 2 - 1 for _ in range(2))

    def step():
        require([d_a, d_b], False)
        fake_b, fake_a = ab(a), ba(b)
        loss = ((d_b(fake_b) - 1) ** 2).mean() + ((d_a(fake_a) - 1) ** 2).mean()
        loss = loss + 10 * ((ba(fake_b) - a).abs().mean() + (ab(fake_a) - b).abs().mean())
        loss = loss + 5 * ((ba(a) - a).abs().mean() + (ab(b) - b).abs().mean())
        descend(g_optimizer, loss)
        require([d_a, d_b], True)
        judged = 0.0
        for d, real, fake in ((d_a, a, fake_a), (d_b, b, fake_b)):
            judged = judged + ((d(real) - 1) ** 2).mean() + (d(fake.detach()) ** 2).mean()
        descend(d_optimizer, 0.5 * judged)

    return step


TWINS = {"dcgan": dcgan_twin, "pix2pix": pix2pix_twin, "cyclegan_128": cyclegan_twin}
BATCHES = {"dcgan": 64, "pix2pix": 1, "cyclegan_128": 1}


def against_torch(name, rounds, steps):
    try:
        import torch
        import torch_twins
    except ImportError:
        print(f"{name}: skipped, because torch is not installed (`pip install torch`).")
        return
    torch.manual_seed(0)
    torch.set_num_threads(os.cpu_count())
    model = zoo.get(name)
    data = batches(model, BATCHES[name])
    step = TWINS[name](torch, torch_twins, model)
    started = time.perf_counter()
    timed_fit(model, data, 1)
    first = time.perf_counter() - started
    step()
    ours, theirs = [], []
    for _ in range(rounds):
        ours += timed_fit(model, data, steps)
        for _ in range(steps):
            start = time.perf_counter()
            step()
            theirs.append(time.perf_counter() - start)
    side = model.image_size
    title = f"{name}, {side} px, batch {BATCHES[name]}: keras_gans fit / PyTorch"
    report(title, ours, theirs, 0.85)
    print(f"{name}: the first two steps took {first:.1f} s from the call of `fit`")


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
    parser.add_argument("--only", choices=TWINS, nargs="*", help="of the comparisons with PyTorch")
    arguments = parser.parse_args()
    for name in arguments.only or TWINS:
        against_torch(name, arguments.rounds, arguments.steps)
    against_bare_loop(arguments.rounds * 2, arguments.steps * 4)
