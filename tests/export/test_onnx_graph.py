"""What the rewrites of ONNX graphs leave, and that they change nothing."""

import collections

import keras
import numpy as np
import onnx
import pytest
from export_models import Plain, Translator, as_if_trained, tiny
from fabrication import SOME, by_default

from keras_gans import export, zoo
from keras_gans.core.signature import Image, Signature, label_map_of
from keras_gans.export.calibration import CALIBRATING, PROVING
from keras_gans.export.formats import onnx_rewrites
from keras_gans.export.formats.onnx_format import OnnxExporter
from keras_gans.export.naming import steadily_named

layers = keras.layers


def pictures(count, side, channels=3, seed=0):
    """Smooth pictures, as real ones are."""
    coarse = np.random.default_rng(seed).uniform(-1, 1, (count, 4, 4, channels))
    smooth = keras.ops.image.resize(coarse.astype("float32"), (side, side), "bilinear")
    return np.asarray(smooth)


def examples(model):
    """Batches as data would give them, for networks that take pictures; else None."""
    if not hasattr(model, "translate"):
        return None
    spec = keras.tree.flatten(model.batch_spec(1))
    if (role := label_map_of(model)) is not None:
        side = spec[0].shape[1]
        levels = (pictures(PROVING + CALIBRATING, side, 1)[..., 0] + 1) / 2 * (role.classes - 1)
        return [(np.rint(levels).astype("int32"), pictures(PROVING + CALIBRATING, side, seed=1))]
    count, side = PROVING + CALIBRATING, spec[0].shape[-2]
    if spec[0].shape.rank == 5:  # clips, whose frames are alike
        frames = spec[0].shape[1]
        still = [pictures(count, side, one.shape[-1], seed) for seed, one in enumerate(spec)]
        return [tuple(np.repeat(one[:, None], frames, axis=1) for one in still)]
    return [tuple(pictures(count, side, one.shape[-1], seed) for seed, one in enumerate(spec))]


def as_if_normalised(network):
    """Batch norm as if trained, lest it be the identity; kernels as the papers begin."""
    rng = np.random.default_rng(0)
    for weight in network.weights:
        if weight.path.endswith(("gamma", "moving_variance")):
            weight.assign(rng.uniform(0.5, 1.5, weight.shape))
        elif weight.path.endswith(("beta", "moving_mean")):
            weight.assign(rng.normal(0.0, 0.3, weight.shape))


def graph_of(path):
    return onnx.shape_inference.infer_shapes(onnx.load(path)).graph


def ops_of(graph):
    return collections.Counter(node.op_type for node in graph.node)


def written(network, path, **sizes):
    """The network's graph, proven equal to Keras."""
    model = Plain(as_if_trained(network), size=16)
    export.export_sampling_network(model, path, "onnx", **sizes)
    return graph_of(path)


# === Over the registry ===


# One at each end; here what latents become is used twice before a convolution.
# vid2vid gathers pixels with channels last; SPADE's generator takes a one-hot map at six sizes.
TRANSPOSES = {
    "sngan_projection": 3,
    **dict.fromkeys(("spade", "spade_avatars", "vid2vid", "vid2vid_sprites"), 7),
}


@pytest.mark.parametrize("name", by_default(SOME, zoo.names()))
def test_every_entry_ships_in_every_precision_and_lean(name, tmp_path):
    model = zoo.get(name, **zoo.entry(name).tiny)
    for network in model.networks_to_export().values():
        as_if_normalised(network)
    manifest = export.export(
        model, tmp_path / "out", formats="onnx", precisions="all", examples=examples(model)
    )
    networks = model.networks_to_export()
    assert len(manifest.files) == len(networks) * len(OnnxExporter.precisions)
    for record in manifest.files:
        graph = graph_of(tmp_path / "out" / record.path)
        ops = ops_of(graph)
        assert ops["Transpose"] <= TRANSPOSES.get(name, 2)
        assert "BatchNormalization" not in ops
        # A warp of maps of any size counts their pixels.
        assert "Shape" not in ops or name.startswith("vid2vid")
        for value in graph.value_info:
            assert len(value.type.tensor_type.shape.dim) <= 4, value.name
        weights = {tensor.name for tensor in graph.initializer}
        if record.precision == "int8":
            assert ops["QuantizeLinear"] and record.psnr >= record.floor["psnr"]
            network = steadily_named(networks[record.network])
            assert set(record.kept) <= {layer.name for layer in network.layers}
        else:
            assert not cancelled_biases(graph, weights)


