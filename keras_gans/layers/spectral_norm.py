"""Spectral normalization: convolutions and dense layers of Lipschitz constant about 1."""

import keras
import tensorflow as tf
from keras import ops

from keras_gans.layers._fixed import refuse_others

# Power iterations the first estimate is made of.
_FIRST_ITERATIONS = 10
# Below any norm that is meant: a kernel of zeros stays one.
_EPSILON = 1e-12


class _Spectral:
    """What both layers share: the estimate of a kernel's largest singular value.

    The kernel is the matrix W of (inputs of one output) x (outputs), as in the reference. The
    vector u, one value for each output, follows the singular vector of its largest singular
    value; v is W u at length 1 and sigma = v . W u, with no gradient through u and v. So sigma's
    gradient by W is their outer product, and the gradient of W / sigma is orthogonal to W.
    """

    plain = None  # the layer of Keras that computes the same from W / sigma

    def build(self, input_shape):
        refuse_others(self, lora_rank=None)
        super().build(input_shape)
        self.u = self.add_weight(
            name="u",
            shape=self._kernel.shape[-1:],
            # By the kernel's values: also where weights get theirs later than their shapes.
            initializer=self._first_u,
            dtype="float32",
            trainable=False,
            autocast=False,
            aggregation="only_first_replica",  # replicas have one kernel and agree
        )

    def add_weight(self, *args, name=None, **kwargs):
        if name == "kernel":
            kwargs["autocast"] = False  # sigma is estimated, and divided by, in float32
        return super().add_weight(*args, name=name, **kwargs)

    def power_iteration(self):
        """Makes one power iteration; called once for each training step.

        Calling the layer does not move u, so all passes of a step see one W / sigma.
        """
        self.u.assign(_iterated(self._kernel, self.u))

    def sigma(self):
        """The estimate of the kernel's largest singular value, a float32 scalar."""
        projected = tf.linalg.matvec(_matrix(self._kernel), tf.convert_to_tensor(self.u))
        v = tf.stop_gradient(_normalised(projected))
        return tf.reduce_sum(v * projected)

    def normalised_kernel(self):
        """W / sigma, float32, of the kernel's shape."""
        kernel = tf.cast(tf.convert_to_tensor(self._kernel), "float32")
        return kernel / tf.maximum(self.sigma(), _EPSILON)

    def _first_u(self, shape, dtype=None):
        # An initializer has a seed of its own: no generator to be made while weights are.
        u = _normalised(keras.initializers.RandomNormal()(shape, dtype="float32"))
        for _ in range(_FIRST_ITERATIONS):
            u = _iterated(self._kernel, u)
        return u

    # Keras' convolutions and dense layers store kernel and bias by themselves, and nothing else.

    def save_own_variables(self, store):
        super().save_own_variables(store)
        if self.built:
            store["u"] = self.u

    def load_own_variables(self, store):
        super().load_own_variables(store)
        if self.built:
            self.u.assign(store["u"])


@keras.saving.register_keras_serializable("keras_gans")
class SpectralConv2D(_Spectral, keras.layers.Conv2D):
    """A `keras.layers.Conv2D` by its kernel W divided by W's largest singular value.

    W is kept and trained; the division is part of the forward pass, in training and after it, and
    gradients flow through it. The singular value is that of W as a matrix of one column for each
    filter, estimated by power iteration: `power_iteration()` makes one, and calling the layer makes
    none. `folded` makes plain layers of a network's spectral ones.

    Args:
        *args: those of `keras.layers.Conv2D`.
        **kwargs: those of `keras.layers.Conv2D`, except `lora_rank`.

    Shapes: those of `keras.layers.Conv2D`.

    Reference: Miyato et al., 2018, https://arxiv.org/abs/1802.05957;
    pfnet-research/sngan_projection
    """

    plain = keras.layers.Conv2D

    def convolution_op(self, inputs, kernel):
        return super().convolution_op(inputs, ops.cast(self.normalised_kernel(), inputs.dtype))


