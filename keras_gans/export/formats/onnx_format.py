"""ONNX: for ONNX Runtime on servers, phones and in browsers."""

import collections
import re
import warnings
import weakref

import numpy as np

from keras_gans.export.formats.base import Exporter, Floor, UnsupportedOps
from keras_gans.export.formats.network_rewrites import simplified
from keras_gans.export.formats.onnx_session import session

# What tf2onnx writes well: 18 turns global average pools into ReduceMean, 19 is refused.
OPSET = 17
_OLDEST = "1.12"  # its first version that knows the opset
_COUNTED = re.compile(r"__\d+(?=$|[:/])")


class OnnxExporter(Exporter):
    """One file of standard operations, opset 17.

    Args:
        layout: of the pictures that go in and out.
    """

    name = "onnx"
    title = "ONNX"
    suffix = ".onnx"
    runtime = "onnxruntime"
    requires = {"onnx": "onnx", "tf2onnx": "onnx", "onnx_ir": "onnx", "onnxruntime": "onnx"}
    layouts = ("NHWC", "NCHW")
    # SSIM of int8, trained on emoji and clothes: 0.96 and 0.97 (cyclegan_emoji), 0.98
    # (pix2pix_emoji), 0.99 (cdcgan_fashion). Saturated sums (`onnx_quantization.Quantizer`) gave
    # 0.86 and 0.48: 0.9 tells the two apart. Of float16: above 0.99999.
    precisions = {
        **Exporter.precisions,
        "float16": Floor(translated=45.0, generated=45.0, ssim=0.99),
        "int8": Floor(translated=30.0, generated=33.0, ssim=0.9, upscaled=(35.0, 0.9)),
    }
    calibrated = ("int8",)

    def __init__(self, layout="NHWC"):
        self.layout = layout
        self._tidied: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()
        self._quantizers: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()

    def in_layout(self, layout):
        return self if layout == self.layout else OnnxExporter(layout)

    def write(self, network, path, precision, *, calibration=None, kept=()):
        import onnx

        from keras_gans.export.formats import onnx_quantization, onnx_rewrites

        if precision == "int8":
            model = self._quantizer(network, calibration).quantized(kept)
        else:
            model = onnx_rewrites.for_floats(self._graph(network))
            model = onnx_quantization.half(model) if precision == "float16" else model
        # Converters name domains they have not used, which a runtime may refuse not to know.
        standard = [entry for entry in model.opset_import if entry.domain == ""]
        del model.opset_import[:]
        model.opset_import.extend(standard)
        del model.graph.value_info[:]  # which says what runtimes infer, and counts what is free
        _name_free_sizes(model.graph, network, self.layout)
        _name_steadily(model.graph, network)
        onnx.save(model, str(path))

    def layers_to_keep(self, network, precision, calibration):
        if precision == "int8":
            return self._quantizer(network, calibration).candidates()
        return super().layers_to_keep(network, precision, calibration)

    def _graph(self, network):
        from keras_gans.export.formats import onnx_rewrites

        if network not in self._tidied:
            plain = network.rebuilt(simplified) if network.upscales else network
            layers = {layer.name: layer for layer in plain.model.layers}
            self._tidied[network] = onnx_rewrites.tidied(_convert(plain, self.layout), layers)
        return self._tidied[network]

    def _quantizer(self, network, calibration):
        from keras_gans.export.formats import onnx_quantization, onnx_rewrites

        if network not in self._quantizers:
            self._quantizers[network] = onnx_quantization.Quantizer(
                onnx_rewrites.for_integers(self._graph(network)),
                {layer.name for layer in network.model.layers},
                {name: self._laid_out(array) for name, array in calibration.items()},
                network.inputs[0].shape[0],
            )
        return self._quantizers[network]

    def inspect(self, path):
        import onnx

        model = onnx.load(str(path))
        ops = collections.Counter(_all_ops(model.graph))
        self._refuse_unknown(ops)
        self.refuse_random(ops)
        onnx.checker.check_model(model, full_check=True)
        (opset,) = (entry.version for entry in model.opset_import)
        return {
            "ops": dict(sorted(ops.items())),
            "opset": opset,
            "oldest_runtime": f"ONNX Runtime {_OLDEST}",
            "signature": None,
            "order": {
                "inputs": [tensor.name for tensor in model.graph.input],
                "outputs": [tensor.name for tensor in model.graph.output],
            },
        }

    def load(self, path):
        opened = session(str(path))
        names = [output.name for output in opened.get_outputs()]

        def run(arrays):
            fed = {name: self._laid_out(array) for name, array in arrays.items()}
            given = opened.run(names, fed)
            return {name: self._laid_back(array) for name, array in zip(names, given, strict=True)}

        return run

    def _laid_out(self, array):
        """An array (N, H, W, C) in the files' layout."""
        if self.layout == "NHWC" or array.ndim != 4:
            return array
        return np.ascontiguousarray(array.transpose(0, 3, 1, 2))

    def _laid_back(self, array):
        if self.layout == "NHWC" or array.ndim != 4:
            return array
        return array.transpose(0, 2, 3, 1)

    def _refuse_unknown(self, ops):
        # tf2onnx writes what it cannot translate into the file as it is, and logs a line.
        import onnx

        unknown = sorted(op for op in ops if not onnx.defs.has(op, OPSET))
        if unknown:
            raise UnsupportedOps(
                f"ONNX has no operation for {', '.join(unknown)}, which the network needs. "
                "Write it with others in the network that `networks_to_export` returns."
            )


