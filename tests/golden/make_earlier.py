"""Makes `earlier/`: files as version 0.1 wrote them, which later versions must read.

    python tests/golden/make_earlier.py FOLDER      (with the version whose files are to be kept)

Small models after a few steps, saved; a run stopped after one of two epochs and the same run
finished without a stop; a preset; and the pictures and weights that belong to them.
"""

import os
import sys

if __name__ == "__main__":  # not where a test imports it: half of oneDNN's kernels would be gone
    os.environ.update(
        TF_CPP_MIN_LOG_LEVEL="2",
        TF_NUM_INTRAOP_THREADS="1",
        TF_NUM_INTEROP_THREADS="1",
        ONEDNN_MAX_CPU_ISA="AVX2",
        CUDA_VISIBLE_DEVICES="-1",
    )

import pathlib  # noqa: E402
import shutil  # noqa: E402
import tempfile  # noqa: E402

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

import keras  # noqa: E402
import numpy as np  # noqa: E402
from fabrication import fabricate, fabricated, tiny  # noqa: E402
from PIL import Image  # noqa: E402

from keras_gans import (
    training,  # noqa: E402
    zoo,
)

#: What is saved, by the name of its file.
MODELS = {
    "cdcgan": ("cdcgan", {"num_classes": (3, 2), "num_attributes": 1, "ema_decay": 0.9}),
    "cyclegan": ("cyclegan", {"filters": 2, "num_blocks": 1, "pool_size": 2}),
    "pix2pix": ("pix2pix", {"filters": 2}),
    "wgan_gp": ("wgan_gp", {"generator_filters": 2, "discriminator_filters": 2, "ema_decay": 0.9}),
    "gan": ("gan", {"replay": 4}),
}
RUN = {"model": "dcgan_fashion", "epochs": 2, "batch_size": 4, "sheet_every": 2}
OVERRIDES = {"filters": 4, "latent_dim": 8}


def pictures(model):
    """What a model draws or makes of fixed pictures."""
    if len(model.players) and hasattr(model, "translate"):
        return model.translate(fabricate(model, 2, 5)[0])
    return model.sample(4, seed=1)


def data(folder):
    """Eight grey pictures of 28 x 28 in a folder."""
    folder.mkdir(parents=True)
    values = np.random.default_rng(0).integers(0, 256, (8, 28, 28), np.uint8)
    for number, value in enumerate(values):
        Image.fromarray(value).save(folder / f"{number}.png")
    return folder


def options(source, **changes):
    """Of the run."""
    return training.Options(data=f"folder:{source}", overrides=OVERRIDES, **{**RUN, **changes})


def main(target):
    """Writes all of it."""
    target = pathlib.Path(target)
    found = {}
    for name, (entry, arguments) in MODELS.items():
        keras.utils.set_random_seed(0)
        model = tiny(entry, **arguments)
        model.fit(fabricated(model), verbose=0)
        model.save(target / f"{name}.keras")
        found[name] = pictures(model)
    zoo.save_to_preset(tiny("dcgan_fashion"), target / "preset", license="Apache-2.0", data="none")
    found["preset"] = pictures(zoo.from_preset(str(target / "preset")))
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        data(folder / "pictures")
        os.chdir(folder)
        whole = training.train(options("pictures"), folder / "whole", verbose=0)
        found["run"] = pictures(whole.load_model())
        stopped = training.train(options("pictures", epochs=1), folder / "stopped", verbose=0)
        found["run_after_one_epoch"] = pictures(stopped.load_model())
        for path in stopped.path.rglob("*"):
            kept = path.suffix in (".json", ".csv", ".h5", ".keras")
            if path.is_file() and kept:
                copy = target / "run" / path.relative_to(stopped.path)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, copy)
    np.savez_compressed(target / "pictures.npz", **found)


if __name__ == "__main__":
    main(sys.argv[1])
