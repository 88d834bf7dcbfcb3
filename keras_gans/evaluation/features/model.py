"""Any Keras model as an extractor."""

import hashlib

import keras
import numpy as np

from keras_gans.evaluation.features.extractor import Extractor


def of_model(model, layer=None, name=None, *, logits=False):
    """A Keras model's output, or that of one of its layers, as features.

    Args:
        model: functional or sequential, of pictures in [-1, 1]; they are scaled to its size, where
            it has one.
        layer: name of the layer whose output is taken, flattened; the last where not given.
        name: what figures are called after; the model's name where not given.
        logits: whether what is taken is a logit for each class, so that metrics of classes
            ("inception_score", "modes") can be asked for.

    Returns:
        An `Extractor`; its sha256 is that of the weights.

    Raises:
        ValueError: for a model of other inputs than pictures, or without such a layer.
    """
    if len(model.inputs) != 1 or len(model.input_shape) != 4:
        raise ValueError(
            f"An extractor takes pictures (N, H, W, C). {model.name} takes "
            f"{[tuple(tensor.shape) for tensor in model.inputs]}."
        )
    output = model.outputs[0] if layer is None else model.get_layer(layer).output
    if len(output.shape) > 2:
        output = keras.layers.Flatten()(output)
    network = keras.Model(model.inputs, output)
    digest = hashlib.sha256()
    for weight in network.get_weights():
        digest.update(weight.tobytes())
    return Extractor(
        name or model.name,
        network,
        lambda images: images / 127.5 - 1.0,
        digest.hexdigest(),
        classes=np.eye(network.output_shape[-1]) if logits else None,
    )
