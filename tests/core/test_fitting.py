"""What `fit` takes and refuses, and Keras' own callbacks around it."""

import gc
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf
from fabrication import by_default, fabricate, fabricated, same, snapshot, tiny

from keras_gans import zoo


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


def test_one_callback_need_not_be_in_a_list():
    model, seen = tiny("dcgan"), []
    callback = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(epoch))
    model.fit(pictures(model), batch_size=4, verbose=0, callbacks=callback)
    assert seen == [0]


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


@pytest.mark.parametrize("name", ["gan", "cgan", "wgan_gp", "cyclegan"])
def test_a_trained_model_is_freed_with_its_last_reference(name):
    model = tiny(name)
    model.compile()
    batch = fabricate(model, 4 * model.discriminator_steps)
    data = tf.data.Dataset.from_tensors(batch).repeat(2)
    model.fit(data, verbose=0)
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None
