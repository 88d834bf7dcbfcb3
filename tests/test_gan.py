"""The contract's base class: batches it refuses, noise, players, callbacks."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from fabrication import by_default, fabricate, fabricated, same, snapshot, tiny

from keras_gans import zoo
from keras_gans.core.model import constructor_arguments


def pictures(model, count=8, low=-1.0, high=1.0):
    spec = model.batch_spec(count)
    shape = (spec[0] if isinstance(spec, tuple) else spec).shape
    return np.random.default_rng(0).uniform(low, high, shape).astype("float32")


# === Batches ===


AS_ARRAY = pytest.param(lambda array: array, id="array")
AS_DATASET = pytest.param(
    lambda array: tf.data.Dataset.from_tensor_slices(array).batch(4), id="dataset"
)
HOW = pytest.mark.parametrize("how", [AS_ARRAY, AS_DATASET])


@HOW
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: x * 127.5 + 127.5, r"from .* to 2.*images / 127.5 - 1"),
        (lambda x: (x * 127.5 + 127.5).astype("uint8"), r"uint8.*images / 127.5 - 1"),
        (lambda x: x * 3, r"must be in \[-1, 1\].*Scale them"),
        (lambda x: x[..., 0], r"must be float32\[any, 16, 16, 3\]. Received: float32\[.*16, 16\]"),
        (lambda x: x[..., :1], r"Received: float32\[.*16, 16, 1\]"),
        (lambda x: x[:, :8], r"Received: float32\[.*8, 16, 3\]"),
        (lambda x: x * np.nan, r"must be finite"),
    ],
)
def test_fit_refuses_pictures_that_cannot_be(how, change, message):
    model = tiny("dcgan")
    before = snapshot(model.weights)
    with pytest.raises(ValueError, match=message):
        model.fit(how(change(pictures(model))), verbose=0)
    assert same(before, model.weights)


@HOW
def test_fit_refuses_another_structure(how):
    model = tiny("cdcgan")
    with pytest.raises(ValueError, match=r"must be \(float32.*int32\[any\]\). Received: float32"):
        model.fit(how(pictures(model)), verbose=0)
    plain = tiny("dcgan")
    both = tf.data.Dataset.from_tensors(fabricate(model))
    with pytest.raises(ValueError, match=r"Received: \(float32"):
        plain.fit(both, verbose=0)


@pytest.mark.parametrize("label", [-1, 10])
def test_fit_refuses_labels_outside_the_classes(label):
    model = tiny("cdcgan")
    labels = np.array([0, 1, 2, 3, 4, 5, 6, label])
    message = "from 0 to 9, because num_classes=10"
    with pytest.raises(ValueError, match=message):
        model.fit(pictures(model), labels, verbose=0)
    data = tf.data.Dataset.from_tensor_slices((pictures(model), labels.astype("int32"))).batch(8)
    with pytest.raises(ValueError, match=message):
        model.fit(data, verbose=0)


def test_fit_refuses_float_labels():
    model = tiny("cdcgan")
    with pytest.raises(ValueError, match=r"Received: \(float32.*, float32\[8\]\)"):
        model.fit(pictures(model), np.zeros(8, "float32"), verbose=0)


def test_fit_takes_arrays_with_labels():
    model = tiny("cdcgan")
    model.fit(pictures(model), np.arange(8), batch_size=4, epochs=2, verbose=0)
    assert int(model.step) == 4


@HOW
@pytest.mark.parametrize("name", ["dcgan", "wgan_gp", "r3gan"])
def test_pictures_of_64_bits_are_pictures(how, name):
    model = tiny(name)
    before = snapshot(model.trainable_weights)
    model.fit(how(pictures(model, 8).astype("float64")), batch_size=4, verbose=0)
    assert not same(before, model.trainable_weights)
    assert all(np.isfinite(weight).all() for weight in snapshot(model.weights))


@pytest.mark.parametrize("name", ["pix2pix", "cyclegan"])
@pytest.mark.parametrize("kind", [list, tuple])
def test_translators_take_two_arrays_and_look_at_them(name, kind):
    model = tiny(name)
    arrays = fabricate(model)
    before = snapshot(model.trainable_weights)
    with pytest.raises(ValueError, match="images / 127.5 - 1"):
        model.fit(kind(array * 127 + 127 for array in arrays), verbose=0)
    assert same(before, model.trainable_weights)
    model.fit(kind(arrays), batch_size=2, verbose=0)
    assert not same(before, model.trainable_weights)


@pytest.mark.parametrize("size", [0, -4, 2.5])
def test_batches_of_no_size_are_refused(size):
    model = tiny("dcgan")
    with pytest.raises(ValueError, match="`batch_size` must be a whole number"):
        model.fit(pictures(model), batch_size=size, verbose=0)


def test_no_pictures_are_refused():
    model = tiny("dcgan")
    with pytest.raises(ValueError, match="no pictures"):
        model.fit(pictures(model)[:0], verbose=0)
    with pytest.raises(ValueError, match="no pictures"):
        translator = tiny("pix2pix")
        translator.translate(fabricate(translator)[0][:0])


@pytest.mark.parametrize("count", [0, -1, 1.5])
@pytest.mark.parametrize("name", ["dcgan", "gan", "cdcgan"])
def test_no_pictures_cannot_be_sampled(name, count):
    with pytest.raises(ValueError):
        tiny(name).sample(count)


@pytest.mark.parametrize("name", ["dcgan", "wgan_gp"])
def test_latents_say_how_many_pictures(name):
    model = tiny(name)
    latents = model.draw_latents(2, seed=0)
    assert len(model.sample(latents=latents)) == len(model.sample(2, latents=latents)) == 2
    assert len(model.sample()) == 16
    with pytest.raises(ValueError, match="must agree.*3 and 2"):
        model.sample(3, latents=latents)


def test_one_callback_need_not_be_in_a_list():
    model, seen = tiny("dcgan"), []
    callback = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(epoch))
    model.fit(pictures(model), batch_size=4, verbose=0, callbacks=callback)
    assert seen == [0]


@pytest.mark.parametrize("seed", [-1, 2**63])
def test_seeds_tensorflow_cannot_take_are_refused(seed):
    with pytest.raises(ValueError, match="`seed` must be from 0"):
        tiny("dcgan", seed=seed)


def test_numpy_s_numbers_make_the_same_model():
    model = tiny("pix2pix", image_size=np.int64(64), l1_weight=np.float32(2.0))
    assert json.loads(json.dumps(model.get_config())) == model.get_config()
    assert model.image_size == 64


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("pix2pix", {"image_size": "64"}, "must be a whole number. Received: '64'"),
        ("pix2pix", {"l1_weight": -1}, "`l1_weight` must be a finite number"),
        ("pix2pix", {"decay_steps": 0}, "`decay_steps` must be a whole number of at least 1"),
        ("cyclegan", {"cycle_weight": "x"}, "`cycle_weight` must be a finite number"),
        ("cyclegan", {"identity_weight": float("nan")}, "`identity_weight` must be"),
        ("dcgan", {"latent_dim": 0}, "`latent_dim` must be a whole number of at least 1"),
        ("dcgan", {"image_size": 2000}, "the next that works is 2048"),
        ("cdcgan", {"image_size": 1793}, "the next that works is 2048"),
        ("r3gan", {"image_size": 2}, "at least"),
        ("sngan", {"spectral": "generators"}, "Received: 'generators'"),
        ("wgan_gp", {"decay_steps": 0}, "`decay_steps` must be"),
    ],
)
def test_arguments_that_cannot_be_are_refused_when_the_model_is_made(name, arguments, message):
    with pytest.raises(ValueError, match=message):
        tiny(name, **arguments)


def test_one_player_may_be_named_without_a_tuple():
    assert tiny("sngan", spectral="generator").spectral == ("generator",)


def test_fit_gives_the_pipeline_s_own_errors_through():
    def broken():
        yield fabricate(tiny("dcgan"))
        raise RuntimeError("the disk is gone")

    model = tiny("dcgan")
    data = tf.data.Dataset.from_generator(broken, output_signature=model.batch_spec(4))
    with pytest.raises(tf.errors.OpError, match="the disk is gone"):
        model.fit(data, verbose=0)


def aligned(array):
    """A copy that begins where TensorFlow takes an array's memory over instead of copying it."""
    memory = np.zeros(array.nbytes + 64, "uint8")
    start = -memory.ctypes.data % 64
    view = memory[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
    view[...] = array
    return view


@pytest.mark.parametrize("name", by_default(("wgan_gp", "cyclegan")))
def test_fit_leaves_the_arrays_of_a_generator_alone(name):
    model = tiny(name)
    made = tf.nest.map_structure(aligned, fabricate(model))
    before = [np.copy(leaf) for leaf in tf.nest.flatten(made)]
    spec = model.batch_spec(4)
    data = tf.data.Dataset.from_generator(lambda: iter([made]), output_signature=spec)
    model.fit(data, verbose=0)
    assert same(before, tf.nest.flatten(made))


def test_the_end_of_data_of_unknown_length_counts_no_step():
    model = tiny("dcgan")
    data = fabricated(model, batches=3).filter(lambda batch: True)
    assert data.cardinality() == tf.data.UNKNOWN_CARDINALITY
    model.fit(data, epochs=3, verbose=0)
    assert int(model.step) == 9
    assert [int(o.iterations) for o in model.optimizer.optimizers] == [9, 9]


def test_evaluate_says_why_not():
    model = tiny("dcgan")
    with pytest.raises(NotImplementedError, match="no validation loss"):
        model.fit(fabricated(model), validation_data=fabricated(model), verbose=0)


# === Several discriminator steps ===


@pytest.mark.parametrize("name", ["gan", "cgan"])
@pytest.mark.parametrize("k", [1, 2, 5])
def test_discriminator_steps_are_counted_by_the_optimizers(name, k):
    model = tiny(name, discriminator_steps=k)
    model.fit(fabricated(model, batches=3), verbose=0)
    assert int(model.discriminator_optimizer.iterations) == 3 * k
    assert int(model.generator_optimizer.iterations) == 3


@pytest.mark.parametrize("name", ["gan", "cgan"])
def test_every_discriminator_step_has_fresh_images_and_fresh_noise(name):
    k, size = 3, 4
    model = tiny(name, discriminator_steps=k)
    batch = tf.nest.map_structure(tf.constant, fabricate(model, size))
    judged = []
    call = model.discriminator.call
    model.discriminator.call = lambda inputs, **kwargs: (
        judged.append(np.array(tf.nest.flatten(inputs)[0])),
        call(inputs, **kwargs),
    )[1]
    model.train_step(batch)
    assert len(judged) == 2 * k + 1
    real, fake = judged[0:-1:2], [*judged[1:-1:2], judged[-1]]
    np.testing.assert_array_equal(np.concatenate(real), tf.nest.flatten(batch)[0])
    for first in range(len(fake)):
        for second in range(first):
            assert not np.array_equal(fake[first], fake[second])


def test_arrays_that_do_not_divide_lose_the_remainder():
    model = tiny("gan", discriminator_steps=3)
    model.fit(pictures(model, 50)[:50], batch_size=8, verbose=0)  # 24 images a batch
    assert int(model.step) == 2


def test_a_batch_that_does_not_divide_is_refused():
    model = tiny("gan", discriminator_steps=3)
    data = tf.data.Dataset.from_tensor_slices(pictures(model, 32)).batch(32, drop_remainder=True)
    with pytest.raises(ValueError, match="multiple of 3. Received: "):
        model.fit(data, verbose=0)


def test_fewer_images_than_steps_are_refused():
    model = tiny("gan", discriminator_steps=5)
    with pytest.raises(ValueError, match="2 images cannot be shared out"):
        model.fit(pictures(model, 10)[:2], verbose=0)


# === Noise ===


def test_noise_depends_on_seed_step_and_draw_and_nothing_else():
    model, twin = tiny("dcgan"), tiny("dcgan")
    first = np.array(model.normal((64, 8)))
    np.testing.assert_array_equal(first, twin.normal((64, 8)))
    assert not np.array_equal(first, model.normal((64, 8), draw=1))
    assert not np.array_equal(first, tiny("dcgan", seed=1).normal((64, 8)))
    model.step.assign(1)
    assert not np.array_equal(first, model.normal((64, 8)))
    model.step.assign(0)
    np.testing.assert_array_equal(first, model.normal((64, 8)))


def test_noise_is_standard_normal():
    noise = np.array(tiny("dcgan").normal((20_000,)))
    assert abs(noise.mean()) < 0.05
    assert abs(noise.std() - 1) < 0.05


def test_replicas_draw_different_noise():
    strategy = tf.distribute.MirroredStrategy(["CPU:0"])
    assert strategy.num_replicas_in_sync == 1
    with strategy.scope():
        model = tiny("dcgan")
    noise = strategy.run(lambda: model.normal((4, 8)))
    np.testing.assert_array_equal(noise, tiny("dcgan").normal((4, 8)))


def test_seed_is_drawn_where_not_given_and_kept_in_the_config():
    keras.utils.set_random_seed(3)
    first = zoo.get("gan", **zoo.entry("gan").tiny).seed
    second = zoo.get("gan", **zoo.entry("gan").tiny).seed
    keras.utils.set_random_seed(3)
    assert first == zoo.get("gan", **zoo.entry("gan").tiny).seed != second
    assert tiny("gan", seed=5).get_config()["seed"] == 5


# === Players ===


def test_compile_takes_an_optimizer_for_each_player():
    model = tiny("dcgan")
    model.compile(generator_optimizer=keras.optimizers.SGD(0.1), discriminator_optimizer="adam")
    assert isinstance(model.generator_optimizer, keras.optimizers.SGD)
    assert isinstance(model.discriminator_optimizer, keras.optimizers.Adam)
    model.fit(fabricated(model), verbose=0)
    assert int(model.generator_optimizer.iterations) == 2


def test_compile_names_what_it_does_not_take():
    with pytest.raises(TypeError, match="no argument 'loss'.*generator_optimizer"):
        tiny("dcgan").compile(loss="mse")


def test_players_cannot_share_an_optimizer():
    both = keras.optimizers.Adam()
    with pytest.raises(ValueError, match="optimizer of its own"):
        tiny("dcgan").compile(generator_optimizer=both, discriminator_optimizer=both)


def test_compile_options_come_back_from_a_file(tmp_path):
    model = tiny("dcgan")
    model.compile(
        generator_optimizer=keras.optimizers.SGD(0.25, momentum=0.5), steps_per_execution=2
    )
    model.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    assert loaded.steps_per_execution == 2
    assert float(loaded.generator_optimizer.learning_rate) == 0.25
    assert isinstance(loaded.discriminator_optimizer, keras.optimizers.Adam)


# === Keras' callbacks ===


def test_every_stock_callback_works(tmp_path):
    model = tiny("dcgan")
    rates = []
    model.fit(
        fabricated(model),
        epochs=4,
        verbose=0,
        callbacks=[
            keras.callbacks.BackupAndRestore(tmp_path / "backup"),
            keras.callbacks.CSVLogger(tmp_path / "log.csv"),
            keras.callbacks.EarlyStopping("generator_loss", patience=10, mode="min"),
            keras.callbacks.LambdaCallback(
                on_epoch_end=lambda epoch, logs: rates.append(
                    [float(o.learning_rate) for o in model.optimizer.optimizers]
                )
            ),
            keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2),
            keras.callbacks.ModelCheckpoint(
                tmp_path / "best.keras", monitor="generator_loss", save_best_only=True, mode="min"
            ),
            keras.callbacks.ReduceLROnPlateau("generator_loss", patience=50, mode="min"),
            keras.callbacks.TensorBoard(tmp_path / "tensorboard", write_steps_per_second=True),
            keras.callbacks.TerminateOnNaN(),
        ],
    )
    np.testing.assert_allclose(rates, [[2e-4 / 2**n] * 2 for n in range(1, 5)], rtol=1e-5)
    header = (tmp_path / "log.csv").read_text().splitlines()[0].split(",")
    assert {"generator_loss", "discriminator_loss", "real_accuracy", "fake_accuracy"} <= {*header}
    assert list((tmp_path / "tensorboard").rglob("events*"))
    assert isinstance(keras.saving.load_model(tmp_path / "best.keras"), zoo.entry("dcgan").cls)


