"""Averaged generator weights: they follow the last ones, and sample and ship in their place.

Yazici et al., 2018, https://arxiv.org/abs/1806.04498
"""

import keras
import tensorflow as tf

from keras_gans.core.mixin import Mixin
from keras_gans.layers import BatchNorm

_BATCHES, _BATCH = 16, 64  # of what batch norm's statistics are estimated from


def copy_of(network):
    """A frozen copy, equal to the network when it is made."""
    copy = keras.models.clone_model(network)
    copy.name = f"{network.name}_ema"
    copy.set_weights(network.get_weights())
    copy.trainable = False
    return copy


def decay(tricks, step, images):
    """How much of the average is kept at this step.

    Args:
        tricks: `Tricks`; `ema_decay` is of a step, `ema_kimg` a half-life in thousands of images.
        step: the variable that counts training steps.
        images: real images of a step.
    """
    kept = tricks.ema_decay
    if tricks.ema_kimg:
        kept = 0.5 ** (tf.cast(images, tf.float32) / (1000.0 * tricks.ema_kimg))
    done = tf.cast(tf.convert_to_tensor(step.value), tf.float32)
    # The first steps are forgotten sooner, or the average would begin at random weights.
    return tf.minimum(kept, (1.0 + done) / (10.0 + done))


def follow(averaged, network, decay):
    """Moves every averaged weight towards the network's."""
    for average, current in zip(averaged.weights, network.weights, strict=True):
        average.assign(average + (1.0 - decay) * (current - average))


def reestimate(averaged, inputs):
    """Batch norm statistics that belong to the averaged weights.

    The averaged weights have never seen a batch, and the statistics of the weights that have are
    not theirs. Dropout is off, as it is when pictures are made.

    Args:
        averaged: the network; written to.
        inputs: function of a size and a seed that draws what the network takes.
    """
    layers = averaged._flatten_layers(include_self=False)
    norms = [layer for layer in layers if isinstance(layer, BatchNorm)]
    dropouts = [layer for layer in layers if isinstance(layer, keras.layers.Dropout)]
    if not norms:
        return
    momenta = [norm.momentum for norm in norms]
    rates = [dropout.rate for dropout in dropouts]
    try:
        for norm in norms:
            norm.trainable = True  # frozen, it would keep to its old statistics
        for dropout in dropouts:
            dropout.rate = 0.0
        for batch in range(_BATCHES):
            for norm in norms:
                norm.momentum = batch / (batch + 1)  # a plain mean over the batches
            averaged(inputs(_BATCH, batch), training=True)
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum, norm.trainable = momentum, False
        for dropout, rate in zip(dropouts, rates, strict=True):
            dropout.rate = rate


class AveragedGenerator(Mixin):
    """The part of `AdversarialGAN` that keeps an averaged generator, if the tricks ask for one."""

    def average_generator(self):
        """Adds an averaged copy of the generator if the tricks ask for one."""
        if self.tricks.averages:
            self.generator_ema = copy_of(self.generator)
            self._averaged_at = 0

    def _average(self, images):
        """After an update of G: its averaged weights follow."""
        if self.tricks.averages:
            replicas = tf.distribute.get_strategy().num_replicas_in_sync
            kept = decay(self.tricks, self.step, images * replicas)
            follow(self.generator_ema, self.generator, kept)

    @property
    def sampling_network(self):
        """The generator that samples and ships: the averaged one where there is one."""
        return self.generator_ema if self.tricks.averages else self.generator

    def refresh(self):
        if self.tricks.averages and self._averaged_at != int(self.step.numpy()):
            reestimate(self.generator_ema, self._reestimation_inputs)
            self._averaged_at = int(self.step.numpy())

    def _reestimation_inputs(self, size, seed):
        latents, labels = self.draw_latents(size, seed=seed), self.draw_labels(size, seed=seed)
        return latents if labels is None else [latents, *labels]

    def called_network(self):
        return self.sampling_network

    def predict(self, *args, **kwargs):
        self.refresh()  # here, as it cannot be done in the graph
        return super().predict(*args, **kwargs)

    def predict_on_batch(self, x):
        self.refresh()
        return super().predict_on_batch(x)

    # Of weights that come from elsewhere the statistics are estimated again, unless nothing has
    # been learned since they were stored.

    def load_own_variables(self, store):
        super().load_own_variables(store)
        self._averaged_at = 0

    def set_weights(self, weights):
        super().set_weights(weights)
        self._averaged_at = 0

    def set_state_tree(self, state_tree):
        super().set_state_tree(state_tree)
        self._averaged_at = 0
