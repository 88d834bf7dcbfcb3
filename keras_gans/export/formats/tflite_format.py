"""TFLite, now called LiteRT: for phones and small devices, and for LiteRT.js.

Files are written from the network as `lowering` puts it, in convolutions that XNNPACK has fast
kernels for. The precisions (times: `docs/export.md`), inputs and outputs staying float32 in all:

    float32        weights and computations
    float16        weights; half the size, computed in float32 where a device has no half
    dynamic_range  weights in 8 bits, activations too while they are multiplied: a quarter the
                   size, in 0.7 to 1.0 of float32's time
    int8           weights and activations in 8 bits, their ranges learned beforehand: a quarter
                   the size, for accelerators that compute in nothing else. On a CPU without 8-bit
                   dot products (AVX2 only) 0.6 to 1.0 of float32's time, as dynamic_range
    int16x8        activations in 16 bits, weights in 8: a quarter the size and nearly exact, for
                   accelerators only: on a CPU, where it has reference kernels, 40 to 130 times as
                   slow as float32
"""

import collections
import re
import tempfile
import weakref
from pathlib import Path

import flatbuffers
import keras
import numpy as np
import tensorflow as tf

from keras_gans.export import parity
from keras_gans.export.formats import tflite_rewrites
from keras_gans.export.formats.base import Exporter, Floor, UnsupportedOps
from keras_gans.export.formats.network_rewrites import simplified
from keras_gans.export.formats.saved_model import SIGNATURE, save
from keras_gans.layers import (
    BilinearUpsample2D,
    InstanceNorm,
    LayerNorm2D,
    PixelShuffle2D,
    Upsample2D,
)

_REFUSED_OP = re.compile(r"'?tf\.(\w+)'? op is neither a custom op nor a flex op")
_BUILTINS = tf.lite.OpsSet.TFLITE_BUILTINS
_INT16X8 = tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
_NORMS = (
    InstanceNorm,
    LayerNorm2D,
    keras.layers.LayerNormalization,
    keras.layers.GroupNormalization,
)
_ENLARGING = (
    BilinearUpsample2D,
    PixelShuffle2D,
    Upsample2D,
    keras.layers.Conv2DTranspose,
    keras.layers.UpSampling2D,
)
_IDENTIFIER = b"TFL3"  # of the flatbuffer
_RANK = 4  # what the GPU delegate and many accelerators stop at
# Its integer form gives other codes, and so pictures of other classes: 10 dB for 44.
_NEVER_IN_INTEGERS = {"ONE_HOT"}
# Of sizes worked out while running: nothing a delegate takes, and needless where they are fixed.
_SHAPE_OPS = {"SHAPE", "PACK", "RANGE", "FILL", "BROADCAST_ARGS"}


