"""Small models for the tests of the export room."""

import numpy as np
import tensorflow as tf

from keras_gans import zoo
from keras_gans.core.model import GAN


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


def tiny(name):
    model = zoo.get(name, **zoo.entry(name).tiny)
    as_if_trained(model.generator)
    return model


class Plain(GAN):
    """Any network as a model to export."""

    def __init__(self, network, size=None, **kwargs):
        super().__init__(name="plain", **kwargs)
        self.generator, self.size = network, size

    def networks_to_export(self):
        return {"generator": self.generator}

    def batch_spec(self, batch_size=None):
        return tf.TensorSpec((batch_size, self.size, self.size, 3), tf.float32)

    def describe_tensors(self):
        image = super().describe_tensors()["image"]
        latent = {"kind": "latent", "distribution": "uniform", "value_range": [-1.0, 1.0]}
        return {"image": image, "source": image, "latent": latent}