def test_plateau_lowers_every_player_s_rate():
    model = tiny("dcgan")
    plateau = keras.callbacks.ReduceLROnPlateau(
        "generator_loss", factor=0.5, patience=1, min_delta=1e9, mode="min"
    )
    model.fit(fabricated(model), epochs=2, verbose=0, callbacks=[plateau])
    for optimizer in model.optimizer.optimizers:
        assert float(optimizer.learning_rate) == pytest.approx(1e-4)


def test_terminate_on_nan_sees_a_game_that_blew_up():
    model = tiny("dcgan")
    kernel = model.generator.trainable_variables[-1]
    kernel.assign(np.full(kernel.shape, np.nan))
    history = model.fit(
        fabricated(model), epochs=3, verbose=0, callbacks=[keras.callbacks.TerminateOnNaN()]
    )
    assert len(history.epoch) == 1


def test_backup_goes_on_where_it_stopped(tmp_path):
    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 1:
                raise KeyboardInterrupt

    def backup():
        return keras.callbacks.BackupAndRestore(tmp_path / "backup")

    whole = tiny("dcgan")
    whole.fit(fabricated(whole), epochs=4, verbose=0)

    keras.utils.set_random_seed(0)
    stopped = tiny("dcgan")
    with pytest.raises(KeyboardInterrupt):
        stopped.fit(fabricated(stopped), epochs=4, verbose=0, callbacks=[backup(), Stop()])
    resumed = tiny("dcgan", seed=0)
    resumed.fit(fabricated(resumed), epochs=4, verbose=0, callbacks=[backup()])
    assert int(resumed.step) == int(whole.step) == 8
    assert int(resumed.generator_optimizer.iterations) == 8