class TFLiteExporter(Exporter):
    """One file of TensorFlow Lite's own operations, called by its signature."""

    name = "tflite"
    title = "TFLite"
    aliases = ("litert",)
    suffix = ".tflite"
    runtime = "ai-edge-litert"
    requires = {"ai_edge_litert": "tflite"}
    fixes_tiles = True
    # PSNR: what is taken for indistinguishable (45) and for good (30). SSIM, measured on a trained
    # CycleGAN of emoji: float16 1.000, int16x8 0.999, dynamic_range 0.998; int8 0.91 at 32.6 dB,
    # and 0.88 at 31.0 dB, where the flat grounds are seen to be mottled.
    # float32: XNNPACK adds up the means of instance norm in another order, and where a picture is
    # flat they are divided by next to nothing: up to 8e-5 on 32 emoji, where the same network in
    # TensorFlow gives 1e-6. It is a hundredth of a grey level.
    precisions = {
        **Exporter.precisions,
        "float16": Floor(translated=45.0, generated=45.0, ssim=0.99),
        "dynamic_range": Floor(40.0, 40.0, ssim=0.98, upscaled=(40.0, 0.9)),
        "int8": Floor(translated=30.0, generated=33.0, ssim=0.9, upscaled=(35.0, 0.9)),
        "int16x8": Floor(translated=40.0, generated=40.0, ssim=0.98),
    }
    calibrated = ("int8", "int16x8")

    def __init__(self):
        # Ranges take minutes to learn, and are the same whatever is kept.
        self._learned: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()

    def write(self, network, path, precision, *, calibration=None, kept=()):
        if precision == "int8":
            content = self._in_int8(network, calibration, kept, Path(path).parent)
        else:
            content = self._converted(network, precision, calibration, Path(path).parent)
        Path(path).write_bytes(_at_usual_size(content, network))

    def layers_to_keep(self, network, precision, calibration):
        """In order of what it gains for what it costs.

        The statistics of instance norm, whose squares do not fit 8 bits; the last convolution with
        what lies before it; of networks that upscale all that works on the larger picture, whose
        errors no later layer evens out; whatever is no convolution; the first convolution.
        """
        yield ()
        if precision != "int8":
            return
        outputs = network.model.output_names
        layers = [
            layer
            for layer in network.model.layers
            if not isinstance(layer, keras.layers.InputLayer) and layer.name not in outputs
        ]
        names = [layer.name for layer in layers]
        weighted = [n for n, layer in enumerate(layers) if hasattr(layer, "kernel")]
        others = [name for n, name in enumerate(names) if n not in weighted]
        norms = [layer.name for layer in layers if isinstance(layer, _NORMS)]
        before_last = weighted[-2] + 1 if len(weighted) > 1 else 0
        last = names[before_last : weighted[-1] + 1] if weighted else []
        first = [names[n] for n in weighted[:1]]
        enlarging = [n for n, layer in enumerate(layers) if isinstance(layer, _ENLARGING)]
        enlarged = names[enlarging[0] :] if enlarging and network.upscales else []
        kept: dict[str, None] = {}  # in order, each once
        for step in (norms, last, enlarged, others, first):
            if not kept.keys() >= set(step):
                kept.update(dict.fromkeys(step))
                yield tuple(kept)

    def inspect(self, path):
        model = _parsed(Path(path).read_bytes())
        ops = collections.Counter(op for op, _ in _all_ops(model))
        foreign = [op for op in ops if op.startswith(("CUSTOM", "STABLEHLO"))]
        if foreign:
            raise self._unsupported(sorted(foreign))
        self.refuse_random(ops)
        _refuse_high_ranks(model)
        _refuse_shapes(model, ops)
        return {
            "ops": dict(sorted(ops.items())),
            "opset": None,
            "oldest_runtime": f"TensorFlow Lite {_oldest(model)}",
            "signature": SIGNATURE,
            "order": _order(model),
        }

    def load(self, path):
        from ai_edge_litert.interpreter import Interpreter

        runner = Interpreter(model_path=str(path)).get_signature_runner(SIGNATURE)
        # What a runner returns is overwritten by its next call.
        return lambda arrays: {name: array.copy() for name, array in runner(**arrays).items()}

    def _in_int8(self, network, calibration, kept, workspace):
        debugger = self._learned.get(network)
        if debugger is None:
            debugger = self._converted(network, "int8", calibration, workspace)
            self._learned[network] = debugger
        tensors = list(_in_float(debugger.calibrated_model, kept))
        debugger.options = tf.lite.experimental.QuantizationDebugOptions(denylisted_nodes=tensors)
        return debugger.get_nondebug_quantized_model()

    def _converted(self, network, precision, calibration, workspace):
        """Content of a file; for int8 the debugger, which quantises as often as it is asked to."""
        lowered = network.rebuilt(simplified) if network.upscales else network
        # Without what only float kernels have in 16 bits, and XNNPACK has nothing for them anyway.
        if precision != "int16x8":
            lowered = lowered.rebuilt(tflite_rewrites.lowered)
        # Through a SavedModel: the converter's other doors give files without names, or NaN. In the
        # workspace, so that no disk but the target's can be full, and no other be left dirty.
        with tempfile.TemporaryDirectory(dir=workspace) as folder:
            saved_model = Path(folder) / "saved_model"
            save(lowered, saved_model, {SIGNATURE: lowered.function})
            converter = tf.lite.TFLiteConverter.from_saved_model(
                str(saved_model), signature_keys=[SIGNATURE]
            )
            # One example at a time, or as many as a fixed batch has.
            size = network.inputs[0].shape[0] or 1
            _set(converter, precision, lambda: parity.turns(calibration, size))
            try:
                if precision == "int8":
                    return tf.lite.experimental.QuantizationDebugger(converter=converter)
                return converter.convert()
            except Exception as error:  # ConverterError is a private class
                refused = sorted(set(_REFUSED_OP.findall(str(error))))
                if refused:
                    raise self._unsupported(refused) from None
                raise

    def _unsupported(self, ops):
        return UnsupportedOps(
            f"TFLite has no builtin operation for {', '.join(ops)}, which the network needs. "
            "Write it with others in the network that `networks_to_export` returns."
        )


