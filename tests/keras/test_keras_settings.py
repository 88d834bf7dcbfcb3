"""Keras' ways to run a model, its global settings, and what is measured beside the training."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from fabrication import fabricate, families, same, snapshot, tiny
from habits import PAIRED, SAMPLERS, UNPAIRED, ask, eager, refused, steps_of, table
from keras.src.backend.common import global_state

from keras_gans import zoo
from keras_gans.training import distribution


@pytest.fixture(autouse=True)
def settings_as_they_were():
    policy, floatx = keras.config.dtype_policy(), keras.config.floatx()
    layout, epsilon = keras.config.image_data_format(), keras.config.epsilon()
    yield
    keras.config.set_floatx(floatx)
    keras.config.set_dtype_policy(policy)
    keras.config.set_image_data_format(layout)
    keras.config.set_epsilon(epsilon)


def data_of(model, batches=2):
    return tf.data.Dataset.from_tensors(fabricate(model, 2)).repeat(batches)


def latents_of(model, count=3):
    """What `predict` takes: latents and labels, or pictures."""
    network = next(iter(model.networks_to_export().values()))
    random = np.random.default_rng(0)
    inputs = [
        random.integers(0, model.num_classes, count).astype("int32")
        if i.dtype == "int32"
        else random.uniform(-1, 1, (count, *(side or 32 for side in i.shape[1:]))).astype("float32")
        for i in network.inputs
    ]
    return (inputs if len(inputs) > 1 else inputs[0]), network


# === Batch by batch ===


def train_on_batch(name):
    model = eager(name)
    batch = fabricate(model, 2)
    x, y = batch if isinstance(batch, tuple) and model.conditions else (batch, None)
    before = snapshot(model.trainable_weights)
    values = model.train_on_batch(x, y)
    assert len(values) == len(model.logged)
    logs = model.train_on_batch(x, y, return_dict=True)
    assert {*logs} == {*model.logged}
    assert int(model.step) == 2
    assert not same(before, model.trainable_weights)


def train_on_batch_looks_at_values(name):
    model = eager(name)
    batch = fabricate(model, 2)
    x, y = batch if isinstance(batch, tuple) and model.conditions else (batch, None)
    with refused(model, "127.5"):
        model.train_on_batch(tf.nest.map_structure(lambda leaf: leaf * 127.5 + 127.5, x), y)


def train_on_batch_refuses_weights(name):
    model = eager(name)
    batch = fabricate(model, 2)
    x, y = batch if isinstance(batch, tuple) and model.conditions else (batch, None)
    with refused(model, "sample_weight"):
        model.train_on_batch(x, y, sample_weight=np.ones(2))


def on_batch_without_metrics_is_refused(name):
    model = eager(name)
    with refused(model, "metrics", error=(NotImplementedError, ValueError)):
        model.test_on_batch(fabricate(model, 2))


def on_batch_pairs_are_measured(name):
    model = eager(name)
    batch = fabricate(model, 2)
    figures = model.test_on_batch(batch, return_dict=True)
    assert {"l1", "psnr", "ssim"} <= {*figures}
    assert model.test_on_batch(batch) == list(figures.values())


def predict(name):
    model = eager(name)
    inputs, network = latents_of(model)
    np.testing.assert_allclose(model.predict(inputs, verbose=0), network(inputs), atol=1e-6)
    np.testing.assert_allclose(model.predict_on_batch(inputs), network(inputs), atol=1e-6)
    np.testing.assert_allclose(model(inputs), network(inputs), atol=1e-6)


def predict_in_batches(name):
    model = eager(name)
    inputs, network = latents_of(model)
    predicted = model.predict(inputs, batch_size=2, verbose=0, steps=None, callbacks=[])
    np.testing.assert_allclose(predicted, network(inputs), atol=1e-5)


def predict_of_a_dataset(name):
    model = eager(name)
    inputs, network = latents_of(model)
    given = tuple(inputs) if isinstance(inputs, list) else inputs
    data = tf.data.Dataset.from_tensors((given,))
    np.testing.assert_allclose(model.predict(data, verbose=0), network(inputs), atol=1e-5)


BATCHES = [
    train_on_batch,
    train_on_batch_looks_at_values,
    train_on_batch_refuses_weights,
    (on_batch_without_metrics_is_refused, [*SAMPLERS, *UNPAIRED]),
    (on_batch_pairs_are_measured, PAIRED),
    predict,
    predict_in_batches,
    predict_of_a_dataset,
]
FEW = ["cdcgan", "pix2pix"]


@table(BATCHES, quick=FEW)
def test_batch_by_batch(habit, name, tmp_path):
    ask(habit, name, tmp_path)


# === Ways to run ===


def _weights_after(name, **options):
    keras.utils.set_random_seed(0)
    model = tiny(name)
    model.compile(**options)
    model.fit(data_of(model, 3), verbose=0)
    assert int(model.step) == 3
    return snapshot(model.trainable_weights)


def _assert_close(first, second):
    for one, other in zip(first, second, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-2, atol=2e-3)


def run_eagerly(name):
    _assert_close(_weights_after(name), _weights_after(name, run_eagerly=True))


def steps_per_execution(name):
    # Of three batches the last one makes an execution of its own.
    _assert_close(
        _weights_after(name, steps_per_execution=2), _weights_after(name, run_eagerly=True)
    )


def jit_compile(name):
    compiled, eagerly = (
        _weights_after(name, **{how: True}) for how in ("jit_compile", "run_eagerly")
    )
    _assert_close(compiled, eagerly)


def set_eagerly_after_compile(name):
    model = tiny(name)
    model.run_eagerly = True
    model.fit(data_of(model), verbose=0)
    assert int(model.step) == 2


def functions_run_eagerly(name):
    model = tiny(name)
    tf.config.run_functions_eagerly(True)
    try:
        model.fit(data_of(model), verbose=0)
    finally:
        tf.config.run_functions_eagerly(False)
    assert int(model.step) == 2


def compiled_again(name):
    # As after freezing: the next step is traced anew, and moments begin anew.
    model = eager(name)
    model.fit(data_of(model), verbose=0)
    model.compile(run_eagerly=True)
    assert int(model.optimizer.iterations) == 0
    model.fit(data_of(model), verbose=0)
    assert int(model.step) == 4


def keras_arguments_of_compile_are_refused(name):
    for argument in ("loss", "loss_weights", "weighted_metrics", "optimizer"):
        with pytest.raises(TypeError, match=f"{argument}.*generator_optimizer"):
            eager(name).compile(**{argument: "adam"})


WAYS = [
    run_eagerly,
    steps_per_execution,
    # It takes XLA its time; of wgan RMSprop divides by gradients that are nothing but rounding.
    (jit_compile, ["dcgan", "gan", "pix2pix"], []),
    set_eagerly_after_compile,
    functions_run_eagerly,
    compiled_again,
    keras_arguments_of_compile_are_refused,
]


@table(WAYS, quick=["dcgan"])
def test_ways_to_run(habit, name, tmp_path):
    ask(habit, name, tmp_path)


# === Global settings ===


def _shapes(model):
    return [tuple(weight.shape) for weight in model.weights]


def channels_first(name):
    # Ours are NHWC whatever Keras is set to: networks are the same, and so are their pictures.
    before = tiny(name)
    keras.config.set_image_data_format("channels_first")
    model = tiny(name)
    assert _shapes(model) == _shapes(before)
    model.set_weights(before.get_weights())
    inputs, network = latents_of(before)
    np.testing.assert_allclose(model.predict(inputs, verbose=0), network(inputs), atol=1e-6)
    model.compile(run_eagerly=True)
    model.fit(data_of(model, 1), verbose=0)


def channels_first_file(name, tmp_path):
    before = eager(name)
    before.save(tmp_path / "m.keras")
    keras.config.set_image_data_format("channels_first")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    inputs, network = latents_of(before)
    np.testing.assert_allclose(loaded.predict(inputs, verbose=0), network(inputs), atol=1e-6)


def _floatx(floatx):
    def row(name):
        # Weights and losses are float32 whatever Keras' default: `precision` says otherwise.
        keras.config.set_floatx(floatx)
        model = eager(name)
        assert {weight.dtype for weight in model.trainable_weights} == {"float32"}
        model.fit(data_of(model, 1), verbose=0)
        assert all(np.isfinite(weight).all() for weight in snapshot(model.trainable_weights))

    row.__name__ = f"floatx_{floatx}"
    return row


def floatx_set_before_all_else(name):
    # Where no layer has been made yet Keras' policy follows floatx, and ours knows three.
    global_state.set_global_attribute("dtype_policy", None)
    keras.config.set_floatx("float64")
    with pytest.raises(ValueError, match="precision"):
        tiny(name)


def _policy(policy):
    def row(name):
        keras.config.set_dtype_policy(policy)
        model = eager(name)
        assert model.get_config()["precision"] == policy
        assert {weight.dtype for weight in model.trainable_weights} == {"float32"}
        model.fit(data_of(model, 1), verbose=0)
        assert int(model.step) == 1

    row.__name__ = f"policy_{policy}"
    return row


def _refused_policy(policy):
    def row(name):
        keras.config.set_dtype_policy(policy)
        with pytest.raises(ValueError, match="precision"):
            tiny(name)

    row.__name__ = f"policy_{policy}_is_refused"
    return row


def epsilon(name):
    # Of batch norm and Adam it is the papers', not the global one.
    before = tiny(name)
    keras.config.set_epsilon(1e-2)
    model = tiny(name)
    model.set_weights(before.get_weights())
    for one, other in zip(model.networks.values(), before.networks.values(), strict=True):
        assert [x.get("epsilon") for x in _configs(one)] == [
            x.get("epsilon") for x in _configs(other)
        ]
    for player in model.players:
        now, then = (m.optimizer_of(player).get_config() for m in (model, before))
        assert now.get("epsilon") == then.get("epsilon")


def _configs(network):
    return [layer.get_config() for layer in network.layers]


def random_seed(name):
    weights = []
    for _ in range(2):
        keras.utils.set_random_seed(7)
        model = zoo.get(name, **zoo.entry(name).tiny)
        model.compile(run_eagerly=True)
        model.fit(data_of(model, 1), verbose=0)
        weights.append(snapshot(model.weights))
    assert same(*weights)


SETTINGS = [
    channels_first,
    channels_first_file,
    _floatx("float16"),
    _floatx("float64"),
    floatx_set_before_all_else,
    _policy("mixed_float16"),
    _policy("mixed_bfloat16"),
    _refused_policy("float16"),
    _refused_policy("float64"),
    epsilon,
    random_seed,
]


@table(SETTINGS, quick=["dcgan"])
def test_global_settings(habit, name, tmp_path):
    ask(habit, name, tmp_path)


# === Measuring ===


def evaluate_measures_pairs(name):
    model = eager(name)
    figures = model.evaluate(data_of(model), verbose=0, return_dict=True)
    assert {"l1", "psnr", "ssim"} <= {*figures}
    assert np.isfinite(list(figures.values())).all()
    assert int(model.step) == 0


def evaluate_gives_a_list(name):
    model = eager(name)
    assert len(model.evaluate(data_of(model), verbose=0)) == len(
        model.evaluate(data_of(model), verbose=0, return_dict=True)
    )


def validation_measures_pairs(name):
    model = eager(name)
    history = model.fit(data_of(model), validation_data=data_of(model, 1), verbose=0).history
    assert {"val_l1", "val_psnr", "val_ssim"} <= {*history}
    assert int(model.step) == 2


def validation_split_of_pairs(name):
    model = eager(name)
    history = model.fit(fabricate(model, 4), batch_size=2, validation_split=0.5, verbose=0).history
    assert {"val_l1", "val_psnr", "val_ssim"} <= {*history}
    assert int(model.step) == 1


def checkpoint_by_a_measured_value(name, tmp_path):
    model = eager(name)
    checkpoint = keras.callbacks.ModelCheckpoint(
        tmp_path / "m.keras", monitor="val_l1", save_best_only=True
    )
    model.fit(data_of(model), validation_data=data_of(model, 1), callbacks=[checkpoint], verbose=0)
    assert (tmp_path / "m.keras").exists()


def kid_is_measured(name):
    from keras_gans import metrics

    model = tiny(name)
    model.compile(run_eagerly=True, metrics=[metrics.KID(name="kid", subsets=2)])
    history = model.fit(data_of(model), validation_data=data_of(model, 1), verbose=0).history
    figures = model.evaluate(data_of(model), verbose=0, return_dict=True)
    for way in ("_ab", "_ba") if name in UNPAIRED else ("",):
        assert np.isfinite(history[f"val_kid{way}"]).all()
        assert f"kid{way}" in figures


def metrics_are_kept_in_files(name, tmp_path):
    from keras_gans import metrics

    model = tiny(name)
    model.compile(run_eagerly=True, metrics=[metrics.KID(subsets=2), metrics.PrecisionRecall(1)])
    model.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    assert loaded.measured == model.measured
    assert loaded.measures[0].subsets == 2


def metrics_of_another_kind_are_refused(name):
    for metric in ("accuracy", keras.metrics.Mean()):
        with pytest.raises(TypeError, match="keras_gans.metrics"):
            tiny(name).compile(metrics=[metric])


def too_few_pictures_to_measure_by_are_refused(name):
    from keras_gans import metrics

    model = tiny(name)
    model.compile(run_eagerly=True, metrics=[metrics.PrecisionRecall(k=3)])
    batch = tf.nest.map_structure(lambda leaf: leaf[:2], fabricate(model, 2))
    with refused(model, "PrecisionRecall needs at least 4"):
        model.fit(data_of(model), validation_data=batch, verbose=0)


def evaluate_without_metrics_is_refused(name):
    model = eager(name)
    with refused(model, "metrics", error=(NotImplementedError, ValueError)):
        model.evaluate(data_of(model), verbose=0)


UNMEASURED = sorted([*SAMPLERS, *UNPAIRED])
MEASURES = [
    (evaluate_measures_pairs, PAIRED),
    (evaluate_gives_a_list, PAIRED),
    (validation_measures_pairs, PAIRED),
    (validation_split_of_pairs, PAIRED),
    (checkpoint_by_a_measured_value, PAIRED),
    (kid_is_measured, families()),
    metrics_are_kept_in_files,
    metrics_of_another_kind_are_refused,
    too_few_pictures_to_measure_by_are_refused,
    (evaluate_without_metrics_is_refused, UNMEASURED),
]


@table(MEASURES, quick=["dcgan", *PAIRED])
def test_measuring(habit, name, tmp_path):
    ask(habit, name, tmp_path)


# === Several devices ===

# Of `distribution`, which makes one strategy for all: two in a process get in each other's way.


def in_a_scope(name, tmp_path):
    strategy = distribution.strategy(devices=2)
    with strategy.scope():
        model = tiny(name)
    size = model.packing * model.discriminator_steps * 2
    model.fit(tf.data.Dataset.from_tensors(fabricate(model, size)), verbose=0)
    assert steps_of(model) == 1
    model.save(tmp_path / "m.keras")
    outside = keras.saving.load_model(tmp_path / "m.keras")
    assert same(snapshot(model.trainable_weights), outside.trainable_weights)
    with strategy.scope():
        inside = keras.saving.load_model(tmp_path / "m.keras")
    assert same(snapshot(model.trainable_weights), inside.trainable_weights)


def summary_in_a_scope(name):
    with distribution.strategy(devices=2).scope():
        model = tiny(name)
    lines = []
    model.summary(print_fn=lambda line, **_: lines.append(line))
    assert "generator" in "\n".join(lines)


def weights_in_a_scope(name):
    source = tiny(name)
    with distribution.strategy(devices=2).scope():
        model = tiny(name, seed=1)
        model.set_weights(source.get_weights())
    assert same(snapshot(source.weights), model.weights)


def compile_outside_the_scope(name):
    with distribution.strategy(devices=2).scope():
        model = tiny(name)
    model.compile()
    size = model.packing * model.discriminator_steps * 2
    model.fit(tf.data.Dataset.from_tensors(fabricate(model, size)), verbose=0)
    assert steps_of(model) == 1


def eager_steps_are_refused(name):
    # TensorFlow's devices wait for each other in one order only where they run a graph.
    with distribution.strategy(devices=2).scope():
        model = tiny(name)
        with refused(model, "run_eagerly"):
            model.compile(run_eagerly=True)


DEVICES = [
    in_a_scope,
    summary_in_a_scope,
    weights_in_a_scope,
    compile_outside_the_scope,
    eager_steps_are_refused,
]


@table(DEVICES, quick=["dcgan"])
def test_several_devices(habit, name, tmp_path):
    ask(habit, name, tmp_path)
