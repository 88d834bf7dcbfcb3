"""Layers named by their place in a network, so that equal models make equal files.

Keras numbers the layers it names by how many of their class the process has made before, and
those numbers come into files as names of operations.
"""

import re

import keras
from keras.src.utils.naming import to_snake_case

from keras_gans.core.naming import counted_anew
from keras_gans.core.weight_files import numbered


def steadily_named(network):
    """A copy of a network in which layers that Keras has named are numbered from their first.

    Layers with names of their own, inputs and outputs keep them.

    Args:
        network: functional `keras.Model`.

    Returns:
        A functional `keras.Model` with copies of the weights.
    """
    names = _names(network)

    def renamed(layer):
        config = {**layer.get_config(), "name": names[layer.name]}
        return type(layer).from_config(config)

    with counted_anew():  # for what layers make inside themselves
        copy = keras.models.clone_model(network, clone_function=renamed)
    copy.set_weights(network.get_weights())
    return copy


def _names(network):
    """`{name: steady name}` of all layers and operations."""
    public = {*network.output_names, *(tensor.name for tensor in network.inputs)}
    names = {}
    for key, operation in numbered(network.operations):
        stem = to_snake_case(type(operation).__name__)
        is_keras_own = re.fullmatch(rf"{stem}(_\d+)?", operation.name)
        keeps = operation.name in public or not is_keras_own
        names[operation.name] = operation.name if keeps else key
    return names