def _convert(network, layout):
    import tf2onnx

    _patch_tf2onnx()
    channels_first = {}
    if layout == "NCHW":
        for side, tensors in (("inputs", network.inputs), ("outputs", network.outputs)):
            # Masks of features too: what has four axes has the pictures' order.
            channels_first[f"{side}_as_nchw"] = [t.name for t in tensors if len(t.shape) == 4]
    model, _ = tf2onnx.convert.from_function(
        network.function, input_signature=[network.signature], opset=OPSET, **channels_first
    )
    return model


def _patch_tf2onnx():
    """Mends tf2onnx for NumPy 2 as Keras does, where Keras still needs to."""
    try:
        from keras.src.export.tf2onnx_lib import patch_tf2onnx
    except ImportError:  # private, and no longer there: whatever is wrong, the proof will show
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # it looks for `np.object`
        patch_tf2onnx()


def _name_free_sizes(graph, network, layout):
    """Calls the free sizes batch, height and width, where tf2onnx has `unk__25`."""
    tensors = {tensor.name: tensor for tensor in (*network.inputs, *network.outputs)}
    for value in (*graph.input, *graph.output):
        tensor = tensors[value.name]
        # With the tensor's name, because what comes out need not be as large as what goes in.
        names = ["batch", *(f"{tensor.name}_{axis}" for axis in ("height", "width", "channels"))]
        sizes = list(zip(tensor.shape, names, strict=False))
        if layout == "NCHW" and len(tensor.shape) == 4:
            sizes = [sizes[axis] for axis in (0, 3, 1, 2)]
        for dim, (size, name) in zip(value.type.tensor_type.shape.dim, sizes, strict=True):
            if size is not None:
                dim.dim_value = size
            else:
                dim.dim_param = name


def _name_steadily(graph, network):
    """Makes the file of equal models equal, byte for byte, and so their hashes.

    tf2onnx numbers names through the life of the process and notes there which function it read.
    Equal constants it merges into any one of them, so that these get names of their own.
    """
    graph.name, graph.doc_string = network.name, ""
    public = {tensor.name for tensor in (*network.inputs, *network.outputs)}
    steady: dict[str, str] = {}
    used = collections.Counter(old for node in graph.node for old in node.input)
    shared = {constant.name for constant in graph.initializer if used[constant.name] > 1}

    def name(old):
        if old in shared:
            return steady.setdefault(old, f"shared__{len(steady)}")
        if old in public or not _COUNTED.search(old):
            return old
        return steady.setdefault(old, _COUNTED.sub(f"__{len(steady)}", old))

    if any(a.HasField("g") or a.graphs for node in graph.node for a in node.attribute):
        return  # branches refer to names outside them; not worth following for a hash
    for node in graph.node:
        node.name = name(node.name)
        node.input[:] = [name(old) for old in node.input]
        node.output[:] = [name(old) for old in node.output]
    for value in (*graph.initializer, *graph.value_info):
        value.name = name(value.name)
    initializers = sorted(graph.initializer, key=lambda tensor: tensor.name)
    del graph.initializer[:]
    graph.initializer.extend(initializers)


def _all_ops(graph):
    """Operations of a graph and of the branches and loops inside it."""
    for node in graph.node:
        yield node.op_type if node.domain in ("", "ai.onnx") else f"{node.domain}.{node.op_type}"
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from _all_ops(inner)
