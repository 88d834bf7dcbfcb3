"""The translators' networks against outputs PyTorch twins once gave; needs no torch."""

import pathlib

import numpy as np
import pytest

from keras_gans import zoo

GOLDEN = np.load(pathlib.Path(__file__).parent.parent / "golden" / "translators.npz")
TINY = {
    "pix2pix": {"image_size": 32, "num_downs": 5, "filters": 2},
    "cyclegan": {"image_size": 32, "num_blocks": 1, "filters": 2},
}


@pytest.mark.parametrize(
    "name",
    [
        "pix2pix/generator",
        "pix2pix/discriminator",
        "cyclegan/generator_ab",
        "cyclegan/discriminator_a",
    ],
)
def test_outputs_equal_the_twin_s(name):
    entry, network = name.split("/")
    model = zoo.get(entry, **TINY[entry])
    for module, layer in model.reference_layers()[network].items():
        if f"{name}/state/{module}.weight" in GOLDEN:
            copy(model.networks[network].get_layer(layer), f"{name}/state/{module}")
    image = GOLDEN[f"{name}/input"]
    inputs = [image[..., :3], image[..., 3:]] if image.shape[-1] == 6 else image
    expected = GOLDEN[f"{name}/output"]
    assert expected.std() > 1e-5
    got = model.networks[network](inputs, training=False)
    np.testing.assert_allclose(got, expected, atol=1e-5)


def copy(layer, key):
    weight = GOLDEN[f"{key}.weight"]
    bias = GOLDEN[f"{key}.bias"] if f"{key}.bias" in GOLDEN else None
    if weight.ndim == 4:
        values = [weight.transpose(2, 3, 1, 0)] + ([] if bias is None else [bias])
    else:
        values = [weight, bias, GOLDEN[f"{key}.running_mean"], GOLDEN[f"{key}.running_var"]]
    layer.set_weights(values)
