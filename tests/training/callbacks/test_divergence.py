"""The end of training that has diverged: at which step, whose losses and weights."""

import keras
import numpy as np
import pytest
from fabrication import fabricated, tiny

from keras_gans.training.callbacks import DivergedError, StopOnDivergence


def diverge(model, batches=3):
    with pytest.raises(DivergedError) as error:
        model.fit(fabricated(model, batches), verbose=0, callbacks=[StopOnDivergence()])
    return str(error.value)


@pytest.mark.parametrize("name", ["dcgan_fashion", "cyclegan"])
def test_weights_stop_at_the_step_they_leave(name):
    model = tiny(name)
    model.compile(generator_optimizer=keras.optimizers.SGD(float("inf")))
    said = diverge(model)
    assert said.startswith("Training diverged at step 1 (epoch 1, batch 1): ")
    assert "weights of the generator are not finite" in said
    assert "discriminator" not in said.split(". Go on")[0]


def test_losses_are_named_with_their_values():
    model = tiny("pix2pix")
    model.l1_weight = float("inf")  # which is refused as an argument
    said = diverge(model)
    assert "generator_loss is inf" in said and "discriminator_loss" not in said


def test_a_later_step_is_told():
    model = tiny("dcgan_fashion")

    class Poison(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            if batch == 1:
                kernel = self.model.discriminator.trainable_variables[0]
                kernel.assign(np.full(kernel.shape, np.nan))

    with pytest.raises(DivergedError, match="at step 2 \\(epoch 1, batch 2\\): .*discriminator"):
        model.fit(fabricated(model, 3), verbose=0, callbacks=[Poison(), StopOnDivergence()])


def test_training_that_goes_well_is_left_alone():
    model = tiny("dcgan_fashion")
    model.fit(fabricated(model, 3), epochs=2, verbose=0, callbacks=[StopOnDivergence()])
    assert int(model.step) == 6


@pytest.mark.parametrize("name", ["gan", "pix2pix"])
def test_what_to_do_is_what_the_model_has(name):
    model = tiny(name)
    model.compile(generator_optimizer=keras.optimizers.SGD(float("inf")))
    said = diverge(model)
    assert "or begin anew where there is none" in said
    assert "generator_learning_rate, discriminator_learning_rate" in said