def cancelled_biases(graph, weights):
    normalised = {node.input[0] for node in graph.node if node.op_type == "InstanceNormalization"}
    return [
        node.name
        for node in graph.node
        if node.output[0] in normalised and len(node.input) > 2 and node.input[2] in weights
    ]


@pytest.mark.parametrize("name", ["cyclegan", "pix2pix", "dcgan"])
def test_fixed_sizes_leave_no_arithmetic_with_shapes(name, tmp_path):
    model = tiny(name) if name == "dcgan" else zoo.get(name, **zoo.entry(name).tiny)
    size = None if name == "dcgan" else 32
    path = tmp_path / "generator.onnx"
    export.export_sampling_network(model, path, "onnx", batch_size=1, image_size=size)
    graph = graph_of(path)
    assert not {"Shape", "Gather", "Cast", "Unsqueeze", "Squeeze"} & set(ops_of(graph))
    for value in (*graph.input, *graph.value_info, *graph.output):
        assert all(dim.dim_value for dim in value.type.tensor_type.shape.dim), value.name


@pytest.mark.parametrize("name", ["cyclegan", "pix2pix"])
def test_free_sizes_leave_none_either(name, tmp_path):
    model = zoo.get(name, **zoo.entry(name).tiny)
    path = tmp_path / "generator.onnx"
    export.export_sampling_network(model, path, "onnx")
    assert not {"Shape", "Gather", "Cast", "Slice", "Reshape"} & set(ops_of(graph_of(path)))


# === Rewrites ===


@pytest.mark.parametrize("up", [layers.Conv2DTranspose, layers.Conv2D])
def test_batch_norm_goes_into_the_weights_before_it(up, tmp_path):
    source = keras.Input((16, 16, 3), name="source")
    options = {"strides": 2} if up is layers.Conv2DTranspose else {}
    x = up(4, 4, padding="same", **options)(source)
    image = layers.ReLU(name="image")(layers.BatchNormalization()(x))
    graph = written(keras.Model(source, image), tmp_path / "g.onnx")
    assert set(ops_of(graph)) == {"Transpose", up.__name__.replace("2D", ""), "Relu"}


def test_dense_layers_make_maps_in_the_order_that_convolutions_want(tmp_path):
    latent = keras.Input((5,), name="latent")
    x = layers.Reshape((4, 4, 6))(layers.Dense(96)(latent))
    x = layers.ReLU()(layers.BatchNormalization()(x))
    image = layers.Conv2D(3, 3, padding="same", name="image")(x)
    graph = written(keras.Model(latent, image), tmp_path / "g.onnx")
    assert ops_of(graph) == {"Gemm": 1, "Reshape": 1, "Relu": 1, "Conv": 1, "Transpose": 1}


def test_where_maps_meet_no_layout_changes(tmp_path):
    """Sums, products, differences and concatenations of maps that later layers see as well."""
    source = keras.Input((None, None, 3), name="source")
    x = first = layers.Conv2D(4, 3, padding="same")(source)
    for number in range(2):
        y = layers.LeakyReLU(0.2)(layers.Conv2D(4, 3, padding="same")(x))
        both = layers.Concatenate()([x, y, first])
        y = layers.PReLU(shared_axes=(1, 2))(layers.Conv2D(4, 3, padding="same")(both))
        x = layers.Add()([x, layers.Rescaling(0.2, 0.1 * number)(y)])
    x = layers.Subtract()([layers.Multiply()([x, first]), layers.Rescaling(0.5)(x)])
    image = layers.Activation("tanh", name="image")(layers.Conv2D(3, 1)(x))
    graph = written(keras.Model(source, image), tmp_path / "g.onnx")
    assert ops_of(graph)["Transpose"] == 2
    assert [node.op_type for node in graph.node if node.op_type == "Transpose"] == [
        graph.node[0].op_type,
        graph.node[-1].op_type,
    ]


