"""ONNX: for ONNX Runtime on servers, phones and in browsers."""

import collections
import re
import warnings

from keras_gans.export.exporter import Exporter, UnsupportedOps

# What tf2onnx writes well: 18 turns global average pools into ReduceMean, 19 is refused.
OPSET = 17
_COUNTED = re.compile(r"__\d+(?=$|:)")


class OnnxExporter(Exporter):
    """One file of standard operations, opset 17, NHWC in and out."""

    name = "onnx"
    title = "ONNX"
    suffix = ".onnx"
    runtime = "onnxruntime"
    requires = {"onnx": "onnx", "tf2onnx": "onnx", "onnxruntime": "onnx"}

    def write(self, network, path, precision, *, calibration=None, kept=()):
        import onnx

        model = _convert(network)
        # tf2onnx names a domain it has not used, which a runtime may refuse not to know.
        standard = [entry for entry in model.opset_import if entry.domain == ""]
        del model.opset_import[:]
        model.opset_import.extend(standard)
        _name_free_sizes(model.graph, network)
        _name_steadily(model.graph, network)
        onnx.save(model, str(path))

    def inspect(self, path):
        import onnx

        model = onnx.load(str(path))
        ops = collections.Counter(_all_ops(model.graph))
        self._refuse_unknown(ops)
        self.refuse_random(ops)
        onnx.checker.check_model(model, full_check=True)
        (opset,) = (entry.version for entry in model.opset_import)
        return {"ops": dict(sorted(ops.items())), "opset": opset, "signature": None}

    def load(self, path):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3  # errors
        session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
        names = [output.name for output in session.get_outputs()]
        return lambda arrays: dict(zip(names, session.run(names, arrays), strict=True))

    def _refuse_unknown(self, ops):
        # tf2onnx writes what it cannot translate into the file as it is, and logs a line.
        import onnx

        unknown = sorted(op for op in ops if not onnx.defs.has(op, OPSET))
        if unknown:
            raise UnsupportedOps(
                f"ONNX has no operation for {', '.join(unknown)}, which the network needs. "
                "Write it with others in the network that `networks_to_export` returns."
            )


def _convert(network):
    import tf2onnx

    _patch_tf2onnx()
    model, _ = tf2onnx.convert.from_function(
        network.function, input_signature=[network.signature], opset=OPSET
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


def _name_free_sizes(graph, network):
    """Calls the free sizes batch, height and width, where tf2onnx has `unk__25`."""
    ends = [*zip(graph.input, network.inputs, strict=True)]
    outputs = {tensor.name: tensor for tensor in network.outputs}
    ends += [(value, outputs[value.name]) for value in graph.output]
    for value, tensor in ends:
        for axis, dim in enumerate(value.type.tensor_type.shape.dim):
            if tensor.shape[axis] is not None:
                dim.dim_value = tensor.shape[axis]
            elif axis == 0:
                dim.dim_param = "batch"
            else:
                # With the tensor's name, because what comes out need not be as large as what
                # goes in.
                dim.dim_param = f"{tensor.name}_{('height', 'width', 'channels')[axis - 1]}"


def _name_steadily(graph, network):
    """Makes the file of equal models equal, byte for byte, and so their hashes.

    tf2onnx numbers names through the life of the process and notes there which function it read.
    """
    graph.name, graph.doc_string = network.name, ""
    public = {tensor.name for tensor in (*network.inputs, *network.outputs)}
    steady: dict[str, str] = {}

    def name(old):
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
