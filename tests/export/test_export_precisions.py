"""TFLite files of less than float32, and what is kept in float32 for their pictures' sake."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from export_models import Plain, Translator, as_if_trained, settled
from fabrication import by_default

from keras_gans import export, zoo
from keras_gans.core.signature import label_map_of
from keras_gans.export.formats import tflite_format
from keras_gans.export.formats.base import Floor
from keras_gans.layers import InstanceNorm

PRECISIONS = tuple(tflite_format.TFLiteExporter.precisions)
# One row of each architecture: the others differ in sizes, or in what is not exported.
ARCHITECTURES = {
    (zoo.entry(name).cls, zoo.entry(name).config.get("resampling")): name for name in zoo.names()
}


def pictures(model, count=64):
    """Smooth ones, as real pictures are, in batches of the model's form; None for latents."""
    if not hasattr(model, "translate") and not isinstance(model, Plain):
        return None
    rng = np.random.default_rng(0)

    def smooth(spec):  # of clips frame by frame
        rows = count * math.prod(spec.shape[1:-3])
        coarse = rng.uniform(-1, 1, (rows, 4, 4, spec.shape[-1]))
        return tf.reshape(tf.image.resize(coarse, spec.shape[-3:-1], "bicubic"), spec.shape)

    spec = model.batch_spec(count)
    if not isinstance(model, Plain) and (role := label_map_of(model)) is not None:
        areas = rng.integers(0, role.classes, (count, 4, 4)).repeat(8, axis=1).repeat(8, axis=2)
        return [(areas.astype("int32"), tf.clip_by_value(smooth(spec[1]), -1, 1))]
    return [tf.nest.map_structure(lambda s: tf.clip_by_value(smooth(s), -1, 1), spec)]


def details_of(path):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path))
    return interpreter.get_input_details(), interpreter.get_output_details()


# LiteRT cannot run a one-hot code that its converter makes int16; the export says so and ships
# no file.
QUICK = ("cdcgan", "pix2pix", "srgan")
# AnimeGANv2's tiny form, thirty convolutions of four maps and untrained, stays below 30 dB with 8
# bits (27.6 in int8), and the export refuses it; its full size was not measured.
WITHOUT = {"sngan_projection": {"int16x8"}, "animegan_avatars": {"int8", "dynamic_range"}}


@pytest.mark.parametrize("name", by_default(QUICK, ARCHITECTURES.values()))
def test_every_architecture_ships_in_every_precision(name, tmp_path, monkeypatch):
    # Of translators without training all is noise and nearly grey, where SSIM is at its strictest.
    held_to(monkeypatch, psnr=30.0, ssim=0.8)
    model = zoo.get(name, **zoo.entry(name).tiny)
    if not hasattr(model, "translate"):
        as_if_trained(model.generator)
    elif name.startswith("discogan"):
        for network in model.networks_to_export().values():
            settled(network)
    image_size = 32 if hasattr(model, "translate") else None
    chosen = [one for one in PRECISIONS if one not in WITHOUT.get(name, ())]
    manifest = export.export(
        model,
        tmp_path / "out",
        formats="tflite",
        precisions=chosen,
        batch_size=1,
        image_size=image_size,
        examples=pictures(model),
    )
    networks = len(model.networks_to_export())
    assert len(manifest.files) == networks * len(chosen)
    for record in manifest.files:
        assert not {"SHAPE", "PACK"} & set(record.ops)
        inputs, outputs = details_of(tmp_path / "out" / record.path)
        assert {str(np.dtype(d["dtype"])) for d in inputs} == {t.dtype for t in record.inputs}
        assert {d["dtype"] for d in outputs} == {np.float32}
        if record.precision != "float32":
            assert record.psnr >= record.floor["psnr"] and record.ssim >= record.floor["ssim"]
            assert record.examples["proving"] == 32
        if record.precision in ("int8", "int16x8"):
            assert {"QUANTIZE", "DEQUANTIZE"} <= set(record.ops)
            assert record.examples["calibrating"] >= 32


@pytest.fixture(scope="module")
def sized():
    """A network large enough for its weights to be most of the file."""
    model = zoo.get("dcgan", **{**zoo.entry("dcgan").tiny, "filters": 64})
    last = model.generator.layers[-2].kernel
    last.assign(10.0 * last)  # pictures that are not grey
    return model


def test_what_it_is_for_is_smaller_files(sized, tmp_path):
    manifest = export.export(sized, tmp_path / "out", formats="tflite", precisions="all")
    size = {record.precision: record.size for record in manifest.files}
    assert size["float16"] < 0.6 * size["float32"]
    for precision in ("dynamic_range", "int8", "int16x8"):
        assert size[precision] < 0.35 * size["float32"]


