"""Keras' habits with a model itself: looked at, copied, saved, loaded, frozen, fine-tuned."""

import copy
import os
import pathlib
import pickle
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from fabrication import fabricate, families, same, snapshot, tiny
from habits import LABELLED, SAMPLERS, ask, eager, forms, pictures_of, table

from keras_gans import zoo

ROOT = pathlib.Path(__file__).parent.parent.parent

_BUILT, _PLAYED = {}, {}

#: Entries asked by default where a row builds models: with labels, and translating.
FEW = ["cdcgan", "pix2pix"]

#: Entries that are written and read: one of each family, and one that samples by averaged weights.
WRITTEN = sorted([*families(), "dcgan_fashion"])


def built(name):
    """The entry as `zoo.get` gives it, shared by rows that leave it as it is."""
    if name not in _BUILT:
        _BUILT[name] = tiny(name)
    return _BUILT[name]


def uncompiled(name):
    return type(built(name)).from_config(built(name).get_config())


def played(name):
    """The entry after a step, shared by rows that leave it as it is."""
    if name not in _PLAYED:
        model = eager(name)
        model.train_step(tf.nest.map_structure(tf.constant, fabricate(model, 2)))
        for network in model.networks.values():  # so far that pictures differ from new models'
            for weight in network.trainable_variables:
                weight.assign(weight + 0.01)
        _PLAYED[name] = model
    return _PLAYED[name]


def networks_weights(model):
    return [weight for network in model.networks.values() for weight in network.weights]


def assert_same_model(model, other, slots=True):
    assert other is not model and type(other) is type(model)
    assert other.get_config() == model.get_config()
    assert same(snapshot(model.weights), other.weights)
    if slots:
        for player in model.players:
            slots = model.optimizer_of(player).variables
            assert same(snapshot(slots), other.optimizer_of(player).variables)
    np.testing.assert_array_equal(pictures_of(model), pictures_of(other))
    assert not any(a is b for a, b in zip(model.weights, other.weights, strict=True))


# === Looked at ===


def summary(name):
    lines = []
    built(name).summary(print_fn=lambda line, **_: lines.append(line))
    text = "\n".join(lines)
    assert all(network in text for network in built(name).networks)
    assert "Optimizer params" in text


def summary_of_what_is_not_compiled(name):
    lines = []
    uncompiled(name).summary(print_fn=lambda line, **_: lines.append(line))
    assert "generator" in "\n".join(lines)


def summary_expand_nested(name):
    model, lines = built(name), []
    model.summary(
        expand_nested=True, show_trainable=True, print_fn=lambda line, **_: lines.append(line)
    )
    text = "\n".join(lines)
    for network in model.networks.values():
        assert network.layers[-1].name in text


def count_params(name):
    # Image pools, counters and random states are no parameters; averaged weights are copies.
    model = built(name)
    networks = [n for name, n in model.networks.items() if name != "generator_ema"]
    assert model.count_params() == sum(network.count_params() for network in networks)


def plot_model(name, tmp_path):
    # As Keras says it for its own models where pydot or graphviz are missing.
    own = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    try:
        keras.utils.plot_model(own, tmp_path / "own.png")
    except ImportError as error:
        with pytest.raises(ImportError) as raised:
            keras.utils.plot_model(built(name), tmp_path / "ours.png")
        assert str(raised.value) == str(error)
    else:
        keras.utils.plot_model(built(name), tmp_path / "ours.png", show_shapes=True)
        assert (tmp_path / "ours.png").stat().st_size


def layers_are_the_networks(name):
    model = built(name)
    assert {network.name for network in model.networks.values()} <= {x.name for x in model.layers}
    for network in model.networks.values():
        assert model.get_layer(network.name) is network


def variables_have_paths_of_their_own(name):
    paths = [weight.path for weight in built(name).weights]
    assert len({*paths}) == len(paths)


