"""Makes translators.npz: small PyTorch twins' weights, inputs and outputs, for where torch is not.

python tests/golden/make_translators.py     (needs torch)
"""

import pathlib
import sys

import numpy as np

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

import torch  # noqa: E402
import torch_twins as twins  # noqa: E402

NETWORKS = {
    "pix2pix/generator": lambda: twins.Unet(5, 2),
    "pix2pix/discriminator": lambda: twins.patch_gan(6, 2, norm=torch.nn.BatchNorm2d),
    "cyclegan/generator_ab": lambda: twins.resnet(1, 2),
    "cyclegan/discriminator_a": lambda: twins.patch_gan(3, 2),
}


def main():
    arrays = {}
    for seed, (name, make) in enumerate(NETWORKS.items()):
        twin = twins.initialise(make(), seed).eval()
        channels = 6 if name == "pix2pix/discriminator" else 3
        image = np.random.default_rng(seed).uniform(-1, 1, (1, 32, 32, channels)).astype("float32")
        with torch.no_grad():
            arrays[f"{name}/output"] = twins.nhwc(twin(twins.nchw(image)))
        arrays[f"{name}/input"] = image
        for key, tensor in twin.state_dict().items():
            if not key.endswith("num_batches_tracked"):
                arrays[f"{name}/state/{key}"] = tensor.numpy()
    np.savez_compressed(HERE / "translators.npz", **arrays)


if __name__ == "__main__":
    main()
