"""The network TFLite files are written from is the one that was given."""

import keras
import numpy as np
import pytest
from export_models import as_if_trained, settled
from fabrication import by_default, families

from keras_gans import zoo
from keras_gans.export import parity
from keras_gans.export.formats.tflite_rewrites import lowered
from keras_gans.export.network import ExportNetwork
from keras_gans.layers import ReflectionPadding2D, TorchConvTranspose2D

RNG = np.random.default_rng(0)


def names_of(network):
    return {type(layer).__name__ for layer in network.layers}


@pytest.mark.parametrize("name", by_default(families(), zoo.names()))
def test_every_entry_stays_what_it_is(name):
    model = zoo.get(name, **zoo.entry(name).tiny)
    for key, network in model.networks_to_export().items():
        settled(network) if hasattr(model, "translate") else as_if_trained(network)
        before = [np.array(weight) for weight in network.weights]
        export_network = ExportNetwork(key, network, tensors=model.describe_tensors())
        other = export_network.rebuilt(lowered)
        assert [t.name for t in other.inputs] == [t.name for t in export_network.inputs]
        assert other.outputs == export_network.outputs
        # What makes 4x4 pixels of one is a dense layer, and stays.
        doubling = [layer for layer in other.model.layers if vars(layer).get("padding") != "valid"]
        assert not {"ReflectionPadding2D", "TorchConvTranspose2D", "Conv2DTranspose"} & {
            type(layer).__name__ for layer in doubling
        }
        for probe in parity.probes(export_network, model.describe_tensors(), (32, 32)).values():
            given = other(probe.inputs)
            for output, expected in probe.expected.items():
                assert np.abs(expected).max() > 1e-3
                np.testing.assert_allclose(given[output], expected, atol=1e-5)
        for weight, old in zip(network.weights, before, strict=True):
            np.testing.assert_array_equal(weight, old)


def same_as_lowered(*layers, shape=(5, 7, 3), free=False, name="image"):
    source = keras.Input((None, None, shape[-1]) if free else shape, name="source")
    x = source
    for layer in layers:
        x = layer(x)
    network = as_if_trained(keras.Model(source, keras.layers.Activation("tanh", name=name)(x)))
    pictures = RNG.normal(size=(2, *shape)).astype("float32")
    other = lowered(network)
    np.testing.assert_allclose(other(pictures), network(pictures), atol=2e-6)
    return other


@pytest.mark.parametrize("free", [False, True])
@pytest.mark.parametrize(
    ("kernel", "stride"), [(2, 2), (3, 2), (4, 2), (5, 2), ((3, 4), 2), (3, 3), (5, 3), (4, 4)]
)
def test_transposed_convolutions_of_all_kinds(kernel, stride, free):
    up = keras.layers.Conv2DTranspose(4, kernel, strides=stride, padding="same")
    other = same_as_lowered(up, free=free)
    assert "Conv2DTranspose" not in names_of(other)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("scale", [False, True])
def test_norm_and_relu_after_them_go_into_them(bias, scale):
    up = TorchConvTranspose2D(4, use_bias=bias)
    norm = keras.layers.BatchNormalization(scale=scale, center=not scale)
    other = same_as_lowered(up, norm, keras.layers.ReLU())
    assert not {"TorchConvTranspose2D", "BatchNormalization", "ReLU"} & names_of(other)


def test_what_is_read_before_the_norm_is_not_normed():
    source = keras.Input((4, 4, 3), name="source")
    x = keras.layers.Conv2DTranspose(3, 4, strides=2, padding="same")(source)
    y = keras.layers.ReLU()(keras.layers.BatchNormalization()(x))
    network = as_if_trained(keras.Model(source, keras.layers.Add(name="image")([x, y])))
    pictures = RNG.normal(size=(2, 4, 4, 3)).astype("float32")
    np.testing.assert_allclose(lowered(network)(pictures), network(pictures), atol=2e-6)


@pytest.mark.parametrize(
    "layer",
    [
        keras.layers.Conv2DTranspose(4, 3, padding="same"),
        keras.layers.Conv2DTranspose(4, 3, strides=2, padding="valid"),
        keras.layers.Conv2DTranspose(4, 2, strides=3, padding="same"),
        keras.layers.Conv2DTranspose(4, 3, strides=2, padding="same", activation="relu"),
    ],
)
def test_what_it_does_not_know_it_leaves_alone(layer):
    assert "Conv2DTranspose" in names_of(same_as_lowered(layer))


@pytest.mark.parametrize("other", [{"max_value": 1.0}, {"negative_slope": 0.2}, {"threshold": 0.5}])
def test_other_forms_of_relu_stay_themselves(other):
    up = keras.layers.Conv2DTranspose(4, 4, strides=2, padding="same")
    assert "ReLU" in names_of(same_as_lowered(up, keras.layers.ReLU(**other)))


@pytest.mark.parametrize("free", [False, True])
@pytest.mark.parametrize("padding", [1, 3])
def test_reflection(padding, free):
    same_as_lowered(ReflectionPadding2D(padding), free=free)
