"""Rewrites of ONNX graphs: what tf2onnx leaves that an engineer who writes by hand would not.

Each rewrite keeps what the graph computes, but for rounding, and leaves alone what it does not
recognise; the proof that follows every export would show a mistake.
"""

import re

import numpy as np
import onnx_ir as ir
from onnx_ir.passes import common as passes

from keras_gans.export.formats.network_rewrites import Repeated2D
from keras_gans.layers import Upsample2D

_TO_NCHW, _TO_NHWC = (0, 3, 1, 2), (0, 2, 3, 1)
_LINEAR = ("Conv", "ConvTranspose", "MatMul", "Gemm")
_ELEMENTWISE = ("Relu", "LeakyRelu", "Tanh", "Sigmoid", "Elu", "Softplus")
_WITH_CONSTANT = ("Mul", "Add", "PRelu")
_SCOPE = re.compile(r"_\d+$")  # TensorFlow's, at every name: `up_1` is called in scope `up_1_1`


def tidied(proto, layers):
    """The graph with nothing in it that need not be.

    Args:
        proto: `onnx.ModelProto`, opset 17, as tf2onnx makes it.
        layers: `{name: keras.Layer}` of the network it was made from.

    Returns:
        `onnx.ModelProto`
    """
    return _rewritten(
        proto,
        _settle_grey,
        lambda graph: _settle_transposed(graph, layers),
        lambda graph: _settle_resizes(graph, layers),
        _crop_by_padding,
        _drop_idle_slices,
        _fuse_prelu,
        _fuse_clip,
        _sink_transposes,
        _fold_constants,
        _raise_transposes,
        _transpose_weights,
        _transpose_products,
        _fuse_instance_norm,
        _drop_cancelled_biases,
        _drop_idle_reshapes,
    )


def for_floats(proto):
    """A tidied graph with its convolutions in the form that is fastest in floating point.

    Returns:
        `onnx.ModelProto`
    """
    return _rewritten(proto, lambda graph: _as_convolutions(graph, _outgrows), _split_narrow)


def for_integers(proto):
    """A tidied graph with its convolutions in a form that ONNX Runtime has in integers.

    There are integer kernels for convolutions but not for transposed ones, whose weights would be
    converted to floats at every run.

    Returns:
        `onnx.ModelProto`
    """
    return _rewritten(proto, lambda graph: _as_convolutions(graph, lambda node: True), _part_biases)


def narrow_convolutions(proto):
    """Names of the convolutions that are best in floating point, whatever the others are in."""
    return {node.name for node in _nodes(ir.from_proto(proto).graph, "Conv") if _is_narrow(node)}


def with_narrow_split(proto):
    """A graph with its narrow convolutions, where they are in floats, in their fastest form.

    Returns:
        `onnx.ModelProto`
    """
    return _rewritten(proto, _split_narrow)


def in_order(proto):
    """The graph with every node after those it needs, as the format demands.

    Returns:
        `onnx.ModelProto`
    """
    model = ir.from_proto(proto)
    model.graph.sort()
    return ir.to_proto(model)


def _rewritten(proto, *rewrites):
    model = ir.from_proto(proto)
    for rewrite in rewrites:
        passes.ShapeInferencePass()(model)
        rewrite(model.graph)
        passes.RemoveUnusedNodesPass()(model)
    passes.ShapeInferencePass()(model)
    passes.RemoveUnusedOpsetsPass()(model)
    return ir.to_proto(model)


def layer_of(node_name, layers):
    """Name of the Keras layer whose call a node is of, or None.

    Args:
        node_name: such as "generator_1/up_8_1/conv_transpose".
        layers: names of the network's layers.
    """
    for part in reversed(node_name.split("/")):
        for name in (_SCOPE.sub("", part), part):
            if name in layers:
                return name
    return None


# === Transposed convolutions ===


def _settle_transposed(graph, layers):
    """Pads known from the layer in place of shape arithmetic.

    Where height and width are free, tf2onnx computes the whole result, its size and the size
    wanted, and crops and pads by the difference: 30 operations for what two integers say.
    """
    for node in _nodes(graph, "ConvTranspose"):
        layer = layers.get(layer_of(node.name, layers))
        crop = _consumer(node, "Slice")
        pad = crop and _consumer(crop, "Pad")
        if pad is None or _ints(crop.inputs[1]) is not None:
            continue
        pads = _pads(layer)
        if pads is not None:
            node.attributes["pads"] = ir.AttrInt64s("pads", pads)
            _replace(pad, node.outputs[0])