def _set(converter, precision, examples):
    # Without Flex: phones and browsers have no TensorFlow to fall back on.
    converter.target_spec.supported_ops = [_BUILTINS]
    if precision != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if precision == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if precision in ("int8", "int16x8"):
        converter.representative_dataset = examples
        integers = _INT16X8 if precision == "int16x8" else tf.lite.OpsSet.TFLITE_BUILTINS_INT8
        # The others for what has no integer kernel, and for layers that are kept.
        converter.target_spec.supported_ops = [integers, _BUILTINS]


# === What is in a file ===


def _parsed(content):
    from ai_edge_litert import schema_py_generated as schema

    return schema.ModelT.InitFromObj(schema.Model.GetRootAs(bytearray(content)))


def _oldest(model):
    """The version the converter notes, from the versions of the operations in the file."""
    noted = {entry.name: entry.buffer for entry in model.metadata or ()}
    return bytes(model.buffers[noted[b"min_runtime_version"]].data).rstrip(b"\0").decode()


def _order(model):
    """Names of the signature's tensors, in the order of the file's only graph."""
    (signature,), graph = model.signatureDefs, model.subgraphs[0]
    named = {}
    for side, mapped, indices in (
        ("inputs", signature.inputs, graph.inputs),
        ("outputs", signature.outputs, graph.outputs),
    ):
        names = {entry.tensorIndex: entry.name.decode() for entry in mapped}
        named[side] = [names[index] for index in indices]
    return named


def _at_usual_size(content, network):
    """A file whose free sides stand at the training's pictures until they are set.

    The converter has them at 1, at which networks that reflect or halve pictures cannot be
    allocated: interpreters of every language then fail before a first picture is given.
    """
    model = _parsed(content)
    graph, changed = model.subgraphs[0], False
    for index in graph.inputs:
        tensor = graph.tensors[index]
        signature = _signature_of(tensor)
        if network.usual_size and len(signature) == _RANK and -1 in signature[1:3]:
            sides = zip(signature[1:3], network.usual_size, strict=True)
            tensor.shape = np.array(tensor.shape)
            tensor.shape[1:3] = [usual if side == -1 else side for side, usual in sides]
            changed = True
    if not changed:
        return content
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), _IDENTIFIER)
    return bytes(builder.Output())


def _all_ops(model):
    """(operation, names of its outputs) of a parsed file, custom ones as `CUSTOM <name>`."""
    from ai_edge_litert import schema_py_generated as schema

    names = {
        number: name for name, number in vars(schema.BuiltinOperator).items() if name[0] != "_"
    }
    for graph in model.subgraphs:
        for operator in graph.operators:
            code = model.operatorCodes[operator.opcodeIndex]
            # Two fields, because the first one was a byte and ran out.
            name = names[max(code.builtinCode, code.deprecatedBuiltinCode)]
            outputs = [graph.tensors[index].name.decode() for index in operator.outputs]
            yield f"CUSTOM {code.customCode.decode()}" if name == "CUSTOM" else name, outputs


def _in_float(content, kept):
    """Names of the tensors that come out of the operations to leave in float32."""
    marks = [tflite_rewrites.mark(layer) for layer in kept]
    for op, outputs in _all_ops(_parsed(content)):
        for output in outputs:
            if op in _NEVER_IN_INTEGERS or any(mark in output for mark in marks):
                yield output


def _refuse_high_ranks(model):
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            if tensor.shape is not None and len(tensor.shape) > _RANK:
                raise UnsupportedOps(
                    f"The network needs a tensor of shape {tensor.shape.tolist()} "
                    f"({tensor.name.decode()}), and many devices stop at {_RANK} axes. Write it "
                    "with fewer in the network that `networks_to_export` returns."
                )


def _refuse_shapes(model, ops):
    """Refuses work on sizes in a file where all sizes are known."""
    graph = model.subgraphs[0]
    free = any(-1 in _signature_of(graph.tensors[index]) for index in graph.inputs)
    found = sorted(_SHAPE_OPS & set(ops))
    if found and not free:
        raise UnsupportedOps(
            f"The network works out sizes while it runs ({', '.join(found)}), though its inputs "
            "are of fixed sizes. Take them from the static shapes in the network that "
            "`networks_to_export` returns."
        )


def _signature_of(tensor):
    """Sizes, -1 where free."""
    sizes = tensor.shape if tensor.shapeSignature is None else tensor.shapeSignature
    return () if sizes is None else tuple(sizes)
