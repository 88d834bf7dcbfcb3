"""The check that a discriminator can learn from a penalty on its gradients."""

import inspect

import keras
import tensorflow as tf

_BATCH, _SIDE = 2, 8  # in place of what a shape leaves open

#: Layers known to pass, of exactly these classes; trying them costs seconds in large networks.
KNOWN_LAYERS = (
    keras.layers.Add,
    keras.layers.AveragePooling2D,
    keras.layers.Concatenate,
    keras.layers.Conv2D,
    keras.layers.Dense,
    keras.layers.DepthwiseConv2D,
    keras.layers.Flatten,
    keras.layers.LeakyReLU,
    keras.layers.ReLU,
    keras.layers.Reshape,
)


def require_second_order(network):
    """Refuses a discriminator through which gradients of gradients do not flow.

    Some operations have no second-order gradient, and TensorFlow says so only sometimes:
    through a bilinear resize it is None, and a gradient penalty silently trains the layers before
    it and not those behind it. Every layer and operation of the network, nested models included, is
    called in training mode with small random inputs of its own shapes and differentiated twice,
    but for `KNOWN_LAYERS`. Operations on integers alone are passed over. A layer that is made of
    layers is judged as a whole: a path inside it that blocks goes unseen beside one that does not.

    Args:
        network: functional or built sequential `keras.Model`; its weights stay as they are.

    Raises:
        ValueError: for a network of another kind, and naming the first layer that blocks.
    """
    nodes = list(_nodes(network))
    state = network.non_trainable_variables  # moving statistics, the seeds of dropout
    before = [tf.identity(variable.value) for variable in state]
    try:
        for node in nodes:
            _require_of(node, network)
    finally:
        for variable, value in zip(state, before, strict=True):
            variable.assign(value)


def _nodes(network):
    """The calls that make up a network, from its inputs to its outputs."""
    network = _graph(network)
    for depth in sorted(network._nodes_by_depth, reverse=True):
        for node in network._nodes_by_depth[depth]:
            if node.is_input:
                continue
            if type(node.operation) in KNOWN_LAYERS:
                continue
            if _graph(node.operation, nested=True) is not None:
                yield from _nodes(node.operation)
            else:
                yield node


def _graph(network, nested=False):
    """The functional model that a network is, or that a sequential one is built on."""
    graph = getattr(network, "_functional", None) or network
    if isinstance(graph, keras.Model) and hasattr(graph, "_nodes_by_depth"):
        return graph
    if nested:
        return None  # a subclassed model is a layer like any other
    raise ValueError(
        "Second-order gradients are checked layer by layer, which needs a functional or a built "
        f"sequential keras.Model. Received: {network!r}. Build the discriminator as "
        "keras.Model(inputs, outputs)."
    )


def _require_of(node, network):
    tensors = {id(symbol): _example(symbol) for symbol in node.input_tensors}
    inputs = [tensor for tensor in tensors.values() if tensor.dtype.is_floating]
    if not inputs:
        return
    problem = _problem(node, tensors, inputs)
    if problem:
        operation = node.operation
        raise ValueError(
            f"Layer {operation.name!r} ({type(operation).__name__}) of network {network.name!r} "
            f"cannot be used under a gradient penalty: {problem}. Shrink pictures with strided "
            "convolutions or AveragePooling2D and enlarge them with "
            "UpSampling2D(interpolation='nearest') or Conv2DTranspose, never with a resize; "
            "replace other layers by differentiable ones; or train without the penalty."
        )


def _problem(node, tensors, inputs):
    """What is wrong with the gradients of a call, None where nothing is."""
    try:
        with tf.GradientTape() as outer:
            outer.watch(inputs)
            with tf.GradientTape() as inner:
                inner.watch(inputs)
                total = _sum_of_squares(_outputs(node, tensors))
            first = [g for g in inner.gradient(total, inputs) if g is not None]
            if len(first) < len(inputs):
                return "its output has no gradient by its input"
            total = _sum_of_squares(first)
        second = outer.gradient(total, inputs)
    except (LookupError, NotImplementedError, tf.errors.UnimplementedError) as error:
        return f"it has no gradient of second order ({error})"
    if any(gradient is None for gradient in second):
        return "the gradient of its gradient is None"
    return None


def _outputs(node, tensors):
    operation = node.operation
    args, kwargs = node.arguments.fill_in(tensors)
    if isinstance(operation, keras.layers.Layer):
        if "training" in inspect.signature(operation.call).parameters:
            kwargs["training"] = True
    return operation(*args, **kwargs)


def _sum_of_squares(tensors):
    floats = [tf.cast(tensor, "float32") for tensor in tf.nest.flatten(tensors)]
    return tf.add_n([tf.reduce_sum(tf.square(tensor)) for tensor in floats])


def _example(symbol):
    first, *sides = symbol.shape
    shape = (first or _BATCH, *(side or _SIDE for side in sides))
    dtype = tf.as_dtype(symbol.dtype)
    if not dtype.is_floating:
        return tf.zeros(shape, dtype)
    return tf.cast(tf.random.stateless_normal(shape, seed=(0, 0)), dtype)