def inputs_and_outputs(name):
    # Of the network that `predict` calls, as feature extraction and `plot_model` read them.
    model = built(name)
    network = next(iter(model.networks_to_export().values()))
    assert [tuple(i.shape) for i in model.inputs] == [tuple(i.shape) for i in network.inputs]
    assert [tuple(o.shape) for o in model.outputs] == [tuple(o.shape) for o in network.outputs]


def state_tree_goes_round(name):
    model, other = built(name), tiny(name, seed=1)
    other.set_state_tree(model.get_state_tree())
    assert same(snapshot(model.weights), other.weights)


LOOKS = [
    summary,
    summary_of_what_is_not_compiled,
    summary_expand_nested,
    count_params,
    plot_model,
    layers_are_the_networks,
    variables_have_paths_of_their_own,
    inputs_and_outputs,
    state_tree_goes_round,
]


@table(LOOKS, names=forms(), quick=families())
def test_a_model_is_looked_at(habit, name, tmp_path):
    ask(habit, name, tmp_path)


# === Copied ===


def to_json(name):
    model = played(name)
    other = keras.models.model_from_json(model.to_json())
    assert type(other) is type(model)
    assert other.get_config() == model.get_config()
    assert [w.shape for w in other.weights] == [w.shape for w in model.weights]


def clone_model(name):
    model = played(name)
    other = keras.models.clone_model(model)
    assert type(other) is type(model)
    assert other.get_config() == model.get_config()
    assert not same(snapshot(model.trainable_weights), other.trainable_weights)  # as Keras: anew
    assert not any(a is b for a, b in zip(model.weights, other.weights, strict=True))


def clone_with_weights(name):
    model = played(name)
    other = keras.models.clone_model(model)
    other.set_weights(model.get_weights())
    assert_same_model(model, other, slots=False)


def shallow_copy(name):
    model = played(name)
    assert_same_model(model, copy.copy(model))


def deep_copy(name):
    model = played(name)
    other = copy.deepcopy(model)
    assert_same_model(model, other)
    before = snapshot(model.weights)
    other.train_step(tf.nest.map_structure(tf.constant, fabricate(other, 2)))
    assert same(before, model.weights)


def pickled(name):
    model = played(name)
    assert_same_model(model, pickle.loads(pickle.dumps(model)))


def pickled_uncompiled(name):
    model = uncompiled(name)
    other = pickle.loads(pickle.dumps(model))
    assert same(snapshot(model.weights), other.weights)


COPIES = [
    to_json,
    clone_model,
    clone_with_weights,
    shallow_copy,
    deep_copy,
    pickled,
    pickled_uncompiled,
]


@table(COPIES, names=WRITTEN, quick=FEW)
def test_a_model_is_copied(habit, name, tmp_path):
    ask(habit, name, tmp_path)


# === Saved ===


def save_keras(name, tmp_path):
    model = played(name)
    model.save(tmp_path / "m.keras")
    assert_same_model(model, keras.saving.load_model(tmp_path / "m.keras"))
    assert_same_model(model, zoo.load(tmp_path / "m.keras"))


def load_uncompiled(name, tmp_path):
    model = played(name)
    model.save(tmp_path / "m.keras")
    other = keras.saving.load_model(tmp_path / "m.keras", compile=False)
    assert not other.compiled
    np.testing.assert_array_equal(pictures_of(model), pictures_of(other))
    other.compile()


def h5_is_refused(name, tmp_path):
    with pytest.raises(ValueError, match=r"\.keras"):
        played(name).save(tmp_path / "m.h5")
    assert not list(tmp_path.iterdir())


def another_suffix_is_refused(name, tmp_path):
    with pytest.raises(ValueError, match=r"\.keras"):
        played(name).save(tmp_path / "m.tf")
    assert not list(tmp_path.iterdir())


def weights_files(name, tmp_path):
    model, other = played(name), eager(name, seed=1)
    model.save_weights(tmp_path / "m.weights.h5")
    other.load_weights(tmp_path / "m.weights.h5")
    assert same(snapshot(model.weights), other.weights)
    np.testing.assert_array_equal(pictures_of(model), pictures_of(other))


