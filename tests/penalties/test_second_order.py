"""What may and what may not stand in a discriminator under a gradient penalty."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

from keras_gans import layers as ours
from keras_gans.penalties import r1_penalty, require_second_order, second_order


def network(*middle, name="critic"):
    """Convolution, what is asked about, and a dense layer."""
    inputs = keras.Input((8, 8, 3))
    outputs = layers.Conv2D(4, 3, padding="same")(inputs)
    for layer in middle:
        outputs = layer(outputs)
    return keras.Model(inputs, layers.Dense(1)(layers.Flatten()(outputs)), name=name)


@pytest.mark.parametrize(
    "layer",
    [
        layers.LeakyReLU(0.2),
        layers.AveragePooling2D(2),
        layers.MaxPooling2D(2),
        layers.UpSampling2D(),
        layers.Conv2DTranspose(4, 3, strides=2),
        layers.BatchNormalization(),
        layers.LayerNormalization(),
        layers.GroupNormalization(2),
        layers.Dropout(0.5),
        layers.GlobalAveragePooling2D(),
        ours.BatchNorm(),
        ours.InstanceNorm(),
        ours.MinibatchStdDev(),
        ours.NarrowConv2D(3, 3),
        ours.ReflectionPadding2D(1),
        ours.SpectralConv2D(4, 3),
        ours.TorchConvTranspose2D(3),
    ],
    ids=lambda layer: layer.name,
)
def test_differentiable_layers_pass(layer):
    require_second_order(network(layer))


@pytest.mark.parametrize(
    "layer",
    [
        layers.UpSampling2D(interpolation="bilinear", name="culprit"),
        layers.UpSampling2D(interpolation="bicubic", name="culprit"),
        layers.Resizing(4, 4, interpolation="bilinear", name="culprit"),
        layers.Resizing(4, 4, interpolation="nearest", name="culprit"),
        layers.Lambda(lambda x: ops.cast(ops.argmax(x, axis=-1), "float32"), name="culprit"),
    ],
    ids=["bilinear", "bicubic", "resizing", "resizing_nearest", "argmax"],
)
def test_blocking_layers_are_named(layer):
    message = rf"Layer 'culprit' \({type(layer).__name__}\) of network 'critic'.*Conv2DTranspose"
    with pytest.raises(ValueError, match=message):
        require_second_order(network(layers.LeakyReLU(), layer))


def test_what_is_refused_does_block():
    """The reason for the check: the penalty teaches the layer behind a resize nothing."""
    model = network(layers.UpSampling2D(interpolation="bilinear"))
    before, behind = model.layers[1].kernel.value, model.layers[-1].kernel.value
    with tf.GradientTape() as tape:
        penalty = r1_penalty(model, tf.ones((2, 8, 8, 3)))
    gradients = tape.gradient(penalty, [before, behind])
    assert gradients[0] is not None and gradients[1] is None


def test_operations_without_a_layer_are_seen():
    with pytest.raises(ValueError, match=r"\(Resize\)"):
        require_second_order(network(lambda x: ops.image.resize(x, (4, 4))))


@pytest.mark.parametrize("kind", ["functional", "sequential"])
def test_nested_models_are_looked_into(kind):
    culprit = layers.UpSampling2D(interpolation="bilinear", name="culprit")
    if kind == "functional":
        inputs = keras.Input((None, None, 4))
        inner = keras.Model(inputs, culprit(layers.ReLU()(inputs)), name="inner")
    else:
        inner = keras.Sequential([keras.Input((8, 8, 4)), layers.ReLU(), culprit], name="inner")
    with pytest.raises(ValueError, match="'culprit'.*'critic'"):
        require_second_order(network(inner))


def conditional():
    image = keras.Input((8, 8, 3), name="image")
    label = keras.Input((), dtype="int32", name="label")
    maps = layers.Dense(64)(layers.Embedding(10, 5)(label))
    joined = layers.Concatenate()([image, layers.Reshape((8, 8, 1))(maps)])
    features = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(joined))
    projected = layers.Dot(1)([features, layers.Embedding(10, 4)(label)])
    return keras.Model([image, label], layers.Dense(1)(features) + projected)


def test_several_inputs_and_integers():
    require_second_order(conditional())


def test_sides_left_open():
    inputs = keras.Input((None, None, 3))
    features = layers.ReLU()(layers.Conv2D(4, 3)(inputs))
    require_second_order(keras.Model(inputs, layers.Conv2D(1, 1)(features)))


def test_layers_used_twice():
    conv, inputs = layers.Conv2D(3, 3, padding="same"), keras.Input((8, 8, 3))
    require_second_order(keras.Model(inputs, conv(layers.AveragePooling2D(2)(conv(inputs)))))


def test_weights_stay_as_they_are():
    model = network(layers.BatchNormalization(), layers.Dropout(0.5), ours.SpectralConv2D(4, 3))
    variables = model.variables
    before = [np.array(variable) for variable in variables]
    require_second_order(model)
    for variable, value in zip(variables, before, strict=True):
        np.testing.assert_array_equal(variable, value, err_msg=variable.path)


def test_weights_stay_as_they_are_after_a_refusal():
    model = network(layers.BatchNormalization(), layers.UpSampling2D(interpolation="bilinear"))
    with pytest.raises(ValueError, match="UpSampling2D"):
        require_second_order(model)
    np.testing.assert_array_equal(model.layers[2].moving_mean, np.zeros(4))


def test_half_precision():
    inputs = keras.Input((8, 8, 3))
    half = layers.Conv2D(4, 3, dtype="mixed_bfloat16")(inputs)
    require_second_order(keras.Model(inputs, layers.Dense(1, dtype="float32")(half)))


def test_other_kinds_of_networks_are_refused():
    class Subclassed(keras.Model):
        def call(self, inputs):
            return inputs

    for other in (Subclassed(), keras.Sequential([layers.Dense(1)])):
        with pytest.raises(ValueError, match="functional or a built sequential"):
            require_second_order(other)


EXAMPLES = {
    "Add": lambda x: layers.Add()([x, x]),
    "AveragePooling2D": lambda x: layers.AveragePooling2D(2)(x),
    "Concatenate": lambda x: layers.Concatenate()([x, x]),
    "Conv2D": lambda x: layers.Conv2D(4, 3, strides=2, padding="same")(x),
    "Dense": lambda x: layers.Dense(5)(x),
    "DepthwiseConv2D": lambda x: layers.DepthwiseConv2D(3)(x),
    "Flatten": lambda x: layers.Flatten()(x),
    "LeakyReLU": lambda x: layers.LeakyReLU(0.2)(x),
    "ReLU": lambda x: layers.ReLU()(x),
    "Reshape": lambda x: layers.Reshape((4, 16, 3))(x),
}


def test_every_known_layer_has_an_example():
    assert {cls.__name__ for cls in second_order.KNOWN_LAYERS} == set(EXAMPLES)


@pytest.mark.parametrize("name", EXAMPLES)
def test_known_layers_pass_when_they_are_tried(name, monkeypatch):
    monkeypatch.setattr(second_order, "KNOWN_LAYERS", ())
    tried = []
    monkeypatch.setattr(
        second_order,
        "_require_of",
        lambda node, network, check=second_order._require_of: (
            tried.append(type(node.operation).__name__),
            check(node, network),
        ),
    )
    inputs = keras.Input((8, 8, 3))
    require_second_order(keras.Model(inputs, EXAMPLES[name](inputs)))
    assert tried == [name]


def test_grouped_convolutions_pass_when_they_are_tried(monkeypatch):
    monkeypatch.setattr(second_order, "KNOWN_LAYERS", ())
    inputs = keras.Input((8, 8, 4))
    require_second_order(keras.Model(inputs, layers.Conv2D(4, 3, groups=2)(inputs)))


def test_a_subclass_of_a_known_layer_is_tried():
    class Blocking(layers.ReLU):
        def call(self, inputs):
            return tf.image.resize(inputs, (4, 4))

    with pytest.raises(ValueError, match="culprit"):
        require_second_order(network(Blocking(name="culprit")))
