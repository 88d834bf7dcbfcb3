"""Dropout that can stay on after training."""

import contextlib

import keras

from keras_gans.layers.dropout import Dropout


@keras.saving.register_keras_serializable("keras_gans")
class StochasticDropout(Dropout):
    """`Dropout` that `left_on` keeps dropping outside of training.

    What is exported never drops: the switch is on only inside the context, in eager calls.

    Args:
        rate: share of the inputs set to 0, the others scaled by 1 / (1 - rate).
        **kwargs: those of `keras.layers.Dropout`.

    Shapes: any -> the same.
    """

    def __init__(self, rate, **kwargs):
        super().__init__(rate, **kwargs)
        self._always = False

    def call(self, inputs, training=False):
        return super().call(inputs, training=training or self._always)

    @staticmethod
    @contextlib.contextmanager
    def left_on(network, on=True):
        """Inside this context the network's layers of this class drop in every eager call.

        Args:
            network: a `keras.Model`.
            on: False changes nothing.
        """
        layers = [
            layer
            for layer in network._flatten_layers(include_self=False)
            if isinstance(layer, StochasticDropout)
        ]
        for layer in layers:
            layer._always = on
        try:
            yield
        finally:
            for layer in layers:
                layer._always = False