@pytest.mark.parametrize("name", ["wgan_gp", "sngan"])
def test_residual_networks_begin_as_their_reference_does(name):
    model = zoo.get(name, generator_filters=32, discriminator_filters=32, seed=0)
    first = next(layer for layer in model.discriminator.layers if hasattr(layer, "kernel_size"))
    last = model.generator.layers[-2]
    spread = {layer: float(np.std(layer.kernel)) for layer in (first, last)}
    # `lib/ops/conv2d.py` of the one, `resblocks.py` and `resnet_32.py` of the other: He's is the
    # root of 4 / (in + out), the output's of 2 / (in + out).
    size = first.kernel_size[0] ** 2
    gain = 4 if size == 9 else 2
    assert spread[first] == pytest.approx((gain / (size * (3 + 32))) ** 0.5, rel=0.1)
    assert spread[last] == pytest.approx((2 / (9 * (32 + 3))) ** 0.5, rel=0.1)


@pytest.mark.parametrize("name", ["wgan_gp", "sngan"])
def test_spread_levels_stay_where_tanh_reaches(name):
    model = tiny(name)
    levels = np.arange(256, dtype="float32").reshape(1, 16, 16, 1) / 127.5 - 1
    noisy = np.concatenate([model.dequantised(levels, draw) for draw in range(50)])
    assert -1 <= noisy.min() and noisy.max() < 1
    whole = (levels + 1) * 127.5
    assert ((noisy + 1) * 128 - whole >= -1e-3).all() and ((noisy + 1) * 128 - whole < 1.001).all()
    assert np.std((noisy + 1) * 128 - whole) == pytest.approx(12**-0.5, rel=0.05)