def test_where_maps_meet_along_another_axis_they_are_left_alone(tmp_path):
    source = keras.Input((16, 16, 3), name="source")
    x = layers.Conv2D(3, 3, padding="same")(source)
    y = layers.Conv2D(3, 3, padding="same")(x)
    image = layers.Concatenate(axis=2, name="image")([x, y])
    graph = written(keras.Model(source, image), tmp_path / "g.onnx")
    assert ops_of(graph)["Concat"] == 1


def test_a_factor_that_others_see_is_left_alone(tmp_path):
    source = keras.Input((16, 16, 3), name="source")
    x = layers.Conv2D(3, 3, padding="same")(source)
    image = layers.Add(name="image")([x, layers.BatchNormalization()(x)])
    graph = written(keras.Model(source, image), tmp_path / "g.onnx")
    assert ops_of(graph)["Conv"] == 1 and ops_of(graph)["Mul"] == 1


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize(("size", "stride"), [(2, 2), (3, 2), (4, 2), (5, 2), (5, 3), (7, 3)])
def test_transposed_convolutions_are_convolutions_to_blocks(tmp_path, size, stride, padding):
    source = keras.Input((5, 6, 2), name="source")
    x = layers.Conv2DTranspose(3, size, strides=stride, padding=padding)(source)
    network = as_if_trained(keras.Model(source, layers.Activation("linear", name="image")(x)))
    path = tmp_path / "g.onnx"
    export.export_sampling_network(Plain(network), path, "onnx", batch_size=2)
    blocks = onnx_rewrites.for_integers(onnx.load(path))
    assert {"Conv", "DepthToSpace"} <= set(ops_of(blocks.graph))
    assert "ConvTranspose" not in ops_of(blocks.graph)
    onnx.save(blocks, path)
    inputs = np.random.default_rng(0).normal(size=(2, 5, 6, 2)).astype("float32")
    given = OnnxExporter().load(path)({"source": inputs})["image"]
    np.testing.assert_allclose(given, network.predict(inputs, verbose=0), atol=1e-5)


def test_wide_kernels_to_few_maps_are_taken_apart(tmp_path):
    source = keras.Input((None, None, 48), name="source")
    image = layers.Conv2D(3, 7, padding="valid", name="image")(source)
    network = as_if_trained(keras.Model(source, image))
    path = tmp_path / "g.onnx"
    export.export_sampling_network(Described(network), path, "onnx")
    assert ops_of(graph_of(path)) == {"Transpose": 2, "Conv": 2}


class Faint(Image):
    """Pictures of little contrast."""

    def describe(self):
        return {**super().describe(), "value_range": [-0.1, 0.1]}


class Described(Plain):
    def signature(self):
        source, image = Faint(None, None, 48), Faint(None, None, 3)
        return {"generator": Signature({"source": source}, {"image": image})}


@pytest.mark.parametrize(
    ("node", "layer"),
    [
        ("generator_1/up_8_1/conv_transpose", "up_8"),
        ("generator_1/block_1_1_1/convolution", "block_1_1"),
        ("generator_1/block_1_1/convolution", "block_1"),
        ("generator/conv/convolution", "conv"),
        ("Transpose__6", None),
    ],
)
def test_nodes_are_called_by_their_layers(node, layer):
    assert onnx_rewrites.layer_of(node, {"up_8", "block_1", "block_1_1", "conv"}) == layer


# === Layout ===


