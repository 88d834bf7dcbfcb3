"""Half precision and integers, by ONNX Runtime's own converters."""

import collections
import itertools
import tempfile
from pathlib import Path

import numpy as np
import onnx

from keras_gans.export import parity
from keras_gans.export.formats import onnx_rewrites
from keras_gans.export.formats.onnx_session import session

# What integers are for: products of weights. Everything else (means, norms, activations, padding)
# costs little, loses much, and stays in float32.
_QUANTIZED = ("Conv", "Gemm", "MatMul")
_TURN = 8  # examples at a time
_SENSED = 4  # examples that layers are compared by
_MOST_SENSED = 60  # layers that are compared, since each is a network quantized and run


def half(model):
    """Weights and activations in float16; inputs, outputs and instance norms in float32.

    Squares of feature maps, which instance norms sum over all pixels, overflow float16.
    """
    from onnxruntime.transformers import float16

    halved = float16.convert_float_to_float16(
        model,
        keep_io_types=True,
        op_block_list=[*float16.DEFAULT_OP_BLOCK_LIST, "InstanceNormalization"],
    )
    return onnx_rewrites.in_order(halved)  # conversions were appended, after their use


class Quantizer:
    """Static 8-bit quantization of one graph, with its ranges learned once.

    Weights are int8 with a scale for each output channel, of which 7 bits are used; what goes into
    and comes out of them is uint8 with the range that `calibration` showed, as QuantizeLinear and
    DequantizeLinear pairs. With all 8 bits, x86 processors without VNNI saturate sums of two
    products: pix2pix_emoji then gives 15 dB instead of 40, cyclegan_emoji 30 instead of 32.

    How fast integers are is the processor's business. Without VNNI (measured on Zen 2) a 3 x 3
    convolution of 256 maps takes 0.88 of its time in float32: three instructions on one port for
    what two fused multiply-adds do on two. One of 7 x 7 to a picture's 3 channels takes six times
    as long as that, for few weights: see `onnx_rewrites.narrow_convolutions`, which stay in floats.

    Args:
        model: `onnx.ModelProto` in float32, as `onnx_rewrites.for_integers` makes it.
        layers: names of the Keras model's layers.
        calibration: `{input name: array}`.
        batch_size: the graph's where it is fixed, else None.
    """

    def __init__(self, model, layers, calibration, batch_size):
        self._calibration, self._batch_size = calibration, batch_size
        self._folder = tempfile.TemporaryDirectory()
        self._path = Path(self._folder.name) / "float32.onnx"
        # What `quant_pre_process` would do (shapes, folding) is done, and not to be asked for.
        onnx.helper.set_model_props(model, {"onnx.quant.pre_process": "onnxruntime.quant"})
        onnx.save(model, self._path)
        self._nodes = collections.defaultdict(list)
        self._sizes: collections.Counter[str] = collections.Counter()
        weights = {tensor.name: int(np.prod(tensor.dims)) for tensor in model.graph.initializer}
        narrow = onnx_rewrites.narrow_convolutions(model)
        self._floats: dict[str, None] = {}  # in order, each once
        for node in model.graph.node:
            if node.op_type not in _QUANTIZED or node.input[1] not in weights:
                continue
            # By its weights: tf2onnx renames convolutions that it merges a padding into.
            layer = onnx_rewrites.layer_of(node.input[1], layers) or node.name
            if node.name in narrow:
                self._floats[layer] = None
            else:
                self._nodes[layer].append(node.name)
                self._sizes[layer] += weights[node.input[1]]

    @property
    def layers(self):
        """Names of the layers with weights that could be integers, first to last."""
        return tuple(self._nodes)

    def quantized(self, kept):
        """The graph in integers, but for the layers `kept`."""
        integers = [
            name for layer in self._nodes if layer not in kept for name in self._nodes[layer]
        ]
        return self._quantized(integers)

    def _quantized(self, nodes):
        from onnxruntime import quantization

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "quantized.onnx"
            quantization.quantize_static(
                self._path,
                path,
                _reader(self._calibration, self._batch_size),
                per_channel=True,
                reduce_range=True,
                activation_type=quantization.QuantType.QUInt8,
                weight_type=quantization.QuantType.QInt8,
                op_types_to_quantize=list(_QUANTIZED),
                nodes_to_quantize=nodes,
                calibration_cache_path=Path(self._folder.name) / "ranges",
            )
            made = onnx.load(path)
        del made.metadata_props[:]
        return onnx_rewrites.with_narrow_split(made)

    def candidates(self):
        """Which layers to keep in float32, in the order to try: see `Exporter.layers_to_keep`.

        None but those that integers would slow down, which are in all of them; the last, whose
        errors are seen as they are; the first as well, which all others build on; then those whose
        quantization alone changes the output most, twice as many at a time, for as long as most
        weights are integers. Of more than 60 layers the later ones go first, unmeasured: what is
        lost there no residual evens out.
        """
        for kept in self._poor():
            yield (*self._floats, *kept)

    def _poor(self):
        """What to keep for the pictures' sake, in the order to try."""
        yield ()
        if len(self.layers) < 2:
            return
        ends = (self.layers[-1], self.layers[0])
        wanted = [ends[:1], ends]
        others = [layer for layer in self._by_sensitivity() if layer not in ends]
        count = 1
        while count < 2 * len(others):
            wanted.append((*ends, *others[:count]))
            count *= 2
        for kept in dict.fromkeys(wanted):
            if sum(self._sizes[layer] for layer in kept) <= sum(self._sizes.values()) / 2:
                yield kept

    def _by_sensitivity(self):
        if len(self.layers) > _MOST_SENSED:
            return self.layers[::-1]
        inputs = {name: array[:_SENSED] for name, array in self._calibration.items()}
        expected = _outputs(onnx.load(self._path), inputs, self._batch_size)
        errors = {}
        for layer, nodes in self._nodes.items():
            given = _outputs(self._quantized(nodes), inputs, self._batch_size)
            errors[layer] = sum(
                float(np.square(a - b).mean()) for a, b in zip(given, expected, strict=True)
            )
        return sorted(errors, key=errors.__getitem__, reverse=True)


def _outputs(model, inputs, batch_size):
    """What a graph gives for `inputs`, one array for each output and turn."""
    opened = session(model.SerializeToString())
    return [array for turn in _turns(inputs, batch_size) for array in opened.run(None, turn)]


def _turns(inputs, batch_size):
    """Cuts inputs into what a graph takes at a time; what does not fill the last one is left."""
    total = len(next(iter(inputs.values())))
    size = batch_size or min(_TURN, total)
    return itertools.islice(parity.turns(inputs, size), max(total // size, 1))


def _reader(inputs, batch_size):
    from onnxruntime.quantization import CalibrationDataReader

    class Reader(CalibrationDataReader):
        def __init__(self):
            self._turns = _turns(inputs, batch_size)

        def get_next(self):
            return next(self._turns, None)

    return Reader()
