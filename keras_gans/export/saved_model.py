"""SavedModel: for TensorFlow Serving, TensorFlow in any language, and Keras' `TFSMLayer`."""

import collections
from pathlib import Path

import tensorflow as tf

from keras_gans.export.exporter import FILE_SUFFIXES, Exporter

SIGNATURE = "serving_default"

# How TensorFlow calls functions and reads weights; the rest is what the network computes.
_PLUMBING = {
    "Const",
    "Identity",
    "NoOp",
    "PartitionedCall",
    "Placeholder",
    "ReadVariableOp",
    "StatefulPartitionedCall",
}


class SavedModelExporter(Exporter):
    """A folder with the signatures `serving_default` and `serve`, inputs and outputs by name."""

    name = "saved_model"
    title = "SavedModel"
    aliases = ("tf_saved_model",)
    suffix = ""
    runtime = "tensorflow"

    def write(self, network, path, precision, *, calibration=None, kept=()):
        module = tf.Module()
        module.weights = network.function.get_concrete_function().variables  # those it reads
        module.serve = network.function  # what `TFSMLayer` calls
        signatures = {SIGNATURE: network.function, "serve": network.function}
        tf.saved_model.save(module, str(path), signatures=signatures)

    def inspect(self, path):
        graph = self._signature(path).graph.as_graph_def()
        nodes = [*graph.node, *(node for f in graph.library.function for node in f.node_def)]
        ops = collections.Counter(node.op for node in nodes if node.op not in _PLUMBING)
        self.refuse_random(ops)
        return {"ops": dict(sorted(ops.items())), "opset": None, "signature": SIGNATURE}

    def load(self, path):
        signature = self._signature(path)

        def run(arrays):
            with tf.device("CPU:0"):
                outputs = signature(**{name: tf.constant(array) for name, array in arrays.items()})
            return {name: tensor.numpy() for name, tensor in outputs.items()}

        return run

    def check_suffix(self, path):
        # Folders may have dots in their names; only what promises a file is refused.
        if Path(path).suffix in FILE_SUFFIXES:
            raise ValueError(
                f"A SavedModel is a folder, without a suffix. Received: {Path(path).name!r}; "
                f"use {Path(path).stem!r}, or another `format`."
            )

    def _signature(self, path):
        with tf.device("CPU:0"):  # where Keras' answer is computed too, see `Servable`
            return tf.saved_model.load(str(path)).signatures[SIGNATURE]
