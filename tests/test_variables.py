"""No variable of any model is of a kind that XLA on a GPU cannot read."""

import pytest
import tensorflow as tf
from fabrication import fabricate, tiny

from keras_gans import zoo


def int32_variables(model):
    """Paths of all int32 variables: weights, states, optimizers' slots and counts, metrics."""
    optimizers = [model.optimizer_of(player) for player in model.players]
    variables = [
        *model.variables,
        *model.saved_variables,
        *(variable for optimizer in optimizers for variable in optimizer.variables),
        *(variable for metric in model.metrics for variable in metric.variables),
    ]
    return sorted({v.path for v in variables if tf.as_dtype(v.dtype) == tf.int32})


@pytest.mark.parametrize("name", zoo.names())
def test_no_variable_is_int32(name):
    """TensorFlow keeps int32 variables on the host, where XLA on a GPU cannot read them."""
    model = tiny(name)
    model.train_step(fabricate(model, 4))  # makes what is made at the first step
    assert int32_variables(model) == []


@pytest.mark.parametrize("name", ["cyclegan", "dcgan_fashion"])
@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
def test_no_variable_is_int32_with_a_pool_and_scaled_losses(name, precision):
    pool = {"pool_size": 4} if name == "cyclegan" else {"replay": 4}
    model = tiny(name, precision=precision, **pool)
    model.train_step(fabricate(model, 4))
    assert int32_variables(model) == []
