"""TFLite, now called LiteRT: for phones and small devices, and for LiteRT.js."""

import collections
import re
import tempfile
from pathlib import Path

import tensorflow as tf

from keras_gans.export.exporter import Exporter, UnsupportedOps
from keras_gans.export.saved_model import SIGNATURE, SavedModelExporter

_REFUSED_OP = re.compile(r"'?tf\.(\w+)'? op is neither a custom op nor a flex op")


class TFLiteExporter(Exporter):
    """One file of TensorFlow Lite's own operations, called by its signature."""

    name = "tflite"
    title = "TFLite"
    aliases = ("litert",)
    suffix = ".tflite"
    runtime = "ai-edge-litert"
    requires = {"ai_edge_litert": "tflite"}

    def write(self, network, path, precision, *, calibration=None, kept=()):
        # Through a SavedModel: the converter's other doors give files without names, or NaN. In the
        # workspace, so that no disk but the target's can be full, and no other be left dirty.
        with tempfile.TemporaryDirectory(dir=Path(path).parent) as folder:
            saved_model = Path(folder) / "saved_model"
            SavedModelExporter().write(network, saved_model, precision)
            converter = tf.lite.TFLiteConverter.from_saved_model(
                str(saved_model), signature_keys=[SIGNATURE]
            )
            # Without Flex: phones and browsers have no TensorFlow to fall back on.
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
            try:
                content = converter.convert()
            except Exception as error:  # ConverterError is a private class
                refused = sorted(set(_REFUSED_OP.findall(str(error))))
                if refused:
                    raise self._unsupported(refused) from None
                raise
        Path(path).write_bytes(content)

    def inspect(self, path):
        ops = collections.Counter(_all_ops(Path(path).read_bytes()))
        foreign = [op for op in ops if op.startswith(("CUSTOM", "STABLEHLO"))]
        if foreign:
            raise self._unsupported(sorted(foreign))
        self.refuse_random(ops)
        return {"ops": dict(sorted(ops.items())), "opset": None, "signature": SIGNATURE}

    def load(self, path):
        from ai_edge_litert.interpreter import Interpreter

        runner = Interpreter(model_path=str(path)).get_signature_runner(SIGNATURE)
        # What a runner returns is overwritten by its next call.
        return lambda arrays: {name: array.copy() for name, array in runner(**arrays).items()}

    def _unsupported(self, ops):
        return UnsupportedOps(
            f"TFLite has no builtin operation for {', '.join(ops)}, which the network needs. "
            "Write it with others in the network that `networks_to_export` returns."
        )


def _all_ops(content):
    """Operations of a flatbuffer, custom ones as `CUSTOM <name>`."""
    from ai_edge_litert import schema_py_generated as schema

    names = {
        number: name for name, number in vars(schema.BuiltinOperator).items() if name[0] != "_"
    }
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content))
    for graph in model.subgraphs:
        for operator in graph.operators:
            code = model.operatorCodes[operator.opcodeIndex]
            # Two fields, because the first one was a byte and ran out.
            name = names[max(code.builtinCode, code.deprecatedBuiltinCode)]
            yield f"CUSTOM {code.customCode.decode()}" if name == "CUSTOM" else name
