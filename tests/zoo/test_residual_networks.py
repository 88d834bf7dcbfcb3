"""The networks of residual blocks begin as their references do."""

import numpy as np
import pytest

from keras_gans import zoo


@pytest.mark.parametrize("name", ["wgan_gp", "sngan"])
def test_residual_networks_begin_as_their_reference_does(name):
    model = zoo.get(name, generator_filters=32, discriminator_filters=32, seed=0)
    first = next(layer for layer in model.discriminator.layers if hasattr(layer, "kernel_size"))
    last = model.generator.layers[-2]
    spread = {layer: float(np.std(layer.kernel)) for layer in (first, last)}
    # `lib/ops/conv2d.py` of the one, `resblocks.py` and `resnet_32.py` of the other: He's is the
    # root of 4 / (in + out), the output's of 2 / (in + out).
    size = first.kernel_size[0] ** 2
    gain = 4 if size == 9 else 2
    assert spread[first] == pytest.approx((gain / (size * (3 + 32))) ** 0.5, rel=0.1)
    assert spread[last] == pytest.approx((2 / (9 * (32 + 3))) ** 0.5, rel=0.1)