@keras.saving.register_keras_serializable("keras_gans")
class SpectralDense(_Spectral, keras.layers.Dense):
    """A `keras.layers.Dense` by its kernel W divided by W's largest singular value.

    As `SpectralConv2D` in all else.

    Args:
        *args: those of `keras.layers.Dense`.
        **kwargs: those of `keras.layers.Dense`, except `lora_rank`.

    Shapes: (..., features) -> (..., units)

    Reference: Miyato et al., 2018, https://arxiv.org/abs/1802.05957;
    pfnet-research/sngan_projection
    """

    plain = keras.layers.Dense

    def call(self, inputs, training=None):
        outputs = ops.matmul(inputs, ops.cast(self.normalised_kernel(), inputs.dtype))
        if self.use_bias:
            outputs = outputs + self.bias
        return outputs if self.activation is None else self.activation(outputs)


def spectral_layers(network):
    """The spectral layers of a network, those of nested models and layers included, each once."""
    return [layer for layer in network._flatten_layers() if isinstance(layer, _Spectral)]


def power_iteration(network):
    """Makes one power iteration in each spectral layer of a network; once for each training step.

    Frozen layers stay what they are: with another u their kernel would be another one too.
    """
    for layer in spectral_layers(network):
        if layer.trainable:
            layer.power_iteration()


def folded(network):
    """A network of plain layers with the same outputs, for inference and export.

    Each spectral layer becomes a `keras.layers.Conv2D` or `Dense` of kernel W / sigma, under its
    own name; all other weights are copied, so that later training of one leaves the other alone.

    Args:
        network: functional or sequential `keras.Model`, whose layers may be such models.

    Returns:
        A network of the same kind, inputs and outputs; the network itself where it has no
        spectral layer.

    Raises:
        ValueError: if a spectral layer is a part of another layer, or of a subclassed model.
    """
    spectral = spectral_layers(network)
    if not spectral:
        return network
    twins = []

    def twin(layer):
        if not isinstance(layer, keras.layers.Layer):
            return layer  # an operation: no weights
        kind = layer.plain if isinstance(layer, _Spectral) else type(layer)
        copy = kind.from_config(layer.get_config())
        twins.append((layer, copy))
        return copy

    copied = keras.models.clone_model(network, clone_function=twin, recursive=True)
    _require_all_found(spectral, [layer for layer, _ in twins], network)
    for layer, copy in twins:
        copy.set_weights(_folded(layer) if isinstance(layer, _Spectral) else layer.get_weights())
    return copied


def _require_all_found(spectral, found, network):
    missed = [layer for layer in spectral if not any(layer is other for other in found)]
    if missed:
        raise ValueError(
            f"Only spectral layers that are layers of a functional or sequential model can be "
            f"folded. Received network {network.name!r} with {missed[0].path!r} inside another "
            "layer. Build that layer as a functional model."
        )


def _folded(layer):
    bias = [layer.bias] if layer.use_bias else []
    return [ops.convert_to_numpy(weight) for weight in (layer.normalised_kernel(), *bias)]


def _matrix(kernel):
    kernel = tf.cast(tf.convert_to_tensor(kernel), "float32")
    return tf.reshape(kernel, (-1, kernel.shape[-1]))


def _iterated(kernel, u):
    """One power iteration: v = W u, then the new u = W^T v, both at length 1."""
    matrix, u = _matrix(kernel), tf.convert_to_tensor(u)
    v = _normalised(tf.linalg.matvec(matrix, u))
    moved = _normalised(tf.linalg.matvec(matrix, v, transpose_a=True))
    # A u of zeros would be one for ever; a kernel of zeros may become another.
    return tf.where(tf.reduce_any(moved != 0.0), moved, u)


def _normalised(vector):
    return tf.math.l2_normalize(vector, epsilon=_EPSILON**2)
