"""Small models for the tests of the export room."""

import keras
import numpy as np

from keras_gans import zoo
from keras_gans.core.model import GAN
from keras_gans.core.signature import Image, Latent, Signature


def as_if_trained(network, seed=0):
    """Weights that make real pictures: batch norm must not be the identity in a proof."""
    rng = np.random.default_rng(seed)
    for weight in network.weights:
        shape = weight.shape
        if "moving_variance" in weight.path or "gamma" in weight.path:
            weight.assign(rng.uniform(0.5, 1.5, shape))
        elif "moving_mean" in weight.path or "beta" in weight.path:
            weight.assign(rng.normal(0.0, 0.3, shape))
        else:
            weight.assign(rng.normal(0.0, 0.3, shape))
    return network


def settled(network, side=64, seed=0):
    """A translator whose batch norm knows its activations: untrained, they are next to nothing."""
    if any(isinstance(layer, keras.layers.BatchNormalization) for layer in network.layers):
        rng = np.random.default_rng(seed)
        inputs = [_settling(tensor, side, rng) for tensor in network.inputs]
        for _ in range(40):
            network(inputs if len(inputs) > 1 else inputs[0], training=True)
    return network


def _settling(tensor, side, rng):
    """Four random pictures, masks or labels."""
    if tensor.shape[1:] == (None, None):  # a label map; every form has two classes
        return rng.integers(0, 2, (4, side, side)).astype(tensor.dtype)
    if len(tensor.shape) < 4:
        return np.zeros((4, *tensor.shape[1:]), tensor.dtype)
    sides = [fixed or side for fixed in tensor.shape[1:3]]
    return rng.uniform(-1, 1, (4, *sides, tensor.shape[-1])).astype("float32")


def tiny(name):
    model = zoo.get(name, **zoo.entry(name).tiny)
    as_if_trained(model.generator)
    return model


class Plain(GAN):
    """Any network as a model to export."""

    players = {"generator": ("generator",)}

    def __init__(self, network, size=None, **kwargs):
        super().__init__(name="plain", **kwargs)
        self.generator, self.size = network, size

    def get_config(self):
        return {"name": self.name}

    def batch_roles(self):
        return {"image": Image(self.size, self.size, 3)}

    def signature(self):
        def role(tensor):
            if len(tensor.shape) == 4:
                return Image(None, None, tensor.shape[-1])
            return Latent(tensor.shape[-1], "uniform")

        inputs = {tensor.name: role(tensor) for tensor in self.generator.inputs}
        outputs = dict.fromkeys(self.generator.output_names, Image(None, None, 3))
        return {"generator": Signature(inputs, outputs)}


class Translator(Plain):
    """The same, tried on the pictures it learns from."""

    def batch_roles(self):
        return {"source": Image(self.size, self.size, 3)}