@pytest.mark.parametrize("name", ["cyclegan", "dcgan"])
def test_pictures_may_go_in_and_out_channels_first(name, tmp_path):
    model = tiny(name) if name == "dcgan" else zoo.get(name, **zoo.entry(name).tiny)
    if name == "cyclegan":
        as_if_trained(model.generator_ab)
    first = export.export_sampling_network(model, tmp_path / "a.onnx", "onnx", layout="NCHW")
    export.export_sampling_network(model, tmp_path / "b.onnx", "onnx")
    assert "Transpose" not in first.ops
    (made,) = first.outputs
    assert made.about["layout"] == "NCHW" and made.shape[1] == 3

    import onnxruntime

    runs = [
        onnxruntime.InferenceSession(str(tmp_path / file), providers=["CPUExecutionProvider"])
        for file in ("a.onnx", "b.onnx")
    ]
    (fed,) = first.inputs
    if name == "dcgan":
        given = np.random.default_rng(0).normal(size=(2, *fed.shape[1:])).astype("float32")
        feeds = (given, given)
    else:
        assert fed.shape == (None, 3, None, None)
        given = pictures(2, 32)
        feeds = (np.ascontiguousarray(given.transpose(0, 3, 1, 2)), given)
    a, b = (run.run(None, {fed.name: feed})[0] for run, feed in zip(runs, feeds, strict=True))
    np.testing.assert_allclose(a.transpose(0, 2, 3, 1), b, atol=2e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "SavedModel and TFLite cannot be written in layout 'NCHW'; ONNX can."),
        ({"layout": "nchw", "formats": "onnx"}, "ONNX cannot be written in layout 'nchw'"),
    ],
)
def test_layouts_a_format_does_not_have_are_refused(model, tmp_path, arguments, message):
    with pytest.raises(ValueError, match=message):
        export.export(model, tmp_path / "out", **{"layout": "NCHW", **arguments})
    assert not any(tmp_path.iterdir())


# === Floors ===


def strict(monkeypatch, floor):
    precisions = {**OnnxExporter.precisions, "int8": floor}
    monkeypatch.setattr(OnnxExporter, "precisions", precisions)


def test_poor_pictures_leave_no_file(model, tmp_path, monkeypatch):
    from keras_gans.export.formats.base import Floor

    strict(monkeypatch, Floor(translated=99.0, generated=99.0, ssim=0.0))
    with pytest.raises(export.ParityError, match="generator written as onnx in int8.*99 dB"):
        export.export(model, tmp_path / "out", formats="onnx", precisions="int8")
    assert not any(tmp_path.iterdir())


def test_layers_are_kept_until_the_pictures_will_do(model, tmp_path, monkeypatch):
    from keras_gans.export.formats.base import Floor

    plain = export.export_sampling_network(model, tmp_path / "a.onnx", "onnx", precision="int8")
    assert plain.kept == ()
    strict(monkeypatch, Floor(translated=0.0, generated=plain.psnr + 0.5, ssim=0.0))
    better = export.export_sampling_network(model, tmp_path / "b.onnx", "onnx", precision="int8")
    assert better.kept and better.psnr > plain.psnr
    assert set(better.kept) <= {layer.name for layer in steadily_named(model.generator).layers}
    assert better.ops["QuantizeLinear"] < plain.ops["QuantizeLinear"]


def test_layers_that_integers_would_slow_down_are_named_among_the_kept(tmp_path, monkeypatch):
    from keras_gans.export.formats.base import Floor

    strict(monkeypatch, Floor(translated=0.0, generated=0.0, ssim=-1.0))
    source = keras.Input((32, 32, 3), name="source")
    x = layers.Conv2D(24, 3, padding="same", name="first")(source)
    x = layers.Conv2D(3, 7, padding="same", name="narrow")(x)
    network = keras.Model(source, layers.Activation("tanh", name="image")(x))
    pictures = np.random.default_rng(0).uniform(-1, 1, (64, 32, 32, 3)).astype("float32")
    record = export.export_sampling_network(
        Translator(as_if_trained(network), size=32),
        tmp_path / "g.onnx", "onnx", precision="int8", examples=[pictures],
    )  # fmt: skip
    assert record.kept == ("narrow",)
    assert record.ops["Conv"] == 3  # the narrow one taken apart
    assert record.ops["DequantizeLinear"]