def weights_lists(name):
    model, other = played(name), eager(name, seed=1)
    step(other)
    pictures_of(other)  # statistics estimated for the old weights must not stay
    other.set_weights(model.get_weights())
    np.testing.assert_array_equal(pictures_of(model), pictures_of(other))


def weights_lists_of_another_length_are_refused(name):
    model = eager(name)
    before = snapshot(model.weights)
    with pytest.raises(ValueError, match="weights"):
        model.set_weights(model.get_weights()[:-1])
    assert same(before, model.weights)


SAVES = [
    save_keras,
    load_uncompiled,
    h5_is_refused,
    another_suffix_is_refused,
    weights_files,
    weights_lists,
    weights_lists_of_another_length_are_refused,
]


@table(SAVES, names=WRITTEN, quick=[*FEW, "dcgan_fashion"])
def test_a_model_is_saved(habit, name, tmp_path):
    ask(habit, name, tmp_path)


IMPORTS = {
    "ours_then_keras": "import keras_gans, keras; load = keras.saving.load_model",
    "keras_then_ours": "import keras, keras_gans; load = keras.saving.load_model",
    "ours_then_tf": "import keras_gans; import tensorflow as tf; load = tf.keras.models.load_model",
    "tf_then_ours": "import tensorflow as tf; import keras_gans; load = tf.keras.models.load_model",
    "tf_keras_used_first": (
        "import tensorflow as tf; tf.keras.Model; import keras_gans; "
        "load = tf.keras.models.load_model"
    ),
}


@pytest.mark.parametrize(
    "order",
    [
        pytest.param(
            order,
            marks=() if order.startswith("ours") else pytest.mark.large,
        )
        for order in IMPORTS
    ],
)
def test_a_new_process_loads_after_any_order_of_imports(order, tmp_path):
    played("gan").save(tmp_path / "m.keras")
    script = f"{IMPORTS[order]}; print(type(load({str(tmp_path / 'm.keras')!r})).__name__)"
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
    )
    assert done.stdout.split() == ["VanillaGAN"], done.stderr[-2000:]


# === Frozen ===


def step(model):
    model.train_step(tf.nest.map_structure(tf.constant, fabricate(model, 2)))


def first_learner(network):
    layers = network._flatten_layers(include_self=False, recursive=True)
    return next(layer for layer in layers if layer.trainable_variables and not layer._layers)


def assert_still(model, frozen, network):
    """A step moves the network, and of it nothing that is frozen."""
    others = [w for w in network.trainable_variables]
    before, before_others = snapshot(frozen), snapshot(others)
    step(model)
    assert same(before, frozen)
    assert not others or not same(before_others, others)


def frozen_layer(name):
    model = eager(name)
    network = next(iter(model.networks.values()))
    layer = first_learner(network)
    layer.trainable = False
    assert_still(model, layer.variables, network)


def frozen_layer_compiled_again(name):
    model = eager(name)
    network = next(iter(model.networks.values()))
    layer = first_learner(network)
    layer.trainable = False
    model.compile(run_eagerly=True)
    assert_still(model, layer.variables, network)


def thawed_layer(name):
    # Without compiling again: optimizers know what could learn.
    model = eager(name)
    layer = first_learner(next(iter(model.networks.values())))
    layer.trainable = False
    step(model)
    layer.trainable = True
    before = snapshot(layer.trainable_variables)
    step(model)
    assert not same(before, layer.trainable_variables)


def frozen_network(name):
    model = eager(name)
    network = list(model.networks.values())[len(model.networks) - 1]
    if network.name == "generator_ema":
        network = model.discriminator
    network.trainable = False
    frozen = [v for v in network.weights if "seed" not in v.path]
    before, player = snapshot(frozen), snapshot(next(iter(model.networks.values())).weights)
    step(model)
    assert same(before, frozen)
    assert not same(player, next(iter(model.networks.values())).weights)


def frozen_after_loading(name, tmp_path):
    model = eager(name)
    first_learner(next(iter(model.networks.values()))).trainable = False
    model.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    network = next(iter(loaded.networks.values()))
    layer = first_learner_of_all(network)
    assert not layer.trainable
    assert_still(loaded, layer.variables, network)


