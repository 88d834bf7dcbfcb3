"""Most memory a training holds, against PyTorch, each in a process of its own.

    python benchmarks/train_memory.py [--only dcgan stylegan2_avatars]

The rows of `train_step.py`, float32, four steps: the largest resident set as a whole, and without
what importing the library had taken before.
"""

import argparse
import os
import resource
import subprocess
import sys

from torch_steps import ARGUMENTS, BATCHES, ENTRIES, TWINS, random_batches

STEPS = 4


def resident():
    """Most MiB this process has ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def ours(name):
    """Trains through `fit`; MiB after the import, and at the most."""
    import numpy as np
    import tensorflow as tf

    from keras_gans import zoo

    imported = resident()
    model = zoo.get(ENTRIES.get(name, name), **ARGUMENTS.get(name, {}))
    specs = model.batch_spec(BATCHES[name])
    made = random_batches(tf.nest.flatten(specs), 1, np.random.default_rng(0))
    data = tf.data.Dataset.from_tensor_slices(tf.nest.pack_sequence_as(specs, made))
    model.fit(data.repeat(STEPS), verbose=0)
    return imported, resident()


def theirs(name):
    """Trains the twin; MiB after the import, and at the most."""
    import torch

    torch.set_num_threads(os.cpu_count())
    imported = resident()
    step = TWINS[name]()
    for _ in range(STEPS):
        step()
    return imported, resident()


def measured(side, name):
    command = [sys.executable, __file__, "--side", side, "--only", name]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return map(float, done.stdout.split()[-2:])


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=TWINS, nargs="*")
    parser.add_argument("--side", choices=("ours", "theirs"), help="measure this one, here")
    arguments = parser.parse_args()
    if arguments.side:
        print(*globals()[arguments.side](arguments.only[0]))
        return
    for name in arguments.only or TWINS:
        (imported, whole), (their_import, their_whole) = (
            measured(side, name) for side in ("ours", "theirs")
        )
        net, their_net = whole - imported, their_whole - their_import
        print(
            f"{name}, batch {BATCHES[name]}: keras_gans / PyTorch = {whole:.0f} / "
            f"{their_whole:.0f} MiB = {whole / their_whole:.2f}; without the libraries "
            f"{net:.0f} / {their_net:.0f} MiB = {net / their_net:.2f}"
        )


if __name__ == "__main__":
    main()