def _pads(layer):
    """ONNX pads of a `keras.layers.Conv2DTranspose`, or None for one that pads need not do for."""
    if layer is None or layer.output_padding is not None or set(layer.dilation_rate) != {1}:
        return None
    if any(size < stride for size, stride in zip(layer.kernel_size, layer.strides, strict=True)):
        return None
    total = [
        size - stride if layer.padding == "same" else 0
        for size, stride in zip(layer.kernel_size, layer.strides, strict=True)
    ]
    begin = [pixels // 2 for pixels in total]
    return begin + [pixels - first for pixels, first in zip(total, begin, strict=True)]


def _crop_by_padding(graph):
    """Lets a transposed convolution not compute what is cropped from its result."""
    for node in _nodes(graph, "ConvTranspose"):
        crop = _sole_consumer(node, "Slice")
        margins = crop and _margins(crop)
        if margins is not None:
            pads = node.attributes.get_ints("pads", [0] * 4)
            pads = [pad + margin for pad, margin in zip(pads, margins, strict=True)]
            node.attributes["pads"] = ir.AttrInt64s("pads", pads)
            _replace(crop, node.outputs[0])


def _margins(crop):
    """Pixels (top, left, bottom, right) a Slice takes off pictures, None where it does more."""
    starts, ends, axes, steps = (_ints(value) for value in (*crop.inputs[1:], None, None)[:4])
    if None in (starts, ends, axes) or (steps and set(steps) != {1}):
        return None
    margins = [0] * 4
    for start, end, axis in zip(starts, ends, axes, strict=True):
        last = 0 if end >= np.iinfo(np.int32).max else -end
        if start < 0 or last < 0 or (axis not in (2, 3) and (start or last)):
            return None
        if axis in (2, 3):
            margins[axis - 2], margins[axis] = start, last
    return margins


def _as_convolutions(graph, wanted):
    """Transposed convolutions as convolutions to the pixels of each block, and DepthToSpace."""
    for node in _nodes(graph, "ConvTranspose"):
        plan = _blocks(node)
        if plan is None or not wanted(node):
            continue
        stride, taps, shift, pads, crop = plan
        kernel = _array(node.inputs[1])
        inputs = [
            node.inputs[0],
            _initializer(graph, node.inputs[1].name, _by_block(kernel, stride, taps, shift), True),
        ]
        if len(node.inputs) > 2:
            bias = np.tile(_array(node.inputs[2]), stride * stride)
            inputs.append(_initializer(graph, node.inputs[2].name, bias, True))
        made = [ir.node("Conv", inputs, {"pads": pads}, name=node.name)]
        made.append(
            ir.node(
                "DepthToSpace",
                made[0].outputs,
                {"blocksize": stride},
                name=f"{node.name}/pixels",
            )
        )
        if any(crop):
            bounds = {
                "starts": crop[:2],
                "ends": [-last if last else np.iinfo(np.int64).max for last in crop[2:]],
                "axes": [2, 3],
            }
            values = [
                _initializer(graph, f"{node.name}/{name}", np.array(numbers, np.int64))
                for name, numbers in bounds.items()
            ]
            made.append(ir.node("Slice", [made[1].outputs[0], *values], name=f"{node.name}/crop"))
        made[-1].outputs[0].type = node.outputs[0].type
        graph.insert_before(node, made)
        _replace(node, made[-1].outputs[0])


def _blocks(node):
    """How a transposed convolution is one of blocks of `stride` x `stride` pixels.

    Row q of its whole result is row q % stride of block q // stride and depends on the rows
    q // stride - t of what goes in, t < taps. With `shift` zeros before the kernel the blocks
    begin where the result does, and none has to be cut.

    Returns:
        (stride, taps, shift, pads of the convolution, pixels to crop from the result) or None
    """
    kernel = _array(node.inputs[1])
    strides = node.attributes.get_ints("strides", [1, 1])
    if kernel is None or kernel.ndim != 4 or kernel.shape[2] != kernel.shape[3]:
        return None
    if strides[0] != strides[1] or strides[0] == 1 or node.attributes.get_int("group", 1) != 1:
        return None
    if any(node.attributes.get_ints("output_padding", [0])) or "output_shape" in node.attributes:
        return None
    if set(node.attributes.get_ints("dilations", [1])) != {1}:
        return None
    stride, size = strides[0], kernel.shape[2]
    pads = node.attributes.get_ints("pads", [0] * 4)
    if pads[0] != pads[1] or pads[2] != pads[3]:
        return None

    def cost(shift):
        return (-(-(size + shift) // stride), (pads[0] + shift) % stride)

    shift = min(range(stride), key=cost)
    taps, _ = cost(shift)
    first, last = pads[0] + shift, stride * taps - shift - size + pads[2]
    rows = [min(pixels // stride, taps - 1) for pixels in (first, last)]
    around = [taps - 1 - row for row in rows]
    crop = [pixels - stride * row for pixels, row in zip((first, last), rows, strict=True)]
    return stride, taps, shift, _both_axes(around), _both_axes(crop)


def _both_axes(ends):
    return [ends[0]] * 2 + [ends[1]] * 2


def _by_block(kernel, stride, taps, shift):
    """(in, out, k, k) of a transposed convolution -> (stride^2 * out, in, taps, taps)."""
    size, (inputs, outputs) = kernel.shape[2], kernel.shape[:2]
    after = stride * taps - size - shift
    kernel = np.pad(kernel, ((0, 0), (0, 0), (shift, after), (shift, after)))
    kernel = kernel.reshape(inputs, outputs, taps, stride, taps, stride)[:, :, ::-1, :, ::-1]
    return kernel.transpose(3, 5, 1, 0, 2, 4).reshape(-1, inputs, taps, taps)


def _outgrows(node):
    """Whether ONNX Runtime's own way to a transposed convolution is the slower one.

    It multiplies all pixels by the whole kernel and then adds up the overlapping results, which
    is slow where they do not fit into the cache. Measured on one core (x86-64, AVX2), time of the
    convolution over that of the transposed one: 512 to 128 maps of 32 x 32 pixels 0.68, 1024 to
    256 of 16 x 16 0.74, 256 to 64 of 64 x 64 0.82 (4 to 16 MiB); 1024 to 512 of 8 x 8 1.01, 128
    to 64 of 16 x 16 1.0 (1 to 2 MiB). Kernels of other sizes than twice the stride are computed
    with zeros (3 x 3: 1.4), and a picture's few channels are few to begin with (1.2).
    """
    kernel, shape = _array(node.inputs[1]), node.inputs[0].shape
    if shape is None or not all(isinstance(size, int) for size in shape[2:]):
        return False
    stride = node.attributes.get_ints("strides")[0]
    columns = kernel[0].size * shape[2] * shape[3] * kernel.itemsize
    return kernel.shape[2] == 2 * stride and kernel.shape[1] >= 16 and columns > 2 * 2**20


# === Upsampling ===


def _settle_resizes(graph, layers):
    """Whole factors in place of sizes, which a free batch makes an arithmetic with shapes of.

    Pixel i is then pixel i // factor, which needs no name of TensorFlow's for its rounding.
    """
    for node in _nodes(graph, "Resize"):
        if node.attributes.get_string("mode", "nearest") != "nearest":
            continue
        found = _factors_of_layer(node, layers) or _factors_of_shapes(node)
        if found is None:
            continue
        factors = [1.0, 1.0, *map(float, found)]
        name = f"scales_{factors[2]:.0f}_{factors[3]:.0f}"
        scales = _initializer(graph, name, np.array(factors, np.float32))
        node.resize_inputs(3)
        node.replace_input_with(1, None)
        node.replace_input_with(2, scales)
        node.attributes["coordinate_transformation_mode"] = ir.AttrString(
            "coordinate_transformation_mode", "asymmetric"
        )
        node.attributes["nearest_mode"] = ir.AttrString("nearest_mode", "floor")


def _factors_of_layer(node, layers):
    """Factors down and across of the layer a Resize is of, where it is one that repeats.

    tf2onnx names neither the Resize nor the last steps to its sizes, but the ones before.
    """
    behind = [node]
    for one in behind:
        layer = layers.get(layer_of(one.name or "", layers))
        if isinstance(layer, Repeated2D):
            return layer.size
        if isinstance(layer, Upsample2D):
            return 2, 2
        sizes = one.inputs[3:] if one is node else one.inputs
        found = [value.producer() for value in sizes if value is not None]
        behind += [other for other in found if other is not None and other.op_type != "Shape"]
    return None


def _factors_of_shapes(node):
    """Whole factors down and across between sizes that are known, or None."""
    sides = [(one.shape or [])[2:] for one in (node.inputs[0], node.outputs[0])]
    if not all(len(pair) == 2 and all(isinstance(s, int) for s in pair) for pair in sides):
        return None
    if any(new % old for old, new in zip(*sides, strict=True)):
        return None
    return tuple(new // old for old, new in zip(*sides, strict=True))


# === Activations ===


def _fuse_clip(graph):
    """The lesser of a value and a number, and the greater of that and another, as one operation."""
    for node in _nodes(graph, "Max"):
        low, least = _constant_and_other(node)
        bounded = _sole_producer(least) if low is not None else None
        if bounded is None or bounded.op_type != "Min" or low.size != 1:
            continue
        high, value = _constant_and_other(bounded)
        if high is None or high.size != 1:
            continue
        ends = [
            _initializer(graph, f"{node.name}/{name}", end.reshape(()))
            for name, end in (("low", low), ("high", high))
        ]
        clip = ir.node("Clip", [value, *ends], name=node.name)
        clip.outputs[0].type = node.outputs[0].type
        graph.insert_before(node, clip)
        _replace(node, clip.outputs[0])


def _fuse_prelu(graph):
    """`keras.layers.PReLU`, five operations, as the one that says so."""
    for node in _nodes(graph, "Add"):
        for rising, scaled in (node.inputs, reversed(list(node.inputs))):
            value, product = _produced_input(rising, "Relu"), _produced(scaled, "Mul")
            if value is None or product is None:
                continue
            slope, falling = _constant_and_other(product)
            negative = _produced_input(falling, "Relu")
            if slope is None or _produced_input(negative, "Neg") is not value:
                continue
            name = f"{node.name}/slope"
            inputs = [value, _initializer(graph, name, -slope, fresh=True)]
            fused = ir.node("PRelu", inputs, name=node.name)
            fused.outputs[0].type, fused.outputs[0].shape = value.type, value.shape
            graph.insert_before(node, fused)
            _replace(node, fused.outputs[0])
            break


# === Dense layers ===


def _part_biases(graph):
    """Gemm as MatMul and Add.

    A bias in integers has a scale and a zero point for each unit, which for the thousands of units
    that latents go to is more than the bias itself.
    """
    for node in _nodes(graph, "Gemm"):
        if len(node.inputs) < 3 or not _plain(node):
            continue
        product = ir.node("MatMul", node.inputs[:2], name=node.name)
        added = ir.node("Add", [product.outputs[0], node.inputs[2]], name=f"{node.name}/bias")
        added.outputs[0].type = node.outputs[0].type
        graph.insert_before(node, [product, added])
        _replace(node, added.outputs[0])


# === Convolutions to few maps ===


def _split_narrow(graph):
    """Convolutions to a picture's channels as `keras_gans.layers.NarrowConv2D` is in training.

    ONNX Runtime computes 8 maps at a time, and so 8 of which 3 are wanted. k x 1 to 3 k maps, and
    1 x k ones that add these up, waste little: `cyclegan` at 256 pixels takes 0.90 to 0.93 of its
    time.
    """
    for node in _nodes(graph, "Conv"):
        if not _is_narrow(node):
            continue
        kernel = _array(node.inputs[1])
        maps, inputs, size, _ = kernel.shape
        pads = node.attributes.get_ints("pads", [0] * 4)
        columns = kernel.transpose(3, 0, 1, 2).reshape(size * maps, inputs, size, 1)
        parts = np.eye(size * maps, dtype=kernel.dtype).reshape(size, maps, size * maps)
        summing = parts.transpose(1, 2, 0).reshape(maps, size * maps, 1, size)
        name = node.inputs[1].name
        first = ir.node(
            "Conv",
            [node.inputs[0], _initializer(graph, name, columns, True)],
            {"pads": [pads[0], 0, pads[2], 0]},
            name=f"{node.name}/columns",
        )
        second = ir.node(
            "Conv",
            [first.outputs[0], _initializer(graph, f"{name}/sum", summing), *node.inputs[2:]],
            {"pads": [0, pads[1], 0, pads[3]]},
            name=node.name,
        )
        second.outputs[0].type = node.outputs[0].type
        graph.insert_before(node, [first, second])
        _replace(node, second.outputs[0])


def _is_narrow(node):
    """Whether a convolution is faster as two of one dimension each."""
    kernel, attributes = _array(node.inputs[1]), node.attributes
    if kernel is None or kernel.ndim != 4 or attributes.get_int("group", 1) != 1:
        return False
    if attributes.get_string("auto_pad", "NOTSET") != "NOTSET":
        return False
    if {*attributes.get_ints("strides", [1]), *attributes.get_ints("dilations", [1])} != {1}:
        return False
    maps, inputs, height, width = kernel.shape
    return height == width >= 5 and maps <= 4 and inputs >= 8 * maps


# === Batch norm ===


def _fold_constants(graph):
    """Factors and summands of each channel, which batch norm is, into the weights before them."""
    changed = True
    while changed:
        changed = False
        for node in _nodes(graph, "Mul", "Add", "Sub"):
            changed = _fold(graph, node) or changed


def _fold(graph, node):
    constant, value = _constant_and_other(node)
    if constant is None:
        return False
    linear, spread = _sole_producer(value), 1
    if linear is not None and linear.op_type == "Reshape":
        spread = _pixels_of_dense(linear)
        linear = spread and _sole_producer(linear.inputs[0])
    if not linear or linear.op_type not in _LINEAR or linear.attributes.get_int("group", 1) != 1:
        return False
    if _array(linear.inputs[1]) is None or not _plain(linear):
        return False
    last = linear.op_type in ("MatMul", "Gemm")
    channels = _per_channel(constant, -1 if last else 1, value)
    if channels is None:
        return False
    _scale_and_shift(graph, linear, node.op_type, np.tile(channels, spread))
    _replace(node, value)
    return True


def _scale_and_shift(graph, linear, op, channels):
    """Applies `op` with one number for each channel to weights and bias of a linear node."""
    kernel = _array(linear.inputs[1])
    width = kernel.shape[0] if linear.op_type == "Conv" else kernel.shape[1]
    channels = np.broadcast_to(channels, (width,))
    bias = _array(linear.inputs[2]) if len(linear.inputs) > 2 else None
    if op == "Mul":
        axis = 0 if linear.op_type == "Conv" else 1
        shape = [-1 if place == axis else 1 for place in range(kernel.ndim)]
        _set_input(graph, linear, 1, kernel * channels.reshape(shape))
        bias = None if bias is None else bias * channels
    else:
        bias = (0 if bias is None else bias) + (channels if op == "Add" else -channels)
    if bias is not None:
        if linear.op_type == "MatMul":
            linear.op_type = "Gemm"
        _set_input(graph, linear, 2, bias.astype(kernel.dtype))


def _per_channel(constant, axis, value):
    """A constant that differs along the channels only as (channels,) or (1,), else None."""
    if constant.size == 1:
        return constant.reshape(1)
    rank = len(value.shape) if value.shape is not None else 2 if axis == -1 else 4
    if constant.ndim > rank:
        return None
    shape = (1,) * (rank - constant.ndim) + constant.shape
    if any(size != 1 for place, size in enumerate(shape) if place != axis % rank):
        return None
    return constant.reshape(-1)


def _constant_and_other(node):
    first, second = node.inputs
    if _array(second) is not None:
        return _array(second), first
    if _array(first) is not None and node.op_type != "Sub":
        return _array(first), second
    return None, None


def _plain(linear):
    """Whether a Gemm is a matrix product and a bias, and a MatMul one of matrices."""
    if linear.op_type == "Gemm":
        attributes = linear.attributes
        return (
            not attributes.get_int("transA", 0)
            and not attributes.get_int("transB", 0)
            and attributes.get_float("alpha", 1.0) == attributes.get_float("beta", 1.0) == 1.0
        )
    if linear.op_type == "MatMul":
        given = linear.inputs[0].shape
        return given is not None and len(given) == 2 and _array(linear.inputs[1]).ndim == 2
    return True


# === Layout ===


def _settle_grey(graph):
    """Changes of layout of one channel, which tf2onnx writes by way of five axes."""
    for node in _nodes(graph, "Reshape"):
        before, shape = _produced(node.inputs[0], "Unsqueeze"), _ints(node.inputs[1])
        if shape == [-1, 1, 0, 0] and before is not None and _ints(before.inputs[1]) == [0]:
            _change_layout(graph, node, before.inputs[0], _TO_NCHW)
    for node in _nodes(graph, "Squeeze"):
        before = _produced(node.inputs[0], "Reshape")
        if before is not None and _ints(before.inputs[1]) == [1, -1, 0, 0, 1]:
            _change_layout(graph, node, before.inputs[0], _TO_NHWC)


def _change_layout(graph, node, value, perm):
    changed = ir.node("Transpose", [value], {"perm": perm}, name=node.name)
    changed.outputs[0].type = node.outputs[0].type
    graph.insert_before(node, changed)
    _replace(node, changed.outputs[0])


def _sink_transposes(graph):
    """Layout changes back to NHWC behind sums, concatenations and what is done to each value.

    `_raise_transposes` stops where maps meet, or are used more than once, as in dense blocks: there
    a change lies behind every convolution and before the next. Sunk, the two meet and cancel.
    tf2onnx does so itself, but leaves all of a graph as it is where one node of it makes it fail,
    such as a number added to a convolution without bias (or with one that is 0, as initialized).
    """
    for node in list(graph):
        inputs = _as_nchw(graph, node)
        if inputs is None:
            continue
        attributes = [value for name, value in node.attributes.items() if name != "axis"]
        if "axis" in node.attributes:
            attributes.append(ir.AttrInt64("axis", 1))
        sunk = ir.Node("", node.op_type, inputs, attributes, name=node.name)
        back = ir.node("Transpose", sunk.outputs, {"perm": _TO_NHWC}, name=f"{node.name}/nhwc")
        for made in (sunk, back):
            made.outputs[0].type = node.outputs[0].type
        graph.insert_before(node, [sunk, back])
        _replace(node, back.outputs[0])
    for node in _nodes(graph, "Transpose"):
        before = _produced(node.inputs[0], "Transpose")
        if _is_to_nchw(node) and before is not None and _is_to_nhwc(before):
            _replace(node, before.inputs[0])


def _as_nchw(graph, node):
    """What a node takes, in NCHW, if all of it was changed from that to NHWC; else None."""
    if node.op_type in ("Concat", "Gather"):
        values, others = list(node.inputs), []
        if node.op_type == "Gather":
            values, others = values[:1], values[1:]
        # One list of places for all pixels; else what comes out is no picture.
        listed = all(_array(one) is not None and _array(one).ndim == 1 for one in others)
        if node.attributes.get_int("axis", 0) not in (3, -1) or not listed:
            return None
    elif node.op_type in (*_ELEMENTWISE, "Clip"):
        values, others = [node.inputs[0]], list(node.inputs[1:])
    elif node.op_type in (*_WITH_CONSTANT, "Sub"):
        return _operands_as_nchw(graph, node)
    else:
        return None
    before = [_produced(value, "Transpose") for value in values]
    if any(one is None or not _is_to_nhwc(one) for one in before):
        return None
    return [one.inputs[0] for one in before] + others


def _operands_as_nchw(graph, node):
    """Both operands of a sum or product of maps in NCHW, or None where one cannot be had.

    At least one is what lies before a change of layout, or a constant picture. The other may be so
    too, a constant for each channel, or a vector for each picture's channels (N, 1, 1, C).
    """
    pictures, found = 0, []
    for value in node.inputs:
        before, constant = _produced(value, "Transpose"), _array(value)
        if before is not None and _is_to_nhwc(before):
            pictures += 1
            found.append(before.inputs[0])
        elif constant is not None and constant.ndim == 4:
            pictures += max(constant.shape[1:3]) > 1
            name = f"{value.name}/nchw"
            found.append(_initializer(graph, name, constant.transpose(_TO_NCHW)))
        elif constant is not None:
            channels = _per_channel(constant, -1, node.outputs[0])
            if channels is None:
                return None
            name = f"{node.name}/channels"
            found.append(_initializer(graph, name, channels.reshape(-1, 1, 1)))
        else:
            found.append(_vector_as_nchw(graph, node, value))
    return found if pictures and None not in found else None


def _vector_as_nchw(graph, node, value):
    """A value (N, C, 1, 1) of what makes a vector (N, 1, 1, C), for `node`; None of others."""
    made = value.producer()
    if made is None:
        return None
    if made.op_type == "Unsqueeze" and _ints(made.inputs[1]) == [1, 2]:
        inputs = [made.inputs[0], _initializer(graph, "channels_first", np.array([2, 3]))]
    elif made.op_type in ("Mul", "Add"):  # a number, such as the 1 of 1 + gamma
        constant, other = _constant_and_other(made)
        if constant is None or constant.size != 1:
            return None
        inner = _vector_as_nchw(graph, node, other)
        if inner is None:
            return None
        inputs = [inner, next(one for one in made.inputs if one is not other)]
    else:
        return None
    again = ir.node(made.op_type, inputs, name=f"{node.name}/{made.name}")
    again.outputs[0].type = value.type
    graph.insert_before(node, again)
    return again.outputs[0]


def _raise_transposes(graph):
    """Layout changes before what is done to each value or channel, as far up as they go."""
    changed = True
    while changed:
        changed = False
        for node in _nodes(graph, "Transpose"):
            changed = (_is_to_nchw(node) and _raise(graph, node)) or changed


def _raise(graph, transpose):
    work = _sole_producer(transpose.inputs[0])
    if work is None or work.op_type not in (*_ELEMENTWISE, *_WITH_CONSTANT):
        return False
    inputs = list(work.inputs)
    if work.op_type not in _ELEMENTWISE:
        constant, value = _constant_and_other(work)
        channels = None if constant is None else _per_channel(constant, -1, transpose.outputs[0])
        if channels is None:
            return False
        name = f"{work.name}/channels"
        inputs = [value, _initializer(graph, name, channels.reshape(-1, 1, 1))]
    raised = ir.node("Transpose", inputs[:1], {"perm": _TO_NCHW}, name=transpose.name)
    attributes = list(work.attributes.values())
    again = ir.Node("", work.op_type, [raised.outputs[0], *inputs[1:]], attributes, name=work.name)
    again.outputs[0].type = transpose.outputs[0].type
    graph.insert_before(transpose, [raised, again])
    _replace(transpose, again.outputs[0])
    graph.remove(work, safe=True)
    return True


def _is_to_nchw(node):
    perm = node.attributes.get_ints("perm", [])
    return node.op_type == "Transpose" and tuple(perm) == _TO_NCHW


def _is_to_nhwc(node):
    return tuple(node.attributes.get_ints("perm", [])) == _TO_NHWC


def _transpose_weights(graph):
    """Dense to pictures: weights in the order that the first convolution wants."""
    for reshape in _nodes(graph, "Reshape"):
        made, dense = reshape.outputs[0], _sole_producer(reshape.inputs[0])
        transposes = [] if made.is_graph_output() else list(made.consumers())
        if not transposes or not all(map(_is_to_nchw, transposes)):
            continue
        if not _pixels_of_dense(reshape) or dense is None or not _plain(dense):
            continue
        if dense.op_type not in ("MatMul", "Gemm"):
            continue
        if any(_array(value) is None for value in dense.inputs[1:]):
            continue
        batch, height, width, channels = _ints(reshape.inputs[1])
        places = np.arange(height * width * channels).reshape(height, width, channels)
        order = places.transpose(2, 0, 1).ravel()
        for place, value in enumerate(dense.inputs[1:], start=1):
            _set_input(graph, dense, place, _array(value)[..., order])
        _set_input(graph, reshape, 1, np.array([batch, channels, height, width], np.int64))
        for transpose in transposes:
            _replace(transpose, made)


def _transpose_products(graph):
    """Features times constant pictures: both in the order that the first convolution wants."""
    for node in _nodes(graph, "Transpose"):
        product = _produced(node.inputs[0], "Mul")
        if not _is_to_nchw(node) or product is None:
            continue
        constant, value = _constant_and_other(product)
        spread = _produced(value, "Unsqueeze")
        if spread is None or _ints(spread.inputs[1]) != [1, 2] or constant.ndim != 3:
            continue
        axes = _initializer(graph, "height_and_width", np.array([2, 3], np.int64))
        basis = constant.transpose(2, 0, 1)
        name = f"{product.name}/transposed"
        made = [ir.node("Unsqueeze", [spread.inputs[0], axes], name=spread.name)]
        made.append(
            ir.node(
                "Mul", [made[0].outputs[0], _initializer(graph, name, basis)], name=product.name
            )
        )
        made[1].outputs[0].type = node.outputs[0].type
        graph.insert_before(node, made)
        _replace(node, made[1].outputs[0])


def _pixels_of_dense(reshape):
    """Pixels of pictures (N, H, W, C) made of (N, H * W * C), 0 for another Reshape."""
    given, shape = reshape.inputs[0].shape, _ints(reshape.inputs[1])
    if given is None or len(given) != 2 or shape is None or len(shape) != 4:
        return 0
    return shape[1] * shape[2] if min(shape[1:]) > 0 else 0


# === Instance norm ===


def _fuse_instance_norm(graph):
    """`keras_gans.layers.InstanceNorm`, eight operations, as the one that says so.

    In ONNX Runtime 1.32 on one core, `cyclegan` at 256 pixels then takes 0.94 of its time: 34 ms of
    instance norms in place of 69, and half as many changes of layout around them.
    """
    for node in _nodes(graph, "Mul"):
        found = _instance_norm(node)
        if found is None:
            continue
        value, epsilon = found
        channels = value.shape[1] if value.shape is not None else None
        if not isinstance(channels, int):
            continue
        fused = ir.node(
            "InstanceNormalization",
            [
                value,
                _initializer(graph, f"ones_{channels}", np.ones(channels, np.float32)),
                _initializer(graph, f"zeros_{channels}", np.zeros(channels, np.float32)),
            ],
            {"epsilon": epsilon},
            name=node.name,
        )
        fused.outputs[0].type, fused.outputs[0].shape = value.type, value.shape
        graph.insert_before(node, fused)
        _replace(node, fused.outputs[0])


def _instance_norm(node):
    """(what it normalises, epsilon) of the product an instance norm ends in, else None."""
    centred, rate = node.inputs
    subtract = _produced(centred, "Sub")
    root = _produced(_produced_input(rate, "Reciprocal"), "Sqrt")
    stabilised = root and _produced(root.inputs[0], "Add")
    if subtract is None or stabilised is None:
        return None
    epsilon, variance = _constant_and_other(stabilised)
    squares = _produced(_averaged(variance), "Mul")
    value, mean = subtract.inputs
    if squares is None or set(squares.inputs) != {centred} or _averaged(mean) is not value:
        return None
    return (value, float(epsilon.item())) if epsilon is not None and epsilon.size == 1 else None


def _averaged(value):
    """What a mean over height and width, perhaps reshaped, is the mean of; else None."""
    reshape = _produced(value, "Reshape")
    return _produced_input(reshape.inputs[0] if reshape else value, "GlobalAveragePool")


def _drop_cancelled_biases(graph):
    """An instance norm subtracts what a bias before it adds."""
    for node in _nodes(graph, "InstanceNormalization"):
        linear = _sole_producer(node.inputs[0])
        if linear is not None and linear.op_type == "Add":
            constant, value = _constant_and_other(linear)
            if constant is not None and _per_channel(constant, 1, value) is not None:
                _replace(linear, value)
                linear = _sole_producer(value)
        if linear is not None and linear.op_type in ("Conv", "ConvTranspose"):
            linear.resize_inputs(2)


def _drop_idle_reshapes(graph):
    """tf2onnx transposes maps of one pixel by reshaping them, which here changes nothing."""
    for node in _nodes(graph, "Reshape"):
        given, made = node.inputs[0].shape, _ints(node.inputs[1])
        if given is not None and made is not None and list(given) == made:
            _replace(node, node.inputs[0])


def _drop_idle_slices(graph):
    """Where new axes are made by indexing, TensorFlow slices all of the others."""
    for node in _nodes(graph, "Slice"):
        starts, ends, _, steps = (_ints(value) for value in (*node.inputs[1:], None, None)[:4])
        if starts is None or ends is None or any(starts) or (steps and set(steps) != {1}):
            continue
        if min(ends) >= 10**9:  # tf2onnx's infinity
            _replace(node, node.inputs[0])


# === Nodes and values ===


def _nodes(graph, *ops):
    return [node for node in graph if node.op_type in ops and node.domain == ""]


def _array(value):
    """A constant as an array, else None."""
    return None if value is None or value.const_value is None else value.const_value.numpy()


def _ints(value):
    array = _array(value)
    return None if array is None else array.ravel().tolist()


def _produced(value, op):
    node = value.producer() if value is not None else None
    return node if node is not None and node.op_type == op else None


def _produced_input(value, op):
    node = _produced(value, op)
    return node.inputs[0] if node is not None else None


def _sole_producer(value):
    """The node that makes a value nobody else sees, else None."""
    if value is None or value.is_graph_output() or len(value.uses()) != 1:
        return None
    return value.producer()


def _consumer(node, op):
    found = [user for user in node.outputs[0].consumers() if user.op_type == op]
    return found[0] if len(found) == 1 else None


def _sole_consumer(node, op):
    return _consumer(node, op) if _sole_producer(node.outputs[0]) is node else None


def _replace(node, value):
    """Puts a value in the place of a node's output, under the output's name where it is public."""
    old = node.outputs[0]
    if old.is_graph_output():
        value.name, old.name = old.name, None
    ir.convenience.replace_all_uses_with(old, value, replace_graph_outputs=True)
    value.shape = old.shape
    node.graph.remove(node, safe=True)


def _set_input(graph, node, place, array):
    """Gives a node a constant of its own."""
    if place >= len(node.inputs):
        node.resize_inputs(place + 1)
        name = f"{node.name}/bias"
    else:
        name = node.inputs[place].name
        if len(node.inputs[place].uses()) > 1:
            name = f"{node.name}/{name}"
    node.replace_input_with(place, _initializer(graph, name, array, fresh=True))


def _initializer(graph, name, array, fresh=False):
    if name in graph.initializers and not fresh:
        return graph.initializers[name]
    tensor = ir.tensor(np.array(array, order="C"), name=name)  # which leaves scalars be
    value = ir.Value(name=name, const_value=tensor)
    value.shape, value.type = ir.Shape(array.shape), ir.TensorType(tensor.dtype)
    graph.initializers[name] = value
    return value
