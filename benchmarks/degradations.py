"""Processor time that degrading a patch takes, and the shares of its parts.

    python benchmarks/degradations.py

Prints milliseconds a patch of 128 x 128 pixels on one core, in batches of 16, for scale 4. It is
the processor's time, so that other programs on the machine change it little.
"""

import dataclasses
import time

import numpy as np
import tensorflow as tf

from keras_gans.data import degradations, photos

BATCH, SIDE, BATCHES = 16, 128, 12


def measured(degradation, images):
    """Milliseconds of one core a patch."""
    generator = np.random.default_rng(0)
    seeds = [tf.constant(generator.integers(0, 2**31, (BATCH, 2))) for _ in range(BATCHES)]
    degrade = tf.function(
        lambda seeds: degradations.degrade(images, seeds, (SIDE // 4, SIDE // 4), degradation)
    )
    degrade(seeds[0])
    begun = time.process_time()
    for one in seeds:
        degrade(one)
    return (time.process_time() - begun) / (BATCH * BATCHES) * 1e3


def without(degradation, **options):
    """The degradation with other options of its stages."""
    stages = tuple(dataclasses.replace(stage, **options) for stage in degradation.stages)
    return dataclasses.replace(degradation, stages=stages)


def main():
    """Measures and prints."""
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    photograph = photos.photographs("train")[1]
    patches = [photograph[40 * i : 40 * i + SIDE, 300 : 300 + SIDE] for i in range(BATCH)]
    images = tf.constant(np.stack(patches), tf.float32) / 127.5 - 1
    full = degradations.named("realesrgan")
    rows = {
        "realesrgan": full,
        "  without sharpening": dataclasses.replace(full, sharpen=False),
        "  without blurs": dataclasses.replace(without(full, blur=0.0), final_sinc=0.0),
        "  Gaussian noise only": without(full, gaussian=1.0),
        "light": degradations.LIGHT,
    }
    for name, degradation in rows.items():
        print(f"{name:24s} {measured(degradation, images):5.2f} ms")


if __name__ == "__main__":
    main()