def first_learner_of_all(network):
    layers = network._flatten_layers(include_self=False, recursive=True)
    return next(layer for layer in layers if layer.weights and not layer._layers)


def the_whole_model_frozen_is_refused(name):
    model = eager(name)
    model.trainable = False
    with pytest.raises(ValueError, match="trainable"):
        step(model)
    assert int(model.step) == 0


FREEZES = [
    frozen_layer,
    frozen_layer_compiled_again,
    thawed_layer,
    # The others have but one.
    (frozen_network, [name for name in families() if name not in ("rdn", "rrdn", "srresnet")]),
    frozen_after_loading,
    the_whole_model_frozen_is_refused,
]


@table(FREEZES, quick=FEW)
def test_layers_are_frozen(habit, name, tmp_path):
    ask(habit, name, tmp_path)


# === Fine-tuned ===


def unlike(model, other):
    """Weights of two models' networks in pairs, and paths of those whose shapes differ."""
    pairs = list(zip(networks_weights(model), networks_weights(other), strict=True))
    return pairs, [b.path for a, b in pairs if a.shape != b.shape]


def other_classes_are_refused_by_name(name, tmp_path):
    model, other = eager(name), eager(name, num_classes=3, seed=1)
    model.save_weights(tmp_path / "m.weights.h5")
    before = snapshot(other.weights)
    with pytest.raises(ValueError) as raised:
        other.load_weights(tmp_path / "m.weights.h5")
    assert same(before, other.weights)
    assert all(path in str(raised.value) for path in unlike(model, other)[1])


def other_classes_take_what_fits(name, tmp_path):
    model, other = eager(name), eager(name, num_classes=3, seed=1)
    model.save_weights(tmp_path / "m.weights.h5")
    other.load_weights(tmp_path / "m.weights.h5", skip_mismatch=True)
    pairs, paths = unlike(model, other)
    new = {path.rpartition("/")[0] for path in paths}  # layer by layer, as Keras takes them
    fit = [(a, b) for a, b in pairs if b.path.rpartition("/")[0] not in new]
    assert fit and all(np.array_equal(a, b) for a, b in fit)
    step(other)


def other_classes_are_named_in_a_warning(name, tmp_path):
    model, other = eager(name), eager(name, num_classes=3, seed=1)
    model.save_weights(tmp_path / "m.weights.h5")
    with pytest.warns(UserWarning) as warned:
        other.load_weights(tmp_path / "m.weights.h5", skip_mismatch=True)
    said = "\n".join(str(warning.message) for warning in warned)
    assert all(path in said for path in unlike(model, other)[1])


def another_model_s_file_is_refused_by_name(name, tmp_path):
    model, other = eager(name), eager(name, num_classes=3, seed=1)
    model.save(tmp_path / "m.keras")
    before = snapshot(other.weights)
    with pytest.raises(ValueError) as raised:
        other.load_weights(tmp_path / "m.keras")
    assert same(before, other.weights)
    assert all(path in str(raised.value) for path in unlike(model, other)[1])


def another_family_s_weights_are_refused(name, tmp_path):
    model = eager(name)
    other = eager("gan" if name != "gan" else "lsgan")
    other.save_weights(tmp_path / "m.weights.h5")
    before = snapshot(model.weights)
    with pytest.raises(ValueError):
        model.load_weights(tmp_path / "m.weights.h5")
    assert same(before, model.weights)


TUNES = [
    (other_classes_are_refused_by_name, LABELLED),
    (other_classes_take_what_fits, LABELLED),
    (other_classes_are_named_in_a_warning, LABELLED),
    (another_model_s_file_is_refused_by_name, LABELLED),
    (another_family_s_weights_are_refused, SAMPLERS),
]


@table(TUNES, quick=FEW)
@pytest.mark.filterwarnings("default:Skipping variable loading for optimizer")
def test_a_model_is_fine_tuned(habit, name, tmp_path):
    ask(habit, name, tmp_path)