@pytest.mark.parametrize("name", ["wgan_gp", "sngan"])
def test_the_discriminator_learns_from_spread_levels(name, monkeypatch):
    model, shown = tiny(name), []
    look = type(model).seen

    def seen(self, images, side, draw=0):
        if side == "real":
            shown.append(np.asarray(images))
        return look(self, images, side, draw)

    monkeypatch.setattr(type(model), "seen", seen)
    model.compile(run_eagerly=True)
    model.train_step(tf.fill(model.batch_spec(2).shape, 100 / 127.5 - 1))  # one level everywhere
    assert len(shown) == model.discriminator_steps
    steps = (np.concatenate(shown) + 1) * 128 - 100
    assert steps.min() > -1e-3 and steps.max() < 1.001 and np.std(steps) > 0.2


@pytest.mark.parametrize("name", zoo.names())
def test_arguments_of_every_entry_are_the_constructors_and_survive_json(name):
    """Files of models hold them as JSON. No network is built."""
    row = zoo.entry(name)
    for arguments in (row.config, row.tiny):
        assert set(arguments) <= set(constructor_arguments(row.cls))
        assert _as_lists(json.loads(json.dumps(arguments))) == _as_lists(arguments)


def _as_lists(value):
    """The same with lists in place of tuples, which JSON does not have."""
    if isinstance(value, dict):
        return {key: _as_lists(inner) for key, inner in value.items()}
    return [_as_lists(one) for one in value] if isinstance(value, (list, tuple)) else value
