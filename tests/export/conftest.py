import keras
import pytest
from export_models import Plain, as_if_trained, tiny

from keras_gans import export


@pytest.fixture(scope="session")
def model():
    return tiny("dcgan")


@pytest.fixture(scope="session")
def conditional():
    return tiny("cgan")


@pytest.fixture(scope="session")
def exported(model, tmp_path_factory):
    """(folder, manifest) of the tiny DCGAN in every format, with a free batch."""
    folder = tmp_path_factory.mktemp("exported") / "dcgan"
    return folder, export.export(model, folder)


@pytest.fixture
def translator():
    """Pictures of any size to pictures of that size: reflection, instance norm, up and down."""
    ops = keras.ops
    source = keras.Input((None, None, 3), name="source")
    x = ops.pad(source, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="reflect")
    x = keras.layers.Conv2D(4, 3, strides=2)(x)
    mean, variance = ops.moments(x, (1, 2), keepdims=True)
    x = keras.layers.ReLU()((x - mean) * ops.rsqrt(variance + 1e-5))
    x = keras.layers.Conv2DTranspose(3, 4, strides=2, padding="same")(x)
    image = keras.layers.Activation("tanh", name="image")(x)
    return Plain(as_if_trained(keras.Model(source, image)), size=16)