def test_equal_models_give_equal_files(sized, tmp_path):
    wanted = {"formats": "tflite", "precisions": ("float16", "int8")}
    first, second = (export.export(sized, tmp_path / name, **wanted) for name in "ab")
    assert first == second


def test_a_fixed_batch_learns_its_ranges_too(sized, tmp_path):
    manifest = export.export(
        sized, tmp_path / "out", formats="tflite", precisions="int8", batch_size=5
    )
    assert manifest.files[0].inputs[0].shape == (5, 8)


def test_nothing_is_said_when_all_goes_well(sized, tmp_path, capfd):
    export.export(sized, tmp_path / "out", formats="tflite", precisions="all")
    assert tuple(capfd.readouterr()) == ("", "")


# === What is kept ===


@pytest.fixture(scope="module")
def restless():
    """Instance norm, whose squares are more than 8 bits can tell apart."""
    source = keras.Input((32, 32, 3), name="source")
    x = source
    for number in range(3):
        x = keras.layers.Conv2D(8, 3, padding="same", name=f"conv_{number}")(x)
        x = keras.layers.ReLU()(InstanceNorm(name=f"norm_{number}")(x))
    x = keras.layers.Conv2D(3, 3, padding="same", name="last")(x)
    network = keras.Model(source, keras.layers.Activation("tanh", name="image")(x))
    as_if_trained(network)
    last = network.get_layer("last").kernel
    last.assign(0.2 * last)  # or tanh would round everything to -1 and 1
    return Translator(network, size=32)


def held_to(monkeypatch, psnr, ssim=0.0):
    floors = {**tflite_format.TFLiteExporter.precisions, "int8": Floor(psnr, psnr, ssim)}
    monkeypatch.setattr(tflite_format.TFLiteExporter, "precisions", floors)


def in_int8(model, folder):
    manifest = export.export(
        model, folder, formats="tflite", precisions="int8", examples=pictures(model)
    )
    return manifest.files[0]


def test_only_as_much_is_kept_as_is_needed(restless, tmp_path, monkeypatch):
    held_to(monkeypatch, 0.0)
    poorest = in_int8(restless, tmp_path / "poorest")
    assert poorest.kept == ()
    held_to(monkeypatch, poorest.psnr + 0.01)
    better = in_int8(restless, tmp_path / "better")
    assert better.kept[:3] == ("norm_0", "norm_1", "norm_2")
    assert better.psnr > poorest.psnr
    held_to(monkeypatch, better.psnr + 0.01)
    best = in_int8(restless, tmp_path / "best")
    assert "last" in best.kept and "conv_1" not in best.kept
    assert best.psnr > better.psnr
    assert export.Manifest.read(tmp_path / "best").files == (best,)


def test_poor_pictures_are_refused_and_leave_nothing(restless, tmp_path, monkeypatch):
    held_to(monkeypatch, 99.0)
    with pytest.raises(export.ParityError, match=r"in int8 gives pictures of PSNR .* 99 dB"):
        in_int8(restless, tmp_path / "out")
    assert not any(tmp_path.iterdir())


def test_integers_are_not_learned_from_noise(restless, tmp_path):
    with pytest.raises(export.ExportError, match="give `examples`"):
        export.export(restless, tmp_path / "out", formats="tflite", precisions="int8")


# === What a file must not hold ===


@keras.saving.register_keras_serializable("keras_gans_tests")
class FiveAxes(keras.layers.Layer):
    def call(self, x):
        halves = tf.reshape(x, (-1, 2, 2, 4, 3, 2))
        return tf.reshape(tf.reduce_mean(halves * halves, -1), (-1, 4, 4, 3))


def test_tensors_of_five_axes_are_refused(tmp_path):
    latent = keras.Input((96,), name="latent")
    model = Plain(
        keras.Model(latent, keras.layers.Activation("tanh", name="image")(FiveAxes()(latent)))
    )
    with pytest.raises(export.UnsupportedOps, match="many devices stop at 4 axes"):
        export.export(model, tmp_path / "out", formats="tflite", batch_size=1)
    assert not any(tmp_path.iterdir())


@keras.saving.register_keras_serializable("keras_gans_tests")
class Counting(keras.layers.Layer):
    def call(self, x):
        return x + tf.cast(tf.size(tf.where(x > 0)), x.dtype)


def test_sizes_worked_out_while_running_are_refused_where_all_are_fixed(tmp_path):
    latent = keras.Input((12,), name="latent")
    x = keras.layers.Reshape((2, 2, 3), name="image")(Counting()(latent))
    model = Plain(keras.Model(latent, x))
    with pytest.raises(export.UnsupportedOps, match="works out sizes while it runs .SHAPE"):
        export.export(model, tmp_path / "out", formats="tflite", batch_size=1)
