"""The first feature maps: each feature's picture, as strong as the feature."""

import keras
import numpy as np

from keras_gans.layers import LearnedBasis
from keras_gans.penalties import require_second_order


def layer(side=3, features=5):
    made = LearnedBasis(side)
    made.build((None, features))
    made.basis.assign(np.random.default_rng(0).normal(size=made.basis.shape))
    return made


def test_each_feature_scales_its_own_picture():
    made = layer()
    inputs = np.random.default_rng(1).normal(size=(2, 5)).astype("float32")
    expected = np.einsum("nc,hwc->nhwc", inputs, np.array(made.basis))
    np.testing.assert_allclose(made(inputs), expected, rtol=1e-6)


def test_shapes():
    assert layer().compute_output_shape((None, 5)) == (None, 3, 3, 5)
    assert LearnedBasis(4)(keras.Input((6,))).shape == (None, 4, 4, 6)


def test_the_basis_is_learnt_and_starts_standard_normal():
    made = LearnedBasis(32)
    made.build((None, 64))
    assert [weight.path for weight in made.trainable_variables] == [made.basis.path]
    assert abs(np.mean(made.basis)) < 0.02
    assert abs(np.std(made.basis) - 1) < 0.02


def test_gradients_of_second_order_flow():
    inputs = keras.Input((5,))
    require_second_order(keras.Model(inputs, layer()(inputs)))


def test_config_and_file_round_trip(tmp_path):
    inputs = keras.Input((5,))
    model = keras.Model(inputs, LearnedBasis(3, name="basis")(inputs))
    model.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    assert loaded.get_layer("basis").side == 3
    x = np.ones((2, 5), "float32")
    np.testing.assert_array_equal(loaded(x), model(x))
