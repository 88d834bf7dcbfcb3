"""Exports of every model that upscales: sizes, graphs, and pictures in integers."""

import collections

import numpy as np
import onnx
import pytest
from export_models import as_if_trained
from fabrication import by_default, tiny

from keras_gans import export, zoo
from keras_gans.data import photos
from keras_gans.export.formats.network_rewrites import simplified
from keras_gans.export.formats.tflite_format import TFLiteExporter
from keras_gans.export.network import ExportNetwork
from keras_gans.layers import PixelShuffle2D, PixelUnshuffle2D, Upsample2D

UPSCALERS = zoo.names(task="upscaling")
ENLARGING = (PixelShuffle2D, Upsample2D)
QUICK = ("srgan", "esrgan", "rdn", "realesrgan_x2", "realesrgan_video_x3")


@pytest.mark.parametrize("name", by_default(QUICK, UPSCALERS))
def test_free_sizes_in_onnx_and_one_tile_in_tflite(name, tmp_path):
    model = tiny(name)
    manifest = export.export(model, tmp_path / "out", formats=("onnx", "tflite"))
    source = model.describe_tensors()["source"]
    free, fixed = (record.inputs[0] for record in manifest.files)
    assert free.shape == (None, None, None, 3) and fixed.shape == (1, *source["tile"], 3)
    for tensor in (free, fixed):
        assert tensor.about["tile"] == source["tile"]
        assert tensor.about["overlap"] == source["overlap"]
        assert tensor.about.get("multiple_of", 1) == source.get("multiple_of", 1)
    assert {record.outputs[0].about["scale"] for record in manifest.files} == {model.target.scale}


@pytest.mark.parametrize("name", by_default(QUICK, UPSCALERS))
def test_graphs_hold_an_operation_for_each_layer(name, tmp_path):
    model = tiny(name)
    manifest = export.export(model, tmp_path / "out", formats=("onnx", "tflite"))
    kinds = collections.Counter(type(layer).__name__ for layer in model.generator.layers)
    graph = onnx.load(tmp_path / "out" / manifest.files[0].path).graph
    ops = collections.Counter(node.op_type for node in graph.node)
    assert not {"Shape", "Cast", "Pad", "Neg"} & set(ops)
    assert ops["Transpose"] == 2  # of what comes in and of what goes out
    rectified = [one for one in model.generator.layers if getattr(one, "activation", None)]
    rectified = sum(one.activation.__name__ == "relu" for one in rectified)
    assert ops["Relu"] == rectified + kinds["ReLU"]
    shrinks = kinds["BicubicShrink2D"]
    # The phases of its filter are channels that no convolution before it can put in order.
    assert ops["Gather"] <= shrinks
    assert ops["PRelu"] == kinds["PReLU"]
    assert ops["Resize"] == kinds["UpSampling2D"] + kinds["Upsample2D"]
    assert kinds["PixelShuffle2D"] <= ops["DepthToSpace"] <= kinds["PixelShuffle2D"] + shrinks
    assert ops["SpaceToDepth"] == kinds["PixelUnshuffle2D"]
    native = manifest.files[1].ops
    assert native.get("PRELU", 0) == kinds["PReLU"]
    assert native.get("RESIZE_NEAREST_NEIGHBOR", 0) == ops["Resize"]
    assert native.get("DEPTH_TO_SPACE", 0) == ops["DepthToSpace"]


def test_a_smaller_tile_overlaps_by_its_half_at_most(tmp_path):
    manifest = export.export(tiny("srgan"), tmp_path / "out", formats="tflite", image_size=(64, 32))
    (source,) = manifest.files[0].inputs
    assert source.shape == (1, 64, 32, 3)
    assert source.about["tile"] == [64, 32] and source.about["overlap"] == 16


@pytest.mark.parametrize("name", ["srgan", "realesrgan_x2", "realesrgan_video_x4"])
def test_the_order_of_channels_goes_into_the_convolution(name):
    network = as_if_trained(tiny(name).generator)
    made = simplified(network)
    assert not any(isinstance(one, PixelShuffle2D | PixelUnshuffle2D) for one in made.layers)
    pictures = np.random.default_rng(0).uniform(-1, 1, (2, 8, 12, 3)).astype("float32")
    np.testing.assert_allclose(made(pictures), network(pictures), atol=1e-4)


def test_patches_of_photographs_are_held_out_and_of_any_sides():
    proving, calibrating = (
        photos.patches(split, 6, (40, 900), 3, seed=0) for split in ("test", "train")
    )
    assert proving.shape == calibrating.shape == (6, 40, 900, 3)
    assert proving.dtype == np.float32 and -1 <= proving.min() < proving.max() <= 1
    assert all(not np.array_equal(a, b) for a in proving for b in calibrating)
    assert photos.patches("test", 2, (8, 8), 1, seed=0).shape == (2, 8, 8, 1)


@pytest.mark.parametrize("name", ["esrgan", "realesrgan_x2", "rdn"])
def test_integers_give_up_the_larger_picture_before_all_that_is_no_convolution(name):
    model = tiny(name)
    network = ExportNetwork("generator", model.generator, tensors=model.describe_tensors())
    tried = list(TFLiteExporter().layers_to_keep(network, "int8", None))
    names = [layer.name for layer in network.model.layers]
    enlarging = [one.name for one in network.model.layers if isinstance(one, ENLARGING)]
    behind = set(names[names.index(enlarging[0]) : -1])
    step = next(number for number, kept in enumerate(tried) if behind <= set(kept))
    assert names[1] not in tried[step], "what begins the network goes later"
    assert [len(kept) for kept in tried] == sorted({len(kept) for kept in tried})


@pytest.mark.large
@pytest.mark.parametrize("format", ["onnx", "tflite"])
def test_drawings_are_enlarged_in_integers_with_few_layers_in_floats(format, tmp_path):
    model = zoo.get("realesrgan_anime", pretrained=True)
    manifest = export.export(model, tmp_path / "out", formats=format, precisions="int8")
    (record,) = manifest.files
    assert record.psnr >= 35.0 and record.kept
    assert not [name for name in record.kept if name.startswith("body_")]


@pytest.mark.large
@pytest.mark.parametrize("format", ["onnx", "tflite"])
def test_published_weights_in_integers_make_the_same_pictures(format, tmp_path):
    model = zoo.get("realesrgan_video_x4", pretrained=True)
    manifest = export.export(model, tmp_path / "out", formats=format, precisions="int8")
    (record,) = manifest.files
    assert record.floor == {"psnr": 35.0, "ssim": 0.9}
    assert record.psnr >= 35.0 and record.kept == ()
    assert record.examples == {"real": True, "proving": 32, "calibrating": 32}
