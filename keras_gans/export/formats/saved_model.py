"""SavedModel: for TensorFlow Serving, TensorFlow in any language, and Keras' `TFSMLayer`."""

import collections
from pathlib import Path

import numpy as np
import tensorflow as tf

from keras_gans.export import parity
from keras_gans.export.formats.base import FILE_SUFFIXES, Exporter
from keras_gans.images.grids import to_uint8
from keras_gans.utils.versions import versions

SIGNATURE = "serving_default"
UINT8_SIGNATURE = "serve_uint8"
# Rounding to the nearest of 256 may go either way where float32 is just between two.
_EQUAL_GREYS = 0.999

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
    """A folder with the signatures `serving_default` and `serve`, inputs and outputs by name.

    Of networks that make pictures there is `serve_uint8` too, whose pictures are uint8 from 0 to
    255 both ways, as files and screens have them. Frames that the network made before stay float32:
    the zeros before a first frame are no byte.
    """

    name = "saved_model"
    title = "SavedModel"
    aliases = ("tf_saved_model",)
    suffix = ""
    runtime = "tensorflow"

    def write(self, network, path, precision, *, calibration=None, kept=()):
        signatures = {SIGNATURE: network.function, "serve": network.function}
        if any(tensor.is_picture for tensor in network.outputs):
            signatures[UINT8_SIGNATURE] = _in_uint8(network)
        save(network, path, signatures)

    def inspect(self, path):
        signatures = _signatures(path)
        graph = signatures[SIGNATURE].graph.as_graph_def()
        nodes = [*graph.node, *(node for f in graph.library.function for node in f.node_def)]
        ops = collections.Counter(node.op for node in nodes if node.op not in _PLUMBING)
        self.refuse_random(ops)
        return {
            "ops": dict(sorted(ops.items())),
            "opset": None,
            "oldest_runtime": f"TensorFlow {versions()['tensorflow']}",
            "signature": SIGNATURE,
            "signatures": _others(signatures),
        }

    def load(self, path):
        return _runner(_signatures(path)[SIGNATURE])

    def prove_others(self, path, network, gallery):
        signatures = _signatures(path)
        if UINT8_SIGNATURE not in signatures:
            return
        pictures = {tensor.name for tensor in network.inputs if _in_bytes(tensor)}
        given = {
            name: to_uint8(array) if name in pictures else array
            for name, array in gallery.inputs.items()
        }
        run = _runner(signatures[UINT8_SIGNATURE])
        greys = {name: (given[name] / 127.5 - 1.0).astype("float32") for name in pictures}
        batch_size = network.inputs[0].shape[0]
        expected = parity.in_turns(network, {**given, **greys}, batch_size)
        for name, made in parity.in_turns(run, given, batch_size).items():
            apart = np.abs(made.astype(int) - to_uint8(expected[name]).astype(int))
            if made.dtype != np.uint8 or apart.max() > 1 or (apart == 0).mean() < _EQUAL_GREYS:
                raise parity.ParityError(
                    f"{UINT8_SIGNATURE!r} of the {network.name} gives {name!r} up to {apart.max()} "
                    f"grey levels from Keras', and {np.mean(apart == 0):.2%} of it equal; 1 and "
                    f"{_EQUAL_GREYS:.1%} are required.",
                    network=network.name,
                    format=self.name,
                )

    def check_suffix(self, path):
        # Folders may have dots in their names; only what promises a file is refused.
        if Path(path).suffix in FILE_SUFFIXES:
            raise ValueError(
                f"A SavedModel is a folder, without a suffix. Received: {Path(path).name!r}; "
                f"use {Path(path).stem!r}, or another `format`."
            )


def save(network, path, signatures):
    """Writes a SavedModel of an `ExportNetwork` with these signatures, `{name: tf.function}`."""
    module = tf.Module()
    module.weights = network.function.get_concrete_function().variables  # those it reads
    module.serve = network.function  # what `TFSMLayer` calls
    tf.saved_model.save(module, str(path), signatures=signatures)


def _signatures(path):
    with tf.device("CPU:0"):  # where Keras' answer is computed too, see `ExportNetwork`
        return tf.saved_model.load(str(path)).signatures


def _others(signatures):
    """What the manifest says of signatures besides the float ones."""
    if UINT8_SIGNATURE not in signatures:
        return {}
    _, inputs = signatures[UINT8_SIGNATURE].structured_input_signature
    tensors = {**inputs, **signatures[UINT8_SIGNATURE].structured_outputs}
    about = {"dtype": "uint8", "value_range": [0, 255]}
    names = [name for name, spec in tensors.items() if spec.dtype == tf.uint8]
    return {UINT8_SIGNATURE: {name: about for name in names}}


def _in_bytes(tensor):
    """Whether an input is one of pictures as files have them."""
    return tensor.is_picture and tensor.fed_by is None


def _in_uint8(network):
    """The network's function of pictures from 0 to 255, both ways."""
    specs = [
        tf.TensorSpec(tensor.shape, tf.uint8 if _in_bytes(tensor) else tensor.dtype, tensor.name)
        for tensor in network.inputs
    ]
    pictures = {tensor.name for tensor in network.outputs if tensor.is_picture}

    def serve(*given):
        inputs = [tf.cast(x, tf.float32) / 127.5 - 1.0 if x.dtype == tf.uint8 else x for x in given]
        outputs = network.function(network.packed(inputs))
        return {
            name: _greys(tensor) if name in pictures else tensor for name, tensor in outputs.items()
        }

    return tf.function(serve, input_signature=specs, autograph=False)


def _greys(images):
    return tf.cast(tf.clip_by_value(tf.round((images + 1.0) * 127.5), 0.0, 255.0), tf.uint8)


def _runner(signature):
    def run(arrays):
        with tf.device("CPU:0"):
            outputs = signature(**{name: tf.constant(array) for name, array in arrays.items()})
        return {name: tensor.numpy() for name, tensor in outputs.items()}

    return run
